//! `lumen.toml`: what a package is and what it needs.
//!
//! [`parse`] reports every problem of a file at once, each with its place. The
//! file is shared with the Lumen compiler, so tables of others are left alone.
//! `workspace = true` is resolved in a second step, [`Manifest::with_workspace`],
//! because only the caller can find the workspace's root.

use std::{collections::BTreeMap, fmt, ops::Range, str::FromStr};

use crate::{
    constraint::Constraint,
    digest::Digest,
    name::PackageName,
    policy::MinimumAge,
    problem::{Place, Problem},
    requirement::Features,
    version::Version,
};

mod about;
mod dependency;
mod features;
mod files;
mod inherit;
mod package;
mod parse;
pub(crate) mod policy;
pub(crate) mod reader;
mod requires;
pub(crate) mod sections;
mod values;

pub use about::{is_date, is_link_name, is_web_url};
pub(crate) use features::Effect;
pub use files::Files;
pub use inherit::rebase;
pub use parse::{parse, unfit};
pub use values::without_credentials;
pub(crate) use values::{is_absolute, is_git_url, is_git_word};

/// The name of the file.
pub const FILE_NAME: &str = "lumen.toml";

/// What [`parse`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The manifest; `None` exactly if one of the problems is an error.
    pub manifest: Option<Manifest>,
    /// Everything wrong with the file, in the order of the file.
    pub problems: Vec<Problem>,
}

/// A `lumen.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// `[package]`; absent in the root of a workspace that is no package itself, and
    /// where only dependencies are wanted.
    pub package: Option<Package>,
    /// `[workspace]`, in the root of a workspace.
    pub workspace: Option<Workspace>,
    /// `[dependencies]`.
    pub dependencies: Dependencies,
    /// `[dev-dependencies]`.
    pub dev_dependencies: Dependencies,
    /// `[patch]`: what replaces packages in the whole graph.
    pub patches: Dependencies,
    /// `[features]`.
    pub features: Features,
    /// `[registry]`.
    pub registry: RegistrySection,
    /// `[install]`.
    pub install: InstallSection,
    /// `minimum-release-age` in `[policy]`.
    pub minimum_age: Option<MinimumAge>,
}

/// A table of dependencies.
pub type Dependencies = BTreeMap<PackageName, Dependency>;

/// `[package]`.
///
/// Keys inherited with `workspace = true` hold their default (version 0.0.0)
/// and are listed in `inherited` until [`Manifest::with_workspace`] fills them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The name, strict enough to publish.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// One line about the package.
    pub description: Option<String>,
    /// SPDX expression, by intent: another text only warns.
    pub license: Option<String>,
    /// Categories for search.
    pub categories: Vec<String>,
    /// Words for search.
    pub keywords: Vec<String>,
    /// `Name <mail>` each.
    pub authors: Vec<String>,
    /// URL of the source code.
    pub repository: Option<String>,
    /// URL of the project.
    pub homepage: Option<String>,
    /// URL of the documentation.
    pub documentation: Option<String>,
    /// Other URLs by what is there, such as `changelog`.
    pub links: BTreeMap<String, String>,
    /// Path of the read-me, relative to the manifest (or see `readme_from_root`).
    pub readme: Option<String>,
    /// The oldest version of Lumen that can use the package.
    pub lumen: Option<Version>,
    /// Last day of support, `2028-01-31`.
    pub support_until: Option<String>,
    /// Which files to pack.
    pub files: Files,
    /// Whether the package may be published.
    pub publish: bool,
    /// `readme` was inherited and is relative to the workspace's root until
    /// [`Manifest::rebase_inherited`].
    pub readme_from_root: bool,
    /// Keys that wait for the workspace's root, and where each stands in the file.
    pub inherited: BTreeMap<InheritedKey, Range<usize>>,
    /// Where the value of `name` stands in the file.
    pub name_span: Range<usize>,
    /// Where the value of `version` stands in the file.
    pub version_span: Range<usize>,
    /// Where the value of `license` stands in the file, if it is there.
    pub license_span: Option<Range<usize>>,
    /// Where the value of `readme` stands in the file, if it is there.
    pub readme_span: Option<Range<usize>>,
}

