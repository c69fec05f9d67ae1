use super::*;

#[test]
fn paths() {
    let check = |path: &str, expected: Result<(), PathRule>| {
        assert_eq!(check_path(path, 1024, 64), expected, "{path:?}");
    };
    for good in [
        "a",
        "src/main.lm.md",
        ".gitignore",
        "...a",
        "a b/c",
        "é",
        "日本語/テスト",
        "👨\u{200d}👩\u{200d}👧.png",
        "com/lpt/nul-l",
        "@x",
        "-rf",
        "~",
        "a%2e%2e",
        &"a".repeat(255),
        &vec!["d"; 64].join("/"),
    ] {
        check(good, Ok(()));
    }
    for (bad, rule) in [
        ("", PathRule::Empty),
        ("/", PathRule::Absolute),
        ("/etc/passwd", PathRule::Absolute),
        ("//server/share", PathRule::Absolute),
        ("C:", PathRule::Drive),
        ("c:/windows", PathRule::Drive),
        ("..", PathRule::Parent),
        ("../a", PathRule::Parent),
        ("a/../b", PathRule::Parent),
        ("a/..", PathRule::Parent),
        (".", PathRule::Current),
        ("a/./b", PathRule::Current),
        ("a//b", PathRule::EmptyComponent),
        ("a/", PathRule::EmptyComponent),
        ("a\\b", PathRule::Backslash),
        ("..\\a", PathRule::Backslash),
        ("a\0b", PathRule::Control('\0')),
        ("a\nb", PathRule::Control('\n')),
        ("a\x7f", PathRule::Control('\x7f')),
        ("a\u{85}", PathRule::Control('\u{85}')),
        ("a\u{202e}txt.exe", PathRule::Invisible('\u{202e}')),
        (".g\u{200b}it", PathRule::Invisible('\u{200b}')),
        ("\u{feff}a", PathRule::Invisible('\u{feff}')),
        ("ab:b", PathRule::Reserved(':')),
        ("dir/file:stream", PathRule::Reserved(':')),
        ("a<b", PathRule::Reserved('<')),
        ("a>b", PathRule::Reserved('>')),
        ("a\"b", PathRule::Reserved('"')),
        ("a|b", PathRule::Reserved('|')),
        ("a?b", PathRule::Reserved('?')),
        ("a*b", PathRule::Reserved('*')),
        ("...", PathRule::Trailing),
        ("a.", PathRule::Trailing),
        ("a /b", PathRule::Trailing),
        ("nul", PathRule::Device),
        ("a/AUX.lm/b", PathRule::Device),
        ("COM\u{b9}.txt", PathRule::Device),
        (&"a".repeat(256), PathRule::Component),
        (&vec!["d"; 65].join("/"), PathRule::Deep { limit: 64 }),
    ] {
        check(bad, Err(rule));
    }
    let long = |last: usize| {
        format!(
            "{}{}",
            format!("{}/", "d".repeat(127)).repeat(7),
            "f".repeat(last)
        )
    };
    check(&long(128), Ok(()));
    check(&long(129), Err(PathRule::Long { limit: 1024 }));
}

#[test]
fn folding() {
    for (a, b) in [
        ("README", "readme"),
        ("É", "e\u{301}"),
        ("straße", "STRASSE"),
        ("\u{212a}", "k"),
        ("ſ", "S"),
        ("Σ", "ς"),
        ("İ", "i\u{307}"),
        ("a\u{200d}b", "AB"),
        ("\u{2126}", "ω"),
    ] {
        assert_eq!(fold(a), fold(b), "{a} {b}");
    }
    assert_ne!(fold("a"), fold("ä"));
    assert!(matches!(fold("plain.lm"), Cow::Borrowed(_)));
}

#[test]
fn clashes() {
    let check = |paths: &[(&str, Kind)], expected: Result<&[&str], Clash>| {
        let (mut names, mut made) = (Names::new(), Vec::new());
        let result = paths.iter().try_for_each(|(path, kind)| {
            let mut new = Vec::new();
            names.add(path, *kind, &mut new)?;
            made.extend(new.iter().map(|end| path[..*end].to_owned()));
            Ok(())
        });
        assert_eq!(
            result.map(|()| made),
            expected.map(|made| made.iter().map(ToString::to_string).collect()),
            "{paths:?}"
        );
    };
    let (f, d) = (|path| (path, Kind::File), |path| (path, Kind::Folder));
    check(&[d(""), f("a"), f("b")], Ok(&[]));
    check(
        &[f("a/b/c"), f("a/b/d"), d("a"), d("a/e"), f("a/x")],
        Ok(&["a", "a/b", "a/e"]),
    );
    check(&[f("ab/c"), f("a/bc")], Ok(&["ab", "a"]));
    check(&[d(""), d("")], Err(Clash::Duplicate));
    check(&[f("a"), f("a")], Err(Clash::Duplicate));
    check(&[d("a"), d("a")], Err(Clash::Duplicate));
    check(&[d("a"), f("a")], Err(Clash::FileAndFolder("a".into())));
    check(&[f("a"), d("a")], Err(Clash::FileAndFolder("a".into())));
    check(
        &[f("x/a"), f("x/a/b")],
        Err(Clash::FileAndFolder("x/a".into())),
    );
    check(
        &[f("x/a/b"), f("x/a")],
        Err(Clash::FileAndFolder("x/a".into())),
    );
    let same = |first: &str, second: &str| {
        Err(Clash::SameName {
            first: first.into(),
            second: second.into(),
        })
    };
    check(&[f("Readme"), f("README")], same("Readme", "README"));
    check(&[f("x/A/b"), f("x/a/c")], same("x/A", "x/a"));
    check(&[f("é"), f("e\u{301}")], same("é", "e\u{301}"));
    check(&[f("a"), f("A/b")], same("a", "A"));
}
