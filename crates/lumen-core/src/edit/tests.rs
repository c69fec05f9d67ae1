//! Edits of every form a manifest can have; long because the forms are many.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use proptest::{collection, prelude::*, sample};

use super::*;
use crate::{
    manifest::{self, Manifest},
    problem::plain,
};

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn constraint(text: &str) -> Constraint {
    text.parse().unwrap()
}

fn registry(text: &str) -> NewDependency {
    NewDependency::registry(constraint(text))
}

fn parsed(source: &str) -> Manifest {
    let parsed = manifest::parse("lumen.toml", source);
    parsed
        .manifest
        .unwrap_or_else(|| panic!("{source}\n{}", plain(&parsed.problems)))
}

fn add(source: &str, new: &str) -> String {
    let table = DependencyTable::Normal;
    let text = add_dependency(source, table, &name(new), &registry("^2")).unwrap();
    assert_eq!(
        parsed(&text).dependencies[new].constraint(),
        Some(&constraint("^2")),
        "{text}"
    );
    text
}

#[test]
fn added_where_it_belongs() {
    for (source, new, expected) in [
        // No table, or an empty one.
        ("", "x", "[dependencies]\nx = \"^2\"\n"),
        ("\u{feff}", "x", "\u{feff}[dependencies]\nx = \"^2\"\n"),
        (
            "[package]\nname = \"a\"\nversion = \"1.0.0\"",
            "x",
            "[package]\nname = \"a\"\nversion = \"1.0.0\"\n\n[dependencies]\nx = \"^2\"\n",
        ),
        (
            "[dependencies]\n\n[features]\n",
            "@o/x",
            "[dependencies]\n\"@o/x\" = \"^2\"\n\n[features]\n",
        ),
        ("[dependencies]", "x", "[dependencies]\nx = \"^2\""),
        // Sorted stays sorted, comments stay with their lines.
        (
            "[dependencies]\na = \"1\" # a\n# about z\nz = \"1\"\n",
            "x",
            "[dependencies]\na = \"1\" # a\nx = \"^2\"\n# about z\nz = \"1\"\n",
        ),
        (
            "[dependencies]\n# about b\nb = \"1\"\n",
            "a",
            "[dependencies]\na = \"^2\"\n# about b\nb = \"1\"\n",
        ),
        // Unsorted grows at the end.
        (
            "[dependencies]\nz = \"1\"\nb = \"1\"\n\n# next\n[features]\n",
            "c",
            "[dependencies]\nz = \"1\"\nb = \"1\"\nc = \"^2\"\n\n# next\n[features]\n",
        ),
        // Line ends, tabs and a value of many lines.
        (
            "[dependencies]\r\n\ta = { version = \"1\", features = [\r\n\t\"q\",\r\n] }\r\n",
            "b",
            "[dependencies]\r\n\ta = { version = \"1\", features = [\r\n\t\"q\",\r\n] }\r\nb = \"^2\"\r\n",
        ),
        // Dotted keys, sub-tables and inline tables.
        (
            "[dependencies]\na.version = \"1\"\na.optional = true\nc.version = \"1\"\n",
            "b",
            "[dependencies]\na.version = \"1\"\na.optional = true\nb = \"^2\"\nc.version = \"1\"\n",
        ),
        (
            "dependencies.a = \"1\"\n[build]\n",
            "b",
            "dependencies.a = \"1\"\ndependencies.b = \"^2\"\n[build]\n",
        ),
        (
            "# top\n\n# about a\n[dependencies.a]\nversion = \"1\"\n",
            "b",
            "# top\n\n[dependencies]\nb = \"^2\"\n\n# about a\n[dependencies.a]\nversion = \"1\"\n",
        ),
        (
            "[dependencies.a]\nversion = \"1\"\n[dependencies]\nc = \"1\"\n",
            "b",
            "[dependencies.a]\nversion = \"1\"\n[dependencies]\nb = \"^2\"\nc = \"1\"\n",
        ),
        (
            "dependencies = {}\n",
            "b",
            "dependencies = { b = \"^2\" }\n",
        ),
        (
            "dependencies = { a = \"1\" }\n",
            "b",
            "dependencies = { a = \"1\", b = \"^2\" }\n",
        ),
        // There already: only the value changes.
        (
            "[dependencies]\nb =   '1'   # why\n",
            "b",
            "[dependencies]\nb =   \"^2\"   # why\n",
        ),
        (
            "[dependencies]\nb.version = \"1\" # why\nc = \"1\"\nb.optional = true\n",
            "b",
            "[dependencies]\nb.version = \"^2\" # why\nc = \"1\"\nb.optional = true\n",
        ),
        (
            "[dependencies.b] # long\nversion = \"1\" # why\n\n[features]\n",
            "b",
            "[dependencies.b] # long\nversion = \"^2\" # why\n\n[features]\n",
        ),
        (
            "dependencies = { b.version = \"1\", a = \"1\", b.optional = true }\n",
            "b",
            "dependencies = { b.version = \"^2\", a = \"1\", b.optional = true }\n",
        ),
        (
            "[dependencies]\nb = { path = \"../b\", version = \"^1\" }\n",
            "b",
            "[dependencies]\nb = { path = \"../b\", version = \"^2\" }\n",
        ),
        (
            "[dependencies]\nb.workspace = true\n",
            "b",
            "[dependencies]\nb.version = \"^2\"\n",
        ),
    ] {
        assert_eq!(add(source, new), expected, "{source}");
    }
}

