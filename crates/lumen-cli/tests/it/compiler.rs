//! What installs make, looked at as the compiler does: a small stand-in of its module search.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lumen_testkit::sandbox::{Sandbox, tree};

use crate::{bare, fails, publish, sandbox};

/// The endings of sources, in the order in which the compiler tries them.
const ENDINGS: [&str; 4] = ["lm", "lumen", "lm.md", "lumen.md"];

/// The file that a source file gets for an import, or nothing: the compiler looks beside the
/// file, in `src` of the nearest folder above with a `lumen.toml`, and in that folder. Paths are
/// taken as they are written, whatever is a link.
fn imported(from: &Path, module: &str) -> Option<PathBuf> {
    let beside = from.parent()?;
    let project = beside
        .ancestors()
        .find(|dir| dir.join("lumen.toml").exists())?;
    let module = module.replace('.', "/");
    let roots = [beside.to_owned(), project.join("src"), project.to_owned()];
    let names = ["", "/mod", "/main"];
    let candidates = roots.iter().flat_map(|root| {
        names.iter().flat_map(|name| {
            let path = |ending: &&str| root.join(format!("{module}{name}.{ending}"));
            ENDINGS.iter().map(path).collect::<Vec<_>>()
        })
    });
    candidates.into_iter().find(|path| path.exists())
}

/// The imports of a file and of those it imports that lead nowhere; sources here have lines
/// `import <module>`.
fn missing(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let mut lost = Vec::new();
    for module in text.lines().filter_map(|line| line.strip_prefix("import ")) {
        // Modules are compiled as part of the file that asked first.
        match imported(file, module) {
            Some(_) => {}
            None => lost.push(format!("{}: {module}", file.display())),
        }
    }
    lost
}

/// All sources below a folder, links not followed.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = entry.file_name().into_string().unwrap();
            if kind.is_dir() && !name.starts_with('.') {
                folders.push(path);
            } else if kind.is_file() && ENDINGS.iter().any(|end| name.ends_with(&format!(".{end}")))
            {
                found.push(path);
            }
        }
    }
    found
}

#[track_caller]
fn compiles(sandbox: &Sandbox, folder: &str) {
    let files = sources(&sandbox.path(folder));
    assert!(!files.is_empty(), "{folder}");
    let lost: Vec<String> = files.iter().flat_map(|file| missing(file)).collect();
    assert!(lost.is_empty(), "{lost:#?}");
}

/// A package whose sources are these files.
fn package(sandbox: &Sandbox, folder: &str, name: &str, more: &str, files: &[(&str, &str)]) {
    sandbox.package(folder, name, "1.0.0", more).unwrap();
    fs::remove_dir_all(sandbox.path(folder).join("src")).unwrap();
    for (file, text) in files {
        sandbox.write(&format!("{folder}/{file}"), text).unwrap();
    }
}

