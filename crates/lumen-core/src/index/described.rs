//! What the `lumen.toml` in an archive says about the release, and whether the registry
//! says the same.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Document, Item};

use super::{DependencyOptions, Integrity, ManifestHash, Release, ReleaseSummary};
use crate::{
    digest::Digest,
    limits::rows,
    manifest::{self, Dependency, InheritedKey, Manifest, Package},
    name::PackageName,
    problem::Severity,
    requirement::Features,
    version::Version,
};

/// File name of a manifest in an archive.
const FILE: &str = "lumen.toml";

/// What an archive has as its `lumen.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Described {
    /// Nothing.
    Absent,
    /// A file that is not a manifest by the rules of this version.
    Unreadable {
        /// The digest of its bytes.
        digest: Digest,
        /// `name` of its `[package]`, if it has one.
        name: Option<String>,
        /// `version` of its `[package]`, if it has one.
        version: Option<String>,
        /// The first thing that is wrong with it.
        reason: String,
    },
    /// A manifest.
    Manifest {
        /// The digest of its bytes.
        digest: Digest,
        /// Its contents; the package is there.
        manifest: Box<Manifest>,
    },
}

/// A contradiction between an archive's own `lumen.toml` and the release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Another name or version.
    #[error("its own lumen.toml says `{found}`, but the release is `{expected}`")]
    Identity {
        /// Name and version found.
        found: String,
        /// Those of the release.
        expected: String,
    },
    /// Another digest.
    #[error("its own lumen.toml has the hash {actual}, but the release says {expected}")]
    Hash {
        /// `manifest_hash`.
        expected: Digest,
        /// The digest of the file.
        actual: Digest,
    },
    /// The release has the digest of a `lumen.toml` that is not there.
    #[error("it has no lumen.toml, but the release has the hash of one")]
    Missing,
    /// Another dependency.
    #[error("its own lumen.toml {own}, but the release {release}")]
    Dependency {
        /// What the file says.
        own: String,
        /// What the release says.
        release: String,
    },
    /// A dependency with other options.
    #[error(
        "its own lumen.toml needs `{name}` with other options or features than the release: {own}; the release: {release}"
    )]
    Options {
        /// The dependency.
        name: PackageName,
        /// The options in the file.
        own: String,
        /// Those of the release.
        release: String,
    },
    /// Another feature.
    #[error(
        "its own lumen.toml has another feature `{name}` than the release: it {own}, and the release {release}"
    )]
    Feature {
        /// The feature.
        name: String,
        /// What it turns on in the file.
        own: String,
        /// What it turns on in the release.
        release: String,
    },
}

impl Release {
    /// The metadata of a release, without artifacts and time; `hash` is the digest of the
    /// `lumen.toml` in the archive. Constraints are in their canonical form.
    pub fn described_by(manifest: &Manifest, package: &Package, hash: Digest) -> Self {
        let options = |dependency: &Dependency| DependencyOptions {
            optional: dependency.optional,
            features: dependency.features.clone(),
            default_features: (!dependency.default_features).then_some(false),
        };
        let dependencies = manifest.dependencies.iter();
        Self {
            name: package.name.clone(),
            version: package.version.clone(),
            deps: dependencies
                .clone()
                .filter_map(|(name, d)| Some((name.clone(), d.constraint()?.canonical())))
                .collect(),
            dependency_options: dependencies
                .map(|(name, dependency)| (name.clone(), options(dependency)))
                .filter(|(_, options)| *options != DependencyOptions::default())
                .collect(),
            features: manifest.features.clone(),
            artifacts: Vec::new(),
            integrity: Some(Integrity {
                manifest_hash: Some(hash.into()),
            }),
            license: package.license.clone(),
            description: package.description.clone(),
            categories: package.categories.clone(),
            keywords: package.keywords.clone(),
            authors: package.authors.clone(),
            repository: package.repository.clone(),
            homepage: package.homepage.clone(),
            documentation: package.documentation.clone(),
            links: package.links.clone(),
            readme: packed_readme(package),
            lumen: package.lumen.as_ref().map(ToString::to_string),
            support_until: package.support_until.clone(),
            source: None,
            provenance: None,
            files: None,
            published_at: None,
        }
    }

