//! The screen. Rules: results go to standard output, talk to standard error;
//! a finished step is one line with a right-aligned verb in 12 columns;
//! progress only on a terminal; meaning never depends on colour.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::Mutex,
};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lumen_core::problem::{Problem, Severity};
use lumen_ops::report::{Event, Reporter};
use lumen_registry::progress::Progress;

use crate::args::{Color, Global};

const VERB: Style = AnsiColor::Green.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const CODE: Style = Style::new().bold();

/// Columns of the terminal that running text uses.
const WIDTH: usize = 80;

/// Columns of the verb.
const VERB_WIDTH: usize = 12;

/// Everything that is written to the terminal goes through here.
pub struct Ui {
    quiet: bool,
    verbose: u8,
    /// Whether results are printed as JSON.
    pub json: bool,
    progress: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Ui {
    /// A screen as the options ask for.
    pub fn new(global: &Global) -> Self {
        let choice = match global.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        let terminal = std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        Self {
            quiet: global.quiet,
            verbose: global.verbose,
            json: global.json,
            progress: terminal && !global.quiet && !global.no_progress,
            bar: Mutex::new(None),
        }
    }

    /// Writes a result to standard output.
    ///
    /// A closed pipe (`lumen pkg list | head`) is no error.
    pub fn print(&self, text: &str) {
        let mut out = anstream::stdout();
        let newline = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let _ = write!(out, "{text}{newline}").and_then(|()| out.flush());
    }

    /// Writes a result as JSON to standard output.
    pub fn print_json(&self, value: &serde_json::Value) {
        self.print(&format!("{value:#}"));
    }

    /// Writes an error with what to do next.
    pub fn error(&self, what: &str, hints: &[String]) {
        self.talk(&format!("{ERROR}error{ERROR:#}: {}", styled_code(what)));
        self.hints(hints);
    }

    /// Writes hints.
    pub fn hints(&self, hints: &[String]) {
        for hint in hints {
            self.talk(&format!("{HINT}hint{HINT:#}: {}", styled_code(hint)));
        }
    }

    /// Writes numbered causes, wrapped.
    pub fn causes(&self, causes: &[String]) {
        for (at, cause) in causes.iter().enumerate() {
            let number = at + 1;
            self.talk(&styled_code(&hanging(&format!("  {number}. "), cause)));
        }
    }

    /// Writes a problem with its place in the source, if it has one.
    pub fn problem(&self, problem: &Problem) {
        if problem.severity == Severity::Warning && self.quiet {
            return;
        }
        match &problem.place {
            Some(_) => self.talk(&self.snippet(problem)),
            None => {
                let (style, word) = match problem.severity {
                    Severity::Error => (ERROR, "error"),
                    Severity::Warning => (WARNING, "warning"),
                };
                self.talk(&format!(
                    "{style}{word}{style:#}: {}",
                    styled_code(&problem.what)
                ));
            }
        }
        self.hints(problem.hint.as_slice());
    }

    fn snippet(&self, problem: &Problem) -> String {
        let Some(place) = &problem.place else {
            return problem.what.clone();
        };
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let annotation = AnnotationKind::Primary.span(place.span.clone());
        let annotation = if place.label.is_empty() {
            annotation
        } else {
            annotation.label(place.label.as_str())
        };
        let snippet = Snippet::source(place.source.as_ref())
            .path(place.file.as_str())
            .annotation(annotation);
        let report = &[level.primary_title(problem.what.as_str()).element(snippet)];
        // The styled form is stripped again where colour is off.
        Renderer::styled().term_width(WIDTH).render(report)
    }

    /// Asks a yes-no question on the terminal; `None` when there is nobody to ask.
    pub fn confirm(&self, question: &str) -> Option<bool> {
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return None;
        }
        let _ = write!(anstream::stderr(), "{question} [y/N] ");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok()?;
        Some(matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "y" | "yes"
        ))
    }

    fn talk(&self, text: &str) {
        let write = || {
            let _ = writeln!(anstream::stderr(), "{}", text.trim_end_matches('\n'));
        };
        match self.bar.lock().ok().and_then(|bar| bar.clone()) {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn set_bar(&self, bar: Option<ProgressBar>) {
        if let Ok(mut slot) = self.bar.lock()
            && let Some(old) = std::mem::replace(&mut *slot, bar)
        {
            old.finish_and_clear();
        }
    }
}

impl Reporter for Ui {
    fn report(&self, event: Event) {
        match event {
            Event::Done { verb, message } if !self.quiet => {
                self.talk(&format!("{VERB}{verb:>VERB_WIDTH$}{VERB:#} {message}"));
            }
            Event::Detail { verb, message } if self.verbose > 0 => {
                self.talk(&format!("{VERB}{verb:>VERB_WIDTH$}{VERB:#} {message}"));
            }
            Event::Done { .. } | Event::Detail { .. } => {}
            Event::Warning(problem) => self.problem(&problem),
            Event::Progress(Progress::Started { verb, steps }) if self.progress => {
                let bar = ProgressBar::with_draw_target(
                    Some(steps),
                    ProgressDrawTarget::stderr_with_hz(10),
                );
                let template =
                    format!("{verb:>VERB_WIDTH$} [{{bar:27}}] {{pos}}/{{len}} {{wide_msg}}");
                if let Ok(style) = ProgressStyle::with_template(&template) {
                    bar.set_style(style.progress_chars("=> "));
                }
                self.set_bar(Some(bar));
            }
            Event::Progress(Progress::Advanced { item }) => {
                if let Some(bar) = self.bar.lock().ok().and_then(|bar| bar.clone()) {
                    bar.inc(1);
                    bar.set_message(item);
                }
            }
            Event::Progress(Progress::Started { .. }) => {}
            Event::Progress(Progress::Finished) => self.set_bar(None),
        }
    }
}

/// A text after a first word, broken into lines that all start where it does.
pub fn hanging(first: &str, text: &str) -> String {
    let indent = first.chars().count();
    let lines = wrap(text, WIDTH.saturating_sub(indent));
    format!(
        "{first}{}",
        lines.join(&format!("\n{}", " ".repeat(indent)))
    )
}

/// Breaks a text between words into lines of at most `width` characters, longer words apart.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Shows text in backquotes in bold; the quotes stay, so that it reads without colour.
fn styled_code(text: &str) -> String {
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
    }

    #[test]
    fn code_is_marked_once() {
        let plain = |text: &str| anstream::adapter::strip_str(&styled_code(text)).to_string();
        for text in ["no code", "`a` and `b`", "an `open one", ""] {
            assert_eq!(plain(text), text);
        }
    }
}
