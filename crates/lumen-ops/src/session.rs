//! What one run of a command shares: settings, registries, the store, the reporter.

mod places;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use lumen_core::{
    PackageName,
    checkpoint::Checkpoint,
    limits::Limit,
    lockfile::{LockedSource, LockedTrust, Lockfile},
    manifest::Manifest,
    problem::Problem,
    trust::Subject,
};
use lumen_durable::Lock;
use lumen_registry::{
    Freshness, Location, ReadError, Registry, RegistryOptions,
    signer::Signer,
    verify::{LockedOwners, TrustOptions},
};
use lumen_store::{
    cas::Store,
    link::Place,
    project::{Project, ProjectError, Snapshot},
};
use tokio::runtime::Runtime;

use crate::{
    credentials::Found,
    error::OpsError,
    keys,
    report::{Event, Reporter},
    settings::{Environment, Settings},
};

/// What the command line says to every command.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder the command runs in, absolute.
    pub working_dir: PathBuf,
    /// `--manifest-path`.
    pub manifest_path: Option<PathBuf>,
    /// `--registry`: a URL or the name of a configured registry.
    pub registry: Option<String>,
    /// `--offline`.
    pub offline: bool,
    /// `--stale-if-error`.
    pub stale_if_error: bool,
    /// How old metadata of web registries may be.
    pub freshness: Freshness,
    /// The time of the run.
    pub now: Timestamp,
}

/// Who writes to a registry, and what was last seen of its log.
pub type Writer = (Option<Arc<dyn Signer>>, Option<Checkpoint>);

/// One run of a command.
pub struct Session<'r> {
    /// The environment.
    pub environment: Environment,
    /// The command line.
    pub options: Options,
    /// Where to tell what happens.
    pub reporter: &'r dyn Reporter,
    /// The project as it was loaded, if it was.
    project: Mutex<Option<Arc<Project>>>,
    settings: OnceLock<Settings>,
    /// Warnings that were told.
    warned: Mutex<Vec<Problem>>,
    registries: Mutex<BTreeMap<String, Registry>>,
    /// What the project's lock says about signed registries.
    locked: OnceLock<BTreeMap<String, Locked>>,
    /// Which packages the project's lock has from each registry.
    expected: OnceLock<BTreeMap<String, Vec<PackageName>>>,
    pub(crate) netrc: OnceLock<Found>,
    runtime: OnceLock<Runtime>,
    /// Whether it was told that others can change the store.
    told_of_store: AtomicBool,
    /// Whether a registry could not be reached, and what is cached has to do.
    gave_up: AtomicBool,
}

/// How a registry is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// As the command line says.
    Usual,
    /// Though it may have expired and witnesses may be silent.
    AnyAge,
    /// From what this machine has.
    Offline {
        /// Whether the lock counts.
        with_lock: bool,
    },
}

/// What a lock says about a signed registry.
#[derive(Debug, Clone)]
struct Locked {
    trust: LockedTrust,
    /// The ownership notes that were in force, by what owns the packages.
    owners: BTreeMap<Subject, LockedOwners>,
}

impl Locked {
    fn all(lock: &Lockfile) -> BTreeMap<String, Self> {
        let signed = lock.registries.iter().filter_map(|(name, registry)| {
            let locked = Self {
                trust: registry.trust.clone()?,
                owners: BTreeMap::new(),
            };
            Some((name.clone(), locked))
        });
        let mut all: BTreeMap<String, Self> = signed.collect();
        for (name, package) in &lock.packages {
            if let (LockedSource::Registry(registry), Some(seq)) = (&package.source, package.owners)
                && let Some(locked) = all.get_mut(registry)
            {
                // Where branches were merged, packages of a scope may differ.
                let owners = locked.owners.entry(Subject::owner_of(name)).or_default();
                owners.insert((seq, package.owners_note));
            }
        }
        all
    }
}

