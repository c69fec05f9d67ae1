//! Everything that follows from the log or from releases.
//!
//! | module | what |
//! |---|---|
//! | `batch` | entries and all immutable files that follow from them |
//! | `replay` | the whole log, and the files that follow from it |
//! | `notes` | the files of single entries |
//! | `indexes` | the index files, which only ever gain events |
//! | `checkpoint` | what readers see |
//! | `global` | the global index, which never shows more than what is public |
//! | `names` | which packages a part of the log is about |

pub(crate) mod batch;
pub(crate) mod checkpoint;
pub(crate) mod global;
pub(crate) mod indexes;
pub(crate) mod names;
pub(crate) mod notes;
pub(crate) mod replay;
