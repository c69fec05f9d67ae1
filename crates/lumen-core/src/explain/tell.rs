//! Statements as sentences.

use std::collections::BTreeMap;

use super::{
    lack,
    scene::Scene,
    statement::{Ask, Asker, Statement},
    words,
};
use crate::{
    name::PackageName,
    resolve::{CatalogPackage, Origin, set::Set},
    version::Version,
};

/// Most causes of a story; of more, the middle is left out.
const MOST_CAUSES: usize = 12;

/// How many causes are kept from the end when the middle is left out.
const KEPT_AT_END: usize = 5;

/// Most alternative constraints that are spelled out.
const MOST_CONSTRAINTS: usize = 3;

/// One sentence, and the packages whose own statements it refers to.
struct Sentence {
    text: String,
    about: Option<u32>,
    refers_to: Vec<u32>,
}

/// The causes, in order, at most [`MOST_CAUSES`].
pub(super) fn causes(scene: Scene<'_>, statements: &[Statement<'_>]) -> Vec<String> {
    let mut sentences: Vec<Sentence> = Vec::new();
    for statement in statements {
        sentences.extend(say(scene, statement));
    }
    sentences.extend(ruled_out(scene, statements));
    let left_out = sentences.len().saturating_sub(MOST_CAUSES - 1);
    if left_out > 1 {
        let start = MOST_CAUSES - 1 - KEPT_AT_END;
        let text = format!("… and so on, over {left_out} more requirements");
        let gap = Sentence {
            text,
            about: None,
            refers_to: Vec::new(),
        };
        sentences.splice(start..start + left_out, [gap]);
    }
    let numbered = |(at, sentence): (usize, &Sentence)| {
        let earlier = |package: &u32| {
            sentences[..at]
                .iter()
                .position(|s| s.about == Some(*package))
        };
        match sentence.refers_to.iter().find_map(earlier) {
            Some(place) => format!("{} (see {})", sentence.text, place + 1),
            None => sentence.text.clone(),
        }
    };
    sentences.iter().enumerate().map(numbered).collect()
}

fn say(scene: Scene<'_>, statement: &Statement<'_>) -> Vec<Sentence> {
    let (subject, plural) = subject(scene, statement);
    let verb = match (statement.asker, plural) {
        (Asker::Member(_), _) => "asks for",
        (Asker::Package(..), false) => "needs",
        (Asker::Package(..), true) => "need",
    };
    let mut said = Vec::new();
    let sentence = |text: String, refers_to: Vec<u32>| Sentence {
        text,
        about: statement.package(),
        refers_to,
    };
    let (possible, impossible): (Vec<&Ask<'_>>, Vec<&Ask<'_>>) = statement
        .asks
        .iter()
        .partition(|ask| !ask.accepted.is_empty());
    for asks in possible.chunks(4) {
        let objects: Vec<String> = asks.iter().map(|ask| object(scene, ask)).collect();
        let targets = asks.iter().map(|ask| ask.package).collect();
        let text = format!("{subject} {verb} {}", words::list(&objects, "and"));
        said.push(sentence(text, targets));
    }
    for ask in impossible {
        let name = scene.name(ask.package);
        let lack = lack::lack(scene, name, &ask.constraints);
        let clause = lack
            .map(|lack| lack.clause(scene, name))
            .unwrap_or_default();
        let text = format!("{subject} {verb} {}{clause}", object(scene, ask));
        said.push(sentence(text, Vec::new()));
    }
    for (package, feature) in &statement.weak {
        let name = scene.name(*package);
        let ask = if plural { "ask" } else { "asks" };
        let text =
            format!("{subject} {ask} for the feature `{feature}` of `{name}` where that is used");
        said.push(sentence(text, Vec::new()));
    }
    if statement.unusable {
        said.push(sentence(unusable(scene, statement), Vec::new()));
    }
    said
}

/// Who asks, and whether that is a plural.
fn subject(scene: Scene<'_>, statement: &Statement<'_>) -> (String, bool) {
    match statement.asker {
        Asker::Member(member) => (self::member(scene, member), false),
        Asker::Package(package, feature) => {
            let (versions, plural) = words::versions(scene, package, &statement.versions);
            let text = match feature {
                None => versions,
                Some("default") => format!("{versions}, with its default features,"),
                Some(feature) => format!("{versions}, with the feature `{feature}`,"),
            };
            (text, plural)
        }
    }
}

