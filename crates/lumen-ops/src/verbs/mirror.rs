//! `lumen registry mirror`.

use lumen_registry::{
    Location, ReadError, Registry, Storage,
    mirror::{self, MirrorOptions, MirrorReport, Selection},
};

use crate::{
    error::{InputError, OpsError, RegistryError},
    report::watch,
    session::Purpose,
    session::Session,
    session::Which,
};

/// What to mirror, and where to.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The registry: a URL, a path or a configured name.
    pub from: String,
    /// The mirror: a URL, a path or a configured name.
    pub to: String,
    /// Patterns for the names of packages; none: all packages.
    pub packages: Vec<String>,
    /// Looks at every package.
    pub full: bool,
    /// Leaves out the web page.
    pub without_page: bool,
}

/// The result of a run.
#[derive(Debug, Clone)]
pub struct Mirrored {
    /// The mirror.
    pub to: Location,
    /// What was done.
    pub report: MirrorReport,
}

/// Makes a mirror, or brings one up to date.
///
/// # Errors
/// When the source is not trustworthy, the mirror is one of another registry, or either fails.
pub fn run(session: &Session<'_>, request: &Request) -> Result<Mirrored, OpsError> {
    let source = session.open(Which::Given(&request.from), Purpose::Read)?;
    let to = session.place(Which::Given(&request.to), true)?;
    let mirrored = copy(session, request, &source, to)?;
    session.tell_first_use()?;
    Ok(mirrored)
}

/// The same between two registries that were found already.
pub(crate) fn copy(
    session: &Session<'_>,
    request: &Request,
    source: &Registry,
    to: Location,
) -> Result<Mirrored, OpsError> {
    let options = MirrorOptions {
        packages: selection(&request.packages)?,
        full: request.full,
        without_page: request.without_page,
    };
    if source.location().is_some_and(|from| same(from, &to)) {
        return Err(RegistryError::Same {
            from: request.from.clone(),
            to: request.to.clone(),
        }
        .into());
    }
    session.block_on(async { Ok(source.exists().await?) })?;
    let target = Storage::open(&to, &session.host_options(&to)?);
    let target = target.map_err(ReadError::from)?;
    let watch = watch(session.context.reporter);
    let report =
        session.block_on(async { Ok(mirror::mirror(source, &target, &options, &watch).await?) })?;
    Ok(Mirrored { to, report })
}

/// The packages that patterns choose.
///
/// # Errors
/// When one can match no name.
pub(crate) fn selection(patterns: &[String]) -> Result<Selection, OpsError> {
    Selection::parse(patterns).map_err(|error| InputError::from(error).into())
}

fn same(a: &Location, b: &Location) -> bool {
    match (a, b) {
        (Location::File(a), Location::File(b)) => {
            let real = |path: &std::path::Path| fs_err::canonicalize(path).ok();
            a == b || real(a).is_some_and(|real_a| real(b) == Some(real_a))
        }
        _ => a.url() == b.url(),
    }
}
