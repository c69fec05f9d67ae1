//! Every command with `--json`: one object, as its schema says, when it works and when it fails.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _};

use lumen_testkit::sandbox::{Ran, Sandbox};
use serde_json::Value;

use crate::{bare, publish, schemas};

/// Commands that all work in this order: `[KEY@]FOLDER> WORDS`.
const LINES: &str = "\
app> pkg install --dry-run
app> pkg install
app> install
app> pkg lock
app> pkg list
app> pkg tree
app> pkg why text
app> pkg outdated
app> pkg info text
app> pkg info text --provenance
app> pkg search text
app> pkg diff text@1.0.0 1.1.0
app> pkg diff text@1.0.0 1.1.0 --name-only
app> pkg verify
app> pkg verify --repair
app> pkg fetch
app> pkg vendor vendored
app> pkg update
app> pkg remove text
app> pkg add text@^1
app> pkg pack --dry-run
app> pkg pack --out ..
.> pkg unpack app-1.0.0.tar --out unpacked
app> pkg publish --dry-run
app> pkg submit --dry-run
app> pkg submit --out ../inbox
.> registry ingest inbox --dry-run
.> registry ingest inbox --yes
app> pkg publish --yes
shop> pkg publish --workspace --dry-run
shop> pkg publish --workspace --yes
app> pkg yank app@1.0.0 --reason x
app> pkg unyank app@1.0.0
app> pkg deprecate app --reason x
.> pkg info app
.> pkg info app --provenance
app> pkg undeprecate app
.> pkg owner claim other
.> pkg owner list other
.> pkg owner add other second
.> pkg owner remove other second
.> pkg owner add other second --admin
.> pkg owner threshold other 2 --out h.note
second@.> pkg owner sign h.note
.> pkg owner apply h.note
.> pkg owner claim mine
.> pkg owner transfer mine second --out t.note
.> pkg owner revoke app second
.> registry trust show
.> registry trust add-log-key second
.> registry trust add-key second
.> registry trust set-threshold 2
.> registry trust expire 2999-01-01T00:00:00Z --out e.note
second@.> registry trust sign e.note
.> registry trust apply e.note
.> registry trust expire never --out s.note
second@.> registry trust sign s.note
.> registry trust apply s.note
.> registry trust remove-key second
.> registry trust add-witness second
second@.> registry witness registry
.> registry trust remove-witness second
.> registry trust add-moderator second
.> registry trust remove-moderator second
.> registry trust policy approve --key ada
.> registry trust rotate third --out r.note
second@.> pkg owner claim later
second@.> pkg owner claim never
.> registry approve
.> registry approve never --reject --reason no
.> registry approve later
.> registry trust policy open
.> registry trust remove-log-key second
.> registry check registry
.> registry repair registry
.> registry rebuild registry
.> registry rebuild registry --file-lists
.> registry watch registry
.> registry stats registry
.> registry doctor registry --read-only
.> registry gc registry --dry-run
.> registry gc registry
.> registry host nginx registry --server-name example.org --plain-http
.> registry host s3 s3://bucket
.> registry host github-pages git+https://github.com/org/registry
app> registry ci github s3://bucket/registry --stdout --source https://example.org/lumen.git
.> registry mirror registry copy
.> registry mirror registry some --packages text
.> registry bundle registry all.bundle
.> registry unbundle all.bundle inner
.> registry sync
.> registry init plain --unsigned
.> registry check plain
.> registry repair plain
.> registry stats plain
.> registry migrate plain --dry-run
.> registry migrate plain --yes
.> registry init signed
.> key list
.> key show
.> key default second
.> key default ada
.> key export
.> key export --secret
.> key import x.key --name fourth
.> key new fifth
.> key rotate fifth
.> key remove fifth --yes
.> key move
.> trust list
.> trust pin registry/ {fingerprint}
.> trust accept registry/ --yes
.> trust accept registry/ --owners other --yes
.> trust forget registry/
.> pkg init fresh
.> pkg new fresher
app> pkg clean
.> pkg cache info
.> pkg cache clean
.> completions bash
";