/// A key of `[package]` that `[workspace.package]` can provide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InheritedKey {
    /// `version`
    Version,
    /// `description`
    Description,
    /// `license`
    License,
    /// `categories`
    Categories,
    /// `keywords`
    Keywords,
    /// `authors`
    Authors,
    /// `repository`
    Repository,
    /// `homepage`
    Homepage,
    /// `documentation`
    Documentation,
    /// `readme`
    Readme,
    /// `lumen`
    Lumen,
    /// `support-until`
    SupportUntil,
    /// `publish`
    Publish,
}

impl InheritedKey {
    /// All keys.
    pub const ALL: [Self; 13] = [
        Self::Version,
        Self::Description,
        Self::License,
        Self::Categories,
        Self::Keywords,
        Self::Authors,
        Self::Repository,
        Self::Homepage,
        Self::Documentation,
        Self::Readme,
        Self::Lumen,
        Self::SupportUntil,
        Self::Publish,
    ];

    /// The key in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Description => "description",
            Self::License => "license",
            Self::Categories => "categories",
            Self::Keywords => "keywords",
            Self::Authors => "authors",
            Self::Repository => "repository",
            Self::Homepage => "homepage",
            Self::Documentation => "documentation",
            Self::Readme => "readme",
            Self::Lumen => "lumen",
            Self::SupportUntil => "support-until",
            Self::Publish => "publish",
        }
    }
}

/// One dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Where it comes from and which versions are accepted.
    pub source: DependencySource,
    /// Only needed when a feature asks for it.
    pub optional: bool,
    /// Features asked for.
    pub features: Vec<String>,
    /// Whether its `default` feature is asked for.
    pub default_features: bool,
    /// Came from `[workspace.dependencies]`: a path is relative to the
    /// workspace's root until [`Manifest::rebase_inherited`].
    pub inherited: bool,
    /// Where the value stands in the file that names the dependency.
    pub span: Range<usize>,
    /// Where the name stands in that file.
    pub name_span: Range<usize>,
}

/// Where a dependency comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencySource {
    /// A registry: the default one, the one of the scope, or the one named.
    Registry {
        /// The versions accepted.
        constraint: Constraint,
        /// Name of a registry.
        registry: Option<String>,
    },
    /// A folder.
    Path {
        /// As written, with `/`; relative to the manifest (or see [`Dependency::inherited`]).
        path: String,
        /// The versions accepted; what a published package asks for.
        constraint: Option<Constraint>,
    },
    /// A git repository.
    Git {
        /// As written.
        url: String,
        /// Which commit.
        reference: GitReference,
        /// The versions accepted; what a published package asks for.
        constraint: Option<Constraint>,
    },
    /// `workspace = true`, not yet resolved.
    Workspace,
}

/// Which commit of a git repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GitReference {
    /// The head of the default branch.
    Default,
    /// The head of a branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A commit, by a prefix of its hash or in full.
    Rev(String),
}

/// `[workspace]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workspace {
    /// Folders, or glob patterns of folders, relative to the root.
    pub members: Vec<String>,
    /// Where each of them stands in the file.
    pub member_spans: Vec<Range<usize>>,
    /// Folders that are no members although a pattern says so.
    pub exclude: Vec<String>,
    /// `[workspace.dependencies]`.
    pub dependencies: Dependencies,
    /// `[workspace.package]`.
    pub package: WorkspacePackage,
}

