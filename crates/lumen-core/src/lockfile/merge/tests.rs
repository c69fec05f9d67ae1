use insta::assert_snapshot;
use proptest::{collection, prelude::*, sample};

use super::*;
use crate::{
    digest::Digest,
    lockfile::tests::{any_lock, name, signed_sample},
    problem::plain,
    trust::NoteRef,
};

/// The sides of a text, each without what is blank in it.
fn sides(text: &str) -> Option<[String; 2]> {
    let sides = split::split(text).unwrap()?;
    let kept = |side: &String| {
        let lines = side
            .lines()
            .filter(|line| line.is_empty() || !line.trim().is_empty());
        let lines: Vec<&str> = lines.collect();
        lines.join("\n")
    };
    for side in &sides {
        assert_eq!(side.len(), text.len());
    }
    Some(sides.each_ref().map(kept))
}

fn broken(text: &str) -> (String, &'static str) {
    let broken = split::split(text).unwrap_err();
    (text[broken.line].to_owned(), broken.what)
}

#[test]
fn the_styles_of_git_have_two_sides() {
    let styles = [
        "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> topic\nd",
        "a\n<<<<<<< HEAD\nb\n||||||| 1234567\nx\n=======\nc\n>>>>>>> topic\nd",
        "a\n<<<<<<<\nb\n|||||||\n=======\nc\n>>>>>>>\nd",
        // A conflict in the base has longer markers, those of mercurial's have none, and git
        // can be told to write more.
        "a\n<<<<<<< x\nb\n||||||| base\n<<<<<<<<< 1\ny\n=========\nz\n>>>>>>>>> 2\n=======\nc\n>>>>>>> y\nd",
        "a\n<<<<<<<<<< HEAD\nb\n==========\nc\n>>>>>>>>>> topic\nd",
    ];
    for style in styles {
        for text in [style.to_owned(), style.replace('\n', "\r\n")] {
            let expected = ["a\nb\nd".to_owned(), "a\nc\nd".to_owned()];
            assert_eq!(sides(&text), Some(expected), "{text}");
        }
    }
    assert_eq!(sides("a\n=======\n<<<<<< b\n<<<<<<<c\n"), None);
    let two = "<<<<<<< x\na\n=======\n>>>>>>> y\nm\n<<<<<<< x\n=======\nb\n>>>>>>> y\n";
    assert_eq!(sides(two), Some(["a\nm".to_owned(), "m\nb".to_owned()]));
}

#[test]
fn markers_that_make_no_sense_are_pointed_at() {
    for (text, line, what) in [
        ("a\n<<<<<<< x\nb\n", "<<<<<<< x", "has no end"),
        ("<<<<<<< x\nb\n=======\n", "<<<<<<< x", "has no end"),
        ("a\n>>>>>>> y\n", ">>>>>>> y", "has no beginning"),
        ("<<<<<<< x\n<<<<<<< y\n", "<<<<<<< y", "inside of another"),
        (
            "<<<<<<< x\n=======\n<<<<<<< y\r\n",
            "<<<<<<< y",
            "inside of another",
        ),
        (
            "<<<<<<< x\n>>>>>>> y\n",
            ">>>>>>> y",
            "does not belong here",
        ),
        (
            "<<<<<<< x\n=======\n=======\n",
            "=======",
            "does not belong here",
        ),
    ] {
        let (found, said) = broken(text);
        assert_eq!(found, line, "{text}");
        assert!(said.contains(what), "{text}: {said}");
    }
}

