//! The user's configuration, `config.toml`: `[registry]`, `[install]` and `[policy]` as in `lumen.toml`, `[http]`
//! and `[limits]`.

use std::collections::BTreeMap;

use crate::{
    limits::{Limit, rows},
    manifest::{
        InstallSection, RegistrySection, policy,
        reader::{Field, Reader},
        sections::{self, Owner},
    },
    policy::MinimumAge,
    problem::Problem,
};

/// The name of the file.
pub const FILE_NAME: &str = "config.toml";

/// A configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `[registry]`; unlike in `lumen.toml`, URLs may carry credentials.
    pub registry: RegistrySection,
    /// `[install]`.
    pub install: InstallSection,
    /// `minimum-release-age` in `[policy]`.
    pub minimum_age: Option<MinimumAge>,
    /// `[http]`.
    pub http: HttpSection,
    /// `[limits]`: the limits that the user chose.
    pub limits: BTreeMap<Limit, u64>,
}

/// `[http]`: how web servers are spoken to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpSection {
    /// `ca-file`: a file with the certificates of authorities to trust beside the system's.
    pub ca_file: Option<String>,
    /// `timeout`: seconds of patience.
    pub timeout: Option<u32>,
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
    let document = reader.document(rows::MAX_CONFIG_BYTES)?;
    let mut root = reader.root(&document);
    let mut config = Config::default();
    if let Some(field) = root.take("registry") {
        config.registry = sections::registry(reader, &field, Owner::User);
    }
    if let Some(field) = root.take("install") {
        config.install = sections::install(reader, &field);
    }
    if let Some(field) = root.take("policy") {
        config.minimum_age = policy::read(reader, &field);
    }
    if let Some(field) = root.take("http") {
        config.http = http(reader, &field);
    }
    if let Some(field) = root.take("limits") {
        config.limits = limits(reader, &field);
    }
    reader.finish(root);
    Some(config)
}

/// Reads `[http]`, which only the user's configuration has.
fn http(reader: &mut Reader, field: &Field<'_>) -> HttpSection {
    let mut out = HttpSection::default();
    let Some(mut section) = reader.section(field, "[http]") else {
        return out;
    };
    if let Some(field) = section.take("ca-file") {
        out.ca_file = reader.word(&field).map(|text| text.text.to_owned());
    }
    if let Some(field) = section.take("timeout") {
        let seconds = field
            .item
            .as_integer()
            .and_then(|number| u32::try_from(number).ok());
        out.timeout = seconds.filter(|seconds| *seconds > 0);
        if out.timeout.is_none() {
            let what = "`timeout` must be a number of seconds, at least 1";
            let problem = reader.error(field.span(), what);
            reader.push(problem);
        }
    }
    reader.finish(section);
    out
}

