//! Which versions are chosen, and which contents the resolver asks for.

mod support;

use std::collections::BTreeMap;

use insta::assert_snapshot;
use lumen_core::{
    Version,
    resolve::{Catalog, Contents, Need, Order, Outcome, Request, Resolution, activate, resolve},
};
use support::{catalog, lock, name_of, outcome, request, requirements};

const PACKAGES: &str = "
    http 1.0.0 -> json ^1, log? ^1 | feature default = trace | feature trace = dep:log
    http 1.1.0 -> json ^1, log? ^1 | feature default = trace | feature trace = dep:log
    http 2.0.0-rc.1 -> json ^2
    json 1.0.0
    json 1.1.0
    json 1.2.0 | yanked broken
    json 2.0.0
    log 1.0.0";

#[test]
fn newest_locked_lowest() {
    let catalog = catalog(PACKAGES);
    let mut request = request("http ^1");
    assert_snapshot!(outcome(&catalog, &request), @"http 1.1.0 [default trace], json 1.1.0, log 1.0.0");
    lock(&mut request, "http 1.0.0, json 1.0.0, gone 1.0.0");
    assert_snapshot!(outcome(&catalog, &request), @"http 1.0.0 [default trace], json 1.0.0, log 1.0.0");
    request.unlock.insert(name_of("json"));
    assert_snapshot!(outcome(&catalog, &request), @"http 1.0.0 [default trace], json 1.1.0, log 1.0.0");
    request.locked.clear();
    request.order = Order::Lowest;
    assert_snapshot!(outcome(&catalog, &request), @"http 1.0.0 [default trace], json 1.0.0, log 1.0.0");
}

#[test]
fn yanked_only_when_locked_at_exactly_that() {
    let catalog = catalog(PACKAGES);
    let mut request = request("json ^1");
    lock(&mut request, "json 1.2.0");
    assert_snapshot!(outcome(&catalog, &request), @"json 1.2.0");
    request.unlock.insert(name_of("json"));
    assert_snapshot!(outcome(&catalog, &request), @"json 1.1.0");
    request.unlock.clear();
    // The lock of one package says nothing about yanked versions of another.
    lock(&mut request, "json 1.0.0");
    assert_snapshot!(outcome(&catalog, &request), @"json 1.0.0");
}

#[test]
fn pre_releases_where_they_are_named() {
    let catalog = catalog(PACKAGES);
    assert_snapshot!(outcome(&catalog, &request("http >=1.0")), @"http 1.1.0 [default trace], json 1.1.0, log 1.0.0");
    assert_snapshot!(outcome(&catalog, &request("http >=2.0.0-beta")), @"http 2.0.0-rc.1, json 2.0.0");
}

#[test]
fn features_of_roots_are_all_on() {
    let catalog = catalog(PACKAGES);
    let mut request = request("http? ^1 [-]");
    assert_snapshot!(outcome(&catalog, &request), @"http 1.1.0, json 1.1.0");
    let values = vec!["http?/trace".to_owned()];
    request.roots[0].features.insert("verbose".into(), values);
    assert_snapshot!(outcome(&catalog, &request), @"http 1.1.0 [trace], json 1.1.0, log 1.0.0");
}

