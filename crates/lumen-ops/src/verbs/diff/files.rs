//! The files that differ between two packages: by their lists alone.

use std::collections::BTreeMap;

use lumen_core::Digest;
use lumen_store::{cas::StoredFile, project::MANIFEST};

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The old file; nothing where there was none.
    pub from: Option<StoredFile>,
    /// The new file; nothing where there is none.
    pub to: Option<StoredFile>,
}

/// How a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only the new package has it.
    Added,
    /// Only the old package has it.
    Removed,
    /// It has another path, and the same contents.
    Renamed,
    /// It has other contents.
    Changed,
    /// It has another mode only.
    Mode,
}

impl FileChange {
    /// How the file differs.
    pub fn kind(&self) -> Kind {
        match (&self.from, &self.to) {
            (None, _) => Kind::Added,
            (_, None) => Kind::Removed,
            (Some(from), Some(to)) if from.path != to.path => Kind::Renamed,
            (Some(from), Some(to)) if from.digest != to.digest => Kind::Changed,
            _ => Kind::Mode,
        }
    }

    /// Its path: the new one, if it has one.
    pub fn path(&self) -> &str {
        let file = self.to.as_ref().or(self.from.as_ref());
        file.map_or("", |file| &file.path)
    }

    /// Both modes, if they differ: whether the old file is executable, and the new one.
    pub fn modes(&self) -> Option<(bool, bool)> {
        let (from, to) = (self.from.as_ref()?, self.to.as_ref()?);
        (from.executable != to.executable).then_some((from.executable, to.executable))
    }
}

/// The files that differ: the manifest first, then in the order of their paths. A file that is
/// gone and one that is new are one file with a new path if they have the same contents.
pub(super) fn compare(from: &[StoredFile], to: &[StoredFile]) -> Vec<FileChange> {
    let by_path = |files: &[StoredFile]| -> BTreeMap<String, StoredFile> {
        let files = files.iter().map(|file| (file.path.clone(), file.clone()));
        files.collect()
    };
    let (mut olds, news) = (by_path(from), by_path(to));
    let mut changes = Vec::new();
    let mut added = Vec::new();
    for (path, new) in news {
        match olds.remove(&path) {
            Some(old) if old == new => {}
            Some(old) => changes.push(FileChange {
                from: Some(old),
                to: Some(new),
            }),
            None => added.push(new),
        }
    }
    let mut gone: BTreeMap<Digest, Vec<StoredFile>> = BTreeMap::new();
    for old in olds.into_values().rev() {
        gone.entry(old.digest).or_default().push(old);
    }
    for new in added {
        // Empty files have nothing in common.
        let same = gone.get_mut(&new.digest).filter(|_| new.size > 0);
        changes.push(FileChange {
            from: same.and_then(Vec::pop),
            to: Some(new),
        });
    }
    let gone = gone.into_values().flatten();
    changes.extend(gone.map(|old| FileChange {
        from: Some(old),
        to: None,
    }));
    changes.sort_by(|a, b| {
        let order = |change: &FileChange| (change.path() != MANIFEST, change.path().to_owned());
        order(a).cmp(&order(b))
    });
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `path=contents`, with `!` behind an executable one.
    fn files(text: &str) -> Vec<StoredFile> {
        let file = |word: &str| {
            let (path, contents) = word.split_once('=').unwrap();
            StoredFile {
                path: path.into(),
                executable: contents.ends_with('!'),
                size: contents.trim_end_matches('!').len() as u64,
                digest: Digest::of(contents.trim_end_matches('!').as_bytes()),
            }
        };
        text.split_whitespace().map(file).collect()
    }

    #[test]
    fn files_are_compared_by_their_lists() {
        for (from, to, expected) in [
            ("a=1 b=2", "b=2 a=1", ""),
            ("a=1", "a=2", "Changed a"),
            ("a=1", "a=1!", "Mode a"),
            ("a=1", "a=2!", "Changed a"),
            ("a=1 z=3", "b=1 z=3", "Renamed b"),
            ("a=1 b=1", "c=1 d=2", "Removed b, Renamed c, Added d"),
            ("a=1 b=1", "c=1 d=1", "Renamed c, Renamed d"),
            ("a=", "b=", "Removed a, Added b"),
            (
                "a=1 lumen.toml=1",
                "a=2 lumen.toml=2",
                "Changed lumen.toml, Changed a",
            ),
            ("", "a=1", "Added a"),
        ] {
            let changes = compare(&files(from), &files(to));
            let told: Vec<String> = changes
                .iter()
                .map(|change| format!("{:?} {}", change.kind(), change.path()))
                .collect();
            assert_eq!(told.join(", "), expected, "{from} | {to}");
        }
        let changes = compare(&files("a=1 b=1"), &files("c=1 d=1"));
        let from = |at: usize| changes[at].from.as_ref().unwrap().path.clone();
        assert_eq!((from(0), from(1)), ("a".into(), "b".into()));
        assert_eq!(
            compare(&files("a=1"), &files("a=2!"))[0].modes(),
            Some((false, true))
        );
    }
}
