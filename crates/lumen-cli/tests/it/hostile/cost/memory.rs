//! Memory of a resolution: what a registry lists is counted before it is kept.

use super::*;

const LOCK: &[&str] = &["pkg", "lock"];

/// Resolves with a limit of memory that is passed, and then with what it takes and one byte
/// less, as the error says. Returns what it takes.
fn memory_at_the_limit(sandbox: &Sandbox, server: &Server, packages: &str) -> u64 {
    let most = |value: u64| {
        let value = value.to_string();
        let limits = [("RESOLVE_MEMORY", &*value)];
        run(sandbox, &server.url(), LOCK, &limits)
    };
    let mut least = 1;
    // Each package adds to what those before it take.
    let ran = loop {
        let ran = most(least);
        if ran.code == Some(0) {
            break ran;
        }
        let before = format!("the metadata of the packages up to `{packages}");
        fails(&ran, 4, &[&before, "the limit `resolve-memory` is"]);
        let said = ran.err.split_once("takes about ").unwrap().1;
        let said: u64 = said.split_once(' ').unwrap().0.parse().unwrap();
        assert!(said > least, "{ran:#?}");
        least = said;
    };
    assert!(sandbox.path("app/lumen.lock").exists(), "{ran:#?}");
    std::fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    fails(
        &most(least - 1),
        4,
        &[
            &format!("takes about {least} bytes of memory; the limit `resolve-memory` is"),
            "raise `resolve-memory` in [limits] of your configuration, or set LUMEN_LIMIT_RESOLVE_MEMORY",
        ],
    );
    assert!(!sandbox.path("app/lumen.lock").exists());
    least
}

#[test]
fn memory_of_all_packages() {
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"\np1 = \"*\"");
    let comparators = vec![">0"; 64].join(", ");
    let mut files = Files::default();
    files.package("p0", &[("1.0.0", json!({"p1": "*"}))]);
    files.package("p1", &[("1.0.0", json!({}))]);
    let little = memory_at_the_limit(&sandbox, &files.clone().serve(), "p");
    files.package("p0", &[("1.0.0", json!({"p1": comparators}))]);
    let more = memory_at_the_limit(&sandbox, &files.serve(), "p");
    assert!(more > little + 64 * 64, "{little} {more}");
}

#[test]
fn memory_and_bytes_of_files_of_releases() {
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"");
    let registry = |versions: &[&str]| {
        let mut files = Files::default();
        let index = json!({"name": "p0", "versions": versions});
        files.put("packages/p0/index.json", &index);
        for version in versions {
            let mut release = summary(&json!({}), 2048);
            release["name"] = json!("p0");
            release["version"] = json!(version);
            // Nothing that is read, and bytes all the same.
            release["unknown"] = json!("x".repeat(5000));
            files.put(&format!("packages/p0/{version}.json"), &release);
        }
        files
    };
    let server = registry(&["1.0.0"]).serve();
    memory_at_the_limit(&sandbox, &server, "p0");
    let limits = [("RESOLVE_BYTES", "5000")];
    fails(
        &run(&sandbox, &server.url(), LOCK, &limits),
        4,
        &[
            "the metadata of the packages up to `p0` has",
            "bytes; the limit `resolve-bytes` is",
        ],
    );
}

#[test]
fn an_index_that_lists_too_much_is_refused() {
    let sandbox = bare();
    project(&sandbox, "app", "p0 = \"*\"");
    let lists = |field: &str, count: usize, item: fn(usize) -> String| {
        let items: Vec<String> = (0..count).map(item).collect();
        let field = field.replace("$", &items.join(","));
        format!(r#"{{"name": "p0", "versions": ["1.0.0"], {field}}}"#)
    };
    let refused = [
        lists(r#""releases": {"1.0.0": {"deps": {$}}}"#, 1_200_000, |at| {
            format!(r#""{at:x}":"1""#)
        }),
        // A release that cannot be read does not make the others free.
        lists(
            r#""releases": {"x": {}, "1.0.0": {"features": {$}}}"#,
            1_500_000,
            |at| format!(r#""{at:x}":[]"#),
        ),
    ];
    for index in refused {
        let mut files = Files::default();
        files
            .files
            .insert("/packages/p0/index.json".into(), index.into());
        let ran = run(&sandbox, &files.serve().url(), LOCK, &[]);
        fails(
            &ran,
            4,
            &["what this index lists takes more than 256 MiB of memory"],
        );
        assert!(!sandbox.path("app/lumen.lock").exists());
    }
    // What nothing reads is not kept: unknown fields, and yanks of versions that are not listed.
    let release = json!({"1.0.0": summary(&json!({}), 2048)});
    let kept = format!(r#""releases": {release}"#);
    for index in [
        lists(&format!(r#""yanked": {{$}}, {kept}"#), 500_000, |at| {
            format!(r#""2.0.{at}":"""#)
        }),
        lists(&format!(r#""unknown": [$], {kept}"#), 1_000_000, |_| {
            "{}".into()
        }),
    ] {
        let mut files = Files::default();
        files
            .files
            .insert("/packages/p0/index.json".into(), index.into());
        let limits = [("RESOLVE_MEMORY", "2000")];
        let ran = run(&sandbox, &files.serve().url(), LOCK, &limits);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        std::fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    }
}
