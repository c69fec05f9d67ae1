//! The line of `.gitattributes` by which code reviews fold the lock file.

use std::path::Path;

use lumen_core::limits::MAX_GITIGNORE_BYTES;
use lumen_store::project::{LOCKFILE, ProjectError, files};

/// The file's name.
pub(super) const NAME: &str = ".gitattributes";

/// Adds the line to a folder's `.gitattributes`, creating the file where needed. One that says
/// something of the lock file already stays as it is. Returns whether it was written.
///
/// # Errors
/// When it leads out of the folder, or any I/O error.
pub(super) fn create(dir: &Path) -> Result<bool, ProjectError> {
    let file = dir.join(NAME);
    let mut bytes = files::read(dir, &file, MAX_GITIGNORE_BYTES)?.unwrap_or_default();
    let says_something = bytes.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii();
        let name = line.strip_prefix(b"/").unwrap_or(line);
        let name = name.split(|byte| byte.is_ascii_whitespace()).next();
        name == Some(LOCKFILE.as_bytes())
    });
    if says_something {
        return Ok(false);
    }
    if bytes.last().is_some_and(|last| *last != b'\n') {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(format!("{LOCKFILE} linguist-generated\n").as_bytes());
    files::write(dir, &file, &bytes)?;
    Ok(true)
}
