//! The process that hands out contents: `git cat-file --batch`.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// Bytes of the line with which git announces an object: two words, a digest and a number, so
/// this is a bound of its form and no limit.
const ANNOUNCEMENT: u64 = 200;

/// The result of a read.
#[derive(Debug)]
pub(super) enum Found {
    /// All bytes were copied; their number.
    Whole(u64),
    /// There are more than wanted; none was copied.
    TooLarge,
    /// They are not here.
    Missing,
    /// The receiver does not take them.
    NotTaken(io::Error),
}

/// A running `git cat-file --batch`.
#[derive(Debug)]
pub(super) struct Reader {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Reader {
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok(Self {
                child,
                stdin,
                stdout: BufReader::with_capacity(1 << 16, stdout),
            }),
            _ => Err(io::Error::other("no pipes")),
        }
    }

    /// Copies contents of at most `limit` bytes. After anything but [`Found::Whole`] and
    /// [`Found::Missing`] this process is of no more use.
    pub(super) fn read(&mut self, id: &str, limit: u64, out: &mut dyn Write) -> io::Result<Found> {
        writeln!(self.stdin, "{id}")?;
        self.stdin.flush()?;
        let mut line = String::new();
        (&mut self.stdout).take(ANNOUNCEMENT).read_line(&mut line)?;
        // "<id> <type> <size>" or "<id> missing".
        let mut words = line.split_whitespace();
        let (Some(_), Some(kind), size) = (words.next(), words.next(), words.next()) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let size: u64 = match (kind, size.map(str::parse)) {
            ("missing", None) => return Ok(Found::Missing),
            ("blob", Some(Ok(size))) => size,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        if size > limit {
            return Ok(Found::TooLarge);
        }
        let mut rest = size;
        while rest > 0 {
            let buffer = self.stdout.fill_buf()?;
            let most = usize::try_from(rest).unwrap_or(usize::MAX);
            let part = buffer.get(..buffer.len().min(most)).unwrap_or(buffer);
            if part.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Err(error) = out.write_all(part) {
                return Ok(Found::NotTaken(error));
            }
            let read = part.len();
            self.stdout.consume(read);
            rest -= read as u64;
        }
        let mut end = [0];
        self.stdout.read_exact(&mut end)?;
        match end == *b"\n" {
            true => Ok(Found::Whole(size)),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
