//! The URLs that the user gave, and their names: a secret goes only to the URL that it was
//! paired with.
//!
//! A project's files cannot pair names and URLs. They may give any name any URL, so neither
//! the name nor the URL alone decides where a secret may go.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::manifest::RegistryUrls;
use lumen_registry::{Location, login::percent_decode};
use url::Url;

/// Registries as the user gave them: by flag, in the environment or in their configuration.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    /// By URL: the names that the user gave it, and which secrets of each it may have.
    places: BTreeMap<String, BTreeMap<String, Reach>>,
    /// Scheme, host and port of all of them, and of the hosts whose credential helper is known.
    origins: BTreeSet<String>,
}

/// Which token of a registry one of its URLs may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The one of the registry, which may write to it.
    Whole,
    /// The one for reading: the registry is written to elsewhere, and the other token is for there.
    ReadOnly,
}

impl Pairs {
    /// Adds a URL that the user gave without a name.
    pub(super) fn add(&mut self, url: &str) {
        self.places.entry(place(url)).or_default();
        self.add_origin(url);
    }

    /// Adds the URLs of a registry, with the name that the user gave it.
    pub(super) fn add_registry(&mut self, name: &str, urls: &RegistryUrls) {
        if let Some(publish) = &urls.publish {
            self.add_named(name, publish, Reach::Whole);
        }
        self.add_named(name, &urls.read, reach(urls));
    }

    fn add_named(&mut self, name: &str, url: &str, reach: Reach) {
        self.add(url);
        let names = self.places.entry(place(url)).or_default();
        names.entry(name.to_owned()).or_insert(reach);
    }

    /// Adds the origin of a URL that the user gave without meaning a registry.
    pub(super) fn add_origin(&mut self, url: &str) {
        if let Ok(url) = Url::parse(url) {
            self.origins.insert(origin(&url));
        }
    }

    /// Whether the user gave this URL. It must be the whole URL: another path on the same host
    /// may belong to another operator.
    pub fn has(&self, url: &str) -> bool {
        self.places.contains_key(&place(url))
    }

