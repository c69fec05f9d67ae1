//! Whether a host is fit for a registry, checked from outside.
//!
//! | module | what |
//! |---|---|
//! | `web` | what a web server answers |
//! | `write` | whether two writers can get into each other's way |
//!
//! Reading changes nothing. The doctor tries writing on scratch files that are not part of
//! a registry, and removes them again.

mod web;
mod write;

use lumen_core::{Key, PackageName, Version, key::Mutability, limits::MAX_SAMPLED};

use crate::{
    log::waiting,
    reader::{ReadError, Registry},
};

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// There is a registry, and it can be read.
    Readable,
    /// The files of packages are there and can be read.
    Packages,
    /// Missing files are answered with 404.
    Absence,
    /// It is signed, and its files agree with each other.
    Trust,
    /// Witnesses have signed the newest commit.
    Witnesses,
    /// The root note is in force for a while.
    Expiry,
    /// The newest state is shown, not one from a cache.
    Fresh,
    /// The server's clock.
    Clock,
    /// HTTPS.
    Https,
    /// HTTP/2.
    Http2,
    /// The address is the final one.
    Redirects,
    /// Content types.
    Types,
    /// Which files caches may keep, and for how long.
    Caching,
    /// Asking whether a file is still the same.
    Revalidation,
    /// Reading a part of a file.
    Ranges,
    /// Compressed answers.
    Compression,
    /// Compressed answers have the contents of the files.
    Copies,
    /// Web pages of others may read.
    Cors,
    /// Web pages of others may send a token.
    Preflight,
    /// Folders have no list.
    Listing,
    /// Hidden files.
    Hidden,
    /// A file is created once.
    Create,
    /// A file is replaced only by a writer that read it.
    Replace,
    /// One of many writers at once wins.
    Race,
    /// Files can be listed, as publishing does.
    List,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// There was nothing to look at, or no way to.
    Unknown,
    /// It works, but some are served worse.
    Poor,
    /// It does not do for a registry.
    Bad,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What the server calls itself.
    pub server: Option<String>,
    /// All findings, in the order of looking.
    pub findings: Vec<Finding>,
}

/// Whether to try writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// No.
    Never,
    /// Yes, and that it is not allowed is no fault.
    IfAllowed,
    /// Yes.
    Must,
}

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether to try writing.
    pub write: Write,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// Files of the registry to look at closely.
#[derive(Debug, Default)]
struct Samples {
    index: Option<Key>,
    release: Option<Key>,
    artifact: Option<Key>,
    checkpoint: Option<Key>,
    note: Option<Key>,
}

impl Check {
    /// A name for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Readable => "readable",
            Self::Packages => "packages",
            Self::Absence => "absence",
            Self::Trust => "trust",
            Self::Witnesses => "witnesses",
            Self::Expiry => "expiry",
            Self::Fresh => "fresh",
            Self::Clock => "clock",
            Self::Https => "https",
            Self::Http2 => "http2",
            Self::Redirects => "redirects",
            Self::Types => "types",
            Self::Caching => "caching",
            Self::Revalidation => "revalidation",
            Self::Ranges => "ranges",
            Self::Compression => "compression",
            Self::Copies => "copies",
            Self::Cors => "cors",
            Self::Preflight => "preflight",
            Self::Listing => "listing",
            Self::Hidden => "hidden",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Race => "race",
            Self::List => "list",
        }
    }
}

impl Verdict {
    /// A name for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Poor => "poor",
            Self::Bad => "bad",
        }
    }
}

impl Report {
    /// Whether the host will do.
    pub fn is_usable(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.verdict != Verdict::Bad)
    }

    fn add(&mut self, check: Check, verdict: Verdict, seen: impl Into<String>) {
        let seen = seen.into();
        self.findings.push(Finding {
            check,
            verdict,
            seen,
        });
    }

    /// Adds the faults of a check, or that there are none.
    fn add_faults(&mut self, check: Check, verdict: Verdict, good: &str, faults: &[String]) {
        match faults {
            [] => self.add(check, Verdict::Good, good),
            faults => self.add(check, verdict, faults.join("; ")),
        }
    }
}

/// Looks at a registry and its host. Failures are findings.
pub async fn examine(registry: &Registry, options: Options) -> Report {
    let mut report = Report::default();
    let mut samples = Samples::default();
    match readable(registry, &mut report).await {
        Some(true) => {
            trust(registry, options, &mut report).await;
            samples = Samples::of(registry, &mut report).await;
            if let Some(http) = registry.storage().web_server() {
                web::examine(http, &samples, options, &mut report).await;
            }
        }
        found => {
            if let Some(http) = registry.storage().web_server() {
                web::greet(http, options, &mut report).await;
            }
            if found.is_none() {
                return report;
            }
        }
    }
    // Also before there is a registry: that is when one wants to know.
    if options.write != Write::Never {
        let must = options.write == Write::Must;
        write::examine(registry.storage(), &samples, must, &mut report).await;
    }
    report
}

