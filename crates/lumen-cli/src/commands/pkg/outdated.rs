//! `lumen pkg outdated`.

use std::process::ExitCode;

use lumen_core::{Version, trust::text::time_of};
use lumen_ops::{
    OpsError,
    report::Reporter as _,
    verbs::outdated::{self, HeldBack, Outdated},
};
use lumen_registry::Freshness;

use super::info::advice;
use crate::{
    args::{MemberArgs, ProjectArgs},
    commands::shared::{
        session::{about, members},
        text::count,
    },
    json::project::{self, Due},
    report::USER,
    ui::{Look, Ui, padded, width as width_of},
};

/// `1.2.0 is held back until …`
fn held_back(held: &HeldBack) -> String {
    let HeldBack { version, least, .. } = held;
    let until = match held.eligible {
        Some(eligible) => format!(" until {}", time_of(eligible)),
        None => ", as its age is unknown".into(),
    };
    format!("{version} is held back{until}: `minimum-release-age` is {least}")
}

fn as_json(row: &Outdated) -> Due {
    let text = |version: &Option<Version>| version.as_ref().map(ToString::to_string);
    Due {
        name: row.name.to_string(),
        current: row.current.to_string(),
        wanted: text(&row.wanted),
        latest: text(&row.latest),
        direct: row.direct,
        yanked: row.yanked.clone(),
        deprecated: row.deprecated.as_ref().map(Into::into),
        held_back: row.held_back.as_ref().map(|held| project::HeldBack {
            version: held.version.to_string(),
            minimum_age: held.least.0,
            eligible: held.eligible.map(time_of),
        }),
    }
}

pub fn run(
    exit_code: bool,
    arguments: &MemberArgs,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<ExitCode, OpsError> {
    let session = about(members(arguments), project, Freshness::Revalidate, ui)?;
    let rows = outdated::outdated(&session)?;
    let code = match exit_code && rows.iter().any(Outdated::is_due) {
        true => ExitCode::from(USER),
        false => ExitCode::SUCCESS,
    };
    if ui.json {
        ui.answer(&project::Outdated {
            packages: rows.iter().map(as_json).collect(),
        });
        return Ok(code);
    }
    if rows.is_empty() {
        ui.done("Up to date", "no dependency has a newer release".into());
        return Ok(code);
    }
    let text =
        |version: &Option<Version>| version.as_ref().map_or("-".to_owned(), ToString::to_string);
    let mut table = vec![[
        "package".to_owned(),
        "current".into(),
        "wanted".into(),
        "latest".into(),
        String::new(),
    ]];
    for row in &rows {
        let mut notes = Vec::new();
        if !row.direct {
            notes.push("indirect".to_owned());
        }
        if let Some(reason) = &row.yanked {
            notes.push(if reason.is_empty() {
                "yanked".into()
            } else {
                format!("yanked: {reason}")
            });
        }
        notes.extend(row.deprecated.as_ref().map(advice));
        notes.extend(row.held_back.as_ref().map(held_back));
        table.push([
            row.name.to_string(),
            row.current.to_string(),
            text(&row.wanted),
            text(&row.latest),
            notes.join(", "),
        ]);
    }
    let width = |column: usize| {
        table
            .iter()
            .map(|row| width_of(&row[column]))
            .max()
            .unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2), width(3)];
    for (at, row) in table.iter().enumerate() {
        let looks = match at {
            0 => [Look::Faint; 5],
            _ => [
                Look::Name,
                Look::Plain,
                Look::Good,
                Look::Good,
                Look::Notice,
            ],
        };
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| padded(cell, width + 2));
        let cells: Vec<String> = cells.chain([row[4].clone()]).collect();
        let parts = looks.into_iter().zip(cells.iter().map(String::as_str));
        ui.print_parts(&parts.collect::<Vec<_>>());
    }
    let direct = rows.iter().filter(|row| row.direct).count();
    ui.done(
        "Outdated",
        format!(
            "{}; `lumen pkg update` moves within the constraints",
            count(direct.max(rows.len()), "package")
        ),
    );
    Ok(code)
}
