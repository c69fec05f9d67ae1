//! A packed package, on the screen and as JSON.

use lumen_core::problem::{Problem, line_column};
use lumen_ops::{pack, report::Reporter as _};
use lumen_store::pack::{Note, NoteReason, Packed};

use crate::{
    commands::shared::text::{bytes, count, listed},
    json::release::{Contents, File},
    ui::Ui,
};

pub fn warn(ui: &Ui, checked: &pack::Checked, packed: &Packed) {
    for warning in &checked.warnings {
        ui.warn(warning.clone());
    }
    for note in &packed.notes {
        tell(ui, checked, packed, note);
    }
}

/// Tells about one file or folder: a warning where the author may have meant something else.
fn tell(ui: &Ui, checked: &pack::Checked, packed: &Packed, note: &Note) {
    let left_out = format!("`{}` is left out: {}", note.path, note.reason);
    let (what, hint) = match note.reason {
        // Files that the author asked for and did not get.
        NoteReason::NotThere | NoteReason::NoMatch => {
            let known = pack::nearest_file(checked, packed, &note.path);
            let hint = known.map(|known| format!("did you mean `{known}`?"));
            let usual = || "`--dry-run` lists what is packed".to_owned();
            (left_out, hint.unwrap_or_else(usual))
        }
        NoteReason::Never => (left_out, "`--dry-run` lists what is packed".into()),
        NoteReason::Output => {
            let what = format!("`{}` is left out: it is {}", note.path, note.reason);
            let hint = format!(
                "add `{0}/**` to `include`, or `{0}` to `exclude`",
                note.path
            );
            (what, hint)
        }
        NoteReason::Submodule => {
            let hint = "`git submodule update --init` fetches its files";
            (left_out, hint.into())
        }
        NoteReason::Pointer => {
            let what = format!("`{}` is {}", note.path, note.reason);
            (what, "`git lfs pull` fetches the file".into())
        }
        NoteReason::Special => {
            let hint = format!("add `{}` to `exclude` if that is meant", note.path);
            (left_out, hint)
        }
        NoteReason::Named => {
            let place = pack::pattern_of(checked, note);
            let line = place.map(|place| {
                let line = line_column(&place.source, place.span.start).0;
                format!(" ({}:{line})", place.file)
            });
            let line = line.unwrap_or_default();
            let what = format!("`{}` is {}{line}", note.path, note.reason);
            return ui.done("Taken in", what);
        }
        _ => {
            let what = format!("`{}`: {}", note.path, note.reason);
            return ui.detail("Left out", what);
        }
    };
    let problem = Problem::warning(what).hint(hint);
    ui.warn(match pack::pattern_of(checked, note) {
        Some(place) => problem.at(place),
        None => problem,
    });
}

/// Names what pages, search and bots would show of a package and find nothing of.
pub fn tell_missing(ui: &Ui, checked: &pack::Checked) {
    let package = &checked.package;
    // Their absence is worth a warning.
    let warned = |key: &&str| matches!(*key, "description" | "license");
    let missing: Vec<&str> = (pack::missing(package).into_iter())
        .filter(|key| !warned(key))
        .collect();
    if !missing.is_empty() {
        let name = &package.name;
        ui.done("Missing", format!("`{name}` has no {}", listed(&missing)));
    }
}

/// Files and sizes, as data on standard output.
pub fn contents(ui: &Ui, packed: &Packed) {
    let width = packed
        .files
        .iter()
        .map(|file| bytes(file.size).len())
        .max()
        .unwrap_or_default();
    for file in &packed.files {
        let mark = if file.executable { " *" } else { "" };
        ui.print(&format!(
            "{:>width$}  {}{mark}",
            bytes(file.size),
            file.path
        ));
    }
    ui.print(&packed.digest.to_string());
}

/// Files and sizes, before a question about them.
pub fn list_files(ui: &Ui, packed: &Packed) {
    // More of them would push the question's own lines off the screen.
    const MOST: usize = 40;
    let sizes = packed.files.iter().map(|file| bytes(file.size).len());
    let width = sizes.max().unwrap_or_default();
    for file in packed.files.iter().take(MOST) {
        let mark = if file.executable { " *" } else { "" };
        let size = bytes(file.size);
        ui.done("", format!("{size:>width$}  {}{mark}", file.path));
    }
    if packed.files.len() > MOST {
        let more = count(packed.files.len() - MOST, "more file");
        ui.done("", format!("and {more}; `--dry-run` lists all"));
    }
}

pub fn size(packed: &Packed) -> String {
    let files = count(packed.files.len(), "file");
    format!(
        "{files}, {} ({} compressed)",
        bytes(packed.tar.len() as u64),
        bytes(packed.zst.len() as u64)
    )
}

pub fn contents_of(checked: &pack::Checked, packed: &Packed) -> Contents {
    let files = packed.files.iter().map(|file| File {
        path: file.path.clone(),
        size: file.size,
        executable: file.executable,
    });
    Contents {
        name: checked.package.name.to_string(),
        version: checked.package.version.to_string(),
        files: files.collect(),
        digest: packed.digest.to_string(),
        size: packed.tar.len(),
        compressed_size: packed.zst.len(),
    }
}
