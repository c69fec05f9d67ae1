//! Texts of registries, archives, locks, servers and git: none of them steers a terminal.
//!
//! `walk` runs every command there is against every hostile world; `words` looks at what
//! single messages make of hostile texts.

mod commands;
mod screen;
mod walk;
mod words;
mod worlds;

/// A text with all that can steer a terminal or deceive its reader: the clipboard (OSC 52),
/// the screen, C1, marks of direction, characters that nobody sees, separators, and a line
/// that pretends to be one of ours.
const HOSTILE: &str = "x\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}[2J\u{9b}31m\u{85}\u{8}\u{7f}\u{202e}\u{2066}\u{200f}\u{200b}\u{200d}\u{2060}\u{feff}\u{2028}\u{e0041}\r\nFORGED: line\ty";

/// The same without what no JSON, TOML or file name can have as it is.
const HIDDEN: &str =
    "x\u{9b}31m\u{85}\u{202e}\u{2066}\u{61c}\u{200b}\u{200d}\u{2060}\u{2028}\u{2029}y";

/// What a name of a key, of a file or a line of a note can have.
const INVISIBLE: &str = "x\u{202e}\u{2066}\u{200b}\u{200d}\u{2060}y";
