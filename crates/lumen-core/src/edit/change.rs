//! Putting in, replacing and taking out, by path and in every form TOML has.

use std::ops::Range;

use toml_edit::{Item, Key, Value};

use super::{
    EditError,
    layout::{Element, Elements, Layout, Statement, is_comment, starts_with},
};
use crate::manifest::{FILE_NAME, reader::Reader};

/// Replacements of places in a text.
type Edits = Vec<(Range<usize>, String)>;

fn apply(source: &str, mut edits: Edits) -> String {
    edits.sort_by_key(|(place, _)| (place.start, place.end));
    let mut out = String::with_capacity(source.len() + 64);
    let mut at = 0;
    for (place, text) in edits {
        // Places that are taken out may overlap.
        let start = place.start.max(at);
        out.push_str(&source[at..start]);
        out.push_str(&text);
        at = place.end.max(start);
    }
    out.push_str(&source[at..]);
    out
}

/// A text as a TOML string.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Keys as TOML writes them, with dots between.
fn dotted<'k>(keys: impl IntoIterator<Item = &'k str>) -> String {
    let keys: Vec<String> = keys
        .into_iter()
        .map(|key| Key::new(key).display_repr().into_owned())
        .collect();
    keys.join(".")
}

/// Sets the value at a path, replacing an existing one.
pub(super) fn set(source: &str, path: &[&str], value: &str) -> Result<String, EditError> {
    let layout = Layout::new(source)?;
    match layout.item(path) {
        None => insert(&layout, path, value),
        Some(Item::Value(old)) => match (old, old.span()) {
            (Value::InlineTable(table), _) if table.is_dotted() => {
                replace_dotted_inline(&layout, path, value)
            }
            (_, Some(place)) => Ok(apply(source, vec![(place, value.to_owned())])),
            (_, None) => Ok(source.to_owned()),
        },
        Some(_) => replace_table(&layout, path, value),
    }
}

/// Removes the value at a path; a missing path is no error.
pub(super) fn remove(source: &str, path: &[&str]) -> Result<String, EditError> {
    let layout = Layout::new(source)?;
    if layout.item(path).is_none() {
        return Ok(source.to_owned());
    }
    let edits = match inline_holder(&layout, path) {
        Some((elements, depth)) => {
            let below = |element: &Element| starts_with(&element.path, &path[depth..]);
            element_edits(source, &elements, below)
        }
        None => statement_edits(&layout, |statement| statement.is_below(path)),
    };
    Ok(apply(source, edits))
}

/// Takes strings out of the array at a path.
pub(super) fn remove_strings(
    source: &str,
    path: &[&str],
    unwanted: impl Fn(&str) -> bool,
) -> Result<String, EditError> {
    let layout = Layout::new(source)?;
    let Some(Item::Value(array @ Value::Array(values))) = layout.item(path) else {
        return Ok(source.to_owned());
    };
    let Some(elements) = Elements::of(source, array) else {
        return Ok(source.to_owned());
    };
    let gone: Vec<Range<usize>> = values
        .iter()
        .filter(|value| value.as_str().is_some_and(&unwanted))
        .filter_map(Value::span)
        .collect();
    let edits = element_edits(source, &elements, |element| gone.contains(&element.place));
    Ok(apply(source, edits))
}

/// Puts strings into the array at a path that it does not have yet; there need not be one.
pub(super) fn add_strings(
    source: &str,
    path: &[&str],
    strings: &[String],
) -> Result<String, EditError> {
    let mut text = source.to_owned();
    for string in strings {
        let layout = Layout::new(&text)?;
        let value = quoted(string);
        text = match layout.item(path) {
            Some(Item::Value(array @ Value::Array(values))) => {
                if values.iter().any(|known| known.as_str() == Some(string)) {
                    continue;
                }
                let Some(elements) = Elements::of(&text, array) else {
                    continue;
                };
                apply(&text, vec![insert_element(&text, &elements, value)])
            }
            _ => set(&text, path, &format!("[{value}]"))?,
        };
    }
    Ok(text)
}

