use super::*;

fn matching(constraint: &str) -> String {
    let versions = [
        "0.0.3",
        "0.2.3",
        "0.2.9",
        "0.3.0",
        "1.0.0-rc.1",
        "1.0.0",
        "1.2.3",
        "1.2.9",
        "1.3.0",
        "2.0.0-beta.2",
        "2.0.0",
        "2.0.0+b",
    ];
    let constraint: Constraint = constraint.parse().unwrap();
    let version = |text: &&&str| constraint.matches(&Version::parse(text).unwrap());
    versions
        .iter()
        .filter(version)
        .copied()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn lumen_dialect() {
    for (constraint, expected) in [
        ("1.2.3", "1.2.3"),
        ("2.0.0", "2.0.0 2.0.0+b"),
        ("1.2", "1.2.3 1.2.9 1.3.0"),
        ("1", "1.0.0 1.2.3 1.2.9 1.3.0"),
        ("0.2", "0.2.3 0.2.9"),
        ("^0.2.4", "0.2.9"),
        ("^0.0.3", "0.0.3"),
        ("~1.2", "1.2.3 1.2.9"),
        ("~1", "1.0.0 1.2.3 1.2.9 1.3.0"),
        ("1.2.x", "1.2.3 1.2.9"),
        ("=1.2.*", "1.2.3 1.2.9"),
        (">=1.0 <1.3", "1.0.0 1.2.3 1.2.9"),
        (">=1.0,<1.3", "1.0.0 1.2.3 1.2.9"),
        (">= 1.0.0-rc.1, < 1.2", "1.0.0-rc.1 1.0.0"),
        ("!=1.2.3 ^1", "1.0.0 1.2.9 1.3.0"),
        ("!=1.2 ^1", "1.0.0 1.3.0"),
        ("0.0.3 || ^2.0.0-beta.1", "0.0.3 2.0.0-beta.2 2.0.0 2.0.0+b"),
        (
            "*",
            "0.0.3 0.2.3 0.2.9 0.3.0 1.0.0 1.2.3 1.2.9 1.3.0 2.0.0 2.0.0+b",
        ),
        (">1", "2.0.0 2.0.0+b"),
        ("<=1.2", "0.0.3 0.2.3 0.2.9 0.3.0 1.0.0 1.2.3 1.2.9"),
    ] {
        assert_eq!(matching(constraint), expected, "{constraint}");
    }
}

#[test]
fn errors_point_at_the_place() {
    for (text, span, reason) in [
        ("", 0..0, "a version is missing here"),
        ("^1.2 ||", 7..7, "a version is missing here"),
        (">=1.0,", 6..6, "a version is missing after `,`"),
        ("v1.2", 0..1, "leave out the `v`"),
        ("1.2.3.4", 5..6, "this character is not allowed here"),
        ("1.*.3", 0..5, "a number cannot follow a wildcard"),
        ("01.2", 0..2, "numbers have no leading zero"),
        (
            "1.2-rc",
            3..6,
            "only a full version (`1.2.3`) can have a pre-release or build part",
        ),
        ("latest", 0..1, "a version number was expected, not `l`"),
        ("99999999999999999999", 0..20, "the number is too large"),
        (">*", 0..2, "an operator needs a version, not `*`"),
    ] {
        let error = text.parse::<Constraint>().unwrap_err();
        assert_eq!(
            (error.span, error.reason.as_str()),
            (span, reason),
            "{text}"
        );
    }
}

#[test]
fn exact_is_recognised() {
    let exact = |text: &str| {
        text.parse::<Constraint>()
            .unwrap()
            .as_exact()
            .map(|v| v.to_string())
    };
    assert_eq!(exact("1.2.3"), Some("1.2.3".into()));
    assert_eq!(exact("= 1.2.3-rc.1"), Some("1.2.3-rc.1".into()));
    assert_eq!(exact("^1.2.3"), None);
    assert_eq!(exact("=1.2"), None);
    assert_eq!(exact("1.2.3 || 1.2.4"), None);
}
