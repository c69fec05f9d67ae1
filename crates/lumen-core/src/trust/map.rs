//! The name map: a radix trie over SHA-256 of names, with the head of each name's chain.
//!
//! A node is named by the hash of its bytes. Up to 256 names below a prefix are one
//! *bin*, `0x10` and the sorted pairs of hash and head; more are a *branch*, `0x11` and
//! a child for each value of the next byte of the hash. So every set of names has one
//! map, and a path through it proves that a name has this head, or that it is not there.

use std::collections::BTreeMap;

use super::event::NO_EVENTS;
use crate::digest::Digest;
use crate::limits::MAX_MAP_BIN;
pub use crate::limits::MAX_MAP_NODE_BYTES as MAX_NODE_BYTES;

const BIN: u8 = 0x10;
const BRANCH: u8 = 0x11;
const NO_CHILD: Digest = NO_EVENTS;

/// Nodes at hand, by the hash of their bytes.
pub type Nodes = BTreeMap<Digest, Vec<u8>>;

/// Hash of a name and head of its chain.
type Pair = (Digest, Digest);

/// A node does not have the form a map's node has at its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the node {0} of the name map is damaged")]
pub struct MapError(pub Digest);

/// What a map says about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The head of its chain.
    Found(Digest),
    /// The name is not there.
    Absent,
    /// This node is needed to tell.
    Need(Digest),
}

/// The result of changing a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The new root, and the nodes that were not there before.
    Done {
        /// The hash of the root.
        root: Digest,
        /// New nodes.
        nodes: Vec<(Digest, Vec<u8>)>,
    },
    /// These nodes are needed first.
    Need(Vec<Digest>),
}

enum Node {
    Bin(Vec<Pair>),
    Branch(Vec<Digest>),
}

impl Node {
    /// Parses a node whose names share the first `depth` bytes of `prefix`.
    fn parse(hash: &Digest, bytes: &[u8], prefix: &[u8]) -> Result<Self, MapError> {
        let error = || MapError(*hash);
        if Digest::of(bytes) != *hash {
            return Err(error());
        }
        let (kind, body) = bytes.split_first().ok_or_else(error)?;
        let hashes: Vec<Digest> = body
            .chunks(32)
            .map(|chunk| chunk.try_into().map(Digest::from_bytes))
            .collect::<Result<_, _>>()
            .map_err(|_| error())?;
        match *kind {
            BIN if hashes.len().is_multiple_of(2) && hashes.len() <= 2 * MAX_MAP_BIN => {
                let pairs: Vec<Pair> = hashes
                    .chunks_exact(2)
                    .map(|pair| (pair[0], pair[1]))
                    .collect();
                let sorted = pairs.windows(2).all(|two| two[0].0 < two[1].0);
                let here = pairs
                    .iter()
                    .all(|pair| pair.0.as_bytes().starts_with(prefix));
                // Where no name goes on, there is no node; only a map can be empty.
                let empty = pairs.is_empty() && !prefix.is_empty();
                match sorted && here && !empty {
                    true => Ok(Self::Bin(pairs)),
                    false => Err(error()),
                }
            }
            BRANCH if hashes.len() == 256 && prefix.len() < 31 => {
                match hashes.iter().any(|child| *child != NO_CHILD) {
                    true => Ok(Self::Branch(hashes)),
                    false => Err(error()),
                }
            }
            _ => Err(error()),
        }
    }
}

fn bin_bytes(pairs: &[Pair]) -> Vec<u8> {
    let mut bytes = vec![BIN];
    for (name, head) in pairs {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(head.as_bytes());
    }
    bytes
}

/// The map without names: the hash of its root, and the root.
pub fn empty() -> (Digest, Vec<u8>) {
    let bytes = bin_bytes(&[]);
    (Digest::of(&bytes), bytes)
}

/// The nodes that a node leads to; none when it is a bin or no node.
pub fn children(node: &[u8]) -> Vec<Digest> {
    let Some((&BRANCH, body)) = node.split_first() else {
        return Vec::new();
    };
    let hashes = body
        .chunks_exact(32)
        .filter_map(|hash| hash.try_into().ok());
    let children = hashes.map(Digest::from_bytes);
    children.filter(|child| *child != NO_CHILD).collect()
}