#[test]
fn forms_of_a_new_dependency() {
    let git = |reference| DependencySource::Git {
        url: "https://example.org/x".into(),
        reference,
        constraint: None,
    };
    let from = |source| NewDependency {
        source,
        ..registry("1")
    };
    let mut all = registry(">=1, <3");
    all.optional = true;
    all.default_features = false;
    all.features = vec!["a".into(), "quo\"te".into()];
    for (dependency, expected) in [
        (
            all,
            r#"{ version = ">=1, <3", default-features = false, features = ["a", 'quo"te'], optional = true }"#,
        ),
        (
            from(DependencySource::Registry {
                constraint: constraint("1"),
                registry: Some("local".into()),
            }),
            r#"{ version = "1", registry = "local" }"#,
        ),
        (
            from(DependencySource::Path {
                path: "../x".into(),
                constraint: Some(constraint("^1")),
            }),
            r#"{ path = "../x", version = "^1" }"#,
        ),
        (
            from(git(GitReference::Default)),
            r#"{ git = "https://example.org/x" }"#,
        ),
        (
            from(git(GitReference::Rev("abc".into()))),
            r#"{ git = "https://example.org/x", rev = "abc" }"#,
        ),
        (from(DependencySource::Workspace), "{ workspace = true }"),
    ] {
        let text = add_dependency("", DependencyTable::Dev, &name("x"), &dependency).unwrap();
        assert_eq!(text, format!("[dev-dependencies]\nx = {expected}\n"));
    }
}

fn removed(source: &str) -> String {
    let removed = remove_dependency(source, &name("b")).unwrap();
    let manifest = parsed(&removed.source);
    assert!(!manifest.dependencies.contains_key("b"), "{source}");
    assert!(!manifest.dev_dependencies.contains_key("b"), "{source}");
    removed.source
}

