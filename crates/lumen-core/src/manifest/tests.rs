use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::limits::MAX_MANIFEST_BYTES;
use crate::problem::{Severity, plain};

pub(super) fn problems(source: &str) -> String {
    let parsed = parse("lumen.toml", source);
    let failed = parsed
        .problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    assert_eq!(parsed.manifest.is_none(), failed, "{source}");
    plain(&parsed.problems)
}

fn good(source: &str) -> Manifest {
    let parsed = parse("lumen.toml", source);
    assert_eq!(plain(&parsed.problems), "", "{source}");
    parsed.manifest.unwrap()
}

/// Every table and nearly every form there is.
pub(crate) const FULL: &str = r#"# A comment.
[package]
name = "@org/web-kit"
version = "1.2.3-rc.1"
description = "Tools for the web"
license = "MIT OR Apache-2.0"
categories = ["web"]
keywords = ["http", "html"]
authors = ["Ada <ada@example.org>"]
repository = "https://example.org/git/web-kit"
homepage = "https://example.org"
readme = "README.md"
include = ["src/**"]
exclude = ["*.tmp"]
publish = false

[dependencies]
http = "^1.2"                                  # trailing
"@org/json" = { version = "~2.1", features = ["fast"], default-features = false }
inside.version = "1.0.0"
inside.registry = "local"
local = { path = "../local" }
local-too = { path = "../local-too", version = ">=1, <3" }
repo = { git = "https://example.org/repo", tag = "v1" }
cache = { version = "*", optional = true }

[dependencies.sub]
version = "1 || 2"
optional = true

[dev-dependencies]
check = { git = "https://example.org/check", branch = "main" }

[patch]
http = { path = "../http" }

[workspace]
members = ["crates/*", "."]
exclude = ["crates/old"]

[workspace.package]
version = "1.0.0"
license = "MIT"
publish = true

[workspace.dependencies]
shared = { path = "crates/shared", version = "1.0.0" }

[features]
default = ["quick"]
quick = ["dep:sub", "http/tls", "cache?/fast", "@org/json/slow"]
other = ["quick", "cache"]

[registry]
default = "https://registry.example.org"
upstreams = ["cdn", "local"]
trust = "required"

[registry.registries]
local = "file:///srv/registry"
cdn = { read = "https://cdn.example.org", publish = "s3://bucket/registry" }

[registry.scopes]
"@org" = "local"

[registry.mirrors]
inner = { from = "cdn", to = "s3://copy/x", packages = ["@org/*", "http"], full = true }
whole = { from = "https://registry.example.org", to = "local" }

[registry.roots]
local = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

[install]
link = "hardlink"
import-root = "vendor"

[build]
opt = 3
"#;

