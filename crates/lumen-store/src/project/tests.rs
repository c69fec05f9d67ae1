use fs_err as fs;

use super::*;

fn world(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn package(name: &str, more: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\n{more}")
}

#[test]
fn workspace_members_are_found_from_a_member() {
    let dir = world(&[
        (
            "lumen.toml",
            "[workspace]\nmembers = [\"packages/*\", \"tool\"]\nexclude = [\"packages/old\"]\n",
        ),
        ("packages/a/lumen.toml", &package("a", "")),
        (
            "packages/b/lumen.toml",
            &package("b", "[dependencies]\na = { path = \"../a\" }\n"),
        ),
        ("packages/old/lumen.toml", &package("old", "")),
        ("packages/.hidden/lumen.toml", "broken"),
        ("packages/notes/readme.txt", ""),
        ("tool/lumen.toml", &package("tool", "")),
    ]);
    let root = normalize(dir.path());
    let project = Project::load(
        &root.join("packages/b/lumen.toml"),
        &Surroundings::of(&root),
    )
    .unwrap();
    assert_eq!(project.root, root);
    let members: Vec<&str> = project
        .members
        .iter()
        .map(|member| member.relative.as_str())
        .collect();
    assert_eq!(members, ["packages/a", "packages/b", "tool"]);
    assert_eq!(project.current_member().unwrap().relative, "packages/b");
    assert_eq!(project.local_packages().unwrap().len(), 3);
}

#[test]
fn path_dependencies_are_followed_and_checked() {
    let dir = world(&[
        (
            "app/lumen.toml",
            &package("app", "[dependencies]\nlib = { path = \"../lib\" }\n"),
        ),
        (
            "lib/lumen.toml",
            &package("lib", "[dependencies]\nbase = { path = \"../base\" }\n"),
        ),
        ("base/lumen.toml", &package("base", "")),
        (
            "wrong/lumen.toml",
            &package("wrong", "[dependencies]\nother = { path = \"../base\" }\n"),
        ),
        (
            "gone/lumen.toml",
            &package("gone", "[dependencies]\nbase = { path = \"../nowhere\" }\n"),
        ),
    ]);
    let root = normalize(dir.path());
    let load = |name: &str| {
        Project::load(&root.join(name).join(MANIFEST), &Surroundings::of(&root)).unwrap()
    };
    let app = load("app");
    let found = app.local_packages().unwrap();
    let relative: Vec<&str> = found
        .values()
        .map(|package| package.relative.as_str())
        .collect();
    assert_eq!(relative, ["", "../base", "../lib"]);
    assert!(
        load("wrong")
            .local_packages()
            .unwrap_err()
            .to_string()
            .contains("holds `base`, not `other`")
    );
    assert!(
        load("gone")
            .local_packages()
            .unwrap_err()
            .to_string()
            .contains("has no `lumen.toml`")
    );
}

/// A workspace with members by path and by pattern, each using the one before it.
fn chain(members: usize) -> tempfile::TempDir {
    let named: Vec<String> = (0..members / 2).map(|n| format!("\"m/{n}\"")).collect();
    let dir = world(&[(
        "lumen.toml",
        &format!("[workspace]\nmembers = [{}, \"m/*\"]\n", named.join(", ")),
    )]);
    for n in 0..members {
        let more = match n.checked_sub(1) {
            Some(before) => {
                format!("[dependencies]\np{before} = {{ path = \"../{before}\" }}\n")
            }
            None => "[dependencies]\naside = { path = \"../../aside\" }\n".into(),
        };
        let folder = dir.path().join(format!("m/{n}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(MANIFEST), package(&format!("p{n}"), &more)).unwrap();
    }
    fs::create_dir_all(dir.path().join("aside")).unwrap();
    fs::write(
        dir.path().join("aside").join(MANIFEST),
        package("aside", ""),
    )
    .unwrap();
    dir
}

#[test]
fn each_file_of_a_project_is_read_once() {
    let dir = chain(40);
    let root = normalize(dir.path());
    let member = root.join("m/7").join(MANIFEST);
    let before = files::reads();
    let mut snapshot = Snapshot::of(&member, &Surroundings::of(&root));
    assert!(snapshot.peek(&member).is_some());
    assert_eq!(snapshot.root().unwrap(), root);
    let project = snapshot.load().unwrap();
    assert_eq!(project.members.len(), 40);
    assert_eq!(project.local_packages().unwrap().len(), 41);
    let edited = BTreeMap::from([(member, package("renamed", ""))]);
    let edited = project.edited(edited).unwrap();
    assert_eq!(
        edited.current_member().unwrap().name().unwrap().as_str(),
        "renamed"
    );
    // The root, the members, the package aside, and the lock that is not there.
    assert_eq!(files::reads() - before, 1 + 40 + 1 + 1);
}

#[test]
fn a_root_below_a_strange_folder_is_judged_by_itself() {
    let dir = world(&[
        ("lumen.toml", &package("above", "")),
        ("shared/real.toml", &package("app", "")),
        ("app/readme.txt", ""),
    ]);
    let root = normalize(dir.path());
    #[cfg(unix)]
    {
        let link = root.join("app").join(MANIFEST);
        std::os::unix::fs::symlink("../shared/real.toml", &link).unwrap();
        let refused = Project::load(&link, &Surroundings::of(&root));
        assert!(matches!(refused, Err(ProjectError::Outside { .. })));
    }
}

#[test]
fn a_missing_manifest_is_said() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(
        Project::find(&Surroundings::of(dir.path())),
        Err(ProjectError::NotFound(_))
    ));
}
