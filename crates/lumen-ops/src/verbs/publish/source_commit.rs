//! The commit that a release is packed from, and whether the packed files are those of it.
//!
//! The folder may be a clone of anything. So git only reads objects here
//! ([`Git::within`](lumen_registry::git::Git::within)): no command looks at the index or the
//! work tree, where filters and monitors that the repository names would run. The packed bytes
//! are compared with those of the commit.

use std::{collections::BTreeMap, io, path::Path};

use lumen_core::{Digest, index::SourceCommit, problem::Problem};
use lumen_registry::git::{Git, GitError};
use lumen_store::{
    archive::{self, ArchiveError, Body, FileEntry, Limits, Sink},
    pack::{LFS_POINTER, Packed},
    project::MANIFEST,
};

use crate::session::Session;

/// A commit, and the packed files that differ from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub source: SourceCommit,
    /// Paths in the package; those that the commit lacks are among them.
    pub differing: Vec<String>,
}

/// Finds the commit that a package is packed from. `None`: it is in no repository, or the
/// repository has no commit, or ignores the package.
///
/// `manifest` is the package's `lumen.toml` as it is on the disk, before `--bump` and without
/// the changes of packing.
pub(crate) fn find(
    session: &Session<'_>,
    dir: &Path,
    manifest: &str,
    packed: &Packed,
) -> Option<Found> {
    // Without a repository there is nothing to say, also where there is no git.
    let mut folders = dir.ancestors();
    folders.find(|folder| folder.join(".git").exists())?;
    match look(dir, manifest, packed) {
        Ok(found) => found,
        Err(error) => {
            let what = "the commit of this release is not recorded, since git failed";
            let problem = Problem::warning(what);
            session
                .context
                .reporter
                .warn(problem.hint(error.to_string()));
            None
        }
    }
}

fn look(dir: &Path, manifest: &str, packed: &Packed) -> Result<Option<Found>, GitError> {
    let git = Git::within(dir);
    let place = git.command(&["rev-parse", "--is-inside-work-tree", "--show-prefix"]);
    let place = git.look(place, None)?;
    if !place.success && place.err.contains("not a git repository") {
        return Ok(None);
    }
    if !place.success {
        return Err(git.failure("look at", &place.err));
    }
    let place = String::from_utf8_lossy(&place.out).into_owned();
    let Some(prefix) = place.strip_prefix("true\n") else {
        return Ok(None);
    };
    let prefix = prefix.strip_suffix('\n').unwrap_or(prefix);
    let head = ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"];
    let head = git.look(git.command(&head), None)?;
    if !head.success && head.err.trim().is_empty() {
        return Ok(None);
    }
    if !head.success {
        return Err(git.failure("read", &head.err));
    }
    let commit = String::from_utf8_lossy(&head.out).trim().to_owned();
    let differing = differing(&git, (&commit, prefix), manifest, packed)?;
    if differing.iter().any(|path| path == MANIFEST) && is_ignored(&git)? {
        return Ok(None);
    }
    let path = prefix.trim_end_matches('/');
    let source = SourceCommit {
        vcs: "git".into(),
        commit,
        path: (!path.is_empty()).then(|| path.to_owned()),
        dirty: !differing.is_empty(),
    };
    // A path that no release may have is left out, and the rest is said.
    let source = match source.is_plain() {
        true => source,
        false => SourceCommit {
            path: None,
            ..source
        },
    };
    Ok(source.is_plain().then_some(Found { source, differing }))
}

/// Whether the repository ignores the package, as a folder of build results.
fn is_ignored(git: &Git) -> Result<bool, GitError> {
    let command = git.command(&["check-ignore", "--quiet", "--no-index", "--", MANIFEST]);
    Ok(git.look(command, None)?.success)
}

