//! Names and scopes with owners, as people write them.

use lumen_core::{PackageName, trust::Subject};

use crate::error::{InputError, OpsError};

/// A name as people give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The subject that has owners: a name without a scope, or a scope.
    pub subject: Subject,
    /// The one package of the scope that was named, if one was.
    pub only: Option<PackageName>,
}

impl Owned {
    /// Parses `name`, `@scope` or `@scope/name`.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn parse(text: &str) -> Result<Self, OpsError> {
        let bad = || OpsError::from(InputError::Subject(text.to_owned()));
        match Subject::parse(text).ok_or_else(bad)? {
            Subject::Root => Err(bad()),
            Subject::Package(name) => Ok(Self {
                subject: Subject::owner_of(&name),
                only: name.scope().is_some().then_some(name),
            }),
            scope => Ok(Self {
                subject: scope,
                only: None,
            }),
        }
    }
}
