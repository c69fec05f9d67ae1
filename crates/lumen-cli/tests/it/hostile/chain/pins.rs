//! `[registry.roots]` names a registry that is reached as the default, by flag, by variable or
//! by URL.

use lumen_core::Digest;
use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    world::{World, key},
};

use super::{refused, show};
use crate::{bare, fails};

/// A registry with `dep`.
fn world() -> World {
    let (owner, mut world) = (key("owner", 7), World::new("example/1f"));
    world.claim("dep", &owner);
    world.publish_files("dep", "1.0.0", &[], "# evil\n", &owner);
    world.seal();
    world
}

/// A project that calls the registry `work`, with more of `[registry]` and a pin.
fn project(sandbox: &Sandbox, registry: &str, name: &str, pin: Digest) {
    let url = sandbox.registry_url();
    let more = format!(
        "[dependencies]\ndep = \"^1\"\n[registry]\n{registry}\n[registry.registries]\n\
         work = \"{url}\"\n[registry.roots]\n\"{name}\" = \"{pin}\"\n"
    );
    sandbox.package("app", "app", "1.0.0", &more).unwrap();
}

/// Runs an install with this flag and variable.
fn install(sandbox: &Sandbox, flag: Option<&str>, variable: Option<&str>) -> Ran {
    let flag: Vec<&str> = flag
        .into_iter()
        .flat_map(|name| ["--registry", name])
        .collect();
    let mut command = sandbox.command("app", &[&["pkg", "install"][..], &flag].concat());
    match variable {
        Some(name) => command.env("LUMEN_REGISTRY", name),
        None => command.env_remove("LUMEN_REGISTRY"),
    };
    Ran::of(&command.output().unwrap())
}

#[test]
fn a_pin_by_name_holds_however_the_registry_is_reached() {
    let sandbox = bare();
    let world = world();
    show(&sandbox, &world);
    let url = sandbox.registry_url();
    let slash = format!("{url}/");
    let ways = [
        ("default = \"work\"", None, None),
        ("", Some("work"), None),
        ("", None, Some("work")),
        ("", Some(url.as_str()), None),
        ("", None, Some(slash.as_str())),
    ];
    for name in ["work", &url] {
        for (registry, flag, variable) in ways {
            project(&sandbox, registry, name, Digest::of(b"another"));
            let said = ["the registry's fingerprint is", "the pinned fingerprint is"];
            refused(&sandbox, || install(&sandbox, flag, variable), &said);
            project(&sandbox, registry, name, world.fingerprint());
            let ran = install(&sandbox, flag, variable);
            assert_eq!(ran.code, Some(0), "{ran:#?}");
            assert!(!ran.err.contains("warning"), "{ran:#?}");
            for made in ["app", "home"] {
                std::fs::remove_dir_all(sandbox.path(made)).unwrap();
            }
        }
    }
}

/// What is accepted, too.
#[test]
fn a_pin_by_name_holds_for_what_is_accepted() {
    let sandbox = bare();
    show(&sandbox, &world());
    project(
        &sandbox,
        "default = \"work\"",
        "work",
        Digest::of(b"another"),
    );
    let url = sandbox.registry_url();
    for registry in ["default", "work", &url] {
        let ran = sandbox
            .run("app", &["trust", "accept", registry, "--yes"])
            .unwrap();
        fails(&ran, 3, &["the pinned fingerprint is"]);
    }
}

#[test]
fn a_pin_that_no_registry_has_is_told() {
    let sandbox = bare();
    let world = world();
    show(&sandbox, &world);
    project(
        &sandbox,
        "default = \"work\"",
        "wrok",
        Digest::of(b"another"),
    );
    let ran = install(&sandbox, None, None);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let said = "no registry is called `wrok`, so this pin protects nothing";
    assert_eq!(ran.err.matches(said).count(), 1, "{ran:#?}");
    assert!(
        ran.err.contains("lumen.toml:") && ran.err.contains("did you mean `work`?"),
        "{ran:#?}"
    );
}

#[test]
fn two_pins_of_one_registry_must_agree() {
    let sandbox = bare();
    let world = world();
    show(&sandbox, &world);
    project(&sandbox, "default = \"work\"", "work", world.fingerprint());
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    for (other, is_good) in [(world.fingerprint(), true), (Digest::of(b"another"), false)] {
        let more = format!("{manifest}default = \"{other}\"\n");
        sandbox.write("app/lumen.toml", &more).unwrap();
        let ran = install(&sandbox, None, None);
        match is_good {
            true => assert_eq!(ran.code, Some(0), "{ran:#?}"),
            false => fails(&ran, 1, &["are one registry", "pin different roots"]),
        }
    }
}
