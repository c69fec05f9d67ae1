//! A command of git that runs: its input, what it says, its end.

use std::{
    io::{self, Read, Write},
    process::Child,
    thread,
    time::Duration,
};

use lumen_core::limits::{MAX_GIT_OUTPUT, MAX_GIT_SAID, rows};

use super::{
    GitError, Ran,
    growth::{self, Growth},
};

/// Longest pause between two checks of the files that a fetch has written.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What is written to the standard input of a command.
pub(super) type Feed<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'a>;

/// A process that does not outlive its owner's interest.
pub(super) struct Running {
    pub child: Child,
    /// The files that it writes, where they are watched.
    pub growth: Option<Growth>,
}

impl Running {
    /// Feeds a command, reads what it says, and waits for its end.
    pub fn finish(mut self, feed: Option<Feed<'_>>) -> Result<Ran, GitError> {
        let (stdin, stdout, stderr) = (
            self.child.stdin.take(),
            self.child.stdout.take(),
            self.child.stderr.take(),
        );
        let (out, err) = thread::scope(|scope| {
            let said = scope.spawn(move || stderr.map(last_words).unwrap_or_default());
            let fed = scope.spawn(move || match stdin.zip(feed) {
                // A process that ends early says itself why.
                Some((mut stdin, feed)) => match feed(&mut stdin) {
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
                    _ => Ok(()),
                },
                None => Ok(()),
            });
            let read = scope.spawn(move || {
                let mut out = Vec::new();
                let stdout = stdout.map(|stdout| stdout.take(MAX_GIT_OUTPUT + 1));
                let read = stdout.map(|mut stdout| stdout.read_to_end(&mut out));
                read.transpose().map(|_| out)
            });
            if let Some(growth) = &self.growth {
                let mut pause = Duration::from_millis(1);
                while !read.is_finished() {
                    if growth.is_full() {
                        growth::end(&mut self.child);
                    }
                    thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            let failed = || io::Error::other("a thread failed");
            let fed = fed.join().unwrap_or_else(|_| Err(failed()));
            let out = read.join().unwrap_or_else(|_| Err(failed()));
            let said = said.join().unwrap_or_default();
            fed.and(out).map(|out| (out, said))
        })?;
        if out.len() as u64 > MAX_GIT_OUTPUT {
            let what = format!("git printed too much; {}", rows::MAX_GIT_OUTPUT);
            return Err(io::Error::other(what).into());
        }
        Ok(Ran {
            success: self.child.wait()?.success(),
            out,
            err,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The end of the output of a process, however long it is.
fn last_words(mut from: impl Read) -> String {
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        said.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if said.len() > 2 * MAX_GIT_SAID {
            said.drain(..said.len() - MAX_GIT_SAID);
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}
