//! Proofs that locked packages are those that owners released, and that archives agree with
//! their releases.
//!
//! Anybody may have written a lock. In a signed registry a locked package counts when an owner of
//! its name released exactly this: version, artifacts and their sizes; and one from an upstream
//! counts when no registry before it has the name (`order`). The first install on this machine
//! proves that, and remembers it ([`memory`]). Its archive must agree with the release
//! (`archives`). Nothing gets into a project before both.

mod archives;
pub mod memory;
mod order;
mod recheck;
mod release;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};
use lumen_core::{
    Digest, PackageName, Version,
    index::ReleaseSummary,
    limits::DOWNLOADS,
    lockfile::{LockedPackage, LockedSource, Lockfile},
    problem::Problem,
};
use lumen_registry::Registry;
use lumen_store::{
    cas::Entry,
    project::{LocalPackage, Project},
};

pub use self::recheck::{Agreement, recheck};
use self::{
    memory::{Fact, Memory},
    order::Behind,
    release::{Proof, compare, same},
};
use crate::{error::OpsError, locked, recheck::is_missing, session::Session};

/// The purpose of a lock.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its members and path dependencies.
    pub locals: &'a BTreeMap<PackageName, LocalPackage>,
    /// The metadata of the releases that this run chose.
    pub known: &'a BTreeMap<PackageName, ReleaseSummary>,
    /// Whether this run made the lock.
    pub fresh: bool,
}

/// The packages of a lock that must be proven, by registry.
pub struct Claims {
    claims: Vec<Claim>,
    behind: Vec<Behind>,
    memory: Memory,
    /// Whether there are packages that this run cannot prove.
    unproven: bool,
}

/// Packages of one registry.
struct Claim {
    registry: Registry,
    /// Whether something is downloaded from it, so that it is asked in any case.
    downloads: bool,
    packages: BTreeMap<PackageName, Version>,
}

/// The proofs of this run.
#[derive(Default)]
pub struct Proofs {
    proofs: Vec<Proof>,
    /// Other facts to prove.
    facts: Vec<Fact>,
    /// Whether packages are left that could not be proven without the network.
    unproven: bool,
}

impl Claims {
    /// The packages of a lock that were not proven on this machine yet, of registries that
    /// are signed as far as is known, or that something is downloaded from.
    ///
    /// # Errors
    /// When the remembered proofs cannot be read, or the registry of a package to prove is
    /// not configured.
    pub fn of(
        session: &Session<'_>,
        lock: &Lockfile,
        asked: Option<&Asked<'_>>,
        downloading: &[&Registry],
    ) -> Result<Self, OpsError> {
        let memory = Memory::read(&session.context.environment.home)?;
        let downloading: BTreeSet<&str> = downloading.iter().map(|r| r.name()).collect();
        let mut by_registry: BTreeMap<&str, Vec<(&PackageName, &LockedPackage)>> = BTreeMap::new();
        for (name, package) in &lock.packages {
            if let LockedSource::Registry(registry) = &package.source {
                by_registry
                    .entry(registry)
                    .or_default()
                    .push((name, package));
            }
        }
        let mut claims = Vec::new();
        // Without the network, git packages of the store are installed by the lock's word.
        let is_unproven = |(name, package): (&PackageName, &LockedPackage)| {
            Fact::git(name, package).is_some_and(|fact| !memory.has(&fact))
        };
        let is_fresh = asked.is_some_and(|asked| asked.fresh);
        let mut unproven = !is_fresh && lock.packages.iter().any(is_unproven);
        for (registry, packages) in by_registry {
            let locked = lock.registries.get(registry);
            let locked = locked.and_then(|registry| registry.trust.as_ref());
            let downloads = downloading.contains(registry);
            let required = session.settings()?.signed_only;
            let opened = match session.registry(registry) {
                Err(_) if !downloads && !required => {
                    // A package in the store can be installed without its registry.
                    if locked.is_some() {
                        warn_unproven(session, packages.iter().map(|(name, _)| *name));
                        unproven = true;
                    }
                    continue;
                }
                opened => opened?,
            };
            let known = session.known_signed(&opened)?;
            if !downloads && !required && known.is_none() && locked.is_none() {
                continue;
            }
            // A lock does not choose which registry's releases count. If this machine never
            // asked the place, the lock says which registry is meant, as long as the place cannot
            // be asked now or need not be, since all is proven: the remembered proofs are about
            // that one, wherever it was read. Otherwise the next run asks the place.
            let is_proven = |root: &Digest, name: &PackageName, package: &LockedPackage| {
                memory.has(&Fact::release(root, name, package))
            };
            let root = match known {
                None if !downloads || session.is_offline() => {
                    let root = locked.map(|locked| locked.root);
                    let all = |root: &Digest| {
                        let mut packages = packages.iter();
                        packages.all(|(name, package)| is_proven(root, name, package))
                    };
                    let proven = root.filter(all);
                    if session.is_offline() {
                        unproven |= root.is_some() && proven.is_none();
                        root
                    } else {
                        proven
                    }
                }
                known => known.filter(|root| locked.is_none_or(|locked| locked.root == *root)),
            };
            let packages: BTreeMap<PackageName, Version> = packages
                .into_iter()
                .filter(|(name, package)| !root.is_some_and(|root| is_proven(&root, name, package)))
                .map(|(name, package)| (name.clone(), package.version.clone()))
                .collect();
            if downloads || !packages.is_empty() {
                claims.push(Claim {
                    registry: opened,
                    downloads,
                    packages,
                });
            }
        }
        let behind = match asked {
            Some(asked) => order::of(session, lock, asked, &memory)?,
            None => Vec::new(),
        };
        Ok(Self {
            claims,
            behind,
            memory,
            unproven,
        })
    }

