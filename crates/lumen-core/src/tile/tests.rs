use proptest::{collection::vec, prelude::*};

use super::*;
use crate::merkle::{leaf_hash, verify_consistency, verify_inclusion};

/// RFC 6962, section 2.1, word for word.
fn root_from_scratch(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        leaves => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&root_from_scratch(left), &root_from_scratch(right))
        }
    }
}

fn leaves(count: usize) -> Vec<Digest> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

/// Appends in batches, each from nothing but the tiles at the edge, as a writer does.
fn log(batches: &[usize]) -> (Vec<Digest>, Tiles) {
    let leaves = leaves(batches.iter().sum());
    let (mut all, mut size) = (Tiles::default(), 0_u64);
    for batch in batches {
        let mut edge = Tiles::default();
        for tile in tiles_for_edge(size) {
            edge.insert(tile, all.find(&tile).unwrap().to_vec())
                .unwrap();
        }
        let added = edge
            .append(size, &leaves[size as usize..][..*batch])
            .unwrap();
        assert_eq!(added.size, size + *batch as u64);
        assert_eq!(
            added.root,
            root_from_scratch(&leaves[..added.size as usize])
        );
        for (tile, bytes) in added.tiles {
            // A wider tile continues the narrower ones before it.
            if let Some(before) = all
                .0
                .range(..tile)
                .next_back()
                .filter(|(t, _)| t.full() == tile.full())
            {
                assert!(bytes.starts_with(before.1));
            }
            all.insert(tile, bytes).unwrap();
        }
        size = added.size;
        assert_eq!(all.root(size).unwrap(), added.root);
    }
    (leaves, all)
}

/// Only the tiles that are named, in the widths that are named.
fn only(all: &Tiles, names: Vec<Tile>) -> Tiles {
    let mut some = Tiles::default();
    for tile in names {
        let bytes = all.find(&tile).unwrap()[..usize::from(tile.width) * 32].to_vec();
        some.insert(tile, bytes).unwrap();
    }
    some
}