#[test]
fn cycles_and_self_dependencies() {
    let catalog = catalog(
        "
        a 1.0.0 -> b ^1, a ^1
        b 1.0.0 -> c ^1
        c 1.0.0 -> a ^1
        c 1.1.0 -> a ^2
        d 1.0.0 -> d? ^1 [x] | feature x =  | feature y = d/x
        e 1.0.0 -> e ^2",
    );
    assert_snapshot!(outcome(&catalog, &request("a")), @"a 1.0.0, b 1.0.0, c 1.0.0");
    assert_snapshot!(outcome(&catalog, &request("d [y]")), @"d 1.0.0 [d x y]");
    assert_snapshot!(outcome(&catalog, &request("e")), @r#"
    error: no version of `e` that is asked for can be used
      1. your lumen.toml asks for `e`
      2. `e` 1.0.0 needs another version of itself
    "#);
}

#[test]
fn scoped_names_in_features() {
    let catalog = catalog(
        "
        app 1.0.0 -> @org/http? ^1 | feature net = @org/http | feature tls = @org/http?/tls | feature all = net, tls
        @org/http 1.0.0 | feature tls =",
    );
    assert_snapshot!(outcome(&catalog, &request("app [tls]")), @"app 1.0.0 [tls]");
    assert_snapshot!(outcome(&catalog, &request("app [all]")), @"@org/http 1.0.0 [tls], app 1.0.0 [@org/http all net tls]");
}

#[test]
fn nothing_asked_nothing_chosen() {
    assert_snapshot!(outcome(&Catalog::default(), &Request::default()), @"");
}

/// Loads what is asked for until there is an answer; gives the answer and the questions.
fn load(full: &Catalog, request: &Request) -> (String, Vec<String>) {
    let mut catalog = Catalog::default();
    let mut rounds = Vec::new();
    loop {
        let needs = match resolve(&catalog, request) {
            Ok(Outcome::NeedsMore(needs)) => needs,
            _ => return (outcome(&catalog, request), rounds),
        };
        assert!(!needs.is_empty());
        let text = |need: &Need| match &need.version {
            Some(version) => format!("{} {version}", need.name),
            None => need.name.to_string(),
        };
        rounds.push(needs.iter().map(text).collect::<Vec<_>>().join(", "));
        for need in needs {
            let package = &full.packages[&need.name];
            let unloaded = || {
                let mut package = package.clone();
                for version in &mut package.versions {
                    version.contents = Contents::NotLoaded;
                }
                package
            };
            let known = catalog.packages.entry(need.name).or_insert_with(unloaded);
            for (to, from) in known.versions.iter_mut().zip(&package.versions) {
                if Some(&from.version) == need.version.as_ref() {
                    to.contents = from.contents.clone();
                }
            }
        }
    }
}

#[test]
fn what_is_missing_is_asked_for_together() {
    let full = catalog(PACKAGES);
    let (answer, rounds) = load(&full, &request("http ^1, json"));
    assert_snapshot!(answer, @"http 1.1.0 [default trace], json 1.1.0, log 1.0.0");
    assert_snapshot!(rounds.join("\n"), @r#"
    http, json
    http 1.1.0, json 2.0.0
    json 1.1.0, log
    log 1.0.0
    "#);
    // A conflict is final, whatever else could be loaded.
    let (answer, rounds) = load(&full, &request("http ^1, json ^2"));
    assert_snapshot!(answer, @r#"
    error: your lumen.toml and `http` need different versions of `json`
      1. your lumen.toml asks for `http` ^1 and `json` ^2
      2. `http` 1.x (1.0.0 to 1.1.0) needs `json` ^1
    hint: Versions("json")
    "#);
    assert_snapshot!(rounds.join("\n"), @r#"
    http, json
    http 1.1.0, json 2.0.0
    http 1.0.0
    "#);
}

#[test]
fn deferred_contents_are_computed_when_needed() {
    let mut catalog = catalog(PACKAGES);
    for package in catalog.packages.values_mut() {
        for version in &mut package.versions {
            let Contents::Loaded(contents) = version.contents.clone() else {
                continue;
            };
            let text = version.version.to_string();
            version.contents =
                Contents::deferred(!contents.features.is_empty(), move || match text.as_str() {
                    "1.0.0" => Err("its metadata is not JSON".into()),
                    _ => Ok((*contents).clone()),
                });
        }
    }
    assert_snapshot!(outcome(&catalog, &request("http ^1 [-]")), @"http 1.1.0, json 1.1.0");
    assert_snapshot!(outcome(&catalog, &request("http =1.0.0")), @r#"
    error: no version of `http` that is asked for can be used
      1. your lumen.toml asks for `http` =1.0.0
      2. `http` 1.0.0 cannot be used: its metadata is not JSON
    "#);
}

#[test]
fn activation_needs_no_solving() {
    let catalog = catalog(PACKAGES);
    let versions = |text: &[(&str, &str)]| -> BTreeMap<_, _> {
        let version = |(name, text): &(&str, &str)| (name_of(name), Version::parse(text).unwrap());
        text.iter().map(version).collect()
    };
    let mut request = request("http ^1 [-]");
    let locked = versions(&[("http", "1.0.0"), ("json", "1.2.0"), ("log", "1.0.0")]);
    let shown = |resolution: &Resolution| {
        let line = |(name, package): (&_, &lumen_core::resolve::Resolved)| {
            let needs: Vec<&str> = package.dependencies.iter().map(|d| d.as_str()).collect();
            format!(
                "{name} {} {:?} {needs:?}",
                package.version, package.features
            )
        };
        resolution
            .packages
            .iter()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_snapshot!(shown(&activate(&catalog, &request, &locked)), @r#"
    http 1.0.0 {} ["json"]
    json 1.2.0 {} []
    "#);
    request.roots[0].requirements = requirements("http ^1");
    assert_snapshot!(shown(&activate(&catalog, &request, &locked)), @r#"
    http 1.0.0 {"default", "trace"} ["json", "log"]
    json 1.2.0 {} []
    log 1.0.0 {} []
    "#);
}
