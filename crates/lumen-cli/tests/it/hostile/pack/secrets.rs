//! Secrets that an author forgets in the package's folder.

use super::package;
use crate::{bare, fails, publish, sandbox};

/// A key as `lumen key export --secret` prints it.
fn key(sandbox: &lumen_testkit::sandbox::Sandbox) -> String {
    sandbox.ok(".", &["key", "new", "ci"]).unwrap();
    sandbox
        .ok(".", &["key", "export", "ci", "--secret"])
        .unwrap()
        .out
}

#[test]
fn a_secret_is_refused_however_it_was_chosen() {
    let sandbox = bare();
    let ours = key(&sandbox);
    let environment = format!("PATH=/bin\0LUMEN_KEY={}\0A=1\0", ours.trim());
    let pem = "\n\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n";
    let token = ["ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].concat();
    for (file, contents, line) in [
        ("assets/environ", environment.as_str(), 1),
        ("ci.txt", &ours, 1),
        ("backup.txt", pem, 3),
        (
            "settings.json",
            &format!("{{\n  \"token\": \"{token}\"\n}}\n"),
            2,
        ),
        (".env", "A=1", 0),
        ("id_ed25519", "x", 0),
        ("old/id_rsa.bak", "x", 0),
        (".netrc", "x", 0),
        ("server.key", "x", 0),
        (".aws/config", "x", 0),
    ] {
        // By a pattern, by its folder, by its exact name.
        for include in [
            "**\", \"**/.*".to_owned(),
            file.to_owned(),
            format!("/{file}"),
        ] {
            package(
                &sandbox,
                "p",
                &format!("include = [\"src\", \"{include}\"]"),
            );
            sandbox.write(&format!("p/{file}"), contents).unwrap();
            let ran = sandbox.run("p", &["pkg", "pack", "--out", "out"]).unwrap();
            let told = match line {
                0 => format!("`{file}` ("),
                _ => format!("`{file}` line {line} ("),
            };
            let hint = format!("allow-secrets = [\"{file}\"]");
            fails(&ran, 1, &["look like secrets", &told, &hint]);
            assert!(!sandbox.path("p/out").exists());
        }
        std::fs::remove_dir_all(sandbox.path("p")).unwrap();
    }
}

#[test]
fn the_line_that_the_error_gives_is_enough() {
    let sandbox = sandbox();
    package(&sandbox, "p", "");
    for file in ["tests/a.pem", "tests/b.pem", "docs/keys.md"] {
        let text = "# a test\n-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n";
        sandbox.write(&format!("p/{file}"), text).unwrap();
    }
    let ran = sandbox.run("p", &["pkg", "publish", "--yes"]).unwrap();
    let line = "allow-secrets = [\"docs/keys.md\",\"tests/a.pem\",\"tests/b.pem\"]";
    fails(
        &ran,
        1,
        &["`docs/keys.md` line 2", "`tests/b.pem` line 2", line],
    );
    package(&sandbox, "p", line);
    sandbox.ok("p", &["pkg", "publish", "--yes"]).unwrap();
    // A pattern is no permission.
    package(&sandbox, "p", "allow-secrets = [\"tests/*.pem\"]");
    let ran = sandbox.run("p", &["pkg", "pack"]).unwrap();
    fails(&ran, 1, &["lumen.toml:6:", "exact path"]);
}

#[test]
fn a_library_about_keys_is_no_secret() {
    let sandbox = bare();
    package(&sandbox, "p", "include = [\"**\", \".env.example\"]");
    for (file, text) in [
        (
            "docs/tokens.md",
            "A token begins with `ghp_` or AKIA; set LUMEN_KEY=PRIVATE+KEY+…\n",
        ),
        (
            "docs/pem.md",
            "It reads\n\n    -----BEGIN PRIVATE KEY-----\n    …\n",
        ),
        (
            "tests/ca.pem",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        ),
        ("tests/id_rsa.pub", "ssh-rsa AAAA me\n"),
        ("src/credentials.lm", "cell main\nend\n"),
        (".env.example", "TOKEN=\n"),
    ] {
        sandbox.write(&format!("p/{file}"), text).unwrap();
    }
    let ran = sandbox.ok("p", &["pkg", "pack", "--dry-run"]).unwrap();
    for file in [
        "docs/tokens.md",
        "tests/ca.pem",
        ".env.example",
        "src/credentials.lm",
    ] {
        assert!(ran.out.contains(file), "{ran:#?}");
    }
}

#[test]
fn a_workspace_publishes_none_and_a_vendored_folder_has_none() {
    let sandbox = sandbox();
    sandbox
        .write("ws/lumen.toml", "[workspace]\nmembers = [\"*\"]\n")
        .unwrap();
    for name in ["a", "b"] {
        sandbox
            .package(&format!("ws/{name}"), name, "1.0.0", "")
            .unwrap();
    }
    let ours = key(&sandbox);
    sandbox.write("ws/b/notes.txt", &ours).unwrap();
    let publish_all = ["pkg", "publish", "--workspace", "--yes"];
    fails(
        &sandbox.run("ws", &publish_all).unwrap(),
        1,
        &["`notes.txt` line 1"],
    );
    assert!(!sandbox.path("registry/packages/a").exists());
    assert!(!super::has_bytes(&sandbox, "registry", ours.trim()));

    publish(&sandbox, "text", "1.0.0", "");
    package(&sandbox, "p", "");
    sandbox.write("p/notes.txt", &ours).unwrap();
    let dependencies = "[dependencies]\np = { path = \"../p\" }\ntext = \"1\"\n";
    sandbox
        .package("app", "app", "1.0.0", dependencies)
        .unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let ran = sandbox.run("app", &["pkg", "vendor"]).unwrap();
    fails(
        &ran,
        1,
        &["cannot copy `p`", "`notes.txt` line 1", "allow-secrets"],
    );
    assert!(!sandbox.path("app/vendor").exists());
    package(&sandbox, "p", "allow-secrets = [\"notes.txt\"]");
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox.ok("app", &["pkg", "vendor"]).unwrap();
}
