//! Faults at every operation, and witnesses among writers in random orders.

use super::*;

/// The changes of a registry with witnesses, one after the other.
async fn step(storage: &Storage, number: usize) -> Result<(), PublishError> {
    match number {
        0 => put(storage, "ada", "a", "1.0.0").await.map(drop),
        1 => witness(storage, "eye").await.map(drop),
        2 => put(storage, "ada", "a", "1.1.0").await.map(drop),
        3 => witness(storage, "wit").await.map(drop),
        4 => say(storage, "ada", "a", yank("1.0.0")).await.map(drop),
        _ => witness(storage, "eye").await.map(drop),
    }
}

#[test]
fn a_fault_anywhere_loses_nothing_and_keeps_readers_going() {
    let (memory, _) = registry_with_witnesses();
    let mut cases = 0;
    for number in 0..6 {
        let before = memory.files();
        memory.set_fault(None);
        block_on(step(&Storage::Memory(memory.clone()), number)).unwrap();
        // One operation in so many is hit; all are with `LUMEN_TEST_FAULTS=all`.
        let every = match std::env::var("LUMEN_TEST_FAULTS").as_deref() {
            Ok("all") => 1,
            _ => 5,
        };
        for at in (1 + number as u64 % every..=memory.operations()).step_by(every as usize) {
            for kind in [FaultKind::Fail, FaultKind::LoseAnswer] {
                for dead_afterwards in [false, true] {
                    let fault = Fault {
                        at,
                        kind,
                        dead_afterwards,
                    };
                    crash(MemoryStorage::with_files(before.clone()), number, fault);
                    cases += 1;
                }
            }
        }
    }
    assert!(cases > 100, "{cases}");
}

fn crash(memory: MemoryStorage, number: usize, fault: Fault) {
    let storage = Storage::Memory(memory.clone());
    let context = format!("step {number}, {fault:?}");
    let before = public(&memory).size;
    memory.set_fault(Some(fault));
    let result = block_on(step(&storage, number));
    memory.set_fault(None);
    assert!(public(&memory).size >= before, "{context}");
    // Another writer goes on, then the witnesses do.
    let other = block_on(put(&storage, "ada", "z", "1.0.0"));
    other.unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_clean(&storage);
    public(&memory);
    let again = block_on(step(&storage, number));
    again.unwrap_or_else(|error| panic!("{context}: {error}"));
    for who in WITNESSES {
        let seen = block_on(witness(&storage, who));
        seen.unwrap_or_else(|error| panic!("{context}: {error}"));
    }
    assert_eq!(block_on(waiting(&storage)).unwrap(), None, "{context}");
    assert_clean(&storage);
    assert!(listed(&memory).iter().any(|line| line == "z 1.0.0"));
    if number == 2 && result.is_ok() {
        let listed = index(&storage, "a").versions;
        assert!(listed.contains(&version("1.1.0")), "{context}");
    }
}

/// A publisher or a witness in a schedule.
struct Task {
    /// What is published; nothing: a witness.
    release: Option<(String, String)>,
    work: Pin<Box<dyn Future<Output = Result<Option<Waiting>, PublishError>>>>,
    /// Whether an operation of its own failed.
    hit: bool,
}

impl Task {
    fn publisher(storage: &Storage, package: String, number: String) -> Self {
        let storage = storage.clone();
        let wanted = request("ada", &package, &number);
        let work = async move {
            let published = publish(&storage, &wanted).await?;
            let size = Checkpoint::of_note(published.checkpoint.unwrap().as_bytes());
            let size = size.unwrap().size;
            Ok(published.lacking.map(|lacking| Waiting {
                public: 0,
                size,
                lacking,
            }))
        };
        Self {
            release: Some((package, number)),
            work: Box::pin(work),
            hit: false,
        }
    }

    fn witness(storage: &Storage, who: &'static str) -> Self {
        let storage = storage.clone();
        Self {
            release: None,
            work: Box::pin(async move { witness(&storage, who).await }),
            hit: false,
        }
    }
}

fn run(seed: u64, base: &BTreeMap<Key, Vec<u8>>) {
    let mut random = Random(seed);
    let memory = MemoryStorage::with_files(base.clone());
    memory.set_in_turns(true);
    let storage = Storage::Memory(memory.clone());
    let mut last = public(&memory);
    let mut shown = memory.file(&Key::checkpoint()).unwrap();
    let mut tasks: Vec<Task> = (0..=random.below(6))
        .map(|number| {
            let package = format!("p{}", random.below(3));
            Task::publisher(&storage, package, format!("1.{number}.0"))
        })
        .collect();
    tasks.extend(WITNESSES.map(|who| Task::witness(&storage, who)));
    let (mut turns, mut done) = (Turns::default(), Vec::new());
    while tasks.iter().any(|task| task.release.is_some()) {
        let at = turns.next(&mut random, tasks.len());
        let dice = random.below(400);
        if dice < 3 {
            let dead = tasks.swap_remove(at);
            if dead.release.is_none() {
                tasks.push(Task::witness(&storage, WITNESSES[random.below(2) as usize]));
            }
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
        let task = &mut tasks[at];
        let poll = task.work.as_mut();
        let poll = poll.poll(&mut Context::from_waker(Waker::noop()));
        task.hit |= kind.is_some() && memory.operations() > 0;
        let bytes = memory.file(&Key::checkpoint()).unwrap();
        if bytes != shown {
            shown = bytes;
            let now = public(&memory);
            assert!(now.size >= last.size, "the checkpoint went back");
            let copy = Storage::Memory(MemoryStorage::with_files(memory.files()));
            let growth = block_on(is_state(&copy, &last, &now));
            growth.unwrap_or_else(|error| panic!("the public log forked: {error}"));
            last = now;
        }
        let Poll::Ready(result) = poll else { continue };
        let task = tasks.swap_remove(at);
        match (task.release, result) {
            (None, Err(error)) if !task.hit => panic!("a witness: {error}"),
            (None, _) => {
                tasks.push(Task::witness(&storage, WITNESSES[random.below(2) as usize]));
            }
            (Some(release), Ok(_)) => done.push(release),
            (Some((package, number)), Err(_)) if task.hit => {
                if random.below(2) == 0 {
                    tasks.push(Task::publisher(&storage, package, number));
                }
            }
            (Some((package, number)), Err(error)) => panic!("{package} {number}: {error}"),
        }
    }
    drop(tasks);
    memory.set_fault(None);
    memory.set_in_turns(false);
    block_on(put(&storage, "ada", "z", "1.0.0")).unwrap();
    assert_clean(&storage);
    for who in WITNESSES {
        block_on(witness(&storage, who)).unwrap();
    }
    assert_eq!(block_on(waiting(&storage)).unwrap(), None);
    assert_clean(&storage);
    public(&memory);
    for (package, number) in done {
        let listed = index(&storage, &package).versions;
        let there = listed.contains(&version(&number));
        assert!(there, "{package} {number} is lost");
    }
}

#[test]
fn writers_and_witnesses_at_once_that_fail_and_die_leave_a_good_registry() {
    let (memory, _) = registry_with_witnesses();
    let base = memory.files();
    each_schedule(100, &base, run);
}
