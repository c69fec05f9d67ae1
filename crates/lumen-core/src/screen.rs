//! Text from elsewhere, made safe to show to people.
//!
//! Registries, archives, lock files, git and servers choose texts that end up on a terminal
//! or in a log. A terminal obeys control characters, and invisible characters, or characters
//! that reverse the order of reading, make a text look like another one. These functions
//! show such characters as escapes (`\u{1b}`) and leave everything else as it is: letters of
//! all scripts, accents and emoji stay readable.

use std::{borrow::Cow, fmt::Write as _};

use crate::limits::MAX_MARKS;

/// Characters of the end of a text that is cut, which often has our own words.
const TAIL: usize = 200;

/// Returns whether a character steers the screen or cannot be seen: control characters (C0,
/// DEL, C1), the ends of lines and paragraphs, marks of direction, and characters without a
/// shape, joiners and variation selectors among them.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, grapheme joiner, marks of direction, letters without a shape.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            // Variation selectors, byte order mark, filler, annotations, no characters.
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}' | '\u{ffff}'
            // Controls of hieroglyphs, shorthand and music; tags and variation selectors.
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Returns the text as one line that steers nothing: deceptive characters, line breaks and
/// tabs among them, are shown as escapes. Joiners and variation selectors stay where they
/// have a meaning: within emoji, and in scripts that need them.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Returns a text of many lines that steers nothing else: like [`line()`], but line feeds and
/// tabs are kept.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// Returns the text as [`line()`] does, and at most about `most` characters of it: a longer one
/// lacks its middle, and says how much that is.
pub fn brief(text: &str, most: usize) -> Cow<'_, str> {
    // Cut first: escaping the part that is cut off would cost time.
    let count = match text.len() <= most {
        true => return line(text),
        false => text.chars().count(),
    };
    if count <= most {
        return line(text);
    }
    let tail = TAIL.min(most / 4);
    let head = most - tail;
    let at = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
    let (start, end) = (&text[..at(head)], &text[at(count - tail)..]);
    let left_out = count - most;
    Cow::Owned(format!(
        "{}… ({left_out} characters left out) …{}",
        line(start),
        line(end)
    ))
}

/// Returns a text in JSON with the same value whose deceptive characters are escapes
/// (`\u202e`). Line feeds are kept: in JSON they stand between values only.
pub fn json(text: &str) -> Cow<'_, str> {
    let is_raw = |c: char| c != '\n' && is_deceptive(c);
    let Some(first) = text.find(is_raw) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if !is_raw(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    Cow::Owned(out)
}

/// Returns the text with escapes, and the place in it of each of some places in `text` (byte
/// offsets at the start of characters, in ascending order).
pub fn lines_with_places(text: &str, places: &mut [&mut usize]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for place in places.iter_mut() {
        let mut to = (**place).clamp(from, text.len());
        while !text.is_char_boundary(to) {
            to -= 1;
        }
        out.push_str(&lines(&text[from..to]));
        **place = out.len();
        from = to;
    }
    out.push_str(&lines(&text[from..]));
    out
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') || is_kept(char::from(byte));
    let plain = text.bytes().take_while(|byte| is_plain(*byte)).count();
    if plain == text.len() {
        return Cow::Borrowed(text);
    }
    // The last plain letter may carry marks.
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..plain]);
    let mut before = text[..plain].chars().next_back();
    let mut marks = 0;
    let mut rest = text[plain..].chars();
    while let Some(c) = rest.next() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        let after = rest.clone().next();
        let shown = is_kept(c) || !is_deceptive(c) || is_at_home(before, c, after);
        if shown && marks <= MAX_MARKS {
            out.push(c);
            before = Some(c);
        } else {
            out.extend(c.escape_default());
            before = None;
        }
    }
    Cow::Owned(out)
}

/// Whether a joiner or variation selector has a meaning between these two characters.
fn is_at_home(before: Option<char>, c: char, after: Option<char>) -> bool {
    let (Some(before), after) = (before, after.unwrap_or(' ')) else {
        return false;
    };
    match c {
        '\u{200c}' | '\u{200d}' if joins(before) && joins(after) => true,
        '\u{200d}' => (is_emoji(before) || is_emoji_part(before)) && is_emoji(after),
        '\u{fe0e}' | '\u{fe0f}' => {
            is_emoji(before) || matches!(before, '0'..='9' | '#' | '*') && after == '\u{20e3}'
        }
        '\u{180b}'..='\u{180d}' | '\u{180f}' => matches!(before, '\u{1820}'..='\u{18aa}'),
        _ => false,
    }
}

/// Letters of the scripts in which a joiner changes the shape: Arabic to Thaana, those of
/// India, Myanmar, Khmer and Mongolian.
fn joins(c: char) -> bool {
    matches!(c, '\u{620}'..='\u{7bf}' | '\u{840}'..='\u{8ff}' | '\u{900}'..='\u{dff}'
        | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17b3}' | '\u{17b6}'..='\u{17d3}'
        | '\u{1820}'..='\u{18aa}')
}

/// Blocks of symbols that have emoji among them.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{27ff}' | '\u{2900}'..='\u{2bff}' | '\u{3030}' | '\u{303d}'
        | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// What may stand between an emoji and a joiner.
