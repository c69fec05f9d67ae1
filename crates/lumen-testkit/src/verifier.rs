//! The verifier in `tests/verifier`, which shares no code with Lumen.

use std::{path::Path, process::Command};

/// Whether it finds a signed registry in order, and its output; `None` without Python.
pub fn verify(registry: &Path) -> Option<(bool, String)> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/verifier/verify.py"
    );
    let Ok(output) = Command::new("python3").arg(script).arg(registry).output() else {
        crate::skip::missing("python3");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some((
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    ))
}
