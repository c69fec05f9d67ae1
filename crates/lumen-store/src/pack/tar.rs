//! Writes the tar of a package: files in the order given, two zero blocks at the end.

use std::io::{self, Write};

use lumen_core::tar::{END, head, padding};

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
        self.out.write_all(&head(path, size, executable))?;
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
        self.out.write_all(&END)?;
        Ok(self.out)
    }

    fn pad(&mut self) -> io::Result<()> {
        let padding = std::mem::take(&mut self.padding);
        self.out.write_all(&END[..padding])
    }
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
