//! Texts for the screen: made safe, wrapped, styled. All of it is pure.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use lumen_core::{limits::MAX_LINE, screen};
use unicode_width::UnicodeWidthStr;

pub(super) const VERB: Style = AnsiColor::Green.on_default().bold();
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const HINT: Style = AnsiColor::Cyan.on_default().bold();
const CODE: Style = Style::new().bold();

/// Columns of the terminal that running text uses.
pub(super) const WIDTH: usize = 80;

/// Columns of the verb.
pub(super) const VERB_WIDTH: usize = 12;

/// How a part of a result looks. Meaning never depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// What the line is about.
    Name,
    /// The version that there is, or should be.
    Good,
    /// Something to look at.
    Notice,
    /// What is new.
    New,
    /// What is gone.
    Gone,
    /// What only explains the rest.
    Faint,
}

impl Look {
    pub(super) const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Name => CODE,
            Self::Good | Self::New => AnsiColor::Green.on_default(),
            Self::Gone => AnsiColor::Red.on_default(),
            Self::Notice => AnsiColor::Yellow.on_default(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// A text as one word of a command that a person may copy into a shell: in quotes, if a shell
/// would see more in it.
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain =
        |c: char| c.is_alphanumeric() || "-_./=@:,+%".contains(c) || cfg!(windows) && c == '\\';
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("'{}'", text.replace('\'', r"'\''"))),
    }
}

/// A text as one line that steers no terminal.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    screen::brief(text, MAX_LINE)
}

/// A text of many lines as it is, each behind a mark, so that none of them can pass for one
/// of ours. A backslash is doubled: what looks like an escape is one.
pub(super) fn quoted(text: &str) -> String {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines = text.split('\n').map(|line| {
        let line = line.replace('\\', "\\\\");
        format!("{:>VERB_WIDTH$} {}\n", "|", screen::line(&line))
    });
    lines.collect()
}

/// The same, with text in backquotes in bold.
pub(super) fn styled(text: &str) -> String {
    styled_code(&shown(text))
}

/// A text after a first word, broken into lines that all start where it does.
pub(super) fn hanging(first: &str, text: &str) -> Vec<String> {
    let indent = width(first);
    let mut lines = wrap(text, WIDTH.saturating_sub(indent));
    for (at, line) in lines.iter_mut().enumerate() {
        let before = if at == 0 { first } else { "" };
        line.insert_str(0, &padded(before, indent));
    }
    match lines.is_empty() {
        true => vec![first.to_owned()],
        false => lines,
    }
}

/// The columns of a terminal that a text takes: wide characters take two, marks none.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// A text with spaces behind it, so that it takes this many columns.
pub fn padded(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(spaces))
}

/// Breaks a text between words into lines of at most `most` columns, longer words apart.
fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Shows text in backquotes in bold; the quotes stay, so that it reads without colour.
pub(super) fn styled_code(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        match at % 2 {
            0 if at > 0 => out.push('`'),
            1 => out.push_str(&format!("`{CODE}")),
            _ => {}
        }
        out.push_str(part);
        if at % 2 == 1 {
            out.push_str(&format!("{CODE:#}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped() {
        assert_eq!(wrap("one two  three", 8), ["one two", "three"]);
        assert_eq!(wrap("a-word-too-long b", 4), ["a-word-too-long", "b"]);
        // Wide characters take two columns, combining ones none.
        assert_eq!(wrap("日本 語", 6), ["日本", "語"]);
        assert_eq!(wrap("日本 語", 7), ["日本 語"]);
        assert_eq!(padded("日本", 6), "日本  ");
        assert_eq!(padded("e\u{301}", 2), "e\u{301} ");
    }

    #[test]
    fn lines_hang() {
        assert_eq!(hanging("  1. ", "a b"), ["  1. a b"]);
        let long = format!("a {}", "b".repeat(80));
        assert_eq!(
            hanging("x: ", &long),
            ["x: a", &format!("   {}", "b".repeat(80))]
        );
        assert_eq!(hanging("x: ", ""), ["x: "]);
    }

    #[test]
    fn commands_to_copy_have_whole_words() {
        for (text, expected) in [
            ("https://h/r", "https://h/r"),
            ("Grüße/a b", "'Grüße/a b'"),
            ("s3://b?region=x", "'s3://b?region=x'"),
            ("https://h/$(id)", "'https://h/$(id)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected);
        }
    }

    #[test]
    fn what_is_signed_is_shown_in_full() {
        let long = "x".repeat(2 * MAX_LINE);
        let text = format!("reason a\\u{{202e}}\u{202e}\r\n\n{long}\nerror: y\n");
        let lines = ["reason a\\\\u{202e}\\u{202e}\\r", "", &long, "error: y"];
        let expected: Vec<String> = lines
            .iter()
            .map(|line| format!("           | {line}"))
            .collect();
        assert_eq!(quoted(&text).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn code_is_marked_once() {
        let plain = |text: &str| anstream::adapter::strip_str(&styled_code(text)).to_string();
        for text in ["no code", "`a` and `b`", "an `open one", ""] {
            assert_eq!(plain(text), text);
        }
    }
}
