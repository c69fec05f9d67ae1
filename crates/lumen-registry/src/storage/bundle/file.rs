//! The file of a bundle: a tar of registry files, `bundle.json` first.
//!
//! It is read as strictly as it is written: every header must be the one that
//! [`lumen_core::tar::head`] makes, so that there is one way only to read it.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, Read, Seek, SeekFrom, Write},
    sync::{Mutex, PoisonError},
};

use lumen_core::{
    Key, json,
    limits::{MAX_BUNDLE_HEAD_BYTES, MAX_EXTENSION_BYTES, rows},
    tar::{BLOCK, END, head, padding},
};

use super::head::{FORMAT, Head};
use crate::selection::Selection;

/// The first file, which describes the others. It is no file of a registry.
const HEAD: &str = lumen_core::tar::BUNDLE_HEAD;

/// A bundle that is being written.
pub(crate) struct Writer<'a> {
    state: Mutex<State<'a>>,
}

struct State<'a> {
    out: &'a mut (dyn Write + Send),
    written: HashSet<Key>,
}

impl<'a> Writer<'a> {
    /// Starts a bundle.
    pub(crate) fn start(out: &'a mut (dyn Write + Send), head: &Head) -> io::Result<Self> {
        write(out, HEAD, &json::to_bytes(&serde_json::json!(head)))?;
        let written = HashSet::new();
        Ok(Self {
            state: Mutex::new(State { out, written }),
        })
    }

    /// Adds a file, unless it was added before. Returns whether it was not.
    pub(crate) fn add(&self, key: &Key, bytes: &[u8]) -> io::Result<bool> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.written.insert(key.clone()) {
            return Ok(false);
        }
        write(state.out, key.as_str(), bytes)?;
        Ok(true)
    }

    /// Whether a file was added.
    pub(crate) fn has(&self, key: &Key) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.written.contains(key)
    }

    /// Ends the bundle.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.out.write_all(&END)?;
        state.out.flush()
    }
}

fn write(out: &mut (dyn Write + Send), path: &str, bytes: &[u8]) -> io::Result<()> {
    let size = bytes.len() as u64;
    out.write_all(&head(path, size, false))?;
    out.write_all(bytes)?;
    out.write_all(&END[..padding(size)])
}

/// What is in a bundle, and where.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) head: Head,
    /// Place and size of every file, in bytes.
    pub(crate) files: BTreeMap<Key, (u64, u64)>,
}

/// Why a file is no bundle.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it ends too early")]
    Truncated,
    #[error("it does not start with `{HEAD}`")]
    NoHead,
    #[error("its `{HEAD}` is wrong: {0}")]
    Head(String),
    #[error("it has format {0}, which this version does not know")]
    Format(u64),
    #[error("byte {at} starts no file as a bundle has it")]
    Header { at: u64 },
    #[error("`{0}` is no file of a registry")]
    Name(String),
    #[error("it has `{0}` twice")]
    Twice(Key),
    #[error("something follows its end")]
    AfterEnd,
}

/// Finds the files of a bundle.
pub(crate) fn scan(file: &mut (impl Read + Seek)) -> Result<Contents, BundleError> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut first = None;
    let mut files = BTreeMap::new();
    let mut at = 0;
    while let Some((path, start, size)) = entry(file, at)? {
        if start.checked_add(size).is_none_or(|end| end > length) {
            return Err(BundleError::Truncated);
        }
        if first.is_none() {
            if path != HEAD {
                return Err(BundleError::NoHead);
            }
            first = Some(parse(file, start, size)?);
        } else {
            let key = Key::parse(&path).map_err(|_| BundleError::Name(path))?;
            if files.insert(key.clone(), (start, size)).is_some() {
                return Err(BundleError::Twice(key));
            }
        }
        at = start + size + padding(size) as u64;
    }
    match first {
        None => Err(BundleError::NoHead),
        Some(_) if at + END.len() as u64 != length => Err(BundleError::AfterEnd),
        Some(head) => Ok(Contents { head, files }),
    }
}

fn parse(file: &mut (impl Read + Seek), start: u64, size: u64) -> Result<Head, BundleError> {
    if size > MAX_BUNDLE_HEAD_BYTES {
        let what = format!("it has {size} bytes; {}", rows::MAX_BUNDLE_HEAD_BYTES);
        return Err(BundleError::Head(what));
    }
    let bytes = read_at(file, start, size as usize)?;
    let head: Head = json::parse(&bytes).map_err(|error| BundleError::Head(error.to_string()))?;
    Selection::parse(head.packages.patterns())
        .map_err(|error| BundleError::Head(error.to_string()))?;
    match head.format {
        FORMAT => Ok(head),
        format => Err(BundleError::Format(format)),
    }
}

