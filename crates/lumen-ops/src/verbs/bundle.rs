//! `lumen registry bundle` and `unbundle`.

use std::{
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use lumen_core::Digest;
use lumen_registry::{
    ReadError, Registry, Storage,
    bundle::{self, BundleOptions},
    mirror::MirrorReport,
    verify::TrustOptions,
};

use crate::{
    error::{InputError, OpsError, RegistryError},
    report::watch,
    session::{Purpose, Session, Which},
    verbs::mirror::{Mirrored, selection},
};

/// The contents of a bundle.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The registry: a URL, a path or a configured name.
    pub from: String,
    /// The file.
    pub file: PathBuf,
    /// The state of the receiving mirror: a number of entries of the log, an earlier
    /// bundle, or the mirror by URL, path or name; `None`: it is empty.
    pub since: Option<String>,
    /// Patterns for the names of packages; none: all packages.
    pub packages: Vec<String>,
    /// Leaves out the web page.
    pub without_page: bool,
}

/// Writes a bundle. `None`: there is nothing new, and no file was made.
///
/// # Errors
/// When the registry is not trustworthy or fails, or the file exists or cannot be written.
pub fn write(session: &Session<'_>, request: &Request) -> Result<Option<MirrorReport>, OpsError> {
    let packages = selection(&request.packages)?;
    if request.file.as_os_str() == "-" {
        return Err(InputError::BundleOut.into());
    }
    let path = session.context.options.working_dir.join(&request.file);
    if path.exists() {
        return Err(exists(&request.file));
    }
    let source = session.open(Which::Given(&request.from), Purpose::Read)?;
    let info = session.block_on(async {
        let info = source.trust().await?;
        source.exists().await?;
        Ok(info)
    })?;
    let seen = info.as_ref().and_then(|info| info.seen());
    let since = match &request.since {
        None => 0,
        Some(text) => match (text.parse(), &info) {
            (Ok(number), _) => number,
            (Err(_), Some(info)) => size_at(session, text, &info.fingerprint)?,
            (Err(_), None) => {
                return Err(RegistryError::NoLog.into());
            }
        },
    };
    match seen.map(|seen| seen.size) {
        Some(size) if size < since => {
            return Err(RegistryError::Ahead { size, since }.into());
        }
        Some(size) if size == since => return Ok(None),
        _ => {}
    }
    let options = BundleOptions {
        since,
        packages,
        without_page: request.without_page,
    };
    let watch = watch(session.context.reporter);
    let mut report = None;
    let is_new = lumen_durable::create_new_with(&path, |file| {
        let mut out = BufWriter::new(file);
        let written = session
            .block_on(async { Ok(bundle::bundle(&source, &mut out, &options, &watch).await?) })?;
        report = Some(written);
        out.flush().map_err(OpsError::from)
    })?;
    if !is_new {
        return Err(exists(&request.file));
    }
    session.tell_first_use()?;
    Ok(report)
}

fn exists(file: &Path) -> OpsError {
    RegistryError::BundleExists(file.to_owned()).into()
}

/// Entries of the log of an earlier bundle, or of a registry.
fn size_at(session: &Session<'_>, text: &str, fingerprint: &Digest) -> Result<u64, OpsError> {
    let path = session.context.options.working_dir.join(text);
    let (found, size) = if path.is_file() {
        let head = bundle::head(&path)?;
        (head.fingerprint, head.size)
    } else {
        let registry: Registry = session.open(Which::Given(text), Purpose::Read)?;
        let info = session.block_on(async { Ok(registry.trust().await?) })?;
        let size = info.as_ref().and_then(|info| info.seen());
        let size = size.map(|seen| seen.size);
        (info.map(|info| info.fingerprint), size)
    };
    match size.filter(|_| found == Some(*fingerprint)) {
        Some(size) => Ok(size),
        None => Err(InputError::Since(text.to_owned()).into()),
    }
}

/// The result of applying a bundle.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What a mirror run came to.
    pub mirrored: Mirrored,
    /// The fingerprint, if nothing but the bundle vouches for it.
    pub first_use: Option<Digest>,
}

/// Brings a mirror up to date from a bundle, or makes one. `fingerprint`: that of the registry.
///
/// # Errors
/// When the bundle is damaged, of another registry, or not trustworthy; when it starts
/// after the mirror's state; failures of the host.
pub fn take_in(
    session: &Session<'_>,
    file: &Path,
    to: &str,
    fingerprint: Option<Digest>,
) -> Result<Taken, OpsError> {
    let location = session.place(Which::Given(to), true)?;
    let path = session.context.options.working_dir.join(file);
    if path.is_dir() {
        return Err(InputError::BundleFolder(file.display().to_string()).into());
    }
    let known = session.known_root(to, &location)?;
    let trust = TrustOptions {
        pin: fingerprint.or(known),
        required: session.settings()?.signed_only,
        now: session.now(),
        ..TrustOptions::default()
    };
    let is_pinned = trust.pin.is_some();
    let target = Storage::open(&location, &session.host_options(&location)?);
    let target = target.map_err(ReadError::from)?;
    let watch = watch(session.context.reporter);
    let report =
        session.block_on(async { Ok(bundle::unbundle(&path, &target, trust, &watch).await?) })?;
    Ok(Taken {
        first_use: report
            .fingerprint
            .filter(|_| !is_pinned && report.from == Some(0)),
        mirrored: Mirrored {
            to: location,
            report,
        },
    })
}
