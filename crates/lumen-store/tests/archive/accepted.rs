//! What the usual programs write must be read.

use std::{fs, path::Path, process::Command};

use super::{
    builder::{Header, Tar, gzip, records, zstd},
    read,
};

/// A small package folder with a long path, an executable, an empty folder and a name that is not ASCII.
fn package(root: &Path) -> Vec<&'static str> {
    let files = [
        "lumen.toml",
        "src/main.lm.md",
        "src/größe.lm",
        "a-folder-with-a-long-name/another-folder-with-a-long-name/and-a-third-one-with-a-long-name/file-with-a-long-name.txt",
        "bin/run",
    ];
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, file.repeat(100)).unwrap();
    }
    fs::create_dir(root.join("empty")).unwrap();
    #[cfg(unix)]
    fs::set_permissions(
        root.join("bin/run"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    files.into()
}

/// Runs a program that writes an archive of the package to `out.tar`, if it is installed.
fn check(program: &str, arguments: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("my-utils");
    fs::create_dir(&root).unwrap();
    let mut expected = package(&root);
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(dir.path())
        .env("LC_ALL", "C.UTF-8");
    match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        output => {
            let output = output.unwrap();
            assert!(
                output.status.success(),
                "{program} {arguments:?}: {output:?}"
            );
        }
    }
    let bytes = fs::read(dir.path().join("out.tar")).unwrap();
    let contents = read(&bytes).unwrap_or_else(|error| panic!("{program} {arguments:?}: {error}"));
    let mut names = contents.names();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected, "{program} {arguments:?}");
    for (path, bytes, executable) in &contents.files {
        assert_eq!(*bytes, path.repeat(100).as_bytes());
        assert_eq!(*executable, cfg!(unix) && path == "bin/run");
    }
    assert!(contents.folders.iter().any(|folder| folder == "empty"));
}

#[test]
fn gnu_tar() {
    check("tar", &["-czvf", "out.tar", "-C", "my-utils/", "."]);
    for format in ["gnu", "oldgnu", "ustar", "posix"] {
        check(
            "tar",
            &["-cf", "out.tar", "--format", format, "-C", "my-utils/", "."],
        );
    }
    check(
        "tar",
        &[
            "-cf",
            "out.tar",
            "--sort=name",
            "--mtime=@0",
            "--owner=0",
            "--group=0",
            "-C",
            "my-utils",
            ".",
        ],
    );
}

#[test]
fn bsdtar() {
    check("bsdtar", &["-czvf", "out.tar", "-C", "my-utils/", "."]);
    check(
        "bsdtar",
        &["-cf", "out.tar", "--zstd", "-C", "my-utils/", "."],
    );
    for format in ["pax", "paxr", "gnutar", "ustar"] {
        check(
            "bsdtar",
            &["-cf", "out.tar", "--format", format, "-C", "my-utils/", "."],
        );
    }
}

#[test]
fn python_tarfile() {
    for (mode, format) in [("w:gz", "PAX"), ("w", "PAX"), ("w", "GNU"), ("w", "USTAR")] {
        let script = format!(
            "import tarfile\nwith tarfile.open('out.tar', '{mode}', format=tarfile.{format}_FORMAT) as t: t.add('my-utils', '.')"
        );
        check("python3", &["-c", &script]);
    }
}

#[test]
fn git_archive() {
    let script = "cd my-utils && mkdir -p empty && touch empty/.keep && git init -q && git add . \
                  && git -c user.name=x -c user.email=x@x commit -qm x && git archive HEAD -o ../out.tar";
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("my-utils");
    fs::create_dir(&root).unwrap();
    package(&root);
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(dir.path())
        .output();
    if output.is_ok_and(|output| output.status.success()) {
        let contents = read(&fs::read(dir.path().join("out.tar")).unwrap()).unwrap();
        assert_eq!(contents.files.len(), 6);
    }
}

#[test]
fn forms() {
    let tar = |tar: Tar, folders: &[&str], files: &[&str]| {
        let plain = tar.end();
        for bytes in [gzip(&plain), zstd(&plain), plain] {
            let contents = read(&bytes).unwrap();
            assert_eq!(contents.folders, folders);
            assert_eq!(contents.names(), files);
        }
    };
    let new = Tar::new;
    tar(new(), &[], &[]);
    tar(
        new().folder("./").folder("./a").file("./a/b", "x"),
        &["a"],
        &["a/b"],
    );
    tar(
        new().folder(".").folder("a/").file("a/b", "x"),
        &["a"],
        &["a/b"],
    );
    // A folder after what is in it, as programs do that sort in their own way.
    tar(
        new().file("a/b/c", "x").folder("a/").folder("a/b"),
        &["a", "a/b"],
        &["a/b/c"],
    );
    // A file type of NUL is an old regular file.
    tar(new().entry(Header::of(0, "a", 1), "x"), &[], &["a"]);
    // A prefix.
    tar(
        new().entry(Header::file("b", 1).set(345, b"d/e"), "x"),
        &["d", "d/e"],
        &["d/e/b"],
    );
    tar(
        new().long("d/".repeat(60) + "f").file("d/d/d", "x"),
        &folders(60),
        &[&("d/".repeat(60) + "f")],
    );
    tar(
        new().pax(&["path=d/é", "mtime=1.5"]).file("x", ""),
        &["d"],
        &["d/é"],
    );
    tar(new().pax(&["size=1"]).file("x", "1"), &[], &["x"]);
    tar(new().pax(&["path=d/"]).folder("x"), &["d"], &[]);
    let comment = records(&["comment=5f1d1b6a"]);
    tar(
        new()
            .entry(
                Header::of(b'g', "pax_global_header", comment.len()),
                comment,
            )
            .file("x", ""),
        &[],
        &["x"],
    );
    // setuid and sticky bits are no rule broken, and not kept.
    tar(
        new().entry(Header::file("x", 0).set(100, b"0107755\0"), ""),
        &[],
        &["x"],
    );
    // Contents that look like the end, or like a header.
    tar(
        new()
            .file("x", [0; 2048])
            .file("y", Header::file("z", 0).sum()),
        &[],
        &["x", "y"],
    );
    // More zero blocks than needed.
    tar(new().file("x", "1").raw([0; 512 * 40]), &[], &["x"]);
    // Owners that octal cannot hold.
    tar(
        new().entry(
            Header::file("x", 0)
                .gnu()
                .set(108, b"\x80\0\0\0\x7f\xff\xff\xff"),
            "",
        ),
        &[],
        &["x"],
    );
}

fn folders(depth: usize) -> Vec<&'static str> {
    let path: &'static str = "d/".repeat(depth).leak();
    (1..=depth).map(|n| &path[..2 * n - 1]).collect()
}

#[test]
fn bodies_around_the_buffer_size() {
    let buffer = 256 << 10;
    let bodies: Vec<Vec<u8>> = [
        0,
        1,
        511,
        512,
        513,
        buffer - 1,
        buffer,
        buffer + 1,
        3 * buffer + 7,
    ]
    .iter()
    .enumerate()
    .map(|(n, size)| vec![n as u8 + 1; *size])
    .collect();
    let tar = bodies
        .iter()
        .enumerate()
        .fold(Tar::new(), |tar, (n, body)| tar.file(format!("f{n}"), body));
    let plain = tar.end();
    for bytes in [gzip(&plain), zstd(&plain), plain] {
        let contents = read(&bytes).unwrap();
        let read: Vec<_> = contents
            .files
            .into_iter()
            .map(|(_, body, _)| body)
            .collect();
        assert!(read == bodies);
    }
}
