//! Certificates for git, which takes a file in place of the system's authorities, not beside them.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use lumen_core::Digest;

use crate::storage::{StorageError, read_authorities};

/// Characters in a line of PEM (RFC 7468, section 2).
const LINE: usize = 64;

/// A file with the system's authorities and those of another file, below a folder where it
/// is made if need be.
///
/// # Errors
/// [`StorageError::Authorities`] when the file cannot be used, and any I/O error.
pub fn authorities(file: &Path, folder: &Path) -> Result<PathBuf, StorageError> {
    let mut bytes = read_authorities(file)?;
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
