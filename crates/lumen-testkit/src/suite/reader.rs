//! The JSON of case files, read leniently: `cases` with their own packages, or `queries` over shared ones.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use lumen_core::Version;
use serde_json::{Map, Value};

use super::{
    case::{Case, Expect, Solution, Verdict},
    world::{Dependency, Release, World},
};

/// A named case; `None` when its mode is not one of ours.
type Named = (String, Result<Option<Case>, String>);

/// The cases of a file.
pub fn cases(file: &Value) -> Vec<Named> {
    let mut reader = Reader {
        file,
        worlds: HashMap::new(),
    };
    let lists = ["cases", "queries"].map(|key| file.get(key));
    let mut named = Vec::new();
    for list in lists.into_iter().flatten() {
        let entries: Vec<(String, &Value)> = match list {
            Value::Array(items) => (0..items.len())
                .map(|n| format!("#{}", n + 1))
                .zip(items)
                .collect(),
            Value::Object(items) => items
                .iter()
                .map(|(name, item)| (name.clone(), item))
                .collect(),
            _ => Vec::new(),
        };
        for (fallback, item) in entries {
            let name = item
                .get("name")
                .and_then(Value::as_str)
                .map_or(fallback, str::to_owned);
            named.push((name, reader.case(item)));
        }
    }
    named
}

struct Reader<'v> {
    file: &'v Value,
    /// Worlds already read, by the address of their JSON.
    worlds: HashMap<*const Value, Rc<World>>,
}

impl<'v> Reader<'v> {
    fn case(&mut self, item: &'v Value) -> Result<Option<Case>, String> {
        let mode = item.get("mode").or(self.file.get("mode"));
        if mode.is_some_and(|mode| mode.as_str() != Some("single")) {
            return Ok(None);
        }
        let packages = self.packages_of(item).ok_or("it has no packages")?;
        let world = match self.worlds.get(&std::ptr::from_ref(packages)) {
            Some(world) => Rc::clone(world),
            None => {
                let world = Rc::new(world(packages)?);
                self.worlds.insert(packages, Rc::clone(&world));
                world
            }
        };
        let mut locked = versions(item.get("locked"))?;
        for name in names(item.get("upgrade")) {
            locked.remove(&name);
        }
        Ok(Some(Case {
            world,
            root: root(item)?,
            locked,
            lowest: item.get("order").and_then(Value::as_str) == Some("lowest"),
            expect: expect(item.get("expect").or(item.get("expected")).unwrap_or(item))?,
        }))
    }

