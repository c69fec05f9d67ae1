//! Registries whose root asks for witnesses: what readers see, faults at every operation, and
//! witnesses among writers in every order that a seed can think of.

mod faults;

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::{Duration, UNIX_EPOCH},
};

use lumen_core::{
    checkpoint::{Checkpoint, cosigned_message},
    signing::CosignerKey,
    trust::Cosigned,
};
use lumen_registry::{
    Registry,
    gc::{GRACE, GcOptions, gc},
    log::{Cosignature, Waiting, cosign, is_state, roots_at, states, validate, waiting},
    mirror::{MirrorError, MirrorOptions, mirror},
    progress::nobody,
    storage::{Fault, FaultKind},
};

use super::{
    schedules::{Random, Turns, each_schedule},
    *,
};

const WITNESSES: [&str; 2] = ["wit", "eye"];

fn cosigner(name: &str) -> CosignerKey {
    CosignerKey::new(key(name).public().clone())
}

/// Two witnesses, both of whom must sign, one of them validating.
fn watched(root: &mut RootNote) {
    root.witnesses = vec![cosigner("eye")];
    root.validators = vec![cosigner("wit")];
    (root.witness_quorum, root.validating_quorum) = (2, 1);
}

/// A registry whose log bob may write, too, and that two witnesses watch.
fn registry_with_witnesses() -> (MemoryStorage, Storage) {
    let (memory, storage) = shared_registry();
    change_root(&storage, watched);
    for who in WITNESSES {
        block_on(witness(&storage, who)).unwrap();
    }
    assert_eq!(block_on(waiting(&storage)).unwrap(), None);
    (memory, storage)
}

/// What `lumen registry witness` does, without a memory.
async fn witness(storage: &Storage, who: &str) -> Result<Option<Waiting>, PublishError> {
    log::recover(storage, &nobody).await?;
    let states = states(storage).await?;
    let top = &states.last().unwrap().checkpoint;
    let roots = match who {
        "wit" => validate(storage, None, top, &nobody).await?,
        _ => roots_at(storage, top.size).await?,
    };
    let mut signed = Vec::new();
    for shown in &states {
        let checkpoint = shown.checkpoint.clone();
        let root = roots.at(checkpoint.size - 1);
        if !root.all_witnesses().any(|key| *key == cosigner(who)) {
            continue;
        }
        is_state(storage, &checkpoint, top).await?;
        let time = 1_770_000_000;
        let signature = key(who).sign(&cosigned_message(&shown.note.text, time));
        signed.push(Cosignature {
            checkpoint,
            key: cosigner(who),
            time,
            signature,
        });
    }
    cosign(storage, &signed).await
}

/// The public checkpoint, which must have the signatures that its own root asks for.
fn public(memory: &MemoryStorage) -> Checkpoint {
    let bytes = memory.file(&Key::checkpoint()).unwrap();
    let note = Note::parse(&bytes).unwrap();
    let checkpoint = Checkpoint::parse(&note.text).unwrap();
    let copy = Storage::Memory(MemoryStorage::with_files(memory.files()));
    let roots = block_on(roots_at(&copy, checkpoint.size)).unwrap();
    let cosigned = Cosigned::of(roots.current(), &note, i64::MAX).unwrap();
    assert!(cosigned.lacking(i64::MIN).is_nothing(), "{cosigned:?}");
    checkpoint
}

fn listed(memory: &MemoryStorage) -> Vec<String> {
    let bytes = memory.file(&Key::global_index()).unwrap();
    let index: lumen_core::index::GlobalIndex = json::parse(&bytes).unwrap();
    let entries = index.packages.iter();
    let line = |entry: &lumen_core::index::PackageEntry| {
        let latest = entry.latest.as_ref().map(ToString::to_string);
        format!("{} {}", entry.name, latest.unwrap_or_default())
    };
    entries.map(line).collect()
}