#[test]
fn members_of_a_workspace_can_import_what_they_need() {
    let sandbox = sandbox();
    publish(&sandbox, "base", "1.0.0", "");
    publish(
        &sandbox,
        "@org/http",
        "1.0.0",
        "[dependencies]\nbase = \"^1\"\n",
    );
    publish(&sandbox, "text", "1.0.0", "");
    let root = "[workspace]\nmembers = [\"core\", \"apps/*\"]\n";
    sandbox.write("ws/lumen.toml", root).unwrap();
    let needs = "[dependencies]\n\"@org/http\" = \"^1\"\n";
    let source = "import org.http\nimport base\n";
    package(
        &sandbox,
        "ws/core",
        "core",
        needs,
        &[("src/main.lm.md", source)],
    );
    let needs = "[dependencies]\ncore = { path = \"../../core\", version = \"^1\" }\n\
        [dev-dependencies]\ntext = \"^1\"\n";
    let source = "import core\nimport org.http\nimport text\n";
    let files = [
        ("src/main.lm.md", source),
        ("tests/t.lm", "import text\nimport core\n"),
    ];
    package(&sandbox, "ws/apps/cli", "cli", needs, &files);
    // A member may have its links elsewhere.
    let more = format!("[install]\nimport-root = \"src\"\n{needs}");
    let files = [("src/main.lumen.md", source)];
    package(&sandbox, "ws/apps/gui", "@org/gui", &more, &files);
    sandbox.ok("ws", &["pkg", "install"]).unwrap();
    compiles(&sandbox, "ws");
    assert!(sandbox.path("ws/apps/gui/src/core").is_symlink());
    assert!(!sandbox.path("ws/apps/gui/core").exists());
    // Only what a member needs.
    assert!(!sandbox.path("ws/core/text").exists());
    assert!(!sandbox.path("ws/core/core").exists());
    let again = sandbox.ok("ws", &["pkg", "install"]).unwrap();
    assert!(again.err.contains("Up to date"), "{}", again.err);
    sandbox.ok("ws", &["pkg", "verify"]).unwrap();
    // A lost link comes back, and is told until then.
    fs::remove_file(sandbox.path("ws/apps/cli/base")).unwrap();
    sandbox.ok("ws/apps/cli", &["pkg", "install"]).unwrap();
    compiles(&sandbox, "ws");
    // What a member needs no more goes.
    sandbox
        .ok("ws/apps/cli", &["pkg", "remove", "text"])
        .unwrap();
    assert!(!sandbox.path("ws/apps/cli/text").exists());
    assert!(sandbox.path("ws/apps/gui/src/text").exists());
    // No archive has the links, and nothing stays of them.
    let packed = sandbox
        .ok("ws/apps/cli", &["pkg", "pack", "--dry-run"])
        .unwrap();
    assert!(!packed.out.contains("base"), "{}", packed.out);
    sandbox.ok("ws", &["pkg", "clean"]).unwrap();
    let left = tree(&sandbox.path("ws")).unwrap();
    assert!(
        left.iter().all(|(path, _)| !path.contains(".lumen/")),
        "{left:#?}"
    );
    for link in [
        "ws/apps/cli/core",
        "ws/apps/cli/org",
        "ws/apps/gui/src/org",
        "ws/core/org",
    ] {
        assert!(
            !sandbox.path(link).is_symlink() && !sandbox.path(link).exists(),
            "{link}"
        );
    }
}

#[test]
fn what_is_in_the_way_in_a_member_is_told_and_left_alone() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    sandbox
        .write("ws/lumen.toml", "[workspace]\nmembers = [\"a\"]\n")
        .unwrap();
    let needs = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("ws/a", "a", "1.0.0", needs).unwrap();
    sandbox.write("ws/a/text/mine.txt", "mine").unwrap();
    let ran = sandbox.run("ws", &["pkg", "install"]).unwrap();
    fails(&ran, 1, &["`a/text` is in the way", "import-root"]);
    assert_eq!(sandbox.read("ws/a/text/mine.txt").unwrap(), "mine");
    assert!(!sandbox.path("ws/lumen.lock").exists());
    let elsewhere = format!("[install]\nimport-root = \"deps\"\n{needs}");
    sandbox.package("ws/a", "a", "1.0.0", &elsewhere).unwrap();
    sandbox.ok("ws", &["pkg", "install"]).unwrap();
    assert!(sandbox.path("ws/a/deps/text/main.lm.md").exists());
}

#[test]
fn modules_of_a_package_import_each_other_by_its_name() {
    let sandbox = sandbox();
    let files = [
        (
            "src/main.lm.md",
            "import org.shapes.models\nimport org.shapes.net.http\n",
        ),
        ("src/models.lumen", "# models\n"),
        ("src/net/http.lm", "import org.shapes.models\n"),
        ("tests/t.lm.md", "import org.shapes\n"),
    ];
    package(&sandbox, "shapes", "@org/shapes", "", &files);
    sandbox.ok("shapes", &["pkg", "install"]).unwrap();
    compiles(&sandbox, "shapes");
    sandbox.ok("shapes", &["pkg", "publish", "--yes"]).unwrap();
    // As a dependency, the same.
    let needs = "[dependencies]\n\"@org/shapes\" = \"^1\"\n";
    let files = [(
        "src/main.lm.md",
        "import org.shapes\nimport org.shapes.net.http\n",
    )];
    package(&sandbox, "app", "app", needs, &files);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    compiles(&sandbox, "app");
    let link = sandbox.path("app/org/shapes");
    assert!(
        sources(&link)
            .iter()
            .flat_map(|file| missing(file))
            .next()
            .is_none()
    );
    // One module needs no link; the second one brings it, also where nothing else changed.
    assert!(!sandbox.path("app/app").is_symlink());
    sandbox.write("app/src/more.lm", "import app\n").unwrap();
    let ran = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(!ran.err.contains("Up to date"), "{}", ran.err);
    compiles(&sandbox, "app");
    let ran = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(ran.err.contains("Up to date"), "{}", ran.err);
    let packed = sandbox.ok("app", &["pkg", "pack", "--dry-run"]).unwrap();
    assert!(!packed.out.contains("app/"), "{}", packed.out);
    // What the user has there stays.
    sandbox.ok("app", &["pkg", "clean"]).unwrap();
    assert!(!sandbox.path("app/app").is_symlink());
    sandbox.write("app/app/mine.txt", "mine").unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox.ok("app", &["pkg", "clean"]).unwrap();
    assert_eq!(sandbox.read("app/app/mine.txt").unwrap(), "mine");
}

