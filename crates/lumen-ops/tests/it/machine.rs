//! A user's machine: a home, folders, and registries in memory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lumen_core::{
    Digest, Key,
    lockfile::{self, Lockfile},
    signing::SecretKey,
};
use lumen_ops::{
    OpsError,
    context::{Context, Options},
    keys::KeyStore,
    resolve::ResolveOptions,
    session::Session,
    settings::Environment,
    signed::RootChange,
    verbs::{self, add::Addition, install, publish},
};
use lumen_registry::{
    Location, Storage,
    storage::{MemoryStorage, Storages},
};
use lumen_testkit::world::{self, NOW};
use tempfile::TempDir;

use crate::recorder::Recorder;

/// The address of the default registry.
pub const MAIN: &str = "https://packages.example";
/// The address of another one.
pub const OTHER: &str = "https://other.example";

/// A user's machine.
pub struct Machine {
    dir: TempDir,
    /// The registry at [`MAIN`].
    pub main: MemoryStorage,
    /// The registry at [`OTHER`].
    pub other: MemoryStorage,
    /// What the command line and the environment say.
    pub options: Options,
    /// The environment.
    pub environment: Environment,
    recorder: Recorder,
}

impl Machine {
    /// A machine whose default registry is in memory, and empty: nothing is there yet.
    pub fn bare() -> Self {
        Self::with(MemoryStorage::new(), MemoryStorage::new())
    }

    /// A machine with an unsigned registry.
    pub fn new() -> Self {
        let machine = Self::bare();
        machine.found(MAIN, true).unwrap();
        machine
    }

    /// A machine with a signed registry, and the key of its operator, `ada`.
    pub fn signed() -> Self {
        let machine = Self::bare();
        machine.key("ada", 1);
        machine.found(MAIN, false).unwrap();
        machine
    }

    /// The machine of another user of the same registries.
    pub fn beside(&self) -> Self {
        Self::with(self.main.clone(), self.other.clone())
    }

    /// A machine whose registries are these.
    pub fn with(main: MemoryStorage, other: MemoryStorage) -> Self {
        let dir = TempDir::new().unwrap();
        let home = dir.path().canonicalize().unwrap();
        fs::create_dir(home.join("project")).unwrap();
        let options = Options {
            storages: storages(&main, &other),
            ..Options::at(home.join("project"), NOW.parse().unwrap())
        };
        let environment = Environment {
            home: home.join("lumen"),
            config_dir: Some(home.join("config")),
            registry: Some(MAIN.into()),
            ..Environment::at(&home)
        };
        Self {
            dir,
            main,
            other,
            options,
            environment,
            recorder: Recorder::default(),
        }
    }

    /// From now on this is at [`MAIN`].
    pub fn show(&mut self, main: MemoryStorage) {
        self.options.storages = storages(&main, &self.other);
        self.main = main;
    }

    /// Runs work in a session of its own, as a command does.
    pub fn run<T>(&self, work: impl FnOnce(&Session<'_>) -> T) -> T {
        work(&Session::new(Context {
            environment: self.environment.clone(),
            options: self.options.clone(),
            reporter: &self.recorder,
        }))
    }

    /// All that was reported since the last time.
    pub fn told(&self) -> Vec<String> {
        let lines = self.recorder.take().into_iter();
        lines.map(|line| self.relative(&line)).collect()
    }

    /// A text without the path of the project, and of this machine.
    pub fn relative(&self, text: &str) -> String {
        let path = |folder| self.path(folder).to_string_lossy().into_owned();
        text.replace(&path("project/"), "").replace(&path(""), "~/")
    }

    /// The warnings since the last time; other events are no matter.
    pub fn warnings(&self) -> Vec<String> {
        let mut told = self.told();
        told.retain(|line| line.starts_with("warning"));
        told
    }

    /// Hands a file on to the same place on another user's machine.
    pub fn hand_on(&self, file: &Path, to: &Self) {
        let text = fs::read_to_string(self.options.working_dir.join(file)).unwrap();
        to.write(&format!("project/{}", file.display()), &text);
    }

    /// A path on this machine.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(relative)
    }

    /// Writes a file, and the folders that it needs.
    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Reads a file.
    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    /// The user's configuration file.
    pub fn configure(&mut self, text: &str) {
        self.write("config.toml", text);
        self.environment.config_files = vec![self.path("config.toml")];
    }

    /// From now on commands run in this folder.
    pub fn enter(&mut self, folder: &str) {
        self.options.working_dir = self.path(folder);
    }

    /// Gives the user a key, which becomes the default, by its name and a seed.
    pub fn key(&self, name: &str, seed: u8) -> SecretKey {
        let key = world::key(name, seed);
        self.write(&format!("{name}.key"), &key.to_text());
        private(&self.path(&format!("{name}.key")));
        let store = KeyStore::of(&self.environment).unwrap();
        let file = self.path(&format!("{name}.key"));
        store.import(&file, None, None).unwrap();
        store.set_default(name).unwrap();
        key
    }

