//! Publishers with an end, and thresholds of publishers: what writers do and keep.

use std::time::{SystemTime, UNIX_EPOCH};

use lumen_core::trust::{Publisher, text::time_of};

use super::{
    ages::{client, sign, watched},
    *,
};

const DAY: i64 = 86_400;

/// This machine's clock, by which writers judge.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// One more ownership note of `tool`, by ada.
fn change_owners(storage: &Storage, change: impl FnOnce(&mut OwnersNote)) {
    let ada = key("ada");
    let writer = Writer {
        storage,
        signer: &ada,
        last_seen: None,
    };
    let subject = Subject::parse("tool").unwrap();
    let owners = block_on(async { writer.state().await?.owners(&subject).await }).unwrap();
    let mut next = owners.current().unwrap().clone();
    next.seq += 1;
    next.prev = owners.last().copied();
    change(&mut next);
    let mut note = Note::unsigned(next.to_text()).unwrap();
    note.add(ada.public(), ada.sign(note.text.as_bytes()));
    block_on(writer.append_note(&note.to_text())).unwrap();
}

/// A registry where bob publishes `tool` until then.
fn with_end(until: i64) -> Storage {
    let (_, storage) = shared_registry();
    block_on(put(&storage, "ada", "tool", "1.0.0")).unwrap();
    change_owners(&storage, |note| {
        note.publishers.push(Publisher {
            until: Some(until),
            ..Publisher::always(key("bob").public().clone())
        });
    });
    storage
}

fn publish_at(storage: &Storage, number: &str, seconds: i64) -> Result<Published, PublishError> {
    let request = PublishRequest {
        now: time_of(seconds),
        ..request("bob", "tool", number)
    };
    block_on(publish(storage, &request))
}

fn versions(storage: &Storage, now: i64) -> Vec<String> {
    let registry = client(storage, now, None);
    let index = block_on(registry.package_index(&name("tool"))).unwrap();
    let versions = &index.unwrap().versions;
    versions.iter().map(ToString::to_string).collect()
}

#[test]
fn a_writer_refuses_what_comes_after_the_end_and_writes_nothing() {
    let storage = with_end(now() - DAY);
    let before = block_on(storage.list("")).unwrap();
    // By its own clock, and by one that says it is earlier.
    for at in [now(), now() - 2 * DAY] {
        let error = publish_at(&storage, "1.1.0", at).unwrap_err();
        assert!(matches!(error, PublishError::Ended { .. }), "{error}");
        if at == now() - 2 * DAY {
            continue;
        }
        assert_eq!(block_on(storage.list("")).unwrap(), before);
    }
    assert_eq!(versions(&storage, now()), ["1.0.0"]);
    let storage = with_end(now() + DAY);
    publish_at(&storage, "1.1.0", now()).unwrap();
    assert_eq!(versions(&storage, now() + 30 * DAY), ["1.0.0", "1.1.0"]);
    assert!(block_on(check(&storage, &nobody)).unwrap().is_empty());
}

#[test]
fn the_first_checkpoint_that_shows_a_key_in_time_is_kept() {
    let storage = with_end(now() + 3600);
    watched(&storage, 1, now());
    block_on(sign(&storage, now()));
    // In the same minute, so that the one after it would not be kept for its age.
    block_on(put(&storage, "ada", "other", "1.0.0")).unwrap();
    block_on(sign(&storage, now() + 1));
    publish_at(&storage, "1.1.0", now()).unwrap();
    block_on(sign(&storage, now() + 2));
    for other in ["1.1.0", "1.2.0"] {
        block_on(put(&storage, "ada", "other", other)).unwrap();
        block_on(sign(&storage, now() + 3));
    }
    // Witnesses sign the same again, long after.
    block_on(sign(&storage, now() + 20 * DAY));
    let registry = client(&storage, now() + 30 * DAY, None);
    let history = block_on(registry.provenance(&name("tool")))
        .unwrap()
        .unwrap();
    let release = &history.releases[&version("1.1.0")];
    assert_eq!((release.late, release.is_void()), (false, false));
    assert_eq!(versions(&storage, now() + 30 * DAY), ["1.0.0", "1.1.0"]);
    assert!(block_on(check(&storage, &nobody)).unwrap().is_empty());
    // Too little time for witnesses.
    let storage = with_end(now() + 60);
    watched(&storage, 1, now());
    block_on(sign(&storage, now()));
    let error = publish_at(&storage, "1.1.0", now()).unwrap_err();
    assert!(
        matches!(error, PublishError::Ended { margin: true, .. }),
        "{error}"
    );
}

#[test]
fn one_publisher_is_not_two() {
    let (memory, storage) = shared_registry();
    block_on(put(&storage, "ada", "tool", "1.0.0")).unwrap();
    change_owners(&storage, |note| {
        note.publishers
            .push(Publisher::always(key("bob").public().clone()));
        note.publish_threshold = 2;
    });
    let before = memory.files();
    let error = block_on(put(&storage, "bob", "tool", "1.1.0")).unwrap_err();
    assert!(
        matches!(error, PublishError::NeedsSigners { needed: 2, .. }),
        "{error}"
    );
    assert_eq!(memory.files(), before);
    // One is enough to warn.
    block_on(say(&storage, "bob", "tool", yank("1.0.0"))).unwrap();
}
