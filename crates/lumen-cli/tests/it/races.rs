//! Many processes at once.

use std::process::{Child, Stdio};

use lumen_core::index::GlobalIndex;
use lumen_testkit::sandbox::Ran;

use crate::{publish, sandbox};

fn finish(children: Vec<Child>) -> Vec<Ran> {
    children
        .into_iter()
        .map(|child| Ran::of(&child.wait_with_output().unwrap()))
        .collect()
}

#[test]
fn sixty_four_packages_at_once_all_arrive() {
    let sandbox = sandbox();
    let names: Vec<String> = (0..64).map(|n| format!("pkg-{n:02}")).collect();
    for name in &names {
        sandbox.package(name, name, "1.0.0", "").unwrap();
    }
    let start = |name: &String| {
        let mut command = sandbox.command(name, &["pkg", "publish", "--yes"]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for ran in finish(names.iter().map(start).collect()) {
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
    let index = std::fs::read(sandbox.path("registry/index.json")).unwrap();
    let index: GlobalIndex = lumen_core::json::parse(&index).unwrap();
    let listed: Vec<&str> = index
        .packages
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    assert_eq!(listed, names.iter().map(String::as_str).collect::<Vec<_>>());
    for name in &names {
        sandbox.ok(".", &["pkg", "info", name]).unwrap();
    }
}

#[test]
fn one_of_sixteen_wins_a_version() {
    let sandbox = sandbox();
    let start = |n: usize| {
        let folder = format!("writer-{n}");
        sandbox.package(&folder, "contested", "1.0.0", "").unwrap();
        sandbox
            .write(&format!("{folder}/src/mine.lm"), &n.to_string())
            .unwrap();
        let mut command = sandbox.command(&folder, &["pkg", "publish", "--yes"]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let all = finish((0..16).map(start).collect());
    assert_eq!(
        all.iter().filter(|ran| ran.code == Some(0)).count(),
        1,
        "{all:#?}"
    );
    for ran in all.iter().filter(|ran| ran.code != Some(0)) {
        crate::fails(
            ran,
            1,
            &[
                "`contested` 1.0.0 exists with other contents",
                "`lumen pkg publish --bump patch`",
            ],
        );
    }
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    sandbox.ok("app", &["pkg", "add", "contested"]).unwrap();
}

#[test]
fn installs_at_once_share_a_store_and_a_project() {
    let sandbox = sandbox();
    for n in 0..10 {
        publish(&sandbox, &format!("dep-{n}"), "1.0.0", "");
    }
    let dependencies: String = (0..10).map(|n| format!("dep-{n} = \"1\"\n")).collect();
    for project in ["a", "b"] {
        sandbox
            .package(
                project,
                "app",
                "1.0.0",
                &format!("[dependencies]\n{dependencies}"),
            )
            .unwrap();
    }
    let start = |project: &str| {
        let mut command = sandbox.command(project, &["pkg", "install"]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for ran in finish(["a", "a", "b", "a", "b", "b"].map(start).into()) {
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
    for project in ["a", "b"] {
        sandbox.ok(project, &["pkg", "verify"]).unwrap();
    }
}

#[test]
fn no_dependency_is_lost_when_many_are_added_at_once() {
    let sandbox = sandbox();
    let names: Vec<String> = (0..6).map(|n| format!("dep-{n}")).collect();
    for name in &names {
        publish(&sandbox, name, "1.0.0", "");
    }
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    let start = |name: &String| {
        let mut command = sandbox.command("app", &["pkg", "add", name]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    for ran in finish(names.iter().map(start).collect()) {
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    for name in &names {
        assert!(manifest.contains(&format!("{name} = ")), "{manifest}");
    }
    sandbox.ok("app", &["pkg", "verify"]).unwrap();
}
