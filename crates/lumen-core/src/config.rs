//! The user's configuration, `config.toml`: `[registry]` and `[install]` as in `lumen.toml`.

use crate::{
    manifest::{InstallSection, RegistrySection},
    problem::Problem,
};

/// The name of the file.
pub const FILE_NAME: &str = "config.toml";

/// A configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `[registry]`.
    pub registry: RegistrySection,
    /// `[install]`.
    pub install: InstallSection,
}

/// What [`parse`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedConfig {
    /// The configuration; `None` exactly if one of the problems is an error.
    pub config: Option<Config>,
    /// Everything wrong with the file, in the order of the file.
    pub problems: Vec<Problem>,
}

/// Parses a configuration; `file` is its name for messages.
pub fn parse(_file: &str, _source: &str) -> ParsedConfig {
    ParsedConfig {
        config: Some(Config::default()),
        problems: Vec::new(),
    }
}
