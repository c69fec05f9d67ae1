//! A reporter that writes down every event.

use std::sync::Mutex;

use lumen_core::problem::Problem;
use lumen_ops::report::{Event, Reporter};
use lumen_registry::progress::Progress;

/// Writes down every event, one line each.
#[derive(Default)]
pub struct Recorder {
    events: Mutex<Vec<Event>>,
}

impl Reporter for Recorder {
    fn report(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }
}

impl Recorder {
    /// The events since the last time. Steps of work that is done at once come in any order, so
    /// those that follow each other are sorted.
    pub fn take(&self) -> Vec<String> {
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        let mut lines: Vec<(bool, String)> = events.iter().map(line).collect();
        for steps in lines.chunk_by_mut(|a, b| a.0 && b.0) {
            steps.sort();
        }
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// An event as a line, and whether it is a step.
fn line(event: &Event) -> (bool, String) {
    match event {
        Event::Done { verb, message } => (false, format!("{verb} {message}")),
        Event::Detail { verb, message } => (false, format!("({verb} {message})")),
        Event::Signing { subject, text } => (false, format!("signing {subject}:\n{text}")),
        Event::Warning(problem) => (false, warning(problem)),
        Event::Progress(Progress::Started { verb, steps: 0 }) => (false, format!("{verb} …")),
        Event::Progress(Progress::Started { verb, steps }) => (false, format!("{verb} {steps} …")),
        Event::Progress(Progress::Expected { .. }) => (false, "… of some size".into()),
        Event::Progress(Progress::Advanced { item }) => (true, format!("… {item}")),
        Event::Progress(Progress::Finished) => (false, "… finished".into()),
    }
}

fn warning(problem: &Problem) -> String {
    let place = problem.place.as_ref().map(|place| {
        let (line, column) = place.line_column();
        format!(" at {}:{line}:{column}", place.file)
    });
    let hint = problem.hint.as_ref().map(|hint| match hint.text() {
        Some(text) => format!("; {text}"),
        None => format!("; {hint:?}"),
    });
    let (place, hint) = (place.unwrap_or_default(), hint.unwrap_or_default());
    format!("warning: {}{place}{hint}", problem.what)
}
