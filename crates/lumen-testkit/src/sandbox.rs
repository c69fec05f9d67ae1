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
