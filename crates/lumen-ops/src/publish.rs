//! `lumen pkg publish`, `yank` and `unyank`, and `lumen registry init`.

mod look;
pub mod workspace;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use lumen_core::{
    Digest, PackageName, Version, edit,
    index::Release,
    note::Note,
    problem::Problem,
    trust::{Action, Lacking, OwnersHistory, Subject},
};
use lumen_registry::{
    Location, ReadError, Registry, Storage, StorageError,
    log::{self, RootInfo},
    publish::{self, Change, PublishError, PublishRequest, Published},
    verify::{TrustError, state},
};
use lumen_store::{
    pack::Packed,
    project::{MANIFEST, files},
};

use crate::{
    error::OpsError,
    keys::{self, KeysError},
    pack::{self, Checked},
    session::{Purpose, Session, Which, Writer},
    trust::{
        self,
        queue::{self, Asked},
    },
};

/// Which part of the version to raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bump {
    /// 1.2.3 -> 2.0.0
    Major,
    /// 1.2.3 -> 1.3.0
    Minor,
    /// 1.2.3 -> 1.2.4
    Patch,
}

/// A packed release and where it would go: what the user agrees to.
#[derive(Debug)]
pub struct Prepared {
    /// The package as checked.
    pub checked: Checked,
    /// Its archive.
    pub packed: Packed,
    /// Where it goes.
    pub location: Location,
    /// The name of that registry in the configuration.
    pub registry: String,
    /// The manifest with the raised version, to be written before publishing.
    bumped: Option<Bumped>,
}

/// A manifest with a raised version.
#[derive(Debug)]
struct Bumped {
    /// The folder of the project.
    root: PathBuf,
    text: String,
}

impl Prepared {
    /// The release with its artifacts and the time.
    ///
    /// # Errors
    /// As [`publish::complete`].
    pub(crate) fn release(&self, now: &str) -> Result<Release, PublishError> {
        let Packed { tar, zst, .. } = &self.packed;
        publish::complete(&self.checked.release, tar, Some(zst), now)
    }
}

/// What came of a publish.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// `false`: the identical release was there already.
    pub new: bool,
    /// The release as it is in the registry.
    pub release: Release,
    /// The digest of its `<version>.json`.
    pub metadata: Digest,
    /// The witnesses that have to sign before readers see it; `None`: they do.
    pub lacking: Option<Lacking>,
}

/// Checks and packs the package, and finds the registry to publish to.
///
/// # Errors
/// Everything that makes the package unfit; no registry.
pub fn prepare(session: &Session<'_>, bump: Option<Bump>) -> Result<Prepared, OpsError> {
    let project = session.project()?;
    let local = pack::current(&project)?;
    let version = bump
        .zip(local.manifest.package.as_ref())
        .map(|(bump, package)| raised(&package.version, bump));
    let bumped = version
        .as_ref()
        .map(|version| edit::set_version(&local.source, version))
        .transpose()?;
    let bumped = bumped.map(|text| Bumped {
        root: project.root.clone(),
        text,
    });
    let checked = pack::check(&project, version.as_ref())?;
    if !checked.package.publish {
        return Err(OpsError::user(
            format!("`{}` says `publish = false`", checked.package.name),
            "remove that line from lumen.toml to publish it",
        ));
    }
    packed(session, checked, bumped)
}

/// Packs a package, and finds the registry to publish it to.
fn packed(
    session: &Session<'_>,
    checked: Checked,
    bumped: Option<Bumped>,
) -> Result<Prepared, OpsError> {
    let registry = session.home_of(&checked.package.name)?;
    let location = session.publish_location(&registry)?;
    let packed = pack::pack(&checked)?;
    Ok(Prepared {
        checked,
        packed,
        location,
        registry,
        bumped,
    })
}

