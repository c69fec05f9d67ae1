//! Two names swapped in one step, where the system can.

use std::{io, os::fd::AsFd, path::Path};

/// Swaps two names; `false` where the system or the disk cannot.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) fn exchange_at(
    first: impl AsFd,
    a: &Path,
    second: impl AsFd,
    b: &Path,
) -> io::Result<bool> {
    use rustix::{
        fs::{RenameFlags, renameat_with},
        io::Errno,
    };
    match renameat_with(first, a, second, b, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(crate) fn exchange_at(_: impl AsFd, _: &Path, _: impl AsFd, _: &Path) -> io::Result<bool> {
    Ok(false)
}
