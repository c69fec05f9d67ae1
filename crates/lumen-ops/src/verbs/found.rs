//! `lumen registry init`: a new registry.

use std::path::PathBuf;

use lumen_core::Digest;
use lumen_registry::{
    Location, ReadError, Storage,
    log::{self, RootInfo},
    publish::{self, PublishError},
    verify::state,
};

use crate::{error::OpsError, session::Session, session::Which, session::registry_name};

/// A new registry.
#[derive(Debug)]
pub struct Founded {
    /// Where it is.
    pub location: Location,
    /// What its notes call it and how it is recognised, if it is signed.
    pub root: Option<RootInfo>,
    /// The key that was made for it, if there was none.
    pub new_key: Option<PathBuf>,
}

/// Makes an empty registry: signed with the user's key, which is made if need be, or unsigned.
///
/// # Errors
/// When there is one already, the key cannot be used, or the location cannot be written to.
pub fn init(
    session: &Session<'_>,
    location: &str,
    name: Option<&str>,
    origin: Option<&str>,
    unsigned: bool,
) -> Result<Founded, OpsError> {
    let location = session.place(Which::Place(location), false)?;
    let name = name.map_or_else(|| registry_name(&location), str::to_owned);
    let now = session.timestamp();
    if unsigned {
        let storage = open(session, &location)?;
        session.block_on(async {
            let init = async |storage: &Storage| publish::init(storage, &name, &now).await;
            Ok(storage.together("Make a registry", init).await?)
        })?;
        return Ok(Founded {
            location,
            root: None,
            new_key: None,
        });
    }
    let (signer, new_key) = session.signer_or_new()?;
    let origin = match origin {
        Some(origin) => origin.to_owned(),
        None => {
            let unique = format!("{name} {} {}", session.context.options.now, signer.public());
            origin_of(&name, &Digest::of(unique.as_bytes()))
        }
    };
    if let Location::File(folder) = &location {
        lumen_durable::create_shared_dir_all(folder)?;
    }
    let storage = open(session, &location)?;
    let root = session.block_on(async {
        let init = async |storage: &Storage| {
            log::init_signed(storage, &name, &origin, signer.as_ref(), &now).await
        };
        Ok(storage.together("Make a registry", init).await?)
    })?;
    // The user who made it need not confirm it.
    let (dir, url) = (session.context.environment.trust_dir(), location.url());
    state::pin(&dir, &url, root.fingerprint, &now).map_err(ReadError::from)?;
    Ok(Founded {
        location,
        root: Some(root),
        new_key,
    })
}

fn open(session: &Session<'_>, location: &Location) -> Result<Storage, OpsError> {
    let storage = Storage::open(location, &session.host_options(location)?);
    Ok(storage.map_err(PublishError::from)?)
}

/// An origin that no other registry has.
pub(crate) fn origin_of(name: &str, unique: &Digest) -> String {
    let letter = |c: char| match c.is_ascii_graphic() && c != '+' {
        true => c,
        false => '-',
    };
    let name: String = name.chars().map(letter).take(100).collect();
    format!("{name}/{}", &unique.hex()[..8])
}
