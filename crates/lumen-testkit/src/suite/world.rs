//! The packages of a case, and their translation into a catalog.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    Constraint, PackageName, Requirement, Version,
    constraint::Dialect,
    requirement::Features,
    resolve::{Catalog, CatalogPackage, CatalogVersion, Contents},
};

/// The packages of a case, by the case's own names.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Name to version to release.
    pub packages: BTreeMap<String, BTreeMap<Version, Release>>,
}

/// One version of a package.
#[derive(Debug, Clone, Default)]
pub struct Release {
    /// Its dependencies, sorted by name.
    pub dependencies: Vec<Dependency>,
    /// Its features.
    pub features: BTreeMap<String, Vec<String>>,
    /// Whether it was yanked.
    pub yanked: bool,
}

/// What a release or a root asks for.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// The package asked for.
    pub name: String,
    /// The versions accepted, in cargo's syntax.
    pub requirement: String,
    /// Whether a feature must turn it on.
    pub optional: bool,
    /// Features asked for.
    pub features: Vec<String>,
    /// Whether `default` is asked for.
    pub default_features: bool,
}

/// A one-to-one translation of a case's names into valid package names of the same order.
#[derive(Debug, Clone)]
pub struct Names {
    to: BTreeMap<String, PackageName>,
    from: BTreeMap<PackageName, String>,
}

impl Names {
    /// Names for everything a world or a root mentions.
    ///
    /// # Errors
    /// When there are more names than six digits can number.
    pub fn new(world: &World, root: &[Dependency]) -> Result<Self, String> {
        let releases = world.packages.values().flat_map(BTreeMap::values);
        let dependencies = releases.flat_map(|release| &release.dependencies);
        let mentioned = dependencies.chain(root).map(|d| &d.name);
        let all: BTreeSet<&String> = world.packages.keys().chain(mentioned).collect();
        let plain = |name: &&String| {
            let odd = name.contains(['@', '/', '?', ':']);
            !odd && PackageName::parse(name).is_ok()
        };
        let keep = all.iter().all(plain);
        let mut names = Self {
            to: BTreeMap::new(),
            from: BTreeMap::new(),
        };
        for (number, name) in all.into_iter().enumerate() {
            let text = match keep {
                true => name.clone(),
                false => format!("p{number:06}"),
            };
            let package = PackageName::parse(&text).map_err(|error| error.to_string())?;
            names.to.insert(name.clone(), package.clone());
            names.from.insert(package, name.clone());
        }
        Ok(names)
    }

    /// The package name for a name of the case.
    pub fn package(&self, name: &str) -> Result<PackageName, String> {
        let found = self.to.get(name).cloned();
        found.ok_or_else(|| format!("`{name}` is mentioned nowhere"))
    }

    /// The case's name for a package.
    pub fn original(&self, package: &PackageName) -> String {
        let found = self.from.get(package).cloned();
        found.unwrap_or_else(|| package.to_string())
    }

    /// The case's name for a feature, which may be named like an optional dependency.
    pub fn original_feature(&self, feature: &str) -> String {
        match self.from.get(feature) {
            Some(name) => name.clone(),
            None => feature.to_owned(),
        }
    }

    fn feature(&self, feature: &str) -> String {
        match self.to.get(feature) {
            Some(package) => package.to_string(),
            None => feature.to_owned(),
        }
    }

    /// An entry of a feature's list.
    fn value(&self, value: &str) -> String {
        if let Some(name) = value.strip_prefix("dep:") {
            return format!("dep:{}", self.feature(name));
        }
        match value.rsplit_once('/') {
            None => self.feature(value),
            Some((name, feature)) => {
                let (name, mark) = match name.strip_suffix('?') {
                    Some(name) => (name, "?"),
                    None => (name, ""),
                };
                format!("{}{mark}/{}", self.feature(name), self.feature(feature))
            }
        }
    }

    /// The dependencies as `lumen-core` has them.
    ///
    /// # Errors
    /// When a requirement is not in cargo's syntax.
    pub fn requirements(&self, dependencies: &[Dependency]) -> Result<Vec<Requirement>, String> {
        let requirement = |dependency: &Dependency| {
            let constraint = Constraint::parse(&dependency.requirement, Dialect::Cargo);
            Ok(Requirement {
                name: self.package(&dependency.name)?,
                constraint: constraint.map_err(|error| error.to_string())?,
                optional: dependency.optional,
                features: dependency
                    .features
                    .iter()
                    .map(|f| self.feature(f))
                    .collect(),
                default_features: dependency.default_features,
            })
        };
        dependencies.iter().map(requirement).collect()
    }

    /// The world as a catalog.
    ///
    /// # Errors
    /// When a requirement is not in cargo's syntax.
    pub fn catalog(&self, world: &World) -> Result<Catalog, String> {
        let mut catalog = Catalog::default();
        for (name, releases) in &world.packages {
            let mut versions = Vec::with_capacity(releases.len());
            for (version, release) in releases {
                let row = |(feature, values): (&String, &Vec<String>)| {
                    let values = values.iter().map(|value| self.value(value)).collect();
                    (self.feature(feature), values)
                };
                let features: Features = release.features.iter().map(row).collect();
                let requirements = self.requirements(&release.dependencies)?;
                versions.push(CatalogVersion {
                    version: version.clone(),
                    yanked: release.yanked.then(String::new),
                    blocked: None,
                    published_at: None,
                    contents: Contents::loaded(requirements, features),
                });
            }
            let package = CatalogPackage::present("registry `suite`", versions);
            catalog.packages.insert(self.package(name)?, package);
        }
        for package in self.from.keys() {
            let absent = || CatalogPackage::absent("registry `suite`", Vec::new());
            catalog
                .packages
                .entry(package.clone())
                .or_insert_with(absent);
        }
        Ok(catalog)
    }
}
