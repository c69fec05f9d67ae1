//! What long operations tell while they run.

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

/// For work that nobody watches.
pub fn nobody(_: Progress) {}
