//! A private world for one test: a home, a registry folder, and the `lumen` command.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// A temporary folder in which commands run without seeing the machine's own settings.
pub struct Sandbox {
    dir: TempDir,
    program: PathBuf,
}

/// The result of a command.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit code; `None` when the process was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Sandbox {
    /// A sandbox for the program at this path.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn new(program: impl Into<PathBuf>) -> io::Result<Self> {
        Ok(Self {
            dir: TempDir::new()?,
            program: program.into(),
        })
    }

    /// A path inside the sandbox.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// The URL of the registry in the folder `registry`.
    pub fn registry_url(&self) -> String {
        format!("file://{}", self.path("registry").display())
    }

    /// Writes a file and the folders it needs.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn write(&self, relative: &str, text: &str) -> io::Result<()> {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(path, text)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn read(&self, relative: &str) -> io::Result<String> {
        fs::read_to_string(self.path(relative))
    }

    /// Writes a package of one source file, with more of `lumen.toml` after `[package]`.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn package(&self, relative: &str, name: &str, version: &str, more: &str) -> io::Result<()> {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"{version}\"\nlicense = \"MIT\"\ndescription = \"test package\"\n{more}"
        );
        self.write(&format!("{relative}/lumen.toml"), &manifest)?;
        self.write(
            &format!("{relative}/src/main.lm.md"),
            &format!("# {name} {version}\n"),
        )
    }

    /// What differs from run to run in texts about this sandbox, as pairs of a regular
    /// expression and what stands for it: folders, digests, fingerprints, keys and durations.
    pub fn filters(&self) -> Vec<(String, &'static str)> {
        let folder = |path: &Path| path.display().to_string().replace('.', "\\.");
        let real = self.dir.path().canonicalize();
        let mut filters = vec![(folder(self.dir.path()), "[dir]")];
        filters.extend(real.ok().map(|real| (folder(&real), "[dir]")));
        let usual = [
            (r"sha256:[0-9a-f]{64}", "sha256:[digest]"),
            (r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:[fingerprint]"),
            (r"\b[0-9a-f]{64}\b", "[digest]"),
            (r"registry/[0-9a-f]{8}\b", "registry/[origin]"),
            (r"\blumen@[\w.-]+", "lumen@[machine]"),
            (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
            (r"\b\d{4}-\d\d-\d\d\b", "[day]"),
            (r"\b\d+(\.\d+)? ?(ms|s)\b", "[duration]"),
            (r"\b\d+(\.\d+)? (B|bytes|KB|KiB|kB|MB)\b", "[size]"),
        ];
        filters.extend(usual.map(|(text, name)| (text.to_owned(), name)));
        filters
    }

    /// The command, in a folder of the sandbox, with the sandbox's registry as the default.
    pub fn command(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.path(folder))
            .env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", self.path("home"))
            .env("LUMEN_HOME", self.path("home/lumen"));
        command.env("LUMEN_REGISTRY", self.registry_url());
        command
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, folder: &str, arguments: &[&str]) -> io::Result<Ran> {
        Ok(Ran::of(&self.command(folder, arguments).output()?))
    }

    /// Runs the command, which must succeed.
    ///
    /// # Errors
    /// When it fails; the error holds what it printed.
    pub fn ok(&self, folder: &str, arguments: &[&str]) -> io::Result<Ran> {
        let ran = self.run(folder, arguments)?;
        match ran.code {
            Some(0) => Ok(ran),
            _ => Err(io::Error::other(format!(
                "`lumen {}` failed: {ran:#?}",
                arguments.join(" ")
            ))),
        }
    }
}

impl Ran {
    /// All of it as one text for a snapshot: the exit code, then each stream that has one.
    pub fn text(&self) -> String {
        let mut text = match self.code {
            Some(code) => format!("exit code: {code}\n"),
            None => "killed\n".to_owned(),
        };
        for (name, stream) in [("stdout", &self.out), ("stderr", &self.err)] {
            if !stream.is_empty() {
                text.push_str(&format!("----- {name} -----\n{stream}"));
            }
        }
        text
    }

    /// The result of a finished process.
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

/// Every file below a folder with its bytes, links followed, sorted; for comparing trees.
///
/// # Errors
/// Any I/O error.
pub fn tree(dir: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut stack = vec![dir.to_owned()];
    while let Some(folder) = stack.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => stack.push(path),
                false => {
                    let relative = path
                        .strip_prefix(dir)
                        .unwrap_or(&path)
                        .to_string_lossy()
                        .into_owned();
                    found.push((relative, fs::read(&path)?));
                }
            }
        }
    }
    found.sort();
    Ok(found)
}