/// The sides as git leaves them: the longest common beginning and end are no conflict.
fn conflict(ours: &str, theirs: &str, base: bool) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
    let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let rest = a.len().min(b.len()) - same;
    let tail = a.iter().rev().zip(b.iter().rev()).take(rest);
    let tail = tail.take_while(|(a, b)| a == b).count();
    let middle = |lines: &[&str]| -> String {
        let lines = lines[same..lines.len() - tail].iter();
        lines.map(|line| format!("{line}\n")).collect()
    };
    let base = if base {
        "||||||| base\nversion = 1\n"
    } else {
        ""
    };
    let line = |line: &&str| format!("{line}\n");
    let head: String = a[..same].iter().map(line).collect();
    let end: String = a[a.len() - tail..].iter().map(line).collect();
    match a == b {
        true => ours.to_owned(),
        false => format!(
            "{head}<<<<<<< HEAD\n{}{base}=======\n{}>>>>>>> topic\n{end}",
            middle(&a),
            middle(&b)
        ),
    }
}

fn parse(text: &str) -> Result<Option<(Lockfile, Merge)>, MergeError> {
    Merge::parse("lumen.lock", text)
}

fn problem(text: &str) -> String {
    match parse(text).unwrap_err() {
        MergeError::Malformed(problem) => format!("malformed\n{}", plain(&[*problem])),
        MergeError::Contradiction(problem) => format!("contradiction\n{}", plain(&[*problem])),
    }
}

/// The sample, changed.
fn changed(change: impl FnOnce(&mut Lockfile)) -> Lockfile {
    let mut lock = signed_sample();
    state(&mut lock, 412, 1);
    change(&mut lock);
    lock
}

/// Gives the registry a state of its log.
fn state(lock: &mut Lockfile, size: u64, root: u8) {
    let root = crate::base64::encode(&[root; 32]);
    let signature = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    trust(lock).checkpoint = format!("reg/1f\n{size}\n{root}\n\n\u{2014} reg/1f {signature}\n");
}

fn trust(lock: &mut Lockfile) -> &mut LockedTrust {
    let registry = lock.registries.get_mut("default").unwrap();
    registry.trust.as_mut().unwrap()
}

fn http(lock: &mut Lockfile) -> &mut LockedPackage {
    lock.packages.get_mut(&name("@org/http")).unwrap()
}

fn merged(ours: &Lockfile, theirs: &Lockfile) -> Lockfile {
    let text = conflict(&ours.render(), &theirs.render(), true);
    parse(&text).unwrap().unwrap().0
}

#[test]
fn the_newer_state_and_the_higher_numbers_win() {
    let old = changed(|_| {});
    let new = changed(|lock| {
        state(lock, 500, 2);
        trust(lock).root_note = Some(NoteRef {
            seq: 3,
            hash: Digest::of(b"3"),
        });
        http(lock).owners = Some(4);
        http(lock).owners_note = Some(Digest::of(b"4"));
    });
    for (ours, theirs) in [(&old, &new), (&new, &old)] {
        assert_eq!(merged(ours, theirs), new);
    }
    // Each of them counts by itself.
    let mixed = changed(|lock| {
        state(lock, 600, 3);
        trust(lock).root_note = None;
    });
    let both = merged(&new, &mixed);
    let trust = both.registries["default"].trust.clone().unwrap();
    assert_eq!(trust.root_note.unwrap().seq, 3);
    assert!(trust.checkpoint.contains("\n600\n"));
    // A side that knew it unsigned does not make it unsigned.
    let unsigned = changed(|lock| {
        let registry = lock.registries.get_mut("default").unwrap();
        registry.trust = None;
    });
    assert_eq!(merged(&unsigned, &new).registries, new.registries);
}

#[test]
fn what_one_side_does_not_say_comes_from_the_other() {
    let full = changed(|_| {});
    let earlier = changed(|lock| http(lock).source_commit = None);
    for (ours, theirs) in [(&full, &earlier), (&earlier, &full)] {
        assert_eq!(merged(ours, theirs), full);
    }
    // What one says of another version is of no use.
    let higher = changed(|lock| {
        http(lock).version = Version::new(9, 0, 0);
        http(lock).source_commit = None;
    });
    assert_eq!(http(&mut merged(&full, &higher)).source_commit, None);
}

