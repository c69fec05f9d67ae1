//! What a run is given from outside. Nothing below reads arguments, the clock, the environment
//! of the process or its working folder: `clippy.toml` forbids it.
//!
//! Settings follow from these inputs and the project ([`crate::workspace`]). Programs that a run
//! starts, such as git, inherit the environment of the process.

use std::path::PathBuf;

use jiff::Timestamp;
use lumen_registry::{Freshness, activity::Activity, storage::Storages};
use lumen_store::project::Surroundings;

use crate::{environment::Environment, members::Members, report::Reporter};

/// The inputs of a run.
#[derive(Clone)]
pub struct Context<'r> {
    /// Where Lumen keeps its own files, and what the environment says.
    pub environment: Environment,
    /// What the command line says.
    pub options: Options,
    /// Receives the events of the run.
    pub reporter: &'r dyn Reporter,
}

impl Context<'_> {
    /// What a project is looked at from.
    pub fn surroundings(&self) -> Surroundings {
        Surroundings {
            working_dir: self.options.working_dir.clone(),
            safe_folders: self.environment.safe_folders.clone(),
        }
    }
}

/// Whether the project that the command runs in has a say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProjectUse {
    /// If there is one, its settings count.
    #[default]
    Nearest,
    /// It is not looked for: only what the user and the machine say counts.
    Ignored,
}

/// What the command line says to every command.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder the command runs in, absolute.
    pub working_dir: PathBuf,
    /// `--manifest-path`.
    pub manifest_path: Option<PathBuf>,
    /// Whether a project has a say.
    pub project: ProjectUse,
    /// Which packages of the workspace it is about.
    pub members: Members,
    /// `--registry`: a URL or the name of a configured registry.
    pub registry: Option<String>,
    /// `--offline`.
    pub offline: bool,
    /// `--stale-if-error`.
    pub stale_if_error: bool,
    /// How old metadata of web registries may be.
    pub freshness: Freshness,
    /// The time of the run.
    pub now: Timestamp,
    /// Registries that the caller has at hand: at their places no host is asked.
    pub storages: Storages,
    /// Where requests are told.
    pub activity: Activity,
}

impl Options {
    /// The options of a command without arguments, run in an absolute folder at this time.
    pub fn at(working_dir: impl Into<PathBuf>, now: Timestamp) -> Self {
        Self {
            working_dir: working_dir.into(),
            manifest_path: None,
            project: ProjectUse::default(),
            members: Members::default(),
            registry: None,
            offline: false,
            stale_if_error: false,
            freshness: Freshness::default(),
            now,
            storages: Storages::default(),
            activity: Activity::default(),
        }
    }

    /// The time of the run, RFC 3339.
    pub fn timestamp(&self) -> String {
        lumen_core::trust::text::time_of(self.now.as_second())
    }
}
