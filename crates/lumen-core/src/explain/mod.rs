//! Why a resolution failed, as a story with numbered causes.
//!
//! The solver's proof is reduced to the facts that matter (`reduce`), those become
//! statements of which package asks for what (`statement`) and then sentences (`tell`).
//! Resolving again proves each hint (`hint`).

mod hint;
mod lack;
mod reduce;
mod scene;
mod statement;
mod tell;
mod words;

use crate::{
    remedy::Remedy,
    resolve::{Catalog, Conflict, Request},
};

/// A conflict in words; the CLI adds numbers, wrapping and colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// What is wrong: one line, lower case, no full stop.
    pub title: String,
    /// The facts that clash, at most twelve, each a sentence without a full stop; a sentence
    /// refers to another as `(see 2)`, counted from 1.
    pub causes: Vec<String>,
    /// What to do: one concrete change, if one is known.
    pub hints: Vec<Remedy>,
}

/// Explains a conflict; `catalog` and `request` must be those that led to it.
pub fn explain(catalog: &Catalog, request: &Request, conflict: &Conflict) -> Story {
    let scene = scene::Scene {
        catalog,
        request,
        conflict,
    };
    let facts = reduce::reduce(conflict);
    let statements = statement::statements(scene, &facts);
    Story {
        title: tell::title(scene, &statements),
        causes: tell::causes(scene, &statements),
        hints: hint::hint(scene, &statements).into_iter().collect(),
    }
}
