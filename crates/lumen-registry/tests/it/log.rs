//! The log of a signed registry: appending, crashes, races, repair.

mod ages;
mod approve;
mod clock;
mod cost;
pub(crate) mod crashes;
mod ends;
mod long;
mod model;
mod quorum;
mod reads;
mod restore;
mod schedules;
mod signing;
mod told;

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use lumen_core::{
    Digest, Key,
    index::PackageIndex,
    json,
    note::Note,
    signing::SecretKey,
    trust::{Action, OwnersNote, Publisher, Revoked, RootHistory, RootNote, Subject},
};
use lumen_registry::{
    Storage,
    log::{self, Writer, check, init_signed, rebuild, repair},
    progress::nobody,
    publish::{Change, Changed, PublishError, PublishRequest, Published, change, publish},
    storage::MemoryStorage,
};

use crate::{NOW, name, version};

/// Runs what only ever waits for its turn.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return value;
        }
    }
}

/// The registry's origin in these tests.
const ORIGIN: &str = "test/00112233";

fn key(name: &str) -> SecretKey {
    SecretKey::from_seed(name, *Digest::of(name.as_bytes()).as_bytes()).unwrap()
}

pub(crate) async fn init(storage: &Storage) -> Result<log::RootInfo, PublishError> {
    init_signed(storage, "test", ORIGIN, &key("ada"), NOW).await
}

pub(crate) fn request(who: &str, package: &str, number: &str) -> PublishRequest {
    PublishRequest {
        signer: Some(Arc::new(key(who))),
        ..crate::request(package, number, &format!("{package} {number}"))
    }
}

pub(crate) async fn put(
    storage: &Storage,
    who: &str,
    package: &str,
    number: &str,
) -> Result<Published, PublishError> {
    publish(storage, &request(who, package, number)).await
}

async fn say(
    storage: &Storage,
    who: &str,
    package: &str,
    action: Action,
) -> Result<Changed, PublishError> {
    let wanted = Change {
        name: name(package),
        action,
        now: NOW.into(),
        signer: Some(Arc::new(key(who))),
        last_seen: None,
    };
    change(storage, &wanted).await
}

fn yank(number: &str) -> Action {
    Action::Yank {
        version: version(number),
        reason: "broken".into(),
    }
}

fn registry() -> (MemoryStorage, Storage) {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    block_on(init(&storage)).unwrap();
    (memory, storage)
}

/// A registry whose log bob may write, too.
fn shared_registry() -> (MemoryStorage, Storage) {
    let (memory, storage) = registry();
    let bob = key("bob").public().renamed(ORIGIN).unwrap();
    change_root(&storage, |root| root.log.push(bob));
    (memory, storage)
}

/// One more root note, by ada.
fn change_root(storage: &Storage, change: impl FnOnce(&mut RootNote)) {
    let ada = key("ada");
    let writer = Writer {
        storage,
        signer: &ada,
        last_seen: None,
    };
    let roots = block_on(writer.state()).unwrap().roots;
    let mut next = roots.current().clone();
    next.seq += 1;
    next.prev = Some(*roots.last());
    change(&mut next);
    let mut note = Note::unsigned(next.to_text()).unwrap();
    note.add(ada.public(), ada.sign(note.text.as_bytes()));
    let receipt = block_on(writer.append_note(&note.to_text())).unwrap();
    assert!(receipt.index.is_some());
    let again = block_on(writer.append_note(&note.to_text())).unwrap();
    assert_eq!(again.index, None);
}

fn index(storage: &Storage, package: &str) -> PackageIndex {
    block_on(index_of(storage, package))
}

async fn index_of(storage: &Storage, package: &str) -> PackageIndex {
    let key = Key::package_index(&name(package));
    let (bytes, _) = storage.get(&key, 1 << 20).await.unwrap().unwrap();
    json::parse(&bytes).unwrap()
}

fn assert_clean(storage: &Storage) {
    assert_eq!(block_on(check(storage, &nobody)).unwrap(), []);
}

#[test]
fn publish_yank_and_deprecate() {
    let (_, storage) = registry();
    assert_clean(&storage);
    let published = block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
    assert!(published.new && published.checkpoint.is_some());
    assert_clean(&storage);
    assert!(!block_on(put(&storage, "ada", "a", "1.0.0")).unwrap().new);
    block_on(put(&storage, "ada", "@s/b", "1.0.0")).unwrap();
    block_on(put(&storage, "ada", "@s/b", "1.1.0")).unwrap();
    assert!(
        block_on(say(&storage, "ada", "a", yank("1.0.0")))
            .unwrap()
            .changed
    );
    assert!(
        !block_on(say(&storage, "ada", "a", yank("1.0.0")))
            .unwrap()
            .changed
    );
    let deprecate = Action::Deprecate {
        replacement: Some(name("c")),
        reason: "old".into(),
    };
    block_on(say(&storage, "ada", "@s/b", deprecate)).unwrap();
    let deprecated = index(&storage, "@s/b").deprecated.unwrap();
    assert_eq!(deprecated.replacement, Some(name("c")));
    assert_clean(&storage);
    assert!(index(&storage, "a").is_yanked(&version("1.0.0")));
    assert_eq!(index(&storage, "@s/b").latest, Some(version("1.1.0")));
}

