//! Files with certificates of authorities to trust beside those of the system.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use data_encoding::BASE64;
use lumen_core::{Digest, limits::MAX_AUTHORITIES_BYTES};
use reqwest::Certificate;

/// Characters in a line of PEM (RFC 7468, section 2).
const LINE: usize = 64;

/// Why a file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthoritiesError {
    /// It cannot be read, or has no certificates.
    #[error("the certificates of authorities {reason}")]
    Unusable {
        /// Where they should be, and what happened there.
        reason: String,
    },
    /// The certificates read from it cannot be stored.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The certificates in a file.
///
/// # Errors
/// [`AuthoritiesError::Unusable`] when it cannot be read or has none.
pub(crate) fn certificates(file: &Path) -> Result<Vec<Certificate>, AuthoritiesError> {
    parse(file, &read(file)?)
}

/// A file with the system's authorities and those of another file, below a folder where it
/// is made if need be: git takes a file in place of the system's authorities, not beside them.
///
/// # Errors
/// [`AuthoritiesError`].
pub fn joined(file: &Path, folder: &Path) -> Result<PathBuf, AuthoritiesError> {
    let mut bytes = read(file)?;
    parse(file, &bytes)?;
    // As for HTTP: those that cannot be read are not trusted, and that is all.
    for certificate in rustls_native_certs::load_native_certs().certs {
        bytes.extend_from_slice(b"\n-----BEGIN CERTIFICATE-----\n");
        let text = BASE64.encode(&certificate);
        for line in text.as_bytes().chunks(LINE) {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(b"-----END CERTIFICATE-----\n");
    }
    let id = Digest::of(&bytes).hex();
    let made = folder.join(format!("authorities-{}.pem", id.get(..16).unwrap_or(&id)));
    if !made.is_file() {
        lumen_durable::write_atomic_fast(&made, &bytes)?;
    }
    Ok(made)
}

fn read(file: &Path) -> Result<Vec<u8>, AuthoritiesError> {
    let read = File::open(file).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(MAX_AUTHORITIES_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    read.map_err(|error| unusable(file, &format!("cannot be read: {error}")))
}

fn parse(file: &Path, bytes: &[u8]) -> Result<Vec<Certificate>, AuthoritiesError> {
    let found = Certificate::from_pem_bundle(bytes).ok();
    let what = "are none: they must be in PEM, `-----BEGIN CERTIFICATE-----`";
    found
        .filter(|found| !found.is_empty())
        .ok_or_else(|| unusable(file, what))
}

fn unusable(file: &Path, what: &str) -> AuthoritiesError {
    AuthoritiesError::Unusable {
        reason: format!("in `{}` {what}", file.display()),
    }
}
