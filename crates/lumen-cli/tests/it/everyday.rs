//! What people stumble over in a project: files of usual shapes that are understood, and
//! warnings about what has no effect.

use crate::{fails, publish, sandbox};

/// A manifest of dependencies alone is a project.
#[test]
fn a_project_need_not_be_a_package() {
    let sandbox = sandbox();
    publish(&sandbox, "base", "1.0.0", "");
    publish(&sandbox, "text", "1.0.0", "[dependencies]\nbase = \"^1\"\n");
    publish(&sandbox, "text", "1.1.0", "[dependencies]\nbase = \"^1\"\n");
    let manifest = "[dependencies]\ntext = \"=1.0.0\"\n";
    sandbox.write("app/lumen.toml", manifest).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert_eq!(
        sandbox.read("app/text/main.lm.md").unwrap(),
        "# text 1.0.0\n"
    );
    let again = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(again.err.contains("Up to date"), "{}", again.err);
    sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
    sandbox.ok("app", &["pkg", "verify"]).unwrap();
    let tree = sandbox.ok("app", &["pkg", "tree"]).unwrap();
    assert_eq!(tree.out, "text 1.0.0\n└── base 1.0.0\n");
    let why = sandbox.ok("app", &["pkg", "why", "base"]).unwrap();
    assert_eq!(why.out, "text 1.0.0 -> base 1.0.0\n");
    let why = sandbox.ok("app", &["pkg", "why", "text"]).unwrap();
    assert_eq!(why.out, "this project asks for text itself\n");
    let outdated = sandbox.ok("app", &["pkg", "outdated"]).unwrap();
    assert!(outdated.out.contains("1.1.0"), "{}", outdated.out);

    // Every edit makes the lock stale, whatever it is.
    for edited in [
        "[dependencies]\ntext = \"=1.1.0\"\n",
        "[dependencies]\ntext = { version = \"=1.0.0\", default-features = false }\n",
        "[dependencies]\n",
        "[dev-dependencies]\nbase = \"^1\"\n",
    ] {
        sandbox.write("app/lumen.toml", edited).unwrap();
        let ran = sandbox.run("app", &["pkg", "install", "--locked"]).unwrap();
        fails(&ran, 1, &["the dependencies of this project have changed"]);
    }
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let list = sandbox.ok("app", &["pkg", "list"]).unwrap();
    assert_eq!(list.out, "base  1.0.0\n");
    sandbox.ok("app", &["pkg", "add", "text"]).unwrap();
    sandbox.ok("app", &["pkg", "remove", "base"]).unwrap();
    assert!(
        sandbox
            .read("app/lumen.toml")
            .unwrap()
            .contains("text = \"^1.1.0\"")
    );

    // A package it is not.
    for verb in ["pack", "publish"] {
        let ran = sandbox.run("app", &["pkg", verb]).unwrap();
        fails(&ran, 1, &["no [package] table"]);
    }
}

#[test]
fn a_lock_of_a_project_without_a_package_decides_nothing_else() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    publish(&sandbox, "other", "1.0.0", "");
    let both = "[dependencies]\ntext = \"^1\"\nother = \"^1\"\n";
    sandbox.write("app/lumen.toml", both).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    // Somebody hides that only one of them is needed.
    let one = "[dependencies]\ntext = \"^1\"\n";
    sandbox.write("app/lumen.toml", one).unwrap();
    let forged = lock.replace("    \"other ^1\",\n", "");
    assert_ne!(forged, lock);
    sandbox.write("app/lumen.lock", &forged).unwrap();
    let ran = sandbox.run("app", &["pkg", "install", "--locked"]).unwrap();
    fails(&ran, 1, &["nothing needs `other`"]);
}

/// The root of a workspace may have dependencies, packages or not.
#[test]
fn the_root_of_a_workspace_may_ask_for_packages() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    publish(&sandbox, "base", "1.0.0", "");
    let manifest = "[workspace]\nmembers = [\"packages/*\"]\n[dependencies]\ntext = \"^1\"\n";
    sandbox.write("shop/lumen.toml", manifest).unwrap();
    sandbox
        .package(
            "shop/packages/a",
            "a",
            "0.1.0",
            "[dependencies]\nbase = \"^1\"\n",
        )
        .unwrap();
    sandbox.ok("shop", &["pkg", "install"]).unwrap();
    assert!(sandbox.path("shop/text/main.lm.md").is_file());
    let tree = sandbox.ok("shop", &["pkg", "tree"]).unwrap();
    assert!(tree.out.contains("└── base 1.0.0") && tree.out.contains("text 1.0.0"));
    sandbox.ok("shop", &["pkg", "install", "--locked"]).unwrap();
    sandbox.ok("shop", &["pkg", "remove", "text"]).unwrap();
    assert!(!sandbox.path("shop/text").exists());
}
