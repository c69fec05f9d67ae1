//! The files that a signed registry needs, by its log.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{MAX_PACKAGE_INDEX_BYTES, Release, events_of},
    key::kind::FileKind,
    tile::{
        entries::{PER_BUNDLE, width},
        tiles_for_edge,
    },
    trust::{
        Action, Entry, Event, PackageHistory, RootHistory, Subject, chain,
        event::NO_EVENTS,
        map::{MAX_NODE_BYTES, children},
        text, up_to,
    },
};

use super::{GcOptions, Kind, Needed};
use crate::{
    derived::package::releases_of,
    log::pending,
    logread::{Head, Staging, listed, load_range, read_checkpoint},
    mirror::growth::Growth,
    partial::Partial,
    publish::read_release,
    storage::{Listed, Storage},
    write::{PublishError, Snapshot, damaged},
};

/// Packages that are read at once.
const CONCURRENCY: usize = 16;

/// Up to where the log was read.
pub(super) struct Seen {
    size: u64,
    /// The head, or the checkpoint of a registry without.
    head: Option<Digest>,
}

/// A state that the log was in.
struct State {
    size: u64,
    map: Digest,
    /// The staging file of the batch that led to it.
    staging: Digest,
    /// When it was made, by the word of its last note.
    time: SystemTime,
}

/// What the log says, all of it.
struct Read {
    published: BTreeMap<PackageName, Vec<Version>>,
    states: Vec<State>,
    growth: Growth,
}

/// Sorts out the files that the registry does not need.
pub(super) async fn find(
    storage: &Storage,
    options: &GcOptions,
    sort: &mut impl FnMut(Kind, Listed),
) -> Result<Seen, PublishError> {
    let Some((checkpoint, _)) = read_checkpoint(storage).await? else {
        return Err(damaged(storage, &Key::checkpoint(), "it does not exist"));
    };
    let head = Head::read(storage).await?.map(|(head, _)| head);
    // Commits that wait for witnesses are finished, so all that they need is known.
    let top = pending::newest_finished(storage, head.as_ref(), &checkpoint).await?;
    let seen = Seen {
        size: top.size,
        head: head.as_ref().map(|head| Digest::of(&head.to_bytes())),
    };
    let files = storage.list_files("").await?;
    let read = read(storage, &top).await?;
    let mut needed = Needed::default();
    needed.packages(storage, &read, top.size).await?;
    // Packages that were there before the registry was signed, and were not logged yet.
    let indexes = files
        .iter()
        .filter(|file| file.key.as_str().ends_with("/index.json"));
    let names = indexes.filter_map(|file| file.key.package());
    let strange = names.filter(|name| !read.published.contains_key(name));
    let strange: HashSet<PackageName> = strange.collect();
    needed
        .unknown
        .extend(strange.iter().map(Key::package_prefix));
    let log = needed.log(storage, &read, &files, (checkpoint.size, options));
    log.await?;
    if let Some(head) = &head {
        needed.keys.insert(Key::staging(&head.staging));
        if head.checkpoint.size != top.size {
            // A writer is at work, or died: the files that its batch needs are unknown.
            let unfinished = ["log/tile/", "map/", "artifacts/", "packages/"];
            needed.unknown.extend(unfinished.map(str::to_owned));
        }
    }
    // Files that a publish under way names, or one in a registry that is not migrated yet.
    for file in &files {
        let Some((name, version)) = file.key.named_release() else {
            continue;
        };
        let in_flight = !file.is_older(options.grace, options.now);
        if !needed.keys.contains(&file.key) && (in_flight || strange.contains(&name)) {
            let found = read_release(storage, &name, &version).await;
            // An unreadable file names nothing.
            if let Some(found) = found.ok().flatten() {
                needed.artifacts(&found.release);
            }
        }
    }
    for file in files {
        let Some(kind) = kind_of(&file.key) else {
            continue;
        };
        if !needed.has(&file.key) {
            sort(kind, file);
        }
    }
    Ok(seen)
}

/// The kind of garbage that a file would be; other files are never removed.
fn kind_of(key: &Key) -> Option<Kind> {
    match key.kind() {
        FileKind::Artifact | FileKind::FileList => Some(Kind::Artifacts),
        FileKind::Staging => Some(Kind::Staging),
        FileKind::Tile => Some(Kind::Log),
        FileKind::Map => Some(Kind::Map),
        FileKind::Release => Some(Kind::Releases),
        _ => None,
    }
}

