//! `lumen pkg diff`.

use std::process::ExitCode;

use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::diff::{
        self, Comparison, Contents, FileChange, KeyChange, Kind, Mark, Origin, Side, Text,
    },
};
use lumen_registry::Freshness;
use lumen_store::cas::StoredFile;

use crate::{
    args::ProjectArgs,
    commands::shared::{
        session::session,
        text::{bytes, count},
    },
    json::diff as json,
    report::USER,
    ui::{Look, Ui},
};

/// How much is shown of each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Its path.
    Names,
    /// How many lines differ.
    Counts,
    /// The lines that differ.
    Lines,
}

pub fn run(
    releases: &[String],
    shown: Shown,
    exit_code: bool,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<ExitCode, OpsError> {
    let session = session(project, Freshness::Revalidate, ui)?;
    let mut found = diff::diff(&session, releases)?;
    let files = std::mem::take(&mut found.files);
    match ui.json {
        true => answer(&mut found, &files, shown, ui)?,
        false => print(&mut found, &files, shown, ui)?,
    }
    let number = match files.len() {
        0 => "no file differs".to_owned(),
        1 => "1 file differs".to_owned(),
        many => format!("{} differ", count(many, "file")),
    };
    let Comparison { from, to, .. } = &found;
    let what = format!("{} with {}: {number}", place(from), place(to));
    ui.done("Compared", what);
    Ok(match exit_code && !files.is_empty() {
        true => ExitCode::from(USER),
        false => ExitCode::SUCCESS,
    })
}

/// `csv 1.0.0 (locked)`
fn place(side: &Side) -> String {
    let Side { name, version, .. } = side;
    match side.origin {
        Origin::Release => format!("{name} {version}"),
        Origin::Locked => format!("{name} {version} (locked)"),
        Origin::Folder => format!("{name} {version} (this folder)"),
    }
}

fn print(
    found: &mut Comparison,
    files: &[FileChange],
    shown: Shown,
    ui: &Ui,
) -> Result<(), OpsError> {
    if shown != Shown::Names {
        print_manifest(&found.manifest, ui);
    }
    for change in files {
        // A reader who had enough needs no more of it.
        if ui.is_closed() {
            return Ok(());
        }
        match shown {
            Shown::Names => ui.print(change.path()),
            Shown::Counts => {
                let contents = found.contents(change)?;
                print_counts(change, &contents, ui);
            }
            Shown::Lines => {
                let contents = found.contents(change)?;
                print_file(found, change, &contents, ui);
            }
        }
    }
    Ok(())
}

/// What the manifests say differently: the old value and the new one of each key.
fn print_manifest(changes: &[KeyChange], ui: &Ui) {
    for change in changes {
        ui.print_parts(&[(Look::Name, &change.key)]);
        if let Some(old) = &change.from {
            ui.print_parts(&[(Look::Gone, &format!("  - {old}"))]);
        }
        if let Some(new) = &change.to {
            ui.print_parts(&[(Look::New, &format!("  + {new}"))]);
        }
    }
}

/// `src/main.lm | +3 -1`
fn print_counts(change: &FileChange, contents: &Contents, ui: &Ui) {
    let path = told_path(change);
    let what = told(change, contents);
    match contents {
        Contents::Text(text) => {
            let (added, removed) = text.counts();
            let (added, removed) = (format!("+{added}"), format!("-{removed}"));
            ui.print_parts(&[
                (Look::Plain, &format!("{path} | ")),
                (Look::New, &added),
                (Look::Plain, " "),
                (Look::Gone, &removed),
                (Look::Plain, &behind(&what)),
            ]);
        }
        Contents::Same | Contents::Binary | Contents::TooMuch => {
            ui.print(&format!("{path} | {}", what.join(", ")));
        }
    }
}

fn behind(what: &[String]) -> String {
    match what {
        [] => String::new(),
        what => format!(" ({})", what.join(", ")),
    }
}

/// `old/path -> new/path`, where they differ.
fn told_path(change: &FileChange) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) if from.path != to.path => format!("{} -> {}", from.path, to.path),
        _ => change.path().to_owned(),
    }
}

/// What there is to say of a file beside its lines.
fn told(change: &FileChange, contents: &Contents) -> Vec<String> {
    let mut said = Vec::new();
    match change.kind() {
        Kind::Added => said.push("new".to_owned()),
        Kind::Removed => said.push("gone".into()),
        Kind::Renamed => said.push("renamed".into()),
        Kind::Changed | Kind::Mode => {}
    }
    if let Some((from, to)) = change.modes() {
        said.push(format!("mode {} -> {}", mode(from), mode(to)));
    }
    let size = |file: &Option<StoredFile>| {
        let none = || "nothing".to_owned();
        file.as_ref().map_or_else(none, |file| {
            format!("{} with {}", bytes(file.size), file.digest)
        })
    };
    let sizes = || format!("{} -> {}", size(&change.from), size(&change.to));
    match contents {
        Contents::Same | Contents::Text(_) => {}
        Contents::Binary => said.push(format!("no text: {}", sizes())),
        Contents::TooMuch => said.push(format!("too large to compare by lines: {}", sizes())),
    }
    said
}

