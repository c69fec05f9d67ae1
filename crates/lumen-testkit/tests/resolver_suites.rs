//! The resolver against the recorded cases of other package managers.

use std::path::{Path, PathBuf};

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
        let report = suite::run_file(file);
        for failure in &report.failures {
            println!("{}: {}: {}", file.display(), failure.case, failure.why);
        }
        total.add(report);
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