/// A manifest in words.
fn member(scene: Scene<'_>, member: u32) -> String {
    match origin(scene, member) {
        Origin::Project => "your lumen.toml".into(),
        Origin::Member(name) => format!("the workspace member `{name}`"),
        Origin::CommandLine => "the command line".into(),
    }
}

/// Whose requirements these are.
pub(super) fn origin(scene: Scene<'_>, member: u32) -> &Origin {
    let root = scene.request.roots.get(member as usize);
    root.map_or(&Origin::Project, |root| &root.origin)
}

fn object(scene: Scene<'_>, ask: &Ask<'_>) -> String {
    let name = scene.name(ask.package);
    let which = match (ask.constraints.len(), ask.accepted.is_empty()) {
        // Too many constraints to read or to spell out.
        (0 | 4.., false) if ask.accepted != Set::full() => {
            Some(words::version_numbers(scene, ask.package, &ask.accepted))
        }
        (count, _) => {
            let shown = &ask.constraints[..count.min(MOST_CONSTRAINTS)];
            words::constraint_texts(shown)
        }
    };
    let which = which.map(|which| format!(" {which}")).unwrap_or_default();
    let features = match ask.features.as_slice() {
        [] => String::new(),
        [feature] => format!(" with the feature `{feature}`"),
        features => format!(
            " with the features {}",
            words::quoted(features.iter().copied())
        ),
    };
    format!("`{name}`{which}{features}")
}

/// Why versions that are asked for cannot be used at all.
fn unusable(scene: Scene<'_>, statement: &Statement<'_>) -> String {
    let Asker::Package(package, feature) = statement.asker else {
        return format!("{} cannot be satisfied", subject(scene, statement).0);
    };
    let (versions, plural) = words::versions(scene, package, &statement.versions);
    let (has, needs) = if plural {
        ("have", "need")
    } else {
        ("has", "needs")
    };
    let first = statement
        .versions
        .first()
        .and_then(|index| scene.version(package, index));
    let contents = first.map(|version| version.contents.get());
    match (contents, feature) {
        (Some(Err(reason)), _) => format!("{versions} cannot be used: {reason}"),
        (Some(Ok(Some(contents))), Some(feature)) => match contents.features.get(feature) {
            None => format!("{versions} {has} no feature `{feature}`"),
            Some(_) => format!(
                "{versions} {has} a feature `{feature}` that names something which is not a dependency"
            ),
        },
        _ => format!("{versions} {needs} another version of itself"),
    }
}

/// Versions that match all that is asked of their package, but are ruled out.
fn ruled_out(scene: Scene<'_>, statements: &[Statement<'_>]) -> Vec<Sentence> {
    let mut asks: BTreeMap<u32, Vec<&Ask<'_>>> = BTreeMap::new();
    for ask in statements.iter().flat_map(|statement| &statement.asks) {
        asks.entry(ask.package).or_default().push(ask);
    }
    let sentence = |(package, asks): (u32, Vec<&Ask<'_>>)| {
        let name = scene.name(package);
        let entry = scene.entry(name)?;
        if asks.iter().any(|ask| ask.accepted.is_empty()) {
            return None;
        }
        let excluded = lack::excluded(scene, name, entry, |version| {
            asks.iter()
                .all(|ask| ask.constraints.iter().any(|c| c.matches(version)))
        });
        let text = match excluded.len() {
            0 => pre_release(name, entry, &asks)?,
            count => {
                let matches = if count > 1 {
                    "also match"
                } else {
                    "also matches"
                };
                let (which, why) = (lack::which(&excluded), lack::predicate(&excluded));
                format!("`{name}` {which} {matches}, but {why}")
            }
        };
        Some(Sentence {
            text,
            about: None,
            refers_to: Vec::new(),
        })
    };
    asks.into_iter().filter_map(sentence).take(2).collect()
}

/// A pre-release that all accept but for the rule that a requirement must name one.
fn pre_release(name: &PackageName, package: &CatalogPackage, asks: &[&Ask<'_>]) -> Option<String> {
    let loosely = |ask: &&Ask<'_>, version: &Version| {
        ask.constraints
            .iter()
            .any(|c| c.matches_ignoring_pre_release_rule(version))
    };
    let pre = package.versions.iter().map(|version| &version.version);
    let pre = pre.filter(|v| !v.pre.is_empty() && asks.iter().all(|ask| loosely(ask, v)));
    let newest = pre.max()?;
    let strict = asks
        .iter()
        .flat_map(|ask| &ask.constraints)
        .find(|c| !c.matches(newest))?;
    let accepted = asks
        .iter()
        .any(|ask| ask.constraints.iter().any(|c| c.matches(newest)));
    // If no constraint asks for pre-releases, there is nothing to say about them.
    accepted.then(|| format!("`{name}` {newest} is a pre-release, and `{strict}` accepts none"))
}

