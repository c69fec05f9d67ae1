use super::*;

#[test]
fn names() {
    for good in [
        "a",
        "my-utils",
        "simple-package",
        "@scope/package-name",
        "@org/http",
        "x_y.z",
        "@a-b/c0",
        "7seven",
        "root",
        "lumen",
        "sources",
        "@org/index",
        "@org/src",
        &"a".repeat(64),
    ] {
        assert_eq!(PackageName::parse(good).unwrap().as_str(), good);
    }
    let edge = |part: &str| NameError::Edge { part: part.into() };
    let character = |character| NameError::Character { character };
    let reserved = |part: &str, meaning| NameError::Reserved {
        part: part.into(),
        meaning,
    };
    let device = |part: &str| NameError::Device { part: part.into() };
    let dots = |part: &str| NameError::Dots { part: part.into() };
    for (bad, error) in [
        ("", NameError::Empty),
        ("@", NameError::Shape),
        ("@/", NameError::Empty),
        ("@a", NameError::Shape),
        ("@a/", NameError::Empty),
        ("@/b", NameError::Empty),
        ("a/b", NameError::Shape),
        ("@a/b/c", NameError::Shape),
        ("a/../b", NameError::Shape),
        ("A", character('A')),
        ("JSONStream", character('J')),
        ("@Types/Node", character('T')),
        ("é", character('é')),
        ("a b", character(' ')),
        ("~", character('~')),
        ("a+b", character('+')),
        ("wow!", character('!')),
        ("a\\b", character('\\')),
        ("a%2f", character('%')),
        ("a:b", character(':')),
        ("a\0b", character('\0')),
        ("a\u{202e}b", character('\u{202e}')),
        ("$(id)", character('$')),
        ("-a", edge("-a")),
        ("-rf", edge("-rf")),
        ("--help", edge("--help")),
        ("@-x/a", edge("-x")),
        ("a-", edge("a-")),
        ("_private", edge("_private")),
        (".a", edge(".a")),
        ("a.", edge("a.")),
        ("..", edge("..")),
        ("@a/..", edge("..")),
        ("a..b", dots("a..b")),
        ("@a..b/c", dots("a..b")),
        ("con", device("con")),
        ("nul.x", device("nul.x")),
        ("@aux/x", device("aux")),
        ("index", reserved("index", "a folder's own page and index")),
        (
            "@index/a",
            reserved("index", "a folder's own page and index"),
        ),
        (
            "node_modules",
            reserved("node_modules", "the packages of another tool"),
        ),
        (
            "@node-modules/a",
            reserved("node-modules", "the packages of another tool"),
        ),
        ("src", reserved("src", "a project's own sources")),
        ("@src/main", reserved("src", "a project's own sources")),
        ("@root/a", reserved("root", "the registry itself")),
    ] {
        assert_eq!(PackageName::parse(bad).unwrap_err(), error, "{bad:?}");
    }
    for (length, read, published) in [(64, true, true), (65, true, false), (215, false, false)] {
        let long = format!("@{}/b", "a".repeat(length));
        let too_long = |result: Result<_, NameError>| match result {
            Ok(_) => false,
            Err(NameError::TooLong { length: found, .. }) => found == length,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(too_long(PackageName::parse(&long)), !read, "{length}");
        let result = PackageName::parse_publishable(&long);
        assert_eq!(too_long(result), !published, "{length}");
    }
    let said = |name: &str| {
        PackageName::parse_publishable(name)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        said(&"a".repeat(65)),
        format!(
            "`{}…` has 65 bytes; the limit `MAX_NAME_PART` is 64 bytes",
            "a".repeat(64)
        )
    );
    assert!(PackageName::parse_publishable("-a").is_err());
}

#[test]
fn windows_devices() {
    for device in [
        "nul",
        "NUL.txt",
        "Com1",
        "com9.lm",
        "lpt0",
        "COM\u{b9}",
        "lpt\u{b3}.x",
        "aux .md",
        "CONIN$",
        "prn:x",
    ] {
        assert!(is_windows_device(device), "{device}");
    }
    for file in [
        "null",
        "com",
        "com10",
        "lptx",
        "a.nul",
        "console",
        "",
        "\u{e9}om1",
        "comé",
    ] {
        assert!(!is_windows_device(file), "{file}");
    }
}

#[test]
fn derived_forms() {
    let name = PackageName::parse("@my-org/http.client-x").unwrap();
    assert_eq!(name.scope(), Some("@my-org"));
    assert_eq!(name.bare(), "http.client-x");
    assert_eq!(name.import_path(), "my_org/http_client_x");
    assert_eq!(name.folded(), "@my-org/http-client-x");
    assert_eq!(
        PackageName::parse("my-utils").unwrap().import_path(),
        "my_utils"
    );
}

#[test]
fn some_names_cannot_be_imported() {
    let check = |name: &str, part: Option<&str>| {
        let name = PackageName::parse(name).unwrap();
        assert_eq!(name.unimportable().as_deref(), part, "{name}");
    };
    check("7seven", Some("7seven"));
    check("@org/2fa", Some("2fa"));
    check("@3d/shapes", Some("3d"));
    check("import", Some("import"));
    for good in ["seven7", "json", "match", "a-7", "@org/imports", "in-order"] {
        check(good, None);
    }
}
