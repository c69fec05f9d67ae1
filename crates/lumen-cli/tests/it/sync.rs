//! Configured mirrors.

use lumen_testkit::sandbox::{Ran, Sandbox};
use serde_json::Value;

use crate::{fails, publish, sandbox};

/// A sandbox whose user has these lines in `[registry.mirrors]`; `{url}` is its registry,
/// `{dir}` a URL that more can be added to.
fn with(mirrors: &str) -> Sandbox {
    let sandbox = sandbox();
    publish(&sandbox, "a", "1.0.0", "");
    publish(&sandbox, "@s/b", "1.0.0", "");
    configure(&sandbox, mirrors);
    sandbox
}

fn configure(sandbox: &Sandbox, mirrors: &str) {
    let mirrors = place(sandbox, mirrors);
    let config = format!("[registry.mirrors]\n{mirrors}\n");
    sandbox
        .write("home/.config/lumen/config.toml", &config)
        .unwrap();
}

fn place(sandbox: &Sandbox, text: &str) -> String {
    let dir = format!("file://{}", sandbox.path("").display());
    text.replace("{url}", &sandbox.registry_url())
        .replace("{dir}", dir.trim_end_matches('/'))
}

fn sync(sandbox: &Sandbox, folder: &str, more: &[&str]) -> Ran {
    let arguments = [&["registry", "sync"], more].concat();
    sandbox.run(folder, &arguments).unwrap()
}

const TWO: &str = "broken = { from = \"{dir}/nowhere\", to = \"{dir}/lost\" }\n\
                   some = { from = \"{url}\", to = \"{dir}/some\", packages = [\"@s/*\"] }\n\
                   twice = { from = \"{url}\", to = \"{url}\" }";

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let sandbox = with(TWO);
    let ran = sync(&sandbox, ".", &[]);
    // The first that fails decides: the second is the user's mistake.
    fails(
        &ran,
        4,
        &[
            "Failed broken: ",
            "there is no registry at",
            "Mirrored some: ",
            "Failed twice: ",
            "are the same registry",
        ],
    );
    assert!(sandbox.path("some/packages/@s/b/index.json").is_file());
    assert!(!sandbox.path("some/packages/a").exists());

    publish(&sandbox, "@s/b", "1.1.0", "");
    let ran = sync(&sandbox, ".", &["twice", "some", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let rows: Value = serde_json::from_str(&ran.out).unwrap();
    let rows = &rows["mirrors"];
    assert_eq!(rows.as_array().unwrap().len(), 2, "{rows}");
    assert_eq!(rows[0]["name"], "some");
    assert!(rows[0]["mirrored"]["files"].as_u64().unwrap() > 0, "{rows}");
    assert_eq!(rows[0]["mirrored"]["selection"][0], "@s/*");
    assert_eq!(rows[1]["name"], "twice");
    let message = rows[1]["error"]["message"].as_str().unwrap();
    assert!(message.contains("the same registry"), "{rows}");

    let ran = sync(&sandbox, ".", &["some"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.err.contains("Mirrored some: nothing"), "{}", ran.err);
}

#[test]
fn names_that_are_not_there() {
    let sandbox = with(TWO);
    let ran = sync(&sandbox, ".", &["some", "brocken"]);
    fails(&ran, 1, &["no mirror `brocken`", "did you mean `broken`?"]);
    assert!(!sandbox.path("some").exists(), "nothing is copied");
    fails(
        &sync(&sandbox, ".", &["x"]),
        1,
        &["there are broken, some, twice"],
    );
    configure(&sandbox, "m = { from = \"wrk\", to = \"{dir}/m\" }");
    fails(
        &sync(&sandbox, ".", &[]),
        1,
        &["[registry.mirrors] m", "`wrk`"],
    );
    configure(&sandbox, "");
    let ran = sync(&sandbox, ".", &[]);
    fails(&ran, 1, &["no mirrors are configured", "inner = { from = "]);
}

#[test]
fn a_project_cannot_choose_where_copies_go() {
    let sandbox = with("own = { from = \"{url}\", to = \"{dir}/own\" }");
    let project = |to: &str| {
        let mirrors = "[registry.mirrors]\nmine = { from = \"{url}\", to = \"<to>\" }\n";
        let mirrors = place(&sandbox, mirrors).replace("<to>", &place(&sandbox, to));
        sandbox.package("app", "app", "0.1.0", &mirrors).unwrap();
        sync(&sandbox, "app", &["mine"])
    };
    let ran = project("{dir}/elsewhere");
    fails(&ran, 1, &["your own configuration does not know"]);
    assert!(!sandbox.path("elsewhere").exists());
    let ran = project("{dir}/own");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(sandbox.path("own/packages/a/index.json").is_file());
}
