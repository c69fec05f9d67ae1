//! The body of a pax extension header: records `<length> <key>=<value>\n` (POSIX.1-2001).

use std::collections::HashSet;

use super::rule::{EntryType, Rule, printable};

/// What a pax header says about the next entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub path: Option<Vec<u8>>,
    pub size: Option<u64>,
}

impl Pax {
    /// Parses the records of an `x` header.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Rule> {
        let mut pax = Self::default();
        records(body, |key, value| {
            match key {
                b"path" => pax.path = Some(plain(key, value)?.to_vec()),
                b"size" => pax.size = Some(integer(value).ok_or_else(|| malformed(key))?),
                b"mtime" | b"atime" | b"ctime" if !time(value) => return Err(malformed(key)),
                b"uid" | b"gid" if integer(value).is_none() => return Err(malformed(key)),
                _ if is_apple_attribute(key) => {}
                _ if is_harmless(key) => {
                    plain(key, value)?;
                }
                _ if key.starts_with(b"GNU.sparse.") => {
                    return Err(Rule::Type(EntryType::Sparse));
                }
                _ => return Err(Rule::PaxKey(printable(key))),
            }
            Ok(())
        })?;
        Ok(pax)
    }
}

/// Checks that a `g` header holds nothing but a comment.
pub(super) fn check_global(body: &[u8]) -> Result<(), Rule> {
    records(body, |key, _| match key {
        b"comment" => Ok(()),
        _ => Err(Rule::Global),
    })
}

/// Whether a key says nothing about the name, the kind or the contents of an entry.
fn is_harmless(key: &[u8]) -> bool {
    matches!(
        key,
        b"mtime" | b"atime" | b"ctime" | b"uid" | b"gid" | b"uname" | b"gname" | b"comment"
        // bsdtar's full pax form.
        | b"LIBARCHIVE.creationtime" | b"SCHILY.dev" | b"SCHILY.ino" | b"SCHILY.nlink"
    )
}

/// Whether a key is an attribute that macOS puts on every file. Its value may be binary.
fn is_apple_attribute(key: &[u8]) -> bool {
    key.starts_with(b"LIBARCHIVE.xattr.com.apple.") || key.starts_with(b"SCHILY.xattr.com.apple.")
}

/// Hands each record on, in order.
fn records<'b>(
    body: &'b [u8],
    mut record: impl FnMut(&'b [u8], &'b [u8]) -> Result<(), Rule>,
) -> Result<(), Rule> {
    let mut seen = HashSet::new();
    let mut rest = body;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ');
        let space = space.ok_or(Rule::PaxRecord)?;
        let length = integer(&rest[..space])
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| (space + 1..=rest.len()).contains(length))
            .ok_or(Rule::PaxRecord)?;
        let (this, next) = rest.split_at(length);
        let pair = this[space + 1..].strip_suffix(b"\n");
        let pair = pair.ok_or(Rule::PaxRecord)?;
        let equals = pair.iter().position(|byte| *byte == b'=');
        let equals = equals.filter(|at| *at > 0).ok_or(Rule::PaxRecord)?;
        let (key, value) = (&pair[..equals], &pair[equals + 1..]);
        if !seen.insert(key) {
            return Err(Rule::PaxTwice(printable(key)));
        }
        record(key, value)?;
        rest = next;
    }
    Ok(())
}

/// A value without NULs, at which readers in C would stop.
fn plain<'v>(key: &[u8], value: &'v [u8]) -> Result<&'v [u8], Rule> {
    match value.contains(&0) {
        true => Err(malformed(key)),
        false => Ok(value),
    }
}

fn malformed(key: &[u8]) -> Rule {
    Rule::PaxValue(printable(key))
}

