//! `lumen pkg init` and `new`: a package to start from.

mod attributes;

use std::path::Path;

use fs_err as fs;
use lumen_core::{PackageName, Version, edit, manifest};
use lumen_store::project;

use crate::{
    error::{OpsError, PackageError},
    gitignore, pack,
};

/// What was made.
#[derive(Debug)]
pub struct Created {
    /// The package's name.
    pub name: PackageName,
    /// Files written, relative to the folder.
    pub files: Vec<String>,
    /// Keys of `[package]` to fill in before publishing.
    pub missing: Vec<&'static str>,
}

/// Makes a package in a folder, an absolute path, which is created where needed. Files that
/// exist are kept.
///
/// # Errors
/// When the folder has a `lumen.toml`, or no valid name can be made of it.
pub fn run(dir: &Path, name: Option<&str>) -> Result<Created, OpsError> {
    let dir = project::normalize(&lumen_durable::absolute(dir)?);
    let manifest = dir.join(project::MANIFEST);
    if manifest.exists() {
        return Err(PackageError::ManifestExists(manifest).into());
    }
    let name = match name {
        Some(name) => parse_name(name)?,
        None => parse_name(&name_from_folder(&dir))?,
    };
    // The name under which the compiler finds `import <package>: …`.
    let module = "src/main.lm.md".to_owned();
    let mut files = Vec::new();
    let text = edit::new_manifest(&name, &Version::new(0, 1, 0));
    let package = manifest::parse(project::MANIFEST, &text).manifest;
    let package = package.and_then(|manifest| manifest.package);
    let missing = package.as_ref().map(pack::missing).unwrap_or_default();
    lumen_durable::write_atomic(&manifest, text.as_bytes())?;
    files.push(project::MANIFEST.to_owned());
    if !dir.join("src").exists() {
        lumen_durable::write_atomic_fast(&dir.join(&module), starter(&name).as_bytes())?;
        files.push(module);
    }
    gitignore::create(&dir)?;
    files.push(".gitignore".into());
    if attributes::create(&dir)? {
        files.push(".gitattributes".into());
    }
    Ok(Created {
        name,
        files,
        missing,
    })
}

/// Makes a package in a new folder.
///
/// # Errors
/// As [`run`], and when the folder has files in it.
pub fn run_new(dir: &Path, name: Option<&str>) -> Result<Created, OpsError> {
    if dir.exists() && fs::read_dir(dir)?.next().is_some() {
        return Err(PackageError::NotEmpty(dir.to_owned()).into());
    }
    run(dir, name)
}

fn parse_name(text: &str) -> Result<PackageName, OpsError> {
    PackageName::parse_publishable(text).map_err(|source| {
        PackageError::Name {
            text: text.to_owned(),
            source,
        }
        .into()
    })
}

/// The folder's name, made to fit: lower case, other characters as `-`.
fn name_from_folder(dir: &Path) -> String {
    let folder = dir
        .file_name()
        .map(|name| name.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default();
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
            c
        } else {
            '-'
        }
    };
    folder
        .chars()
        .map(fit)
        .collect::<String>()
        .trim_matches(['-', '_', '.'])
        .to_owned()
}

fn starter(name: &PackageName) -> String {
    format!(
        "# {name}\n\nSays hello.\n\n```lumen\ncell greet(name: String) -> String\n  return \"Hello, \" + name + \"!\"\nend\n```\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("My Utils");
        let created = run_new(&folder, None).unwrap();
        assert_eq!(created.name.as_str(), "my-utils");
        assert_eq!(
            created.files,
            [
                "lumen.toml",
                "src/main.lm.md",
                ".gitignore",
                ".gitattributes"
            ]
        );
        assert!(
            run(&folder, None)
                .unwrap_err()
                .to_string()
                .contains("exists already")
        );
        assert!(
            run_new(&folder, None)
                .unwrap_err()
                .to_string()
                .contains("is not empty")
        );
        let scoped = run(&dir.path().join("x"), Some("@org/http")).unwrap();
        assert_eq!(scoped.name.as_str(), "@org/http");
        assert!(run(&dir.path().join("y"), Some("No Good")).is_err());
    }
}