    /// Makes a registry.
    pub fn found(&self, url: &str, unsigned: bool) -> Result<verbs::found::Founded, OpsError> {
        self.run(|session| verbs::found::init(session, url, Some("main"), Some("main/1"), unsigned))
    }

    /// The fingerprint of the signed registry at [`MAIN`], by its own files.
    pub fn fingerprint(&self) -> Digest {
        let first = self.main.files().into_iter();
        let mut first = first.filter(|(key, _)| *key == Key::root_index());
        let list: serde_json::Value = serde_json::from_slice(&first.next().unwrap().1).unwrap();
        Digest::of(list["events"][0]["note"].as_str().unwrap().as_bytes())
    }

    /// Lets another key write to the log of the registry.
    pub fn admit(&self, key: &SecretKey) {
        let change = RootChange::AddLogKey(key.public().clone());
        let submitted = self.run(|session| verbs::root::change_root(session, |_| Ok(change), None));
        assert!(submitted.unwrap().applied);
        self.told();
    }

    /// Removes a file of a registry behind its back.
    pub fn lose(&self, key: &Key) {
        let storage = Storage::Memory(self.main.clone());
        self.run(|session| session.block_on(async { Ok(storage.delete(key).await) }))
            .unwrap()
            .unwrap();
    }

    /// Changes the bytes of a file of the registry behind its back.
    pub fn spoil(&self, key: &Key, bytes: &[u8]) {
        self.lose(key);
        self.add(key, bytes);
    }

    /// Adds a file to the registry behind its back.
    pub fn add(&self, key: &Key, bytes: &[u8]) {
        let storage = Storage::Memory(self.main.clone());
        self.run(|session| session.block_on(async { Ok(storage.create(key, bytes).await) }))
            .unwrap()
            .unwrap();
    }

    /// The files of the registry at [`MAIN`] whose paths start like this.
    pub fn keys(&self, prefix: &str) -> Vec<Key> {
        let files = self.main.files().into_keys();
        files
            .filter(|key| key.as_str().starts_with(prefix))
            .collect()
    }

    /// Writes a package with dependencies, and one file of source.
    pub fn package(&self, folder: &str, name: &str, version: &str, needs: &[(&str, &str)]) {
        let mut text = format!(
            "[package]\nname = \"{name}\"\nversion = \"{version}\"\nlicense = \"MIT\"\ndescription = \"About {name}\"\n\n[dependencies]\n"
        );
        for (needed, constraint) in needs {
            text.push_str(&format!("\"{needed}\" = \"{constraint}\"\n"));
        }
        self.write(&format!("{folder}/lumen.toml"), &text);
        let source = format!("# {name} {version}\n");
        self.write(&format!("{folder}/src/main.lm.md"), &source);
    }

    /// Publishes the package of the folder that commands run in.
    pub fn publish_here(&self) -> Result<publish::Outcome, OpsError> {
        self.run(|session| {
            publish::run(
                session,
                publish::prepare(session, None, publish::Allowed::default())?,
            )
        })
    }

    /// Writes and publishes a package; what that reports is no matter.
    pub fn publish(&mut self, name: &str, version: &str, needs: &[(&str, &str)]) {
        let folder = format!("sources/{}-{version}", name.replace('/', "-"));
        self.package(&folder, name, version, needs);
        let folder = self.path(&folder);
        let before = std::mem::replace(&mut self.options.working_dir, folder);
        self.publish_here().unwrap();
        self.options.working_dir = before;
        self.told();
    }

    /// The project, `app`, with these dependencies.
    pub fn project(&self, needs: &[(&str, &str)]) {
        self.package("project", "app", "0.1.0", needs);
    }

    /// Installs the project.
    pub fn install(&self) -> Result<install::Outcome, OpsError> {
        self.install_with(&ResolveOptions::default())
    }

    /// Installs the project with options.
    pub fn install_with(&self, options: &ResolveOptions) -> Result<install::Outcome, OpsError> {
        self.run(|session| install::run(session, options))
    }

    /// The lock of the project.
    pub fn lock(&self) -> Lockfile {
        let text = self.read("project/lumen.lock");
        Lockfile::parse("lumen.lock", &text).unwrap()
    }

    /// The locked versions, as `name version`.
    pub fn locked(&self) -> Vec<String> {
        let packages = self.lock().packages.into_iter();
        let line =
            |(name, package): (_, lockfile::LockedPackage)| format!("{name} {}", package.version);
        packages.map(line).collect()
    }
}

fn storages(main: &MemoryStorage, other: &MemoryStorage) -> Storages {
    let place = |url: &str| Location::parse(url).unwrap();
    Storages::default()
        .with(&place(MAIN), Storage::Memory(main.clone()))
        .with(&place(OTHER), Storage::Memory(other.clone()))
}

/// A dependency to add, as `pkg add` takes it.
pub fn add(package: &str) -> Addition {
    Addition {
        package: package.into(),
        from: None,
        registry: None,
        table: lumen_core::edit::DependencyTable::Normal,
        optional: false,
        features: Vec::new(),
        default_features: true,
    }
}

/// Takes the right to read a file from others.
fn private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = path;
}
