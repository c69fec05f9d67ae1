//! What a screen writes, to which stream, with and without colours.

use super::{
    Look, Ui,
    streams::tests::{Written, in_memory},
};
use crate::{
    args,
    json::{Failure, Kind, Text},
};
use lumen_core::{
    problem::{Place, Problem},
    remedy::Remedy,
};
use lumen_ops::report::{Event, Reporter as _};
use lumen_registry::progress::Progress;

/// The words of a remedy: a text as it is.
fn words(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// A screen for a command line, and what it writes to its streams.
fn screen(arguments: &[&str], colours: bool) -> (Ui, Written, Written) {
    let line = ["lumen", "pkg", "list"].iter().chain(arguments);
    let cli = args::parse(line).unwrap();
    let (streams, out, err) = in_memory(colours);
    (Ui::on(&cli.global, words, streams), out, err)
}

fn events() -> Vec<Event> {
    vec![
        Event::Done {
            verb: "Installed",
            message: "2 packages".into(),
        },
        Event::Detail {
            verb: "Kept",
            message: "the lock".into(),
        },
        Event::Warning(Problem::warning("`a` is yanked").hint("run `lumen pkg update a`")),
        Event::Progress(Progress::Started {
            verb: "Fetching",
            steps: 2,
        }),
        Event::Progress(Progress::Advanced { item: "a".into() }),
        Event::Progress(Progress::Finished),
        Event::Signing {
            subject: "owners 1 of `a`".into(),
            text: "lumen owners 1\nname a\n".into(),
        },
    ]
}

/// All that these options show of the events.
fn told(arguments: &[&str], colours: bool) -> String {
    let (ui, out, err) = screen(arguments, colours);
    for event in events() {
        ui.report(event);
    }
    assert_eq!(out.take(), "", "talk is no result");
    err.take()
}

const DONE: &str = "   Installed 2 packages\n";
const DETAIL: &str = "        Kept the lock\n";
const WARNING: &str = "warning: `a` is yanked\nhint: run `lumen pkg update a`\n";
const SIGNING: &str =
    "     Signing owners 1 of `a`\n           | lumen owners 1\n           | name a\n";

#[test]
fn talk_is_what_the_options_ask_for_and_progress_is_for_terminals() {
    assert_eq!(told(&[], false), format!("{DONE}{WARNING}{SIGNING}"));
    assert_eq!(
        told(&["-v"], false),
        format!("{DONE}{DETAIL}{WARNING}{SIGNING}")
    );
    assert_eq!(told(&["--quiet"], false), "");
}

#[test]
fn colours_change_no_word() {
    for arguments in [&[][..], &["-v"], &["--quiet"]] {
        let coloured = told(arguments, true);
        let plain = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(plain, told(arguments, false), "{arguments:?}");
        assert_eq!(coloured == plain, plain.is_empty());
    }
    assert!(told(&[], true).contains("\u{1b}[1m\u{1b}[33mwarning\u{1b}[0m"));
}

#[test]
fn results_go_to_standard_output_also_when_quiet() {
    let (ui, out, err) = screen(&["--quiet"], false);
    ui.print("a 1.0.0\nb");
    ui.print_file("one\n\ttwo\n");
    ui.print_json_line(&Text { text: "a".into() });
    assert_eq!(out.take(), "a 1.0.0\\nb\none\n\ttwo\n{\"text\":\"a\"}\n");
    assert_eq!(err.take(), "");
}

#[test]
fn one_object_has_the_result_the_warnings_and_the_error() {
    let (ui, out, err) = screen(&["--json", "--quiet"], false);
    ui.answer(&Text { text: "a".into() });
    ui.problem(&Problem::warning("`a`\u{1b} is yanked").hint("look"));
    assert_eq!(out.take(), "");
    let failure = Failure::new(Kind::Host, 4, "no network", Vec::new());
    ui.finish(Some("pkg list"), Some(failure));
    let expected = r#"{
  "format": 1,
  "command": "pkg list",
  "text": "a",
  "warnings": [
    {
      "severity": "warning",
      "message": "`a`\u001b is yanked",
      "hint": "look",
      "file": null,
      "line": null,
      "column": null
    }
  ],
  "error": {
    "kind": "host",
    "code": 4,
    "message": "no network",
    "causes": [],
    "hints": [],
    "problems": [],
    "file": null,
    "line": null,
    "column": null
  }
}
"#;
    assert_eq!(
        (out.take(), err.take()),
        (expected.to_owned(), String::new())
    );
    // Without the option there is none.
    let (ui, out, _) = screen(&[], false);
    ui.finish(Some("pkg list"), None);
    assert_eq!(out.take(), "");
}

