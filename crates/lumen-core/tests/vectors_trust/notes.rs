//! Signed notes and checkpoints that others signed, and what is none.

use lumen_core::{
    base64,
    checkpoint::{self, Checkpoint, CheckpointError, cosign, cosignatures},
    note::{Note, NoteError},
    signing::{CosignerKey, KeyError, PublicKey, SecretKey},
};

use super::{array, bytes, hash, json, number, text};

fn signed_by<'k>(note: &str, key: &'k PublicKey) -> Result<Vec<&'k PublicKey>, NoteError> {
    Note::parse(note.as_bytes())?.verified([key])
}

#[test]
fn examples_of_the_specification() {
    let cases = json("signed-note/examples.json");
    for case in array(&cases) {
        let key = PublicKey::parse(text(&case["vkey"])).unwrap();
        assert_eq!(key.to_string(), text(&case["vkey"]));
        let note = text(&case["note"]);
        assert_eq!(signed_by(note, &key).unwrap(), [&key]);
        assert_eq!(Note::parse(note.as_bytes()).unwrap().to_text(), note);
    }
    assert_eq!(array(&cases).len(), 2);
}

#[test]
fn trees_of_go_checksum_database() {
    let cases = json("go-sumdb/real_signed_trees.json");
    let key = PublicKey::parse(text(&cases["vkey"])).unwrap();
    for case in array(&cases["trees"]) {
        let note = text(&case["note"]);
        let good = signed_by(note, &key).is_ok_and(|signers| signers == [&key]);
        assert_eq!(Some(good), case["valid"].as_bool(), "{case}");
        let keys = [key.clone()];
        let opened = checkpoint::open(note.as_bytes(), "go.sum database tree", &keys);
        assert_eq!(opened.is_ok(), good, "{case}");
        if let Ok((checkpoint, _)) = opened {
            assert_eq!(checkpoint.size, number(&case["size"]));
            assert_eq!(Some(checkpoint.root), hash(&case["root"]));
        }
    }
    assert_eq!(array(&cases["trees"]).len(), 11);
}

#[test]
fn checkpoints_of_a_tessera_log() {
    let key = PublicKey::parse(text(&json("tlog-log/vkey.json")["vkey"])).unwrap();
    let keys = [key];
    for size in 0..16 {
        let note = bytes(&format!("tlog-log/checkpoint.{size}"));
        let (checkpoint, parsed) =
            checkpoint::open(&note, "example.com/log/testdata", &keys).unwrap();
        assert_eq!(checkpoint.size, size);
        assert_eq!(checkpoint.to_text(), parsed.text);
        let other = checkpoint::open(&note, "example.com/log", &keys);
        assert!(matches!(other, Err(CheckpointError::Origin { .. })));
        let unsigned = checkpoint::open(&note, "example.com/log/testdata", &[]);
        assert_eq!(unsigned.unwrap_err(), CheckpointError::Unsigned);
        // Every changed bit is noticed: the text, the name, the hash, or the signature.
        for at in 0..note.len() {
            let mut changed = note.clone();
            changed[at] ^= 1;
            let opened = checkpoint::open(&changed, "example.com/log/testdata", &keys);
            assert!(opened.is_err(), "{size}: byte {at}");
        }
    }
}

