//! Names and paths.

use lumen_store::{
    archive::Field,
    archive::Rule,
    portable::{Clash, PathRule},
};

use super::{check, new, start};
use crate::builder::Header;

#[test]
fn paths() {
    let long = "d/".repeat(600);
    let refused = |label: &str, name: &str, rule: PathRule| {
        let rule = Rule::Path(rule);
        let printed: String = name
            .chars()
            .flat_map(|c| {
                match c {
                    '\0'..'\x20' | '\x7f' | '\u{202e}' => c.escape_default().collect::<String>(),
                    c => c.to_string(),
                }
                .chars()
                .collect::<Vec<_>>()
            })
            .collect();
        let printed = match printed.chars().count() {
            ..=200 => printed,
            _ => printed.chars().take(200).collect::<String>() + "…",
        };
        // The same by every way a name can come.
        if name.len() <= 100 {
            check(label, start().file(name, "x"), &printed, rule.clone());
        }
        check(
            label,
            start().long(name).file("x", "x"),
            &printed,
            rule.clone(),
        );
        let path = format!("path={name}");
        check(
            label,
            start().pax(&[&path]).file("x", "x"),
            &printed,
            rule.clone(),
        );
        if name.len() < 90 && !name.is_empty() {
            check(
                label,
                start().file(format!("./{name}"), "x"),
                &format!("./{printed}"),
                rule.clone(),
            );
            let folder = format!("{name}/");
            check(label, start().folder(&folder), &format!("{printed}/"), rule);
        }
    };
    refused("absolute", "/etc/passwd", PathRule::Absolute);
    refused("double slash root", "//server/share/x", PathRule::Absolute);
    refused("drive", "C:/windows/x", PathRule::Drive);
    refused("drive relative", "c:x", PathRule::Drive);
    refused("drive backslash", "C:\\x", PathRule::Drive);
    refused("parent", "../x", PathRule::Parent);
    refused("parent inside", "a/../../x", PathRule::Parent);
    refused("parent at the end", "a/..", PathRule::Parent);
    refused("only parent", "..", PathRule::Parent);
    refused("backslash parent", "..\\x", PathRule::Backslash);
    refused("backslash", "a\\b", PathRule::Backslash);
    refused("dot inside", "a/./b", PathRule::Current);
    refused("empty component", "a//b", PathRule::EmptyComponent);
    refused("line feed", "a\nb", PathRule::Control('\n'));
    refused("escape sequence", "a\x1b[2Jb", PathRule::Control('\x1b'));
    refused("delete", "a\x7f", PathRule::Control('\x7f'));
    refused(
        "right to left",
        "a\u{202e}txt.lm",
        PathRule::Invisible('\u{202e}'),
    );
    refused(
        "alternate stream",
        "file.txt:hidden",
        PathRule::Reserved(':'),
    );
    refused("wildcard", "a*", PathRule::Reserved('*'));
    refused("question mark", "a?", PathRule::Reserved('?'));
    refused("quote", "a\"b", PathRule::Reserved('"'));
    refused("pipe", "a|b", PathRule::Reserved('|'));
    refused("less than", "a<b", PathRule::Reserved('<'));
    refused("trailing dot", "lumen.toml.", PathRule::Trailing);
    refused("trailing space", "lumen.toml ", PathRule::Trailing);
    refused("trailing space in a folder", "src /x", PathRule::Trailing);
    refused("three dots", ".../x", PathRule::Trailing);
    refused("device", "nul", PathRule::Device);
    refused("device with extension", "src/CON.lm", PathRule::Device);
    refused("numbered device", "com1/x", PathRule::Device);
    refused(
        "long",
        &(long.clone() + "x"),
        PathRule::Long { limit: 1024 },
    );
    refused(
        "deep",
        &("d/".repeat(64) + "x"),
        PathRule::Deep { limit: 64 },
    );
    refused("long component", &"x".repeat(256), PathRule::Component);
    refused("empty", "", PathRule::Empty);
}

