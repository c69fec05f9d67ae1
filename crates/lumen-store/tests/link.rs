//! What installs leave in a project, and what they leave alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Barrier,
};

use lumen_core::{PackageName, manifest::LinkMode};
use lumen_store::{
    Sources,
    cas::{Check, Expect, Store},
    link::{
        self, LinkError, Linked, Plan, Planned, State, state,
        vendor::{self, Vendored},
    },
    pack::{self, PackOptions},
};

struct World {
    dir: tempfile::TempDir,
    store: Store,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("project")).unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        Self { dir, store }
    }

    fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    /// A package in the store with one source file that says what it is.
    fn package(&self, name: &str, version: &str, file: &str) -> (PackageName, Planned) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "lumen.toml", name);
        write(dir.path(), file, &format!("{name} {version}"));
        let packed = pack::pack(dir.path(), &PackOptions::default()).unwrap();
        let expect = Expect {
            hash: packed.digest,
            size: None,
            plain: None,
        };
        let entry = self
            .store
            .insert(&packed.digest, &packed.tar[..], &expect)
            .unwrap()
            .entry;
        let planned = Planned {
            version: version.to_owned(),
            digest: Some(*entry.digest()),
            target: entry.tree().to_owned(),
            sources: entry.sources(),
            direct: false,
        };
        (PackageName::parse(name).unwrap(), planned)
    }

    fn plan(&self, packages: &[(&str, &str)]) -> Plan {
        let packages = packages
            .iter()
            .map(|(name, version)| self.package(name, version, "src/main.lm"));
        Plan {
            mode: LinkMode::Symlink,
            import_root: ".".into(),
            packages: packages.collect(),
            facts: BTreeMap::from([("lock".into(), "1".into())]),
        }
    }

    fn install(&self, plan: &Plan) -> Linked {
        let linked = link::install(&self.project(), plan).unwrap();
        let state = self.state();
        assert!(link::links_intact(&self.project(), &state));
        assert_eq!(state.packages.len(), plan.packages.len());
        assert_eq!((state.mode, &state.facts), (plan.mode, &plan.facts));
        let left = fs::read_dir(self.project().join(".lumen")).unwrap();
        let left = left.filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("tmp-")
        });
        assert_eq!(left.count(), 0);
        linked
    }

    fn state(&self) -> State {
        state::load(&self.project()).unwrap().unwrap()
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.project().join(path)).ok()
    }

    /// Names in the project folder, apart from `.lumen`.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.project()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != ".lumen").collect();
        names.sort();
        names
    }
}

