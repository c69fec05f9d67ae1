//! Which features and dependencies are active, given the versions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    catalog::{Catalog, CatalogVersion, ReleaseContents},
    features::{Meaning, Value, value},
    request::{Request, Resolution, Resolved},
};
use crate::{name::PackageName, requirement::Requirement, version::Version};

/// Returns the active features and dependencies of each package when these versions are used.
///
/// Packages that nothing needs are left out; so are those without a version in `versions`
/// or without loaded contents in the catalog, and versions need not satisfy any requirement.
pub fn activate(
    catalog: &Catalog,
    request: &Request,
    versions: &BTreeMap<PackageName, Version>,
) -> Resolution {
    let find = |name: &PackageName| {
        let version = versions.get(name)?;
        let entry = catalog.packages.get(name)?;
        entry
            .versions
            .iter()
            .find(|candidate| candidate.version == *version)
    };
    activate_with(request, find)
}

/// The same, with versions looked up by a function.
pub(super) fn activate_with<'a>(
    request: &'a Request,
    find: impl Fn(&PackageName) -> Option<&'a CatalogVersion>,
) -> Resolution {
    let mut activation = Activation {
        find,
        active: HashMap::new(),
        work: Vec::new(),
    };
    for root in &request.roots {
        for requirement in &root.requirements {
            activation.requirement(requirement);
            for text in root.features.values().flatten() {
                if let Value::Of {
                    dependency,
                    feature,
                    ..
                } = value(text)
                    && dependency == requirement.name.as_str()
                {
                    activation.feature(&requirement.name, feature);
                }
            }
        }
    }
    activation.run();
    let resolved = |(name, active): (&PackageName, Active<'a>)| {
        let resolved = Resolved {
            version: active.version.clone(),
            features: active.features.into_iter().map(str::to_owned).collect(),
            dependencies: active.dependencies.into_iter().cloned().collect(),
        };
        (name.clone(), resolved)
    };
    Resolution {
        packages: activation.active.into_iter().map(resolved).collect(),
    }
}

struct Activation<'a, F> {
    find: F,
    active: HashMap<&'a PackageName, Active<'a>>,
    work: Vec<Work<'a>>,
}

struct Active<'a> {
    version: &'a Version,
    contents: &'a ReleaseContents,
    features: BTreeSet<&'a str>,
    dependencies: BTreeSet<&'a PackageName>,
    /// Weak features of dependencies that are not active (yet).
    weak: Vec<(&'a PackageName, &'a str)>,
}

enum Work<'a> {
    Dependency(&'a PackageName, &'a Requirement),
    Feature(&'a PackageName, &'a str),
}

impl<'a, F: Fn(&PackageName) -> Option<&'a CatalogVersion>> Activation<'a, F> {
    fn run(&mut self) {
        while let Some(work) = self.work.pop() {
            match work {
                Work::Dependency(owner, requirement) => {
                    self.depend(owner, &requirement.name);
                    self.requirement(requirement);
                }
                Work::Feature(name, feature) => self.feature(name, feature),
            }
        }
    }

    /// Activates what a requirement asks for.
    fn requirement(&mut self, requirement: &'a Requirement) {
        let name = &requirement.name;
        self.package(name);
        for feature in &requirement.features {
            self.work.push(Work::Feature(name, feature));
        }
        if requirement.default_features
            && let Some(active) = self.active.get(name)
            && active.contents.features.contains_key("default")
        {
            self.work.push(Work::Feature(name, "default"));
        }
    }

    fn package(&mut self, name: &'a PackageName) {
        if self.active.contains_key(name) {
            return;
        }
        let Some(version) = (self.find)(name) else {
            return;
        };
        let Ok(Some(contents)) = version.contents.get() else {
            return;
        };
        for requirement in contents.requirements.iter().filter(|r| !r.optional) {
            self.work.push(Work::Dependency(name, requirement));
        }
        let active = Active {
            version: &version.version,
            contents,
            features: BTreeSet::new(),
            dependencies: BTreeSet::new(),
            weak: Vec::new(),
        };
        self.active.insert(name, active);
    }

    fn depend(&mut self, owner: &'a PackageName, dependency: &'a PackageName) {
        let Some(active) = self.active.get_mut(owner) else {
            return;
        };
        if !active.dependencies.insert(dependency) {
            return;
        }
        let due = |weak: &mut (&PackageName, &str)| weak.0 == dependency;
        for (name, feature) in active.weak.extract_if(.., due) {
            self.work.push(Work::Feature(name, feature));
        }
    }

    fn feature(&mut self, name: &'a PackageName, feature: &'a str) {
        let Some(active) = self.active.get_mut(name) else {
            return;
        };
        let contents = active.contents;
        let meaning = contents.meaning(feature);
        if meaning == Meaning::Missing || !active.features.insert(feature) {
            return;
        }
        match meaning {
            Meaning::Row(values) => {
                for text in values {
                    self.value(name, contents, value(text));
                }
            }
            Meaning::OptionalDependency => self.turn_on(name, contents, feature),
            Meaning::Missing => {}
        }
    }

    fn value(&mut self, name: &'a PackageName, contents: &'a ReleaseContents, value: Value<'a>) {
        let (dependency, feature, weak) = match value {
            Value::Feature(feature) => return self.work.push(Work::Feature(name, feature)),
            Value::Optional(dependency) => return self.turn_on(name, contents, dependency),
            Value::Of {
                dependency,
                feature,
                weak,
            } => (dependency, feature, weak),
        };
        let Some(requirement) = contents.requirements_on(dependency).next() else {
            return;
        };
        let optional = contents.is_optional(dependency);
        if optional
            && weak
            && let Some(active) = self.active.get_mut(name)
            && !active.dependencies.contains(&requirement.name)
        {
            return active.weak.push((&requirement.name, feature));
        }
        if optional && !weak {
            self.turn_on(name, contents, dependency);
            self.work.push(Work::Feature(name, dependency));
        }
        // After the dependency itself, which is further down or further up the stack.
        self.package(&requirement.name);
        self.work.push(Work::Feature(&requirement.name, feature));
    }

    fn turn_on(&mut self, owner: &'a PackageName, contents: &'a ReleaseContents, name: &str) {
        if contents.is_optional(name) {
            for requirement in contents.requirements_on(name) {
                self.work.push(Work::Dependency(owner, requirement));
            }
        }
    }
}
