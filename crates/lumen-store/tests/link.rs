//! What installs make in a project, and what they leave alone; long because each mode of linking
//! meets each kind of thing in its way.

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
        self, Foreign, Ledger, LinkError, Linked, Place, Plan, Planned, State, audit,
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
            folder: None,
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
            own: None,
            sites: Vec::new(),
            facts: BTreeMap::from([("lock".into(), "1".into())]),
        }
    }

    fn install(&self, plan: &Plan) -> Linked {
        let linked = self.try_install(plan).unwrap();
        let state = self.state();
        assert!(self.is_intact());
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

    fn try_install(&self, plan: &Plan) -> Result<Linked, LinkError> {
        link::install(&Place::open(&self.project())?, &self.ledger(), plan)
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.dir.path().join("home/projects"))
    }

    fn place(&self) -> Place {
        Place::open(&self.project()).unwrap()
    }

    fn known(&self) -> Option<State> {
        self.ledger().load(&self.place()).unwrap()
    }

    fn state(&self) -> State {
        self.known().unwrap()
    }

    fn is_intact(&self) -> bool {
        link::links_intact(&self.place(), &self.state())
    }

    /// The only record.
    fn record(&self) -> PathBuf {
        let mut records = fs::read_dir(self.dir.path().join("home/projects")).unwrap();
        records.next().unwrap().unwrap().path()
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
    let error = world.try_install(&plan).unwrap_err();
    assert!(matches!(error, LinkError::ImportRoot(_)));
}

#[track_caller]
fn occupied(world: &World, plan: &Plan, path: &str) {
    let before = world.known();
    match world.try_install(plan) {
        Err(LinkError::Occupied { path: found, .. }) => assert_eq!(found, Path::new(path)),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.known(), before);
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
    // A file that the user put in the place of a link stays when the package goes.
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
        assert!(!world.is_intact());
        world.install(&plan);
        assert_eq!(world.read("org/http/main.lm").unwrap(), "@org/http 1.0.0");
    };
    check(&|| remove(".lumen/packages/my-utils"));
    check(&|| remove(".lumen/packages"));
    check(&|| remove("org/http"));
    check(&|| remove("org"));
    check(&|| world.ledger().invalidate(&world.place()).unwrap());
    check(&|| {
        remove(".lumen/packages/@org/http");
        write(&project, ".lumen/packages/@org/http/src/main.lm", "fake");
    });
    // An entry that is gone from the store.
    let digest = plan.packages.values().next().unwrap().digest.unwrap();
    world.store.discard(&digest).unwrap();
    assert!(!world.is_intact());
}

