//! What kind of failure an error is: who can do something about it.

/// Who can do something about an error. Errors of all crates say it with `kind()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The user: something was asked for that cannot be, or a file is wrong.
    User,
    /// The people who run a registry or released a package: bytes, a signature or a log are not
    /// what they must be, and nothing of them was used.
    Untrusted,
    /// The host, the network or the disk.
    Host,
}
