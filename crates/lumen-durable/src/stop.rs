//! How a process ends in the middle of its work when its user says so.

use fs_err as fs;

use crate::{
    gate::{self, Standing},
    remove_dir_all,
};

/// Waits until the changes that have begun are made, keeps all others from beginning, and removes
/// what was being built. The caller then ends the process.
pub fn stop() -> Standing {
    let (litter, standing) = gate::close();
    for path in litter {
        // What cannot be removed is for the next run, as after a kill.
        let _ = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(_) => Ok(()),
        };
    }
    standing
}
