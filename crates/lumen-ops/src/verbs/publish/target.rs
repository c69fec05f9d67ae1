//! A registry to publish to: the key that signs there, writing, and reading back.

use lumen_core::trust::{OwnersHistory, Subject};
use lumen_registry::{
    Location, Registry, Storage,
    publish::{PublishError, PublishRequest},
    verify::TrustError,
};

use super::{Outcome, Prepared, approval::asked, visible::read_back};
use crate::{
    error::{Again, OpsError},
    keys::KeysError,
    session::{Purpose, Session, Which, Writer, registry_name},
    signed,
};

/// A registry to publish to, and who signs there.
pub(super) struct Target<'s> {
    pub(super) session: &'s Session<'s>,
    /// Its name in the configuration.
    pub(super) name: String,
    pub(super) registry: Registry,
    pub(super) writer: Writer,
}

impl<'s> Target<'s> {
    /// A registry by name. To look at it only, no key is needed.
    pub(super) fn open(
        session: &'s Session<'s>,
        name: &str,
        look_only: bool,
    ) -> Result<Self, OpsError> {
        let registry = session.open(Which::Named(name), Purpose::Write)?;
        let writer = match session.writer(&registry) {
            Err(OpsError::Keys(KeysError::NoKey)) if look_only => (None, None),
            other => other?,
        };
        Ok(Self {
            session,
            name: name.to_owned(),
            registry,
            writer,
        })
    }

    pub(super) fn location(&self) -> Result<Location, OpsError> {
        self.session.publish_location(&self.name)
    }

    /// The release to publish.
    pub(super) fn request(&self, prepared: Prepared) -> Result<PublishRequest, OpsError> {
        let (signer, last_seen) = self.writer.clone();
        Ok(PublishRequest {
            release: prepared.checked.release,
            list: Some(prepared.packed.list.to_bytes()),
            tar: prepared.packed.tar,
            zst: Some(prepared.packed.zst),
            now: self.session.timestamp(),
            registry_name: registry_name(&prepared.location),
            signer,
            last_seen,
        })
    }

    /// Writes, and asks for a name that the registry has to give out.
    pub(super) fn put<T>(
        &self,
        message: &str,
        publish: impl AsyncFn(&Storage) -> Result<T, PublishError>,
    ) -> Result<T, OpsError> {
        let storage = self.registry.storage();
        let published = async { Ok(storage.together(message, publish).await?) };
        self.session
            .block_on(published)
            .map_err(|error| match error {
                OpsError::Publish(PublishError::NeedsApproval { subject, claim }) => {
                    asked(self.session, &self.registry, subject, claim, Again::Publish)
                }
                error => error,
            })
    }

    /// Reads releases as everybody else will.
    pub(super) fn read_back(&self, published: &[Outcome]) -> Result<(), OpsError> {
        let (session, name) = (self.session, &self.name);
        match read_back(session, name, published) {
            Err(error) if matches!(error.trust(), Some(TrustError::Overridden { .. })) => {
                // Who publishes as one of the new owners need not be asked whether they agree.
                let handle = session.open(Which::Named(name), Purpose::Write)?;
                for published in published {
                    let subject = Subject::owner_of(&published.release.name);
                    let owners = session.block_on(async { Ok(handle.owners(&subject).await?) })?;
                    if let Some(note) = owners.as_ref().and_then(OwnersHistory::newest) {
                        signed::accept_note(session, &handle, &subject, note)?;
                    }
                }
                read_back(session, name, published)
            }
            other => other,
        }
    }
}
