//! The resolver against the recorded cases of other package managers.

use std::path::{Path, PathBuf};

use lumen_core::{explain::explain, resolve::resolve};
use lumen_testkit::suite::{self, Report};

/// The JSON files of a folder, sorted; none when there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
}

fn run(files: &[PathBuf]) -> Report {
    let mut total = Report::default();
    for file in files {
        total.add(suite::run_file(file));
    }
    assert_eq!(total.failures, []);
    total
}

#[test]
fn cases_in_the_repository() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/resolver");
    let report = run(&files(&folder));
    assert!(report.passed >= 800, "only {} cases ran", report.passed);
}

#[test]
fn cases_beside_the_repository() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/resolver");
    run(&files(&folder));
}

/// Every conflict of every case has a short story with causes.
#[test]
fn conflicts_are_told_shortly() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = files(&here.join("data/resolver"));
    all.extend(files(&here.join("../../../shared/suites/resolver")));
    let mut told = 0;
    for file in all {
        for (name, case) in suite::cases(&std::fs::read_to_string(file).unwrap()) {
            let (_, catalog, request) = case.problem().unwrap();
            let Err(conflict) = resolve(&catalog, &request) else {
                continue;
            };
            let story = explain(&catalog, &request, &conflict);
            told += 1;
            assert!(!story.title.is_empty(), "{name}");
            assert!((1..=12).contains(&story.causes.len()), "{name}: {story:?}");
            let longest = story.causes.iter().map(|cause| cause.chars().count()).max();
            assert!(longest < Some(300), "{name}: {story:?}");
        }
    }
    assert!(told > 70, "only {told} conflicts");
}
