//! `.gitignore` and `.lumenignore` files.

use std::{io::Read as _, path::Path};

use ::ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};
use fs_err as fs;
use lumen_core::limits::{MAX_IGNORE_FILE_BYTES, rows};

use super::{Excludes, PackError};

/// Ignore files, the stronger one last.
pub(super) const FILES: [&str; 2] = [".gitignore", ".lumenignore"];

/// Names the submodules of a repository, at its top.
const SUBMODULES: &str = ".gitmodules";

/// How many folders a package is looked for below the top of a checkout, which has no `.git`.
const CHECKOUT_DEPTH: usize = 8;

/// Reads the text of an ignore file; `folder` is where it stands, `place` its name for people.
pub(super) fn parse(folder: &Path, place: &str, bytes: &[u8]) -> Result<Gitignore, PackError> {
    let malformed = |message: String| PackError::Pattern {
        place: format!("`{place}`"),
        message,
    };
    if bytes.len() as u64 > MAX_IGNORE_FILE_BYTES {
        let limit = rows::MAX_IGNORE_FILE_BYTES;
        return Err(malformed(format!("it is too large; {limit}")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = GitignoreBuilder::new(folder);
    for line in text.lines() {
        let added = builder.add_line(None, line);
        added.map_err(|error| malformed(error.to_string()))?;
    }
    builder
        .build()
        .map_err(|error| malformed(error.to_string()))
}

/// Whether the strongest ignore file that knows a path takes it out.
pub(super) fn is_ignored(ignores: &[Gitignore], file: &Path, folder: bool) -> bool {
    let verdict = ignores.iter().rev().map(|list| list.matched(file, folder));
    matches!(
        verdict.into_iter().find(|verdict| !verdict.is_none()),
        Some(Match::Ignore(_))
    )
}

/// What git is told outside of the work tree, and then the ignore files between the top of the
/// repository and `root`; none outside of a repository. Links are passed by, as git does.
pub(super) fn above(root: &Path, excludes: &[Excludes]) -> Result<Vec<Gitignore>, PackError> {
    let root = lumen_durable::absolute(root)?;
    let Some(top) = root.ancestors().find(|folder| folder.join(".git").exists()) else {
        return Ok(Vec::new());
    };
    let mut folders: Vec<&Path> = root
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(top))
        .collect();
    folders.reverse();
    let mut found = Vec::new();
    for Excludes { place, bytes } in excludes {
        let text = String::from_utf8_lossy(bytes);
        let mut builder = GitignoreBuilder::new(top);
        for line in text.lines() {
            // Git, too, passes by what it does not understand in the user's own files.
            let _ = builder.add_line(None, line);
        }
        let list = builder.build().map_err(|error| PackError::Pattern {
            place: format!("`{place}`"),
            message: error.to_string(),
        });
        found.push(list?);
    }
    for folder in folders {
        for name in FILES {
            let file = folder.join(name);
            let is_file = fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_file());
            if !is_file {
                continue;
            }
            let mut bytes = Vec::new();
            fs::File::open(&file)?
                .take(MAX_IGNORE_FILE_BYTES + 1)
                .read_to_end(&mut bytes)?;
            found.push(parse(folder, &file.display().to_string(), &bytes)?);
        }
    }
    Ok(found)
}

/// Those of the empty folders of a package that are submodules of git which nobody checked out.
pub(super) fn submodules(root: &Path, empty: &[String]) -> Result<Vec<String>, PackError> {
    if empty.is_empty() {
        return Ok(Vec::new());
    }
    let root = lumen_durable::absolute(root)?;
    let is_top = |folder: &&Path| folder.join(SUBMODULES).is_file();
    let ends = |folder: &&Path| folder.join(".git").exists();
    let last = root.ancestors().position(|folder| ends(&folder));
    let folders = root
        .ancestors()
        .take(last.map_or(CHECKOUT_DEPTH, |last| last + 1));
    let Some(top) = folders.into_iter().find(is_top) else {
        return Ok(Vec::new());
    };
    let mut bytes = Vec::new();
    fs::File::open(top.join(SUBMODULES))?
        .take(MAX_IGNORE_FILE_BYTES)
        .read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let path = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let path = value.trim().trim_matches('"').trim_end_matches('/');
        (key.trim() == "path").then(|| top.join(path))
    };
    let known: Vec<_> = text.lines().filter_map(path).collect();
    let is_known = |path: &&String| known.contains(&root.join(path));
    Ok(empty.iter().filter(is_known).cloned().collect())
}