/// `[workspace.package]`: what members may inherit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspacePackage {
    /// As in [`Package`].
    pub version: Option<Version>,
    /// As in [`Package`].
    pub description: Option<String>,
    /// As in [`Package`].
    pub license: Option<String>,
    /// As in [`Package`].
    pub categories: Option<Vec<String>>,
    /// As in [`Package`].
    pub keywords: Option<Vec<String>>,
    /// As in [`Package`].
    pub authors: Option<Vec<String>>,
    /// As in [`Package`].
    pub repository: Option<String>,
    /// As in [`Package`].
    pub homepage: Option<String>,
    /// As in [`Package`].
    pub documentation: Option<String>,
    /// As in [`Package`], relative to the root.
    pub readme: Option<String>,
    /// As in [`Package`].
    pub lumen: Option<Version>,
    /// As in [`Package`].
    pub support_until: Option<String>,
    /// As in [`Package`].
    pub publish: Option<bool>,
}

/// `[registry]`, in `lumen.toml` and in the user's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySection {
    /// URL or name of the registry to use when nothing else says so.
    pub default: Option<String>,
    /// `upstreams`: names of the registries to ask, in this order, for what the default does not have.
    pub upstreams: Option<Vec<String>>,
    /// `[registry.registries]`: name to where it is.
    pub registries: BTreeMap<String, RegistryUrls>,
    /// `[registry.scopes]`: `@scope` to the name of a registry.
    pub scopes: BTreeMap<String, String>,
    /// `trust = "required"`: unsigned registries are refused.
    pub signed_only: bool,
    /// `[registry.roots]`: name or URL of a registry to what is pinned.
    pub roots: BTreeMap<String, Pin>,
    /// `[registry.credentials."<url>"]`, in the user's configuration only: the start of the
    /// URLs of registries, which ends with `/`, to the program and arguments that know the
    /// credentials there.
    pub helpers: BTreeMap<String, Vec<String>>,
    /// `[registry.mirrors]`: name to what is copied where.
    pub mirrors: BTreeMap<String, Mirror>,
}

/// A pin of `[registry.roots]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The hash of the registry's first root note.
    pub root: Digest,
    /// Where the pin stands.
    pub place: Place,
}

/// `name = { from = "…", to = "…" }` in `[registry.mirrors]`: a copy of a registry that is
/// to be kept up to date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirror {
    /// URL or name of the registry.
    pub from: String,
    /// URL or name of the copy.
    pub to: String,
    /// Patterns for the names of packages; none: all packages.
    pub packages: Vec<String>,
    /// Whether every run looks at every package.
    pub full: bool,
}

/// Where a registry is: `name = "<url>"`, or `name = { read = "<url>", publish = "<url>" }`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryUrls {
    /// Where everybody reads it, perhaps through a cache in front of the host.
    pub read: String,
    /// Where it is published to, if elsewhere.
    pub publish: Option<String>,
}

/// `[install]`, in `lumen.toml` and in the user's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstallSection {
    /// How packages get from the store into the project.
    pub link: Option<LinkMode>,
    /// Folder for the import links, relative to the project.
    pub import_root: Option<String>,
}

/// How packages get from the store into a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkMode {
    /// One directory link per package (a junction on Windows).
    Symlink,
    /// One hard link per file.
    Hardlink,
    /// One copy-on-write clone per file.
    Reflink,
    /// Real copies.
    Copy,
}

impl LinkMode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::Symlink, Self::Hardlink, Self::Reflink, Self::Copy];

    /// The name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Symlink => "symlink",
            Self::Hardlink => "hardlink",
            Self::Reflink => "reflink",
            Self::Copy => "copy",
        }
    }
}

/// A text that names no [`LinkMode`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a link mode; use `symlink`, `hardlink`, `reflink` or `copy`")]
pub struct LinkModeError(pub String);

impl FromStr for LinkMode {
    type Err = LinkModeError;

    fn from_str(text: &str) -> Result<Self, LinkModeError> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| LinkModeError(text.to_owned()))
    }
}

impl fmt::Display for LinkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod problem_tests;
#[cfg(test)]
pub(crate) mod tests;
