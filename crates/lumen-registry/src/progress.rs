//! Progress of long operations.

/// A step of a long operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Work of a known length began.
    Started {
        /// What is being done ("Copying").
        verb: &'static str,
        /// Steps to come.
        steps: u64,
    },
    /// The steps download files of this many bytes in all.
    Expected {
        /// The bytes.
        bytes: u64,
    },
    /// One step is done.
    Advanced {
        /// What the step was about.
        item: String,
    },
    /// The work is over.
    Finished,
}

/// Takes the steps, from any task.
pub type Watch<'a> = &'a (dyn Fn(Progress) + Sync);

/// Reports that a step is done.
pub fn advance(watch: Watch<'_>, item: impl ToString) {
    let item = item.to_string();
    watch(Progress::Advanced { item });
}

/// Ignores progress.
pub fn nobody(_: Progress) {}
