//! From text with places to values, with everything checked.

use std::{collections::BTreeMap, fmt, ops::Range};

use super::{
    Compressed, LockedPackage, LockedRegistry, LockedSource, LockedTrust, Lockfile, VERSION,
    is_locked_path, origin, raw,
};
use crate::{
    digest::Digest,
    index::SourceCommit,
    manifest::{
        self, GitReference,
        reader::{Reader, Text, brief, shown},
    },
    name::PackageName,
    problem::Problem,
    remedy::Remedy,
    version::Version,
};

/// Checks a lock and converts it; packages may come from its registries and from these.
///
/// # Errors
/// The first problem in the order of the file.
pub(super) fn build(
    file: &str,
    source: &str,
    raw: raw::Lock<'_>,
    registries: &[String],
) -> Result<Lockfile, Problem> {
    let builder = Builder {
        file,
        source,
        registries,
    };
    let number = raw.version.as_ref();
    let by_number = number.filter(|version| version.value == COMPILERS);
    if let Some(span) = by_number
        .map(|version| version.span.clone())
        .or(raw.metadata.clone())
    {
        let what = "this is a lock of `wares`, the package client of the compiler, which has the same name and another format";
        return Err(builder.stale(span, what).hint(Remedy::OtherClient));
    }
    match &raw.version {
        Some(version) if version.value > VERSION => {
            let what = format!(
                "the lock has format {}, made by a newer lumen; this one knows formats up to {VERSION}",
                version.value
            );
            let problem = builder.stale(version.span.clone(), what);
            Err(problem.hint(Remedy::NewerProgram))
        }
        Some(_) => builder.lock(raw),
        None => Err(builder.stale(0..0, "the lock has no `version`")),
    }
}

/// The format of the lock that the compiler's package client writes; never one of ours.
const COMPILERS: u64 = 4;

struct Builder<'s> {
    file: &'s str,
    source: &'s str,
    /// Names of registries that count as known.
    registries: &'s [String],
}

/// The strings of a block by name, in the order of [`raw::STRINGS`].
struct Strings<'t> {
    name: Option<Text<'t>>,
    version: Option<Text<'t>>,
    registry: Option<Text<'t>>,
    path: Option<Text<'t>>,
    git: Option<Text<'t>>,
    references: [Option<Text<'t>>; 3],
    commit: Option<Text<'t>>,
    checksum: Option<Text<'t>>,
    compressed: Option<Text<'t>>,
    metadata: Option<Text<'t>>,
    owners_note: Option<Text<'t>>,
    source_commit: Option<Text<'t>>,
}

impl<'t> From<[Option<Text<'t>>; raw::STRINGS.len()]> for Strings<'t> {
    fn from(strings: [Option<Text<'t>>; raw::STRINGS.len()]) -> Self {
        let [
            name,
            version,
            registry,
            path,
            git,
            branch,
            tag,
            rev,
            commit,
            checksum,
            compressed,
            metadata,
            owners_note,
            source_commit,
        ] = strings;
        Self {
            name,
            version,
            registry,
            path,
            git,
            references: [branch, tag, rev],
            commit,
            checksum,
            compressed,
            metadata,
            owners_note,
            source_commit,
        }
    }
}

