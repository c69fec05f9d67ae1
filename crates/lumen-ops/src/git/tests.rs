use std::process::Command;

use fs_err as fs;

use super::*;

fn run(dir: &Path, arguments: &[&str]) {
    let identity = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.com",
        "-c",
        "commit.gpgsign=false",
    ];
    let status = Command::new("git")
        .args(identity)
        .args(arguments)
        .current_dir(dir)
        .status()
        .unwrap();
    assert!(status.success(), "{arguments:?}");
}

fn repository() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work");
    fs::create_dir(&work).unwrap();
    run(&work, &["init", "--quiet", "-b", "main"]);
    for (text, tag) in [("one", "v1"), ("two", "v2")] {
        fs::write(work.join("file"), text).unwrap();
        run(&work, &["add", "."]);
        run(&work, &["commit", "--quiet", "-m", text]);
        run(&work, &["tag", tag]);
    }
    let url = format!("file://{}", work.display());
    (dir, url)
}

#[test]
fn references_commits_and_offline() {
    let (dir, url) = repository();
    let home = dir.path().join("home");
    let variables = Variables::default();
    let place = |offline| Place {
        home: &home,
        variables: &variables,
        authorities: None,
        offline,
        netrc: true,
        limits: Limits::default(),
    };
    let (online, offline) = (place(false), place(true));
    let text = |checkout: &Checkout| fs::read_to_string(checkout.dir.join("file")).unwrap();
    let tag = |name: &str| GitReference::Tag(name.into());
    let one = checkout(&online, &url, &tag("v1"), None).unwrap();
    assert_eq!(text(&one), "one");
    let head = checkout(&online, &url, &GitReference::Default, None).unwrap();
    assert_eq!(text(&head), "two");
    let short = GitReference::Rev(one.commit[..10].into());
    assert_eq!(
        checkout(&online, &url, &short, None).unwrap().commit,
        one.commit
    );
    let branch = GitReference::Branch("main".into());
    assert_eq!(
        checkout(&offline, &url, &branch, Some(&one.commit))
            .unwrap()
            .commit,
        one.commit
    );
    assert!(matches!(
        checkout(&online, &url, &tag("v3"), None),
        Err(GitError::NoReference { .. })
    ));
    assert!(matches!(
        checkout(&offline, &url, &tag("v2"), None),
        Err(GitError::Offline { .. })
    ));
}

#[test]
fn a_manifest_cannot_run_commands() {
    let home = tempfile::tempdir().unwrap();
    let mark = home.path().join("mark");
    let url = format!("ext::sh -c touch% {}", mark.display());
    let place = Place {
        home: home.path(),
        variables: &Variables::default(),
        authorities: None,
        offline: false,
        netrc: true,
        limits: Limits::default(),
    };
    assert!(checkout(&place, &url, &GitReference::Default, None).is_err());
    assert!(checkout(&place, "--upload-pack=touch", &GitReference::Default, None).is_err());
    assert!(!mark.exists());
}