impl<'r> Session<'r> {
    /// A session; nothing is read yet but how long locks are waited for.
    pub fn new(environment: Environment, options: Options, reporter: &'r dyn Reporter) -> Self {
        let seconds = environment.limit(Limit::LockSeconds);
        lumen_durable::set_lock_limit(Duration::from_secs(seconds));
        Self {
            environment,
            options,
            reporter,
            project: Mutex::default(),
            settings: OnceLock::new(),
            warned: Mutex::default(),
            registries: Mutex::default(),
            locked: OnceLock::new(),
            expected: OnceLock::new(),
            netrc: OnceLock::new(),
            runtime: OnceLock::new(),
            told_of_store: AtomicBool::new(false),
            gave_up: AtomicBool::new(false),
        }
    }

    /// Whether the network must not be used.
    pub fn is_offline(&self) -> bool {
        self.options.offline || self.gave_up.load(Ordering::Relaxed)
    }

    /// From now on the network is not used; what was read of registries is forgotten.
    pub(crate) fn go_offline(&self) {
        self.gave_up.store(true, Ordering::Relaxed);
        let registries = self.registries.lock();
        registries.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The manifest that the command is about.
    ///
    /// # Errors
    /// When there is none.
    pub fn manifest_path(&self) -> Result<PathBuf, OpsError> {
        match &self.options.manifest_path {
            Some(path) => {
                let path = self.options.working_dir.join(path);
                let file = if path.is_dir() {
                    path.join(lumen_store::project::MANIFEST)
                } else {
                    path
                };
                match file.is_file() {
                    true => Ok(file),
                    false => Err(ProjectError::NotFound(file).into()),
                }
            }
            None => Ok(Project::find(&self.options.working_dir)?),
        }
    }

    /// The project, and with it its settings; a command loads it once, and warns once.
    ///
    /// # Errors
    /// When there is no project or something in it is invalid.
    pub fn project(&self) -> Result<Arc<Project>, OpsError> {
        let known = self.project.lock();
        let known = known.unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(project) => Ok(project),
            None => self.load(Snapshot::of(&self.manifest_path()?)?),
        }
    }

    fn load(&self, snapshot: Snapshot) -> Result<Arc<Project>, OpsError> {
        let project = Arc::new(snapshot.load()?);
        self.warn(&project.warnings);
        self.merge(Some(&project))?;
        let known = self.project.lock();
        *known.unwrap_or_else(PoisonError::into_inner) = Some(project.clone());
        Ok(project)
    }

    /// Tells warnings that were not told yet.
    pub(crate) fn warn(&self, warnings: &[Problem]) {
        let told = self.warned.lock();
        let mut told = told.unwrap_or_else(PoisonError::into_inner);
        for warning in warnings {
            if !told.contains(warning) {
                self.reporter.warn(warning.clone());
                told.push(warning.clone());
            }
        }
    }

    /// Loads the project with all others kept out of it until the lock is dropped.
    ///
    /// What is in the place of Lumen's own files there, and is not Lumen's, is an error before
    /// anything else. The lock comes first: whoever held it may have changed the manifest and the
    /// lock file. A dry run writes nothing, not even a lock.
    ///
    /// # Errors
    /// As [`Session::project`], and any I/O error.
    pub fn locked_project(&self, dry_run: bool) -> Result<(Arc<Project>, Option<Lock>), OpsError> {
        self.lock_project(Snapshot::of(&self.manifest_path()?)?, dry_run)
    }

    /// The same for a project that was looked at, but may have changed since.
    pub(crate) fn lock_project(
        &self,
        mut seen: Snapshot,
        dry_run: bool,
    ) -> Result<(Arc<Project>, Option<Lock>), OpsError> {
        if dry_run {
            return Ok((self.load(seen)?, None));
        }
        let lock = Place::open(&seen.root()?)?.lock_install()?;
        let project = self.load(Snapshot::of(&self.manifest_path()?)?)?;
        Ok((project, Some(lock)))
    }

