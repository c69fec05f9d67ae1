//! Inclusion and consistency proofs of others.

use lumen_core::{
    Digest,
    merkle::{empty_root, leaf_hash, verify_consistency, verify_inclusion},
    tile::{Tile, Tiles},
};
use serde_json::Value;

use super::{array, bytes, hash, hex, json, number, proof, text};

fn lines(name: &str) -> Vec<Value> {
    let text = String::from_utf8(bytes(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn includes(index: u64, size: u64, leaf: &Value, path: &Value, root: &Value) -> bool {
    let (Some(leaf), Some(path), Some(root)) = (hash(leaf), proof(path), hash(root)) else {
        return false;
    };
    verify_inclusion(index, size, &leaf, &path, &root).is_ok()
}

fn continues(old: u64, new: u64, old_root: &Value, new_root: &Value, path: &Value) -> bool {
    let (Some(old_root), Some(new_root)) = (hash(old_root), hash(new_root)) else {
        return false;
    };
    proof(path)
        .is_some_and(|path| verify_consistency(old, new, &old_root, &new_root, &path).is_ok())
}

#[test]
fn transparency_dev_inclusion() {
    let cases = lines("merkle/inclusion.jsonl");
    for case in &cases {
        let (index, size) = (number(&case["leafIdx"]), number(&case["treeSize"]));
        let accepted = includes(
            index,
            size,
            &case["leafHash"],
            &case["proof"],
            &case["root"],
        );
        assert_eq!(Some(!accepted), case["wantErr"].as_bool(), "{case}");
    }
    assert_eq!(cases.len(), 98);
}

#[test]
fn transparency_dev_consistency() {
    // Roots of other lengths than those of SHA-256, which still are to be accepted.
    let inexpressible = "sizes-are-equal-one-and-proof-is-empty.json";
    let mut cases = lines("merkle/consistency.jsonl");
    cases.retain(|case| !text(&case["file"]).ends_with(inexpressible));
    for case in &cases {
        let (old, new) = (number(&case["size1"]), number(&case["size2"]));
        let accepted = continues(old, new, &case["root1"], &case["root2"], &case["proof"]);
        assert_eq!(Some(!accepted), case["wantErr"].as_bool(), "{case}");
    }
    assert_eq!(cases.len(), 97);
}

/// The roots and all proofs of the eight leaves of RFC 6962's reference code, made and checked.
#[test]
fn rfc_6962_reference_tree() {
    let case = json("rfc/rfc6962_8leaf.json");
    let leaves: Vec<Digest> = array(&case["leaves_hex"])
        .iter()
        .map(|leaf| leaf_hash(&hex(leaf)))
        .collect();
    assert_eq!(leaves, proof(&case["leaf_hashes"]).unwrap());
    let roots = proof(&case["roots"]).unwrap();
    assert_eq!(roots[0], empty_root());
    let mut tiles = Tiles::default();
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(
            Tiles::default().append(0, &leaves[..size]).unwrap().root,
            *root
        );
    }
    let tile = Tile {
        level: 0,
        index: 0,
        width: 8,
    };
    let hashes: Vec<u8> = leaves.iter().flat_map(|leaf| *leaf.as_bytes()).collect();
    tiles.insert(tile, hashes).unwrap();
    for case in array(&case["inclusion"]) {
        let (index, size) = (number(&case["index"]), number(&case["size"]));
        let path = proof(&case["proof"]).unwrap();
        assert_eq!(tiles.prove_inclusion(index, size).unwrap(), path, "{case}");
        let (leaf, root) = (&leaves[index as usize], &roots[size as usize]);
        verify_inclusion(index, size, leaf, &path, root).unwrap();
    }
    for case in array(&case["consistency"]) {
        let (old, new) = (number(&case["old"]), number(&case["new"]));
        let path = proof(&case["proof"]).unwrap();
        assert_eq!(tiles.prove_consistency(old, new).unwrap(), path, "{case}");
        let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
        verify_consistency(old, new, old_root, new_root, &path).unwrap();
    }
}

#[test]
fn sigsum() {
    for (file, expected) in [("inclusion-valid", true), ("inclusion-invalid", false)] {
        let cases = json(&format!("sigsum/{file}.json"));
        for case in array(&cases) {
            let (index, size) = (number(&case["leaf_index"]), number(&case["tree_size"]));
            let path = &case["inclusion_path"];
            let accepted = includes(index, size, &case["leaf_hash"], path, &case["root_hash"]);
            assert_eq!(accepted, expected, "{case}");
        }
        assert!(!array(&cases).is_empty());
    }
}

/// Answers of a real log of 961,984,011 entries.
#[test]
fn certificate_transparency() {
    let head = json("ct-live/get-sth.json");
    let (size, root) = (
        number(&head["tree_size"]),
        hash(&head["sha256_root_hash"]).unwrap(),
    );
    let entry = json("ct-live/get-entries-start-10000-end-10000.json");
    let leaf = text(&entry["entries"][0]["leaf_input"]).as_bytes();
    let leaf = leaf_hash(&data_encoding::BASE64.decode(leaf).unwrap());
    let answer = json("ct-live/get-proof-by-hash.json");
    let (index, path) = (
        number(&answer["leaf_index"]),
        proof(&answer["audit_path"]).unwrap(),
    );
    verify_inclusion(index, size, &leaf, &path, &root).unwrap();
    verify_inclusion(index + 1, size, &leaf, &path, &root).unwrap_err();

    let answer = json("ct-live/get-sth-consistency-first-3654490-second-961984011.json");
    let path = proof(&answer["consistency"]).unwrap();
    let old_root = root_of_old(3_654_490, size, &path);
    verify_consistency(3_654_490, size, &old_root, &root, &path).unwrap();
    verify_consistency(3_654_491, size, &old_root, &root, &path).unwrap_err();
    verify_consistency(3_654_490, size, &root, &root, &path).unwrap_err();
    verify_consistency(3_654_490, size, &old_root, &root, &path[..path.len() - 1]).unwrap_err();
}

/// The old root that a consistency proof asserts (RFC 6962, section 2.1.2); the log's own
/// answer for that size is not at hand.
fn root_of_old(old: u64, new: u64, path: &[Digest]) -> Digest {
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let mut root = path[0];
    for sibling in &path[1..] {
        if node & 1 == 1 || node == last {
            root = lumen_core::merkle::node_hash(sibling, &root);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        }
        (node, last) = (node >> 1, last >> 1);
    }
    root
}
