//! `lumen pkg search`: packages by words.

use std::collections::BTreeSet;

use lumen_core::{
    PackageName,
    index::{GlobalIndex, PackageEntry},
};
use lumen_registry::search;

use crate::{error::OpsError, session::Session, settings::DEFAULT};

/// Searches names and descriptions; best first.
///
/// # Errors
/// When the registry cannot be read.
pub fn search(
    session: &Session<'_>,
    words: &[String],
    limit: usize,
) -> Result<Vec<PackageEntry>, OpsError> {
    let upstreams = session.settings()?.upstreams.clone();
    let mut all: Option<GlobalIndex> = None;
    for name in [DEFAULT.to_owned()].iter().chain(&upstreams) {
        let registry = session.registry(name)?;
        let index = session.block_on(async {
            let index = registry.global_index().await?;
            if index.is_none() {
                registry.exists().await?;
            }
            Ok(index)
        })?;
        match (&mut all, index) {
            (Some(all), Some(index)) => add_missing(all, index),
            (all, index) => *all = all.take().or(index),
        }
    }
    session.save_caches();
    let Some(index) = all else {
        return Ok(Vec::new());
    };
    Ok(search::search(&index, &words.join(" "))
        .into_iter()
        .take(limit)
        .map(|hit| hit.package.clone())
        .collect())
}

/// Adds the packages of a registry that those asked before it do not have.
fn add_missing(all: &mut GlobalIndex, index: GlobalIndex) {
    let known: BTreeSet<PackageName> = all
        .packages
        .iter()
        .map(|entry| entry.name.clone())
        .collect();
    let new = index.packages.into_iter();
    all.packages
        .extend(new.filter(|entry| !known.contains(&entry.name)));
}
