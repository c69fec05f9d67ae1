//! Files that should never be published by accident.

use std::{
    io::{self, Read as _},
    path::Path,
};

use fs_err as fs;

/// Bytes at the start of a file that are looked at.
const HEAD: u64 = 4096;

/// A file that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Relative path with `/`.
    pub path: String,
    /// What it looks like.
    pub kind: SecretKind,
}

/// What a secret looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretKind {
    /// `.env`, `.env.local`
    #[error("environment variables")]
    Environment,
    /// `*.pem`, `*.key`, `id_rsa`, `*.p12`, or a private key by its contents
    #[error("a key")]
    Key,
    /// `.npmrc`, `.netrc`, `.pypirc`, `credentials`, anything in `.aws/`
    #[error("credentials")]
    Credentials,
}

/// Decides from a file's path and the start of its contents.
pub(super) fn look(path: &str, file: &Path) -> io::Result<Option<SecretKind>> {
    if let Some(kind) = by_name(path) {
        return Ok(Some(kind));
    }
    let mut head = Vec::new();
    fs::File::open(file)?.take(HEAD).read_to_end(&mut head)?;
    Ok(is_private_key(&head).then_some(SecretKind::Key))
}

fn by_name(path: &str) -> Option<SecretKind> {
    let path = path.to_ascii_lowercase();
    let mut components = path.split('/');
    let name = components.next_back().unwrap_or_default();
    if components.any(|folder| matches!(folder, ".aws" | ".ssh" | ".gnupg" | ".kube")) {
        return Some(SecretKind::Credentials);
    }
    if let Some(rest) = name.strip_prefix(".env") {
        let harmless = [".example", ".sample", ".template", ".dist"];
        let environment = rest.is_empty() || rest.starts_with('.');
        if environment && !harmless.iter().any(|end| rest.ends_with(end)) {
            return Some(SecretKind::Environment);
        }
    }
    let keys = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"];
    let key_ends = [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".ppk"];
    if keys.contains(&name) || key_ends.iter().any(|end| name.ends_with(end)) {
        return Some(SecretKind::Key);
    }
    let credentials = [
        ".npmrc",
        ".netrc",
        "_netrc",
        ".pypirc",
        ".git-credentials",
        ".pgpass",
        ".htpasswd",
    ];
    // A module about credentials is none.
    let source = [".lm", ".lumen", ".md"]
        .iter()
        .any(|end| name.ends_with(end));
    if credentials.contains(&name) || (name.starts_with("credentials") && !source) {
        return Some(SecretKind::Credentials);
    }
    None
}

/// Whether a file starts with a private key, after white space and a byte order mark.
fn is_private_key(head: &[u8]) -> bool {
    let head = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    let line = head
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next()
        .unwrap_or_default();
    let contains = |needle: &[u8]| line.windows(needle.len()).any(|window| window == needle);
    (line.starts_with(b"-----BEGIN ") && contains(b"PRIVATE KEY"))
        || line.starts_with(b"PuTTY-User-Key-File-")
        || line.starts_with(b"AGE-SECRET-KEY-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (path, kind) in [
            (".env", SecretKind::Environment),
            ("app/.env.local", SecretKind::Environment),
            (".ENV.Production", SecretKind::Environment),
            ("tls/server.pem", SecretKind::Key),
            ("server.KEY", SecretKind::Key),
            ("id_rsa", SecretKind::Key),
            ("x/id_ed25519", SecretKind::Key),
            ("a.p12", SecretKind::Key),
            ("a.pfx", SecretKind::Key),
            (".npmrc", SecretKind::Credentials),
            ("home/.netrc", SecretKind::Credentials),
            (".pypirc", SecretKind::Credentials),
            ("credentials", SecretKind::Credentials),
            ("credentials.json", SecretKind::Credentials),
            (".aws/config", SecretKind::Credentials),
            ("x/.ssh/known_hosts", SecretKind::Credentials),
        ] {
            assert_eq!(by_name(path), Some(kind), "{path}");
        }
        for path in [
            ".env.example",
            ".env.sample",
            ".environment",
            "env",
            "src/env.lm",
            "id_rsa.pub",
            "keys.lm",
            "pem",
            "src/credentials.lm.md",
            "docs/credentials.md",
            "aws/config",
            "monkey.lm",
        ] {
            assert_eq!(by_name(path), None, "{path}");
        }
    }

    #[test]
    fn contents() {
        for head in [
            "-----BEGIN PRIVATE KEY-----\nMII",
            "-----BEGIN RSA PRIVATE KEY-----",
            "\u{feff}\n  -----BEGIN OPENSSH PRIVATE KEY-----\r\n",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
            "PuTTY-User-Key-File-3: ssh-ed25519\n",
            "AGE-SECRET-KEY-1QQQ",
        ] {
            assert!(is_private_key(head.as_bytes()), "{head}");
        }
        for head in [
            "",
            "-----BEGIN CERTIFICATE-----\n",
            "-----BEGIN PUBLIC KEY-----\n",
            "how to: -----BEGIN PRIVATE KEY-----",
        ] {
            assert!(!is_private_key(head.as_bytes()), "{head}");
        }
    }
}
