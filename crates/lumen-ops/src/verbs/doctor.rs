//! `lumen registry doctor`: whether the hosts of a registry are fit for it.

use lumen_registry::{
    Location,
    doctor::{self, Options, Report, Write},
};

use crate::{
    error::OpsError,
    session::{Purpose, Session, Which},
    settings::DEFAULT,
};

/// A place of a registry, and how it is.
#[derive(Debug)]
pub struct Examined {
    /// The place.
    pub location: Location,
    /// What was found there.
    pub report: Report,
}

/// Looks at the place where a registry is read and, if that is another, at the one where it
/// is published. Writing is tried at the latter.
///
/// # Errors
/// When nothing configures the registry, or a place is none. What a host does wrong is no
/// error but a finding.
pub fn run(session: &Session<'_>, write: Write) -> Result<Vec<Examined>, OpsError> {
    let (read, publish) = (
        session.location(DEFAULT)?,
        session.publish_location(DEFAULT)?,
    );
    let now = session.now();
    let examine = |registry, write| {
        session.block_on(async { Ok(doctor::examine(&registry, Options { write, now }).await) })
    };
    let mut places = Vec::new();
    if read.url() != publish.url() {
        let report = examine(
            session.open(Which::Named(DEFAULT), Purpose::ReadAgain)?,
            Write::Never,
        )?;
        places.push(Examined {
            location: read,
            report,
        });
    }
    let report = examine(session.open(Which::Named(DEFAULT), Purpose::Write)?, write)?;
    places.push(Examined {
        location: publish,
        report,
    });
    Ok(places)
}
