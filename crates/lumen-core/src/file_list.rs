//! The file list of a release: where each file is in the plain tar, and its hash.
//!
//! ```text
//! lumen/files/v1
//! tar <64 hex> <bytes of the tar>
//! <64 hex> 644 <offset> <bytes> <path>
//! <64 hex> 755 <offset> <bytes> <path>
//! ```
//!
//! Only archives in the one form that publishers write have a list. There, the offsets follow
//! from the paths and sizes, so a list has one form, too: anyone with the archive can make its
//! list again, and no list can point to a place that is not the file's.

mod tar;

use std::fmt::Write as _;

use crate::{
    digest::Digest,
    limits::{MAX_ARCHIVE_ENTRIES, MAX_FILE_LIST_BYTES, MAX_PATH_BYTES, MAX_PATH_DEPTH, rows},
    path::{PathRule, check_path},
    tar::{END, head_size, padding},
};

pub use self::tar::{Listed, Lister, NotListed};

/// The first line.
const FORMAT: &str = "lumen/files/v1";

/// What the lines of later formats start with.
const FAMILY: &str = "lumen/files/";

/// The list of a release's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileList {
    tar: Digest,
    size: u64,
    files: Vec<ListedFile>,
}

/// A file of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Its path in the package.
    pub path: String,
    /// Whether it is executable.
    pub executable: bool,
    /// Where its contents start in the plain tar, in bytes.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of its contents.
    pub digest: Digest,
}

/// Why a text is no file list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileListError {
    /// It is larger than one may be.
    #[error("it is too large; {}", rows::MAX_FILE_LIST_BYTES)]
    TooLarge,
    /// It lists more files than an archive may have.
    #[error("it lists too many files; {}", rows::MAX_ARCHIVE_ENTRIES)]
    TooMany,
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
    /// It is in a later format.
    #[error("it has the format `{0}`, which this version does not know")]
    Format(String),
    /// A line has another form.
    #[error("line {0} has another form than that of a file list")]
    Line(usize),
    /// A path breaks a rule.
    #[error("line {line}: {rule}")]
    Path {
        /// Its number, from 1.
        line: usize,
        /// The rule.
        rule: PathRule,
    },
    /// A path is not after the one before it.
    #[error("line {0}: its path is not after the one before it")]
    Order(usize),
    /// An offset does not follow from the files before it.
    #[error("line {line}: its offset is {found}, but the file can only be at {expected}")]
    Offset {
        /// Its number, from 1.
        line: usize,
        /// Where a tar of these files has it.
        expected: u64,
        /// The offset.
        found: u64,
    },
    /// The tar has another size than these files make.
    #[error("its tar has {found} bytes, but a tar of these files has {expected}")]
    Size {
        /// The bytes of a tar of these files.
        expected: u64,
        /// The size listed.
        found: u64,
    },
}

impl FileList {
    /// The list of a tar with these files: path, whether executable, bytes and digest of each, in
    /// the order of the paths' bytes.
    ///
    /// # Errors
    /// When no tar in the one form has these files.
    pub fn of<'f>(
        tar: Digest,
        files: impl IntoIterator<Item = (&'f str, bool, u64, Digest)>,
    ) -> Result<Self, FileListError> {
        let mut list = Self {
            tar,
            size: 0,
            files: Vec::new(),
        };
        for (path, executable, size, digest) in files {
            list.push(path, executable, size, digest)?;
        }
        list.end()?;
        Ok(list)
    }

    /// Adds a file behind the others; returns its offset.
    fn push(
        &mut self,
        path: &str,
        executable: bool,
        size: u64,
        digest: Digest,
    ) -> Result<u64, FileListError> {
        let line = self.files.len() + 3;
        if self.files.len() >= MAX_ARCHIVE_ENTRIES as usize {
            return Err(FileListError::TooMany);
        }
        check_path(path, MAX_PATH_BYTES, MAX_PATH_DEPTH)
            .map_err(|rule| FileListError::Path { line, rule })?;
        if self.files.last().is_some_and(|last| *last.path >= *path) {
            return Err(FileListError::Order(line));
        }
        let offset = self.size.checked_add(head_size(path, size));
        let end = offset.and_then(|offset| {
            let end = offset.checked_add(size)?;
            Some((offset, end.checked_add(padding(size) as u64)?))
        });
        let (offset, end) = end.ok_or(FileListError::Line(line))?;
        self.size = end;
        self.files.push(ListedFile {
            path: path.to_owned(),
            executable,
            offset,
            size,
            digest,
        });
        Ok(offset)
    }