/// All ways to damage a proof a little: another hash, one more, one less, two exchanged.
fn damaged(proof: &[Digest]) -> Vec<Vec<Digest>> {
    let mut out = vec![[proof, &[Digest::of(b"more")]].concat()];
    for at in 0..proof.len() {
        let mut other = proof.to_vec();
        let mut bytes = *other[at].as_bytes();
        bytes[at % 32] ^= 1;
        other[at] = Digest::from_bytes(bytes);
        out.push(other);
        let mut fewer = proof.to_vec();
        fewer.remove(at);
        out.push(fewer);
        if at > 0 {
            let mut swapped = proof.to_vec();
            swapped.swap(at - 1, at);
            out.push(swapped);
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn batches_and_proofs(
        batches in vec(prop_oneof![0..9_usize, 1..300_usize, Just(256)], 1..12),
        picks in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 12),
    ) {
        let (leaves, all) = log(&batches);
        let count = leaves.len();
        prop_assume!(count > 0);
        for (index, size) in &picks {
            let size = size.index(count) + 1;
            let index = index.index(size);
            let root = root_from_scratch(&leaves[..size]);
            let (i, n, leaf) = (index as u64, size as u64, &leaves[index]);
            let some = only(&all, tiles_for_inclusion(i, n));
            let proof = some.prove_inclusion(i, n).unwrap();
            prop_assert_eq!(&all.prove_inclusion(i, n).unwrap(), &proof);
            prop_assert_eq!(verify_inclusion(i, n, leaf, &proof, &root), Ok(()));
            prop_assert!(verify_inclusion(i, n, &Digest::of(b"other"), &proof, &root).is_err());
            prop_assert!(verify_inclusion(i, n, leaf, &proof, &Digest::of(b"other")).is_err());
            prop_assert!(verify_inclusion(i ^ 1, n, leaf, &proof, &root).is_err() || n == 1);
            for bad in damaged(&proof) {
                prop_assert!(verify_inclusion(i, n, leaf, &bad, &root).is_err());
            }

            let old = i + 1;
            let old_root = root_from_scratch(&leaves[..=index]);
            let some = only(&all, tiles_for_consistency(old, n));
            let proof = some.prove_consistency(old, n).unwrap();
            prop_assert_eq!(verify_consistency(old, n, &old_root, &root, &proof), Ok(()));
            let other = Digest::of(b"other");
            prop_assert!(verify_consistency(old, n, &other, &root, &proof).is_err());
            prop_assert!(verify_consistency(old, n, &old_root, &other, &proof).is_err());
            for bad in damaged(&proof) {
                prop_assert!(verify_consistency(old, n, &old_root, &root, &bad).is_err());
            }
        }
    }

    #[test]
    fn any_numbers_are_answered(a in any::<u64>(), b in any::<u64>(), hashes in vec(any::<[u8; 32]>(), 0..70)) {
        let hashes: Vec<Digest> = hashes.into_iter().map(Digest::from_bytes).collect();
        let root = Digest::of(b"root");
        prop_assert!(verify_inclusion(a, b, &root, &hashes, &root).is_err());
        prop_assert!(a == b || verify_consistency(a, b, &root, &root, &hashes).is_err());
        for tile in tiles_for_edge(a).into_iter().chain(tiles_for_inclusion(a, b)).chain(tiles_for_consistency(a, b)) {
            prop_assert_eq!(Tile::parse(&tile.path()), Ok(tile));
        }
        let none = Tiles::default();
        prop_assert!(none.prove_inclusion(a, b).is_err() || b == 1);
        prop_assert!(none.prove_consistency(a, b).is_err() || a == b);
        prop_assert!(none.root(a).is_err() || a == 0);
        prop_assert!(none.append(a, &hashes).is_err() || a == 0);
    }
}

#[test]
fn largest_sizes() {
    let max = u64::MAX;
    for (index, size) in [
        (0, max),
        (max - 1, max),
        (max / 2, max),
        (0, 1 << 63),
        (max, max),
    ] {
        tiles_for_inclusion(index, size);
        tiles_for_consistency(index, size);
    }
    assert_eq!(tiles_for_edge(max).len(), 8);
    let mut full = Tiles::default();
    for tile in tiles_for_edge(max) {
        full.insert(tile, vec![7; usize::from(tile.width) * 32])
            .unwrap();
    }
    assert!(full.root(max).is_ok());
    assert_eq!(full.append(max, &leaves(1)), Err(TileError::Range));
}

#[test]
fn tiles_of_other_widths() {
    let tile = |width| Tile {
        level: 0,
        index: 0,
        width,
    };
    let mut tiles = Tiles::default();
    for width in [0, 257, u16::MAX] {
        let bytes = vec![0; usize::from(width) * 32];
        assert_eq!(tiles.insert(tile(width), bytes), Err(TileError::Range));
        assert!(!tiles.contains(&tile(u16::MAX)));
    }
    let short = tiles.insert(tile(5), vec![0; 159]);
    assert!(matches!(
        short,
        Err(TileError::Length { expected: 160, .. })
    ));
    tiles.insert(tile(5), vec![0; 160]).unwrap();
    assert!(tiles.contains(&tile(4)) && tiles.contains(&tile(5)) && !tiles.contains(&tile(6)));
}

#[test]
fn a_log_goes_on_from_the_tiles_it_has_now() {
    for (size, earlier) in [
        (1_000, &[0, 1, 5, 255, 256, 257, 768, 999, 1_000][..]),
        (66_000, &[65_280, 65_535, 65_536, 65_537, 66_000]),
    ] {
        let all = leaves(size);
        let log = Tiles::default().append(0, &all).unwrap();
        let now: BTreeMap<_, _> = log.tiles.iter().cloned().collect();
        for &old in earlier {
            let mut few = Tiles::default();
            for tile in tiles_for_growth(old, size as u64) {
                few.insert(tile, now[&tile].clone()).unwrap();
            }
            let since = &all[old as usize..];
            assert_eq!(few.append(old, since).unwrap().root, log.root, "{old}");
            if let Some((last, others)) = since.split_last() {
                let other = [others, &[node_hash(last, last)]].concat();
                assert_ne!(few.append(old, &other).unwrap().root, log.root, "{old}");
            }
        }
    }
}