    /// Whether there is nothing to prove.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty() && self.behind.is_empty()
    }

    /// Proves that the releases are in the logs of their registries, by owners of their
    /// names, and warns of entries about them since the lock was made.
    ///
    /// # Errors
    /// When one is not, and when a registry cannot be read or is not trustworthy.
    pub async fn prove(&self, session: &Session<'_>, lock: &Lockfile) -> Result<Proofs, OpsError> {
        let required = session.settings()?.signed_only;
        let mut proofs = Proofs::default();
        for claim in &self.claims {
            match claim.prove(lock).await {
                Ok(proof) => proofs.proofs.extend(proof),
                Err(OpsError::Read(error))
                    if session.is_offline()
                        && !required
                        && !claim.downloads
                        && is_missing(&error, &claim.registry) =>
                {
                    warn_unproven(session, claim.packages.keys());
                    proofs.unproven = true;
                }
                Err(OpsError::Read(error))
                    if session.is_offline()
                        && !claim.downloads
                        && is_missing(&error, &claim.registry) =>
                {
                    let packages = claim.packages.iter();
                    return Err(
                        not_known(packages, claim.registry.name()).unwrap_or_else(|| error.into())
                    );
                }
                Err(error) => return Err(error),
            }
        }
        let registries: Vec<Registry> = self
            .claims
            .iter()
            .filter(|claim| claim.downloads)
            .map(|claim| claim.registry.clone())
            .collect();
        locked::check(session, lock, &registries).await?;
        self.prove_order(session, lock, required, &mut proofs)
            .await?;
        Ok(proofs)
    }

    /// Proves that the registries before the upstreams that packages are from do not have
    /// their names.
    async fn prove_order(
        &self,
        session: &Session<'_>,
        lock: &Lockfile,
        required: bool,
        proofs: &mut Proofs,
    ) -> Result<(), OpsError> {
        let proving = self
            .behind
            .iter()
            .map(async |behind| (behind, behind.prove(session, lock).await));
        let proved: Vec<_> = stream::iter(proving).buffered(DOWNLOADS).collect().await;
        let mut unknown = Vec::new();
        for (behind, proved) in proved {
            match proved {
                Ok(fact) => proofs.facts.push(fact),
                Err((OpsError::Read(error), registry))
                    if session.is_offline()
                        && !required
                        && !self.is_downloading(&behind.registry)
                        && is_missing(&error, &registry) =>
                {
                    unknown.push(&behind.name);
                }
                Err((OpsError::Read(error), registry))
                    if session.is_offline()
                        && !self.is_downloading(&behind.registry)
                        && is_missing(&error, &registry) =>
                {
                    let package = [(&behind.name, &behind.package.version)];
                    return Err(not_known(package.into_iter(), &behind.registry)
                        .unwrap_or_else(|| error.into()));
                }
                Err((error, _)) => return Err(error),
            }
        }
        proofs.unproven |= !unknown.is_empty();
        warn_unproven(session, unknown.into_iter());
        Ok(())
    }

    fn is_downloading(&self, registry: &str) -> bool {
        let mut downloads = self.claims.iter().filter(|claim| claim.downloads);
        downloads.any(|claim| claim.registry.name() == registry)
    }

    /// Compares the lock, the releases and the archives with each other, and remembers the
    /// new proofs. Returns whether all packages are proven. `asked`: the project, and whether
    /// all archives of the lock are there; else the lock is compared again once they are.
    ///
    /// # Errors
    /// The first contradiction; [`OpsError::Misfit`] when the lock does not follow from
    /// the manifests.
    pub fn finish(
        mut self,
        session: &Session<'_>,
        lock: &Lockfile,
        asked: Option<(&Asked<'_>, bool)>,
        entries: &BTreeMap<PackageName, Entry>,
        proofs: Proofs,
    ) -> Result<bool, OpsError> {
        let fact = Fact::lock(&lock.render());
        let is_new = !self.memory.has(&fact);
        let proven = proofs.proofs.iter().flat_map(|proof| proof.packages.keys());
        let proven: BTreeSet<&PackageName> = proven.collect();
        let looked_at = entries
            .iter()
            .filter(|(name, _)| is_new || proven.contains(name));
        let described = archives::read(looked_at)?;
        let known = asked.map(|(asked, _)| asked.known.clone());
        let mut releases = known.unwrap_or_default();
        let mut new = proofs.facts;
        for proof in &proofs.proofs {
            releases.extend(proof.releases(session, lock, &described, entries)?);
            let facts = proof.packages.keys().filter_map(|name| {
                let package = lock.packages.get(name)?;
                Some(Fact::release(&proof.root, name, package))
            });
            new.extend(facts);
        }
        let archives = archives::Archives {
            lock,
            described: &described,
            releases: &releases,
        };
        archives.check(session, &mut self.memory)?;
        if let Some((asked, _)) = asked.filter(|(asked, _)| is_new && !asked.fresh) {
            archives.follow_from(asked)?;
        }
        let whole = asked.is_some_and(|(_, whole)| whole);
        for fact in new.into_iter().chain(whole.then_some(fact)) {
            self.memory.add(fact);
        }
        save(session, &mut self.memory);
        Ok(!self.unproven && !proofs.unproven)
    }
}

