//! Entries of the log, and the chain of those about one name.

use serde::{Deserialize, Serialize};

use super::{
    moderation::{self, Moderation},
    owners::{self, OwnersNote},
    rejection,
    root::{self, RootNote},
    statement::{self, Statement},
    subject::Subject,
    text::FormError,
};
use crate::{
    base64,
    digest::{Digest, Hasher},
    limits::rows,
    merkle::leaf_hash,
    note::{Note, NoteError},
    tile::entries::MAX_LEAF,
};

/// The first line of a map leaf.
const MAP_KIND: &str = "lumen/map/v1";

/// An entry of the log and its place, as index files repeat it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its index in the log.
    pub i: u64,
    /// Its exact text.
    pub note: String,
}

/// The last leaf of each batch: the state of the name map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapLeaf {
    /// The size of the log, this leaf included.
    pub size: u64,
    /// The root of the map over all events before.
    pub root: Digest,
}

impl MapLeaf {
    /// Parses a map leaf.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let (kind, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let leaf = Self {
            size: size.parse().ok().filter(|size| *size < 1 << 63)?,
            root: Digest::from_bytes(base64::decode(root)?.try_into().ok()?),
        };
        (kind == MAP_KIND && leaf.to_text() == text).then_some(leaf)
    }

    /// Its exact text.
    pub fn to_text(&self) -> String {
        let root = base64::encode(self.root.as_bytes());
        format!("{MAP_KIND}\n{}\n{root}\n", self.size)
    }
}

/// An entry of the log, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A root note.
    Root(RootNote),
    /// An ownership note.
    Owners(OwnersNote),
    /// A statement.
    Statement(Statement),
    /// A statement by moderators.
    Moderation(Moderation),
    /// The state of the name map.
    Map(MapLeaf),
}

/// Why bytes are no entry of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Larger than a leaf can be.
    #[error("the entry is too large; {}", rows::MAX_LEAF)]
    TooLarge,
    /// Not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not one of Lumen's notes.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A kind of note, or a version of one, that came later than this program.
    #[error("a newer lumen made it: this one does not know `{kind}`; update lumen")]
    Newer {
        /// Its first line.
        kind: String,
    },
}

/// Whether a first line has the form of Lumen's kinds of notes, and is none that this program
/// knows.
fn is_newer(line: &str) -> bool {
    // A map leaf has no signatures, and a rejection is never an entry.
    let known = [owners::KIND, owners::KIND_V2, MAP_KIND, rejection::KIND];
    let is_kind = [root::is_kind, statement::is_kind, moderation::is_kind];
    if known.contains(&line) || is_kind.iter().any(|is_kind| is_kind(line)) {
        return false;
    }
    let parts = line
        .strip_prefix("lumen/")
        .and_then(|rest| rest.split_once("/v"));
    parts.is_some_and(|(kind, version)| {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        (1..=32).contains(&kind.len())
            && kind.bytes().all(letter)
            && (1..=9).contains(&version.len())
            && version.bytes().all(|byte| byte.is_ascii_digit())
    })
}

impl Entry {
    /// Parses an entry; nothing is verified. A map leaf has no signatures and so no note.
    ///
    /// # Errors
    /// When the bytes are not an entry.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Option<Note>), EntryError> {
        if bytes.len() > MAX_LEAF {
            return Err(EntryError::TooLarge);
        }
        let leaf = std::str::from_utf8(bytes).ok().and_then(MapLeaf::parse);
        if let Some(leaf) = leaf {
            return Ok((Self::Map(leaf), None));
        }
        let note = Note::parse(bytes)?;
        let entry = match note.text.lines().next() {
            Some(kind) if root::is_kind(kind) => Self::Root(RootNote::parse(&note.text)?),
            Some(kind) if moderation::is_kind(kind) => {
                Self::Moderation(Moderation::parse(&note.text)?)
            }
            Some(owners::KIND | owners::KIND_V2) => Self::Owners(OwnersNote::parse(&note.text)?),
            Some(kind) if is_newer(kind) => {
                let kind = kind.to_owned();
                return Err(EntryError::Newer { kind });
            }
            _ => Self::Statement(Statement::parse(&note.text)?),
        };
        Ok((entry, Some(note)))
    }

    /// What it is about; a map leaf is about nothing.
    pub fn subject(&self) -> Option<Subject> {
        match self {
            Self::Root(_) => Some(Subject::Root),
            Self::Owners(note) => Some(note.name.clone()),
            Self::Statement(statement) => Some(Subject::Package(statement.package.clone())),
            Self::Moderation(said) => Some(Subject::Package(said.package.clone())),
            Self::Map(_) => None,
        }
    }

    /// When it was made, by its maker's clock, RFC 3339; a map leaf does not say.
    pub fn time(&self) -> Option<&str> {
        match self {
            Self::Root(note) => Some(&note.time),
            Self::Owners(note) => Some(&note.time),
            Self::Statement(statement) => Some(&statement.time),
            Self::Moderation(said) => Some(&said.time),
            Self::Map(_) => None,
        }
    }

    /// The registry it is for; a map leaf does not say.
    pub fn origin(&self) -> Option<&str> {
        match self {
            Self::Root(note) => Some(&note.origin),
            Self::Owners(note) => Some(&note.origin),
            Self::Statement(statement) => Some(&statement.origin),
            Self::Moderation(said) => Some(&said.origin),
            Self::Map(_) => None,
        }
    }
}

/// The head of the chain of a name without events.
pub const NO_EVENTS: Digest = Digest::from_bytes([0; 32]);

/// The head of a chain with one more event.
pub fn extend(chain: &Digest, index: u64, leaf: &Digest) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(&[2]);
    hasher.update(chain.as_bytes());
    hasher.update(&index.to_be_bytes());
    hasher.update(leaf.as_bytes());
    hasher.finish()
}

/// The events with an index below a size of the log: an index file may be ahead of the checkpoint.
pub fn up_to(events: &[Event], size: u64) -> &[Event] {
    let end = events.iter().position(|event| event.i >= size);
    &events[..end.unwrap_or(events.len())]
}

/// The head of the chain of these events.
pub fn chain(events: &[Event]) -> Digest {
    events.iter().fold(NO_EVENTS, |chain, event| {
        extend(&chain, event.i, &leaf_hash(event.note.as_bytes()))
    })
}
