//! `lumen pkg init` and `new`: a package to start from.

mod attributes;

use std::path::Path;

use fs_err as fs;
use lumen_core::{PackageName, Version, edit, manifest, problem::Problem};
use lumen_store::Sources;
use lumen_store::project::{self, ProjectError};

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
    /// What to know about its name.
    pub warnings: Vec<Problem>,
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
    // Whatever is refused is refused before the manifest is there.
    for name in [gitignore::NAME, attributes::NAME] {
        project::files::check(&dir, &dir.join(name)).or_else(absent)?;
    }
    let _whole = lumen_durable::whole();
    lumen_durable::write_atomic(&manifest, text.as_bytes())?;
    files.push(project::MANIFEST.to_owned());
    // Sources that are there, in `src` or not, are the package's: it needs no others.
    if !dir.join("src").exists() && Sources::find(&dir) == Sources::None {
        lumen_durable::write_atomic_fast(&dir.join(&module), starter(&name).as_bytes())?;
        files.push(module);
    }
    gitignore::create(&dir)?;
    files.push(".gitignore".into());
    if attributes::create(&dir)? {
        files.push(".gitattributes".into());
    }
    Ok(Created {
        warnings: pack::unimportable(&name).into_iter().collect(),
        name,
        files,
        missing,
    })
}

/// A folder that is to be made has nothing that could be in the way.
fn absent(error: ProjectError) -> Result<(), ProjectError> {
    match error {
        ProjectError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        error => Err(error),
    }
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

/// The folder's name, made to fit: lower case, spaces and punctuation as `-`; with the scope,
/// if the folder is in one that is called like it, such as `@org/http`. Other letters stay, so
/// that the name is refused: a package is not called by a part of its folder's name.
fn name_from_folder(dir: &Path) -> String {
    let name_of = |dir: &Path| {
        let name = dir.file_name()?.to_string_lossy().to_lowercase();
        Some(name)
    };
    let fit = |c: char| match c.is_alphanumeric() || matches!(c, '-' | '_' | '.') {
        true => c,
        false => '-',
    };
    let fitted = |text: &str| {
        let fitted: String = text.chars().map(fit).collect();
        fitted.trim_matches(['-', '_', '.']).to_owned()
    };
    let bare = fitted(&name_of(dir).unwrap_or_default());
    let scope = dir.parent().and_then(name_of);
    match scope.as_deref().and_then(|scope| scope.strip_prefix('@')) {
        Some(scope) if !bare.is_empty() => format!("@{}/{bare}", fitted(scope)),
        _ => bare,
    }
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
        let scoped = run_new(&dir.path().join("@org/http"), None).unwrap();
        assert_eq!(scoped.name.as_str(), "@org/http");
        for folder in ["café", "日本", "@örg/http"] {
            let refused = run_new(&dir.path().join(folder), None).unwrap_err();
            assert!(refused.to_string().contains("is not allowed"), "{refused}");
            assert!(!dir.path().join(folder).exists());
        }
        let named = run_new(&dir.path().join("café"), Some("cafe")).unwrap();
        assert_eq!(named.name.as_str(), "cafe");
        let scoped = run(&dir.path().join("x"), Some("@org/http")).unwrap();
        assert_eq!(scoped.name.as_str(), "@org/http");
        assert!(run(&dir.path().join("y"), Some("No Good")).is_err());
    }
}
