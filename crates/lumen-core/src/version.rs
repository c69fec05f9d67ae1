//! Versions: [Semantic Versioning 2.0.0](https://semver.org), by the `semver` crate.

pub use semver::{Error as VersionError, Version};

/// Orders versions as users see them: by precedence, then by build metadata so that the order is total.
///
/// This is `semver`'s own `Ord`; the function exists to name the choice.
pub fn newest_first(versions: &mut [Version]) {
    versions.sort_unstable_by(|a, b| b.cmp(a));
}

/// The version an index calls `latest`: the highest that is neither yanked nor a
/// pre-release; else the highest that is not yanked; else none.
pub fn latest<'v>(
    versions: impl IntoIterator<Item = &'v Version>,
    is_yanked: impl Fn(&Version) -> bool,
) -> Option<&'v Version> {
    versions
        .into_iter()
        .filter(|version| !is_yanked(version))
        .max_by(|a, b| (a.pre.is_empty(), a).cmp(&(b.pre.is_empty(), b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_prefers_stable_and_skips_yanked() {
        let versions: Vec<Version> = ["1.0.0", "2.0.0-rc.1", "1.1.0"]
            .map(|v| Version::parse(v).unwrap())
            .to_vec();
        assert_eq!(latest(&versions, |_| false).unwrap().to_string(), "1.1.0");
        assert_eq!(
            latest(&versions, |v| v.minor == 1).unwrap().to_string(),
            "1.0.0"
        );
        assert_eq!(
            latest(&versions, |v| v.pre.is_empty()).unwrap().to_string(),
            "2.0.0-rc.1"
        );
        assert_eq!(latest(&versions, |_| true), None);
    }
}