    fn end(&mut self) -> Result<(), FileListError> {
        let size = self.size.checked_add(END.len() as u64);
        self.size = size.ok_or(FileListError::Line(self.files.len() + 2))?;
        Ok(())
    }

    /// Reads a list.
    ///
    /// # Errors
    /// On the first thing that a list must not have.
    pub fn parse(bytes: &[u8]) -> Result<Self, FileListError> {
        if bytes.len() as u64 > MAX_FILE_LIST_BYTES {
            return Err(FileListError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| FileListError::Encoding)?;
        let text = text
            .strip_suffix('\n')
            .ok_or_else(|| FileListError::Line(text.lines().count().max(1)))?;
        let mut lines = text.split('\n');
        match lines.next() {
            Some(FORMAT) => {}
            Some(other) if other.starts_with(FAMILY) => {
                return Err(FileListError::Format(other.chars().take(64).collect()));
            }
            _ => return Err(FileListError::Line(1)),
        }
        let (tar, size) = lines
            .next()
            .and_then(tar_line)
            .ok_or(FileListError::Line(2))?;
        let mut list = Self {
            tar,
            size: 0,
            files: Vec::new(),
        };
        for (number, line) in (3..).zip(lines) {
            let file = file_line(line).ok_or(FileListError::Line(number))?;
            let expected = list.push(&file.path, file.executable, file.size, file.digest)?;
            if expected != file.offset {
                return Err(FileListError::Offset {
                    line: number,
                    expected,
                    found: file.offset,
                });
            }
        }
        list.end()?;
        match list.size == size {
            true => Ok(list),
            false => Err(FileListError::Size {
                expected: list.size,
                found: size,
            }),
        }
    }

    /// The bytes of the list.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{FORMAT}\ntar {} {}\n", self.tar.hex(), self.size);
        for file in &self.files {
            let mode = if file.executable { EXECUTABLE } else { PLAIN };
            let ListedFile {
                path, offset, size, ..
            } = file;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {mode} {offset} {size} {path}", file.digest.hex());
        }
        text.into_bytes()
    }

    /// The digest of the plain tar: the identity of the release.
    pub const fn tar(&self) -> Digest {
        self.tar
    }

    /// The bytes of the plain tar.
    pub const fn tar_size(&self) -> u64 {
        self.size
    }

    /// The files, in the order of their paths.
    pub fn files(&self) -> &[ListedFile] {
        &self.files
    }

    /// The file at a path.
    pub fn get(&self, path: &str) -> Option<&ListedFile> {
        let found = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path));
        self.files.get(found.ok()?)
    }
}

/// The mode of a file that is not executable.
const PLAIN: &str = "644";
/// The mode of an executable file.
const EXECUTABLE: &str = "755";

fn tar_line(line: &str) -> Option<(Digest, u64)> {
    let (hex, size) = line.strip_prefix("tar ")?.split_once(' ')?;
    Some((Digest::from_hex(hex).ok()?, number(size)?))
}

fn file_line(line: &str) -> Option<ListedFile> {
    let mut words = line.splitn(5, ' ');
    let digest = Digest::from_hex(words.next()?).ok()?;
    let executable = match words.next()? {
        PLAIN => false,
        EXECUTABLE => true,
        _ => return None,
    };
    Some(ListedFile {
        digest,
        executable,
        offset: number(words.next()?)?,
        size: number(words.next()?)?,
        path: words.next()?.to_owned(),
    })
}

/// A number in its usual spelling.
fn number(text: &str) -> Option<u64> {
    let usual = text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| usual)
}

#[cfg(test)]
mod tests;