/// What is wrong, in one line.
pub(super) fn title(scene: Scene<'_>, statements: &[Statement<'_>]) -> String {
    let asks = || statements.iter().flat_map(|statement| &statement.asks);
    let mut dead: Vec<u32> = asks()
        .filter(|a| a.accepted.is_empty())
        .map(|a| a.package)
        .collect();
    dead.sort_unstable();
    dead.dedup();
    let unusable: Vec<&Statement<'_>> = statements.iter().filter(|s| s.unusable).collect();
    let contested = contested(statements);
    match (dead.as_slice(), unusable.as_slice(), contested.as_slice()) {
        ([package], [], []) => {
            let name = scene.name(*package);
            let of_package = asks().filter(|ask| ask.package == *package);
            let constraints: Vec<_> = of_package.flat_map(|ask| ask.constraints.clone()).collect();
            let few = &constraints[..constraints.len().min(MOST_CONSTRAINTS)];
            if let Some(lack) = lack::lack(scene, name, &constraints) {
                return lack.title(name, few);
            }
        }
        ([], [statement], []) => {
            if let Asker::Package(package, Some(feature)) = statement.asker {
                let name = scene.name(package);
                return format!("`{name}` has no feature `{feature}` in the versions that match");
            }
        }
        ([], [], [package]) => return disagreement(scene, statements, *package),
        _ => {}
    }
    let members = statements
        .iter()
        .filter(|s| matches!(s.asker, Asker::Member(_)));
    let asked = members
        .flat_map(|statement| &statement.asks)
        .map(|ask| scene.name(ask.package));
    let mut asked: Vec<&str> = asked.map(|name| name.as_str()).collect();
    asked.sort_unstable();
    asked.dedup();
    match asked.as_slice() {
        [one] => format!("no version of `{one}` that is asked for can be used"),
        several if several.len() <= 3 => {
            format!(
                "{} cannot be used together",
                words::quoted(several.iter().copied())
            )
        }
        _ => "the requirements do not fit together".into(),
    }
}

/// The packages of which no version suits all that ask for it in the story.
pub(super) fn contested(statements: &[Statement<'_>]) -> Vec<u32> {
    let mut accepted: Vec<(u32, Set)> = Vec::new();
    for ask in statements.iter().flat_map(|statement| &statement.asks) {
        match accepted
            .iter_mut()
            .find(|(package, _)| *package == ask.package)
        {
            Some((_, set)) => *set = set.intersection(&ask.accepted),
            None => accepted.push((ask.package, ask.accepted.clone())),
        }
    }
    let dead = |package: u32| {
        let mut asks = statements.iter().flat_map(|statement| &statement.asks);
        asks.any(|ask| ask.package == package && ask.accepted.is_empty())
    };
    accepted
        .into_iter()
        .filter(|(package, set)| set.is_empty() && !dead(*package))
        .map(|(package, _)| package)
        .collect()
}

fn disagreement(scene: Scene<'_>, statements: &[Statement<'_>], package: u32) -> String {
    let name = scene.name(package);
    let mut members: Vec<&str> = Vec::new();
    let mut packages: Vec<String> = Vec::new();
    let (mut project, mut command_line) = (false, false);
    for statement in statements {
        if !statement.asks.iter().any(|ask| ask.package == package) {
            continue;
        }
        match statement.asker {
            Asker::Member(member) => match origin(scene, member) {
                Origin::Project => project = true,
                Origin::Member(member) => members.push(member),
                Origin::CommandLine => command_line = true,
            },
            Asker::Package(package, _) => packages.push(format!("`{}`", scene.name(package))),
        }
    }
    packages.sort_unstable();
    packages.dedup();
    let mut askers: Vec<String> = Vec::new();
    askers.extend(project.then(|| "your lumen.toml".into()));
    askers.extend(match members.len() {
        0 => None,
        1 => Some(format!(
            "the workspace member {}",
            words::quoted(members.iter().copied())
        )),
        _ => Some(format!(
            "the workspace members {}",
            words::quoted(members.iter().copied())
        )),
    });
    askers.extend(packages);
    askers.extend(command_line.then(|| "the command line".into()));
    match askers.len() {
        ..4 => format!(
            "{} need different versions of `{name}`",
            words::list(&askers, "and")
        ),
        _ => format!("no version of `{name}` suits everything that needs it"),
    }
}
