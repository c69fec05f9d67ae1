//! The file format of the cache.
//!
//! A 16-byte magic and an 8-byte generation (another after each compaction),
//! then records: length of the payload (u32), its checksum (u64), the payload.
//! Payload: kind (u8), fetched-at (u64), max-age (u32), key; unless it is a
//! touch also ETag and Last-Modified; for a file also its SHA-256 and its bytes.
//! Texts have a u32 length, plus one where they may be missing. All integers
//! are little-endian.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::Arc,
};

use fs_err as fs;
use lumen_core::Digest;
use lumen_durable::Lock;

use super::{Body, Bytes, Cached};
use crate::storage::Validators;

const MAGIC: &[u8; 16] = b"lumen-metadata 1";
const START: usize = MAGIC.len() + 8;
const FRAME: usize = 4 + 8;

/// Files below this size are not worth compacting, in bytes.
const COMPACT_ABOVE: usize = 1 << 20;

const ABSENT: u8 = 0;
const FILE: u8 = 1;
const TOUCH: u8 = 2;

/// The part of the file that was read, to find out later what others appended.
#[derive(Debug, Default)]
pub(super) struct Pack {
    /// Magic and generation; empty when the file was missing or no pack.
    start: Vec<u8>,
    /// Bytes up to the end of the last whole record.
    valid: usize,
}

impl Pack {
    /// Reads a file; one that is missing or damaged has fewer records.
    pub(super) fn read(path: &Path) -> (Self, Vec<Bytes>) {
        let buffer = match fs::read(path) {
            Ok(buffer) => Arc::new(buffer),
            Err(error) => {
                tracing::debug!(%error, "no metadata cache");
                return (Self::default(), Vec::new());
            }
        };
        let Some(start) = start(&buffer) else {
            return (Self::default(), Vec::new());
        };
        let mut records = Vec::new();
        let mut valid = START;
        while let Some(end) = record_end(&buffer, valid) {
            records.push(Bytes {
                buffer: Arc::clone(&buffer),
                range: valid + FRAME..end,
            });
            valid = end;
        }
        let start = start.to_vec();
        (Self { start, valid }, records)
    }

    /// Appends framed records after the last whole one, under a lock.
    pub(super) fn append(&mut self, path: &Path, records: &[u8]) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        // A private registry's metadata is private.
        lumen_durable::create_closed_dir_all(folder)?;
        let _lock = Lock::exclusive(&path.with_extension("lock"))?;
        let mut file = lumen_durable::open_or_create(path)?;
        let mut known = vec![0; START];
        let same =
            file.read_exact(&mut known).is_ok() && !self.start.is_empty() && known == self.start;
        // Only new records must be read, unless it is another file.
        let from = if same { self.valid } else { 0 };
        file.seek(SeekFrom::Start(from as u64))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let mut valid = 0;
        if !same {
            match start(&tail) {
                Some(found) => self.start = found.to_vec(),
                None => {
                    self.start = new_start();
                    tail = self.start.clone();
                    file.set_len(0)?;
                    file.rewind()?;
                    file.write_all(&self.start)?;
                }
            }
            valid = START;
        }
        while let Some(end) = record_end(&tail, valid) {
            valid = end;
        }
        let valid = from + valid;
        file.set_len(valid as u64)?;
        file.seek(SeekFrom::Start(valid as u64))?;
        file.write_all(records)?;
        self.valid = valid + records.len();
        drop(file);
        match self.valid > COMPACT_ABOVE {
            true => self.compact(path),
            false => Ok(()),
        }
    }

    /// Rewrites the file without replaced records, if they are more than half of it.
    fn compact(&mut self, path: &Path) -> io::Result<()> {
        let (_, records) = Self::read(path);
        let mut last: HashMap<&str, usize> = HashMap::new();
        let mut touched: HashMap<&str, usize> = HashMap::new();
        for (at, record) in records.iter().enumerate() {
            if let Some(header) = header(record) {
                if header.is_touch {
                    touched.insert(header.key, at);
                } else {
                    touched.remove(header.key);
                    last.insert(header.key, at);
                }
            }
        }
        let kept: HashSet<usize> = last.into_values().chain(touched.into_values()).collect();
        let live: usize = kept.iter().map(|at| records[*at].len() + FRAME).sum();
        if live.saturating_mul(2) > self.valid {
            return Ok(());
        }
        let start = new_start();
        let mut bytes = start.clone();
        for (_, record) in records
            .iter()
            .enumerate()
            .filter(|(at, _)| kept.contains(at))
        {
            frame(record, &mut bytes);
        }
        lumen_durable::write_atomic_fast(path, &bytes)?;
        *self = Self {
            start,
            valid: bytes.len(),
        };
        Ok(())
    }
}