fn world() -> Sandbox {
    let sandbox = bare();
    for key in ["ada", "second", "third"] {
        sandbox.ok(".", &["key", "new", key]).unwrap();
    }
    sandbox.ok(".", &["registry", "init", "registry"]).unwrap();
    publish(&sandbox, "text", "1.0.0", "[features]\nextra = []\n");
    publish(&sandbox, "text", "1.1.0", "");
    let more = "repository = \"https://example.org\"\n[dependencies]\ntext = \"1.0.0\"\n";
    sandbox.package("app", "app", "1.0.0", more).unwrap();
    let root = "[workspace]\nmembers = [\"one\", \"two\"]\n";
    sandbox.write("shop/lumen.toml", root).unwrap();
    sandbox.package("shop/one", "one", "1.0.0", "").unwrap();
    let needs = "[dependencies]\none = { path = \"../one\", version = \"^1\" }\n";
    sandbox.package("shop/two", "two", "1.0.0", needs).unwrap();
    let dir = sandbox.path("").display().to_string();
    let mirrors = format!(
        "[registry.mirrors]\nm = {{ from = \"{}\", to = \"file://{dir}/mirrored\" }}\n",
        sandbox.registry_url()
    );
    sandbox
        .write("home/.config/lumen/config.toml", &mirrors)
        .unwrap();
    let key = sandbox.ok(".", &["key", "export", "third", "--secret"]);
    sandbox.write("x.key", &key.unwrap().out).unwrap();
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(sandbox.path("x.key"), mode).unwrap();
    sandbox
}

/// All commands, by the schemas that there are.
fn commands() -> BTreeSet<String> {
    let all = fs::read_dir(schemas::folder()).unwrap().filter_map(|file| {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let command = schema["properties"]["command"]["const"].as_str()?;
        Some(command.to_owned())
    });
    all.filter(|command| !["help", "version"].contains(&command.as_str()))
        .collect()
}

fn run(sandbox: &Sandbox, line: &str, fingerprint: &str) -> (Ran, Value) {
    let (place, words) = line.split_once("> ").unwrap();
    let (key, folder) = place.split_once('@').unwrap_or(("", place));
    let words = words.replace("{fingerprint}", fingerprint);
    let words: Vec<&str> = words.split(' ').chain(["--json"]).collect();
    let mut command = sandbox.command(folder, &words);
    if !key.is_empty() {
        command.env("LUMEN_KEY", key);
    }
    let ran = Ran::of(&command.output().unwrap());
    let value = schemas::object(line, &ran.out);
    (ran, value)
}