/// Looks a name up, with the nodes at hand.
///
/// # Errors
/// When a node on its path is damaged.
pub fn lookup(nodes: &Nodes, root: &Digest, name: &str) -> Result<Lookup, MapError> {
    let key = Digest::of(name.as_bytes());
    let mut hash = *root;
    for depth in 0..32 {
        let Some(bytes) = nodes.get(&hash) else {
            return Ok(Lookup::Need(hash));
        };
        match Node::parse(&hash, bytes, &key.as_bytes()[..depth])? {
            Node::Bin(pairs) => {
                let found = pairs.binary_search_by(|pair| pair.0.cmp(&key));
                return Ok(found.map_or(Lookup::Absent, |at| Lookup::Found(pairs[at].1)));
            }
            Node::Branch(children) => match children[usize::from(key.as_bytes()[depth])] {
                NO_CHILD => return Ok(Lookup::Absent),
                child => hash = child,
            },
        }
    }
    Err(MapError(hash))
}

/// Sets the heads of names, with the nodes at hand.
///
/// # Errors
/// When a node on their paths is damaged.
pub fn update(
    nodes: &Nodes,
    root: &Digest,
    changes: &BTreeMap<String, Digest>,
) -> Result<Update, MapError> {
    let mut pairs = pairs_of(changes);
    pairs.sort_unstable();
    let mut writer = Writer {
        nodes,
        needed: Vec::new(),
        made: Vec::new(),
    };
    let root = writer.change(root, &pairs, 0)?;
    match writer.needed.is_empty() {
        true => Ok(Update::Done {
            root,
            nodes: writer.made,
        }),
        false => Ok(Update::Need(writer.needed)),
    }
}

/// The map of all these names, made from nothing.
pub fn build(all: &BTreeMap<String, Digest>) -> (Digest, Vec<(Digest, Vec<u8>)>) {
    let mut pairs = pairs_of(all);
    pairs.sort_unstable();
    let mut made = Vec::new();
    let root = make(&pairs, 0, &mut made);
    (root, made)
}

fn pairs_of(heads: &BTreeMap<String, Digest>) -> Vec<Pair> {
    let pair = |(name, head): (&String, &Digest)| (Digest::of(name.as_bytes()), *head);
    heads.iter().map(pair).collect()
}

/// Makes the nodes for sorted pairs that share `depth` bytes.
fn make(pairs: &[Pair], depth: usize, made: &mut Vec<(Digest, Vec<u8>)>) -> Digest {
    let bytes = match pairs.len() <= MAX_MAP_BIN {
        true => bin_bytes(pairs),
        false => {
            let mut bytes = vec![BRANCH];
            for (_, below) in by_byte(pairs, depth) {
                let child = match below.is_empty() {
                    true => NO_CHILD,
                    false => make(below, depth + 1, made),
                };
                bytes.extend_from_slice(child.as_bytes());
            }
            bytes
        }
    };
    let hash = Digest::of(&bytes);
    made.push((hash, bytes));
    hash
}

/// Sorted pairs by the value of one byte, all 256 of them.
fn by_byte(pairs: &[Pair], depth: usize) -> impl Iterator<Item = (u8, &[Pair])> {
    let mut rest = pairs;
    (0..=255_u8).map(move |value| {
        let below = |pair: &Pair| pair.0.as_bytes()[depth] <= value;
        let (here, after) = rest.split_at(rest.partition_point(below));
        rest = after;
        (value, here)
    })
}

struct Writer<'a> {
    nodes: &'a Nodes,
    needed: Vec<Digest>,
    made: Vec<(Digest, Vec<u8>)>,
}

