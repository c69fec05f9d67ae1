//! Bytes to values, with problems that point into the file.

use std::sync::Arc;

use lumen_core::{
    PackageName, Version,
    index::{GlobalIndex, PackageIndex, Release},
    json::{self, JsonError},
    problem::{Place, Problem},
};
use serde::de::DeserializeOwned;

use super::ReadError;

/// Reads a package index from outside.
pub(crate) fn package_index(
    file: &str,
    bytes: &[u8],
    name: &PackageName,
) -> Result<PackageIndex, ReadError> {
    strict(file, bytes)?;
    let index = parsed_package_index(file, bytes)?;
    match index.name == *name {
        true => Ok(index),
        false => Err(misplaced(
            file,
            bytes,
            "name",
            index.name.as_str(),
            name.as_str(),
        )),
    }
}

/// Reads a package index that was checked before.
pub(super) fn parsed_package_index(file: &str, bytes: &[u8]) -> Result<PackageIndex, ReadError> {
    PackageIndex::read(bytes).map_err(|error| malformed(file, bytes, &error))
}

/// Reads a release from outside.
pub(crate) fn release(
    file: &str,
    bytes: &[u8],
    name: &PackageName,
    version: &Version,
) -> Result<Release, ReadError> {
    strict(file, bytes)?;
    let release: Release = parsed(file, bytes)?;
    if release.name != *name {
        let found = release.name.as_str();
        return Err(misplaced(file, bytes, "name", found, name.as_str()));
    }
    if release.version != *version {
        let (found, expected) = (release.version.to_string(), version.to_string());
        return Err(misplaced(file, bytes, "version", &found, &expected));
    }
    Ok(release)
}

/// Reads a global index from outside.
pub(super) fn global_index(file: &str, bytes: &[u8]) -> Result<GlobalIndex, ReadError> {
    strict_parsed(file, bytes)
}

/// Reads a file from outside.
pub(crate) fn strict_parsed<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, ReadError> {
    strict(file, bytes)?;
    parsed(file, bytes)
}

/// Reads a file that was checked before.
pub(crate) fn parsed<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, ReadError> {
    json::parse_checked(bytes).map_err(|error| malformed(file, bytes, &error))
}

/// The error without anything of the file's text: it may not be the registry's, but of a
/// service that a project or a redirect led to, and messages end up in logs that others read.
pub(super) fn without_text(error: ReadError) -> ReadError {
    let ReadError::Malformed(mut problem) = error else {
        return error;
    };
    let Some(place) = problem.place.take() else {
        // Nothing in it is of the text.
        return ReadError::Malformed(problem);
    };
    problem.place = Some(place.without_text());
    // Messages put quoted input into quotes. The name of a missing field is ours.
    let quotes = problem.what.contains(['`', '"', '\'']);
    if quotes && !problem.what.starts_with("missing field `") {
        problem.what = "this is not what a registry has in this file".into();
    }
    ReadError::Malformed(problem)
}

fn strict(file: &str, bytes: &[u8]) -> Result<(), ReadError> {
    json::check(bytes).map_err(|error| malformed(file, bytes, &error))
}

fn malformed(file: &str, bytes: &[u8], error: &JsonError) -> ReadError {
    let mut problem = error.problem(file, bytes);
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"<") {
        problem = problem.hint(
            "this is a web page, not a registry file; check the registry's URL, and that the \
             server answers 404 for missing files",
        );
    } else if text.starts_with(b"\x1f\x8b") || text.starts_with(b"\x28\xb5\x2f\xfd") {
        problem = problem.hint("the file is compressed; serve it as it is to those who do not ask");
        // The text at this place would not help.
        problem.place = None;
        problem.what = format!("`{file}` is not JSON");
    }
    ReadError::Malformed(Box::new(problem))
}

/// The problem of a file whose name or version is not that of its path.
fn misplaced(file: &str, bytes: &[u8], field: &str, found: &str, expected: &str) -> ReadError {
    let source: Arc<str> = String::from_utf8_lossy(bytes).into();
    let quoted = format!("\"{field}\"");
    let span = source.find(&quoted).map_or(0..0, |at| {
        let from = at + quoted.len();
        let value = format!("\"{found}\"");
        match source[from..].find(&value) {
            Some(offset) => from + offset..from + offset + value.len(),
            None => at..from,
        }
    });
    let place = Place {
        file: file.to_owned(),
        source,
        span,
        label: format!("expected `{expected}`"),
    };
    let what = format!("the file's `{field}` is `{found}`, but its path says `{expected}`");
    ReadError::Malformed(Box::new(Problem::error(what).at(place)))
}

#[cfg(test)]
mod tests {
    use lumen_core::remedy::Remedy;

    use super::*;

    fn name(text: &str) -> PackageName {
        PackageName::parse(text).unwrap()
    }

    fn problem<T: std::fmt::Debug>(result: Result<T, ReadError>) -> (String, Option<String>) {
        let error = result.unwrap_err();
        let text = error.to_string();
        match error {
            ReadError::Malformed(problem) => {
                let hint = problem.hint.as_ref().and_then(Remedy::text);
                (text, hint.map(str::to_owned))
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn names_and_versions_must_match_the_path() {
        let bytes = b"{\n  \"versions\": [],\n  \"name\": \"other\"\n}\n";
        assert_eq!(
            problem(package_index("p/index.json", bytes, &name("mine"))).0,
            "p/index.json:3:11: the file's `name` is `other`, but its path says `mine`"
        );
        let bytes = br#"{"name": "a", "version": "1.0.0+x"}"#;
        assert_eq!(
            problem(release("f", bytes, &name("a"), &Version::new(1, 0, 0))).0,
            "f:1:26: the file's `version` is `1.0.0+x`, but its path says `1.0.0`"
        );
    }

    #[test]
    fn web_pages_and_compressed_files_get_a_hint() {
        let page = problem(global_index("u", b"\n<!doctype html>"));
        assert!(page.1.unwrap().starts_with("this is a web page"));
        let gzip = problem(global_index("u", b"\x1f\x8b\x08\0\0"));
        assert_eq!(gzip.0, "`u` is not JSON");
        assert!(gzip.1.unwrap().starts_with("the file is compressed"));
        assert_eq!(problem(global_index("u", b"{} x")).1, None);
    }

    #[test]
    fn a_release_from_the_future_spoils_only_itself() {
        let bytes = br#"{"name": "a", "versions": ["1.0.0", "2.0.0"], "releases": {
            "1.0.0": {"deps": {"b": "^1.0.0"}}, "2.0.0": {"deps": {"b": "some day"}}}}"#;
        let index = package_index("f", bytes, &name("a")).unwrap();
        assert_eq!(index.versions.len(), 2);
        assert_eq!(index.releases.len(), 1);
        let bytes = br#"{"name": "a", "versions": ["x"], "releases": {}}"#;
        let (text, _) = problem(package_index("f", bytes, &name("a")));
        assert!(text.starts_with("f:1:30: "), "{text}");
    }
}
