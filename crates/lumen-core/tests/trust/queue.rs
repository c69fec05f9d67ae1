//! Claims that wait: signatures are collected, and everything else is left out.

use lumen_core::{
    Digest,
    note::Note,
    trust::{OwnersNote, RootNote, Subject, queue::claims, rejection::Rejection},
};

use super::world::{ORIGIN, TIME, public, root, signed};

fn approving() -> RootNote {
    let mut root = root();
    root.names = vec![public("ned"), public("nia")];
    root.names_threshold = 2;
    root
}

fn claim(name: &str, owner: &str, time: &str) -> OwnersNote {
    let subject = Subject::parse(name).unwrap();
    OwnersNote::claim(ORIGIN, subject, &public(owner), time)
}

fn file(text: &str, by: &[&str]) -> Vec<u8> {
    signed(text, by).into_bytes()
}

fn rejection(claim: &OwnersNote, reason: &str, time: &str) -> Rejection {
    Rejection {
        origin: ORIGIN.into(),
        claim: Digest::of(claim.to_text().as_bytes()),
        time: time.into(),
        reason: reason.into(),
    }
}

#[test]
fn signatures_are_collected() {
    let root = approving();
    let (one, other) = (claim("tool", "ada", TIME), claim("@org", "bob", TIME));
    let files = [
        file(&one.to_text(), &["ada", "ned"]),
        file(&other.to_text(), &["bob"]),
        file(&one.to_text(), &["ada", "nia", "eve"]),
        file(&one.to_text(), &["nia"]),
    ];
    let found = claims(files.iter().map(Vec::as_slice), &root);
    let names: Vec<String> = found
        .iter()
        .map(|claim| claim.claim.name.to_string())
        .collect();
    assert_eq!(names, ["@org", "tool"]);
    let signers: Vec<&str> = found[1]
        .note
        .signatures
        .iter()
        .map(|signature| signature.name.as_str())
        .collect();
    assert_eq!(signers, ["ada", "ned", "nia"]);
    assert_eq!(found[1].id, Digest::of(one.to_text().as_bytes()));
    assert_eq!(found[1].claim, one);
}

#[test]
fn what_does_not_count_is_left_out() {
    let root = approving();
    let good = claim("tool", "ada", TIME);
    let forged = {
        let mut note = Note::parse(&file(&good.to_text(), &["ada", "ned"])).unwrap();
        note.signatures[1].signature[0] ^= 1;
        note.to_text().into_bytes()
    };
    let elsewhere = OwnersNote {
        origin: "other/2f".into(),
        ..good.clone()
    };
    let later = OwnersNote {
        seq: 2,
        prev: Some(Digest::of(b"1")),
        ..good.clone()
    };
    for bad in [
        forged,
        file(&good.to_text(), &["ned", "nia"]),
        file(&elsewhere.to_text(), &["ada"]),
        file(&later.to_text(), &["ada"]),
        file(&root.to_text(), &["ada"]),
        b"hello".to_vec(),
        vec![b'x'; 70_000],
    ] {
        assert_eq!(claims([bad.as_slice()], &root), []);
    }
}

#[test]
fn rejections_are_by_names_keys() {
    let root = approving();
    let waiting = claim("tool", "ada", TIME);
    let claimed = file(&waiting.to_text(), &["ada"]);
    let early = rejection(&waiting, "first", TIME);
    let late = rejection(&waiting, "look-alike", "2026-02-01T00:00:00Z");
    assert_eq!(Rejection::parse(&late.to_text()), Ok(late.clone()));
    let by = |who: &str| {
        let files = [
            file(&late.to_text(), &[who]),
            claimed.clone(),
            file(&early.to_text(), &["nia"]),
        ];
        let found = claims(files.iter().map(Vec::as_slice), &root);
        found[0].rejected.clone().unwrap()
    };
    assert_eq!(by("ned"), late);
    assert_eq!(by("ada"), early);
    let text = late.to_text();
    for bad in [
        text.replace("claim sha256:", "claim md5:"),
        text.replace("reason look-alike\n", ""),
        format!("{text}more\n"),
        text.replace("look-alike", &"x".repeat(1001)),
    ] {
        assert!(Rejection::parse(&bad).is_err(), "{bad}");
    }
}
