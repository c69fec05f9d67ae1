//! What is loaded for a resolution, and what is not.

mod answers;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use lumen_core::{
    Constraint, Digest, Requirement,
    constraint::Dialect,
    index::Artifact,
    key::ArtifactKind,
    resolve::{Availability, Catalog, CatalogPackage, CatalogVersion, Request, Root},
};
use lumen_registry::{
    Freshness, Registry, RegistryOptions, Storage,
    loader::{LoadError, Loaded, Routes, load_and_resolve},
    publish::publish,
    storage::MemoryStorage,
};

use crate::{
    block_on, name, request,
    server::{Server, answer, not_found},
    version,
};

fn need(package: &str, constraint: &str) -> Requirement {
    let constraint = Constraint::parse(constraint, Dialect::Lumen).unwrap();
    Requirement::new(name(package), constraint)
}

pub fn asking(needs: &[(&str, &str)]) -> Request {
    let requirements = needs.iter().map(|(name, text)| need(name, text)).collect();
    Request {
        roots: vec![Root {
            requirements,
            ..Default::default()
        }],
        ..Default::default()
    }
}

pub fn resolve(routes: &Routes, request: &Request) -> Result<Loaded, LoadError> {
    block_on(load_and_resolve(routes, &BTreeMap::new(), request))
}

fn solved(routes: &Routes, request: &Request) -> String {
    match resolve(routes, request) {
        Ok(loaded) => chosen(&loaded),
        Err(error) => panic!("{error}"),
    }
}

fn chosen(loaded: &Loaded) -> String {
    let packages = loaded.resolution.packages.iter();
    let texts: Vec<String> = packages
        .map(|(name, resolved)| format!("{name} {}", resolved.version))
        .collect();
    texts.join(", ")
}

fn conflict(routes: &Routes, request: &Request) -> Catalog {
    match resolve(routes, request) {
        Err(LoadError::Conflict { catalog, .. }) => *catalog,
        other => panic!("{other:?}"),
    }
}

fn routes(registry: &Registry) -> Routes {
    Routes::new(Some(registry.clone()))
}