#[test]
fn readers_see_what_witnesses_signed_and_then_all_of_it() {
    let (memory, storage) = registry_with_witnesses();
    let before = public(&memory);
    for (number, who) in [("1.0.0", "ada"), ("1.1.0", "ada")] {
        let published = block_on(put(&storage, who, "a", number)).unwrap();
        let lacking = published.lacking.unwrap();
        assert_eq!((lacking.witnesses, lacking.validating), (2, 1));
    }
    let again = block_on(put(&storage, "ada", "a", "1.1.0")).unwrap();
    assert_eq!((again.new, again.lacking.is_some()), (false, true));
    assert_eq!(public(&memory), before);
    assert_eq!(listed(&memory), [""; 0]);
    assert_clean(&storage);
    let now = block_on(waiting(&storage)).unwrap().unwrap();
    assert_eq!((now.public, now.size), (before.size, before.size + 5));

    // One of them is not enough, and what comes meanwhile does not take its word back.
    block_on(witness(&storage, "eye")).unwrap();
    assert_eq!(public(&memory), before);
    let seen = now.size;
    block_on(say(&storage, "ada", "a", yank("1.0.0"))).unwrap();
    assert_eq!(public(&memory), before);
    let left = block_on(witness(&storage, "wit")).unwrap().unwrap();
    assert_eq!(left.lacking.to_string(), "1 witness");
    assert_eq!(public(&memory).size, seen);
    assert_eq!(listed(&memory), ["a 1.1.0"]);
    assert_clean(&storage);
    assert_eq!(block_on(witness(&storage, "eye")).unwrap(), None);
    assert_eq!(public(&memory).size, seen + 2);
    assert_clean(&storage);
    assert!(index(&storage, "a").is_yanked(&version("1.0.0")));
}

#[test]
fn a_name_that_waits_is_taken_for_names_that_read_the_same() {
    let (_, storage) = registry_with_witnesses();
    block_on(put(&storage, "ada", "my-text", "1.0.0")).unwrap();
    block_on(put(&storage, "ada", "my-text", "1.1.0")).unwrap();
    let refused = block_on(put(&storage, "bob", "my_text", "1.0.0"));
    assert!(
        matches!(refused, Err(PublishError::NameTaken { .. })),
        "{refused:?}"
    );
    assert_clean(&storage);
}

#[test]
fn the_newest_root_says_how_many_witnesses_there_must_be() {
    let (memory, storage) = registry_with_witnesses();
    block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
    // A state with a new root needs the witnesses of that root, whoever signed before.
    let other = cosigner("other");
    change_root(&storage, |root| {
        root.validators = vec![other];
        root.witness_quorum = 1;
    });
    let before = public(&memory).size;
    block_on(witness(&storage, "eye")).unwrap();
    block_on(witness(&storage, "wit")).unwrap();
    // The commit before had a quorum of its own.
    assert_eq!(public(&memory).size, before + 3);
    let left = block_on(waiting(&storage)).unwrap().unwrap();
    assert_eq!(left.lacking.to_string(), "1 validating witness");
    // Without witnesses all of it is public at once.
    change_root(&storage, |root| {
        (root.witness_quorum, root.validating_quorum) = (0, 0);
    });
    assert_eq!(block_on(waiting(&storage)).unwrap(), None);
    assert_eq!(public(&memory).size, before + 7);
    assert_eq!(listed(&memory), ["a 1.0.0"]);
    assert_clean(&storage);
}

#[test]
fn everything_but_the_log_is_rebuilt_while_commits_wait() {
    let (memory, storage) = registry_with_witnesses();
    block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
    for who in WITNESSES {
        block_on(witness(&storage, who)).unwrap();
    }
    block_on(put(&storage, "ada", "a", "1.1.0")).unwrap();
    block_on(put(&storage, "ada", "b", "1.0.0")).unwrap();
    let whole = memory.files();
    let left: BTreeMap<Key, Vec<u8>> = whole
        .iter()
        .filter(|(key, _)| {
            let derived = [
                "packages/a/index.json",
                "packages/b/index.json",
                "index.json",
            ];
            !derived.contains(&key.as_str())
        })
        .map(|(key, bytes)| (key.clone(), bytes.clone()))
        .collect();
    let memory = MemoryStorage::with_files(left);
    let storage = Storage::Memory(memory.clone());
    block_on(rebuild(&storage, &nobody)).unwrap();
    assert_clean(&storage);
    assert_eq!(listed(&memory), ["a 1.0.0"]);
    let index = Key::package_index(&name("b"));
    assert_eq!(memory.file(&index), whole.get(&index).cloned());
}