const fn mode(executable: bool) -> &'static str {
    match executable {
        true => "755",
        false => "644",
    }
}

fn print_file(found: &Comparison, change: &FileChange, contents: &Contents, ui: &Ui) {
    let said = told(change, contents);
    let head = |side: &Side, file: &Option<StoredFile>| match file {
        Some(file) => format!("{}@{}/{}", side.name, side.version, file.path),
        None => "/dev/null".to_owned(),
    };
    let path = told_path(change);
    let parts = [(Look::Name, path.as_str()), (Look::Faint, &behind(&said))];
    ui.print_parts(&parts);
    if let Contents::Text(text) = contents {
        let (from, to) = (&change.from, &change.to);
        ui.print_parts(&[(Look::Gone, &format!("--- {}", head(&found.from, from)))]);
        ui.print_parts(&[(Look::New, &format!("+++ {}", head(&found.to, to)))]);
        print_hunks(text, ui);
    }
}

fn print_hunks(text: &Text, ui: &Ui) {
    for hunk in text.hunks() {
        ui.print_parts(&[(Look::Faint, &hunk.head())]);
        for line in &hunk.lines {
            let look = match line.mark {
                Mark::Both => Look::Plain,
                Mark::Old => Look::Gone,
                Mark::New => Look::New,
            };
            ui.print_source(look, line.mark.symbol(), line.text);
            if !line.ends {
                ui.print(UNENDED);
            }
        }
    }
}

/// What a unified diff has behind a last line without a line break.
const UNENDED: &str = "\\ No newline at end of file";

fn answer(
    found: &mut Comparison,
    files: &[FileChange],
    shown: Shown,
    ui: &Ui,
) -> Result<(), OpsError> {
    let mut rows = Vec::new();
    for change in files {
        let contents = match shown {
            Shown::Names => None,
            Shown::Counts | Shown::Lines => Some(found.contents(change)?),
        };
        rows.push(file_json(change, contents.as_ref(), shown == Shown::Lines));
    }
    let manifest = found.manifest.iter().map(|change| json::Key {
        key: change.key.clone(),
        from: change.from.clone(),
        to: change.to.clone(),
    });
    ui.answer(&json::Compared {
        from: side_json(&found.from),
        to: side_json(&found.to),
        manifest: manifest.collect(),
        files: rows,
    });
    Ok(())
}

fn side_json(side: &Side) -> json::Side {
    let origin = match side.origin {
        Origin::Release => "release",
        Origin::Locked => "locked",
        Origin::Folder => "folder",
    };
    json::Side {
        name: side.name.to_string(),
        version: side.version.to_string(),
        origin: origin.to_owned(),
        checksum: side.digest().to_string(),
    }
}

fn file_json(change: &FileChange, contents: Option<&Contents>, lines: bool) -> json::Changed {
    let kind = match change.kind() {
        Kind::Added => "added",
        Kind::Removed => "removed",
        Kind::Renamed => "renamed",
        Kind::Changed => "changed",
        Kind::Mode => "mode",
    };
    let file = |file: &Option<StoredFile>| {
        file.as_ref().map(|file| json::File {
            path: file.path.clone(),
            size: file.size,
            checksum: file.digest.to_string(),
            executable: file.executable,
        })
    };
    let compared = contents.map(|contents| match contents {
        Contents::Same => "same",
        Contents::Text(_) => "lines",
        Contents::Binary => "binary",
        Contents::TooMuch => "too-large",
    });
    let text = match contents {
        Some(Contents::Text(text)) => Some(text),
        _ => None,
    };
    let counts = text.map(Text::counts);
    json::Changed {
        path: change.path().to_owned(),
        kind: kind.to_owned(),
        from: file(&change.from),
        to: file(&change.to),
        compared: compared.map(str::to_owned),
        added: counts.map(|(added, _)| added),
        removed: counts.map(|(_, removed)| removed),
        patch: text.filter(|_| lines).map(patch),
    }
}

/// The hunks of a unified diff.
fn patch(text: &Text) -> String {
    let mut patch = String::new();
    for hunk in text.hunks() {
        patch.push_str(&hunk.head());
        patch.push('\n');
        for line in &hunk.lines {
            patch.push(line.mark.symbol());
            patch.push_str(line.text);
            patch.push('\n');
            if !line.ends {
                patch.push_str(UNENDED);
                patch.push('\n');
            }
        }
    }
    patch
}
