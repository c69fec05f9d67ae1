//! The example of embedding, run as its users would run it.

#[allow(dead_code, reason = "its `main` is for the terminal")]
#[path = "../../examples/embed.rs"]
mod example;

use std::{fs, path::Path};

use example::{Places, compile, packages};
use lumen_core::{index::Release, json};
use lumen_registry::{
    Location, Storage,
    publish::{self, PublishRequest},
    storage::HostOptions,
};
use lumen_store::pack::{PackOptions, pack};
use tokio::runtime::Builder;

const NOW: &str = "2026-01-01T00:00:00Z";

/// A registry with `text` 1.0.0, and a project that needs it.
fn world(dir: &Path) -> Places {
    let registry = dir.join("registry");
    let project = dir.join("project");
    let package = dir.join("text");
    for folder in [&registry, &project, &package] {
        fs::create_dir(folder).unwrap();
    }
    let manifest = "[package]\nname = \"text\"\nversion = \"1.0.0\"\n";
    fs::write(package.join("lumen.toml"), manifest).unwrap();
    fs::write(package.join("main.lm.md"), "# Text\n").unwrap();
    let manifest =
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\n[dependencies]\ntext = \"^1\"\n";
    fs::write(project.join("lumen.toml"), manifest).unwrap();
    let packed = pack(&package, &PackOptions::default()).unwrap();
    let release = r#"{ "name": "text", "version": "1.0.0", "deps": {}, "artifacts": [] }"#;
    let release: Release = json::parse(release.as_bytes()).unwrap();
    let location = Location::parse_path(registry.to_str().unwrap(), dir).unwrap();
    let storage = Storage::open(&location, &HostOptions::default()).unwrap();
    let publishing = async {
        publish::init(&storage, "test", NOW).await.unwrap();
        let request = PublishRequest {
            release,
            tar: packed.tar,
            zst: None,
            list: None,
            now: NOW.to_owned(),
            registry_name: "test".to_owned(),
            signer: None,
            last_seen: None,
        };
        publish::publish(&storage, &request).await.unwrap();
    };
    Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(publishing);
    Places {
        project,
        registry: registry.to_str().unwrap().to_owned(),
        home: dir.join("home"),
        out: dir.join("out"),
    }
}

#[test]
fn a_compiler_gets_its_packages_inside_its_own_runtime() {
    let one = || Builder::new_current_thread().build().unwrap();
    let many = || Builder::new_multi_thread().build().unwrap();
    type Run = fn(&Places, tokio::runtime::Runtime);
    // Beside other work, and blocking the only thread that there is.
    let beside: Run = |places, runtime| {
        let places = places.clone();
        runtime.block_on(async { compile(places).await.unwrap() });
    };
    let blocking: Run = |places, runtime| {
        let fetched = runtime.block_on(async { packages(places).unwrap() });
        let fetched: Vec<String> = fetched
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        assert_eq!(fetched, ["text 1.0.0"]);
    };
    for (run, runtime) in [
        (beside, one()),
        (beside, many()),
        (blocking, one()),
        (blocking, many()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let places = world(dir.path());
        run(&places, runtime);
        let module = fs::read_to_string(places.out.join("text/main.lm.md")).unwrap();
        assert_eq!(module, "# Text\n");
        let lock = fs::read_to_string(places.project.join("lumen.lock")).unwrap();
        assert!(lock.contains("text"), "{lock}");
        assert!(!places.project.join(".lumen").exists());
    }
}
