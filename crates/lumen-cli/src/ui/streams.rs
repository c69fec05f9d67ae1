//! The two streams of a screen.

use std::{
    io::{self, ErrorKind, IsTerminal as _, Write},
    sync::{Mutex, PoisonError},
};

use lumen_core::screen;

use crate::json::Answer;

/// Where a screen writes, and whether its talk is on a terminal.
pub struct Streams {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    /// Why a write to standard output failed, the first time.
    lost: Mutex<Option<io::Error>>,
    /// Whether talk goes to a terminal: then progress is drawn there.
    pub(super) is_terminal: bool,
}

impl Streams {
    /// Those of the process, with colours where the global choice of them allows it.
    #[expect(clippy::disallowed_methods, reason = "the one place that has them")]
    pub fn of_process() -> Self {
        Self {
            out: Mutex::new(Box::new(anstream::stdout())),
            err: Mutex::new(Box::new(anstream::stderr())),
            lost: Mutex::new(None),
            is_terminal: io::stderr().is_terminal(),
        }
    }

    /// Writes text and a line break to standard output. The first write that fails is
    /// remembered, and nothing is written after it.
    pub(super) fn write_out(&self, text: &str) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.is_none() {
            *lost = write(&self.out, text).err();
        }
    }

    /// Writes the one object of a run to standard output.
    pub(super) fn write_answer(&self, answer: &Answer) {
        match answer.text() {
            Ok(text) => self.write_out(&screen::json(&text)),
            Err(error) => self.lose(error.into()),
        }
    }

    /// Remembers why a part of the result cannot be written, as a write that fails does.
    pub(super) fn lose(&self, error: io::Error) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get_or_insert(error);
    }

    /// Whether a write to standard output failed, so that more of them are in vain.
    pub(super) fn is_closed(&self) -> bool {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.is_some()
    }

    /// Fails when a part of the result is lost.
    ///
    /// A closed pipe (`lumen pkg list | head`) is no error: its reader had enough.
    ///
    /// # Errors
    /// That of the first write to standard output that failed.
    pub(super) fn written(&self) -> io::Result<()> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        match &*lost {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                let what = format!("cannot write the result to standard output: {error}");
                Err(io::Error::new(error.kind(), what))
            }
            _ => Ok(()),
        }
    }

    /// The same to standard error; the text may end with line breaks.
    pub(super) fn write_err(&self, text: &str) {
        // There is no place left to tell that this failed.
        let _ = write(&self.err, text.trim_end_matches('\n'));
    }
}

fn write(stream: &Mutex<Box<dyn Write + Send>>, text: &str) -> io::Result<()> {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(stream, "{text}").and_then(|()| stream.flush())
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;

    /// What a screen wrote.
    #[derive(Clone, Default)]
    pub struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Streams into memory, with or without colours, and what was written to each.
    pub fn in_memory(colours: bool) -> (Streams, Written, Written) {
        let (out, err) = (Written::default(), Written::default());
        let boxed = |written: &Written| -> Mutex<Box<dyn Write + Send>> {
            let raw: Box<dyn Write + Send> = Box::new(written.clone());
            Mutex::new(match colours {
                true => raw,
                false => Box::new(anstream::StripStream::new(raw)),
            })
        };
        let streams = Streams {
            out: boxed(&out),
            err: boxed(&err),
            lost: Mutex::new(None),
            is_terminal: false,
        };
        (streams, out, err)
    }
}