fn write(root: &Path, path: &str, contents: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

#[test]
fn packages_are_linked_and_imported() {
    let world = World::new();
    let mut plan = world.plan(&[("my-utils", "1.0.0"), ("@org/http", "2.0.0")]);
    let (name, data) = world.package("data", "1.0.0", "data.json");
    plan.packages.insert(name, data);
    let (name, flat) = world.package("flat", "1.0.0", "main.lm");
    plan.packages.insert(name, flat);
    let linked = world.install(&plan);
    assert_eq!(linked.imports_added, ["flat", "my_utils", "org/http"]);
    assert_eq!(world.names(), ["flat", "my_utils", "org"]);
    assert_eq!(world.read("my_utils/main.lm").unwrap(), "my-utils 1.0.0");
    assert_eq!(world.read("org/http/main.lm").unwrap(), "@org/http 2.0.0");
    assert_eq!(world.read("flat/main.lm").unwrap(), "flat 1.0.0");
    assert_eq!(
        world.read(".lumen/packages/data/data.json").unwrap(),
        "data 1.0.0"
    );
    // Nothing to change.
    assert_eq!(world.install(&plan), Linked::default());

    // Another version of one, another one gone, another one new.
    let plan = world.plan(&[("my-utils", "1.1.0"), ("new", "1.0.0")]);
    let linked = world.install(&plan);
    assert_eq!(linked.imports_added, ["new"]);
    assert_eq!(linked.imports_removed, ["flat", "org/http"]);
    assert_eq!(world.names(), ["my_utils", "new"]);
    assert_eq!(world.read("my_utils/main.lm").unwrap(), "my-utils 1.1.0");
    assert_eq!(world.read(".lumen/packages/data/data.json"), None);

    // The sources of one move.
    let mut plan = world.plan(&[("new", "1.0.0")]);
    let (name, moved) = world.package("my-utils", "2.0.0", "main.lm");
    plan.packages.insert(name, moved);
    assert_eq!(world.install(&plan).imports_added, ["my_utils"]);
    assert_eq!(world.read("my_utils/main.lm").unwrap(), "my-utils 2.0.0");

    let linked = world.install(&world.plan(&[]));
    assert_eq!(linked.imports_removed, ["my_utils", "new"]);
    assert_eq!(world.names(), [""; 0]);
}

#[test]
fn an_import_root_may_be_chosen_and_changed() {
    let world = World::new();
    let mut plan = world.plan(&[("@org/http", "1.0.0")]);
    plan.import_root = "vendor/lm".into();
    world.install(&plan);
    assert_eq!(
        world.read("vendor/lm/org/http/main.lm").unwrap(),
        "@org/http 1.0.0"
    );
    write(&world.project(), "vendor/mine.txt", "");
    plan.import_root = String::new();
    world.install(&plan);
    assert_eq!(world.names(), ["org", "vendor"]);
    // Only the folders we made, and only empty ones.
    assert!(world.project().join("vendor/mine.txt").exists());
    assert!(!world.project().join("vendor/lm").exists());
    plan.import_root = "../outside".into();
    let error = link::install(&world.project(), &plan).unwrap_err();
    assert!(matches!(error, LinkError::ImportRoot(_)));
}

#[track_caller]
fn occupied(world: &World, plan: &Plan, path: &str) {
    let before = state::load(&world.project()).unwrap();
    match link::install(&world.project(), plan) {
        Err(LinkError::Occupied { path: found, .. }) => assert_eq!(found, Path::new(path)),
        other => panic!("{other:?}"),
    }
    assert_eq!(state::load(&world.project()).unwrap(), before);
}

#[test]
fn what_the_user_owns_is_left_alone() {
    let world = World::new();
    let project = world.project();
    let plan = world.plan(&[("my-utils", "1.0.0"), ("@org/http", "1.0.0")]);
    write(&project, "my_utils/mine.lm", "mine");
    occupied(&world, &plan, "my_utils");
    fs::remove_dir_all(project.join("my_utils")).unwrap();
    write(&project, "my_utils", "a file");
    occupied(&world, &plan, "my_utils");
    fs::remove_file(project.join("my_utils")).unwrap();
    write(&project, "org", "a file");
    occupied(&world, &plan, "org");
    fs::remove_file(project.join("org")).unwrap();
    // A folder of the user's may hold our links beside the user's files.
    write(&project, "org/mine.lm", "mine");
    world.install(&plan);
    assert_eq!(world.read("org/mine.lm").unwrap(), "mine");
    // What the user put in the place of a link stays when the package goes.
    fs::remove_file(project.join("my_utils"))
        .unwrap_or_else(|_| fs::remove_dir(project.join("my_utils")).unwrap());
    write(&project, "my_utils/mine.lm", "mine");
    occupied(&world, &plan, "my_utils");
    world.install(&world.plan(&[]));
    assert_eq!(world.names(), ["my_utils", "org"]);
    assert_eq!(world.read("org/mine.lm").unwrap(), "mine");
    assert!(!project.join("org/http").exists());
}

#[cfg(unix)]
#[test]
fn links_of_the_user_are_not_followed() {
    use std::os::unix::fs::symlink;
    let world = World::new();
    let outside = world.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, world.project().join("org")).unwrap();
    occupied(&world, &world.plan(&[("@org/http", "1.0.0")]), "org");
    occupied(&world, &world.plan(&[("org", "1.0.0")]), "org");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    // But a link of ours is known without the state that recorded it.
    fs::remove_file(world.project().join("org")).unwrap();
    let plan = world.plan(&[("org", "1.0.0")]);
    world.install(&plan);
    fs::remove_dir_all(world.project().join(".lumen")).unwrap();
    world.install(&plan);
    assert_eq!(world.read("org/main.lm").unwrap(), "org 1.0.0");
}

