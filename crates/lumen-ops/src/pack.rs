//! `lumen pkg pack` and `unpack`, and the checks a package passes before it is packed.

use std::path::{Path, PathBuf};

use fs_err as fs;
use lumen_core::{
    Digest, PackageName, Version,
    edit::{self, EditError},
    index::Release,
    manifest::{self, Dependency, DependencySource, Package},
    problem::{self, Place, Problem},
};
use lumen_store::{
    Sources,
    archive::{Limits, Summary},
    pack::{self, Note, PackOptions, Packed},
    project::{LocalPackage, Project, Surroundings, files},
    unpack,
};

use crate::{
    error::{OpsError, PackageError, Written},
    excludes,
    session::Session,
};

/// A package ready to be packed: everything checked that can be without looking at its files.
#[derive(Debug)]
pub struct Checked {
    /// The package's folder.
    pub dir: PathBuf,
    /// The package as it is in its folder.
    pub local: LocalPackage,
    /// `[package]`.
    pub package: Package,
    /// The release's metadata, without artifacts and time.
    pub release: Release,
    /// What to put into the archive.
    pub options: PackOptions,
    /// Worth saying, but no reason to stop.
    pub warnings: Vec<Problem>,
    /// Whether it needs something that its users cannot get.
    pub lacks_needs: bool,
}

/// Checks the package the command was run in; `version` replaces the manifest's.
///
/// # Errors
/// Everything that makes it unfit to be published, at once.
pub fn check(project: &Project, version: Option<&Version>) -> Result<Checked, OpsError> {
    check_package(current(project)?, version)
}

/// Checks a package; `version` replaces the manifest's.
///
/// # Errors
/// As [`check`].
pub fn check_package(local: &LocalPackage, version: Option<&Version>) -> Result<Checked, OpsError> {
    let mut problems = Vec::new();
    let source = match version {
        Some(version) => edit::set_version(&local.source, version)?,
        None => local.source.to_string(),
    };
    let manifest = &local.manifest;
    let Some(package) = &manifest.package else {
        return Err(PackageError::NoPackage {
            file: local.file.to_string(),
        }
        .into());
    };
    for (name, dependency) in &manifest.dependencies {
        check_dependency(local, name.as_str(), dependency, &mut problems);
    }
    if !problems.is_empty() {
        return Err(OpsError::Problems(problems));
    }
    let text = edit::for_publish(&source, manifest).map_err(|error| no_version(local, error))?;
    let mut package = package.clone();
    package.version = version.unwrap_or(&package.version).clone();
    let release = Release::described_by(manifest, &package, Digest::of(text.as_bytes()));
    let unfit = manifest::unfit(&local.file, &local.source);
    if !unfit.is_empty() {
        return Err(OpsError::Problems(unfit));
    }
    // Inherited values stand in another file.
    let unfit = manifest::unfit("lumen.toml as it would be published", &text);
    if !unfit.is_empty() {
        return Err(OpsError::Problems(unfit));
    }
    let warnings = warnings(local, &package);
    let options = PackOptions {
        manifest_override: Some(text.into_bytes()),
        ..options(&package)
    };
    Ok(Checked {
        dir: local.dir.clone(),
        local: local.clone(),
        package,
        release,
        options,
        warnings,
        lacks_needs: false,
    })
}

/// Refuses to write through a link that a cloned project may have; `path` is one that the user
/// did not choose.
pub(crate) fn stays_inside(
    session: &Session<'_>,
    path: &str,
    written: Written,
) -> Result<(), OpsError> {
    match pack::link_out_of(&session.context.options.working_dir, path)? {
        Some(link) => Err(PackageError::LinkOut {
            path: link.path,
            target: link.target,
            written,
        }
        .into()),
        None => Ok(()),
    }
}

/// The options of a package about its files.
pub(crate) fn options(package: &Package) -> PackOptions {
    let files = package.files.clone();
    PackOptions {
        include: files.include,
        exclude: files.exclude,
        allow_secrets: files.allow_secrets,
        package: Some(package.name.clone()),
        ..PackOptions::default()
    }
}

