//! Bytes that only secrets have: the first lines of private keys, the prefixes of tokens.

use super::SecretKind;

/// A text that a secret begins with.
struct Marker {
    prefix: &'static str,
    kind: SecretKind,
    rest: Rest,
}

/// What has to follow.
enum Rest {
    /// The label of a PEM block that has a private key, and something that may be one.
    Pem,
    /// At least so many bytes of a set.
    AtLeast(Set, usize),
    /// So many bytes of a set, and no more.
    Exactly(Set, usize),
    /// What only this kind has.
    Rule(fn(&[u8]) -> bool),
}

/// Bytes that tokens are made of.
#[derive(Clone, Copy)]
enum Set {
    Alphanumeric,
    Upper,
    Hex,
    /// Letters, digits and `_`.
    Word,
    /// Letters, digits, `-` and `_`.
    Url,
    /// Those of standard Base64.
    Base64,
}

use Rest::{AtLeast, Exactly, Pem, Rule};
use SecretKind::{Credentials, Key, Token};

/// Sources: the documentation of each service, as of 2026.
#[rustfmt::skip]
const MARKERS: [Marker; 34] = [
    marker("-----BEGIN ", Key, Pem),
    marker("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY", Key, AtLeast(Set::Word, 0)),
    marker("PRIVATE+KEY+", Key, AtLeast(Set::Alphanumeric, 1)),
    marker("lumen/key/v1", Key, Rule(|rest| lines(rest).nth(1).is_some_and(|line| line.starts_with(b"public ")))),
    marker("AGE-SECRET-KEY-1", Key, AtLeast(Set::Upper, 3)),
    marker("PuTTY-User-Key-File-", Key, AtLeast(Set::Alphanumeric, 1)),
    // minisign and signify: a comment, and keys that begin with the names of their algorithms.
    marker("untrusted comment: ", Key, Rule(|rest| contains(lines(rest).next().unwrap_or_default(), b"secret key"))),
    marker("RWRTY0Iy", Key, AtLeast(Set::Base64, 60)),
    marker("RWQAAEIy", Key, AtLeast(Set::Base64, 60)),
    marker("RWRCSw", Key, AtLeast(Set::Base64, 60)),
    marker("AKIA", Token, Exactly(Set::Upper, 16)),
    marker("ASIA", Token, Exactly(Set::Upper, 16)),
    marker("aws_secret_access_key", Credentials, Rule(|rest| assigned(rest, Set::Base64, 40))),
    marker("ghp_", Token, AtLeast(Set::Alphanumeric, 30)),
    marker("gho_", Token, AtLeast(Set::Alphanumeric, 30)),
    marker("ghu_", Token, AtLeast(Set::Alphanumeric, 30)),
    marker("ghs_", Token, AtLeast(Set::Alphanumeric, 30)),
    marker("ghr_", Token, AtLeast(Set::Alphanumeric, 30)),
    marker("github_pat_", Token, AtLeast(Set::Word, 22)),
    marker("glpat-", Token, AtLeast(Set::Url, 20)),
    marker("npm_", Token, AtLeast(Set::Alphanumeric, 36)),
    marker(":_authToken=", Credentials, AtLeast(Set::Url, 8)),
    marker("pypi-AgE", Token, AtLeast(Set::Url, 10)),
    marker("xox", Token, Rule(|rest| matches!(rest, [b'a' | b'b' | b'e' | b'o' | b'p' | b'r' | b's', b'-', digit, ..] if digit.is_ascii_digit() && run(&rest[2..], Set::Url) >= 10))),
    marker("xapp-1-", Token, AtLeast(Set::Url, 10)),
    marker("hf_", Token, AtLeast(Set::Alphanumeric, 30)),
    marker("sk-", Token, Rule(model_key)),
    marker("sk_live_", Token, AtLeast(Set::Alphanumeric, 20)),
    marker("rk_live_", Token, AtLeast(Set::Alphanumeric, 20)),
    marker("AIza", Token, Exactly(Set::Url, 35)),
    marker("SG.", Token, Rule(|rest| run(rest, Set::Url) == 22 && rest.get(22) == Some(&b'.') && run(&rest[23..], Set::Url) == 43)),
    marker("dop_v1_", Token, Exactly(Set::Hex, 64)),
    marker("cfut_", Token, AtLeast(Set::Url, 40)),
    marker("tskey-", Token, Rule(|rest| contains(&rest[..run(rest, Set::Url)], b"-k") && run(rest, Set::Url) >= 20)),
];

const fn marker(prefix: &'static str, kind: SecretKind, rest: Rest) -> Marker {
    Marker { prefix, kind, rest }
}