#[test]
fn writers_without_the_right_keys_change_nothing() {
    let (memory, storage) = shared_registry();
    block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
    let before = memory.files();
    let error = block_on(put(&storage, "bob", "a", "1.1.0")).unwrap_err();
    assert!(matches!(error, PublishError::NotOwner { .. }), "{error}");
    let error = block_on(put(&storage, "eve", "e", "1.0.0")).unwrap_err();
    assert!(matches!(error, PublishError::LogKey { .. }), "{error}");
    let unsigned = crate::request("a", "1.2.0", "x");
    let error = block_on(publish(&storage, &unsigned)).unwrap_err();
    assert!(matches!(error, PublishError::NoKey), "{error}");
    let error = block_on(say(&storage, "bob", "a", yank("1.0.0"))).unwrap_err();
    assert!(matches!(error, PublishError::NotOwner { .. }), "{error}");
    let error = block_on(say(&storage, "ada", "a", yank("9.0.0"))).unwrap_err();
    assert!(
        matches!(error, PublishError::UnknownVersion { .. }),
        "{error}"
    );
    assert_eq!(memory.files(), before);
    let exists = block_on(init(&storage)).unwrap_err();
    assert!(
        matches!(exists, PublishError::RegistryExists { .. }),
        "{exists}"
    );
}

#[test]
fn a_revoked_key_of_a_scope_makes_all_its_releases_void() {
    let (_, storage) = shared_registry();
    let ada = key("ada");
    let writer = Writer {
        storage: &storage,
        signer: &ada,
        last_seen: None,
    };
    let publisher = |who: &str| Publisher {
        key: key(who).public().clone(),
        only: None,
        until: None,
    };
    let mut owners = OwnersNote {
        origin: ORIGIN.into(),
        name: Subject::Scope("@s".into()),
        seq: 1,
        prev: None,
        time: NOW.into(),
        is_override: false,
        threshold: 1,
        admins: vec![ada.public().clone()],
        publish_threshold: 1,
        publishers: vec![publisher("ada"), publisher("bob")],
        revoked: Vec::new(),
    };
    let sign = |owners: &OwnersNote| {
        let mut note = Note::unsigned(owners.to_text()).unwrap();
        note.add(ada.public(), ada.sign(note.text.as_bytes()));
        note.to_text()
    };
    let first = sign(&owners);
    let receipt = block_on(writer.append_note(&first)).unwrap();
    block_on(put(&storage, "ada", "@s/b", "1.0.0")).unwrap();
    block_on(put(&storage, "bob", "@s/b", "1.1.0")).unwrap();
    assert_eq!(index(&storage, "@s/b").latest, Some(version("1.1.0")));
    owners.seq = 2;
    owners.prev = Some(Digest::of(first.as_bytes()));
    owners.publishers.pop();
    owners.revoked.push(Revoked {
        key: key("bob").public().clone(),
        from: receipt.index.unwrap(),
    });
    block_on(writer.append_note(&sign(&owners))).unwrap();
    assert_eq!(index(&storage, "@s/b").latest, Some(version("1.0.0")));
    assert_clean(&storage);
}

#[test]
fn a_log_that_went_back_is_not_continued() {
    let (memory, storage) = registry();
    let old = memory.files();
    let published = block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
    let note = Note::parse(published.checkpoint.unwrap().as_bytes()).unwrap();
    let seen = lumen_core::checkpoint::Checkpoint::parse(&note.text).unwrap();
    let mut wanted = request("ada", "a", "1.1.0");
    wanted.last_seen = Some(seen);
    block_on(publish(&storage, &wanted)).unwrap();
    // The host shows an old state, and then another history of the same length.
    let back = Storage::Memory(MemoryStorage::with_files(old));
    let error = block_on(publish(&back, &wanted)).unwrap_err();
    assert!(matches!(error, PublishError::Diverged { .. }), "{error}");
    block_on(put(&back, "ada", "b", "1.0.0")).unwrap();
    let error = block_on(publish(&back, &wanted)).unwrap_err();
    assert!(matches!(error, PublishError::Diverged { .. }), "{error}");
}

