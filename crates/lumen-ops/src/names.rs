//! Packages and releases, as users name them.

use lumen_core::{Constraint, PackageName, Version};

use crate::error::{InputError, OpsError};

/// A dependency, as people write it who want to add one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A package, with the versions that it may have; without them, the newest.
    Package(PackageName, Option<Constraint>),
    /// The package in a folder.
    Folder(String),
}

/// Reads `name`, `name@constraint`, the ways in which other programs write that (`name==1`,
/// `name>=1`, `name 1.2`, `name@latest`), or the path of a folder.
///
/// # Errors
/// When a part is malformed, or the text means something that has an option of its own.
pub fn parse_wanted(text: &str) -> Result<Wanted, OpsError> {
    let text = text.trim();
    if is_folder(text) {
        return Ok(Wanted::Folder(text.to_owned()));
    }
    if is_repository(text) {
        return Err(InputError::Repository(text.to_owned()).into());
    }
    // The `@` of a scope comes first.
    let end = text
        .char_indices()
        .skip(1)
        .find(|(at, c)| "@ =<>^~[:".contains(*c) || text[*at..].starts_with("!="));
    let Some((end, first)) = end else {
        return Ok(Wanted::Package(parse_name(text)?, None));
    };
    let name = parse_name(&text[..end])?;
    let rest = &text[end..];
    if first == '[' {
        let features = rest.trim_matches(['[', ']']).to_owned();
        return Err(InputError::Extras { name, features }.into());
    }
    let versions = rest.strip_prefix(['@', ':']).unwrap_or(rest).trim();
    if versions == "latest" {
        return Ok(Wanted::Package(name, None));
    }
    // `1.x` and `x` are constraints; `beta` and `next` are what others call channels.
    if versions.starts_with(|c: char| c.is_ascii_alphabetic())
        && !versions.starts_with(['v', 'V', 'x', 'X'])
    {
        let tag = versions.to_owned();
        return Err(InputError::Channel { name, tag }.into());
    }
    Ok(Wanted::Package(name, Some(own_form(versions).parse()?)))
}

/// A constraint of other programs in Lumen's own form.
fn own_form(text: &str) -> String {
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if let Some(version) = text.strip_prefix("===").or(text.strip_prefix("==")) {
        return format!("={}", version.trim());
    }
    if let Some(version) = text.strip_prefix("~=").or(text.strip_prefix("~>")) {
        let version = version.trim();
        let parts: Vec<&str> = version.split('.').collect();
        return match (
            parts.as_slice(),
            parts[0].parse::<u64>().ok().and_then(|n| n.checked_add(1)),
        ) {
            // The last number that is written may grow.
            ([_] | [_, _], Some(next)) => format!(">={version}, <{next}"),
            _ => format!("~{version}"),
        };
    }
    match text.strip_prefix(['v', 'V']).filter(|rest| is_number(rest)) {
        Some(version) => version.to_owned(),
        None => text.to_owned(),
    }
}

/// Whether a text is a path rather than a name, which has no dot or slash at its ends.
fn is_folder(text: &str) -> bool {
    let starts = ["./", "../", "/", "~/", ".\\", "..\\"];
    matches!(text, "." | "..")
        || starts.iter().any(|start| text.starts_with(start))
        || text.ends_with(['/', '\\']) && !text.contains("://")
}

fn is_repository(text: &str) -> bool {
    let starts = ["git@", "github:", "gitlab:", "git+"];
    text.contains("://")
        || text.ends_with(".git")
        || starts.iter().any(|start| text.starts_with(start))
}

/// Parses a name given on the command line.
///
/// # Errors
/// When it is malformed.
pub fn parse_name(text: &str) -> Result<PackageName, OpsError> {
    PackageName::parse(text).map_err(|source| OpsError::Name {
        text: text.to_owned(),
        source,
    })
}

/// Splits `name@version`.
///
/// # Errors
/// When one of them is malformed or the version is missing.
pub fn parse_release(text: &str) -> Result<(PackageName, Version), OpsError> {
    let at = text
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '@')
        .map(|(at, _)| at);
    let expected = || OpsError::from(InputError::Release(text.to_owned()));
    let at = at.ok_or_else(expected)?;
    let version = Version::parse(&text[at + 1..]).map_err(|_| expected())?;
    Ok((parse_name(&text[..at])?, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_as_people_write_them() {
        let read = |text: &str| match parse_wanted(text) {
            Ok(Wanted::Package(name, None)) => name.to_string(),
            Ok(Wanted::Package(name, Some(constraint))) => {
                format!("{name} {}", constraint.as_str())
            }
            Ok(Wanted::Folder(path)) => format!("folder {path}"),
            Err(error) => format!("error: {error}"),
        };
        for (text, expected) in [
            ("csv", "csv"),
            ("@org/csv", "@org/csv"),
            ("csv@latest", "csv"),
            ("@org/csv@latest", "@org/csv"),
            ("csv@^1", "csv ^1"),
            ("@org/csv@^1", "@org/csv ^1"),
            ("csv@1.2.3", "csv 1.2.3"),
            ("csv@v1.2.3", "csv 1.2.3"),
            ("csv@*", "csv *"),
            ("csv@x", "csv x"),
            ("csv==1", "csv =1"),
            ("csv===1.2.3", "csv =1.2.3"),
            ("csv>=1", "csv >=1"),
            ("csv >= 1, < 2", "csv >= 1, < 2"),
            ("csv<2", "csv <2"),
            ("csv!=1.2", "csv !=1.2"),
            ("csv^1", "csv ^1"),
            ("csv~1.2", "csv ~1.2"),
            ("csv~=1.2", "csv >=1.2, <2"),
            ("csv ~> 1.2.3", "csv ~1.2.3"),
            ("csv=1.2", "csv =1.2"),
            ("csv:^1", "csv ^1"),
            ("csv 0.3.0", "csv 0.3.0"),
            (" csv@1 ", "csv 1"),
            ("../csv", "folder ../csv"),
            ("./csv", "folder ./csv"),
            ("/a/csv", "folder /a/csv"),
            ("libs/csv/", "folder libs/csv/"),
            (".", "folder ."),
            ("csv@beta", "error: `csv` has no channel `beta`"),
            (
                "csv[fast]",
                "error: `csv[fast]` is not the name of a package",
            ),
            (
                "https://example.org/csv.git",
                "error: `https://example.org/csv.git` is a repository, not the name of a package",
            ),
            (
                "git@example.org:csv",
                "error: `git@example.org:csv` is a repository, not the name of a package",
            ),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for text in [
            "",
            "@",
            "csv@",
            "csv@^",
            "CSV",
            "csv==",
            "org/csv",
            "csv@1 2 x y",
        ] {
            assert!(parse_wanted(text).is_err(), "{text}");
        }
    }
}
