//! Reading TOML with positions: typed values, and problems that point at them.

mod section;
mod words;

use std::{ops::Range, sync::Arc};

use toml_edit::{Document, Item, TableLike, Value};

pub(crate) use self::section::{Field, Section, Text};
use self::section::{fields, kind, value_kind};
pub(crate) use self::words::{brief, conflict_marker, shown, shown_bare};
use crate::limits::{MAX_CANDIDATES, MAX_PROBLEMS, Row};
use crate::problem::{self, Place, Problem, Severity};
use crate::remedy::Remedy;

/// A file being read, and the problems found so far.
pub(crate) struct Reader {
    file: String,
    source: Arc<str>,
    problems: Vec<Problem>,
    failed: bool,
    /// Whether the file is about to be published.
    for_release: bool,
}

impl Reader {
    pub fn new(file: &str, source: &str) -> Self {
        Self {
            file: file.to_owned(),
            source: source.into(),
            problems: Vec::new(),
            failed: false,
            for_release: false,
        }
    }

    /// A reader of a file that is about to be published.
    pub fn for_release(file: &str, source: &str) -> Self {
        Self {
            for_release: true,
            ..Self::new(file, source)
        }
    }

    /// As [`Reader::unfit`]; a warning while the package is only used.
    pub fn warn_or_unfit(
        &mut self,
        span: Range<usize>,
        what: impl Into<String>,
        hint: impl Into<Remedy>,
    ) {
        let problem = match self.for_release {
            true => self.error(span, what),
            false => self.warning(span, what),
        };
        self.push(problem.hint(hint));
    }

    /// Tells what keeps a package from being published; `hint` says what would do.
    pub fn unfit(&mut self, span: Range<usize>, what: impl Into<String>, hint: impl Into<Remedy>) {
        if self.for_release {
            let problem = self.error(span, what);
            self.push(problem.hint(hint));
        }
    }

    /// Parses the text; a syntax error becomes the only problem, as does a text with more bytes
    /// than the limit.
    pub fn document(&mut self, limit: Row) -> Option<Document<Arc<str>>> {
        let bytes = self.source.len();
        if u64::try_from(bytes).map_or(true, |bytes| bytes > limit.value) {
            let what = format!("`{}` has {bytes} bytes; {limit}", self.file);
            self.push(Problem::error(what));
            return None;
        }
        match Document::parse(Arc::clone(&self.source)) {
            Ok(document) => Some(document),
            Err(error) => {
                let problem = self.syntax_error(&error);
                self.push(problem);
                None
            }
        }
    }

    fn syntax_error(&self, error: &toml_edit::TomlError) -> Problem {
        if let Some(span) = conflict_marker(&self.source) {
            return self
                .error(span, "the file has the markers of a merge conflict")
                .hint("keep the lines you want and delete the markers");
        }
        let span = error.span().unwrap_or_default();
        let message = error.message().trim();
        if message == "duplicate key" {
            let key = self.source.get(span.clone()).unwrap_or_default();
            return self
                .error(span.clone(), format!("{} is defined twice", shown(key)))
                .hint("keep one of them");
        }
        let raw = self.raw(&span);
        if message.starts_with("string values must be quoted") {
            return match raw.is_empty() {
                true => self.error(span, "a value is missing"),
                false => self
                    .error(span.clone(), format!("{} is not a value", shown(raw)))
                    .hint("strings need quotes, such as \"^1.0\""),
            };
        }
        let message = message
            .strip_suffix(", expected nothing")
            .unwrap_or(message);
        let problem = match message.strip_prefix("invalid ") {
            Some(what) => self.error(span, format!("this is not a valid {what}")),
            None => self.error(span, message),
        };
        match message.starts_with("invalid unquoted key") {
            true => problem.hint("names with other characters stand in quotes: \"@scope/name\""),
            false => problem,
        }
    }

