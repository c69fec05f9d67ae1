//! One run of a command: its inputs, its project and settings, the registries that it
//! opened, the store, and its reporter.

mod places;
mod registries;
mod runtime;
mod signing;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lumen_core::{checkpoint::Checkpoint, limits::Limit, problem::Problem};
use lumen_durable::Lock;
use lumen_registry::{Registry, signer::Signer};
use lumen_store::{
    cas::Store,
    link::Place,
    project::{Project, ProjectError, Snapshot},
};

use crate::{
    context::Context,
    credentials::Found,
    error::OpsError,
    report::Event,
    settings::Settings,
    workspace::{self, Workspace},
};

pub(crate) use self::places::registry_name;
pub use self::registries::{Purpose, Which};

/// The signer of a write to a registry, and the last checkpoint of its log that this machine saw.
pub type Writer = (Option<Arc<dyn Signer>>, Option<Checkpoint>);

/// One run of a command.
pub struct Session<'r> {
    /// Its inputs.
    pub context: Context<'r>,
    /// The project and the settings, once one of them was asked for.
    workspace: Mutex<Option<Arc<Workspace>>>,
    /// Warnings that were told.
    warned: Mutex<Vec<Problem>>,
    /// The registries that were opened to be read, by what they were called.
    registries: Mutex<BTreeMap<String, Registry>>,
    netrc: OnceLock<Found>,
    runtime: runtime::Own,
    /// Whether a registry could not be reached, and the run goes on with the cache.
    gave_up: AtomicBool,
    /// Whether the run is about packages of the lock.
    binds: AtomicBool,
}

impl<'r> Session<'r> {
    /// A session; nothing is read yet but how long locks are waited for.
    pub fn new(context: Context<'r>) -> Self {
        let seconds = context.environment.limit(Limit::LockSeconds);
        lumen_durable::set_lock_limit(Duration::from_secs(seconds));
        Self {
            context,
            workspace: Mutex::default(),
            warned: Mutex::default(),
            registries: Mutex::default(),
            netrc: OnceLock::new(),
            runtime: runtime::Own::default(),
            gave_up: AtomicBool::new(false),
            binds: AtomicBool::new(false),
        }
    }

    /// Whether the network must not be used.
    pub fn is_offline(&self) -> bool {
        self.context.options.offline || self.gave_up.load(Ordering::Relaxed)
    }

    /// From now on the network is not used; forgets the registries that were read.
    pub(crate) fn go_offline(&self) {
        self.gave_up.store(true, Ordering::Relaxed);
        locked(&self.registries).clear();
    }

    /// The project and the settings. They are loaded when this is first called, and their
    /// warnings told; each later call gives the same.
    ///
    /// # Errors
    /// When the project or a configuration file is invalid.
    pub fn workspace(&self) -> Result<Arc<Workspace>, OpsError> {
        let mut known = locked(&self.workspace);
        if let Some(workspace) = &*known {
            return Ok(workspace.clone());
        }
        let workspace = Arc::new(Workspace::find(&self.context)?);
        self.warn(&workspace.warnings);
        *known = Some(workspace.clone());
        Ok(workspace)
    }

    /// The project.
    ///
    /// # Errors
    /// When there is no project or something in it is invalid.
    pub fn project(&self) -> Result<Arc<Project>, OpsError> {
        let project = self.workspace()?.project.clone();
        let missing = || ProjectError::NotFound(self.context.options.working_dir.clone());
        Ok(project.ok_or_else(missing)?)
    }

    /// The settings, with what the project says where it has a say.
    ///
    /// # Errors
    /// As [`Session::workspace`].
    pub fn settings(&self) -> Result<Arc<Settings>, OpsError> {
        Ok(self.workspace()?.settings.clone())
    }

    /// The project, locked against other commands until the lock is dropped. A lock file with
    /// the markers of a merge conflict is merged, since these commands write it.
    ///
    /// A foreign file in the place of Lumen's own is an error before anything else. The lock
    /// comes first: another command that held it may have changed the manifest and the lock
    /// file. A dry run writes nothing, not even a lock.
    ///
    /// # Errors
    /// As [`Session::project`], and any I/O error.
    pub fn locked_project(&self, dry_run: bool) -> Result<(Arc<Project>, Option<Lock>), OpsError> {
        self.lock_project(self.snapshot()?, dry_run)
    }

