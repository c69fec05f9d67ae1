//! The file of version and requirement cases.

use lumen_core::{Constraint, Version, constraint::Dialect};
use serde_json::Value;

use super::{Report, guarded};

/// Runs every case of the file.
pub fn run(file: &Value, report: &mut Report) {
    for item in list(file, "versions") {
        let text = string(item, "text");
        let valid = item.get("rust_semver").or(item.get("valid"));
        let valid = valid.and_then(Value::as_bool).unwrap_or(true);
        let check = || match Version::parse(text).is_ok() == valid {
            true => Ok(()),
            false => Err(format!("expected valid to be {valid}")),
        };
        report.record(&format!("version `{text}`"), guarded(check));
    }
    let order = file.get("order").cloned().unwrap_or_default();
    for pair in list(&order, "pairs") {
        check_order(string(pair, "less"), string(pair, "greater"), report);
    }
    for chain in order.as_object().into_iter().flatten() {
        if chain.0.starts_with("ascending")
            && let Some(chain) = chain.1.as_array()
        {
            for pair in chain.windows(2) {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                check_order(&text(&pair[0]), &text(&pair[1]), report);
            }
        }
    }
    for item in list(file, "matches") {
        let expected = item
            .get("cargo")
            .or(item.get("npm"))
            .and_then(Value::as_bool);
        let (requirement, version) = (string(item, "req"), string(item, "version"));
        check_match(requirement, version, expected.unwrap_or(true), report);
    }
    for item in list(file, "invalid_requirements") {
        let text = item.as_str().unwrap_or_else(|| string(item, "req"));
        let check = || match Constraint::parse(text, Dialect::Cargo) {
            Err(_) => Ok(()),
            Ok(_) => Err("expected to be invalid".into()),
        };
        report.record(&format!("requirement `{text}`"), guarded(check));
    }
    let cross = file.get("cross").cloned().unwrap_or_default();
    let versions = list(&cross, "versions");
    let table = cross.get("match").and_then(Value::as_object);
    for (requirement, matching) in table.into_iter().flatten() {
        let matching = matching.as_array().map(Vec::as_slice).unwrap_or_default();
        let check = || {
            for version in versions {
                let expected = matching.contains(version);
                matches(requirement, version.as_str().unwrap_or_default(), expected)?;
            }
            Ok(())
        };
        report.record(&format!("`{requirement}` in the table"), guarded(check));
    }
}

fn check_order(less: &str, greater: &str, report: &mut Report) {
    let check = || {
        let parse = |text| Version::parse(text).map_err(|error| format!("{text}: {error}"));
        match parse(less)?.cmp_precedence(&parse(greater)?).is_lt() {
            true => Ok(()),
            false => Err("expected the first to be less".into()),
        }
    };
    report.record(&format!("order `{less}` < `{greater}`"), guarded(check));
}

fn check_match(requirement: &str, version: &str, expected: bool, report: &mut Report) {
    let check = || matches(requirement, version, expected);
    report.record(
        &format!("`{requirement}` matches `{version}`"),
        guarded(check),
    );
}

fn matches(requirement: &str, version: &str, expected: bool) -> Result<(), String> {
    let constraint = Constraint::parse(requirement, Dialect::Cargo).map_err(|e| e.to_string())?;
    let parsed = Version::parse(version).map_err(|error| error.to_string())?;
    match constraint.matches(&parsed) == expected {
        true => Ok(()),
        false => Err(format!("`{version}`: expected {expected}")),
    }
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    let list = value.get(key).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

fn string<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
