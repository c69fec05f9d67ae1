//! The list of a tar, made while its bytes go by.

use std::io;

use super::{FileList, FileListError};
use crate::{
    digest::{Digest, Hasher},
    limits::{MAX_ARCHIVE_ENTRIES, MAX_PATH_BYTES},
    tar::{BLOCK, END, head, padding},
};

/// Reads the bytes of a tar and makes its file list.
///
/// It accepts only the form that publishers write, so it needs to understand little: what it
/// reads of a header, it writes again, and compares the bytes.
pub struct Lister {
    tar: Hasher,
    /// Bytes read.
    read: u64,
    state: State,
    /// The head of the next file as far as it was read, or the end of the tar.
    head: Vec<u8>,
    files: Vec<(String, bool, u64, Digest)>,
}

enum State {
    /// Before the contents of a file, or at the end.
    Head,
    /// In the contents of a file.
    Body {
        hasher: Hasher,
        left: u64,
        file: File,
    },
    /// In the zeros behind them.
    Padding(usize),
    /// The tar has another form.
    Foreign(NotListed),
}

struct File {
    path: String,
    executable: bool,
    size: u64,
}

/// What was learnt of a tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// Its list, or why it has none.
    pub list: Result<FileList, NotListed>,
}

/// Why an archive has no file list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotListed {
    /// It has another form than publishers write.
    #[error("its tar has another form than Lumen writes, at byte {0}")]
    Form(u64),
    /// Its files cannot be listed.
    #[error("its files cannot be listed: {0}")]
    Files(#[from] FileListError),
}

/// The most bytes before the contents of a file: a pax header with a path, and the file's own.
const MAX_HEAD: usize = 3 * BLOCK + 2 * MAX_PATH_BYTES;

impl Default for Lister {
    fn default() -> Self {
        Self::new()
    }
}

impl Lister {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self {
            tar: Hasher::new(),
            read: 0,
            state: State::Head,
            head: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Reads the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.tar.update(bytes);
        while !bytes.is_empty() {
            let taken = self.step(bytes);
            self.read += taken as u64;
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// Takes one or more of these bytes; says how many.
    fn step(&mut self, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Foreign(_) => bytes.len(),
            State::Padding(left) => {
                let taken = bytes.len().min(*left);
                *left -= taken;
                if bytes[..taken].iter().any(|byte| *byte != 0) {
                    self.state = State::Foreign(NotListed::Form(self.read));
                } else if *left == 0 {
                    self.state = State::Head;
                }
                taken
            }
            State::Body { hasher, left, .. } => {
                let taken =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                hasher.update(&bytes[..taken]);
                *left -= taken as u64;
                if *left == 0 {
                    self.end_body();
                }
                taken
            }
            State::Head => {
                let wanted = BLOCK - self.head.len() % BLOCK;
                let taken = wanted.min(bytes.len());
                self.head.extend_from_slice(&bytes[..taken]);
                if taken == wanted {
                    self.block();
                }
                taken
            }
        }
    }

    fn end_body(&mut self) {
        if let State::Body { hasher, file, .. } = std::mem::replace(&mut self.state, State::Head) {
            let File {
                path,
                executable,
                size,
            } = file;
            self.files.push((path, executable, size, hasher.finish()));
            if padding(size) > 0 {
                self.state = State::Padding(padding(size));
            }
        }
    }

    /// Looks at the head once it has one more block.
    fn block(&mut self) {
        let is_end = self.head.iter().all(|byte| *byte == 0);
        if is_end && self.head.len() <= END.len() {
            return;
        }
        match file_of(&self.head) {
            Some(_) if self.files.len() >= MAX_ARCHIVE_ENTRIES as usize => {
                self.state = State::Foreign(FileListError::TooMany.into());
            }
            Some(file) => {
                self.head.clear();
                self.state = State::Body {
                    hasher: Hasher::new(),
                    left: file.size,
                    file,
                };
                if matches!(self.state, State::Body { left: 0, .. }) {
                    self.end_body();
                }
            }
            None if starts_pax(&self.head) && self.head.len() < MAX_HEAD => {}
            None => self.state = State::Foreign(NotListed::Form(self.read)),
        }
    }

    /// What the bytes were, once all of them were read.
    pub fn finish(self) -> Listed {
        let (digest, size) = (self.tar.finish(), self.read);
        let list = match self.state {
            State::Foreign(why) => Err(why),
            State::Head if self.head == END => {
                let files = self.files.iter();
                let files = files.map(|(path, executable, size, digest)| {
                    (path.as_str(), *executable, *size, *digest)
                });
                FileList::of(digest, files).map_err(NotListed::from)
            }
            _ => Err(NotListed::Form(size)),
        };
        Listed { digest, size, list }
    }
}

impl io::Write for Lister {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The file that these bytes are the head of, if Lumen would write them.
fn file_of(bytes: &[u8]) -> Option<File> {
    let own = bytes.len().checked_sub(BLOCK)?;
    let (extension, header) = bytes.split_at(own);
    let records = match extension.is_empty() {
        true => Records::default(),
        false => records(extension)?,
    };
    let path = match records.path {
        Some(path) => path,
        None => {
            let (name, prefix) = (text(header, 0, 100)?, text(header, 345, 155)?);
            match prefix {
                "" => name.to_owned(),
                prefix => format!("{prefix}/{name}"),
            }
        }
    };
    let size = match records.size {
        Some(size) => size,
        None => octal(header)?,
    };
    let executable = header.get(100..107)? == b"0000755";
    (head(&path, size, executable) == bytes).then_some(File {
        path,
        executable,
        size,
    })
}

#[derive(Debug, Default)]
struct Records {
    path: Option<String>,
    size: Option<u64>,
}

/// What an extension says, with its header.
fn records(extension: &[u8]) -> Option<Records> {
    let length = usize::try_from(octal(extension)?).ok()?;
    let mut rest = extension.get(BLOCK..)?.get(..length)?;
    let mut found = Records::default();
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        let record = rest.get(space + 1..length)?.strip_suffix(b"\n")?;
        let record = std::str::from_utf8(record).ok()?;
        match record.split_once('=')? {
            ("path", path) => found.path = Some(path.to_owned()),
            ("size", size) => found.size = Some(size.parse().ok()?),
            _ => return None,
        }
        rest = &rest[length..];
    }
    Some(found)
}

fn starts_pax(head: &[u8]) -> bool {
    head.get(156) == Some(&b'x')
}

/// A text field without the zeros at its end.
fn text(header: &[u8], at: usize, length: usize) -> Option<&str> {
    let field = header.get(at..at + length)?;
    let end = field.iter().position(|byte| *byte == 0);
    std::str::from_utf8(&field[..end.unwrap_or(length)]).ok()
}

/// The size in a header.
fn octal(header: &[u8]) -> Option<u64> {
    u64::from_str_radix(text(header, 124, 12)?, 8).ok()
}
