//! Which modules need which others, and where that goes in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::{Crate, ModulePath};

/// An arrow between two modules of one folder, with a place that makes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The one that needs the other.
    pub from: String,
    /// The other.
    pub to: String,
    /// The file, and the path in it.
    pub example: String,
}

/// The arrows between the modules of one folder.
#[derive(Debug, Default)]
pub struct Level {
    arrows: BTreeMap<(String, String), String>,
}

/// The arrows of a crate, by the module that has both ends below it.
///
/// An arrow from deep inside one module to deep inside another is one between the two that
/// are below the same module. What a module and those below it need of each other does not
/// count: together they are one.
pub fn levels(all: &Crate) -> BTreeMap<ModulePath, Level> {
    let mut levels: BTreeMap<ModulePath, Level> = BTreeMap::new();
    for (from, module) in &all.modules {
        for path in &module.paths {
            let Some(to) = all.target(from, path) else {
                continue;
            };
            let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            let (Some(a), Some(b)) = (from.get(same), to.get(same)) else {
                continue;
            };
            let arrows = &mut levels.entry(from[..same].to_vec()).or_default().arrows;
            arrows
                .entry((a.clone(), b.clone()))
                .or_insert_with(|| format!("{}: {}", module.file.display(), path.join("::")));
        }
    }
    levels
}

impl Level {
    /// All arrows.
    pub fn arrows(&self) -> impl Iterator<Item = Arrow> {
        self.arrows.iter().map(|((from, to), example)| Arrow {
            from: from.clone(),
            to: to.clone(),
            example: example.clone(),
        })
    }

    /// The modules that need each other, in sets as large as possible.
    pub fn circles(&self) -> Vec<BTreeSet<String>> {
        let names: BTreeSet<&String> = self.arrows.keys().flat_map(|(a, b)| [a, b]).collect();
        let reached: BTreeMap<&String, BTreeSet<&String>> = names
            .iter()
            .map(|name| (*name, self.reached(name)))
            .collect();
        let mut circles = BTreeSet::new();
        for (name, from_here) in &reached {
            let back = from_here
                .iter()
                .filter(|other| reached[**other].contains(name));
            let circle: BTreeSet<String> = back.map(|other| (*other).clone()).collect();
            if !circle.is_empty() {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }

    /// Everything that a module needs, directly or not.
    fn reached(&self, from: &str) -> BTreeSet<&String> {
        let mut reached = BTreeSet::new();
        let mut todo = vec![from];
        while let Some(name) = todo.pop() {
            let next = self.arrows.keys().filter(|(a, _)| a == name);
            for (_, b) in next {
                if reached.insert(b) {
                    todo.push(b);
                }
            }
        }
        reached
    }

    /// The arrows that go up in a list of modules, the lowest first, or to or from one that is
    /// not in the list.
    pub fn upward(&self, order: &[&str]) -> Vec<Arrow> {
        let place = |name: &str| order.iter().position(|other| *other == name);
        let is_upward = |arrow: &Arrow| match (place(&arrow.from), place(&arrow.to)) {
            (Some(from), Some(to)) => from <= to,
            _ => true,
        };
        self.arrows().filter(is_upward).collect()
    }
}
