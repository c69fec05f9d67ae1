//! Which versions are chosen, and from which registry.

use lumen_core::resolve::Order;
use lumen_ops::{
    OpsError,
    resolve::{ResolveOptions, Unlock},
    verbs,
};
use lumen_registry::storage::{Fault, FaultKind};

use crate::{MAIN, Machine, OTHER, add, error, name, version};

/// A machine with the registries `default` and, as its upstream, `other`.
fn with_upstream() -> Machine {
    let mut machine = Machine::new();
    machine.found(OTHER, true).unwrap();
    machine.configure(&format!(
        "[registry]\nupstreams = [\"other\"]\n\n[registry.registries]\nother = \"{OTHER}\"\n"
    ));
    machine
}

/// Publishes a package to the other registry.
fn publish_to_other(machine: &mut Machine, package: &str, number: &str) {
    let before = machine.options.registry.replace(OTHER.into());
    machine.publish(package, number, &[]);
    machine.options.registry = before;
}

/// The registries that the locked packages are from, as `name registry`.
fn sources(machine: &Machine) -> Vec<String> {
    let project = machine.run(|session| session.project().unwrap());
    let packages = lumen_ops::lookup::registry_packages(&project).into_iter();
    packages
        .map(|(name, _, registry)| format!("{name} {registry}"))
        .collect()
}

#[test]
fn the_lowest_order_takes_the_oldest_versions_that_fit() {
    let mut machine = Machine::new();
    for number in ["1.0.0", "1.1.0", "1.2.0"] {
        machine.publish("url", number, &[]);
    }
    machine.project(&[("url", "^1.1.0")]);
    let lowest = ResolveOptions {
        order: Order::Lowest,
        ..ResolveOptions::default()
    };
    machine.install_with(&lowest).unwrap();
    assert_eq!(machine.locked(), ["app 0.1.0", "url 1.1.0"]);
    // The lock stays where it fits, whatever the order.
    machine.install().unwrap();
    assert_eq!(machine.locked(), ["app 0.1.0", "url 1.1.0"]);
}

#[test]
fn releases_after_a_moment_can_be_left_out() {
    let mut machine = Machine::new();
    machine.publish("url", "1.0.0", &[]);
    let then = machine.options.now;
    machine.options.now = "2026-02-01T00:00:00Z".parse().unwrap();
    machine.publish("url", "1.1.0", &[]);
    machine.project(&[("url", "^1.0.0")]);
    let early = ResolveOptions {
        exclude_newer: Some(then.as_second()),
        ..ResolveOptions::default()
    };
    machine.install_with(&early).unwrap();
    assert_eq!(machine.locked(), ["app 0.1.0", "url 1.0.0"]);
    machine.project(&[("url", "^1.1.0")]);
    assert!(matches!(
        machine.install_with(&early),
        Err(OpsError::Conflict(_))
    ));
}

#[test]
fn a_yanked_version_is_chosen_only_where_it_is_locked() {
    let mut machine = Machine::new();
    machine.publish("url", "1.0.0", &[]);
    machine.publish("url", "1.1.0", &[]);
    machine.project(&[("url", "^1.0.0")]);
    machine.install().unwrap();
    let verdict = verbs::yank::Verdict::Yank("broken");
    machine
        .run(|session| verbs::yank::yank(session, &name("url"), &version("1.1.0"), verdict))
        .unwrap();
    machine.told();
    let again = ResolveOptions {
        unlock: Unlock::Names([name("http")].into()),
        ..ResolveOptions::default()
    };
    machine.install_with(&again).unwrap();
    assert_eq!(machine.locked(), ["app 0.1.0", "url 1.1.0"]);
    assert_eq!(
        machine.told(),
        [
            "Resolving …",
            "… finished",
            "warning: `url` 1.1.0 is yanked: broken; Update(\"url\")",
            "(Found 1 in the store, 0 to download)",
        ]
    );
    let all = ResolveOptions {
        unlock: Unlock::All,
        ..ResolveOptions::default()
    };
    machine.install_with(&all).unwrap();
    assert_eq!(machine.locked(), ["app 0.1.0", "url 1.0.0"]);
}