/// The inline table that a path leads into, with its parts, and how many keys of the path lead to it.
fn inline_holder(layout: &Layout<'_>, path: &[&str]) -> Option<(Elements, usize)> {
    (1..path.len()).rev().find_map(|depth| {
        let value = layout.item(&path[..depth])?.as_value()?;
        let dotted = value
            .as_inline_table()
            .is_some_and(|table| table.is_dotted());
        let elements = Elements::of(layout.source, value).filter(|_| !dotted)?;
        Some((elements, depth))
    })
}

fn replace_dotted_inline(
    layout: &Layout<'_>,
    path: &[&str],
    value: &str,
) -> Result<String, EditError> {
    let Some((elements, depth)) = inline_holder(layout, path) else {
        return Ok(layout.source.to_owned());
    };
    let below = |element: &Element| starts_with(&element.path, &path[depth..]);
    let first = elements.parts.iter().position(below);
    let mut edits = element_edits(layout.source, &elements, |element| {
        below(element) && first.is_none_or(|first| element.place != elements.parts[first].place)
    });
    if let Some(first) = first {
        let text = format!("{} = {value}", dotted(path[depth..].iter().copied()));
        edits.push((elements.parts[first].place.clone(), text));
    }
    Ok(apply(layout.source, edits))
}

/// Replaces a table that has a header, sub-tables or dotted keys.
fn replace_table(layout: &Layout<'_>, path: &[&str], value: &str) -> Result<String, EditError> {
    let first = (0..layout.statements.len()).find(|index| {
        let statement = &layout.statements[*index];
        !statement.is_header
            && statement.is_below(path)
            && !starts_with(layout.section_of(*index), path)
    });
    let Some(first) = first else {
        let without = remove(layout.source, path)?;
        return insert(&Layout::new(&without)?, path, value);
    };
    let section = layout.section_of(first).len();
    let place = &layout.statements[first].lines;
    let mut edits = statement_edits(layout, |statement| {
        statement.is_below(path) && statement.lines != *place
    });
    let line = &layout.source[place.clone()];
    let start = place.start + line.len() - line.trim_start().len();
    let text = format!("{} = {value}", dotted(path[section..].iter().copied()));
    edits.push((start..layout.statements[first].value.end, text));
    Ok(apply(layout.source, edits))
}

/// Puts a new key into a table, which is made if it is not there.
fn insert(layout: &Layout<'_>, path: &[&str], value: &str) -> Result<String, EditError> {
    let source = layout.source;
    let Some((key, table)) = path.split_last() else {
        return Ok(source.to_owned());
    };
    let entry = |keys: &[&str]| format!("{} = {value}", dotted(keys.iter().copied()));
    match layout.item(table) {
        Some(Item::Value(Value::InlineTable(_))) => {
            let edits = inline_holder(layout, path).map(|(elements, depth)| {
                vec![insert_element(source, &elements, entry(&path[depth..]))]
            });
            Ok(apply(source, edits.unwrap_or_default()))
        }
        Some(Item::Table(_)) => Ok(insert_statement(layout, table, key, value)),
        Some(other) => Err(not_a_table(layout, table, other)),
        None => {
            let parent = table
                .split_last()
                .and_then(|(_, parent)| layout.item(parent));
            match parent {
                Some(Item::Value(Value::InlineTable(_))) => {
                    insert(layout, table, &format!("{{ {} }}", entry(&[key])))
                }
                Some(Item::Table(_)) => {
                    let nl = layout.line_end();
                    let mut out = source.to_owned();
                    if !out.trim_start_matches('\u{feff}').is_empty() {
                        if !out.ends_with('\n') {
                            out.push_str(nl);
                        }
                        out.push_str(nl);
                    }
                    let header = dotted(table.iter().copied());
                    out.push_str(&format!("[{header}]{nl}{}{nl}", entry(&[key])));
                    Ok(out)
                }
                Some(other) => Err(not_a_table(layout, table, other)),
                None => insert(layout, table, &format!("{{ {} }}", entry(&[key]))),
            }
        }
    }
}

fn not_a_table(layout: &Layout<'_>, path: &[&str], item: &Item) -> EditError {
    let reader = Reader::new(FILE_NAME, layout.source);
    let what = format!("[{}] must be a table", dotted(path.iter().copied()));
    let problem = reader.error(item.span().unwrap_or_default(), what);
    EditError::Malformed(Box::new(problem))
}