/// Publishes, and reads the release back.
///
/// # Errors
/// When the version exists with other contents, or the registry cannot be written.
pub fn run(session: &Session<'_>, prepared: Prepared) -> Result<Outcome, OpsError> {
    let target = Target::open(session, &prepared.registry, false)?;
    let request = target.request(prepared)?;
    let message = format!(
        "Publish {} {}",
        request.release.name, request.release.version
    );
    let publish = async |storage: &Storage| publish::publish(storage, &request).await;
    let outcome = target.put(&message, publish)?.into();
    target.read_back(std::slice::from_ref(&outcome))?;
    Ok(outcome)
}

impl From<Published> for Outcome {
    fn from(published: Published) -> Self {
        Self {
            new: published.new,
            release: published.release,
            metadata: published.metadata,
            lacking: published.lacking,
        }
    }
}

/// A registry to publish to, and who signs there.
struct Target<'s> {
    session: &'s Session<'s>,
    /// Its name in the configuration.
    name: String,
    registry: Registry,
    writer: Writer,
}

impl<'s> Target<'s> {
    /// A registry by name. To look at it only, no key is needed.
    fn open(session: &'s Session<'s>, name: &str, look_only: bool) -> Result<Self, OpsError> {
        let registry = session.open(Which::Named(name), Purpose::Write)?;
        let writer = match session.writer(&registry) {
            Err(OpsError::Keys(KeysError::NoKey)) if look_only => (None, None),
            other => other?,
        };
        Ok(Self {
            session,
            name: name.to_owned(),
            registry,
            writer,
        })
    }

    fn location(&self) -> Result<Location, OpsError> {
        self.session.publish_location(&self.name)
    }

    /// The release to publish; its manifest has the version from here on.
    fn request(&self, prepared: Prepared) -> Result<PublishRequest, OpsError> {
        // Not before it is known who signs: else a failure for want of a key raises it all the same.
        if let Some(Bumped { root, text }) = prepared.bumped {
            let file = prepared.checked.dir.join(MANIFEST);
            files::write(&root, &file, text.as_bytes())?;
        }
        let (signer, last_seen) = self.writer.clone();
        Ok(PublishRequest {
            release: prepared.checked.release,
            tar: prepared.packed.tar,
            zst: Some(prepared.packed.zst),
            now: self.session.timestamp(),
            registry_name: registry_name(&prepared.location),
            signer,
            last_seen,
        })
    }

    /// Writes, and asks for a name that the registry has to give out.
    fn put<T>(
        &self,
        message: &str,
        publish: impl AsyncFn(&Storage) -> Result<T, PublishError>,
    ) -> Result<T, OpsError> {
        let storage = self.registry.storage();
        let published = async { Ok(storage.together(message, publish).await?) };
        self.session
            .block_on(published)
            .map_err(|error| match error {
                OpsError::Publish(PublishError::NeedsApproval { subject, claim }) => asked(
                    self.session,
                    &self.registry,
                    subject,
                    claim,
                    "publish again",
                ),
                error => error,
            })
    }

    /// Reads releases as everybody else will.
    fn read_back(&self, published: &[Outcome]) -> Result<(), OpsError> {
        let (session, name) = (self.session, &self.name);
        match read_back(session, name, published) {
            Err(error) if matches!(error.trust(), Some(TrustError::Overridden { .. })) => {
                // Who publishes as one of the new owners need not be asked whether they agree.
                let handle = session.open(Which::Named(name), Purpose::Write)?;
                for published in published {
                    let subject = Subject::owner_of(&published.release.name);
                    let owners = session.block_on(async { Ok(handle.owners(&subject).await?) })?;
                    if let Some(note) = owners.as_ref().and_then(OwnersHistory::newest) {
                        trust::accept_note(session, &handle, &subject, note)?;
                    }
                }
                read_back(session, name, published)
            }
            other => other,
        }
    }
}

/// Names that nobody owns, each with where it is asked for and the claim.
type Asking<'t> = BTreeMap<Subject, (&'t Target<'t>, String)>;

