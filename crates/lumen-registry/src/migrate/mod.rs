//! An unsigned registry becomes a signed one, with its history.
//!
//! `migrate` logs every existing release with the digest of its file, and every yank with
//! its reason. The operator signs them, as the first owner of all names. No release and no
//! artifact is changed, so locks that name them keep working.
//!
//! Root note, claims and statements are one batch, so a registry is unsigned until the
//! batch is committed, and complete after. Only the part that does not fit into one batch
//! (about fifty thousand releases) follows in others.

mod entries;
mod inventory;

use std::collections::BTreeMap;

use lumen_core::{
    PackageName,
    limits::{MIGRATE_APPENDED, MIGRATE_BATCH_BYTES},
    signing::PublicKey,
    trust::{Subject, text::time_of},
};

pub use inventory::{Inspect, Inventory, Package, Release, take_stock};

use crate::{
    cache,
    log::{RootInfo, State, Writer, check_log_key, init_with_entries, is_signed},
    progress::{Progress, Watch},
    reader::Registry,
    signer::Signer,
    source::ReadError,
    storage::Storage,
    verify::TrustError,
    write::PublishError,
};

/// The owners of a name beside the operator who migrates the registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignments {
    /// Admins and publishers of names and scopes.
    pub owners: BTreeMap<Subject, Vec<PublicKey>>,
    /// Publishers of single packages of a scope.
    pub publishers: BTreeMap<PackageName, Vec<PublicKey>>,
}

/// How to migrate.
#[derive(Debug)]
pub struct MigrateOptions<'a> {
    /// The origin of the registry in its notes.
    pub origin: String,
    /// Root key, log key, and owner of all names.
    pub signer: &'a dyn Signer,
    /// The time, RFC 3339.
    pub now: String,
    /// Other owners.
    pub assignments: Assignments,
}

/// The result of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The registry's new identity; `None`: it was signed before.
    pub root: Option<RootInfo>,
    /// Entries that were appended to its log.
    pub entries: u64,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Why a migration may not be done.
#[derive(Debug, thiserror::Error)]
pub enum Forbidden {
    /// The registry cannot be read, or is not trustworthy.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The key may not sign this.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Checks that a key may log what the log of a registry lacks. Writes nothing. Anybody with
/// write access may migrate an unsigned registry.
///
/// # Errors
/// When the key is no log key, or not a publisher of a package, and when the registry cannot
/// be read.
pub async fn check_key(
    registry: &Registry,
    inventory: &Inventory,
    signer: &dyn Signer,
) -> Result<(), Forbidden> {
    let roots = match registry.roots().await {
        Ok(Some(roots)) => roots,
        // The migration first finishes the batch of a killed writer, and judges it then.
        Ok(None) | Err(ReadError::Trust(TrustError::Unfinished { .. })) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    check_log_key(roots.current(), signer)?;
    let now = time_of(i64::try_from(cache::now()).unwrap_or(i64::MAX));
    for package in &inventory.packages {
        let history = registry.provenance(&package.name).await?;
        entries::may_sign(package, history.as_deref(), signer, &now)?;
    }
    Ok(())
}

/// Makes a registry signed that is not, and logs whatever is not logged. Repeating it after
/// it failed or was killed is safe.
///
/// # Errors
/// When the registry is signed and this key may not write to it or does not own a name;
/// failures of the host. The inventory must have no problems.
pub async fn migrate(
    storage: &Storage,
    inventory: &Inventory,
    options: &MigrateOptions<'_>,
    watch: Watch<'_>,
) -> Result<Migrated, PublishError> {
    let message = "Sign the registry and log its releases";
    storage
        .together(message, async |storage: &Storage| {
            run(storage, inventory, options, watch).await
        })
        .await
}

async fn run(
    storage: &Storage,
    inventory: &Inventory,
    options: &MigrateOptions<'_>,
    watch: Watch<'_>,
) -> Result<Migrated, PublishError> {
    let writer = Writer {
        storage,
        signer: options.signer,
        last_seen: None,
    };
    let mut root = None;
    let mut appended = 0;
    if !is_signed(storage).await? {
        let mut bytes = 0;
        let fits = |package: &&Package| {
            bytes += package.size();
            bytes <= MIGRATE_BATCH_BYTES
        };
        let some = inventory.packages.iter().take_while(fits).count();
        let entries = entries::all(&inventory.packages[..some], |_| None, options)?;
        appended += entries.len() as u64;
        let (origin, now) = (&options.origin, &options.now);
        root = Some(init_with_entries(storage, origin, options.signer, now, entries).await?);
    }
    let steps = inventory.packages.len() as u64;
    watch(Progress::Started {
        verb: "Logging",
        steps,
    });
    let mut checkpoint = writer.state().await?.checkpoint().to_owned();
    let mut rest = inventory.packages.as_slice();
    while let Some(chunk) = next_chunk(&mut rest) {
        let make = async |state: &State<'_>| {
            let mut histories = BTreeMap::new();
            for package in chunk {
                let history = state.package(&package.name).await?;
                histories.insert(&package.name, history);
            }
            entries::all(chunk, |name| histories.get(name), options)
        };
        let receipt = writer.append(make).await?;
        if let Some(index) = receipt.index {
            // The last one is the map's.
            appended += receipt.size.saturating_sub(index + 1);
        }
        checkpoint = receipt.checkpoint;
        for package in chunk {
            watch(Progress::Advanced {
                item: package.name.to_string(),
            });
        }
    }
    watch(Progress::Finished);
    Ok(Migrated {
        root,
        entries: appended,
        checkpoint,
    })
}

impl Package {
    /// More bytes than its entries have.
    fn size(&self) -> usize {
        const ENTRY: usize = 1024;
        let release = |release: &Release| {
            let yank = release.yanked.as_ref();
            ENTRY + yank.map_or(0, |reason| ENTRY + reason.len())
        };
        2 * ENTRY + self.releases.iter().map(release).sum::<usize>()
    }
}

/// The next packages that are logged together.
fn next_chunk<'p>(rest: &mut &'p [Package]) -> Option<&'p [Package]> {
    let mut releases = 0;
    let fits = |package: &&Package| {
        let before = releases;
        releases += package.releases.len();
        before < MIGRATE_APPENDED
    };
    let some = rest.iter().take_while(fits).count();
    let (chunk, later) = rest.split_at(some);
    *rest = later;
    (!chunk.is_empty()).then_some(chunk)
}