#[test]
fn both_versions_are_wishes_and_all_packages_are_there() {
    let ours = changed(|lock| {
        let other = lock.packages.get(&name("@org/http")).cloned().unwrap();
        lock.packages.insert(name("only-ours"), other);
    });
    let theirs = changed(|lock| {
        http(lock).version = Version::new(9, 0, 0);
        http(lock).checksum = Some(Digest::of(b"9"));
        let other = http(lock).clone();
        lock.packages.insert(name("only-theirs"), other);
        // From a registry that the other side does not have.
        lock.registries
            .insert("more".into(), LockedRegistry::default());
        http(lock).source = LockedSource::Registry("more".into());
    });
    for (ours, theirs) in [(&ours, &theirs), (&theirs, &ours)] {
        let text = conflict(&ours.render(), &theirs.render(), false);
        let (both, merge) = parse(&text).unwrap().unwrap();
        assert_eq!(&merge.sides, &[ours.clone(), theirs.clone()]);
        assert_eq!(
            both.packages[&name("@org/http")].version,
            Version::new(9, 0, 0)
        );
        let others: Vec<_> = merge.others(&both).collect();
        assert_eq!(
            others,
            [(
                &name("@org/http"),
                &changed(|_| {}).packages[&name("@org/http")].version
            )]
        );
        assert!(
            both.packages.contains_key("only-ours") && both.packages.contains_key("only-theirs")
        );
        assert!(both.registries.contains_key("more"));
        merge.check(&both).unwrap();
        let mut forged = both.clone();
        http(&mut forged).checksum = Some(Digest::of(b"other"));
        assert!(
            merge
                .check(&forged)
                .unwrap_err()
                .what
                .contains("has two hashes")
        );
    }
}

