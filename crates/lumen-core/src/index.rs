//! The registry's JSON files: `index.json`, `packages/<name>/index.json` and
//! `packages/<name>/<version>.json` (docs/registry-spec.md).
//!
//! Reading keeps only what the client uses. Rewriting works on the JSON itself,
//! so that fields of other tools and later versions survive, in their order.

mod about;
mod artifact;
mod described;
mod global;
mod memory;
mod package;
mod patch;
mod reading;
mod release;
mod rewrite;
mod signed;
mod summary;

pub use about::{FilesRef, Provenance, SourceCommit, Unsupported, VERSION, supported};
pub use artifact::{Artifact, ArtifactError, Difference, identity};
pub use described::{Contradiction, Described};
pub use global::{GlobalIndex, PackageEntry};
pub use memory::VERSION_MEMORY;
pub use package::{Deprecation, PackageIndex, ReleaseSummary, Yank};
pub use release::{DependencyOptions, Integrity, ManifestHash, Release};
pub use rewrite::{
    new_global_index, put_latest, put_package_entries, put_package_entry, put_releases, put_yank,
    set_package_entries,
};
pub use signed::{EventList, REVOKED, events_of, put_events, put_events_alike, same_additions};
pub use summary::{Abouts, Summaries, Summary, logged_releases, summaries_of, with_about};

pub use crate::limits::{MAX_PACKAGE_INDEX_BYTES, MAX_RELEASE_BYTES};

/// The format of registries that this version writes.
pub const FORMAT: u64 = 1;

#[cfg(test)]
mod tests;
