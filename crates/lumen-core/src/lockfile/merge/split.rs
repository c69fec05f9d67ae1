//! The two sides of a text with the markers of git, in the styles `merge`, `diff3` and `zdiff3`.

use std::ops::Range;

/// Characters of a marker: as many as git writes, unless it is told another number above that.
const LEAST: usize = 7;

/// Why markers make no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// The line of the marker, line end excluded.
    pub line: Range<usize>,
    /// What is wrong with it.
    pub what: &'static str,
}

/// A conflict that began.
struct Open {
    /// Its first marker.
    line: Range<usize>,
    /// Characters of its markers. Those of a conflict inside of the base are longer.
    width: usize,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Ours,
    Base,
    Theirs,
}

/// Splits a text into ours and theirs; `None` where no line begins like a marker. What a side
/// does not have is blank there, so that places are the same in all three texts.
pub(super) fn split(text: &str) -> Result<Option<[String; 2]>, Broken> {
    let mut sides = [
        String::with_capacity(text.len()),
        String::with_capacity(text.len()),
    ];
    let (mut open, mut found): (Option<Open>, bool) = (None, false);
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let content = whole.trim_end_matches(['\n', '\r']);
        let line = start..start + content.len();
        start += whole.len();
        let broken = |what| {
            Err(Broken {
                line: line.clone(),
                what,
            })
        };
        let marker = marker(content);
        // A text of its own may have lines of `=` or `|`.
        let shown = match (&mut open, marker) {
            (None, Some(('<', width))) => {
                found = true;
                open = Some(Open {
                    line,
                    width,
                    part: Part::Ours,
                });
                [false; 2]
            }
            (None, Some(('>', _))) => return broken("this end of a conflict has no beginning"),
            (None, _) => [true; 2],
            (Some(conflict), Some((sign, width))) if width == conflict.width => {
                match (sign, conflict.part) {
                    ('|', Part::Ours) => conflict.part = Part::Base,
                    ('=', Part::Ours | Part::Base) => conflict.part = Part::Theirs,
                    ('>', Part::Theirs) => open = None,
                    ('<', Part::Ours | Part::Theirs) => {
                        return broken("a conflict begins inside of another one");
                    }
                    // The base is not needed, whatever it has.
                    ('<' | '>' | '|', Part::Base) => {}
                    _ => return broken("this marker of a conflict does not belong here"),
                }
                [false; 2]
            }
            (Some(conflict), _) => [conflict.part == Part::Ours, conflict.part == Part::Theirs],
        };
        for (side, shown) in sides.iter_mut().zip(shown) {
            match shown {
                true => side.push_str(whole),
                false => blank(side, whole),
            }
        }
    }
    match open {
        Some(Open { line, .. }) => Err(Broken {
            line,
            what: "the conflict that begins here has no end",
        }),
        None => Ok(found.then_some(sides)),
    }
}

/// The character of a marker, and how many there are.
fn marker(content: &str) -> Option<(char, usize)> {
    let sign = content
        .chars()
        .next()
        .filter(|sign| "<|=>".contains(*sign))?;
    let rest = content.trim_start_matches(sign);
    let width = content.len() - rest.len();
    let is_marker = width >= LEAST && (rest.is_empty() || rest.starts_with(' '));
    is_marker.then_some((sign, width))
}

/// As many bytes of nothing, line ends kept.
fn blank(side: &mut String, whole: &str) {
    let kept = |byte: u8| {
        if matches!(byte, b'\n' | b'\r') {
            char::from(byte)
        } else {
            ' '
        }
    };
    side.extend(whole.bytes().map(kept));
}