    /// Takes the settings of the project here, if there is one, for commands that work without.
    ///
    /// # Errors
    /// When there is a project and something in it is invalid.
    pub fn maybe_project(&self) -> Result<Option<Arc<Project>>, OpsError> {
        match self.manifest_path() {
            Ok(_) => self.project().map(Some),
            Err(OpsError::Project(ProjectError::NotFound(_)))
                if self.options.manifest_path.is_none() =>
            {
                self.merge(None)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn merge(&self, project: Option<&Project>) -> Result<(), OpsError> {
        let manifest = project.map(|project| project.root_package.manifest.as_ref());
        let (settings, warnings) = self.settings_with(manifest)?;
        self.warn(&warnings);
        let _ = self.settings.set(settings);
        if let Some((lock, _)) = project.and_then(|project| project.lock.as_ref()) {
            let _ = self.locked.set(Locked::all(lock));
            let mut expected: BTreeMap<String, Vec<PackageName>> = BTreeMap::new();
            for (name, package) in &lock.packages {
                if let LockedSource::Registry(registry) = &package.source {
                    expected
                        .entry(registry.clone())
                        .or_default()
                        .push(name.clone());
                }
            }
            let _ = self.expected.set(expected);
        }
        Ok(())
    }

    /// The settings of a project with this manifest, and warnings about them.
    pub(crate) fn settings_with(
        &self,
        manifest: Option<&Manifest>,
    ) -> Result<(Settings, Vec<Problem>), OpsError> {
        let flag = self.options.registry.as_deref();
        Settings::merge(&self.environment, manifest, flag)
    }

    /// The settings; those without a project before one is loaded.
    ///
    /// # Errors
    /// When a configuration file is invalid.
    pub fn settings(&self) -> Result<&Settings, OpsError> {
        if self.settings.get().is_none() {
            self.merge(None)?;
        }
        self.settings.get().ok_or(OpsError::NoRegistry)
    }

    /// A registry by name; the same one each time.
    ///
    /// # Errors
    /// When nothing configures it or its URL is invalid.
    pub fn registry(&self, name: &str) -> Result<Registry, OpsError> {
        let mut registries = self
            .registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(registry) = registries.get(name) {
            return Ok(registry.clone());
        }
        let registry = self.open_registry(name)?;
        registries.insert(name.to_owned(), registry.clone());
        Ok(registry)
    }

    /// A registry by name, as nobody has looked at it yet.
    ///
    /// # Errors
    /// As [`Session::registry`].
    pub fn open_registry(&self, name: &str) -> Result<Registry, OpsError> {
        self.open(name, self.location(name)?, Opening::Usual)
    }

    /// A registry by name, where it is written to and as nobody has looked at it yet.
    ///
    /// Where that is another place than it is read from, it must have the same root.
    ///
    /// # Errors
    /// As [`Session::registry`].
    pub fn writable(&self, name: &str) -> Result<Registry, OpsError> {
        self.open_writable(name, Opening::Usual)
    }

    /// The same, though it may have expired and witnesses may be silent: who runs it must be
    /// able to end what keeps others out.
    ///
    /// # Errors
    /// As [`Session::registry`].
    pub fn writable_at_any_age(&self, name: &str) -> Result<Registry, OpsError> {
        self.open_writable(name, Opening::AnyAge)
    }

    /// A project alone may name where to write, but only a registry that is there: not any
    /// folder, nor any branch that the user may push to.
    fn open_writable(&self, name: &str, opening: Opening) -> Result<Registry, OpsError> {
        let location = self.publish_location(name)?;
        let url = location.url();
        let may_be_anything = matches!(location, Location::File(_) | Location::Git(_));
        let is_given = self.settings()?.pairs.has(&url);
        let registry = self.open(name, location, opening)?;
        if may_be_anything && !is_given && !self.is_registry(&registry)? {
            return Err(OpsError::user(
                format!(
                    "only the project names `{url}`, and there is no registry there: nothing was written"
                ),
                format!(
                    "if that is where you want one, run `lumen registry init {url}`, or publish with `--registry {url}`"
                ),
            ));
        }
        Ok(registry)
    }

    /// Whether something at a place says that it is a registry.
    fn is_registry(&self, registry: &Registry) -> Result<bool, OpsError> {
        self.block_on(async {
            match registry.trust().await {
                // Whoever goes on is told what is wrong with it.
                Ok(Some(_)) | Err(ReadError::Trust(_)) => Ok(true),
                // Other programs have an `index.json`, too.
                Ok(None) => Ok(registry.global_index().await?.is_some_and(|index| {
                    index.format.is_some() || index.name.is_some() || !index.packages.is_empty()
                })),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// A registry as this machine has it, without the network; `with_lock`: that must also
    /// continue what the lock knows.
    ///
    /// # Errors
    /// As [`Session::registry`].
    pub fn offline(&self, name: &str, with_lock: bool) -> Result<Registry, OpsError> {
        self.open(name, self.location(name)?, Opening::Offline { with_lock })
    }

    /// A registry to read from by URL, path or configured name, for commands about more than one.
    ///
    /// # Errors
    /// When the URL is invalid.
    pub fn registry_at(&self, text: &str) -> Result<Registry, OpsError> {
        let is_place = text.contains("://") || text.contains(['/', '\\']);
        let location = match self.name_at(text)? {
            Some(name) if !is_place => self.location(&name)?,
            _ => self.location_at(text)?,
        };
        self.open_at(text, location)
    }

    /// The same for a URL or a name that stands in a configuration file: who wrote it
    /// decides whether the user's secrets are sent there.
    ///
    /// # Errors
    /// When the URL is invalid.
    pub fn configured_registry(&self, text: &str) -> Result<Registry, OpsError> {
        let location = match (self.name_at(text)?, text.contains("://")) {
            (Some(name), _) => self.location(&name)?,
            (None, true) => self.locate(None, text)?,
            (None, false) => self.location(text)?,
        };
        self.open_at(text, location)
    }

    fn open_at(&self, text: &str, location: Location) -> Result<Registry, OpsError> {
        let name = self.name_at(text)?;
        let registry = self.open(name.as_deref().unwrap_or(text), location, Opening::Usual)?;
        let registries = self.registries.lock();
        let mut registries = registries.unwrap_or_else(PoisonError::into_inner);
        registries.insert(text.to_owned(), registry.clone());
        Ok(registry)
    }

    fn open(&self, name: &str, location: Location, opening: Opening) -> Result<Registry, OpsError> {
        let settings = self.settings()?;
        let offline = matches!(opening, Opening::Offline { .. });
        let freshness = if self.is_offline() || offline {
            Freshness::Offline
        } else {
            self.options.freshness
        };
        let locked = self.locked.get().and_then(|locked| locked.get(name));
        let locked = locked.filter(|_| opening != Opening::Offline { with_lock: false });
        let expected = self.expected.get().and_then(|all| all.get(name));
        let options = RegistryOptions {
            cache: Some(self.environment.cache_dir()),
            freshness,
            trust: TrustOptions {
                state_dir: Some(self.environment.trust_dir()),
                pin: self.pin(name, &location)?,
                required: settings.signed_only,
                locked: locked.map(|locked| locked.trust.clone()),
                owners: locked
                    .map(|locked| locked.owners.clone())
                    .unwrap_or_default(),
                any_age: opening == Opening::AnyAge,
                now: self.options.now.as_second(),
            },
            host: self.host_options(&location)?,
            expected: expected.cloned().unwrap_or_default(),
        };
        let registry = Registry::open(name, location, &options);
        Ok(registry.map_err(ReadError::from)?)
    }

    /// Says which signed registries were met for the first time.
    ///
    /// # Errors
    /// None but those of the runtime; a registry that is not trusted was not read from.
    pub fn tell_first_use(&self) -> Result<(), OpsError> {
        let registries: Vec<Registry> = {
            let registries = self.registries.lock();
            let registries = registries.unwrap_or_else(PoisonError::into_inner);
            let met = registries
                .values()
                .filter(|registry| registry.trusted().is_some());
            met.cloned().collect()
        };
        for registry in registries {
            let info = self.block_on(async { Ok(registry.trust().await?) })?;
            if let Some(info) = info.filter(|info| info.first_use) {
                let message = format!("`{}` as {} from now on", info.origin, info.fingerprint);
                self.reporter.report(Event::Done {
                    verb: "Trusting",
                    message,
                });
            }
        }
        Ok(())
    }

    /// Who writes to a registry, and what was last seen of its log; nobody and nothing where it is unsigned.
    ///
    /// # Errors
    /// When the registry is not trusted, or it is signed and there is no key.
    pub fn writer(&self, registry: &Registry) -> Result<Writer, OpsError> {
        let info = self.block_on(async { Ok(registry.trust().await?) })?;
        let Some(info) = info else {
            return Ok((None, None));
        };
        Ok((Some(keys::signer(self)?), info.seen()))
    }

    /// The time of the run, RFC 3339.
    pub fn timestamp(&self) -> String {
        self.options.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The registry a package is read from unless a dependency names another: its home or,
    /// when that does not have it, the first upstream that does.
    ///
    /// # Errors
    /// As [`Session::registry`]; also when it is unknown whether a registry has the package.
    pub fn registry_for(&self, name: &PackageName) -> Result<Registry, OpsError> {
        let home = self.home_of(name)?;
        let first = self.registry(home)?;
        let settings = self.settings()?;
        if settings.upstreams.is_empty() || !settings.falls_back(name) {
            return Ok(first);
        }
        let has = |registry: &Registry| self.block_on(async { Ok(registry.find(name).await?) });
        if has(&first)?.is_some() {
            return Ok(first);
        }
        for upstream in &self.settings()?.upstreams {
            let registry = self.registry(upstream)?;
            if has(&registry)?.is_some() {
                return Ok(registry);
            }
        }
        Ok(first)
    }

    /// The registry that a command writes to: the one of `--registry`, else the package's.
    ///
    /// # Errors
    /// As [`Session::writable`].
    pub fn writable_for(&self, name: &PackageName) -> Result<Registry, OpsError> {
        self.writable(self.home_of(name)?)
    }

    /// Writes what was learned about registries to the cache.
    pub fn save_caches(&self) {
        let registries = self
            .registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        registries.values().for_each(Registry::save_cache);
    }

    /// The package store. If others can change it, that is told, once.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn store(&self) -> Result<Arc<Store>, OpsError> {
        let dir = self.environment.store_dir();
        let store = Store::open(&dir)?;
        if let Some(exposure) = store.exposure()?
            && !self.told_of_store.swap(true, Ordering::Relaxed)
        {
            let what = format!(
                "others can change the package store `{}`: {exposure}",
                dir.display()
            );
            let hint =
                "set LUMEN_HOME to a folder of your own, or take the right to write from them";
            self.reporter.warn(Problem::warning(what).hint(hint));
        }
        Ok(Arc::new(store))
    }

    /// Runs asynchronous work to its end, on a runtime that is started when first needed.
    ///
    /// # Errors
    /// When the runtime cannot start, and those of the work.
    pub fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, OpsError>>,
    ) -> Result<T, OpsError> {
        if self.runtime.get().is_none() {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            let _ = self.runtime.set(runtime);
        }
        match self.runtime.get() {
            Some(runtime) => runtime.block_on(work),
            None => Err(std::io::Error::other("no runtime").into()),
        }
    }
}
