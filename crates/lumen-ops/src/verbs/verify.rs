//! `lumen pkg verify`: what is really in the project, compared with the lock.
//!
//! Nothing that lies in the project is believed, nor the record of what was made there: the
//! store's files are hashed, every link is read, and where a package has files of its own in
//! the project, these are hashed too.

use std::collections::BTreeMap;

use lumen_core::{PackageName, Version};
use lumen_store::{
    cas::{Check, Drift, Proof, Verified},
    link::{
        Place,
        audit::{Audit, Placed},
    },
    project::DOT_LUMEN,
};

use crate::{
    error::{OpsError, PackageError},
    graph, parallel,
    proof::{self, Agreement, Asked},
    recheck::{self, Signature},
    session::Session,
    verbs::install,
};

/// What `verify` found.
#[derive(Debug, Default)]
pub struct Found {
    /// Every package with a checksum in the lock.
    pub packages: Vec<Verdict>,
    /// What is in the project where only links of Lumen's belong, or not as it must be there.
    pub strays: Vec<Stray>,
}

/// What `verify` found about one package.
#[derive(Debug)]
pub struct Verdict {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// What is wrong with it; nothing when it is intact.
    pub damage: Option<Damage>,
    /// Whether the tree was shown to be the published archive itself, not only unchanged since it was unpacked.
    pub proven: bool,
    /// What can be said about its signature without a network.
    pub signature: Signature,
    /// What can be said about its release without a network.
    pub agreement: Agreement,
}

/// What is wrong with an installed package.
#[derive(Debug)]
pub enum Damage {
    /// It is not in the store.
    Absent,
    /// The project does not link to it.
    NotLinked,
    /// Its import link, at this path in the project, is missing or leads elsewhere.
    NotImported(String),
    /// These files in the store are not as they were unpacked.
    Files(Vec<Drift>),
    /// These files in the project are not those of the package.
    InProject(Vec<Drift>),
}

/// Something in `.lumen/packages` that is not what the lock says.
#[derive(Debug)]
pub enum Stray {
    /// No locked package has this path.
    Extra(String),
    /// It must lead to the folder of a package on this machine.
    Local(String),
}

impl Found {
    /// How many things are wrong.
    pub fn damaged(&self) -> usize {
        let damaged = self
            .packages
            .iter()
            .filter(|verdict| verdict.damage.is_some());
        damaged.count() + self.strays.len()
    }
}

/// Rehashes every installed file and compares it with the lock, and checks signatures as far
/// as this machine has what that takes. Needs no network.
///
/// # Errors
/// When there is no lock, `.lumen` is not Lumen's own, or the disk fails.
pub fn run(session: &Session<'_>) -> Result<Found, OpsError> {
    let project = session.project()?;
    let lock = graph::lock(&project)?;
    let store = session.store()?;
    let place = Place::find(&project.root)?;
    let part = install::installed_part(session, place.as_ref())?;
    let is_part = |name: &PackageName| part.as_ref().is_none_or(|part| part.contains(name));
    let packages: Vec<_> = lock.archives().filter(|(name, ..)| is_part(name)).collect();
    // What `lock` leaves in `.lumen` is no install; what was installed and is gone is damage.
    let folder = project.root.join(DOT_LUMEN).join("packages");
    let ledger = session.context.environment.ledger();
    let was_installed = match &place {
        Some(place) => ledger.load(place)?.is_some(),
        None => false,
    };
    if !was_installed && folder.symlink_metadata().is_err() && !packages.is_empty() {
        return Err(PackageError::NotInstalled.into());
    }
    let mut entries = BTreeMap::new();
    for (name, _, checksum) in &packages {
        let entry = store.get(checksum, Check::Marker)?;
        entries.extend(entry.map(|entry| ((*name).clone(), entry)));
    }
    let locals = project.local_packages()?;
    let plan = install::plan(session, &project, lock, part.as_ref(), locals, &entries)?;
    let audit = place.as_ref().map(|place| Audit::new(place, &plan));
    let audit = audit.transpose()?;
    let imports = audit.as_ref().map(Audit::imports).unwrap_or_default();
    let checked = recheck::run(session, lock)?;
    let asked = Asked {
        project: &project,
        locals,
        known: &BTreeMap::new(),
        fresh: false,
    };
    let mut agreements = proof::recheck(session, lock, &asked, &entries, &checked)?;
    let placed = |name: &PackageName| match &audit {
        Some(audit) => audit.package(&store, name),
        None => Ok(Placed::Not),
    };
    let mut verdicts = parallel::map(&packages, |(name, package, checksum)| {
        let verified = store.verify(checksum)?;
        let proven = verified == Verified::Intact(Proof::Archive);
        let damage = match verified {
            Verified::Absent => Some(Damage::Absent),
            Verified::Drifted(files) => Some(Damage::Files(files)),
            Verified::Intact(_) => match placed(name)? {
                Placed::Not => Some(Damage::NotLinked),
                Placed::Files(files) if !files.is_empty() => Some(Damage::InProject(files)),
                Placed::Linked | Placed::Files(_) => {
                    let path = imports.get(*name);
                    path.map(|path| Damage::NotImported((*path).to_owned()))
                }
            },
        };
        Ok(Verdict {
            name: (*name).clone(),
            version: package.version.clone(),
            damage,
            proven,
            signature: checked
                .get(*name)
                .map_or(Signature::None, |checked| checked.signature.clone()),
            agreement: Agreement::Good,
        })
    })?;
    for verdict in &mut verdicts {
        // Of files that changed since nothing can be said.
        if let (None | Some(Damage::NotLinked | Damage::NotImported(_)), Some(agreement)) =
            (&verdict.damage, agreements.remove(&verdict.name))
        {
            verdict.agreement = agreement;
        }
    }
    let mut strays = Vec::new();
    if let Some(audit) = &audit {
        let locked = packages.iter().map(|(name, ..)| *name);
        strays.extend(audit.strays(locked)?.into_iter().map(Stray::Extra));
        for (name, planned) in &plan.packages {
            let wrong = || Ok::<_, OpsError>(audit.package(&store, name)? == Placed::Not);
            if planned.digest.is_none() && (imports.contains_key(name) || wrong()?) {
                strays.push(Stray::Local(name.to_string()));
            }
        }
    }
    Ok(Found {
        packages: verdicts,
        strays,
    })
}

/// Takes damaged packages out of the store, and notes that the project must be installed again:
/// so the next install mends both.
///
/// # Errors
/// When the disk fails.
pub fn discard(session: &Session<'_>, found: &Found) -> Result<(), OpsError> {
    let project = session.project()?;
    let lock = graph::lock(&project)?;
    let store = session.store()?;
    let damaged = found
        .packages
        .iter()
        .filter(|verdict| matches!(verdict.damage, Some(Damage::Files(_))));
    for checksum in damaged.filter_map(|verdict| lock.packages.get(&verdict.name)?.checksum) {
        store.discard(&checksum)?;
    }
    if let Some(place) = Place::find(&project.root)? {
        session.context.environment.ledger().invalidate(&place)?;
    }
    Ok(())
}