    /// The same metadata as a publisher of version 0.1 wrote it: with constraints as typed.
    fn in_first_form(self, manifest: &Manifest) -> Self {
        let typed = |(name, dependency): (&PackageName, &Dependency)| {
            Some((name.clone(), dependency.constraint()?.clone()))
        };
        Self {
            deps: manifest.dependencies.iter().filter_map(typed).collect(),
            ..self.first_form()
        }
    }
}

impl Described {
    /// Reads the `lumen.toml` of an archive.
    pub fn read(bytes: Option<&[u8]>) -> Self {
        let Some(bytes) = bytes else {
            return Self::Absent;
        };
        let digest = Digest::of(bytes);
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Self::Unreadable {
                digest,
                name: None,
                version: None,
                reason: "it is not UTF-8".into(),
            };
        };
        let parsed = manifest::parse(FILE, text);
        match parsed.manifest {
            Some(manifest) if manifest.package.is_some() => Self::Manifest {
                digest,
                manifest: Box::new(manifest),
            },
            _ => {
                let mut problems = parsed.problems.into_iter();
                let error = problems.find(|problem| problem.severity == Severity::Error);
                let document = Document::parse(text).ok();
                let field = |key: &str| {
                    let table = document.as_ref()?.get("package")?;
                    table.get(key).and_then(Item::as_str).map(str::to_owned)
                };
                Self::Unreadable {
                    digest,
                    name: field("name"),
                    version: field("version"),
                    reason: error.map_or("it has no [package]".into(), |error| error.what),
                }
            }
        }
    }

    /// A file that is larger than a manifest may be, with the digest of its bytes.
    pub fn oversized(digest: Digest) -> Self {
        Self::Unreadable {
            digest,
            name: None,
            version: None,
            reason: format!("it is too large; {}", rows::MAX_MANIFEST_BYTES),
        }
    }

    /// The metadata of the releases that publishers make of it, without artifacts and time:
    /// first the form of this version, then that of version 0.1. Empty where there is no
    /// manifest.
    pub fn releases(&self) -> Vec<Release> {
        let Self::Manifest { digest, manifest } = self else {
            return Vec::new();
        };
        let package = manifest.package.as_ref();
        let now = package.map(|package| Release::described_by(manifest, package, *digest));
        let first = now.clone().map(|now| now.in_first_form(manifest));
        now.into_iter().chain(first).collect()
    }

    /// What it asks of Lumen: `lumen` of its `[package]`.
    pub fn lumen(&self) -> Option<&Version> {
        match self {
            Self::Manifest { manifest, .. } => manifest.package.as_ref()?.lumen.as_ref(),
            Self::Absent | Self::Unreadable { .. } => None,
        }
    }

    /// The digest of the file, if there is one.
    pub const fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Absent => None,
            Self::Unreadable { digest, .. } | Self::Manifest { digest, .. } => Some(digest),
        }
    }

    /// Compares it with the name and version of the release.
    ///
    /// # Errors
    /// [`Contradiction::Identity`]. A name or version that the file leaves out is no contradiction.
    pub fn is_of(&self, name: &PackageName, version: &Version) -> Result<(), Contradiction> {
        let (own_name, own_version) = match self {
            Self::Absent => return Ok(()),
            Self::Unreadable { name, version, .. } => (name.clone(), version.clone()),
            Self::Manifest { manifest, .. } => match &manifest.package {
                None => return Ok(()),
                Some(package) => {
                    let inherited = package.inherited.contains_key(&InheritedKey::Version);
                    let version = (!inherited).then(|| package.version.to_string());
                    (Some(package.name.to_string()), version)
                }
            },
        };
        let same_name = own_name.as_deref().is_none_or(|own| own == name.as_str());
        let same_version = own_version
            .as_deref()
            .is_none_or(|own| own == version.to_string());
        match same_name && same_version {
            true => Ok(()),
            false => Err(Contradiction::Identity {
                found: [own_name, own_version]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" "),
                expected: format!("{name} {version}"),
            }),
        }
    }

    /// Compares it with all that a registry says of the release: its `manifest_hash`,
    /// dependencies with their options, and features, by their meaning.
    ///
    /// A dependency without a version (from a folder, git or the workspace) does not
    /// say which versions the release needs, so the release may say that.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn agrees(&self, release: &ReleaseSummary) -> Result<(), Contradiction> {
        let hash = release
            .integrity
            .as_ref()
            .and_then(|integrity| integrity.manifest_hash.as_ref());
        if let Some(ManifestHash::Digest(expected)) = hash {
            let expected = *expected;
            match self.digest() {
                None => return Err(Contradiction::Missing),
                Some(actual) if *actual != expected => {
                    let actual = *actual;
                    return Err(Contradiction::Hash { expected, actual });
                }
                Some(_) => {}
            }
        }
        let Self::Manifest { manifest, .. } = self else {
            return Ok(());
        };
        dependencies(manifest, release)?;
        features(&manifest.features, &release.features)
    }
}

