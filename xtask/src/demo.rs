//! `cargo xtask demo`: publish, install, yank, in `target/demo`, with the real program.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::shell::{cargo, display, root, run as sh};

/// The packages of `examples/`, in the order in which they depend on each other.
const EXAMPLES: [&str; 7] = [
    "assertions",
    "text-utils-1.0",
    "text-utils-1.1",
    "slugify",
    "csv",
    "http-types",
    "site-kit",
];

/// What the demo's project does with its packages.
const MAIN: &str = "\
# app

```lumen
import site_kit: read_pages, contents, answer
import text_utils: title_case

cell main() -> Null
  let pages = read_pages(\"title,body\\nCrème brûlée,\\\"Sugar, eggs\\\"\\n\")
  print(contents(pages))
  print(answer(pages, \"/creme-brulee\").body)
  print(title_case(\"a registry is a folder of plain files\"))
  return null
end
```
";

/// Runs the demo and reports how it went.
pub fn run() -> ExitCode {
    match demo() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the demo in a fresh `target/demo`.
///
/// # Errors
/// When any command fails, or does not do what is said about it.
pub fn demo() -> io::Result<()> {
    let demo = Demo::prepare()?;

    demo.say("A registry is a folder of plain files.");
    demo.lumen(".", &["registry", "init", "registry"])?;
    println!("$ export LUMEN_REGISTRY=file://$PWD/registry");

    demo.say("Publishing writes to it. These are the packages of examples/.");
    for example in EXAMPLES {
        demo.lumen(&format!("examples/{example}"), &["pkg", "publish", "--yes"])?;
    }
    demo.files("registry")?;

    demo.say("A project asks for packages; their dependencies come along.");
    demo.lumen(".", &["pkg", "new", "app"])?;
    demo.lumen("app", &["pkg", "search", "text"])?;
    demo.lumen("app", &["pkg", "add", "site-kit", "text-utils@^1.0"])?;
    demo.lumen("app", &["pkg", "add", "--dev", "assertions"])?;
    demo.show("app/lumen.toml")?;

    demo.say("Installing again does nothing: nothing has changed.");
    demo.lumen("app", &["pkg", "install"])?;

    demo.say("What depends on what.");
    demo.lumen("app", &["pkg", "tree"])?;
    demo.lumen("app", &["pkg", "why", "text-utils"])?;

    demo.say("A link for each package, into the store, and for each import path.");
    fs::write(demo.dir.join("app/src/main.lm.md"), MAIN)?;
    demo.files("app")?;
    demo.lumen("app", &["pkg", "verify"])?;

    demo.say("A release turns out to be bad. It cannot be changed, but yanked.");
    let reason = "wrap() breaks links";
    demo.lumen(
        "app",
        &["pkg", "yank", "text-utils@1.1.0", "--reason", reason],
    )?;

    demo.say("A locked project keeps what it has, and `outdated` tells.");
    demo.lumen("app", &["pkg", "install"])?;
    demo.lumen("app", &["pkg", "outdated"])?;
    demo.expect_locked("app", "1.1.0")?;

    demo.say("A new project does not get it any more.");
    demo.lumen(".", &["pkg", "new", "second"])?;
    demo.lumen("second", &["pkg", "add", "slugify"])?;
    demo.lumen("second", &["pkg", "list"])?;
    demo.expect_locked("second", "1.0.0")?;

    demo.say("And `update` leads the first project away from it.");
    demo.lumen("app", &["pkg", "update", "text-utils"])?;
    demo.lumen("app", &["pkg", "list"])?;
    demo.expect_locked("app", "1.0.0")?;

    println!("\nAll of it is in {}", demo.dir.display());
    Ok(())
}

struct Demo {
    /// `target/demo`.
    dir: PathBuf,
    lumen: PathBuf,
}

impl Demo {
    /// Builds `lumen` and makes an empty `target/demo` with a copy of the examples.
    fn prepare() -> io::Result<Self> {
        sh(cargo().args(["build", "--quiet", "--package", "lumen-cli"]))?;
        // A relative one is meant from where cargo ran, which is the root.
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let target = root().join(target);
        let lumen = target
            .join("debug")
            .join("lumen")
            .with_extension(std::env::consts::EXE_EXTENSION);
        let dir = target.join("demo");
        if dir.exists() {
            make_writable(&dir)?;
            fs::remove_dir_all(&dir)?;
        }
        copy_dir(&root().join("examples"), &dir.join("examples"))?;
        println!("$ cd {}", dir.display());
        Ok(Self { dir, lumen })
    }

    /// Says what comes next.
    fn say(&self, text: &str) {
        println!("\n# {text}");
    }

    /// Runs `lumen` in a folder of the demo, shown as one would type it.
    fn lumen(&self, folder: &str, args: &[&str]) -> io::Result<()> {
        let mut command = Command::new(&self.lumen);
        command.args(args).current_dir(self.dir.join(folder));
        match folder {
            "." => println!("\n$ {}", display(&command)),
            _ => println!("\n{folder} $ {}", display(&command)),
        }
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LUMEN_"))
        {
            command.env_remove(name);
        }
        command
            .env("LUMEN_HOME", self.dir.join("home"))
            .env("LUMEN_REGISTRY", self.registry_url());
        sh(&mut command)
    }

    /// The registry as a URL. A space is all that needs an escape in a path of ours.
    fn registry_url(&self) -> String {
        let path = self
            .dir
            .join("registry")
            .to_string_lossy()
            .replace('\\', "/")
            .replace(' ', "%20");
        format!(
            "file://{}{path}",
            if path.starts_with('/') { "" } else { "/" }
        )
    }

    /// Shows a file.
    fn show(&self, file: &str) -> io::Result<()> {
        println!("\n$ cat {file}");
        print!("{}", fs::read_to_string(self.dir.join(file))?);
        Ok(())
    }

    /// Lists a folder: links with their target, long digests shortened.
    fn files(&self, folder: &str) -> io::Result<()> {
        println!("\nThe files of {folder}/:");
        let mut lines = Vec::new();
        list(&self.dir.join(folder), "", &mut lines)?;
        lines.iter().for_each(|line| println!("  {line}"));
        Ok(())
    }

    /// Checks the version of `text-utils` in a lock file.
    fn expect_locked(&self, folder: &str, version: &str) -> io::Result<()> {
        let lock = fs::read_to_string(self.dir.join(folder).join("lumen.lock"))?;
        let wanted = format!("version = \"{version}\"");
        let block = lock
            .split("[[package]]")
            .find(|block| block.contains("name = \"text-utils\""));
        match block.is_some_and(|block| block.contains(&wanted)) {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "{folder}/lumen.lock should have text-utils {version}"
            ))),
        }
    }
}

