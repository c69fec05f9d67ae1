//! Which packages of a workspace a command is about, and what they need of the lock.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{PackageName, lockfile::Lockfile, problem};
use lumen_store::project::{LocalPackage, Project};

use crate::error::{OpsError, PackageError};

/// Whether what members need for their development is installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dev {
    /// Beside the rest.
    #[default]
    With,
    /// It is left out.
    Without,
    /// It alone.
    Only,
}

/// The packages of a workspace that the user chooses; by default, all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// These, by their names or folders; patterns with `*` choose every one that they match.
    pub include: Vec<String>,
    /// All but these.
    pub exclude: Vec<String>,
}

impl Members {
    /// Whether the user chooses none in particular.
    pub const fn is_all(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// The chosen packages of a project.
    ///
    /// # Errors
    /// When one of the texts matches no package, or none is left.
    pub fn of<'p>(&self, project: &'p Project) -> Result<Vec<&'p LocalPackage>, OpsError> {
        let texts = self.include.iter().chain(&self.exclude);
        for text in texts {
            if !project.members.iter().any(|member| matches(text, member)) {
                return Err(unknown(project, text).into());
            }
        }
        let any = |texts: &[String], member: &LocalPackage| {
            texts.iter().any(|text| matches(text, member))
        };
        let members = project.members.iter().filter(|member| {
            (self.include.is_empty() || any(&self.include, member)) && !any(&self.exclude, member)
        });
        let members: Vec<&LocalPackage> = members.collect();
        match members.is_empty() {
            true => Err(PackageError::NoneChosen.into()),
            false => Ok(members),
        }
    }

    /// Lets commands about one package be about the chosen one.
    ///
    /// # Errors
    /// As [`Members::of`].
    pub(crate) fn choose(&self, project: &mut Project) -> Result<(), OpsError> {
        if self.is_all() {
            return Ok(());
        }
        let chosen = match self.of(project)?.as_slice() {
            [one] => Some(one.dir.clone()),
            _ => None,
        };
        let at = |dir| project.members.iter().position(|member| member.dir == dir);
        project.current = chosen.and_then(at);
        Ok(())
    }
}

/// The packages of a lock that an install needs: of the chosen members, with or without what
/// they need for development. `None`: all.
///
/// # Errors
/// As [`Members::of`].
pub fn part(
    project: &Project,
    lock: &Lockfile,
    locals: &BTreeMap<PackageName, LocalPackage>,
    members: &Members,
    dev: Dev,
) -> Result<Option<BTreeSet<PackageName>>, OpsError> {
    if members.is_all() && dev == Dev::With {
        return Ok(None);
    }
    let mut part = BTreeSet::new();
    let mut stack: Vec<&PackageName> = Vec::new();
    for member in members.of(project)? {
        part.extend(member.name().cloned());
        let manifest = &member.manifest;
        if dev != Dev::Only {
            stack.extend(manifest.dependencies.keys());
        }
        if dev != Dev::Without {
            stack.extend(manifest.dev_dependencies.keys());
        }
    }
    let mut followed = BTreeSet::new();
    while let Some(name) = stack.pop() {
        let Some(package) = lock.packages.get(name).filter(|_| followed.insert(name)) else {
            continue;
        };
        part.insert(name.clone());
        // Others never need what a package of this machine needs for its own development.
        let may_need = |needed: &&PackageName| {
            let local = locals.get(name);
            local.is_none_or(|local| local.manifest.dependencies.contains_key(*needed))
        };
        stack.extend(package.dependencies.iter().filter(may_need));
    }
    Ok(Some(part))
}

/// Whether a member is meant by a name, a folder or a pattern.
fn matches(text: &str, member: &LocalPackage) -> bool {
    let folder = text.trim_start_matches("./").trim_end_matches('/');
    let is_folder = match member.relative.as_str() {
        "" => matches!(text, "." | "./"),
        relative => fits(folder, relative),
    };
    let name = member.name().map(PackageName::as_str);
    is_folder || name.is_some_and(|name| fits(text, name))
}

/// Whether a text fits a pattern, in which `*` stands for any number of characters.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn unknown(project: &Project, text: &str) -> PackageError {
    let names = project.members.iter().filter_map(LocalPackage::name);
    let names: Vec<&str> = names.map(PackageName::as_str).collect();
    PackageError::NoMember {
        text: text.to_owned(),
        nearest: problem::nearest(text, names.iter().copied()).map(str::to_owned),
        members: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, text, expected) in [
            ("core", "core", true),
            ("core", "core2", false),
            ("*", "core", true),
            ("co*", "core", true),
            ("*re", "core", true),
            ("@org/*", "@org/http", true),
            ("@org/*", "@other/http", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