/// The first secret in some bytes, and where it begins.
pub(super) fn find(bytes: &[u8]) -> Option<(SecretKind, usize)> {
    let mut before = [b'\n'; 2];
    for (at, byte) in bytes.iter().enumerate() {
        // A word begins here, also after an escaped line end in JSON.
        let escaped = before[0] == b'\\' && matches!(before[1], b'n' | b'r' | b't');
        let starts = !byte.is_ascii_alphanumeric() || !is_word(before[1]) || escaped;
        before = [before[1], *byte];
        if !starts {
            continue;
        }
        let here = &bytes[at..];
        let found = MARKERS.iter().find(|marker| {
            marker.prefix.as_bytes()[0] == *byte
                && here
                    .strip_prefix(marker.prefix.as_bytes())
                    .is_some_and(|rest| marker.rest.is_met(rest, &bytes[..at]))
        });
        if let Some(marker) = found {
            return Some((marker.kind, at));
        }
    }
    None
}

impl Rest {
    fn is_met(&self, rest: &[u8], before: &[u8]) -> bool {
        match self {
            Pem => is_pem(rest, before),
            AtLeast(set, count) => {
                let length = run(rest, *set);
                length >= *count && (*count < 8 || !is_placeholder(&rest[..length]))
            }
            Exactly(set, count) => {
                let token = rest.get(..*count).unwrap_or_default();
                run(rest, *set) == *count
                    && !rest.get(*count).is_some_and(|next| is_word(*next))
                    && !is_placeholder(token)
            }
            Rule(rule) => rule(rest),
        }
    }
}

impl Set {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Word => is_word(byte),
            Self::Url => is_word(byte) || byte == b'-',
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How many bytes of a set stand at the start.
fn run(bytes: &[u8], set: Set) -> usize {
    bytes.iter().take_while(|byte| set.has(**byte)).count()
}

/// A placeholder that documentation writes instead of a token.
fn is_placeholder(token: &[u8]) -> bool {
    let same = token.iter().all(|byte| Some(byte) == token.first());
    let filler = matches!(token.first(), Some(b'x' | b'X' | b'0' | b'_'));
    (same && filler) || token.ends_with(b"EXAMPLE") || token.ends_with(b"EXAMPLEKEY")
}

/// `rest` follows `-----BEGIN `, and `before` stands before that.
fn is_pem(rest: &[u8], before: &[u8]) -> bool {
    let label = rest.iter().take(64).take_while(|byte| **byte != b'-');
    let length = label.count();
    let (label, rest) = rest.split_at(length);
    if !contains(label, b"PRIVATE KEY") {
        return false;
    }
    let line = before.rsplit(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default();
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let starts_line = line.trim_ascii().is_empty();
    let body = after_escapes(rest.strip_prefix(b"-----").unwrap_or(rest));
    match starts_line {
        // In prose it may stand as an example, with something that is no key below.
        true => body.is_empty() || body[0].is_ascii_alphanumeric(),
        false => run(body, Set::Base64) >= 16,
    }
}

/// The rest after white space, quotes, and line ends written as escapes.
fn after_escapes(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = match bytes {
            [b'\\', b'n' | b'r' | b't', rest @ ..] => rest,
            [
                b'"' | b'\'' | b'+' | b',' | b'#' | b'/' | b'|' | b'>',
                rest @ ..,
            ] => rest,
            [space, rest @ ..] if space.is_ascii_whitespace() => rest,
            _ => return bytes,
        };
    }
}

/// `=` or `:` and a value of exactly `count` bytes.
fn assigned(rest: &[u8], set: Set, count: usize) -> bool {
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest).trim_ascii_start();
    let Some(value) = rest.strip_prefix(b"=").or_else(|| rest.strip_prefix(b":")) else {
        return false;
    };
    let value = value.trim_ascii_start();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    run(value, set) == count && !is_placeholder(&value[..count])
}