/// Decimal digits without sign, spaces or needless zeros.
fn integer(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let canonical = digits && (text[0] != b'0' || text.len() == 1);
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Decimal digits with an optional fraction.
fn time(text: &[u8]) -> bool {
    let all_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    parts.next().is_some_and(all_digits) && parts.next().is_none_or(all_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(pair: &str) -> Vec<u8> {
        let mut length = pair.len() + 3;
        while format!("{length} {pair}\n").len() != length {
            length += 1;
        }
        format!("{length} {pair}\n").into_bytes()
    }

    #[test]
    fn values() {
        let check = |pairs: &[&str], expected: Result<(Option<&str>, Option<u64>), Rule>| {
            let body = pairs
                .iter()
                .flat_map(|pair| record(pair))
                .collect::<Vec<_>>();
            let expected = expected.map(|(path, size)| Pax {
                path: path.map(|path| path.as_bytes().to_vec()),
                size,
            });
            assert_eq!(Pax::parse(&body), expected, "{pairs:?}");
        };
        let value = |key: &str| Err(Rule::PaxValue(key.into()));
        check(&[], Ok((None, None)));
        check(&["path=a/b", "size=12"], Ok((Some("a/b"), Some(12))));
        check(&["path=a=b"], Ok((Some("a=b"), None)));
        check(&["path="], Ok((Some(""), None)));
        check(&["path=a\0b"], value("path"));
        check(
            &[
                "mtime=1.5",
                "atime=0",
                "ctime=17",
                "uid=0",
                "gid=99999999",
                "uname=é",
                "comment=x",
            ],
            Ok((None, None)),
        );
        check(
            &[
                "LIBARCHIVE.creationtime=1",
                "SCHILY.dev=-1",
                "SCHILY.ino=7",
                "SCHILY.nlink=1",
            ],
            Ok((None, None)),
        );
        check(
            &["SCHILY.xattr.com.apple.provenance=\x01\0"],
            Ok((None, None)),
        );
        check(
            &["SCHILY.xattr.com.applejack=x"],
            Err(Rule::PaxKey("SCHILY.xattr.com.applejack".into())),
        );
        for bad in [
            "size=",
            "size=-1",
            "size=+1",
            "size=01",
            "size= 1",
            "size=1 ",
            "size=0x1",
            "size=99999999999999999999",
        ] {
            check(&[bad], value("size"));
        }
        for bad in [
            "mtime=",
            "mtime=.",
            "mtime=1.",
            "mtime=.5",
            "mtime=-1",
            "mtime=x",
            "mtime=1.2.3",
        ] {
            check(&[bad], value("mtime"));
        }
        check(&["comment=a\0b"], value("comment"));
        check(&["size=1", "size=1"], Err(Rule::PaxTwice("size".into())));
        check(
            &["comment=1", "comment=1"],
            Err(Rule::PaxTwice("comment".into())),
        );
        for key in [
            "linkpath",
            "charset",
            "hdrcharset",
            "realtime.x",
            "security.x",
            "SCHILY.realsize",
            "SCHILY.filetype",
            "SCHILY.xattr.security.capability",
            "SCHILY.xattr.user.x",
            "RHT.security.selinux",
            "PATH",
            "path ",
            " path",
        ] {
            check(&[&format!("{key}=x")], Err(Rule::PaxKey(key.into())));
        }
        check(&["GNU.sparse.major=1"], Err(Rule::Type(EntryType::Sparse)));
        check(&["GNU.sparse.name=x"], Err(Rule::Type(EntryType::Sparse)));
    }

    #[test]
    fn shape() {
        let check = |body: &[u8], good: bool| {
            let result = Pax::parse(body);
            match good {
                true => assert!(result.is_ok(), "{}", body.escape_ascii()),
                false => assert_eq!(result, Err(Rule::PaxRecord), "{}", body.escape_ascii()),
            }
        };
        check(b"10 path=a\n", true);
        check(b"10 path=a\n10 size=1\n", true);
        for bad in [
            &b"10 path=a"[..],
            b"13 path=name",
            b"8 path=a\n",
            b"11 path=a\n",
            b"11 path=a\n\0",
            b"10 path=a\n\0",
            b"10 path=a\n ",
            b"010 path=a\n",
            b"+10 path=a\n",
            b" 10 path=a\n",
            b"10\tpath=a\n",
            b"10path=a\n",
            b"5 ab\n",
            b"4 =\n",
            b"0 \n",
            b"1 ",
            b"2 \n",
            b"99999999999999999999 path=a\n",
            b"18446744073709551615 path=a\n",
            b"-1 path=a\n",
            b"\n",
            b"\0",
        ] {
            check(bad, false);
        }
    }

    #[test]
    fn global() {
        assert_eq!(check_global(&record("comment=0123")), Ok(()));
        assert_eq!(check_global(b""), Ok(()));
        assert_eq!(check_global(&record("path=x")), Err(Rule::Global));
        assert_eq!(check_global(&record("mtime=1")), Err(Rule::Global));
        assert_eq!(check_global(b"x"), Err(Rule::PaxRecord));
    }
}
