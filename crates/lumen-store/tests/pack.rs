//! Packing: what goes in, what is refused, and that the bytes depend on nothing else; long because
//! one rule after another chooses the files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::{fs, io, path::Path};

use lumen_core::Digest;
use lumen_store::{
    archive::{self, ArchiveError, Body, Encoding, FileEntry, Limits, Sink},
    pack::{self, Note, NoteReason, PackError, PackOptions, Packed, SecretKind},
};
use proptest::prelude::*;

/// Makes files from `path` or `path = contents`.
fn folder(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let (path, contents) = file.split_once(" = ").unwrap_or((file, "x"));
        write(dir.path(), path, contents);
    }
    dir
}

fn write(root: &Path, path: &str, contents: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

fn options(include: &[&str], exclude: &[&str]) -> PackOptions {
    let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    PackOptions {
        include: owned(include),
        exclude: owned(exclude),
        ..PackOptions::default()
    }
}

fn names(packed: &Packed) -> Vec<&str> {
    packed.files.iter().map(|file| file.path.as_str()).collect()
}

#[track_caller]
fn packs(files: &[&str], options: &PackOptions, expected: &[&str]) {
    let dir = folder(files);
    let packed = pack::pack(dir.path(), options).unwrap();
    assert_eq!(names(&packed), expected);
}

#[test]
fn everything_but_what_is_ignored() {
    let none = options(&[], &[]);
    packs(
        &["lumen.toml", "src/main.lm", ".hidden", "b", "B2", "a/é"],
        &none,
        &["B2", "a/é", "b", "lumen.toml", "src/main.lm"],
    );
    // Outside of a repository too; the folder's own rules win over those above.
    packs(
        &[
            "lumen.toml",
            ".gitignore = *.log\n/out/\n!keep.log\n",
            "a.log",
            "keep.log",
            "out/x",
            "src/out/x",
            "src/b.log",
            "src/.gitignore = !b.log\n",
            "deep/er/c.log",
        ],
        &none,
        &["keep.log", "lumen.toml", "src/b.log", "src/out/x"],
    );
    // `.lumenignore` is stronger than `.gitignore`.
    packs(
        &[
            "lumen.toml",
            ".gitignore = *.gen\n",
            ".lumenignore = !a.gen\n/notes/\n",
            "a.gen",
            "b.gen",
            "notes/x",
        ],
        &none,
        &["a.gen", "lumen.toml"],
    );
    packs(
        &[
            "lumen.toml",
            "lumen.lock",
            "sub/lumen.lock",
            ".git/config",
            "a/.git",
            ".lumen/state.json",
            ".hg/x",
            ".jj/x",
            ".DS_Store",
            "a/Thumbs.db",
        ],
        &none,
        &["lumen.toml", "sub/lumen.lock"],
    );
}

#[test]
fn hidden_files_go_in_only_when_a_pattern_is_about_them() {
    let files = [
        "lumen.toml",
        "src/a.lm",
        "src/.cache/x",
        ".github/workflows/ci.yml",
        ".github/.more/x",
        ".editorconfig",
        "site/.well-known/a",
        "site/index.html",
        "ignored/.b",
        ".gitignore = ignored/\n",
    ];
    let check = |include: &[&str], exclude: &[&str], expected: &[&str]| {
        let expected = [&["lumen.toml"], expected].concat();
        let mut expected: Vec<&str> = expected;
        expected.sort_unstable();
        packs(&files, &options(include, exclude), &expected);
    };
    check(&[], &[], &["site/index.html", "src/a.lm"]);
    for all in ["*", "**", "**/*", "?github/**"] {
        check(
            &[all],
            &["src"],
            match all {
                "?github/**" => &[],
                _ => &["site/index.html"],
            },
        );
    }
    // By its exact name, or by a pattern with the dot in it.
    check(&[".editorconfig"], &[], &[".editorconfig"]);
    check(
        &["./site", "site/.well-known/*"],
        &[],
        &["site/.well-known/a", "site/index.html"],
    );
    check(&["site/.well-known"], &[], &["site/.well-known/a"]);
    let github = [".github/.more/x", ".github/workflows/ci.yml"];
    check(&[".github"], &[], &github);
    check(&["/.github/**"], &[], &github);
    check(&[".github"], &[".more"], &github[1..]);
    check(&["src", "**/.cache"], &[], &["src/.cache/x", "src/a.lm"]);
    // A folder that is named is not everything hidden in it.
    check(&["src"], &[], &["src/a.lm"]);
    check(&["ignored"], &[], &[]);
    check(&["ignored/.b"], &[], &["ignored/.b"]);
}

#[test]
fn include_and_exclude() {
    let files = [
        "lumen.toml",
        "README.md",
        "src/a.lm",
        "src/b/c.lm",
        "tests/t.lm",
        "dist/x.js",
        ".gitignore = dist/\n*.tmp\n",
        "src/z.tmp",
    ];
    let check = |include: &[&str], exclude: &[&str], expected: &[&str]| {
        packs(&files, &options(include, exclude), expected);
    };
    check(&["src/**"], &[], &["lumen.toml", "src/a.lm", "src/b/c.lm"]);
    check(&["src"], &[], &["lumen.toml", "src/a.lm", "src/b/c.lm"]);
    check(
        &["/src/", "*.md"],
        &["/src/b"],
        &["README.md", "lumen.toml", "src/a.lm"],
    );
    check(&["./src/a.lm"], &[], &["lumen.toml", "src/a.lm"]);
    check(
        &[],
        &["tests/", "*.md", "lumen.toml"],
        &["lumen.toml", "src/a.lm", "src/b/c.lm"],
    );
    // Named exactly: ignored or not.
    check(&["dist"], &[], &["dist/x.js", "lumen.toml"]);
    check(&["dist/x.js"], &[], &["dist/x.js", "lumen.toml"]);
    check(&["src/z.tmp"], &[], &["lumen.toml", "src/z.tmp"]);
    // A pattern that begins with an ignored folder is about what is in it.
    check(&["dist/*.js"], &[], &["dist/x.js", "lumen.toml"]);
    check(&["src/*.tmp"], &[], &["lumen.toml"]);
    check(&["**"], &["**/*.lm", ".*"], &["README.md", "lumen.toml"]);
    check(&["dist"], &["*.js"], &["lumen.toml"]);

    let dir = folder(&files);
    let packed = pack::pack(dir.path(), &options(&["LICENSE", "src/*.lm"], &[])).unwrap();
    let path = "LICENSE".to_owned();
    assert_eq!(
        packed.notes,
        [Note {
            path,
            reason: NoteReason::NotThere
        }]
    );
    for (include, exclude) in [(&["[z-a]"][..], &[][..]), (&[][..], &["[z-a]"][..])] {
        let error = pack::pack(dir.path(), &options(include, exclude)).unwrap_err();
        assert!(matches!(error, PackError::Pattern { .. }), "{error}");
    }
}

#[test]
fn ignore_files_above_the_package_count_as_far_as_the_repository() {
    let dir = folder(&[
        ".gitignore = *.outer\n",
        "repo/.gitignore = *.skip\n/pkg/only/\n",
        "repo/pkg/lumen.toml",
        "repo/pkg/a.skip",
        "repo/pkg/b.outer",
        "repo/pkg/only/x",
        "repo/pkg/src/only/x",
    ]);
    let package = dir.path().join("repo/pkg");
    let files = || -> Vec<String> {
        let packed = pack::pack(&package, &PackOptions::default()).unwrap();
        packed.files.into_iter().map(|file| file.path).collect()
    };
    // No repository: only the package's own files decide.
    assert_eq!(
        files(),
        ["a.skip", "b.outer", "lumen.toml", "only/x", "src/only/x"]
    );
    fs::create_dir(dir.path().join("repo/.git")).unwrap();
    assert_eq!(files(), ["b.outer", "lumen.toml", "src/only/x"]);
}

#[test]
fn manifest() {
    let dir = folder(&["src/a.lm"]);
    let error = pack::pack(dir.path(), &PackOptions::default()).unwrap_err();
    assert!(matches!(error, PackError::NoManifest));
    let with = |bytes: &[u8]| PackOptions {
        manifest_override: Some(bytes.to_vec()),
        ..options(&["src"], &["lumen.toml"])
    };
    let packed = pack::pack(dir.path(), &with(b"[package]")).unwrap();
    assert_eq!(names(&packed), ["lumen.toml", "src/a.lm"]);
    assert_eq!(packed.files[0].size, 9);
    write(dir.path(), "lumen.toml", "something else");
    let same = pack::pack(dir.path(), &with(b"[package]")).unwrap();
    assert_eq!(packed.tar, same.tar);
    // The manifest is part of every package, even where it is ignored.
    write(dir.path(), ".gitignore", "lumen.toml\n");
    let packed = pack::pack(dir.path(), &options(&["src"], &[])).unwrap();
    assert_eq!(names(&packed), ["lumen.toml", "src/a.lm"]);
}

#[test]
fn secrets() {
    let key = "# how\n\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n";
    let dir = folder(&[
        "lumen.toml",
        "src/a.lm",
        ".env",
        "conf/server.pem",
        ".npmrc",
        ".env.example",
        "ignored/.env",
        ".gitignore = ignored/\n",
    ]);
    write(dir.path(), "notes.txt", key);
    let found = |options: &PackOptions| match pack::pack(dir.path(), options) {
        Err(PackError::Secrets { found, .. }) => found
            .into_iter()
            .map(|secret| (secret.path, secret.kind, secret.line))
            .collect(),
        Err(error) => panic!("{error}"),
        Ok(_) => Vec::new(),
    };
    let all = [
        (".env".to_owned(), SecretKind::Environment, None),
        (".npmrc".to_owned(), SecretKind::Credentials, None),
        ("conf/server.pem".to_owned(), SecretKind::Key, None),
        ("notes.txt".to_owned(), SecretKind::Key, Some(3)),
    ];
    // Hidden ones are not packed.
    assert_eq!(found(&PackOptions::default()), all[2..]);
    assert_eq!(found(&options(&["**", ".*", "conf/*"], &[])), all);
    // To name a file exactly is no excuse.
    let named = options(&["**", ".env", "conf/server.pem"], &["notes.txt", ".npmrc"]);
    assert_eq!(found(&named), [all[0].clone(), all[2].clone()]);
    let exact = options(&["ignored/.env", "lumen.toml"], &[]);
    let ignored = ("ignored/.env".to_owned(), SecretKind::Environment, None);
    assert_eq!(found(&exact), [ignored]);
    assert_eq!(
        found(&options(
            &["**", ".*"],
            &["notes.txt", ".npmrc", "*.pem", ".env"]
        )),
        []
    );
    // A key of its own says so, file by file.
    let allowed = |paths: &[&str]| PackOptions {
        allow_secrets: paths.iter().map(ToString::to_string).collect(),
        ..PackOptions::default()
    };
    assert_eq!(found(&allowed(&["notes.txt", "conf"])), all[2..3]);
    assert_eq!(found(&allowed(&["notes.txt", "conf/server.pem"])), []);
    let unchecked = PackOptions {
        is_own: false,
        ..PackOptions::default()
    };
    assert_eq!(found(&unchecked), []);
    let error = pack::pack(dir.path(), &options(&["**", ".*"], &[])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "these files look like secrets: `.env` (environment variables), `.npmrc` (credentials), \
         `conf/server.pem` (a private key), `notes.txt` line 3 (a private key)"
    );
    // The replaced manifest is checked, too.
    let token = ["ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].concat();
    let replaced = PackOptions {
        manifest_override: Some(format!("[package]\ndescription = \"{token}\"\n").into_bytes()),
        ..options(&["src"], &[])
    };
    let token = ("lumen.toml".to_owned(), SecretKind::Token, Some(2));
    assert_eq!(found(&replaced), [token]);
}

#[test]
fn nested_packages() {
    let files = [
        "lumen.toml",
        "src/a.lm",
        "examples/demo/lumen.toml",
        "examples/demo/src/b.lm",
        "examples/x.lm",
    ];
    packs(
        &files,
        &options(&[], &[]),
        &["examples/x.lm", "lumen.toml", "src/a.lm"],
    );
    packs(
        &files,
        &options(&["**", "examples/demo"], &[]),
        &[
            "examples/demo/lumen.toml",
            "examples/demo/src/b.lm",
            "examples/x.lm",
            "lumen.toml",
            "src/a.lm",
        ],
    );
    let dir = folder(&files);
    let packed = pack::pack(dir.path(), &PackOptions::default()).unwrap();
    let path = "examples/demo".to_owned();
    assert_eq!(
        packed.notes,
        [Note {
            path,
            reason: NoteReason::NestedPackage
        }]
    );
}

#[cfg(unix)]
#[test]
fn links() {
    use std::os::unix::fs::symlink;
    let dir = folder(&[
        "outside.txt",
        "pkg/lumen.toml",
        "pkg/docs/a.md = text",
        "pkg/src/a.lm",
        "pkg/.gitignore = ignored*\n",
    ]);
    let root = dir.path().join("pkg");
    symlink("docs/a.md", root.join("README.md")).unwrap();
    symlink("src", root.join("folder_link")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("../outside.txt", root.join("ignored.txt")).unwrap();
    let error = pack::pack(&root, &PackOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "these links lead to nothing: `dangling` (to `nowhere`)"
    );
    assert!(pack::pack(&root, &options(&[], &["dangling"])).is_ok());
    let foreign = PackOptions {
        is_own: false,
        ..PackOptions::default()
    };
    let packed = pack::pack(&root, &foreign).unwrap();
    assert_eq!(
        names(&packed),
        ["README.md", "docs/a.md", "lumen.toml", "src/a.lm"]
    );
    assert_eq!(packed.files[1].size, 4);
    let notes: Vec<_> = packed
        .notes
        .iter()
        .map(|note| (note.path.as_str(), note.reason))
        .collect();
    assert_eq!(
        notes,
        [
            ("dangling", NoteReason::DanglingLink),
            ("folder_link", NoteReason::FolderLink)
        ]
    );
    symlink("../outside.txt", root.join("LICENSE")).unwrap();
    symlink("/etc/hostname", root.join("src/x")).unwrap();
    match pack::pack(&root, &PackOptions::default()) {
        Err(error @ PackError::LinksOutside(_)) => assert_eq!(
            error.to_string(),
            "these links lead out of the package: `LICENSE` (to `../outside.txt`), \
             `src/x` (to `/etc/hostname`)"
        ),
        other => panic!("{other:?}"),
    }
    assert!(pack::pack(&root, &options(&[], &["LICENSE", "/src/x", "dangling"])).is_ok());
}

#[cfg(unix)]
#[test]
fn nothing_is_reached_through_a_link() {
    use std::os::unix::fs::symlink;
    let dir = folder(&[
        "home/.ssh/id",
        "home/notes.txt",
        "pkg/lumen.toml",
        "pkg/src/a.lm",
        "pkg/.git/config",
        "pkg/.hidden/.env",
    ]);
    let root = dir.path().join("pkg");
    fs::create_dir(root.join("assets")).unwrap();
    for (target, link) in [
        ("../../home", "assets/home"),
        ("/proc/self", "assets/proc"),
        ("../src", "assets/src"),
        ("../.git/config", "assets/config"),
        ("..", "up"),
        ("up/home/notes.txt", "twice"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    let outside = |include: &[&str]| match pack::pack(&root, &options(include, &[])) {
        Err(PackError::LinksOutside(links)) => {
            links.into_iter().map(|link| link.path).collect::<Vec<_>>()
        }
        Err(error) => panic!("{error}"),
        Ok(packed) => panic!("{:?}", names(&packed)),
    };
    for (include, link) in [
        ("assets/proc/environ", "assets/proc"),
        ("assets/home/.ssh/id", "assets/home"),
        ("assets/home/.ssh", "assets/home"),
        ("/assets/home/notes.txt", "assets/home"),
        ("up/home/notes.txt", "up"),
        ("up/pkg/src/a.lm", "up"),
        ("twice", "twice"),
    ] {
        assert_eq!(outside(&[include]), [link], "{include}");
    }
    assert_eq!(
        outside(&["assets/proc/environ", "assets/home/notes.txt"]),
        ["assets/home", "assets/proc"]
    );
    // A link that leads to a folder is left out, and so is all behind it.
    let packed = |include: &[&str]| pack::pack(&root, &options(include, &["twice"])).unwrap();
    for include in [
        &[][..],
        &["**"],
        &["assets/**"],
        &["assets/home/**"],
        &["assets/home"],
    ] {
        let packed = packed(include);
        assert!(
            names(&packed)
                .iter()
                .all(|path| !path.starts_with("assets"))
        );
        assert!(!packed.tar.windows(4).any(|window| window == b"root"));
    }
    // Behind a link inside of the package is a file of the package.
    assert_eq!(
        names(&packed(&["assets/src/a.lm"])),
        ["assets/src/a.lm", "lumen.toml"]
    );
    // A file that is never packed is not packed under another name either.
    for include in [
        ".git",
        ".git/config",
        ".GIT/config",
        "assets/config",
        "lumen.lock",
    ] {
        let packed = packed(&[include]);
        assert_eq!(names(&packed), ["lumen.toml"], "{include}");
        assert_eq!(packed.notes.len(), 1, "{include}");
    }
    // A secret is one by any name.
    symlink(".hidden/.env", root.join("settings.txt")).unwrap();
    match pack::pack(&root, &options(&["settings.txt"], &[])) {
        Err(PackError::Secrets { found, .. }) => assert_eq!(found[0].path, "settings.txt"),
        other => panic!("{other:?}"),
    }
    // Ignore files and the manifest are files of the package, too.
    for file in ["src/.gitignore", "lumen.toml"] {
        let _ = fs::remove_file(root.join(file));
        symlink("/etc/hostname", root.join(file)).unwrap();
        assert_eq!(outside(&["src/**"]), [file]);
        fs::remove_file(root.join(file)).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_do_not_work_everywhere() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let dir = folder(&[
        "lumen.toml",
        "a:b",
        "README",
        "readme",
        "nul.lm",
        "x/trailing. = 1",
    ]);
    fs::write(dir.path().join(OsStr::from_bytes(b"caf\xe9")), "").unwrap();
    let error = pack::pack(dir.path(), &PackOptions::default()).unwrap_err();
    let expected = "cannot pack `caf\u{fffd}`: its name is not UTF-8; \
        cannot pack `a:b`: its path starts with a drive letter; \
        cannot pack `nul.lm`: a component of its path is a device name on Windows; \
        cannot pack `readme`: `README` and `readme` are the same file on some systems; \
        cannot pack `x/trailing.`: a component of its path ends with a dot or a space, which Windows drops";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn bytes_depend_on_nothing_else() {
    let files = [
        "lumen.toml = [package]\n",
        "src/main.lm.md = # hi\n",
        "bin/run = #!/bin/sh\n",
    ];
    let first = folder(&files);
    // Another order of creation, other times, other modes.
    let second = folder(&[files[2], files[0], files[1]]);
    fs::create_dir(second.path().join("empty")).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400);
    let manifest = fs::File::options()
        .write(true)
        .open(second.path().join("lumen.toml"))
        .unwrap();
    manifest.set_modified(long_ago).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |dir: &Path, file: &str, mode| {
            fs::set_permissions(dir.join(file), fs::Permissions::from_mode(mode)).unwrap()
        };
        mode(first.path(), "bin/run", 0o755);
        mode(second.path(), "bin/run", 0o700);
        mode(second.path(), "lumen.toml", 0o600);
    }
    let one = pack::pack(first.path(), &PackOptions::default()).unwrap();
    let two = pack::pack(second.path(), &PackOptions::default()).unwrap();
    assert_eq!(one.tar, two.tar);
    assert_eq!(one.zst, two.zst);
    assert_eq!(Digest::of(&one.tar), one.digest);
    assert_eq!(Digest::of(&one.zst), one.zst_digest);
    // This very digest, on every machine that has executable bits.
    #[cfg(unix)]
    assert_eq!(
        one.digest.to_string(),
        "sha256:b27a061aea392da50911cccde33131f891117275aeb0504289e16020924cb3c2"
    );
    assert_eq!(one.tar.len() % 512, 0);
    let uncompressed = PackOptions {
        compress: false,
        ..PackOptions::default()
    };
    assert!(
        pack::pack(first.path(), &uncompressed)
            .unwrap()
            .zst
            .is_empty()
    );
}

#[derive(Default)]
struct Files(Vec<(String, Vec<u8>, bool)>);

impl Sink for Files {
    fn folder(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, entry: FileEntry<'_>, body: &mut dyn Body) -> Result<(), ArchiveError> {
        let mut bytes = Vec::new();
        while let Some(piece) = body.next()? {
            bytes.extend_from_slice(piece);
        }
        self.0
            .push((entry.path.to_owned(), bytes, entry.executable));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_packed_can_be_read(
        files in prop::collection::btree_map(
            "[a-z]{1,8}(/[a-zé_-]{1,40}){0,6}",
            (prop::collection::vec(any::<u8>(), 0..1200), any::<bool>()),
            0..12,
        )
    ) {
        let dir = folder(&["lumen.toml"]);
        let mut expected = vec![("lumen.toml".to_owned(), b"x".to_vec(), false)];
        for (path, (contents, executable)) in files {
            let file = dir.path().join(&path);
            if fs::create_dir_all(file.parent().unwrap()).is_err() || fs::write(&file, &contents).is_err() {
                continue;
            }
            #[cfg(unix)]
            fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(if executable { 0o755 } else { 0o644 })).unwrap();
            expected.push((path, contents, executable && cfg!(unix)));
        }
        expected.sort();
        let unchecked = PackOptions { is_own: false, ..PackOptions::default() };
        let packed = match pack::pack(dir.path(), &unchecked) {
            Ok(packed) => packed,
            // The strategy makes device names now and then.
            Err(PackError::Paths(_)) => return Ok(()),
            Err(error) => panic!("{error}"),
        };
        for (bytes, encoding) in [(&packed.tar, Encoding::Plain), (&packed.zst, Encoding::Zstd)] {
            let mut files = Files::default();
            let summary = archive::read(&bytes[..], Some(bytes.len() as u64), &Limits::default(), &mut files).unwrap();
            prop_assert_eq!(summary.encoding, encoding);
            prop_assert_eq!(&files.0, &expected);
        }
    }
}

#[test]
fn an_ignore_file_counts_as_a_whole_or_is_an_error() {
    let dir = folder(&["lumen.toml", "secret"]);
    let lines = "# nothing\n".repeat(200_000);
    write(dir.path(), ".gitignore", format!("{lines}/secret\n"));
    let error = pack::pack(dir.path(), &PackOptions::default()).unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
}
