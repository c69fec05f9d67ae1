//! Single values that several tables have: paths, names of registries, URLs without secrets.

use std::ops::Range;

use url::Url;

use super::reader::{Field, Reader, Text, shown, shown_bare};
use crate::{name::NameError, problem::Problem};

/// The name of a registry, as `registry` or a scope gives it.
pub(super) fn registry_name(reader: &mut Reader, field: &Field<'_>) -> Option<String> {
    let text = reader.word(field)?;
    if is_registry_name(text.text) {
        return Some(text.text.to_owned());
    }
    let what = format!("{} is not the name of a registry", shown(text.text));
    let problem = reader.error(text.span.clone(), what);
    reader.push(match text.text.contains("://") {
        true => problem.hint("give the URL a name in [registry.registries] and use that here"),
        false => problem.hint("use letters, digits, `-` and `_`"),
    });
    None
}

/// Registry names become names of environment variables and folders.
pub(super) fn is_registry_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// A path with `/`, relative so that it means the same on every machine.
pub(super) fn relative_path(reader: &mut Reader, text: &Text<'_>) -> Option<String> {
    let at = |c: char| {
        let at = text.text.find(c).unwrap_or(0);
        at..at + c.len_utf8()
    };
    let (part, what, hint): (Range<usize>, _, _) =
        if let Some(c) = text.text.chars().find(|c| c.is_control()) {
            (at(c), "a path cannot have control characters", None)
        } else if text.text.contains('\\') {
            let hint = format!("write `{}`", shown_bare(&text.text.replace('\\', "/")));
            (
                at('\\'),
                "a path is written with `/` on every system",
                Some(hint),
            )
        } else if is_absolute(text.text) {
            let hint = "the manifest and the lock must mean the same on every machine".to_owned();
            (0..text.text.len(), "the path must be relative", Some(hint))
        } else {
            return Some(text.text.to_owned());
        };
    let problem = reader.error(reader.inside(text, part), what);
    reader.push(match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    });
    None
}

/// Whether a path with `/` is absolute on any system (`/x`, `C:x`, `~/x`).
pub(crate) fn is_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    path.starts_with('/')
        || path.starts_with('\\')
        || path == "~"
        || path.starts_with("~/")
        || (bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':')
}

/// Whether a text can be an argument of the git program, and is no option of it.
pub(crate) fn is_git_word(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && !text.chars().any(|c| c.is_control() || c == ' ')
}

/// Whether a text can be given to the git program as the place of a repository.
pub(crate) fn is_git_url(text: &str) -> bool {
    // `transport::address` makes git run a program of that name.
    let is_transport = |before: &str| {
        let name = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        before.bytes().all(name)
    };
    is_git_word(text)
        && !text
            .split_once("::")
            .is_some_and(|(before, _)| is_transport(before))
}

/// Whether a URL has a password in it, or a user name where that may be a token.
fn has_credentials(url: &Url) -> bool {
    let web = matches!(url.scheme().trim_start_matches("git+"), "http" | "https");
    url.password().is_some() || (web && !url.username().is_empty())
}

/// Whether a URL has no password in it; one that has is a problem.
pub(super) fn no_credentials(reader: &mut Reader, text: &Text<'_>) -> bool {
    if !Url::parse(text.text).is_ok_and(|url| has_credentials(&url)) {
        return true;
    }
    let start = text.text.find("://").map_or(0, |at| at + 3);
    let end = text.text.find('@').map_or(text.text.len(), |at| at + 1);
    let span = reader.inside(text, start.min(end)..end);
    let problem = reader.error(span.clone(), "credentials do not belong in this file");
    reader.push(
        masked(problem, &span)
            .hint("use a netrc file, a credential helper or LUMEN_REGISTRIES_<NAME>_TOKEN"),
    );
    false
}

/// The problem without the text at this place: messages end up in logs.
pub(super) fn masked(mut problem: Problem, span: &Range<usize>) -> Problem {
    if let Some(place) = &mut problem.place {
        let (before, after) = (&place.source[..span.start], &place.source[span.end..]);
        place.source = format!("{before}{}{after}", "*".repeat(span.len())).into();
    }
    problem
}

/// Whether `workspace` is `true`; anything else is a problem.
pub(super) fn only_true(reader: &mut Reader, workspace: &Field<'_>) -> bool {
    let value = reader.boolean(workspace);
    if value == Some(false) {
        let problem = reader.error(workspace.span(), "`workspace` can only be `true`");
        reader.push(problem.hint("leave it out to give a value here"));
    }
    value == Some(true)
}

/// The part of a name that an error is about.
pub(super) fn blamed(name: &str, error: &NameError) -> Range<usize> {
    let found = match error {
        NameError::Empty | NameError::Shape => None,
        NameError::Character { character } => name
            .find(*character)
            .map(|at| at..at + character.len_utf8()),
        NameError::TooLong { part, .. }
        | NameError::Edge { part }
        | NameError::Device { part }
        | NameError::Dots { part }
        | NameError::Reserved { part, .. } => {
            name.find(part.as_str()).map(|at| at..at + part.len())
        }
    };
    found.unwrap_or(0..name.len())
}

/// A URL without user name and password; what is no URL stays as it is.
pub fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden() {
        assert_eq!(
            without_credentials("https://u:p@h.example/x"),
            "https://h.example/x"
        );
        assert_eq!(without_credentials("git@h.example:x"), "git@h.example:x");
    }
}