fn new_start() -> Vec<u8> {
    let mut start = MAGIC.to_vec();
    start.extend(crate::random::random().to_le_bytes());
    start
}

fn start(buffer: &[u8]) -> Option<&[u8]> {
    buffer.get(..START).filter(|start| start.starts_with(MAGIC))
}

/// Where the record that starts at `at` ends, if it is whole and undamaged.
fn record_end(buffer: &[u8], at: usize) -> Option<usize> {
    let mut frame = Reader(buffer.get(at..at + FRAME)?);
    let length = frame.u32()? as usize;
    let sum = frame.u64()?;
    let end = (at + FRAME).checked_add(length)?;
    let payload = buffer.get(at + FRAME..end)?;
    (checksum(payload) == sum && header(payload).is_some()).then_some(end)
}

/// Adds a record around a payload.
pub(super) fn frame(payload: &[u8], out: &mut Vec<u8>) {
    let Ok(length) = u32::try_from(payload.len()) else {
        return;
    };
    out.extend(length.to_le_bytes());
    out.extend(checksum(payload).to_le_bytes());
    out.extend(payload);
}

/// The fields every record has.
pub(super) struct Header<'a> {
    pub(super) is_touch: bool,
    pub(super) fetched_at: u64,
    pub(super) max_age: u32,
    pub(super) key: &'a str,
}

pub(super) fn header(payload: &[u8]) -> Option<Header<'_>> {
    read_header(&mut Reader(payload)).map(|(_, header)| header)
}

fn read_header<'a>(reader: &mut Reader<'a>) -> Option<(u8, Header<'a>)> {
    let kind = reader.u8().filter(|kind| *kind <= TOUCH)?;
    let header = Header {
        is_touch: kind == TOUCH,
        fetched_at: reader.u64()?,
        max_age: reader.u32()?,
        key: reader.text()?,
    };
    Some((kind, header))
}

/// Reads a record that is not a touch.
pub(super) fn decode(record: &Bytes) -> Option<Cached> {
    let mut reader = Reader(record);
    let (kind, header) = read_header(&mut reader)?;
    let validators = Validators {
        etag: reader.optional_text()?,
        last_modified: reader.optional_text()?,
    };
    let body = match kind {
        ABSENT => None,
        FILE => {
            let digest = Digest::from_bytes(*reader.take(32)?.first_chunk()?);
            let start = record.range.end - reader.0.len();
            let bytes = Bytes {
                buffer: Arc::clone(&record.buffer),
                range: start..record.range.end,
            };
            Some(Body { bytes, digest })
        }
        _ => return None,
    };
    Some(Cached {
        fetched_at: header.fetched_at,
        max_age: header.max_age,
        validators,
        body,
    })
}

/// The payload of an answer.
pub(super) fn encode(key: &str, cached: &Cached) -> Vec<u8> {
    let kind = if cached.body.is_some() { FILE } else { ABSENT };
    let mut payload = encode_header(kind, key, cached.fetched_at, cached.max_age);
    for text in [&cached.validators.etag, &cached.validators.last_modified] {
        match text {
            Some(text) => {
                payload.extend((text.len() as u32 + 1).to_le_bytes());
                payload.extend(text.as_bytes());
            }
            None => payload.extend(0_u32.to_le_bytes()),
        }
    }
    if let Some(body) = &cached.body {
        payload.extend(body.digest.as_bytes());
        payload.extend(&*body.bytes);
    }
    payload
}

/// The payload that confirms an earlier answer.
pub(super) fn encode_touch(key: &str, fetched_at: u64, max_age: u32) -> Vec<u8> {
    encode_header(TOUCH, key, fetched_at, max_age)
}

fn encode_header(kind: u8, key: &str, fetched_at: u64, max_age: u32) -> Vec<u8> {
    let mut payload = vec![kind];
    payload.extend(fetched_at.to_le_bytes());
    payload.extend(max_age.to_le_bytes());
    payload.extend((key.len() as u32).to_le_bytes());
    payload.extend(key.as_bytes());
    payload
}

/// A checksum against accidents, eight bytes at a time; not against attackers,
/// who could as well write a matching one.
fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, word: u64| (sum.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let mut sum = mix(FACTOR, bytes.len() as u64);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        sum = mix(sum, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    sum = mix(sum, u64::from_le_bytes(last));
    sum ^ (sum >> 32)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.take(8)?.first_chunk()?))
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        std::str::from_utf8(self.take(length)?).ok()
    }

    /// `Some(None)`: the text is missing, as it may be.
    fn optional_text(&mut self) -> Option<Option<String>> {
        match self.u32()? {
            0 => Some(None),
            length => {
                let text = std::str::from_utf8(self.take(length as usize - 1)?).ok()?;
                Some(Some(text.to_owned()))
            }
        }
    }
}