/// Reads `[limits]`, which only the user's configuration has.
fn limits(reader: &mut Reader, field: &Field<'_>) -> BTreeMap<Limit, u64> {
    let mut out = BTreeMap::new();
    let Some(mut section) = reader.section(field, "[limits]") else {
        return out;
    };
    for limit in Limit::ALL {
        let Some(field) = section.take(limit.name()) else {
            continue;
        };
        let unit = limit.row().unit;
        let text = field.item.as_str().map(str::to_owned);
        let text = text.or_else(|| Some(field.item.as_integer()?.to_string()));
        match text.and_then(|text| unit.parse(&text)) {
            Some(value) => drop(out.insert(*limit, value)),
            None => {
                let what = format!("`{}` must be {}", limit.name(), unit.form());
                let problem = reader.error(field.span(), what);
                reader.push(problem);
            }
        }
    }
    reader.finish(section);
    out
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
    fn helpers_and_http() {
        let source = "[registry.credentials.\"https://H:443\"]\nhelper = \"git credential-store\"\n\
                      [registry.credentials.\"http://h/x/\"]\nhelper = [\"/opt/a b\", \"--c d\"]\n\
                      [http]\nca-file = \"/etc/ca.pem\"\ntimeout = 5\n";
        let parsed = parse("config.toml", source);
        assert_eq!(plain(&parsed.problems), "");
        let config = parsed.config.unwrap();
        let helpers = config.registry.helpers;
        assert_eq!(helpers["https://h/"], ["git", "credential-store"]);
        assert_eq!(helpers["http://h/x/"], ["/opt/a b", "--c d"]);
        assert_eq!(config.http.ca_file.as_deref(), Some("/etc/ca.pem"));
        assert_eq!(config.http.timeout, Some(5));

        let source = "[registry.credentials]\nh = {helper = \"a\"}\n\"https://u:p@h/\" = {helper = \"a\"}\n\
                      \"https://h/\" = {helper = \"./a\"}\n\"https://i/\" = {}\n[http]\ntimeout = 0\n";
        let parsed = parse("config.toml", source);
        assert_eq!(parsed.config, None);
        assert_snapshot!(plain(&parsed.problems), @r#"
        error: this is not the URL of a registry's host
          config.toml:2:1
          | h = {helper = "a"}
          | ^
          hint: write "https://host/", with the quotes and without a password
        error: this is not the URL of a registry's host
          config.toml:3:1
          | **************** = {helper = "a"}
          | ^^^^^^^^^^^^^^^^
          hint: write "https://host/", with the quotes and without a password
        error: `./a` is neither the name of a program nor a whole path
          config.toml:4:26
          | "https://h/" = {helper = "./a"}
          |                          ^^^^^
        error: `helper` is missing
          config.toml:5:1
          | "https://i/" = {}
          | ^^^^^^^^^^^^
          hint: write `helper = "program"`
        error: `timeout` must be a number of seconds, at least 1
          config.toml:7:11
          | timeout = 0
          |           ^
        "#);
    }

    #[test]
    fn limits() {
        let parsed = parse(
            "config.toml",
            "[limits]\nartifact-bytes = \"2 GiB\"\ninstall-bytes = 4096\n",
        );
        assert_eq!(plain(&parsed.problems), "");
        let limits = parsed.config.unwrap().limits;
        assert_eq!(limits[&Limit::ArtifactBytes], 2 << 30);
        assert_eq!(limits[&Limit::InstallBytes], 4096);

        let source = "[limits]\nartifact-bytes = 0\ninstall-bytes = \"2 GB\"\nartefact-bytes = 1\n";
        let parsed = parse("config.toml", source);
        assert_eq!(parsed.config, None);
        assert_snapshot!(plain(&parsed.problems), @r#"
        error: `artifact-bytes` must be a whole number of bytes, at least 1, such as `67108864` or `64 MiB`
          config.toml:2:18
          | artifact-bytes = 0
          |                  ^
        error: `install-bytes` must be a whole number of bytes, at least 1, such as `67108864` or `64 MiB`
          config.toml:3:17
          | install-bytes = "2 GB"
          |                 ^^^^^^
        warning: unknown key `artefact-bytes` in [limits]
          config.toml:4:1
          | artefact-bytes = 1
          | ^^^^^^^^^^^^^^
          hint: did you mean `artifact-bytes`?
        "#);
    }

    #[test]
    fn mirrors_have_two_ends() {
        let source = "[registry.mirrors]\na = {from = \"/srv/x\"}\n\"b c\" = {from = \"x\", to = \"y\", fast = true}\n\
                      d = {from = \"x\", to = \"https://u:p@h/\", packages = \"@a/*\", full = 1}\n";
        let parsed = parse("config.toml", source);
        assert_eq!(parsed.config, None);
        assert_snapshot!(plain(&parsed.problems), @r#"
        error: a mirror needs `to`, the place where it is
          config.toml:2:1
          | a = {from = "/srv/x"}
          | ^
          hint: add `to = "https://…"`
        error: `/srv/x` is neither a URL nor the name of a registry
          config.toml:2:13
          | a = {from = "/srv/x"}
          |             ^^^^^^^^
          hint: a URL starts with `https://` or `file:///`
        error: `b c` cannot be the name of a mirror
          config.toml:3:1
          | "b c" = {from = "x", to = "y", fast = true}
          | ^^^^^
          hint: use letters, digits, `-` and `_`
        warning: unknown key `fast` in a mirror
          config.toml:3:32
          | "b c" = {from = "x", to = "y", fast = true}
          |                                ^^^^
          hint: it is ignored
        error: `packages` must be an array of strings, not a string
          config.toml:4:52
          | d = {from = "x", to = "https://u:p@h/", packages = "@a/*", full = 1}
          |                                                    ^^^^^^
          hint: write it in brackets: ["@a/*"]
        error: `full` must be `true` or `false`, not an integer
          config.toml:4:67
          | d = {from = "x", to = "https://u:p@h/", packages = "@a/*", full = 1}
          |                                                                   ^
        "#);
        let project = "[registry.mirrors]\nd = {from = \"x\", to = \"https://u:p@h/\"}\n";
        let problems = crate::manifest::parse("lumen.toml", project).problems;
        assert!(plain(&problems).contains("credentials do not belong in this file"));
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
