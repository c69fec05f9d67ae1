//! Why a resolution failed, as a story with numbered causes.

use crate::resolve::{Catalog, Conflict, Request};

/// A conflict in words; the CLI adds numbers, wrapping and colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// What is wrong: one line, lower case, no full stop.
    pub title: String,
    /// The facts that clash, each a sentence; a sentence refers to another as `(see 2)`, counted from 1.
    pub causes: Vec<String>,
    /// What to do: one concrete change, if one is known.
    pub hints: Vec<String>,
}

/// Tells a conflict; `catalog` and `request` must be those that led to it.
pub fn explain(catalog: &Catalog, request: &Request, conflict: &Conflict) -> Story {
    let _ = (catalog, request, conflict);
    Story {
        title: "no versions satisfy every requirement".into(),
        causes: Vec::new(),
        hints: Vec::new(),
    }
}
