//! Names that the registry gives out: who may claim them, and what waits.

use lumen_core::{
    note::Note,
    signing::SecretKey,
    trust::{HistoryError, NamePolicy, queue::claims},
};
use lumen_registry::publish::queue;

use super::*;

/// A registry whose log bob may write, and whose names `names` give out, as many as `threshold`.
fn approving(names: &[&str], threshold: u32) -> (MemoryStorage, Storage) {
    let (memory, storage) = shared_registry();
    change_root(&storage, |root| {
        root.policy = NamePolicy::Approve;
        root.names = names.iter().map(|who| key(who).public().clone()).collect();
        root.names_threshold = threshold;
    });
    (memory, storage)
}

fn needs_approval(result: Result<Published, PublishError>) -> (Subject, Note) {
    match result {
        Err(PublishError::NeedsApproval { subject, claim }) => {
            (subject, Note::parse(claim.as_bytes()).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

fn sign(note: &mut Note, by: &SecretKey) {
    note.add(by.public(), by.sign(note.text.as_bytes()));
}

#[test]
fn a_name_is_published_once_its_claim_is_approved() {
    let (memory, storage) = approving(&["ned"], 1);
    let before = memory.files();
    for (package, owner) in [("a", "a"), ("@s/b", "@s")] {
        let (subject, _) = needs_approval(block_on(put(&storage, "bob", package, "1.0.0")));
        assert_eq!(subject.to_string(), owner);
    }
    // Not even the artifacts are there.
    assert_eq!(memory.files(), before);
    let (_, mut claim) = needs_approval(block_on(put(&storage, "bob", "a", "1.0.0")));
    let ada = key("ada");
    let writer = Writer {
        storage: &storage,
        signer: &ada,
        last_seen: None,
    };
    // Who may write the log does not give out names, nor does a stranger.
    sign(&mut claim, &key("eve"));
    let error = block_on(writer.append_note(&claim.to_text())).unwrap_err();
    let PublishError::History(HistoryError::Threshold { whose, .. }) = error else {
        panic!("{error}");
    };
    assert_eq!(whose, "the names keys");
    sign(&mut claim, &key("ned"));
    block_on(writer.append_note(&claim.to_text())).unwrap();
    block_on(put(&storage, "bob", "a", "1.0.0")).unwrap();
    let error = block_on(put(&storage, "ada", "a", "1.1.0")).unwrap_err();
    assert!(matches!(error, PublishError::NotOwner { .. }), "{error}");
    assert_clean(&storage);
}

#[test]
fn who_gives_out_names_does_not_ask_for_one() {
    let (_, storage) = approving(&["ada", "ned"], 1);
    block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
    needs_approval(block_on(put(&storage, "bob", "b", "1.0.0")));
    assert_clean(&storage);
    // But not alone, where it takes two.
    let (_, storage) = approving(&["ada", "ned"], 2);
    let (_, mut claim) = needs_approval(block_on(put(&storage, "ada", "a", "1.0.0")));
    sign(&mut claim, &key("ned"));
    let ada = key("ada");
    let writer = Writer {
        storage: &storage,
        signer: &ada,
        last_seen: None,
    };
    block_on(writer.append_note(&claim.to_text())).unwrap();
    block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
}

#[test]
fn anything_may_lie_in_the_queue() {
    let (memory, storage) = approving(&["ned"], 1);
    let (_, claim) = needs_approval(block_on(put(&storage, "bob", "a", "1.0.0")));
    let text = claim.to_text();
    let place = block_on(queue::put(&storage, &text)).unwrap();
    assert_eq!(place, block_on(queue::put(&storage, &text)).unwrap());
    let digest = Digest::of(text.as_bytes());
    assert_eq!(place, Key::queued(&digest));
    let mut files = memory.files();
    for (path, bytes) in [
        ("trust/queue/README", b"hello".to_vec()),
        // Under a hash that is not its own.
        (
            Key::queued(&Digest::of(b"x")).as_str(),
            text.clone().into_bytes(),
        ),
        (
            Key::queued(&Digest::of(&[b'x'; 70_000])).as_str(),
            vec![b'x'; 70_000],
        ),
    ] {
        files.insert(Key::parse(path).unwrap(), bytes);
    }
    let storage = Storage::Memory(MemoryStorage::with_files(files));
    let queued = block_on(queue::read(&storage)).unwrap();
    assert!(queued.all);
    assert_eq!(queued.files, [text.into_bytes()]);
    let state = {
        let ada = key("ada");
        let writer = Writer {
            storage: &storage,
            signer: &ada,
            last_seen: None,
        };
        block_on(writer.state()).unwrap().roots.current().clone()
    };
    let found = claims(queued.files.iter().map(Vec::as_slice), &state);
    assert_eq!(found.len(), 1);
    // It is no part of what a registry has to have.
    assert_clean(&storage);
    assert_eq!(block_on(rebuild(&storage, &nobody)).unwrap(), []);
}