/// Asks for a name that the registry gives out, and says what has to happen.
pub(crate) fn asked(
    session: &Session<'_>,
    registry: &Registry,
    name: Subject,
    claim: String,
    then: &str,
) -> OpsError {
    match ask_for(session, registry, name.clone(), claim) {
        Ok(()) => waiting(&[name], then),
        Err(error) => error,
    }
}

/// What has to happen when claims wait.
fn waiting(names: &[Subject], then: &str) -> OpsError {
    let list = |quote: &str| {
        let names = names.iter().map(|name| format!("{quote}{name}{quote}"));
        names.collect::<Vec<_>>()
    };
    let (names, who, claims) = match names.len() {
        1 => (list("`"), "it", "the claim waits"),
        _ => (list("`"), "them", "the claims wait"),
    };
    let approve: Vec<String> = list("")
        .iter()
        .map(|name| format!("`lumen registry approve {name}`"))
        .collect();
    OpsError::user(
        format!(
            "nobody owns {}, and the registry has to approve who gets {who}",
            names.join(", ")
        ),
        format!(
            "{claims} there: whoever has a names key runs {}; then {then}",
            approve.join(", ")
        ),
    )
}

/// Asks for a name that the registry gives out.
///
/// # Errors
/// When it was rejected, or nothing can be asked for there.
fn ask_for(
    session: &Session<'_>,
    registry: &Registry,
    name: Subject,
    claim: String,
) -> Result<(), OpsError> {
    let asked = match Note::parse(claim.as_bytes()) {
        Ok(note) => queue::ask(session, registry, &note, false),
        Err(_) => {
            let subject = name;
            return Err(PublishError::NeedsApproval { subject, claim }.into());
        }
    };
    match asked {
        Ok(Asked::New(_) | Asked::Already) => Ok(()),
        Ok(Asked::Rejected(reason)) => {
            let because = match reason.as_str() {
                "" => String::new(),
                reason => format!(": {reason}"),
            };
            Err(OpsError::user(
                format!("the registry rejected the claim of `{name}`{because}"),
                format!("`lumen pkg owner claim {name}` asks again"),
            ))
        }
        Err(OpsError::Publish(PublishError::Storage(StorageError::ReadOnly { .. }))) => {
            let subject = name;
            Err(PublishError::NeedsApproval { subject, claim }.into())
        }
        Err(error) => Err(error),
    }
}

/// Checks that a tag, `v1.2.3` or `name-v1.2.3`, names the release that would be published.
///
/// # Errors
/// When it names another one.
pub fn check_tag(prepared: &Prepared, tag: &str) -> Result<(), OpsError> {
    let package = &prepared.checked.package;
    let version = tag
        .strip_prefix(&format!("{}-", package.name))
        .unwrap_or(tag);
    let version = version.strip_prefix('v').unwrap_or(version);
    match version == package.version.to_string() {
        true => Ok(()),
        false => Err(OpsError::user(
            format!(
                "the tag `{tag}` is not the version of `{}`, {}",
                package.name, package.version
            ),
            format!(
                "set `version` in lumen.toml before you tag, or tag `v{}`",
                package.version
            ),
        )),
    }
}

/// Waits until a release can be read where everybody reads the registry, for at most this long.
/// If it waits for witnesses, it is made public as soon as enough of them signed.
///
/// # Errors
/// When it cannot be read by then: the error of the last try, or that it is not there.
pub fn wait(
    session: &Session<'_>,
    registry: &str,
    outcome: &Outcome,
    longest: Duration,
) -> Result<(), OpsError> {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(15);
    let (name, version) = (&outcome.release.name, &outcome.release.version);
    let start = Instant::now();
    let mut pause = FIRST;
    loop {
        if outcome.lacking.is_some() {
            let writable = session.open(Which::Named(registry), Purpose::Write)?;
            let repair = async |storage: &Storage| log::repair(storage).await;
            let storage = writable.storage();
            session.block_on(async {
                Ok(storage
                    .together("Publish what was witnessed", repair)
                    .await?)
            })?;
        }
        let handle = session.open(Which::Named(registry), Purpose::ReadAgain)?;
        let seen = session.block_on(async {
            let index = handle.package_index(name).await?;
            Ok(index.is_some_and(|index| index.versions.contains(version)))
        });
        if matches!(seen, Ok(true)) {
            return Ok(());
        }
        if start.elapsed() + pause > longest {
            seen?;
            return Err(OpsError::NotSeen {
                name: name.clone(),
                version: version.clone(),
                location: session.location(registry)?.to_string(),
                seconds: longest.as_secs(),
                lacking: outcome.lacking,
            });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST);
    }
}

