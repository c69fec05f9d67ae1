//! From the bytes of an archive to the bytes of its tar, in large pieces.

use std::{
    cell::RefCell,
    io::{self, BufRead, BufReader, Chain, Cursor, Read},
};

use lumen_core::limits::MAX_ARCHIVE_WINDOW;

use super::rule::{ArchiveError, Refusal, Rule};

/// How an archive is encoded, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A tar.
    Plain,
    /// A tar in one gzip member (RFC 1952).
    Gzip,
    /// A tar in one zstd frame (RFC 8878).
    Zstd,
}

/// Bytes of decompressed tar that are held at once; no smaller body is delivered in pieces.
pub(super) const BUFFER: usize = 256 << 10;

thread_local! {
    /// The buffer of the last archive of this thread: fresh memory costs a page fault every 4 KiB.
    static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

type Source<R> = Chain<Cursor<Vec<u8>>, BufReader<Watched<R>>>;

enum Decoder<R: Read> {
    Plain(Source<R>),
    Gzip(Box<flate2::bufread::GzDecoder<Source<R>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Source<R>>>),
}

/// Keeps the input's own errors apart from those of a decoder.
struct Watched<R> {
    inner: R,
    failure: Option<io::Error>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let kind = error.kind();
                self.failure = Some(error);
                Err(kind.into())
            }
            other => other,
        }
    }
}

/// The decompressed tar, as a window that moves over it.
pub(super) struct Stream<'t, R: Read> {
    decoder: Decoder<R>,
    encoding: Encoding,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that may still be decompressed.
    budget: u64,
    /// What to say when they are used up.
    limit: u64,
    /// Sees every decompressed byte.
    tap: &'t mut dyn FnMut(&[u8]),
}

impl<'t, R: Read> Stream<'t, R> {
    /// Finds out the encoding.
    pub(super) fn new(input: R, tap: &'t mut dyn FnMut(&[u8])) -> Result<Self, ArchiveError> {
        let watched = Watched {
            inner: input,
            failure: None,
        };
        let mut input = BufReader::with_capacity(64 << 10, watched);
        let mut head = Vec::with_capacity(4);
        if let Err(error) = input.by_ref().take(4).read_to_end(&mut head) {
            let failure = input.get_mut().failure.take();
            return Err(ArchiveError::Input(failure.unwrap_or(error)));
        }
        let encoding = match head.as_slice() {
            [0x1f, 0x8b, ..] => Encoding::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Encoding::Zstd,
            _ => Encoding::Plain,
        };
        let source = Cursor::new(head).chain(input);
        let decoder = match encoding {
            Encoding::Plain => Decoder::Plain(source),
            Encoding::Gzip => Decoder::Gzip(Box::new(flate2::bufread::GzDecoder::new(source))),
            Encoding::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(source)
                    .map_err(ArchiveError::Input)?
                    .single_frame();
                decoder
                    .window_log_max(MAX_ARCHIVE_WINDOW)
                    .map_err(ArchiveError::Input)?;
                Decoder::Zstd(Box::new(decoder))
            }
        };
        let mut buffer = SPARE.with_borrow_mut(std::mem::take);
        buffer.resize(BUFFER, 0);
        Ok(Self {
            decoder,
            encoding,
            buffer,
            start: 0,
            end: 0,
            budget: u64::MAX,
            limit: u64::MAX,
            tap,
        })
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Allows no more than `budget` bytes to be decompressed; beyond, `limit` is named as broken.
    pub(super) fn limit(&mut self, budget: u64, limit: u64) {
        self.budget = budget;
        self.limit = limit;
    }

    /// The bytes that are there, at least `wanted` (at most [`BUFFER`]) unless the tar ends before.
    pub(super) fn window(&mut self, wanted: usize) -> Result<&[u8], ArchiveError> {
        if self.end - self.start < wanted {
            self.fill(wanted)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Moves on by bytes that were in the window.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    fn fill(&mut self, wanted: usize) -> Result<(), ArchiveError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < wanted {
            let count = self.read()?;
            if count == 0 {
                break;
            }
            let fresh = &self.buffer[self.end..self.end + count];
            self.budget = self.budget.checked_sub(count as u64).ok_or(Refusal {
                entry: None,
                rule: Rule::Unpacked { limit: self.limit },
            })?;
            (self.tap)(fresh);
            self.end += count;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<usize, ArchiveError> {
        let free = &mut self.buffer[self.end..];
        loop {
            let result = match &mut self.decoder {
                Decoder::Plain(source) => source.read(free),
                Decoder::Gzip(decoder) => decoder.read(free),
                Decoder::Zstd(decoder) => decoder.read(free),
            };
            match result {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// Checks that the input ends where the tar does.
    pub(super) fn finish(&mut self) -> Result<(), ArchiveError> {
        match self.source().fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => Err(Refusal {
                entry: None,
                rule: Rule::AfterCompression,
            }
            .into()),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn source(&mut self) -> &mut Source<R> {
        match &mut self.decoder {
            Decoder::Plain(source) => source,
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Zstd(decoder) => decoder.get_mut(),
        }
    }

    fn failed(&mut self, error: io::Error) -> ArchiveError {
        match self.source().get_mut().1.get_mut().failure.take() {
            Some(failure) => ArchiveError::Input(failure),
            None if self.encoding == Encoding::Plain => ArchiveError::Input(error),
            None => Refusal {
                entry: None,
                rule: Rule::Compression(error.to_string()),
            }
            .into(),
        }
    }
}

impl<R: Read> Drop for Stream<'_, R> {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        // A thread that is ending has no place for it any more.
        let _ = SPARE.try_with(|spare| spare.replace(buffer));
    }
}