fn is_emoji_part(c: char) -> bool {
    matches!(c, '\u{fe0f}' | '\u{20e3}')
}

/// Marks that are drawn above or below the letter before, of the scripts in which they can
/// be stacked: a high stack is drawn over the lines above.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}'
        | '\u{5bf}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{8d3}'..='\u{8ff}'
        | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{eb1}'
        | '\u{eb4}'..='\u{ebc}' | '\u{ec8}'..='\u{ece}' | '\u{f71}'..='\u{f84}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{302a}'..='\u{302f}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_of_people_stays() {
        for text in [
            "plain ~ text with `code` and \\ ",
            "Grüße, naïve café, ångström, Tiếng Việt",
            "日本語 한국어 中文，ひらがな が",
            "עברית בְּרֵאשִׁית العربيّة می\u{200c}خواهم",
            "हिन्दी क\u{94d}\u{200d}ष ภาษาไทยที่นี่",
            "👩\u{200d}👩\u{200d}👧 🏳\u{fe0f}\u{200d}🌈 👍🏽 ❤\u{fe0f} 1\u{fe0f}\u{20e3} ☕",
            "“quotes” – dashes … nbsp\u{a0}here",
        ] {
            assert!(
                matches!(line(text), Cow::Borrowed(_)) || line(text) == text,
                "{text}"
            );
            assert_eq!(lines(text), text);
        }
        assert!(matches!(line("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_steers_or_hides_is_shown() {
        for (text, expected) in [
            (
                "a\u{1b}[2Jb\u{7}\u{8}\r\n\tc\0\u{7f}",
                "a\\u{1b}[2Jb\\u{7}\\u{8}\\r\\n\\tc\\u{0}\\u{7f}",
            ),
            (
                "\u{9b}31m\u{9d}52;c;eA==\u{9c}\u{85}",
                "\\u{9b}31m\\u{9d}52;c;eA==\\u{9c}\\u{85}",
            ),
            (
                "\u{202e}a\u{2066}\u{61c}\u{200f}",
                "\\u{202e}a\\u{2066}\\u{61c}\\u{200f}",
            ),
            (
                "lib\u{200b}a\u{200d}b\u{200c}\u{2060}\u{feff}",
                "lib\\u{200b}a\\u{200d}b\\u{200c}\\u{2060}\\u{feff}",
            ),
            (
                "\u{2028}\u{2029}\u{ad}\u{3164}\u{fffb}",
                "\\u{2028}\\u{2029}\\u{ad}\\u{3164}\\u{fffb}",
            ),
            (
                "x\u{fe0f}\u{e0041}\u{e0100}",
                "x\\u{fe0f}\\u{e0041}\\u{e0100}",
            ),
            // A joiner that joins nothing, or joins twice.
            ("👩\u{200d}", "👩\\u{200d}"),
            ("👩\u{200d}\u{200d}👧", "👩\\u{200d}\\u{200d}👧"),
            ("❤\u{fe0f}\u{fe0f}\u{fe01}", "❤\u{fe0f}\\u{fe0f}\\u{fe01}"),
        ] {
            assert_eq!(line(text), expected);
        }
        assert_eq!(lines("a\n\tb\r\n\u{1b}"), "a\n\tb\\r\n\\u{1b}");
        let stack = format!("a{}", "\u{301}".repeat(40));
        assert_eq!(line(&stack).matches('\u{301}').count(), MAX_MARKS);
    }

    #[test]
    fn long_texts_lack_their_middle() {
        let text = format!("{}{}", "ä".repeat(5000), "end");
        let brief = brief(&text, 1000);
        assert!(
            brief.starts_with("ääää") && brief.ends_with("äend"),
            "{brief}"
        );
        assert!(brief.contains("… (4003 characters left out) …"), "{brief}");
        assert_eq!(super::brief("ä\n", 2), "ä\\n");
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({ "a\u{9b}": "\u{1b}\u{7f}\u{202e}\u{2028}\u{e0041}é👩\u{200d}👧\n" });
        let text = format!("{value:#}");
        let shown = json(&text);
        assert!(!shown.contains(|c| c != '\n' && is_deceptive(c)), "{shown}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
        assert!(
            shown.contains("\\u009b") && shown.contains("\\udb40\\udc41"),
            "{shown}"
        );
        assert!(matches!(json("{\n}"), Cow::Borrowed(_)));
    }

    #[test]
    fn places_move_with_the_text() {
        let text = "a\u{1b}b\u{202e}c\n";
        let (mut start, mut end) = (2, 3);
        let shown = lines_with_places(text, &mut [&mut start, &mut end]);
        assert_eq!(
            (&shown[start..end], shown.as_str()),
            ("b", "a\\u{1b}b\\u{202e}c\n")
        );
    }

    proptest! {
        #[test]
        fn nothing_steers_afterwards(text in "(\\PC|\\p{Cc}|\\p{Cf}|[\u{200c}\u{200d}\u{fe0f}👩a])*") {
            let kept = |c: char| matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{180b}'..='\u{180f}');
            let shown = line(&text);
            prop_assert!(!shown.contains(|c| is_deceptive(c) && !kept(c)));
            prop_assert_eq!(line(&shown), shown.as_ref());
            prop_assert!(!json(&text.replace('\n', "")).contains(is_deceptive));
        }
    }
}