/// The path of the read-me in the archive, which has no read-me of a workspace.
fn packed_readme(package: &Package) -> Option<String> {
    let readme = package
        .readme
        .as_deref()
        .filter(|_| !package.readme_from_root)?;
    let parts: Vec<&str> = readme
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let is_inside = !parts.is_empty() && !parts.contains(&"..");
    is_inside.then(|| parts.join("/"))
}

fn dependencies(manifest: &Manifest, release: &ReleaseSummary) -> Result<(), Contradiction> {
    let own = &manifest.dependencies;
    if let Some(name) = release.deps.keys().find(|name| !own.contains_key(*name)) {
        return Err(Contradiction::Dependency {
            own: format!("does not need `{name}`"),
            release: "does".into(),
        });
    }
    for (name, dependency) in own {
        let listed = release.deps.get(name);
        let (Some(constraint), Some(listed)) = (dependency.constraint(), listed) else {
            match dependency.constraint() {
                Some(_) => {
                    return Err(Contradiction::Dependency {
                        own: format!("needs `{name}`"),
                        release: "does not".into(),
                    });
                }
                None => continue,
            }
        };
        if !constraint.same_meaning(listed) {
            return Err(Contradiction::Dependency {
                own: format!("needs `{name}` {}", constraint.as_str()),
                release: format!("needs {}", listed.as_str()),
            });
        }
        let none = DependencyOptions::default();
        let options = release.dependency_options.get(name).unwrap_or(&none);
        let by_default = options.default_features.unwrap_or(true);
        let same = options.optional == dependency.optional
            && by_default == dependency.default_features
            && set(&options.features) == set(&dependency.features);
        if !same {
            return Err(Contradiction::Options {
                name: name.clone(),
                own: options_text(
                    dependency.optional,
                    dependency.default_features,
                    &dependency.features,
                ),
                release: options_text(options.optional, by_default, &options.features),
            });
        }
    }
    Ok(())
}

fn features(own: &Features, release: &Features) -> Result<(), Contradiction> {
    let sets = |features: &Features| -> BTreeMap<String, BTreeSet<String>> {
        let owned = features.iter().map(|(name, effects)| {
            let effects = effects.iter().cloned().collect();
            (name.clone(), effects)
        });
        owned.collect()
    };
    let (own, release) = (sets(own), sets(release));
    let mut names = own.keys().chain(release.keys());
    let text = |effects: Option<&BTreeSet<String>>| match effects {
        None => "has none".to_owned(),
        Some(effects) if effects.is_empty() => "turns on nothing".to_owned(),
        Some(effects) => format!("turns on {}", quoted(effects.iter().map(String::as_str))),
    };
    match names.find(|name| own.get(*name) != release.get(*name)) {
        Some(name) => Err(Contradiction::Feature {
            name: name.clone(),
            own: text(own.get(name)),
            release: text(release.get(name)),
        }),
        None => Ok(()),
    }
}

fn set(texts: &[String]) -> BTreeSet<&str> {
    texts.iter().map(String::as_str).collect()
}

/// The options of a dependency in words.
fn options_text(optional: bool, default_features: bool, features: &[String]) -> String {
    let necessity = if optional { "optionally" } else { "always" };
    let defaults = if default_features { "with" } else { "without" };
    format!(
        "{necessity}, {defaults} its default features, and {}",
        quoted(set(features).into_iter())
    )
}

/// Names in a list for a message; those of a set have an order.
fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => "no more".to_owned(),
        false => names.join(", "),
    }
}
