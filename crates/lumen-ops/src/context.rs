//! What a run is given from outside: nothing below reads arguments, the clock or the folder it
//! runs in.

use std::path::PathBuf;

use jiff::Timestamp;
use lumen_registry::{Freshness, storage::Storages};

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
}

impl Options {
    /// The time of the run, RFC 3339.
    pub fn timestamp(&self) -> String {
        lumen_core::trust::text::time_of(self.now.as_second())
    }
}