impl Writer<'_> {
    /// The hash of the node at `hash` after the changes below it.
    fn change(
        &mut self,
        hash: &Digest,
        changes: &[Pair],
        depth: usize,
    ) -> Result<Digest, MapError> {
        let prefix = changes
            .first()
            .map_or(&[][..], |pair| &pair.0.as_bytes()[..depth]);
        if changes.is_empty() {
            return Ok(*hash);
        }
        let Some(bytes) = self.nodes.get(hash) else {
            self.needed.push(*hash);
            return Ok(*hash);
        };
        match Node::parse(hash, bytes, prefix)? {
            Node::Bin(old) => {
                let mut all: BTreeMap<Digest, Digest> = old.into_iter().collect();
                all.extend(changes.iter().copied());
                let all: Vec<Pair> = all.into_iter().collect();
                let mut made = Vec::new();
                let root = make(&all, depth, &mut made);
                made.retain(|(new, _)| new != hash);
                self.made.append(&mut made);
                Ok(root)
            }
            Node::Branch(children) => {
                let mut bytes = vec![BRANCH];
                for (value, below) in by_byte(changes, depth) {
                    let child = match children[usize::from(value)] {
                        NO_CHILD if below.is_empty() => NO_CHILD,
                        NO_CHILD => make(below, depth + 1, &mut self.made),
                        child => self.change(&child, below, depth + 1)?,
                    };
                    bytes.extend_from_slice(child.as_bytes());
                }
                let new = Digest::of(&bytes);
                if new != *hash {
                    self.made.push((new, bytes));
                }
                Ok(new)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(count: usize, salt: u64) -> BTreeMap<String, Digest> {
        let name = |n| {
            (
                format!("n{salt}-{n}"),
                Digest::of(format!("{salt}/{n}").as_bytes()),
            )
        };
        (0..count).map(name).collect()
    }

    fn nodes_of(all: &BTreeMap<String, Digest>) -> (Digest, Nodes) {
        let (root, nodes) = build(all);
        (root, nodes.into_iter().collect())
    }

    #[test]
    fn a_bin_becomes_a_branch_past_256_names() {
        assert_eq!(build(&BTreeMap::new()).0, empty().0);
        assert_eq!(build(&names(256, 0)).1.len(), 1);
        let (root, nodes) = nodes_of(&names(257, 0));
        assert_eq!(nodes[&root].len(), 1 + 256 * 32);
    }

    #[test]
    fn a_path_is_enough_for_a_lookup() {
        let all = names(1000, 7);
        let (root, nodes) = nodes_of(&all);
        for name in ["n7-0", "n7-999", "absent", "other"] {
            let mut path = Nodes::new();
            let found = loop {
                match lookup(&path, &root, name).unwrap() {
                    Lookup::Need(hash) => drop(path.insert(hash, nodes[&hash].clone())),
                    other => break other,
                }
            };
            assert!(path.len() <= 2);
            assert_eq!(
                found,
                all.get(name)
                    .map_or(Lookup::Absent, |head| Lookup::Found(*head))
            );
        }
    }

    #[test]
    fn damaged_nodes_are_found() {
        let all = names(300, 1);
        let (root, nodes) = nodes_of(&all);
        for hash in nodes.keys() {
            let mut bad = nodes.clone();
            bad.get_mut(hash).unwrap()[5] ^= 1;
            let hit = all
                .keys()
                .any(|name| lookup(&bad, &root, name) == Err(MapError(*hash)));
            assert!(hit);
        }
        // Well hashed, but a name that does not belong there.
        let (stray, bytes) = build(&names(3, 9)).1.remove(0);
        let mut children = vec![BRANCH];
        (0..256).for_each(|_| children.extend_from_slice(stray.as_bytes()));
        let top = Digest::of(&children);
        let forged = Nodes::from([(top, children), (stray, bytes)]);
        assert_eq!(lookup(&forged, &top, "n9-0"), Err(MapError(stray)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn updates_lead_to_the_same_map(sizes in proptest::collection::vec(0_usize..400, 1..6)) {
            let (mut root, first) = empty();
            let mut nodes = Nodes::from([(root, first)]);
            let mut all = BTreeMap::new();
            for (salt, size) in sizes.into_iter().enumerate() {
                let mut changes = names(size, salt as u64);
                if let Some(name) = all.keys().next().cloned() {
                    changes.insert(name, Digest::of(&[salt as u8]));
                }
                all.extend(changes.clone());
                match update(&nodes, &root, &changes).unwrap() {
                    Update::Done { root: new, nodes: made } => {
                        root = new;
                        nodes.extend(made);
                    }
                    Update::Need(needed) => panic!("all nodes are there, but {needed:?} are asked for"),
                }
                prop_assert_eq!(root, build(&all).0);
            }
        }
    }
}
