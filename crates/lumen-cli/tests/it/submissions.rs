//! Releases by people who may not write to the registry: submitted, checked, published.

use std::{fs, os::unix::fs::symlink, path::Path};

use lumen_core::{
    Digest, PackageName,
    index::Release,
    json,
    note::Note,
    signing::SecretKey,
    submission::{CLAIM, MANIFEST, RELEASE, STATEMENT, Submission, SubmittedFile, TAR, ZST},
    trust::{Action, Entry, Statement},
};
use lumen_testkit::sandbox::{Ran, Sandbox, tree};

use crate::{bare, fails, publish, sandbox};

/// Runs a command as a contributor with a home and a key of their own.
fn contributor(sandbox: &Sandbox, key: &SecretKey, folder: &str, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command(folder, arguments);
    let home = sandbox.path(&format!("home-of-{}", key.public().name()));
    command
        .env("LUMEN_HOME", home)
        .env("LUMEN_KEY", key.to_text().as_str());
    Ran::of(&command.output().unwrap())
}

fn alice() -> SecretKey {
    SecretKey::from_seed("alice", [1; 32]).unwrap()
}

fn mallory() -> SecretKey {
    SecretKey::from_seed("mallory", [2; 32]).unwrap()
}

/// Writes a package and submits it into `inbox`. Returns the folder of the submission.
fn submit(sandbox: &Sandbox, key: &SecretKey, name: &str, version: &str) -> String {
    let folder = format!("work/{}-{version}", name.replace('/', "-"));
    sandbox.package(&folder, name, version, "").unwrap();
    let inbox = sandbox.path("inbox").display().to_string();
    let ran = contributor(sandbox, key, &folder, &["pkg", "submit", "--out", &inbox]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    format!("inbox/{name}/{version}")
}

fn ingest(sandbox: &Sandbox, place: &str) -> Ran {
    sandbox.run(".", &["registry", "ingest", place]).unwrap()
}

/// Changes a file of a submission, and what `submission.json` lists of it.
fn replace(sandbox: &Sandbox, place: &str, file: &str, bytes: &[u8]) {
    let path = sandbox.path(&format!("{place}/{file}"));
    fs::write(path, bytes).unwrap();
    let manifest = sandbox.path(&format!("{place}/{MANIFEST}"));
    let mut submission = Submission::parse(&fs::read(&manifest).unwrap()).unwrap();
    let listed = SubmittedFile::of(bytes);
    submission.files.insert(file.to_owned(), listed);
    fs::write(manifest, submission.to_bytes()).unwrap();
}

fn read(sandbox: &Sandbox, place: &str, file: &str) -> Vec<u8> {
    fs::read(sandbox.path(&format!("{place}/{file}"))).unwrap()
}

/// Signs a release again, whatever it says.
fn sign(sandbox: &Sandbox, place: &str, key: &SecretKey, change: impl FnOnce(&mut Statement)) {
    let metadata = read(sandbox, place, RELEASE);
    let statement = read(sandbox, place, STATEMENT);
    let (Entry::Statement(mut statement), _) = Entry::parse(&statement).unwrap() else {
        panic!("a statement");
    };
    if let Action::Publish {
        metadata: digest,
        size,
        ..
    } = &mut statement.action
    {
        *digest = Digest::of(&metadata);
        *size = metadata.len() as u64;
    }
    change(&mut statement);
    let mut note = Note::unsigned(statement.to_text()).unwrap();
    note.add(key.public(), key.sign(note.text.clone().as_bytes()));
    replace(sandbox, place, STATEMENT, note.to_text().as_bytes());
}

/// Changes the metadata of a submission and signs it, as a dishonest owner would.
fn lie(sandbox: &Sandbox, place: &str, key: &SecretKey, change: impl FnOnce(&mut Release)) {
    let mut release: Release = json::parse(&read(sandbox, place, RELEASE)).unwrap();
    change(&mut release);
    replace(sandbox, place, RELEASE, &release.to_bytes());
    sign(sandbox, place, key, |_| {});
}

#[test]
fn what_is_submitted_is_published_in_the_name_of_who_submitted_it() {
    let sandbox = sandbox();
    let place = submit(&sandbox, &alice(), "text", "1.0.0");
    let before = tree(&sandbox.path("registry")).unwrap();
    let dry = ["registry", "ingest", "inbox", "--dry-run"];
    let dry = sandbox.ok(".", &dry).unwrap();
    assert!(
        dry.err.contains("Would add `text` 1.0.0: 2 files"),
        "{dry:#?}"
    );
    assert!(dry.err.contains("signed by alice"), "{dry:#?}");
    assert!(dry.err.contains("who claims `text`"), "{dry:#?}");
    assert!(tree(&sandbox.path("registry")).unwrap() == before);

    let done = ingest(&sandbox, "inbox");
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(done.err.contains("Published `text` 1.0.0"), "{done:#?}");
    let info = ["pkg", "info", "text", "--provenance"];
    let info = sandbox.ok(".", &info).unwrap();
    assert!(info.out.contains(" alice\n"), "{}", info.out);
    let metadata = sandbox.read("registry/packages/text/1.0.0.json").unwrap();
    assert_eq!(metadata.as_bytes(), read(&sandbox, &place, RELEASE));
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();

    // Once more, and the next version: the name is hers.
    submit(&sandbox, &alice(), "text", "1.1.0");
    let done = sandbox
        .ok(".", &["--json", "registry", "ingest", "inbox"])
        .unwrap();
    assert!(done.err.contains("Skipped `text` 1.0.0"), "{done:#?}");
    assert!(done.out.contains("\"claims\": null"), "{done:#?}");
    let app = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", app).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let list = sandbox.ok("app", &["pkg", "list"]).unwrap();
    assert!(list.out.contains("1.1.0"), "{}", list.out);
    let check = ["registry", "check", "registry"];
    sandbox.ok(".", &check).unwrap();

    // She cannot write to the log herself.
    let own = contributor(
        &sandbox,
        &alice(),
        "work/text-1.1.0",
        &["pkg", "publish", "--yes"],
    );
    fails(&own, 1, &["is not a log key"]);
    let again = contributor(&sandbox, &alice(), "work/text-1.1.0", &["pkg", "submit"]);
    fails(&again, 1, &["`text` 1.1.0 exists"]);
}

#[test]
fn metadata_is_as_the_archive_has_it_in_a_workspace_too() {
    let sandbox = sandbox();
    let root = "[workspace]\nmembers = [\"a\", \"b\"]\n[workspace.package]\nversion = \"2.0.0\"\n\
                license = \"MIT\"\n[workspace.dependencies]\nb = { path = \"b\", version = \"^2\" }\n";
    sandbox.write("ws/lumen.toml", root).unwrap();
    let member = |name: &str, more: &str| {
        let package = format!(
            "[package]\nname = \"{name}\"\nversion.workspace = true\nlicense.workspace = true\n\
             description = \"x\"\ncategories = [\"tests\"]\n{more}"
        );
        sandbox
            .write(&format!("ws/{name}/lumen.toml"), &package)
            .unwrap();
        sandbox
            .write(&format!("ws/{name}/src/main.lm.md"), "# x\n")
            .unwrap();
    };
    member(
        "a",
        "[dependencies]\nb = { workspace = true, optional = true }\n[features]\nmore = [\"dep:b\"]\n",
    );
    member("b", "");
    let inbox = sandbox.path("inbox").display().to_string();
    for name in ["a", "b"] {
        let folder = format!("ws/{name}");
        let ran = contributor(
            &sandbox,
            &alice(),
            &folder,
            &["pkg", "submit", "-o", &inbox],
        );
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
    let done = ingest(&sandbox, "inbox");
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn a_tampered_submission_is_refused_and_others_go_on() {
    type Tamper = fn(&Sandbox, &str);
    let cases: &[(&str, Tamper)] = &[
        (
            "`artifact.tar` is not as `submission.json` lists it",
            |sandbox, place| {
                let mut tar = read(sandbox, place, TAR);
                tar[600] ^= 1;
                fs::write(sandbox.path(&format!("{place}/{TAR}")), tar).unwrap();
            },
        ),
        (
            "its metadata does not list the artifacts that are submitted",
            |sandbox, place| {
                let other = submit(sandbox, &alice(), "other", "1.0.0");
                replace(sandbox, place, TAR, &read(sandbox, &other, TAR));
                replace(sandbox, place, ZST, &read(sandbox, &other, ZST));
                fs::remove_dir_all(sandbox.path("inbox/other")).unwrap();
            },
        ),
        ("its statement is about something else", |sandbox, place| {
            let mut release: Release = json::parse(&read(sandbox, place, RELEASE)).unwrap();
            release.published_at = Some("2020-01-01T00:00:00Z".into());
            replace(sandbox, place, RELEASE, &release.to_bytes());
        }),
        (
            "`release.json` does not say what the archive's `lumen.toml` says: `deps` differs",
            |sandbox, place| {
                lie(sandbox, place, &alice(), |release| {
                    let name = PackageName::parse("hidden").unwrap();
                    release.deps.insert(name, "^1".parse().unwrap());
                });
            },
        ),
        ("the name differs", |sandbox, place| {
            lie(sandbox, place, &alice(), |release| {
                release.name = PackageName::parse("another").unwrap();
            });
            let manifest = String::from_utf8(read(sandbox, place, MANIFEST)).unwrap();
            let manifest = manifest.replace("\"text\"", "\"another\"");
            fs::write(sandbox.path(&format!("{place}/{MANIFEST}")), manifest).unwrap();
        }),
        (
            "`submission.json` is about another release than `release.json`",
            |sandbox, place| {
                lie(sandbox, place, &alice(), |release| {
                    release.version.major = 9
                });
            },
        ),
        (
            "its metadata is not written as `lumen pkg submit` writes it",
            |sandbox, place| {
                let release = String::from_utf8(read(sandbox, place, RELEASE)).unwrap();
                let release = release.replacen('{', "{\n  \"signature\": \"x\",", 1);
                replace(sandbox, place, RELEASE, release.as_bytes());
                sign(sandbox, place, &alice(), |_| {});
            },
        ),
        (
            "its statement has 2 signatures instead of 1",
            |sandbox, place| {
                let mut statement = String::from_utf8(read(sandbox, place, STATEMENT)).unwrap();
                statement.push_str("— junk AAAAAAAA\n");
                replace(sandbox, place, STATEMENT, statement.as_bytes());
            },
        ),
        ("its statement is malformed", |sandbox, place| {
            replace(sandbox, place, STATEMENT, b"trust me\n");
        }),
        ("`statement.note` is not text", |sandbox, place| {
            replace(sandbox, place, STATEMENT, b"\xff");
        }),
        (
            "it is not signed by an owner of `text`",
            |sandbox, place| {
                sign(sandbox, place, &mallory(), |_| {});
            },
        ),
        (
            "`text` has no owner, and the submission does not claim it",
            |sandbox, place| {
                let manifest = sandbox.path(&format!("{place}/{MANIFEST}"));
                let mut submission = Submission::parse(&fs::read(&manifest).unwrap()).unwrap();
                submission.files.remove(CLAIM);
                fs::write(manifest, submission.to_bytes()).unwrap();
            },
        ),
        ("its claim is about something else", |sandbox, place| {
            let other = submit(sandbox, &alice(), "other", "1.0.0");
            replace(sandbox, place, CLAIM, &read(sandbox, &other, CLAIM));
            fs::remove_dir_all(sandbox.path("inbox/other")).unwrap();
        }),
        ("was made for the registry `elsewhere`", |sandbox, place| {
            sign(sandbox, place, &alice(), |statement| {
                statement.origin = "elsewhere".into()
            });
        }),
        ("it is for the registry `elsewhere`", |sandbox, place| {
            let manifest = sandbox.path(&format!("{place}/{MANIFEST}"));
            let mut submission = Submission::parse(&fs::read(&manifest).unwrap()).unwrap();
            submission.registry = Some("elsewhere".into());
            fs::write(manifest, submission.to_bytes()).unwrap();
        }),
        ("`artifact.tar` is not a file", |sandbox, place| {
            let path = sandbox.path(&format!("{place}/{TAR}"));
            fs::rename(&path, sandbox.path("moved.tar")).unwrap();
            symlink(sandbox.path("moved.tar"), path).unwrap();
        }),
        ("`artifact.tar.zst` is missing", |sandbox, place| {
            fs::remove_file(sandbox.path(&format!("{place}/{ZST}"))).unwrap();
        }),
        ("which is no part of a submission", |sandbox, place| {
            replace(sandbox, place, STATEMENT, b"x");
            let manifest = String::from_utf8(read(sandbox, place, MANIFEST)).unwrap();
            let manifest = manifest.replace("statement.note", "../../../x");
            fs::write(sandbox.path(&format!("{place}/{MANIFEST}")), manifest).unwrap();
        }),
        ("submission.json` is larger than", |sandbox, place| {
            let path = sandbox.path(&format!("{place}/{MANIFEST}"));
            fs::write(path, "x".repeat(70_000)).unwrap();
        }),
    ];
    let sandbox = sandbox();
    for (at, (said, tamper)) in cases.iter().enumerate() {
        let _ = fs::remove_dir_all(sandbox.path("inbox"));
        let place = submit(&sandbox, &alice(), "text", "1.0.0");
        submit(&sandbox, &alice(), &format!("good-{at}"), "1.0.0");
        tamper(&sandbox, &place);
        let ran = ingest(&sandbox, "inbox");
        assert!(matches!(ran.code, Some(1 | 3 | 4)), "{said}: {ran:#?}");
        assert!(ran.err.contains(said), "`{said}` is not in {ran:#?}");
        assert!(
            ran.err.contains(&format!("Published `good-{at}` 1.0.0")),
            "{ran:#?}"
        );
        assert!(!sandbox.path("registry/packages/text").exists(), "{said}");
        assert!(
            !sandbox.path("registry/packages/another").exists(),
            "{said}"
        );
    }
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
}

#[test]
fn an_archive_that_others_would_unpack_is_refused() {
    let sandbox = sandbox();
    let place = submit(&sandbox, &alice(), "text", "1.0.0");
    // A file that climbs out: refused by the strict reader, whoever signed it.
    let mut tar = read(&sandbox, &place, TAR);
    let name = b"../evil.lm.md";
    let at = tar
        .windows(16)
        .position(|window| window == b"src/main.lm.md\0\0")
        .unwrap();
    tar[at..at + 14].fill(0);
    tar[at..at + name.len()].copy_from_slice(name);
    let header = &mut tar[at..at + 512];
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    replace(&sandbox, &place, TAR, &tar);
    let manifest = sandbox.path(&format!("{place}/{MANIFEST}"));
    let mut submission = Submission::parse(&fs::read(&manifest).unwrap()).unwrap();
    submission.files.remove(ZST);
    fs::write(manifest, submission.to_bytes()).unwrap();
    lie(&sandbox, &place, &alice(), |release| {
        let first = lumen_core::index::Artifact::new(
            lumen_core::key::ArtifactKind::Tar,
            Digest::of(&tar),
            tar.len() as u64,
        );
        release.artifacts = vec![first];
    });
    fails(
        &ingest(&sandbox, "inbox"),
        3,
        &["archive refused at `../evil.lm.md`"],
    );
}

#[test]
fn a_submission_that_came_too_late() {
    let sandbox = sandbox();
    submit(&sandbox, &alice(), "text", "1.0.0");
    ingest(&sandbox, "inbox");
    fs::remove_dir_all(sandbox.path("inbox")).unwrap();
    let late = submit(&sandbox, &alice(), "text", "1.1.0");
    let proposed = [
        "pkg",
        "owner",
        "add",
        "text",
        &mallory().public().to_string(),
        "--out",
        "add.note",
    ];
    let ran = contributor(&sandbox, &alice(), ".", &proposed);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sandbox
        .ok(".", &["pkg", "owner", "apply", "add.note"])
        .unwrap();
    let ran = ingest(&sandbox, "inbox");
    fails(
        &ran,
        1,
        &[
            &late,
            "the owners of `text` have changed since it was submitted",
            "it names their note 1, and note 2 is in force",
            "ask for it to be submitted again",
        ],
    );
    // Somebody else was faster with the same version.
    fs::remove_dir_all(sandbox.path("inbox")).unwrap();
    submit(&sandbox, &alice(), "text", "1.1.0");
    fs::rename(sandbox.path("inbox"), sandbox.path("first")).unwrap();
    sandbox
        .write("work/text-1.1.0/src/more.lm.md", "# more\n")
        .unwrap();
    let inbox = sandbox.path("inbox").display().to_string();
    let arguments = ["pkg", "submit", "--out", &inbox];
    let ran = contributor(&sandbox, &mallory(), "work/text-1.1.0", &arguments);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(ingest(&sandbox, "inbox").code, Some(0));
    fails(&ingest(&sandbox, "first"), 1, &["`text` 1.1.0 exists"]);
    // A key that was revoked meanwhile.
    submit(&sandbox, &mallory(), "text", "1.2.0");
    let mallory = mallory().public().fingerprint();
    let revoke = [
        "pkg", "owner", "revoke", "text", &mallory, "--from", "0", "--out", "no.note",
    ];
    let ran = contributor(&sandbox, &alice(), ".", &revoke);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sandbox
        .ok(".", &["pkg", "owner", "apply", "no.note"])
        .unwrap();
    let ran = ingest(&sandbox, "inbox/text/1.2.0");
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
}

#[test]
fn a_name_that_has_to_be_approved() {
    let sandbox = sandbox();
    let me = sandbox.ok(".", &["key", "export"]).unwrap().out;
    let policy = ["registry", "trust", "policy", "approve", "--key", me.trim()];
    sandbox.ok(".", &policy).unwrap();
    submit(&sandbox, &alice(), "@org/text", "1.0.0");
    fails(
        &ingest(&sandbox, "inbox"),
        1,
        &["`@org` has no owner, and the registry must approve its claim"],
    );
    let waiting = sandbox.ok(".", &["registry", "approve"]).unwrap();
    assert!(waiting.out.contains("@org"), "{waiting:#?}");
    sandbox.ok(".", &["registry", "approve", "@org"]).unwrap();
    let done = ingest(&sandbox, "inbox");
    assert_eq!(done.code, Some(0), "{done:#?}");
    // Or by the file, before it is ingested for the first time.
    let place = submit(&sandbox, &mallory(), "@other/text", "1.0.0");
    let claim = format!("{place}/{CLAIM}");
    sandbox.ok(".", &["registry", "approve", &claim]).unwrap();
    let done = ingest(&sandbox, "inbox");
    assert_eq!(done.code, Some(0), "{done:#?}");
    let info = ["pkg", "info", "@org/text", "--provenance"];
    assert!(sandbox.ok(".", &info).unwrap().out.contains(" alice\n"));
}

#[test]
fn unsigned_registries_compare_only() {
    let sandbox = bare();
    let init = ["registry", "init", "registry", "--unsigned"];
    sandbox.ok(".", &init).unwrap();
    let place = submit(&sandbox, &alice(), "text", "1.0.0");
    assert!(!sandbox.path(&format!("{place}/{STATEMENT}")).exists());
    let done = ingest(&sandbox, "inbox");
    assert_eq!(done.code, Some(0), "{done:#?}");
    let done = ingest(&sandbox, "inbox");
    assert!(done.err.contains("Skipped"), "{done:#?}");
    let app = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", app).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    // What is signed for a registry does not go into one that is not, nor the other way round.
    let signed = crate::sandbox();
    let elsewhere = submit(&signed, &alice(), "more", "1.0.0");
    let elsewhere = signed.path(&elsewhere).display().to_string();
    fails(
        &ingest(&sandbox, &elsewhere),
        1,
        &["this one is not signed"],
    );
    let here = sandbox.path(&place).display().to_string();
    fails(
        &ingest(&signed, &here),
        1,
        &["the registry is signed, but the submission is not"],
    );
}

#[test]
fn places_and_rights() {
    let sandbox = sandbox();
    fs::create_dir_all(sandbox.path("inbox")).unwrap();
    fails(
        &ingest(&sandbox, "inbox"),
        3,
        &["`inbox` is refused: there is no `submission.json`"],
    );
    let place = submit(&sandbox, &alice(), "text", "1.0.0");
    // Submitting changes nothing of what is dry, and uploads to any location.
    let to = format!("file://{}", sandbox.path("upload").display());
    let submit_to = ["pkg", "submit", "--to", &to];
    let dry = [&submit_to[..], &["--dry-run"]].concat();
    let ran = contributor(&sandbox, &alice(), "work/text-1.0.0", &dry);
    assert_eq!(
        (ran.code, sandbox.path("upload").exists()),
        (Some(0), false)
    );
    let ran = contributor(&sandbox, &alice(), "work/text-1.0.0", &submit_to);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let uploaded = Path::new(&place).strip_prefix("inbox").unwrap();
    assert!(
        sandbox
            .path("upload")
            .join(uploaded)
            .join(MANIFEST)
            .is_file()
    );
    // Only a log key may ingest.
    let arguments = ["registry", "ingest", &place];
    let ran = contributor(&sandbox, &mallory(), ".", &arguments);
    fails(&ran, 1, &["is not a log key"]);
    // A name that looks like one that is there.
    publish(&sandbox, "text-tools", "1.0.0", "");
    let near = submit(&sandbox, &alice(), "text_tools", "1.0.0");
    fails(
        &ingest(&sandbox, &near),
        1,
        &["the name `text_tools` is too close to `text-tools`"],
    );
    let done = sandbox
        .ok(".", &["registry", "ingest", &to, "--yes"])
        .unwrap();
    assert!(done.err.contains("Published `text` 1.0.0"), "{done:#?}");
}

#[test]
fn files_that_a_killed_publisher_left() {
    let sandbox = sandbox();
    let place = submit(&sandbox, &alice(), "text", "1.0.0");
    let left = "registry/packages/text/1.0.0.json";
    let metadata = String::from_utf8(read(&sandbox, &place, RELEASE)).unwrap();
    sandbox
        .write(left, &metadata.replace("MIT", "ISC"))
        .unwrap();
    fails(
        &ingest(&sandbox, "inbox"),
        1,
        &["the log does not have it yet"],
    );
    sandbox.write(left, &metadata).unwrap();
    let done = ingest(&sandbox, "inbox");
    assert_eq!(done.code, Some(0), "{done:#?}");
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
}
