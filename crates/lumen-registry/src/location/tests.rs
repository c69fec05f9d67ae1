use super::*;

#[cfg(unix)]
#[test]
fn folders() {
    for (text, path) in [
        ("file:///tmp/lumen-registry", "/tmp/lumen-registry"),
        ("file:///tmp/lumen-registry/", "/tmp/lumen-registry/"),
        ("FILE:///a%20b/%40c", "/a b/@c"),
        ("file:///a b", "/a b"),
        ("file://localhost/a", "/a"),
    ] {
        assert_eq!(
            Location::parse(text),
            Ok(Location::File(path.into())),
            "{text}"
        );
    }
    let cwd = Path::new("/work");
    for (text, path) in [
        ("reg", "/work/reg"),
        ("/abs", "/abs"),
        ("./c:/x", "/work/c:/x"),
        ("..", "/"),
        ("../reg/./x/../y/", "/reg/y"),
        ("../../../reg", "/reg"),
    ] {
        assert_eq!(
            Location::parse_path(text, cwd),
            Ok(Location::File(path.into())),
            "{text}"
        );
    }
    assert_eq!(
        Location::parse("file:///a b").unwrap().to_string(),
        "file:///a%20b"
    );
    assert_eq!(Location::parse("file:///a").unwrap().origin(), None);
}

#[cfg(windows)]
#[test]
fn folders_on_windows() {
    for (text, path) in [
        ("file:///C:/reg", r"C:\reg"),
        ("file:///C|/reg", r"C:\reg"),
        ("file://server/share/reg", r"\\server\share\reg"),
    ] {
        assert_eq!(
            Location::parse(text),
            Ok(Location::File(path.into())),
            "{text}"
        );
    }
    let cwd = Path::new(r"C:\work");
    assert_eq!(
        Location::parse_path(r"D:\reg", cwd),
        Ok(Location::File(r"D:\reg".into()))
    );
}

#[test]
fn addresses_without_a_scheme() {
    for (text, expected) in [
        ("127.0.0.1:8080", Some("http://127.0.0.1:8080")),
        ("localhost:8080", Some("http://localhost:8080")),
        ("localhost:8080/reg", Some("http://localhost:8080/reg")),
        ("[::1]:8080", Some("http://[::1]:8080")),
        ("10.0.0.1", Some("http://10.0.0.1")),
        ("packages.example.com", Some("https://packages.example.com")),
        ("build:8080", Some("https://build:8080")),
        ("work", None),
        ("2", None),
        ("my_work", None),
        ("./reg", None),
        ("../reg", None),
        ("/srv/reg", None),
        ("C:\\reg", None),
        ("a:b", None),
        ("u:p@h.example", None),
        ("https://h.example", None),
        ("", None),
    ] {
        assert_eq!(web_address(text).as_deref(), expected, "{text}");
    }
    for scheme in SCHEMES {
        let parsed = Location::parse(&format!("{scheme}://"));
        assert!(
            !matches!(parsed, Err(LocationError::Unsupported { .. })),
            "{scheme}"
        );
    }
}

#[test]
fn web_addresses() {
    let key = Key::parse("packages/@org/http/1.0.0+b.json").unwrap();
    for (text, origin, file) in [
        (
            "https://h",
            "https://h",
            "https://h/packages/@org/http/1.0.0%2Bb.json",
        ),
        (
            "https://h/",
            "https://h",
            "https://h/packages/@org/http/1.0.0%2Bb.json",
        ),
        (
            "http://h:81/a/b",
            "http://h:81/a/b",
            "http://h:81/a/b/packages/@org/http/1.0.0%2Bb.json",
        ),
        (
            "HTTP://u:p@H:80/a/",
            "http://h/a",
            "http://h/a/packages/@org/http/1.0.0%2Bb.json",
        ),
    ] {
        let location = Location::parse(text).unwrap();
        assert_eq!(location.origin().as_deref(), Some(origin), "{text}");
        assert_eq!(location.describe(&key), file, "{text}");
    }
}

#[test]
fn credentials_are_kept_apart() {
    let location = Location::parse("https://us%40er:p%3Aw@h/x").unwrap();
    let Location::Http(http) = &location else {
        panic!()
    };
    let expected = Credentials::Basic {
        user: "us@er".into(),
        password: "p:w".into(),
    };
    assert_eq!(http.credentials(), Some(&expected));
    for shown in [
        location.to_string(),
        format!("{location:?}{http:?}{expected:?}"),
    ] {
        assert!(!shown.contains("us"), "{shown}");
    }
}

#[test]
fn buckets() {
    let key = Key::parse("index.json").unwrap();
    for (text, url, file) in [
        ("s3://b", "s3://b", "s3://b/index.json"),
        ("S3://b/x/y/", "s3://b/x/y", "s3://b/x/y/index.json"),
        ("r2://acc/b/x", "r2://acc/b/x", "r2://acc/b/x/index.json"),
        ("gs://b/x", "gs://b/x", "gs://b/x/index.json"),
        ("az://c/x", "az://c/x", "az://c/x/index.json"),
        (
            "s3://b/x?region=eu-1&endpoint=http://127.0.0.1:9000",
            "s3://b/x?endpoint=http%3A%2F%2F127.0.0.1%3A9000%2F&region=eu-1",
            "s3://b/x/index.json",
        ),
    ] {
        let location = Location::parse(text).unwrap();
        assert_eq!(location.url(), url, "{text}");
        assert_eq!(Location::parse(url), Ok(location.clone()), "{text}");
        assert_eq!(location.describe(&key), file, "{text}");
        assert!(location.is_remote());
    }
}