impl Claim {
    async fn prove(&self, lock: &Lockfile) -> Result<Option<Proof>, OpsError> {
        let Some(info) = self.registry.trust().await? else {
            return Ok(None);
        };
        let packages = self.registry.prove(&self.packages).await?;
        let packages = packages.unwrap_or_default();
        for (name, proven) in &packages {
            let Some(package) = lock.packages.get(name) else {
                continue;
            };
            if let Some(metadata) = package.metadata {
                let released = proven.logged.metadata;
                same(name, package, "metadata", Some(metadata), Some(released))?;
            }
            if let Some(release) = &proven.summary {
                compare(name, package, release)?;
            }
        }
        Ok(Some(Proof {
            registry: self.registry.clone(),
            root: info.fingerprint,
            packages,
        }))
    }
}

impl Proofs {
    /// Why a package could not be fetched: the lock itself, if it differs from the owner's
    /// release.
    pub async fn blame(&self, lock: &Lockfile, error: OpsError) -> OpsError {
        let OpsError::Fetch { name, .. } = &error else {
            return error;
        };
        let proof = self
            .proofs
            .iter()
            .find_map(|proof| Some((proof, proof.packages.get(name)?)));
        let (Some((proof, proven)), Some(package)) = (proof, lock.packages.get(name)) else {
            return error;
        };
        let file = proof
            .registry
            .proven_release(name, &package.version, &proven.logged);
        match file.await {
            Ok(release) => {
                let release = ReleaseSummary::of(release, proven.logged.metadata);
                compare(name, package, &release).err().unwrap_or(error)
            }
            // A failure of that file must not hide the first error.
            Err(_) => error,
        }
    }
}

/// Writes the proofs down. A failure only costs the next run requests.
pub(crate) fn save(session: &Session<'_>, memory: &mut Memory) {
    if let Err(error) = memory.save() {
        let reporter = session.context.reporter;
        reporter.detail("Forgot", format!("what was proven now: {error}"));
    }
}

/// That packages cannot be proven without the network; nothing for none.
fn not_known<'a>(
    mut packages: impl ExactSizeIterator<Item = (&'a PackageName, &'a Version)>,
    registry: &str,
) -> Option<OpsError> {
    let (name, version) = packages.next()?;
    Some(OpsError::Unproven {
        name: name.clone(),
        version: version.clone(),
        others: packages.len(),
        registry: registry.to_owned(),
    })
}

/// Says which packages are installed by the lock's word alone.
fn warn_unproven<'a>(session: &Session<'_>, names: impl Iterator<Item = &'a PackageName>) {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let what = match names.as_slice() {
        [one] => format!("{one} is not proven to be what its owner released"),
        [first, rest @ ..] => format!(
            "{first} and {} more are not proven to be what their owners released",
            rest.len()
        ),
        [] => return,
    };
    let warning = Problem::warning(what);
    session.context.reporter.warn(
        warning.hint("only `lumen.lock` vouches for them; an install with the network proves it"),
    );
}

impl Session<'_> {
    /// The fingerprint of a registry that this machine knows to be signed: by a pin, or from
    /// an earlier run.
    fn known_signed(&self, registry: &Registry) -> Result<Option<Digest>, OpsError> {
        match registry.location() {
            Some(location) => self.anchor(registry.name(), location),
            None => Ok(None),
        }
    }
}
