//! Packages that nobody asked for and that are imported like one that somebody did.

use crate::{fails, publish, sandbox};

/// A registry in which `wanted` is an honest package, and `honest-1` needs `hostile`.
fn world(wanted: &str, hostile: &str) -> lumen_testkit::sandbox::Sandbox {
    let sandbox = sandbox();
    for name in [wanted, hostile] {
        let folder = format!("libs/{}", name.replace('/', "+"));
        sandbox.package(&folder, name, "1.0.0", "").unwrap();
    }
    let path = |name: &str| format!("path = \"../libs/{}\"", name.replace('/', "+"));
    let more = format!("[dependencies]\n\"{hostile}\" = {{ {} }}\n", path(hostile));
    sandbox.package("middle", "middle", "1.0.0", &more).unwrap();
    let more = format!(
        "[dependencies]\nmiddle = {{ path = \"../middle\" }}\n\"{wanted}\" = {{ {} }}\n",
        path(wanted)
    );
    sandbox.package("app", "app", "1.0.0", &more).unwrap();
    sandbox
}

#[test]
fn what_was_asked_for_is_what_is_imported() {
    for (wanted, hostile, import) in [
        ("my_utils", "my-utils", "my_utils"),
        ("my.utils", "my-utils", "my_utils"),
        ("my", "@my/utils", "my"),
        ("@my/utils", "my", "my/utils"),
        ("@my_org/utils", "@my-org/utils", "my_org/utils"),
    ] {
        let sandbox = world(wanted, hostile);
        let ran = sandbox.ok("app", &["pkg", "install"]).unwrap();
        let linked = sandbox.read(&format!("app/{import}/main.lm.md")).unwrap();
        assert_eq!(linked, format!("# {wanted} 1.0.0\n"), "{ran:#?}");
        if wanted != "@a/x" {
            let told = format!("`{hostile}` has the import path");
            assert!(ran.err.contains(&told), "{ran:#?}");
        }
    }
}

#[test]
fn two_that_were_asked_for_are_an_error() {
    let sandbox = world("my_utils", "my-utils");
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    let both = format!("{manifest}my-utils = {{ path = \"../libs/my-utils\" }}\n");
    sandbox.write("app/lumen.toml", &both).unwrap();
    let lines = both.lines().count();
    let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
    let places = [lines, lines - 1].map(|line| format!("lumen.toml:{line}:1"));
    fails(
        &ran,
        1,
        &[
            "`my-utils` and `my_utils`",
            "as `my_utils`",
            &places[0],
            &places[1],
            "hint:",
        ],
    );
    assert!(!sandbox.path("app/lumen.lock").exists());
    assert!(!sandbox.path("app/my_utils").exists());
}

#[test]
fn a_link_that_another_package_had_is_taken_over() {
    let sandbox = sandbox();
    publish(&sandbox, "my-utils", "1.0.0", "");
    let needs = "[dependencies]\nmy-utils = \"1\"\n";
    publish(&sandbox, "middle", "1.0.0", needs);
    let middle = "[dependencies]\nmiddle = \"1\"\n";
    sandbox.package("app", "app", "1.0.0", middle).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let linked = || sandbox.read("app/my_utils/main.lm.md").unwrap();
    assert_eq!(linked(), "# my-utils 1.0.0\n");
    sandbox.package("mine", "my_utils", "2.0.0", "").unwrap();
    let more = format!("{middle}my_utils = {{ path = \"../mine\" }}\n");
    sandbox.package("app", "app", "1.0.0", &more).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert_eq!(linked(), "# my_utils 2.0.0\n");
}