#[test]
fn a_package_may_become_a_scope_and_a_scope_a_package() {
    let world = World::new();
    let package = world.plan(&[("org", "1.0.0")]);
    let scope = world.plan(&[("@org/http", "1.0.0"), ("@org/x", "1.0.0")]);
    for _ in 0..2 {
        world.install(&package);
        assert_eq!(world.read("org/main.lm").unwrap(), "org 1.0.0");
        world.install(&scope);
        assert_eq!(world.read("org/http/main.lm").unwrap(), "@org/http 1.0.0");
    }
    let both = world.plan(&[("org", "1.0.0"), ("@org/http", "1.0.0")]);
    let linked = world.install(&both);
    let skipped = &linked.imports_skipped[0];
    assert_eq!(
        (skipped.package.as_str(), skipped.taken_by.as_str()),
        ("org", "@org/http")
    );
}

#[test]
fn missing_and_changed_links_are_noticed_and_repaired() {
    let world = World::new();
    let project = world.project();
    let plan = world.plan(&[("my-utils", "1.0.0"), ("@org/http", "1.0.0")]);
    world.install(&plan);
    let remove = |path: &str| {
        let path = project.join(path);
        fs::remove_file(&path).unwrap_or_else(|_| fs::remove_dir_all(&path).unwrap());
    };
    let check = |break_it: &dyn Fn()| {
        break_it();
        assert!(!link::links_intact(&project, &world.state()));
        world.install(&plan);
        assert_eq!(world.read("org/http/main.lm").unwrap(), "@org/http 1.0.0");
    };
    check(&|| remove(".lumen/packages/my-utils"));
    check(&|| remove(".lumen/packages"));
    check(&|| remove("org/http"));
    check(&|| remove("org"));
    check(&|| state::invalidate(&project).unwrap());
    check(&|| {
        remove(".lumen/packages/@org/http");
        write(&project, ".lumen/packages/@org/http/src/main.lm", "fake");
    });
    // An entry that is gone from the store.
    let digest = plan.packages.values().next().unwrap().digest.unwrap();
    world.store.discard(&digest).unwrap();
    assert!(!link::links_intact(&project, &world.state()));
}

/// As an install leaves it that was killed after it had saved its intent.
#[test]
fn a_killed_install_is_repaired() {
    let world = World::new();
    let project = world.project();
    world.install(&world.plan(&[("old", "1.0.0"), ("both", "1.0.0")]));
    let plan = world.plan(&[("new", "1.0.0"), ("both", "2.0.0")]);
    world.install(&plan);
    let path = project.join(".lumen/state.json");
    let complete = fs::read_to_string(&path).unwrap();
    let intent = complete
        .replace("\"complete\": true", "\"complete\": false")
        .replace(
            "\"imports\": {",
            "\"imports\": { \"old\": \".lumen/packages/old/src\", \"never_made\": \"x\",",
        );
    fs::write(&path, intent).unwrap();
    lumen_durable::link_dir(
        &project.join(".lumen/packages/old/src"),
        &project.join("old"),
    )
    .unwrap();
    fs::create_dir_all(project.join(".lumen/tmp-abc/packages/old")).unwrap();
    assert!(!link::links_intact(&project, &world.state()));
    world.install(&plan);
    assert_eq!(world.names(), ["both", "new"]);
    assert_eq!(world.read("both/main.lm").unwrap(), "both 2.0.0");
    let state = world.state();
    assert!(state.complete);
    let links: Vec<&str> = state.imports.keys().map(String::as_str).collect();
    assert_eq!(links, ["both", "new"]);
}

#[test]
fn path_dependencies_are_linked_in_every_mode() {
    let world = World::new();
    let project = world.project();
    write(&project, "libs/inner/src/main.lm", "inner");
    write(world.dir.path(), "outer/src/main.lm", "outer");
    let local = |target: PathBuf| Planned {
        version: "0.1.0".into(),
        digest: None,
        target,
        sources: Sources::Src,
        direct: true,
    };
    for mode in LinkMode::ALL {
        let mut plan = world.plan(&[("stored", "1.0.0")]);
        plan.mode = mode;
        plan.packages.insert(
            PackageName::parse("@own/inner").unwrap(),
            local(project.join("libs/inner")),
        );
        plan.packages.insert(
            PackageName::parse("outer").unwrap(),
            local(world.dir.path().join("outer")),
        );
        world.install(&plan);
        assert_eq!(world.read("own/inner/main.lm").unwrap(), "inner");
        assert_eq!(world.read("outer/main.lm").unwrap(), "outer");
        write(world.dir.path(), "outer/src/main.lm", "outer");
        assert_eq!(
            world.state().packages["stored"].link,
            mode == LinkMode::Symlink
        );
    }
    assert_eq!(
        world.state().packages["@own/inner"].target,
        "../../../libs/inner"
    );
}

