//! The rules that an archive can break.

use std::{fmt, io};

use lumen_core::{
    limits::{MAX_QUOTED_NAME, rows},
    path::is_invisible,
};

use crate::portable::{Clash, PathRule};

/// Why an archive could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The archive breaks a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The input failed; the archive may be well.
    #[error("cannot read the archive: {0}")]
    Input(#[source] io::Error),
    /// The sink failed.
    #[error(transparent)]
    Sink(io::Error),
}

/// The rule that an archive breaks, and the entry that breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The entry's name as printable text; `None` when the archive as a whole is at fault.
    pub entry: Option<String>,
    /// The rule.
    pub rule: Rule,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(entry) => write!(f, "archive refused at `{entry}`: {}", self.rule),
            None => write!(f, "archive refused: {}", self.rule),
        }
    }
}

impl std::error::Error for Refusal {}

/// The rules of an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The first bytes are of no known format.
    #[error("it is neither a tar nor a gzip or zstd compressed tar")]
    Format,
    /// gzip or zstd data is broken, ends early, or fails its checksum.
    #[error("its compressed data is damaged: {0}")]
    Compression(String),
    /// Something follows the compressed data: a second member or frame, or garbage.
    #[error("something follows the end of its compressed data")]
    AfterCompression,
    /// It ends within a header or a body.
    #[error("it ends too early")]
    Truncated,
    /// It ends without two zero blocks.
    #[error("the two zero blocks that end a tar are missing")]
    MissingEnd,
    /// Something other than zeros follows the end, or stands after a lone zero block.
    #[error("something other than zeros follows the end of the tar")]
    AfterEnd,
    /// The files are too many bytes together.
    #[error(
        "it unpacks to more than {limit} bytes, which follows from the limits `{}` and `{}`",
        rows::MAX_UNPACKED_BYTES.name,
        rows::MAX_UNPACKED_RATIO.name
    )]
    Unpacked {
        /// The limit in bytes.
        limit: u64,
    },
    /// There are too many entries.
    #[error("it has more than {limit} files and folders, the limit `{}`", rows::MAX_ARCHIVE_ENTRIES.name)]
    Entries {
        /// The limit.
        limit: u32,
    },

    /// The magic is neither ustar's nor GNU's.
    #[error("its header is neither ustar nor GNU")]
    Magic,
    /// The checksum is not the header's.
    #[error("its header's checksum is wrong")]
    Checksum,
    /// A number is not one.
    #[error("its {0} is not a number")]
    Number(Field),
    /// A number is negative.
    #[error("its {0} is negative")]
    Negative(Field),
    /// A number is out of range, or in base-256 without need.
    #[error("its {0} is out of range")]
    Range(Field),
    /// Bytes that nothing should be in are not zero.
    #[error("something is hidden behind its {0}")]
    Hidden(Field),
    /// A type other than file and folder.
    #[error("it is {0}; only files and folders are allowed")]
    Type(EntryType),
    /// A file or folder that names a link target.
    #[error("it is no link, yet names a link target")]
    LinkTarget,
    /// A folder with a size.
    #[error("it is a folder, yet has contents")]
    FolderContents,
    /// A file whose name ends with `/`, or that is the root.
    #[error("it is a file with the name of a folder")]
    FileNamedFolder,

    /// An extension header over the limit.
    #[error("its extension header is longer than {limit} bytes, the limit `{}`", rows::MAX_EXTENSION_BYTES.name)]
    ExtensionSize {
        /// The limit in bytes.
        limit: u64,
    },
    /// A second extension header for one entry.
    #[error("two extension headers describe one entry")]
    ExtensionTwice,
    /// An extension header with no entry after it.
    #[error("its extension header describes no entry")]
    ExtensionPending,
    /// A GNU long name with NULs inside or none at the end where there should be.
    #[error("its long name has a NUL inside")]
    LongName,
    /// A global header after the first block, or with more than a comment.
    #[error("a global header may only be a comment at the start")]
    Global,
    /// A pax record that is not `<length> <key>=<value>\n`.
    #[error("its pax header is malformed")]
    PaxRecord,
    /// A pax key that appears twice.
    #[error("its pax header has `{0}` twice")]
    PaxTwice(String),
    /// A pax key that is not known to be harmless.
    #[error("its pax header has the key `{0}`, which is not allowed")]
    PaxKey(String),
    /// A pax value that is not what its key asks for.
    #[error("its pax header has a malformed `{0}`")]
    PaxValue(String),
    /// A pax size other than the header's.
    #[error("its pax header and its header disagree about its size")]
    SizeConflict,

    /// The path does not work everywhere.
    #[error(transparent)]
    Path(PathRule),
    /// The path clashes with an earlier one.
    #[error(transparent)]
    Clash(Clash),
}

/// A field of a tar header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `name`
    Name,
    /// `mode`
    Mode,
    /// `uid`
    Owner,
    /// `gid`
    Group,
    /// `size`
    Size,
    /// `mtime`
    Time,
    /// `chksum`
    Checksum,
    /// `uname`, `gname`
    OwnerName,
    /// `linkname`
    Link,
    /// `devmajor`, `devminor`
    Device,
    /// `prefix`
    Prefix,
    /// The bytes after the last field.
    Header,
    /// The bytes between a body and the next block.
    Padding,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Mode => "mode",
            Self::Owner => "user id",
            Self::Group => "group id",
            Self::Size => "size",
            Self::Time => "time",
            Self::Checksum => "checksum",
            Self::OwnerName => "owner's name",
            Self::Link => "link target",
            Self::Device => "device number",
            Self::Prefix => "name prefix",
            Self::Header => "header",
            Self::Padding => "contents",
        })
    }
}

/// What an entry is, when it is neither file nor folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryType {
    /// `2`
    Symlink,
    /// `1`
    Hardlink,
    /// `3`, `4`
    Device,
    /// `6`
    Fifo,
    /// `7`
    Contiguous,
    /// `S`, or pax `GNU.sparse.*`
    Sparse,
    /// `K`
    LongLink,
    /// Any other type flag.
    Other(u8),
}

impl fmt::Display for EntryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symlink => f.write_str("a symbolic link"),
            Self::Hardlink => f.write_str("a hard link"),
            Self::Device => f.write_str("a device"),
            Self::Fifo => f.write_str("a named pipe"),
            Self::Contiguous => f.write_str("a contiguous file"),
            Self::Sparse => f.write_str("a sparse file"),
            Self::LongLink => f.write_str("a long link target"),
            Self::Other(flag) => write!(f, "of the unknown type `{}`", flag.escape_ascii()),
        }
    }
}

/// A name from an archive as one short printable line.
pub(super) fn printable(name: &[u8]) -> String {
    let mut text = String::new();
    for (at, character) in String::from_utf8_lossy(name).chars().enumerate() {
        if at == MAX_QUOTED_NAME {
            text.push('…');
            break;
        }
        if character.is_control() || is_invisible(character) {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_printable() {
        let check = |name: &[u8], expected: &str| assert_eq!(printable(name), expected);
        check(b"src/a b.lm", "src/a b.lm");
        check("日本\u{202e}x".as_bytes(), "日本\\u{202e}x");
        check(b"a\n\x1b[31m\0\xff", "a\\n\\u{1b}[31m\\u{0}\u{fffd}");
        check("é".repeat(300).as_bytes(), &("é".repeat(200) + "…"));
    }
}
