//! What a feature turns on, by cargo's rules.

use super::catalog::ReleaseContents;
use crate::requirement::Requirement;

/// One entry of a feature's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// `name`: a feature of the same package.
    Feature(&'a str),
    /// `dep:name`: an optional dependency.
    Optional(&'a str),
    /// `name/feature`: a feature of a dependency; `name?/feature`: only where the dependency is active.
    Of {
        dependency: &'a str,
        feature: &'a str,
        weak: bool,
    },
}

/// What a feature name means in one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    /// A row of the `[features]` table.
    Row(&'a [String]),
    /// The feature every optional dependency brings along, unless a `dep:` names it.
    OptionalDependency,
    /// Nothing.
    Missing,
}

/// Reads one entry of a feature's list.
pub(crate) fn value(text: &str) -> Value<'_> {
    if let Some(name) = text.strip_prefix("dep:") {
        return Value::Optional(name);
    }
    let Some((dependency, feature)) = text.rsplit_once('/') else {
        return Value::Feature(text);
    };
    if dependency.starts_with('@') && !dependency.contains('/') {
        // `@scope/name`: the feature an optional scoped dependency brings along.
        return Value::Feature(text);
    }
    match dependency.strip_suffix('?') {
        Some(dependency) => Value::Of {
            dependency,
            feature,
            weak: true,
        },
        None => Value::Of {
            dependency,
            feature,
            weak: false,
        },
    }
}

impl ReleaseContents {
    /// What a feature name means here.
    pub(crate) fn meaning<'a>(&'a self, feature: &str) -> Meaning<'a> {
        if let Some(row) = self.features.get(feature) {
            return Meaning::Row(row);
        }
        let hidden = || {
            let mut values = self.features.values().flatten();
            values.any(|text| text.strip_prefix("dep:") == Some(feature))
        };
        match self.is_optional(feature) && !hidden() {
            true => Meaning::OptionalDependency,
            false => Meaning::Missing,
        }
    }

    /// The entries of `requirements` for a name; none when it is no dependency.
    pub(crate) fn requirements_on<'a>(
        &'a self,
        name: &str,
    ) -> impl Iterator<Item = &'a Requirement> {
        let wanted = move |requirement: &&Requirement| requirement.name.as_str() == name;
        self.requirements.iter().filter(wanted)
    }

    /// Whether a name is a dependency that a feature must turn on.
    pub(crate) fn is_optional(&self, name: &str) -> bool {
        let mut on = self.requirements_on(name).peekable();
        on.peek().is_some() && on.all(|requirement| requirement.optional)
    }

    /// Whether a name is a dependency at all.
    pub(crate) fn is_dependency(&self, name: &str) -> bool {
        self.requirements_on(name).next().is_some()
    }

    /// Whether some feature asks for a feature of this optional dependency only where it is active.
    pub(crate) fn has_weak(&self, name: &str) -> bool {
        let mut values = self.features.values().flatten();
        values.any(|text| {
            matches!(value(text), Value::Of { dependency, weak: true, .. } if dependency == name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let of = |dependency, feature, weak| Value::Of {
            dependency,
            feature,
            weak,
        };
        for (text, expected) in [
            ("std", Value::Feature("std")),
            ("dep:serde", Value::Optional("serde")),
            ("dep:@org/http", Value::Optional("@org/http")),
            ("serde/std", of("serde", "std", false)),
            ("serde?/std", of("serde", "std", true)),
            ("@org/http", Value::Feature("@org/http")),
            ("@org/http/tls", of("@org/http", "tls", false)),
            ("@org/http?/tls", of("@org/http", "tls", true)),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }
}
