//! What people read when there is no solution.

mod support;

use std::collections::BTreeSet;

use insta::assert_snapshot;
use lumen_core::{
    Version,
    policy::{Exception, MinimumAge},
    resolve::{CatalogPackage, CatalogVersion, Origin, Root},
};
use support::{absent, catalog, lock, name_of, outcome, request, requirements};

fn story(packages: &str, root: &str) -> String {
    let mut catalog = catalog(packages);
    let request = request(root);
    for requirement in &request.roots[0].requirements {
        absent(&mut catalog, requirement.name.clone());
    }
    outcome(&catalog, &request)
}

#[test]
fn diamond() {
    let packages = "
        app-menu 1.0.0 -> icons ^1
        app-menu 1.1.0 -> icons ^1
        app-menu 2.0.0 -> icons ^2
        toolbar 1.0.0 -> icons ^2
        icons 1.0.0
        icons 1.3.0
        icons 2.0.0";
    assert_snapshot!(story(packages, "app-menu ^1, toolbar ^1"), @r#"
    error: `app-menu` and `toolbar` need different versions of `icons`
      1. your lumen.toml asks for `app-menu` ^1 and `toolbar` ^1
      2. `app-menu` 1.x (1.0.0 to 1.1.0) needs `icons` ^1
      3. `toolbar` 1.0.0 needs `icons` ^2
    hint: in lumen.toml, change `app-menu` from ^1 to ^2.0.0; then everything fits
    "#);
}

#[test]
fn diamond_without_a_way_out() {
    let packages = "
        menu 1.0.0 -> icons ^1
        toolbar 1.0.0 -> icons ^2
        icons 1.0.0
        icons 2.0.0";
    assert_snapshot!(story(packages, "menu ^1, toolbar ^1"), @r#"
    error: `menu` and `toolbar` need different versions of `icons`
      1. your lumen.toml asks for `menu` ^1 and `toolbar` ^1
      2. `menu` 1.0.0 needs `icons` ^1
      3. `toolbar` 1.0.0 needs `icons` ^2
    hint: no single change in lumen.toml helps; `menu` or `toolbar` must accept another `icons`
    "#);
}

#[test]
fn own_requirement_against_a_dependency() {
    let packages = "
        http 1.0.0 -> json ^1
        http 2.0.0 -> json ^2
        json 1.4.0
        json 2.1.0";
    assert_snapshot!(story(packages, "http ^1, json ^2"), @r#"
    error: your lumen.toml and `http` need different versions of `json`
      1. your lumen.toml asks for `http` ^1 and `json` ^2
      2. `http` 1.0.0 needs `json` ^1
    hint: in lumen.toml, change `http` from ^1 to ^2.0.0; then everything fits
    "#);
}

#[test]
fn yanked_only() {
    let packages = "
        http 1.0.0
        http 2.0.0 | yanked leaks connections
        http 2.0.1 | yanked still leaks";
    assert_snapshot!(story(packages, "http ^2"), @r#"
    error: every version of `http` that matches ^2 is yanked
      1. your lumen.toml asks for `http` ^2, but 2.0.0 and 2.0.1 are yanked (2.0.1: still leaks)
    hint: in lumen.toml, change `http` from ^2 to ^1.0.0; then everything fits
    "#);
    assert_snapshot!(story("json 1.0.0 | yanked", "json ^1"), @r#"
    error: every version of `json` that matches ^1 is yanked
      1. your lumen.toml asks for `json` ^1, but 1.0.0 is yanked
    hint: Versions("json")
    "#);
}

#[test]
fn yanked_would_fit() {
    let packages = "
        menu 1.0.0 -> icons ^1
        menu 1.1.0 -> icons ^2 | yanked wrong colours
        icons 1.0.0
        icons 2.0.0";
    assert_snapshot!(story(packages, "menu ^1, icons ^2"), @r#"
    error: your lumen.toml and `menu` need different versions of `icons`
      1. your lumen.toml asks for `menu` ^1 and `icons` ^2
      2. `menu` 1.0.0 needs `icons` ^1
      3. `menu` 1.1.0 also matches, but is yanked: wrong colours
    hint: in lumen.toml, change `icons` from ^2 to ^1.0.0; then everything fits
    "#);
}

#[test]
fn pre_release_only() {
    let packages = "
        http 0.9.0
        http 1.0.0-alpha.1
        http 1.0.0-rc.1";
    assert_snapshot!(story(packages, "http ^1"), @r#"
    error: only pre-releases of `http` match
      1. your lumen.toml asks for `http` ^1, but only pre-releases match it (1.0.0-alpha.1 and 1.0.0-rc.1)
    hint: to accept pre-releases, write `http = ">=1.0.0-rc.1"` in lumen.toml
    "#);
    let packages = "
        app 1.0.0 -> http ^1
        http 1.0.0-rc.1";
    assert_snapshot!(story(packages, "app ^1"), @r#"
    error: only pre-releases of `http` match
      1. your lumen.toml asks for `app` ^1
      2. `app` 1.0.0 needs `http` ^1, but only pre-releases match it (1.0.0-rc.1)
    hint: only the authors of `app` can accept pre-releases: with `http = ">=1.0.0-rc.1"`
    "#);
}

#[test]
fn pre_release_for_one_only() {
    let packages = "
        app 1.0.0 -> http >=2.0.0-beta
        site 1.0.0 -> http >=1.0 <3
        http 1.0.0
        http 2.0.0-beta.3";
    assert_snapshot!(story(packages, "app ^1, site ^1"), @r#"
    error: `app` and `site` need different versions of `http`
      1. your lumen.toml asks for `app` ^1 and `site` ^1
      2. `app` 1.0.0 needs `http` >=2.0.0-beta
      3. `site` 1.0.0 needs `http` >=1.0 <3
      4. `http` 2.0.0-beta.3 is a pre-release, and `>=1.0 <3` accepts none
    hint: no single change in lumen.toml helps; `app` or `site` must accept another `http`
    "#);
}

#[test]
fn versions_apart() {
    let packages = "
        app 1.0.0 -> json ^1
        app 1.1.0
        app 1.2.0 -> json ^1
        json 1.0.0
        site 1.0.0 -> json ^2, app !=1.1.0
        json 2.0.0";
    assert_snapshot!(story(packages, "site ^1"), @r#"
    error: `app` and `site` need different versions of `json`
      1. your lumen.toml asks for `site` ^1
      2. `site` 1.0.0 needs `json` ^2 and `app` !=1.1.0
      3. `app` 1.0.0 and 1.2.0 need `json` ^1
    hint: no single change in lumen.toml helps; `app` or `site` must accept another `json`
    "#);
}

#[test]
fn locked() {
    let catalog = catalog(
        "
        http 1.0.0 -> json ^1
        http 1.1.0 -> json ^2
        json 1.0.0
        json 2.0.0",
    );
    let mut request = request("http ^1, json ^2");
    lock(&mut request, "http 1.0.0, json 1.0.0");
    assert_snapshot!(outcome(&catalog, &request), @"http 1.1.0, json 2.0.0");
}

#[test]
fn missing_package() {
    assert_snapshot!(story("json 1.0.0", "htttp ^1"), @r#"
    error: `htttp` is not in registry `main`
      1. your lumen.toml asks for `htttp` ^1, which is not in registry `main`
    hint: Search("htttp")
    "#);
    let packages = "
        app 1.0.0 -> gone ^1
        app 0.9.0";
    assert_snapshot!(story(packages, "app ^1"), @r#"
    error: `gone` is not in registry `main`
      1. your lumen.toml asks for `app` ^1
      2. `app` 1.0.0 needs `gone` ^1, which is not in registry `main`
    hint: in lumen.toml, change `app` from ^1 to ^0.9.0; then everything fits
    "#);
    assert_snapshot!(story("app 1.0.0 -> gone ^1", "app ^1"), @r#"
    error: `gone` is not in registry `main`
      1. your lumen.toml asks for `app` ^1
      2. `app` 1.0.0 needs `gone` ^1, which is not in registry `main`
    hint: tell the authors of `app` that `gone` is missing
    "#);
}

#[test]
fn near_miss_name() {
    assert_snapshot!(story("my-utils 1.0.0", "my-utlis ^1"), @r#"
    error: `my-utlis` is not in registry `main`
      1. your lumen.toml asks for `my-utlis` ^1, which is not in registry `main`
    hint: did you mean `my-utils`?
    "#);
    let mut catalog = catalog("");
    catalog.known_names = vec![name_of("@org/http"), name_of("my-utils")];
    absent(&mut catalog, name_of("@org/htpp"));
    assert_snapshot!(outcome(&catalog, &request("@org/htpp ^1")), @r#"
    error: `@org/htpp` is not in registry `main`
      1. your lumen.toml asks for `@org/htpp` ^1, which is not in registry `main`
    hint: did you mean `@org/http`?
    "#);
}

#[test]
fn wrong_registry() {
    let mut catalog = catalog("");
    let package = CatalogPackage::absent("registry `main`", vec!["staging".into()]);
    catalog.packages.insert(name_of("@org/http"), package);
    assert_snapshot!(outcome(&catalog, &request("@org/http ^1")), @r#"
    error: `@org/http` is not in registry `main`
      1. your lumen.toml asks for `@org/http` ^1, which is not in registry `main`
    hint: registry `staging` has `@org/http`: add `registry = "staging"` to the dependency
    "#);
}

#[test]
fn missing_version() {
    let packages = "
        json 1.0.0
        json 1.1.0
        json 2.0.0
        json 2.1.0
        json 2.1.1";
    assert_snapshot!(story(packages, "json ^3"), @r#"
    error: there is no version of `json` that matches ^3
      1. your lumen.toml asks for `json` ^3, but there are only 1.0.0 to 2.1.1 (5 versions)
    hint: in lumen.toml, change `json` from ^3 to ^2.1.1; then everything fits
    "#);
    let packages = "
        app 1.0.0 -> json ^3
        app 1.1.0 -> json ^4
        json 1.0.0";
    assert_snapshot!(story(packages, "app"), @r#"
    error: there is no version of `json` that matches ^3 or ^4
      1. your lumen.toml asks for `app`
      2. every version of `app` needs `json` ^3 or ^4, but there is only 1.0.0
    hint: Versions("json")
    "#);
}

#[test]
fn workspace() {
    let catalog = catalog(
        "
        json 1.0.0
        json 1.5.0
        json 2.0.0",
    );
    let mut request = request("");
    let member = |name: &str, text: &str| Root {
        origin: Origin::Member(name.into()),
        requirements: requirements(text),
        ..Root::default()
    };
    request.roots = vec![member("server", "json ^1.2"), member("client", "json ^2")];
    assert_snapshot!(outcome(&catalog, &request), @r#"
    error: the workspace members `server` and `client` need different versions of `json`
      1. the workspace member `server` asks for `json` ^1.2
      2. the workspace member `client` asks for `json` ^2
    hint: in the lumen.toml of `server`, change `json` from ^1.2 to ^2.0.0; then everything fits
    "#);
}

#[test]
fn patch_and_path() {
    let mut catalog = catalog("app 1.0.0 -> json ^1");
    let version = CatalogVersion::new(Version::new(2, 0, 0)).with(Vec::new(), Default::default());
    let json = CatalogPackage::local("path ../json", version);
    catalog.packages.insert(name_of("json"), json);
    let mut request = request("app ^1");
    request.patched.insert(name_of("json"));
    assert_snapshot!(outcome(&catalog, &request), @r#"
    error: `json` from path ../json is version 2.0.0, not ^1
      1. your lumen.toml asks for `app` ^1
      2. `app` 1.0.0 needs `json` ^1, but `json` is patched with path ../json, which is version 2.0.0
    hint: give `json` in path ../json a version that `app` accepts
    "#);
    let mut request = support::request("json ^3");
    assert_snapshot!(outcome(&catalog, &request), @r#"
    error: `json` from path ../json is version 2.0.0, not ^3
      1. your lumen.toml asks for `json` ^3, but `json` comes from path ../json, which is version 2.0.0
    hint: in lumen.toml, ask for `json` ^2.0.0
    "#);
    request.roots[0].requirements = requirements("json *");
    assert_snapshot!(outcome(&catalog, &request), @"json 2.0.0");
}

#[test]
fn feature() {
    let packages = "
        http 1.0.0 | feature json =
        http 1.1.0 | feature json =
        http 2.0.0 | feature json = | feature tls =";
    assert_snapshot!(story(packages, "http ^1 [tls]"), @r#"
    error: `http` has no feature `tls` in the versions that match
      1. your lumen.toml asks for `http` ^1 with the feature `tls`
      2. `http` 1.x (1.0.0 to 1.1.0) has no feature `tls`
    hint: in lumen.toml, change `http` from ^1 to ^2.0.0; then everything fits
    "#);
    assert_snapshot!(story(packages, "http ^2 [tsl]"), @r#"
    error: `http` has no feature `tsl` in the versions that match
      1. your lumen.toml asks for `http` ^2 with the feature `tsl`
      2. `http` 2.0.0 has no feature `tsl`
    hint: did you mean `tls`?
    "#);
    assert_snapshot!(story("http 1.0.0", "http ^1 [tls]"), @r#"
    error: `http` has no feature `tls` in the versions that match
      1. your lumen.toml asks for `http` ^1 with the feature `tls`
      2. `http` 1.0.0 has no feature `tls`
    hint: `http` has no features: ask for none
    "#);
    let packages = "
        http 1.0.0 -> ring? ^2, log ^1 | feature tls = dep:ring
        ring 1.0.0
        log 1.0.0";
    assert_snapshot!(story(packages, "http ^1 [tls]"), @r#"
    error: there is no version of `ring` that matches ^2
      1. your lumen.toml asks for `http` ^1 with the feature `tls`
      2. `http` 1.0.0, with the feature `tls`, needs `ring` ^2, but there is only 1.0.0
    hint: Versions("ring")
    "#);
}

#[test]
fn default_and_weak_features() {
    let packages = "
        http 1.0.0 -> ring? ^2 | feature default = tls | feature tls = dep:ring
        ring 2.0.0
        sign 1.0.0 -> ring ^1
        ring 1.0.0";
    assert_snapshot!(story(packages, "http ^1, sign ^1"), @r#"
    error: `http` and `sign` need different versions of `ring`
      1. your lumen.toml asks for `http` ^1 and `sign` ^1
      2. `http` 1.0.0, with the feature `tls`, needs `ring` ^2
      3. `sign` 1.0.0 needs `ring` ^1
    hint: no single change in lumen.toml helps; `http` or `sign` must accept another `ring`
    "#);
    let packages = "
        http 1.0.0 -> ring? ^1 | feature fast = ring?/asm | feature tls = dep:ring
        ring 1.0.0";
    assert_snapshot!(story(packages, "http ^1 [fast]"), @"http 1.0.0 [fast]");
    assert_snapshot!(story(packages, "http ^1 [fast tls]"), @r#"
    error: `ring` has no feature `asm` in the versions that match
      1. your lumen.toml asks for `http` ^1 with the features `fast` and `tls`
      2. `http` 1.0.0, with the feature `fast`, asks for the feature `asm` of `ring` where that is used
      3. `ring` 1.0.0 has no feature `asm`
    hint: tell the authors of `http` that `ring` has no `asm`
    "#);
}

#[test]
fn offline() {
    let mut catalog = catalog("");
    let package = CatalogPackage::offline("registry `main`");
    catalog.packages.insert(name_of("http"), package);
    let mut request = request("http ^1");
    request.offline = true;
    assert_snapshot!(outcome(&catalog, &request), @r#"
    error: `http` is not in the cache, and the network is off
      1. your lumen.toml asks for `http` ^1, which is not in the cache, and the network is off
    hint: Online
    "#);
    let mut catalog = support::catalog("http 1.0.0 | unavailable its metadata is not in the cache");
    absent(&mut catalog, name_of("http"));
    assert_snapshot!(outcome(&catalog, &request), @r#"
    error: no version of `http` that matches ^1 can be read
      1. your lumen.toml asks for `http` ^1, but 1.0.0 cannot be used: its metadata is not in the cache
    hint: Online
    "#);
}

#[test]
fn exclude_newer() {
    let catalog = catalog(
        "
        http 1.0.0 | time 1700000000
        http 2.0.0 | time 1760000000
        http 3.0.0",
    );
    let mut request = request("http ^2");
    request.exclude_newer = Some(1_750_000_000);
    assert_snapshot!(outcome(&catalog, &request), @r#"
    error: no version of `http` that matches ^2 is old enough
      1. your lumen.toml asks for `http` ^2, but 2.0.0 was published on 2025-10-09, after the `--exclude-newer` date
    hint: After("2025-10-09")
    "#);
    request.roots[0].requirements = requirements("http ^3");
    assert_snapshot!(outcome(&catalog, &request), @r#"
    error: no version of `http` that matches ^3 is old enough
      1. your lumen.toml asks for `http` ^3, but 3.0.0 is of unknown age, which `--exclude-newer` rules out
    hint: AnyAge
    "#);
}

#[test]
fn minimum_release_age() {
    let catalog = catalog(
        "
        http 1.0.0 | time 1700000000
        http 2.0.0 | time 1760000000
        http 2.1.0 | time 1760100000
        http 3.0.0",
    );
    let mut request = request("http ^2");
    request.now = 1_760_200_000;
    let age = MinimumAge {
        seconds: 7 * 86_400,
        proven: false,
        except: BTreeSet::new(),
    };
    request.minimum_ages = vec![age];
    assert_snapshot!(outcome(&catalog, &request), @r#"
    error: no version of `http` that matches ^2 is old enough
      1. your lumen.toml asks for `http` ^2, but 2.0.0 and 2.1.0 are younger than the 7 days of `minimum-release-age`; the first may be chosen on 2025-10-16
    hint: Wait(Eligible { name: "http", version: Version { major: 2, minor: 0, patch: 0 }, day: "2025-10-16" })
    "#);
    request.roots[0].requirements = requirements("http ^3");
    assert_snapshot!(outcome(&catalog, &request), @r"
    error: no version of `http` that matches ^3 is old enough
      1. your lumen.toml asks for `http` ^3, but 3.0.0 is of unknown or unproven age, which `minimum-release-age` rules out
    hint: in lumen.toml, change `http` from ^3 to ^1.0.0; then everything fits
    ");
    request.roots[0].requirements = requirements("http *");
    assert_snapshot!(outcome(&catalog, &request), @"http 1.0.0");
    // What the lock has is kept, and so is what is excepted.
    lock(&mut request, "http 2.1.0");
    assert_snapshot!(outcome(&catalog, &request), @"http 2.1.0");
    request.unlock.insert(name_of("http"));
    assert_snapshot!(outcome(&catalog, &request), @"http 2.1.0");
    request.locked.clear();
    let release = Exception::parse("http@2.0.0").unwrap();
    request.minimum_ages[0].except.insert(release);
    assert_snapshot!(outcome(&catalog, &request), @"http 2.0.0");
    // The exception of one policy is none of the other.
    let other = MinimumAge {
        seconds: 86_400 * 3,
        proven: false,
        except: BTreeSet::new(),
    };
    request.minimum_ages.push(other);
    assert_snapshot!(outcome(&catalog, &request), @"http 1.0.0");
}

#[test]
fn deep_chain() {
    let mut packages = String::from("p30 1.0.0 -> end ^2\nend 1.0.0\nend 2.0.0\n");
    for at in 0..30 {
        packages += &format!(
            "p{at} 1.0.0 -> p{} ^1\np{at} 1.1.0 -> p{} ^1\n",
            at + 1,
            at + 1
        );
    }
    assert_snapshot!(story(&packages, "p0 ^1, end ^1"), @r#"
    error: your lumen.toml and `p30` need different versions of `end`
      1. your lumen.toml asks for `p0` ^1 and `end` ^1
      2. every version of `p0` needs `p1` ^1
      3. every version of `p1` needs `p2` ^1
      4. every version of `p2` needs `p3` ^1
      5. every version of `p3` needs `p4` ^1
      6. every version of `p4` needs `p5` ^1
      7. … and so on, over 21 more requirements
      8. every version of `p26` needs `p27` ^1
      9. every version of `p27` needs `p28` ^1
     10. every version of `p28` needs `p29` ^1
     11. every version of `p29` needs `p30` ^1
     12. `p30` 1.0.0 needs `end` ^2
    hint: in lumen.toml, change `end` from ^1 to ^2.0.0; then everything fits
    "#);
}

/// One package pins another at every one of hundreds of versions, and that one a third.
#[test]
fn hundreds_of_pins() {
    let mut packages = String::from("urllib 1.26.0\nurllib 2.0.0\n");
    for at in 0..400 {
        packages += &format!("boto 1.{at}.0 -> core =1.{at}.0\n");
        packages += &format!("core 1.{at}.0 -> urllib ^1.{}\n", 20 + at / 70);
    }
    packages += "core 1.400.0 -> urllib ^2\nboto 1.400.0 -> core =1.400.0\n";
    assert_snapshot!(story(&packages, "boto >=1.50.0 <1.400.0, urllib ^2"), @r#"
    error: your lumen.toml and `core` need different versions of `urllib`
      1. your lumen.toml asks for `boto` >=1.50.0 <1.400.0 and `urllib` ^2
      2. `boto` 1.50.0 to 1.399.0 need `core` 1.50.0 to 1.399.0
      3. `core` 1.50.0 to 1.399.0 need `urllib` 1.26.0
    hint: in lumen.toml, change `boto` from >=1.50.0 <1.400.0 to ^1.400.0; then everything fits
    "#);
}

#[test]
fn two_ways_that_both_fail() {
    let packages = "
        app 1.0.0 -> json ^1
        app 2.0.0 -> yaml ^1
        json 1.0.0 -> text ^1
        yaml 1.0.0 -> json ^1
        text 1.0.0
        text 2.0.0";
    assert_snapshot!(story(packages, "app, text ^2"), @r#"
    error: your lumen.toml and `json` need different versions of `text`
      1. your lumen.toml asks for `app` and `text` ^2
      2. `app` 2.0.0 needs `yaml` ^1
      3. `app` 1.0.0 needs `json` ^1
      4. `yaml` 1.0.0 needs `json` ^1
      5. `json` 1.0.0 needs `text` ^1
    hint: in lumen.toml, change `text` from ^2 to ^1.0.0; then everything fits
    "#);
    let packages = "
        app 1.0.0 -> json ^1
        app 2.0.0 -> gone ^1
        json 1.0.0 -> text ^1
        text 1.0.0
        text 2.0.0";
    assert_snapshot!(story(packages, "app, text ^2"), @r#"
    error: `app` and `text` cannot be used together
      1. your lumen.toml asks for `app` and `text` ^2
      2. `app` 2.0.0 needs `gone` ^1, which is not in registry `main`
      3. `app` 1.0.0 needs `json` ^1
      4. `json` 1.0.0 needs `text` ^1
    hint: in lumen.toml, change `text` from ^2 to ^1.0.0; then everything fits
    "#);
}

#[test]
fn causes_refer_to_each_other() {
    let packages = "
        app 1.0.0 -> lib =1.0.0
        app 2.0.0 -> lib =2.0.0
        lib 1.0.0 -> app =2.0.0
        lib 2.0.0 -> app =1.0.0";
    assert_snapshot!(story(packages, "app"), @r#"
    error: no version of `app` that is asked for can be used
      1. your lumen.toml asks for `app`
      2. `app` 2.0.0 needs `lib` =2.0.0
      3. `app` 1.0.0 needs `lib` =1.0.0
      4. `lib` 2.0.0 needs `app` =1.0.0 (see 2)
      5. `lib` 1.0.0 needs `app` =2.0.0 (see 2)
    hint: Versions("app")
    "#);
}