/// The packed files that are not as the commit has them.
fn differing(
    git: &Git,
    (commit, prefix): (&str, &str),
    manifest: &str,
    packed: &Packed,
) -> Result<Vec<String>, GitError> {
    let paths = || packed.files.iter().map(|file| file.path.as_str());
    let asked = paths().map(|path| format!("{commit}:{prefix}{path}\n"));
    let input: String = asked.collect();
    // Links inside of the repository are packed as the files that they lead to.
    let command = git.command(&["cat-file", "--batch", "--follow-symlinks"]);
    let ran = git.look(command, Some(input.into_bytes()))?;
    if !ran.success {
        return Err(git.failure("read", &ran.err));
    }
    let committed: BTreeMap<&str, &[u8]> = paths()
        .zip(answers(&ran.out))
        .filter_map(|(path, bytes)| Some((path, bytes?)))
        .collect();
    let mut compared = Compared {
        committed,
        manifest,
        differing: Vec::new(),
    };
    let tar = packed.tar.as_slice();
    let size = Some(tar.len() as u64);
    archive::read(tar, size, &Limits::default(), &mut compared).map_err(io::Error::other)?;
    Ok(compared.differing)
}

/// The answers of `git cat-file --batch`: the bytes of each object, or nothing.
fn answers(mut out: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        let end = out.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = (&out[..end], &out[end + 1..]);
        let line = String::from_utf8_lossy(line);
        let words: Vec<&str> = line.rsplitn(3, ' ').collect();
        let size = |text: &str| text.parse::<usize>().ok();
        // `<hash> blob <size>`, and the bytes; or how the path leads nowhere, and the path.
        let (bytes, after) = match words.as_slice() {
            [length, "blob", _] => (size(length).and_then(|size| rest.get(..size)), size(length)),
            [length, kind] if matches!(*kind, "symlink" | "dangling" | "loop" | "notdir") => {
                (None, size(length))
            }
            [length, "tree" | "commit" | "tag", _] => (None, size(length)),
            _ => (None, None),
        };
        out = match after {
            Some(after) => rest.get(after.saturating_add(1)..).unwrap_or_default(),
            None => rest,
        };
        Some(bytes)
    })
}

/// Compares the files of an archive with those of a commit.
struct Compared<'a> {
    committed: BTreeMap<&'a str, &'a [u8]>,
    manifest: &'a str,
    differing: Vec<String>,
}

impl Sink for Compared<'_> {
    fn folder(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, entry: FileEntry<'_>, body: &mut dyn Body) -> Result<(), ArchiveError> {
        let mut bytes = Vec::new();
        while let Some(piece) = body.next()? {
            bytes.extend_from_slice(piece);
        }
        // Packing changes the manifest.
        if entry.path == MANIFEST {
            bytes = self.manifest.as_bytes().to_vec();
        }
        let committed = self.committed.get(entry.path);
        if !committed.is_some_and(|committed| is_same(&bytes, committed)) {
            self.differing.push(entry.path.to_owned());
        }
        Ok(())
    }
}

/// Whether a file is one of a commit, as a checkout makes it: git may write other line ends,
/// and Git LFS the file in the place of its pointer.
fn is_same(bytes: &[u8], committed: &[u8]) -> bool {
    if bytes == committed {
        return true;
    }
    if committed.starts_with(LFS_POINTER) {
        let pointer = String::from_utf8_lossy(committed);
        let oid = format!("oid sha256:{}", Digest::of(bytes).hex());
        return pointer.lines().any(|line| line == oid);
    }
    let is_text = !bytes.contains(&0) && !committed.windows(2).any(|pair| pair == b"\r\n");
    is_text && without_returns(bytes) == committed
}

fn without_returns(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        if *byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            out.push(*byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let out = b"1234 blob 5\nab\ncd\nabcd:a file missing\ndangling 6\n../x y\n1234 tree 3\nxyz\n5678 blob 0\n\n";
        let found: Vec<Option<&[u8]>> = answers(out).collect();
        assert_eq!(
            found,
            [Some(&b"ab\ncd"[..]), None, None, None, Some(&b""[..])]
        );
    }

    #[test]
    fn a_checkout_may_change_line_ends_and_pointers() {
        assert!(is_same(b"a\nb\n", b"a\nb\n"));
        assert!(is_same(b"a\r\nb\r\n", b"a\nb\n"));
        assert!(!is_same(b"a\r\nc\r\n", b"a\nb\n"));
        assert!(!is_same(b"a\nb\n", b"a\r\nb\r\n"));
        assert!(!is_same(b"\0\r\n", b"\0\n"));
        let oid = Digest::of(b"large").hex();
        let pointer =
            format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 5\n");
        assert!(is_same(b"large", pointer.as_bytes()));
        assert!(!is_same(b"other", pointer.as_bytes()));
    }
}