    /// The names that the user gave a URL, in alphabetical order, with the token of each that
    /// may be sent there.
    pub fn names(&self, url: &str) -> impl Iterator<Item = (&str, Reach)> {
        let names = self.places.get(&place(url)).into_iter().flatten();
        names.map(|(name, reach)| (name.as_str(), *reach))
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

/// Which token the URL to read from may have. A token that may write stays with the place that
/// is written to, unless that place takes no token.
fn reach(urls: &RegistryUrls) -> Reach {
    let Some(publish) = &urls.publish else {
        return Reach::Whole;
    };
    // Where the place to write to is not understood, nothing is sent elsewhere.
    let Ok(publish) = Location::parse(publish) else {
        return Reach::ReadOnly;
    };
    let Some(publish) = publish.token_host() else {
        return Reach::Whole;
    };
    let read = Location::parse(&urls.read);
    let read = read.as_ref().ok().and_then(Location::token_host);
    match read.is_none_or(|read| origin(read) == origin(publish)) {
        true => Reach::Whole,
        false => Reach::ReadOnly,
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Whether a URL is the one that a secret was given for, or below it. That one ends with `/`.
///
/// A URL is not below another one if servers disagree about which folder its path is in: some
/// decode separators and dots before they take `..` out of a path, or ignore what is behind `;`.
pub(super) fn is_below(url: &str, start: &str) -> bool {
    url.strip_prefix(start).is_some_and(is_plain)
}

/// Whether all servers read a path as these folders below another one.
fn is_plain(path: &str) -> bool {
    let is_dots = |segment: &str| {
        let name = segment.split(';').next().unwrap_or_default().trim();
        name.contains('.') && name.chars().all(|c| c == '.')
    };
    let special = |byte: u8| byte.is_ascii_control() || b"/\\.;%".contains(&byte);
    let encoded = path.split('%').skip(1).any(|after| {
        let byte = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        byte.is_none_or(special)
    });
    // An overlong form of a separator is not UTF-8.
    !encoded
        && !path.contains('\\')
        && percent_decode(path).is_some_and(|path| !path.split('/').any(is_dots))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_place() {
        let mut pairs = Pairs::default();
        let urls = RegistryUrls {
            read: "HTTPS://me:secret@Work.example:443/a/".to_owned(),
            publish: None,
        };
        pairs.add_registry("work", &urls);
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
            let names: Vec<&str> = pairs.names(url).map(|(name, _)| name).collect();
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

    #[test]
    fn what_is_below_a_url() {
        let start = "https://h/team/";
        for (path, expected) in [
            ("", true),
            ("lib/", true),
            ("lib;v=1/", true),
            ("@org/a.b/..c/", true),
            ("%C3%9Cbung%20x/", true),
            ("..%2fattacker/", false),
            ("..%2Fattacker/", false),
            ("..%5cattacker/", false),
            ("%2e%2e/attacker/", false),
            (".%2e/attacker/", false),
            ("..\\attacker/", false),
            ("..;/attacker/", false),
            ("..;x=1/attacker/", false),
            ("..%3b/attacker/", false),
            ("lib/..;/..;/attacker/", false),
            (".;/x/", false),
            ("..%20/attacker/", false),
            ("..%252fattacker/", false),
            ("..%c0%afattacker/", false),
            ("..%00/attacker/", false),
            ("..%0d/attacker/", false),
            ("x%2fy/", false),
            ("x%/", false),
            ("x%zz/", false),
        ] {
            let url = format!("{start}{path}");
            assert_eq!(is_below(&url, start), expected, "{url}");
        }
        // What the user wrote for a URL is for that URL, however it is written.
        let odd = "https://h/api/group%2Fproject/";
        assert!(is_below(odd, odd) && is_below(&format!("{odd}x/"), odd));
        assert!(!is_below(odd, "https://h/api/"));
        assert!(!is_below("https://h/teams/", start));
    }

    #[test]
    fn the_token_that_may_write_stays_where_is_written() {
        let pages = "https://pages.example/r";
        for (read, publish, expected) in [
            (pages, None, Reach::Whole),
            (pages, Some("s3://bucket/r"), Reach::Whole),
            (pages, Some("file:///srv/r"), Reach::Whole),
            (pages, Some("git+file:///srv/r.git"), Reach::Whole),
            (pages, Some("git+ssh://git@h/r.git"), Reach::Whole),
            (pages, Some("git+https://PAGES.example:443/r"), Reach::Whole),
            (pages, Some("https://pages.example/w"), Reach::Whole),
            (pages, Some("git+https://h/r.git"), Reach::ReadOnly),
            (pages, Some("http://pages.example/r"), Reach::ReadOnly),
            (pages, Some("https://pages.example:444/r"), Reach::ReadOnly),
            (pages, Some("https://pages.example.evil/r"), Reach::ReadOnly),
            (pages, Some("gti+https://h/r.git"), Reach::ReadOnly),
            (
                "git+https://h/r.git",
                Some("git+https://h/r.git#w"),
                Reach::Whole,
            ),
            (
                "git+https://mirror/r.git",
                Some("git+https://h/r.git"),
                Reach::ReadOnly,
            ),
        ] {
            let mut pairs = Pairs::default();
            let urls = RegistryUrls {
                read: read.to_owned(),
                publish: publish.map(str::to_owned),
            };
            pairs.add_registry("work", &urls);
            let found: Vec<_> = pairs.names(read).collect();
            assert_eq!(found, [("work", expected)], "{read} {publish:?}");
            if let Some(publish) = publish {
                let found: Vec<_> = pairs.names(publish).collect();
                assert_eq!(found, [("work", Reach::Whole)], "{read} {publish}");
            }
        }
    }
}
