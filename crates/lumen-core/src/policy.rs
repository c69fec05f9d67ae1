//! `[policy]`: what may be chosen, whatever a registry has. The user's configuration, the
//! machine's and a project may each have one; all of them hold.

use std::{collections::BTreeSet, fmt};

use jiff::{Span, SpanRelativeTo};

use crate::{name::PackageName, version::Version};

/// The longest age that can be asked for: a hundred years.
const LONGEST: u64 = 100 * 366 * 86_400;

/// `minimum-release-age`, with its exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinimumAge {
    /// The least age of a release, in seconds.
    pub seconds: u64,
    /// Whether only an age counts that witnesses vouch for.
    pub proven: bool,
    /// What may be younger.
    pub except: BTreeSet<Exception>,
}

/// What may be younger than `minimum-release-age`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exception {
    /// Every release of a package.
    Package(PackageName),
    /// Every package of a scope, such as `@org`.
    Scope(String),
    /// One release.
    Release(PackageName, Version),
}

impl MinimumAge {
    /// Whether a release may be younger.
    pub fn excepts(&self, name: &PackageName, version: &Version) -> bool {
        self.except.iter().any(|exception| match exception {
            Exception::Package(package) => package == name,
            Exception::Scope(scope) => name.scope() == Some(scope),
            Exception::Release(package, release) => package == name && release == version,
        })
    }
}

impl Exception {
    /// Reads `name`, `@org/*` or `name@1.2.3`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(scope) = text.strip_suffix("/*") {
            let of_scope = PackageName::parse(&format!("{scope}/x")).ok()?;
            return (of_scope.scope() == Some(scope)).then(|| Self::Scope(scope.to_owned()));
        }
        let at = text.char_indices().skip(1).find(|(_, c)| *c == '@');
        match at {
            Some((at, _)) => {
                let name = PackageName::parse(text.get(..at)?).ok()?;
                let version = Version::parse(text.get(at + 1..)?).ok()?;
                Some(Self::Release(name, version))
            }
            None => PackageName::parse(text).ok().map(Self::Package),
        }
    }
}

/// An age as messages say it: `7 days`, `36 hours`, `90 seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub u64);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            (86_400, "day"),
            (3600, "hour"),
            (60, "minute"),
            (1, "second"),
        ];
        let fits = |(seconds, _): &(u64, &str)| self.0.is_multiple_of(*seconds);
        let (seconds, unit) = units.into_iter().find(fits).unwrap_or((1, "second"));
        let count = self.0 / seconds;
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

impl Age {
    /// Reads an age such as `7d`, `2 weeks` or `36h`; a day has 24 hours.
    pub fn parse(text: &str) -> Option<Self> {
        let span: Span = text.parse().ok()?;
        let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        let seconds = u64::try_from(span.as_secs()).ok()?;
        (seconds <= LONGEST).then_some(Self(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_and_said() {
        for (text, said) in [
            ("7d", "7 days"),
            ("1d", "1 day"),
            ("2w", "14 days"),
            ("36h", "36 hours"),
            ("1 week", "7 days"),
            ("90s", "90 seconds"),
            ("0d", "0 days"),
        ] {
            assert_eq!(Age::parse(text).unwrap().to_string(), said, "{text}");
        }
        for text in ["", "7", "-7d", "soon", "1000000000000d", "200y"] {
            assert_eq!(Age::parse(text), None, "{text}");
        }
    }

    #[test]
    fn exceptions_name_packages_scopes_and_releases() {
        let name = |text: &str| PackageName::parse(text).unwrap();
        let excepts = |text: &str, package: &str, version: &str| {
            let age = MinimumAge {
                seconds: 1,
                proven: false,
                except: BTreeSet::from([Exception::parse(text).unwrap()]),
            };
            age.excepts(&name(package), &Version::parse(version).unwrap())
        };
        assert!(excepts("http", "http", "1.0.0"));
        assert!(!excepts("http", "https", "1.0.0"));
        assert!(excepts("@org/http", "@org/http", "1.0.0"));
        assert!(excepts("@org/*", "@org/http", "1.0.0"));
        assert!(!excepts("@org/*", "@other/http", "1.0.0"));
        assert!(excepts("@org/http@1.0.0", "@org/http", "1.0.0"));
        assert!(!excepts("http@1.0.0", "http", "1.0.1"));
        for text in [
            "", "*", "/*", "http/*", "@org", "http@", "http@1", "@org/a/*", "a b",
        ] {
            assert_eq!(Exception::parse(text), None, "{text}");
        }
    }
}
