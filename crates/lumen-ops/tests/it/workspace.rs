//! `publish --workspace`, and installs of workspaces.

use lumen_ops::{
    OpsError,
    verbs::publish::{
        Allowed,
        workspace::{self, Plan},
    },
};
use lumen_registry::storage::{Fault, FaultKind};

use crate::{MAIN, Machine, error};

/// A workspace: `web` needs `http`, which needs `url`; `tests` is not published.
fn with_members(machine: Machine) -> Machine {
    machine.write(
        "project/lumen.toml",
        "[workspace]\nmembers = [\"packages/*\"]\n",
    );
    let member = |name: &str, more: &str| {
        let text = format!(
            "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nlicense = \"MIT\"\ndescription = \"About {name}\"\n{more}"
        );
        machine.write(&format!("project/packages/{name}/lumen.toml"), &text);
        machine.write(&format!("project/packages/{name}/src/main.lm.md"), "# it\n");
    };
    let needs = |name: &str| {
        format!("\n[dependencies]\n{name} = {{ path = \"../{name}\", version = \"^1.0.0\" }}\n")
    };
    member("http", &needs("url"));
    member("url", "");
    member("web", &needs("http"));
    member("tests", "publish = false\n");
    machine
}

/// Publishes the workspace; returns what was published, and whether it is new.
fn publish(machine: &Machine) -> Result<Vec<String>, OpsError> {
    machine.run(|session| {
        let plan = workspace::prepare(session, false, Allowed::default())?;
        let mut published = Vec::new();
        workspace::run(plan, |outcome, place| {
            assert_eq!(place.url(), MAIN);
            let there = if outcome.new { "" } else { " again" };
            published.push(format!("{}{there}", outcome.release.name));
        })?;
        Ok(published)
    })
}

#[test]
fn members_are_published_after_those_that_they_need() {
    for machine in [Machine::new(), Machine::signed()] {
        let machine = with_members(machine);
        assert_eq!(publish(&machine).unwrap(), ["url", "http", "web"]);
        assert_eq!(
            publish(&machine).unwrap(),
            ["url again", "http again", "web again"]
        );
        assert_eq!(machine.told(), [""; 0]);
    }
}

#[test]
fn a_dry_run_looks_and_writes_nothing() {
    let machine = with_members(Machine::new());
    let before = machine.main.files();
    let members = |plan: &Plan<'_>| -> Vec<String> {
        let line = |member: &workspace::Member| {
            format!(
                "{} {}",
                member.prepared.checked.package.name,
                member.is_there()
            )
        };
        plan.members.iter().map(line).collect()
    };
    machine.run(|session| {
        let plan = workspace::prepare(session, true, Allowed::default()).unwrap();
        assert_eq!(members(&plan), ["url false", "http false", "web false"]);
        assert_eq!(plan.left_out, [crate::name("tests")]);
    });
    assert_eq!(machine.main.files(), before);
    publish(&machine).unwrap();
    machine.run(|session| {
        let plan = workspace::prepare(session, true, Allowed::default()).unwrap();
        assert_eq!(members(&plan), ["url true", "http true", "web true"]);
    });
}

