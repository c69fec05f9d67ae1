//! Writers that run at the same time, in every order that a seed can think of: some are
//! killed, and some storage operations fail or only seem to.
//!
//! One poll of a writer is one storage operation of the real code.

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use lumen_core::{checkpoint::Checkpoint, merkle::leaf_hash, tile::Tiles};
use lumen_registry::{
    log::Finding,
    storage::{Fault, FaultKind, StorageError},
};

use super::*;

/// Small and good enough to choose schedules (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// Whose turn it is. Turns come in runs, so that everybody is overtaken at times.
#[derive(Default)]
pub(super) struct Turns {
    at: usize,
    left: u64,
}

impl Turns {
    pub(super) fn next(&mut self, random: &mut Random, tasks: usize) -> usize {
        if self.left == 0 || self.at >= tasks {
            self.at = random.below(tasks as u64) as usize;
            self.left = [1, 1 + random.below(40)][random.below(2) as usize];
        }
        self.left -= 1;
        self.at
    }
}

/// One of those who publish at the same time.
struct Job {
    who: &'static str,
    package: String,
    number: String,
    /// Whether an operation of its own failed.
    hit: bool,
    task: Pin<Box<dyn Future<Output = Result<Published, PublishError>>>>,
}

impl Job {
    fn new(storage: &Storage, who: &'static str, package: String, number: String) -> Self {
        let storage = storage.clone();
        let wanted = request(who, &package, &number);
        Self {
            who,
            package,
            number,
            hit: false,
            task: Box::pin(async move { publish(&storage, &wanted).await }),
        }
    }
}

/// What everybody can see of a registry over time.
struct Seen {
    last: Vec<u8>,
    roots: BTreeMap<u64, Digest>,
}

impl Seen {
    /// Looks again. `true`: there is a new checkpoint.
    fn look(&mut self, memory: &MemoryStorage) -> bool {
        let bytes = memory.file(&Key::checkpoint()).unwrap();
        if bytes == self.last {
            return false;
        }
        let note = Note::parse(&bytes).unwrap();
        let checkpoint = Checkpoint::parse(&note.text).unwrap();
        assert!(checkpoint.size > self.size(), "the checkpoint went back");
        self.roots.insert(checkpoint.size, checkpoint.root);
        self.last = bytes;
        true
    }

    fn size(&self) -> u64 {
        self.roots.keys().next_back().copied().unwrap_or_default()
    }

    /// Every state that was public is a beginning of this one.
    fn assert_in(&self, entries: &[Vec<u8>]) {
        let mut leaves = entries.iter().map(|entry| leaf_hash(entry));
        let (mut tiles, mut size) = (Tiles::default(), 0);
        for (next, root) in &self.roots {
            let new: Vec<Digest> = leaves.by_ref().take((next - size) as usize).collect();
            let appended = tiles.append(size, &new).unwrap();
            assert_eq!(appended.root, *root, "the log forked below {next}");
            for (tile, bytes) in appended.tiles {
                tiles.insert(tile, bytes).unwrap();
            }
            size = *next;
        }
    }
}

/// What is wrong with what readers see while writers work.
fn seen_wrong(memory: &MemoryStorage) -> Vec<Finding> {
    let copy = Storage::Memory(MemoryStorage::with_files(memory.files()));
    let mut findings = block_on(check(&copy, &nobody)).unwrap();
    // The global index follows the checkpoint, and indexes may be ahead of it.
    let follows =
        |finding: &Finding| finding.file == "index.json" || finding.what.contains("`log/head` has");
    findings.retain(|finding| !follows(finding));
    findings
}

fn run(seed: u64, base: &BTreeMap<Key, Vec<u8>>) {
    let mut random = Random(seed);
    let memory = MemoryStorage::with_files(base.clone());
    memory.set_in_turns(true);
    let storage = Storage::Memory(memory.clone());
    let mut seen = Seen {
        last: Vec::new(),
        roots: BTreeMap::new(),
    };
    seen.look(&memory);
    let mut jobs: Vec<Job> = (0..=random.below(6))
        .map(|number| {
            let who = ["bob", "ada"][random.below(8).min(1) as usize];
            let package = format!("p{}", random.below(3));
            Job::new(&storage, who, package, format!("1.{number}.0"))
        })
        .collect();
    let (mut turns, mut done) = (Turns::default(), Vec::new());
    while !jobs.is_empty() {
        let at = turns.next(&mut random, jobs.len());
        let dice = random.below(400);
        if dice < 3 {
            drop(jobs.swap_remove(at));
            continue;
        }
        let kind = match dice {
            3..7 => Some(FaultKind::Fail),
            7..11 => Some(FaultKind::LoseAnswer),
            _ => None,
        };
        memory.set_fault(kind.map(|kind| Fault {
            at: 1,
            kind,
            dead_afterwards: false,
        }));
        let job = &mut jobs[at];
        let context = &mut Context::from_waker(Waker::noop());
        let poll = job.task.as_mut().poll(context);
        job.hit |= kind.is_some() && memory.operations() > 0;
        if seen.look(&memory) && random.below(8) == 0 {
            assert_eq!(seen_wrong(&memory), []);
        }
        let Poll::Ready(result) = poll else { continue };
        let job = jobs.swap_remove(at);
        match result {
            Ok(published) => {
                let note = Note::parse(published.checkpoint.unwrap().as_bytes()).unwrap();
                let size = Checkpoint::parse(&note.text).unwrap().size;
                assert!(size <= seen.size(), "published before it was public");
                done.push((job.package, job.number));
            }
            // Another writer was the first to claim the name.
            Err(PublishError::NotOwner { .. }) => {}
            // A writer that sees a failure tries again, or does not.
            Err(PublishError::Storage(StorageError::Io(_))) if job.hit => {
                if random.below(2) == 0 {
                    jobs.push(Job::new(&storage, job.who, job.package, job.number));
                }
            }
            Err(error) => panic!("{} {}: {error}", job.package, job.number),
        }
    }
    memory.set_fault(None);
    memory.set_in_turns(false);
    block_on(put(&storage, "ada", "z", "1.0.0")).unwrap();
    assert_eq!(block_on(check(&storage, &nobody)).unwrap(), []);
    seen.look(&memory);
    let width = u16::try_from(seen.size()).unwrap();
    let bundle = memory.file(&Key::entries(0, width)).unwrap();
    seen.assert_in(&lumen_core::tile::entries::decode(&bundle).unwrap());
    for (package, number) in done {
        let listed = index(&storage, &package).versions;
        assert!(
            listed.contains(&version(&number)),
            "{package} {number} is lost"
        );
    }
}

/// Runs as many schedules as `LUMEN_TEST_SCHEDULES` says, else `usual`, on all cores.
pub(super) fn each_schedule(
    usual: u64,
    base: &BTreeMap<Key, Vec<u8>>,
    run: fn(u64, &BTreeMap<Key, Vec<u8>>),
) {
    let count = std::env::var("LUMEN_TEST_SCHEDULES").ok();
    let count: u64 = count.and_then(|count| count.parse().ok()).unwrap_or(usual);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    std::thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || {
                for seed in (first..count).step_by(threads as usize) {
                    let ended = std::panic::catch_unwind(|| run(seed, base));
                    assert!(ended.is_ok(), "schedule {seed} ended badly, see above");
                }
            });
        }
    });
}

#[test]
fn writers_at_once_that_fail_and_die_leave_a_good_registry() {
    let (memory, _) = shared_registry();
    let base = memory.files();
    each_schedule(1000, &base, run);
}