#[test]
fn contradictions_are_named_with_their_place() {
    type Change = fn(&mut Lockfile);
    let ours = changed(|_| {});
    let against = |change: Change| {
        let theirs = changed(change);
        let text = conflict(&ours.render(), &theirs.render(), true);
        let told = problem(&text);
        assert!(told.starts_with("contradiction\n"), "{told}");
        // Whichever side it is.
        let turned = problem(&conflict(&theirs.render(), &ours.render(), false));
        assert_eq!(told.lines().nth(1), turned.lines().nth(1));
        told
    };
    assert_snapshot!(against(|lock| http(lock).checksum = Some(Digest::of(b"x"))), @r#"
    contradiction
    error: `@org/http` 1.2.0-rc.1+build has two hashes
      lumen.lock:23:13
      | checksum = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: nothing was changed; compare both sides with what the people who run the registry say, and restore the right one
    "#);
    let other_root = |lock: &mut Lockfile| trust(lock).root = Digest::of(b"other");
    let other_note = |lock: &mut Lockfile| {
        trust(lock).root_note = Some(NoteRef {
            seq: 2,
            hash: Digest::of(b"other"),
        });
    };
    let other_log = |lock: &mut Lockfile| {
        let checkpoint = &mut trust(lock).checkpoint;
        *checkpoint = checkpoint.replace("reg/1f", "reg/20");
    };
    let changes: [(Change, &str); 8] = [
        (|lock| state(lock, 412, 9), "the log was forked"),
        (other_root, "two trust roots"),
        (other_note, "two root notes 2"),
        (other_log, "of two logs"),
        (
            |lock| trust(lock).checkpoint = "nonsense".into(),
            "cannot be compared",
        ),
        (|lock| http(lock).size = Some(1), "two sizes"),
        (
            |lock| http(lock).metadata = Some(Digest::of(b"m")),
            "two hashes of its metadata",
        ),
        (
            |lock| http(lock).owners_note = Some(Digest::of(b"o")),
            "two ownership notes 3",
        ),
    ];
    for (change, what) in changes {
        let told = against(change);
        assert!(told.contains(what), "{what}: {told}");
    }
}

#[test]
fn what_a_side_cannot_be_read_is_told_where_it_stands() {
    let text = changed(|_| {}).render();
    let theirs = text.replace("1.2.0-rc.1+build", "one");
    assert_snapshot!(problem(&conflict(&text, &theirs, true)), @r#"
    malformed
    error: `one` is not a version: unexpected character 'o' while parsing major version number
      lumen.lock:21:11
      | version = "one"
      |           ^^^^^
      hint: ChooseSide
    "#);
    assert_snapshot!(problem(&format!("{text}<<<<<<< HEAD\n")), @"
    malformed
    error: the conflict that begins here has no end
      lumen.lock:59:1
      | <<<<<<< HEAD
      | ^^^^^^^^^^^^
      hint: ChooseSide
    ");
    assert!(matches!(parse(&text), Ok(None)));
}

#[test]
fn megabytes_of_markers_take_no_time() {
    let open = "<<<<<<< x\n".repeat(200_000);
    assert!(parse(&open).is_err());
    let many = "<<<<<<< x\n=======\n>>>>>>> y\n".repeat(100_000);
    let text = format!("version = 1\n{many}");
    let (both, _) = parse(&text).unwrap().unwrap();
    assert!(both.packages.is_empty());
    let deep = format!(
        "version = 1\n<<<<<<< x\n||||||| b\n{}=======\n>>>>>>> y\n",
        "<<<<<<< x\n".repeat(200_000)
    );
    parse(&deep).unwrap();
}

proptest! {
    /// Whatever two locks say, their conflict is read back as these two, in any style.
    #[test]
    fn both_sides_are_read_back(ours in any_lock(), theirs in any_lock(), base: bool, crlf: bool) {
        let mut text = conflict(&ours.render(), &theirs.render(), base);
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        match parse(&text) {
            Ok(None) => prop_assert_eq!(ours, theirs),
            Ok(Some((both, merge))) => {
                prop_assert_eq!(&merge.sides, &[ours.clone(), theirs.clone()]);
                for side in &merge.sides {
                    for name in side.packages.keys() {
                        prop_assert!(both.packages.contains_key(name));
                    }
                }
                prop_assert!(merge.check(&both).is_ok());
                // The lock of both can be written.
                let again = Lockfile::parse("lumen.lock", &both.render());
                prop_assert_eq!(again, Ok(both));
            }
            Err(MergeError::Contradiction(_)) => {}
            Err(error) => prop_assert!(false, "{error:?}"),
        }
    }

    /// Which side is whose decides nothing but between equals.
    #[test]
    fn the_order_of_the_sides_does_not_matter(ours in any_lock(), theirs in any_lock()) {
        let one = parse(&conflict(&ours.render(), &theirs.render(), true));
        let two = parse(&conflict(&theirs.render(), &ours.render(), true));
        match (one, two) {
            (Ok(Some((one, _))), Ok(Some((two, _)))) => {
                prop_assert_eq!(one.packages.len(), two.packages.len());
                for (name, package) in one.packages {
                    let other = &two.packages[&name];
                    if let (LockedSource::Registry(_), LockedSource::Registry(_)) = (&package.source, &other.source) {
                        prop_assert_eq!(&package.version, &other.version);
                    }
                }
            }
            (Ok(None), Ok(None)) | (Err(_), Err(_)) => {}
            (one, two) => prop_assert!(false, "{one:?} {two:?}"),
        }
    }

    #[test]
    fn any_markers_can_be_parsed(
        edits in collection::vec((any::<sample::Index>(), sample::select(vec![
            "<<<<<<< x\n", "=======\n", ">>>>>>> y\n", "||||||| z\n", "<<<<<<<<< w\n", "\r\n", "[[package]]\n",
        ])), 1..8),
    ) {
        let mut text = changed(|_| {}).render();
        for (at, line) in edits {
            let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
            text.insert_str(*at.get(&starts), line);
        }
        let _ = parse(&text);
    }
}