/// Packs.
///
/// # Errors
/// When the folder holds secrets, links that lead out of it, or paths that do not work everywhere.
pub fn pack(session: &Session<'_>, checked: &Checked) -> Result<Packed, OpsError> {
    let options = on_this_machine(session, &checked.dir, checked.options.clone());
    Ok(pack::pack(&checked.dir, &options)?)
}

/// Adds to the options of a package in a folder what this machine says about its files.
pub(crate) fn on_this_machine(
    session: &Session<'_>,
    dir: &Path,
    options: PackOptions,
) -> PackOptions {
    PackOptions {
        places: vec![session.context.environment.home.clone()],
        excludes: excludes::find(&session.context.environment.variables, dir),
        ..options
    }
}

/// A file of the package whose path is nearly that of a note.
pub fn nearest_file(checked: &Checked, packed: &Packed, path: &str) -> Option<String> {
    // Without `include`, more files would be packed: one of them may be meant.
    let there = fs::read_dir(&checked.dir).into_iter().flatten().flatten();
    let there: Vec<String> = there
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let known = packed.files.iter().map(|file| file.path.as_str());
    let known = known.chain(there.iter().map(String::as_str));
    let known: Vec<&str> = known.filter(|known| *known != path).collect();
    let found = problem::nearest(path, known.iter().copied());
    let same = |known: &&&str| known.eq_ignore_ascii_case(path);
    found
        .or_else(|| known.iter().find(same).copied())
        .map(str::to_owned)
}

/// The line of `include` that a note is about, if it is about one.
pub fn pattern_of(checked: &Checked, note: &Note) -> Option<Place> {
    let files = &checked.package.files;
    let named = |pattern: &str| {
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        let pattern = pattern.trim_start_matches('/');
        let path = note.path.as_str();
        pattern == path
            || pattern.trim_end_matches('/') == path
            || pattern
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let mut patterns = files.include.iter().zip(&files.include_spans);
    let (_, span) = patterns.find(|(pattern, _)| named(pattern))?;
    checked.local.problem(span, "", "").place
}

/// The keys that a package to publish should have and lacks, those that matter most first.
pub fn missing(package: &Package) -> Vec<&'static str> {
    let keys = [
        ("description", package.description.is_some()),
        ("license", package.license.is_some()),
        ("repository", package.repository.is_some()),
        ("readme", package.readme.is_some()),
        ("keywords", !package.keywords.is_empty()),
    ];
    let missing = keys.into_iter().filter(|(_, is_there)| !is_there);
    missing.map(|(key, _)| key).collect()
}

/// Checks that the read-me that the release names is packed.
pub(crate) fn check_readme(
    local: &LocalPackage,
    checked: &Checked,
    packed: &Packed,
) -> Result<(), OpsError> {
    let Some(readme) = &checked.release.readme else {
        return Ok(());
    };
    if packed.files.iter().any(|file| file.path == *readme) {
        return Ok(());
    }
    let what = format!("the read-me `{readme}` is not among the packed files");
    let problem = match &checked.package.readme_span {
        Some(span) => local.problem(span, what, ""),
        None => Problem::error(what),
    };
    let hint = "correct the path in `readme`, or take the file into `include`";
    Err(OpsError::Problems(vec![problem.hint(hint)]))
}

/// Packs the package into `<out>/<name>-<version>.tar`; a scope becomes part of the file name.
/// Without `out`, the folder is `dist` in that of the package.
///
/// # Errors
/// As [`check`] and [`pack()`], and any I/O error.
pub fn run(
    session: &Session<'_>,
    out: Option<&Path>,
) -> Result<(Checked, Packed, PathBuf), OpsError> {
    let project = session.project()?;
    let checked = check(&project, None)?;
    let packed = pack(session, &checked)?;
    let stem = pack::stem(&checked.package.name);
    let name = format!("{stem}-{}.tar", checked.package.version);
    let folder = match out {
        Some(out) => session.context.options.working_dir.join(out),
        None => checked.dir.join(pack::OUTPUT),
    };
    let is_new = out.is_none() && folder.symlink_metadata().is_err();
    let file = folder.join(name);
    // A link of a clone does not lead out of it; outside, the user's own links count.
    let inside = lumen_store::project::normalize(&file);
    let _whole = lumen_durable::whole();
    match inside.starts_with(&project.root) {
        true => files::write(&project.root, &inside, &packed.tar)?,
        false => lumen_durable::write_atomic(&file, &packed.tar)?,
    }
    if is_new {
        let ignore = folder.join(".gitignore");
        files::write(&checked.dir, &ignore, pack::OUTPUT_IGNORE)?;
    }
    Ok((checked, packed, file))
}

