//! A mirror of a signed registry.

use std::{cmp::Ordering, collections::BTreeMap};

use lumen_core::{
    Digest, Key,
    checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES},
    trust::{RootHistory, Subject},
};

use super::{
    Job, MirrorError, MirrorReport, Selection,
    growth::Growth,
    plan::Plan,
    reads::{Global, checkpoint, global_index, list},
};
use crate::{
    derived::stamp::log_size,
    logread::{self, Head, listed, read_checkpoint},
    partial::Partial,
    storage::Storage,
    verify::{TrustError, TrustInfo, files},
    write::Snapshot,
};

/// Packages above which one list of the whole mirror is cheaper than lists of folders.
const MANY: usize = 32;

pub(super) async fn run<'a>(
    job: &'a Job<'a>,
    target: &'a Storage,
    info: &'a TrustInfo,
) -> Result<MirrorReport, MirrorError> {
    let after = checkpoint(job.source, info)?;
    let before = compare(job, target, info, &after).await?;
    let ours = global_index(target).await?;
    let (selection, recorded, base) = select(job, target, before.as_ref(), ours.as_ref()).await?;
    let sides = (job.source.storage(), target);
    let mut growth = Growth::load(sides, base.as_ref(), &after, |_, _, _| {}).await?;
    let root = list(job, target, &mut growth, Subject::Root).await?;
    let roots = RootHistory::verify(&root.1, Some(&info.fingerprint)).map_err(|error| {
        let reason = error.to_string();
        TrustError::RootChain { reason }
    })?;
    let mut plan = Plan {
        job,
        log: target,
        note: &info.checkpoint,
        after,
        recorded,
        base,
        roots,
        selection,
        names: BTreeMap::new(),
        lists: BTreeMap::from([(Subject::Root, root)]),
    };
    if let (None, Some((_, packages))) = (&before, &ours) {
        // Not a mirror yet: whatever is there must be of this registry.
        plan.no_strangers(&growth, packages)?;
        job.target.compare_all();
    }
    let ours = ours.filter(|_| plan.base.is_some());
    let ours = ours.map(|(_, packages)| packages).unwrap_or_default();
    let theirs = global_index(job.source.storage()).await?;
    plan.choose_packages(&mut growth, &ours, theirs.as_ref())
        .await?;
    if plan.base.is_none() || plan.names.len() > MANY {
        job.target.expect_many();
    }
    if plan.base.is_none() {
        // First of all, a mirror that will lack packages says so.
        plan.record(&Partial::adding(plan.recorded.as_ref(), &plan.selection))
            .await?;
    }
    let held = plan.packages().await?;
    growth.store(job, |subject| plan.has(subject)).await?;
    let index = plan.global(ours, theirs, &held).await?;
    let head = plan.head().await?;
    plan.publish(held, head, Some(&index), &growth).await?;
    plan.record(&Partial::has(plan.selection.clone(), Some(plan.after.size)))
        .await?;
    super::outside::run(job).await?;
    Ok(plan.report(before.map_or(0, |before| before.size)))
}

/// The checkpoint of the mirror, if it has one. The source must continue it, and also the last
/// commit in the mirror: a publisher may have written to the mirror, and until witnesses have
/// signed, only `log/head` shows that.
async fn compare(
    job: &Job<'_>,
    target: &Storage,
    info: &TrustInfo,
    after: &Checkpoint,
) -> Result<Option<Checkpoint>, MirrorError> {
    let other = |reason: String| MirrorError::Other {
        mirror: job.target.place(),
        reason,
    };
    let roots = listed(&Snapshot::of(target), &Subject::Root).await?;
    if let Some(first) = roots.first() {
        let found = Digest::of(first.note.as_bytes());
        if found != info.fingerprint {
            return Err(other(format!("its fingerprint is {found}")));
        }
    }
    let before = read_checkpoint(target).await?;
    let before = before.map(|(checkpoint, _)| checkpoint);
    let head = target.get(&Key::head(), 2 * MAX_CHECKPOINT_BYTES).await?;
    // This run replaces a head that is damaged.
    let head = head.and_then(|(bytes, _)| Head::parse(&bytes));
    let head = head.map(|head| head.checkpoint);
    let head = head.filter(|head| before.as_ref() != Some(head));
    for ours in before.iter().chain(&head) {
        if ours.origin != after.origin {
            return Err(other(format!("it is one of `{}`", ours.origin)));
        }
        if !continues(job, ours, after).await? {
            return Err(MirrorError::Diverged {
                ours: ours.size,
                theirs: after.size,
            });
        }
    }
    Ok(before)
}

/// Whether the source has all entries of a state of the mirror.
async fn continues(
    job: &Job<'_>,
    ours: &Checkpoint,
    theirs: &Checkpoint,
) -> Result<bool, MirrorError> {
    Ok(match ours.size.cmp(&theirs.size) {
        Ordering::Greater => false,
        Ordering::Equal => ours.root == theirs.root,
        Ordering::Less => {
            files::growth(job.source.source(), ours, theirs).await? == logread::Growth::Continues
        }
    })
}

/// The packages that the mirror shall have, its present record of them, and the checkpoint
/// up to which it has all of these.
async fn select(
    job: &Job<'_>,
    target: &Storage,
    before: Option<&Checkpoint>,
    ours: Option<&Global>,
) -> Result<(Selection, Option<Partial>, Option<Checkpoint>), MirrorError> {
    let wanted = &job.options.packages;
    let recorded = Partial::read(target).await?;
    let narrower = match &recorded {
        Some(recorded) => recorded.packages.is_all() && !wanted.is_all(),
        None => (before.is_some() || ours.is_some()) && !wanted.is_all(),
    };
    if narrower {
        return Err(MirrorError::Narrower {
            mirror: job.target.place(),
        });
    }
    let selection = match &recorded {
        None => wanted.clone(),
        Some(recorded) => recorded.with(wanted),
    };
    let base = before.filter(|before| {
        let packages = recorded
            .as_ref()
            .is_none_or(|recorded| *recorded == Partial::has(selection.clone(), Some(before.size)));
        let index = ours.is_some_and(|(bytes, _)| log_size(bytes) == before.size);
        packages && index && !job.options.full
    });
    Ok((selection, recorded, base.cloned()))
}
