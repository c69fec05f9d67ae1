//! The strict archive reader against good, hostile and broken archives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

mod accepted;
mod arbitrary;
mod builder;
mod hostile;
mod limits;
mod listed;
mod vectors;

use std::io::{self, Read};

use lumen_store::archive::{self, ArchiveError, Body, FileEntry, Limits, Refusal, Rule, Sink};

/// What came out of an archive.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    folders: Vec<String>,
    /// Path, contents, executable.
    files: Vec<(String, Vec<u8>, bool)>,
}

impl Sink for Contents {
    fn folder(&mut self, path: &str) -> io::Result<()> {
        self.folders.push(path.to_owned());
        Ok(())
    }

    fn file(&mut self, entry: FileEntry<'_>, body: &mut dyn Body) -> Result<(), ArchiveError> {
        let mut contents = Vec::new();
        while let Some(piece) = body.next()? {
            contents.extend_from_slice(piece);
        }
        assert_eq!(contents.len() as u64, entry.size);
        self.files
            .push((entry.path.to_owned(), contents, entry.executable));
        Ok(())
    }
}

impl Contents {
    fn names(&self) -> Vec<&str> {
        self.files.iter().map(|(path, ..)| path.as_str()).collect()
    }
}

/// Delivers its bytes a few at a time, as a network does.
struct Trickle<'b>(&'b [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.1);
        self.0.read(&mut buffer[..count])
    }
}

/// Reads an archive whole and in drops; both must agree.
fn read(bytes: &[u8]) -> Result<Contents, Refusal> {
    let once = |input: &mut dyn Read| {
        let mut contents = Contents::default();
        let size = Some(bytes.len() as u64);
        match archive::read(input, size, &Limits::default(), &mut contents) {
            Ok(summary) => {
                assert_eq!(summary.files, contents.files.len() as u64);
                let bytes = contents.files.iter().map(|(_, bytes, _)| bytes.len());
                assert_eq!(summary.unpacked, bytes.sum::<usize>() as u64);
                Ok(contents)
            }
            Err(ArchiveError::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("{error}"),
        }
    };
    let whole = once(&mut &bytes[..]);
    if bytes.len() < 100_000 {
        // Of two faults, which one is met first depends on how much is decompressed at once.
        let drops = once(&mut Trickle(bytes, 7));
        assert_eq!(drops.as_ref().ok(), whole.as_ref().ok());
    }
    whole
}

#[track_caller]
fn refused(label: &str, bytes: &[u8], entry: Option<&str>, rule: Rule) {
    let refusal = match read(bytes) {
        Err(refusal) => refusal,
        Ok(contents) => panic!("{label}: accepted with {:?}", contents.names()),
    };
    assert_eq!(
        (refusal.entry.as_deref(), refusal.rule),
        (entry, rule),
        "{label}"
    );
}
