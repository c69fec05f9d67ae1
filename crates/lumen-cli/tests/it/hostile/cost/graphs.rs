//! Packages, versions and work of a resolution.

use super::*;

const LOCK: &[&str] = &["pkg", "lock"];

/// A chain of packages `p0`, `p1` and so on; the last one needs nothing.
fn chain(length: usize) -> Files {
    let mut files = Files::default();
    for at in 0..length {
        let next = format!("p{}", at + 1);
        let deps = match at + 1 == length {
            true => json!({}),
            false => json!({next: "*"}),
        };
        files.package(&format!("p{at}"), &[("1.0.0", deps)]);
    }
    files
}

#[test]
fn an_endless_chain_ends() {
    let server = Server::start(|asked| {
        let number = asked.path.strip_prefix("/packages/p");
        let number = number.and_then(|rest| rest.strip_suffix("/index.json"));
        let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) else {
            return not_found();
        };
        let mut files = Files::default();
        let deps = json!({format!("p{}", number + 1): "*"});
        files.package(&format!("p{number}"), &[("1.0.0", deps)]);
        ok(files.files.values().next().unwrap())
    });
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"");
    let ran = run(&sandbox, &server.url(), LOCK, &[]);
    fails(
        &ran,
        4,
        &[
            "the dependencies are 501 levels deep: p0 -> p1 -> p2 -> p3 -> … -> p497 -> p498 -> p499 -> p500; the limit `resolve-depth` is 500",
        ],
    );
}

#[test]
fn an_endless_tree_ends() {
    let server = Server::start(|asked| {
        let name = asked.path.strip_prefix("/packages/");
        let Some(name) = name.and_then(|rest| rest.strip_suffix("/index.json")) else {
            return not_found();
        };
        let next = |at: u64| {
            (
                format!(
                    "p{}",
                    &Digest::of(format!("{name} {at}").as_bytes()).hex()[..20]
                ),
                json!("*"),
            )
        };
        let deps: serde_json::Map<String, Value> = (0..20).map(next).collect();
        let mut files = Files::default();
        files.package(name, &[("1.0.0", json!(deps))]);
        ok(files.files.values().next().unwrap())
    });
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"");
    let limits = [("RESOLVE_PACKAGES", "1000")];
    let ran = run(&sandbox, &server.url(), LOCK, &limits);
    fails(
        &ran,
        4,
        &[
            "the dependencies are 1001 packages and more: p0 -> p",
            "the limit `resolve-packages` is 1,000",
        ],
    );
    // The sign that there is a registry is not among them.
    let asked = server
        .take()
        .into_iter()
        .filter(|path| path.starts_with("/packages/"))
        .count();
    assert!(asked <= 1000, "{asked}");
}

#[test]
fn packages_and_levels() {
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"");
    let server = chain(7).serve();
    for limit in ["RESOLVE_PACKAGES", "RESOLVE_DEPTH"] {
        at_the_limit(&sandbox, &server.url(), LOCK, limit, 7);
    }
}

#[test]
fn versions_and_bytes() {
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"\np1 = \"*\"");
    let mut files = Files::default();
    files.package(
        "p0",
        &[
            ("1.0.0", json!({})),
            ("1.1.0", json!({})),
            ("1.2.0", json!({})),
        ],
    );
    files.package("p1", &[("1.0.0", json!({})), ("1.1.0", json!({}))]);
    let bytes: usize = files.files.values().map(Vec::len).sum();
    let server = files.serve();
    at_the_limit(&sandbox, &server.url(), LOCK, "PACKAGE_VERSIONS", 3);
    at_the_limit(&sandbox, &server.url(), LOCK, "RESOLVE_VERSIONS", 5);
    let bytes = bytes as u64;
    let most = |value: u64| {
        run(
            &sandbox,
            &server.url(),
            LOCK,
            &[("RESOLVE_BYTES", &value.to_string())],
        )
    };
    assert_eq!(most(bytes).code, Some(0));
    std::fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    fails(
        &most(bytes - 1),
        4,
        &[&format!("has {bytes} bytes; the limit `resolve-bytes` is")],
    );
}

