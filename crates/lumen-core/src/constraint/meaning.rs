//! Whether two constraints accept the same versions, however they are written.

use std::collections::BTreeSet;

use semver::{BuildMetadata, Prerelease, Version};

use super::{Comparator, Constraint};

impl Constraint {
    /// Whether two constraints accept the same versions: `^1.0` and `>=1.0.0, <2.0.0` do.
    pub fn same_meaning(&self, other: &Self) -> bool {
        if self.as_str() == other.as_str() || self.groups() == other.groups() {
            return true;
        }
        // What a constraint accepts changes at the versions it names, and next to them only.
        let mut probes = BTreeSet::from([Version::new(0, 0, 0), highest()]);
        for comparator in self.groups().iter().chain(other.groups()).flatten() {
            add_probes(comparator, &mut probes);
        }
        probes
            .iter()
            .all(|version| self.matches(version) == other.matches(version))
    }
}

const fn highest() -> Version {
    Version::new(u64::MAX, u64::MAX, u64::MAX)
}

/// Adds the versions where a comparator may change its answer, and those on both sides.
fn add_probes(comparator: &Comparator, probes: &mut BTreeSet<Version>) {
    let Some(major) = comparator.major else {
        return;
    };
    let (minor, patch) = (
        comparator.minor.unwrap_or_default(),
        comparator.patch.unwrap_or_default(),
    );
    let edges = [
        Some((major, minor, patch)),
        patch.checked_add(1).map(|patch| (major, minor, patch)),
        minor.checked_add(1).map(|minor| (major, minor, 0)),
        major.checked_add(1).map(|major| (major, 0, 0)),
    ];
    let named = Version::new(major, minor, patch);
    for (major, minor, patch) in edges.into_iter().flatten() {
        let version = Version::new(major, minor, patch);
        probes.extend(before(&version));
        probes.extend(
            patch
                .checked_add(1)
                .map(|patch| Version::new(major, minor, patch)),
        );
        probes.insert(version);
    }
    if !comparator.pre.is_empty() {
        let after = format!("{}.0", comparator.pre);
        let all = [Ok(comparator.pre.clone()), Prerelease::new(&after)];
        let lowest = [Prerelease::new("0"), Prerelease::new("zz.zz")];
        for pre in all.into_iter().chain(lowest).flatten() {
            probes.insert(Version {
                pre,
                build: BuildMetadata::EMPTY,
                ..named.clone()
            });
        }
    }
}

/// The release before another, if there is one.
fn before(version: &Version) -> Option<Version> {
    let (major, minor, patch) = (version.major, version.minor, version.patch);
    if let Some(patch) = patch.checked_sub(1) {
        return Some(Version::new(major, minor, patch));
    }
    if let Some(minor) = minor.checked_sub(1) {
        return Some(Version::new(major, minor, u64::MAX));
    }
    let major = major.checked_sub(1)?;
    Some(Version::new(major, u64::MAX, u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::{Constraint, Dialect};

    fn constraint(text: &str) -> Constraint {
        Constraint::parse(text, Dialect::Lumen).unwrap()
    }

    #[test]
    fn the_same_is_written_in_many_ways() {
        for (a, b) in [
            ("^1.0", "^1.0.0"),
            ("^1", ">=1.0.0, <2.0.0"),
            ("1.2.3", "=1.2.3"),
            ("~1.2", "1.2.*"),
            ("*", ">=0.0.0"),
            ("^0.2.3", ">=0.2.3 <0.3.0"),
            ("^1 || ^2", ">=1 <3"),
            (">=1.0.0-rc.1 <2", ">=1.0.0-rc.1, <2.0.0"),
        ] {
            assert!(constraint(a).same_meaning(&constraint(b)), "{a} {b}");
            assert!(constraint(b).same_meaning(&constraint(a)), "{b} {a}");
        }
    }

    #[test]
    fn other_versions_are_another_meaning() {
        for (a, b) in [
            ("^1.0.0", "^1.0.1"),
            ("^1", "*"),
            ("^1", "^2"),
            ("1.2.3", "^1.2.3"),
            ("<2", "<=2"),
            ("<2", "<2.0.1"),
            ("^1 || ^3", ">=1 <4"),
            (">=1.0.0-rc.1", ">=1.0.0-rc.2"),
            (">=1.0.0-rc.1", ">=1.0.0"),
            (">1.0.0-rc.1", ">=1.0.0-rc.1"),
            ("!=1.2.3", "*"),
            ("^18446744073709551615", "^18446744073709551614"),
        ] {
            assert!(!constraint(a).same_meaning(&constraint(b)), "{a} {b}");
            assert!(!constraint(b).same_meaning(&constraint(a)), "{b} {a}");
        }
    }
}
