//! Reads a manifest: its tables in turn, and what none of them may hold.

use super::{
    Dependencies, InheritedKey, Manifest, Parsed,
    dependency::{self, Table},
    features, package, policy,
    reader::{Field, Reader, shown},
    sections::{self, Owner},
};
use crate::{
    limits::rows,
    name::PackageName,
    problem::{Problem, Severity},
};

/// Tables of this file that are ours; others belong to the compiler and are not looked at.
const TABLES: [&str; 9] = [
    "package",
    "dependencies",
    "dev-dependencies",
    "patch",
    "workspace",
    "features",
    "registry",
    "install",
    "policy",
];

/// Everything in a `lumen.toml` that keeps its package from being published, although the
/// file can be used: URLs that are none, and texts and lists that are too long.
pub fn unfit(file: &str, source: &str) -> Vec<Problem> {
    let mut reader = Reader::for_release(file, source);
    read(&mut reader);
    let (problems, _) = reader.into_problems();
    let errors = problems.into_iter();
    errors
        .filter(|problem| problem.severity == Severity::Error)
        .collect()
}

/// Parses a `lumen.toml`; `file` is its name for messages.
pub fn parse(file: &str, source: &str) -> Parsed {
    let mut reader = Reader::new(file, source);
    let manifest = read(&mut reader);
    let (problems, failed) = reader.into_problems();
    Parsed {
        manifest: manifest.filter(|_| !failed),
        problems,
    }
}

fn read(reader: &mut Reader) -> Option<Manifest> {
    let document = reader.document(rows::MAX_MANIFEST_BYTES)?;
    let mut root = reader.root(&document);
    let [
        package_table,
        dependencies,
        dev_dependencies,
        patch,
        workspace,
        feature_table,
        registry,
        install,
        policy,
    ] = TABLES.map(|table| root.take(table));
    let declared = dependencies
        .as_ref()
        .and_then(|field| field.item.as_table_like())
        .map(|table| table.iter().map(|(name, _)| name).collect())
        .unwrap_or_default();
    let mut table = |field: Option<Field<'_>>, table| {
        field.map_or_else(Dependencies::new, |field| {
            dependency::dependencies(reader, &field, table)
        })
    };
    let dependencies = table(dependencies, Table::Normal);
    let dev_dependencies = table(dev_dependencies, Table::Dev);
    let patches = table(patch, Table::Patch);
    let manifest = Manifest {
        package: package_table.and_then(|field| package::package(reader, &field)),
        workspace: workspace.and_then(|field| sections::workspace(reader, &field)),
        features: feature_table
            .map(|field| features::features(reader, &field, &dependencies, &declared))
            .unwrap_or_default(),
        registry: registry
            .map(|field| sections::registry(reader, &field, Owner::Project))
            .unwrap_or_default(),
        install: install
            .map(|field| sections::install(reader, &field))
            .unwrap_or_default(),
        minimum_age: policy.and_then(|field| policy::read(reader, &field)),
        dependencies,
        dev_dependencies,
        patches,
    };
    if let Some(package) = &manifest.package {
        refuse_itself(reader, &manifest, &package.name);
    }
    for field in root.take_all() {
        foreign(reader, &field);
    }
    Some(manifest)
}

/// A package cannot depend on itself: there is one version of each name.
fn refuse_itself(reader: &mut Reader, manifest: &Manifest, name: &PackageName) {
    for dependencies in [&manifest.dependencies, &manifest.dev_dependencies] {
        if let Some(dependency) = dependencies.get(name) {
            let what = format!("`{name}` cannot depend on itself");
            reader.push(reader.error(dependency.name_span.clone(), what));
        }
    }
}

/// Tables as people write them who know other programs, or guess, and what they mean.
const MEANT: &[(&str, &str)] = &[
    ("registries", "registry.registries"),
    ("scopes", "registry.scopes"),
    ("patches", "patch"),
    ("replace", "patch"),
    ("overrides", "patch"),
    ("resolutions", "patch"),
    ("policies", "policy"),
    ("peerDependencies", "dependencies"),
    ("optionalDependencies", "dependencies"),
    ("build-dependencies", "dev-dependencies"),
];

/// Warns about a top-level key that is none of ours, unless it can be the compiler's.
fn foreign(reader: &mut Reader, field: &Field<'_>) {
    let near = reader.nearest(field.key, TABLES).or_else(|| {
        let meant = MEANT.iter().find(|(written, _)| *written == field.key);
        meant.map(|(_, table)| *table)
    });
    let is_table = field.item.is_table_like() || field.item.is_array_of_tables();
    let users = match (field.key, field.item.as_table_like()) {
        ("limits", Some(_)) => Some("limits"),
        ("http", Some(http))
            if ["ca-file", "timeout"]
                .iter()
                .any(|key| http.contains_key(key)) =>
        {
            Some("authorities and timeouts")
        }
        _ => None,
    };
    if let Some(users) = users {
        let what = format!(
            "[{}] of a project is ignored: only the user chooses {users}",
            field.key
        );
        let problem = reader.warning(field.key_span.clone(), what);
        reader.push(problem.hint("write it into `config.toml` in Lumen's configuration folder"));
        return;
    }
    let in_package = ["name", "include", "exclude", "allow-secrets", "links"]
        .into_iter()
        .chain(InheritedKey::ALL.map(InheritedKey::as_str))
        .any(|key| key == field.key);
    let hint = match near {
        Some(near) if is_table => format!("did you mean [{near}]?"),
        None if is_table => return,
        _ if in_package => "it belongs below [package]".to_owned(),
        Some(near) => format!("did you mean [{near}]?"),
        None => "it is ignored".to_owned(),
    };
    let kind = if is_table { "table" } else { "key" };
    let what = format!("unknown {kind} {}", shown(field.key));
    let problem = reader.warning(field.key_span.clone(), what);
    reader.push(problem.hint(hint));
}
