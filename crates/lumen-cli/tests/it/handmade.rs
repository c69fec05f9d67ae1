//! The registries of the hosting guide, made with its own commands, read from a folder and through nginx.

use std::process::Command;

use lumen_testkit::{nginx::Nginx, sandbox::Sandbox};

use crate::{bare, fails};

/// The guide's Option B and Step 2, with its own `tar` command.
const OPTION_B: &str = r#"
set -e
mkdir -p my-utils/src http/src registry
printf '[package]\nname = "my-utils"\nversion = "1.0.0"\n\n[dependencies]\n"@org/http" = "^1.0.0"\n' > my-utils/lumen.toml
echo '# utils' > my-utils/src/main.lm.md
printf '[package]\nname = "@org/http"\nversion = "1.2.0"\n' > http/lumen.toml
echo '# http' > http/src/main.lm.md
tar -czvf my-utils-1.0.0.tar -C my-utils/ . > /dev/null
tar -czvf http-1.2.0.tar -C http/ . > /dev/null
put() {
  hash=$(sha256sum "$1" | cut -d' ' -f1); size=$(stat -c %s "$1"); head=$(echo $hash | cut -c1-2); tail=$(echo $hash | cut -c3-)
  mkdir -p registry/artifacts/sha256/$head registry/packages/$2
  cp "$1" registry/artifacts/sha256/$head/$tail.tar
  cat > registry/packages/$2/$3.json << EOF
{
  "name": "$2",
  "version": "$3",
  "deps": {$4},
  "artifacts": [
    {
      "kind": "tar",
      "url": "artifacts/sha256/$head/$tail.tar",
      "hash": "sha256:$hash",
      "size": $size
    }
  ],
  "license": "MIT",
  "description": "Utility functions"
}
EOF
  cat > registry/packages/$2/index.json << EOF
{
  "name": "$2",
  "versions": ["$3"],
  "latest": "$3",
  "yanked": {},
  "prereleases": [],
  "description": "Utility functions",
  "categories": ["utilities"]
}
EOF
}
put my-utils-1.0.0.tar my-utils 1.0.0 '"@org/http": "^1.0.0"'
put http-1.2.0.tar @org/http 1.2.0 ''
cat > registry/index.json << 'EOF'
{
  "name": "my-lumen-registry",
  "version": "1.0.0",
  "updated_at": "2024-01-15T10:30:00Z",
  "package_count": 2,
  "packages": [
    {
      "name": "my-utils",
      "latest": "1.0.0",
      "description": "Utility functions"
    }
  ]
}
EOF
"#;

/// The guide's Quick Start.
const QUICK_START: &str = r#"
set -e
mkdir -p registry/{packages,artifacts/sha256}
cat > registry/index.json << 'EOF'
{
  "name": "local-dev",
  "version": "1.0.0",
  "packages": []
}
EOF
"#;

fn bash(sandbox: &Sandbox, script: &str) {
    let status = Command::new("bash")
        .args(["-c", script])
        .current_dir(sandbox.path("."))
        .status()
        .unwrap();
    assert!(status.success());
}

fn installs(sandbox: &Sandbox, project: &str, registry: &str) {
    sandbox
        .package(
            project,
            "app",
            "1.0.0",
            "[dependencies]\nmy-utils = \"^1.0.0\"\n",
        )
        .unwrap();
    sandbox
        .ok(project, &["pkg", "install", "--registry", registry])
        .unwrap();
    assert_eq!(
        sandbox
            .read(&format!("{project}/my_utils/main.lm.md"))
            .unwrap(),
        "# utils\n"
    );
    assert_eq!(
        sandbox
            .read(&format!("{project}/org/http/main.lm.md"))
            .unwrap(),
        "# http\n"
    );
    sandbox.ok(project, &["pkg", "verify"]).unwrap();
    let info = sandbox
        .ok(
            project,
            &["pkg", "info", "@org/http", "--registry", registry],
        )
        .unwrap();
    assert!(
        info.out.starts_with("@org/http 1.2.0\nUtility functions\n"),
        "{}",
        info.out
    );
    let found = sandbox
        .ok(
            project,
            &["pkg", "search", "utility", "--registry", registry],
        )
        .unwrap();
    assert_eq!(found.out, "my-utils 1.0.0  Utility functions\n");
}

#[test]
fn option_b_from_a_folder() {
    let sandbox = bare();
    bash(&sandbox, OPTION_B);
    installs(&sandbox, "app", &sandbox.registry_url());
    installs(
        &sandbox,
        "with-slash",
        &format!("{}/", sandbox.registry_url()),
    );
}

