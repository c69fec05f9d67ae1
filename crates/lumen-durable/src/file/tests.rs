use super::*;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn writes_replace_whole_files_and_leave_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b.json");
    write_atomic(&path, b"one").unwrap();
    write_atomic_fast(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(names(&dir.path().join("a")), ["b.json"]);
}

#[test]
fn one_of_many_creators_wins() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x/release.json");
    let created: Vec<bool> = std::thread::scope(|scope| {
        let create = |n: u8| {
            let path = &path;
            scope.spawn(move || create_new(path, &[n; 1000]).unwrap())
        };
        let threads: Vec<_> = (0..16).map(create).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(created.iter().filter(|created| **created).count(), 1);
    let winner = created.iter().position(|created| *created).unwrap();
    assert_eq!(fs::read(&path).unwrap(), vec![winner as u8; 1000]);
    assert_eq!(names(path.parent().unwrap()), ["release.json"]);
}

#[test]
fn exchange_swaps_folders() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    write_atomic_fast(&a.join("in-a"), b"").unwrap();
    write_atomic_fast(&b.join("in-b"), b"").unwrap();
    exchange(&a, &b).unwrap();
    assert_eq!(
        (names(&a), names(&b)),
        (vec!["in-b".into()], vec!["in-a".into()])
    );
}

#[cfg(unix)]
#[test]
fn files_are_readable_by_a_web_server() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.json");
    write_atomic(&path, b"{}").unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o644
    );
}

#[cfg(unix)]
#[test]
fn private_files_are_private_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/keys/one.key");
    assert!(create_new_private(&path, b"one").unwrap());
    assert!(!create_new_private(&path, b"two").unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"one");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(parent(&path))), (0o600, 0o700));
}
