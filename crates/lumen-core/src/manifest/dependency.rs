//! Tables of dependencies, in all forms a dependency can have.

use toml_edit::{Item, Value};

use super::{
    Dependencies, Dependency, DependencySource, GitReference,
    reader::{Field, Reader, Section, Text, brief, shown, shown_bare},
    values::{
        blamed, is_git_url, is_git_word, no_credentials, only_true, registry_name, relative_path,
    },
};
use crate::{
    constraint::{Constraint, Dialect},
    name::PackageName,
};

/// The table that a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Normal,
    Dev,
    Patch,
    Workspace,
}

/// The keys of one dependency.
struct Keys<'d> {
    version: Option<Field<'d>>,
    registry: Option<Field<'d>>,
    path: Option<Field<'d>>,
    git: Option<Field<'d>>,
    references: [Option<Field<'d>>; 3],
    workspace: Option<Field<'d>>,
    optional: Option<Field<'d>>,
    features: Option<Field<'d>>,
    default_features: Option<Field<'d>>,
}

/// Reads a table of dependencies.
pub(super) fn dependencies(reader: &mut Reader, field: &Field<'_>, table: Table) -> Dependencies {
    let mut out = Dependencies::new();
    let title = match table {
        Table::Normal | Table::Dev | Table::Patch => format!("[{}]", field.key),
        Table::Workspace => "[workspace.dependencies]".to_owned(),
    };
    let Some(mut section) = reader.section(field, title) else {
        return out;
    };
    for field in section.take_all() {
        let name = name(reader, &field);
        let dependency = dependency(reader, &field, table);
        if let (Some(name), Some(dependency)) = (name, dependency) {
            out.insert(name, dependency);
        }
    }
    out
}

fn name(reader: &mut Reader, field: &Field<'_>) -> Option<PackageName> {
    let problem = match PackageName::parse(field.key) {
        Ok(name) => return Some(name),
        Err(error) => {
            let key = Text {
                text: field.key,
                span: field.key_span.clone(),
            };
            // A bare key has no quotes, so that `inside` finds nothing to point into.
            let part = blamed(field.key, &error);
            let span = match reader.raw(&key.span) == field.key {
                true => key.span.start + part.start..key.span.start + part.end,
                false => reader.inside(&key, part),
            };
            reader.error(span, brief(error))
        }
    };
    reader.push(problem);
    None
}

fn dependency(reader: &mut Reader, field: &Field<'_>, table: Table) -> Option<Dependency> {
    let plain = |source| Dependency {
        source,
        optional: false,
        features: Vec::new(),
        default_features: true,
        inherited: false,
        span: field.span(),
        name_span: field.key_span.clone(),
    };
    match field.item {
        Item::Value(Value::String(_)) => {
            let text = reader.string(field)?;
            let constraint = constraint(reader, &text)?;
            if table == Table::Patch {
                let problem = reader.error(
                    field.span(),
                    format!(
                        "patch {} does not say where it comes from",
                        shown(field.key)
                    ),
                );
                reader.push(problem.hint("give a `path`, `git` or `registry`"));
            }
            Some(plain(DependencySource::Registry {
                constraint,
                registry: None,
            }))
        }
        item if item.is_table_like() => {
            let mut section = reader.section(field, format!("dependency {}", shown(field.key)))?;
            let keys = Keys::take(&mut section);
            reader.finish(section);
            let optional = optional(reader, &keys, table);
            let features = features(reader, &keys);
            let default_features = keys
                .default_features
                .as_ref()
                .and_then(|field| reader.boolean(field));
            if table == Table::Patch {
                refuse_in_patch(reader, &keys);
            }
            Some(Dependency {
                source: source(reader, field, &keys, table)?,
                optional,
                features,
                default_features: default_features.unwrap_or(true),
                ..plain(DependencySource::Workspace)
            })
        }
        _ => {
            let what = format!(
                "dependency {} must be a version in quotes or a table",
                shown(field.key)
            );
            let problem = reader.error(field.span(), what);
            reader.push(match field.item {
                Item::Value(Value::Integer(_) | Value::Float(_)) => {
                    let raw = reader.raw(&field.span());
                    let hint = format!("write it in quotes: {} = \"{raw}\"", shown_bare(field.key));
                    problem.hint(hint)
                }
                Item::Value(Value::Boolean(_)) => problem.hint("any version is \"*\""),
                _ => problem,
            });
            None
        }
    }
}

