//! What may reach a terminal. Written from the list of what deceives, not from our code.

use super::worlds::World;
use crate::schemas;

/// How a command is asked to show its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For people, with colours.
    Colour,
    /// For people, without.
    Plain,
    /// For programs.
    Json,
}

pub const MODES: [Mode; 3] = [Mode::Colour, Mode::Plain, Mode::Json];

/// Every style of ours and of the snippets.
const STYLES: [&str; 9] = [
    "\u{1b}[0m",
    "\u{1b}[1m",
    "\u{1b}[2m",
    "\u{1b}[31m",
    "\u{1b}[32m",
    "\u{1b}[33m",
    "\u{1b}[36m",
    "\u{1b}[91m",
    "\u{1b}[94m",
];

/// What a command showed.
pub struct Shown {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Mode {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Colour => &["--color", "always", "-v"],
            Self::Plain => &["--color", "never", "-v"],
            Self::Json => &["--json", "-v"],
        }
    }
}

/// Runs a command and checks what it shows.
pub fn run(world: &World, folder: &str, arguments: &[&str], mode: Mode) -> Shown {
    let all = [mode.arguments(), arguments].concat();
    let mut command = world.sandbox.command(folder, &all);
    command.envs(world.environment.iter().cloned());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let shown = Shown {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    };
    let about = format!("lumen {} in {folder}", all.join(" "));
    for text in [&shown.out, &shown.err] {
        let wrong = problems(text, mode == Mode::Colour);
        assert!(wrong.is_empty(), "{about}: {wrong:?} in {text:?}");
    }
    // 101 is the code of a panic.
    let codes = [0, 1, 2, 3, 4];
    let code = shown.code.unwrap_or(-1);
    assert!(codes.contains(&code), "{about}: {code}: {}", shown.err);
    if mode == Mode::Json {
        let value = schemas::object(&about, &shown.out);
        // An exit code that has no error says what the command found.
        let finds = [
            "pkg diff",
            "pkg outdated",
            "registry doctor",
            "registry ingest",
            "registry sync",
        ];
        let is_found = finds.iter().any(|command| value["command"] == *command);
        match shown.code {
            Some(0) => assert!(value["error"].is_null(), "{about}: {value:#}"),
            code if !is_found => assert_eq!(value["error"]["code"], code.unwrap_or(-1), "{about}"),
            _ => {}
        }
    }
    shown
}

/// What must not be in an output.
pub fn problems(text: &str, coloured: bool) -> Vec<String> {
    let mut plain = text.to_owned();
    if coloured {
        for style in STYLES {
            plain = plain.replace(style, "");
        }
    }
    let mut found: Vec<String> = plain
        .chars()
        .filter(|c| *c != '\n' && steers(*c))
        .map(|c| format!("{c:?}"))
        .collect();
    found.sort();
    found.dedup();
    found.extend(
        plain
            .lines()
            .filter(|line| line.trim_start().starts_with("FORGED"))
            .map(str::to_owned),
    );
    found
}

fn steers(c: char) -> bool {
    matches!(u32::from(c),
        // C0, DEL and C1.
        0..=0x1f | 0x7f..=0x9f
        // Marks of direction.
        | 0x61c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069
        // Without a width.
        | 0xad | 0x200b..=0x200d | 0x2060..=0x2064 | 0xfeff | 0xe0000..=0xe0fff
        // Ends of lines and paragraphs.
        | 0x2028 | 0x2029)
}

#[test]
fn the_check_sees_what_it_must() {
    for text in [
        "\u{1b}[2J",
        "\u{1b}[35m",
        "a\rb",
        "a\tb",
        "\u{9b}",
        "a\u{200b}b",
        "ok\nFORGED: x",
        "\u{1b}[31",
    ] {
        assert!(!problems(text, true).is_empty(), "{text:?}");
    }
    assert!(!problems("\u{1b}[31mred\u{1b}[0m", false).is_empty());
    assert!(problems("\u{1b}[31mred\u{1b}[0m é 日本\n", true).is_empty());
}