/// Path, start and size of the file whose header is here; none at the end.
fn entry(
    file: &mut (impl Read + Seek),
    at: u64,
) -> Result<Option<(String, u64, u64)>, BundleError> {
    let wrong = || BundleError::Header { at };
    let mut blocks = read_at(file, at, BLOCK)?;
    if blocks == END[..BLOCK] {
        return match read_at(file, at, END.len())? == END {
            true => Ok(None),
            false => Err(wrong()),
        };
    }
    let mut named = (None, None);
    if blocks[156] == b'x' {
        let length = octal(&blocks).filter(|length| *length <= MAX_EXTENSION_BYTES);
        let length = length.ok_or_else(wrong)?;
        let body = length as usize;
        blocks = read_at(file, at, BLOCK + body + padding(length) + BLOCK)?;
        let records = std::str::from_utf8(&blocks[BLOCK..BLOCK + body]);
        for record in records.map_err(|_| wrong())?.lines() {
            let (_, pair) = record.split_once(' ').ok_or_else(wrong)?;
            match pair.split_once('=') {
                Some(("path", path)) => named.0 = Some(path.to_owned()),
                Some(("size", size)) => named.1 = size.parse().ok(),
                _ => return Err(wrong()),
            }
        }
    }
    let header = &blocks[blocks.len() - BLOCK..];
    let text = |range: std::ops::Range<usize>| {
        let field = &header[range];
        let end = field.iter().position(|byte| *byte == 0);
        std::str::from_utf8(&field[..end.unwrap_or(field.len())])
    };
    let (name, prefix) = (text(0..100), text(345..500));
    let path = match (named.0, prefix, name) {
        (Some(path), _, _) => path,
        (None, Ok(""), Ok(name)) => name.to_owned(),
        (None, Ok(prefix), Ok(name)) => format!("{prefix}/{name}"),
        _ => return Err(wrong()),
    };
    let size = named.1.or_else(|| octal(header)).ok_or_else(wrong)?;
    match blocks == head(&path, size, false) {
        true => Ok(Some((path, at + blocks.len() as u64, size))),
        false => Err(wrong()),
    }
}

/// The size that a header gives.
fn octal(header: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(&header[124..135]).ok()?;
    u64::from_str_radix(digits, 8).ok()
}

/// The bytes from a place on.
pub(crate) fn read_at(
    file: &mut (impl Read + Seek),
    at: u64,
    length: usize,
) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    file.by_ref().take(length as u64).read_to_end(&mut bytes)?;
    match bytes.len() == length {
        true => Ok(bytes),
        false => Err(BundleError::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn bundle(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        let head = Head::whole_of_unsigned();
        let writer = Writer::start(&mut out, &head).unwrap();
        for (path, bytes) in files {
            writer.add(&Key::parse(path).unwrap(), bytes).unwrap();
        }
        writer.finish().unwrap();
        out
    }

    fn scanned(bytes: &[u8]) -> Result<Contents, BundleError> {
        scan(&mut Cursor::new(bytes))
    }

    #[test]
    fn what_is_written_is_read() {
        let long = format!("packages/{}/1.0.0-{}.json", "n".repeat(60), "x".repeat(120));
        let files: [(&str, &[u8]); 4] = [
            ("index.json", b"{}"),
            ("log/head", b""),
            (&long, &[7; 513]),
            ("artifacts/sha256/ab/cd.tar", &[1; 512]),
        ];
        let bytes = bundle(&files);
        let contents = scanned(&bytes).unwrap();
        assert_eq!(contents.head, Head::whole_of_unsigned());
        assert_eq!(contents.files.len(), files.len());
        for (path, body) in files {
            let (start, size) = contents.files[&Key::parse(path).unwrap()];
            let found = read_at(&mut Cursor::new(&bytes), start, size as usize).unwrap();
            assert_eq!(found, body, "{path}");
        }
    }

    #[test]
    fn every_cut_and_every_other_header_is_refused() {
        let bytes = bundle(&[("index.json", b"{}"), ("log/head", b"x")]);
        for length in 0..bytes.len() {
            assert!(scanned(&bytes[..length]).is_err(), "{length}");
        }
        let bodies: Vec<u64> = scanned(&bytes)
            .unwrap()
            .files
            .values()
            .map(|f| f.0)
            .collect();
        for body in bodies {
            for at in body as usize - BLOCK..body as usize {
                let mut other = bytes.clone();
                other[at] ^= 1;
                // Another name is as good, as far as a bundle goes.
                let good = scanned(&other).is_ok_and(|contents| contents.files.len() == 2);
                assert!(!good, "{at}");
            }
        }
    }

    #[test]
    fn oddities_are_refused() {
        let error = |bytes: &[u8]| scanned(bytes).unwrap_err().to_string();
        let good = bundle(&[("index.json", b"{}")]);
        let mut longer = good.clone();
        longer.extend([0; 512]);
        assert_eq!(error(&longer), "something follows its end");
        let mut tar = Vec::new();
        write(&mut tar, "index.json", b"{}").unwrap();
        tar.extend(END);
        assert_eq!(error(&tar), "it does not start with `bundle.json`");
        assert_eq!(error(&END), "it does not start with `bundle.json`");
        let mut twice = good[..good.len() - END.len()].to_vec();
        write(&mut twice, "index.json", b"[]").unwrap();
        twice.extend(END);
        assert_eq!(error(&twice), "it has `index.json` twice");
        let mut outside = good[..good.len() - END.len()].to_vec();
        write(&mut outside, "../x", b"").unwrap();
        outside.extend(END);
        assert_eq!(error(&outside), "`../x` is no file of a registry");
        let mut newer = Vec::new();
        write(&mut newer, HEAD, br#"{"format": 2, "from": 0}"#).unwrap();
        newer.extend(END);
        assert!(error(&newer).starts_with("it has format 2"));
        let mut pattern = Vec::new();
        let head = br#"{"format": 1, "from": 0, "packages": ["a/b"]}"#;
        write(&mut pattern, HEAD, head).unwrap();
        pattern.extend(END);
        assert!(error(&pattern).contains("`a/b` matches no package name"));
    }
}
