//! A problem with the lines of the source that it is about.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use lumen_core::{
    problem::{Place, Problem, Severity},
    screen,
};

use super::text::{WIDTH, shown};

/// The problem with its place; the source may be anything.
pub(super) fn render(problem: &Problem, place: &Place) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let (what, file) = (shown(&problem.what), shown(&place.file));
    let title = level.primary_title(what.as_ref());
    if !place.source.is_empty() && place.source.trim().is_empty() {
        // There is nothing to point at, or nothing that may be shown.
        let (line, column) = place.line_column();
        let origin = Origin::path(file.as_ref()).line(line).char_column(column);
        return Renderer::styled().render(&[title.element(origin)]);
    }
    // The caret has to follow the text that grows with each escape.
    let (mut start, mut end) = (place.span.start, place.span.end);
    let source = screen::lines_with_places(&place.source, &mut [&mut start, &mut end]);
    let annotation = AnnotationKind::Primary.span(start..end);
    let label = shown(&place.label);
    let annotation = match label.is_empty() {
        true => annotation,
        false => annotation.label(label.as_ref()),
    };
    let snippet = Snippet::source(source.as_str())
        .path(file.as_ref())
        .annotation(annotation);
    let report = &[title.element(snippet)];
    // The styled form is stripped again where colour is off.
    Renderer::styled().term_width(WIDTH).render(report)
}
