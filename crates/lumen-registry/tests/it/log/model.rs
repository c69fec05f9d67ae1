//! The publish protocol without its contents: what is read, created and swapped in which
//! order (docs/registry-spec.md, section 19), on so many schedules as real code is too
//! slow for. Entries are numbers, a list of them stands for its hash.
//!
//! Two things keep slow writers from doing harm, and can be taken out here to see that the
//! schedules are bad enough: files that change are *swapped*, and only ever go *forward*.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use lumen_registry::storage::FaultKind;

use super::schedules::{Random, Turns};

/// A package and a version of it.
type Release = (u8, u8);
type Entries = Vec<Release>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum File {
    Release(Release),
    Head,
    /// What a batch adds to a log of this size.
    Staging(usize, Entries),
    /// All tiles of the log at a size.
    Tiles(usize),
    Index(u8),
    Checkpoint,
    GlobalIndex,
}

/// Why an operation has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// It was refused: the file is there, or is another one by now.
    Conflict,
    /// Nobody knows whether it was done.
    Unclear,
}

#[derive(Debug, Clone, Copy)]
struct Guards {
    swap: bool,
    forward: bool,
}

#[derive(Debug, Default)]
struct Host {
    files: BTreeMap<File, (Entries, u64)>,
    writes: u64,
    fault: Option<FaultKind>,
    /// What went wrong so far.
    bad: BTreeSet<&'static str>,
}

impl Host {
    /// An operation with its fault, if one is due.
    fn run<T>(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match self.fault.take() {
            None => operation(self),
            Some(FaultKind::Fail) => Err(Failure::Unclear),
            Some(FaultKind::LoseAnswer) => {
                let _ = operation(self);
                Err(Failure::Unclear)
            }
        }
    }

    fn store(&mut self, file: File, entries: Entries) {
        self.writes += 1;
        self.files.insert(file, (entries, self.writes));
    }

    fn list(&self, file: &File) -> &[Release] {
        self.files.get(file).map_or(&[], |(entries, _)| entries)
    }
}

/// A writer at the host.
#[derive(Clone)]
struct Client {
    host: Rc<RefCell<Host>>,
    guards: Guards,
}

/// How often an unclear answer is asked for again.
const TRIES: u32 = 3;

