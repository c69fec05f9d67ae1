//! Places where somebody else chose every text that can be chosen.

use std::{fs, path::Path};

use lumen_core::signing::SecretKey;
use lumen_testkit::{
    git::{self, git},
    sandbox::Sandbox,
    server::{Server, answer},
};
use serde_json::{Value, json};

use super::{HIDDEN, HOSTILE, INVISIBLE};
use crate::{bare, publish};

/// A sandbox, and what its commands find in their environment.
pub struct World {
    pub sandbox: Sandbox,
    pub environment: Vec<(&'static str, String)>,
    /// What `registry` stands for in the arguments of commands.
    pub registry: String,
    _server: Option<Server>,
}

impl World {
    fn new() -> Self {
        Self {
            sandbox: bare(),
            environment: Vec::new(),
            registry: "registry".into(),
            _server: None,
        }
    }

    /// Runs a command that builds the world, as its owner.
    fn ok(&self, folder: &str, arguments: &[&str]) {
        let mut command = self.sandbox.command(folder, arguments);
        command.envs(self.environment.iter().cloned());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }

    fn file(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.sandbox.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Text as a string of TOML; escapes where TOML needs them.
fn toml(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

/// A project with the dependency `evil`, in which everything is said in hostile words.
fn app(world: &World) {
    let about = "repository = \"https://example.org\"\n[dependencies]\nevil = \"^1\"\n";
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"1.0.0\"\nlicense = \"MIT\"\ndescription = {}\n{about}",
        toml(HOSTILE)
    );
    world.file("app/lumen.toml", manifest);
    world.file("app/src/main.lm.md", "# app\n");
    // A joiner is allowed in names of files.
    world.file("app/assets/a\u{200d}b.txt", "text");
}

/// Files that come by mail, and a git repository.
fn gifts(world: &World) {
    world.file("evil.tar", tar(HOSTILE));
    world.file("evil.bundle", HOSTILE);
    world.file(
        "evil.note",
        format!("lumen owners v1\n{HOSTILE}\n\n— {HOSTILE} AAAA\n"),
    );
    world.file(
        "inbox/evil/1.0.0/submission.json",
        json!({ "format": 1, "name": HOSTILE }).to_string(),
    );
    let repository = world.sandbox.path("evil.git");
    git::bare(&repository).unwrap();
    let manifest = format!(
        "[package]\nname = {}\nversion = \"{HIDDEN}\"\n{HIDDEN} = 1\n",
        toml(HOSTILE)
    );
    git::branch(&repository, "main", "lumen.toml", &manifest).unwrap();
    git(&repository, &["symbolic-ref", "HEAD", "refs/heads/main"]).unwrap();
}

/// An archive with one file of this name.
fn tar(name: &str) -> Vec<u8> {
    let mut header = [0u8; 512];
    header[..name.len().min(100)].copy_from_slice(&name.as_bytes()[..name.len().min(100)]);
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(b"00000000000\0");
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    [&header[..], &[0; 1024]].concat()
}

/// Changes a JSON file.
fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

/// An unsigned registry, edited by hand after the project locked a package of it.
pub fn unsigned() -> World {
    let world = World::new();
    world.ok(".", &["registry", "init", "registry", "--unsigned"]);
    world.ok(".", &["key", "new", "second"]);
    for version in ["1.0.0", "1.1.0"] {
        publish(&world.sandbox, "evil", version, "[features]\nextra = []\n");
    }
    app(&world);
    gifts(&world);
    world.ok("app", &["pkg", "install"]);
    let at = |path: &str| world.sandbox.path(&format!("registry/{path}"));
    edit(&at("index.json"), |index| {
        index["name"] = json!(HOSTILE);
        index["updated_at"] = json!(HOSTILE);
        index["packages"][0]["description"] = json!(HOSTILE);
    });
    edit(&at("packages/evil/index.json"), |index| {
        index["description"] = json!(HOSTILE);
        index["yanked"] = json!({ "1.1.0": HOSTILE });
        index["deprecated"] = json!({ "reason": HOSTILE });
        index["categories"] = json!([HOSTILE]);
        index["latest"] = json!("1.0.0");
        index.as_object_mut().unwrap().remove("releases");
    });
    for version in ["1.0.0", "1.1.0"] {
        edit(&at(&format!("packages/evil/{version}.json")), |release| {
            for field in ["description", "license", "published_at"] {
                release[field] = json!(HOSTILE);
            }
            release["features"] = json!({ HOSTILE: [] });
            release["categories"] = json!([HOSTILE]);
        });
    }
    world
}

/// A signed registry whose keys and reasons deceive.
pub fn signed() -> World {
    let mut world = World::new();
    let key = SecretKey::from_seed(INVISIBLE, [7; 32]).unwrap();
    world
        .environment
        .push(("LUMEN_KEY", key.to_text().to_string()));
    world.ok(".", &["registry", "init", "registry", "--name", INVISIBLE]);
    world.ok(".", &["key", "new", "second"]);
    for version in ["1.0.0", "1.1.0"] {
        let folder = format!("evil-{version}");
        let more = format!("description = {}\n", toml(INVISIBLE));
        let manifest = format!(
            "[package]\nname = \"evil\"\nversion = \"{version}\"\nlicense = \"MIT\"\n{more}"
        );
        world.file(&format!("{folder}/lumen.toml"), manifest);
        world.file(&format!("{folder}/src/main.lm.md"), "# evil\n");
        world.ok(&folder, &["pkg", "publish", "--yes"]);
    }
    app(&world);
    gifts(&world);
    world.ok("app", &["pkg", "install"]);
    world.ok(".", &["pkg", "yank", "evil@1.1.0", "--reason", INVISIBLE]);
    world.ok(".", &["pkg", "deprecate", "evil", "--reason", INVISIBLE]);
    world.ok(".", &["pkg", "owner", "add", "evil", "second"]);
    world
}

/// A signed registry with other words in one kind of its files.
pub fn damaged(files: &[&str]) -> World {
    let world = signed();
    for file in files {
        let path = world.sandbox.path(&format!("registry/{file}"));
        assert!(path.is_file(), "{file}");
        // As it is, so that messages quote it.
        let text = format!(
            "{{\"name\": \"{HIDDEN}\", \"{HIDDEN}\": 1, \"format\": \"{HIDDEN}\"\n{HOSTILE}\n"
        );
        fs::write(path, text).unwrap();
    }
    world
}

/// A clone with a hostile manifest, and with a hostile lock file where the manifest is read.
pub fn project(is_readable: bool) -> World {
    let world = unsigned();
    if is_readable {
        let lock = world.sandbox.read("app/lumen.lock").unwrap();
        let lock = format!(
            "{lock}\n[[package]]\nname = \"{HIDDEN}\"\nversion = {}\n",
            toml(HOSTILE)
        );
        world.file("app/lumen.lock", lock);
        world.file(&format!("app/assets/{HOSTILE}"), "text");
        return world;
    }
    let words = toml(HOSTILE);
    let manifest = format!(
        "[package]\nname = {words}\nversion = \"{HIDDEN}\"\nlicense = {words}\n\"{HIDDEN}\" = 1\n\
         [dependencies]\n{words} = \"1\"\nevil = {words}\nother = {{ path = {words} }}\n\
         third = {{ git = {words}, branch = {words} }}\n\
         [registry]\ndefault = {words}\n[registry.registries]\n{words} = {words}\n\
         [install]\nimport-root = {words}\n[workspace]\nmembers = [{words}]\n# {HIDDEN}\n"
    );
    world.file("app/lumen.toml", manifest);
    world
}

/// A web server whose every answer is an error in hostile words, or leads elsewhere.
pub fn server(redirects: bool) -> World {
    let mut world = signed();
    let server = Server::start(move |_| {
        let (server, etag) = (format!("Server: {HIDDEN}"), format!("ETag: \"{HIDDEN}\""));
        let kind = format!("Content-Type: text/{HIDDEN}");
        let location = format!("Location: /{HIDDEN}");
        let mut headers = vec![server.as_str(), &etag, &kind];
        if redirects {
            headers.push(&location);
            return answer(&format!("302 {HIDDEN}"), &headers, HOSTILE.as_bytes());
        }
        answer(&format!("400 {HIDDEN}"), &headers, HOSTILE.as_bytes())
    });
    world.registry = server.url();
    world.environment.push(("LUMEN_REGISTRY", server.url()));
    world._server = Some(server);
    world
}
