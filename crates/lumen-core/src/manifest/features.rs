//! `[features]`: every name in it must lead somewhere.

use std::collections::BTreeSet;

use super::{
    Dependencies,
    reader::{Field, Reader, Text, shown, shown_bare},
};
use crate::requirement::Features;

/// What a feature turns on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect<'t> {
    /// Another feature, or an optional dependency that no `dep:` hides.
    Feature(&'t str),
    /// `dep:name`
    Dependency(&'t str),
    /// `name/feature`, or `name?/feature` when weak.
    DependencyFeature {
        name: &'t str,
        feature: &'t str,
        weak: bool,
    },
}

impl<'t> Effect<'t> {
    /// Reads a value of `[features]`.
    pub fn of(text: &'t str) -> Self {
        if let Some(name) = text.strip_prefix("dep:") {
            return Self::Dependency(name);
        }
        // The slash of a scope is not the one in front of a feature.
        let scope = match text.starts_with('@') {
            true => text.find('/').map_or(text.len(), |at| at + 1),
            false => 0,
        };
        match text[scope..].rfind('/').map(|at| scope + at) {
            Some(at) => {
                let name = &text[..at];
                Self::DependencyFeature {
                    name: name.strip_suffix('?').unwrap_or(name),
                    feature: &text[at + 1..],
                    weak: name.ends_with('?'),
                }
            }
            None => Self::Feature(text),
        }
    }

    /// The dependency it is about, if it says so.
    pub fn dependency(self) -> Option<&'t str> {
        match self {
            Self::Feature(_) => None,
            Self::Dependency(name) | Self::DependencyFeature { name, .. } => Some(name),
        }
    }
}

/// Reads `[features]`. `declared` are the names in `[dependencies]`, also of those that
/// have problems of their own and are missing from `dependencies`.
pub(super) fn features(
    reader: &mut Reader,
    field: &Field<'_>,
    dependencies: &Dependencies,
    declared: &BTreeSet<&str>,
) -> Features {
    let mut out = Features::new();
    let Some(mut section) = reader.section(field, "[features]") else {
        return out;
    };
    let mut effects: Vec<Text<'_>> = Vec::new();
    let fields = section.take_all();
    for field in &fields {
        if !is_feature_name(field.key) {
            let what = format!("{} cannot be the name of a feature", shown(field.key));
            let problem = reader.error(field.key_span.clone(), what);
            reader.push(problem.hint("use letters, digits, `-`, `_`, `.` and `+`"));
        }
        let texts = reader.strings(field);
        let plain = texts.iter().map(|text| text.text.to_owned()).collect();
        out.insert(field.key.to_owned(), plain);
        effects.extend(texts);
    }
    let hidden: BTreeSet<&str> = effects
        .iter()
        .filter_map(|text| match Effect::of(text.text) {
            Effect::Dependency(name) => Some(name),
            _ => None,
        })
        .collect();
    let check = Check {
        features: &out,
        dependencies,
        declared,
        hidden: &hidden,
    };
    for text in &effects {
        check.effect(reader, text);
    }
    out
}

/// What may be the name of a feature.
fn is_feature_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))
}

struct Check<'d> {
    features: &'d Features,
    dependencies: &'d Dependencies,
    declared: &'d BTreeSet<&'d str>,
    /// Optional dependencies that some `dep:` mentions: they are no features of their own.
    hidden: &'d BTreeSet<&'d str>,
}

impl Check<'_> {
    fn effect(&self, reader: &mut Reader, text: &Text<'_>) {
        match Effect::of(text.text) {
            Effect::Feature(name) => self.feature(reader, text, name),
            Effect::Dependency(name) => {
                let start = text.text.len() - name.len();
                if self.is_declared(reader, text, name, start)
                    && self.is_optional(name) == Some(false)
                {
                    let what = format!("dependency {} is always on", shown(name));
                    let problem = reader.error(reader.inside(text, start..text.text.len()), what);
                    reader.push(problem.hint("add `optional = true` to it, or leave this out"));
                }
            }
            Effect::DependencyFeature {
                name,
                feature,
                weak,
            } => {
                if !self.is_declared(reader, text, name, 0) {
                    return;
                }
                if feature.is_empty() {
                    let end = text.text.len();
                    let what = "a feature is missing after `/`";
                    let problem = reader.error(reader.inside(text, end..end), what);
                    reader.push(problem);
                } else if weak && self.is_optional(name) == Some(false) {
                    let what = format!("dependency {} is always on", shown(name));
                    let at = name.len();
                    let problem = reader.error(reader.inside(text, at..at + 1), what);
                    let hint = format!("write `{}/{}`", shown_bare(name), shown_bare(feature));
                    reader.push(problem.hint(hint));
                }
            }
        }
    }

    fn feature(&self, reader: &mut Reader, text: &Text<'_>, name: &str) {
        if self.features.contains_key(name) {
            return;
        }
        let whole = 0..text.text.len();
        if self.declared.contains(name) {
            let hint = match self.is_optional(name) {
                Some(false) => "add `optional = true` to it, or leave this out",
                Some(true) if self.hidden.contains(name) => "write it as `dep:` here, too",
                _ => return,
            };
            let what = format!("{} is a dependency, not a feature", shown(name));
            let problem = reader.error(reader.inside(text, whole), what);
            reader.push(problem.hint(hint));
            return;
        }
        let what = format!("there is no feature {}", shown(name));
        let problem = reader.error(reader.inside(text, whole), what);
        let known = self.features.keys().map(String::as_str);
        reader.push(match reader.nearest(name, known) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("a dependency is written `dep:name` or `name/feature`"),
        });
    }

    /// Whether a dependency exists; if not, that is a problem.
    fn is_declared(&self, reader: &mut Reader, text: &Text<'_>, name: &str, start: usize) -> bool {
        if self.declared.contains(name) {
            return true;
        }
        let what = format!("there is no dependency {}", shown(name));
        let problem = reader.error(reader.inside(text, start..start + name.len()), what);
        reader.push(match reader.nearest(name, self.declared.iter().copied()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("features are about [dependencies] only"),
        });
        false
    }

    fn is_optional(&self, name: &str) -> Option<bool> {
        self.dependencies
            .get(name)
            .map(|dependency| dependency.optional)
    }
}