#[test]
fn what_is_no_note() {
    let good = "text\n\n\u{2014} name AAAAAAA=\n";
    assert!(Note::parse(good.as_bytes()).is_ok());
    for bad in [
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        "text\n\n\n",
        "text\n\u{2014} name AAAAAAA=\n",
        "text\n\n\u{2014} name AAAAAAA=",
        "text\n\n- name AAAAAAA=\n",
        "text\n\n\u{2013} name AAAAAAA=\n",
        "text\n\n\u{2014}name AAAAAAA=\n",
        "text\n\n\u{2014}  AAAAAAA=\n",
        "text\n\n\u{2014} na+me AAAAAAA=\n",
        "text\n\n\u{2014} na\u{a0}me AAAAAAA=\n",
        "text\n\n\u{2014} na\u{2003}me AAAAAAA=\n",
        "text\n\n\u{2014} na me AAAAAAA=\n",
        "text\n\n\u{2014} name  AAAAAAA=\n",
        "text\n\n\u{2014} name AAAAAAA= \n",
        "text\n\n\u{2014} name AAAAAAA\n",
        "text\n\n\u{2014} name AAAAAAB=\n",
        "text\n\n\u{2014} name AAAAA_A=\n",
        "text\n\n\u{2014} name AAAA\n",
        "text\n\n\u{2014} name AAAAAA==\n",
        "text\n\n\u{2014} name AAAAAAA=\nmore\n",
        "te\txt\n\n\u{2014} name AAAAAAA=\n",
        "text\r\n\r\n\u{2014} name AAAAAAA=\r\n",
        "te\0xt\n\n\u{2014} name AAAAAAA=\n",
    ] {
        assert!(Note::parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
    assert_eq!(Note::parse(b"te\xffxt\n\n"), Err(NoteError::Characters));
    // Empty lines in the text, unknown keys of any length, 16 signatures, and text without words.
    let line = "\u{2014} name AAAAAAA=\n";
    let long = format!("\u{2014} {} AAAAAAA=\n", "n".repeat(999));
    for fine in [
        format!("one\n\n\ntwo\n\n{line}"),
        format!("\n\n{line}"),
        format!("text\n\n{}", line.repeat(16)),
        format!("text\n\n{long}"),
        format!("\u{2014} name AAAAAAA=\n\n{line}"),
        format!("del \u{7f} is no control character here\n\n{line}"),
    ] {
        let note = Note::parse(fine.as_bytes()).unwrap();
        assert_eq!(note.to_text(), fine);
    }
}

#[test]
fn what_is_no_checkpoint() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for fine in [
        format!("o\n1\n{root}\n"),
        format!("an origin with spaces + plus\n0\n{root}\n"),
        format!("o\n9223372036854775807\n{root}\nextension\nanother\n"),
    ] {
        assert!(Checkpoint::parse(&fine).is_ok(), "{fine:?}");
    }
    for bad in [
        String::new(),
        "o\n1\n".into(),
        format!("\n1\n{root}\n"),
        format!("1\n{root}\n"),
        format!("o\n{root}\n"),
        format!("o\n\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n00\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n 1\n{root}\n"),
        format!("o\n1 \n{root}\n"),
        format!("o\n0x1\n{root}\n"),
        format!("o\n9223372036854775808\n{root}\n"),
        format!("o\n18446744073709551615\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("o\n1\n{root}"),
        format!("o\n1\n{root}=\n"),
        format!("o\n1\n{}\n", root.trim_end_matches('=')),
        format!("o\n1\n{root}\n\n"),
        format!("o\n1\n{root}\n\nextension\n"),
        format!("o\n1\n{}\n", &root[4..]),
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n".into(),
    ] {
        assert_eq!(
            Checkpoint::parse(&bad),
            Err(CheckpointError::Form),
            "{bad:?}"
        );
    }
}

fn secret(name: &str, seed: u8) -> SecretKey {
    SecretKey::from_seed(name, [seed; 32]).unwrap()
}

fn signed(text: &str, key: &SecretKey) -> Note {
    let mut note = Note::unsigned(text).unwrap();
    note.add(key.public(), key.sign(text.as_bytes()));
    note
}

#[test]
fn known_keys_and_unknown_ones() {
    let (one, two, three) = (secret("one", 1), secret("two", 2), secret("three", 3));
    let mut note = signed("text\n", &one);
    note.add(two.public(), two.sign(b"text\n"));
    let keys = [one.public(), three.public(), one.public()];
    assert_eq!(note.verified(keys).unwrap(), [one.public()]);
    assert!(note.verified([three.public()]).unwrap().is_empty());
    // The same bytes under another name are another key, and count once under both.
    let alias = one.renamed("alias").unwrap();
    assert!(note.verified([alias.public()]).unwrap().is_empty());
    note.add(alias.public(), alias.sign(b"text\n"));
    assert_eq!(
        note.verified([one.public(), alias.public()]).unwrap().len(),
        1
    );
    // Twice, or wrong: an error, however many others there are.
    let mut twice = note.clone();
    twice.signatures.push(note.signatures[0].clone());
    let known = [one.public(), two.public()];
    assert_eq!(twice.verified(known), Err(NoteError::Twice("one".into())));
    let mut forged = note.clone();
    forged.signatures[0].signature = note.signatures[1].signature.clone();
    assert_eq!(forged.verified(known), Err(NoteError::Forged("one".into())));
    forged.signatures[0].signature.pop();
    assert_eq!(forged.verified(known), Err(NoteError::Forged("one".into())));
    assert_eq!(forged.verified([two.public()]).unwrap(), [two.public()]);
    note.text.push('\n');
    assert!(note.verified(known).is_err());
}

#[test]
fn witnesses() {
    let (log, witness) = (secret("example.org/log", 1), secret("witness.example", 2));
    let text = "example.org/log\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let mut note = signed(text, &log);
    cosign(&witness, &mut note, 1_679_315_147);
    let parsed = Note::parse(note.to_text().as_bytes()).unwrap();
    assert_eq!(parsed, note);
    let keys = [witness.cosigner(), log.cosigner()];
    assert_eq!(
        CosignerKey::parse(&keys[0].to_string()).as_ref(),
        Ok(&keys[0])
    );
    assert!(PublicKey::parse(&keys[0].to_string()).is_err());
    assert_eq!(
        cosignatures(&note, &keys).unwrap(),
        [(&keys[0], 1_679_315_147)]
    );
    assert_eq!(
        note.verified([log.public(), witness.public()]).unwrap(),
        [log.public()]
    );
    // Another time is another message.
    let mut later = note.clone();
    later.signatures[1].signature[7] ^= 1;
    assert!(cosignatures(&later, &keys).is_err());
    // One key under two names is one witness.
    let alias = witness.renamed("alias.example").unwrap();
    cosign(&alias, &mut note, 1_679_315_148);
    let both = [witness.cosigner(), alias.cosigner()];
    assert_eq!(cosignatures(&note, &both).unwrap().len(), 1);
    // Times have 63 bits.
    cosign(&witness, &mut note, 1 << 63);
    assert!(cosignatures(&note, &keys).is_err());
}

/// The fingerprint is what `ssh-keygen -l` prints.
#[test]
fn keys_of_open_ssh() {
    let body = "AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    let key =
        PublicKey::parse_ssh(&format!("ssh-ed25519 {body} user@example.com"), "user").unwrap();
    assert_eq!(
        key.fingerprint(),
        "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ"
    );
    assert_eq!(key.name(), "user");
    for bad in [
        String::new(),
        "ssh-ed25519".into(),
        body.into(),
        format!("ssh-rsa {body}"),
        format!("ssh-ed25519 {}", &body[..body.len() - 4]),
        format!("ssh-ed25519 {body}AAAA"),
        format!("ssh-ed25519 {}", body.replace("1lZDI1", "1lZDI2")),
    ] {
        assert_eq!(
            PublicKey::parse_ssh(&bad, "user"),
            Err(KeyError::Ssh),
            "{bad}"
        );
    }
}

#[test]
fn what_is_no_key() {
    let good = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    assert!(PublicKey::parse(good).is_ok());
    let of_type_2 = good.replace("+Ae", "+Au");
    for (bad, error) in [
        (String::new(), KeyError::Form),
        (good[..23].to_owned(), KeyError::Form),
        (good.replace("foo+", "foo "), KeyError::Form),
        (good.replace("530d903a", "530d903"), KeyError::Form),
        (good.replace("530d903a", "530D903A"), KeyError::Form),
        (good.replace("530d903a", "530d903b"), KeyError::Hash),
        (good.replace("foo", "fop"), KeyError::Hash),
        (good.replace("foo", "f o"), KeyError::Name),
        (good.replace("example.com/foo", ""), KeyError::Name),
        (format!("{good}\n"), KeyError::Form),
        (good[..good.len() - 4].to_owned(), KeyError::Form),
        (of_type_2, KeyError::Type(2)),
    ] {
        assert_eq!(PublicKey::parse(&bad), Err(error), "{bad}");
    }
    let key = secret("name", 7);
    let text = key.to_text();
    assert!(text.starts_with("PRIVATE+KEY+name+"));
    assert_eq!(SecretKey::parse(&text).unwrap().public(), key.public());
    assert!(SecretKey::parse(&text.replace("+name+", "+nane+")).is_err());
    assert!(SecretKey::parse(&key.public().to_string()).is_err());
    assert!(!format!("{key:?}").contains(&text[text.len() - 20..]));
    assert!(SecretKey::from_seed("a+b", [0; 32]).is_err());
}

/// Base64 in two padded pieces is another text for the same bytes, so it is none of ours.
#[test]
fn a_note_has_one_form() {
    let text = "example.org/log\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let note = signed(text, &secret("example.org/log", 1)).to_text();
    assert!(Checkpoint::of_note(note.as_bytes()).is_ok());
    let in_pieces = |whole: &str| {
        let bytes = base64::decode(whole).unwrap();
        let (first, rest) = bytes.split_at(1);
        let pieces = base64::encode(first) + &base64::encode(rest);
        note.replace(whole, &pieces)
    };
    let line = note.trim_end().rsplit(' ').next().unwrap();
    assert_eq!(
        Note::parse(in_pieces(line).as_bytes()),
        Err(NoteError::Signature(1))
    );
    let root = text.lines().nth(2).unwrap();
    let other = in_pieces(root);
    assert_eq!(
        Checkpoint::of_note(other.as_bytes()),
        Err(CheckpointError::Form)
    );
}
