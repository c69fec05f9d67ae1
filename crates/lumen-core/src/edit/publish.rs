//! The `lumen.toml` inside a published package.

use toml_edit::Item;

use super::{
    EditError, NewDependency,
    change::{quoted, remove, set},
    checked,
    layout::Layout,
};
use crate::{
    manifest::{Dependencies, Dependency, DependencySource, InheritedKey, Manifest, Package},
    name::PackageName,
};

/// Tables that say something about the machine or the workspace, and nothing about the package.
const LOCAL_TABLES: [&str; 4] = ["patch", "workspace", "registry", "install"];

/// Keys of a dependency that mean nothing to users who get the package from a registry.
const LOCAL_KEYS: [&str; 6] = ["path", "git", "branch", "tag", "rev", "registry"];

/// The `lumen.toml` that goes into the package: self-contained, nothing local in it.
///
/// `manifest` is the source's own, after [`Manifest::with_workspace`]. Inherited
/// values are written out; `path`, `git` and `registry` are dropped where a
/// version remains; dev-dependencies without a version are dropped, as are
/// `[patch]`, `[workspace]`, `[registry]` and `[install]`. A source that needs
/// no change comes back byte for byte.
///
/// # Errors
/// When a dependency has no version, something inherited is not resolved, or
/// the text is malformed.
pub fn for_publish(source: &str, manifest: &Manifest) -> Result<String, EditError> {
    let mut text = source.to_owned();
    for table in LOCAL_TABLES {
        text = remove(&text, &[table])?;
    }
    if let Some(package) = &manifest.package {
        text = publish_package(text, package)?;
    }
    text = publish_dependencies(text, "dependencies", &manifest.dependencies)?;
    text = publish_dependencies(text, "dev-dependencies", &manifest.dev_dependencies)?;
    checked(text)
}

fn publish_package(mut text: String, package: &Package) -> Result<String, EditError> {
    for key in InheritedKey::ALL {
        let path = ["package", key.as_str()];
        let inherits = Layout::new(&text)?
            .item(&path)
            .is_some_and(Item::is_table_like);
        if !inherits {
            continue;
        }
        let value = match package.inherited.contains_key(&key) {
            true => None,
            false => value(package, key),
        };
        let Some(value) = value else {
            return Err(EditError::Unresolved(key.as_str().to_owned()));
        };
        text = set(&text, &path, &value)?;
    }
    // A read-me of the workspace is not in the package.
    let escapes = |readme: &String| readme.split('/').any(|part| part == "..");
    if package.readme_from_root || package.readme.as_ref().is_some_and(escapes) {
        text = remove(&text, &["package", "readme"])?;
    }
    Ok(text)
}

fn value(package: &Package, key: InheritedKey) -> Option<String> {
    let text = |text: &Option<String>| text.as_deref().map(quoted);
    let list = |texts: &[String]| {
        let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        format!("[{}]", texts.join(", "))
    };
    match key {
        InheritedKey::Version => Some(quoted(&package.version.to_string())),
        InheritedKey::Description => text(&package.description),
        InheritedKey::License => text(&package.license),
        InheritedKey::Categories => Some(list(&package.categories)),
        InheritedKey::Keywords => Some(list(&package.keywords)),
        InheritedKey::Authors => Some(list(&package.authors)),
        InheritedKey::Repository => text(&package.repository),
        InheritedKey::Homepage => text(&package.homepage),
        InheritedKey::Documentation => text(&package.documentation),
        InheritedKey::Readme => text(&package.readme),
        InheritedKey::Lumen => package
            .lumen
            .as_ref()
            .map(|lumen| quoted(&lumen.to_string())),
        InheritedKey::SupportUntil => text(&package.support_until),
        InheritedKey::Publish => Some(package.publish.to_string()),
    }
}

fn publish_dependencies(
    mut text: String,
    table: &str,
    dependencies: &Dependencies,
) -> Result<String, EditError> {
    // Plain ones stay as they are; a table of them is long, and each change parses the file again.
    let layout = Layout::new(&text)?;
    let is_table = |name: &PackageName| {
        let item = layout.item(&[table, name.as_str()]);
        item.is_some_and(Item::is_table_like)
    };
    let tables: Vec<_> = dependencies
        .iter()
        .filter(|(name, _)| is_table(name))
        .collect();
    for (name, dependency) in tables {
        text = publish_dependency(text, table, name, dependency)?;
    }
    Ok(text)
}

fn publish_dependency(
    mut text: String,
    table: &str,
    name: &PackageName,
    dependency: &Dependency,
) -> Result<String, EditError> {
    let path = [table, name.as_str()];
    let layout = Layout::new(&text)?;
    let Some(keys) = layout.item(&path).and_then(Item::as_table_like) else {
        return Ok(text);
    };
    let local: Vec<&str> = LOCAL_KEYS
        .into_iter()
        .filter(|key| keys.contains_key(key))
        .collect();
    let inherits = keys.contains_key("workspace");
    if dependency.source == DependencySource::Workspace {
        return Err(EditError::Unresolved(name.to_string()));
    }
    let Some(constraint) = dependency.constraint() else {
        return match table {
            "dev-dependencies" => remove(&text, &path),
            _ => Err(EditError::NoVersion(name.clone())),
        };
    };
    if inherits {
        let plain = NewDependency {
            optional: dependency.optional,
            features: dependency.features.clone(),
            default_features: dependency.default_features,
            ..NewDependency::registry(constraint.clone())
        };
        return set(&text, &path, &plain.to_toml());
    }
    for key in local {
        text = remove(&text, &[table, name.as_str(), key])?;
    }
    Ok(text)
}
