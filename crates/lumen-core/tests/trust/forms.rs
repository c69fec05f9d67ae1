//! Each note has one form, and nothing else is read.

use lumen_core::{
    Digest,
    trust::{
        Action, Cause, Entry, MapLeaf, Measure, Moderation, OwnersNote, Publisher, RootNote,
        Severity, Statement,
    },
};
use proptest::prelude::*;

use super::world::{
    after, block, full_root, moderated_root, moderation, owners, public, publish, revoked, root,
    signed, statement, validated_root, yank,
};

fn full_owners() -> OwnersNote {
    let first = owners("@org", &["ada", "bob"], &["ada"]);
    let mut note = after(&first, "the bytes before");
    note.is_override = true;
    note.threshold = 2;
    note.publishers.push(Publisher {
        key: public("bob"),
        only: Some("@org/http".parse().unwrap()),
        until: None,
    });
    note.revoked = vec![revoked("eve", 5), revoked("mallory", 7)];
    note
}

fn statements() -> Vec<Statement> {
    let reason = String::new();
    let actions = [
        publish("1.0.0-rc.1+b"),
        yank("1.0.0"),
        Action::Unyank {
            version: "1.0.0".parse().unwrap(),
            reason: reason.clone(),
        },
        Action::Deprecate {
            replacement: Some("other".parse().unwrap()),
            reason: "moved".into(),
        },
        Action::Deprecate {
            replacement: None,
            reason: reason.clone(),
        },
        Action::Undeprecate { reason },
    ];
    actions
        .map(|action| statement("@org/http", 3, 1, action))
        .into()
}

fn roots() -> [RootNote; 5] {
    let both = RootNote {
        validators: vec![lumen_core::signing::CosignerKey::new(public("validator"))],
        ..moderated_root()
    };
    [
        root(),
        full_root(),
        validated_root(),
        moderated_root(),
        both,
    ]
}

fn moderations() -> [Moderation; 4] {
    let cause = Cause {
        severity: Some(Severity::Critical),
        advisory: Some("CVE-2026-1234".into()),
    };
    let until = "2026-02-01T00:00:00Z".to_owned();
    [
        moderation("@org/http", 1, "all", Measure::Block(cause.clone())),
        moderation(
            "tool",
            2,
            ">=1.0.0 <1.2.3",
            Measure::Quarantine { until, cause },
        ),
        moderation("tool", 3, "=1.0.0-rc.1", block()),
        moderation("tool", 4, "all", Measure::Unblock),
    ]
}

/// Whether the text of a note is read by one of the parsers.
fn is_read(text: &str) -> bool {
    let root = RootNote::parse(text).map(|note| note.to_text());
    let owners = OwnersNote::parse(text).map(|note| note.to_text());
    let statement = Statement::parse(text).map(|note| note.to_text());
    let moderation = Moderation::parse(text).map(|note| note.to_text());
    let read: Vec<String> = [root, owners, statement, moderation]
        .into_iter()
        .flatten()
        .collect();
    // What is read is written as it was.
    assert!(read.iter().all(|again| again == text), "{text}");
    !read.is_empty()
}

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = statements().iter().map(Statement::to_text).collect();
    texts.extend(roots().iter().map(RootNote::to_text));
    texts.extend(moderations().iter().map(Moderation::to_text));
    let claim = owners("my-utils", &["ada"], &[]);
    texts.extend([claim, full_owners()].iter().map(OwnersNote::to_text));
    texts
}

#[test]
fn notes_are_read_as_they_are_written() {
    for note in roots() {
        assert_eq!(RootNote::parse(&note.to_text()), Ok(note));
    }
    for note in moderations() {
        assert_eq!(Moderation::parse(&note.to_text()), Ok(note));
    }
    for note in [owners("my-utils", &["ada"], &[]), full_owners()] {
        assert_eq!(OwnersNote::parse(&note.to_text()), Ok(note));
    }
    for note in statements() {
        assert_eq!(Statement::parse(&note.to_text()), Ok(note));
    }
}

#[test]
fn validating_witnesses_are_in_notes_of_version_2_only() {
    let text = validated_root().to_text();
    assert!(text.starts_with("lumen/root/v2\n"));
    let line = |key: &str| {
        let found = text.lines().find(|line| line.starts_with(key));
        found.unwrap().to_owned()
    };
    let (validator, plain) = (line("validator "), line("witness "));
    let renamed = public("validator").renamed("another-name").unwrap();
    let renamed = lumen_core::signing::CosignerKey::new(renamed);
    let insider = |role: &str| {
        let note = validated_root();
        let keys = if role == "root" {
            &note.root
        } else {
            &note.log
        };
        lumen_core::signing::CosignerKey::new(keys[0].renamed("other").unwrap())
    };
    for changed in [
        text.replace("/v2", "/v1"),
        full_root().to_text().replace("/v1", "/v2"),
        text.replace("validating-quorum 1", "validating-quorum 3"),
        text.replace("witness-quorum 3", "witness-quorum 4"),
        // One key in both roles, or twice under two names.
        text.replace(&plain, &validator.replace("validator ", "witness ")),
        text.replace(&validator, &format!("{validator}\nvalidator {renamed}")),
        text.replace(&plain, &format!("{plain}\nwitness {renamed}")),
        // A key of the publishers that the witness checks, under its name or another.
        text.replace(&validator, &format!("validator {}", insider("root"))),
        text.replace(&validator, &format!("validator {}", insider("log"))),
    ] {
        assert_ne!(changed, text);
        assert!(RootNote::parse(&changed).is_err(), "{changed}");
    }
}

