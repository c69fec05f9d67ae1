//! The two streams of a screen.

use std::{
    io::{IsTerminal as _, Write},
    sync::{Mutex, PoisonError},
};

/// Where a screen writes, and whether its talk is on a terminal.
pub struct Streams {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
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
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Writes text and a line break to standard output.
    ///
    /// A closed pipe (`lumen pkg list | head`) is no error.
    pub(super) fn write_out(&self, text: &str) {
        write(&self.out, text);
    }

    /// The same to standard error; the text may end with line breaks.
    pub(super) fn write_err(&self, text: &str) {
        write(&self.err, text.trim_end_matches('\n'));
    }
}

fn write(stream: &Mutex<Box<dyn Write + Send>>, text: &str) {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(stream, "{text}").and_then(|()| stream.flush());
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
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
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
            is_terminal: false,
        };
        (streams, out, err)
    }
}
