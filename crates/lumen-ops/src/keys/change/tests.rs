use super::*;
use crate::keys::{form::check_name, openssh};

fn store() -> (tempfile::TempDir, KeyStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = KeyStore::at(dir.path().join("keys"));
    (dir, store)
}

#[test]
fn keys_are_made_once_and_the_first_is_the_default() {
    let (_dir, store) = store();
    assert!(store.list().unwrap().is_empty());
    assert!(matches!(store.read(None), Err(KeysError::NoKey)));
    let one = store.generate(Some("one"), None).unwrap();
    let two = store.generate(Some("two"), None).unwrap();
    assert!(one.default && !two.default && one.public != two.public);
    assert!(matches!(
        store.generate(Some("one"), None),
        Err(KeysError::Exists { .. })
    ));
    assert_eq!(store.info(None).unwrap().public, one.public);
    store.set_default("two").unwrap();
    assert_eq!(store.info(None).unwrap().public, two.public);
    assert!(matches!(
        store.read(Some("twoo")),
        Err(KeysError::Unknown { nearest: Some(near), .. }) if near == "two"
    ));
    assert_eq!(store.list().unwrap().len(), 2);
}

#[test]
fn an_only_key_is_the_default_though_nobody_got_to_say_so() {
    let (_dir, store) = store();
    let one = store.generate(Some("one"), None).unwrap();
    fs::remove_file(store.dir().join(DEFAULT)).unwrap();
    assert_eq!(store.info(None).unwrap(), one);
    let two = store.generate(Some("two"), None).unwrap();
    assert!(!two.default && store.info(Some("one")).unwrap().default);
    fs::remove_file(store.dir().join(DEFAULT)).unwrap();
    assert!(matches!(store.read(None), Err(KeysError::NoKey)));
}

#[test]
fn names_stay_inside_the_folder() {
    let (_dir, store) = store();
    for name in ["", "../x", "a/b", "a+b", "a b", ".x", "-x", "ü"] {
        let made = store.generate(Some(name), None);
        assert!(matches!(made, Err(KeysError::Name { .. })), "{name}");
    }
    assert!(check_name(&usual_name(&lumen_registry::variables::Variables::default())).is_ok());
}

#[test]
fn a_successor_leaves_the_default_to_the_old_key() {
    let (_dir, store) = store();
    store.generate(Some("work"), None).unwrap();
    let (old, new) = store.rotate(None, None).unwrap();
    assert_eq!((old.public.name(), new.public.name()), ("work", "work.2"));
    assert!(old.default && !new.default);
    store.set_default("work.2").unwrap();
    let (old, new) = store.rotate(None, None).unwrap();
    assert_eq!((old.public.name(), new.public.name()), ("work.2", "work.3"));
    assert_eq!(store.info(None).unwrap().public, old.public);
    assert_eq!(store.list().unwrap().len(), 3);
}

/// A key in the old folder, with what was chosen there.
fn with_old(names: &[&str], chosen: Option<&str>) -> (tempfile::TempDir, KeyStore) {
    let (dir, mut both) = store();
    let old = KeyStore::at(dir.path().join("old"));
    for name in names {
        old.generate(Some(name), None).unwrap();
    }
    match chosen {
        Some(name) => old.set_default(name).unwrap(),
        None => fs::remove_file(old.dir().join(DEFAULT)).unwrap(),
    }
    both.old = Some(old.dir);
    (dir, both)
}

fn used(store: &KeyStore) -> Option<String> {
    let info = store.info(None).ok()?;
    Some(info.public.name().to_owned())
}

#[test]
fn old_keys_count_until_there_are_others() {
    for (names, chosen, expected) in [
        (&["a"][..], Some("a"), Some("a")),
        (&["a", "b"], Some("b"), Some("b")),
        (&["a"], None, Some("a")),
        (&["a", "b"], None, None),
    ] {
        let (_dir, store) = with_old(names, chosen);
        assert_eq!(used(&store).as_deref(), expected);
        assert!(store.old().unwrap().is_some());
        // A name is taken wherever its key lies; the first choice stays.
        let taken = store.generate(Some("a"), None);
        assert!(matches!(taken, Err(KeysError::Exists { .. })));
        store.generate(Some("new"), None).unwrap();
        assert_eq!(used(&store).as_deref(), expected.or(Some("new")));
        store.set_default("a").unwrap();
        assert_eq!(used(&store).as_deref(), Some("a"));
        store.remove("new").unwrap();
        store.move_old(None, None).unwrap();
        assert!(store.old().unwrap().is_none());
        assert_eq!(used(&store).as_deref(), Some("a"));
        assert_eq!(store.names().unwrap().len(), names.len());
    }
}

#[test]
fn a_move_that_was_interrupted_is_finished() {
    let (_dir, store) = with_old(&["a", "b"], Some("b"));
    let old = store.old.clone().unwrap();
    let expected = store.info(Some("b")).unwrap().public;
    // It had made the new file, and nothing else.
    fs::create_dir_all(&store.dir).unwrap();
    fs::copy(old.join("b.key"), store.dir.join("b.key")).unwrap();
    assert_eq!(used(&store).as_deref(), Some("b"));
    store.move_old(None, None).unwrap();
    assert!(!old.exists());
    assert_eq!(store.info(None).unwrap().public, expected);
    assert_eq!(store.names().unwrap().len(), 2);
}

#[test]
fn another_name_keeps_the_passphrase() {
    let key = SecretKey::from_seed("mine", [4; 32]).unwrap();
    let sealed = KeyFile::new(key, Some("open sesame")).unwrap();
    let given = |_: &str| Ok(zeroize::Zeroizing::new("open sesame".to_owned()));
    let renamed = sealed.renamed("other", given).unwrap();
    assert!(renamed.is_sealed() && renamed.public.name() == "other");
    let opened = renamed.unlock(|| given("other")).unwrap();
    assert_eq!(*opened.seed(), [4; 32]);
}

#[cfg(unix)]
#[test]
fn files_of_three_forms_are_imported() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, store) = store();
    let key = SecretKey::from_seed("mine", [4; 32]).unwrap();
    let own = KeyFile::new(key.clone(), None).unwrap();
    let ssh = openssh::tests::file([4; 32], b"none");
    let forms = [
        (own.to_text().to_string(), "mine"),
        (key.to_text().to_string(), "again"),
        (ssh, "ssh"),
    ];
    for (text, name) in forms {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let open = store.import(&path, Some(name), None);
        assert!(matches!(open, Err(KeysError::Exposed { .. })));
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let info = store.import(&path, Some(name), None).unwrap();
        assert_eq!(info.public.bytes(), key.public().bytes());
        assert_eq!(info.public.name(), name);
    }
    let named = store.import(&dir.path().join("ssh"), None, None).unwrap();
    assert!(named.public.name().starts_with("ssh-"));
}