#[test]
fn moderators_are_in_notes_of_version_3_only() {
    let text = moderated_root().to_text();
    assert!(text.starts_with("lumen/root/v3\n"));
    let moderator = text.lines().find(|line| line.starts_with("moderator "));
    let renamed = public("mia").renamed("another-name").unwrap();
    for changed in [
        text.replace("/v3", "/v1"),
        text.replace("/v3", "/v2"),
        root().to_text().replace("/v1", "/v3"),
        validated_root().to_text().replace("/v2", "/v3"),
        text.replace("moderator-threshold 2", "moderator-threshold 0"),
        text.replace("moderator-threshold 2", "moderator-threshold 4"),
        // One key under two names.
        text.replace(
            moderator.unwrap(),
            &format!("{}\nmoderator {renamed}", moderator.unwrap()),
        ),
    ] {
        assert_ne!(changed, text);
        assert!(RootNote::parse(&changed).is_err(), "{changed}");
    }
}

#[test]
fn what_moderators_say_has_one_form() {
    let text = moderations()[1].to_text();
    for (from, to) in [
        // Not in the canonical form, and no constraint.
        ("versions >=1.0.0 <1.2.3", "versions >=1.0.0, <1.2.3"),
        ("versions >=1.0.0 <1.2.3", "versions >=1 <1.2.3"),
        ("versions >=1.0.0 <1.2.3", "versions none"),
        // The end comes after the start.
        ("until 2026-02-01T00:00:00Z", "until 2026-01-31T10:30:00Z"),
        ("until 2026-02-01T00:00:00Z", "until never"),
        ("severity critical", "severity huge"),
        ("advisory CVE-2026-1234", "advisory "),
        ("advisory CVE-2026-1234", "advisory a b"),
        ("seq 2", "seq 0"),
        ("lumen/quarantine/v1", "lumen/block/v1"),
        ("lumen/quarantine/v1", "lumen/unblock/v1"),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        assert!(Moderation::parse(&changed).is_err(), "{changed}");
    }
}

#[test]
fn notes_of_a_newer_lumen_are_called_so() {
    let newer = |kind: &str| {
        let text = root().to_text().replacen("lumen/root/v1", kind, 1);
        let error = Entry::parse(signed(&text, &["root"]).as_bytes()).unwrap_err();
        error.to_string()
    };
    for kind in [
        "lumen/root/v4",
        "lumen/block/v2",
        "lumen/owners/v3",
        "lumen/publish/v2",
        "lumen/advisory/v1",
    ] {
        let expected =
            format!("a newer lumen made it: this one does not know `{kind}`; update lumen");
        assert_eq!(newer(kind), expected);
    }
    for kind in [
        "lumen/root/v",
        "lumen/Root/v3",
        "lumen/root/vx",
        "lumen//v2",
        "other/root/v3",
    ] {
        assert!(!newer(kind).contains("newer"), "{kind}");
    }
}

