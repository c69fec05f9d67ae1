//! What is wrong in the source of a mirror: noted, and told at the end.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::MirrorError;
use crate::reader::ReadError;

/// What is wrong in the source of a mirror, by paths or URLs, each list sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Artifacts that the source does not have.
    pub lacking: Vec<String>,
    /// Artifacts with other bytes than were released.
    pub damaged: Vec<String>,
    /// Archives whose releases name other file lists than theirs.
    pub false_lists: Vec<String>,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (
                "the file list that the release names is not that of the archive",
                &self.false_lists,
            ),
            (
                "the source has other bytes than were released in",
                &self.damaged,
            ),
            ("the source lacks", &self.lacking),
        ];
        let parts = parts.iter().filter(|(_, files)| !files.is_empty());
        for (at, (what, files)) in parts.enumerate() {
            let before = if at == 0 { "" } else { "; " };
            write!(f, "{before}{what} {}", listed(files))?;
        }
        Ok(())
    }
}

/// The first of some files, and how many more there are.
fn listed(files: &[String]) -> String {
    let first = files.first().map_or("", String::as_str);
    match files.len() {
        0 | 1 => format!("`{first}`"),
        2 => format!("`{first}` and 1 more file"),
        many => format!("`{first}` and {} more files", many - 1),
    }
}

/// Faults that a run found so far.
#[derive(Debug, Default)]
pub(super) struct Noted {
    faults: Mutex<Faults>,
    /// Whether artifacts that are missing or damaged end the run: a bundle is whole.
    is_strict: bool,
}

impl Noted {
    /// For a run that ends at the first artifact that is missing or damaged.
    pub(super) fn strict() -> Self {
        Self {
            is_strict: true,
            ..Self::default()
        }
    }

    /// Notes an artifact that could not be copied for a fault of the source.
    ///
    /// # Errors
    /// The same error where it is another fault, or the run is strict.
    pub(super) fn artifact(&self, error: MirrorError) -> Result<(), MirrorError> {
        if self.is_strict {
            return Err(error);
        }
        match error {
            MirrorError::Read(ReadError::Missing { file }) => self.lock().lacking.push(file),
            MirrorError::Read(ReadError::Changed { file, .. }) => self.lock().damaged.push(file),
            other => return Err(other),
        }
        Ok(())
    }

    /// Notes the archive of a release that names another file list than that of the archive.
    pub(super) fn false_list(&self, file: String) {
        self.lock().false_lists.push(file);
    }

    /// All that was noted, if anything was.
    pub(super) fn faults(&self) -> Option<Faults> {
        let mut faults = self.lock().clone();
        for files in [
            &mut faults.lacking,
            &mut faults.damaged,
            &mut faults.false_lists,
        ] {
            files.sort();
            // Releases with the same contents have one artifact.
            files.dedup();
        }
        (faults != Faults::default()).then_some(faults)
    }

    fn lock(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_in_one_sentence() {
        let files = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let check = |lacking: &str, damaged: &str, false_lists: &str, expected: &str| {
            let faults = Faults {
                lacking: files(lacking),
                damaged: files(damaged),
                false_lists: files(false_lists),
            };
            assert_eq!(faults.to_string(), expected);
        };
        check("a", "", "", "the source lacks `a`");
        check("a b", "", "", "the source lacks `a` and 1 more file");
        check(
            "a b c",
            "d",
            "e",
            "the file list that the release names is not that of the archive `e`; \
             the source has other bytes than were released in `d`; \
             the source lacks `a` and 2 more files",
        );
    }
}
