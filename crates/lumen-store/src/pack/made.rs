//! What no package has: what programs make for themselves, and what Lumen makes.
//!
//! A package that had its own archives, submissions or registry in it would grow with every
//! release.

use std::path::{Path, PathBuf};

use fs_err as fs;
use lumen_core::{
    PackageName, Version, submission,
    tar::{self, BUNDLE_HEAD},
};

use super::pattern::prefix;
use crate::portable::fold;

/// The folder for archives in that of the package, as that of other tools.
pub const OUTPUT: &str = "dist";

/// What git is told in a folder of archives that Lumen makes: nothing in it is to be committed.
pub const OUTPUT_IGNORE: &[u8] = b"*\n";

/// Lists the packages that `vendor` put into a folder, one a line.
pub const VENDOR_LIST: &str = ".lumen-vendor";

/// Folders and files that are never part of a package, wherever they are, in lower case.
const NEVER: [&str; 7] = [
    ".git",
    ".hg",
    ".svn",
    ".jj",
    ".lumen",
    ".ds_store",
    "thumbs.db",
];

/// Files of the root that say something about this working copy: installs rewrite both.
const LOCAL: [&str; 2] = [".gitignore", "lumen.lock"];

/// What the names of archives end in: ours, and those of the compiler's own package client.
const ENDINGS: [&str; 8] = [
    ".tar", ".tar.zst", ".tzst", ".tar.gz", ".tgz", ".tarball", ".lmpkg", ".zip",
];

/// Whether a path is never part of a package, however its letters are written.
pub(super) fn is_never(path: &str) -> bool {
    let never = |name: &str| NEVER.contains(&&*fold(name));
    LOCAL.contains(&&*fold(path)) || path.split('/').any(never)
}

/// The name of a package in the names of files: a scope becomes a part of it.
pub fn stem(package: &PackageName) -> String {
    package.as_str().trim_start_matches('@').replace('/', "-")
}

/// What is made of one package, and where.
#[derive(Debug)]
pub(super) struct Made {
    /// What the names of its archives start with, in lower case.
    stems: Vec<String>,
    /// Whether `dist` is only for archives: `include` names nothing in it.
    output: bool,
    /// Folders of Lumen's own, relative to the package with `/`.
    places: Vec<String>,
}

impl Made {
    /// What is made of this package; `places` are folders of Lumen's own, wherever they are.
    pub(super) fn new(
        root: &Path,
        package: Option<&PackageName>,
        include: &[String],
        places: &[PathBuf],
    ) -> Self {
        let stems = package.map_or_else(Vec::new, |package| {
            let whole = stem(package);
            let joined = package.as_str().trim_start_matches('@').replace('/', "_");
            let scoped = format!("@{whole}");
            vec![whole, joined, scoped, package.bare().to_owned()]
        });
        let names_output = |pattern: &String| {
            let first = prefix(pattern);
            first.split('/').next() == Some(OUTPUT)
        };
        let root = fs::canonicalize(root).ok();
        let inside = |place: &PathBuf| {
            let place = fs::canonicalize(place).ok()?;
            let inside = place.strip_prefix(root.as_ref()?).ok()?.to_str()?;
            let inside = inside.replace(std::path::MAIN_SEPARATOR, "/");
            (!inside.is_empty()).then_some(inside)
        };
        Self {
            stems,
            output: !include.iter().any(names_output),
            places: places.iter().filter_map(inside).collect(),
        }
    }

    /// Whether a file is an archive of the package, by its name.
    pub(super) fn is_archive(&self, name: &str) -> bool {
        let name = fold(name);
        let is_version = |rest: &str| {
            let version = rest.strip_prefix('-');
            version.is_some_and(|version| version.parse::<Version>().is_ok())
        };
        let bare = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
        bare.is_some_and(|bare| {
            let mut rests = (self.stems.iter()).filter_map(|stem| bare.strip_prefix(&*fold(stem)));
            rests.any(is_version)
        })
    }

    /// Whether a path is the folder for archives.
    pub(super) fn is_output(&self, path: &str) -> bool {
        self.output && fold(path) == OUTPUT
    }

    /// Whether a path is a folder of Lumen's own, such as `LUMEN_HOME`.
    pub(super) fn is_place(&self, path: &str) -> bool {
        self.places.iter().any(|place| place == path)
    }
}

/// Whether Lumen made a folder with these names in it: a submission, a registry, or packages
/// that were copied for a project.
pub(super) fn is_made_folder<'n>(names: impl Iterator<Item = &'n str> + Clone) -> bool {
    let has = |name: &str| names.clone().any(|found| found == name);
    let is_submission = has(submission::MANIFEST) || has(submission::TAR);
    let is_registry = has("packages") && (has("artifacts") || has("log"));
    is_submission && has(submission::RELEASE)
        || is_registry && has("index.json")
        || has(VENDOR_LIST)
}

/// Whether a file is a bundle of a registry: its name is the user's, so its start decides.
pub(super) fn is_bundle(bytes: &[u8]) -> bool {
    let name = bytes.strip_prefix(BUNDLE_HEAD.as_bytes());
    name.is_some_and(|rest| rest.first() == Some(&0))
        && bytes.get(257..262) == Some(b"ustar")
        && bytes.len().is_multiple_of(tar::BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_known_by_their_names() {
        let check = |package: &str, file: &str, expected: bool| {
            let package = PackageName::parse(package).unwrap();
            let made = Made::new(Path::new("/nowhere"), Some(&package), &[], &[]);
            assert_eq!(made.is_archive(file), expected, "{package} {file}");
        };
        for ours in [
            "foo-1.0.0.tar",
            "foo-1.0.0-rc.1+b.tgz",
            "foo-0.9.0.tar.zst",
            "Foo-1.0.0.tar.gz",
            "foo-1.0.0.lmpkg",
        ] {
            check("foo", ours, true);
        }
        for other in [
            "foo.tar",
            "foo-1.0.tar",
            "foo-bar-1.0.0.tar",
            "bar-1.0.0.tar",
            "foo-1.0.0.md",
            "foo-1.0.0",
            "1.0.0.tar",
        ] {
            check("foo", other, false);
        }
        for ours in [
            "org-http-1.0.0.tar",
            "@org-http-1.0.0.tgz",
            "http-1.0.0.tgz",
        ] {
            check("@org/http", ours, true);
        }
        check("@org/http", "org-1.0.0.tar", false);
    }

    #[test]
    fn folders_are_known_by_what_is_in_them() {
        let check = |names: &[&str], expected| {
            assert_eq!(is_made_folder(names.iter().copied()), expected, "{names:?}");
        };
        check(&["submission.json", "release.json", "artifact.tar"], true);
        // A submission that was killed.
        check(&["release.json", "artifact.tar"], true);
        check(&["index.json", "packages", "artifacts"], true);
        check(&["index.json", "packages", "log", "trust"], true);
        check(&[".lumen-vendor", "a"], true);
        check(&["index.json", "packages"], false);
        check(&["release.json", "notes.md"], false);
        check(&["src", "README.md"], false);
    }
}