/// As an install leaves it that was killed after it had saved its intent.
#[test]
fn a_killed_install_is_repaired() {
    let world = World::new();
    let project = world.project();
    world.install(&world.plan(&[("old", "1.0.0"), ("both", "1.0.0")]));
    let plan = world.plan(&[("new", "1.0.0"), ("both", "2.0.0")]);
    world.install(&plan);
    let path = world.record();
    let complete = fs::read_to_string(&path).unwrap();
    let intent = complete
        .replace("\"complete\": true", "\"complete\": false")
        .replace(
            "\"imports\": {",
            "\"imports\": { \"old\": \".lumen/packages/old/src\", \"never_made\": \"x\",",
        );
    fs::write(&path, intent).unwrap();
    lumen_durable::link_dir(Path::new(".lumen/packages/old/src"), &project.join("old")).unwrap();
    fs::create_dir_all(project.join(".lumen/tmp-abc/packages/old")).unwrap();
    assert!(!world.is_intact());
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
        folder: None,
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

/// The result of an install in this mode does not look the same after a change.
fn noticed(mode: LinkMode, what: &str, change: impl Fn(&Path)) {
    let world = World::new();
    let mut plan = world.plan(&[("text", "1.0.0"), ("@org/json", "1.0.0")]);
    plan.mode = mode;
    world.install(&plan);
    let before = contents(&world);
    change(&world.project().join(".lumen/packages"));
    assert!(!world.is_intact(), "{mode:?}: {what}");
    // The next install, of the same, puts it right.
    world.install(&plan);
    assert_eq!(contents(&world), before, "{mode:?}: {what}");
    assert!(world.is_intact(), "{mode:?}: {what}");
}

/// Everything among the packages, links followed.
fn contents(world: &World) -> Vec<(PathBuf, String)> {
    let packages = world.project().join(".lumen/packages");
    let mut found = Vec::new();
    let mut folders = vec![packages.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(&packages).unwrap().to_owned();
            match path.is_dir() {
                true => {
                    found.push((relative, String::new()));
                    folders.push(path);
                }
                false => found.push((relative, fs::read_to_string(path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn changed_files_and_strays_are_noticed_in_every_mode() {
    let replace = |path: &Path| {
        fs::remove_file(path).unwrap();
        fs::write(path, "text 6.6.6").unwrap();
    };
    for mode in [LinkMode::Copy, LinkMode::Reflink, LinkMode::Hardlink] {
        // Of the same length, as git checks it out.
        noticed(mode, "replaced", |at| replace(&at.join("text/src/main.lm")));
        noticed(mode, "replaced below a scope", |at| {
            replace(&at.join("@org/json/lumen.toml"));
        });
        noticed(mode, "added", |at| write(at, "text/src/more.lm", ""));
        noticed(mode, "added folder", |at| {
            write(at, "text/more/more.lm", "")
        });
        noticed(mode, "removed", |at| {
            fs::remove_file(at.join("text/lumen.toml")).unwrap();
        });
        noticed(mode, "another folder in its place", |at| {
            fs::rename(at.join("text"), at.join("../aside")).unwrap();
            write(at, "text/src/main.lm", "text 1.0.0");
            write(at, "text/lumen.toml", "text");
        });
        #[cfg(unix)]
        noticed(mode, "link", |at| {
            let file = at.join("text/src/main.lm");
            fs::rename(&file, at.join("../aside")).unwrap();
            std::os::unix::fs::symlink("../../../aside", file).unwrap();
        });
        noticed(mode, "stray package", |at| {
            write(at, "more/src/main.lm", "")
        });
    }
    #[cfg(unix)]
    noticed(LinkMode::Copy, "edited, with the time it had", |at| {
        let path = at.join("text/src/main.lm");
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "text 6.6.6").unwrap();
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    });
    for stray in [
        "more/src/main.lm",
        "@org/more/src/main.lm",
        "file",
        "@new/x/file",
    ] {
        noticed(LinkMode::Symlink, stray, |at| write(at, stray, ""));
    }
}

#[test]
fn hard_links_of_another_project_change_nothing() {
    let world = World::new();
    let mut plan = world.plan(&[("text", "1.0.0")]);
    plan.mode = LinkMode::Hardlink;
    world.install(&plan);
    let other = world.dir.path().join("other");
    fs::create_dir(&other).unwrap();
    link::install(&Place::open(&other).unwrap(), &world.ledger(), &plan).unwrap();
    assert!(world.is_intact());
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
                    world.try_install(plan).unwrap();
                }
            });
        }
    });
    let state = world.state();
    assert!(world.is_intact());
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
    vendor::vendor(&world.project(), &dir, &trees).unwrap();
    assert_eq!(read("@s/b/src/main.lm").unwrap(), "@s/b 1.0.0");
    assert_eq!(read("local/src/x.lm").unwrap(), "local");
    assert_eq!(read("local/out/big"), None);
    assert_eq!(read("local/tests/x"), None);
    // Writable, and again.
    fs::write(dir.join("a/src/main.lm"), "edited").unwrap();
    trees.remove("@s/b");
    vendor::vendor(&world.project(), &dir, &trees).unwrap();
    assert_eq!(read("a/src/main.lm").unwrap(), "a 1.0.0");
    assert!(!dir.join("@s").exists());
    // Not over a file of another user.
    write(&dir, "mine.txt", "");
    let error = vendor::vendor(&world.project(), &dir, &trees).unwrap_err();
    assert!(
        matches!(&error, vendor::VendorError::Occupied(path) if path.ends_with("mine.txt")),
        "{error}"
    );
    assert!(read("local/src/x.lm").is_some());
    assert!(vendor::vendor(&world.project(), &dir.join("mine.txt"), &trees).is_err());
    assert_eq!(
        fs::read_dir(world.project().join("third")).unwrap().count(),
        1
    );
}