impl<'d> Keys<'d> {
    fn take(section: &mut Section<'d>) -> Self {
        Self {
            version: section.take("version"),
            registry: section.take("registry"),
            path: section.take("path"),
            git: section.take("git"),
            references: ["branch", "tag", "rev"].map(|key| section.take(key)),
            workspace: section.take("workspace"),
            optional: section.take("optional"),
            features: section.take("features"),
            default_features: section.take("default-features"),
        }
    }
}

/// Reports that two keys exclude each other, at the one that stands later.
fn contradiction(reader: &mut Reader, a: &Field<'_>, b: &Field<'_>, hint: &str) {
    let (first, second) = match a.key_span.start <= b.key_span.start {
        true => (a, b),
        false => (b, a),
    };
    let what = format!("`{}` cannot be combined with `{}`", second.key, first.key);
    let problem = reader.error(second.key_span.clone(), what);
    reader.push(problem.hint(hint));
}

fn source(
    reader: &mut Reader,
    field: &Field<'_>,
    keys: &Keys<'_>,
    table: Table,
) -> Option<DependencySource> {
    if let Some(workspace) = &keys.workspace {
        return workspace_source(reader, workspace, keys, table);
    }
    if let (Some(path), Some(git)) = (&keys.path, &keys.git) {
        contradiction(reader, path, git, "keep one of them");
    }
    for local in [&keys.path, &keys.git].into_iter().flatten() {
        if let Some(registry) = &keys.registry {
            contradiction(reader, local, registry, "keep one of them");
        }
    }
    let reference = reference(reader, keys);
    let constraint = match &keys.version {
        Some(version) => {
            let text = reader.string(version);
            Some(text.and_then(|text| constraint(reader, &text))?)
        }
        None => None,
    };
    let registry = keys
        .registry
        .as_ref()
        .and_then(|registry| registry_name(reader, registry));
    if let Some(path) = &keys.path {
        let text = reader.word(path)?;
        let path = relative_path(reader, &text)?;
        return Some(DependencySource::Path { path, constraint });
    }
    if let Some(git) = &keys.git {
        let text = reader.word(git)?;
        return Some(DependencySource::Git {
            url: git_url(reader, &text)?,
            reference,
            constraint,
        });
    }
    let Some(constraint) = constraint else {
        let what = format!(
            "dependency {} does not say where it comes from",
            shown(field.key)
        );
        let problem = reader.error(field.span(), what);
        reader.push(problem.hint(match keys.registry.is_some() {
            true => "add `version = \"*\"` or a narrower constraint",
            false => "give a `version`, `path`, `git` or `workspace = true`",
        }));
        return None;
    };
    if table == Table::Patch && keys.registry.is_none() {
        let what = format!(
            "patch {} does not say where it comes from",
            shown(field.key)
        );
        let problem = reader.error(field.span(), what);
        reader.push(problem.hint("give a `path`, `git` or `registry`"));
    }
    Some(DependencySource::Registry {
        constraint,
        registry,
    })
}

fn workspace_source(
    reader: &mut Reader,
    workspace: &Field<'_>,
    keys: &Keys<'_>,
    table: Table,
) -> Option<DependencySource> {
    let [branch, tag, rev] = &keys.references;
    let others = [
        &keys.version,
        &keys.registry,
        &keys.path,
        &keys.git,
        branch,
        tag,
        rev,
        &keys.default_features,
    ];
    for other in others.into_iter().flatten() {
        let hint = format!(
            "[workspace.dependencies] in the root says it; leave `{}` out here",
            other.key
        );
        let what = format!("`{}` cannot be combined with `workspace`", other.key);
        let problem = reader.error(other.key_span.clone(), what);
        reader.push(problem.hint(hint));
    }
    if matches!(table, Table::Patch | Table::Workspace) {
        let what = "`workspace` has no meaning in this table";
        let problem = reader.error(workspace.key_span.clone(), what);
        reader.push(problem.hint("give a `version`, `path` or `git`"));
        return None;
    }
    only_true(reader, workspace).then_some(DependencySource::Workspace)
}

