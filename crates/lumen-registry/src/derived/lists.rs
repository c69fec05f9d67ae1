//! The files that list the events of the root and of scopes.

use futures::future::BoxFuture;
use lumen_core::{
    Key,
    index::{EventList, MAX_PACKAGE_INDEX_BYTES, events_of},
    trust::{Event, Subject},
};

use super::{Applied, Expected, Row, Whole};
use crate::{
    progress::advance,
    write::{PublishError, Snapshot, swap::Swap},
};

/// `trust/root/index.json`.
pub(super) struct RootList;

/// `trust/names/<@scope>/index.json`.
pub(super) struct ScopeLists;

impl Row for RootList {
    fn has(&self, key: &Key) -> bool {
        *key == Key::root_index()
    }

    fn apply<'a>(&self, work: &'a Applied<'a>) -> Option<BoxFuture<'a, Result<(), PublishError>>> {
        work.batch
            .events
            .contains_key(&Subject::Root)
            .then(|| put_lists(work, |subject| *subject == Subject::Root))
    }

    fn expected(&self, whole: &Whole<'_>) -> Result<Expected, PublishError> {
        Ok(expected(whole, |subject| *subject == Subject::Root))
    }

    fn is_ahead(&self, current: &[u8], expected: &[u8]) -> bool {
        has_more_events(current, expected)
    }
}

impl Row for ScopeLists {
    fn has(&self, key: &Key) -> bool {
        let path = key.as_str();
        path.starts_with("trust/names/") && path.ends_with("/index.json")
    }

    fn apply<'a>(&self, work: &'a Applied<'a>) -> Option<BoxFuture<'a, Result<(), PublishError>>> {
        let mut subjects = work.batch.events.keys();
        subjects.any(is_scope).then(|| put_lists(work, is_scope))
    }

    fn expected(&self, whole: &Whole<'_>) -> Result<Expected, PublishError> {
        Ok(expected(whole, is_scope))
    }

    fn is_ahead(&self, current: &[u8], expected: &[u8]) -> bool {
        has_more_events(current, expected)
    }
}

const fn is_scope(subject: &Subject) -> bool {
    matches!(subject, Subject::Scope(_))
}

fn expected(whole: &Whole<'_>, is_its: impl Fn(&Subject) -> bool) -> Expected {
    let lists = whole.log.events.iter();
    let lists = lists.filter(|(subject, _)| is_its(subject));
    let list = |(subject, events): (&Subject, &Vec<Event>)| {
        let name = subject.to_string();
        let events = events.clone();
        (
            Key::events_of(subject),
            EventList { name, events }.to_bytes(),
        )
    };
    Expected::Known(lists.map(list).collect())
}

fn put_lists<'a>(
    work: &'a Applied<'a>,
    is_its: fn(&Subject) -> bool,
) -> BoxFuture<'a, Result<(), PublishError>> {
    Box::pin(async move {
        for (subject, events) in &work.batch.events {
            if is_its(subject) {
                put_list(work.snapshot, subject, events).await?;
                advance(work.watch, subject);
            }
        }
        Ok(())
    })
}

/// Adds events to a list. One that has them is left as it is: its writer knew more.
async fn put_list(
    snapshot: &Snapshot<'_>,
    subject: &Subject,
    events: &[Event],
) -> Result<(), PublishError> {
    let key = Key::events_of(subject);
    let mut swap = Swap::on(snapshot, &key, MAX_PACKAGE_INDEX_BYTES);
    loop {
        let current = swap.read().await?;
        let existing = match current.as_deref().map(events_of) {
            Some(Ok(existing)) => existing,
            // A damaged list is made again from the known events.
            Some(Err(_)) | None => Vec::new(),
        };
        if events.iter().all(|event| existing.contains(event)) {
            return Ok(());
        }
        let list = EventList {
            name: subject.to_string(),
            events: merged(existing, events),
        };
        if swap.write(&list.to_bytes()).await? {
            return Ok(());
        }
    }
}

/// The events of both, sorted; where they differ, those of the log.
pub(super) fn merged(listed: Vec<Event>, log: &[Event]) -> Vec<Event> {
    let mut events = listed;
    events.retain(|event| log.iter().all(|own| own.i != event.i));
    events.extend(log.iter().cloned());
    events.sort_by_key(|event| event.i);
    events
}

/// Whether an index file has all events of another, and more: its writer is further.
pub(crate) fn has_more_events(current: &[u8], than: &[u8]) -> bool {
    match (events_of(current), events_of(than)) {
        (Ok(current), Ok(than)) => current.len() > than.len() && current.starts_with(&than),
        _ => false,
    }
}
