//! Registries made by hand, as the hosting guide describes them.

use std::path::Path;

use lumen_core::{Digest, index::identity};
use lumen_registry::{Location, ReadError, Registry, search::search};

use crate::{
    block_on, name,
    server::{Answer, Server, not_found, ok},
    version,
};

fn write(root: &Path, path: &str, contents: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, contents).unwrap();
}

/// The guide's "Option B", with a real hash.
fn option_b(root: &Path) -> (Digest, Vec<u8>) {
    let tarball = b"what tar -czvf made".to_vec();
    let digest = Digest::of(&tarball);
    let hex = digest.hex();
    let address = format!("artifacts/sha256/{}/{}.tar", &hex[..2], &hex[2..]);
    write(root, &address, &tarball);
    write(
        root,
        "index.json",
        r#"{
  "name": "my-lumen-registry",
  "version": "1.0.0",
  "updated_at": "2024-01-15T10:30:00Z",
  "package_count": 2,
  "packages": [
    {
      "name": "my-utils",
      "latest": "1.0.0",
      "description": "Utility functions"
    }
  ]
}
"#,
    );
    write(
        root,
        "packages/my-utils/index.json",
        r#"{
  "name": "my-utils",
  "versions": ["0.1.0", "1.0.0"],
  "latest": "1.0.0",
  "yanked": {},
  "prereleases": [],
  "description": "Utility functions",
  "categories": ["utilities"]
}
"#,
    );
    let release = format!(
        r#"{{
  "name": "my-utils",
  "version": "1.0.0",
  "deps": {{
    "@org/http": "^1.0.0"
  }},
  "artifacts": [
    {{
      "kind": "tar",
      "url": "{address}",
      "hash": "{digest}",
      "size": {}
    }}
  ],
  "integrity": {{
    "manifest_hash": "{digest}"
  }},
  "license": "MIT",
  "description": "Utility functions"
}}
"#,
        tarball.len()
    );
    write(root, "packages/my-utils/1.0.0.json", &release);
    write(
        root,
        "packages/@org/http/1.0.0.json",
        release.replacen("my-utils", "@org/http", 1),
    );
    write(
        root,
        "packages/@org/http/index.json",
        r#"{"name": "@org/http", "versions": ["1.0.0"], "latest": "1.0.0", "yanked": {}, "prereleases": []}"#,
    );
    (digest, tarball)
}

