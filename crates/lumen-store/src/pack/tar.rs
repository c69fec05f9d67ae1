//! The one way in which this crate writes a tar.
//!
//! ustar, files only, in the order given; a pax header only where a path or a
//! size does not fit. Nothing of the machine goes in: owner 0 without names,
//! modes 0644 and 0755, one fixed time, two zero blocks at the end.

use std::io::{self, Write};

use crate::archive::{BLOCK, OCTAL_SIZE};

/// Time of every file: 2000-01-01T00:00:00Z, in seconds. Not 0, since tools warn of times
/// near it, and after 1980 in every time zone, since zip knows nothing earlier.
const TIME: u64 = 946_684_800;

/// Writes the entries of a tar.
pub(crate) struct Writer<W> {
    out: W,
    /// Zeros to write after the current body.
    padding: usize,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, padding: 0 }
    }

    /// Starts a file; its body must follow through [`Writer::body`].
    pub(crate) fn file(&mut self, path: &str, size: u64, executable: bool) -> io::Result<()> {
        self.pad()?;
        let split = split(path);
        let mut records = Vec::new();
        if split.is_none() {
            records.extend(record("path", path));
        }
        if size > OCTAL_SIZE {
            records.extend(record("size", &size.to_string()));
        }
        let (prefix, name) = split.unwrap_or(("", short(path)));
        if !records.is_empty() {
            let header = header(b'x', "", "PaxHeaders/x", records.len() as u64, false);
            self.out.write_all(&header)?;
            self.out.write_all(&records)?;
            self.padding = padding(records.len() as u64);
            self.pad()?;
        }
        let in_header = if size > OCTAL_SIZE { 0 } else { size };
        self.out
            .write_all(&header(b'0', prefix, name, in_header, executable))?;
        self.padding = padding(size);
        Ok(())
    }

    /// Writes a piece of the current file.
    pub(crate) fn body(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Ends the tar.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.pad()?;
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }

    fn pad(&mut self) -> io::Result<()> {
        let padding = std::mem::take(&mut self.padding);
        self.out.write_all(&[0; BLOCK][..padding])
    }
}

fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

/// Prefix and name of a path, if it fits into a header.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    path.match_indices('/')
        .map(|(at, _)| (&path[..at], &path[at + 1..]))
        .find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100 && !name.is_empty())
}

/// The last component as far as it fits, for readers that do not know pax.
fn short(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    &name[..name.floor_char_boundary(100)]
}

/// A pax record `<length> <key>=<value>\n`, whose length counts its own digits.
fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n").into_bytes()
}

fn header(flag: u8, prefix: &str, name: &str, size: u64, executable: bool) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, if executable { b"0000755" } else { b"0000644" });
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, format!("{TIME:011o}").as_bytes());
    put(148, b"        ");
    put(156, &[flag]);
    put(257, b"ustar\x0000");
    put(329, b"0000000");
    put(337, b"0000000");
    put(345, prefix.as_bytes());
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::archive::{self, ArchiveError, Body, FileEntry, Limits, Sink};

    /// A tar of these files; `bin/…` is executable.
    pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for (path, body) in files {
            let executable = path.starts_with("bin/");
            writer.file(path, body.len() as u64, executable).unwrap();
            writer.body(body).unwrap();
        }
        writer.finish().unwrap()
    }

    #[derive(Default)]
    struct Files(Vec<(String, Vec<u8>, bool)>);

    impl Sink for Files {
        fn folder(&mut self, _: &str) -> io::Result<()> {
            Ok(())
        }

        fn file(&mut self, entry: FileEntry<'_>, body: &mut dyn Body) -> Result<(), ArchiveError> {
            let mut bytes = Vec::new();
            while let Some(piece) = body.next()? {
                bytes.extend_from_slice(piece);
            }
            let file = (entry.path.to_owned(), bytes, entry.executable);
            self.0.push(file);
            Ok(())
        }
    }

    #[test]
    fn paths_of_every_length_come_back() {
        let long: Vec<String> = (1..=1024)
            .map(|length| {
                let path: String = format!("{}/", "d".repeat(60)).repeat(20);
                let mut path = path[..length - 1].to_owned();
                path.push('f');
                path.replace("//", "/d")
            })
            .chain([
                "é".repeat(127),
                format!("{}/{}", "é".repeat(100), "ü".repeat(60)),
            ])
            .collect();
        for path in &long {
            let tar = tar(&[(path, b"body")]);
            let mut files = Files::default();
            archive::read(&tar[..], None, &Limits::default(), &mut files).expect(path);
            assert_eq!(files.0, [(path.clone(), b"body".to_vec(), false)]);
        }
        // No pax header where a prefix will do.
        assert_eq!(tar(&[(&("d/".repeat(100) + "f"), b"")]).len(), 512 + 1024);
        assert_eq!(tar(&[(&"f".repeat(101), b"")]).len(), 3 * 512 + 1024);
    }

    #[test]
    fn large_sizes_go_into_a_pax_header() {
        let mut writer = Writer::new(Vec::new());
        writer.file("x", OCTAL_SIZE, false).unwrap();
        assert_eq!(&writer.out[124..136], b"77777777777\0");
        let mut writer = Writer::new(Vec::new());
        writer.file("x", OCTAL_SIZE + 1, false).unwrap();
        assert_eq!(&writer.out[512..532], b"19 size=8589934592\n\0");
        assert_eq!(&writer.out[1024 + 124..1024 + 136], b"00000000000\0");
    }

    #[test]
    fn bytes_are_fixed() {
        let tar = tar(&[("bin/run", b"#!"), ("lumen.toml", b"")]);
        assert_eq!(
            lumen_core::Digest::of(&tar).to_string(),
            "sha256:0546e90530fce62815d341d5cbec473426add5c409c4a1d5b9f66dbf474021f9"
        );
    }
}