/// Reads the log, and checks that it is the one of the checkpoint.
async fn read(
    storage: &Storage,
    checkpoint: &lumen_core::checkpoint::Checkpoint,
) -> Result<Read, PublishError> {
    let mut published: BTreeMap<PackageName, Vec<Version>> = BTreeMap::new();
    let mut states = Vec::new();
    let mut time = UNIX_EPOCH;
    let mut batch: Vec<String> = Vec::new();
    let visit = |i: u64, text: &str, entry: &Entry| {
        batch.push(text.to_owned());
        if let Some(seconds) = entry.time().and_then(text::seconds) {
            let seconds = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
            time = UNIX_EPOCH.checked_add(seconds).unwrap_or(time);
        }
        match entry {
            Entry::Map(leaf) => {
                let entries = std::mem::take(&mut batch);
                let from = (i + 1).saturating_sub(entries.len() as u64);
                let staging = Staging { from, entries };
                states.push(State {
                    size: leaf.size,
                    map: leaf.root,
                    staging: Digest::of(&staging.to_bytes()),
                    time,
                });
            }
            Entry::Statement(statement) => {
                let versions = published.entry(statement.package.clone()).or_default();
                if let Action::Publish { version, .. } = &statement.action {
                    versions.push(version.clone());
                }
            }
            // A package without releases has an index, too.
            Entry::Moderation(said) => {
                published.entry(said.package.clone()).or_default();
            }
            Entry::Owners(owners) => {
                if let Subject::Package(name) = &owners.name {
                    published.entry(name.clone()).or_default();
                }
            }
            Entry::Root(_) => {}
        }
    };
    let growth = Growth::load((storage, storage), None, checkpoint, visit).await?;
    Ok(Read {
        published,
        states,
        growth,
    })
}

/// The events of a subject, all that the log has.
async fn events(
    storage: &Storage,
    read: &Read,
    subject: &Subject,
) -> Result<Vec<Event>, PublishError> {
    let listed = listed(&Snapshot::of(storage), subject).await?;
    let events = up_to(&listed, read.growth.size).to_vec();
    let head = read.growth.heads.get(subject).copied();
    match chain(&events) == head.unwrap_or(NO_EVENTS) {
        true => Ok(events),
        false => {
            let what = "its events are not those of the log";
            Err(damaged(storage, &Key::events_of(subject), what))
        }
    }
}

impl Needed {
    /// The releases of the log and their artifacts.
    async fn packages(
        &mut self,
        storage: &Storage,
        read: &Read,
        size: u64,
    ) -> Result<(), PublishError> {
        let partial = Partial::read(storage).await?;
        let here = |name: &PackageName| {
            let packages = partial.as_ref().map(Partial::packages);
            packages.is_none_or(|packages| packages.has(name))
        };
        let roots = RootHistory::verify(&events(storage, read, &Subject::Root).await?, None)?;
        let mut scopes: BTreeMap<Subject, Vec<Event>> = BTreeMap::new();
        for subject in read.growth.heads.keys() {
            if let Subject::Scope(_) = subject {
                scopes.insert(subject.clone(), events(storage, read, subject).await?);
            }
        }
        let (roots, scopes) = (&roots, &scopes);
        let work = async |(name, versions): (&PackageName, &Vec<Version>)| {
            let scope = scopes.get(&Subject::owner_of(name));
            let scope = scope.map_or(&[][..], Vec::as_slice);
            let releases = releases(storage, read, roots, name, scope, size).await?;
            let keys = versions.iter().map(|version| Key::release(name, version));
            Ok::<_, PublishError>((keys.collect::<Vec<_>>(), releases))
        };
        let packages = read.published.iter().filter(|(name, _)| here(name));
        let mut found = stream::iter(packages)
            .map(work)
            .buffer_unordered(CONCURRENCY);
        while let Some((keys, releases)) = found.try_next().await? {
            self.keys.extend(keys);
            releases.iter().for_each(|release| self.artifacts(release));
        }
        Ok(())
    }

