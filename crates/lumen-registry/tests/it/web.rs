//! Reading through real nginx and Apache.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lumen_core::Key;
use lumen_registry::{
    Location, Storage, StorageError,
    storage::{Fetched, FileStorage, HttpStorage, Validators},
};
use lumen_testkit::web::{Program, WebServer};

use crate::{
    block_on,
    compression::{CODINGS, compress, text},
    server::patient,
};

/// Runs a test with each server there is, on an empty folder.
fn with_each(test: impl Fn(&WebServer, &Path)) {
    for program in Program::ALL {
        if !program.is_installed() {
            lumen_testkit::skip::missing(&format!("{program:?}"));
            continue;
        }
        let root = tempfile::tempdir().unwrap();
        let server = WebServer::serve(program, root.path()).unwrap();
        test(&server, root.path());
    }
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn http(url: &str) -> HttpStorage {
    let location = Location::parse(url).unwrap();
    match Storage::open(&location, &patient()).unwrap() {
        Storage::Http(http) => http,
        other => panic!("{other:?}"),
    }
}

fn get(url: &str, path: &str) -> Result<Option<Vec<u8>>, StorageError> {
    let storage = Storage::Http(http(url));
    let found = block_on(storage.get(&key(path), 1 << 20))?;
    Ok(found.map(|(bytes, _)| bytes))
}

#[test]
fn every_name_a_registry_has() {
    with_each(|server, root| {
        for path in [
            "index.json",
            "packages/@org/http/1.0.0+linux.json",
            "packages/a/1.0.0-rc.1+b.2.json",
            "artifacts/sha256/ab/cd.tar.zst",
        ] {
            write(root, path, path.as_bytes());
            for base in ["/files", "/files/", "/moved", "/%66iles"] {
                let found = get(&server.http(base), path).unwrap();
                assert_eq!(found.as_deref(), Some(path.as_bytes()), "{base} {path}");
            }
        }
        let found = get(&server.http("/files"), "packages/none/index.json").unwrap();
        assert_eq!(found, None);
    });
}

#[test]
fn compressed_copies() {
    with_each(|server, root| {
        for (coding, extension) in CODINGS.into_iter().zip(["gz", "br", "zst"]) {
            let path = format!("packages/{extension}/index.json");
            write(root, &path, b"the file itself, not its copy");
            write(
                root,
                &format!("{path}.{extension}"),
                &compress(coding, &text()),
            );
            let found = get(&server.http("/files"), &path).unwrap().unwrap();
            assert!(found == text(), "{coding}");
        }
    });
}

#[test]
fn unchanged_files_are_not_sent_again() {
    with_each(|server, root| {
        let path = "packages/a/index.json";
        for (base, compressed) in [("/files", false), ("/files", true), ("/packed", false)] {
            let storage = http(&server.http(base));
            write(root, path, &text());
            if compressed {
                write(root, &format!("{path}.gz"), &compress("gzip", &text()));
            }
            let fetch = |validators: Option<&Validators>| {
                block_on(storage.fetch(&key(path), 1 << 20, validators)).unwrap()
            };
            let Fetched::Found {
                bytes, validators, ..
            } = fetch(None)
            else {
                panic!("{base}");
            };
            assert!(bytes == text());
            let tag = validators.etag.as_deref().unwrap();
            let packed = tag.starts_with("W/") || tag.contains("-gzip\", ");
            assert!(base != "/packed" || packed, "{tag}");
            let again = fetch(Some(&validators));
            assert!(matches!(again, Fetched::NotModified { .. }), "{base}");
            // Another size, so that the tag of nginx is another.
            write(root, path, b"changed");
            write(root, &format!("{path}.gz"), &compress("gzip", b"changed"));
            match fetch(Some(&validators)) {
                Fetched::Found { bytes, .. } => assert_eq!(bytes, b"changed"),
                other => panic!("{base}: {other:?}"),
            }
            fs::remove_file(root.join(format!("{path}.gz"))).unwrap();
        }
    });
}

/// The tag of nginx is made of the second and the size.
#[test]
fn two_versions_within_a_second_are_told_apart() {
    with_each(|server, root| {
        let path = key("packages/a/index.json");
        let folder = Storage::File(FileStorage::new(root));
        let storage = http(&server.http("/files"));
        let mut known: Option<Validators> = None;
        for round in 0..8 {
            let wanted = format!("{round}, of one size");
            block_on(async {
                let found = folder.get(&path, 99).await.unwrap();
                let revision = found.map(|(_, revision)| revision);
                let written = folder.replace(&path, revision.as_ref(), wanted.as_bytes());
                written.await.unwrap();
                match storage.fetch(&path, 99, known.as_ref()).await.unwrap() {
                    Fetched::Found {
                        bytes, validators, ..
                    } => {
                        assert_eq!(bytes, wanted.as_bytes());
                        known = Some(validators);
                    }
                    other => panic!("{round}: {other:?}"),
                }
            });
        }
    });
}

#[test]
fn artifacts_come_as_they_are_stored() {
    with_each(|server, root| {
        let zst = compress("zstd", &text());
        write(root, "artifacts/sha256/ab/cd.tar.zst", &zst);
        let storage = Storage::Http(http(&server.http("/packed")));
        let mut out = Vec::new();
        let file = key("artifacts/sha256/ab/cd.tar.zst");
        let limit = zst.len() as u64;
        let size = block_on(storage.read_to(&file, limit, &mut out)).unwrap();
        assert_eq!((size, out == zst), (Some(limit), true));
        let error = block_on(storage.read_to(&file, limit - 1, &mut Vec::new())).unwrap_err();
        assert!(matches!(error, StorageError::TooLarge { .. }), "{error}");
    });
}

#[test]
fn over_tls_with_an_authority_of_ones_own() {
    with_each(|server, root| {
        let paths: Vec<String> = (0..100)
            .map(|i| format!("packages/p{i}/index.json"))
            .collect();
        for path in &paths {
            write(root, path, path.as_bytes());
        }
        let location = Location::parse(&server.https("/files")).unwrap();
        let open = |ca_file: Option<PathBuf>| {
            let mut options = patient();
            options.http.ca_file = ca_file;
            Storage::open(&location, &options).unwrap()
        };
        let storage = open(Some(server.authority()));
        block_on(async {
            let reads = paths.iter().map(async |path| {
                let (bytes, _) = storage.get(&key(path), 99).await.unwrap().unwrap();
                assert_eq!(bytes, path.as_bytes());
            });
            futures::future::join_all(reads).await;
        });
        server
            .logged("HTTP/2.0 200 GET /files/packages/p99/index.json")
            .unwrap();
        let read = |storage: Storage| block_on(storage.get(&key(&paths[0]), 99));
        let error = read(open(None)).unwrap_err();
        assert!(matches!(error, StorageError::Untrusted { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains("an authority that this machine does not know")
        );
        write(root, "no.pem", b"nothing");
        for file in ["no.pem", "missing.pem"] {
            let error = read(open(Some(root.join(file)))).unwrap_err();
            assert!(matches!(error, StorageError::Authorities { .. }), "{error}");
            assert!(error.to_string().contains(file), "{error}");
        }
    });
}

#[test]
fn passwords_and_tokens() {
    with_each(|server, root| {
        write(root, "index.json", b"private");
        let as_user = |url: String, user: &str| url.replace("http://", &format!("http://{user}@"));
        let basic = server.http("/basic");
        let found = get(&as_user(basic.clone(), "user:pass"), "index.json").unwrap();
        assert_eq!(found.as_deref(), Some(&b"private"[..]));
        for url in [basic.clone(), server.http("/bearer")] {
            let error = get(&url, "index.json").unwrap_err();
            assert!(matches!(error, StorageError::Denied { .. }), "{error}");
        }
        let error = get(&as_user(basic, "user:word"), "index.json").unwrap_err();
        assert!(matches!(error, StorageError::Refused { .. }), "{error}");
        assert!(!error.to_string().contains("word"), "{error}");
        for (token, expected) in [("tok-read-1", true), ("tok-read-2", false)] {
            let location = Location::parse(&server.http("/bearer")).unwrap();
            let location = location.with_token(token, "a test");
            let storage = Storage::open(&location, &patient()).unwrap();
            let found = block_on(storage.get(&key("index.json"), 99));
            assert_eq!(found.is_ok(), expected, "{token}");
        }
    });
}