/// Reads everything there is in the Option B registry.
async fn read_all(registry: &Registry, digest: Digest, tarball: &[u8]) {
    let index = registry
        .package_index(&name("my-utils"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(index.versions, [version("0.1.0"), version("1.0.0")]);
    let one = version("1.0.0");
    let (release, metadata) = registry
        .release(&name("my-utils"), &one, None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(release.deps[&name("@org/http")].as_str(), "^1.0.0");
    assert_eq!(metadata, Digest::of(&release_bytes(registry).await));
    let artifact = identity(&release.artifacts).unwrap();
    assert_eq!(artifact.hash, digest);
    let mut bytes = Vec::new();
    let key = artifact.key().unwrap();
    let size = registry
        .artifact(&key, artifact.size, &mut bytes)
        .await
        .unwrap();
    assert_eq!((size, &bytes[..]), (artifact.size, tarball));
    let scoped = registry
        .release(&name("@org/http"), &one, None)
        .await
        .unwrap();
    assert_eq!(scoped.unwrap().0.name, name("@org/http"));
    assert!(
        registry
            .package_index(&name("none"))
            .await
            .unwrap()
            .is_none()
    );
    // The guide's index names a version whose file was never written.
    assert!(
        registry
            .release(&name("my-utils"), &version("0.1.0"), None)
            .await
            .unwrap()
            .is_none()
    );
    let global = registry.global_index().await.unwrap().unwrap();
    assert_eq!(search(&global, "utility").len(), 1);
    assert_eq!(registry.names().await, [name("my-utils")]);
}

async fn release_bytes(registry: &Registry) -> Vec<u8> {
    let key = lumen_core::Key::release(&name("my-utils"), &version("1.0.0"));
    registry
        .storage()
        .get(&key, 1 << 20)
        .await
        .unwrap()
        .unwrap()
        .0
}

#[test]
fn option_b_from_a_folder_and_over_http() {
    let dir = tempfile::tempdir().unwrap();
    let (digest, tarball) = option_b(dir.path());
    let root = dir.path().to_owned();
    let server = Server::start(move |asked| serve_folder(&root, &asked.path));
    let folder = Location::File(dir.path().into());
    let sub_path = format!("{}/some/sub-path", server.url());
    let locations = [
        folder.url(),
        folder.url() + "/",
        server.url(),
        server.url() + "/",
        sub_path.clone(),
        sub_path + "/",
    ];
    for location in locations {
        let location = Location::parse(&location).unwrap();
        let registry = Registry::open("mine", location, &Default::default()).unwrap();
        block_on(read_all(&registry, digest, &tarball));
    }
}

fn serve_folder(root: &Path, path: &str) -> Answer {
    let path = path.strip_prefix("/some/sub-path").unwrap_or(path);
    match std::fs::read(root.join(path.trim_start_matches('/'))) {
        Ok(bytes) => ok(&bytes),
        Err(_) => not_found(),
    }
}

#[test]
fn the_quick_start_registry() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("packages")).unwrap();
    std::fs::create_dir_all(dir.path().join("artifacts/sha256")).unwrap();
    let index = "{\n  \"name\": \"local-dev\",\n  \"version\": \"1.0.0\",\n  \"packages\": []\n}\n";
    write(dir.path(), "index.json", index);
    let registry =
        Registry::open("q", Location::File(dir.path().into()), &Default::default()).unwrap();
    block_on(async {
        assert!(registry.package_index(&name("x")).await.unwrap().is_none());
        let global = registry.global_index().await.unwrap().unwrap();
        assert_eq!(global.name.as_deref(), Some("local-dev"));
    });
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    option_b(dir.path());
    let registry =
        Registry::open("m", Location::File(dir.path().into()), &Default::default()).unwrap();
    let at = |error: ReadError| match error {
        ReadError::Malformed(problem) => {
            let place = problem.place.unwrap();
            let (line, column) = place.line_column();
            let file = Path::new(&place.file).strip_prefix(dir.path()).unwrap();
            format!("{}:{line}:{column}: {}", file.display(), problem.what)
        }
        other => panic!("{other}"),
    };
    let index = |contents: &str| {
        write(dir.path(), "packages/x/index.json", contents);
        at(block_on(registry.package_index(&name("x"))).unwrap_err())
    };
    insta::assert_snapshot!(index("{\n  \"name\": \"x\",\n  \"versions\": [1]\n}"), @"packages/x/index.json:3:16: invalid type: integer `1`, expected semver version");
    insta::assert_snapshot!(index("{\"name\": \"x\",\n \"name\": \"y\"}"), @"packages/x/index.json:2:7: duplicate key `name`");
    insta::assert_snapshot!(index("{\"name\": \"y\", \"versions\": []}"), @"packages/x/index.json:1:10: the file's `name` is `y`, but its path says `x`");
    insta::assert_snapshot!(index("{\"name\": \"x\", \"versions\": [],}"), @"packages/x/index.json:1:30: trailing comma");
    let release = |contents: &str| {
        write(dir.path(), "packages/x/1.0.0.json", contents);
        at(block_on(registry.release(&name("x"), &version("1.0.0"), None)).unwrap_err())
    };
    insta::assert_snapshot!(release("{\"name\": \"x\", \"version\": \"1.0\"}"), @"packages/x/1.0.0.json:1:30: unexpected end of input while parsing minor version number");
    insta::assert_snapshot!(release("{\"name\": \"x\", \"version\": \"1.0.0\", \"deps\": {\"y\": \"one\"}}"), @"packages/x/1.0.0.json:1:54: `one` is not a version constraint: a version number was expected, not `o`");
    write(
        dir.path(),
        "packages/x/2.0.0.json",
        vec![b' '; (1 << 20) + 1],
    );
    let error = block_on(registry.release(&name("x"), &version("2.0.0"), None)).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is larger than the 1048576 bytes allowed"),
        "{error}"
    );
}
