//! Files that should never be published by accident.
//!
//! A file is recognized by its name or by the bytes that are packed: reading the disk a
//! second time could find other bytes. Archives and encrypted files are not examined.

mod marker;

use std::borrow::Cow;

/// A file that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Relative path with `/`.
    pub path: String,
    /// What it looks like.
    pub kind: SecretKind,
    /// The line that says so, from 1; `None` where the name of the file does.
    pub line: Option<usize>,
}

/// What a secret looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretKind {
    /// `.env`, `.env.local`
    #[error("environment variables")]
    Environment,
    /// `*.pem`, `*.key`, `id_rsa`, `*.p12`, or a private key by its contents
    #[error("a private key")]
    Key,
    /// `.npmrc`, `.netrc`, `.pypirc`, `credentials`, anything in `.aws/`
    #[error("credentials")]
    Credentials,
    /// An access token of a well-known service, by its prefix
    #[error("an access token")]
    Token,
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "`{}` line {line} ({})", self.path, self.kind),
            None => write!(f, "`{}` ({})", self.path, self.kind),
        }
    }
}

/// Decides from a file's path in the package, its path without links, and its contents.
pub(super) fn look(path: &str, real: &str, contents: &[u8]) -> Option<Secret> {
    let found = |kind, line| {
        let path = path.to_owned();
        Some(Secret { path, kind, line })
    };
    let contents = as_utf8(contents);
    if let Some((kind, at)) = marker::find(&contents) {
        let before = &contents[..at];
        return found(
            kind,
            Some(before.iter().filter(|byte| **byte == b'\n').count() + 1),
        );
    }
    match by_name(path).or_else(|| by_name(real)) {
        // Certificates have the same endings as keys.
        Some(SecretKind::Key) if is_public(&contents) => None,
        Some(kind) => found(kind, None),
        None => None,
    }
}

/// Decodes UTF-16, which editors on Windows save, if the text has its byte order mark.
fn as_utf8(contents: &[u8]) -> Cow<'_, [u8]> {
    let (rest, read): (_, fn([u8; 2]) -> u16) = match contents {
        [0xff, 0xfe, rest @ ..] => (rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => (rest, u16::from_be_bytes),
        _ => return Cow::Borrowed(contents),
    };
    let units = rest.as_chunks::<2>().0.iter().map(|unit| read(*unit));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Cow::Owned(text.into_bytes())
}

/// Folders of programs that keep credentials in them.
const FOLDERS: [&str; 7] = [
    ".aws",
    ".azure",
    ".docker",
    ".gnupg",
    ".kube",
    ".password-store",
    ".ssh",
];

/// Names of files with credentials.
const CREDENTIALS: [&str; 14] = [
    ".npmrc",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".git-credentials",
    ".pgpass",
    ".htpasswd",
    ".my.cnf",
    ".s3cfg",
    ".boto",
    ".dockercfg",
    ".vault-token",
    ".bash_history",
    ".zsh_history",
];

/// Names that private keys of OpenSSH begin with.
const SSH_KEYS: [&str; 4] = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"];

/// Endings of files with private keys, or with passwords.
const KEY_ENDINGS: [&str; 8] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".ppk",
    ".kdbx",
];

/// Endings of sources and of prose: a module about credentials is none.
const SOURCES: [&str; 3] = [".lm", ".lumen", ".md"];

fn by_name(path: &str) -> Option<SecretKind> {
    let path = path.to_ascii_lowercase();
    let mut components = path.split('/');
    let name = components.next_back().unwrap_or_default();
    if components.any(|folder| FOLDERS.contains(&folder)) {
        return Some(SecretKind::Credentials);
    }
    if is_environment(name) {
        return Some(SecretKind::Environment);
    }
    let source = SOURCES.iter().any(|end| name.ends_with(end));
    let ssh_key = SSH_KEYS.iter().any(|key| {
        let rest = name.strip_prefix(key);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_', '-']))
    });
    if (ssh_key && !source && !name.ends_with(".pub"))
        || KEY_ENDINGS.iter().any(|end| name.ends_with(end))
    {
        return Some(SecretKind::Key);
    }
    if CREDENTIALS.contains(&name) || (name.starts_with("credentials") && !source) {
        return Some(SecretKind::Credentials);
    }
    None
}