#[test]
fn dependencies_of_a_release() {
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"");
    let mut files = Files::default();
    files.package("p0", &[("1.0.0", json!({"p1": "*", "p2": "*", "p3": "*"}))]);
    for name in ["p1", "p2", "p3"] {
        files.package(name, &[("1.0.0", json!({}))]);
    }
    let server = files.serve();
    at_the_limit(&sandbox, &server.url(), LOCK, "RELEASE_DEPENDENCIES", 3);
}

/// A package without summaries; only the file of its first version can be read.
fn unreadable(count: u64) -> Files {
    let mut files = Files::default();
    let versions: Vec<String> = (0..count).map(|at| format!("1.{at}.0")).collect();
    files.put(
        "packages/p0/index.json",
        &json!({"name": "p0", "versions": versions}),
    );
    for version in &versions {
        let good = version == "1.0.0";
        let name = if good { "p0" } else { "other" };
        let mut release = summary(&json!({}), 2048);
        release["name"] = json!(name);
        release["version"] = json!(version);
        files.put(&format!("packages/p0/{version}.json"), &release);
    }
    files
}

#[test]
fn unreadable_releases() {
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"");
    let server = unreadable(9).serve();
    at_the_limit(&sandbox, &server.url(), LOCK, "UNREADABLE_RELEASES", 8);
    at_the_limit(&sandbox, &server.url(), LOCK, "RELEASE_FILES", 9);
    let server = unreadable(2000).serve();
    let ran = run(&sandbox, &server.url(), LOCK, &[]);
    fails(
        &ran,
        4,
        &[
            "101 releases of `p0` cannot be read, 1.",
            "the limit `unreadable-releases` is 100",
        ],
    );
    let files = server
        .take()
        .into_iter()
        .filter(|path| path.starts_with("/packages/p0/1."));
    let asked = files.count();
    assert!((101..200).contains(&asked), "{asked}");
}

/// Pigeons `p…` that each need a hole of their own, of which there is one too few.
fn pigeons(count: u64) -> Files {
    let mut files = Files::default();
    let version = |at: u64| format!("{at}.0.0");
    for pigeon in 0..count {
        let holes: Vec<(String, Value)> = (1..count)
            .map(|hole| {
                (
                    version(hole),
                    json!({format!("hole{hole}"): version(pigeon)}),
                )
            })
            .collect();
        let holes: Vec<(&str, Value)> = holes
            .iter()
            .map(|(at, deps)| (&**at, deps.clone()))
            .collect();
        files.package(&format!("p{pigeon}"), &holes);
    }
    for hole in 1..count {
        let pigeons: Vec<String> = (0..count).map(version).collect();
        let pigeons: Vec<(&str, Value)> = pigeons.iter().map(|at| (&**at, json!({}))).collect();
        files.package(&format!("hole{hole}"), &pigeons);
    }
    files
}

#[test]
fn a_search_without_end_ends() {
    let sandbox = bare();
    let all: Vec<String> = (0..12).map(|at| format!("p{at} = \"*\"")).collect();
    project(&sandbox, "app", &all.join("\n"));
    let server = pigeons(12).serve();
    let steps = [("RESOLVE_STEPS", "100000")];
    fails(
        &run(&sandbox, &server.url(), LOCK, &steps),
        4,
        &[
            "no choice of versions was found, nor a proof that there is none; the limit `resolve-steps` is 100,000",
        ],
    );
    let comparisons = [("RESOLVE_COMPARISONS", "100")];
    fails(
        &run(&sandbox, &server.url(), LOCK, &comparisons),
        4,
        &["comparisons of a version with a constraint; the limit `resolve-comparisons` is 100"],
    );
    // One pigeon less has a hole for each.
    let all: Vec<String> = (1..12).map(|at| format!("p{at} = \"*\"")).collect();
    project(&sandbox, "app", &all.join("\n"));
    let ran = run(&sandbox, &server.url(), LOCK, &steps);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}
