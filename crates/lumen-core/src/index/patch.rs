//! Changes of JSON objects: [JSON Merge Patch](https://www.rfc-editor.org/rfc/rfc7396).

use serde_json::{Map, Value};

type Fields = Map<String, Value>;

/// The change that makes one object another. Neither has a `null` in it.
pub(super) fn between(before: &Fields, after: &Fields) -> Fields {
    let mut change = Fields::new();
    for (field, value) in after {
        match (before.get(field), value) {
            (Some(before), value) if before == value => {}
            (Some(Value::Object(before)), Value::Object(after)) => {
                change.insert(field.clone(), Value::Object(between(before, after)));
            }
            _ => drop(change.insert(field.clone(), value.clone())),
        }
    }
    for field in before.keys().filter(|field| !after.contains_key(*field)) {
        change.insert(field.clone(), Value::Null);
    }
    change
}

/// Makes a change.
pub(super) fn apply(fields: &mut Fields, change: Fields) {
    for (field, value) in change {
        match (fields.get_mut(&field), value) {
            (_, Value::Null) => drop(fields.shift_remove(&field)),
            (Some(Value::Object(members)), Value::Object(change)) => apply(members, change),
            (_, value) => drop(fields.insert(field, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Fields {
        match value {
            Value::Object(fields) => fields,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_change_leads_from_one_object_to_the_other() {
        for (before, after, change) in [
            (json!({}), json!({}), json!({})),
            (json!({"a": 1}), json!({"a": 1}), json!({})),
            (
                json!({"a": 1}),
                json!({"b": [1]}),
                json!({"b": [1], "a": null}),
            ),
            (
                json!({"s": {"commit": "1", "vcs": "git", "dirty": true}}),
                json!({"s": {"commit": "2", "vcs": "git"}}),
                json!({"s": {"commit": "2", "dirty": null}}),
            ),
            (json!({"l": {"x": 1}}), json!({"l": []}), json!({"l": []})),
        ] {
            let (before, after) = (object(before), object(after));
            assert_eq!(between(&before, &after), object(change));
            let mut made = before.clone();
            apply(&mut made, between(&before, &after));
            assert_eq!(made, after);
        }
    }
}