#[test]
fn garbage_collection_leaves_what_readers_and_what_waiting_commits_need() {
    const WEEKS: u64 = 10_000_000;
    let (memory, storage) = registry_with_witnesses();
    let collect = |weeks: u64| {
        memory.set_clock(weeks * WEEKS);
        let options = GcOptions {
            dry_run: false,
            grace: GRACE,
            now: UNIX_EPOCH + Duration::from_secs(weeks * WEEKS),
        };
        block_on(gc(&storage, &options, &nobody)).unwrap()
    };
    block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
    for who in WITNESSES {
        block_on(witness(&storage, who)).unwrap();
    }
    let seen = public(&memory);
    for number in ["1.1.0", "1.2.0", "1.3.0"] {
        block_on(put(&storage, "ada", "a", number)).unwrap();
    }
    let stale = memory.files();
    assert!(collect(1).garbage.len() > 5);
    assert_clean(&storage);
    // A reader still has all that the public state takes, however long the others wait.
    let reader = Registry::on("t", storage.clone());
    let index = crate::block_on(reader.package_index(&name("a")))
        .unwrap()
        .unwrap();
    assert_eq!(index.versions, [version("1.0.0")]);
    block_on(is_state(&storage, &seen, &seen)).unwrap();
    for who in WITNESSES {
        block_on(witness(&storage, who)).unwrap();
    }
    assert_clean(&storage);
    assert_eq!(listed(&memory), ["a 1.3.0"]);
    // It became public just now, so a reader may be in the middle of the state before.
    collect(1);
    assert!(memory.file(&Key::map_size(seen.size)).is_some());
    collect(2);
    assert!(memory.file(&Key::map_size(seen.size)).is_none());
    assert_clean(&storage);
    assert!(memory.files().len() < stale.len());
    block_on(put(&storage, "ada", "a", "1.4.0")).unwrap();
    assert_clean(&storage);
}

/// A publish to a mirror waits in its `log/head`, where no reader sees it.
#[test]
fn a_mirror_that_was_published_to_is_refused_before_witnesses_have_signed() {
    let (memory, source) = registry_with_witnesses();
    let (copy, target) = (MemoryStorage::new(), MemoryStorage::new());
    let mirror = |to: &MemoryStorage| {
        let source = Registry::on("source", source.clone());
        let options = MirrorOptions::default();
        let to = Storage::Memory(to.clone());
        crate::block_on(mirror(&source, &to, &options, &nobody))
    };
    mirror(&copy).unwrap();
    mirror(&target).unwrap();
    let shown = copy.file(&Key::checkpoint());
    block_on(put(&Storage::Memory(copy.clone()), "ada", "z", "1.0.0")).unwrap();
    assert_eq!(copy.file(&Key::checkpoint()), shown);
    let before = copy.files();
    // The source stands still, has a commit that waits, has as many public entries, has more.
    for publishes in 0..4 {
        if publishes > 0 {
            block_on(put(&source, "ada", "a", &format!("1.{publishes}.0"))).unwrap();
        }
        if publishes > 1 {
            for who in WITNESSES {
                block_on(witness(&source, who)).unwrap();
            }
        }
        let error = mirror(&copy).unwrap_err();
        assert!(matches!(error, MirrorError::Diverged { .. }), "{error}");
        assert!(copy.files() == before, "{publishes}");
        // A mirror that only mirror runs write to goes on, and so does one that a run left
        // between the head and the checkpoint.
        let left = MemoryStorage::with_files(target.files());
        mirror(&target).unwrap();
        if let Some(head) = target.file(&Key::head()) {
            let mut files = left.files();
            files.insert(Key::head(), head);
            let left = MemoryStorage::with_files(files);
            mirror(&left).unwrap();
            assert_eq!(
                left.file(&Key::checkpoint()),
                target.file(&Key::checkpoint())
            );
        }
    }
    assert_eq!(
        target.file(&Key::checkpoint()),
        memory.file(&Key::checkpoint())
    );
}

#[test]
fn a_witness_goes_on_from_where_it_was_or_begins_anew() {
    let (memory, storage) = registry_with_witnesses();
    let before = public(&memory);
    block_on(put(&storage, "ada", "@s/a", "1.0.0")).unwrap();
    block_on(put(&storage, "bob", "b", "1.0.0")).unwrap();
    block_on(say(&storage, "ada", "@s/a", yank("1.0.0"))).unwrap();
    let top = block_on(states(&storage))
        .unwrap()
        .pop()
        .unwrap()
        .checkpoint;
    memory.set_fault(None);
    let roots = block_on(validate(&storage, Some(&before), &top, &nobody)).unwrap();
    assert_eq!(roots.current().seq, 3);
    // Without the files of the map at that time the log alone is enough.
    let map = memory.files().into_iter();
    let map = map.filter(|(key, _)| !key.as_str().starts_with("map/"));
    let bare = Storage::Memory(MemoryStorage::with_files(map.collect()));
    block_on(validate(&bare, Some(&before), &top, &nobody)).unwrap();
    // Another state than that of this log is not gone on from.
    let other = Checkpoint {
        root: Digest::of(b"another log"),
        ..before.clone()
    };
    block_on(validate(&storage, Some(&other), &top, &nobody)).unwrap();
    let forked = Checkpoint {
        root: Digest::of(b"another log"),
        ..top
    };
    let refused = block_on(validate(&storage, Some(&before), &forked, &nobody));
    assert!(
        matches!(refused, Err(PublishError::Damaged { .. })),
        "{refused:?}"
    );
}
