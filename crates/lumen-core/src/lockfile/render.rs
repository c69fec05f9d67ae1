//! The text of a lock.

use std::{borrow::Cow, fmt::Write};

use super::{LockedPackage, LockedSource, Lockfile, VERSION, origin};
use crate::manifest::without_credentials;
use crate::{
    digest::Digest, index::SourceCommit, manifest::GitReference, name::PackageName, screen,
};

impl Lockfile {
    /// The text of the file. Lists are sorted, credentials are left out.
    pub fn render(&self) -> String {
        // A usual block has some 450 bytes.
        let mut out = String::with_capacity(256 + self.packages.len() * 512);
        out.push_str("# Written by `lumen pkg`. Commit this file; do not edit it.\n");
        number(&mut out, "version", VERSION);
        list(&mut out, "requires", &self.requires, String::as_str);
        for (name, registry) in &self.registries {
            out.push_str("\n[[registry]]\n");
            string(&mut out, "name", name);
            if let Some(origin) = registry.origin.as_deref().and_then(origin) {
                string(&mut out, "origin", &origin);
            }
            if let Some(trust) = &registry.trust {
                digest(&mut out, "trust-root", &trust.root);
                string(&mut out, "checkpoint", &trust.checkpoint);
                if let Some(note) = &trust.root_note {
                    string(&mut out, "root-note", &note.to_string());
                }
            }
        }
        for (name, package) in &self.packages {
            out.push_str("\n[[package]]\n");
            block(&mut out, name, package);
        }
        out
    }
}

fn block(out: &mut String, name: &PackageName, package: &LockedPackage) {
    string(out, "name", name.as_str());
    string(out, "version", &package.version.to_string());
    match &package.source {
        LockedSource::Registry(registry) => string(out, "registry", registry),
        LockedSource::Path(path) => string(out, "path", path),
        LockedSource::Git {
            url,
            reference,
            commit,
        } => {
            string(out, "git", &without_credentials(url));
            match reference {
                GitReference::Default => {}
                GitReference::Branch(branch) => string(out, "branch", branch),
                GitReference::Tag(tag) => string(out, "tag", tag),
                GitReference::Rev(rev) => string(out, "rev", rev),
            }
            string(out, "commit", commit);
        }
    }
    if let Some(checksum) = &package.checksum {
        digest(out, "checksum", checksum);
    }
    if let Some(size) = package.size {
        number(out, "size", size);
    }
    if let Some(compressed) = &package.compressed {
        digest(out, "compressed", &compressed.hash);
        number(out, "compressed-size", compressed.size);
    }
    if let Some(metadata) = &package.metadata {
        digest(out, "metadata", metadata);
    }
    if let Some(short) = package.source_commit.as_ref().and_then(SourceCommit::short) {
        string(out, "source-commit", &short);
    }
    if let Some(owners) = package.owners {
        number(out, "owners", owners);
    }
    if let Some(note) = &package.owners_note {
        digest(out, "owners-note", note);
    }
    list(
        out,
        "dependencies",
        &package.dependencies,
        PackageName::as_str,
    );
    list(out, "features", &package.features, String::as_str);
    list(out, "requires", &package.requires, String::as_str);
}

fn number(out: &mut String, key: &str, value: u64) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{key} = {value}");
}

fn string(out: &mut String, key: &str, value: &str) {
    out.push_str(key);
    out.push_str(" = ");
    quoted(out, value);
    out.push('\n');
}

fn list<T>(out: &mut String, key: &str, values: &[T], text: fn(&T) -> &str) {
    if values.is_empty() {
        return;
    }
    let mut texts: Vec<&str> = values.iter().map(text).collect();
    texts.sort_unstable();
    texts.dedup();
    out.push_str(key);
    out.push_str(" = [\n");
    for text in texts {
        out.push_str("    ");
        quoted(out, text);
        out.push_str(",\n");
    }
    out.push_str("]\n");
}

fn digest(out: &mut String, key: &str, value: &Digest) {
    out.push_str(key);
    out.push_str(" = \"sha256:");
    out.push_str(&value.hex());
    out.push_str("\"\n");
}

/// A basic string of TOML 1.0.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    out.push_str(&escaped(text));
    out.push('"');
}

fn escaped(text: &str) -> Cow<'_, str> {
    let plain = |b: u8| (b' '..0x7f).contains(&b) && b != b'"' && b != b'\\';
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if screen::is_deceptive(c) => {
                let _ = match u32::from(c) {
                    code @ ..=0xffff => write!(out, "\\u{code:04X}"),
                    code => write!(out, "\\U{code:08X}"),
                };
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}
