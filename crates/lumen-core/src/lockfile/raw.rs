//! A lock as text with places. Both readers produce it, and `build` checks it.

use std::{borrow::Cow, ops::Range};

use crate::manifest::reader::Text;

/// A whole number of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    pub value: u64,
    pub span: Range<usize>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lock<'t> {
    pub version: Option<Number>,
    /// Of a root that is no package.
    pub requires: Option<Vec<Text<'t>>>,
    /// Where the table `metadata` with a `resolver` stands, which only locks of the compiler's
    /// client have.
    pub metadata: Option<Range<usize>>,
    pub registries: Vec<Registry<'t>>,
    pub packages: Vec<Package<'t>>,
}

/// `[[registry]]`
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Registry<'t> {
    /// Where the header stands.
    pub span: Range<usize>,
    pub name: Option<Text<'t>>,
    pub origin: Option<Text<'t>>,
    pub trust_root: Option<Text<'t>>,
    pub checkpoint: Option<Lines<'t>>,
    pub root_note: Option<Text<'t>>,
}

/// A string of more than one line, which the file has on one, with escapes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lines<'t> {
    pub text: Cow<'t, str>,
    pub span: Range<usize>,
}

/// `[[package]]`
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Package<'t> {
    /// Where the header stands.
    pub span: Range<usize>,
    /// The values of [`STRINGS`], in that order.
    pub strings: [Option<Text<'t>>; STRINGS.len()],
    /// The values of [`NUMBERS`], in that order.
    pub numbers: [Option<Number>; NUMBERS.len()],
    /// The values of [`LISTS`], in that order.
    pub lists: [Option<Vec<Text<'t>>>; LISTS.len()],
}

/// Keys of `[[package]]` whose values are strings.
pub(super) const STRINGS: [&str; 14] = [
    "name",
    "version",
    "registry",
    "path",
    "git",
    "branch",
    "tag",
    "rev",
    "commit",
    "checksum",
    "compressed",
    "metadata",
    "owners-note",
    "source-commit",
];

/// Keys of `[[package]]` whose values are whole numbers.
pub(super) const NUMBERS: [&str; 3] = ["size", "compressed-size", "owners"];

/// Keys of `[[package]]` whose values are arrays of strings.
pub(super) const LISTS: [&str; 3] = ["dependencies", "features", "requires"];
