//! Locks in every form, and each way in which one can be wrong; long because the ways are many.

use insta::assert_snapshot;
use proptest::{collection, option, prelude::*, sample};

use super::*;
use crate::problem::plain;

const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

pub(super) fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn package(source: LockedSource) -> LockedPackage {
    LockedPackage::new(Version::new(1, 0, 0), source)
}

fn unsigned(origin: Option<&str>) -> LockedRegistry {
    LockedRegistry {
        origin: origin.map(Into::into),
        trust: None,
    }
}

/// The sample with a signed registry.
pub(super) fn signed_sample() -> Lockfile {
    let mut lock = sample();
    let registry = lock.registries.get_mut("default").unwrap();
    registry.trust = Some(LockedTrust {
        root: Digest::from_hex(HEX).unwrap(),
        checkpoint: "reg/1f\n412\nAAAA\n\n\u{2014} reg/1f AAAA\n".into(),
        root_note: Some(NoteRef {
            seq: 2,
            hash: Digest::from_hex(HEX).unwrap(),
        }),
    });
    let package = lock.packages.get_mut(&name("@org/http")).unwrap();
    package.source_commit =
        SourceCommit::from_short(&format!("{}-dirty:libs/http", "0".repeat(40)));
    package.owners = Some(3);
    package.owners_note = package.checksum;
    lock
}

fn sample() -> Lockfile {
    let digest = Digest::from_hex(HEX).unwrap();
    let registries = [
        ("default", Some("https://registry.example.org/sub")),
        ("local", None),
    ];
    let http = LockedPackage {
        version: Version::parse("1.2.0-rc.1+build").unwrap(),
        checksum: Some(digest),
        size: Some(10240),
        compressed: Some(Compressed {
            hash: digest,
            size: 2048,
        }),
        metadata: Some(digest),
        dependencies: vec![name("json"), name("repo")],
        features: vec!["default".into(), "tls".into()],
        ..package(LockedSource::Registry("default".into()))
    };
    let json = LockedPackage {
        checksum: Some(digest),
        ..package(LockedSource::Registry("local".into()))
    };
    let app = LockedPackage {
        dependencies: vec![name("@org/http")],
        requires: vec!["@org/http ^1.2".into(), "[feature] a = \"q\"".into()],
        ..package(LockedSource::path(".").unwrap())
    };
    let repo = package(LockedSource::Git {
        url: "https://example.org/repo".into(),
        reference: GitReference::Tag("v1".into()),
        commit: HEX[..40].into(),
    });
    Lockfile {
        registries: registries
            .map(|(name, origin)| (name.into(), unsigned(origin)))
            .into(),
        packages: [
            (name("@org/http"), http),
            (name("json"), json),
            (name("app"), app),
            (name("repo"), repo),
        ]
        .into(),
        requires: Vec::new(),
    }
}

/// Both readers on one text; they must agree wherever the quick one accepts.
fn parse(text: &str) -> Result<Lockfile, Problem> {
    if let Some(quick) = canonical::read(text) {
        let mut reader = Reader::new("lumen.lock", text);
        let document = reader.document(rows::MAX_LOCKFILE_BYTES).expect(text);
        let version_is_known = quick.version.as_ref().is_some_and(|v| v.value <= VERSION);
        let general = general::read(&mut reader, &document);
        assert_eq!(reader.take_first_error(), None, "{text}");
        assert_eq!(quick.version, general.version, "{text}");
        if version_is_known {
            assert_eq!(quick, general, "{text}");
        }
    }
    Lockfile::parse("lumen.lock", text)
}

fn problem(text: &str) -> String {
    plain(&[parse(text).unwrap_err()])
}

