//! Facts as people would state them: which package asks for what.

use std::collections::HashMap;

use super::scene::{Scene, constraints};
use crate::{
    constraint::Constraint,
    resolve::{nodes::Kind, set::Set, solver::Fact},
};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Asker<'a> {
    /// A manifest.
    Member(u32),
    /// A package, perhaps because of one of its features.
    Package(u32, Option<&'a str>),
}

/// Everything the same versions of the same package ask for.
pub(super) struct Statement<'a> {
    pub asker: Asker<'a>,
    /// The versions that ask; without meaning for a manifest.
    pub versions: Set,
    pub asks: Vec<Ask<'a>>,
    /// The fact without asks: these versions cannot be used at all.
    pub unusable: bool,
    /// Features turned on only where the dependency is there anyway: package, feature.
    pub weak: Vec<(u32, &'a str)>,
}

/// One package asked for.
pub(super) struct Ask<'a> {
    pub package: u32,
    pub features: Vec<&'a str>,
    /// The usable versions that will do; may be none.
    pub accepted: Set,
    /// The constraints as written, one after another when several versions ask.
    pub constraints: Vec<&'a Constraint>,
}

/// Turns facts into statements, told from the manifests outwards.
pub(super) fn statements<'a>(scene: Scene<'a>, facts: &[Fact]) -> Vec<Statement<'a>> {
    let asked = asked(scene, facts);
    let mut statements: Vec<Statement<'a>> = Vec::new();
    let mut places: HashMap<(Asker<'a>, Set), usize> = HashMap::new();
    for fact in facts {
        let Some(asker) = asker(scene, fact.from) else {
            continue;
        };
        let versions = narrowed(scene, &asked, fact);
        let place = *places.entry((asker, versions.clone())).or_insert_with(|| {
            statements.push(Statement {
                asker,
                versions,
                asks: Vec::new(),
                unusable: false,
                weak: Vec::new(),
            });
            statements.len() - 1
        });
        statements[place].add(scene, fact);
    }
    outwards(statements)
}

fn asker<'a>(scene: Scene<'a>, node: u32) -> Option<Asker<'a>> {
    Some(match scene.kind(node) {
        Kind::Member(member) => Asker::Member(*member),
        Kind::Package(package) => Asker::Package(*package, None),
        Kind::Feature(package, feature) => Asker::Package(*package, Some(feature)),
        Kind::Default(package) => Asker::Package(*package, Some("default")),
        Kind::Optional { owner, .. } => Asker::Package(*owner, feature_behind(scene, node)),
        _ => return None,
    })
}

/// The feature that turns an optional dependency on in this conflict.
fn feature_behind<'a>(scene: Scene<'a>, node: u32) -> Option<&'a str> {
    let facts = scene.conflict.facts.iter().filter(|fact| fact.to == node);
    let features = facts.filter_map(|fact| match scene.kind(fact.from) {
        Kind::Feature(_, feature) => Some(feature.as_str()),
        _ => None,
    });
    features.min()
}

/// For each package, the versions that anything in the story asks for.
fn asked(scene: Scene<'_>, facts: &[Fact]) -> HashMap<u32, Set> {
    let mut asked: HashMap<u32, Set> = HashMap::new();
    for fact in facts {
        let kind = scene.kind(fact.to);
        if let (Some(package), false) = (kind.package(), matches!(kind, Kind::Optional { .. })) {
            let known = asked.entry(package).or_default();
            *known = known.union(&fact.accepted);
        }
    }
    asked
}

/// The versions of a fact that are asked for, or all when that is none.
fn narrowed(scene: Scene<'_>, asked: &HashMap<u32, Set>, fact: &Fact) -> Set {
    let package = scene.kind(fact.from).package();
    let asked = package.and_then(|package| asked.get(&package));
    let narrowed = asked.map(|asked| fact.versions.intersection(asked));
    narrowed
        .filter(|set| !set.is_empty())
        .unwrap_or_else(|| fact.versions.clone())
}

impl<'a> Statement<'a> {
    fn add(&mut self, scene: Scene<'a>, fact: &Fact) {
        match scene.kind(fact.to) {
            Kind::Package(package) | Kind::Default(package) => {
                self.ask(scene, fact, *package, None);
            }
            Kind::Feature(package, feature) => self.ask(scene, fact, *package, Some(feature)),
            Kind::Weak {
                dependency,
                feature,
                ..
            } => self.weak.push((*dependency, feature)),
            _ => self.unusable = true,
        }
    }

    fn ask(&mut self, scene: Scene<'a>, fact: &Fact, package: u32, feature: Option<&'a str>) {
        if let Some(known) = self.asks.iter_mut().find(|ask| ask.package == package) {
            known.accepted = known.accepted.intersection(&fact.accepted);
            known.features.extend(feature);
            return;
        }
        let requirements = scene.requirements(fact, scene.name(package));
        self.asks.push(Ask {
            package,
            features: feature.into_iter().collect(),
            accepted: fact.accepted.clone(),
            constraints: constraints(&requirements),
        });
    }

    pub fn package(&self) -> Option<u32> {
        match self.asker {
            Asker::Member(_) => None,
            Asker::Package(package, _) => Some(package),
        }
    }
}

/// Orders statements so that a package is asked for before it asks, where that is possible.
fn outwards(statements: Vec<Statement<'_>>) -> Vec<Statement<'_>> {
    let mut waiting: Vec<Option<Statement<'_>>> = statements.into_iter().map(Some).collect();
    let mut told = Vec::new();
    let mut stack: Vec<u32> = Vec::new();
    let mut next: Option<u32> = None;
    loop {
        let mut targets = Vec::new();
        for place in &mut waiting {
            let is_next = |statement: &Statement<'_>| statement.package() == next;
            if place.as_ref().is_some_and(is_next)
                && let Some(statement) = place.take()
            {
                targets.extend(statement.asks.iter().map(|ask| ask.package));
                told.push(statement);
            }
        }
        stack.extend(targets.into_iter().rev());
        next = match stack.pop() {
            Some(package) => Some(package),
            // Only facts that no statement leads to are left, if any.
            None => match waiting.iter().flatten().next() {
                Some(statement) => statement.package(),
                None => return told,
            },
        };
    }
}
