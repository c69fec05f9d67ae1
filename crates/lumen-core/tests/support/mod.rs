//! Catalogs and requests written as text.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "test support, of which no test uses all"
)]

use lumen_core::{
    Constraint, PackageName, Requirement, Version,
    explain::explain,
    remedy::Remedy,
    resolve::{Catalog, CatalogPackage, CatalogVersion, Contents, Outcome, Request, Root, resolve},
};

/// A catalog from lines such as `a 1.0.0 -> b ^1, c? ^2 [x y] | yanked broken | time 86400 | feature f = dep:c, b/x`.
///
/// A `?` after a dependency makes it optional; brackets list features, with `-` for "no default features".
pub fn catalog(text: &str) -> Catalog {
    let mut catalog = Catalog::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.split('|').map(str::trim);
        let head = parts.next().unwrap();
        let (package, needs) = head.split_once("->").unwrap_or((head, ""));
        let (name, version) = package.trim().split_once(' ').unwrap();
        let mut release = CatalogVersion::new(Version::parse(version).unwrap());
        let mut features = lumen_core::requirement::Features::new();
        for part in parts {
            let (key, value) = part.split_once(' ').unwrap_or((part, ""));
            match key {
                "yanked" => release.yanked = Some(value.to_owned()),
                "time" => release.published_at = Some(value.parse().unwrap()),
                "feature" => {
                    let (name, values) = value.split_once('=').unwrap();
                    let values = values.split(',').map(str::trim).filter(|v| !v.is_empty());
                    features.insert(name.trim().to_owned(), values.map(str::to_owned).collect());
                }
                "unavailable" => release.contents = Contents::Unavailable(value.to_owned()),
                other => panic!("{other}"),
            }
        }
        if matches!(release.contents, Contents::NotLoaded) {
            release = release.with(requirements(needs), features);
        }
        let package = catalog
            .packages
            .entry(name_of(name))
            .or_insert_with(|| CatalogPackage::present("registry `main`", Vec::new()));
        package.versions.push(release);
    }
    // A package that is asked for and missing is absent.
    let all = catalog
        .packages
        .values()
        .flat_map(|package| &package.versions);
    let contents = all.filter_map(|version| version.contents.get().ok().flatten());
    let asked: Vec<PackageName> = contents
        .flat_map(|contents| contents.requirements.iter().map(|r| r.name.clone()))
        .collect();
    for name in asked {
        absent(&mut catalog, name);
    }
    catalog
}

pub fn absent(catalog: &mut Catalog, name: PackageName) {
    let package = || CatalogPackage::absent("registry `main`", Vec::new());
    catalog.packages.entry(name).or_insert_with(package);
}

/// Requirements from `a ^1, b? ^2 [x y -]`.
pub fn requirements(text: &str) -> Vec<Requirement> {
    let requirement = |text: &str| {
        let (text, features) = match text.split_once('[') {
            Some((text, features)) => (text.trim(), features.trim_end_matches(']')),
            None => (text, ""),
        };
        let (name, constraint) = text.split_once(' ').unwrap_or((text, "*"));
        let (name, optional) = match name.strip_suffix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let constraint: Constraint = constraint.parse().unwrap();
        let mut requirement = Requirement::new(name_of(name), constraint);
        requirement.optional = optional;
        for feature in features.split_whitespace() {
            match feature {
                "-" => requirement.default_features = false,
                feature => requirement.features.push(feature.to_owned()),
            }
        }
        requirement
    };
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts.map(requirement).collect()
}

/// A request for one manifest.
pub fn request(root: &str) -> Request {
    Request {
        roots: vec![Root {
            requirements: requirements(root),
            ..Root::default()
        }],
        ..Request::default()
    }
}

pub fn name_of(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

/// Lock entries from `a 1.0.0, b 2.0.0`.
pub fn lock(request: &mut Request, text: &str) {
    for entry in text.split(',') {
        let (name, version) = entry.trim().split_once(' ').unwrap();
        request
            .locked
            .insert(name_of(name), Version::parse(version).unwrap());
    }
}

/// What a resolution gives, in words: the versions, or the story of the conflict.
pub fn outcome(catalog: &Catalog, request: &Request) -> String {
    match resolve(catalog, request) {
        Ok(Outcome::Solved(resolution)) => {
            let line = |(name, package): (&PackageName, &lumen_core::resolve::Resolved)| {
                let features: Vec<&str> = package.features.iter().map(String::as_str).collect();
                match features.is_empty() {
                    true => format!("{name} {}", package.version),
                    false => format!("{name} {} [{}]", package.version, features.join(" ")),
                }
            };
            let lines: Vec<String> = resolution.packages.iter().map(line).collect();
            lines.join(", ")
        }
        Ok(Outcome::GaveUp(exceeded)) => exceeded.to_string(),
        Ok(Outcome::NeedsMore(needs)) => {
            let need = |need: &lumen_core::resolve::Need| match &need.version {
                Some(version) => format!("{} {version}", need.name),
                None => need.name.to_string(),
            };
            let needs: Vec<String> = needs.iter().map(need).collect();
            format!("needs {}", needs.join(", "))
        }
        Err(conflict) => {
            let story = explain(catalog, request, &conflict);
            assert!(story.causes.len() <= 12 && story.hints.len() <= 1);
            let mut lines = vec![format!("error: {}", story.title)];
            let numbered = story.causes.iter().enumerate();
            lines.extend(numbered.map(|(at, cause)| format!("{:3}. {cause}", at + 1)));
            lines.extend(story.hints.iter().map(hint));
            lines.join("\n")
        }
    }
}

/// A hint as snapshots show it: its text, or its name and facts, which a program words.
fn hint(hint: &Remedy) -> String {
    match hint {
        Remedy::Text(text) => format!("hint: {text}"),
        other => format!("hint: {other:?}"),
    }
}
