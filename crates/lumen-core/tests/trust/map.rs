//! The name map, with no more nodes than are asked for.

use std::collections::BTreeMap;

use lumen_core::{
    Digest,
    trust::map::{Lookup, MapError, Nodes, Update, build, empty, lookup, update},
};
use proptest::prelude::*;

fn heads(from: usize, to: usize, salt: &str) -> BTreeMap<String, Digest> {
    let head = |n: usize| {
        (
            format!("name-{n}"),
            Digest::of(format!("{salt}{n}").as_bytes()),
        )
    };
    (from..to).map(head).collect()
}

/// Updates with the nodes that are asked for, out of a store; says how many that were.
fn updated(store: &mut Nodes, root: Digest, changes: &BTreeMap<String, Digest>) -> (Digest, usize) {
    let mut have = Nodes::new();
    loop {
        match update(&have, &root, changes).unwrap() {
            Update::Done { root, nodes } => {
                for (hash, bytes) in nodes {
                    assert_eq!(hash, Digest::of(&bytes));
                    assert_eq!(store.insert(hash, bytes), None, "a node that was there");
                }
                return (root, have.len());
            }
            Update::Need(needed) => {
                assert!(!needed.is_empty());
                for hash in needed {
                    assert_eq!(have.insert(hash, store[&hash].clone()), None);
                }
            }
        }
    }
}

fn found(store: &Nodes, root: &Digest, name: &str) -> Lookup {
    let mut path = Nodes::new();
    loop {
        match lookup(&path, root, name).unwrap() {
            Lookup::Need(hash) => assert_eq!(path.insert(hash, store[&hash].clone()), None),
            other => return other,
        }
    }
}

#[test]
fn one_change_needs_one_path() {
    let all = heads(0, 2000, "a");
    let (root, nodes) = build(&all);
    let mut store: Nodes = nodes.into_iter().collect();
    let change = heads(7, 8, "b");
    let (new, needed) = updated(&mut store, root, &change);
    assert_eq!(needed, 2);
    let mut after = all.clone();
    after.extend(change);
    assert_eq!(new, build(&after).0);
    assert_eq!(updated(&mut store, new, &BTreeMap::new()), (new, 0));
}

#[test]
fn nodes_that_no_writer_makes_are_refused() {
    let node = |bytes: Vec<u8>| (Digest::of(&bytes), bytes);
    let pair = |name: &str| [*Digest::of(name.as_bytes()).as_bytes(), [7; 32]].concat();
    let mut two = [pair("a"), pair("b")];
    two.sort();
    let sorted = [&[0x10][..], &two.concat()].concat();
    two.reverse();
    let many: Vec<u8> = (0..=u8::MAX).chain([0]).flat_map(|n| [n; 64]).collect();
    let table = [
        (node(Vec::new()), false),
        (node(vec![0x10]), true),
        (node(vec![0x11]), false),
        (node(vec![0x12]), false),
        (node([&[0x11][..], &[0; 256 * 32]].concat()), false),
        (node([&[0x11][..], &[1; 255 * 32]].concat()), false),
        (node([&[0x10][..], &[1; 32]].concat()), false),
        (node(sorted.clone()), true),
        (node([&sorted[..], &[0]].concat()), false),
        (node([&[0x10][..], &two.concat()].concat()), false),
        (node([&[0x10][..], &pair("a"), &pair("a")].concat()), false),
        (node([&[0x10][..], &many].concat()), false),
    ];
    for ((hash, bytes), good) in table {
        let nodes = Nodes::from([(hash, bytes)]);
        let changes = heads(0, 1, "x");
        assert_eq!(lookup(&nodes, &hash, "a").is_ok(), good, "{nodes:?}");
        assert_eq!(update(&nodes, &hash, &changes).is_ok(), good, "{nodes:?}");
    }
    // An empty map cannot be below another node.
    let (hash, bytes) = empty();
    let (top, branch) = node([&[0x11][..], &hash.as_bytes().repeat(256)].concat());
    let nodes = Nodes::from([(hash, bytes), (top, branch)]);
    assert_eq!(lookup(&nodes, &top, "a"), Err(MapError(hash)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn updates_with_needed_nodes_lead_to_the_same_map(
        batches in proptest::collection::vec((0_usize..1700, 1_usize..400), 1..7),
        absent in 3000_usize..4000,
    ) {
        let (mut root, bytes) = empty();
        let mut store = Nodes::from([(root, bytes)]);
        let mut all = BTreeMap::new();
        for (at, (from, count)) in batches.into_iter().enumerate() {
            let changes = heads(from, from + count, &at.to_string());
            all.extend(changes.clone());
            let (expected, nodes) = build(&all);
            (root, _) = updated(&mut store, root, &changes);
            prop_assert_eq!(root, expected);
            for (hash, bytes) in nodes {
                prop_assert_eq!(store.get(&hash), Some(&bytes));
            }
        }
        for (name, head) in all.iter().step_by(97) {
            prop_assert_eq!(found(&store, &root, name), Lookup::Found(*head));
        }
        prop_assert_eq!(found(&store, &root, &format!("name-{absent}")), Lookup::Absent);
    }

    #[test]
    fn arbitrary_nodes_do_no_harm(
        kind in 0x0f_u8..0x13,
        body in proptest::collection::vec(0_u8..4, 0..200),
        repeat in 1_usize..300,
    ) {
        let bytes = [&[kind][..], &body.repeat(repeat)].concat();
        let root = Digest::of(&bytes);
        let nodes = Nodes::from([(root, bytes)]);
        let _ = lookup(&nodes, &root, "name");
        let _ = update(&nodes, &root, &heads(0, 3, "x"));
    }
}
