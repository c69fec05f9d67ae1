//! Reading the log, its map and the lists of events: checked against the log.
//!
//! | module | what |
//! |---|---|
//! | `files` | tiles, entries, and nodes of the map |
//! | `head` | the commit, its staging file, and the public checkpoint |
//! | `base` | the log and its map at a size, to go on from |
//! | `proofs` | that a log continues another, and has an entry |
//! | `events` | the events of a subject |
//! | `witnessed` | checkpoints that witnesses signed, and their list |

mod base;
mod events;
mod files;
mod head;
mod proofs;
mod witnessed;

pub(crate) use base::{Base, update_map};
pub(crate) use events::{listed, verified};
pub use files::load_entry;
pub(crate) use files::{
    LogFiles, load_chain, load_entries, load_range, load_state_leaf, load_tiles, read_node,
};
pub(crate) use head::{
    Head, Staging, no_head, public_checkpoint, read_checkpoint, sign_of_signing,
};
pub(crate) use proofs::{Growth, growth, has_entry, load_map_root};
pub(crate) use witnessed::{list_witnessed, parse_witnessed, witnessed};
