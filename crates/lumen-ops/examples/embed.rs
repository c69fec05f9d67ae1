//! A compiler that gets the packages of a project, from inside its own async runtime.
//!
//! ```console
//! $ cargo run -p lumen-ops --example embed -- PROJECT REGISTRY OUT
//! ```
//!
//! `PROJECT` is a folder with a `lumen.toml`, `REGISTRY` a URL or a path. The packages come into
//! the new folder `OUT`, and `lumen.lock` into the project.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "this is a program: it reads its arguments and writes to the terminal"
)]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use lumen_core::{PackageName, Version};
use lumen_ops::{
    OpsError,
    context::{Context, Options},
    report::{Event, Reporter},
    resolve::{self, ResolveOptions},
    session::Session,
    settings::Environment,
    verbs::vendor,
};

/// Where a compiler finds what it needs.
#[derive(Debug, Clone)]
pub struct Places {
    /// The folder of the project.
    pub project: PathBuf,
    /// The URL or the path of the registry.
    pub registry: String,
    /// The folder for caches, and for what is remembered of registries.
    pub home: PathBuf,
    /// The folder for the packages.
    pub out: PathBuf,
}

/// Shows warnings, and nothing else.
struct Warnings;

impl Reporter for Warnings {
    fn report(&self, event: Event) {
        if let Event::Warning(problem) = event {
            eprintln!("warning: {}", problem.what);
        }
    }
}

/// Gets the packages that a project needs, and returns which.
///
/// It blocks. That works on every thread, also on those of an async runtime.
pub fn packages(places: &Places) -> Result<Vec<(PackageName, Version)>, OpsError> {
    // Everything that Lumen is told. It reads neither variables nor the working folder.
    let context = Context {
        environment: Environment::at(&places.home),
        options: Options {
            registry: Some(places.registry.clone()),
            ..Options::at(&places.project, Timestamp::now())
        },
        reporter: &Warnings,
    };
    let session = Session::new(context);
    // The manifest and the lock, if there is one.
    let project = session.project()?;
    // One version of every package: those of the lock, where they still fit.
    let resolved = resolve::run(&session, &project, &ResolveOptions::default())?;
    // The packages: downloaded, checked, and copied into the folder.
    vendor::copy(&session, &project, &resolved, &places.out)?;
    resolve::write_lock(&project, &resolved.lock)?;
    session.save_caches();
    let locked = resolved.lock.packages.into_iter();
    // What has no checksum is a folder of this machine, such as the project itself.
    let fetched = locked.filter(|(_, package)| package.checksum.is_some());
    Ok(fetched
        .map(|(name, package)| (name, package.version))
        .collect())
}

/// What a compiler would do: it goes on with other work while the packages come.
pub async fn compile(places: Places) -> Result<(), Box<dyn std::error::Error>> {
    let out = places.out.clone();
    let fetching = tokio::task::spawn_blocking(move || packages(&places));
    let other_work = async { /* parse the project's own modules */ };
    let (fetched, ()) = tokio::join!(fetching, other_work);
    for (name, version) in fetched?? {
        println!("{name} {version}: {}", modules(&out.join(name.as_str()))?);
    }
    Ok(())
}

/// How many files a package has at its top.
fn modules(package: &Path) -> std::io::Result<usize> {
    Ok(fs::read_dir(package)?.count())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(project), Some(registry), Some(out)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("give PROJECT, REGISTRY and OUT".into());
    };
    let here = env::current_dir()?;
    compile(Places {
        project: here.join(project),
        home: here.join(&out).with_extension("cache"),
        out: here.join(out),
        registry,
    })
    .await
}
