//! Packages: nothing from outside of the folder is packed, no secret by accident, no name that means something else.
//!
//! | module | the attacker controls |
//! |---|---|
//! | `files` | links and patterns in a package's folder |
//! | `secrets` | nothing: the author forgets a secret in the folder |
//! | `names` | names of packages, in manifests, locks, registries and on the command line |
//! | `imports` | the name of a package that something else depends on |
//! | `ci` | the names of tags, and the URLs in a project, where a workflow publishes |

mod ci;
mod files;
mod imports;
mod names;
mod secrets;

use lumen_testkit::sandbox::Sandbox;

/// Writes a package with these lines in `[package]`.
fn package(sandbox: &Sandbox, folder: &str, lines: &str) {
    let manifest = format!(
        "[package]\nname = \"p\"\nversion = \"1.0.0\"\nlicense = \"MIT\"\ndescription = \"d\"\n{lines}\n"
    );
    let file = |name: &str| format!("{folder}/{name}");
    sandbox.write(&file("lumen.toml"), &manifest).unwrap();
    sandbox.write(&file("src/main.lm.md"), "# p\n").unwrap();
}

/// What is in a folder of the sandbox that must not be in any other place of it.
const SECRET: &str = "hidden-from-everybody-else";

/// Whether a file of a folder has these bytes.
fn has_bytes(sandbox: &Sandbox, folder: &str, bytes: &str) -> bool {
    let tree = lumen_testkit::sandbox::tree(&sandbox.path(folder)).unwrap_or_default();
    tree.iter().any(|(_, contents)| {
        let mut windows = contents.windows(bytes.len());
        windows.any(|window| window == bytes.as_bytes())
    })
}