#[test]
fn a_result_that_is_no_object_is_an_error_of_standard_output() {
    let (ui, out, _) = screen(&["--json"], false);
    ui.answer(&["a"]);
    ui.finish(Some("pkg list"), None);
    assert_eq!(out.take(), "");
    assert!(ui.written().is_err());
}

#[test]
fn running_text_is_wrapped_at_80_columns() {
    let (ui, out, err) = screen(&[], false);
    ui.print_hanging("description: ", &"word ".repeat(40));
    ui.causes(&["cause ".repeat(30), "short".into()]);
    let (out, err) = (out.take(), err.take());
    assert!(out.lines().chain(err.lines()).all(|line| line.len() <= 80));
    assert_eq!(
        out.lines().next().unwrap(),
        format!("description: {}", "word ".repeat(13).trim_end())
    );
    assert!(
        out.lines()
            .skip(1)
            .all(|line| line.starts_with("             word"))
    );
    assert_eq!(err.lines().last(), Some("  2. short"));
}

#[test]
fn an_error_has_its_place_and_its_hint() {
    let (ui, out, err) = screen(&["--quiet"], false);
    let place = Place {
        file: "lumen.toml".into(),
        source: "[package]\nname = 1\n".into(),
        span: 17..18,
        label: "not a text".into(),
    };
    ui.problem(
        &Problem::error("a name must be a text")
            .at(place)
            .hint("put it in quotes"),
    );
    ui.error("`lumen.toml` is invalid", &["see the manual".into()]);
    assert_eq!(
        err.take(),
        "error: a name must be a text\n --> lumen.toml:2:8\n  |\n2 | name = 1\n  |        ^ not a text\n\
         hint: put it in quotes\nerror: `lumen.toml` is invalid\nhint: see the manual\n"
    );
    assert_eq!(out.take(), "");
}

#[test]
fn no_text_steers_the_terminal_whatever_the_colours() {
    let hostile = "a\u{1b}[2J\u{202e}\nerror: b";
    for colours in [false, true] {
        let (ui, out, err) = screen(&[], colours);
        ui.print(hostile);
        ui.error(hostile, &[hostile.into()]);
        ui.report(Event::Done {
            verb: "Did",
            message: hostile.into(),
        });
        let all = out.take() + &err.take();
        assert_eq!(all.lines().count(), 4, "{all:?}");
        assert!(
            !all.contains("\u{1b}[2J") && !all.contains('\u{202e}'),
            "{all:?}"
        );
    }
}

#[test]
fn results_have_parts_and_no_spaces_at_the_end() {
    let parts = [
        (Look::Name, "csv "),
        (Look::Good, "1.0.0"),
        (Look::Plain, "  "),
        (Look::Notice, ""),
    ];
    let (ui, out, _) = screen(&[], false);
    ui.print_parts(&parts);
    ui.print_parts(&[]);
    assert_eq!(out.take(), "csv 1.0.0\n\n");
    let (ui, out, _) = screen(&[], true);
    ui.print_parts(&parts);
    let coloured = out.take();
    assert!(coloured.contains("\u{1b}[1mcsv "), "{coloured:?}");
    assert!(coloured.contains("\u{1b}[32m1.0.0"), "{coloured:?}");
}
