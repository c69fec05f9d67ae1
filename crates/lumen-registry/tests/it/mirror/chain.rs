//! A registry that goes from host to host and comes back: folder, bucket, branch, folder.

use lumen_registry::{Location, bundle::unbundle, storage::HostOptions};
use lumen_testkit::{buckets::ObjectServer, git, tools::Tool};

use super::*;

/// Packages of the registry.
const PACKAGES: usize = 40;

#[test]
fn it_comes_back_as_it_was() {
    let Some(server) = ObjectServer::shared(Tool::SeaweedFs) else {
        return;
    };
    for signed in [true, false] {
        let origin = Origin::new(signed);
        for number in 0..PACKAGES {
            let scope = ["", "@s/", "@t/"][number % 3];
            origin.put(&format!("{scope}p{number}"), "1.0.0");
        }
        let dir = tempfile::tempdir().unwrap();
        let repository = dir.path().join("r.git");
        git::bare(&repository).unwrap();
        let branch = || {
            let url = format!("git+file://{}#pages", repository.display());
            let options = HostOptions {
                state: Some(dir.path().join("state")),
                ..HostOptions::default()
            };
            Storage::open(&Location::parse(&url).unwrap(), &options).unwrap()
        };
        let (_first, first) = folder();
        let (_last, last) = folder();
        let way = [&first, &server.storage(), &branch(), &last];
        let mut from = origin.storage.clone();
        for to in way {
            let report = run(&from, to).unwrap();
            assert!(report.files > 4 * PACKAGES as u64, "{report:?}");
            let again = run(&from, to).unwrap();
            assert_eq!((again.files, again.bytes), (0, 0));
            from = to.clone();
        }
        let expected = origin.needed();
        for storage in way {
            assert_same(&files_of(storage), &expected);
        }
        // As another machine sees the branch.
        std::fs::remove_dir_all(dir.path().join("state")).unwrap();
        assert_same(&files_of(&branch()), &expected);

        origin.put("p0", "1.1.0");
        let mut from = origin.storage.clone();
        for to in way {
            let report = run(&from, to).unwrap();
            assert!((4..40).contains(&report.files), "{report:?}");
            from = to.clone();
        }
        for (key, bytes) in origin.needed() {
            let (found, _) = block_on(last.get(&key, u64::MAX)).unwrap().unwrap();
            assert!(found == bytes, "{key}");
        }
    }
}

#[test]
fn a_bundle_is_taken_in_anywhere() {
    let Some(server) = ObjectServer::shared(Tool::SeaweedFs) else {
        return;
    };
    let origin = Origin::stocked(true);
    let dir = tempfile::tempdir().unwrap();
    let repository = dir.path().join("r.git");
    git::bare(&repository).unwrap();
    let url = format!("git+file://{}#pages", repository.display());
    let options = HostOptions {
        state: Some(dir.path().join("state")),
        ..HostOptions::default()
    };
    let branch = Storage::open(&Location::parse(&url).unwrap(), &options).unwrap();
    let bucket = server.storage();
    let mut since = 0;
    for number in ["2.0.0", "2.1.0"] {
        origin.put("a", number);
        let path = dir.path().join(number);
        let mut file = std::fs::File::create(&path).unwrap();
        let options = lumen_registry::bundle::BundleOptions {
            since,
            ..Default::default()
        };
        let source = Registry::on("source", origin.storage.clone());
        let written = lumen_registry::bundle::bundle(&source, &mut file, &options, &nobody);
        since = block_on(written).unwrap().size.unwrap();
        for target in [&branch, &bucket] {
            let taken = unbundle(&path, target, TrustOptions::default(), &nobody);
            assert_eq!(block_on(taken).unwrap().size, Some(since));
            assert_eq!(block_on(check(target, &nobody)).unwrap(), []);
        }
    }
    let commits = git::git(&repository, &["rev-list", "--count", "pages"]).unwrap();
    assert_eq!(commits.trim(), "2");
}
