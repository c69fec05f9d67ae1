//! The holder of a lock, as it wrote itself into the file: shown to people, never trusted.

use std::{
    fmt,
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::owner;

/// First word of the note that a holder writes into the file.
const MARK: &str = "lumen-lock-1";

/// Bytes of the longest line of this form: the first word, a number and two names of at most 64
/// characters. It is a bound of the form; this crate knows no table of limits.
const MAX_NOTE: u64 = 256;

/// A lock that another process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The lock file.
    pub path: PathBuf,
    /// The holder according to the file; `None` if unknown.
    pub holder: Option<Holder>,
    /// How long ago it was taken; `None` where it is not known, and where it is shared.
    pub age: Option<Duration>,
}

/// The holder of a lock according to its file. Letters, digits, `.`, `-` and `_` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The number of the process.
    pub process: u32,
    /// The user.
    pub user: String,
    /// The machine.
    pub host: String,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.path.display())?;
        if let Some(age) = self.age {
            write!(f, ", taken {} ago", rounded(age))?;
        }
        if let Some(Holder {
            process,
            user,
            host,
        }) = &self.holder
        {
            write!(f, " by process {process} of {user} on {host}")?;
        }
        Ok(())
    }
}

fn rounded(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds @ 120..7200 => format!("{} minutes", seconds / 60),
        seconds @ 7200..172_800 => format!("{} hours", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

impl Waiting {
    /// Looks at a lock that is not free.
    pub(super) fn look(file: &File, path: &Path) -> Self {
        let shared = file.try_lock_shared().is_ok();
        if shared {
            let _ = file.unlock();
        }
        let holder = (!shared).then(|| note(file)).flatten();
        let modified = || file.metadata().ok()?.modified().ok();
        let age = |time| SystemTime::now().duration_since(time).unwrap_or_default();
        Self {
            path: path.to_owned(),
            age: holder.as_ref().and_then(|_| modified().map(age)),
            holder,
        }
    }
}

/// Writes the holder of the lock into its file, for others to show. `false`: that failed, or
/// the file has other contents than such a note.
pub(super) fn sign(mut file: &File) -> bool {
    if !is_only_a_lock(file) {
        return false;
    }
    let plain = |text: String| {
        let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let text: String = text.chars().filter(|c| kept(*c)).take(64).collect();
        if text.is_empty() {
            "unknown".into()
        } else {
            text
        }
    };
    let (user, host) = (plain(owner::user()), plain(owner::host()));
    let note = format!("{MARK} {} {user} {host}\n", std::process::id());
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(note.as_bytes()));
    // Nothing depends on it.
    written.is_ok()
}

/// Removes the holder from the file, right before the lock is free.
pub(super) fn erase(file: &File) {
    // Nothing depends on it.
    let _ = file.set_len(0);
}

/// Whether a file has one name only, and is empty or has the note of a killed holder:
/// writing to it loses nothing.
fn is_only_a_lock(mut file: &File) -> bool {
    if !has_one_name(file) {
        return false;
    }
    let mut start = Vec::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(MARK.len() as u64).read_to_end(&mut start));
    read.is_ok() && (start.is_empty() || start == MARK.as_bytes())
}

#[cfg(unix)]
fn has_one_name(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 1)
}

#[cfg(not(unix))]
fn has_one_name(_: &File) -> bool {
    true
}

/// The note of the holder, if it has the form of one.
fn note(mut file: &File) -> Option<Holder> {
    file.rewind().ok()?;
    let mut text = String::new();
    file.take(MAX_NOTE).read_to_string(&mut text).ok()?;
    let mut words = text.strip_suffix('\n')?.split(' ');
    let mut word = || {
        words.next().filter(|word| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            (1..=64).contains(&word.len()) && word.chars().all(plain)
        })
    };
    if word()? != MARK {
        return None;
    }
    let process = word()?.parse().ok()?;
    let (user, host) = (word()?.to_owned(), word()?.to_owned());
    Some(Holder {
        process,
        user,
        host,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lock;

    #[test]
    fn a_holder_is_shown_and_nothing_else_that_a_file_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::exclusive(&path).unwrap();
        let waiting = Waiting::look(&super::super::open(&path).unwrap(), &path);
        assert_eq!(waiting.holder.unwrap().process, std::process::id());
        assert!(waiting.age.is_some());
        drop(held);
        // A free lock names no holder.
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        for forged in [
            "",
            "lumen-lock-1",
            "lumen-lock-1 1 root\u{1b}[2J host\n",
            "lumen-lock-1 -1 root host\n",
            "lumen-lock-1 1 root host",
            "other 1 root host\n",
        ] {
            std::fs::write(&path, forged).unwrap();
            assert_eq!(
                note(&super::super::open(&path).unwrap()),
                None,
                "{forged:?}"
            );
        }
        // Other contents stay; the note of a killed holder is replaced.
        drop(Lock::exclusive(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"other 1 root host\n");
        std::fs::write(&path, "lumen-lock-1 1 killed host\n").unwrap();
        let held = Lock::exclusive(&path).unwrap();
        let waiting = Waiting::look(&super::super::open(&path).unwrap(), &path);
        assert_eq!(waiting.holder.unwrap().process, std::process::id());
        drop(held);
        let _shared = Lock::shared(&path).unwrap();
        let waiting = Waiting::look(&super::super::open(&path).unwrap(), &path);
        assert_eq!((waiting.holder, waiting.age), (None, None));
    }
}
