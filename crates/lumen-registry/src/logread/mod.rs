//! Reading the log, its map and the lists of events: checked against the log.
//!
//! | module | what |
//! |---|---|
//! | `files` | tiles, entries, and nodes of the map |
//! | `head` | the commit, its staging file, and the public checkpoint |
//! | `base` | the log and its map at a size, to go on from |
//! | `events` | the events of a subject |

mod base;
mod events;
mod files;
mod head;

pub(crate) use base::{Base, update_map};
pub(crate) use events::{listed, verified};
pub use files::load_entry;
pub(crate) use files::{
    LogFiles, load_chain, load_entries, load_map_root, load_range, load_state_leaf, load_tiles,
    read_node,
};
pub(crate) use head::{Head, Staging, public_checkpoint, read_checkpoint};