/// The files below a folder, sorted, relative to it.
fn list(dir: &Path, prefix: &str, lines: &mut Vec<String>) -> io::Result<()> {
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            let target = fs::read_link(entry.path())?;
            lines.push(format!("{} -> {}", short(&name), short(&tail(&target))));
        } else if kind.is_dir() {
            list(&entry.path(), &format!("{name}/"), lines)?;
        } else {
            lines.push(short(&name));
        }
    }
    Ok(())
}

/// A link's target without what is special about this machine.
fn tail(target: &Path) -> String {
    let text = target.to_string_lossy().replace('\\', "/");
    match text.find("/store/") {
        Some(at) if target.is_absolute() => text[at + 1..].to_owned(),
        _ => text,
    }
}

/// Shortens every long hexadecimal part of a path.
fn short(path: &str) -> String {
    let shorten = |part: &str| {
        let hex = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        match hex > 32 {
            true => format!("{}…{}", &part[..8], &part[hex..]),
            false => part.to_owned(),
        }
    };
    path.split('/').map(shorten).collect::<Vec<_>>().join("/")
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_dir(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}

/// Gives back the permission to delete: trees in the store are read-only.
fn make_writable(dir: &Path) -> io::Result<()> {
    set_writable(dir)?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            make_writable(&entry.path())?;
        } else if cfg!(windows) && kind.is_file() {
            set_writable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn set_writable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn set_writable(path: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_shortened() {
        let digest = "b".repeat(62);
        assert_eq!(
            short(&format!("artifacts/sha256/ab/{digest}.tar.zst")),
            "artifacts/sha256/ab/bbbbbbbb….tar.zst"
        );
        assert_eq!(short("packages/csv/0.3.0.json"), "packages/csv/0.3.0.json");
    }
}
