//! The user's configuration, `config.toml`: `[registry]` and `[install]` as in `lumen.toml`.

use crate::{
    manifest::{
        InstallSection, RegistrySection,
        reader::Reader,
        sections::{self, Owner},
    },
    problem::Problem,
};

/// The name of the file.
pub const FILE_NAME: &str = "config.toml";

/// Largest configuration, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// A configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `[registry]`; unlike in `lumen.toml`, URLs may carry credentials.
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
    let mut config = Config::default();
    if let Some(field) = root.take("registry") {
        config.registry = sections::registry(reader, &field, Owner::User);
    }
    if let Some(field) = root.take("install") {
        config.install = sections::install(reader, &field);
    }
    reader.finish(root);
    Some(config)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;
    use crate::{manifest::LinkMode, problem::plain};

    #[test]
    fn sections_are_read() {
        let source = "\u{feff}[registry]\r\ndefault = \"work\"\r\n[registry.registries]\r\nwork = \"https://me:secret@registry.example.org\"\r\n[registry.scopes]\r\n\"@org\" = \"work\"\r\n[install]\r\nlink = \"copy\"\r\n";
        let parsed = parse("config.toml", source);
        assert_eq!(plain(&parsed.problems), "");
        let config = parsed.config.unwrap();
        assert_eq!(config.registry.default.as_deref(), Some("work"));
        assert_eq!(
            config.registry.registries["work"].read,
            "https://me:secret@registry.example.org"
        );
        assert_eq!(config.registry.scopes["@org"], "work");
        assert_eq!(config.install.link, Some(LinkMode::Copy));
        assert_eq!(parse("config.toml", "").config, Some(Config::default()));
    }

    #[test]
    fn problems() {
        let source = "[registries]\nx = 1\n[package]\n[registry]\ndefault = 1\nscope = {}\n[install]\nlink = \"soft\"\n";
        let parsed = parse("config.toml", source);
        assert_eq!(parsed.config, None);
        assert_snapshot!(plain(&parsed.problems), @r#"
        warning: unknown key `registries` in this file
          config.toml:1:2
          | [registries]
          |  ^^^^^^^^^^
          hint: it is ignored
        warning: unknown key `package` in this file
          config.toml:3:2
          | [package]
          |  ^^^^^^^
          hint: it is ignored
        error: `default` must be a string, not an integer
          config.toml:5:11
          | default = 1
          |           ^
          hint: write it in quotes: "1"
        warning: unknown key `scope` in [registry]
          config.toml:6:1
          | scope = {}
          | ^^^^^
          hint: did you mean `scopes`?
        error: `soft` is not a link mode; use `symlink`, `hardlink`, `reflink` or `copy`
          config.toml:8:8
          | link = "soft"
          |        ^^^^^^
        "#);
    }

    proptest! {
        #[test]
        fn anything_can_be_parsed(source in any::<String>()) {
            parse("config.toml", &source);
        }
    }
}