#[test]
fn what_is_wrong_with_any_member_stops_before_the_first_write() {
    let machine = with_members(Machine::new());
    let manifest = machine.read("project/packages/web/lumen.toml");
    machine.write(
        "project/packages/web/lumen.toml",
        &manifest.replace("^1.0.0", "^2.0.0"),
    );
    let manifest = machine.read("project/packages/http/lumen.toml");
    machine.write(
        "project/packages/http/lumen.toml",
        &format!("{manifest}tests = {{ path = \"../tests\", version = \"^1.0.0\" }}\n"),
    );
    let before = machine.main.files();
    match publish(&machine) {
        Err(OpsError::Problems(problems)) => {
            let whats: Vec<&str> = problems
                .iter()
                .map(|problem| problem.what.as_str())
                .collect();
            assert_eq!(
                whats,
                [
                    "`tests` says `publish = false`, so other users will not have it",
                    "this asks for `http` ^2.0.0, but the workspace has 1.0.0"
                ]
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(machine.main.files(), before);
}

#[test]
fn other_contents_of_one_member_stop_all() {
    let machine = with_members(Machine::new());
    publish(&machine).unwrap();
    machine.write("project/packages/url/src/main.lm.md", "# changed\n");
    machine.write("project/packages/web/src/main.lm.md", "# changed\n");
    let before = machine.main.files();
    assert_eq!(
        error(publish(&machine)),
        "`url` 1.0.0 exists with other contents"
    );
    assert_eq!(machine.main.files(), before);
}

#[test]
fn an_outage_in_the_middle_says_what_was_published_and_the_next_run_finishes() {
    let mut partly = 0;
    for at in (10..200).step_by(5) {
        let machine = with_members(Machine::new());
        machine.main.set_fault(Some(Fault {
            at,
            kind: FaultKind::Fail,
            dead_afterwards: true,
        }));
        match publish(&machine) {
            Ok(_) => break,
            Err(OpsError::Partly { published, source }) => {
                assert!(source.storage().is_some(), "{source:?}");
                assert!(published[0].starts_with("`url` 1.0.0"), "{published:?}");
                partly += 1;
            }
            Err(error) => assert!(error.storage().is_some(), "{error:?}"),
        }
        machine.main.set_fault(None);
        assert_eq!(publish(&machine).unwrap().len(), 3);
    }
    assert!(partly > 1);
}

#[test]
fn a_workspace_with_nothing_to_publish_is_an_error() {
    let mut machine = Machine::new();
    machine.write(
        "project/lumen.toml",
        "[package]\nname = \"app\"\nversion = \"1.0.0\"\npublish = false\n",
    );
    machine.enter("project");
    assert_eq!(
        error(publish(&machine)),
        "no package of this workspace is to be published"
    );
}

#[test]
fn a_workspace_is_installed_as_one_from_any_member() {
    let mut machine = with_members(Machine::new());
    machine.publish("json", "1.0.0", &[]);
    let manifest = machine.read("project/packages/web/lumen.toml");
    machine.write(
        "project/packages/web/lumen.toml",
        &format!("{manifest}json = \"^1.0.0\"\n"),
    );
    machine.enter("project/packages/url");
    let outcome = machine.install().unwrap();
    assert_eq!((outcome.packages, outcome.downloaded), (1, 1));
    assert_eq!(
        machine.locked(),
        [
            "http 1.0.0",
            "json 1.0.0",
            "tests 1.0.0",
            "url 1.0.0",
            "web 1.0.0"
        ]
    );
    machine.enter("project");
    assert!(machine.install().unwrap().up_to_date);
}

#[test]
fn a_new_member_ends_the_quiet() {
    let mut machine = with_members(Machine::new());
    machine.publish("json", "1.0.0", &[]);
    machine.enter("project");
    machine.install().unwrap();
    assert!(machine.install().unwrap().up_to_date);
    machine.package(
        "project/packages/new",
        "new",
        "0.1.0",
        &[("json", "^1.0.0")],
    );
    let outcome = machine.install().unwrap();
    assert_eq!((outcome.up_to_date, outcome.downloaded), (false, 1));
}

#[test]
fn warnings_of_members_are_told_once() {
    let mut machine = with_members(Machine::new());
    let manifest = machine.read("project/packages/url/lumen.toml");
    machine.write(
        "project/packages/url/lumen.toml",
        &format!("{manifest}\n[packge]\n"),
    );
    machine.enter("project");
    let warning =
        "warning: unknown table `packge` at packages/url/lumen.toml:7:2; did you mean [package]?";
    machine.install().unwrap();
    assert_eq!(
        machine.told(),
        [
            warning,
            "(Resolving all versions: there is no lock)",
            "Resolving …",
            "… finished"
        ]
    );
    publish(&machine).unwrap();
    assert_eq!(machine.told(), [warning]);
}
