//! `lumen registry watch`.

use std::{ops::ControlFlow, time::Duration};

use lumen_core::trust::Entry;
use lumen_ops::{OpsError, verbs::watch};
use serde_json::json;

use crate::{args::Target, commands::shared::session::target, ui::Ui};

/// Shows the entries of a log from one on; `every`: goes on until standard output is closed,
/// with pauses of this many seconds.
pub fn run(
    registry: &Target,
    mut from: u64,
    names: &[String],
    every: Option<u64>,
    ui: &Ui,
) -> Result<(), OpsError> {
    loop {
        let session = target(registry, ui)?;
        let size = watch::watch(&session, from, names, |logged| {
            ui.print_json_line(&line(logged));
            match ui.is_closed() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        from = from.max(size);
        match every {
            Some(seconds) if !ui.is_closed() => {
                std::thread::sleep(Duration::from_secs(seconds));
            }
            _ => return Ok(()),
        }
    }
}

/// An entry of the log as a line of JSON.
fn line(logged: &watch::Logged) -> serde_json::Value {
    let subject = logged.entry.subject().map(|subject| subject.to_string());
    let mut line = json!({ "index": logged.index, "subject": subject });
    match &logged.entry {
        Entry::Root(note) => {
            line["kind"] = json!("root");
            line["seq"] = json!(note.seq);
        }
        Entry::Owners(note) => {
            line["kind"] = json!("owners");
            line["seq"] = json!(note.seq);
        }
        Entry::Statement(statement) => {
            line["kind"] = json!(statement.action.verb());
            line["version"] = json!(statement.action.version());
            line["time"] = json!(statement.time);
        }
        Entry::Moderation(said) => {
            line["kind"] = json!(said.measure.verb());
            line["seq"] = json!(said.seq);
            line["versions"] = json!(said.covers.to_string());
            line["until"] = json!(said.measure.until());
            line["time"] = json!(said.time);
        }
        Entry::Map(_) => line["kind"] = json!("map"),
    }
    line["text"] = json!(logged.text);
    line
}
