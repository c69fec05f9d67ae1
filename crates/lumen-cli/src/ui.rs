//! The screen. Rules: results go to standard output, talk to standard error;
//! a finished step is one line with a right-aligned verb in 12 columns;
//! progress only on a terminal; meaning never depends on colour.
//!
//! Texts come from registries, archives, projects and servers. So nothing else writes to a
//! stream (`clippy.toml` forbids it), every function here takes plain text and shows what
//! would steer a terminal as an escape, a text is one line where it is not said otherwise,
//! and styles are added afterwards, only here.

mod command_line;
mod progress;
mod snippet;
mod streams;
mod text;
#[cfg(test)]
mod told;

use std::{
    io::{self, IsTerminal as _, Write as _},
    panic::PanicHookInfo,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use lumen_core::{
    limits::MAX_LINE,
    problem::{Problem, Severity},
    remedy::Remedy,
    screen,
};
use lumen_ops::report::{Event, Reporter};
use lumen_registry::activity::{Activity, Asked};
use serde::Serialize;

use self::progress::Line;
use self::text::{
    ERROR, HINT, VERB, VERB_WIDTH, WARNING, hanging, quoted, shown, styled, styled_code,
};
pub use self::{
    command_line::{Wrong, defective, parse},
    streams::Streams,
    text::{Look, padded, width, word},
};
use crate::{
    args::{Color, Global},
    environment,
    json::{self, Answer, Failure},
};

/// Everything that is written to the terminal goes through here.
pub struct Ui {
    quiet: bool,
    verbose: u8,
    /// Whether the result is one JSON object.
    pub json: bool,
    answer: Mutex<Answer>,
    finished: AtomicBool,
    progress: bool,
    words: fn(&Remedy) -> String,
    streams: Streams,
    line: Line,
    rests: AtomicBool,
}

impl Ui {
    /// A screen as the options ask for, on the streams of the process; `words` says what a
    /// remedy is in this program.
    pub fn new(global: &Global, words: fn(&Remedy) -> String) -> Self {
        let choice = match global.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        let mut streams = Streams::of_process();
        streams.is_terminal &= !environment::variables().has("CI");
        Self::on(global, words, streams)
    }

    /// A screen as the options ask for, on these streams.
    pub fn on(global: &Global, words: fn(&Remedy) -> String, streams: Streams) -> Self {
        Self {
            quiet: global.quiet,
            verbose: global.verbose,
            json: global.json,
            answer: Mutex::default(),
            finished: AtomicBool::new(false),
            progress: streams.is_terminal && !global.quiet && !global.no_progress,
            words,
            streams,
            line: Line::new(),
            rests: AtomicBool::new(false),
        }
    }

    /// Whether a write to standard output failed, so that more of them are in vain.
    pub fn is_closed(&self) -> bool {
        self.streams.is_closed()
    }

    /// Fails when a part of the result is lost, other than to a reader who had enough.
    ///
    /// # Errors
    /// That of the first write to standard output that failed.
    pub fn written(&self) -> io::Result<()> {
        self.streams.written()
    }

    /// Writes a line of a result to standard output. A write that fails is remembered:
    /// see [`Ui::written`].
    pub fn print(&self, line: &str) {
        self.streams.write_out(&shown(line));
    }

    /// Writes a line of a result in parts, each in its look where standard output has colours.
    pub fn print_parts(&self, parts: &[(Look, &str)]) {
        let last = parts.iter().rposition(|(_, text)| !text.trim().is_empty());
        let parts = &parts[..last.map_or(0, |last| last + 1)];
        let mut line = String::new();
        for (at, (look, text)) in parts.iter().enumerate() {
            let text = match Some(at) == last {
                true => text.trim_end(),
                false => text,
            };
            let style = look.style();
            line.push_str(&format!("{style}{}{style:#}", shown(text)));
        }
        self.streams.write_out(&line);
    }

    /// Writes a line of a file of a package behind a mark, which no text of the file can pass
    /// for. Its tabs are kept, unless it is a long line, and so are spaces at its end.
    pub fn print_source(&self, look: Look, mark: char, text: &str) {
        let text = match text.len() <= MAX_LINE && !text.contains('\n') {
            true => screen::lines(text),
            false => shown(text),
        };
        let style = look.style();
        self.streams
            .write_out(&format!("{style}{mark}{text}{style:#}"));
    }

    /// Whether a question can be asked: both sides of it are a terminal.
    #[expect(clippy::disallowed_methods, reason = "it only asks what the stream is")]
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Writes a first word and a text to standard output; the text is wrapped, and all its
    /// lines start where the first does.
    pub fn print_hanging(&self, first: &str, text: &str) {
        for line in hanging(&shown(first), &shown(text)) {
            self.streams.write_out(&line);
        }
    }

    /// Writes a file that another program reads to standard output. Its line breaks and
    /// tabs are kept.
    pub fn print_file(&self, text: &str) {
        self.streams
            .write_out(screen::lines(text).trim_end_matches('\n'));
    }

    /// Takes the result of the command for the object that [`Ui::finish`] writes.
    pub fn answer(&self, result: &impl Serialize) {
        if !self.json {
            return;
        }
        let taken = self.with_answer(|answer| answer.take(result));
        if let Err(error) = taken {
            self.streams.lose(error.into());
        }
    }

    /// Writes the one object of this run to standard output, if it is asked for. A command that is
    /// interrupted at its end writes no second one.
    pub fn finish(&self, command: Option<&str>, error: Option<Failure>) {
        if !self.json || self.finished.swap(true, Ordering::Relaxed) {
            return;
        }
        self.with_answer(|answer| {
            answer.command = command.map(str::to_owned);
            answer.error = error;
            self.streams.write_answer(answer);
        });
    }

    fn with_answer<T>(&self, change: impl FnOnce(&mut Answer) -> T) -> T {
        change(&mut self.answer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes one of many results as a line of JSON to standard output.
    pub fn print_json_line(&self, result: &impl Serialize) {
        match serde_json::to_string(result) {
            Ok(text) => self.streams.write_out(&screen::json(&text)),
            Err(error) => self.streams.lose(error.into()),
        }
    }

    /// Writes an error with what to do next.
    pub fn error(&self, what: &str, hints: &[String]) {
        self.talk(&format!("{ERROR}error{ERROR:#}: {}", styled(what)));
        self.hints(hints);
    }

    /// Writes hints.
    pub fn hints(&self, hints: &[String]) {
        for hint in hints {
            self.talk(&format!("{HINT}hint{HINT:#}: {}", styled(hint)));
        }
    }

    /// Writes numbered causes, wrapped.
    pub fn causes(&self, causes: &[String]) {
        for (at, cause) in causes.iter().enumerate() {
            let number = at + 1;
            let lines = hanging(&format!("  {number}. "), &shown(cause));
            self.talk(&styled_code(&lines.join("\n")));
        }
    }

    /// Writes a problem with its place in the source, if it has one.
    pub fn problem(&self, problem: &Problem) {
        if self.json && problem.severity == Severity::Warning {
            let warning = json::Problem::of(problem, self.words);
            self.with_answer(|answer| answer.warnings.push(warning));
        }
        if problem.severity == Severity::Warning && self.quiet {
            return;
        }
        match &problem.place {
            Some(place) => self.talk(&snippet::render(problem, place)),
            None => {
                let (style, word) = match problem.severity {
                    Severity::Error => (ERROR, "error"),
                    Severity::Warning => (WARNING, "warning"),
                };
                let what = styled(&problem.what);
                self.talk(&format!("{style}{word}{style:#}: {what}"));
            }
        }
        let hint = problem.hint.as_ref().map(self.words);
        self.hints(hint.as_slice());
    }

    /// Asks a yes-no question on the terminal; `None` without a terminal.
    #[expect(
        clippy::disallowed_methods,
        reason = "a question ends without a line break"
    )]
    pub fn confirm(&self, question: &str) -> Option<bool> {
        if !self.can_ask() {
            return None;
        }
        let _ = write!(anstream::stderr(), "{} [y/N] ", shown(question));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).ok()?;
        Some(matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "y" | "yes"
        ))
    }

    /// Writes lines that were made safe, with styles, to standard error.
    fn talk(&self, text: &str) {
        let write = || self.streams.write_err(text);
        self.line.suspend(write);
    }

    fn step(&self, verb: &str, message: &str) {
        let message = shown(message);
        self.talk(&format!("{VERB}{verb:>VERB_WIDTH$}{VERB:#} {message}"));
    }

    /// A request to a host that is over.
    fn asked(&self, asked: &Asked<'_>) {
        let outcome = match asked.status {
            Some(status) => status.to_string(),
            None => "no answer".into(),
        };
        let took = match self.verbose {
            1 => String::new(),
            _ => format!(", {:.1?}", asked.took),
        };
        let what = format!("{} {}: {outcome}{took}", asked.method, asked.url);
        self.step("Asked", &what);
    }

    /// From now on, until [`Ui::rest`], what takes long is shown on a terminal, and requests are
    /// told where the options ask for that.
    pub fn watch(&'static self) {
        if self.verbose > 0 && !self.quiet {
            self.line.activity().listen(|asked| self.asked(asked));
        }
        if self.progress {
            let look = || {
                while !self.rests.load(Ordering::Relaxed) {
                    self.line.draw();
                    thread::sleep(progress::TICK);
                }
            };
            // Without a thread there is no line.
            let _ = thread::Builder::new().spawn(look);
        }
    }

    /// Shows no more what takes long.
    pub fn rest(&self) {
        self.rests.store(true, Ordering::Relaxed);
        self.line.clear();
    }

    /// Where requests to hosts are told.
    pub fn activity(&self) -> Activity {
        self.line.activity().clone()
    }
}

