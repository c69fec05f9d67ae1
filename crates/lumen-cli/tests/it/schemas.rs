//! What `--json` prints, compared with the schemas in `docs/schemas`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use jsonschema::Validator;
use serde_json::Value;

/// The folder of the schemas.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas")
}

/// The schema of this name, read once.
fn schema(name: &str) -> Arc<Validator> {
    static READ: OnceLock<Mutex<BTreeMap<String, Arc<Validator>>>> = OnceLock::new();
    let mut read = READ.get_or_init(Mutex::default).lock().unwrap();
    let make = || {
        let path = folder().join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{}: {error}", path.display());
        });
        let schema: Value = serde_json::from_str(&text).unwrap();
        let validator = jsonschema::validator_for(&schema);
        Arc::new(validator.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    Arc::clone(read.entry(name.to_owned()).or_insert_with(make))
}

/// What is wrong with a value by a schema.
pub fn faults(name: &str, value: &Value) -> Vec<String> {
    let schema = schema(name);
    let faults = schema.iter_errors(value);
    faults
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect()
}

/// The one object that a command printed, which is as its schema says: that of the command, or of
/// a command line that names none.
pub fn object(about: &str, out: &str) -> Value {
    let value: Value = serde_json::from_str(out)
        .unwrap_or_else(|error| panic!("{about}: {error}, not one object: {out:?}"));
    let is_usage = value["error"]["kind"] == "usage";
    let name = match value["command"].as_str() {
        // A family of commands, or none.
        Some(command) if !is_usage || folder().join(file(command)).exists() => {
            command.replace(' ', "-")
        }
        _ => "error".to_owned(),
    };
    let faults = faults(&name, &value);
    assert!(faults.is_empty(), "{about}: {faults:#?}: {out}");
    value
}

fn file(command: &str) -> String {
    format!("{}.json", command.replace(' ', "-"))
}
