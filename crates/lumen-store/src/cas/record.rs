//! The record beside an unpacked package: size, mode and hash of every file.
//!
//! A text file `files`, written after the tree and read before it is used:
//!
//! ```text
//! lumen store 1
//! sources src
//! manifest sha256:… (or -)
//! modes yes (or no: the file system keeps none)
//! unpacked 1234
//! files 2
//! folders 1
//! - 1200 <64 hex> src/main.lm
//! x 34 <64 hex> bin/run
//! d src
//! end
//! ```
//!
//! Paths of packages have no control characters, so a line is a line.

use std::fmt::Write as _;

use lumen_core::Digest;

use crate::{
    Sources,
    unpack::{MANIFEST, Written},
};

/// First line. With another one the entry is unknown, so the next install unpacks it again.
const FORMAT: &str = "lumen store 1";

/// The first part of a record: enough to use a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub sources: Sources,
    pub manifest: Option<Digest>,
    /// Whether the file system keeps modes.
    pub modes: bool,
    pub unpacked: u64,
    pub files: u64,
    pub folders: u64,
}

/// A file as the record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileLine<'r> {
    pub executable: bool,
    pub size: u64,
    pub digest: Digest,
    pub path: &'r str,
}

/// A line after the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'r> {
    File(FileLine<'r>),
    Folder(&'r str),
}

/// Renders the record of a tree that was just written.
pub(super) fn render(files: &[Written], folders: &[String], modes: bool) -> (Head, String) {
    let manifest = files.iter().find(|file| file.path == MANIFEST);
    let head = Head {
        sources: Sources::of(files.iter().map(|file| file.path.as_str())),
        manifest: manifest.map(|file| file.digest),
        modes,
        unpacked: files.iter().map(|file| file.size).sum(),
        files: files.len() as u64,
        folders: folders.len() as u64,
    };
    let manifest = head
        .manifest
        .map_or("-".to_owned(), |digest| digest.to_string());
    let mut text = format!(
        "{FORMAT}\nsources {}\nmanifest {manifest}\nmodes {}\nunpacked {}\nfiles {}\nfolders {}\n",
        head.sources.as_str(),
        if modes { "yes" } else { "no" },
        head.unpacked,
        head.files,
        head.folders,
    );
    for file in files {
        let mark = if file.executable { 'x' } else { '-' };
        let hex = file.digest.hex();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{mark} {} {hex} {}", file.size, file.path);
    }
    for folder in folders {
        let _ = writeln!(text, "d {folder}");
    }
    text.push_str("end\n");
    (head, text)
}

/// Reads the head of a complete record, and returns the lines after it.
pub(super) fn parse(text: &str) -> Option<(Head, &str)> {
    let text = text.strip_suffix("end\n")?;
    let mut rest = text.strip_prefix(FORMAT)?.strip_prefix('\n')?;
    let mut field = |name: &str| {
        let (line, after) = rest.split_once('\n')?;
        rest = after;
        line.strip_prefix(name)?.strip_prefix(' ')
    };
    let head = Head {
        sources: Sources::parse(field("sources")?)?,
        manifest: match field("manifest")? {
            "-" => None,
            digest => Some(digest.parse().ok()?),
        },
        modes: match field("modes")? {
            "yes" => true,
            "no" => false,
            _ => return None,
        },
        unpacked: field("unpacked")?.parse().ok()?,
        files: field("files")?.parse().ok()?,
        folders: field("folders")?.parse().ok()?,
    };
    Some((head, rest))
}

/// The lines after the head; `None` for one that cannot be understood.
pub(super) fn lines(rest: &str) -> impl Iterator<Item = Option<Line<'_>>> {
    rest.lines().map(line)
}

fn line(line: &str) -> Option<Line<'_>> {
    let (mark, rest) = line.split_once(' ')?;
    let executable = match mark {
        "d" => return Some(Line::Folder(rest)),
        "x" => true,
        "-" => false,
        _ => return None,
    };
    let (size, rest) = rest.split_once(' ')?;
    let (hex, path) = rest.split_once(' ')?;
    Some(Line::File(FileLine {
        executable,
        size: size.parse().ok()?,
        digest: Digest::from_hex(hex).ok()?,
        path,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rendered_is_parsed() {
        let file = |path: &str, executable| Written {
            path: path.into(),
            size: path.len() as u64,
            executable,
            digest: Digest::of(path.as_bytes()),
        };
        let files = [
            file("lumen.toml", false),
            file("bin/a run", true),
            file("src/é.lm", false),
        ];
        let (head, text) = render(&files, &["bin".into(), "src".into()], true);
        assert_eq!(head.sources, Sources::Src);
        assert_eq!(head.manifest, Some(Digest::of(b"lumen.toml")));
        let (parsed, rest) = parse(&text).unwrap();
        assert_eq!(parsed, head);
        let lines: Vec<_> = lines(rest).map(Option::unwrap).collect();
        let expected = FileLine {
            executable: true,
            size: 9,
            digest: Digest::of(b"bin/a run"),
            path: "bin/a run",
        };
        assert_eq!(lines[1], Line::File(expected));
        assert_eq!(lines[3..], [Line::Folder("bin"), Line::Folder("src")]);
        // Cut anywhere, it is no record.
        for end in 0..text.len() {
            assert!(
                text.get(..end).is_none_or(|text| parse(text).is_none()),
                "{end}"
            );
        }
        assert!(parse(&text.replace("store 1", "store 2")).is_none());
        let (head, text) = render(&[], &[], false);
        assert_eq!(parse(&text), Some((head, "")));
    }
}
