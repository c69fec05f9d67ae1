//! How to serve files: how long caches may keep them.
//!
//! Publishers set these headers at hosts that keep them, and `registry host` writes them
//! into the configuration of a web server.

/// How a host may cache a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Never changes once written.
    Immutable,
    /// Replaced by later publishes; must be revalidated.
    Mutable,
}

impl Mutability {
    /// The `Cache-Control` of such files (RFC 9111, RFC 8246).
    ///
    /// A cache may keep a mutable file, but must revalidate it every time. So clients see a
    /// new release or a yank at once, and indexes are never older than the checkpoint.
    pub const fn cache_control(self) -> &'static str {
        match self {
            Self::Immutable => "public, max-age=31536000, immutable",
            Self::Mutable => "no-cache",
        }
    }
}