/// `.env`, `.env.local`, `.envrc`, `prod.env`, but no templates of them.
fn is_environment(name: &str) -> bool {
    let harmless = ["example", "sample", "template", "dist"];
    if name.split('.').any(|part| harmless.contains(&part)) {
        return false;
    }
    name == ".envrc" || name.starts_with(".env.") || name.ends_with(".env")
}

/// Whether a file begins with a certificate or a public key.
fn is_public(contents: &[u8]) -> bool {
    let text = contents.strip_prefix(b"\xef\xbb\xbf").unwrap_or(contents);
    let label = text.trim_ascii_start().strip_prefix(b"-----BEGIN ");
    label.is_some_and(|label| {
        let line = label.split(|byte| *byte == b'-').next().unwrap_or_default();
        line.ends_with(b"CERTIFICATE")
            || line.ends_with(b"CERTIFICATE REQUEST")
            || line.ends_with(b"PUBLIC KEY")
    })
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
            ("deploy/prod.env", SecretKind::Environment),
            (".envrc", SecretKind::Environment),
            ("tls/server.pem", SecretKind::Key),
            ("server.KEY", SecretKind::Key),
            ("id_rsa", SecretKind::Key),
            ("id_rsa_backup", SecretKind::Key),
            ("x/id_ed25519", SecretKind::Key),
            ("x/id_ed25519.old", SecretKind::Key),
            ("a.p12", SecretKind::Key),
            ("a.pfx", SecretKind::Key),
            ("all.kdbx", SecretKind::Key),
            (".npmrc", SecretKind::Credentials),
            ("home/.netrc", SecretKind::Credentials),
            ("_netrc", SecretKind::Credentials),
            (".pypirc", SecretKind::Credentials),
            ("credentials", SecretKind::Credentials),
            ("credentials.json", SecretKind::Credentials),
            (".aws/config", SecretKind::Credentials),
            (".docker/config.json", SecretKind::Credentials),
            ("x/.ssh/known_hosts", SecretKind::Credentials),
        ] {
            assert_eq!(by_name(path), Some(kind), "{path}");
        }
        for path in [
            ".env.example",
            ".env.sample",
            "example.env",
            ".environment",
            "env",
            "src/env.lm",
            "id_rsa.pub",
            "id_rsa.md",
            "id_rsacrypt.lm",
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
    fn names_and_contents_together() {
        let check = |path: &str, real: &str, contents: &[u8], expected: Option<Option<usize>>| {
            let found = look(path, real, contents).map(|secret| secret.line);
            assert_eq!(found, expected, "{path} {real}");
        };
        let key = b"\n\n-----BEGIN PRIVATE KEY-----\nMIIEvQ\n";
        check("a.txt", "a.txt", key, Some(Some(3)));
        check("a.txt", "a.txt", b"nothing", None);
        check("a.txt", ".env", b"nothing", Some(None));
        let certificate = b"-----BEGIN CERTIFICATE-----\nMIIB\n";
        check("ca.pem", "ca.pem", certificate, None);
        check("ca.pem", "ca.pem", b"MIIB", Some(None));
        let both = [certificate.as_slice(), key].concat();
        check("ca.pem", "ca.pem", &both, Some(Some(5)));
        let wide = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}a\nPRIVATE+KEY+ci+0123"
                .encode_utf16()
                .flat_map(bytes)
                .collect()
        };
        check("a.txt", "a.txt", &wide(u16::to_le_bytes), Some(Some(2)));
        check("a.txt", "a.txt", &wide(u16::to_be_bytes), Some(Some(2)));
    }
}
