//! Writers that run at the same time, in every order that a seed can think of, and die.

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use lumen_core::checkpoint::Checkpoint;
use lumen_registry::log::Finding;

use super::*;

/// Small and good enough to choose schedules (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

type Job = (&'static str, String, String);
type Task = Pin<Box<dyn Future<Output = Result<Published, PublishError>>>>;

fn public_size(files: &BTreeMap<Key, Vec<u8>>) -> u64 {
    let note = Note::parse(&files[&Key::checkpoint()]).unwrap();
    Checkpoint::parse(&note.text).unwrap().size
}

/// What is wrong with what readers see while writers work.
fn seen_wrong(files: &BTreeMap<Key, Vec<u8>>) -> Vec<Finding> {
    let copy = Storage::Memory(MemoryStorage::with_files(files.clone()));
    let mut findings = block_on(check(&copy)).unwrap();
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
    let mut tasks: Vec<(Job, Task)> = Vec::new();
    for number in 0..=random.below(6) {
        let who = ["ada", "bob"][random.below(8).min(1) as usize ^ 1];
        let package = format!("p{}", random.below(3));
        let job: Job = (who, package.clone(), format!("1.{number}.0"));
        let storage = storage.clone();
        let wanted = request(who, &package, &job.2);
        tasks.push((
            job,
            Box::pin(async move { publish(&storage, &wanted).await }),
        ));
    }
    let mut acknowledged = Vec::new();
    let mut size = public_size(base);
    while !tasks.is_empty() {
        let at = random.below(tasks.len() as u64) as usize;
        if random.below(150) == 0 {
            drop(tasks.swap_remove(at));
            continue;
        }
        let poll = tasks[at]
            .1
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        let files = memory.files();
        let now = public_size(&files);
        assert!(now >= size, "seed {seed}: the checkpoint went back");
        if now != size {
            size = now;
            if random.below(4) == 0 {
                assert_eq!(seen_wrong(&files), [], "seed {seed}");
            }
        }
        let Poll::Ready(result) = poll else { continue };
        let (job, _) = tasks.swap_remove(at);
        match result {
            Ok(_) => acknowledged.push(job),
            // Somebody else was the first to claim the name.
            Err(PublishError::NotOwner { .. }) => {}
            Err(error) => panic!("seed {seed}, {job:?}: {error}"),
        }
    }
    memory.set_in_turns(false);
    block_on(put(&storage, "ada", "z", "1.0.0")).unwrap();
    assert_eq!(block_on(check(&storage)).unwrap(), [], "seed {seed}");
    for (who, package, number) in acknowledged {
        let listed = index(&storage, &package)
            .versions
            .contains(&version(&number));
        assert!(listed, "seed {seed}: {package} {number} of {who} is lost");
    }
}

#[test]
fn writers_at_once_that_die_leave_a_good_registry() {
    let (memory, _) = shared_registry();
    let base = memory.files();
    let count = std::env::var("LUMEN_TEST_SCHEDULES").ok();
    let count = count.and_then(|count| count.parse().ok()).unwrap_or(400);
    for seed in 0..count {
        run(seed, &base);
    }
}
