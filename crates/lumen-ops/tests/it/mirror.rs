//! Mirrors: one registry copied to another place.

use lumen_ops::{
    OpsError,
    verbs::{
        self,
        mirror::{Mirrored, Request},
    },
};

use crate::{MAIN, Machine, OTHER, error};

fn mirror(machine: &Machine, packages: &[&str]) -> Result<Mirrored, OpsError> {
    let request = Request {
        from: MAIN.into(),
        to: OTHER.into(),
        packages: packages.iter().map(|text| (*text).to_owned()).collect(),
        ..Request::default()
    };
    machine.run(|session| verbs::mirror::run(session, &request))
}

fn with_packages(mut machine: Machine) -> Machine {
    machine.publish("url", "1.0.0", &[]);
    machine.publish("http", "1.0.0", &[("url", "^1.0.0")]);
    machine
}

#[test]
fn a_mirror_is_the_registry_at_another_place() {
    for machine in [
        with_packages(Machine::new()),
        with_packages(Machine::signed()),
    ] {
        let mirrored = mirror(&machine, &[]).unwrap();
        assert_eq!(
            (mirrored.to.url().as_str(), mirrored.report.packages),
            (OTHER, 2)
        );
        let before = machine.other.files();
        assert_eq!(mirror(&machine, &[]).unwrap().report.files, 0);
        assert_eq!(machine.other.files(), before);
        let mut user = machine.beside();
        user.environment.registry = Some(OTHER.into());
        user.project(&[("http", "^1.0.0")]);
        assert_eq!(user.install().unwrap().downloaded, 2);
    }
}

#[test]
fn a_partial_mirror_says_what_it_leaves_out() {
    let machine = with_packages(Machine::new());
    let mirrored = mirror(&machine, &["url"]).unwrap();
    assert_eq!(mirrored.report.packages, 1);
    let mut user = machine.beside();
    user.environment.registry = Some(OTHER.into());
    user.project(&[("http", "^1.0.0")]);
    assert_eq!(
        error(user.install()),
        "`http` is not in this mirror of the registry, which only has packages that match `url`"
    );
}

#[test]
fn what_cannot_be_mirrored_is_refused_before_a_write() {
    let machine = with_packages(Machine::new());
    assert_eq!(
        error(mirror(&machine, &["No Good"])),
        "`No Good` matches no package name: `N` is not allowed in a package name; use lower-case letters, digits, `-`, `_` and `.`"
    );
    let same = Request {
        from: MAIN.into(),
        to: MAIN.into(),
        ..Request::default()
    };
    assert_eq!(
        error(machine.run(|session| verbs::mirror::run(session, &same))),
        format!("`{MAIN}` and `{MAIN}` are the same registry")
    );
    assert!(machine.other.files().is_empty());
    let empty = Machine::bare();
    assert!(matches!(mirror(&empty, &[]), Err(OpsError::Read(_))));
    assert!(empty.other.files().is_empty());
}

#[test]
fn a_mirror_of_one_registry_does_not_become_one_of_another() {
    let machine = with_packages(Machine::signed());
    mirror(&machine, &[]).unwrap();
    let stranger = Machine::signed();
    let other = Machine::with(stranger.main.clone(), machine.other.clone());
    let before = machine.other.files();
    assert!(mirror(&other, &[]).is_err());
    assert_eq!(machine.other.files(), before);
}

#[test]
fn sync_copies_the_configured_mirrors() {
    let mut machine = with_packages(Machine::new());
    let sync = |machine: &Machine, names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut told = Vec::new();
        machine.run(|session| {
            verbs::sync::run(session, &names, |name, _, mirrored| {
                told.push((name.to_owned(), mirrored.unwrap().report.packages));
            })
        })?;
        Ok::<_, OpsError>(told)
    };
    assert_eq!(error(sync(&machine, &[])), "no mirrors are configured");
    machine.configure(&format!(
        "[registry.mirrors.office]\nfrom = \"default\"\nto = \"{OTHER}\"\n"
    ));
    assert_eq!(
        error(sync(&machine, &["ofice"])),
        "there is no mirror `ofice` in [registry.mirrors]"
    );
    assert_eq!(sync(&machine, &[]).unwrap(), [("office".to_owned(), 2)]);
}