impl Client {
    /// Lets the others have a turn; every operation begins with it.
    async fn turn(&self) {
        let mut waited = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    fn bad(&self, what: &'static str) {
        self.host.borrow_mut().bad.insert(what);
    }

    async fn get(&self, file: &File) -> Result<Option<(Entries, u64)>, Failure> {
        self.turn().await;
        let get = |host: &mut Host| Ok(host.files.get(file).cloned());
        self.host.borrow_mut().run(get)
    }

    async fn create(&self, file: File, entries: &Entries) -> Result<(), Failure> {
        for tries in 1.. {
            self.turn().await;
            let created = self
                .host
                .borrow_mut()
                .run(|host| match host.files.get(&file) {
                    Some((existing, _)) if existing == entries => Ok(()),
                    Some(_) => Err(Failure::Conflict),
                    None => {
                        host.store(file.clone(), entries.clone());
                        Ok(())
                    }
                });
            match created {
                Err(Failure::Unclear) if tries < TRIES => {}
                other => return other,
            }
        }
        Ok(())
    }

    async fn replace(
        &self,
        file: &File,
        revision: Option<u64>,
        entries: Entries,
    ) -> Result<(), Failure> {
        self.turn().await;
        self.host.borrow_mut().run(|host| {
            // A file that is not there has the revision 0.
            let current = host.files.get(file).map_or(0, |(_, revision)| *revision);
            match revision.is_none_or(|revision| revision == current) {
                true => host.store(file.clone(), entries),
                false => return Err(Failure::Conflict),
            }
            Ok(())
        })
    }

    /// Brings a file that changes up to a state, unless it is there or further.
    async fn bring(&self, file: File, state: &Entries) -> Result<(), Failure> {
        let mut failures = 0;
        loop {
            let (current, revision) = self.get(&file).await?.unwrap_or_default();
            if self.guards.forward && current.len() >= state.len() {
                return Ok(());
            }
            let revision = self.guards.swap.then_some(revision);
            match self.replace(&file, revision, state.clone()).await {
                Ok(()) => return Ok(()),
                Err(Failure::Conflict) => {}
                Err(Failure::Unclear) => {
                    failures += 1;
                    if failures == TRIES {
                        return Err(Failure::Unclear);
                    }
                }
            }
        }
    }

    /// Publishes a release; an `Ok` is what the publisher gets to see.
    async fn publish(self, release: Release) -> Result<(), Failure> {
        self.create(File::Release(release), &vec![release]).await?;
        loop {
            let (log, revision) = self.get(&File::Head).await?.unwrap_or_default();
            self.settle(&log).await?;
            let tiles = self.get(&File::Tiles(log.len())).await?;
            if tiles.map(|(tiles, _)| tiles).as_ref() != Some(&log) {
                self.bad("a public log without its tiles");
                return Err(Failure::Conflict);
            }
            if log.contains(&release) {
                return Ok(());
            }
            let staging = File::Staging(log.len(), vec![release]);
            self.create(staging, &vec![release]).await?;
            let next: Entries = log.iter().copied().chain([release]).collect();
            if self.commit(&log, revision, &next).await? {
                return self.apply(&next).await;
            }
        }
    }

    /// Swaps the head. `false`: another writer was first.
    async fn commit(&self, log: &Entries, revision: u64, next: &Entries) -> Result<bool, Failure> {
        for _ in 0..TRIES {
            let swapped = self.replace(&File::Head, Some(revision), next.clone());
            let Err(failure) = swapped.await else {
                return Ok(true);
            };
            let found = match self.get(&File::Head).await {
                Ok(found) => found.unwrap_or_default().0,
                Err(_) => continue,
            };
            if found != *log {
                self.settle(&found).await?;
                return Ok(found.starts_with(next));
            }
            if failure == Failure::Conflict {
                return Err(failure);
            }
        }
        Err(Failure::Unclear)
    }

    /// Finishes what another writer committed.
    async fn settle(&self, log: &Entries) -> Result<(), Failure> {
        for file in [File::Checkpoint, File::GlobalIndex] {
            let current = self.get(&file).await?.unwrap_or_default().0;
            if current.len() < log.len() {
                let last = log.len() - 1;
                let staging = File::Staging(last, log[last..].to_vec());
                if self.get(&staging).await?.is_none() {
                    self.bad("a commit that nobody can finish");
                }
                return self.apply(log).await;
            }
        }
        Ok(())
    }

    /// Writes all that follows from the last entry of a log.
    async fn apply(&self, log: &Entries) -> Result<(), Failure> {
        let tiles = self.create(File::Tiles(log.len()), log).await;
        if tiles == Err(Failure::Conflict) {
            self.bad("the log forked");
        }
        tiles?;
        if let Some((package, _)) = log.last() {
            let own = |entry: &&Release| entry.0 == *package;
            let index: Entries = log.iter().filter(own).copied().collect();
            self.bring(File::Index(*package), &index).await?;
        }
        self.bring(File::Checkpoint, log).await?;
        self.bring(File::GlobalIndex, log).await
    }

    /// Reads all that a checkpoint promises.
    async fn read(self) -> Result<(), Failure> {
        let log = self.get(&File::Checkpoint).await?.unwrap_or_default().0;
        let tiles = self.get(&File::Tiles(log.len())).await?;
        if tiles.map(|(tiles, _)| tiles).as_ref() != Some(&log) {
            self.bad("a public log without its tiles");
        }
        for package in log.iter().map(|entry| entry.0).collect::<BTreeSet<u8>>() {
            let index = self.get(&File::Index(package)).await?.unwrap_or_default().0;
            let own = |entry: &&Release| entry.0 == package;
            if !index.starts_with(&log.iter().filter(own).copied().collect::<Entries>()) {
                self.bad("an index without what is public");
            }
            for release in index {
                if self.get(&File::Release(release)).await?.is_none() {
                    self.bad("an index names what is not there");
                }
            }
        }
        Ok(())
    }
}

type Task = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

/// What goes wrong on one schedule.
fn run(seed: u64, guards: Guards) -> BTreeSet<&'static str> {
    let mut random = Random(seed);
    let host = Rc::new(RefCell::new(Host::default()));
    for file in [
        File::Head,
        File::Checkpoint,
        File::GlobalIndex,
        File::Tiles(0),
    ] {
        host.borrow_mut().store(file, Vec::new());
    }
    let client = Client {
        host: Rc::clone(&host),
        guards,
    };
    let publish = |release: Release| -> (Option<Release>, Task) {
        (Some(release), Box::pin(client.clone().publish(release)))
    };
    let read = || -> (Option<Release>, Task) { (None, Box::pin(client.clone().read())) };
    let mut tasks: Vec<_> = (0..=random.below(6) as u8)
        .map(|version| publish((random.below(3) as u8, version)))
        .collect();
    tasks.extend([read(), read()]);
    let (mut published, mut public) = (Vec::new(), Vec::new());
    let mut turns = Turns::default();
    while tasks.iter().any(|(release, _)| release.is_some()) {
        let at = turns.next(&mut random, tasks.len());
        let writes = tasks[at].0.is_some();
        let dice = random.below(200);
        if writes && dice < 3 {
            drop(tasks.swap_remove(at));
            continue;
        }
        host.borrow_mut().fault = match dice {
            3..6 => Some(FaultKind::Fail),
            6..9 => Some(FaultKind::LoseAnswer),
            _ => None,
        };
        let poll = tasks[at].1.as_mut();
        let poll = poll.poll(&mut Context::from_waker(Waker::noop()));
        host.borrow_mut().fault = None;
        let now = host.borrow().list(&File::Checkpoint).to_vec();
        if !now.starts_with(&public) {
            client.bad("the checkpoint went back");
        }
        public = now;
        let Poll::Ready(result) = poll else { continue };
        match (tasks.swap_remove(at).0, result) {
            (None, _) => tasks.push(read()),
            (Some(release), Ok(())) if public.contains(&release) => published.push(release),
            (Some(_), Ok(())) => client.bad("published before it was public"),
            (Some(release), Err(_)) if random.below(2) == 0 => tasks.push(publish(release)),
            (Some(_), Err(_)) => {}
        }
    }
    // The next writer brings everything level.
    super::block_on(client.clone().publish((99, 0))).unwrap();
    super::block_on(client.clone().read()).unwrap();
    let log = host.borrow().list(&File::Head).to_vec();
    for file in [File::Checkpoint, File::GlobalIndex, File::Tiles(log.len())] {
        if host.borrow().list(&file) != log {
            client.bad("not level after the next publish");
        }
    }
    if !published.iter().all(|release| log.contains(release)) {
        client.bad("a published release is lost");
    }
    if log.iter().collect::<BTreeSet<_>>().len() != log.len() {
        client.bad("published twice");
    }
    let indexed: usize = (0..3)
        .map(|p| host.borrow().list(&File::Index(p)).len())
        .sum();
    if indexed + 1 != log.len() {
        client.bad("an index names other releases than the log");
    }
    host.borrow().bad.clone()
}

/// How many schedules end badly, and how.
fn bad(schedules: u64, guards: Guards) -> (u64, BTreeSet<&'static str>) {
    let mut found = (0, BTreeSet::new());
    for seed in 0..schedules {
        let bad = run(seed, guards);
        found.0 += u64::from(!bad.is_empty());
        found.1.extend(bad);
    }
    found
}

const BOTH: Guards = Guards {
    swap: true,
    forward: true,
};

#[test]
fn no_schedule_of_the_model_ends_badly() {
    assert_eq!(bad(40_000, BOTH), (0, BTreeSet::new()));
}

#[test]
fn without_either_guard_the_model_ends_badly() {
    for guards in [
        Guards {
            swap: false,
            ..BOTH
        },
        Guards {
            forward: false,
            ..BOTH
        },
    ] {
        let (count, how) = bad(5_000, guards);
        assert!(count > 20, "{guards:?}: {count}");
        assert!(how.contains("the checkpoint went back"), "{how:?}");
        assert!(how.contains("an index without what is public"), "{how:?}");
    }
}