impl Reporter for Ui {
    fn report(&self, event: Event) {
        match event {
            Event::Done { verb, message } if !self.quiet => {
                self.step(verb, &message);
            }
            Event::Detail { verb, message } if self.verbose > 0 => {
                self.step(verb, &message);
            }
            Event::Signing { subject, text } if !self.quiet => {
                self.step("Signing", &subject);
                self.talk(&quoted(&text));
            }
            Event::Done { .. } | Event::Detail { .. } | Event::Signing { .. } => {}
            Event::Warning(problem) => self.problem(&problem),
            Event::Progress(progress) => {
                if let Some((verb, took)) = self.line.take(progress)
                    && self.verbose > 1
                {
                    self.step("Timed", &format!("{}: {took:.1?}", verb.to_lowercase()));
                }
            }
        }
    }
}

/// Reports a defect of the program, with the place in its source.
pub fn panicked(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let why = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    let why = why.or_else(|| payload.downcast_ref::<String>().cloned());
    Streams::of_process().write_err(&defect(
        &why.unwrap_or_else(|| "no reason given".into()),
        &info.location().map(ToString::to_string).unwrap_or_default(),
    ));
}

fn defect(why: &str, place: &str) -> String {
    format!(
        "{ERROR}error{ERROR:#}: lumen has a defect: {}, at {}\n\
         {HINT}hint{HINT:#}: please report it, with what you did",
        styled(why),
        shown(place)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_told_in_two_lines() {
        let told =
            anstream::adapter::strip_str(&defect("`x`\u{1b}[2J\nerror: y", "a.rs:1:2")).to_string();
        assert_eq!(
            told,
            "error: lumen has a defect: `x`\\u{1b}[2J\\nerror: y, at a.rs:1:2\n\
             hint: please report it, with what you did"
        );
    }
}
