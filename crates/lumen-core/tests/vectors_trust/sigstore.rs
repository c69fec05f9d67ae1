//! The checkpoints and inclusion proofs of Sigstore's conformance suite: what needs no more
//! than the log's key.

use data_encoding::BASE64;
use lumen_core::{
    checkpoint::{self, Checkpoint},
    merkle::{leaf_hash, verify_inclusion},
    signing::PublicKey,
};
use serde_json::Value;

use super::{array, hash, json, number, path, proof, text};

const ORIGIN: &str = "log2025-alpha1.rekor.sigstage.dev";

/// The log's key: the last 32 bytes of the DER in the trusted root (RFC 8410).
fn log_key() -> PublicKey {
    let root = json("sigstore-conformance/trusted_root.json");
    let log = array(&root["tlogs"])
        .iter()
        .find(|log| text(&log["baseUrl"]).ends_with(ORIGIN));
    let der = BASE64
        .decode(text(&log.unwrap()["publicKey"]["rawBytes"]).as_bytes())
        .unwrap();
    PublicKey::new(ORIGIN, *der.last_chunk().unwrap()).unwrap()
}

fn included(entry: &Value, checkpoint: Option<&Checkpoint>) -> bool {
    let given = &entry["inclusionProof"];
    let body = BASE64
        .decode(text(&entry["canonicalizedBody"]).as_bytes())
        .unwrap();
    let (size, root) = (
        number(&given["treeSize"]),
        hash(&given["rootHash"]).unwrap(),
    );
    let path = proof(&given["hashes"]).unwrap();
    let fits = checkpoint.is_none_or(|found| (found.size, found.root) == (size, root));
    fits && verify_inclusion(
        number(&given["logIndex"]),
        size,
        &leaf_hash(&body),
        &path,
        &root,
    )
    .is_ok()
}

#[test]
fn rekor_2_checkpoints() {
    let keys = [log_key()];
    let mut seen = 0;
    for file in std::fs::read_dir(path("sigstore-conformance")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if !name.starts_with("rekor2-") {
            continue;
        }
        let bundle = json(&format!("sigstore-conformance/{name}"));
        let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
        let note = text(&entry["inclusionProof"]["checkpoint"]["envelope"]);
        let opened = checkpoint::open(note.as_bytes(), ORIGIN, &keys);
        assert_eq!(
            opened.is_err(),
            name.contains("_fail"),
            "{name}: {opened:?}"
        );
        assert!(
            included(entry, opened.ok().map(|(found, _)| found).as_ref()),
            "{name}"
        );
        seen += 1;
    }
    assert_eq!(seen, 10);
}

/// The first Rekor signs with ECDSA, so that its signatures are those of unknown keys here.
#[test]
fn rekor_1_proofs() {
    let case = |name: &str| {
        let bundle = json(&format!(
            "sigstore-conformance/{name}_fail.bundle.sigstore.json"
        ));
        let entry = bundle["verificationMaterial"]["tlogEntries"][0].clone();
        let note = entry["inclusionProof"]["checkpoint"]["envelope"]
            .as_str()
            .map(str::to_owned);
        (entry, note)
    };
    let parse = |note: &str| {
        let note = lumen_core::note::Note::parse(note.as_bytes()).unwrap();
        Checkpoint::parse(&note.text).unwrap()
    };
    for name in ["checkpoint-bad-keyhint", "invalid-checkpoint-signature"] {
        let (entry, note) = case(name);
        assert!(included(&entry, Some(&parse(&note.unwrap()))), "{name}");
    }
    let (entry, note) = case("checkpoint-wrong-roothash");
    assert!(!included(&entry, Some(&parse(&note.unwrap()))));
    assert!(included(&entry, None));
    for name in ["inclusion-proof-corrupted-hash", "invalid-inclusion-proof"] {
        assert!(!included(&case(name).0, None), "{name}");
    }
}
