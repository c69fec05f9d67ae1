//! The schemas in `docs/schemas`: `cargo xtask schemas` writes them, and the tests here fail
//! where they are not as the types are.

mod table;

use std::{collections::BTreeSet, fs, path::PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use self::table::COMMANDS;
use super::{Failure, Problem, Text, envelope::FORMAT, registry::LogEntry};
use crate::{
    args::{self, Family},
    environment,
};

/// Makes the schema of a type.
type Make = fn(&mut SchemaGenerator) -> Schema;

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// `<version>.json` of a registry: `docs/registry-spec.md`, section 6.3, has all fields.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct ReleaseFile {
    /// The package.
    name: String,
    /// The version.
    version: String,
    /// Dependencies: name to constraint.
    deps: std::collections::BTreeMap<String, String>,
    /// Encodings of the contents; the first is the plain tar.
    artifacts: Vec<Artifact>,
}

/// An encoding of the contents of a release.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Artifact {
    /// `tar` or `tar.zst`.
    kind: String,
    /// Path in the registry.
    url: String,
    /// SHA-256 of the file.
    hash: String,
    /// Size of the file in bytes.
    size: u64,
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
}

/// The schema of the object that a command prints.
fn object(name: &str, command: Value, about: &str, results: &[Make]) -> Value {
    let mut generator = generator();
    let mut kinds: Vec<Value> = (results.iter())
        .map(|make| make(&mut generator).to_value())
        .collect();
    kinds.push(json!({ "required": ["error"] }));
    let (warning, error) = (of::<Problem>(&mut generator), of::<Failure>(&mut generator));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:lumen:json:{FORMAT}:{name}"),
        "title": format!("lumen {} --json", name.replace('-', " ")),
        "description": about,
        "type": "object",
        "properties": {
            "format": { "description": "The version of all objects.", "const": FORMAT },
            "command": command,
            "warnings": {
                "description": "What was warned about.", "type": "array", "items": warning,
            },
            "error": {
                "description": "Why the command failed, if it did.", "allOf": [error],
            },
        },
        "required": ["format", "command", "warnings"],
        "anyOf": kinds,
        "$defs": generator.take_definitions(true),
    })
}

/// Every command of the program with its description, in full and without a family once more.
fn commands() -> Vec<(String, String)> {
    fn walk(command: &clap::Command, path: &[&str], all: &mut Vec<(String, String)>) {
        let verbs = Family::verbs();
        let below = command.get_subcommands();
        let below = below
            .filter(|below| !path.is_empty() || !verbs.iter().any(|verb| verb == below.get_name()));
        let below: Vec<_> = below.collect();
        if below.is_empty() {
            let about = command.get_about().map(ToString::to_string);
            all.push((path.join(" "), about.unwrap_or_default()));
        }
        for below in below {
            walk(below, &[path, &[below.get_name()]].concat(), all);
        }
    }
    let mut all = Vec::new();
    walk(&args::command(), &[], &mut all);
    all
}

/// All schemas: the name of the file without `.json`, and what is in it.
fn all() -> Vec<(String, Value)> {
    let said = commands();
    let mut all: Vec<(String, Value)> = (COMMANDS.iter())
        .map(|(command, results)| {
            let about = said.iter().find(|(name, _)| name == command);
            let about = about.map(|(_, about)| about.as_str()).unwrap_or_default();
            let file = command.replace(' ', "-");
            let schema = object(&file, json!({ "const": command }), about, results);
            (file, schema)
        })
        .collect();
    for (name, about) in [
        ("help", "`--help`, and `lumen help`."),
        ("version", "`--version`."),
    ] {
        let text: &[Make] = &[of::<Text>];
        all.push((
            name.into(),
            object(name, json!({ "const": name }), about, text),
        ));
    }
    let command = json!({
        "description": "The command in full; none where the command line names none.",
        "type": ["string", "null"],
    });
    let about = "A command line that is wrong, of any command.";
    all.push(("error".into(), object("error", command, about, &[])));
    let mut generator = generator();
    let mut line = generator.root_schema_for::<LogEntry>().to_value();
    line["$id"] = json!(format!("urn:lumen:json:{FORMAT}:registry-watch-line"));
    all.push(("registry-watch-line".into(), line));
    all
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas")
}

#[test]
fn every_command_has_a_schema() {
    let there: BTreeSet<String> = commands().into_iter().map(|(name, _)| name).collect();
    let described = COMMANDS.iter().map(|(name, _)| (*name).to_owned());
    let described: BTreeSet<String> = described.collect();
    assert!(there.len() > 60, "{there:?}");
    assert_eq!(there, described, "add the type of its result to `table.rs`");
    assert_eq!(described.len(), COMMANDS.len());
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    let all: Vec<(String, String)> = (all().into_iter())
        .map(|(name, schema)| (format!("{name}.json"), format!("{schema:#}\n")))
        .collect();
    if environment::variables().has("LUMEN_WRITE_SCHEMAS") {
        let _ = fs::remove_dir_all(folder());
        fs::create_dir_all(folder()).unwrap();
        for (name, text) in &all {
            fs::write(folder().join(name), text).unwrap();
        }
        return;
    }
    let there = fs::read_dir(folder()).unwrap();
    let there = there.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = all.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(
        there.collect::<BTreeSet<_>>(),
        names,
        "`cargo xtask schemas` writes them"
    );
    for (name, text) in all {
        let found = fs::read_to_string(folder().join(&name)).unwrap();
        assert!(
            found == text,
            "{name} is stale: `cargo xtask schemas` writes it"
        );
    }
}

#[test]
fn no_result_has_a_field_of_what_is_around_it() {
    /// The names of all properties, also of alternatives.
    fn properties(schema: &Value, root: &Value, all: &mut BTreeSet<String>) {
        if let Some(path) = schema["$ref"].as_str() {
            properties(root.pointer(&path[1..]).unwrap(), root, all);
        }
        let own = schema["properties"].as_object().into_iter().flatten();
        all.extend(own.map(|(name, _)| name.clone()));
        for kinds in ["anyOf", "oneOf", "allOf"] {
            let kinds = schema[kinds].as_array().into_iter().flatten();
            kinds.for_each(|kind| properties(kind, root, all));
        }
    }
    for (name, schema) in all() {
        let mut own = BTreeSet::new();
        for kind in schema["anyOf"].as_array().into_iter().flatten() {
            properties(kind, &schema, &mut own);
        }
        for field in ["format", "command", "warnings", "error"] {
            assert!(!own.contains(field), "{name}: {field}");
        }
    }
}
