//! What several commands open, count and show.

pub mod changes;
pub mod copied;
pub mod lock;
pub mod packed;
pub mod session;
pub mod submitted;
pub mod text;
pub mod waiting;
pub mod when;
