//! Links in the user's own part of a project: parents of import links, targets, manifests.

use std::{fs, os::unix::fs::symlink};

use lumen_testkit::sandbox::Ran;

use crate::{fails, publish};

use super::{cloned, neighbour, plant, run};

#[test]
fn no_import_link_is_made_or_removed_behind_a_link() {
    let sandbox = cloned();
    publish(&sandbox, "@org/http", "1.0.0", "");
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    let before = neighbour(&sandbox);
    let cases = [
        ("deps", "import-root = \"deps\"\n"),
        ("src/lib", "import-root = \"src/lib/deep\"\n"),
    ];
    for (link, install) in cases {
        let text = format!("{manifest}[install]\n{install}");
        sandbox.write("app/lumen.toml", &text).unwrap();
        plant(&sandbox, &format!("app/{link}"), &sandbox.path("mono"));
        let ran = run(&sandbox, &["pkg", "install"]);
        fails(&ran, 1, &[&format!("`{link}` is in the way")]);
        assert_eq!(neighbour(&sandbox), before, "{link}");
        assert!(!sandbox.path("mono/text").is_symlink(), "{link}");
        fs::remove_file(sandbox.path(&format!("app/{link}"))).unwrap();
    }
    for bad in [".git/hooks", ".lumen", "x/.lumen/packages", "../mono"] {
        let text = format!("{manifest}[install]\nimport-root = \"{bad}\"\n");
        sandbox.write("app/lumen.toml", &text).unwrap();
        let ran = run(&sandbox, &["pkg", "install"]);
        assert_eq!(ran.code, Some(1), "{bad}: {ran:#?}");
        assert!(!sandbox.path("app/.git").exists(), "{bad}");
    }
    // A folder of ours that became a link after the install: neither believed nor followed.
    let text = manifest.replace("text =", "\"@org/http\" =");
    sandbox.write("app/lumen.toml", &text).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(sandbox.path("app/org/http").is_symlink());
    fs::rename(sandbox.path("app/org"), sandbox.path("mono/org")).unwrap();
    symlink("../mono/org", sandbox.path("app/org")).unwrap();
    let ran = run(&sandbox, &["pkg", "install"]);
    fails(&ran, 1, &["`org` is in the way"]);
    let text = manifest.replace("text = \"1\"\n", "");
    sandbox.write("app/lumen.toml", &text).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox.ok("app", &["pkg", "clean"]).unwrap();
    assert!(sandbox.path("mono/org/http").is_symlink());
}

#[test]
fn vendor_and_unpack_fill_no_folder_behind_a_link() {
    let sandbox = cloned();
    // A list that claims the neighbour's files for an earlier `vendor`.
    let list = "packages\ntmp-mine\nstate.json\n.tmp-mine\n";
    sandbox.write("mono/.lumen-vendor", list).unwrap();
    let before = neighbour(&sandbox);
    sandbox
        .ok("app", &["pkg", "pack", "--out", "../out"])
        .unwrap();
    plant(&sandbox, "app/third", &sandbox.path("mono"));
    plant(&sandbox, "app/nowhere", &sandbox.path("made"));
    for dir in ["third", "third/sub", "nowhere", "nowhere/sub"] {
        let ran = run(&sandbox, &["pkg", "vendor", dir]);
        fails(&ran, 1, &["is a link", "no link of the project leads"]);
        let ran = run(
            &sandbox,
            &["pkg", "unpack", "../out/app-1.0.0.tar", "--out", dir],
        );
        fails(&ran, 1, &["is a link", "no link of the project leads"]);
    }
    assert_eq!(neighbour(&sandbox), before);
    assert!(!sandbox.path("made").exists());
    // The project itself is no place for copies, whatever a list in it says.
    sandbox
        .write(
            "app/.lumen-vendor",
            "src\nlumen.toml\nlumen.lock\nthird\nnowhere\n.lumen\n.gitignore\n",
        )
        .unwrap();
    let ran = run(&sandbox, &["pkg", "vendor", "."]);
    fails(&ran, 1, &["is in the way"]);
    assert!(sandbox.path("app/src/main.lm.md").exists());
    sandbox.ok("app", &["pkg", "vendor", "copies"]).unwrap();
    assert!(sandbox.path("app/copies/text/lumen.toml").exists());
}