#[test]
fn init_takes_sources_at_the_root_for_the_package() {
    let sandbox = sandbox();
    for (folder, file) in [
        ("flat", "main.lm"),
        ("notes", "main.lumen.md"),
        ("deep", "net/http.lumen"),
    ] {
        sandbox
            .write(&format!("{folder}/{file}"), "# mine\n")
            .unwrap();
        let ran = sandbox.ok(folder, &["pkg", "init"]).unwrap();
        assert!(!ran.err.contains("src/main.lm.md"), "{}", ran.err);
        assert!(!sandbox.path(folder).join("src").exists());
        let add = ["pkg", "add", "--path", &format!("../{folder}")];
        let app = format!("app-{folder}");
        sandbox.ok(".", &["pkg", "new", &app]).unwrap();
        sandbox
            .ok(&app, &[&add[..2], &[folder][..], &add[2..]].concat())
            .unwrap();
        assert!(
            sandbox.path(&app).join(folder).join(file).exists(),
            "{folder}"
        );
    }
    // A read-me is no source.
    sandbox.write("docs/README.md", "# mine\n").unwrap();
    sandbox.ok("docs", &["pkg", "init"]).unwrap();
    assert!(sandbox.path("docs/src/main.lm.md").exists());
}

#[test]
fn clean_removes_only_what_installs_made() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    sandbox.ok(".", &["pkg", "new", "app"]).unwrap();
    sandbox.ok("app", &["pkg", "add", "text"]).unwrap();
    for file in ["cache/x.json", "trace/run.jsonl", "registry/y"] {
        sandbox
            .write(&format!("app/.lumen/{file}"), "the compiler's")
            .unwrap();
    }
    sandbox.ok("app", &["pkg", "clean"]).unwrap();
    let mut left: Vec<String> = tree(&sandbox.path("app/.lumen"))
        .unwrap()
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    left.sort();
    // Git sees none of it.
    assert_eq!(
        left,
        [
            ".gitignore",
            "cache/x.json",
            "registry/y",
            "trace/run.jsonl"
        ]
    );
    assert!(!sandbox.path("app/text").is_symlink());
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    fs::remove_dir_all(sandbox.path("app/.lumen/cache")).unwrap();
    fs::remove_dir_all(sandbox.path("app/.lumen/trace")).unwrap();
    fs::remove_dir_all(sandbox.path("app/.lumen/registry")).unwrap();
    sandbox.ok("app", &["pkg", "clean"]).unwrap();
    assert!(!sandbox.path("app/.lumen").exists());
}

#[test]
fn names_that_no_program_can_import_are_warned_about() {
    let sandbox = bare();
    let said = "cannot be imported";
    let ran = sandbox.ok(".", &["pkg", "new", "7seven"]).unwrap();
    assert!(
        ran.err.contains(said) && ran.err.contains("`7seven`"),
        "{}",
        ran.err
    );
    for (name, is_bad) in [
        ("@org/2fa", true),
        ("@3d/shapes", true),
        ("import", true),
        ("a-7", false),
        ("v7", false),
    ] {
        let folder = name.trim_start_matches('@').replace('/', "-");
        sandbox.package(&folder, name, "1.0.0", "").unwrap();
        let ran = sandbox.ok(&folder, &["pkg", "pack", "--dry-run"]).unwrap();
        assert_eq!(ran.err.contains(said), is_bad, "{name}: {}", ran.err);
        if is_bad {
            assert!(ran.err.contains("lumen.toml:2:"), "{}", ran.err);
        }
    }
    // Without sources there is nothing to import.
    package(&sandbox, "data", "1data", "", &[("words.json", "[]")]);
    let ran = sandbox.ok("data", &["pkg", "pack", "--dry-run"]).unwrap();
    assert!(!ran.err.contains(said), "{}", ran.err);
}
