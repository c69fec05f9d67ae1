//! Proofs of this machine, so that it proves everything once.
//!
//! `$LUMEN_HOME/proved` is a list of digests, one a line, the newest last. Each is the
//! digest of a text that states a fact. The file is ours alone: no project can write to it.
//! Losing it costs requests, nothing else.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

use fs_err as fs;
use lumen_core::{
    Digest, PackageName,
    limits::MAX_PROVED,
    lockfile::{LockedPackage, LockedSource},
};
use lumen_durable::Lock;

/// First line of the file. With another one, the file is ignored and written again.
const FORMAT: &str = "lumen proved 1";

/// The proofs of this machine.
#[derive(Debug)]
pub struct Memory {
    file: PathBuf,
    known: HashSet<Digest>,
    new: Vec<Digest>,
}

/// Something that was proven, or that the user was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact(Digest);

impl Fact {
    fn of(lines: &[&str]) -> Self {
        Self(Digest::of(lines.join("\n").as_bytes()))
    }

    /// The registry with this fingerprint has this release, signed by its owner, with the
    /// artifacts that the lock has.
    pub fn release(root: &Digest, name: &PackageName, package: &LockedPackage) -> Self {
        let text = |value: Option<String>| value.unwrap_or_default();
        Self::of(&[
            "release",
            &root.hex(),
            name.as_str(),
            &package.version.to_string(),
            &text(package.checksum.map(|digest| digest.hex())),
            &text(package.size.map(|size| size.to_string())),
            &text(package.compressed.map(|file| file.hash.hex())),
            &text(package.compressed.map(|file| file.size.to_string())),
            &text(package.metadata.map(|digest| digest.hex())),
        ])
    }

    /// None of these registries except the last one has the name of a package that is
    /// locked from the last one. A fingerprint, or the URL of an unsigned one, identifies a
    /// registry.
    pub fn behind(name: &PackageName, package: &LockedPackage, registries: &[String]) -> Self {
        let version = package.version.to_string();
        let checksum = package.checksum.map(|digest| digest.hex());
        let mut lines = vec!["behind", name.as_str(), &version];
        lines.push(checksum.as_deref().unwrap_or_default());
        lines.extend(registries.iter().map(String::as_str));
        Self::of(&lines)
    }

    /// A commit has this package, which packs to the lock's checksum; nothing for other packages.
    pub fn git(name: &PackageName, package: &LockedPackage) -> Option<Self> {
        let (LockedSource::Git { url, commit, .. }, Some(checksum)) =
            (&package.source, package.checksum)
        else {
            return None;
        };
        Some(Self::of(&[
            "git",
            url,
            commit,
            name.as_str(),
            &checksum.hex(),
        ]))
    }

    /// The packages of a lock are what it says, and it has those that are needed, no others.
    pub fn lock(text: &str) -> Self {
        Self::of(&["lock", &Digest::of(text.as_bytes()).hex()])
    }

    /// The user was told something about an artifact.
    pub fn told(checksum: &Digest, what: &str) -> Self {
        Self::of(&["told", &checksum.hex(), what])
    }
}

impl Memory {
    /// Reads the proofs in this `$LUMEN_HOME`; none if the file is missing or damaged.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(home: &Path) -> io::Result<Self> {
        let file = home.join("proved");
        Ok(Self {
            known: digests(&file)?.into_iter().collect(),
            new: Vec::new(),
            file,
        })
    }

    /// Whether something was proven before.
    pub fn has(&self, fact: &Fact) -> bool {
        self.known.contains(&fact.0)
    }

    /// Notes that something is proven now. `false`: it was known before.
    pub fn add(&mut self, fact: Fact) -> bool {
        let is_new = self.known.insert(fact.0);
        self.new.extend(is_new.then_some(fact.0));
        is_new
    }

    /// Writes new proofs to the file.
    ///
    /// # Errors
    /// When the file cannot be written. That costs the next run requests, and no more.
    pub fn save(&mut self) -> io::Result<()> {
        if self.new.is_empty() {
            return Ok(());
        }
        let _lock = Lock::exclusive(&self.file.with_extension("lock"))?;
        // Other processes may have written since.
        let mut all = digests(&self.file)?;
        all.append(&mut self.new);
        let old = all.len().saturating_sub(MAX_PROVED);
        let mut text = String::with_capacity((all.len() - old + 1) * 65);
        text.push_str(FORMAT);
        for digest in all.iter().skip(old) {
            text.push('\n');
            text.push_str(&digest.hex());
        }
        text.push('\n');
        lumen_durable::write_atomic_fast(&self.file, text.as_bytes())
    }
}

fn digests(file: &Path) -> io::Result<Vec<Digest>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    if lines.next() != Some(FORMAT) {
        return Ok(Vec::new());
    }
    Ok(lines
        .filter_map(|line| Digest::from_hex(line).ok())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_proven_is_known_to_the_next_run_and_a_damaged_file_says_nothing() {
        let home = tempfile::tempdir().unwrap();
        let read = || Memory::read(home.path()).unwrap();
        let (one, two) = (Fact::lock("one"), Fact::lock("two"));
        let (mut first, mut second) = (read(), read());
        assert!(first.add(one) && !first.add(one) && second.add(two));
        first.save().unwrap();
        second.save().unwrap();
        assert!(read().has(&one) && read().has(&two));
        let file = home.path().join("proved");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("proved 1", "proved 2")).unwrap();
        assert!(!read().has(&one));
        std::fs::write(&file, b"lumen proved 1\n\xff\nzz\n").unwrap();
        assert!(!read().has(&one));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let mut memory = Memory::read(home.path()).unwrap();
        let fact = |number: usize| Fact::lock(&number.to_string());
        for number in 0..=MAX_PROVED {
            memory.add(fact(number));
        }
        memory.save().unwrap();
        let memory = Memory::read(home.path()).unwrap();
        assert!(!memory.has(&fact(0)) && memory.has(&fact(1)) && memory.has(&fact(MAX_PROVED)));
    }
}
