//! The files of single entries: notes and signature files. They never change.

use lumen_core::{
    Key, json,
    trust::{Action, Entry, Event, Subject},
};

use super::{Expected, Row, Whole};
use crate::write::PublishError;

/// `trust/root/<n>.note`, `trust/names/<name>/<n>.note` and
/// `signatures/<name>/<version>.sig.json`.
pub(super) struct Notes;

impl Row for Notes {
    fn has(&self, key: &Key) -> bool {
        let path = key.as_str();
        let is_note = |folder: &str| path.starts_with(folder) && path.ends_with(".note");
        path.starts_with("signatures/") || is_note("trust/root/") || is_note("trust/names/")
    }

    fn expected(&self, whole: &Whole<'_>) -> Result<Expected, PublishError> {
        // A mirror of some packages has no notes of the others.
        let has = |subject: &Subject| match subject {
            Subject::Package(name) => whole.has_package(name),
            Subject::Root | Subject::Scope(_) => true,
        };
        let events = whole.log.events.iter();
        let files = events.filter(|(subject, _)| has(subject));
        let files = files.flat_map(|(_, events)| events);
        Ok(Expected::Known(files.filter_map(note_file).collect()))
    }
}

/// The file of an entry that has one of its own.
pub(crate) fn note_file(event: &Event) -> Option<(Key, Vec<u8>)> {
    let (entry, _) = Entry::parse(event.note.as_bytes()).ok()?;
    let key = match entry {
        Entry::Root(root) => Key::root_note(root.seq),
        Entry::Owners(owners) => Key::owners_note(&owners.name.to_string(), owners.seq),
        Entry::Statement(statement) => match statement.action {
            Action::Publish { version, .. } => {
                let bytes = json::to_line(&serde_json::json!(event));
                return Some((Key::signature(&statement.package, &version), bytes));
            }
            _ => return None,
        },
        Entry::Moderation(_) | Entry::Map(_) => return None,
    };
    Some((key, event.note.clone().into_bytes()))
}