impl Builder<'_> {
    fn lock(&self, raw: raw::Lock<'_>) -> Result<Lockfile, Problem> {
        let mut registries = BTreeMap::new();
        for registry in raw.registries {
            let name = self.required(registry.name, &registry.span, "name")?;
            let origin = registry.origin.and_then(|text| origin(text.text));
            let root_note = match registry.root_note {
                Some(text) => {
                    let note = text.text.parse();
                    Some(note.map_err(|error| self.wrong(&text, error))?)
                }
                None => None,
            };
            let trust = match (registry.trust_root, registry.checkpoint) {
                (Some(root), Some(checkpoint)) => Some(LockedTrust {
                    root: self.digest(&root)?,
                    checkpoint: checkpoint.text.into_owned(),
                    root_note,
                }),
                (None, None) if root_note.is_none() => None,
                (None, None) => {
                    let what = "`root-note` needs `trust-root` and `checkpoint`";
                    return Err(self.stale(registry.span, what));
                }
                _ => {
                    let what = "`trust-root` and `checkpoint` need each other";
                    return Err(self.stale(registry.span, what));
                }
            };
            let registry = LockedRegistry { origin, trust };
            if registries.insert(name.text.to_owned(), registry).is_some() {
                return Err(self.twice(&name, "registry"));
            }
        }
        let mut packages = BTreeMap::new();
        let mut dependencies = Vec::with_capacity(raw.packages.len());
        for package in raw.packages {
            let [depends, features, requires] = package.lists;
            let strings = Strings::from(package.strings);
            let name_text = self.required(strings.name.clone(), &package.span, "name")?;
            let name = PackageName::parse(name_text.text)
                .map_err(|error| self.wrong(&name_text, error))?;
            let mut locked = self.package(
                strings,
                package.numbers,
                &package.span,
                &name_text,
                &registries,
            )?;
            locked.features = plain(features);
            locked.requires = plain(requires);
            dependencies.push((name.clone(), depends.unwrap_or_default()));
            if packages.insert(name, locked).is_some() {
                return Err(self.twice(&name_text, "package"));
            }
        }
        self.connect(&mut packages, dependencies)?;
        Ok(Lockfile {
            registries,
            packages,
            requires: plain(raw.requires),
        })
    }

    /// Fills in the dependencies once all names are known. One that is not among them stays:
    /// such a lock can be read, and is stale.
    fn connect(
        &self,
        packages: &mut BTreeMap<PackageName, LockedPackage>,
        dependencies: Vec<(PackageName, Vec<Text<'_>>)>,
    ) -> Result<(), Problem> {
        for (name, texts) in dependencies {
            let mut names = Vec::with_capacity(texts.len());
            for text in &texts {
                let found = match packages.get_key_value(text.text) {
                    Some((found, _)) => found.clone(),
                    None => {
                        PackageName::parse(text.text).map_err(|error| self.wrong(text, error))?
                    }
                };
                names.push(found);
            }
            if let Some(package) = packages.get_mut(&name) {
                package.dependencies = names;
            }
        }
        Ok(())
    }

    fn package(
        &self,
        strings: Strings<'_>,
        numbers: [Option<raw::Number>; raw::NUMBERS.len()],
        span: &Range<usize>,
        name: &Text<'_>,
        registries: &BTreeMap<String, LockedRegistry>,
    ) -> Result<LockedPackage, Problem> {
        let version = self.required(strings.version.clone(), span, "version")?;
        let version = Version::parse(version.text).map_err(|error| {
            self.wrong(
                &version,
                format_args!("{} is not a version: {error}", shown(version.text)),
            )
        })?;
        let digest = |text: &Option<Text<'_>>| match text {
            Some(text) => self.digest(text).map(Some),
            None => Ok(None),
        };
        let checksum = digest(&strings.checksum)?;
        let metadata = digest(&strings.metadata)?;
        let owners_note = digest(&strings.owners_note)?;
        let [size, compressed_size, owners] =
            numbers.map(|number| number.map(|number| number.value));
        let compressed = match (digest(&strings.compressed)?, compressed_size) {
            (Some(hash), Some(size)) => Some(Compressed { hash, size }),
            (None, None) => None,
            _ => {
                let what = "`compressed` and `compressed-size` need each other";
                return Err(self.stale(span.clone(), what));
            }
        };
        if owners_note.is_some() && owners.is_none() {
            return Err(self.stale(span.clone(), "`owners-note` needs `owners`"));
        }
        let source = self.source(&strings, span, registries)?;
        // A hint that this version does not understand is none.
        let source_commit = strings.source_commit.as_ref();
        let source_commit = source_commit.and_then(|text| SourceCommit::from_short(text.text));
        if checksum.is_none() && matches!(source, LockedSource::Registry(_)) {
            let what = format!("package {} has no `checksum`", shown(name.text));
            return Err(self.stale(span.clone(), what));
        }
        Ok(LockedPackage {
            version,
            source,
            checksum,
            size,
            compressed,
            metadata,
            source_commit,
            owners,
            owners_note,
            dependencies: Vec::new(),
            features: Vec::new(),
            requires: Vec::new(),
        })
    }

    fn source(
        &self,
        strings: &Strings<'_>,
        span: &Range<usize>,
        registries: &BTreeMap<String, LockedRegistry>,
    ) -> Result<LockedSource, Problem> {
        match (&strings.registry, &strings.path, &strings.git) {
            (Some(registry), None, None) => {
                let is_known = registries.contains_key(registry.text)
                    || self.registries.iter().any(|known| known == registry.text);
                if !is_known {
                    let what = format!("registry {} is not in the lock", shown(registry.text));
                    return Err(self.stale(registry.span.clone(), what));
                }
                Ok(LockedSource::Registry(registry.text.to_owned()))
            }
            (None, Some(path), None) => match is_locked_path(path.text) {
                true => Ok(LockedSource::Path(path.text.to_owned())),
                false => Err(self.stale(
                    path.span.clone(),
                    "a path of the lock is relative and written with `/`",
                )),
            },
            (None, None, Some(git)) => self.git(git, strings, span),
            _ => Err(self.stale(
                span.clone(),
                "a package has one of `registry`, `path` and `git`",
            )),
        }
    }

    /// The texts of a git source become arguments of the git program.
    fn git(
        &self,
        url: &Text<'_>,
        strings: &Strings<'_>,
        span: &Range<usize>,
    ) -> Result<LockedSource, Problem> {
        let commit = self.required(strings.commit.clone(), span, "commit")?;
        let is_hex = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f');
        if !matches!(commit.text.len(), 40 | 64) || !commit.text.bytes().all(is_hex) {
            return Err(self.stale(commit.span, "this is not the full hash of a commit"));
        }
        if !manifest::is_git_url(url.text) {
            return Err(self.stale(url.span.clone(), "this is not a git URL that is allowed"));
        }
        let mut reference = GitReference::Default;
        let kinds: [fn(String) -> GitReference; 3] =
            [GitReference::Branch, GitReference::Tag, GitReference::Rev];
        for (text, kind) in strings.references.iter().zip(kinds) {
            let Some(text) = text else { continue };
            if reference != GitReference::Default || !manifest::is_git_word(text.text) {
                let what = "a git package has one `branch`, `tag` or `rev`";
                return Err(self.stale(text.span.clone(), what));
            }
            reference = kind(text.text.to_owned());
        }
        Ok(LockedSource::Git {
            url: url.text.to_owned(),
            reference,
            commit: commit.text.to_owned(),
        })
    }

    fn digest(&self, text: &Text<'_>) -> Result<Digest, Problem> {
        text.text.parse().map_err(|error| self.wrong(text, error))
    }

    fn required<'t>(
        &self,
        text: Option<Text<'t>>,
        span: &Range<usize>,
        key: &str,
    ) -> Result<Text<'t>, Problem> {
        text.ok_or_else(|| self.stale(span.clone(), format!("`{key}` is missing here")))
    }

    fn wrong(&self, text: &Text<'_>, error: impl fmt::Display) -> Problem {
        self.stale(text.span.clone(), brief(error))
    }

    fn twice(&self, name: &Text<'_>, what: &str) -> Problem {
        let what = format!("{what} {} is in the lock twice", shown(name.text));
        self.stale(name.span.clone(), what)
    }

    /// A problem that a fresh lock would not have.
    fn stale(&self, span: Range<usize>, what: impl Into<String>) -> Problem {
        Reader::new(self.file, self.source)
            .error(span, what)
            .hint(Remedy::RestoreLock)
    }
}

fn plain(texts: Option<Vec<Text<'_>>>) -> Vec<String> {
    let texts = texts.unwrap_or_default().into_iter();
    texts.map(|text| text.text.to_owned()).collect()
}