#[test]
fn a_manifest_or_lock_that_leads_out_of_the_project_is_refused() {
    let sandbox = cloned();
    for file in ["lumen.toml", "lumen.lock"] {
        let text = sandbox.read(&format!("app/{file}")).unwrap();
        let outside = sandbox.path(&format!("mono/{file}"));
        fs::rename(sandbox.path(&format!("app/{file}")), &outside).unwrap();
        plant(&sandbox, &format!("app/{file}"), &outside);
        for verb in [
            &["pkg", "install"][..],
            &["pkg", "add", "text@1.0.0"],
            &["pkg", "lock"],
            &["pkg", "update"],
        ] {
            let ran = run(&sandbox, verb);
            fails(&ran, 1, &[file, "outside of the project"]);
            assert_eq!(fs::read_to_string(&outside).unwrap(), text);
        }
        fs::remove_file(sandbox.path(&format!("app/{file}"))).unwrap();
        // Inside of it a link is followed, and stays one.
        sandbox.write(&format!("app/shared/{file}"), &text).unwrap();
        symlink(
            format!("shared/{file}"),
            sandbox.path(&format!("app/{file}")),
        )
        .unwrap();
    }
    publish(&sandbox, "more", "1.0.0", "");
    sandbox.ok("app", &["pkg", "add", "more"]).unwrap();
    for file in ["lumen.toml", "lumen.lock"] {
        assert!(sandbox.path(&format!("app/{file}")).is_symlink());
        let text = sandbox.read(&format!("app/shared/{file}")).unwrap();
        assert!(text.contains("more"), "{file}: {text}");
    }
    // A lock that never ends.
    fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    symlink("/dev/zero", sandbox.path("app/lumen.lock")).unwrap();
    fails(
        &run(&sandbox, &["pkg", "install"]),
        1,
        &["outside of the project"],
    );
}

#[test]
fn a_gitignore_that_leads_out_of_the_project_is_left_alone() {
    let sandbox = cloned();
    let block = "# lumen: made by `lumen pkg install`\nsecret\n# lumen: end\n";
    sandbox.write("mono/ignore", block).unwrap();
    let before = neighbour(&sandbox);
    plant(&sandbox, "app/.gitignore", &sandbox.path("mono/ignore"));
    let ran = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(
        ran.err
            .contains("outside of the project: it is left as it is"),
        "{ran:#?}"
    );
    assert_eq!(neighbour(&sandbox), before);
    assert!(sandbox.path("app/.gitignore").is_symlink());
    // A new package in a folder that has one.
    sandbox.write("new/readme", "").unwrap();
    plant(&sandbox, "new/.gitignore", &sandbox.path("mono/ignore"));
    let ran = sandbox.run("new", &["pkg", "init"]).unwrap();
    fails(&ran, 1, &[".gitignore", "outside of the project"]);
    assert_eq!(neighbour(&sandbox), before);
}

#[test]
fn a_member_behind_a_link_is_not_changed() {
    let sandbox = cloned();
    publish(&sandbox, "more", "1.0.0", "");
    sandbox.package("victim", "victim", "1.0.0", "").unwrap();
    let manifest = sandbox.read("victim/lumen.toml").unwrap();
    sandbox
        .write("ws/lumen.toml", "[workspace]\nmembers = [\"m/*\"]\n")
        .unwrap();
    plant(&sandbox, "ws/m/a", &sandbox.path("victim"));
    for verb in [
        &["pkg", "install"][..],
        &["pkg", "add", "more", "-p", "victim"],
    ] {
        let ran = sandbox.run("ws", verb).unwrap();
        assert_ne!(ran.code, Some(0), "{ran:#?}");
    }
    let ran = sandbox.run(
        "ws/m/a",
        &["pkg", "add", "more", "--manifest-path", "../../m/a"],
    );
    drop(ran);
    assert_eq!(sandbox.read("victim/lumen.toml").unwrap(), manifest);
}

