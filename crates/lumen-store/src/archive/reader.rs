//! From the bytes of a tar to checked entries.

use std::io::Read;

use lumen_core::tar::{BLOCK, OCTAL_SIZE, padding};

use super::{
    Body, FileEntry, Limits, Sink, Summary,
    decode::{BUFFER, Stream},
    header::{Block, Header, Kind},
    pax::{self, Pax},
    rule::{ArchiveError, Field, Refusal, Rule, printable},
};
use crate::portable::{self, Names, PathRule, check_path};

/// Reads an archive of any encoding and hands its entries to `sink`, in order.
///
/// `compressed_size` is the size of the archive as transferred, if it is known and was
/// checked; it decides how much may be unpacked. The caller must undo what the sink did
/// before an error: the archive is good only when this returns `Ok`. The input is then read
/// to its end.
///
/// # Errors
/// [`ArchiveError::Refused`] names the entry and the rule it breaks.
pub fn read(
    input: impl Read,
    compressed_size: Option<u64>,
    limits: &Limits,
    sink: &mut impl Sink,
) -> Result<Summary, ArchiveError> {
    read_tapped(input, compressed_size, limits, sink, &mut |_| {})
}

/// [`read`], showing every byte of the decompressed tar to `tap`, in order, before it is understood.
///
/// # Errors
/// As [`read`].
pub fn read_tapped(
    input: impl Read,
    compressed_size: Option<u64>,
    limits: &Limits,
    sink: &mut impl Sink,
    tap: &mut dyn FnMut(&[u8]),
) -> Result<Summary, ArchiveError> {
    let mut stream = Stream::new(input, tap)?;
    let limit = limits.unpacked_for(compressed_size);
    stream.limit(limit.saturating_add(limits.overhead()), limit);
    let mut reader = Reader {
        summary: Summary {
            encoding: stream.encoding(),
            files: 0,
            unpacked: 0,
        },
        stream,
        sink,
        limits,
        limit,
        names: Names::new(),
        entries: 0,
        first: true,
        new_folders: Vec::new(),
    };
    reader.run()?;
    Ok(reader.summary)
}

struct Reader<'s, 't, R: Read, S> {
    stream: Stream<'t, R>,
    sink: &'s mut S,
    limits: &'s Limits,
    /// Bytes of all files together.
    limit: u64,
    names: Names,
    entries: u32,
    /// Whether no header was read yet.
    first: bool,
    summary: Summary,
    new_folders: Vec<usize>,
}

/// What an extension header says about the next entry.
enum Extension {
    LongName(Vec<u8>),
    Pax(Pax),
}

fn refusal(entry: &[u8], rule: Rule) -> ArchiveError {
    Refusal {
        entry: Some(printable(entry)).filter(|name| !name.is_empty()),
        rule,
    }
    .into()
}

impl<R: Read, S: Sink> Reader<'_, '_, R, S> {
    fn run(&mut self) -> Result<(), ArchiveError> {
        let mut pending: Option<(Vec<u8>, Extension)> = None;
        loop {
            let Some(block) = self.block()? else {
                return Err(refusal(b"", Rule::MissingEnd));
            };
            if is_zero(&block) {
                if let Some((name, _)) = pending {
                    return Err(refusal(&name, Rule::ExtensionPending));
                }
                return self.end();
            }
            let header = Header::parse(&block).map_err(|(name, rule)| match rule {
                Rule::Format if self.first => refusal(b"", Rule::Format),
                Rule::Format => refusal(&name, Rule::Magic),
                rule => refusal(&name, rule),
            })?;
            match header.kind {
                Kind::File | Kind::Folder => {
                    self.entry(&header, pending.take().map(|(_, extension)| extension))?;
                }
                Kind::LongName | Kind::Pax | Kind::Global => {
                    if pending.is_some() {
                        return Err(refusal(&header.name, Rule::ExtensionTwice));
                    }
                    let extension = self.extension(&header)?;
                    pending = extension.map(|extension| (header.name, extension));
                }
            }
            self.first = false;
        }
    }

