//! Why a command of the program ends early.

use std::{fmt, io};

use lumen_ops::{OpsError, keys::KeysError, process::Standing};

use crate::args::Usage;

/// Why a command did not do all that it was asked for.
#[derive(Debug)]
pub enum CliError {
    /// The operation failed.
    Ops(OpsError),
    /// The user answered a question with no.
    Declined(Declined),
    /// The command line is understood, and is none that makes sense.
    Usage(Usage),
    /// The user interrupted it.
    Interrupted(Interrupted),
    /// The command did its work, and what it found is wrong.
    Found(Found),
}

/// What a command found to be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In one line.
    pub what: String,
    /// What to do next.
    pub hints: Vec<String>,
}

/// What an interrupted command leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupted {
    /// What is known.
    Left(Standing),
    /// Interrupted a second time, while it waited for the end of a change.
    Twice,
}

/// What the user did not agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declined {
    /// Releases, which can never be changed.
    Publish,
    /// Signing a registry.
    Migrate,
    /// A registry, or owners, in another state than before.
    Accept,
    /// Removing a key.
    RemoveKey,
}

impl From<OpsError> for CliError {
    fn from(error: OpsError) -> Self {
        Self::Ops(error)
    }
}

impl From<KeysError> for CliError {
    fn from(error: KeysError) -> Self {
        Self::Ops(error.into())
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::Ops(error.into())
    }
}

impl From<Declined> for CliError {
    fn from(declined: Declined) -> Self {
        Self::Declined(declined)
    }
}

impl From<Found> for CliError {
    fn from(found: Found) -> Self {
        Self::Found(found)
    }
}

impl From<Usage> for CliError {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage)
    }
}

impl From<Interrupted> for CliError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left(Standing::Untouched) => "interrupted: nothing was changed",
            Self::Left(Standing::Whole) => "interrupted: what it had begun to change is complete",
            Self::Left(Standing::Part) => {
                "interrupted: what it wrote to the registry stays; the same command goes on from there"
            }
            Self::Twice => "interrupted twice: the same command, run again, finishes what is half done",
        })
    }
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publish => "nothing was published",
            Self::Migrate => "nothing was written",
            Self::Accept => "nothing was accepted",
            Self::RemoveKey => "nothing was removed",
        })
    }
}

impl Declined {
    /// What to do next.
    pub fn hint(self) -> String {
        match self {
            Self::Publish | Self::Migrate => "run it again and answer `y`, or pass --yes",
            Self::Accept => {
                "ask the people who run it why it changed; then answer `y`, or pass --yes"
            }
            Self::RemoveKey => {
                "`lumen key export NAME --secret` prints a copy to keep; then answer `y`, or pass --yes"
            }
        }
        .into()
    }
}
