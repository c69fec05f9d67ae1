//! What is said about each kind of file, for servers that choose by the path.
//!
//! A rule is a pattern and an example. The headers are what [`Key`] says of the example,
//! so a server is told what publishing tells a bucket; that the pattern fits whenever the
//! headers do is tested with every path there is.

use lumen_core::{Key, key::Mutability};

/// The headers of some files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What these files are, for comments.
    pub what: &'static str,
    /// A regular expression for their whole path in the registry. It has no capturing
    /// group, and nothing that PCRE and RE2 read differently.
    pub pattern: &'static str,
    /// Their media type.
    pub content_type: &'static str,
    /// Whether they ever change.
    pub mutability: Mutability,
}

/// What files are, a pattern for them and an example of them.
const KINDS: [(&str, &str, &str); 7] = [
    (
        "indexes, what waits for witnesses, and what they signed before",
        r"(?:(?:(?:packages|trust)/.+/)?index\.json|log/pending|log/witnessed\.json)",
        "packages/name/index.json",
    ),
    (
        "the log's newest state",
        "log/(?:checkpoint|head)",
        "log/checkpoint",
    ),
    (
        "archives, compressed",
        r"artifacts/.+\.tar\.zst",
        "artifacts/sha256/00/00.tar.zst",
    ),
    (
        "archives",
        r"artifacts/.+\.tar",
        "artifacts/sha256/00/00.tar",
    ),
    (
        "releases, their signatures, and what writers of the log stage",
        r"(?:packages/.+\.json|signatures/.+\.json|log/staging/.+)",
        "packages/name/1.0.0.json",
    ),
    (
        "notes of the root and of owners, roots of the map, kept checkpoints, and file lists",
        r"(?:trust/.+\.note|map/size/.+|log/witnessed/.+|artifacts/.+\.files)",
        "trust/root/1.note",
    ),
    (
        "the log and the map",
        "(?:log/tile|map)/.+",
        "log/tile/0/000",
    ),
];

impl Rule {
    /// The media type without parameters, and the character set.
    pub fn media_type(&self) -> (&'static str, Option<&'static str>) {
        match self.content_type.split_once("; charset=") {
            Some((media_type, charset)) => (media_type, Some(charset)),
            None => (self.content_type, None),
        }
    }

    /// The `Cache-Control` of these files.
    pub fn cache_control(&self) -> &'static str {
        self.mutability.cache_control()
    }
}

/// All rules. The first whose pattern fits counts; what none fits may change, and is of any type.
pub fn rules() -> Vec<Rule> {
    let rule = |(what, pattern, example)| {
        let example = Key::parse(example).ok()?;
        Some(Rule {
            what,
            pattern,
            content_type: example.content_type(),
            mutability: example.mutability(),
        })
    };
    KINDS.into_iter().filter_map(rule).collect()
}

#[cfg(test)]
mod tests {
    use lumen_core::{Digest, PackageName, Version, key::ArtifactKind, tile::Tile};
    use regex::Regex;

    use super::*;

    /// One path of each kind, and some that only look like one.
    fn keys() -> Vec<Key> {
        let names = ["name", "@scope/name", "@org/index", "@1/2.3"].map(|name| {
            let name = PackageName::parse(name).unwrap();
            let version = Version::parse("1.0.0-rc.1+build").unwrap();
            [
                Key::package_index(&name),
                Key::release(&name, &version),
                Key::signature(&name, &version),
                Key::owners_note(name.as_str(), 3),
                Key::owners_index(name.as_str()),
            ]
        });
        let digest = Digest::of(b"x");
        let tile = Tile {
            level: 1,
            index: 70_000,
            width: 3,
        };
        let others = [
            Key::global_index(),
            Key::artifact(&digest, ArtifactKind::Tar),
            Key::artifact(&digest, ArtifactKind::TarZst),
            Key::checkpoint(),
            Key::head(),
            Key::pending(),
            Key::witnessed(17),
            Key::witnessed_list(),
            Key::staging(&digest),
            Key::tile(&tile),
            Key::entries(70_000, 256),
            Key::map_size(15),
            Key::map_node(&digest),
            Key::root_note(2),
            Key::root_index(),
        ];
        let strange = [
            "README",
            "packages/name/README",
            "assets/app.js",
            "mapped/x",
        ]
        .map(|path| Key::parse(path).unwrap());
        names
            .into_iter()
            .flatten()
            .chain(others)
            .chain(strange)
            .collect()
    }

    #[test]
    fn rules_say_what_keys_say() {
        let rules = rules();
        let patterns: Vec<Regex> = rules
            .iter()
            .map(|rule| Regex::new(&format!("^{}$", rule.pattern)).unwrap())
            .collect();
        let mut used = vec![false; rules.len()];
        for key in keys() {
            let first = patterns
                .iter()
                .position(|pattern| pattern.is_match(key.as_str()));
            match first {
                Some(at) => {
                    used[at] = true;
                    assert_eq!(rules[at].content_type, key.content_type(), "{key}");
                    assert_eq!(rules[at].mutability, key.mutability(), "{key}");
                }
                None => assert_eq!(key.mutability(), Mutability::Mutable, "{key}"),
            }
        }
        assert!(used.iter().all(|used| *used), "{used:?}");
    }

    #[test]
    fn every_kind_has_a_rule_without_a_group_that_counts() {
        assert_eq!(rules().len(), KINDS.len());
        for rule in rules() {
            assert!(!rule.pattern.replace("(?:", "").contains('('));
        }
    }
}
