//! The user's configuration, `config.toml`: `[registry]` and `[install]` as in `lumen.toml`.

use crate::{
    manifest::{
        InstallSection, MAX_BYTES, RegistrySection,
        reader::Reader,
        sections::{self, Owner},
    },
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
pub fn parse(file: &str, source: &str) -> ParsedConfig {
    let mut reader = Reader::new(file, source);
    let config = read(&mut reader);
    let (problems, failed) = reader.into_problems();
    ParsedConfig {
        config: config.filter(|_| !failed),
        problems,
    }
}

fn read(reader: &mut Reader) -> Option<Config> {
    let document = reader.document(MAX_BYTES)?;
    let mut root = reader.root(&document);
    let [registry, install] = ["registry", "install"].map(|table| root.take(table));
    let config = Config {
        registry: registry
            .map(|field| sections::registry(reader, &field, Owner::User))
            .unwrap_or_default(),
        install: install
            .map(|field| sections::install(reader, &field))
            .unwrap_or_default(),
    };
    reader.finish(root);
    Some(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{manifest::LinkMode, problem::Severity};

    #[test]
    fn sections_are_read_and_others_warned_about() {
        let text = "[registry]\ndefault = \"local\"\n[registry.registries]\n\
                    local = \"https://me:token@host.example/r\"\n[install]\nlink = \"copy\"\n[instal]\nx = 1\n";
        let parsed = parse("config.toml", text);
        let config = parsed.config.unwrap();
        // Unlike the project's file, the user's own may hold credentials.
        let url = &config.registry.registries["local"];
        assert_eq!(url, "https://me:token@host.example/r");
        assert_eq!(config.registry.default.as_deref(), Some("local"));
        assert_eq!(config.install.link, Some(LinkMode::Copy));
        let [warning] = parsed.problems.as_slice() else {
            panic!("{:?}", parsed.problems)
        };
        assert_eq!(warning.severity, Severity::Warning);
        assert_eq!(warning.hint.as_deref(), Some("did you mean `install`?"));
    }

    #[test]
    fn errors_leave_no_configuration() {
        for text in ["[registry]\ndefault = 1\n", "[registry", "[install]\nlink = \"magic\"\n"] {
            let parsed = parse("config.toml", text);
            assert_eq!(parsed.config, None, "{text}");
            assert!(parsed.problems[0].place.is_some(), "{text}");
        }
    }
}