#[test]
fn a_deprecated_package_is_told_once_for_each_new_lock() {
    let mut machine = Machine::signed();
    machine.publish("url", "1.0.0", &[]);
    machine.publish("uri", "1.0.0", &[]);
    let action = lumen_core::trust::Action::Deprecate {
        replacement: Some(name("uri")),
        reason: "has a better name now".into(),
    };
    machine
        .run(|session| verbs::deprecate::deprecate(session, &name("url"), action))
        .unwrap();
    machine.project(&[("url", "^1.0.0")]);
    machine.install().unwrap();
    assert_eq!(
        machine.warnings(),
        ["warning: `url` is deprecated: has a better name now; use `uri` in its place"]
    );
    machine.install().unwrap();
    assert_eq!(machine.warnings(), [""; 0]);
}

#[test]
fn an_upstream_is_asked_for_what_the_first_registry_lacks() {
    let mut machine = with_upstream();
    publish_to_other(&mut machine, "url", "1.0.0");
    publish_to_other(&mut machine, "http", "2.0.0");
    machine.publish("http", "1.0.0", &[]);
    machine.project(&[("http", "*"), ("url", "^1.0.0")]);
    machine.install().unwrap();
    assert_eq!(sources(&machine), ["http default", "url other"]);
    assert_eq!(machine.locked(), ["app 0.1.0", "http 1.0.0", "url 1.0.0"]);
}

#[test]
fn an_upstream_is_not_asked_while_it_is_unknown_what_the_first_registry_has() {
    let mut machine = with_upstream();
    publish_to_other(&mut machine, "url", "1.0.0");
    machine.project(&[("url", "^1.0.0")]);
    machine.main.set_fault(Some(Fault {
        at: 1,
        kind: FaultKind::Fail,
        dead_afterwards: true,
    }));
    assert!(matches!(machine.install(), Err(OpsError::Read(_))));
    assert!(!machine.path("project/lumen.lock").exists());
}

#[test]
fn a_locked_package_does_not_move_to_a_registry_in_front_unasked() {
    let mut machine = with_upstream();
    publish_to_other(&mut machine, "url", "1.0.0");
    machine.project(&[("url", "^1.0.0")]);
    machine.install().unwrap();
    assert_eq!(sources(&machine), ["url other"]);
    machine.publish("url", "1.5.0", &[]);
    machine.publish("json", "1.0.0", &[]);
    machine.project(&[("json", "^1.0.0"), ("url", "^1.0.0")]);
    machine.install().unwrap();
    assert_eq!(sources(&machine), ["json default", "url other"]);
    machine.told();
    let all = ResolveOptions {
        unlock: Unlock::All,
        ..ResolveOptions::default()
    };
    machine.install_with(&all).unwrap();
    assert_eq!(sources(&machine), ["json default", "url default"]);
    assert_eq!(
        machine.warnings(),
        [
            "warning: `url` comes from the registry `default` now, not from `other`; if that is not meant, name the registry: `url = { version = \"…\", registry = \"other\" }`"
        ]
    );
}

#[test]
fn add_writes_a_caret_of_the_newest_version_and_installs() {
    let mut machine = Machine::new();
    machine.publish("url", "1.2.3", &[]);
    machine.publish("url", "2.0.0-rc.1", &[]);
    machine.project(&[]);
    let (added, outcome) = machine
        .run(|session| verbs::add::add(session, &[add("url")], &ResolveOptions::default()))
        .unwrap();
    assert_eq!(added[0].constraint.as_ref().unwrap().to_string(), "^1.2.3");
    assert_eq!(outcome.packages, 1);
    assert!(
        machine
            .read("project/lumen.toml")
            .contains("url = \"^1.2.3\"")
    );
    assert_eq!(machine.locked(), ["app 0.1.0", "url 1.2.3"]);
}

