//! The contents of an archive that is not in the store: whether installs accept it, and its
//! own `lumen.toml`.

use std::io::{self, Read};

use lumen_core::{
    Digest,
    digest::Hasher,
    index::{Artifact, Described, Release, ReleaseSummary},
    key::ArtifactKind,
    limits::MAX_MANIFEST_BYTES,
};
use lumen_store::{
    archive::{self, ArchiveError, Body, FileEntry, Limits, Sink},
    project::MANIFEST,
};

/// Keeps the `lumen.toml` of an archive and nothing else.
#[derive(Default)]
pub(crate) struct Toml(Option<Found>);

enum Found {
    Bytes(Vec<u8>),
    /// It is larger than a manifest may be.
    Oversized(Digest),
}

impl Toml {
    /// Its bytes; nothing where there is none, or it is larger than a manifest may be.
    pub(crate) fn into_bytes(self) -> Option<Vec<u8>> {
        match self.0 {
            Some(Found::Bytes(bytes)) => Some(bytes),
            Some(Found::Oversized(_)) | None => None,
        }
    }

    fn describe(&self) -> Described {
        match &self.0 {
            None => Described::Absent,
            Some(Found::Bytes(bytes)) => Described::read(Some(bytes)),
            Some(Found::Oversized(digest)) => Described::oversized(*digest),
        }
    }
}

impl Sink for Toml {
    fn folder(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, entry: FileEntry<'_>, body: &mut dyn Body) -> Result<(), ArchiveError> {
        if entry.path != MANIFEST {
            return Ok(());
        }
        let fits = entry.size <= MAX_MANIFEST_BYTES as u64;
        let (mut bytes, mut hasher) = (Vec::new(), Hasher::new());
        while let Some(piece) = body.next()? {
            match fits {
                true => bytes.extend_from_slice(piece),
                false => hasher.update(piece),
            }
        }
        self.0 = Some(match fits {
            true => Found::Bytes(bytes),
            false => Found::Oversized(hasher.finish()),
        });
        Ok(())
    }
}

/// Checks an artifact whose bytes have its hash as an install would: the strict reader accepts
/// it, it holds the same as the release's first artifact, and its own `lumen.toml` agrees with
/// the release. The text is the fault.
///
/// # Errors
/// When the bytes cannot be read to their end.
pub(crate) fn inspect(
    release: &Release,
    artifact: &Artifact,
    bytes: &mut dyn Read,
) -> io::Result<Result<(), String>> {
    // The purpose of other kinds is unknown, and no install reads them.
    let Some(kind) = ArtifactKind::from_name(&artifact.kind) else {
        return Ok(Ok(()));
    };
    let (mut toml, mut hasher) = (Toml::default(), Hasher::new());
    let size = Some(artifact.size);
    let read = archive::read_tapped(bytes, size, &Limits::default(), &mut toml, &mut |piece| {
        if kind == ArtifactKind::TarZst {
            hasher.update(piece);
        }
    });
    match read {
        Ok(_) => {}
        Err(ArchiveError::Refused(refusal)) => {
            return Ok(Err(format!(
                "no install accepts its archive `{}`: {refusal}",
                artifact.url
            )));
        }
        Err(ArchiveError::Input(error) | ArchiveError::Sink(error)) => return Err(error),
        Err(error) => return Err(io::Error::other(error)),
    }
    let plain = release.artifacts.first().map(|tar| tar.hash);
    if kind == ArtifactKind::TarZst && plain != Some(hasher.finish()) {
        return Ok(Err(format!(
            "`{}` does not hold the same as the release's tar",
            artifact.url
        )));
    }
    let described = toml.describe();
    let (name, version) = (&release.name, &release.version);
    let summary = ReleaseSummary::of(release.clone(), artifact.hash);
    let agrees = described.is_of(name, version);
    let agrees = agrees.and_then(|()| described.agrees(&summary));
    Ok(agrees.map_err(|contradiction| {
        format!("the archive of `{name}` {version} contradicts the release: {contradiction}")
    }))
}

#[cfg(test)]
mod tests {
    use lumen_core::tar;

    use super::*;

    /// A tar with one file.
    fn archive(path: &str, contents: &str) -> Vec<u8> {
        let size = contents.len() as u64;
        let mut bytes = tar::head(path, size, false);
        bytes.extend_from_slice(contents.as_bytes());
        bytes.resize(bytes.len() + tar::padding(size), 0);
        bytes.extend_from_slice(&tar::END);
        bytes
    }

    /// What is said of an archive of `text` 1.0.0, which needs nothing.
    fn said(kind: &str, bytes: &[u8]) -> Result<(), String> {
        let (hash, size) = (Digest::of(bytes), bytes.len());
        let release = format!(
            r#"{{ "name": "text", "version": "1.0.0", "deps": {{}},
                "artifacts": [{{ "kind": "{kind}", "url": "f", "hash": "{hash}", "size": {size} }}] }}"#
        );
        let release: Release = lumen_core::json::parse(release.as_bytes()).unwrap();
        inspect(&release, &release.artifacts[0], &mut &bytes[..]).unwrap()
    }

    #[test]
    fn archives_are_judged_as_installs_judge_them() {
        let manifest = |rest: &str| {
            let text = format!("[package]\nname = \"text\"\n{rest}");
            said("tar", &archive("lumen.toml", &text))
        };
        let wrong = "the archive of `text` 1.0.0 contradicts the release: its own lumen.toml";
        assert_eq!(manifest("version = \"1.0.0\"\n"), Ok(()));
        assert_eq!(
            manifest("version = \"1.1.0\"\n"),
            Err(format!(
                "{wrong} says `text 1.1.0`, but the release is `text 1.0.0`"
            ))
        );
        assert_eq!(
            manifest("version = \"1.0.0\"\n[dependencies]\nutil = \"^2\"\n"),
            Err(format!("{wrong} needs `util`, but the release does not"))
        );
        // People make archives without one by hand.
        assert_eq!(said("tar", &archive("src/main.lm", "")), Ok(()));
        // No client knows this kind.
        assert_eq!(said("zip", b"PK"), Ok(()));
        for (kind, bytes, expected) in [
            ("tar", &b"no tar"[..], "no install accepts its archive `f`"),
            (
                "tar",
                &archive("../x", ""),
                "no install accepts its archive `f`",
            ),
            (
                "tar.zst",
                &archive(
                    "lumen.toml",
                    "[package]\nname = \"text\"\nversion = \"1.0.0\"\n",
                ),
                "",
            ),
        ] {
            let found = said(kind, bytes);
            match expected {
                "" => assert_eq!(found, Ok(())),
                expected => assert!(
                    found.clone().unwrap_err().starts_with(expected),
                    "{found:?}"
                ),
            }
        }
    }
}