    /// The log and the map as they are, and as they were for readers that are not up to date.
    /// The public state, and later ones that are not `public` yet, are needed until a later
    /// one is public.
    async fn log(
        &mut self,
        storage: &Storage,
        read: &Read,
        files: &[Listed],
        (public_size, options): (u64, &GcOptions),
    ) -> Result<(), PublishError> {
        let size = read.growth.size;
        for index in 0..size.div_ceil(PER_BUNDLE) {
            self.keys.insert(Key::entries(index, width(index, size)));
        }
        let current = read.growth.files.iter().map(|(key, _)| key.clone());
        self.keys.extend(current);
        let made: BTreeMap<&Key, SystemTime> = files
            .iter()
            .filter_map(|file| Some((&file.key, file.modified?)))
            .collect();
        let public = [Key::checkpoint(), Key::global_index()];
        let public = public.iter().filter_map(|key| made.get(key).copied()).max();
        let there: HashSet<&Key> = files.iter().map(|file| &file.key).collect();
        // A state has its map leaf as a file since it is public; one that waited for witnesses
        // and was passed over never gets it.
        let was_public = |state: &&State| there.contains(&Key::map_size(state.size));
        for (at, state) in read.states.iter().enumerate() {
            let Some(next) = read.states.get(at + 1) else {
                break;
            };
            if state.size < public_size && !was_public(&state) {
                continue;
            }
            // Its writer may have died before it was public, so judge by later states; and by
            // the host's clock, if known, rather than the publisher's.
            let later = read.states.get(at + 1..).unwrap_or_default().iter();
            let superseded = match later.filter(was_public).nth(1) {
                Some(later) => made
                    .get(&Key::map_size(later.size))
                    .copied()
                    .unwrap_or(later.time),
                None => public.unwrap_or(next.time),
            };
            let since = options.now.duration_since(superseded).unwrap_or_default();
            if since >= options.grace && state.size < public_size {
                continue;
            }
            // Writers that are not up to date may use the staging file of the next state.
            self.keys.insert(Key::staging(&state.staging));
            self.keys.insert(Key::staging(&next.staging));
            let edge = tiles_for_edge(state.size);
            self.keys.extend(edge.iter().map(Key::tile));
            let (bundle, entries) = (state.size / PER_BUNDLE, state.size % PER_BUNDLE);
            if entries > 0 {
                self.keys.insert(Key::entries(bundle, entries as u16));
            }
            self.keys.insert(Key::map_size(state.size));
            self.map(storage, state.map).await?;
        }
        Ok(())
    }

    /// The nodes of a map that are not known to be needed yet, as far as they are there.
    async fn map(&mut self, storage: &Storage, root: Digest) -> Result<(), PublishError> {
        let mut nodes = vec![root];
        while let Some(node) = nodes.pop() {
            let key = Key::map_node(&node);
            if self.keys.contains(&key) {
                continue;
            }
            if let Some((bytes, _)) = storage.get(&key, MAX_NODE_BYTES).await? {
                nodes.extend(children(&bytes));
                self.keys.insert(key);
            }
        }
        Ok(())
    }
}

/// The releases of a package. All installable ones must exist, or the files that they refer
/// to are unknown.
async fn releases(
    storage: &Storage,
    read: &Read,
    roots: &RootHistory,
    name: &PackageName,
    scope: &[Event],
    size: u64,
) -> Result<Vec<Release>, PublishError> {
    let key = Key::package_index(name);
    let found = storage.get(&key, MAX_PACKAGE_INDEX_BYTES).await?;
    let Some((bytes, _)) = found else {
        return Err(damaged(storage, &key, "it does not exist"));
    };
    let listed = events_of(&bytes).map_err(|error| damaged(storage, &key, error))?;
    let events = up_to(&listed, size);
    let head = read.growth.heads.get(&Subject::Package(name.clone()));
    if chain(events) != head.copied().unwrap_or(NO_EVENTS) {
        return Err(damaged(
            storage,
            &key,
            "its events are not those of the log",
        ));
    }
    let history = PackageHistory::verify(roots, name, scope, events)?;
    let releases = releases_of(storage, &history, Some(&bytes)).await?;
    for (version, logged) in &history.releases {
        if !logged.is_void() && !releases.contains_key(version) {
            let key = Key::release(name, version);
            return Err(damaged(
                storage,
                &key,
                "it is not the file that its owner signed",
            ));
        }
    }
    Ok(releases.into_values().collect())
}

impl Seen {
    /// Adds files that were logged since the last check.
    pub(super) async fn update(
        &mut self,
        storage: &Storage,
        needed: &mut Needed,
    ) -> Result<(), PublishError> {
        let Some((head, _)) = Head::read(storage).await? else {
            return Ok(());
        };
        let digest = Digest::of(&head.to_bytes());
        if self.head.replace(digest) == Some(digest) {
            return Ok(());
        }
        needed.keys.insert(Key::staging(&head.staging));
        let staging = Staging::read(storage, &head.staging).await?;
        let mut entries = load_range(storage, self.size, staging.from).await?;
        entries.extend(staging.entries);
        self.size = head.checkpoint.size;
        for text in entries {
            let Ok((Entry::Statement(statement), _)) = Entry::parse(text.as_bytes()) else {
                continue;
            };
            let Action::Publish { version, .. } = &statement.action else {
                continue;
            };
            let name = &statement.package;
            needed.keys.insert(Key::release(name, version));
            if let Some(found) = read_release(storage, name, version).await? {
                needed.artifacts(&found.release);
            }
        }
        Ok(())
    }
}
