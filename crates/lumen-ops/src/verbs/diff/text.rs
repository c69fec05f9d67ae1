//! The lines that differ between two texts.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use lumen_core::limits::{MAX_DIFF_SECONDS, MAX_DIFFED_BYTES, MAX_DIFFED_FILE_BYTES};
use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices_deadline, group_diff_ops};

/// Lines around a difference that are shown with it.
const CONTEXT: usize = 3;

/// Bytes in which a NUL makes a file a binary one, as in git.
const LOOKED_AT: usize = 8000;

/// Two texts, and where they differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    old: String,
    new: String,
    groups: Vec<Vec<DiffOp>>,
}

/// Lines that differ, with a few lines around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk<'t> {
    /// Its lines in the old text, counted from 0.
    pub old: Range<usize>,
    /// Its lines in the new text, counted from 0.
    pub new: Range<usize>,
    /// The lines.
    pub lines: Vec<Line<'t>>,
}

/// A line of a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'t> {
    /// Which text has it.
    pub mark: Mark,
    /// The line, without its line break.
    pub text: &'t str,
    /// Whether it has a line break: the last line of a text may lack it.
    pub ends: bool,
}

/// Which text has a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Both.
    Both,
    /// The old one.
    Old,
    /// The new one.
    New,
}

impl Mark {
    /// The first character of such a line in a unified diff.
    pub const fn symbol(self) -> char {
        match self {
            Self::Both => ' ',
            Self::Old => '-',
            Self::New => '+',
        }
    }
}

impl Text {
    /// How many lines were added, and how many removed.
    pub fn counts(&self) -> (usize, usize) {
        let ops = self.groups.iter().flatten();
        ops.fold((0, 0), |(added, removed), op| match op.tag() {
            DiffTag::Equal => (added, removed),
            DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
                (added + op.new_range().len(), removed + op.old_range().len())
            }
        })
    }

    /// The places where they differ, in their order.
    pub fn hunks(&self) -> Vec<Hunk<'_>> {
        let (old, new) = (lines(&self.old), lines(&self.new));
        let hunk = |group: &Vec<DiffOp>| {
            let first = group.first()?;
            let mut shown = Vec::new();
            for op in group {
                let (olds, news) = (&old[op.old_range()], &new[op.new_range()]);
                match op.tag() {
                    DiffTag::Equal => {
                        shown.extend(olds.iter().map(|line| marked(Mark::Both, line)))
                    }
                    DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
                        shown.extend(olds.iter().map(|line| marked(Mark::Old, line)));
                        shown.extend(news.iter().map(|line| marked(Mark::New, line)));
                    }
                }
            }
            // An operation that only adds does not always say where in the old text it is.
            let lines_of = |range: fn(&DiffOp) -> Range<usize>| {
                let start = range(first).start;
                start..start + group.iter().map(|op| range(op).len()).sum::<usize>()
            };
            Some(Hunk {
                old: lines_of(DiffOp::old_range),
                new: lines_of(DiffOp::new_range),
                lines: shown,
            })
        };
        self.groups.iter().filter_map(hunk).collect()
    }
}

impl Hunk<'_> {
    /// Its first line in a unified diff: `@@ -1,3 +1,4 @@`.
    pub fn head(&self) -> String {
        format!("@@ -{} +{} @@", place(&self.old), place(&self.new))
    }
}

/// A range of lines in a unified diff: one line has no length, and none is named by the line
/// before it.
fn place(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => (lines.start + 1).to_string(),
        count => format!("{},{count}", lines.start + 1),
    }
}

fn marked<'t>(mark: Mark, line: &&'t str) -> Line<'t> {
    let text = line.strip_suffix('\n');
    Line {
        mark,
        text: text.unwrap_or(line),
        ends: text.is_some(),
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// What is known of the contents of a file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// They are the same; its mode or its path differs.
    Same,
    /// The lines that differ.
    Text(Text),
    /// One of them is no text.
    Binary,
    /// They were not compared by lines, since there is too much to compare.
    TooMuch,
}

/// What a run may still spend on comparing lines.
#[derive(Debug)]
pub(super) struct Effort {
    bytes: u64,
    time: Duration,
}

impl Effort {
    pub(super) const fn new() -> Self {
        Self {
            bytes: MAX_DIFFED_BYTES,
            time: Duration::from_secs(MAX_DIFF_SECONDS),
        }
    }

