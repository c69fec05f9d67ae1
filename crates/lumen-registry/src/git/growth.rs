//! How much a fetch has written, for systems that do not bound the files of a process.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Child,
};

/// The most bytes that an unfinished pack of a repository may have.
#[derive(Debug)]
pub(super) struct Growth {
    folder: PathBuf,
    most: u64,
}

impl Growth {
    pub(super) fn new(repository: &Path, most: u64) -> Self {
        let folder = repository.join("objects/pack");
        Self { folder, most }
    }

    /// Whether a pack that is being written has reached the limit.
    pub(super) fn is_full(&self) -> bool {
        let lengths = self.unfinished().map(|(_, length)| length);
        lengths.max().is_some_and(|length| length >= self.most)
    }

    /// Removes packs that were not finished. `true`: one has reached the limit.
    pub(super) fn remove(&self) -> bool {
        let full = self.is_full();
        for (path, _) in self.unfinished() {
            let _ = fs::remove_file(path);
        }
        full
    }

    fn unfinished(&self) -> impl Iterator<Item = (PathBuf, u64)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let unfinished =
            entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("tmp_"));
        // By its path: the length in the listing may be an old one.
        unfinished.map(|entry| {
            let path = entry.path();
            let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            (path, length)
        })
    }
}

/// Ends a process with those that it has started: on Windows they would go on without it.
pub(super) fn end(child: &mut Child) {
    #[cfg(windows)]
    {
        let mut kill = std::process::Command::new("taskkill");
        let _ = kill
            .args(["/T", "/F", "/PID", &child.id().to_string()])
            .output();
    }
    // Does nothing when it has ended.
    let _ = child.kill();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unfinished_packs_count() {
        let dir = tempfile::tempdir().unwrap();
        let packs = dir.path().join("objects/pack");
        fs::create_dir_all(&packs).unwrap();
        fs::write(packs.join("pack-1.pack"), [0; 100]).unwrap();
        let growth = Growth::new(dir.path(), 10);
        assert!(!growth.is_full());
        fs::write(packs.join("tmp_pack_1"), [0; 9]).unwrap();
        assert!(!growth.is_full());
        fs::write(packs.join("tmp_pack_2"), [0; 10]).unwrap();
        assert!(growth.is_full() && growth.remove() && !growth.remove());
        assert!(packs.join("pack-1.pack").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_writes_too_much_is_ended() {
        use std::process::{Command, Stdio};
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("objects/pack")).unwrap();
        let script = "printf 1234567890 > objects/pack/tmp_pack_1; exec sleep 600";
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(dir.path());
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let growth = Some(Growth::new(dir.path(), 10));
        let ran = crate::git::Running { child, growth }.finish(None);
        assert!(!ran.unwrap().success);
    }
}