#[test]
fn lines_are_not_missing_repeated_moved_or_unknown() {
    // Lines that may be there or not, or in another order.
    let free = |line: &str| {
        [
            "root ",
            "log ",
            "name ",
            "witness ",
            "validator ",
            "moderator ",
            "severity ",
            "advisory ",
            "admin ",
            "publish ",
            "revoke ",
            "replacement ",
        ]
        .iter()
        .any(|key| line.starts_with(key))
            || line == "override"
    };
    for text in texts() {
        assert!(is_read(&text), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let joined = |lines: &[&str]| lines.join("\n") + "\n";
        for at in 0..lines.len() {
            let mut missing = lines.clone();
            missing.remove(at);
            assert!(
                free(lines[at]) || !is_read(&joined(&missing)),
                "{at}: {text}"
            );
            let mut twice = lines.clone();
            twice.insert(at, lines[at]);
            assert!(!is_read(&joined(&twice)), "{at}: {text}");
            for extra in ["", "unknown 1", "time 2026-01-31T10:30:00Z x"] {
                let mut more = lines.clone();
                more.insert(at, extra);
                assert!(!is_read(&joined(&more)), "{at}: {text}");
            }
            for changed in [
                format!(" {}", lines[at]),
                format!("{}\r", lines[at]),
                lines[at].replacen(' ', "  ", 1),
                lines[at].replacen(' ', "\t", 1),
                lines[at].to_uppercase(),
            ] {
                let mut other = lines.clone();
                other[at] = &changed;
                let is_reason = lines[at].starts_with("reason ") && changed.starts_with("reason ");
                let same = changed == lines[at];
                assert!(same || is_reason || !is_read(&joined(&other)), "{changed}");
            }
            if at > 0 && !(free(lines[at]) && free(lines[at - 1])) {
                let mut moved = lines.clone();
                moved.swap(at - 1, at);
                assert!(!is_read(&joined(&moved)), "{at}: {text}");
            }
        }
        assert!(!is_read(text.trim_end()));
        assert!(!is_read(&format!("{text}\n")));
    }
}

#[test]
fn values_out_of_range_are_refused() {
    let (root, owners) = (full_root().to_text(), full_owners().to_text());
    let said: Vec<String> = statements().iter().map(Statement::to_text).collect();
    let key = public("spare").to_string();
    let other_log = public("log").to_string();
    let log = super::world::root().log[0].to_string();
    let long = format!("reason {}", "x".repeat(1001));
    let table: [(&str, &str, &str); 34] = [
        (&root, "registry test/0a1b2c3d", "registry "),
        (&root, "registry test/0a1b2c3d", "registry a+b"),
        (&root, "registry test/0a1b2c3d", "registry a b"),
        (&root, "registry test/0a1b2c3d", "registry é"),
        (&root, "seq 1", "seq 0"),
        (&root, "seq 1", "seq 01"),
        (&root, "seq 1", "seq 2"),
        (&root, "seq 1", "seq +1"),
        (&root, "prev none", "prev sha256:00"),
        (
            &root,
            "time 2026-01-31T10:30:00Z",
            "time 2026-01-31T10:30:00+00:00",
        ),
        (
            &root,
            "time 2026-01-31T10:30:00Z",
            "time 2026-01-31T10:30:00.0Z",
        ),
        (
            &root,
            "time 2026-01-31T10:30:00Z",
            "time 2026-02-30T10:30:00Z",
        ),
        (
            &root,
            "time 2026-01-31T10:30:00Z",
            "time 2026-01-31t10:30:00z",
        ),
        (&root, "expires 2027-01-31T10:30:00Z", "expires soon"),
        (&root, "root-threshold 2", "root-threshold 0"),
        (&root, "root-threshold 2", "root-threshold 3"),
        (&root, &log, &other_log),
        (&root, &key, "spare+00000000+AQ=="),
        (&root, "names approve 1", "names approve 0"),
        (&root, "names approve 1", "names open 0"),
        (&root, "names approve 1", "names closed 1"),
        (&root, "witness-quorum 1", "witness-quorum 2"),
        (&root, "witness-quorum 1", "witness-quorum 0"),
        (&root, "max-age 86400", "max-age -1"),
        (&root, "max-age 86400", "max-age 9223372036854775808"),
        (&owners, "name @org", "name @org/http"),
        (&owners, "name @org", "name @root"),
        (&owners, "name @org", "name Org"),
        (&owners, "admin-threshold 2", "admin-threshold 3"),
        (&owners, "only @org/http", "only @other/http"),
        (&owners, " from 5", " from x"),
        (&said[0], "owners 3", "owners 0"),
        (&said[1], "version 1.0.0", "version 1.0"),
        (&said[1], "reason broken", &long),
    ];
    for (text, from, to) in table {
        assert!(text.contains(from), "{from}: {text}");
        assert!(!is_read(&text.replacen(from, to, 1)), "{to}");
    }
    let none = said[5].replacen("lumen/undeprecate/v1", "the kind of a statement", 1);
    assert!(!is_read(&none));
    let first = full_owners().to_text();
    let first = first.replacen("seq 2", "seq 1", 1);
    let hash = Digest::of(b"the bytes before").to_string();
    assert!(
        !is_read(&first.replacen(&hash, "none", 1)),
        "an override of nothing"
    );
}

#[test]
fn map_leaves_have_one_form() {
    let root = Digest::of(b"root");
    let leaf = MapLeaf { size: 9, root };
    let text = leaf.to_text();
    assert_eq!(Entry::parse(text.as_bytes()), Ok((Entry::Map(leaf), None)));
    for bad in [
        text.replacen("9", "09", 1),
        text.replacen("9", "+9", 1),
        text.replacen('=', "", 1),
        format!("{text}\n"),
        text.trim_end().to_owned(),
        text.replacen("v1", "v2", 1),
    ] {
        assert!(Entry::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in "(lumen/(root|owners|publish|yank|map)/v1\n)?([a-z-]{1,9} [ -~é]{0,20}\n){0,9}") {
        is_read(&text);
        let _ = Entry::parse(text.as_bytes());
    }

    #[test]
    fn changed_bytes_are_noticed_or_written_back(at in 0_usize..900, byte in any::<u8>(), which in 0_usize..10) {
        let texts = texts();
        let mut bytes = texts[which % texts.len()].clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(text) = String::from_utf8(bytes.clone()) {
            is_read(&text);
        }
        let _ = Entry::parse(&bytes);
    }

    #[test]
    fn arbitrary_bytes_are_no_entry(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Entry::parse(&bytes);
    }
}