    /// The root table.
    pub fn root<'d>(&self, document: &'d Document<Arc<str>>) -> Section<'d> {
        Section {
            name: "this file".into(),
            fields: fields(document.as_table()),
            known: Vec::new(),
            span: 0..0,
        }
    }

    /// The field's value as a table, or a problem. `name` is for messages.
    pub fn section<'d>(
        &mut self,
        field: &Field<'d>,
        name: impl Into<String>,
    ) -> Option<Section<'d>> {
        let name = name.into();
        let Some(table) = field.item.as_table_like() else {
            let what = format!("{name} must be a table, not {}", kind(field.item));
            self.push(self.error(field.span(), what));
            return None;
        };
        Some(Section {
            name,
            fields: fields(table),
            known: Vec::new(),
            span: field.key_span.clone(),
        })
    }

    /// The field's value as an array of tables, or a problem.
    pub fn sections<'d>(&mut self, field: &Field<'d>) -> Vec<Section<'d>> {
        type Tables<'d> = Vec<(&'d dyn TableLike, Option<Range<usize>>)>;
        let tables: Option<Tables<'d>> = match field.item {
            Item::ArrayOfTables(tables) => {
                let part = |table: &'d toml_edit::Table| (table as &dyn TableLike, table.span());
                Some(tables.iter().map(part).collect())
            }
            Item::Value(Value::Array(array)) => {
                let part = |value: &'d Value| {
                    let table = value.as_inline_table()?;
                    Some((table as &dyn TableLike, table.span()))
                };
                array.iter().map(part).collect()
            }
            _ => None,
        };
        let Some(tables) = tables else {
            let what = format!(
                "`{}` must be an array of tables, not {}",
                shown_bare(field.key),
                kind(field.item)
            );
            self.push(self.error(field.span(), what));
            return Vec::new();
        };
        let section = |(table, span): (&'d dyn TableLike, Option<Range<usize>>)| Section {
            name: format!("[[{}]]", field.key),
            fields: fields(table),
            known: Vec::new(),
            span: span.unwrap_or_else(|| field.key_span.clone()),
        };
        tables.into_iter().map(section).collect()
    }

    /// The field's value as a string, or a problem.
    pub fn string<'d>(&mut self, field: &Field<'d>) -> Option<Text<'d>> {
        if let Some(text) = field.item.as_str() {
            return Some(Text {
                text,
                span: field.span(),
            });
        }
        let span = field.span();
        let what = format!(
            "`{}` must be a string, not {}",
            shown_bare(field.key),
            kind(field.item)
        );
        let problem = self.error(span.clone(), what);
        self.push(match field.item {
            Item::Value(Value::Integer(_) | Value::Float(_) | Value::Datetime(_)) => {
                problem.hint(format!("write it in quotes: \"{}\"", self.raw(&span)))
            }
            _ => problem,
        });
        None
    }

    /// The field's value as a string that is not empty, or a problem.
    pub fn word<'d>(&mut self, field: &Field<'d>) -> Option<Text<'d>> {
        let text = self.string(field)?;
        if text.text.trim().is_empty() {
            let what = format!("`{}` cannot be empty", shown_bare(field.key));
            self.push(self.error(text.span, what));
            return None;
        }
        Some(text)
    }

    /// The field's value as an array of strings; any other item is a problem and left out.
    pub fn strings<'d>(&mut self, field: &Field<'d>) -> Vec<Text<'d>> {
        let Some(array) = field.item.as_array() else {
            let what = format!(
                "`{}` must be an array of strings, not {}",
                shown_bare(field.key),
                kind(field.item)
            );
            let problem = self.error(field.span(), what);
            self.push(match field.item {
                Item::Value(Value::String(_)) => problem.hint(format!(
                    "write it in brackets: [{}]",
                    self.raw(&field.span())
                )),
                _ => problem,
            });
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(array.len());
        for value in array {
            let span = value.span().unwrap_or_else(|| field.span());
            match value.as_str() {
                Some(text) => texts.push(Text { text, span }),
                None => {
                    let what = format!(
                        "`{}` must hold strings, not {}",
                        shown_bare(field.key),
                        value_kind(value)
                    );
                    self.push(self.error(span, what));
                }
            }
        }
        texts
    }

    /// Like [`Reader::strings`], without the places.
    pub fn plain_strings(&mut self, field: &Field<'_>) -> Vec<String> {
        let texts = self.strings(field).into_iter();
        texts.map(|text| text.text.to_owned()).collect()
    }

    /// The field's value as `true` or `false`, or a problem.
    pub fn boolean(&mut self, field: &Field<'_>) -> Option<bool> {
        if let Some(value) = field.item.as_bool() {
            return Some(value);
        }
        let what = format!(
            "`{}` must be `true` or `false`, not {}",
            shown_bare(field.key),
            kind(field.item)
        );
        let problem = self.error(field.span(), what);
        self.push(match field.item.as_str() {
            Some(text @ ("true" | "false")) => {
                problem.hint(format!("leave out the quotes: {text}"))
            }
            _ => problem,
        });
        None
    }

    /// Warns about the keys that were not taken.
    pub fn finish(&mut self, section: Section<'_>) {
        for field in &section.fields {
            let what = format!("unknown key {} in {}", shown(field.key), section.name);
            let problem = self.warning(field.key_span.clone(), what);
            let near = self.nearest(field.key, section.known.iter().copied());
            self.push(match near {
                Some(known) => problem.hint(format!("did you mean `{known}`?")),
                None => problem.hint("it is ignored"),
            });
        }
    }

    /// An error at a place; to be [`Reader::push`]ed.
    pub fn error(&self, span: Range<usize>, what: impl Into<String>) -> Problem {
        Problem::error(what).at(self.place(span))
    }

    /// A warning at a place; to be [`Reader::push`]ed.
    pub fn warning(&self, span: Range<usize>, what: impl Into<String>) -> Problem {
        Problem::warning(what).at(self.place(span))
    }

    /// A place in the file.
    pub fn place(&self, span: Range<usize>) -> Place {
        Place {
            file: self.file.clone(),
            source: Arc::clone(&self.source),
            span,
            label: String::new(),
        }
    }

    pub fn push(&mut self, problem: Problem) {
        let first_error = problem.severity == Severity::Error && !self.failed;
        if self.problems.len() < MAX_PROBLEMS || first_error {
            self.problems.push(problem);
        }
        self.failed |= first_error;
    }

    /// The known word that the author probably meant, for a hint; `None` without a search
    /// when no hint is shown.
    pub fn nearest<'k>(
        &self,
        word: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<&'k str> {
        match self.problems.len() < MAX_PROBLEMS {
            true => problem::nearest(word, known.into_iter().take(MAX_CANDIDATES)),
            false => None,
        }
    }

    /// The text at a place.
    pub fn raw(&self, span: &Range<usize>) -> &str {
        self.source.get(span.clone()).unwrap_or_default()
    }

    /// Where a part of a string stands in the file; the whole string when escapes hide it.
    pub fn inside(&self, text: &Text<'_>, part: Range<usize>) -> Range<usize> {
        let raw = self.raw(&text.span);
        let quotes = match raw.starts_with("\"\"\"") || raw.starts_with("'''") {
            true => 3,
            false => 1,
        };
        let within = raw
            .len()
            .checked_sub(quotes)
            .and_then(|end| raw.get(quotes..end));
        match within == Some(text.text) {
            true => {
                let start = text.span.start + quotes;
                start + part.start..start + part.end
            }
            false => text.span.clone(),
        }
    }

    /// All problems in the order of the file, and whether one of them is an error.
    pub fn into_problems(mut self) -> (Vec<Problem>, bool) {
        self.problems
            .sort_by_key(|problem| problem.place.as_ref().map_or(0, |place| place.span.start));
        (self.problems, self.failed)
    }

    /// The first error so far, in the order of the file; the others are dropped.
    pub fn take_first_error(&mut self) -> Option<Problem> {
        std::mem::take(&mut self.problems)
            .into_iter()
            .filter(|problem| problem.severity == Severity::Error)
            .min_by_key(|problem| problem.place.as_ref().map_or(0, |place| place.span.start))
    }
}
