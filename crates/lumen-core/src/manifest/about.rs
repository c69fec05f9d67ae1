//! What `[package]` says about the package to people and to tools: keywords, authors, links.
//!
//! A registry publishes these values, so they have limits. A value beyond them is no error
//! while the package is only used; [`unfit`](super::unfit) reports it before publishing.

use std::collections::BTreeMap;

use url::Url;

use super::reader::{Field, Reader, Text, shown, shown_bare};
use crate::limits::{MAX_LINK_NAME, MAX_LINKS, MAX_URL_BYTES, Row, rows};

pub(super) fn keywords(reader: &mut Reader, field: &Field<'_>) -> Vec<String> {
    texts(
        reader,
        field,
        Some(rows::MAX_KEYWORDS),
        rows::MAX_KEYWORD_BYTES,
    )
}

pub(super) fn categories(reader: &mut Reader, field: &Field<'_>) -> Vec<String> {
    texts(reader, field, None, rows::MAX_KEYWORD_BYTES)
}

pub(super) fn authors(reader: &mut Reader, field: &Field<'_>) -> Vec<String> {
    texts(
        reader,
        field,
        Some(rows::MAX_AUTHORS),
        rows::MAX_AUTHOR_BYTES,
    )
}

/// A list of short texts of one line each.
fn texts(reader: &mut Reader, field: &Field<'_>, most: Option<Row>, bytes: Row) -> Vec<String> {
    let texts = reader.strings(field);
    let beyond = most.and_then(|most| {
        let last = usize::try_from(most.value).ok()?;
        Some((texts.get(last)?, most))
    });
    if let Some((text, most)) = beyond {
        let what = format!("`{}` has {} items", shown_bare(field.key), texts.len());
        reader.unfit(text.span.clone(), what, most.to_string());
    }
    for text in &texts {
        one_line(reader, field.key, text, bytes);
    }
    texts.into_iter().map(|text| text.text.to_owned()).collect()
}

/// Reports a text that is empty, too long, or more than a line.
fn one_line(reader: &mut Reader, key: &str, text: &Text<'_>, most: Row) {
    let (key, span) = (shown_bare(key), text.span.clone());
    if text.text.trim().is_empty() {
        reader.unfit(span, format!("`{key}` has an empty text"), "leave it out");
    } else if text.text.len() as u64 > most.value {
        let what = format!("this text of `{key}` has {} bytes", text.text.len());
        reader.unfit(span, what, most.to_string());
    } else if text.text.chars().any(char::is_control) {
        let what = format!("this text of `{key}` has a control character");
        reader.unfit(span, what, "write it on one line");
    }
}

/// A URL that people follow.
pub(super) fn link(reader: &mut Reader, field: &Field<'_>) -> Option<String> {
    let text = reader.string(field)?;
    url(reader, field.key, &text);
    Some(text.text.to_owned())
}

fn url(reader: &mut Reader, key: &str, text: &Text<'_>) {
    if is_web_url(text.text) {
        return;
    }
    let (key, span) = (shown_bare(key), text.span.clone());
    if text.text.len() > MAX_URL_BYTES {
        let what = format!("the URL of `{key}` has {} bytes", text.text.len());
        reader.unfit(span, what, rows::MAX_URL_BYTES.to_string());
        return;
    }
    let what = format!("`{key}` is not an http or https URL");
    let hint = "people follow it from the registry's pages";
    reader.warn_or_unfit(span, what, hint);
}

/// Whether a text is a URL that pages may link to: http or https, with a host and without
/// credentials, of at most [`MAX_URL_BYTES`] bytes, and without spaces and control characters.
pub fn is_web_url(text: &str) -> bool {
    let odd = |c: char| c.is_control() || c.is_whitespace();
    let is_web = |url: Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    };
    text.len() <= MAX_URL_BYTES && !text.contains(odd) && Url::parse(text).is_ok_and(is_web)
}

/// `links`: URLs by what is there.
pub(super) fn links(reader: &mut Reader, field: &Field<'_>) -> BTreeMap<String, String> {
    let mut links = BTreeMap::new();
    let Some(mut section) = reader.section(field, "`links`") else {
        return links;
    };
    let fields = section.take_all();
    if let Some(field) = fields.get(MAX_LINKS) {
        let what = format!("`links` has {} items", fields.len());
        reader.unfit(field.key_span.clone(), what, rows::MAX_LINKS.to_string());
    }
    for field in fields {
        if !is_link_name(field.key) {
            let what = format!("{} is not the name of a link", shown(field.key));
            let hint = format!(
                "use at most {MAX_LINK_NAME} lower-case letters, digits and `-`, such as `changelog`"
            );
            reader.unfit(field.key_span.clone(), what, hint);
        }
        if let Some(url) = link(reader, &field) {
            links.insert(field.key.to_owned(), url);
        }
    }
    links
}

/// Whether a text can be the name of a link.
pub fn is_link_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LINK_NAME).contains(&text.len()) && text.bytes().all(plain)
}

/// The last day of support.
pub(super) fn support_until(reader: &mut Reader, field: &Field<'_>) -> Option<String> {
    let text = reader.string(field)?;
    if is_date(text.text) {
        return Some(text.text.to_owned());
    }
    let what = format!("{} is not a date", shown(text.text));
    let problem = reader.error(text.span, what);
    reader.push(problem.hint("write it as `2028-01-31`"));
    None
}

/// Whether a text is a date as in RFC 3339: `2028-01-31`.
pub fn is_date(text: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 10
        && text.bytes().enumerate().all(shape)
        && text.parse::<jiff::civil::Date>().is_ok()
}
