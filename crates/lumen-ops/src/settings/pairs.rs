//! Which URLs the user gave, and under which names: a secret goes to what it was paired with.
//!
//! A project's files pair nothing. They may give any name any URL, so neither the name nor the
//! URL alone says where a secret may go.

use std::collections::{BTreeMap, BTreeSet};

use lumen_registry::Location;
use url::Url;

/// Registries as the user gave them: by flag, in the environment or in their configuration.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    /// By URL: the names that the user gave it.
    places: BTreeMap<String, BTreeSet<String>>,
    /// Scheme, host and port of all of them, and of the hosts whose credential helper is known.
    origins: BTreeSet<String>,
}

impl Pairs {
    /// Adds a URL that the user gave, with the name that they gave it, if any.
    pub(super) fn add(&mut self, name: Option<&str>, url: &str) {
        let names = self.places.entry(place(url)).or_default();
        names.extend(name.map(str::to_owned));
        self.add_origin(url);
    }

    /// Adds the origin of a URL that the user gave without meaning a registry.
    pub(super) fn add_origin(&mut self, url: &str) {
        if let Ok(url) = Url::parse(url) {
            self.origins.insert(origin(&url));
        }
    }

    /// Whether the user gave this URL. It must be the whole URL: another path on the same host
    /// may belong to somebody else.
    pub fn has(&self, url: &str) -> bool {
        self.places.contains_key(&place(url))
    }

    /// The names that the user gave a URL, in alphabetical order.
    pub fn names(&self, url: &str) -> impl Iterator<Item = &str> {
        let names = self.places.get(&place(url)).into_iter().flatten();
        names.map(String::as_str)
    }

    /// Whether the user gave a URL with the same scheme, host and port.
    pub fn has_origin(&self, url: &Url) -> bool {
        self.origins.contains(&origin(url))
    }
}

/// A URL in the one form that all spellings of it have: without a password, host in lower case
/// and ASCII, no usual port, no slash at the end.
pub(super) fn place(url: &str) -> String {
    Location::parse(url).map_or_else(|_| url.to_owned(), |location| location.url())
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_place() {
        let mut pairs = Pairs::default();
        pairs.add(Some("work"), "HTTPS://me:secret@Work.example:443/a/");
        for (url, expected) in [
            ("https://work.example/a", true),
            ("https://work.example/x/../a", true),
            ("https://work.example/a/b", false),
            ("https://work.example/ab", false),
            ("https://work.example/", false),
            ("https://work.example/a%2f..%2f..%2fb", false),
            ("http://work.example/a", false),
            ("https://work.example:8443/a", false),
            ("https://work.example./a", false),
            ("https://work.example.evil/a", false),
            ("https://work.example@evil/a", false),
            ("https://evil/work.example/a", false),
        ] {
            assert_eq!(pairs.has(url), expected, "{url}");
            let names: Vec<&str> = pairs.names(url).collect();
            let expected: &[&str] = if expected { &["work"] } else { &[] };
            assert_eq!(names, expected, "{url}");
        }
        for (url, expected) in [
            ("https://work.example/b", true),
            ("http://work.example/a", false),
            ("https://work.example:1/a", false),
            ("https://evil/", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(pairs.has_origin(&url), expected, "{url}");
        }
    }
}