/// Unpacks an archive with the strict reader; on refusal nothing is left in `dir`.
///
/// # Errors
/// When the archive breaks a rule, `dir` is not empty, a link of the project that the command
/// runs in leads to it, or the disk fails.
pub fn unpack(file: &Path, surroundings: &Surroundings, dir: &Path) -> Result<Summary, OpsError> {
    let working_dir = &surroundings.working_dir;
    let input = fs::File::open(working_dir.join(file))?;
    let size = input.metadata()?.len();
    // Only a project can have links that the user did not make.
    let project = Project::find(surroundings).ok();
    let project = project.as_deref().and_then(Path::parent);
    let dir = working_dir.join(dir);
    unpack::unpack(input, Some(size), &Limits::default(), project, &dir).map_err(|source| {
        OpsError::Unpack {
            file: file.to_owned(),
            source,
        }
    })
}

/// The package the command was run in.
///
/// # Errors
/// When the command was run in a workspace, outside of its members.
pub fn current(project: &Project) -> Result<&LocalPackage, OpsError> {
    project.current_member().ok_or_else(|| {
        let members: Vec<String> = project
            .members
            .iter()
            .map(|member| member.relative.clone())
            .collect();
        PackageError::WorkspaceRoot { members }.into()
    })
}

fn check_dependency(
    local: &LocalPackage,
    name: &str,
    dependency: &Dependency,
    problems: &mut Vec<Problem>,
) {
    match &dependency.source {
        DependencySource::Path { constraint: None, .. } => problems.push(
            local
                .problem(&dependency.span, format!("the path dependency `{name}` has no version"), "")
                .hint("others cannot see your folders: add `version = \"…\"` beside `path`"),
        ),
        DependencySource::Git { constraint: None, .. } => problems.push(
            local
                .problem(&dependency.span, format!("the git dependency `{name}` has no version"), "")
                .hint("a registry serves only what is in it: publish it there and add `version = \"…\"`"),
        ),
        DependencySource::Registry { registry: Some(registry), .. } => problems.push(
            local
                .problem(&dependency.span, format!("`{name}` comes from the registry `{registry}`"), "")
                .hint("users of this package may not have it: publish it to the same registry, or pin its scope"),
        ),
        _ => {}
    }
}

fn no_version(local: &LocalPackage, error: EditError) -> OpsError {
    match error {
        EditError::Malformed(problem) => OpsError::Problems(vec![*problem]),
        error => {
            let problem = Problem::error(format!("`{}` cannot be published: {error}", local.file));
            OpsError::Problems(vec![problem])
        }
    }
}

/// A warning about a name that no program can import.
pub(crate) fn unimportable(name: &PackageName) -> Option<Problem> {
    let part = name.unimportable()?;
    let why = match part.starts_with(|c: char| c.is_ascii_digit()) {
        true => "starts with a digit",
        false => "is a word of the language",
    };
    let what = format!("`{name}` cannot be imported by programs: `{part}` {why}");
    let hint = "choose another name before the first release, since a release keeps its name";
    Some(Problem::warning(what).hint(hint))
}

fn warnings(local: &LocalPackage, package: &Package) -> Vec<Problem> {
    let missing = |key: &str, why: &str| {
        local
            .problem(&package.name_span, format!("the package has no {key}"), "")
            .hint(format!("add `{key} = \"…\"`: {why}"))
    };
    let mut problems = Vec::new();
    if package.license.is_none() {
        problems.push(missing("license", "without one, others may not use it"));
    }
    if package.description.is_none() {
        problems.push(missing("description", "search shows and searches it"));
    }
    if Sources::find(&local.dir) != Sources::None {
        problems.extend(unimportable(&package.name).map(|problem| {
            let place = local.problem(&package.name_span, "", "").place;
            Problem { place, ..problem }
        }));
    }
    for problem in &mut problems {
        problem.severity = problem::Severity::Warning;
    }
    problems
}