/// What a hostile clone may have in the place of our files.
#[cfg(unix)]
#[test]
fn what_is_not_ours_in_dot_lumen_is_refused_and_nothing_changed() {
    use std::os::unix::fs::symlink;
    type Plant = fn(&Path, &Path);
    let attacks: [(&str, Foreign, Plant); 9] = [
        (".lumen", Foreign::Link, |dot, victim| {
            symlink(victim, dot).unwrap()
        }),
        (".lumen", Foreign::NoFolder, |dot, _| {
            fs::write(dot, "").unwrap()
        }),
        (".lumen/packages", Foreign::Link, |dot, victim| {
            fs::create_dir(dot).unwrap();
            symlink(victim, dot.join("packages")).unwrap();
        }),
        (".lumen/packages", Foreign::NoFolder, |dot, _| {
            fs::create_dir(dot).unwrap();
            fs::write(dot.join("packages"), "").unwrap();
        }),
        (".lumen/tmp-1", Foreign::Link, |dot, victim| {
            fs::create_dir(dot).unwrap();
            symlink(victim, dot.join("tmp-1")).unwrap();
        }),
        (".lumen/install.lock", Foreign::Link, |dot, victim| {
            fs::create_dir(dot).unwrap();
            symlink(victim.join("new"), dot.join("install.lock")).unwrap();
        }),
        (".lumen/links.lock", Foreign::NoFile, |dot, _| {
            fs::create_dir_all(dot.join("links.lock")).unwrap();
        }),
        (".lumen/id", Foreign::Link, |dot, victim| {
            fs::create_dir(dot).unwrap();
            symlink(victim.join("new"), dot.join("id")).unwrap();
        }),
        (".lumen/.tmp-1", Foreign::NoFile, |dot, _| {
            fs::create_dir_all(dot.join(".tmp-1/x")).unwrap();
        }),
    ];
    for (at, expected, plant) in attacks {
        let world = World::new();
        let victim = world.dir.path().join("victim");
        write(&victim, "packages/mine", "mine");
        write(&victim, "tmp-mine/mine", "mine");
        plant(&world.project().join(".lumen"), &victim);
        let plan = world.plan(&[("a", "1.0.0")]);
        match world.try_install(&plan) {
            Err(LinkError::Foreign { path, what }) => {
                assert_eq!((path.as_path(), what), (Path::new(at), expected));
            }
            other => panic!("{at}: {other:?}"),
        }
        assert_eq!(world.names(), [""; 0], "{at}");
        assert!(victim.join("packages/mine").exists(), "{at}");
        assert!(victim.join("tmp-mine/mine").exists(), "{at}");
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 2, "{at}");
    }
}

#[test]
fn a_record_is_of_one_folder_only() {
    let world = World::new();
    let project = world.project();
    let plan = world.plan(&[("a", "1.0.0")]);
    world.install(&plan);
    let copy = |from: &Path, to: &Path| {
        let status = std::process::Command::new("cp")
            .arg("-a")
            .args([from, to])
            .status();
        assert!(status.unwrap().success());
    };
    // Another folder in its place, with the token of the first one.
    let aside = world.dir.path().join("aside");
    fs::rename(&project, &aside).unwrap();
    copy(&aside, &project);
    assert_eq!(world.known(), None);
    world.install(&plan);
    // Another token.
    write(&project, ".lumen/id", "0123456789abcdef0123456789abcdef");
    assert_eq!(world.known(), None);
    world.install(&plan);
    // The state file of older versions is not read, and is removed.
    write(&project, ".lumen/state.json", "{}");
    world.install(&plan);
    assert!(!project.join(".lumen/state.json").exists());
    world.ledger().forget(&world.place()).unwrap();
    assert_eq!(world.known(), None);
    assert!(world.ledger().projects().unwrap().is_empty());
}

