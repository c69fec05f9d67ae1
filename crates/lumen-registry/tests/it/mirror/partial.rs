//! Mirrors with some packages.

use super::*;

#[test]
fn a_mirror_with_some_packages() {
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        let (copy, storage) = memory();
        let report = run_with(&origin.storage, &storage, &only(&["@s/*"])).unwrap();
        assert_eq!(report.packages, 1);
        let has = |path: &str| {
            copy.files()
                .keys()
                .any(|key| key.as_str().starts_with(path))
        };
        assert!(has("packages/@s/b/1.0.0.json") && !has("packages/a/"));
        assert_eq!(has("signatures/@s/b/"), signed);
        assert!(!has("signatures/a/"));
        // Readers are told, and take nothing for absent.
        let reader = Registry::on("mirror", storage.clone());
        assert!(
            block_on(reader.package_index(&name("@s/b")))
                .unwrap()
                .is_some()
        );
        let error = block_on(reader.package_index(&name("a"))).unwrap_err();
        assert!(matches!(error, ReadError::LeftOut { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "`a` is not in this mirror of the registry, which only has packages that match `@s/*`"
        );
        let listed = block_on(reader.global_index()).unwrap().unwrap();
        assert_eq!(listed.packages.len(), 1);
        // The same again, then more, then all.
        origin.put("a", "3.0.0");
        run_with(&origin.storage, &storage, &only(&["@s/*"])).unwrap();
        assert!(!has("packages/a/"));
        run_with(&origin.storage, &storage, &only(&["a"])).unwrap();
        assert!(has("packages/a/3.0.0.json") && has("packages/@s/b/") && !has("packages/c/"));
        // A run that names no packages does not get those that were left out.
        let report = run(&origin.storage, &storage).unwrap();
        assert!(!has("packages/c/"));
        assert_eq!(report.selection.unwrap().patterns(), ["@s/*", "a"]);
        run_with(&origin.storage, &storage, &only(&["*"])).unwrap();
        for (key, bytes) in origin.needed() {
            assert_eq!(copy.files().get(&key), Some(&bytes), "{key}");
        }
        let error = run_with(&origin.storage, &storage, &only(&["a"])).unwrap_err();
        assert!(matches!(error, MirrorError::Narrower { .. }), "{error}");
    }
}

#[test]
fn an_absent_package_of_a_whole_mirror_is_absent() {
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        let (_, storage) = memory();
        run(&origin.storage, &storage).unwrap();
        let reader = Registry::on("mirror", storage);
        assert!(
            block_on(reader.package_index(&name("no")))
                .unwrap()
                .is_none()
        );
    }
}
