//! The result of a change of a root or of owners.

use std::collections::BTreeSet;

use lumen_core::{
    signing::PublicKey,
    trust::{Measure, Moderation},
};
use lumen_ops::{
    report::Reporter as _,
    signed::{Asked, Change, Submitted, proposal::words},
};

use crate::{
    commands::shared::waiting::tell_lacking,
    json::{shared::path, trust},
    ui::{Ui, word},
};

/// Reports the result of a change, and the next step. `command` is the family of
/// commands with `sign` and `apply`.
pub fn tell(submitted: &Submitted, command: &str, ui: &Ui) {
    let subject = submitted.change.subject();
    ui.answer(&as_json(submitted, &subject));
    if submitted.applied {
        let place = submitted.index.map_or("there already".to_owned(), |index| {
            format!("log entry {index}")
        });
        let (verb, what) = match &submitted.change {
            Change::Owners(note) => (
                "Changed",
                format!("the owners of `{}` (ownership note {}", note.name, note.seq),
            ),
            Change::Root(note) => ("Changed", format!("the root (root note {}", note.seq)),
            Change::Moderation(said) => moderated(said),
        };
        ui.done(verb, format!("{what}, {place})"));
        tell_lacking(submitted.lacking, ui);
    }
    if let Some(asked) = &submitted.queued {
        let already = match asked {
            Asked::Already => " already",
            Asked::New(_) | Asked::Rejected(_) => "",
        };
        ui.done("Waiting", format!("{subject} in the registry{already}"));
        let mut hints = missing_hints(submitted);
        let name = match &submitted.change {
            Change::Owners(note) => note.name.to_string(),
            Change::Moderation(said) => said.package.to_string(),
            Change::Root(_) => String::new(),
        };
        hints.push(match submitted.missing.is_empty() {
            true => format!("anybody with a log key ends it: `lumen registry approve {name}`"),
            false => format!("they run `lumen registry approve {name}`"),
        });
        ui.hints(&hints);
    }
    let Some(file) = &submitted.file else {
        return;
    };
    let file = file.display();
    let by = if submitted.signed {
        "signed with your key"
    } else {
        "not signed by you"
    };
    ui.done("Proposed", format!("{subject} in {file}, {by}"));
    let file = file.to_string();
    let file = word(&file);
    let mut hints = missing_hints(submitted);
    let command = match command {
        "registry approve" => "registry trust",
        other => other,
    };
    hints.push(match submitted.missing.is_empty() {
        true => format!("`lumen {command} apply {file}` puts it into effect"),
        false => {
            format!("they run `lumen {command} sign {file}`; then `lumen {command} apply {file}`")
        }
    });
    ui.hints(&hints);
}

/// What moderators have done.
fn moderated(said: &Moderation) -> (&'static str, String) {
    let (verb, until) = match &said.measure {
        Measure::Block(_) => ("Blocked", String::new()),
        Measure::Quarantine { until, .. } => ("Quarantined", format!(" until {until}")),
        Measure::Unblock => ("Unblocked", String::new()),
    };
    let (package, seq) = (&said.package, said.seq);
    let versions = words(&said.covers);
    (
        verb,
        format!("`{package}`, {versions}{until} (statement {seq}"),
    )
}

fn as_json(submitted: &Submitted, subject: &str) -> trust::Submitted {
    let missing = submitted.missing.iter().map(|missing| trust::Missing {
        whose: missing.whose.to_owned(),
        more: missing.more,
        keys: missing.keys.iter().map(ToString::to_string).collect(),
    });
    trust::Submitted {
        subject: subject.replace('`', ""),
        applied: submitted.applied,
        index: submitted.index,
        file: submitted.file.as_ref().map(path),
        signed: submitted.signed,
        queued: submitted.queued.is_some(),
        waiting: submitted.lacking.map(Into::into),
        missing: missing.collect(),
    }
}

/// The keys that must sign.
fn missing_hints(submitted: &Submitted) -> Vec<String> {
    let mut hints = Vec::new();
    // Keys of the note before and of the note itself are mostly the same.
    let mut said = BTreeSet::new();
    for missing in &submitted.missing {
        let names: Vec<&str> = missing.keys.iter().map(PublicKey::name).collect();
        let names = names.join(", ");
        if said.insert((missing.more, names.clone())) {
            hints.push(format!("{} more of these must sign: {names}", missing.more));
        }
    }
    hints
}
