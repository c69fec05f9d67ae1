//! Paths that mean the same whatever folder the process is in.

use std::{
    io,
    path::{Path, PathBuf},
};

/// An absolute path in its plain form, without `.` and doubled separators; links stay.
///
/// # Errors
/// When it is relative: it would mean another file in each folder that the process is in.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    if !path.is_absolute() {
        let what = format!("`{}` is a relative path", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "it reads the working folder for relative paths only"
    )]
    std::path::absolute(path)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn the_working_folder_has_no_say() {
        let of = |path: &str| absolute(Path::new(path));
        assert_eq!(of("/a/./b//c/").unwrap(), Path::new("/a/b/c/"));
        assert_eq!(of("/a/../b").unwrap(), Path::new("/a/../b"));
        for path in ["", ".", "a/b"] {
            let error = of(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path}");
        }
    }
}
