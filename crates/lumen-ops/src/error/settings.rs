//! What is wrong with the settings of the user or of a project.

use lumen_core::limits::{Limit, Unit};

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The variable for the URL of a registry holds something else.
    #[error("{variable} is `{value}`, which is no URL")]
    Url {
        /// The variable.
        variable: String,
        /// Its value, without credentials.
        value: String,
    },
    /// `LUMEN_HTTP_TIMEOUT` holds no number.
    #[error("LUMEN_HTTP_TIMEOUT is `{0}`, which is no number of seconds")]
    Timeout(String),
    /// A variable for a limit that does not exist.
    #[error("{variable} names no limit")]
    UnknownLimit {
        /// The variable.
        variable: String,
        /// A limit with a name that is close to it.
        nearest: Option<Limit>,
    },
    /// A variable for a limit holds no number.
    #[error("{variable} is `{value}`")]
    Limit {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
        /// What it counts.
        unit: Unit,
    },
    /// Two files pin one name to different roots.
    #[error("lumen.toml and your configuration pin different roots for the registry `{registry}`")]
    Pins {
        /// The name.
        registry: String,
    },
    /// Two names of one registry are pinned to different roots.
    #[error(
        "`{first}` and `{second}` in [registry.roots] are one registry, {place}, and pin different roots"
    )]
    PinsOfPlace {
        /// One name.
        first: String,
        /// The other.
        second: String,
        /// The registry's URL.
        place: String,
    },
    /// Only the project says where a mirror is written to.
    #[error(
        "the project says where the mirror is, and your own configuration does not know that place"
    )]
    MirrorOfProject,
    /// Only the project says where to write, and no registry is there.
    #[error("only the project names `{url}`, and there is no registry there: nothing was written")]
    RegistryOfProject {
        /// Where.
        url: String,
    },
    /// There is no registry to publish to, and the user did not say of which kind to make one.
    #[error("there is no registry at `{url}`: nothing was written")]
    NoRegistry {
        /// Where.
        url: String,
    },
    /// A dependency shall come from a registry that has no name here, and the project has packages
    /// of its default registry.
    #[error("a dependency can only come from a registry with a name, and `{place}` has none here")]
    Unnamed {
        /// The URL or path.
        place: String,
    },
    /// There is no mirror to bring up to date.
    #[error("no mirrors are configured")]
    NoMirrors,
    /// No configured mirror has this name.
    #[error("there is no mirror `{name}` in [registry.mirrors]")]
    UnknownMirror {
        /// The name.
        name: String,
        /// A configured name that is close to it.
        nearest: Option<String>,
        /// All configured names.
        known: Vec<String>,
    },
}

/// What may help against a [`SettingsError`].
#[derive(Debug, Clone, Copy)]
pub enum SettingsHint<'e> {
    /// What a URL looks like.
    Url,
    /// What a number of seconds is.
    Seconds,
    /// This limit was probably meant.
    MeantLimit(Limit),
    /// Where limits are listed.
    Limits,
    /// What the value of a limit looks like.
    Form(Unit),
    /// One of two files is wrong.
    Pins,
    /// One of two pins is wrong.
    PinsOfPlace,
    /// Where a mirror's place belongs.
    MirrorOfUser,
    /// How a registry is made at a place that the project names.
    InitThere(&'e str),
    /// How a registry of either kind is made.
    Init(&'e str),
    /// How a registry gets a name.
    NameIt(&'e str),
    /// How mirrors are configured.
    ConfigureMirrors,
    /// What was meant is probably this.
    Meant(&'e str),
    /// These mirrors are configured.
    Mirrors(&'e [String]),
}

impl SettingsError {
    /// What may help.
    pub fn hint(&self) -> SettingsHint<'_> {
        match self {
            Self::Url { .. } => SettingsHint::Url,
            Self::Timeout(_) => SettingsHint::Seconds,
            Self::UnknownLimit {
                nearest: Some(limit),
                ..
            } => SettingsHint::MeantLimit(*limit),
            Self::UnknownLimit { .. } => SettingsHint::Limits,
            Self::Limit { unit, .. } => SettingsHint::Form(*unit),
            Self::Pins { .. } => SettingsHint::Pins,
            Self::PinsOfPlace { .. } => SettingsHint::PinsOfPlace,
            Self::MirrorOfProject => SettingsHint::MirrorOfUser,
            Self::RegistryOfProject { url } => SettingsHint::InitThere(url),
            Self::NoRegistry { url } => SettingsHint::Init(url),
            Self::Unnamed { place } => SettingsHint::NameIt(place),
            Self::NoMirrors => SettingsHint::ConfigureMirrors,
            Self::UnknownMirror {
                nearest: Some(nearest),
                ..
            } => SettingsHint::Meant(nearest),
            Self::UnknownMirror { known, .. } => SettingsHint::Mirrors(known),
        }
    }
}