#[test]
fn an_audit_believes_nothing() {
    use audit::{Audit, Placed};
    let world = World::new();
    let mut plan = world.plan(&[("a", "1.0.0"), ("@s/b", "1.0.0")]);
    let packages = world.project().join(".lumen/packages");
    let look = |plan: &Plan, name: &str| {
        let place = world.place();
        let audit = Audit::new(&place, plan).unwrap();
        let name = PackageName::parse(name).unwrap();
        let strays = audit.strays(std::iter::empty()).unwrap();
        (
            audit.package(&world.store, &name).unwrap(),
            strays,
            audit.imports().len(),
        )
    };
    for mode in LinkMode::ALL {
        plan.mode = mode;
        world.install(&plan);
        let good = match mode {
            LinkMode::Symlink => Placed::Linked,
            _ => Placed::Files(Vec::new()),
        };
        assert_eq!(look(&plan, "a"), (good.clone(), vec![], 0), "{mode:?}");
        assert_eq!(look(&plan, "@s/b").0, good, "{mode:?}");
    }
    // Files: changed, gone, added, and a folder that became a link.
    plan.mode = LinkMode::Copy;
    world.install(&plan);
    let drifts = |name: &str| -> Vec<String> {
        match look(&plan, name).0 {
            Placed::Files(drifts) => drifts.into_iter().map(|drift| drift.path).collect(),
            other => panic!("{other:?}"),
        }
    };
    fs::write(packages.join("a/src/main.lm"), "A 1.0.0").unwrap();
    fs::write(packages.join("a/src/more.lm"), "").unwrap();
    fs::remove_file(packages.join("a/lumen.toml")).unwrap();
    let expected = ["lumen.toml", "src/main.lm", "src/more.lm"];
    assert_eq!(drifts("a"), expected);
    assert!(drifts("@s/b").is_empty());
    #[cfg(unix)]
    {
        fs::rename(packages.join("@s/b/src"), world.dir.path().join("src")).unwrap();
        std::os::unix::fs::symlink(world.dir.path().join("src"), packages.join("@s/b/src"))
            .unwrap();
        assert_eq!(drifts("@s/b"), ["src"]);
        // A scope that is a link, and one package too many.
        fs::rename(packages.join("@s"), world.dir.path().join("@s")).unwrap();
        std::os::unix::fs::symlink(world.dir.path().join("@s"), packages.join("@s")).unwrap();
        fs::create_dir(packages.join("evil")).unwrap();
        let stray = [".lumen/packages/@s", ".lumen/packages/evil"].map(String::from);
        assert_eq!(look(&plan, "@s/b"), (Placed::Not, stray.to_vec(), 0));
        // An import link that leads elsewhere.
        fs::remove_file(world.project().join("a")).unwrap();
        std::os::unix::fs::symlink(world.dir.path(), world.project().join("a")).unwrap();
        assert_eq!(look(&plan, "a").2, 1);
    }
}

#[cfg(unix)]
#[test]
fn vendoring_follows_no_link_of_the_project() {
    let world = World::new();
    let outside = world.dir.path().join("outside");
    write(&outside, ".lumen-vendor", "mine\n");
    write(&outside, "mine/x", "mine");
    let project = world.project();
    std::os::unix::fs::symlink(&outside, project.join("link")).unwrap();
    let trees = BTreeMap::new();
    for dir in ["link", "link/sub", "link/mine"] {
        let error = vendor::vendor(&project, &project.join(dir), &trees).unwrap_err();
        assert!(
            matches!(error, vendor::VendorError::Link(_)),
            "{dir}: {error}"
        );
    }
    assert!(outside.join("mine/x").exists());
    for dir in [".", ".."] {
        let error = vendor::vendor(&project, &project.join(dir), &trees).unwrap_err();
        assert!(
            matches!(error, vendor::VendorError::Occupied(_)),
            "{dir}: {error}"
        );
    }
    // Links elsewhere are the user's own.
    std::os::unix::fs::symlink(&outside, world.dir.path().join("own")).unwrap();
    vendor::vendor(&project, &world.dir.path().join("own/sub"), &trees).unwrap();
    assert!(outside.join("sub/.lumen-vendor").exists());
}
