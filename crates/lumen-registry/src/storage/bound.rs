//! Which limit a failure is about.

use lumen_core::{
    Key,
    limits::{Limit, Row, rows},
};

use super::StorageError;

/// The message for a server that keeps silent.
pub(in crate::storage) const SILENT: &str = "the server did not answer in time";

/// The message for a slow server.
pub(in crate::storage) const SLOW: &str = "the server sends less than ";

/// The message for endless redirects.
pub(in crate::storage) const REDIRECTS: &str = "the server redirects more than ";

/// The HTTP library's message for an answer with too many header fields, or too long ones.
const HEAD: &str = "message head is too large";

/// The message for an endless listing.
pub(in crate::storage) const LISTED: &str = "it has more files than can be listed";

/// The message for an answer about files, such as a page of a listing, that is too large.
pub(in crate::storage) const ANSWER: &str = "the answer of the server is too large";

/// A limit that something is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// How long a server is waited for: `timeout` in `[http]` of the configuration.
    Patience,
    /// A limit that cannot be configured.
    Fixed(Row),
    /// The least speed, which the user chooses.
    Chosen(Limit),
}

impl StorageError {
    /// The limit that it is about, where that is not [`StorageError::Limit`].
    pub fn bounds(&self) -> Vec<Bound> {
        let fixed = |row| vec![Bound::Fixed(row)];
        match self {
            Self::TooLarge { file, limit } => {
                let key = Key::at_end_of(file);
                let row = key.and_then(|key| key.size_limit(*limit));
                row.map_or_else(Vec::new, fixed)
            }
            Self::Transfer { reason, .. } | Self::Unclear { reason, .. } => match reason.as_str() {
                SILENT => vec![Bound::Patience],
                HEAD => vec![
                    Bound::Fixed(rows::MAX_HEADERS),
                    Bound::Fixed(rows::MAX_HEAD_BYTES),
                ],
                LISTED => fixed(rows::MAX_LISTED),
                ANSWER => fixed(rows::MAX_OBJECT_ANSWER_BYTES),
                slow if slow.starts_with(SLOW) => vec![Bound::Chosen(Limit::DownloadSpeed)],
                endless if endless.starts_with(REDIRECTS) => fixed(rows::MAX_REDIRECTS),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_know_their_limits() {
        let transfer = |reason: &str| StorageError::Transfer {
            file: "f".into(),
            reason: reason.into(),
        };
        let large = |file: &str, limit| StorageError::TooLarge {
            file: file.into(),
            limit,
        };
        for (error, expected) in [
            (transfer(SILENT), vec![Bound::Patience]),
            (
                transfer(&format!("{SLOW}4096 bytes in 1 s")),
                vec![Bound::Chosen(Limit::DownloadSpeed)],
            ),
            (
                transfer(&format!("{REDIRECTS}10 times")),
                vec![Bound::Fixed(rows::MAX_REDIRECTS)],
            ),
            (
                large("http://h/packages/a/index.json", 64 << 20),
                vec![Bound::Fixed(rows::MAX_PACKAGE_INDEX_BYTES)],
            ),
            (large("http://h/packages/a/index.json", 100), vec![]),
            (transfer("Connection reset by peer"), vec![]),
        ] {
            assert_eq!(error.bounds(), expected, "{error}");
        }
    }
}
