//! Texts of the user that mean nothing here.

use lumen_core::{PackageName, note::NoteError, trust::FormError};
use lumen_registry::SelectionError;

/// Why a text of the command line cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Not `name@version`.
    #[error("`{0}` is not a release")]
    Release(String),
    /// More packages than can be compared.
    #[error("`diff` compares two packages, and {0} are named")]
    Sides(usize),
    /// One release, and nothing here to compare it with.
    #[error(
        "`{0}` is neither a package of a project here nor in its lock, so there is nothing to compare it with"
    )]
    Alone(PackageName),
    /// A repository where a package is to be named.
    #[error("`{0}` is a repository, not the name of a package")]
    Repository(String),
    /// A channel, which no registry has.
    #[error("`{name}` has no channel `{tag}`")]
    Channel {
        /// The package.
        name: PackageName,
        /// What was asked for.
        tag: String,
    },
    /// Features in brackets behind a name.
    #[error("`{name}[{features}]` is not the name of a package")]
    Extras {
        /// The package.
        name: PackageName,
        /// What is in the brackets.
        features: String,
    },
    /// A folder that is to be a dependency, and has no package.
    #[error("there is no package in `{0}`: it has no `lumen.toml`")]
    NoPackageIn(String),
    /// One version for other than one package.
    #[error("`--precise` is the version of one package, and {0} are named")]
    Precise(usize),
    /// A folder and another place for one dependency.
    #[error("`{0}` is a folder, and another place is given for it")]
    TwoPlaces(String),
    /// Neither a package nor a scope.
    #[error("`{0}` is neither a package nor a scope")]
    Subject(String),
    /// Neither a public key nor the name of one.
    #[error("`{0}` is not a public key")]
    PublicKey(String),
    /// A name that several keys have.
    #[error("more than one key is called `{0}`")]
    Keys(String),
    /// Not a pattern of package names.
    #[error(transparent)]
    Patterns(#[from] SelectionError),
    /// Neither `name=key` nor `@scope=key`.
    #[error("`{0}` does not say who is to own what")]
    Assignment(String),
    /// There is no lock file where one is needed.
    #[error("there is no `lumen.lock` here")]
    NoLock,
    /// The lock has nothing from a registry.
    #[error("`lumen.lock` has no package of the signed registry {0}")]
    NotLocked(String),
    /// Neither a URL nor the name of a configured registry; without credentials.
    #[error("no registry is called `{0}`")]
    Registry(String),
    /// Not the whole hash of a commit.
    #[error("`{0}` is not the whole name of a commit")]
    Commit(String),
    /// Neither a file nor a claim that waits.
    #[error("`{0}` is neither a file nor a claim that waits")]
    Claim(String),
    /// Several claims begin with it.
    #[error("more than one claim of `{0}` waits")]
    Claims(String),
    /// A reason where one has to be given, without a word in it.
    #[error("the reason is empty")]
    NoReason,
    /// A reason that a rejection cannot hold.
    #[error(transparent)]
    Reason(#[from] FormError),
    /// A reason that a note cannot hold.
    #[error(transparent)]
    ReasonText(NoteError),
    /// Neither a date nor a duration.
    #[error("`{0}` is neither a date nor a duration")]
    Time(String),
    /// Not the hash of a root note.
    #[error("`{0}` is not a fingerprint of a registry")]
    Fingerprint(String),
    /// Standard output, where a bundle is to be written.
    #[error("a bundle is a file; it cannot go to standard output")]
    BundleOut,
    /// A registry where a bundle is to be read.
    #[error("`{0}` is a folder, not a bundle")]
    BundleFolder(String),
    /// Neither a bundle nor a copy of this registry.
    #[error("`{0}` is not of this registry")]
    Since(String),
}

/// What may help against an [`InputError`].
#[derive(Debug, Clone, Copy)]
pub enum InputHint<'e> {
    /// What a release looks like.
    Release,
    /// What two releases look like.
    Sides,
    /// The same, of this package.
    Alone(&'e PackageName),
    /// How a dependency comes from a repository.
    Repository(&'e str),
    /// Which versions can be asked for.
    Channel(&'e PackageName),
    /// How features are asked for.
    Extras(&'e PackageName, &'e str),
    /// How packages of folders and of registries are named.
    NoPackageIn,
    /// How one package gets a version.
    Precise,
    /// How the package of a folder is named.
    TwoPlaces,
    /// What a package or a scope looks like.
    Subject,
    /// What stands for a public key.
    PublicKey,
    /// A fingerprint tells keys of one name apart.
    Fingerprint,
    /// What patterns look like.
    Patterns,
    /// How an owner is assigned.
    Assignment,
    /// The command belongs into a project.
    InProject,
    /// What this would be as a folder.
    Folder(&'e str),
    /// How the hash of a tag's commit is found.
    Commit,
    /// How claims are listed.
    Claims,
    /// How claims are listed and told apart.
    FirstDigits,
    /// Who reads the reason.
    Why,
    /// A reason has one line.
    OneLine,
    /// What dates and durations look like.
    Time,
    /// What the fingerprint of a registry looks like.
    Digest,
    /// How a bundle is named.
    BundleOut,
    /// How a registry in this folder is copied.
    BundleFolder(&'e str),
    /// What `--since` takes.
    Since,
}

impl InputError {
    /// What may help.
    pub fn hint(&self) -> InputHint<'_> {
        match self {
            Self::Release(_) => InputHint::Release,
            Self::Sides(_) => InputHint::Sides,
            Self::Alone(name) => InputHint::Alone(name),
            Self::Repository(url) => InputHint::Repository(url),
            Self::Channel { name, .. } => InputHint::Channel(name),
            Self::Extras { name, features } => InputHint::Extras(name, features),
            Self::NoPackageIn(_) => InputHint::NoPackageIn,
            Self::Precise(_) => InputHint::Precise,
            Self::TwoPlaces(_) => InputHint::TwoPlaces,
            Self::Subject(_) => InputHint::Subject,
            Self::PublicKey(_) => InputHint::PublicKey,
            Self::Keys(_) => InputHint::Fingerprint,
            Self::Patterns(_) => InputHint::Patterns,
            Self::Assignment(_) => InputHint::Assignment,
            Self::Registry(text) => InputHint::Folder(text),
            Self::NoLock | Self::NotLocked(_) => InputHint::InProject,
            Self::Commit(_) => InputHint::Commit,
            Self::Claim(_) => InputHint::Claims,
            Self::Claims(_) => InputHint::FirstDigits,
            Self::NoReason => InputHint::Why,
            Self::Reason(_) | Self::ReasonText(_) => InputHint::OneLine,
            Self::Time(_) => InputHint::Time,
            Self::Fingerprint(_) => InputHint::Digest,
            Self::BundleOut => InputHint::BundleOut,
            Self::BundleFolder(folder) => InputHint::BundleFolder(folder),
            Self::Since(_) => InputHint::Since,
        }
    }
}
