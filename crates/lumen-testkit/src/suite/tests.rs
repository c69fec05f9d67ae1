use super::*;

/// The failures of a file, one line each, after the totals.
fn outcome(text: &str) -> String {
    let report = run_text("file", text);
    let mut lines = vec![format!(
        "{} passed, {} skipped",
        report.passed, report.skipped
    )];
    lines.extend(
        report
            .failures
            .iter()
            .map(|f| format!("{}: {}", f.case, f.why)),
    );
    lines.join("\n")
}

#[test]
fn wrong_expectations_are_noticed() {
    let case = |expect: &str, extra: &str| {
        format!(
            r#"{{"name": "c", "mode": "single", "root": {{"a": "1"}}, "expect": {expect} {extra},
                "packages": {{"a": {{"1.0.0": {{"deps": {{"b": "*"}}}}}}, "b": {{"1.0.0": {{}}, "2.0.0": {{}}}}}}}}"#
        )
    };
    for (expect, extra, expected) in [
        (
            r#"{"solution": {"a": "1.0.0", "b": "2.0.0"}, "match": "exact"}"#,
            "",
            "1 passed, 0 skipped",
        ),
        (r#"{"match": "valid"}"#, "", "1 passed, 0 skipped"),
        (
            r#"{"match": "one_of", "one_of": [{"a": "1.0.0"}, {"a": "1.0.0", "b": "2.0.0"}]}"#,
            "",
            "1 passed, 0 skipped",
        ),
        (
            r#"{"unsat": true}"#,
            r#", "mode": "compat""#,
            "0 passed, 1 skipped",
        ),
        (
            r#"{"unsat": true}"#,
            "",
            "0 passed, 0 skipped\nc: expected no solution, found {a 1.0.0, b 2.0.0}",
        ),
        (
            r#"{"solution": {"a": "1.0.0", "b": "1.0.0"}, "match": "exact"}"#,
            "",
            "0 passed, 0 skipped\nc: expected {a 1.0.0, b 1.0.0}, found {a 1.0.0, b 2.0.0}",
        ),
        (
            r#"{"solution": {"a": "1.0.0", "b": "2.0.0"}, "match": "exact", "features": {"b": ["x"]}}"#,
            "",
            "0 passed, 0 skipped\nc: features of b: expected {\"x\"}, found {}",
        ),
        (
            r#"{"solution": {"a": "1.0.0", "b": "2.0.0"}}"#,
            r#", "root": {"a": "2"}"#,
            "0 passed, 0 skipped\nc: found no solution, expected {a 1.0.0, b 2.0.0}",
        ),
        (
            r#"{"match": "odd"}"#,
            "",
            "0 passed, 0 skipped\nc: unknown match `odd`",
        ),
    ] {
        let text = format!(r#"{{"cases": [{}]}}"#, case(expect, extra));
        assert_eq!(outcome(&text), expected, "{expect} {extra}");
    }
}

#[test]
fn queries_share_packages() {
    let text = r#"{
        "packages": {"0": {"1": {"deps": {"1": "*"}}, "2": {"deps": {"none": "*"}}}, "1": {"7": {}}},
        "queries": [
            {"root": {"0": "*"}, "expect": {"solution": {"0": "1.0.0", "1": "7.0.0"}, "match": "exact"}},
            {"package": "0", "version": "2", "expect": {"unsat": true}},
            {"root": [["1", "*"]], "solution": {"1": "7"}},
            {"root": {"0": "2"}, "expect": null},
            {"root": {"1": "*"}, "expect": {"1": "7"}}
        ]
    }"#;
    assert_eq!(outcome(text), "5 passed, 0 skipped");
}

#[test]
fn odd_names_keep_their_order_and_features() {
    let text = r#"{"cases": [{
        "name": "odd", "root": {"B/c d": {"features": ["é"]}},
        "packages": {"B/c d": {"1.0.0": {"deps": {"é": {"req": "*", "optional": true}}}}, "é": {"1.0.0": {}}},
        "expect": {"solution": {"B/c d": "1.0.0", "é": "1.0.0"}, "match": "exact", "features": {"B/c d": ["é"]}}
    }]}"#;
    assert_eq!(outcome(text), "1 passed, 0 skipped");
}

#[test]
fn unreadable_files_fail() {
    assert!(outcome("{").starts_with("0 passed, 0 skipped\nfile: not JSON"));
    assert_eq!(
        outcome("{}"),
        "0 passed, 0 skipped\nfile: there are no cases in it"
    );
}