    /// The next block; `None` at the end of the tar.
    fn block(&mut self) -> Result<Option<Block>, ArchiveError> {
        let window = self.stream.window(BLOCK)?;
        if let Some(block) = window.first_chunk::<BLOCK>() {
            let block = *block;
            self.stream.consume(BLOCK);
            return Ok(Some(block));
        }
        match window.is_empty() {
            true => Ok(None),
            false if self.first => Err(refusal(b"", Rule::Format)),
            false => Err(refusal(b"", Rule::Truncated)),
        }
    }

    /// Reads the rest after a zero block: at least one more, and only zeros.
    fn end(&mut self) -> Result<(), ArchiveError> {
        let mut blocks = 1;
        while let Some(block) = self.block()? {
            if !is_zero(&block) {
                return Err(refusal(b"", Rule::AfterEnd));
            }
            blocks += 1;
        }
        if blocks < 2 {
            return Err(refusal(b"", Rule::MissingEnd));
        }
        self.stream.finish()
    }

    /// Reads an extension header's body; `None` when it says nothing.
    fn extension(&mut self, header: &Header) -> Result<Option<Extension>, ArchiveError> {
        let refused = |rule| refusal(&header.name, rule);
        let limit = self.limits.extension;
        if header.size > limit {
            return Err(refused(Rule::ExtensionSize { limit }));
        }
        let mut pieces = Pieces::new(&mut self.stream, &header.name, header.size);
        let mut body = Vec::new();
        while let Some(piece) = pieces.next()? {
            body.extend_from_slice(piece);
        }
        pieces.finish()?;
        match header.kind {
            Kind::LongName => {
                let name = body.strip_suffix(b"\0").unwrap_or(&body);
                match name.contains(&0) {
                    true => Err(refused(Rule::LongName)),
                    false => Ok(Some(Extension::LongName(name.to_vec()))),
                }
            }
            Kind::Global if !self.first => Err(refused(Rule::Global)),
            Kind::Global => {
                pax::check_global(&body).map_err(refused)?;
                Ok(None)
            }
            _ => Ok(Some(Extension::Pax(Pax::parse(&body).map_err(refused)?))),
        }
    }

    /// Checks a file or folder and hands it on.
    fn entry(&mut self, header: &Header, extension: Option<Extension>) -> Result<(), ArchiveError> {
        if extension.is_some() {
            // A reader that does not know the extension would use the short name.
            check_short_name(&header.name).map_err(|rule| refusal(&header.name, rule))?;
        }
        let (long_name, pax_size) = match extension {
            None => (None, None),
            Some(Extension::LongName(name)) => (Some(name), None),
            Some(Extension::Pax(pax)) => (pax.path, pax.size),
        };
        let name = long_name.as_ref().unwrap_or(&header.name);
        let refused = |rule| refusal(name, rule);
        let size = match pax_size {
            None => header.size,
            Some(size) if agree(header.size, size) => size,
            Some(_) => return Err(refused(Rule::SizeConflict)),
        };
        let kind = match header.kind {
            Kind::Folder => portable::Kind::Folder,
            _ => portable::Kind::File,
        };
        let path = path_of(name, kind, self.limits).map_err(refused)?;
        self.new_folders.clear();
        self.names
            .add(path, kind, &mut self.new_folders)
            .map_err(|clash| refused(Rule::Clash(clash)))?;
        self.entries += 1;
        let limit = self.limits.entries;
        if self.entries > limit || self.names.folders() > limit {
            return Err(refused(Rule::Entries { limit }));
        }
        if kind == portable::Kind::File {
            let limit = self.limit;
            self.summary.unpacked = Some(self.summary.unpacked)
                .and_then(|unpacked| unpacked.checked_add(size))
                .filter(|unpacked| *unpacked <= limit)
                .ok_or_else(|| refused(Rule::Unpacked { limit }))?;
            self.summary.files += 1;
        } else if size != 0 {
            return Err(refused(Rule::FolderContents));
        }
        for end in &self.new_folders {
            self.sink
                .folder(&path[..*end])
                .map_err(ArchiveError::Sink)?;
        }
        if kind == portable::Kind::File {
            let entry = FileEntry {
                path,
                size,
                executable: header.executable,
            };
            let mut pieces = Pieces::new(&mut self.stream, name, size);
            self.sink.file(entry, &mut pieces)?;
            pieces.finish()?;
        }
        Ok(())
    }
}