#[test]
fn real_files_by_every_mode() {
    let world = World::new();
    let mut plan = world.plan(&[("a", "1.0.0"), ("@s/b", "1.0.0"), ("c", "1.0.0")]);
    for mode in [
        LinkMode::Copy,
        LinkMode::Hardlink,
        LinkMode::Reflink,
        LinkMode::Symlink,
    ] {
        plan.mode = mode;
        world.install(&plan);
        assert_eq!(world.read("s/b/main.lm").unwrap(), "@s/b 1.0.0", "{mode:?}");
        assert_eq!(world.install(&plan), Linked::default());
        let folder = world.project().join(".lumen/packages/a");
        assert_eq!(
            fs::symlink_metadata(&folder).unwrap().is_dir(),
            mode != LinkMode::Symlink
        );
        if matches!(mode, LinkMode::Copy | LinkMode::Reflink) {
            fs::write(folder.join("src/main.lm"), "edited").unwrap();
        }
        // Links do not count as changes.
        let digest = plan.packages["a"].digest.unwrap();
        assert!(
            world.store.get(&digest, Check::Quick).unwrap().is_some(),
            "{mode:?}"
        );
    }
    assert_eq!(world.read("a/main.lm").unwrap(), "a 1.0.0");
}

#[test]
fn installs_at_once() {
    let world = World::new();
    let plans: Vec<Plan> = (0..6)
        .map(|n| match n % 2 {
            0 => world.plan(&[("a", "1.0.0"), ("b", "1.0.0")]),
            _ => world.plan(&[("a", "2.0.0"), ("@c/d", "1.0.0")]),
        })
        .collect();
    let barrier = Barrier::new(plans.len());
    std::thread::scope(|scope| {
        for plan in &plans {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..5 {
                    link::install(&world.project(), plan).unwrap();
                }
            });
        }
    });
    let state = world.state();
    assert!(link::links_intact(&world.project(), &state));
    let expected: &[&str] = match state.packages.contains_key("b") {
        true => &["a", "b"],
        false => &["a", "c"],
    };
    assert_eq!(world.names(), expected);
}

#[test]
fn vendoring_copies_what_would_be_packed() {
    let world = World::new();
    let plan = world.plan(&[("a", "1.0.0"), ("@s/b", "1.0.0")]);
    let mut trees: BTreeMap<PackageName, Vendored> = plan
        .packages
        .into_iter()
        .map(|(name, planned)| (name, Vendored::Stored(planned.target)))
        .collect();
    for (path, contents) in [
        ("lumen.toml", ""),
        ("src/x.lm", "local"),
        (".gitignore", "out\n"),
        ("out/big", ""),
        (".env", ""),
        ("tests/x", "not published"),
    ] {
        write(&world.dir.path().join("local"), path, contents);
    }
    let options = PackOptions {
        exclude: vec!["tests".into()],
        ..PackOptions::default()
    };
    trees.insert(
        PackageName::parse("local").unwrap(),
        Vendored::Folder(world.dir.path().join("local"), options),
    );
    let dir = world.project().join("third/party");
    let read = |path: &str| fs::read_to_string(dir.join(path)).ok();
    vendor::vendor(&dir, &trees).unwrap();
    assert_eq!(read("@s/b/src/main.lm").unwrap(), "@s/b 1.0.0");
    assert_eq!(read("local/src/x.lm").unwrap(), "local");
    assert_eq!(read("local/out/big"), None);
    assert_eq!(read("local/tests/x"), None);
    // Writable, and again.
    fs::write(dir.join("a/src/main.lm"), "edited").unwrap();
    trees.remove("@s/b");
    vendor::vendor(&dir, &trees).unwrap();
    assert_eq!(read("a/src/main.lm").unwrap(), "a 1.0.0");
    assert!(!dir.join("@s").exists());
    // Not over what somebody else put there.
    write(&dir, "mine.txt", "");
    let error = vendor::vendor(&dir, &trees).unwrap_err();
    assert!(
        matches!(&error, vendor::VendorError::Occupied(path) if path.ends_with("mine.txt")),
        "{error}"
    );
    assert!(read("local/src/x.lm").is_some());
    assert!(vendor::vendor(&dir.join("mine.txt"), &trees).is_err());
    assert_eq!(
        fs::read_dir(world.project().join("third")).unwrap().count(),
        1
    );
}
