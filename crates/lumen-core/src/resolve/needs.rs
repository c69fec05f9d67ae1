//! What one version of a package needs, feature by feature.

use super::{
    catalog::ReleaseContents,
    features::{Meaning, Value, value},
    nodes::{Kind, Needs, ON, Tables},
    set::Set,
};

/// Collects the needs of one loaded version.
pub(super) struct VersionNeeds<'t, 'a> {
    pub tables: &'t mut Tables<'a>,
    pub package: u32,
    pub contents: &'a ReleaseContents,
    pub needs: &'t mut Needs,
}

impl<'a> VersionNeeds<'_, 'a> {
    pub fn of(&mut self, kind: Kind<&'a str>) {
        match kind {
            Kind::Package(_) => {
                for requirement in self.contents.requirements.iter().filter(|r| !r.optional) {
                    self.tables.requirement(requirement, self.needs);
                }
            }
            Kind::Feature(_, feature) => self.feature(feature),
            Kind::Default(_) if self.contents.features.contains_key("default") => {
                self.same(Kind::Feature(self.package, "default"));
            }
            Kind::Optional { dependency, .. } => self.optional(dependency),
            _ => {}
        }
    }

    /// Another node of this package; the base they share makes it the same version.
    fn same(&mut self, kind: Kind<&'a str>) {
        self.needs.push((self.tables.node(kind), Set::full()));
    }

    fn feature(&mut self, feature: &'a str) {
        match self.contents.meaning(feature) {
            Meaning::Row(values) => {
                for text in values {
                    self.value(feature, value(text));
                }
            }
            Meaning::OptionalDependency => self.turn_on(feature),
            Meaning::Missing => self.tables.never(self.needs),
        }
    }

    fn value(&mut self, of: &str, value: Value<'a>) {
        match value {
            Value::Feature(feature) if feature == of => {}
            Value::Feature(feature) => self.same(Kind::Feature(self.package, feature)),
            Value::Optional(name) => self.turn_on(name),
            Value::Of {
                dependency,
                feature,
                weak,
            } => self.feature_of(of, dependency, feature, weak),
        }
    }

    /// Turns an optional dependency on; one that is not optional is on anyway.
    fn turn_on(&mut self, name: &str) {
        let Some(requirement) = self.contents.requirements_on(name).next() else {
            return self.tables.never(self.needs);
        };
        if self.contents.is_optional(name) {
            let dependency = self.tables.package(&requirement.name);
            self.same(Kind::Optional {
                owner: self.package,
                dependency,
            });
        }
    }

    /// `name/feature` or `name?/feature` in the row of `of`.
    fn feature_of(&mut self, of: &str, name: &'a str, feature: &'a str, weak: bool) {
        let Some(requirement) = self.contents.requirements_on(name).next() else {
            return self.tables.never(self.needs);
        };
        let dependency = self.tables.package(&requirement.name);
        let optional = self.contents.is_optional(name);
        if optional && weak {
            let kind = Kind::Weak {
                owner: self.package,
                dependency,
                feature,
            };
            return self.needs.push((self.tables.node(kind), Set::full()));
        }
        if optional {
            self.turn_on(name);
            // As in cargo, this also turns on the feature of that name, where there is one.
            if name != of && self.contents.meaning(name) != Meaning::Missing {
                self.same(Kind::Feature(self.package, name));
            }
        }
        for requirement in self.contents.requirements_on(name) {
            let table = &mut self.tables.packages[dependency as usize];
            let set = table.accepted(&requirement.constraint);
            self.tables
                .feature_need(dependency, feature, &set, self.needs);
        }
    }

    /// The requirements of an optional dependency that is on.
    fn optional(&mut self, dependency: u32) {
        let name = self.tables.packages[dependency as usize].name.as_str();
        if !self.contents.is_dependency(name) {
            return self.tables.never(self.needs);
        }
        if self.contents.has_weak(name) {
            let kind = Kind::Active {
                owner: self.package,
                dependency,
            };
            self.needs.push((self.tables.node(kind), Set::index(ON, 2)));
        }
        for requirement in self.contents.requirements_on(name) {
            self.tables.requirement(requirement, self.needs);
        }
    }
}
