//! Whether what was selected can be a package on every system.

use std::collections::BTreeMap;

use super::{Selection, Walk};
use crate::{
    archive::Limits,
    pack::{BadLink, BadPath, BadPathRule, PackError, PackOptions},
    portable::{Kind, Names, check_path},
};

impl Walk<'_> {
    /// Checks all that was found, reporting everything of one kind at once.
    pub(super) fn finish(mut self, options: &PackOptions) -> Result<Selection, PackError> {
        let limits = Limits::default();
        let mut names = Names::new();
        for path in self.files.keys() {
            let rule = check_path(path, limits.path, limits.depth)
                .map_err(BadPathRule::Path)
                .and_then(|()| {
                    let added = names.add(path, Kind::File, &mut Vec::new());
                    added.map_err(BadPathRule::Clash)
                });
            if let Err(rule) = rule {
                let path = path.clone();
                self.bad.push(BadPath { path, rule });
            }
        }
        if !self.bad.is_empty() {
            return Err(PackError::Paths(self.bad));
        }
        let links = |found: BTreeMap<String, String>| -> Vec<BadLink> {
            let link = |(path, target)| BadLink { path, target };
            found.into_iter().map(link).collect()
        };
        if !self.outside.is_empty() {
            return Err(PackError::LinksOutside(links(self.outside)));
        }
        if options.is_own && !self.dangling.is_empty() {
            return Err(PackError::Dangling(links(self.dangling)));
        }
        let count = self.files.len().max(names.folders() as usize);
        if count > limits.entries as usize {
            return Err(PackError::TooMany {
                count,
                limit: limits.entries,
            });
        }
        self.notes.sort_by(|a, b| a.path.cmp(&b.path));
        self.notes.dedup();
        Ok(Selection {
            files: self.files,
            notes: self.notes,
        })
    }
}