/// Reads releases as everybody else will, but for a cache in front, which may need a while. What
/// waits for witnesses nobody can read yet.
pub(crate) fn read_back(
    session: &Session<'_>,
    registry: &str,
    published: &[Outcome],
) -> Result<(), OpsError> {
    let handle = session.open(Which::Named(registry), Purpose::Write)?;
    session.block_on(async {
        let public = |published: &&Outcome| published.lacking.is_none();
        for published in published.iter().filter(public) {
            let (name, version) = (&published.release.name, &published.release.version);
            let metadata = Some(published.metadata);
            let seen = handle.release(name, version, metadata).await?;
            let index = handle.package_index(name).await?;
            let listed = index.is_some_and(|index| index.versions.contains(version));
            if seen.is_none() || !listed {
                return Err(PublishError::UnknownVersion {
                    name: name.clone(),
                    version: version.clone(),
                    versions: Vec::new(),
                }
                .into());
            }
        }
        Ok(())
    })
}

/// A new registry.
#[derive(Debug)]
pub struct Founded {
    /// Where it is.
    pub location: Location,
    /// What its notes call it and how it is recognised, if it is signed.
    pub root: Option<RootInfo>,
    /// The key that was made for it, if there was none.
    pub new_key: Option<PathBuf>,
}

/// Makes an empty registry: signed with the user's key, which is made if need be, or unsigned.
///
/// # Errors
/// When there is one already, the key cannot be used, or the location cannot be written to.
pub fn init(
    session: &Session<'_>,
    location: &str,
    name: Option<&str>,
    origin: Option<&str>,
    unsigned: bool,
) -> Result<Founded, OpsError> {
    let location = session.place(Which::Place(location), false)?;
    let name = name.map_or_else(|| registry_name(&location), str::to_owned);
    let now = session.timestamp();
    if unsigned {
        let storage = open(session, &location)?;
        session.block_on(async {
            let init = async |storage: &Storage| publish::init(storage, &name, &now).await;
            Ok(storage.together("Make a registry", init).await?)
        })?;
        return Ok(Founded {
            location,
            root: None,
            new_key: None,
        });
    }
    let (signer, new_key) = keys::signer_or_new(&session.environment)?;
    let origin = match origin {
        Some(origin) => origin.to_owned(),
        None => {
            let unique = format!("{name} {} {}", session.options.now, signer.public());
            origin_of(&name, &Digest::of(unique.as_bytes()))
        }
    };
    if let Location::File(folder) = &location {
        lumen_durable::create_shared_dir_all(folder)?;
    }
    let storage = open(session, &location)?;
    let root = session.block_on(async {
        let init = async |storage: &Storage| {
            log::init_signed(storage, &name, &origin, signer.as_ref(), &now).await
        };
        Ok(storage.together("Make a registry", init).await?)
    })?;
    // Who made it need not take it on trust.
    let (dir, url) = (session.environment.trust_dir(), location.url());
    state::pin(&dir, &url, root.fingerprint, &now).map_err(ReadError::from)?;
    Ok(Founded {
        location,
        root: Some(root),
        new_key,
    })
}

fn open(session: &Session<'_>, location: &Location) -> Result<Storage, OpsError> {
    let storage = Storage::open(location, &session.host_options(location)?);
    Ok(storage.map_err(PublishError::from)?)
}

/// An origin that no other registry has.
pub(crate) fn origin_of(name: &str, unique: &Digest) -> String {
    let letter = |c: char| match c.is_ascii_graphic() && c != '+' {
        true => c,
        false => '-',
    };
    let name: String = name.chars().map(letter).take(100).collect();
    format!("{name}/{}", &unique.hex()[..8])
}

