//! `lumen registry trust …`: changes of the root.

use std::path::Path;

use lumen_core::trust::RootHistory;

use crate::{
    error::OpsError,
    session::Session,
    signed::{Change, Proposal, RootChange, Submitted, newest, open, proposal, root, submit},
};

/// Changes the root, or writes a proposal of it to be signed by others.
///
/// # Errors
/// When the change is not possible, or the registry cannot be written.
pub fn change_root(
    session: &Session<'_>,
    change: impl FnOnce(&RootHistory) -> Result<RootChange, OpsError>,
    out: Option<&Path>,
) -> Result<Submitted, OpsError> {
    let signed = open(session)?;
    let roots = newest(session, &signed, None)?.roots;
    let change = change(&roots)?;
    let next = root::next(&roots, &change, &session.timestamp())?;
    let needs = proposal::root_needs(&roots, &next);
    let proposal = Proposal::new(Change::Root(next))?;
    submit(session, &signed, proposal, &needs, out)
}
