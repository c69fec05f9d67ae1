//! `~/.netrc`: logins by host, as ftp(1), curl and git read it.
//!
//! Words separated by white space: `machine <host>` or `default`, then `login`, `password`
//! and `account` with a word each; `macdef <name>` and all lines up to an empty one are a
//! macro and skipped; `#` begins a comment where a keyword may stand. A word in double
//! quotes may have white space in it, and `\"`, `\\`, `\n`, `\r`, `\t`.

use std::fmt;

use lumen_registry::login::Credentials;

/// The logins of a file, in its order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Netrc {
    entries: Vec<Entry>,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Entry {
    /// None: `default`.
    host: Option<String>,
    login: String,
    password: Option<String>,
}

/// An invalid line. It may be a secret, so the error does not quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not understood")]
pub struct NetrcError {
    /// Counted from one.
    pub line: usize,
}

impl Netrc {
    /// Parses a file.
    ///
    /// # Errors
    /// On unknown keywords, keywords without their word, and words outside of any machine.
    pub fn parse(text: &str) -> Result<Self, NetrcError> {
        let mut words = Words {
            rest: text,
            line: 1,
        };
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(keyword) = words.keyword() {
            let error = NetrcError { line: words.line };
            let mut word = || words.word().ok_or(error);
            match (keyword, entries.last_mut()) {
                ("machine", _) => entries.push(Entry {
                    host: Some(word()?),
                    ..Entry::default()
                }),
                ("default", _) => entries.push(Entry::default()),
                ("macdef", _) => words.skip_macro(),
                ("login", Some(entry)) => entry.login = word()?,
                ("password", Some(entry)) => entry.password = Some(word()?),
                ("account", Some(_)) => drop(word()?),
                _ => return Err(error),
            }
        }
        Ok(Self { entries })
    }

    /// The login for a host, if its first entry has a password. `or_default`: the entry
    /// `default` counts for any host.
    pub fn login(&self, host: &str, or_default: bool) -> Option<Credentials> {
        let of_host = |entry: &&Entry| match &entry.host {
            Some(name) => name.eq_ignore_ascii_case(host),
            None => or_default,
        };
        let entry = self.entries.iter().find(of_host)?;
        Some(Credentials::Basic {
            user: entry.login.clone(),
            password: entry.password.clone()?,
        })
    }
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Netrc({} entries)", self.entries.len())
    }
}

struct Words<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Words<'t> {
    fn skip_space(&mut self) {
        let trimmed = self.rest.trim_start();
        self.advance(self.rest.len() - trimmed.len());
    }

    fn advance(&mut self, bytes: usize) -> &'t str {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.rest = rest;
        passed
    }

    /// The next plain word that is no comment.
    fn keyword(&mut self) -> Option<&'t str> {
        loop {
            self.skip_space();
            if !self.rest.starts_with('#') {
                let end = self.rest.find(char::is_whitespace);
                let word = self.advance(end.unwrap_or(self.rest.len()));
                return Some(word).filter(|word| !word.is_empty());
            }
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    /// The next word, quoted or not.
    fn word(&mut self) -> Option<String> {
        self.skip_space();
        if !self.rest.starts_with('"') {
            let end = self.rest.find(char::is_whitespace);
            let word = self.advance(end.unwrap_or(self.rest.len()));
            return Some(word.to_owned()).filter(|word| !word.is_empty());
        }
        let mut word = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.advance(at + 1);
                    return Some(word);
                }
                '\\' => word.push(match characters.next()?.1 {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                }),
                other => word.push(other),
            }
        }
        None
    }

    /// Up to the end of the next empty line.
    fn skip_macro(&mut self) {
        let end = |text: &str| {
            let unix = text.find("\n\n").map(|at| at + 2);
            let windows = text.find("\n\r\n").map(|at| at + 3);
            unix.into_iter().chain(windows).min()
        };
        self.advance(end(self.rest).unwrap_or(self.rest.len()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn login(text: &str, host: &str) -> Option<(String, String)> {
        match Netrc::parse(text).unwrap().login(host, true)? {
            Credentials::Basic { user, password } => Some((user, password)),
            Credentials::Bearer(_) => None,
        }
    }

    #[test]
    fn forms() {
        for (text, expected) in [
            ("machine h login u password p", Some(("u", "p"))),
            ("machine H\n\tlogin u\r\n\tpassword p\n", Some(("u", "p"))),
            ("machine h password p", Some(("", "p"))),
            ("machine h login u", None),
            ("machine g login u password p", None),
            ("default login u password p", Some(("u", "p"))),
            (
                "machine h login a password b default login u password p",
                Some(("a", "b")),
            ),
            // The first one counts.
            (
                "machine h login a password b\nmachine h login u password p",
                Some(("a", "b")),
            ),
            ("machine h login u account x password p", Some(("u", "p"))),
            (
                "# machine h\nmachine h # it is\n login u password #1",
                Some(("u", "#1")),
            ),
            (
                "machine h login \"u v\" password \"a\\\"b\\\\c\\td\"",
                Some(("u v", "a\"b\\c\td")),
            ),
            ("machine h login u password a\"b", Some(("u", "a\"b"))),
            ("machine h login u password machine", Some(("u", "machine"))),
            (
                "macdef init\nmachine h login x password y\n\nmachine h login u password p",
                Some(("u", "p")),
            ),
            (
                "macdef init\r\ncd x\r\n\r\nmachine h login u password p",
                Some(("u", "p")),
            ),
            (
                "machine h login u password p\nmacdef init\nrest",
                Some(("u", "p")),
            ),
            ("", None),
        ] {
            let expected = expected.map(|(user, password)| (user.into(), password.into()));
            assert_eq!(login(text, "h"), expected, "{text}");
        }
    }

    #[test]
    fn the_default_entry_only_where_it_may_count() {
        let netrc = Netrc::parse("machine g login a password b\ndefault login u password p");
        let netrc = netrc.unwrap();
        assert!(netrc.login("h", true).is_some());
        assert!(netrc.login("h", false).is_none());
        assert!(netrc.login("g", false).is_some());
        assert!(netrc.login("g.", false).is_none());
        assert!(netrc.login("x.g", false).is_none());
    }

    #[test]
    fn errors_tell_the_line_and_no_more() {
        for (text, line) in [
            ("machine", 1),
            ("machine h\nlogin u\npasswort secret", 3),
            ("login u password secret", 1),
            ("\n\nmachine h password \"secret", 3),
            ("machine h login u password two words", 1),
        ] {
            let error = Netrc::parse(text).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("line {line} is not understood"),
                "{text}"
            );
        }
        let shown = format!("{:?}", Netrc::parse("machine h login u password secret"));
        assert_eq!(shown, "Ok(Netrc(1 entries))");
    }

    proptest! {
        #[test]
        fn anything_can_be_parsed(text in "[a-z\"\\\\# \n]*|(machine|login|password|macdef|\"| |\n)*") {
            let _ = Netrc::parse(&text);
        }

        #[test]
        fn quoted_words_come_back(password in any::<String>()) {
            let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("machine h password \"{quoted}\" login u");
            prop_assert_eq!(login(&text, "h"), Some(("u".into(), password)));
        }
    }
}
