//! How patient and how polite a run is towards web servers.

use std::{path::PathBuf, time::Duration};

use lumen_core::limits::Limits;

use super::Proxies;

/// Patience and politeness towards web servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest silence while waiting for an answer or its next bytes.
    pub read_timeout: Duration,
    /// Tries per file, the first included.
    pub tries: usize,
    /// Wait before the second try; doubles from then on.
    pub first_delay: Duration,
    /// Longest wait that a server may ask for with `Retry-After`.
    pub longest_delay: Duration,
    /// Requests under way at once.
    pub concurrency: usize,
    /// A file with certificates (PEM) of authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxies that requests go through.
    pub proxies: Proxies,
    /// What requests and downloads may cost.
    pub limits: Limits,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            tries: 3,
            first_delay: Duration::from_millis(200),
            longest_delay: Duration::from_secs(20),
            concurrency: 64,
            ca_file: None,
            proxies: Proxies::default(),
            limits: Limits::default(),
        }
    }
}
