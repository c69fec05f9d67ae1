//! Programs that tests start, which `cargo xtask test tools` installs.

use std::path::{Path, PathBuf};

/// The program of this name: among those that `xtask` installed, on the path, or where Debian
/// puts servers. None: the tests that need it have to be skipped.
pub fn find(program: &str) -> Option<PathBuf> {
    let own = target_dir().join("tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path);
    std::iter::once(own)
        .chain(places)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|place| place.join(program))
        .find(|file| file.is_file())
}

fn target_dir() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from)
}
