//! The files that a mirror with a certain number of entries lacks, written to a bundle.

use std::{collections::BTreeMap, io::Write};

use lumen_core::{
    Key,
    checkpoint::Checkpoint,
    index::set_package_entries,
    trust::{RootHistory, Subject},
};

use super::{
    Job, MirrorError, MirrorOptions, MirrorReport,
    growth::Growth,
    noted::Noted,
    plan::Plan,
    reads::{checkpoint, global_index, list, listed_below},
    target::Target,
    transfer::Transfers,
    unsigned,
};
use crate::{
    derived::stamp::log_size,
    log::is_signed,
    partial::Partial,
    progress::Watch,
    reader::Registry,
    storage::{BundleHead, BundleWriter, StorageError},
    verify::{TrustError, TrustInfo},
};

/// Writes a bundle for a mirror with the first `since` entries of the log.
pub(crate) async fn run(
    source: &Registry,
    out: &mut (dyn Write + Send),
    (since, options): (u64, &MirrorOptions),
    watch: Watch<'_>,
) -> Result<MirrorReport, MirrorError> {
    let info = source.trust().await?;
    let seen = match &info {
        Some(info) => Some((info, checkpoint(source, info)?)),
        None => None,
    };
    let mut head = match &seen {
        Some((info, after)) => {
            if since > after.size {
                return Err(MirrorError::Diverged {
                    ours: since,
                    theirs: after.size,
                });
            }
            BundleHead::signed(&info.origin, info.fingerprint, (since, after.size))
        }
        None if is_signed(source.storage()).await? => return Err(TrustError::NotSigned.into()),
        None if since > 0 => return Err(MirrorError::NoLog),
        None => BundleHead::whole_of_unsigned(),
    };
    head.packages = options.packages.clone();
    let writer = BundleWriter::start(out, &head).map_err(StorageError::from)?;
    source.storage().allow_mirroring();
    let job = Job {
        source,
        target: Target::bundle(&writer),
        options,
        watch,
        verb: "Bundling",
        transfers: Transfers::new(),
        // The mirror that gets the bundle makes the lists itself, and tells.
        noted: Noted::strict(),
    };
    let report = match seen {
        Some((info, after)) => signed(&job, (info, after), since).await?,
        None => unsigned::run(&job).await?,
    };
    writer.finish().map_err(StorageError::from)?;
    Ok(report)
}

async fn signed<'a>(
    job: &'a Job<'a>,
    (info, after): (&'a TrustInfo, Checkpoint),
    from: u64,
) -> Result<MirrorReport, MirrorError> {
    let source = job.source.storage();
    let mut growth = Growth::since(source, from, &after).await?;
    let root = list(job, source, &mut growth, Subject::Root).await?;
    let roots = RootHistory::verify(&root.1, Some(&info.fingerprint)).map_err(|error| {
        let reason = error.to_string();
        TrustError::RootChain { reason }
    })?;
    let base = (from > 0).then(|| Checkpoint {
        size: from,
        ..after.clone()
    });
    let mut plan = Plan {
        job,
        log: source,
        note: &info.checkpoint,
        after,
        recorded: None,
        base,
        roots,
        selection: job.options.packages.clone(),
        names: BTreeMap::new(),
        lists: BTreeMap::from([(Subject::Root, root)]),
    };
    let theirs = global_index(source).await?;
    let below = async |scope: &str| listed_below(source, theirs.as_ref(), scope).await;
    plan.changed(&mut growth, Vec::new(), below).await?;
    let held = plan.packages().await?;
    growth.store(job, |subject| plan.has(subject)).await?;
    let index = match theirs {
        theirs if from == 0 => Some(plan.global(BTreeMap::new(), theirs, &held).await?),
        // If it is left out, the mirror makes it again.
        Some((bytes, packages)) if log_size(&bytes) == plan.after.size => {
            let chosen = packages
                .into_values()
                .filter(|e| plan.selection.has(&e.name));
            let chosen: Vec<_> = chosen.collect();
            let bytes = match plan.selection.is_all() {
                true => Ok(bytes),
                false => set_package_entries(&bytes, &chosen),
            };
            Some(bytes.map_err(|error| job.forged(&Key::global_index(), error))?)
        }
        _ => None,
    };
    let head = plan.head().await?;
    plan.publish(held, head, index.as_deref(), &growth).await?;
    if from == 0 {
        let has = Partial::has(plan.selection.clone(), Some(plan.after.size));
        plan.record(&has).await?;
    }
    super::outside::run(job).await?;
    Ok(plan.report(from))
}
