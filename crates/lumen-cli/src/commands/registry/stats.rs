//! `lumen registry stats`.

use lumen_ops::{OpsError, session::Session, verbs::stats};
use lumen_registry::stats::{Files, Size, Stats};

use crate::{
    commands::shared::text::{bytes, many},
    json::{host, shared::Amount},
    ui::Ui,
};

/// Shows what a registry has.
pub fn run(session: &Session<'_>, ui: &Ui) -> Result<(), OpsError> {
    let (location, stats) = stats::run(session)?;
    let url = location.url();
    if ui.json {
        ui.answer(&as_json(&url, &stats));
        return Ok(());
    }
    about(&url, &stats, ui);
    contents(&stats, ui);
    match &stats.files {
        Some(files) => files_by_kind(files, ui),
        None => {
            let artifacts = &stats.artifacts;
            let (files, size) = (many(artifacts.files, "file"), bytes(artifacts.bytes));
            line(ui, "artifacts", &format!("{files}, {size}, by the indexes"));
            line(ui, "files", "unknown: this host does not list them");
        }
    }
    if !stats.largest.is_empty() {
        ui.print("");
        ui.print("largest packages, by artifacts:");
        for (name, size) in &stats.largest {
            let (files, size) = (many(size.files, "file"), bytes(size.bytes));
            ui.print(&format!("{size:>LABEL$}  {files:>10}  {name}"));
        }
    }
    if !stats.newest.is_empty() {
        ui.print("");
        ui.print("newest releases:");
        for release in &stats.newest {
            let (time, name, version) = (&release.time, &release.name, &release.version);
            ui.print(&format!("{time:>22}  {name} {version}"));
        }
    }
    Ok(())
}

/// Columns of the words before the numbers.
const LABEL: usize = 12;

fn line(ui: &Ui, label: &str, value: &str) {
    ui.print(&format!("{label:>LABEL$}: {value}"));
}

fn about(url: &str, stats: &Stats, ui: &Ui) {
    let unknown = || "not said".to_owned();
    line(ui, "registry", &stats.name.clone().unwrap_or_else(unknown));
    line(ui, "URL", url);
    match &stats.trust {
        Some(trust) => {
            line(ui, "signed", &format!("yes, as {}", trust.origin));
            ui.print(&format!("{:>LABEL$}:", "fingerprint"));
            ui.print(&format!("  {}", trust.fingerprint));
            line(ui, "log", &many(trust.size, "entry"));
            if let Some(waiting) = &stats.waiting {
                line(ui, "waiting", &waiting.to_string());
            }
        }
        None => line(ui, "signed", "no"),
    }
    if let Some(time) = &stats.last_change {
        line(ui, "last change", time);
    }
    let format = stats.format.map(|format| format.to_string());
    line(
        ui,
        "format",
        &format.unwrap_or_else(|| "1, not said".into()),
    );
    if let Some(patterns) = &stats.selection {
        line(ui, "mirror of", &patterns.join(", "));
    }
}

fn contents(stats: &Stats, ui: &Ui) {
    let left_out = match stats.left_out {
        0 => String::new(),
        number => format!("; {number} more are left out"),
    };
    let (packages, scopes) = (stats.packages, many(stats.scopes, "scope"));
    let deprecated = stats.deprecated;
    let what = format!("{packages}, {deprecated} of them deprecated, in {scopes}{left_out}");
    line(ui, "packages", &what);
    let (releases, yanked, pre) = (stats.releases, stats.yanked, stats.prereleases);
    let pre = many(pre, "pre-release");
    line(
        ui,
        "releases",
        &format!("{releases}, {yanked} of them yanked, {pre}"),
    );
    if stats.trust.is_some() {
        let (owners, publishers) = (stats.owners, stats.publishers);
        let what = format!("{owners} own a name or may publish, {publishers} published");
        line(ui, "keys", &what);
    }
}

fn files_by_kind(files: &Files, ui: &Ui) {
    let row = |label: &str, size: Size| {
        let (number, size) = (size.files, bytes(size.bytes));
        ui.print(&format!("{label:>LABEL$}  {number:>10}  {size:>12}"));
    };
    ui.print("");
    ui.print("files:");
    for (kind, size) in &files.kinds {
        row(kind.as_str(), *size);
    }
    if files.temporary.files > 0 {
        row("temporary", files.temporary);
    }
    row("total", files.total());
    if files.unsized_files > 0 {
        let files = many(files.unsized_files, "file");
        ui.hints(&[format!(
            "the sizes of {files} are not known on this machine and not counted"
        )]);
    }
}

fn as_json(url: &str, stats: &Stats) -> host::Stats {
    let sized = |size: &Size| Amount {
        files: size.files,
        bytes: size.bytes,
    };
    let files = stats.files.as_ref().map(|files| {
        let kinds = files.kinds.iter();
        host::Files {
            kinds: kinds
                .map(|(kind, size)| (kind.as_str().to_owned(), sized(size)))
                .collect(),
            temporary: sized(&files.temporary),
            total: sized(&files.total()),
            unknown_sizes: files.unsized_files,
        }
    });
    let largest = stats.largest.iter().map(|(name, size)| host::Largest {
        name: name.to_string(),
        artifacts: sized(size),
    });
    let newest = stats.newest.iter().map(|release| host::Newest {
        name: release.name.to_string(),
        version: release.version.to_string(),
        time: release.time.clone(),
    });
    let trust = stats.trust.as_ref();
    let keys = |number: u64| trust.map(|_| number);
    host::Stats {
        name: stats.name.clone(),
        url: url.to_owned(),
        registry_format: stats.format,
        signed: trust.is_some(),
        origin: trust.map(|trust| trust.origin.clone()),
        fingerprint: trust.map(|trust| trust.fingerprint.to_string()),
        entries: trust.map(|trust| trust.size),
        waiting: stats.waiting.as_ref().map(Into::into),
        last_change: stats.last_change.clone(),
        selection: stats.selection.clone(),
        left_out: stats.left_out,
        packages: stats.packages,
        scopes: stats.scopes,
        deprecated: stats.deprecated,
        releases: stats.releases,
        prereleases: stats.prereleases,
        yanked: stats.yanked,
        owner_keys: keys(stats.owners),
        publisher_keys: keys(stats.publishers),
        artifacts: sized(&stats.artifacts),
        files,
        largest: largest.collect(),
        newest: newest.collect(),
    }
}