#[test]
fn branches() {
    for (text, url, origin) in [
        (
            "git+https://u:p@h/o/r.git",
            "git+https://h/o/r.git#gh-pages",
            true,
        ),
        (
            "git+ssh://git@h/o/r#a/b:docs/reg/",
            "git+ssh://git@h/o/r#a/b:docs/reg",
            true,
        ),
        (
            "git+file:///srv/r.git#main",
            "git+file:///srv/r.git#main",
            false,
        ),
    ] {
        let location = Location::parse(text).unwrap();
        assert_eq!(location.url(), url, "{text}");
        assert_eq!(location.origin().is_some(), origin, "{text}");
        assert!(
            !format!("{location} {location:?}").contains("u:p"),
            "{text}"
        );
    }
}

#[test]
fn passwords_are_not_shown() {
    for (text, expected) in [
        ("https://u:SECRET@h/x", "https://h/x"),
        ("https://u:SE@CRET@h/x", "https://h/x"),
        ("https://SECRET@h", "https://h"),
        ("http:/u:SECRET@h/x", "http:/h/x"),
        ("http:///u:SECRET@h/x", "http:///h/x"),
        (r"http:\\u:SECRET@h/x", r"http:\\h/x"),
        ("http:u:SECRET@h/x", "h/x"),
        ("//u:SECRET@h/x", "//h/x"),
        ("u:SECRET@h/x", "h/x"),
        ("u:SECRET@h", "h"),
        ("git+https:/u:SECRET@h/x#b", "git+https:/h/x#b"),
        (
            "s3://b/x?endpoint=http://u:SECRET@h",
            "s3://b/x?endpoint=http://h",
        ),
        (
            "s3://b?endpoint=http://u:SECRET@h&region=r",
            "s3://b?endpoint=http://h&region=r",
        ),
        ("u:SECRET@h/http://u:SECRET@h", "h/http://h"),
        ("https://h/@org/x", "https://h/@org/x"),
        ("https://h:81/@org/x", "https://h:81/@org/x"),
        ("./@org/x", "./@org/x"),
        ("/srv/reg", "/srv/reg"),
    ] {
        assert_eq!(redacted(text), expected, "{text}");
        let shown = match Location::parse_path(text, Path::new("/work")) {
            Ok(location) => format!("{location} {location:?}"),
            Err(error) => error.to_string(),
        };
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}

#[test]
fn refused() {
    for (text, message) in [
        (
            "ftp://h/x",
            "no registry can be at `ftp://`; there are `file://`, `https://`, `http://`, `s3://`, `r2://`, `gs://`, `az://`, `git+https://`, `git+ssh://` and `git+file://`",
        ),
        (
            "s3://key:secret@bucket/x",
            "`s3://bucket/x` is not a registry URL: credentials do not belong in the URL of a bucket; set the provider's environment variables",
        ),
        (
            "s3://bucket:9000/x",
            "`s3://bucket:9000/x` is not a registry URL: a bucket has no port; name another server with `?endpoint=http://host:port`",
        ),
        (
            "s3://bucket?acl=1",
            "`s3://bucket?acl=1` is not a registry URL: `?acl=` is not known; there are `endpoint` and `region`",
        ),
        (
            "s3://bucket?region=evil.example/x",
            "`s3://bucket?region=evil.example/x` is not a registry URL: `evil.example/x` cannot be a region; write for example `?region=eu-west-1`",
        ),
        (
            "s3://bucket?region=",
            "`s3://bucket?region=` is not a registry URL: `` cannot be a region; write for example `?region=eu-west-1`",
        ),
        (
            "s3://a_b",
            "`s3://a_b` is not a registry URL: `a_b` cannot be the name of a bucket: letters in lower case, digits, `-` and `.`, at most 63",
        ),
        (
            "az://a%2f",
            "`az://a%2f` is not a registry URL: `a%2f` cannot be the name of a container: letters in lower case, digits, `-` and `.`, at most 63",
        ),
        (
            "r2://evil.example%2f/bucket",
            "`r2://evil.example%2f/bucket` is not a registry URL: `evil.example%2f` cannot be an account",
        ),
        (
            "s3://bucket?endpoint=https://s3.amazonaws.com@evil.example",
            "`s3://bucket?endpoint=https://evil.example` is not a registry URL: the endpoint must have no user, `?` or `#`",
        ),
        (
            "r2://account",
            "`r2://account` is not a registry URL: write `r2://account/bucket`",
        ),
        (
            "git+https://h/x#-f",
            "`git+https://h/x#-f` is not a registry URL: `-f` cannot be the name of a branch",
        ),
        (
            "git+https://h/x#b:../y",
            "`git+https://h/x#b:../y` is not a registry URL: `../y` is not a folder in the repository",
        ),
        (
            "../registry",
            "`../registry` is not a registry URL; write `file:///path`, `http://…` or `https://…`",
        ),
        (
            r"C:\reg",
            r"`C:\reg` is not a registry URL; write `file:///path`, `http://…` or `https://…`",
        ),
        (
            "https://u:secret@h/x?y",
            "`https://h/x?y` is not a registry URL: `?` and `#` are not allowed; write `%3F` and `%23` when they are part of a name",
        ),
        (
            "https://u:se/cret@h/x",
            "`https://h/x` is not a registry URL: invalid port number",
        ),
        ("https://", "`https://` is not a registry URL: empty host"),
    ] {
        assert_eq!(Location::parse(text).unwrap_err().to_string(), message);
    }
    #[cfg(unix)]
    assert_eq!(
        Location::parse("file://registry/x")
            .unwrap_err()
            .to_string(),
        "`file://registry/x` is not a registry URL: a file URL has three slashes and an absolute path, `file:///path`"
    );
}
