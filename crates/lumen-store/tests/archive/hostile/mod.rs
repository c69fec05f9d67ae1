//! Archives made to be taken for something else by some reader.

mod ends;
mod extensions;
mod headers;
mod names;

use lumen_store::archive::Rule;

use super::{builder::Tar, refused};

pub fn new() -> Tar {
    Tar::new()
}

/// A harmless file, so that what follows is not the first header.
pub fn start() -> Tar {
    new().file("first", "contents")
}

#[track_caller]
pub fn check(label: &str, tar: Tar, entry: &str, rule: Rule) {
    let entry = Some(entry).filter(|entry| !entry.is_empty());
    refused(label, &tar.end(), entry, rule);
}