/// What is said about a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It should not be chosen any more, for this reason.
    Yank(&'a str),
    /// That was a mistake, for this reason, which may be empty.
    Unyank(&'a str),
}

/// What became of something that was said about a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// `false`: the registry said so already.
    pub changed: bool,
    /// The witnesses that have to sign before readers see it; `None`: they do.
    pub lacking: Option<Lacking>,
}

/// Yanks a release, or takes the yank back.
///
/// # Errors
/// When there is no such release, or the registry cannot be written.
pub fn yank(
    session: &Session<'_>,
    name: &PackageName,
    version: &Version,
    verdict: Verdict<'_>,
) -> Result<Said, OpsError> {
    let registry = session.open(Which::Named(&session.home_of(name)?), Purpose::Write)?;
    let (signer, last_seen) = session.writer(&registry)?;
    let (storage, now, version) = (registry.storage(), session.timestamp(), version.clone());
    if let (Verdict::Unyank(reason), None) = (verdict, &signer)
        && !reason.is_empty()
    {
        let what = "an unsigned registry has no place for the reason, so it is left out";
        session.reporter.warn(Problem::warning(what));
    }
    let Some(signer) = signer else {
        let (verb, reason) = match verdict {
            Verdict::Yank(reason) => ("Yank", Some(reason)),
            Verdict::Unyank(_) => ("Unyank", None),
        };
        let yank = async |storage: &Storage| match reason {
            Some(reason) => publish::yank(storage, name, &version, Some(reason), &now).await,
            None => publish::unyank(storage, name, &version, &now).await,
        };
        let message = format!("{verb} {name} {version}");
        let done = async { Ok(storage.together(&message, yank).await?) };
        return Ok(Said {
            changed: session.block_on(done)?.changed,
            lacking: None,
        });
    };
    let (verb, action) = match verdict {
        Verdict::Yank(reason) => {
            let reason = reason.to_owned();
            ("Yank", Action::Yank { version, reason })
        }
        Verdict::Unyank(reason) => {
            let reason = reason.to_owned();
            ("Unyank", Action::Unyank { version, reason })
        }
    };
    let message = match action.version() {
        Some(version) => format!("{verb} {name} {version}"),
        None => format!("{verb} {name}"),
    };
    let change = Change {
        name: name.clone(),
        action,
        now,
        signer: Some(signer),
        last_seen,
    };
    say(session, storage, &message, &change)
}

/// Says something about a package of a signed registry.
///
/// # Errors
/// As [`publish::change`].
pub(crate) fn say(
    session: &Session<'_>,
    storage: &Storage,
    message: &str,
    change: &Change,
) -> Result<Said, OpsError> {
    let say = async |storage: &Storage| publish::change(storage, change).await;
    let done = async { Ok(storage.together(message, say).await?) };
    let done = session.block_on(done)?;
    Ok(Said {
        changed: done.changed,
        lacking: done.lacking,
    })
}

/// The name a registry gets when none is given: that of its folder, repository, bucket or host.
pub(crate) fn registry_name(location: &Location) -> String {
    let url = location.url();
    let address = url.split(['?', '#']).next().unwrap_or_default();
    let last = address.trim_end_matches('/').rsplit('/').next();
    let name = last.unwrap_or_default().trim_end_matches(".git");
    match name {
        "" => "lumen-registry".into(),
        name => name.to_owned(),
    }
}

fn raised(version: &Version, bump: Bump) -> Version {
    match bump {
        Bump::Major => Version::new(version.major + 1, 0, 0),
        Bump::Minor => Version::new(version.major, version.minor + 1, 0),
        // A pre-release comes before its release.
        Bump::Patch if !version.pre.is_empty() => {
            Version::new(version.major, version.minor, version.patch)
        }
        Bump::Patch => Version::new(version.major, version.minor, version.patch + 1),
    }
}