fn insert_element(source: &str, elements: &Elements, entry: String) -> (Range<usize>, String) {
    match elements.parts.last() {
        Some(last) => {
            let end = last.place.end;
            (end..end, format!(", {entry}"))
        }
        None if source[elements.inner.clone()].trim().is_empty() => {
            (elements.inner.clone(), format!(" {entry} "))
        }
        // Comments and line ends are between the brackets.
        None => (
            elements.inner.start..elements.inner.start,
            format!(" {entry}"),
        ),
    }
}

/// Puts a new key among the statements of a table: in order where there is one, else at the end.
fn insert_statement(layout: &Layout<'_>, table: &[&str], key: &str, value: &str) -> String {
    let statements = &layout.statements;
    let header = statements
        .iter()
        .position(|statement| statement.is_header && statement.path == table);
    // The statements that hold the table's keys: below its header, or with dotted keys elsewhere.
    let holds = |index: &usize| {
        let statement = &statements[*index];
        let section = layout.section_of(*index);
        !statement.is_header
            && statement.path.len() > table.len()
            && statement.is_below(table)
            && match header {
                Some(_) => section == table,
                None => section.len() <= table.len(),
            }
    };
    let mine: Vec<usize> = (0..statements.len()).filter(holds).collect();
    let name = |index: usize| statements[index].path[table.len()].as_str();
    let after = predecessor(&mine, name, key);
    let at = match (after, header) {
        (Some(index), _) => statements[index].lines.end,
        (None, Some(header)) => statements[header].lines.end,
        (None, None) => match mine.first() {
            Some(first) => layout.comments_above(*first),
            None => return insert_header(layout, table, key, value),
        },
    };
    let section = mine
        .first()
        .map(|first| layout.section_of(*first).len())
        .unwrap_or(table.len());
    let keys = table[section..].iter().copied().chain([key]);
    let entry = format!("{} = {value}", dotted(keys));
    insert_line(layout, at, &entry)
}

/// The statement to stand behind: the last one before `key` if the names are sorted, else the last one.
fn predecessor<'s>(mine: &[usize], name: impl Fn(usize) -> &'s str, key: &str) -> Option<usize> {
    let sorted = mine.is_sorted_by(|a, b| name(*a) <= name(*b));
    match sorted {
        true => mine.iter().copied().rfind(|index| name(*index) < key),
        false => mine.last().copied(),
    }
}

/// Makes the header of a table that has only sub-tables so far, or none at all.
fn insert_header(layout: &Layout<'_>, table: &[&str], key: &str, value: &str) -> String {
    let nl = layout.line_end();
    let entry = format!("{} = {value}", dotted([key]));
    let text = format!("[{}]{nl}{entry}", dotted(table.iter().copied()));
    let sub_table = layout
        .statements
        .iter()
        .position(|statement| statement.is_below(table));
    match sub_table {
        Some(index) => {
            let at = layout.comments_above(index);
            insert_line(layout, at, &format!("{text}{nl}"))
        }
        // Only the root has neither, and it needs no header.
        None => insert_line(layout, layout.line_start(0), &entry),
    }
}

/// Puts a line in at the start of a line or the end of the file.
fn insert_line(layout: &Layout<'_>, at: usize, line: &str) -> String {
    let nl = layout.line_end();
    let before = &layout.source[..at];
    let text = match before.is_empty() || before.ends_with(['\n', '\u{feff}']) {
        true => format!("{line}{nl}"),
        false => format!("{nl}{line}"),
    };
    apply(layout.source, vec![(at..at, text)])
}

/// Edits that remove statements, each with its own comments and spacing.
fn statement_edits(layout: &Layout<'_>, gone: impl Fn(&Statement) -> bool) -> Edits {
    let statements = &layout.statements;
    let mut edits = Edits::new();
    let mut index = 0;
    while index < statements.len() {
        if !gone(&statements[index]) {
            index += 1;
            continue;
        }
        if !statements[index].is_header {
            edits.push((key_place(layout, index, &gone), String::new()));
            index += 1;
            continue;
        }
        let first = index;
        index += 1;
        while index < statements.len() && (!statements[index].is_header || gone(&statements[index]))
        {
            index += 1;
        }
        edits.push((block_place(layout, first, index), String::new()));
    }
    edits
}

