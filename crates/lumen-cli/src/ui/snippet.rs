//! A problem with the lines of the source that it is about.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use lumen_core::{
    problem::{Place, Problem, Severity},
    screen,
};

use super::{WIDTH, shown};

/// The problem with its place; the source may be anything.
pub(super) fn render(problem: &Problem, place: &Place) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    // The caret has to follow the text that grows with each escape.
    let (mut start, mut end) = (place.span.start, place.span.end);
    let source = screen::lines_with_places(&place.source, &mut [&mut start, &mut end]);
    let annotation = AnnotationKind::Primary.span(start..end);
    let label = shown(&place.label);
    let annotation = match label.is_empty() {
        true => annotation,
        false => annotation.label(label.as_ref()),
    };
    let file = shown(&place.file);
    let snippet = Snippet::source(source.as_str())
        .path(file.as_ref())
        .annotation(annotation);
    let what = shown(&problem.what);
    let report = &[level.primary_title(what.as_ref()).element(snippet)];
    // The styled form is stripped again where colour is off.
    Renderer::styled().term_width(WIDTH).render(report)
}