/// Package, version, dependencies.
type Published<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// A published registry.
fn published(releases: &[Published<'_>]) -> Registry {
    let storage = Storage::Memory(MemoryStorage::new());
    block_on(async {
        for (package, number, deps) in releases {
            let mut wanted = request(package, number, &format!("{package} {number}"));
            for (dependency, text) in *deps {
                let constraint = Constraint::parse(text, Dialect::Lumen).unwrap();
                wanted.release.deps.insert(name(dependency), constraint);
            }
            publish(&storage, &wanted).await.unwrap();
        }
    });
    Registry::on("local", storage)
}

type Files = Arc<Mutex<BTreeMap<String, String>>>;

/// A hand-made registry behind HTTP: no `releases` in its indexes.
struct HandMade {
    server: Server,
    files: Files,
    cache: tempfile::TempDir,
}

impl HandMade {
    fn new(releases: &[Published<'_>]) -> Self {
        let files = Files::default();
        let current = Arc::clone(&files);
        let server = Server::start(move |asked| {
            match current.lock().unwrap().get(&asked.path).map(String::as_str) {
                None => not_found(),
                Some("500") => answer("500 Oops", &[], b""),
                Some(body) => answer("200 OK", &["Cache-Control: max-age=60"], body.as_bytes()),
            }
        });
        let world = Self {
            server,
            files,
            cache: tempfile::tempdir().unwrap(),
        };
        let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (package, number, deps) in releases {
            versions.entry(package).or_default().push(number);
            world.release(package, number, deps, "");
        }
        for (package, versions) in versions {
            world.index(package, &versions);
        }
        world
    }

    fn put(&self, path: &str, body: impl Into<String>) {
        self.files.lock().unwrap().insert(path.into(), body.into());
    }

    fn index(&self, package: &str, versions: &[&str]) {
        let body = format!(r#"{{"name": "{package}", "versions": {versions:?}, "yanked": {{}}}}"#);
        self.put(&format!("/packages/{package}/index.json"), body);
    }

    fn release(&self, package: &str, number: &str, deps: &[(&str, &str)], more: &str) {
        let artifact = Artifact::new(ArtifactKind::Tar, Digest::of(b"x"), 1);
        let deps: BTreeMap<&str, &str> = deps.iter().copied().collect();
        let body = format!(
            r#"{{"name": "{package}", "version": "{number}", "deps": {deps:?}, {more}
                "artifacts": [{{"kind": "tar", "url": "{}", "hash": "{}", "size": 1}}]}}"#,
            artifact.url, artifact.hash
        );
        self.put(&format!("/packages/{package}/{number}.json"), body);
    }

    fn registry(&self, freshness: Freshness) -> Registry {
        self.server.registry(RegistryOptions {
            cache: Some(self.cache.path().into()),
            freshness,
            ..Default::default()
        })
    }

    fn routes(&self) -> Routes {
        routes(&self.registry(Freshness::Normal))
    }

    /// What was asked for since the last call, sorted; that the registry is unsigned is another matter.
    fn asked(&self) -> Vec<String> {
        let mut paths = self.server.take();
        paths.sort();
        let short = |path: String| path.strip_prefix("/packages/").map(str::to_owned);
        paths.into_iter().filter_map(short).collect()
    }
}

#[test]
fn summaries_are_enough() {
    let registry = published(&[
        ("app", "1.0.0", &[("left", "^1.0.0"), ("right", "^1.0.0")]),
        ("left", "1.0.0", &[("base", ">=1.0.0 <2.0.0")]),
        ("right", "1.2.0", &[("base", "~1.1.0")]),
        ("base", "1.0.0", &[]),
        ("base", "1.1.3", &[]),
        ("base", "1.4.0", &[("unneeded", "*")]),
    ]);
    let loaded = resolve(&routes(&registry), &asking(&[("app", "*")])).unwrap();
    assert_eq!(
        chosen(&loaded),
        "app 1.0.0, base 1.1.3, left 1.0.0, right 1.2.0"
    );
    let base = &loaded.chosen[&name("base")];
    assert_eq!(base.registry.name(), "local");
    assert_eq!(base.summary.artifacts.len(), 2);
    let release = block_on(registry.release(&name("base"), &version("1.1.3"), None));
    assert_eq!(base.summary.metadata, Some(release.unwrap().unwrap().1));
}

#[test]
fn of_a_hand_made_registry_only_the_likely_files_are_read() {
    let world = HandMade::new(&[
        ("app", "0.9.0", &[]),
        ("app", "1.0.0", &[("lib", "^1.0.0")]),
        ("lib", "1.0.0", &[]),
        ("lib", "1.1.0", &[]),
        ("lib", "2.0.0", &[]),
    ]);
    let loaded = resolve(&world.routes(), &asking(&[("app", "*")])).unwrap();
    assert_eq!(chosen(&loaded), "app 1.0.0, lib 1.1.0");
    assert!(
        loaded
            .chosen
            .values()
            .all(|chosen| chosen.summary.metadata.is_some())
    );
    let files = [
        "app/1.0.0.json",
        "app/index.json",
        "lib/1.1.0.json",
        "lib/index.json",
    ];
    assert_eq!(world.asked(), files);
    // A second process has it all.
    drop(loaded);
    assert_eq!(
        solved(&world.routes(), &asking(&[("app", "*")])),
        "app 1.0.0, lib 1.1.0"
    );
    assert_eq!(world.asked(), Vec::<String>::new());
}

#[test]
fn locked_versions_are_the_likely_ones() {
    let world = HandMade::new(&[("lib", "1.0.0", &[]), ("lib", "1.1.0", &[])]);
    let mut request = asking(&[("lib", "^1.0.0")]);
    request.locked.insert(name("lib"), version("1.0.0"));
    assert_eq!(solved(&world.routes(), &request), "lib 1.0.0");
    assert_eq!(world.asked(), ["lib/1.0.0.json", "lib/index.json"]);
    request.unlock.insert(name("lib"));
    assert_eq!(solved(&world.routes(), &request), "lib 1.1.0");
    assert_eq!(world.asked(), ["lib/1.1.0.json"]);
}

#[test]
fn backtracking_loads_more() {
    let releases: &[Published<'_>] = &[
        ("app", "1.0.0", &[("old", "*")]),
        ("app", "1.1.0", &[("lib", "^2.0.0")]),
        ("app", "1.2.0", &[("lib", "^2.0.0")]),
        ("app", "1.3.0", &[("lib", "^2.0.0")]),
        ("app", "1.4.0", &[("lib", "^3.0.0")]),
        ("lib", "1.0.0", &[]),
        ("lib", "2.0.0", &[]),
        ("lib", "3.0.0", &[]),
        ("old", "0.1.0", &[]),
    ];
    let request = asking(&[("app", "*"), ("lib", "^1.0.0")]);
    let expected = "app 1.0.0, lib 1.0.0, old 0.1.0";
    assert_eq!(solved(&routes(&published(releases)), &request), expected);
    assert_eq!(
        solved(&HandMade::new(releases).routes(), &request),
        expected
    );
}

#[test]
fn a_spoilt_version_is_passed_over() {
    let world = HandMade::new(&[
        ("a", "1.0.0", &[]),
        ("b", "1.0.0", &[]),
        ("c", "1.0.0", &[]),
    ]);
    for package in ["a", "b", "c"] {
        world.index(package, &["1.0.0", "1.1.0"]);
    }
    world.put("/packages/a/1.1.0.json", "{\"name\": \"a\",");
    world.release("b", "1.1.0", &[], "");
    let address =
        world.files.lock().unwrap()["/packages/b/1.1.0.json"].replace("sha256/2d", "sha256/2e");
    world.put("/packages/b/1.1.0.json", address);
    // `c` 1.1.0 has no file at all.
    let request = asking(&[("a", "*"), ("b", "*"), ("c", "*")]);
    assert_eq!(
        solved(&world.routes(), &request),
        "a 1.0.0, b 1.0.0, c 1.0.0"
    );
    let catalog = conflict(&world.routes(), &asking(&[("b", "1.1.0")]));
    let contents = catalog.packages[&name("b")].versions[1].contents.get();
    assert!(
        contents
            .unwrap_err()
            .starts_with("the artifact's url is `artifacts/")
    );
}

#[test]
fn failures_of_the_host_count_only_where_they_matter() {
    let world = HandMade::new(&[
        ("app", "1.0.0", &[]),
        ("app", "1.1.0", &[("lib", "^9.0.0"), ("down", "*")]),
        ("lib", "1.0.0", &[]),
    ]);
    world.put("/packages/down/index.json", "500");
    // 1.1.0 is impossible anyway.
    assert_eq!(
        solved(&world.routes(), &asking(&[("app", "*")])),
        "app 1.0.0"
    );
    let error = resolve(&world.routes(), &asking(&[("down", "*")])).unwrap_err();
    let url = world.server.url();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot load `down`: cannot read `{url}/packages/down/index.json`: the server answered with status 500"
        )
    );
    world.put("/packages/lib/1.0.0.json", "500");
    let error = resolve(&world.routes(), &asking(&[("lib", "*")])).unwrap_err();
    assert!(matches!(error, LoadError::Read { .. }), "{error}");
}

