//! `lumen pkg tree`.

use lumen_ops::{
    OpsError,
    graph::{self, Row},
};
use lumen_registry::Freshness;

use crate::{
    args::{MemberArgs, ProjectArgs},
    commands::shared::{
        lock::{known, lock, roots},
        session::{about, members},
    },
    json::project,
    ui::Ui,
};

pub fn run(
    depth: Option<usize>,
    invert: Option<&str>,
    arguments: &MemberArgs,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), OpsError> {
    let session = about(members(arguments), project, Freshness::Normal, ui)?;
    let project = session.project()?;
    let lock = lock(&project)?;
    let depth = depth.unwrap_or(usize::MAX);
    let rows = match invert {
        Some(name) => graph::inverted(lock, &known(lock, name)?, depth),
        None => {
            let chosen = &session.context.options.members;
            let roots = match chosen.is_all() {
                true => roots(&project),
                false => {
                    let chosen = chosen.of(&project)?.into_iter();
                    chosen.filter_map(|member| member.name().cloned()).collect()
                }
            };
            graph::trees(lock, &roots, depth)
        }
    };
    if ui.json {
        let rows = rows.iter().map(|row| project::Row {
            level: row.level,
            name: row.name.to_string(),
            version: row.version.to_string(),
            source: row.source.clone(),
            repeated: row.repeated,
        });
        ui.answer(&project::Tree {
            rows: rows.collect(),
        });
        return Ok(());
    }
    draw(&rows).iter().for_each(|line| ui.print(line));
    Ok(())
}

/// Rows as the lines of a tree.
fn draw(rows: &[Row]) -> Vec<String> {
    let mut drawn = Vec::new();
    // For each level: whether another row of that level follows in the same parent.
    let mut continues: Vec<bool> = Vec::new();
    let follows = followers(rows);
    for (row, follows) in rows.iter().zip(follows) {
        continues.truncate(row.level);
        let mut out = String::new();
        for (level, more) in continues.iter().enumerate().skip(1) {
            debug_assert!(level < row.level);
            out.push_str(if *more { "│   " } else { "    " });
        }
        if row.level > 0 {
            out.push_str(if follows { "├── " } else { "└── " });
        }
        continues.push(follows);
        let source = row
            .source
            .as_ref()
            .map(|label| format!(" ({label})"))
            .unwrap_or_default();
        let repeated = if row.repeated { " (*)" } else { "" };
        out.push_str(&format!("{} {}{source}{repeated}", row.name, row.version));
        drawn.push(out);
    }
    if rows.iter().any(|row| row.repeated) {
        drawn.extend([String::new(), "(*) shown above".into()]);
    }
    drawn
}

/// For each row, whether a sibling follows it.
fn followers(rows: &[Row]) -> Vec<bool> {
    let mut open: Vec<bool> = Vec::new();
    let mut follows: Vec<bool> = Vec::with_capacity(rows.len());
    for row in rows.iter().rev() {
        open.resize(row.level + 1, false);
        follows.push(std::mem::replace(&mut open[row.level], true));
    }
    follows.reverse();
    follows
}

#[cfg(test)]
mod tests {
    use lumen_core::PackageName;

    use super::*;

    use lumen_core::Version;

    #[test]
    fn trees_are_drawn() {
        let row = |level, name: &str, repeated| Row {
            level,
            name: PackageName::parse(name).unwrap(),
            version: Version::new(1, 0, 0),
            source: None,
            repeated,
        };
        let rows = [
            row(0, "app", false),
            row(1, "a", false),
            row(2, "c", false),
            row(3, "d", false),
            row(1, "b", false),
            row(2, "c", true),
            row(0, "other", false),
        ];
        let expected = "\
app 1.0.0
├── a 1.0.0
│   └── c 1.0.0
│       └── d 1.0.0
└── b 1.0.0
    └── c 1.0.0 (*)
other 1.0.0

(*) shown above
";
        assert_eq!(draw(&rows), expected.lines().collect::<Vec<_>>());
    }
}
