//! What an event of the log is about.

use std::fmt;

use crate::name::PackageName;

/// What an event is about: a key of the name map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The registry itself: `@root`.
    Root,
    /// A scope, with its `@`.
    Scope(String),
    /// A package.
    Package(PackageName),
}

impl Subject {
    /// Parses a key of the map.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "@root" {
            return Some(Self::Root);
        }
        match text.starts_with('@') && !text.contains('/') {
            true => PackageName::parse_publishable(&format!("{text}/x"))
                .is_ok()
                .then(|| Self::Scope(text.to_owned())),
            false => PackageName::parse_publishable(text).ok().map(Self::Package),
        }
    }

    /// What owns a package: its scope, or itself.
    pub fn owner_of(name: &PackageName) -> Self {
        match name.scope() {
            Some(scope) => Self::Scope(scope.to_owned()),
            None => Self::Package(name.clone()),
        }
    }

    pub(super) fn is_scoped_package(&self) -> bool {
        matches!(self, Self::Package(name) if name.scope().is_some())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("@root"),
            Self::Scope(scope) => f.write_str(scope),
            Self::Package(name) => fmt::Display::fmt(name, f),
        }
    }
}