    /// The project as it is, with nothing read yet.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, OpsError> {
        let manifest = workspace::manifest_path(&self.context)?;
        Ok(Snapshot::of(&manifest, &self.context.surroundings()))
    }

    /// The same for a project that was loaded, but may have changed since.
    pub(crate) fn lock_project(
        &self,
        mut seen: Snapshot,
        dry_run: bool,
    ) -> Result<(Arc<Project>, Option<Lock>), OpsError> {
        self.bind_to_lock();
        let (snapshot, lock) = match dry_run {
            true => (seen, None),
            false => {
                let lock = Place::open(&seen.root()?)?.lock_install()?;
                (self.snapshot()?, Some(lock))
            }
        };
        let workspace = Workspace::load(&self.context, snapshot.merging())?;
        self.warn(&workspace.warnings);
        // Registries that were opened before may have old settings.
        locked(&self.registries).clear();
        *locked(&self.workspace) = Some(Arc::new(workspace));
        Ok((self.project()?, lock))
    }

    /// From now on the registry of `--registry`, too, has to be the one that the lock knows: the
    /// run is about packages of the lock.
    pub(crate) fn bind_to_lock(&self) {
        self.binds.store(true, Ordering::Relaxed);
    }

    /// Tells warnings that were not told yet.
    pub(crate) fn warn(&self, warnings: &[Problem]) {
        let mut told = locked(&self.warned);
        for warning in warnings {
            if !told.contains(warning) {
                self.context.reporter.warn(warning.clone());
                told.push(warning.clone());
            }
        }
    }

    /// Says which signed registries were met for the first time.
    ///
    /// # Errors
    /// None but those of the runtime; a registry that is not trusted was not read from.
    pub fn tell_first_use(&self) -> Result<(), OpsError> {
        let registries: Vec<Registry> = {
            let registries = locked(&self.registries);
            let met = registries
                .values()
                .filter(|registry| registry.trusted().is_some());
            met.cloned().collect()
        };
        for registry in registries {
            let info = self.block_on(async { Ok(registry.trust().await?) })?;
            if let Some(info) = info.filter(|info| info.first_use) {
                let message = format!(
                    "`{}` as {} from now on (first contact: compare it with the fingerprint from the people who run it)",
                    info.origin, info.fingerprint
                );
                self.context.reporter.report(Event::Done {
                    verb: "Trusting",
                    message,
                });
            }
        }
        Ok(())
    }

    /// The signer, and the last checkpoint that this machine saw; both `None` if the
    /// registry is unsigned.
    ///
    /// # Errors
    /// When the registry is not trusted, or it is signed and there is no key.
    pub fn writer(&self, registry: &Registry) -> Result<Writer, OpsError> {
        let info = self.block_on(async { Ok(registry.trust().await?) })?;
        let Some(info) = info else {
            return Ok((None, None));
        };
        Ok((Some(self.signer()?), info.seen()))
    }

    /// The time of the run, RFC 3339.
    pub fn timestamp(&self) -> String {
        self.context.options.timestamp()
    }

    /// The time of this run, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.context.options.now.as_second()
    }

    /// Writes new metadata of registries to the cache.
    pub fn save_caches(&self) {
        locked(&self.registries)
            .values()
            .for_each(Registry::save_cache);
    }

    /// The package store. Warns once if others can change it.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn store(&self) -> Result<Arc<Store>, OpsError> {
        let dir = self.context.environment.store_dir();
        let store = Store::open(&dir)?;
        if let Some(exposure) = store.exposure()? {
            let what = format!(
                "others can change the package store `{}`: {exposure}",
                dir.display()
            );
            let hint =
                "set LUMEN_HOME to a folder of your own, or take the right to write from them";
            self.warn(&[Problem::warning(what).hint(hint)]);
        }
        Ok(Arc::new(store))
    }

    /// Runs asynchronous work to its end, on a runtime that is started when first needed. It
    /// blocks, and may be called inside another program's runtime, too.
    ///
    /// # Errors
    /// When the runtime cannot start, and those of the work.
    pub fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, OpsError>>,
    ) -> Result<T, OpsError> {
        self.runtime.block_on(work)
    }
}

/// What a mutex holds, also when a thread that held it panicked.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