#[test]
fn everything_is_read() {
    let manifest = good(FULL);
    let package = manifest.package.as_ref().unwrap();
    assert_eq!(package.name.as_str(), "@org/web-kit");
    assert_eq!(package.version.to_string(), "1.2.3-rc.1");
    assert_eq!(&FULL[package.name_span.clone()], "\"@org/web-kit\"");
    assert_eq!(&FULL[package.version_span.clone()], "\"1.2.3-rc.1\"");
    assert_eq!(
        &FULL[package.license_span.clone().unwrap()],
        "\"MIT OR Apache-2.0\""
    );
    assert!(!package.publish);
    assert_eq!(package.keywords, ["http", "html"]);
    let http = &manifest.dependencies["http"];
    assert_eq!(&FULL[http.span.clone()], "\"^1.2\"");
    assert_eq!(&FULL[http.name_span.clone()], "http");
    let workspace = manifest.workspace.as_ref().unwrap();
    assert_eq!(workspace.members, ["crates/*", "."]);
    assert_eq!(workspace.package.license.as_deref(), Some("MIT"));
    assert_eq!(manifest.registry.scopes["@org"], "local");
    assert!(manifest.registry.signed_only);
    assert_eq!(manifest.registry.roots["local"].root, Digest::of(b"abc"));
    assert_eq!(
        manifest.registry.registries["local"].read,
        "file:///srv/registry"
    );
    let cdn = &manifest.registry.registries["cdn"];
    assert_eq!(cdn.read, "https://cdn.example.org");
    assert_eq!(cdn.publish.as_deref(), Some("s3://bucket/registry"));
    assert_eq!(
        manifest.registry.upstreams,
        Some(vec!["cdn".into(), "local".into()])
    );
    let inner = &manifest.registry.mirrors["inner"];
    assert_eq!(
        (inner.from.as_str(), inner.to.as_str()),
        ("cdn", "s3://copy/x")
    );
    assert_eq!(
        (inner.packages.as_slice(), inner.full),
        (&["@org/*".to_owned(), "http".to_owned()][..], true)
    );
    let whole = &manifest.registry.mirrors["whole"];
    assert!(whole.packages.is_empty() && !whole.full && whole.to == "local");
    assert_eq!(manifest.install.link, Some(LinkMode::Hardlink));
    assert_eq!(manifest.install.import_root.as_deref(), Some("vendor"));
    assert_snapshot!(manifest.requires().join("\n"), @r#"
    @org/json ~2.1 default-features=false features=fast
    [dev] check git=https://example.org/check branch=main
    [feature] default = quick
    [feature] other = cache quick
    [feature] quick = @org/json/slow cache?/fast dep:sub http/tls
    [patch] http path=../http
    cache * optional
    http ^1.2
    inside 1.0.0 registry=local
    local path=../local
    local-too >=1, <3 path=../local-too
    repo git=https://example.org/repo tag=v1
    sub 1 || 2 optional
    "#);
}

#[test]
fn the_guides_snippets_are_good() {
    good(
        "[registry]\ndefault = \"https://registry.lumen.sh\"\n\n[registry.registries]\n# Named alternative registries\nlocal = \"file:///path/to/registry\"\nstaging = \"https://staging.lumen.sh\"\n",
    );
    good("[dependencies]\nmy-lib = { path = \"../my-lib\" }\n");
    good("");
}

#[test]
fn line_ends_marks_and_letters() {
    let crlf = FULL.replace('\n', "\r\n");
    assert_eq!(good(&crlf).requires(), good(FULL).requires());
    let marked = format!("\u{feff}{FULL}");
    assert_eq!(good(&marked).requires(), good(FULL).requires());
    assert_snapshot!(problems("\u{feff}nam = 1\r\n[dependencies]\r\n\tünï = \"1\"\r\n\tx\t=\t\"1.ü\"\r\n"), @r#"
    error: this is not a valid unquoted key, expected letters, numbers, `-`, `_`
      lumen.toml:3:2
      | 	ünï = "1"
      | 	^
      hint: names with other characters stand in quotes: "@scope/name"
    "#);
    good(
        "[package]\nname = \"x\"\nversion = \"1.0.0\"\ndescription = \"日本語 🎉\"\nlicense = \"MIT\"\n",
    );
}

#[test]
fn a_password_is_not_repeated() {
    let parsed = parse(
        "lumen.toml",
        "[registry]\ndefault = \"https://me:secret@example.org\"\n",
    );
    assert!(!plain(&parsed.problems).contains("secret"));
}

const ROOT: &str = r#"[workspace]
members = ["crates/*"]
[workspace.package]
version = "2.0.0"
license = "MIT"
readme = "README.md"
[workspace.dependencies]
http = { version = "^1", features = ["tls"], default-features = false }
util = { path = "libs/util", version = "0.1" }
"#;

#[test]
fn inheritance() {
    let root = good(ROOT);
    let source = r#"[package]
name = "member"
version.workspace = true
license = { workspace = true }
readme.workspace = true
[dependencies]
http = { workspace = true, features = ["h2"], optional = true }
[dev-dependencies]
util.workspace = true
"#;
    let member = good(source);
    assert!(member.needs_workspace());
    assert_snapshot!(plain(&member.without_workspace("lumen.toml", source)), @r#"
    error: `version` is inherited, but no folder above has a workspace with this member
      lumen.toml:3:1
      | version.workspace = true
      | ^^^^^^^
      hint: add it to [workspace] `members`, or give the value here
    error: `license` is inherited, but no folder above has a workspace with this member
      lumen.toml:4:1
      | license = { workspace = true }
      | ^^^^^^^
      hint: add it to [workspace] `members`, or give the value here
    error: `readme` is inherited, but no folder above has a workspace with this member
      lumen.toml:5:1
      | readme.workspace = true
      | ^^^^^^
      hint: add it to [workspace] `members`, or give the value here
    error: `http` is inherited, but no folder above has a workspace with this member
      lumen.toml:7:1
      | http = { workspace = true, features = ["h2"], optional = true }
      | ^^^^
      hint: add it to [workspace] `members`, or give the value here
    error: `util` is inherited, but no folder above has a workspace with this member
      lumen.toml:9:1
      | util.workspace = true
      | ^^^^
      hint: add it to [workspace] `members`, or give the value here
    "#);
    let mut member = member.with_workspace(&root, "lumen.toml", source).unwrap();
    assert!(!member.needs_workspace());
    assert_eq!(
        member.requires(),
        [
            "[dev] util 0.1 path=libs/util",
            "http ^1 optional default-features=false features=h2,tls",
        ]
    );
    member.rebase_inherited("crates/member");
    assert_eq!(
        member.dev_dependencies["util"].canonical(&PackageName::parse("util").unwrap()),
        "util 0.1 path=../../libs/util"
    );
    let package = member.package.unwrap();
    assert_eq!(package.version, Version::new(2, 0, 0));
    assert_eq!(package.license.as_deref(), Some("MIT"));
    assert_eq!(package.readme.as_deref(), Some("../../README.md"));
}

#[test]
fn inheritance_of_what_is_not_there() {
    let root = good(ROOT);
    let source = "[package]\nname = \"m\"\nversion.workspace = true\nauthors.workspace = true\n[dependencies]\nhtp = { workspace = true }\nelse.workspace = true\n";
    let errors = good(source)
        .with_workspace(&root, "crates/m/lumen.toml", source)
        .unwrap_err();
    assert_snapshot!(plain(&errors), @r#"
    error: the workspace's root has no `authors` to inherit
      crates/m/lumen.toml:4:1
      | authors.workspace = true
      | ^^^^^^^
      hint: add it to [workspace.package] there
    error: the workspace's root has no dependency `htp` to inherit
      crates/m/lumen.toml:6:1
      | htp = { workspace = true }
      | ^^^
      hint: did you mean `http`?
    error: the workspace's root has no dependency `else` to inherit
      crates/m/lumen.toml:7:1
      | else.workspace = true
      | ^^^^
      hint: add it to [workspace.dependencies] there
    "#);
}

#[test]
fn hostile_sizes() {
    let repeat = |line: fn(usize) -> String| (0..40_000).map(line).collect::<String>();
    let long = "x".repeat(MAX_MANIFEST_BYTES / 4);
    for source in [
        format!("[package]\n{}", repeat(|n| format!("k{n} = 1\n"))),
        format!("[dependencies]\n{}", repeat(|n| format!("k{n} = 1.0\n"))),
        format!("[features]\na = [{}]\n", repeat(|n| format!("\"k{n}\",\n"))),
        format!("[features]\n{}", repeat(|n| format!("k{n} = [\"l{n}\"]\n"))),
        format!("[features]\n{long} = [\"{long}x\"]\n[package]\nname = \"{long}\"\n"),
        format!("[dependencies]\nx = \"{long}\"\n\"{long}\\n\" = \"1\"\n"),
        format!("x = {}", "[".repeat(100_000)),
        format!("[{}]", "a.".repeat(100_000)),
    ] {
        let problems = parse("lumen.toml", &source).problems;
        assert!((1..=201).contains(&problems.len()));
        assert!(problems.iter().all(|problem| problem.what.len() < 600));
    }
    // However many warnings come first, an error is among them.
    let warnings = repeat(|n| format!("k{n} = 1\n"));
    assert!(problems(&format!("[package]\n{warnings}")).contains("error: "));
}

#[test]
fn rebasing() {
    for (path, member, expected) in [
        ("libs/a", "crates/b", "../../libs/a"),
        ("crates/a", "crates/b", "../a"),
        ("./crates/b/sub/", "crates/b", "sub"),
        ("crates/b", "crates/b", "."),
        ("../out", "m", "../../out"),
        ("a/../b", ".", "b"),
        (".", "x/y", "../.."),
        ("b", "", "b"),
    ] {
        assert_eq!(rebase(path, member), expected, "{path} {member}");
    }
}

#[test]
fn requirements() {
    let manifest = good(FULL);
    let requirement = |name: &str| {
        let (name, dependency) = manifest.dependencies.get_key_value(name).unwrap();
        dependency.requirement(name).unwrap()
    };
    assert_eq!(requirement("http").constraint.as_str(), "^1.2");
    assert!(requirement("local").constraint.is_any());
    assert!(requirement("sub").optional);
    assert!(!requirement("@org/json").default_features);
    assert_eq!(requirement("@org/json").features, ["fast"]);
}

#[test]
fn effects() {
    let feature = |name, feature, weak| Effect::DependencyFeature {
        name,
        feature,
        weak,
    };
    for (text, effect) in [
        ("a", Effect::Feature("a")),
        ("dep:@o/x", Effect::Dependency("@o/x")),
        ("x/f", feature("x", "f", false)),
        ("@o/x?/f", feature("@o/x", "f", true)),
        ("@o/x", Effect::Feature("@o/x")),
        ("@", Effect::Feature("@")),
        ("", Effect::Feature("")),
        ("/", feature("", "", false)),
    ] {
        assert_eq!(Effect::of(text), effect, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn anything_can_be_parsed(source in any::<String>()) {
        problems(&source);
    }

    #[test]
    fn anything_like_toml_can_be_parsed(
        lines in proptest::collection::vec(
            "(\\[{1,2}[a-z.\"@/-]{0,12}\\]{1,2}|[a-z\".@-]{1,12} ?= ?[\\[{\"'0-9a-z.=,^@/:}\\]é\\\\]{0,16})?",
            0..12,
        ),
    ) {
        problems(&lines.join("\n"));
    }

    #[test]
    fn a_manifest_with_a_slip_can_be_parsed(
        at in 0..FULL.len(),
        length in 0usize..40,
        with in "[\\[\\]{}\"'=.,#a-z0-9 \n\r\té@/-]{0,3}",
    ) {
        let end = (at + length).min(FULL.len());
        problems(&format!("{}{with}{}", &FULL[..at], &FULL[end..]));
    }

    #[test]
    fn rebasing_keeps_the_place(
        path in "([a-c]|\\.\\.)(/[a-c]){0,3}",
        member in "[a-c](/[a-c]){0,3}",
    ) {
        // Going back to the root by way of the member's folder must give the same place.
        let there_and_back = rebase(&format!("{member}/{}", rebase(&path, &member)), "");
        prop_assert_eq!(there_and_back, rebase(&path, ""));
    }
}
