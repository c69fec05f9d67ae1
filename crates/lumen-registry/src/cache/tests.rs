use super::*;
use crate::storage::HostOptions;

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn cached(body: &str, fetched_at: u64) -> Cached {
    Cached {
        fetched_at,
        max_age: 60,
        validators: Validators {
            etag: Some(format!("\"{body}\"")),
            last_modified: None,
        },
        body: Some(Body {
            digest: Digest::of(body.as_bytes()),
            bytes: body.as_bytes().to_vec().into(),
        }),
    }
}

#[test]
fn survives_the_process_and_the_last_record_wins() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x/metadata.pack");
    let cache = Cache::at(&path);
    assert_eq!(cache.get(&key("a")), None);
    cache.put(&key("a"), &cached("one", 1));
    cache.put(&key("a"), &cached("two", 2));
    let absent = Cached {
        body: None,
        ..cached("", 3)
    };
    cache.put(&key("b"), &absent);
    cache.save().unwrap();
    cache.touch(&key("a"), 9, 7);
    cache.save().unwrap();
    for cache in [cache, Cache::at(&path)] {
        let expected = Cached {
            max_age: 7,
            ..cached("two", 9)
        };
        assert_eq!(cache.get(&key("a")), Some(expected));
        assert_eq!(cache.get(&key("b")), Some(absent.clone()));
    }
}

#[test]
fn two_processes_append_to_each_others_work() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metadata.pack");
    let (one, two) = (Cache::at(&path), Cache::at(&path));
    one.put(&key("a"), &cached("a", 1));
    two.put(&key("b"), &cached("b", 1));
    one.save().unwrap();
    two.save().unwrap();
    one.put(&key("c"), &cached("c", 1));
    one.save().unwrap();
    let three = Cache::at(&path);
    for name in ["a", "b", "c"] {
        assert_eq!(three.get(&key(name)), Some(cached(name, 1)), "{name}");
    }
}

#[test]
fn damage_costs_only_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metadata.pack");
    let cache = Cache::at(&path);
    cache.put(&key("a"), &cached("first", 1));
    cache.save().unwrap();
    let whole = std::fs::read(&path).unwrap();
    cache.put(&key("b"), &cached("second", 1));
    cache.save().unwrap();
    let both = std::fs::read(&path).unwrap();
    for length in whole.len()..both.len() {
        std::fs::write(&path, &both[..length]).unwrap();
        let torn = Cache::at(&path);
        assert_eq!(torn.get(&key("a")), Some(cached("first", 1)));
        assert_eq!(torn.get(&key("b")), None);
        torn.put(&key("c"), &cached("third", 1));
        torn.save().unwrap();
        let mended = Cache::at(&path);
        assert_eq!(mended.get(&key("a")), Some(cached("first", 1)));
        assert_eq!(mended.get(&key("c")), Some(cached("third", 1)));
    }
    for at in 0..both.len() {
        let mut bad = both.clone();
        bad[at] ^= 0x55;
        std::fs::write(&path, &bad).unwrap();
        let cache = Cache::at(&path);
        for (name, body) in [("a", "first"), ("b", "second")] {
            let found = cache.get(&key(name));
            assert!(
                found.is_none() || found == Some(cached(body, 1)),
                "byte {at}"
            );
        }
        cache.put(&key("d"), &cached("d", 1));
        cache.save().unwrap();
        assert!(Cache::at(&path).get(&key("d")).is_some(), "byte {at}");
    }
}

#[test]
fn stale_records_are_dropped_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metadata.pack");
    let big = "x".repeat(100_000);
    for round in 0..40 {
        let cache = Cache::at(&path);
        cache.put(&key("big"), &cached(&big, round));
        cache.put(&key(&format!("small-{round}")), &cached("s", round));
        cache.save().unwrap();
    }
    assert!(std::fs::metadata(&path).unwrap().len() < 2_000_000);
    let cache = Cache::at(&path);
    assert_eq!(cache.get(&key("big")), Some(cached(&big, 39)));
    for round in 0..40 {
        assert!(cache.get(&key(&format!("small-{round}"))).is_some());
    }
}

#[test]
fn freshness() {
    let entry = cached("x", 100);
    assert!(entry.is_fresh(159, 300));
    assert!(!entry.is_fresh(160, 300));
    assert!(!entry.is_fresh(111, 10));
    assert!(!entry.is_fresh(99, 300));
}

#[test]
fn directories_differ_by_host_path_and_user() {
    let directory = |url: &str, helper, variables: &[(&str, &str)]| {
        let location = Location::parse(url).unwrap();
        let variables = variables.iter();
        let options = HostOptions {
            variables: variables
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..HostOptions::default()
        };
        let storage = Storage::open(&location, &options).unwrap();
        directory(Path::new("c"), &storage, &location, helper)
    };
    let dir = |url| directory(url, None, &[]);
    assert_eq!(dir("https://h/x"), dir("https://h/x/"));
    assert_ne!(dir("https://h/x"), dir("https://h/y"));
    assert_ne!(dir("https://h/x"), dir("https://u:p@h/x"));
    assert_eq!(dir("https://u:q@h/x"), dir("https://u:p@h/x"));
    let helped = directory("https://h/x", Some("helper"), &[]);
    assert_ne!(dir("https://h/x"), helped);
    assert_eq!(dir("file:///x"), None);

    let anonymous = dir("s3://b/x");
    assert!(anonymous.is_some());
    assert_eq!(anonymous, dir("s3://b/x/"));
    assert_ne!(anonymous, dir("s3://b/y"));
    assert_ne!(anonymous, dir("s3://b/x?endpoint=http://h:1"));
    let key = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let known = directory("s3://b/x", None, &key);
    assert_ne!(anonymous, known);
    let moved = [&key[..], &[("AWS_ENDPOINT_URL", "http://h:1")]].concat();
    assert_ne!(known, directory("s3://b/x", None, &moved));
}
