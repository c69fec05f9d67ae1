//! `lumen pkg publish`: a package checked, packed, written, and read back.

pub(crate) mod approval;
mod look;
mod needs;
mod source_commit;
mod target;
pub(crate) mod visible;
pub mod workspace;

use std::{collections::BTreeMap, path::PathBuf};

use lumen_core::{
    Digest, Key, Version, edit, index::Release, limits::MAX_MANIFEST_BYTES, problem::Problem,
    trust::Lacking,
};
use lumen_registry::{
    Location, Storage,
    publish::{self, PublishError, Published},
};
use lumen_store::{
    pack::Packed,
    project::{LocalPackage, MANIFEST, ProjectError, files},
};

use self::target::Target;
use crate::{
    error::{OpsError, PackageError},
    pack,
    pack::Checked,
    session::{Purpose, Session, Which},
};

pub use self::{needs::Missing, visible::wait};

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
    file: PathBuf,
    /// Its text before.
    old: String,
    new: String,
}

impl Bumped {
    fn write(&self) -> Result<(), ProjectError> {
        files::write(&self.root, &self.file, self.new.as_bytes())
    }

    /// Writes the text before, unless somebody changed the file since.
    fn undo(&self) -> Result<(), ProjectError> {
        let limit = MAX_MANIFEST_BYTES as u64;
        let now = files::read(&self.root, &self.file, limit)?;
        match now.is_some_and(|now| now == self.new.as_bytes()) {
            true => files::write(&self.root, &self.file, self.old.as_bytes()),
            false => Ok(()),
        }
    }
}