#[test]
fn everything_but_the_log_is_rebuilt_byte_by_byte() {
    let (memory, storage) = shared_registry();
    for (package, number) in [
        ("a", "1.0.0"),
        ("a", "1.1.0"),
        ("@s/b", "1.0.0"),
        ("c", "0.1.0-rc.1"),
    ] {
        block_on(put(&storage, "ada", package, number)).unwrap();
    }
    block_on(say(&storage, "ada", "a", yank("1.1.0"))).unwrap();
    let files = memory.files();
    assert_eq!(block_on(rebuild(&storage, &nobody)).unwrap(), []);
    assert_eq!(memory.files(), files);
    let derived = |key: &Key| {
        let key = key.as_str();
        key == "index.json"
            || key.ends_with("/index.json")
            || ["signatures/", "trust/"]
                .iter()
                .any(|folder| key.starts_with(folder))
    };
    let mut bare = files.clone();
    bare.retain(|key, _| !derived(key));
    let bare = MemoryStorage::with_files(bare);
    let storage = Storage::Memory(bare.clone());
    assert!(block_on(check(&storage, &nobody)).unwrap().len() > 5);
    assert!(block_on(rebuild(&storage, &nobody)).unwrap().len() > 5);
    assert_eq!(bare.files(), files);
    assert_clean(&storage);
}

#[test]
fn indexes_have_all_of_a_release_in_any_form_and_keep_what_others_wrote() {
    let (memory, storage) = registry();
    for number in ["1.0.0", "1.1.0"] {
        block_on(put(&storage, "ada", "a", number)).unwrap();
    }
    let key = Key::package_index(&name("a"));
    let short = memory.files()[&key].clone();
    let reader = || lumen_registry::Registry::on("test", storage.clone());
    let read = block_on(reader().package_index(&name("a")))
        .unwrap()
        .unwrap();
    assert_eq!(read.releases.len(), 2);
    // As it was written before summaries could be short.
    let mut fields: serde_json::Map<String, serde_json::Value> = json::parse(&short).unwrap();
    for (number, summary) in fields["releases"].as_object_mut().unwrap() {
        let file = &memory.files()[&Key::release(&name("a"), &version(number))];
        *summary = json::parse(file).unwrap();
        summary["metadata"] = serde_json::json!(Digest::of(file));
    }
    for foreign in ["x-first", "x-second"] {
        fields.insert(foreign.into(), true.into());
    }
    let mut files = memory.files();
    let long = json::to_line(&fields.into());
    assert!(long.len() > short.len() + 500);
    files.insert(key.clone(), long);
    let memory = MemoryStorage::with_files(files);
    let storage = Storage::Memory(memory.clone());
    let other = lumen_registry::Registry::on("test", storage.clone());
    let again = block_on(other.package_index(&name("a"))).unwrap().unwrap();
    assert_eq!(again, read);
    assert_eq!(
        block_on(rebuild(&storage, &nobody)).unwrap(),
        std::slice::from_ref(&key)
    );
    assert_clean(&storage);
    let kept = String::from_utf8(memory.files()[&key].clone()).unwrap();
    assert_eq!(
        kept.len(),
        short.len() + r#","x-first":true,"x-second":true"#.len()
    );
    assert!(
        kept.ends_with(",\"x-first\":true,\"x-second\":true}\n"),
        "{kept}"
    );
}

#[test]
fn every_damage_is_found() {
    let (memory, storage) = shared_registry();
    block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
    block_on(put(&storage, "ada", "@s/b", "1.0.0")).unwrap();
    assert_eq!(block_on(repair(&storage, &nobody)).unwrap(), 10);
    assert_clean(&storage);
    let files = memory.files();
    for (key, bytes) in &files {
        let path = key.as_str();
        if path.starts_with("log/staging/") || path.starts_with("map/") {
            // Those of earlier commits are not needed any more.
            continue;
        }
        let mut changed = files.clone();
        let mut bad = bytes.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        changed.insert(key.clone(), bad);
        let storage = Storage::Memory(MemoryStorage::with_files(changed));
        let found = block_on(check(&storage, &nobody)).unwrap_or_default();
        let error = block_on(check(&storage, &nobody)).is_err();
        assert!(error || !found.is_empty(), "{key}");
    }
    let newest = Key::map_size(10);
    for gone in [
        newest,
        Key::tile(&lumen_core::tile::Tile {
            level: 0,
            index: 0,
            width: 10,
        }),
    ] {
        let mut changed = files.clone();
        changed.remove(&gone).unwrap();
        let storage = Storage::Memory(MemoryStorage::with_files(changed));
        assert!(
            !block_on(check(&storage, &nobody)).unwrap().is_empty(),
            "{gone}"
        );
    }
}

#[test]
fn a_release_file_in_another_form_is_logged_as_it_is() {
    let (donor, other) = registry();
    block_on(put(&other, "ada", "a", "1.0.0")).unwrap();
    let file = Key::release(&name("a"), &version("1.0.0"));
    let release: serde_json::Value = json::parse(&donor.files()[&file]).unwrap();
    // Left by a publisher that writes JSON in its own way and was killed.
    let (_, storage) = registry();
    block_on(storage.create(&file, release.to_string().as_bytes())).unwrap();
    assert!(block_on(put(&storage, "ada", "a", "1.0.0")).unwrap().new);
    let reader = lumen_registry::Registry::on("test", storage.clone());
    let read = block_on(reader.release(&name("a"), &version("1.0.0"), None));
    assert!(read.unwrap().is_some());
    assert_eq!(block_on(check(&storage, &nobody)).unwrap(), []);
}
