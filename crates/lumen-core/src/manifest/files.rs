//! Which files make a package: `include`, `exclude` and `allow-secrets`.

use std::ops::Range;

use super::{
    reader::{Field, Reader, Text, shown, shown_bare},
    values::{is_absolute, relative_path},
};
use crate::problem::Severity;

/// Wildcards of patterns, which no file of a package has in its name.
const WILDCARDS: [char; 2] = ['*', '?'];

/// Which files make a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Patterns of the files to pack; empty: all.
    pub include: Vec<String>,
    /// Where each of them stands.
    pub include_spans: Vec<Range<usize>>,
    /// Patterns of files not to pack.
    pub exclude: Vec<String>,
    /// Exact paths of files that are packed although they look like secrets.
    pub allow_secrets: Vec<String>,
}

/// Patterns as in `.gitignore`, relative to the manifest; one that cannot mean a file of the
/// package is a problem of this severity.
pub(super) fn patterns(
    reader: &mut Reader,
    field: &Field<'_>,
    severity: Severity,
) -> Vec<(String, Range<usize>)> {
    let texts = reader.strings(field);
    for text in &texts {
        let pattern = text.text.strip_prefix('!').unwrap_or(text.text);
        // A slash in front means the package's folder.
        let rooted = pattern.strip_prefix('/').unwrap_or(pattern);
        let wrong = if let Some(at) = text.text.find('\\') {
            let hint = format!("write `{}`", shown_bare(&text.text.replace('\\', "/")));
            Some((
                at..at + 1,
                "a pattern is written with `/` on every system",
                hint,
            ))
        } else if is_absolute(rooted) {
            let hint = "patterns are relative to the manifest".to_owned();
            Some((
                0..text.text.len(),
                "a package has only files of its own folder",
                hint,
            ))
        } else {
            leads_up(text.text).map(|part| {
                let hint = "copy the file into the package's folder".to_owned();
                (part, "a package has only files of its own folder", hint)
            })
        };
        if let Some((part, what, hint)) = wrong {
            let mut problem = reader.error(reader.inside(text, part), what).hint(hint);
            problem.severity = severity;
            reader.push(problem);
        }
    }
    let text = |text: Text<'_>| (text.text.to_owned(), text.span);
    texts.into_iter().map(text).collect()
}

/// Paths of files in the package, without wildcards.
pub(super) fn exact_paths(reader: &mut Reader, field: &Field<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for text in reader.strings(field) {
        let Some(path) = relative_path(reader, &text) else {
            continue;
        };
        let path = path.strip_prefix("./").unwrap_or(&path);
        let exact = !path.is_empty()
            && !path.contains(WILDCARDS)
            && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if exact {
            out.push(path.to_owned());
            continue;
        }
        let what = format!("{} is not the exact path of a file", shown(text.text));
        let problem = reader.error(text.span, what);
        reader.push(problem.hint("each file that looks like a secret is named by itself"));
    }
    out
}

/// Where a `..` component stands.
fn leads_up(pattern: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for component in pattern.split('/') {
        if component.trim_start_matches('!') == ".." {
            return Some(start..start + component.len());
        }
        start += component.len() + 1;
    }
    None
}