fn reference(reader: &mut Reader, keys: &Keys<'_>) -> GitReference {
    let given: Vec<&Field<'_>> = keys.references.iter().flatten().collect();
    if let [first, second, ..] = given.as_slice() {
        contradiction(reader, first, second, "keep one of them");
    }
    let Some(field) = given.first() else {
        return GitReference::Default;
    };
    if keys.git.is_none() {
        let what = format!("`{}` has no meaning without `git`", field.key);
        let problem = reader.error(field.key_span.clone(), what);
        reader.push(problem.hint("add `git = \"<URL>\"`"));
    }
    let Some(text) = reader.word(field) else {
        return GitReference::Default;
    };
    if !is_git_word(text.text) {
        let what = format!("{} is not a {} of git", shown(text.text), field.key);
        let problem = reader.error(text.span.clone(), what);
        reader.push(problem);
    }
    let value = text.text.to_owned();
    match field.key {
        "branch" => GitReference::Branch(value),
        "tag" => GitReference::Tag(value),
        _ => GitReference::Rev(value),
    }
}

fn optional(reader: &mut Reader, keys: &Keys<'_>, table: Table) -> bool {
    let Some(field) = &keys.optional else {
        return false;
    };
    let value = reader.boolean(field) == Some(true);
    let hint = match table {
        Table::Normal | Table::Patch => return value,
        Table::Dev => "features cannot turn a dev-dependency on; leave it out",
        Table::Workspace => {
            "the member that uses it says so: { workspace = true, optional = true }"
        }
    };
    if value {
        let problem = reader.error(field.key_span.clone(), "`optional` has no meaning here");
        reader.push(problem.hint(hint));
    }
    false
}

/// A patch says where a package comes from; its dependents say the rest.
fn refuse_in_patch(reader: &mut Reader, keys: &Keys<'_>) {
    for field in [&keys.optional, &keys.features, &keys.default_features]
        .into_iter()
        .flatten()
    {
        let what = format!("`{}` has no meaning in [patch]", field.key);
        let problem = reader.error(field.key_span.clone(), what);
        reader.push(problem.hint("say it where the package is depended on"));
    }
}

fn features(reader: &mut Reader, keys: &Keys<'_>) -> Vec<String> {
    let Some(field) = &keys.features else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for text in reader.strings(field) {
        if text.text.is_empty() || text.text.contains(['/', ':', '?']) {
            let what = format!("{} is not the name of a feature", shown(text.text));
            let problem = reader.error(text.span.clone(), what);
            reader.push(problem);
        }
        out.push(text.text.to_owned());
    }
    out
}

fn constraint(reader: &mut Reader, text: &Text<'_>) -> Option<Constraint> {
    match Constraint::parse(text.text, Dialect::Lumen) {
        Ok(constraint) => Some(constraint),
        Err(error) => {
            let what = match text.text.trim() {
                "" => "the version constraint is empty".to_owned(),
                _ => format!(
                    "{} is not a version constraint: {}",
                    shown(text.text),
                    error.reason
                ),
            };
            let problem = reader.error(reader.inside(text, error.span), what);
            reader.push(match text.text.trim() {
                "" | "latest" | "any" => problem.hint("any version is \"*\""),
                _ => problem,
            });
            None
        }
    }
}

fn git_url(reader: &mut Reader, text: &Text<'_>) -> Option<String> {
    let url = text.text;
    if !is_git_url(url) {
        let what = format!("{} is not a git URL that is allowed", shown(url));
        let problem = reader.error(text.span.clone(), what);
        reader.push(problem.hint("use `https://…`, `ssh://…`, `git@host:path` or a relative path"));
        return None;
    }
    no_credentials(reader, text).then(|| url.to_owned())
}