#[test]
fn an_absent_package_comes_with_suggestions() {
    let local = published(&[("my-utils", "1.0.0", &[])]);
    let other = Registry::on(
        "other",
        published(&[("elsewhere", "1.0.0", &[])]).storage().clone(),
    );
    let mut routes = routes(&local);
    routes.mention(other.clone());
    let catalog = conflict(&routes, &asking(&[("elsewhere", "*")]));
    let package = &catalog.packages[&name("elsewhere")];
    assert_eq!(package.availability, Availability::Absent);
    assert_eq!(package.source, "registry `local`");
    assert_eq!(package.elsewhere, ["other"]);
    assert_eq!(catalog.known_names, [name("my-utils")]);
    // A pinned name is not told to others.
    routes.pin(name("elsewhere"), local);
    let catalog = conflict(&routes, &asking(&[("elsewhere", "*")]));
    assert_eq!(
        catalog.packages[&name("elsewhere")].elsewhere,
        Vec::<String>::new()
    );
    // Pinned to where it is, it is found.
    routes.pin(name("elsewhere"), other);
    assert_eq!(
        solved(&routes, &asking(&[("elsewhere", "*")])),
        "elsewhere 1.0.0"
    );
}

#[test]
fn scopes_are_pinned() {
    let company = published(&[("@org/lib", "2.0.0", &[("lib", "*")])]);
    let public = published(&[("@org/lib", "9.0.0", &[]), ("lib", "1.0.0", &[])]);
    let mut routes = routes(&Registry::on("public", public.storage().clone()));
    routes.pin_scope("@org", Registry::on("company", company.storage().clone()));
    assert_eq!(
        solved(&routes, &asking(&[("@org/lib", "*")])),
        "@org/lib 2.0.0, lib 1.0.0"
    );
}

#[test]
fn no_registry_at_all() {
    let error = resolve(&Routes::new(None), &asking(&[("a", "*")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`a` is needed, but no registry is configured"
    );
    assert_eq!(solved(&Routes::new(None), &asking(&[])), "");
}

#[test]
fn local_packages_are_followed_not_looked_up() {
    let registry = published(&[("lib", "1.0.0", &[]), ("mine", "9.0.0", &[])]);
    let mine =
        CatalogVersion::new(version("0.1.0")).with(vec![need("lib", "^1.0.0")], Default::default());
    let local = BTreeMap::from([(name("mine"), CatalogPackage::local("path ../mine", mine))]);
    let request = asking(&[("mine", "*")]);
    let loaded = block_on(load_and_resolve(&routes(&registry), &local, &request)).unwrap();
    assert_eq!(chosen(&loaded), "lib 1.0.0, mine 0.1.0");
    assert!(!loaded.chosen.contains_key(&name("mine")));
}
