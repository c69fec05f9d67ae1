//! Tiles and entry bundles of real logs, and a log of 70,000 entries made by another program.

use lumen_core::{
    Digest,
    checkpoint::Checkpoint,
    merkle::{leaf_hash, verify_consistency, verify_inclusion},
    note::Note,
    tile::{Tile, Tiles, entries, tiles_for_consistency, tiles_for_edge, tiles_for_inclusion},
};

use super::{array, bytes, hash, json, number, proof, text};

fn checkpoint(file: &str) -> Checkpoint {
    Checkpoint::parse(&Note::parse(&bytes(file)).unwrap().text).unwrap()
}

#[test]
fn tessera_log() {
    let all = json("tlog-log/vkey.json");
    let all: Vec<&[u8]> = array(&all["entries"])
        .iter()
        .map(|entry| text(entry).as_bytes())
        .collect();
    let mut tiles = Tiles::default();
    for size in 1..=15 {
        let checkpoint = checkpoint(&format!("tlog-log/checkpoint.{size}"));
        let bundle = bytes(&format!("tlog-log/{}", entries::entries_path(0, size)));
        let leaves = entries::decode(&bundle).unwrap();
        assert_eq!(leaves, all[..usize::from(size)]);
        assert_eq!(entries::encode(&leaves).unwrap(), bundle);
        let hashes: Vec<Digest> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let old = u64::from(size) - 1;
        let added = tiles.append(old, &hashes[old as usize..]).unwrap();
        assert_eq!((added.size, added.root), (checkpoint.size, checkpoint.root));
        let [(tile, content)] = &added.tiles[..] else {
            panic!("{:?}", added.tiles);
        };
        assert_eq!(*content, bytes(&format!("tlog-log/{tile}")));
        tiles.insert(*tile, content.clone()).unwrap();
        assert_eq!(tiles.root(added.size).unwrap(), checkpoint.root);
    }
    let bundle = bytes("tlog-log/tile/entries/000.p/15");
    for end in 0..bundle.len() {
        // Cut between two leaves it is a smaller bundle, elsewhere none.
        match entries::decode(&bundle[..end]) {
            Ok(leaves) => assert_eq!(entries::encode(&leaves).unwrap(), bundle[..end]),
            Err(error) => assert_eq!(error, entries::BundleError::Truncated),
        }
    }
    let one = [0, 1, b'a'];
    assert_eq!(entries::decode(&one.repeat(256)).unwrap().len(), 256);
    assert_eq!(
        entries::decode(&one.repeat(257)),
        Err(entries::BundleError::TooMany)
    );
    assert_eq!(
        entries::encode(&[vec![0; 65_536]]),
        Err(entries::BundleError::TooLarge)
    );
}

#[test]
fn sunlight_mirror() {
    let checkpoint = checkpoint("sunlight-mirror-300/checkpoint");
    let paths = ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"];
    let mut tiles = Tiles::default();
    let mut leaves = Vec::new();
    for path in paths {
        let tile = Tile::parse(path).unwrap();
        assert_eq!(tile.path(), path);
        let content = bytes(&format!("sunlight-mirror-300/{path}"));
        if tile.level == 0 {
            leaves.extend(
                content
                    .chunks(32)
                    .map(|hash| Digest::from_bytes(hash.try_into().unwrap())),
            );
        }
        tiles.insert(tile, content).unwrap();
    }
    assert_eq!(tiles.root(checkpoint.size).unwrap(), checkpoint.root);
    let again = Tiles::default().append(0, &leaves).unwrap();
    assert_eq!(again.root, checkpoint.root);
    let written: Vec<String> = again.tiles.iter().map(|(tile, _)| tile.path()).collect();
    assert_eq!(written, paths);
    for (tile, content) in again.tiles {
        assert_eq!(content, bytes(&format!("sunlight-mirror-300/{tile}")));
    }
    for (index, leaf) in leaves.iter().enumerate() {
        let path = tiles.prove_inclusion(index as u64, 300).unwrap();
        verify_inclusion(index as u64, 300, leaf, &path, &checkpoint.root).unwrap();
    }
}

