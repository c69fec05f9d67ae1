//! From manifests to what has to be resolved, and from a resolution to a lock. Callers read the
//! files and the registries.

mod lock;
mod roots;

pub use lock::{Source, compressed, lock, of_source};
pub use roots::{Local, requirements, root};