/// A key's lines; and the comment above, unless it may be about the keys below as well.
fn key_place(
    layout: &Layout<'_>,
    index: usize,
    gone: &impl Fn(&Statement) -> bool,
) -> Range<usize> {
    let lines = layout.statements[index].lines.clone();
    let key_follows = layout
        .statements
        .get(index + 1)
        .is_some_and(|next| !next.is_header && !gone(next) && next.lines.start == lines.end);
    match key_follows {
        true => lines,
        false => layout.comments_above(index)..lines.end,
    }
}

/// The lines of the statements `first..end`, a header and all below it, with the comments and
/// blank lines that go with them.
fn block_place(layout: &Layout<'_>, first: usize, end: usize) -> Range<usize> {
    let source = layout.source;
    let statements = &layout.statements;
    let mut start = layout.comments_above(first);
    if start == layout.line_start(0) {
        // A comment at the very top is about the file.
        start = statements[first].lines.start;
    }
    let ceiling = match end < statements.len() {
        true => layout.comments_above(end),
        false => source.len(),
    };
    let mut stop = statements[end - 1].lines.end;
    let advance = |from: usize, wanted: fn(&str) -> bool| {
        let mut at = from;
        while at < ceiling {
            let next = layout.line_after(at);
            if next > ceiling || !wanted(&source[at..next]) {
                break;
            }
            at = next;
        }
        at
    };
    let is_blank = |line: &str| line.trim().is_empty();
    stop = advance(stop, is_comment);
    stop = advance(stop, is_blank);
    if stop == source.len() {
        let kept = source[..start].trim_end_matches([' ', '\t', '\r', '\n']);
        let blank_from = layout.line_after(kept.len()).min(start);
        start = match kept.trim_start_matches('\u{feff}').is_empty() {
            true => kept.len(),
            false => blank_from,
        };
    }
    start..stop
}

/// Edits that take parts out from between brackets.
fn element_edits(source: &str, elements: &Elements, gone: impl Fn(&Element) -> bool) -> Edits {
    let parts = &elements.parts;
    let kept = parts.iter().rposition(|part| !gone(part));
    let Some(last_kept) = kept else {
        return vec![(elements.inner.clone(), String::new())];
    };
    let mut edits = Edits::new();
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| gone(part)) {
        let end = part.comma.map_or(part.place.end, |comma| comma + 1);
        edits.push((element_place(source, part.place.start..end), String::new()));
        // Without a comma behind the last part, none may stay behind the one that is last now.
        let closes = index + 1 == parts.len() && part.comma.is_none();
        if let Some(comma) = parts[last_kept].comma.filter(|_| closes) {
            let gap = &source[comma + 1..parts[last_kept + 1].place.start];
            let end = match gap.contains(['\n', '#']) {
                true => comma + 1,
                false => comma + 1 + gap.len(),
            };
            edits.push((comma..end, String::new()));
        }
    }
    edits
}

/// The lines of a part that has them for itself, with a comment behind it; else the part and the
/// spaces behind it.
fn element_place(source: &str, place: Range<usize>) -> Range<usize> {
    let line_start = source[..place.start].rfind('\n').map_or(0, |at| at + 1);
    let rest = &source[place.end..];
    let line = rest.split_inclusive('\n').next().unwrap_or_default();
    let alone = source[line_start..place.start].trim().is_empty()
        && line.ends_with('\n')
        && (line.trim().is_empty() || is_comment(line));
    match alone {
        true => line_start..place.end + line.len(),
        false => {
            let trimmed = rest.trim_start_matches([' ', '\t']);
            match trimmed.starts_with([']', '}', '\n', '\r', '#']) {
                true => source[..place.start].trim_end_matches([' ', '\t']).len()..place.end,
                false => place.start..place.end + rest.len() - trimmed.len(),
            }
        }
    }
}