#[test]
fn a_workflow_is_written_into_the_project_alone() {
    let sandbox = cloned();
    let before = neighbour(&sandbox);
    let section = "[registry]\ndefault = \"git+https://example.org/registry.git#pages\"\n";
    sandbox.package("app", "app", "1.0.0", section).unwrap();
    for (link, target) in [
        (".github", "../mono"),
        (".github/workflows/publish.yml", "../../../mono/new"),
    ] {
        plant(&sandbox, &format!("app/{link}"), target.as_ref());
        let source = "https://example.org/lumen.git";
        let arguments = ["registry", "ci", "github", "--force", "--source", source];
        let mut command = sandbox.command("app", &arguments);
        let ran = Ran::of(&command.env_remove("LUMEN_REGISTRY").output().unwrap());
        fails(&ran, 1, &["leads", "hint:"]);
        assert_eq!(neighbour(&sandbox), before);
        let planted = sandbox.path("app/.github");
        fs::remove_file(&planted).unwrap_or_else(|_| fs::remove_dir_all(&planted).unwrap());
    }
    assert!(!sandbox.path("mono/workflows").exists());
}

#[test]
fn members_of_a_workspace_are_not_sought_behind_links() {
    let sandbox = cloned();
    let package = "[package]\nname = \"far\"\nversion = \"1.0.0\"\n";
    sandbox.write("mono/far/lumen.toml", package).unwrap();
    let workspace = "[workspace]\nmembers = [\"*/*/*/*/*/*/*/*\", \"out/*\"]\n";
    sandbox.write("ws/lumen.toml", workspace).unwrap();
    sandbox
        .package("ws/a/b/c/d/e/f/g/near", "near", "1.0.0", "")
        .unwrap();
    for number in 0..12 {
        plant(&sandbox, &format!("ws/l{number}"), ".".as_ref());
    }
    plant(&sandbox, "ws/out", &sandbox.path("mono"));
    sandbox.ok("ws", &["pkg", "install"]).unwrap();
    let lock = sandbox.read("ws/lumen.lock").unwrap();
    assert!(lock.contains("near") && !lock.contains("far"), "{lock}");
    // From a folder behind the link, the workspace is no workspace of the package.
    sandbox.ok("ws/out/far", &["pkg", "install"]).unwrap();
    assert!(sandbox.path("mono/far/lumen.lock").exists());
}

#[test]
fn an_archive_is_not_packed_through_a_link_of_the_clone() {
    let sandbox = cloned();
    sandbox.write("mono/app-1.0.0.tar", "mine").unwrap();
    let before = neighbour(&sandbox);
    plant(&sandbox, "app/dist", &sandbox.path("mono"));
    for out in ["dist", "dist/new", "./x/../dist"] {
        fails(
            &run(&sandbox, &["pkg", "pack", "--out", out]),
            1,
            &["outside of the project"],
        );
        assert_eq!(neighbour(&sandbox), before);
    }
    for out in ["made/here", "../made"] {
        sandbox.ok("app", &["pkg", "pack", "--out", out]).unwrap();
    }
    assert!(sandbox.path("app/made/here/app-1.0.0.tar").is_file());
    assert!(sandbox.path("made/app-1.0.0.tar").is_file());
}

#[test]
fn a_moved_project_loses_the_links_that_no_package_stands_behind() {
    let sandbox = cloned();
    publish(&sandbox, "@org/http", "1.0.0", "");
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    let text = format!("{manifest}\"@org/http\" = \"1\"\n");
    sandbox.write("app/lumen.toml", &text).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    // Links of the user's, that the rule would not make.
    plant(&sandbox, "app/mine", ".lumen/packages/text/src".as_ref());
    plant(
        &sandbox,
        "app/src/text",
        "../.lumen/packages/other/src".as_ref(),
    );
    fs::rename(sandbox.path("app"), sandbox.path("moved")).unwrap();
    sandbox.ok("moved", &["pkg", "remove", "text"]).unwrap();
    assert!(!sandbox.path("moved/text").is_symlink());
    assert!(sandbox.path("moved/org/http").is_symlink());
    fs::rename(sandbox.path("moved"), sandbox.path("app")).unwrap();
    fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    sandbox.ok("app", &["pkg", "clean"]).unwrap();
    assert!(!sandbox.path("app/org").exists());
    assert!(sandbox.path("app/mine").is_symlink());
    assert!(sandbox.path("app/src/text").is_symlink());
}

#[test]
fn a_home_has_one_spelling() {
    let sandbox = cloned();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    plant(&sandbox, "other-way", &sandbox.path("home"));
    for verb in [&["pkg", "verify"][..], &["pkg", "install", "--locked"]] {
        let mut command = sandbox.command("app", verb);
        command.env("LUMEN_HOME", sandbox.path("other-way/lumen"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}