    /// The packages of a case: its own, those of a shared index it names, or the file's.
    fn packages_of(&self, item: &'v Value) -> Option<&'v Value> {
        let own = item.get("packages").or(item.get("index"));
        match own {
            Some(Value::String(name)) => {
                let shared = self.file.as_object()?.values();
                shared
                    .filter_map(|value| value.get(name))
                    .find(|value| value.is_object())
            }
            Some(packages @ Value::Object(_)) => Some(packages),
            _ => self.file.get("packages").or(self.file.get("index")),
        }
    }
}

fn world(packages: &Value) -> Result<World, String> {
    let mut world = World::default();
    for (name, releases) in packages.as_object().ok_or("`packages` must be an object")? {
        let mut all = BTreeMap::new();
        for (version, release) in releases.as_object().into_iter().flatten() {
            all.insert(self::version(version)?, self::release(release)?);
        }
        world.packages.insert(name.clone(), all);
    }
    Ok(world)
}

fn release(value: &Value) -> Result<Release, String> {
    let row = |(feature, values): (&String, &Value)| (feature.clone(), names(Some(values)));
    let features = value.get("features").and_then(Value::as_object);
    Ok(Release {
        dependencies: dependencies(value.get("deps").or(value.get("dependencies")))?,
        features: features.into_iter().flatten().map(row).collect(),
        yanked: !matches!(
            value.get("yanked"),
            None | Some(Value::Null | Value::Bool(false))
        ),
    })
}

fn root(item: &Value) -> Result<Vec<Dependency>, String> {
    match item.get("root").or(item.get("deps")) {
        // `{"root": "name", "version": "1.2.3"}` and `{"package": "name", "version": "1.2.3"}`.
        Some(Value::String(name)) => Ok(vec![exact(name, item)?]),
        Some(root) => dependencies(Some(root)),
        None => match item.get("package").and_then(Value::as_str) {
            Some(name) => Ok(vec![exact(name, item)?]),
            None => Err("it has no root".into()),
        },
    }
}

fn exact(name: &str, item: &Value) -> Result<Dependency, String> {
    let requirement = match item.get("version") {
        Some(text) => format!("={}", version(&scalar(text))?),
        None => item.get("req").map_or_else(|| "*".into(), scalar),
    };
    Ok(Dependency {
        name: name.to_owned(),
        requirement,
        optional: false,
        features: Vec::new(),
        default_features: true,
    })
}

fn dependencies(value: Option<&Value>) -> Result<Vec<Dependency>, String> {
    let mut found = Vec::new();
    match value {
        None | Some(Value::Null) => {}
        Some(Value::Object(map)) => {
            for (name, value) in map {
                match value {
                    Value::Array(several) => {
                        for value in several {
                            found.push(dependency(name, value)?);
                        }
                    }
                    value => found.push(dependency(name, value)?),
                }
            }
        }
        Some(Value::Array(items)) => {
            for item in items {
                found.push(match item {
                    Value::Array(pair) => {
                        let [Value::String(name), value] = pair.as_slice() else {
                            return Err("a dependency must be a name and a requirement".into());
                        };
                        dependency(name, value)?
                    }
                    item => {
                        let name = item.get("name").and_then(Value::as_str);
                        dependency(name.ok_or("a dependency has no name")?, item)?
                    }
                });
            }
        }
        Some(_) => return Err("dependencies must be an object".into()),
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn dependency(name: &str, value: &Value) -> Result<Dependency, String> {
    let none = Map::new();
    let (requirement, fields) = match value {
        Value::Object(fields) => {
            let text = ["req", "requirement", "version"]
                .iter()
                .find_map(|key| fields.get(*key));
            (text.map_or_else(|| "*".into(), scalar), fields)
        }
        Value::String(_) | Value::Number(_) => (scalar(value), &none),
        Value::Null => ("*".into(), &none),
        _ => return Err(format!("the requirement on {name} is not a text")),
    };
    let flag = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| fields.get(*key))
            .and_then(Value::as_bool)
    };
    Ok(Dependency {
        name: name.to_owned(),
        requirement,
        optional: flag(&["optional"]).unwrap_or(false),
        features: names(fields.get("features")),
        default_features: flag(&["default_features", "default-features"]).unwrap_or(true),
    })
}

fn expect(value: &Value) -> Result<Expect, String> {
    let features = value.get("features").and_then(Value::as_object);
    let row = |(name, active): (&String, &Value)| {
        (
            name.clone(),
            names(Some(active))
                .into_iter()
                .collect::<BTreeSet<String>>(),
        )
    };
    let solutions = |key: &str| -> Result<Vec<Solution>, String> {
        match value.get(key) {
            Some(Value::Array(items)) => items.iter().map(|item| versions(Some(item))).collect(),
            Some(solution @ Value::Object(_)) => Ok(vec![versions(Some(solution))?]),
            _ => Ok(Vec::new()),
        }
    };
    let known = ["unsat", "solution", "match", "one_of", "features"];
    let unsatisfiable = match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text == "unsat",
        value => value.get("unsat").and_then(Value::as_bool) == Some(true),
    };
    let verdict = if unsatisfiable {
        Verdict::Unsatisfiable
    } else if value
        .as_object()
        .is_some_and(|fields| !known.iter().any(|key| fields.contains_key(*key)))
    {
        // Just the versions.
        Verdict::OneOf(vec![versions(Some(value))?])
    } else {
        match value.get("match").and_then(Value::as_str) {
            Some("valid") => Verdict::Valid,
            Some("one_of") => match solutions("one_of")? {
                alternatives if alternatives.is_empty() => Verdict::OneOf(solutions("solution")?),
                alternatives => Verdict::OneOf(alternatives),
            },
            Some("exact") | None => match solutions("solution")? {
                none if none.is_empty() => Verdict::Valid,
                solution => Verdict::OneOf(solution),
            },
            Some(other) => return Err(format!("unknown match `{other}`")),
        }
    };
    Ok(Expect {
        verdict,
        features: features.into_iter().flatten().map(row).collect(),
    })
}

fn versions(value: Option<&Value>) -> Result<Solution, String> {
    let mut found = Solution::new();
    for (name, text) in value.and_then(Value::as_object).into_iter().flatten() {
        found.insert(name.clone(), version(&scalar(text))?);
    }
    Ok(found)
}

fn names(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().map(scalar).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

fn scalar(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Reads a version; missing parts are zero.
fn version(text: &str) -> Result<Version, String> {
    let parts = text
        .split(['-', '+'])
        .next()
        .unwrap_or(text)
        .split('.')
        .count();
    let padded = match parts {
        1 => text.replacen(text, &format!("{text}.0.0"), 1),
        2 => format!("{text}.0"),
        _ => text.to_owned(),
    };
    let version = Version::parse(text).or_else(|_| Version::parse(&padded));
    version.map_err(|error| format!("`{text}`: {error}"))
}