#[test]
fn names() {
    let path = |rule| Rule::Path(rule);
    check(
        "not UTF-8",
        start().file(b"caf\xe9", ""),
        "caf\u{fffd}",
        path(PathRule::Encoding),
    );
    check(
        "overlong UTF-8",
        start().file(b"a\xc0\xafb", ""),
        "a\u{fffd}\u{fffd}b",
        path(PathRule::Encoding),
    );
    check(
        "surrogate",
        start().file(b"a\xed\xa0\x80", ""),
        "a\u{fffd}\u{fffd}\u{fffd}",
        path(PathRule::Encoding),
    );
    check(
        "NUL, then more",
        start().entry(Header::file(b"a\0b", 0), ""),
        "a",
        Rule::Hidden(Field::Name),
    );
    check(
        "NUL first",
        start().entry(Header::file(b"\0b", 0), ""),
        "",
        Rule::Hidden(Field::Name),
    );
    check(
        "NUL in a long name",
        start().long(b"a\0../b").file("a", ""),
        "././@LongLink",
        Rule::LongName,
    );
    check(
        "two NULs after a long name",
        start().long(b"a\0").file("a", ""),
        "././@LongLink",
        Rule::LongName,
    );
    check(
        "only NUL as long name",
        start().long(b"").file("a", ""),
        "",
        path(PathRule::Empty),
    );
    check(
        "long name without a NUL and absolute",
        start().entry(Header::of(b'L', "L", 2), "/a").file("a", ""),
        "/a",
        path(PathRule::Absolute),
    );
    check(
        "dot as file",
        start().file(".", ""),
        ".",
        Rule::FileNamedFolder,
    );
    check(
        "dot slash as file",
        start().file("./", ""),
        "./",
        Rule::FileNamedFolder,
    );
    check(
        "slash after a file",
        start().file("a/", "x"),
        "a/",
        Rule::FileNamedFolder,
    );
    check(
        "slash after an old file",
        start().entry(Header::of(0, "a/", 0), ""),
        "a/",
        Rule::FileNamedFolder,
    );
    check(
        "slash after a pax file",
        start().pax(&["path=a/"]).file("a", "x"),
        "a/",
        Rule::FileNamedFolder,
    );
    check(
        "root as folder",
        start().folder("/"),
        "/",
        path(PathRule::Empty),
    );
    check(
        "dot dot as folder",
        start().folder("./.."),
        "./..",
        path(PathRule::Parent),
    );
    check(
        "prefix parent",
        start().entry(Header::file("x", 0).set(345, b".."), ""),
        "../x",
        path(PathRule::Parent),
    );
    check(
        "prefix absolute",
        start().entry(Header::file("x", 0).set(345, b"/etc"), ""),
        "/etc/x",
        path(PathRule::Absolute),
    );
    check(
        "prefix with a slash",
        start().entry(Header::file("x", 0).set(345, b"a/"), ""),
        "a//x",
        path(PathRule::EmptyComponent),
    );
    check(
        "name absolute behind a prefix",
        start().entry(Header::file("/x", 0).set(345, b"a"), ""),
        "a//x",
        path(PathRule::EmptyComponent),
    );
    check(
        "short name leads out under pax",
        start().pax(&["path=a"]).file("../x", ""),
        "../x",
        path(PathRule::Parent),
    );
    check(
        "short name absolute under pax",
        start().pax(&["path=a"]).file("/x", ""),
        "/x",
        path(PathRule::Absolute),
    );
    check(
        "short name leads out under GNU",
        start().long("a").file("a/../x", ""),
        "a/../x",
        path(PathRule::Parent),
    );
    check(
        "short name leads out with backslashes",
        start().long("a").file("..\\x", ""),
        "..\\x",
        path(PathRule::Parent),
    );
}

#[test]
fn clashes() {
    let clash = |clash| Rule::Clash(clash);
    let same = |first: &str, second: &str| {
        Rule::Clash(Clash::SameName {
            first: first.into(),
            second: second.into(),
        })
    };
    let both = |path: &str| Rule::Clash(Clash::FileAndFolder(path.into()));
    check(
        "twice",
        start().file("a", "1").file("a", "2"),
        "a",
        clash(Clash::Duplicate),
    );
    check(
        "twice, by another spelling",
        start().file("a", "1").file("./a", "2"),
        "./a",
        clash(Clash::Duplicate),
    );
    check(
        "twice, by pax",
        start().file("a", "1").pax(&["path=a"]).file("b", "2"),
        "a",
        clash(Clash::Duplicate),
    );
    check(
        "twice, by a long name",
        start().file("a", "1").long("a").file("b", "2"),
        "a",
        clash(Clash::Duplicate),
    );
    check(
        "twice, by a prefix",
        start()
            .file("d/a", "1")
            .entry(Header::file("a", 0).set(345, b"d"), ""),
        "d/a",
        clash(Clash::Duplicate),
    );
    check(
        "manifest twice",
        new().file("lumen.toml", "1").file("lumen.toml", "2"),
        "lumen.toml",
        clash(Clash::Duplicate),
    );
    check(
        "folder twice",
        start().folder("a/").folder("a"),
        "a",
        clash(Clash::Duplicate),
    );
    check(
        "root twice",
        start().folder("./").folder("."),
        ".",
        clash(Clash::Duplicate),
    );
    check(
        "file over folder",
        start().folder("a").file("a", "x"),
        "a",
        both("a"),
    );
    check(
        "folder over file",
        start().file("a", "x").folder("a/"),
        "a/",
        both("a"),
    );
    check(
        "file as parent",
        start().file("a", "x").file("a/b", "x"),
        "a/b",
        both("a"),
    );
    check(
        "file over implied folder",
        start().file("a/b", "x").file("a", "x"),
        "a",
        both("a"),
    );
    check(
        "case",
        start().file("Lumen.toml", "1").file("lumen.toml", "2"),
        "lumen.toml",
        same("Lumen.toml", "lumen.toml"),
    );
    check(
        "case of a folder",
        start().file("SRC/a", "1").file("src/b", "2"),
        "src/b",
        same("SRC", "src"),
    );
    check(
        "case of file and folder",
        start().file("src", "1").file("Src/b", "2"),
        "Src/b",
        same("src", "Src"),
    );
    check(
        "case beyond ASCII",
        start().file("É", "1").file("é", "2"),
        "é",
        same("É", "é"),
    );
    check(
        "composed and decomposed",
        start().file("\u{e9}", "1").file("e\u{301}", "2"),
        "e\u{301}",
        same("\u{e9}", "e\u{301}"),
    );
    check(
        "Kelvin",
        start().file("K", "1").file("\u{212a}", "2"),
        "\u{212a}",
        same("K", "\u{212a}"),
    );
    check(
        "sharp s",
        start().file("straße", "1").file("STRASSE", "2"),
        "STRASSE",
        same("straße", "STRASSE"),
    );
    check(
        "joiner",
        start().file("ab", "1").file("a\u{200d}b", "2"),
        "a\u{200d}b",
        same("ab", "a\u{200d}b"),
    );
}
