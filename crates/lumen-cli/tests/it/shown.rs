//! All that plain commands write, as users see it: one snapshot a command.

use lumen_testkit::sandbox::Sandbox;

use crate::{publish, sandbox};

/// A sandbox with packages, a yank, and an installed project that could be newer.
fn world() -> Sandbox {
    let sandbox = sandbox();
    publish(&sandbox, "url", "1.0.0", "");
    publish(&sandbox, "url", "1.1.0", "");
    publish(
        &sandbox,
        "http",
        "1.0.0",
        "[dependencies]\nurl = \"^1.0.0\"\n",
    );
    let needs = "[dependencies]\nhttp = \"^1.0.0\"\nurl = \"1.0.0\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox
}

/// Compares all that a command writes with its snapshot.
#[track_caller]
fn shows(sandbox: &Sandbox, name: &str, folder: &str, arguments: &[&str]) {
    let ran = sandbox.run(folder, arguments).unwrap();
    let filters = sandbox.filters();
    insta::with_settings!({
        filters => filters.iter().map(|(text, name)| (text.as_str(), *name)),
        description => format!("lumen {}", arguments.join(" ")),
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, ran.text());
    });
}

#[test]
fn commands_that_read_say_what_there_is() {
    let sandbox = world();
    for (name, arguments) in [
        ("list", &["pkg", "list"][..]),
        ("tree", &["pkg", "tree"]),
        ("why", &["pkg", "why", "url"]),
        ("info", &["pkg", "info", "url"]),
        ("search", &["pkg", "search", "test"]),
        ("outdated", &["pkg", "outdated"]),
        ("verify", &["pkg", "verify"]),
        ("owner_list", &["pkg", "owner", "list", "url"]),
        ("key_list", &["key", "list"]),
        ("trust_list", &["trust", "list"]),
        ("registry_check", &["registry", "check"]),
        ("registry_repair", &["registry", "repair"]),
    ] {
        shows(&sandbox, name, "app", arguments);
    }
}

#[test]
fn commands_that_write_say_what_they_did() {
    let sandbox = world();
    sandbox.package("json", "json", "1.0.0", "").unwrap();
    shows(
        &sandbox,
        "registry_init",
        ".",
        &["registry", "init", "second"],
    );
    shows(
        &sandbox,
        "publish_dry_run",
        "json",
        &["pkg", "publish", "--dry-run"],
    );
    shows(&sandbox, "publish", "json", &["pkg", "publish", "--yes"]);
    shows(
        &sandbox,
        "publish_again",
        "json",
        &["pkg", "publish", "--yes"],
    );
    shows(&sandbox, "add", "app", &["pkg", "add", "json"]);
    shows(&sandbox, "install_again", "app", &["pkg", "install"]);
    shows(&sandbox, "remove", "app", &["pkg", "remove", "json"]);
    shows(&sandbox, "update", "app", &["pkg", "update"]);
    shows(
        &sandbox,
        "yank",
        ".",
        &["pkg", "yank", "url@1.0.0", "--reason", "loses data"],
    );
    shows(&sandbox, "unyank", ".", &["pkg", "unyank", "url@1.0.0"]);
}

#[test]
fn errors_say_what_why_and_what_next() {
    let sandbox = world();
    sandbox.package("json", "json", "1.0.0", "").unwrap();
    sandbox
        .package(
            "lost",
            "lost",
            "1.0.0",
            "[dependencies]\nhtpp = \"1.0.0\"\n",
        )
        .unwrap();
    sandbox
        .write(
            "broken/lumen.toml",
            "[package]\nname = \"No Good\"\nversion = \"1\"\n",
        )
        .unwrap();
    sandbox
        .write("sources/url-1.1.0/src/main.lm.md", "# changed\n")
        .unwrap();
    shows(&sandbox, "error_no_project", ".", &["pkg", "install"]);
    shows(&sandbox, "error_manifest", "broken", &["pkg", "install"]);
    shows(&sandbox, "error_conflict", "lost", &["pkg", "install"]);
    shows(
        &sandbox,
        "error_locked",
        "json",
        &["pkg", "install", "--locked"],
    );
    shows(
        &sandbox,
        "error_other_contents",
        "sources/url-1.1.0",
        &["pkg", "publish", "--yes"],
    );
    shows(
        &sandbox,
        "error_no_release",
        "app",
        &["pkg", "info", "url@9.0.0"],
    );
    shows(&sandbox, "error_no_package", "app", &["pkg", "add", "urll"]);
    shows(
        &sandbox,
        "error_no_registry",
        "app",
        &["pkg", "search", "x", "--registry", "nowhere"],
    );
    shows(
        &sandbox,
        "error_registry_exists",
        ".",
        &["registry", "init", "registry"],
    );
}
