//! The quick reader: the shape that `render` writes, line by line.
//!
//! It reads a part of TOML and gives up on everything else, so that what it
//! accepts means the same to a TOML parser.

use super::raw::{self, LISTS, Lock, NUMBERS, Number, Package, Registry, STRINGS};
use crate::manifest::reader::Text;

/// Reads a lock; `None` if a line has another shape, which says nothing about whether it is good.
pub(super) fn read(text: &str) -> Option<Lock<'_>> {
    let mut lines = Lines { text, at: 0 };
    // A usual block has some 450 bytes.
    let mut lock = Lock {
        packages: Vec::with_capacity(text.len() / 450),
        ..Lock::default()
    };
    let mut table = Table::Root;
    while let Some(line) = lines.next() {
        let content = line.content;
        if content.is_empty() || content.starts_with('#') {
            if has_control(content) {
                return None;
            }
            continue;
        }
        let span = line.start..line.start + content.len();
        if content.starts_with('[') {
            table = match content {
                "[[package]]" => {
                    lock.packages.push(Package {
                        span,
                        ..Package::default()
                    });
                    Table::Package
                }
                "[[registry]]" => {
                    lock.registries.push(Registry {
                        span,
                        ..Registry::default()
                    });
                    Table::Registry
                }
                _ => return None,
            };
            continue;
        }
        let end = content.bytes().position(|b| b == b' ')?;
        let (key, rest) = content.split_at(end);
        let value = rest.strip_prefix(" = ")?;
        let start = line.start + key.len() + 3;
        match table {
            Table::Root if key == "version" => set(&mut lock.version, number(value, start)?)?,
            Table::Root if key == "requires" => set(&mut lock.requires, list(&mut lines, value)?)?,
            Table::Root => return None,
            Table::Registry => {
                let registry = lock.registries.last_mut()?;
                let slot = match key {
                    "name" => &mut registry.name,
                    "origin" => &mut registry.origin,
                    "trust-root" => &mut registry.trust_root,
                    "root-note" => &mut registry.root_note,
                    "checkpoint" => {
                        set(&mut registry.checkpoint, escaped_lines(value, start)?)?;
                        continue;
                    }
                    _ => return None,
                };
                set(slot, string(value, start)?)?;
            }
            Table::Package => {
                let package = lock.packages.last_mut()?;
                let among = |keys: &[&str]| keys.iter().position(|known| *known == key);
                if let Some(at) = among(&STRINGS) {
                    set(&mut package.strings[at], string(value, start)?)?;
                } else if let Some(at) = among(&NUMBERS) {
                    set(&mut package.numbers[at], number(value, start)?)?;
                } else {
                    let at = among(&LISTS)?;
                    set(&mut package.lists[at], list(&mut lines, value)?)?;
                }
            }
        }
    }
    Some(lock)
}

enum Table {
    Root,
    Registry,
    Package,
}

struct Lines<'t> {
    text: &'t str,
    at: usize,
}

struct Line<'t> {
    content: &'t str,
    start: usize,
}

impl<'t> Lines<'t> {
    /// The next line without its end (`\n` or `\r\n`).
    fn next(&mut self) -> Option<Line<'t>> {
        let start = self.at;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let content = match rest.find('\n') {
            Some(end) => {
                self.at = start + end + 1;
                let line = &rest[..end];
                line.strip_suffix('\r').unwrap_or(line)
            }
            None => {
                self.at = self.text.len();
                rest
            }
        };
        Some(Line { content, start })
    }
}

/// Fills a place that must be empty: the TOML parser reports a repeated key.
fn set<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    if slot.is_some() {
        return None;
    }
    *slot = Some(value);
    Some(())
}

/// A basic string without escapes.
fn string(value: &str, start: usize) -> Option<Text<'_>> {
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    let quoted = text
        .bytes()
        .fold(false, |yes, b| yes | (b == b'"') | (b == b'\\'));
    let plain = !quoted && !has_control(text);
    plain.then(|| Text {
        text,
        span: start..start + value.len(),
    })
}

/// A basic string whose only escapes are those of line ends.
fn escaped_lines(value: &str, start: usize) -> Option<raw::Lines<'_>> {
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    let lines = text.replace("\\n", "\n");
    let other = |c: char| c == '"' || c == '\\';
    let plain = !lines.contains(other) && !has_control(text);
    plain.then(|| raw::Lines {
        text: lines.into(),
        span: start..start + value.len(),
    })
}

/// Whether there is a character that TOML allows neither in strings nor in comments.
fn has_control(text: &str) -> bool {
    // No early exit, so that the compiler can look at many bytes at once.
    text.bytes()
        .fold(false, |yes, b| yes | (b < b' ' && b != b'\t') | (b == 0x7f))
}

/// A whole number in its usual spelling.
fn number(value: &str, start: usize) -> Option<Number> {
    let usual =
        value.bytes().all(|b| b.is_ascii_digit()) && (value.len() == 1 || !value.starts_with('0'));
    // TOML's integers are signed.
    let number: i64 = value.parse().ok().filter(|_| usual)?;
    Some(Number {
        value: u64::try_from(number).ok()?,
        span: start..start + value.len(),
    })
}

/// `[`, one string per line, `]`; the first line has been read.
fn list<'t>(lines: &mut Lines<'t>, first: &str) -> Option<Vec<Text<'t>>> {
    if first != "[" {
        return None;
    }
    let mut texts = Vec::new();
    loop {
        let line = lines.next()?;
        if line.content == "]" {
            return Some(texts);
        }
        let value = line.content.strip_prefix("    ")?.strip_suffix(',')?;
        texts.push(string(value, line.start + 4)?);
    }
}
