//! What Lumen makes never goes into a package, wherever the user has it made.

use std::fs;

use lumen_testkit::sandbox::Sandbox;

use crate::{publish, sandbox};

/// The paths that would be packed.
fn packed(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let ran = sandbox
        .ok(folder, &["pkg", "pack", "--dry-run", "--json"])
        .unwrap();
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let files = value["files"].as_array().unwrap();
    let path = |file: &serde_json::Value| file["path"].as_str().unwrap().to_owned();
    files.iter().map(path).collect()
}

const OWN: [&str; 2] = ["lumen.toml", "src/main.lm.md"];

#[test]
fn packing_again_packs_the_same() {
    let sandbox = sandbox();
    sandbox.package("p", "@org/p", "1.0.0", "").unwrap();
    let file = |version: &str| format!("org-p-{version}.tar");
    sandbox.ok("p", &["pkg", "pack"]).unwrap();
    let first = fs::read(sandbox.path("p/dist").join(file("1.0.0"))).unwrap();
    // Also of another version, in other places, and by the compiler's own package client.
    for out in [".", "out", "src"] {
        sandbox.ok("p", &["pkg", "pack", "--out", out]).unwrap();
    }
    fs::copy(
        sandbox.path("p/dist").join(file("1.0.0")),
        sandbox.path("p").join(file("0.9.0")),
    )
    .unwrap();
    for other in ["p-1.0.0.tgz", "src/org-p-1.0.0.tar.zst", "p-1.0.0.lmpkg"] {
        sandbox.write(&format!("p/{other}"), "archive").unwrap();
    }
    assert_eq!(packed(&sandbox, "p"), OWN);
    sandbox.ok("p", &["pkg", "pack"]).unwrap();
    let again = fs::read(sandbox.path("p/dist").join(file("1.0.0"))).unwrap();
    assert_eq!(first, again);
    // The same from a folder below, which has no `dist` of its own.
    sandbox.ok("p/src", &["pkg", "pack"]).unwrap();
    assert!(!sandbox.path("p/src/dist").exists());
    // Git does not see the archive.
    let ignore = sandbox.read("p/dist/.gitignore").unwrap();
    assert_eq!(ignore, "*\n");
}

#[test]
fn a_dist_of_other_things_is_named_by_include() {
    let sandbox = sandbox();
    sandbox.package("p", "p", "1.0.0", "").unwrap();
    sandbox.ok("p", &["pkg", "pack"]).unwrap();
    let quiet = sandbox.ok("p", &["pkg", "pack"]).unwrap();
    assert!(!quiet.err.contains("warning"), "{quiet:?}");
    sandbox.write("p/dist/built.lm.md", "# built\n").unwrap();
    assert_eq!(packed(&sandbox, "p"), OWN);
    let ran = sandbox.ok("p", &["pkg", "pack"]).unwrap();
    assert!(ran.err.contains("`dist` is left out"), "{ran:?}");
    assert!(ran.err.contains("`include`"), "{ran:?}");
    // An author who excludes it gets no warning.
    let excluded = "exclude = [\"dist\"]\n";
    sandbox.package("p", "p", "1.0.0", excluded).unwrap();
    let ran = sandbox.ok("p", &["pkg", "pack"]).unwrap();
    assert!(!ran.err.contains("warning"), "{ran:?}");
    for pattern in ["dist", "dist/**", "./dist/built.lm.md"] {
        let include = format!("include = [\"src\", \"{pattern}\"]\n");
        sandbox.package("p", "p", "1.0.0", &include).unwrap();
        let expected = ["dist/built.lm.md", "lumen.toml", "src/main.lm.md"];
        assert_eq!(packed(&sandbox, "p"), expected, "{pattern}");
    }
}

#[test]
fn submissions_registries_bundles_copies_and_the_home_stay_out() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let needs = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("p", "p", "1.0.0", needs).unwrap();
    sandbox.ok("p", &["pkg", "install"]).unwrap();
    let commands: [&[&str]; 6] = [
        &["pkg", "submit", "--allow-dirty"],
        &["pkg", "submit", "--allow-dirty", "--out", "src/mail"],
        &["pkg", "vendor"],
        &["registry", "init", "reg"],
        &["registry", "mirror", "../registry", "copy"],
        &["registry", "bundle", "../registry", "src/all.bundle"],
    ];
    for command in commands {
        sandbox.ok("p", command).unwrap();
    }
    let mut into = sandbox.command("p", &["pkg", "publish", "--yes", "--registry", "./reg"]);
    into.env("LUMEN_HOME", sandbox.path("p/home"));
    into.args(["--allow-missing-dependencies"]);
    let key = sandbox.path("home/lumen");
    for (path, bytes) in lumen_testkit::sandbox::tree(&key).unwrap() {
        let to = sandbox.path("p/home").join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
    let output = into.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut pack = sandbox.command("p", &["pkg", "pack", "--dry-run"]);
    pack.env("LUMEN_HOME", sandbox.path("p/home"));
    let output = pack.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = out.lines().filter(|line| line.contains("  ")).collect();
    assert_eq!(lines.len(), OWN.len(), "{out}");
    // Lumen leaves it out by itself: it says so only with `-v`.
    let ran = sandbox
        .ok("p", &["pkg", "pack", "--dry-run", "-v"])
        .unwrap();
    for left in ["submissions/p/1.0.0", "reg", "copy", "src/all.bundle"] {
        let said = format!("`{left}`: Lumen made it");
        assert!(ran.err.contains(&said), "{said} in {}", ran.err);
    }
}