/// The log of the example in the specification: 70,000 entries have 273 full tiles and one of
/// 112, then 1 and one of 17, then one of 1.
#[test]
fn log_of_70000() {
    let case = json("generated/log70000.json");
    let leaves: Vec<Digest> = (0..70_000)
        .map(|i| leaf_hash(format!("leaf {i}\n").as_bytes()))
        .collect();
    for (size, root) in case["roots"].as_object().unwrap() {
        let size: usize = size.parse().unwrap();
        let made = Tiles::default().append(0, &leaves[..size]).unwrap();
        assert_eq!(Some(made.root), hash(root), "{size}");
    }
    let made = Tiles::default().append(0, &leaves).unwrap();
    let mut tiles = Tiles::default();
    for (tile, content) in &made.tiles {
        tiles.insert(*tile, content.clone()).unwrap();
    }
    for (path, expected) in case["tile_sha256"].as_object().unwrap() {
        let tile = Tile::parse(path).unwrap();
        let (_, content) = made.tiles.iter().find(|(made, _)| *made == tile).unwrap();
        assert_eq!(Some(Digest::of(content)), hash(expected), "{path}");
    }
    for (level, counts) in case["levels"].as_object().unwrap() {
        let level: u8 = level.parse().unwrap();
        let widths = made.tiles.iter().filter(|(tile, _)| tile.level == level);
        let (full, partial): (Vec<u16>, Vec<u16>) = widths
            .map(|(tile, _)| tile.width)
            .partition(|width| *width == 256);
        assert_eq!(full.len() as u64, number(&counts["full"]));
        assert_eq!(
            u64::from(partial.iter().sum::<u16>()),
            number(&counts["partial"])
        );
    }
    let root = |size: u64| {
        let made = Tiles::default()
            .append(0, &leaves[..size as usize])
            .unwrap();
        made.root
    };
    // The tiles that are named for a question are enough to answer it.
    let only = |names: Vec<Tile>| {
        let mut some = Tiles::default();
        for name in names {
            let mut content = made
                .tiles
                .iter()
                .find(|(tile, _)| tile.full() == name.full());
            let content = content.take().unwrap().1[..usize::from(name.width) * 32].to_vec();
            some.insert(name, content).unwrap();
        }
        some
    };
    for case in array(&case["inclusion"]) {
        let (index, size) = (number(&case["index"]), number(&case["size"]));
        let path = proof(&case["proof"]).unwrap();
        assert_eq!(tiles.prove_inclusion(index, size).unwrap(), path, "{case}");
        let some = only(tiles_for_inclusion(index, size));
        assert_eq!(some.prove_inclusion(index, size).unwrap(), path, "{case}");
        verify_inclusion(index, size, &leaves[index as usize], &path, &root(size)).unwrap();
    }
    for case in array(&case["consistency"]) {
        let (old, new) = (number(&case["old"]), number(&case["new"]));
        let path = proof(&case["proof"]).unwrap();
        assert_eq!(tiles.prove_consistency(old, new).unwrap(), path, "{case}");
        let some = only(tiles_for_consistency(old, new));
        assert_eq!(some.prove_consistency(old, new).unwrap(), path, "{case}");
        verify_consistency(old, new, &root(old), &root(new), &path).unwrap();
    }
    let edge: Vec<String> = tiles_for_edge(70_000).iter().map(Tile::path).collect();
    assert_eq!(
        edge,
        ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
    );
    for (index, name) in case["tile_paths"].as_object().unwrap() {
        let tile = Tile {
            level: 0,
            index: index.parse().unwrap(),
            width: 256,
        };
        assert_eq!(tile.path(), format!("tile/0/{}", text(name)));
        assert_eq!(Tile::parse(&tile.path()), Ok(tile));
    }
}

#[test]
fn paths_that_are_none() {
    for bad in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/1",
        "tile/0/0001",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/x000/001",
        "tile/0/x001/x002",
        "tile/0/+01",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/256/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/05",
        "tile/0/001.p/+5",
        "tile/0/001.p/",
        "tile/0/001.p",
        "tile/0/001.p/5/6",
        "tile/0/001/",
        "/tile/0/001",
        "tile/entries/001",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/001 ",
        "tile/8/0\u{660}1",
    ] {
        assert!(Tile::parse(bad).is_err(), "{bad:?}");
    }
    let most = Tile {
        level: 63,
        index: u64::MAX,
        width: 255,
    };
    assert_eq!(
        most.path(),
        "tile/63/x018/x446/x744/x073/x709/x551/615.p/255"
    );
    assert_eq!(Tile::parse(&most.path()), Ok(most));
}
