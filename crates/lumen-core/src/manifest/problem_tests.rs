//! Snapshots of every kind of message; long because messages are.

use insta::assert_snapshot;

use super::tests::problems;
use crate::limits::MAX_MANIFEST_BYTES;

#[test]
fn syntax_errors_are_one_problem() {
    assert_snapshot!(problems("[package]\nname = \n"), @r#"
    error: a value is missing
      lumen.toml:2:8
      | name = 
      |        ^
    "#);
    assert_snapshot!(problems("[package\nname = \"x\"\n"), @r#"
    error: unclosed table, expected `]`
      lumen.toml:1:9
      | [package
      |         ^
    "#);
    assert_snapshot!(problems("a = 1\na = 2\n"), @r#"
    error: `a` is defined twice
      lumen.toml:2:1
      | a = 2
      | ^
      hint: keep one of them
    "#);
    assert_snapshot!(problems("[package]\nname = \"x\n"), @r#"
    error: this is not a valid basic string, expected `"`
      lumen.toml:2:10
      | name = "x
      |          ^
    "#);
    assert_snapshot!(problems("[a]\n[a]\n"), @r#"
    error: `a` is defined twice
      lumen.toml:2:2
      | [a]
      |  ^
      hint: keep one of them
    "#);
    assert_snapshot!(problems("x = 01\n"), @r#"
    error: unexpected leading zero
      lumen.toml:1:5
      | x = 01
      |     ^
    "#);
    assert_snapshot!(problems("[dependencies]\nmy lib = \"1\"\n"), @r#"
    error: key with no value, expected `=`
      lumen.toml:2:4
      | my lib = "1"
      |    ^
    "#);
    assert_snapshot!(problems("[dependencies]\n@org/x = \"1\"\n"), @r#"
    error: this is not a valid unquoted key, expected letters, numbers, `-`, `_`
      lumen.toml:2:1
      | @org/x = "1"
      | ^
      hint: names with other characters stand in quotes: "@scope/name"
    "#);
    assert_snapshot!(problems("[dependencies]\n<<<<<<< HEAD\na = \"1\"\n=======\na = \"2\"\n>>>>>>> other\n"), @r#"
    error: the file has the markers of a merge conflict
      lumen.toml:2:1
      | <<<<<<< HEAD
      | ^^^^^^^^^^^^
      hint: keep the lines you want and delete the markers
    "#);
    assert_snapshot!(problems(&format!("#{}", "x".repeat(MAX_MANIFEST_BYTES))), @"error: `lumen.toml` has 1048577 bytes; the limit `MAX_MANIFEST_BYTES` is 1 MiB");
}

#[test]
fn package_problems() {
    assert_snapshot!(problems("[package]\n"), @r#"
    error: [package] has no `name`
      lumen.toml:1:2
      | [package]
      |  ^^^^^^^
    error: [package] has no `version`
      lumen.toml:1:2
      | [package]
      |  ^^^^^^^
      hint: start with `version = "0.1.0"`
    "#);
    assert_snapshot!(problems("[package]\nname = \"My Utils\"\nversion = 1.0\nlicense = \"Apache 2.0\"\nauthors = \"me\"\nkeywords = [\"a\", 1]\npublish = \"false\"\nhomepage = \"example.org\"\nreadme = \"/etc/passwd\"\n"), @r#"
    error: `M` is not allowed in a package name; use lower-case letters, digits, `-`, `_` and `.`
      lumen.toml:2:9
      | name = "My Utils"
      |         ^
      hint: `my-utils` would do
    error: `version` must be a string, not a number
      lumen.toml:3:11
      | version = 1.0
      |           ^^^
      hint: write it in quotes: "1.0"
    warning: `Apache 2.0` is not an SPDX license expression: unknown term
      lumen.toml:4:12
      | license = "Apache 2.0"
      |            ^^^^^^
      hint: did you mean `Apache-2.0`?
    error: `authors` must be an array of strings, not a string
      lumen.toml:5:11
      | authors = "me"
      |           ^^^^
      hint: write it in brackets: ["me"]
    error: `keywords` must hold strings, not an integer
      lumen.toml:6:18
      | keywords = ["a", 1]
      |                  ^
    error: `publish` must be `true` or `false`, not a string
      lumen.toml:7:11
      | publish = "false"
      |           ^^^^^^^
      hint: leave out the quotes: false
    warning: `homepage` is not an http or https URL
      lumen.toml:8:12
      | homepage = "example.org"
      |            ^^^^^^^^^^^^^
      hint: people follow it from the registry's pages
    error: the path must be relative
      lumen.toml:9:11
      | readme = "/etc/passwd"
      |           ^^^^^^^^^^^
      hint: the manifest and the lock must mean the same on every machine
    "#);
    assert_snapshot!(problems("[package]\nname = \"@org/con\"\nversion = \"v1.2\"\nlicense = \"MIT AND Foo\"\nverison = \"1\"\nzzz = 1\n"), @r#"
    error: `con` is a device name on Windows and cannot be a folder there
      lumen.toml:2:14
      | name = "@org/con"
      |              ^^^
    error: `v1.2` is not a version: unexpected character 'v' while parsing major version number
      lumen.toml:3:11
      | version = "v1.2"
      |           ^^^^^^
      hint: write `1.2.0`
    warning: `MIT AND Foo` is not an SPDX license expression: unknown term
      lumen.toml:4:20
      | license = "MIT AND Foo"
      |                    ^^^
      hint: use an identifier of https://spdx.org/licenses, or `LicenseRef-<name>`
    warning: unknown key `verison` in [package]
      lumen.toml:5:1
      | verison = "1"
      | ^^^^^^^
      hint: did you mean `version`?
    warning: unknown key `zzz` in [package]
      lumen.toml:6:1
      | zzz = 1
      | ^^^
      hint: it is ignored
    "#);
    assert_snapshot!(problems("package = 1\n"), @r#"
    error: [package] must be a table, not an integer
      lumen.toml:1:11
      | package = 1
      |           ^
    "#);
    assert_snapshot!(problems("[[package]]\nname = \"x\"\n"), @r#"
    error: [package] must be a table, not an array of tables
      lumen.toml:1:3
      | [[package]]
      |   ^^^^^^^
    "#);
    assert_snapshot!(problems("[package]\nname = \"\"\nversion = \"latest\"\n"), @r#"
    error: a package name cannot be empty
      lumen.toml:2:9
      | name = ""
      |         ^
    error: `latest` is not a version: unexpected character 'l' while parsing major version number
      lumen.toml:3:11
      | version = "latest"
      |           ^^^^^^^^
      hint: a version has three numbers: `1.2.3`, `1.2.3-rc.1`
    "#);
    assert_snapshot!(problems("[package]\nname.workspace = true\nversion.workspace = false\nlicense = { workspase = true }\ndescription = { workspace = true, more = 1 }\n"), @r#"
    error: `name` must be a string, not a table
      lumen.toml:2:1
      | name.workspace = true
      | ^^^^
    error: `workspace` can only be `true`
      lumen.toml:3:21
      | version.workspace = false
      |                     ^^^^^
      hint: leave it out to give a value here
    error: `license` cannot be a table
      lumen.toml:4:11
      | license = { workspase = true }
      |           ^^^^^^^^^^^^^^^^^^^^
      hint: to inherit it, write `license.workspace = true`
    warning: unknown key `workspase` in `license`
      lumen.toml:4:13
      | license = { workspase = true }
      |             ^^^^^^^^^
      hint: did you mean `workspace`?
    warning: unknown key `more` in `description`
      lumen.toml:5:35
      | description = { workspace = true, more = 1 }
      |                                   ^^^^
      hint: it is ignored
    "#);
}

#[test]
fn constraint_problems_point_inside_the_string() {
    assert_snapshot!(problems("[dependencies]\na = \"^1.2 || v2\"\nb = { version = '1.*.3' }\nc = \"\"\nd = \"latest\"\ne = 1.0\nf = \"\\u0031.y\"\ng = true\nh = [\"1\"]\ni = \"\"\"1.z\"\"\"\n"), @r#"
    error: `^1.2 || v2` is not a version constraint: leave out the `v`
      lumen.toml:2:14
      | a = "^1.2 || v2"
      |              ^
    error: `1.*.3` is not a version constraint: a number cannot follow a wildcard
      lumen.toml:3:18
      | b = { version = '1.*.3' }
      |                  ^^^^^
    error: the version constraint is empty
      lumen.toml:4:6
      | c = ""
      |      ^
      hint: any version is "*"
    error: `latest` is not a version constraint: a version number was expected, not `l`
      lumen.toml:5:6
      | d = "latest"
      |      ^
      hint: any version is "*"
    error: dependency `e` must be a version in quotes or a table
      lumen.toml:6:5
      | e = 1.0
      |     ^^^
      hint: write it in quotes: e = "1.0"
    error: `1.y` is not a version constraint: a version number was expected, not `y`
      lumen.toml:7:5
      | f = "\u0031.y"
      |     ^^^^^^^^^^
    error: dependency `g` must be a version in quotes or a table
      lumen.toml:8:5
      | g = true
      |     ^^^^
      hint: any version is "*"
    error: dependency `h` must be a version in quotes or a table
      lumen.toml:9:5
      | h = ["1"]
      |     ^^^^^
    error: `1.z` is not a version constraint: a version number was expected, not `z`
      lumen.toml:10:10
      | i = """1.z"""
      |          ^
    "#);
}

#[test]
fn dependency_contradictions() {
    assert_snapshot!(problems(r#"[dependencies]
a = { path = "../a", git = "https://example.org/a" }
b = { git = "https://example.org/b", tag = "v1", branch = "main" }
c = { path = "../c", registry = "local" }
d = { version = "1", tag = "v1" }
e = { optional = true }
f = { registry = "local" }
g = { workspace = true, version = "1", path = "../g" }
h = { workspace = false }
i = {}
"#), @r#"
    error: `git` cannot be combined with `path`
      lumen.toml:2:22
      | a = { path = "../a", git = "https://example.org/a" }
      |                      ^^^
      hint: keep one of them
    error: `branch` cannot be combined with `tag`
      lumen.toml:3:50
      | b = { git = "https://example.org/b", tag = "v1", branch = "main" }
      |                                                  ^^^^^^
      hint: keep one of them
    error: `registry` cannot be combined with `path`
      lumen.toml:4:22
      | c = { path = "../c", registry = "local" }
      |                      ^^^^^^^^
      hint: keep one of them
    error: `tag` has no meaning without `git`
      lumen.toml:5:22
      | d = { version = "1", tag = "v1" }
      |                      ^^^
      hint: add `git = "<URL>"`
    error: dependency `e` does not say where it comes from
      lumen.toml:6:5
      | e = { optional = true }
      |     ^^^^^^^^^^^^^^^^^^^
      hint: give a `version`, `path`, `git` or `workspace = true`
    error: dependency `f` does not say where it comes from
      lumen.toml:7:5
      | f = { registry = "local" }
      |     ^^^^^^^^^^^^^^^^^^^^^^
      hint: add `version = "*"` or a narrower constraint
    error: `version` cannot be combined with `workspace`
      lumen.toml:8:25
      | g = { workspace = true, version = "1", path = "../g" }
      |                         ^^^^^^^
      hint: [workspace.dependencies] in the root says it; leave `version` out here
    error: `path` cannot be combined with `workspace`
      lumen.toml:8:40
      | g = { workspace = true, version = "1", path = "../g" }
      |                                        ^^^^
      hint: [workspace.dependencies] in the root says it; leave `path` out here
    error: `workspace` can only be `true`
      lumen.toml:9:19
      | h = { workspace = false }
      |                   ^^^^^
      hint: leave it out to give a value here
    error: dependency `i` does not say where it comes from
      lumen.toml:10:5
      | i = {}
      |     ^^
      hint: give a `version`, `path`, `git` or `workspace = true`
    "#);
    assert_snapshot!(problems(r#"[dev-dependencies]
a = { version = "1", optional = true }

[patch]
b = "1"
c = { path = "../c", features = ["x"] }
d = { version = "1" }

[workspace.dependencies]
e = { version = "1", optional = true }
f = { workspace = true }

[dependencies.g]
version = "1"
default_features = false
feature = ["x"]
features = ["a/b", "dep:c"]
"#), @r#"
    error: `optional` has no meaning here
      lumen.toml:2:22
      | a = { version = "1", optional = true }
      |                      ^^^^^^^^
      hint: features cannot turn a dev-dependency on; leave it out
    error: patch `b` does not say where it comes from
      lumen.toml:5:5
      | b = "1"
      |     ^^^
      hint: give a `path`, `git` or `registry`
    error: `features` has no meaning in [patch]
      lumen.toml:6:22
      | c = { path = "../c", features = ["x"] }
      |                      ^^^^^^^^
      hint: say it where the package is depended on
    error: patch `d` does not say where it comes from
      lumen.toml:7:5
      | d = { version = "1" }
      |     ^^^^^^^^^^^^^^^^^
      hint: give a `path`, `git` or `registry`
    error: `optional` has no meaning here
      lumen.toml:10:22
      | e = { version = "1", optional = true }
      |                      ^^^^^^^^
      hint: the member that uses it says so: { workspace = true, optional = true }
    error: `workspace` has no meaning in this table
      lumen.toml:11:7
      | f = { workspace = true }
      |       ^^^^^^^^^
      hint: give a `version`, `path` or `git`
    warning: unknown key `default_features` in dependency `g`
      lumen.toml:15:1
      | default_features = false
      | ^^^^^^^^^^^^^^^^
      hint: did you mean `default-features`?
    warning: unknown key `feature` in dependency `g`
      lumen.toml:16:1
      | feature = ["x"]
      | ^^^^^^^
      hint: did you mean `features`?
    error: `a/b` is not the name of a feature
      lumen.toml:17:13
      | features = ["a/b", "dep:c"]
      |             ^^^^^
    error: `dep:c` is not the name of a feature
      lumen.toml:17:20
      | features = ["a/b", "dep:c"]
      |                    ^^^^^^^
    "#);
}

#[test]
fn paths_and_urls() {
    assert_snapshot!(problems(r#"[dependencies]
a = { path = "..\\a" }
b = { path = 'C:/b' }
c = { path = "" }
d = { git = "ext::sh -c evil" }
e = { git = "--upload-pack=evil" }
f = { git = "https://me:secret@example.org/f" }
g = { git = "https://example.org/g", rev = "--all" }
h = { version = "1", registry = "https://example.org" }
i = { git = "git@example.org:i.git" }
j = { git = "ssh://git@example.org/j" }
"#), @r#"
    error: a path is written with `/` on every system
      lumen.toml:2:14
      | a = { path = "..\\a" }
      |              ^^^^^^^
      hint: write `../a`
    error: the path must be relative
      lumen.toml:3:15
      | b = { path = 'C:/b' }
      |               ^^^^
      hint: the manifest and the lock must mean the same on every machine
    error: `path` cannot be empty
      lumen.toml:4:14
      | c = { path = "" }
      |              ^^
    error: `ext::sh -c evil` is not a git URL that is allowed
      lumen.toml:5:13
      | d = { git = "ext::sh -c evil" }
      |             ^^^^^^^^^^^^^^^^^
      hint: use `https://…`, `ssh://…`, `git@host:path` or a relative path
    error: `--upload-pack=evil` is not a git URL that is allowed
      lumen.toml:6:13
      | e = { git = "--upload-pack=evil" }
      |             ^^^^^^^^^^^^^^^^^^^^
      hint: use `https://…`, `ssh://…`, `git@host:path` or a relative path
    error: credentials do not belong in this file
      lumen.toml:7:22
      | f = { git = "https://**********example.org/f" }
      |                      ^^^^^^^^^^
      hint: use a netrc file, a credential helper or LUMEN_REGISTRIES_<NAME>_TOKEN
    error: `--all` is not a rev of git
      lumen.toml:8:44
      | g = { git = "https://example.org/g", rev = "--all" }
      |                                            ^^^^^^^
    error: `https://example.org` is not the name of a registry
      lumen.toml:9:33
      | h = { version = "1", registry = "https://example.org" }
      |                                 ^^^^^^^^^^^^^^^^^^^^^
      hint: give the URL a name in [registry.registries] and use that here
    "#);
}

#[test]
fn names() {
    assert_snapshot!(problems("[package]\nname = \"self\"\nversion = \"1.0.0\"\n[dependencies]\n\"a b\" = \"1\"\n\"@org\" = \"1\"\n'..' = \"1\"\nnul = \"1\"\nself = \"1\"\nUpper = \"1\"\n\"~\" = \"1\"\n-rf = \"1\"\n--help = \"1\"\n\"a..b\" = \"1\"\nindex = \"1\"\n\"@node_modules/x\" = \"1\"\n"), @r#"
    error: ` ` is not allowed in a package name; use lower-case letters, digits, `-`, `_` and `.`
      lumen.toml:5:3
      | "a b" = "1"
      |   ^
    error: a package name is `name` or `@scope/name`
      lumen.toml:6:2
      | "@org" = "1"
      |  ^^^^
    error: `..` must start and end with a letter or a digit
      lumen.toml:7:2
      | '..' = "1"
      |  ^^
    error: `nul` is a device name on Windows and cannot be a folder there
      lumen.toml:8:1
      | nul = "1"
      | ^^^
    error: `self` cannot depend on itself
      lumen.toml:9:1
      | self = "1"
      | ^^^^
    error: `U` is not allowed in a package name; use lower-case letters, digits, `-`, `_` and `.`
      lumen.toml:10:1
      | Upper = "1"
      | ^
    error: `~` is not allowed in a package name; use lower-case letters, digits, `-`, `_` and `.`
      lumen.toml:11:2
      | "~" = "1"
      |  ^
    error: `-rf` must start and end with a letter or a digit
      lumen.toml:12:1
      | -rf = "1"
      | ^^^
    error: `--help` must start and end with a letter or a digit
      lumen.toml:13:1
      | --help = "1"
      | ^^^^^^
    error: `a..b` has two dots in a row
      lumen.toml:14:2
      | "a..b" = "1"
      |  ^^^^
    error: `index` is reserved: it stands for a folder's own page and index
      lumen.toml:15:1
      | index = "1"
      | ^^^^^
    error: `node_modules` is reserved: it stands for the packages of another tool
      lumen.toml:16:3
      | "@node_modules/x" = "1"
      |   ^^^^^^^^^^^^
    "#);
}

#[test]
fn what_only_the_user_chooses() {
    assert_snapshot!(problems("[http]\nca-file = \"/own.pem\"\n"), @r"
    warning: [http] of a project is ignored: only the user chooses authorities and timeouts
      lumen.toml:1:2
      | [http]
      |  ^^^^
      hint: write it into `config.toml` in Lumen's configuration folder
    ");
    // This one may be the compiler's.
    assert_snapshot!(problems("[http]\nport = 80\n"), @"");
    assert_snapshot!(problems("[limits]\nartifact-bytes = \"8 GiB\"\n"), @r"
    warning: [limits] of a project is ignored: only the user chooses limits
      lumen.toml:1:2
      | [limits]
      |  ^^^^^^
      hint: write it into `config.toml` in Lumen's configuration folder
    ");
}

#[test]
fn unknown_tables() {
    assert_snapshot!(problems("version = \"1.0.0\"\nfoo = 1\n[dependancies]\na = \"1\"\n[effects]\n[providers.x]\n[[tools]]\n[dev-dependency]\n[feature]\n[workspace]\nmember = []\n[install]\nlinks = \"copy\"\n[registry]\nregistry = 1\n"), @r#"
    warning: unknown key `version`
      lumen.toml:1:1
      | version = "1.0.0"
      | ^^^^^^^
      hint: it belongs below [package]
    warning: unknown key `foo`
      lumen.toml:2:1
      | foo = 1
      | ^^^
      hint: it is ignored
    warning: unknown table `dependancies`
      lumen.toml:3:2
      | [dependancies]
      |  ^^^^^^^^^^^^
      hint: did you mean [dependencies]?
    warning: unknown table `dev-dependency`
      lumen.toml:8:2
      | [dev-dependency]
      |  ^^^^^^^^^^^^^^
      hint: did you mean [dev-dependencies]?
    warning: unknown table `feature`
      lumen.toml:9:2
      | [feature]
      |  ^^^^^^^
      hint: did you mean [features]?
    warning: unknown key `member` in [workspace]
      lumen.toml:11:1
      | member = []
      | ^^^^^^
      hint: did you mean `members`?
    warning: unknown key `links` in [install]
      lumen.toml:13:1
      | links = "copy"
      | ^^^^^
      hint: did you mean `link`?
    warning: unknown key `registry` in [registry]
      lumen.toml:15:1
      | registry = 1
      | ^^^^^^^^
      hint: did you mean `registries`?
    "#);
}

#[test]
fn tables_of_other_names_lead_to_ours() {
    assert_snapshot!(problems("[registries]\na = \"https://x\"\n[overrides]\n[policies]\n"), @r#"
    warning: unknown table `registries`
      lumen.toml:1:2
      | [registries]
      |  ^^^^^^^^^^
      hint: did you mean [registry.registries]?
    warning: unknown table `overrides`
      lumen.toml:3:2
      | [overrides]
      |  ^^^^^^^^^
      hint: did you mean [patch]?
    warning: unknown table `policies`
      lumen.toml:4:2
      | [policies]
      |  ^^^^^^^^
      hint: did you mean [policy]?
    "#);
}

#[test]
fn feature_problems() {
    assert_snapshot!(problems(r#"[dependencies]
on = "1"
off = { version = "1", optional = true }
hidden = { version = "1", optional = true }
broken = "1.y"

[dev-dependencies]
dev = "1"

[features]
"bad name" = []
default = ["quik", "on", "off", "hidden", "dep:hidden", "dep:on", "dep:gone"]
quick = ["on?/x", "off?/x", "on/", "dev/x", "@a/b/c", "broken", "dep:broken", 1]
more = "quick"
"#), @r#"
    error: `1.y` is not a version constraint: a version number was expected, not `y`
      lumen.toml:5:13
      | broken = "1.y"
      |             ^
    error: `bad name` cannot be the name of a feature
      lumen.toml:11:1
      | "bad name" = []
      | ^^^^^^^^^^
      hint: use letters, digits, `-`, `_`, `.` and `+`
    error: there is no feature `quik`
      lumen.toml:12:13
      | default = ["quik", "on", "off", "hidden", "dep:hidden", "dep:on", "dep:gone"]
      |             ^^^^
      hint: did you mean `quick`?
    error: `on` is a dependency, not a feature
      lumen.toml:12:21
      | default = ["quik", "on", "off", "hidden", "dep:hidden", "dep:on", "dep:gone"]
      |                     ^^
      hint: add `optional = true` to it, or leave this out
    error: `hidden` is a dependency, not a feature
      lumen.toml:12:34
      | default = ["quik", "on", "off", "hidden", "dep:hidden", "dep:on", "dep:gone"]
      |                                  ^^^^^^
      hint: write it as `dep:` here, too
    error: dependency `on` is always on
      lumen.toml:12:62
      | default = ["quik", "on", "off", "hidden", "dep:hidden", "dep:on", "dep:gone"]
      |                                                              ^^
      hint: add `optional = true` to it, or leave this out
    error: there is no dependency `gone`
      lumen.toml:12:72
      | default = ["quik", "on", "off", "hidden", "dep:hidden", "dep:on", "dep:gone"]
      |                                                                        ^^^^
      hint: features are about [dependencies] only
    error: dependency `on` is always on
      lumen.toml:13:13
      | quick = ["on?/x", "off?/x", "on/", "dev/x", "@a/b/c", "broken", "dep:broken", 1]
      |             ^
      hint: write `on/x`
    error: a feature is missing after `/`
      lumen.toml:13:33
      | quick = ["on?/x", "off?/x", "on/", "dev/x", "@a/b/c", "broken", "dep:broken", 1]
      |                                 ^
    error: there is no dependency `dev`
      lumen.toml:13:37
      | quick = ["on?/x", "off?/x", "on/", "dev/x", "@a/b/c", "broken", "dep:broken", 1]
      |                                     ^^^
      hint: features are about [dependencies] only
    error: there is no dependency `@a/b`
      lumen.toml:13:46
      | quick = ["on?/x", "off?/x", "on/", "dev/x", "@a/b/c", "broken", "dep:broken", 1]
      |                                              ^^^^
      hint: features are about [dependencies] only
    error: `quick` must hold strings, not an integer
      lumen.toml:13:79
      | quick = ["on?/x", "off?/x", "on/", "dev/x", "@a/b/c", "broken", "dep:broken", 1]
      |                                                                               ^
    error: `more` must be an array of strings, not a string
      lumen.toml:14:8
      | more = "quick"
      |        ^^^^^^^
      hint: write it in brackets: ["quick"]
    "#);
}

#[test]
fn trust_problems() {
    assert_snapshot!(problems(r#"[registry]
trust = "always"
[registry.roots]
default = "SHA256:abc"
"#), @r#"
    error: `trust` is `required` or `optional`, not `always`
      lumen.toml:2:9
      | trust = "always"
      |         ^^^^^^^^
    error: `SHA256:abc` is not a fingerprint
      lumen.toml:4:11
      | default = "SHA256:abc"
      |           ^^^^^^^^^^^^
      hint: ShowFingerprint
    "#);
}

#[test]
fn registry_and_install_problems() {
    assert_snapshot!(problems(r#"[registry]
default = "my registry"
upstreams = ["a", "a", "https://example.org"]
[registry.registries]
half = { publish = "s3://bucket", url = "x" }
"a b" = "https://example.org"
plain = "../registry"
secret = "https://user:pass@example.org/x"
[registry.scopes]
org = "local"
"@" = "local"
"@a" = "https://example.org"
[install]
link = "hardlinks"
import-root = "../elsewhere"
"#), @r#"
    error: `my registry` is neither a URL nor the name of a registry
      lumen.toml:2:11
      | default = "my registry"
      |           ^^^^^^^^^^^^^
      hint: a URL starts with `https://` or `file:///`
    error: `a` is listed twice
      lumen.toml:3:19
      | upstreams = ["a", "a", "https://example.org"]
      |                   ^^^
    error: `https://example.org` is not the name of a registry
      lumen.toml:3:24
      | upstreams = ["a", "a", "https://example.org"]
      |                        ^^^^^^^^^^^^^^^^^^^^^
      hint: give the URL a name in [registry.registries] and use that here
    error: a registry needs the URL that it is read from
      lumen.toml:5:1
      | half = { publish = "s3://bucket", url = "x" }
      | ^^^^
      hint: add `read = "https://…"`
    warning: unknown key `url` in a registry
      lumen.toml:5:35
      | half = { publish = "s3://bucket", url = "x" }
      |                                   ^^^
      hint: it is ignored
    error: `a b` cannot be the name of a registry
      lumen.toml:6:1
      | "a b" = "https://example.org"
      | ^^^^^
      hint: use letters, digits, `-` and `_`
    error: `../registry` is not a URL
      lumen.toml:7:9
      | plain = "../registry"
      |         ^^^^^^^^^^^^^
      hint: a URL starts with `https://` or `file:///`
    error: credentials do not belong in this file
      lumen.toml:8:19
      | secret = "https://**********example.org/x"
      |                   ^^^^^^^^^^
      hint: use a netrc file, a credential helper or LUMEN_REGISTRIES_<NAME>_TOKEN
    error: `org` is not a scope
      lumen.toml:10:1
      | org = "local"
      | ^^^
      hint: write "@org", with the quotes
    error: `@` is not a scope
      lumen.toml:11:1
      | "@" = "local"
      | ^^^
      hint: a scope is `@` and a name
    error: `https://example.org` is not the name of a registry
      lumen.toml:12:8
      | "@a" = "https://example.org"
      |        ^^^^^^^^^^^^^^^^^^^^^
      hint: give the URL a name in [registry.registries] and use that here
    error: `hardlinks` is not a link mode; use `symlink`, `hardlink`, `reflink` or `copy`
      lumen.toml:14:8
      | link = "hardlinks"
      |        ^^^^^^^^^^^
      hint: did you mean `hardlink`?
    error: `import-root` must be a folder of the project's own sources
      lumen.toml:15:15
      | import-root = "../elsewhere"
      |               ^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(problems("[workspace]\nmembers = [\"../x\", \"/y\", 'a\\b', \"\"]\n[install]\nlink = 1\n"), @r#"
    error: member `../x` is not a folder below the root
      lumen.toml:2:12
      | members = ["../x", "/y", 'a\b', ""]
      |            ^^^^^^
      hint: move it below the root, or make it a workspace of its own
    error: the path must be relative
      lumen.toml:2:21
      | members = ["../x", "/y", 'a\b', ""]
      |                     ^^
      hint: the manifest and the lock must mean the same on every machine
    error: a path is written with `/` on every system
      lumen.toml:2:28
      | members = ["../x", "/y", 'a\b', ""]
      |                            ^
      hint: write `a/b`
    error: member `` is not a folder below the root
      lumen.toml:2:33
      | members = ["../x", "/y", 'a\b', ""]
      |                                 ^^
      hint: move it below the root, or make it a workspace of its own
    error: `link` must be a string, not an integer
      lumen.toml:4:8
      | link = 1
      |        ^
      hint: write it in quotes: "1"
    "#);
}