    /// Whether files of these sizes are compared by lines; if so, counts them.
    pub(super) fn take(&mut self, sizes: [u64; 2]) -> bool {
        let [old, new] = sizes;
        let sum = old.saturating_add(new);
        let fits = old.max(new) <= MAX_DIFFED_FILE_BYTES && sum <= self.bytes;
        if fits {
            self.bytes -= sum;
        }
        fits
    }

    /// Compares two files by lines.
    pub(super) fn compare(&mut self, old: Vec<u8>, new: Vec<u8>) -> Contents {
        if is_binary(&old) || is_binary(&new) {
            return Contents::Binary;
        }
        let (Ok(old), Ok(new)) = (String::from_utf8(old), String::from_utf8(new)) else {
            return Contents::Binary;
        };
        let start = Instant::now();
        let deadline = start.checked_add(self.time);
        let ops = {
            let (old, new) = (lines(&old), lines(&new));
            capture_diff_slices_deadline(Algorithm::Myers, &old, &new, deadline)
        };
        self.time = self.time.saturating_sub(start.elapsed());
        let groups = group_diff_ops(ops, CONTEXT);
        Contents::Text(Text { old, new, groups })
    }
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(LOOKED_AT).any(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(old: &str, new: &str) -> Text {
        match Effort::new().compare(old.into(), new.into()) {
            Contents::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }

    /// A unified diff without the names of the files.
    fn unified(text: &Text) -> String {
        let mut shown = String::new();
        for hunk in text.hunks() {
            shown.push_str(&format!("{}\n", hunk.head()));
            for line in hunk.lines {
                let end = if line.ends { "" } else { "$" };
                shown.push_str(&format!("{}{}{end}\n", line.mark.symbol(), line.text));
            }
        }
        shown
    }

    #[test]
    fn hunks_are_those_of_a_unified_diff() {
        for (old, new, expected) in [
            ("a\n", "a\n", ""),
            ("", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"),
            ("a\n", "", "@@ -1 +0,0 @@\n-a\n"),
            ("a\n", "a", "@@ -1 +1 @@\n-a\n+a$\n"),
            ("a\r\n", "a\n", "@@ -1 +1 @@\n-a\r\n+a\n"),
            (
                "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
                "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
            ),
            (
                "a\n1\n2\n3\n4\n5\n6\n7\nb\n",
                "1\n2\n3\n4\n5\n6\n7\nc\n",
                "@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -6,4 +5,4 @@\n 5\n 6\n 7\n-b\n+c\n",
            ),
        ] {
            assert_eq!(unified(&text(old, new)), expected, "{old:?} {new:?}");
        }
        assert_eq!(text("a\nb\nc\n", "a\nx\ny\nc\n").counts(), (2, 1));
    }

    /// Applying the hunks to the old text gives the new one, also when there is no time left.
    #[test]
    fn hunks_lead_from_one_text_to_the_other() {
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for round in 0..200 {
            let mut some =
                |count| -> String { (0..count).map(|_| format!("{}\n", next(6))).collect() };
            let (old, new) = (some(round % 23), some(round % 19));
            for time in [Duration::ZERO, Duration::from_secs(60)] {
                let mut effort = Effort {
                    time,
                    ..Effort::new()
                };
                let Contents::Text(text) = effort.compare(old.clone().into(), new.clone().into())
                else {
                    panic!("no text");
                };
                let (before, mut made, mut at) = (lines(&old), String::new(), 0);
                for hunk in text.hunks() {
                    made.extend(before[at..hunk.old.start].iter().copied());
                    at = hunk.old.end;
                    for line in hunk.lines.iter().filter(|line| line.mark != Mark::Old) {
                        made.push_str(line.text);
                        made.push('\n');
                    }
                }
                made.extend(before[at..].iter().copied());
                assert_eq!(made, new);
            }
        }
    }

    #[test]
    fn what_is_no_text_or_too_large_is_not_compared_by_lines() {
        let compare = |old: &[u8], new: &[u8]| Effort::new().compare(old.into(), new.into());
        assert_eq!(compare(b"a\0b", b"a"), Contents::Binary);
        assert_eq!(compare(b"a", b"\xff"), Contents::Binary);
        let mut effort = Effort::new();
        assert!(!effort.take([MAX_DIFFED_FILE_BYTES + 1, 0]));
        let whole = MAX_DIFFED_BYTES / MAX_DIFFED_FILE_BYTES;
        for _ in 0..whole {
            assert!(effort.take([0, MAX_DIFFED_FILE_BYTES]));
        }
        assert!(!effort.take([1, 0]));
    }
}