#[test]
fn removed_in_every_form() {
    for (source, expected) in [
        ("[dependencies]\nb = \"1\"\n", "[dependencies]\n"),
        ("[dependencies]\nb = \"1\"", "[dependencies]\n"),
        (
            "[dependencies]\r\na = \"1\" # a\r\nb = \"1\" # b\r\nc = \"1\"\r\n",
            "[dependencies]\r\na = \"1\" # a\r\nc = \"1\"\r\n",
        ),
        // A comment goes only if it can be about nothing else.
        (
            "[dependencies]\n# about b\nb = \"1\"\n# about c\nc = \"1\"\n",
            "[dependencies]\n# about c\nc = \"1\"\n",
        ),
        (
            "[dependencies]\n# about both\nb = \"1\"\nc = \"1\"\n",
            "[dependencies]\n# about both\nc = \"1\"\n",
        ),
        (
            "[dependencies]\n# a heading\n\nb = \"1\"\n",
            "[dependencies]\n# a heading\n\n",
        ),
        // Dotted keys.
        (
            "[dependencies]\nb.version = \"1\"\na = \"1\"\nb.features = [\n  \"x\",\n]\n",
            "[dependencies]\na = \"1\"\n",
        ),
        ("dependencies.b.version = \"1\"\nx = 1\n", "x = 1\n"),
        // Sub-tables.
        (
            "# the file\n[dependencies.b]\nversion = \"1\"\n# off\n\n# next\n[features]\n",
            "# the file\n# next\n[features]\n",
        ),
        (
            "[package]\nname = \"p\"\nversion = \"1.0.0\"\n\n# about b\n[dependencies.b]\nversion = \"1\"\n",
            "[package]\nname = \"p\"\nversion = \"1.0.0\"\n",
        ),
        (
            "[features]\n\n[dependencies.b]\nversion = \"1\"\n\n# ---- later ----\n\n[build]\n",
            "[features]\n\n# ---- later ----\n\n[build]\n",
        ),
        // Inline tables.
        (
            "dependencies = { a = \"1\", b = \"1\", c = \"1\" }\n",
            "dependencies = { a = \"1\", c = \"1\" }\n",
        ),
        (
            "dependencies = { a = \"1\", b = { path = \"x\" } } # end\n",
            "dependencies = { a = \"1\" } # end\n",
        ),
        ("dependencies = { b = \"1\" }\n", "dependencies = {}\n"),
        (
            "dependencies = { b.version = \"1\", a = \"1\", b.optional = true }\n",
            "dependencies = { a = \"1\" }\n",
        ),
        // From all tables.
        (
            "[dependencies]\nb = \"1\"\n[dev-dependencies]\nb = \"1\"\n",
            "[dependencies]\n[dev-dependencies]\n",
        ),
    ] {
        assert_eq!(removed(source), expected, "{source}");
    }
    assert_eq!(
        remove_dependency("[dependencies]\na = \"1\"\n", &name("b")),
        Err(EditError::NoDependency(name("b")))
    );
}