#[test]
fn option_b_through_nginx() {
    if !Nginx::is_installed() {
        lumen_testkit::skip::missing("nginx");
        return;
    }
    let sandbox = bare();
    bash(&sandbox, OPTION_B);
    let server = Nginx::serve(&sandbox.path("registry"), "/").unwrap();
    installs(&sandbox, "app", &server.url());
    // The same lock installs from the folder: it names no machine.
    let lock = sandbox.read("app/lumen.lock").unwrap();
    sandbox
        .package(
            "other",
            "app",
            "1.0.0",
            "[dependencies]\nmy-utils = \"^1.0.0\"\n",
        )
        .unwrap();
    sandbox.write("other/lumen.lock", &lock).unwrap();
    std::fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
    sandbox
        .ok(
            "other",
            &[
                "pkg",
                "install",
                "--locked",
                "--registry",
                &sandbox.registry_url(),
            ],
        )
        .unwrap();
    let below = Nginx::serve(&sandbox.path("registry"), "/some/where/").unwrap();
    installs(&sandbox, "below", &format!("{}/some/where", below.url()));
    installs(
        &sandbox,
        "below-slash",
        &format!("{}/some/where/", below.url()),
    );
}

#[test]
fn publishing_into_the_quick_start_registry() {
    let sandbox = bare();
    bash(&sandbox, QUICK_START);
    sandbox.package("my-lib", "my-lib", "1.0.0", "").unwrap();
    sandbox
        .ok(
            "my-lib",
            &["pkg", "publish", "--registry", &sandbox.registry_url()],
        )
        .unwrap();
    let again = sandbox
        .ok(
            "my-lib",
            &["pkg", "publish", "--registry", &sandbox.registry_url()],
        )
        .unwrap();
    assert!(again.err.contains("Already published"), "{}", again.err);
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\nmy-lib = \"1\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert_eq!(
        sandbox.read("app/my_lib/main.lm.md").unwrap(),
        "# my-lib 1.0.0\n"
    );
}

#[test]
fn publishing_beside_hand_made_releases() {
    let sandbox = bare();
    bash(&sandbox, OPTION_B);
    sandbox
        .package(
            "next",
            "my-utils",
            "1.1.0",
            "[dependencies]\n\"@org/http\" = \"^1.0.0\"\n",
        )
        .unwrap();
    sandbox.ok("next", &["pkg", "publish", "--yes"]).unwrap();
    let ran = sandbox
        .run("my-utils", &["pkg", "publish", "--yes"])
        .unwrap();
    fails(&ran, 1, &["`my-utils` 1.0.0 exists with other contents"]);
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\nmy-utils = \"1\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert_eq!(
        sandbox.read("app/my_utils/main.lm.md").unwrap(),
        "# my-utils 1.1.0\n"
    );
    sandbox
        .package(
            "old",
            "app",
            "1.0.0",
            "[dependencies]\nmy-utils = \"=1.0.0\"\n",
        )
        .unwrap();
    sandbox.ok("old", &["pkg", "install"]).unwrap();
    assert_eq!(
        sandbox.read("old/my_utils/main.lm.md").unwrap(),
        "# utils\n"
    );
}

/// What people who write these files by hand get wrong.
#[test]
fn a_release_with_a_fault_is_passed_over_with_a_word() {
    let sandbox = bare();
    bash(&sandbox, OPTION_B);
    let folder = "registry/packages/my-utils";
    let good = sandbox.read(&format!("{folder}/1.0.0.json")).unwrap();
    let newer = good.replace("\"version\": \"1.0.0\"", "\"version\": \"1.1.0\"");
    let index = sandbox.read(&format!("{folder}/index.json")).unwrap();
    let index = index.replace("[\"1.0.0\"]", "[\"1.0.0\", \"1.1.0\"]");
    sandbox
        .write(&format!("{folder}/index.json"), &index)
        .unwrap();
    for (number, (right, wrong)) in [
        ("\"artifacts/", "\"/artifacts/"),
        ("sha256:", ""),
        ("\"version\": \"1.1.0\"", "\"version\": \"1.1.1\""),
        ("{\"@org/http\": \"^1.0.0\"}", "[]"),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(newer.contains(right), "{newer}");
        let faulty = newer.replace(right, wrong);
        sandbox
            .write(&format!("{folder}/1.1.0.json"), &faulty)
            .unwrap();
        let project = format!("app{number}");
        let more = "[dependencies]\nmy-utils = \"^1\"\n";
        sandbox.package(&project, "app", "1.0.0", more).unwrap();
        let ran = sandbox.ok(&project, &["pkg", "install"]).unwrap();
        let said = ran.err.matches("`my-utils` 1.1.0 cannot be used: ").count();
        assert_eq!(said, 1, "{wrong}: {}", ran.err);
        assert!(ran.err.contains("1.0.0 was chosen in its place"));
    }
}
