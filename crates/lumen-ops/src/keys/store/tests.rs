use super::*;

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
    assert!(check_name(&usual_name()).is_ok());
}

#[test]
fn a_successor_takes_the_default_and_the_old_key_stays() {
    let (_dir, store) = store();
    store.generate(Some("work"), None).unwrap();
    let (old, new) = store.rotate(None, None).unwrap();
    assert_eq!((old.public.name(), new.public.name()), ("work", "work.2"));
    let (old, new) = store.rotate(None, None).unwrap();
    assert_eq!((old.public.name(), new.public.name()), ("work.2", "work.3"));
    assert!(new.default && store.list().unwrap().len() == 3);
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
