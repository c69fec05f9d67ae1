use std::collections::BTreeSet;

use super::*;

const HEAD: &str = "# Limits

Nothing that a registry, an archive or a project contains can cost more than these limits allow.
An error that a limit caused names the limit, and says how to raise it where that is possible.

You choose limits in `[limits]` of [your configuration](cli.md#configuration), or with an
environment variable: `artifact-bytes` is `LUMEN_LIMIT_ARTIFACT_BYTES`. A project cannot
choose them. A value is a whole number. Bytes may have a unit: `\"4 GiB\"`.

```toml
[limits]
artifact-bytes = \"4 GiB\"
install-bytes = 68719476736
```

A test keeps these tables equal to the table in the code (`lumen_core::limits`).
";

/// The text of `docs/limits.md`.
fn document() -> String {
    let mut text = String::from(HEAD);
    let parts = [
        (Scope::User, "Limits that you may choose", "key"),
        (Scope::Format, "Limits of the formats", "name"),
        (Scope::Program, "Limits of this program", "name"),
    ];
    for (scope, title, name) in parts {
        let value = match scope {
            Scope::User => "default",
            Scope::Format | Scope::Program => "value",
        };
        text.push_str(&format!(
            "\n## {title}\n\n| {name} | {value} | what it bounds | where |\n|---|---|---|---|\n"
        ));
        for row in table().filter(|row| row.scope == scope) {
            let (value, bounds) = (row.unit.say(row.value), row.bounds.trim());
            text.push_str(&format!(
                "| `{}` | {value} | {bounds} | `{}` |\n",
                row.name,
                row.place.replace(", ", "`, `")
            ));
        }
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a developer asks for it")]
fn the_document_shows_the_table() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md");
    if std::env::var_os("UPDATE_LIMITS").is_some() {
        std::fs::write(file, document()).unwrap();
    }
    let found = std::fs::read_to_string(file).unwrap();
    assert_eq!(
        found,
        document(),
        "run this test with UPDATE_LIMITS=1 to write docs/limits.md again"
    );
}

#[test]
fn names_are_unique() {
    let names: BTreeSet<&str> = table().map(|row| row.name).collect();
    assert_eq!(names.len(), table().count());
    for limit in Limit::ALL {
        assert_eq!(Limit::named(limit.name()), Some(*limit));
    }
    assert_eq!(Limit::named("ARTIFACT-BYTES"), None);
    assert_eq!(
        Limit::ArtifactBytes.variable(),
        "LUMEN_LIMIT_ARTIFACT_BYTES"
    );
}

#[test]
fn values_in_words() {
    for (unit, value, expected) in [
        (Unit::Bytes, 0, "0 bytes"),
        (Unit::Bytes, 1025, "1,025 bytes"),
        (Unit::Bytes, 1 << 20, "1 MiB"),
        (Unit::Bytes, 3 << 29, "1,536 MiB"),
        (Unit::BytesPerSecond, 4096, "4 KiB per second"),
        (Unit::Count, 1_234_567, "1,234,567"),
        (Unit::Seconds, 600, "600 s"),
        (Unit::Power, 27, "2^27"),
    ] {
        assert_eq!(unit.say(value), expected);
    }
}

#[test]
fn values_as_users_write_them() {
    for (unit, text, expected) in [
        (Unit::Bytes, "1024", Some(1024)),
        (Unit::Bytes, " 64 MiB ", Some(64 << 20)),
        (Unit::Bytes, "64MiB", Some(64 << 20)),
        (Unit::BytesPerSecond, "4KiB", Some(4096)),
        (Unit::Bytes, "0", None),
        (Unit::Bytes, "MiB", None),
        (Unit::Bytes, "+1", None),
        (Unit::Bytes, "-1", None),
        (Unit::Bytes, "1 MB", None),
        (Unit::Bytes, "17000000 TiB", None),
        (Unit::Count, "1 KiB", None),
        (Unit::Seconds, "18446744073709551616", None),
        (Unit::Seconds, "600", Some(600)),
    ] {
        assert_eq!(unit.parse(text), expected, "{text}");
    }
}

#[test]
fn at_the_limit_and_one_beyond() {
    let mut limits = Limits::default();
    limits.set(Limit::ArtifactBytes, 1024);
    let check = |value| limits.check(Limit::ArtifactBytes, value, || format!("it has {value}"));
    assert_eq!(check(1024), Ok(()));
    let error = check(1025).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it has 1025; the limit `artifact-bytes` is 1 KiB"
    );
}
