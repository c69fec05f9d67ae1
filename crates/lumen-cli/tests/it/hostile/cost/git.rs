//! What git fetches, and the files of a git dependency.

use lumen_testkit::git::git;

use super::*;

/// A sandbox whose project needs a git repository with a large file.
fn with_repository() -> Sandbox {
    let sandbox = bare();
    sandbox.package("lib", "lib", "1.0.0", "").unwrap();
    // Each block is another hash, so git cannot make it smaller.
    let noise: String = (0..4096)
        .map(|at| Digest::of(format!("{at}").as_bytes()).hex())
        .collect();
    sandbox.write("lib/noise.txt", &noise).unwrap();
    let folder = sandbox.path("lib");
    git(&folder, &["init", "--quiet", "-b", "main"]).unwrap();
    git(&folder, &["add", "."]).unwrap();
    git(&folder, &["commit", "--quiet", "-m", "all"]).unwrap();
    let url = format!("file://{}", folder.display());
    project(&sandbox, "app", &format!("lib = {{ git = \"{url}\" }}"));
    sandbox
}

fn lock(sandbox: &Sandbox, limits: &[(&str, &str)]) -> Ran {
    run(sandbox, &sandbox.registry_url(), &["pkg", "lock"], limits)
}

#[test]
fn files_of_a_git_dependency() {
    let sandbox = with_repository();
    let files = ["lib/lumen.toml", "lib/src/main.lm.md", "lib/noise.txt"];
    let sizes = files.map(|file| std::fs::metadata(sandbox.path(file)).unwrap().len());
    let bytes: u64 = sizes.iter().sum();
    for (limit, least) in [("GIT_TREE_FILES", 3), ("GIT_TREE_BYTES", bytes)] {
        let below = (least - 1).to_string();
        let key = limit.to_lowercase().replace('_', "-");
        fails(
            &lock(&sandbox, &[(limit, &below)]),
            4,
            &[
                &format!("; the limit `{key}` is"),
                &format!("LUMEN_LIMIT_{limit}"),
            ],
        );
    }
    let (files, bytes) = (3.to_string(), bytes.to_string());
    let limits = [("GIT_TREE_FILES", &*files), ("GIT_TREE_BYTES", &*bytes)];
    let ran = lock(&sandbox, &limits);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[cfg(unix)]
#[test]
fn bytes_of_a_fetch() {
    let sandbox = with_repository();
    fails(
        &lock(&sandbox, &[("GIT_BYTES", "32 KiB")]),
        4,
        &[
            "sends more than can be taken; the limit `git-bytes` is 32 KiB",
            "LUMEN_LIMIT_GIT_BYTES",
        ],
    );
    let left = lumen_testkit::sandbox::tree(&sandbox.path("home/lumen/git/db")).unwrap();
    let largest = left.iter().map(|(_, bytes)| bytes.len()).max();
    assert!(largest < Some(32 << 10), "nothing of it is kept");
    let ran = lock(&sandbox, &[("GIT_BYTES", "1 MiB")]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}