/// The body of an entry and the padding after it.
struct Pieces<'p, 't, R: Read> {
    stream: &'p mut Stream<'t, R>,
    name: &'p [u8],
    left: u64,
    padding: usize,
    /// Bytes of the window that were handed out and not consumed yet.
    lent: usize,
}

impl<'p, 't, R: Read> Pieces<'p, 't, R> {
    fn new(stream: &'p mut Stream<'t, R>, name: &'p [u8], size: u64) -> Self {
        Self {
            stream,
            name,
            left: size,
            padding: padding(size),
            lent: 0,
        }
    }

    /// Skips what is left and checks the padding.
    fn finish(mut self) -> Result<(), ArchiveError> {
        while self.next()?.is_some() {}
        let window = self.stream.window(self.padding)?;
        match window.get(..self.padding) {
            None => Err(refusal(self.name, Rule::Truncated)),
            Some(padding) if padding.iter().any(|byte| *byte != 0) => {
                Err(refusal(self.name, Rule::Hidden(Field::Padding)))
            }
            Some(_) => {
                self.stream.consume(self.padding);
                Ok(())
            }
        }
    }
}

impl<R: Read> Body for Pieces<'_, '_, R> {
    fn next(&mut self) -> Result<Option<&[u8]>, ArchiveError> {
        self.stream.consume(std::mem::take(&mut self.lent));
        if self.left == 0 {
            return Ok(None);
        }
        let wanted = self.left.min(BUFFER as u64) as usize;
        let piece = self.stream.window(wanted)?;
        let piece = &piece[..piece.len().min(wanted)];
        if piece.len() < wanted {
            return Err(refusal(self.name, Rule::Truncated));
        }
        self.lent = wanted;
        self.left -= wanted as u64;
        Ok(Some(piece))
    }
}

fn is_zero(block: &Block) -> bool {
    *block == [0; BLOCK]
}

/// Whether a pax size is the header's, or one that the header has no room for.
fn agree(header: u64, pax: u64) -> bool {
    header == pax || (pax > OCTAL_SIZE && (header == 0 || header == OCTAL_SIZE))
}

/// The path of an entry without its leading `./` and, for folders, trailing `/`;
/// empty for the root folder.
fn path_of<'n>(name: &'n [u8], kind: portable::Kind, limits: &Limits) -> Result<&'n str, Rule> {
    let path = std::str::from_utf8(name).map_err(|_| Rule::Path(PathRule::Encoding))?;
    let (folder, path) = match kind {
        portable::Kind::Folder if matches!(path, "." | "./") => return Ok(""),
        portable::Kind::Folder => (true, path.strip_suffix('/').unwrap_or(path)),
        portable::Kind::File => (false, path),
    };
    if !folder && (path == "." || path.len() > 1 && path.ends_with('/')) {
        return Err(Rule::FileNamedFolder);
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    check_path(path, limits.path, limits.depth).map_err(Rule::Path)?;
    Ok(path)
}

/// Checks a name that an extension header replaces. It may be cut short, so it is refused
/// only if it leads out of the package.
fn check_short_name(name: &[u8]) -> Result<(), Rule> {
    if name.starts_with(b"/") {
        return Err(Rule::Path(PathRule::Absolute));
    }
    let complete = name.len() < 100;
    let mut components = name.split(|byte| matches!(byte, b'/' | b'\\')).peekable();
    while let Some(component) = components.next() {
        if component == b".." && (complete || components.peek().is_some()) {
            return Err(Rule::Path(PathRule::Parent));
        }
    }
    Ok(())
}