/// `sk-` and the forms that providers of language models put behind it. A class of a style
/// sheet has neither a known word nor that many letters and digits without a hyphen.
fn model_key(rest: &[u8]) -> bool {
    let known = ["proj-", "ant-", "svcacct-", "admin-", "or-v1-"];
    let behind = known
        .iter()
        .find_map(|word| rest.strip_prefix(word.as_bytes()));
    match behind {
        Some(token) => run(token, Set::Url) >= 20 && !is_placeholder(&token[..20]),
        None => {
            let token = &rest[..run(rest, Set::Alphanumeric)];
            token.len() >= 32 && token.iter().any(u8::is_ascii_digit) && !is_placeholder(token)
        }
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.trim_ascii_end())
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    // In pieces, so that a search for secrets in this repository finds none.
    fn text(pieces: &[&str]) -> String {
        pieces.concat()
    }

    #[test]
    fn keys() {
        for contents in [
            "-----BEGIN PRIVATE KEY-----\nMII".to_owned(),
            "-----BEGIN RSA PRIVATE KEY-----".to_owned(),
            "\u{feff}\n  -----BEGIN OPENSSH PRIVATE KEY-----\r\nb3BlbnNzaC1rZXk\r\n".to_owned(),
            "first\n-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n".to_owned(),
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY".to_owned(),
            text(&[r#"{"private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w"#]),
            "key = '-----BEGIN PRIVATE KEY-----'\n + 'MIIEvQIBADANBgkqhkiG9w0B'".to_owned(),
            "PuTTY-User-Key-File-3: ssh-ed25519\n".to_owned(),
            "AGE-SECRET-KEY-1QQQ".to_owned(),
            "A=1\0LUMEN_KEY=PRIVATE+KEY+ci+01234567+AAAA\0B=2".to_owned(),
            "lumen/key/v1\npublic ci+01234567+AAAA\nsealed AAAA\n".to_owned(),
            "untrusted comment: minisign encrypted secret key\nRWRTY0Iy\n".to_owned(),
            text(&[
                "untrusted comment: mine\nRWRTY0Iy",
                &"Ab1/".repeat(40),
                "\n",
            ]),
        ] {
            assert_eq!(
                find(contents.as_bytes()).map(|found| found.0),
                Some(Key),
                "{contents}"
            );
        }
        for contents in [
            "",
            "-----BEGIN CERTIFICATE-----\nMIIB",
            "-----BEGIN PUBLIC KEY-----\nMIIB",
            "how to: -----BEGIN PRIVATE KEY-----",
            "looks like\n\n    -----BEGIN PRIVATE KEY-----\n    ...\n",
            "looks like\n-----BEGIN PRIVATE KEY-----\n<your key>\n",
            "its text is `PRIVATE+KEY+…`",
            "its first line is lumen/key/v1",
            "untrusted comment: minisign public key 3F\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n",
        ] {
            assert_eq!(find(contents.as_bytes()), None, "{contents}");
        }
    }

    #[test]
    fn tokens() {
        let body = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
        for token in [
            text(&["AKIA", "Q3EGRJ4T5ZW6XV7B"]),
            text(&["ghp_", body]),
            text(&["github_pat_", "11ABCDEFG0", "_", body]),
            text(&["glpat-", "x1Y2-z3W4_v5U6t7S8r9"]),
            text(&["npm_", body]),
            text(&["pypi-AgE", "IcHlwaS5vcmcCJD"]),
            text(&["xoxb-", "123456789012-abcdef"]),
            text(&["hf_", body]),
            text(&["sk-", body]),
            text(&["sk-ant-", "api03-", body]),
            text(&["sk_live_", body]),
            text(&["SG.", &body[..22], ".", body, &body[..7]]),
        ] {
            for (before, after) in [
                ("", ""),
                ("key = \"", "\"\n"),
                ("A=1\0B=", "\0"),
                ("\\n", ""),
            ] {
                let contents = format!("{before}{token}{after}");
                assert_eq!(
                    find(contents.as_bytes()),
                    Some((Token, before.len())),
                    "{contents}"
                );
            }
            assert_eq!(find(format!("x{token}").as_bytes()), None, "x{token}");
        }
        let secret = text(&["aws_secret_access_key = ", body, "/+Ab"]);
        assert_eq!(find(secret.as_bytes()), Some((Credentials, 0)));
        let npm = text(&["//registry.example.org/:_authToken=", body]);
        assert_eq!(find(npm.as_bytes()), Some((Credentials, 23)));
        for contents in [
            text(&["AKIA", "IOSFODNN7EXAMPLE"]),
            text(&[
                "aws_secret_access_key = ",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            ]),
            text(&["ghp_", &"x".repeat(36)]),
            "npm_config_registry_and_more_words_follow".to_owned(),
            "//registry.example.org/:_authToken=${NPM_TOKEN}".to_owned(),
            ".sk-button-primary-large-rounded-with-shadow {}".to_owned(),
            "task-0123456789abcdef0123456789abcdef".to_owned(),
            "use `ghp_…`, `hf_…` or `sk-…`".to_owned(),
            "tokens begin with xoxb- or AKIA or AIza".to_owned(),
        ] {
            assert_eq!(find(contents.as_bytes()), None, "{contents}");
        }
    }
}
