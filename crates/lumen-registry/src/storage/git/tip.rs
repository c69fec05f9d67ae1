//! The last commit of a branch, as far as it is known.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A file, by the name that git gives its contents.
    File(String),
    /// A link or another repository.
    Other,
}

/// The contents of a commit.
#[derive(Debug, Default)]
pub(super) struct Contents {
    entries: BTreeMap<String, Entry>,
    /// Contents that are not on this machine.
    missing: HashSet<String>,
}

impl Contents {
    /// Reads the output of `git ls-tree -r -z` and `git rev-list --missing=print`.
    pub(super) fn parse(listed: &[u8], missing: &str) -> Option<Self> {
        let mut entries = BTreeMap::new();
        for line in listed
            .split(|byte| *byte == 0)
            .filter(|line| !line.is_empty())
        {
            // A path that is no UTF-8 was not put there by a publish.
            let Ok(line) = std::str::from_utf8(line) else {
                continue;
            };
            let (kind, path) = line.split_once('\t')?;
            let mut kind = kind.split(' ');
            let (mode, _, id) = (kind.next()?, kind.next()?, kind.next()?);
            let entry = match mode {
                "100644" | "100755" if is_id(id) => Entry::File(id.to_owned()),
                _ => Entry::Other,
            };
            entries.insert(path.to_owned(), entry);
        }
        let missing = missing.lines().filter_map(|line| line.strip_prefix('?'));
        Some(Self {
            entries,
            missing: missing.map(str::to_owned).collect(),
        })
    }
}

/// The last commit of a branch when it was read.
#[derive(Debug, Default)]
pub(super) struct Tip {
    /// None: there is no such branch.
    pub(super) commit: Option<String>,
    entries: BTreeMap<String, Entry>,
    missing: Mutex<HashSet<String>>,
}

impl Tip {
    pub(super) fn new(commit: Option<String>, contents: Contents) -> Self {
        Self {
            commit,
            entries: contents.entries,
            missing: Mutex::new(contents.missing),
        }
    }

    /// What is at a path.
    pub(super) fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// All paths that start with `prefix`, sorted.
    pub(super) fn below<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Entry)> {
        self.entries
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(path, _)| path.starts_with(prefix))
            .map(|(path, entry)| (path.as_str(), entry))
    }

    /// Whether contents are not on this machine.
    pub(super) fn lacks(&self, id: &str) -> bool {
        self.missing().contains(id)
    }

    /// Which contents of these files are not on this machine.
    pub(super) fn lacking<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> HashSet<String> {
        let missing = self.missing();
        let id = |entry: &'a Entry| match entry {
            Entry::File(id) => missing.get(id).cloned(),
            Entry::Other => None,
        };
        entries.filter_map(id).collect()
    }

    /// Notes that contents have come.
    pub(super) fn arrived(&self, ids: &HashSet<String>) {
        self.missing().retain(|id| !ids.contains(id));
    }

    fn missing(&self) -> MutexGuard<'_, HashSet<String>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a text is the name of an object.
pub(super) fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_read() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let listed = format!(
            "100644 blob {a}\tx/@s/a b\0100755 blob {b}\tx/run\0120000 blob {a}\tx/link\0160000 commit {a}\tsub\0"
        );
        let contents = Contents::parse(listed.as_bytes(), &format!("{a}\n?{b}\n"));
        let tip = Tip::new(Some(a.clone()), contents.unwrap());
        let paths: Vec<&str> = tip.below("x/").map(|(path, _)| path).collect();
        assert_eq!(paths, ["x/@s/a b", "x/link", "x/run"]);
        assert_eq!(tip.entry("sub"), Some(&Entry::Other));
        assert!(tip.lacks(&b) && !tip.lacks(&a));
        assert_eq!(
            tip.lacking(tip.below("x/").map(|(_, entry)| entry)).len(),
            1
        );
        tip.arrived(&HashSet::from([b.clone()]));
        assert!(!tip.lacks(&b));
        assert!(Contents::parse(b"100644 blob", "").is_none());
    }
}