/// Whether there is a registry; `None` when that is unknown.
async fn readable(registry: &Registry, report: &mut Report) -> Option<bool> {
    match registry.global_index().await {
        Ok(Some(index)) => {
            let packages = index.packages.len();
            let noun = if packages == 1 { "package" } else { "packages" };
            let name = index.name.unwrap_or_else(|| "no name".into());
            let seen = format!("`index.json` of {name}, {packages} {noun}");
            report.add(Check::Readable, Verdict::Good, seen);
            Some(true)
        }
        Ok(None) => {
            report.add(Check::Readable, Verdict::Bad, "there is no `index.json`");
            Some(false)
        }
        Err(error) => {
            report.add(Check::Readable, Verdict::Bad, error.to_string());
            None
        }
    }
}

async fn trust(registry: &Registry, options: Options, report: &mut Report) {
    let info = match registry.trust().await {
        Ok(Some(info)) => info,
        Ok(None) => {
            return report.add(Check::Trust, Verdict::Poor, "not signed");
        }
        Err(error) => {
            return report.add(Check::Trust, Verdict::Bad, error.to_string());
        }
    };
    let seen = format!(
        "signed as `{}`, {} entries, checked",
        info.origin, info.size
    );
    report.add(Check::Trust, Verdict::Good, seen);
    if let Ok(Some(waiting)) = waiting(registry.storage()).await {
        report.add(Check::Witnesses, Verdict::Poor, waiting.to_string());
    }
    let Some(expires) = &info.expires else {
        return report.add(Check::Expiry, Verdict::Good, "never");
    };
    let at = expires.parse::<jiff::Timestamp>();
    let days = at.map(|at| (at.as_second() - options.now) / 86_400);
    let verdict = match days {
        Ok(days) if days >= 30 => Verdict::Good,
        _ => Verdict::Poor,
    };
    report.add(Check::Expiry, verdict, expires);
}

impl Samples {
    /// Finds files to look at: those of the first package that has a release.
    async fn of(registry: &Registry, report: &mut Report) -> Self {
        let mut samples = Self::default();
        if registry.trusted().is_some() {
            samples.checkpoint = Some(Key::checkpoint());
            samples.note = Some(Key::root_note(1));
        }
        for name in registry.names().await.into_iter().take(MAX_SAMPLED) {
            match samples.take_package(registry, &name).await {
                Ok(None) => {}
                Ok(Some(version)) => {
                    let seen = format!("`{name}` {version} can be read");
                    report.add(Check::Packages, Verdict::Good, seen);
                    break;
                }
                Err(reason) => {
                    report.add(Check::Packages, Verdict::Bad, reason);
                    break;
                }
            }
        }
        samples
    }

    /// Takes the files of a package and its newest version, if it has one; an error says what
    /// cannot be read.
    async fn take_package(
        &mut self,
        registry: &Registry,
        name: &PackageName,
    ) -> Result<Option<Version>, String> {
        let said = |error: ReadError| error.to_string();
        let missing = |key: &Key| {
            let file = registry.storage().describe(key);
            format!("`{file}` does not exist, though `{name}` is listed")
        };
        let key = Key::package_index(name);
        self.index = Some(key.clone());
        let index = registry.package_index(name).await.map_err(said)?;
        let index = index.ok_or_else(|| missing(&key))?;
        let Some(version) = index.latest.as_ref().or(index.versions.first()) else {
            return Ok(None);
        };
        let key = Key::release(name, version);
        self.release = Some(key.clone());
        let found = registry.release(name, version, None).await.map_err(said)?;
        let (release, _) = found.ok_or_else(|| missing(&key))?;
        let last = release.artifacts.last();
        self.artifact = last.and_then(|artifact| Key::parse(&artifact.url).ok());
        Ok(Some(version.clone()))
    }

    /// Those that change when something is published.
    fn changing(&self) -> impl Iterator<Item = Key> {
        self.all()
            .filter(|key| key.mutability() == Mutability::Mutable)
    }

    fn all(&self) -> impl Iterator<Item = Key> {
        let always = std::iter::once(Key::global_index());
        let rest = [
            &self.index,
            &self.release,
            &self.artifact,
            &self.checkpoint,
            &self.note,
        ];
        always.chain(rest.into_iter().flatten().cloned())
    }
}