impl Prepared {
    /// The release with its artifacts and the time.
    ///
    /// # Errors
    /// As [`publish::complete`].
    pub(crate) fn release(&self, now: &str) -> Result<Release, PublishError> {
        let Packed { tar, zst, .. } = &self.packed;
        let list = self.packed.list.to_bytes();
        publish::complete(&self.checked.release, (tar, Some(zst), Some(&list)), now)
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

/// What the user allows although Lumen advises against it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed {
    /// Packed files may differ from the last commit.
    pub dirty: bool,
    /// Dependencies may be missing.
    pub missing: Missing,
}

/// Refuses at once what could not be published without the network, before anything is packed.
///
/// # Errors
/// [`crate::error::RegistryError::Offline`], and as [`Session::project`].
pub fn refuse_offline(session: &Session<'_>) -> Result<(), OpsError> {
    let project = session.project()?;
    for name in project.members.iter().filter_map(LocalPackage::name) {
        let registry = session.home_of(name)?;
        session.refuse_offline(&session.publish_location(&registry)?)?;
    }
    Ok(())
}

/// Checks and packs the package, and finds the registry to publish to.
///
/// # Errors
/// Everything that makes the package unfit; [`OpsError::Dirty`]; no registry.
pub fn prepare(
    session: &Session<'_>,
    bump: Option<Bump>,
    allowed: Allowed,
) -> Result<Prepared, OpsError> {
    let project = session.project()?;
    let local = pack::current(&project)?;
    let version = bump
        .zip(local.manifest.package.as_ref())
        .map(|(bump, package)| raised(&package.version, bump))
        .transpose()?;
    let bumped = version
        .as_ref()
        .map(|version| edit::set_version(&local.source, version))
        .transpose()?;
    let bumped = bumped.map(|new| Bumped {
        root: project.root.clone(),
        file: local.dir.join(MANIFEST),
        old: local.source.to_string(),
        new,
    });
    let mut checked = pack::check(&project, version.as_ref())?;
    if !checked.package.publish {
        return Err(PackageError::Private(checked.package.name).into());
    }
    let alone = BTreeMap::new();
    needs::check(session, (local, &mut checked), &alone, allowed.missing)?;
    packed(session, (local, checked), bumped, allowed)
}

/// Packs a package, records the commit that it is packed from, and finds the registry to
/// publish it to.
fn packed(
    session: &Session<'_>,
    (local, mut checked): (&LocalPackage, Checked),
    bumped: Option<Bumped>,
    allowed: Allowed,
) -> Result<Prepared, OpsError> {
    let registry = session.home_of(&checked.package.name)?;
    let location = session.publish_location(&registry)?;
    let packed = pack::pack(session, &checked)?;
    pack::check_readme(local, &checked, &packed)?;
    if let Some(found) = source_commit::find(session, &local.dir, &local.source, &packed) {
        if found.source.dirty && !allowed.dirty {
            return Err(OpsError::Dirty {
                name: checked.package.name,
                files: found.differing,
            });
        }
        checked.release.source = Some(found.source);
    }
    Ok(Prepared {
        checked,
        packed,
        location,
        registry,
        bumped,
    })
}

/// The place of a registry, by its configured name, where there is none yet: publishing would
/// make an unsigned one there.
///
/// # Errors
/// When what is there cannot be read, or only a project names the place.
pub fn place_without_registry(
    session: &Session<'_>,
    name: &str,
) -> Result<Option<Location>, OpsError> {
    let registry = session.open(Which::Named(name), Purpose::Write)?;
    // Others cannot be published to, which the publish says.
    let is_written_to = |location: &&Location| !matches!(location, Location::Http(_));
    let Some(location) = registry.location().filter(is_written_to) else {
        return Ok(None);
    };
    if session.is_registry(&registry)? {
        return Ok(None);
    }
    // One that was made by hand may have no index yet.
    let list = async {
        Ok(registry
            .storage()
            .list(Key::PACKAGES)
            .await
            .map_err(PublishError::from)?)
    };
    let is_empty = session.block_on(list)?.is_empty();
    Ok(is_empty.then(|| location.clone()))
}

/// Publishes, and reads the release back.
///
/// # Errors
/// When the version exists with other contents, or the registry cannot be written.
pub fn run(session: &Session<'_>, mut prepared: Prepared) -> Result<Outcome, OpsError> {
    let target = Target::open(session, &prepared.registry, false)?;
    let bumped = prepared.bumped.take();
    let request = target.request(prepared)?;
    let message = format!(
        "Publish {} {}",
        request.release.name, request.release.version
    );
    // Not before it is known who signs; and a publisher that is killed finds the version raised.
    bumped.as_ref().map(Bumped::write).transpose()?;
    let publish = async |storage: &Storage| publish::publish(storage, &request).await;
    let published = target.put(&message, publish);
    if published.is_err()
        && let Some(Err(error)) = bumped.as_ref().map(Bumped::undo)
    {
        let what = format!("the version stays raised: {error}");
        session.context.reporter.warn(Problem::warning(what));
    }
    let outcome = published?.into();
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
        false => Err(PackageError::Tag {
            tag: tag.to_owned(),
            name: package.name.clone(),
            version: package.version.clone(),
        }
        .into()),
    }
}

fn raised(version: &Version, bump: Bump) -> Result<Version, OpsError> {
    let next = |number: u64| {
        number.checked_add(1).ok_or_else(|| PackageError::Highest {
            version: version.clone(),
            number,
        })
    };
    Ok(match bump {
        Bump::Major => Version::new(next(version.major)?, 0, 0),
        Bump::Minor => Version::new(version.major, next(version.minor)?, 0),
        // A pre-release comes before its release.
        Bump::Patch if !version.pre.is_empty() => {
            Version::new(version.major, version.minor, version.patch)
        }
        Bump::Patch => Version::new(version.major, version.minor, next(version.patch)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_raised_to_the_highest_number_and_no_further() {
        let raise = |version: &str, bump| {
            let raised = raised(&version.parse().unwrap(), bump);
            raised.map_or_else(|error| error.to_string(), |version| version.to_string())
        };
        assert_eq!(raise("1.2.3", Bump::Major), "2.0.0");
        assert_eq!(raise("1.2.3", Bump::Minor), "1.3.0");
        assert_eq!(raise("1.2.3-rc.1", Bump::Patch), "1.2.3");
        let highest = "1.2.18446744073709551615";
        assert_eq!(raise(highest, Bump::Minor), "1.3.0");
        assert!(raise(highest, Bump::Patch).contains("cannot be raised"));
    }
}