#[test]
fn the_file_as_written() {
    let text = sample().render();
    assert_eq!(parse(&text), Ok(sample()));
    assert!(canonical::read(&Lockfile::default().render()).is_some());
    assert_snapshot!(text, @r#"
    # Written by `lumen pkg`. Commit this file; do not edit it.
    version = 1

    [[registry]]
    name = "default"
    origin = "https://registry.example.org/sub"

    [[registry]]
    name = "local"

    [[package]]
    name = "@org/http"
    version = "1.2.0-rc.1+build"
    registry = "default"
    checksum = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    size = 10240
    compressed = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    compressed-size = 2048
    metadata = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    dependencies = [
        "json",
        "repo",
    ]
    features = [
        "default",
        "tls",
    ]

    [[package]]
    name = "app"
    version = "1.0.0"
    path = "."
    dependencies = [
        "@org/http",
    ]
    requires = [
        "@org/http ^1.2",
        "[feature] a = \"q\"",
    ]

    [[package]]
    name = "json"
    version = "1.0.0"
    registry = "local"
    checksum = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    [[package]]
    name = "repo"
    version = "1.0.0"
    git = "https://example.org/repo"
    tag = "v1"
    commit = "ba7816bf8f01cfea414140de5dae2223b00361a3"
    "#);
}

#[test]
fn a_signed_registry() {
    let text = signed_sample().render();
    let line = format!(
        "trust-root = \"sha256:{HEX}\"\ncheckpoint = \"reg/1f\\n412\\nAAAA\\n\\n\u{2014} reg/1f AAAA\\n\"\nroot-note = \"2 sha256:{HEX}\"\n"
    );
    assert!(text.contains(&line), "{text}");
    let owners = format!("\nowners = 3\nowners-note = \"sha256:{HEX}\"\n");
    assert!(text.contains(&owners), "{text}");
    // Programs that know neither hash wrote locks without.
    let mut earlier = signed_sample();
    earlier
        .packages
        .get_mut(&name("@org/http"))
        .unwrap()
        .owners_note = None;
    let registry = earlier.registries.get_mut("default").unwrap();
    registry.trust.as_mut().unwrap().root_note = None;
    assert_eq!(parse(&earlier.render()), Ok(earlier));
    for (from, to) in [
        ("root-note = \"2 ", "root-note = \"02 "),
        ("\nowners = 3\n", "\n"),
    ] {
        assert!(parse(&text.replace(from, to)).is_err(), "{from}");
    }
    assert_eq!(parse(&text), Ok(signed_sample()));
    let mut quick = signed_sample();
    quick.packages.clear();
    assert!(canonical::read(&quick.render()).is_some());
    assert_eq!(parse(&quick.render()), Ok(quick));
    for other in [
        text.replace("\\n", "\\u000a"),
        text.replace("checkpoint = \"reg/1f", "checkpoint = \"\\x72eg/1f"),
        text.replace("checkpoint = \"reg", "checkpoint = \"r\\u0065g"),
    ] {
        let parsed = parse(&other);
        // Escapes of TOML 1.1 are for the parser to judge.
        assert!(parsed.is_err() || parsed == Ok(signed_sample()), "{other}");
    }
    let root = format!("trust-root = \"sha256:{HEX}\"\n");
    assert_snapshot!(problem(&text.replace(&root, "")), @r#"
    error: `trust-root` and `checkpoint` need each other
      lumen.lock:4:1
      | [[registry]]
      | ^^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(problem(&text.replace(&root, "trust-root = \"x\"\n")), @r#"
    error: `x` is not a digest; write `sha256:` and 64 lower-case hexadecimal digits
      lumen.lock:7:14
      | trust-root = "x"
      |              ^^^
      hint: RestoreLock
    "#);
}

#[test]
fn other_spellings_mean_the_same() {
    let text = sample().render();
    for other in [
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
        text.replace("[[package]]", "[[ package ]] # here"),
        text.replace("\n\n", "\n# a remark\n\n"),
        text.replace("size = 10240", "size = 10_240"),
        text.replace(
            "size = 10240\n",
            "size = 10240\nlater = { than = \"us\" }\n",
        ),
        text.replace("version = 1\n", "version = 1\n[metadata]\nx = 1\n"),
        text.replace("\"json\",\n", "'json',"),
    ] {
        assert_eq!(parse(&other), Ok(sample()), "{other}");
    }
}

#[test]
fn credentials_and_machine_paths_stay_out() {
    let mut lock = sample();
    lock.registries.insert(
        "default".into(),
        unsigned(Some(
            "https://me:secret@registry.example.org/sub/?token=secret#secret",
        )),
    );
    lock.registries
        .insert("local".into(), unsigned(Some("file:///home/me/registry")));
    lock.packages.get_mut("repo").unwrap().source = LockedSource::Git {
        url: "https://secret@example.org/repo".into(),
        reference: GitReference::Tag("v1".into()),
        commit: HEX[..40].into(),
    };
    assert_eq!(lock.render(), sample().render());
    for (url, expected) in [
        (
            "https://u:p@example.org:8080/a/b/",
            Some("https://example.org:8080/a/b"),
        ),
        ("HTTP://Example.org", Some("http://example.org")),
        ("file:///srv/x", None),
        ("s3://bucket/x", None),
        ("/srv/x", None),
        ("", None),
    ] {
        assert_eq!(origin(url).as_deref(), expected, "{url}");
    }
    for bad in [
        "/srv/x",
        "C:/x",
        "c:x",
        "..\\x",
        "~/x",
        "\\\\host\\x",
        "",
        "a\nb",
    ] {
        assert!(LockedSource::path(bad).is_err(), "{bad}");
    }
    assert!(LockedSource::path("../é x").is_ok());
}

#[test]
fn whole_file_problems() {
    assert_snapshot!(problem(""), @r#"
    error: the lock has no `version`
      lumen.lock:1:1
      | 
      | ^
      hint: RestoreLock
    "#);
    assert_snapshot!(problem("version = 2\nnothing = \"we know\"\n"), @r#"
    error: the lock has format 2, made by a newer lumen; this one knows formats up to 1
      lumen.lock:1:11
      | version = 2
      |           ^
      hint: NewerProgram
    "#);
    assert_snapshot!(problem("version = 4\n\n[[package]]\nsource = \"path+../a\"\n"), @r#"
    error: this is a lock of `wares`, the package client of the compiler, which has the same name and another format
      lumen.lock:1:11
      | version = 4
      |           ^
      hint: OtherClient
    "#);
    for version in ["", "version = 3\n"] {
        let text = format!("{version}\n[metadata]\nresolver = \"lumen-sat-v1\"\n");
        assert!(problem(&text).contains("a lock of `wares`"), "{text}");
    }
    assert_snapshot!(problem("version = \"1\"\n"), @r#"
    error: `version` must be a whole number
      lumen.lock:1:11
      | version = "1"
      |           ^^^
    "#);
    assert_snapshot!(problem("version = 1\npackage = 1\n"), @r#"
    error: `package` must be an array of tables, not an integer
      lumen.lock:2:11
      | package = 1
      |           ^
    "#);
    assert_snapshot!(problem("version = 1\n[[package\n"), @r#"
    error: unclosed array table, expected `]]`
      lumen.lock:2:10
      | [[package
      |          ^
    "#);
    let text = sample().render();
    let block = text.split("\n\n").nth(2).unwrap();
    let conflict = format!("<<<<<<< HEAD\n{block}\n=======\n{block}\n>>>>>>> branch");
    assert_snapshot!(problem(&text.replace(block, &conflict)), @r#"
    error: the lock has the markers of a merge conflict
      lumen.lock:8:1
      | <<<<<<< HEAD
      | ^^^^^^^^^^^^
      hint: MergeLock
    "#);
}

#[test]
fn package_problems() {
    let text = sample().render();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        problem(&text.replacen(from, to, 1))
    };
    assert_snapshot!(with("name = \"json\"\n", ""), @r#"
    error: `name` is missing here
      lumen.lock:41:1
      | [[package]]
      | ^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("name = \"json\"", "name = \"@org/http\""), @r#"
    error: package `@org/http` is in the lock twice
      lumen.lock:42:8
      | name = "@org/http"
      |        ^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("name = \"local\"", "name = \"default\""), @r#"
    error: registry `default` is in the lock twice
      lumen.lock:9:8
      | name = "default"
      |        ^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("name = \"json\"", "name = \"../json\""), @r#"
    error: a package name is `name` or `@scope/name`
      lumen.lock:42:8
      | name = "../json"
      |        ^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("version = \"1.0.0\"", "version = \"1.0\""), @r#"
    error: `1.0` is not a version: unexpected end of input while parsing minor version number
      lumen.lock:31:11
      | version = "1.0"
      |           ^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("checksum = \"sha256:ba", "checksum = \"sha256:BA"), @r#"
    error: `sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad` is not a digest; write `sha256:` and 64 lower-case hexadecimal digits
      lumen.lock:15:12
      | checksum = "sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("    \"json\"", "    \"js on\""), @r#"
    error: ` ` is not allowed in a package name; use lower-case letters, digits, `-`, `_` and `.`
      lumen.lock:21:5
      |     "js on",
      |     ^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("registry = \"local\"", "registry = \"locale\""), @r#"
    error: registry `locale` is not in the lock
      lumen.lock:44:12
      | registry = "locale"
      |            ^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("path = \".\"", "path = \"/home/me/app\""), @r#"
    error: a path of the lock is relative and written with `/`
      lumen.lock:32:8
      | path = "/home/me/app"
      |        ^^^^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("path = \".\"", "path = \".\"\nregistry = \"local\""), @r#"
    error: a package has one of `registry`, `path` and `git`
      lumen.lock:29:1
      | [[package]]
      | ^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("path = \".\"\n", ""), @r#"
    error: a package has one of `registry`, `path` and `git`
      lumen.lock:29:1
      | [[package]]
      | ^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("tag = \"v1\"", "tag = \"--upload-pack=evil\""), @r#"
    error: a git package has one `branch`, `tag` or `rev`
      lumen.lock:51:7
      | tag = "--upload-pack=evil"
      |       ^^^^^^^^^^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("tag = \"v1\"", "tag = \"v1\"\nrev = \"v1\""), @r#"
    error: a git package has one `branch`, `tag` or `rev`
      lumen.lock:52:7
      | rev = "v1"
      |       ^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("git = \"https", "git = \"ext::https"), @r#"
    error: this is not a git URL that is allowed
      lumen.lock:50:7
      | git = "ext::https://example.org/repo"
      |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("commit = \"ba", "commit = \"b"), @r#"
    error: this is not the full hash of a commit
      lumen.lock:52:10
      | commit = "b7816bf8f01cfea414140de5dae2223b00361a3"
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("compressed-size = 2048\n", ""), @r#"
    error: `compressed` and `compressed-size` need each other
      lumen.lock:11:1
      | [[package]]
      | ^^^^^^^^^^^
      hint: RestoreLock
    "#);
    assert_snapshot!(with("size = 10240", "size = -1"), @r#"
    error: `size` must be a whole number
      lumen.lock:16:8
      | size = -1
      |        ^^
    "#);
    assert_snapshot!(with("size = 10240", "size = 10240\nsize = 1"), @r#"
    error: `size` is defined twice
      lumen.lock:17:1
      | size = 1
      | ^^^^
      hint: keep one of them
    "#);
    assert_snapshot!(with("\"tls\",\n", "2\n"), @r#"
    error: `features` must hold strings, not an integer
      lumen.lock:26:5
      |     2
      |     ^
    "#);
    let checksum = format!("registry = \"local\"\nchecksum = \"sha256:{HEX}\"\n");
    assert_snapshot!(with(&checksum, "registry = \"local\"\n"), @r#"
    error: package `json` has no `checksum`
      lumen.lock:41:1
      | [[package]]
      | ^^^^^^^^^^^
      hint: RestoreLock
    "#);
}

fn any_name() -> impl Strategy<Value = PackageName> {
    "(@[a-c]{1,2}/)?[a-c][a-c0-9_-]{0,2}(\\.[0-9])?[a-c]".prop_map(|text| name(&text))
}

fn any_source() -> impl Strategy<Value = LockedSource> {
    let reference = prop_oneof![
        Just(GitReference::Default),
        "[a-zé/]{1,8}".prop_map(GitReference::Branch),
        "[a-z\"\\\\.]{1,8}".prop_map(GitReference::Tag),
        "[0-9a-f]{7}".prop_map(GitReference::Rev),
    ];
    prop_oneof![
        sample::select(vec!["default", "local"]).prop_map(|n| LockedSource::Registry(n.into())),
        "\\.\\./[a-z \"é#=]{1,8}".prop_map(|path| LockedSource::path(path).unwrap()),
        (
            "https://[a-z]{1,5}\\.org/[a-z]{1,4}",
            reference,
            "[0-9a-f]{40}"
        )
            .prop_map(|(url, reference, commit)| LockedSource::Git {
                url,
                reference,
                commit,
            }),
    ]
}

fn has_control(text: &str) -> bool {
    text.contains(char::is_control)
}

pub(super) fn any_lock() -> impl Strategy<Value = Lockfile> {
    let digest = || any::<[u8; 32]>().prop_map(Digest::from_bytes);
    let sizes = 0..u64::from(u32::MAX);
    let compressed = (digest(), sizes.clone()).prop_map(|(hash, size)| Compressed { hash, size });
    let package = (
        (any::<[u32; 3]>(), "(-[a-z]{1,3}\\.[1-9])?"),
        any_source(),
        digest(),
        (option::of(sizes), option::of(compressed)),
        (
            option::of(digest()),
            option::of(1..9u64),
            collection::vec(any::<sample::Index>(), 0..4),
            collection::btree_set("[a-z\"\\\\é\t\u{7f}\u{85}]{1,5}", 0..3),
        ),
    );
    let trust = option::of((digest(), "[a-z\n\"\\\\é\u{2014} ]{0,12}"));
    let packages = collection::btree_map(any_name(), package, 0..6);
    let requires = collection::btree_set("[a-z ^é\"]{1,4}", 0..3);
    (packages, trust, requires).prop_map(|(packages, trust, requires)| {
        let names: Vec<PackageName> = packages.keys().cloned().collect();
        let packages = packages
            .into_iter()
            .map(|(name, package)| {
                let (([a, b, c], pre), source, checksum, sizes, more) = package;
                let (size, compressed) = sizes;
                let (metadata, owners, deps, texts) = more;
                let mut dependencies: Vec<_> =
                    deps.iter().map(|index| index.get(&names).clone()).collect();
                dependencies.sort();
                dependencies.dedup();
                let texts: Vec<String> = texts.into_iter().collect();
                let locked = LockedPackage {
                    version: Version::parse(&format!("{a}.{b}.{c}{pre}")).unwrap(),
                    source,
                    checksum: Some(checksum),
                    size,
                    compressed,
                    metadata,
                    source_commit: metadata.map(|digest| SourceCommit {
                        vcs: "git".into(),
                        commit: digest.hex(),
                        path: texts.first().filter(|path| !has_control(path)).cloned(),
                        dirty: owners.is_some(),
                    }),
                    owners,
                    owners_note: owners.and(metadata),
                    dependencies,
                    features: texts.clone(),
                    requires: texts,
                };
                (name, locked)
            })
            .collect();
        let mut lock = Lockfile {
            packages,
            requires: requires.into_iter().collect(),
            ..sample()
        };
        if let Some(registry) = lock.registries.get_mut("local") {
            registry.trust = trust.map(|(root, checkpoint)| LockedTrust {
                root,
                root_note: Some(NoteRef {
                    seq: checkpoint.len() as u64 + 1,
                    hash: root,
                })
                .filter(|_| checkpoint.len() % 2 == 0),
                checkpoint,
            });
        }
        lock
    })
}

proptest! {
    #[test]
    fn round_trip(lock in any_lock()) {
        let text = lock.render();
        let parsed = parse(&text);
        prop_assert_eq!(parsed.as_ref(), Ok(&lock));
        prop_assert_eq!(parsed.unwrap().render(), text);
    }

    #[test]
    fn anything_can_be_parsed(text in any::<String>()) {
        let _ = parse(&text);
    }

    /// The quick reader accepts nothing that a TOML parser reads otherwise.
    #[test]
    fn the_readers_agree(
        edits in collection::vec(
            (any::<sample::Index>(), 0usize..30, "[\\[\\]{}\"'=.,#a-z0-9 \n\r\té_+-]{0,3}"),
            1..3,
        ),
    ) {
        let mut text = signed_sample().render();
        for (at, length, with) in edits {
            let at = at.index(text.len());
            let end = (at + length).min(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(end) {
                text.replace_range(at..end, &with);
            }
        }
        let _ = parse(&text);
    }
}

#[test]
fn what_is_needed_follows_the_lists_of_dependencies() {
    let package = |name: &str, dependencies: &str| {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\npath = \"{name}\"\ndependencies = [{dependencies}]\n"
        )
    };
    let blocks = [
        package("app", "\"a\""),
        package("a", "\"b\", \"gone\""),
        package("b", "\"a\""),
        package("extra", "\"a\""),
    ];
    let lock = Lockfile::parse("lumen.lock", &format!("version = 1\n{}", blocks.concat()));
    let lock = lock.unwrap();
    let app = PackageName::parse("app").unwrap();
    let needed: Vec<&str> = lock
        .needed([&app])
        .into_iter()
        .map(PackageName::as_str)
        .collect();
    assert_eq!(needed, ["a", "app", "b", "gone"]);
}

#[test]
fn a_lock_has_a_number_of_values() {
    let with = |dots: usize| {
        let text = format!("version = 1\n# {}\n", ".".repeat(dots));
        Lockfile::parse("lumen.lock", &text)
    };
    // The `=` is one of them.
    with(MAX_LOCK_VALUES - 1).unwrap();
    let problem = with(MAX_LOCK_VALUES).unwrap_err();
    assert_eq!(
        problem.what,
        "`lumen.lock` has more values than the lock of any project"
    );
}
