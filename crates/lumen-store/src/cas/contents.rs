//! The files of an entry: what its record lists, and their bytes.

use std::io::{self, Read as _};

use fs_err as fs;
use lumen_core::{Digest, file_list::FileList};
use lumen_durable::Folder;

use super::{
    Entry, RECORD, optional,
    record::{self, Line},
};

/// A file of a package, as its archive has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its path in the package.
    pub path: String,
    /// Whether it is executable.
    pub executable: bool,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of its contents.
    pub digest: Digest,
}

impl Entry {
    /// All files, in the order of the archive, by the record; `None` if the record is damaged.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn stored(&self) -> io::Result<Option<Vec<StoredFile>>> {
        let Some(folder) = self.tree.parent() else {
            return Ok(None);
        };
        let record = optional(Folder::open(folder)?.read(RECORD))?.flatten();
        let text = record.and_then(|(text, _)| String::from_utf8(text).ok());
        let Some((_, rest)) = text.as_deref().and_then(record::parse) else {
            return Ok(None);
        };
        let mut files = Vec::new();
        for line in record::lines(rest) {
            match line {
                Some(Line::File(file)) => files.push(StoredFile {
                    path: file.path.to_owned(),
                    executable: file.executable,
                    size: file.size,
                    digest: file.digest,
                }),
                Some(Line::Folder(_)) => {}
                None => return Ok(None),
            }
        }
        Ok(Some(files))
    }

    /// The file list of its archive, which has this size, by the record: `None` if its archive has
    /// none, since it has another form than publishers write, as far as that shows.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn file_list(&self, tar_size: u64) -> io::Result<Option<FileList>> {
        let Some(files) = self.stored()? else {
            return Ok(None);
        };
        let files = files.iter();
        let files = files.map(|file| (file.path.as_str(), file.executable, file.size, file.digest));
        let list = FileList::of(self.digest, files).ok();
        Ok(list.filter(|list| list.tar_size() == tar_size))
    }

    /// The bytes of a file; `None` if it no longer has those that were unpacked.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn read(&self, file: &StoredFile) -> io::Result<Option<Vec<u8>>> {
        let Some(opened) = optional(fs::File::open(self.tree.join(&file.path)))? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        opened.take(file.size + 1).read_to_end(&mut bytes)?;
        let is_same = bytes.len() as u64 == file.size && Digest::of(&bytes) == file.digest;
        Ok(is_same.then_some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cas::{Check, Expect, Store},
        pack::{self, PackOptions},
    };

    #[test]
    fn only_bytes_that_were_unpacked_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("csv");
        fs::create_dir_all(&folder).unwrap();
        let manifest = "[package]\nname = \"csv\"\nversion = \"1.0.0\"\n";
        fs::write(folder.join("lumen.toml"), manifest).unwrap();
        fs::write(folder.join("data"), "one").unwrap();
        let packed = pack::pack(&folder, &PackOptions::default()).unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        let expect = Expect {
            hash: packed.digest,
            size: None,
            plain: None,
        };
        store
            .insert(&packed.digest, packed.tar.as_slice(), &expect)
            .unwrap();
        let entry = store.get(&packed.digest, Check::Quick).unwrap().unwrap();
        let files = entry.stored().unwrap().unwrap();
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["data", "lumen.toml"]);
        let tar_size = packed.tar.len() as u64;
        assert_eq!(entry.file_list(tar_size).unwrap(), Some(packed.list));
        assert_eq!(entry.file_list(tar_size + 512).unwrap(), None);
        assert_eq!(entry.read(&files[0]).unwrap().unwrap(), b"one");
        // Other bytes of the same length, more bytes, and none.
        for other in [Some("two"), Some("one more"), None] {
            let path = entry.tree().join("data");
            fs::remove_file(&path).unwrap_or_else(|_| {
                lumen_durable::remove_dir_all(entry.tree()).unwrap();
                fs::create_dir_all(entry.tree()).unwrap();
            });
            if let Some(other) = other {
                fs::write(&path, other).unwrap();
            }
            assert_eq!(entry.read(&files[0]).unwrap(), None, "{other:?}");
        }
    }
}