#[test]
fn what_cannot_be_added_changes_no_manifest() {
    let mut machine = Machine::new();
    machine.publish("url", "1.0.0", &[]);
    machine.project(&[]);
    let before = machine.read("project/lumen.toml");
    let add = |text: &str| {
        let added = machine
            .run(|session| verbs::add::add(session, &[add(text)], &ResolveOptions::default()));
        assert_eq!(machine.read("project/lumen.toml"), before, "{text}");
        assert!(!machine.path("project/lumen.lock").exists());
        added
    };
    match add("urll") {
        Err(OpsError::NoSuchRelease {
            name,
            version: None,
            nearest,
        }) => {
            assert_eq!((name.as_str(), nearest.as_deref()), ("urll", Some("url")));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(add("url@^2.0.0"), Err(OpsError::Conflict(_))));
    assert!(matches!(add("No Good"), Err(OpsError::Name { .. })));
    assert_eq!(error(add("app")), "`app` cannot depend on itself");
    assert_eq!(
        error(add("url@nonsense")),
        "`url` has no channel `nonsense`"
    );
    assert_eq!(
        error(add("url@^nonsense")),
        "`^nonsense` is not a version constraint: a version number was expected, not `n`"
    );
}

#[test]
fn remove_takes_a_dependency_out_and_names_one_that_is_close() {
    let mut machine = Machine::new();
    machine.publish("url", "1.0.0", &[]);
    machine.project(&[("url", "^1.0.0")]);
    machine.install().unwrap();
    let remove = |text: &str| {
        let names = [text.to_owned()];
        machine.run(|session| verbs::remove::remove(session, &names, &ResolveOptions::default()))
    };
    assert_eq!(
        machine.relative(&error(remove("urk"))),
        "`lumen.toml` has no dependency `urk`"
    );
    let outcome = remove("url").unwrap();
    assert_eq!(outcome.changes.removed, [(name("url"), version("1.0.0"))]);
    assert_eq!(machine.locked(), ["app 0.1.0"]);
    assert!(!machine.read("project/lumen.toml").contains("url"));
}

#[test]
fn a_breaking_update_raises_what_keeps_the_newest_release_out() {
    let mut machine = Machine::new();
    for number in ["1.0.0", "2.0.0"] {
        machine.publish("url", number, &[]);
    }
    machine.project(&[("url", "^1.0.0")]);
    machine.install().unwrap();
    let update = |breaking| {
        let options = ResolveOptions::default();
        machine.run(|session| verbs::update::update(session, &[], None, breaking, &options))
    };
    let (raised, outcome) = update(false).unwrap();
    assert!(raised.is_empty() && outcome.changes.is_empty());
    let (raised, _) = update(true).unwrap();
    assert_eq!(raised[0].constraint.as_ref().unwrap().to_string(), "^2.0.0");
    assert_eq!(machine.locked(), ["app 0.1.0", "url 2.0.0"]);
    assert!(machine.read("project/lumen.toml").contains("^2.0.0"));
}

#[test]
fn an_update_of_a_package_that_is_not_locked_is_refused() {
    let mut machine = Machine::new();
    machine.publish("url", "1.0.0", &[]);
    machine.project(&[("url", "^1.0.0")]);
    machine.install().unwrap();
    let names = ["urk".to_owned()];
    let options = ResolveOptions::default();
    let updated =
        machine.run(|session| verbs::update::update(session, &names, None, false, &options));
    assert_eq!(error(updated), "`urk` is not a package of this project");
}

#[test]
fn outdated_tells_what_is_accepted_what_is_newest_and_what_was_yanked() {
    let mut machine = Machine::new();
    for number in ["1.0.0", "1.1.0", "2.0.0"] {
        machine.publish("url", number, &[]);
    }
    machine.publish("http", "1.0.0", &[]);
    machine.project(&[("http", "^1.0.0"), ("url", "1.0.0")]);
    let outdated = || machine.run(verbs::outdated::outdated);
    assert_eq!(error(outdated()), "there is no `lumen.lock` yet");
    machine.install().unwrap();
    let rows = outdated().unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((row.name.as_str(), row.direct), ("url", true));
    assert_eq!(row.wanted, Some(version("1.0.0")));
    assert_eq!(row.latest, Some(version("2.0.0")));
    assert_eq!(row.yanked, None);
}

#[test]
fn search_finds_in_all_registries_each_package_once() {
    let mut machine = with_upstream();
    machine.publish("url", "1.0.0", &[]);
    publish_to_other(&mut machine, "url", "9.0.0");
    publish_to_other(&mut machine, "url-parse", "1.0.0");
    let found = machine
        .run(|session| verbs::search::search(session, &["url".into()], 10))
        .unwrap();
    let line = |entry: &lumen_core::index::PackageEntry| {
        let latest = entry.latest.as_ref().map(ToString::to_string);
        format!("{} {}", entry.name, latest.unwrap_or_default())
    };
    assert_eq!(
        found.iter().map(line).collect::<Vec<_>>(),
        ["url 1.0.0", "url-parse 1.0.0"]
    );
    let one = machine
        .run(|session| verbs::search::search(session, &["url".into()], 1))
        .unwrap();
    assert_eq!(one.len(), 1);
}

#[test]
fn info_says_what_a_registry_knows_of_a_package() {
    let mut machine = Machine::new();
    machine.publish("url", "1.0.0", &[]);
    machine.publish("url", "1.1.0", &[]);
    let info = |text: &str| machine.run(|session| verbs::info::info(session, text));
    let newest = info("url").unwrap();
    assert_eq!(newest.registry, MAIN);
    assert_eq!(newest.index.versions, [version("1.0.0"), version("1.1.0")]);
    assert_eq!(newest.release.unwrap().version, version("1.1.0"));
    assert_eq!(
        info("url@1.0.0").unwrap().release.unwrap().version,
        version("1.0.0")
    );
    match info("url@1.0.1") {
        Err(OpsError::NoSuchRelease {
            version: Some(asked),
            nearest,
            ..
        }) => {
            assert_eq!(
                (asked, nearest.as_deref()),
                (version("1.0.1"), Some("1.0.0"))
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        info("urk"),
        Err(OpsError::NoSuchRelease { version: None, .. })
    ));
}

#[test]
fn a_release_is_chosen_once_it_is_old_enough() {
    let mut machine = Machine::signed();
    machine.publish("url", "1.0.0", &[]);
    let first = machine.options.now;
    let day = |day: i64| first + jiff::SignedDuration::from_hours(24 * day);
    machine.options.now = day(10);
    machine.publish("url", "1.1.0", &[]);
    // Dated back with a stolen key: it is not older than the release before it.
    machine.options.now = day(-60);
    machine.publish("url", "1.2.0", &[]);
    machine.configure("[policy]\nminimum-release-age = \"7d\"\n");
    let install = |machine: &mut Machine, at| {
        machine.options.now = day(at);
        machine.project(&[("url", "^1.0.0")]);
        let _ = std::fs::remove_file(machine.path("project/lumen.lock"));
        machine.install().map(|_| machine.locked())
    };
    assert!(install(&mut machine, 6).is_err());
    assert_eq!(
        install(&mut machine, 8).unwrap(),
        ["app 0.1.0", "url 1.0.0"]
    );
    assert_eq!(
        install(&mut machine, 16).unwrap(),
        ["app 0.1.0", "url 1.0.0"]
    );
    assert_eq!(
        install(&mut machine, 18).unwrap(),
        ["app 0.1.0", "url 1.2.0"]
    );
}