#[test]
fn features_forget_what_is_removed() {
    let source = r#"[dependencies]
b = { version = "1", optional = true }
bb = { version = "1", optional = true }

[features]
default = ["b", "bb"]
one = ["dep:b"]
two = [
    "bb/x", # stays
    "b/x",  # goes
    "b?/y",
    # about the last one
    "one",
]
three = ["one", "dep:b", ]
"#;
    // With a `dep:`, `b` itself is no feature: the manifest would be refused before.
    let source = source.replace("\"b\", ", "");
    parsed(&source);
    assert_snapshot!(removed(&source), @r#"
    [dependencies]
    bb = { version = "1", optional = true }

    [features]
    default = ["bb"]
    one = []
    two = [
        "bb/x", # stays
        # about the last one
        "one",
    ]
    three = ["one", ]
    "#);
    let implied = "[dependencies]\nb = { version = \"1\", optional = true }\n[features]\nx = [\"b\", \"y\"]\ny = []\n";
    assert_eq!(
        removed(implied),
        "[dependencies]\n[features]\nx = [\"y\"]\ny = []\n"
    );
    // A feature of the same name stays what it is.
    let named = "[dependencies]\nb = { version = \"1\", optional = true }\n[features]\nx = [\"b\"]\nb = [\"dep:b\"]\n";
    assert_eq!(
        removed(named),
        "[dependencies]\n[features]\nx = [\"b\"]\nb = []\n"
    );
}

#[test]
fn constraints_change_in_every_form() {
    for (source, expected) in [
        (
            "[dependencies]\nb = '1' # why\n",
            "[dependencies]\nb = \"^2\" # why\n",
        ),
        (
            "[dependencies]\nb = { optional = true, version=\"1\" }\r\n",
            "[dependencies]\nb = { optional = true, version=\"^2\" }\r\n",
        ),
        (
            "[dev-dependencies.b]\nversion = \"1\"\n",
            "[dev-dependencies.b]\nversion = \"^2\"\n",
        ),
        (
            "[dependencies]\nb.workspace = true\n[workspace.dependencies]\nb.version = \"1\"\n",
            "[dependencies]\nb.workspace = true\n[workspace.dependencies]\nb.version = \"^2\"\n",
        ),
    ] {
        assert_eq!(
            set_constraint(source, &name("b"), &constraint("^2")).as_deref(),
            Ok(expected)
        );
    }
    let path = "[dependencies]\nb = { path = \"b\" }\n";
    assert_eq!(
        set_constraint(path, &name("b"), &constraint("^2")),
        Err(EditError::NoConstraint(name("b")))
    );
    assert_eq!(
        set_constraint(path, &name("c"), &constraint("^2")),
        Err(EditError::NoDependency(name("c")))
    );
}

#[test]
fn versions_change() {
    let set = |source| set_version(source, &Version::new(2, 0, 0));
    assert_eq!(
        set("[package]\nname = \"x\"\nversion = \"1.0.0\" # now\n").as_deref(),
        Ok("[package]\nname = \"x\"\nversion = \"2.0.0\" # now\n")
    );
    assert_eq!(
        set("package = { name = \"x\" }\n").as_deref(),
        Ok("package = { name = \"x\", version = \"2.0.0\" }\n")
    );
    assert_eq!(set("[features]\n"), Err(EditError::NoPackage));
    assert_eq!(
        set("[package]\nversion.workspace = true\n"),
        Err(EditError::Inherited("version"))
    );
}

#[test]
fn malformed_files_are_refused() {
    for source in [
        "[dependencies\n",
        "dependencies = 1\n",
        "[[dependencies]]\na = \"1\"\n",
    ] {
        let table = DependencyTable::Normal;
        let result = add_dependency(source, table, &name("b"), &registry("1"));
        assert!(matches!(result, Err(EditError::Malformed(_))), "{source}");
    }
}

#[test]
fn published_form() {
    let root = parsed(
        r#"[workspace]
[workspace.package]
version = "2.0.0"
license = "MIT"
keywords = ["a", "b"]
readme = "README.md"
[workspace.dependencies]
http = { version = "^1", features = ["tls"], default-features = false }
util = { path = "libs/util", version = "0.1" }
tool = { path = "libs/tool" }
"#,
    );
    let source = r#"# A member.
[package]
name = "member"
version.workspace = true      # from the root
license = { workspace = true }
readme.workspace = true
description = "stays"

[package.keywords]
workspace = true

# Needed.
[dependencies]
http = { workspace = true, optional = true }
json = "^1.2" # plain
local = { path = "../local", version = "0.3" }
other = { version = "1", registry = "elsewhere" }
repo = { git = "https://example.org/repo", tag = "v1", version = "1.0.0" }
util.workspace = true

[dependencies.sub]
path = "../sub"
version = "^3"
features = ["x"]

[dev-dependencies]
check = { path = "../check" }
tool.workspace = true
test = { path = "../test", version = "1" }

[features]
default = ["dep:http"]

[patch]
json = { path = "../json" }

[registry]
default = "https://registry.example.org"
[registry.registries]
elsewhere = "https://elsewhere.example.org"

[install]
link = "copy"

[build]
opt = 3
"#;
    let manifest = parsed(source)
        .with_workspace(&root, "lumen.toml", source)
        .unwrap();
    let published = for_publish(source, &manifest).unwrap();
    assert_snapshot!(published, @r#"
    # A member.
    [package]
    name = "member"
    version = "2.0.0"      # from the root
    license = "MIT"
    description = "stays"
    keywords = ["a", "b"]

    # Needed.
    [dependencies]
    http = { version = "^1", default-features = false, features = ["tls"], optional = true }
    json = "^1.2" # plain
    local = { version = "0.3" }
    other = { version = "1" }
    repo = { version = "1.0.0" }
    util = "0.1"

    [dependencies.sub]
    version = "^3"
    features = ["x"]

    [dev-dependencies]
    test = { version = "1" }

    [features]
    default = ["dep:http"]

    [build]
    opt = 3
    "#);
    let again = parsed(&published);
    assert_eq!(for_publish(&published, &again).as_deref(), Ok(&*published));
    // For everyone else the package means the same as here.
    let requirements = |manifest: &Manifest| {
        let of = |(name, dependency): (&PackageName, &manifest::Dependency)| {
            dependency.requirement(name).unwrap()
        };
        manifest.dependencies.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(requirements(&again), requirements(&manifest));
    assert_eq!(again.features, manifest.features);
}

#[test]
fn nothing_to_change_for_publishing() {
    let source = "\u{feff}# x\r\n[package]\r\nname = 'p'\r\nversion='1.0.0'\r\n[dependencies]\r\na = { version = '1' }\r\n[build]";
    assert_eq!(for_publish(source, &parsed(source)).as_deref(), Ok(source));
}

#[test]
fn publishing_needs_versions() {
    for source in [
        "[dependencies]\nb = { path = \"../b\" }\n",
        "[dependencies]\nb.git = \"https://example.org/b\"\n",
    ] {
        assert_eq!(
            for_publish(source, &parsed(source)),
            Err(EditError::NoVersion(name("b")))
        );
    }
    for (source, key) in [
        ("[dependencies]\nb.workspace = true\n", "b"),
        (
            "[package]\nname = \"p\"\nversion.workspace = true\n",
            "version",
        ),
    ] {
        assert_eq!(
            for_publish(source, &parsed(source)),
            Err(EditError::Unresolved(key.into()))
        );
    }
}

#[test]
fn a_new_manifest() {
    let text = new_manifest(&name("@org/web-kit"), &Version::new(0, 1, 0));
    let problems = manifest::parse("lumen.toml", &text).problems;
    assert_eq!(plain(&problems), "");
    assert_snapshot!(text, @r#"
    [package]
    name = "@org/web-kit"
    version = "0.1.0"
    # description = "One line that people find it by"
    # license = "MIT"

    # `lumen pkg add <name>` writes here what the package needs.
    [dependencies]
    "#);
    assert_eq!(removed(&add(&text, "b")), text);
}

/// Lines of a manifest in forms that people use, with what the parser shall find.
fn any_manifest() -> impl Strategy<Value = String> {
    let entry = |name: String| {
        prop_oneof![
            Just(format!("{name} = \"1\"")),
            Just(format!("  {name} = {{ version = '1' }} # why")),
            Just(format!(
                "{name}.version = \"1\"\n# odd\n{name}.optional = true"
            )),
            Just(format!(
                "{name} = {{ version = \"1\", features = [\n  \"q\", # q\n] }}"
            )),
            Just(format!("\n# about {name}\n{name}=\"1\"\n")),
        ]
    };
    let sub_table = |name: String| format!("# sub\n[dependencies.{name}]\nversion = \"1\"\n");
    let names = sample::subsequence(vec!["a", "c", "d", "e", "f"], 0..5).prop_shuffle();
    (names, any::<bool>(), any::<bool>(), 0usize..5)
        .prop_flat_map(move |(names, has_header, is_crlf, subs)| {
            let subs = subs.min(names.len());
            let (subs, plain) = names.split_at(if has_header { subs } else { names.len() });
            let subs: Vec<String> = subs.iter().map(|name| sub_table((*name).into())).collect();
            let plain: Vec<_> = plain.iter().map(|name| entry((*name).into())).collect();
            (Just(subs), plain, Just(has_header), Just(is_crlf))
        })
        .prop_map(|(subs, plain, has_header, is_crlf)| {
            let mut text = "# top\n[package]\nname = \"p\"\nversion = \"1.0.0\"\n\n".to_owned();
            if has_header {
                text += &format!("[dependencies]\n{}\n\n", plain.join("\n"));
            }
            text += &subs.join("\n");
            text += "\n[build] # theirs\nx = \"\"\"\n# no comment\n[dependencies]\n\"\"\"\n";
            match is_crlf {
                true => text.replace('\n', "\r\n"),
                false => text,
            }
        })
}

/// Settings that the change does not name stay, in every form; a new source replaces the old one.
#[test]
fn added_again() {
    let all = NewDependency {
        features: vec!["fast".into(), "q".into()],
        optional: true,
        default_features: false,
        ..registry("^2")
    };
    let git = NewDependency {
        source: DependencySource::Git {
            url: "https://example.org/b".into(),
            reference: GitReference::Tag("v1".into()),
            constraint: None,
        },
        ..registry("^2")
    };
    for (source, dependency, expected) in [
        (
            "[dependencies.b]\nversion = \"1\"\nfeatures = [\n  # few\n  \"q\", # why\n]\n",
            &all,
            "[dependencies.b]\nversion = \"^2\"\nfeatures = [\n  # few\n  \"q\", \"fast\", # why\n]\ndefault-features = false\noptional = true\n",
        ),
        (
            "[dependencies]\nb = { version = \"1\", default-features = false }\n",
            &all,
            "[dependencies]\nb = { version = \"^2\", default-features = false, features = [\"fast\", \"q\"], optional = true }\n",
        ),
        (
            "[dependencies]\nb = { path = \"../b\", version = \"^1\", features = [\"q\"] }\n",
            &git,
            "[dependencies]\nb = { version = \"^1\", features = [\"q\"], git = \"https://example.org/b\", tag = \"v1\" }\n",
        ),
        (
            "[dependencies]\nb = { git = \"https://example.org/b\", branch = \"x\" }\n",
            &git,
            "[dependencies]\nb = { git = \"https://example.org/b\", tag = \"v1\" }\n",
        ),
    ] {
        let table = DependencyTable::Normal;
        let text = add_dependency(source, table, &name("b"), dependency).unwrap();
        assert_eq!(text, expected, "{source}");
        assert_eq!(
            add_dependency(&text, table, &name("b"), dependency),
            Ok(text.clone())
        );
        parsed(&text);
    }
}

proptest! {
    #[test]
    fn adding_changes_nothing_else(source in any_manifest(), new in sample::select(vec!["a0", "b", "zz", "@o/b"])) {
        let before = parsed(&source);
        let text = add(&source, new);
        let mut left = text.lines();
        prop_assert!(source.lines().all(|line| left.any(|other| other == line)), "{}", text);
        let mut after = parsed(&text);
        after.dependencies.remove(new);
        prop_assert_eq!(texts(&after), texts(&before));
        prop_assert_eq!(text.contains("\r\n"), source.contains("\r\n"));
        prop_assert_eq!(text.matches('\n').count() == text.matches("\r\n").count(), source.contains("\r\n"));
    }

    #[test]
    fn removing_removes_one(source in any_manifest(), old in sample::select(vec!["a", "c", "d"])) {
        let mut before = parsed(&source);
        match remove_dependency(&source, &name(old)) {
            Ok(removed) => {
                before.dependencies.remove(old);
                prop_assert_eq!(texts(&parsed(&removed.source)), texts(&before));
            }
            Err(_) => prop_assert!(!before.dependencies.contains_key(old)),
        }
    }

    #[test]
    fn adding_and_removing_gives_the_same_text(
        names in collection::btree_set("x?[ac-z]{1,2}", 0..6),
        is_crlf in any::<bool>(),
    ) {
        let mut source = "[package]\nname = \"itself\"\nversion = \"1.0.0\"\n\n[dependencies]\n".to_owned();
        for name in names {
            source += &format!("{name} = \"^1\" # {name}\n");
        }
        source += "\n[features]\n";
        if is_crlf {
            source = source.replace('\n', "\r\n");
        }
        prop_assert_eq!(removed(&add(&source, "b")), source);
    }

    #[test]
    fn replacing_keeps_the_rest(source in any_manifest(), old in sample::select(vec!["a", "c", "d"])) {
        let mut before = parsed(&source);
        let text = add(&source, old);
        let mut after = parsed(&text);
        let new = after.dependencies.remove(old).unwrap();
        if let Some(old) = before.dependencies.remove(old) {
            prop_assert_eq!(&new.features, &old.features);
            prop_assert_eq!(new.optional, old.optional);
            prop_assert_eq!(text.matches('#').count(), source.matches('#').count());
        }
        prop_assert_eq!(texts(&after), texts(&before));
    }

    #[test]
    fn any_text_is_changed_or_refused(
        at in 0..manifest::tests::FULL.len(),
        length in 0usize..40,
        with in "[\\[\\]{}\"'=.,#a-z0-9 \n\r\té@/-]{0,3}",
    ) {
        let full = manifest::tests::FULL;
        let end = (at + length).min(full.len());
        let source = format!("{}{with}{}", &full[..at], &full[end..]);
        let table = DependencyTable::Normal;
        for new in ["http", "inside", "sub", "zz"] {
            if let Ok(text) = add_dependency(&source, table, &name(new), &registry("^2")) {
                prop_assert!(remove_dependency(&text, &name(new)).is_ok(), "{}", text);
            }
            let _ = remove_dependency(&source, &name(new));
            let _ = set_constraint(&source, &name(new), &constraint("^2"));
        }
        if let Some(manifest) = manifest::parse("lumen.toml", &source).manifest
            && let Ok(published) = for_publish(&source, &manifest)
        {
            prop_assert!(for_publish(&published, &parsed(&published)) == Ok(published));
        }
    }
}

/// What a manifest says, without places.
fn texts(manifest: &Manifest) -> BTreeMap<String, String> {
    manifest
        .dependencies
        .iter()
        .map(|(name, dependency)| (name.to_string(), dependency.canonical(name)))
        .collect()
}
