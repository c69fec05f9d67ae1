//! What long operations tell: as many steps as they said there would be.

use std::sync::Mutex;

use lumen_registry::{
    log::{check, rebuild, recover, repair},
    progress::Progress,
};

use super::*;

/// The last work that was told of: its verb, the steps announced, the steps done.
#[derive(Default)]
struct Told {
    work: Mutex<(&'static str, u64, u64)>,
}

impl Told {
    fn take(&self, progress: Progress) {
        let mut work = self.work.lock().unwrap();
        match progress {
            Progress::Started { verb, steps } => *work = (verb, steps, 0),
            Progress::Advanced { item } => {
                assert!(!item.is_empty());
                work.2 += 1;
            }
            Progress::Finished | Progress::Expected { .. } => {}
        }
    }

    fn assert(&self, verb: &str) {
        let work = std::mem::take(&mut *self.work.lock().unwrap());
        assert_eq!(work.0, verb);
        assert!(work.1 > 5, "{work:?}");
        assert_eq!(work.1, work.2, "{work:?}");
    }
}

#[test]
fn every_step_of_checking_rebuilding_and_repairing() {
    let (memory, storage) = shared_registry();
    for number in ["1.0.0", "1.1.0"] {
        block_on(put(&storage, "ada", "a", number)).unwrap();
    }
    let before = memory.files();
    block_on(put(&storage, "ada", "@s/b", "1.0.0")).unwrap();
    let told = Told::default();
    let watch = |progress| told.take(progress);
    assert_eq!(block_on(check(&storage, &watch)).unwrap(), []);
    told.assert("Checking");
    assert_eq!(block_on(rebuild(&storage, &watch)).unwrap(), []);
    told.assert("Rebuilding");

    // As if the last writer had died after its commit.
    let mut files = before;
    let is_commit = |key: &Key| {
        *key == Key::head()
            || ["log/staging/", "packages/@s/b/1.0.0.json", "artifacts/"]
                .iter()
                .any(|start| key.as_str().starts_with(start))
    };
    files.extend(memory.files().into_iter().filter(|(key, _)| is_commit(key)));
    let died = || Storage::Memory(MemoryStorage::with_files(files.clone()));
    let storage = died();
    block_on(recover(&storage, &watch)).unwrap();
    told.assert("Finishing");
    assert_clean(&storage);
    let storage = died();
    block_on(repair(&storage, &watch)).unwrap();
    told.assert("Repairing");
    assert_clean(&storage);
}
