//! A log judged entry by entry. Writers do this before they append, and validating
//! witnesses before they sign.

use std::collections::BTreeMap;

use super::{HistoryError, OwnersHistory, PackageHistory, RootHistory};
use crate::{
    digest::Digest,
    name::PackageName,
    note::Note,
    trust::{
        event::{Entry, Event},
        moderation::Moderation,
        statement::Statement,
        subject::Subject,
    },
};

/// The histories that decide which entry a log may have next.
///
/// It starts with an empty log, or with the root notes of a log. If the log has entries
/// already, the caller must pass the events of a subject ([`Ledger::know`]) before it judges an
/// entry about it ([`Ledger::unknown`]).
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    roots: Option<RootHistory>,
    scopes: BTreeMap<Subject, OwnersHistory>,
    packages: BTreeMap<PackageName, PackageHistory>,
}

impl Ledger {
    /// The ledger of a log that has these root notes.
    pub const fn new(roots: RootHistory) -> Self {
        Self {
            roots: Some(roots),
            scopes: BTreeMap::new(),
            packages: BTreeMap::new(),
        }
    }

    /// The root notes so far; `None` before the first.
    pub const fn roots(&self) -> Option<&RootHistory> {
        self.roots.as_ref()
    }

    /// The subjects whose events are needed to judge an entry and are not known yet, in the
    /// order in which to pass them.
    pub fn unknown(&self, entry: &Entry) -> Vec<Subject> {
        let mut subjects = Vec::new();
        match entry {
            Entry::Root(_) | Entry::Map(_) => {}
            Entry::Owners(note) => subjects.push(note.name.clone()),
            Entry::Statement(Statement { package, .. })
            | Entry::Moderation(Moderation { package, .. }) => {
                subjects.push(Subject::owner_of(package));
                subjects.push(Subject::Package(package.clone()));
            }
        }
        subjects.dedup();
        subjects.retain(|subject| match subject {
            Subject::Root => false,
            Subject::Package(name) => !self.packages.contains_key(name),
            scope => !self.scopes.contains_key(scope),
        });
        subjects
    }

    /// Adds all events that the log has about a subject so far. A scope comes before its packages.
    ///
    /// # Errors
    /// When they break the rules themselves.
    pub fn know(&mut self, subject: Subject, events: &[Event]) -> Result<(), HistoryError> {
        let roots = self.roots.as_ref().ok_or(HistoryError::NoRoot)?;
        match subject {
            Subject::Root => {}
            Subject::Package(name) => {
                let owner = Subject::owner_of(&name);
                let owners = match self.scopes.get(&owner) {
                    Some(owners) => owners.clone(),
                    None => OwnersHistory::unclaimed(owner),
                };
                let history = PackageHistory::verify_owned(roots, &name, owners, events)?;
                self.packages.insert(name, history);
            }
            scope => {
                let owners = OwnersHistory::verify(roots, scope.clone(), events)?;
                self.scopes.insert(scope, owners);
            }
        }
        Ok(())
    }

    /// Adds the history of a package that was checked already.
    pub fn know_package(&mut self, history: PackageHistory) {
        if let scope @ Subject::Scope(_) = &history.owners.subject {
            self.scopes.insert(scope.clone(), history.owners.clone());
        }
        self.packages.insert(history.name.clone(), history);
    }

    /// Judges an entry and takes it in. Of a map leaf nothing is judged. Returns until when the
    /// log has to have it, in seconds since 1970, where the keys of its signers end.
    ///
    /// # Errors
    /// When readers would refuse it or not let it count. Then nothing was taken in.
    pub fn append(
        &mut self,
        index: u64,
        text: &str,
        entry: Entry,
        note: &Note,
    ) -> Result<Option<i64>, HistoryError> {
        let hash = Digest::of(text.as_bytes());
        let roots = match (&mut self.roots, &entry) {
            (Some(roots), _) => roots,
            (none, Entry::Root(_)) => {
                let event = Event {
                    i: index,
                    note: text.to_owned(),
                };
                *none = Some(RootHistory::verify(std::slice::from_ref(&event), None)?);
                return Ok(None);
            }
            (None, _) => return Err(HistoryError::NoRoot),
        };
        match entry {
            Entry::Map(_) => Ok(None),
            Entry::Root(next) => roots.push(index, next, note, hash).map(|()| None),
            Entry::Owners(next) => match &next.name {
                Subject::Package(name) => {
                    let package = self.packages.entry(name.clone()).or_insert_with(|| {
                        let unclaimed = OwnersHistory::unclaimed(next.name.clone());
                        PackageHistory::new(name.clone(), unclaimed)
                    });
                    let pushed = package.owners.push(roots, index, next, note, hash);
                    pushed.map(|()| None)
                }
                scope => {
                    let scope = scope.clone();
                    let unclaimed = || OwnersHistory::unclaimed(scope.clone());
                    let owners = self.scopes.entry(scope.clone()).or_insert_with(unclaimed);
                    owners.push(roots, index, next, note, hash)?;
                    for package in self.packages.values_mut() {
                        if package.owners.subject == scope {
                            package.owners = owners.clone();
                        }
                    }
                    Ok(None)
                }
            },
            Entry::Statement(next) => {
                let package = package(&mut self.packages, &self.scopes, &next.package);
                package.push(roots, index, next, note)
            }
            Entry::Moderation(next) => {
                let package = package(&mut self.packages, &self.scopes, &next.package);
                package
                    .push_moderation(roots, index, next, note)
                    .map(|()| None)
            }
        }
    }
}

/// The history of a package, an empty one if the log has nothing about it.
fn package<'p>(
    packages: &'p mut BTreeMap<PackageName, PackageHistory>,
    scopes: &BTreeMap<Subject, OwnersHistory>,
    name: &PackageName,
) -> &'p mut PackageHistory {
    packages.entry(name.clone()).or_insert_with(|| {
        let owner = Subject::owner_of(name);
        let owners = scopes.get(&owner).cloned();
        let owners = owners.unwrap_or_else(|| OwnersHistory::unclaimed(owner));
        PackageHistory::new(name.clone(), owners)
    })
}