#[test]
fn every_command_that_works_prints_what_its_schema_says() {
    let sandbox = world();
    let (_, root) = run(&sandbox, ".> registry trust show", "");
    let fingerprint = root["fingerprint"].as_str().unwrap();
    let (mut worked, mut failed) = (BTreeSet::new(), Vec::new());
    for line in LINES.lines() {
        let (ran, value) = run(&sandbox, line, fingerprint);
        match ran.code {
            Some(0) if value["error"].is_null() => {
                worked.insert(value["command"].as_str().unwrap().to_owned());
            }
            code => failed.push(format!("{line}: {code:?}: {}", ran.err)),
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(worked, commands(), "give the command a line that works");
}

/// Where there is neither a project nor a registry nor a key.
#[test]
fn every_command_that_fails_prints_why() {
    /// What works everywhere.
    const WORKS: [&str; 15] = [
        "completions",
        "key list",
        "key move",
        "key new",
        "pkg cache clean",
        "pkg cache info",
        "pkg init",
        "pkg new",
        "registry ci",
        "registry doctor",
        "registry host",
        "registry init",
        "trust forget",
        "trust list",
        "trust pin",
    ];
    let mut failed = BTreeSet::new();
    for line in LINES.lines() {
        let sandbox = bare();
        for folder in ["app", "shop"] {
            fs::create_dir(sandbox.path(folder)).unwrap();
        }
        let (ran, value) = run(&sandbox, line, &format!("sha256:{}", "0".repeat(64)));
        let command = value["command"].as_str().unwrap().to_owned();
        let error = &value["error"];
        match ran.code {
            Some(0) => assert!(WORKS.contains(&command.as_str()), "{line}: {ran:#?}"),
            code => {
                assert_eq!(error["code"], code.unwrap_or(-1), "{line}: {ran:#?}");
                assert_ne!(error["kind"], "usage", "{line}: {ran:#?}");
                let what = error["message"].as_str().unwrap();
                assert!(!what.is_empty(), "{line}: {value:#}");
                failed.insert(command);
            }
        }
    }
    let expected: BTreeSet<String> = (commands().into_iter())
        .filter(|command| !WORKS.contains(&command.as_str()))
        .collect();
    let missing: Vec<_> = expected.difference(&failed).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_wrong_command_line_is_told_in_json() {
    let sandbox = bare();
    let object = |words: &[&str]| {
        let ran = sandbox.run(".", words).unwrap();
        (schemas::object(&words.join(" "), &ran.out), ran)
    };
    for command in commands() {
        let words: Vec<&str> = command.split(' ').collect();
        for before in [true, false] {
            let words = match before {
                true => [&["--json"], &words[..], &["--nonsense"]].concat(),
                false => [&words[..], &["--nonsense", "--json"]].concat(),
            };
            let (value, ran) = object(&words);
            assert_eq!(ran.code, Some(2), "{words:?}: {ran:#?}");
            assert_eq!(value["command"], command.as_str());
            assert_eq!(value["error"]["kind"], "usage");
            assert_eq!(value["error"]["code"], 2);
            assert!(ran.err.contains("--nonsense"), "{ran:#?}");
        }
    }
    for (words, command) in [
        (&["--json"][..], Value::Null),
        (&["pkg", "--json"], "pkg".into()),
        (
            &["registry", "trust", "nothing", "--json"],
            "registry trust".into(),
        ),
        (&["nothing-of-ours", "--json"], Value::Null),
        (&["install", "csv", "--json"], "pkg install".into()),
        (
            &["registry", "watch", "registry", "--follow", "--json"],
            "registry watch".into(),
        ),
    ] {
        let (value, ran) = object(words);
        assert_eq!(ran.code, Some(2), "{words:?}: {ran:#?}");
        assert_eq!(value["command"], command, "{words:?}");
        assert_eq!(value["error"]["kind"], "usage");
    }
    for (words, command) in [
        (&["pkg", "add", "--help", "--json"][..], "help"),
        (&["help", "add", "--json"], "help"),
        (&["--json", "--version"], "version"),
    ] {
        let (value, ran) = object(words);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert_eq!(value["command"], command);
        assert!(value["text"].as_str().unwrap().contains("lumen"), "{value}");
    }
    // Words behind `--` are no options.
    let ran = sandbox.run(".", &["pkg", "why", "--", "--json"]).unwrap();
    assert_eq!((ran.out.as_str(), ran.code), ("", Some(1)), "{ran:#?}");
}

#[test]
fn the_page_about_json_links_to_every_schema() {
    let page = fs::read_to_string(schemas::folder().join("../json.md")).unwrap();
    for file in fs::read_dir(schemas::folder()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(page.contains(&format!("](schemas/{name})")), "{name}");
    }
}

#[test]
fn an_error_says_where() {
    let sandbox = bare();
    let manifest = "[package]\nname = \"app\"\nversion = \"one\"\n";
    sandbox.write("app/lumen.toml", manifest).unwrap();
    let (ran, value) = run(&sandbox, "app> pkg install", "");
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let error = &value["error"];
    assert_eq!(error["kind"], "user");
    assert_eq!(error["file"], "lumen.toml");
    assert_eq!((&error["line"], &error["column"]), (&3.into(), &11.into()));
    assert_eq!(error["problems"][0]["severity"], "error");
    // A warning is in the object, also where nothing is said.
    sandbox
        .package("lib", "lib", "1.0.0", "licence = \"MIT\"\n")
        .unwrap();
    let (ran, value) = run(&sandbox, "lib> pkg pack --dry-run --quiet", "");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let warning = &value["warnings"][0];
    assert_eq!(warning["severity"], "warning", "{value:#}");
    assert_eq!(warning["file"], "lumen.toml");
}
