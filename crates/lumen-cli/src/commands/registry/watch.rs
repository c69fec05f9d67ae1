//! `lumen registry watch`.

use std::{ops::ControlFlow, time::Duration};

use lumen_core::trust::Entry;
use lumen_ops::verbs::watch;

use crate::{
    args::{Target, Usage},
    commands::shared::session::target,
    json::registry::{LogEntry, Watched},
    report::CliError,
    ui::Ui,
};

/// Shows the entries of a log from one on; `every`: goes on until standard output is closed,
/// with pauses of this many seconds.
pub fn run(
    registry: &Target,
    mut from: u64,
    names: &[String],
    every: Option<u64>,
    ui: &Ui,
) -> Result<(), CliError> {
    if ui.json && every.is_some() {
        return Err(Usage {
            what: "`--follow` goes on for ever, and `--json` prints one object at the end".into(),
            hints: vec!["leave out --json: every line is a JSON object".into()],
        }
        .into());
    }
    if ui.json {
        let mut entries = Vec::new();
        let size = watch::watch(&target(registry, ui)?, from, names, |logged| {
            entries.push(line(logged));
            ControlFlow::Continue(())
        })?;
        ui.answer(&Watched { size, entries });
        return Ok(());
    }
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

/// An entry of the log as JSON.
fn line(logged: &watch::Logged) -> LogEntry {
    let mut line = LogEntry {
        index: logged.index,
        subject: logged.entry.subject().map(|subject| subject.to_string()),
        kind: "map".into(),
        seq: None,
        version: None,
        versions: None,
        until: None,
        time: None,
        text: logged.text.clone(),
    };
    match &logged.entry {
        Entry::Root(note) => {
            line.kind = "root".into();
            line.seq = Some(note.seq);
        }
        Entry::Owners(note) => {
            line.kind = "owners".into();
            line.seq = Some(note.seq);
        }
        Entry::Statement(statement) => {
            line.kind = statement.action.verb().into();
            line.version = statement.action.version().map(ToString::to_string);
            line.time = Some(statement.time.clone());
        }
        Entry::Moderation(said) => {
            line.kind = said.measure.verb().into();
            line.seq = Some(said.seq);
            line.versions = Some(said.covers.to_string());
            line.until = said.measure.until().map(ToString::to_string);
            line.time = Some(said.time.clone());
        }
        Entry::Map(_) => {}
    }
    line
}
