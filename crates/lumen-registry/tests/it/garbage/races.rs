//! Publishers go on while the garbage is removed.

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

type Task = std::pin::Pin<Box<dyn Future<Output = Result<Option<&'static str>, PublishError>>>>;

/// Publishers go on where killed ones stopped long ago, while the garbage is removed.
fn race(seed: u64, signed: bool) {
    let mut random = Random(seed);
    let (memory, storage) = registry(signed);
    let packages = ["k", "l", "@s/m"];
    for package in packages {
        memory.set_fault(Some(Fault {
            at: 1 + random.below(25),
            kind: FaultKind::LoseAnswer,
            dead_afterwards: true,
        }));
        // Some come through.
        let _ = block_on(publish(&storage, &request(signed, package, "1.0.0")));
        memory.set_fault(None);
    }
    memory.set_clock(LATER);
    memory.set_in_turns(true);
    let mut tasks: Vec<Task> = Vec::new();
    for package in packages {
        let storage = storage.clone();
        let wanted = request(signed, package, "1.0.0");
        tasks.push(Box::pin(async move {
            publish(&storage, &wanted).await?;
            Ok(Some(package))
        }));
    }
    for _ in 0..2 {
        let storage = storage.clone();
        tasks.push(Box::pin(async move {
            gc(&storage, &options(false), &nobody).await?;
            Ok(None)
        }));
    }
    // Publishers begin at any time before the end of the sweep.
    let mut published = Vec::new();
    while !tasks.is_empty() {
        let at = random.below(tasks.len() as u64) as usize;
        for _ in 0..=random.below(12) {
            let waker = Context::from_waker(Waker::noop());
            let mut waker = waker;
            if let Poll::Ready(result) = tasks[at].as_mut().poll(&mut waker) {
                published.extend(result.unwrap_or_else(|error| panic!("seed {seed}: {error}")));
                drop(tasks.swap_remove(at));
                break;
            }
        }
    }
    memory.set_in_turns(false);
    assert_eq!(published.len(), 3, "seed {seed}");
    let reader = Registry::on("t", storage.clone());
    for package in published {
        let index = block_on(reader.package_index(&name(package)))
            .unwrap()
            .unwrap();
        assert!(index.versions.contains(&version("1.0.0")), "seed {seed}");
    }
    block_on(assert_whole(&storage));
}

#[test]
fn publishes_that_race_with_it_lose_nothing() {
    let count = std::env::var("LUMEN_TEST_SCHEDULES").ok();
    let count = count.and_then(|count| count.parse().ok()).unwrap_or(150);
    for seed in 0..count {
        race(seed, seed % 3 > 0);
    }
}
