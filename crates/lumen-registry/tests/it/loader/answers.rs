//! Answers from the cache, dates, and dependencies that wait.

use super::*;

#[test]
fn a_conflict_from_the_cache_is_confirmed_first() {
    let world = HandMade::new(&[("lib", "1.0.0", &[])]);
    assert_eq!(
        solved(&world.routes(), &asking(&[("lib", "*")])),
        "lib 1.0.0"
    );
    world.release("lib", "1.1.0", &[], "");
    world.index("lib", &["1.0.0", "1.1.0"]);
    // Within max-age the old index is good enough, until it is not.
    assert_eq!(
        solved(&world.routes(), &asking(&[("lib", "*")])),
        "lib 1.0.0"
    );
    assert_eq!(
        solved(&world.routes(), &asking(&[("lib", "^1.1.0")])),
        "lib 1.1.0"
    );
    world.asked();
    conflict(&world.routes(), &asking(&[("lib", "^7.0.0")]));
    assert_eq!(world.asked(), ["lib/index.json"]);
}

#[test]
fn offline() {
    let world = HandMade::new(&[
        ("lib", "1.0.0", &[]),
        ("lib", "1.1.0", &[]),
        ("other", "1.0.0", &[]),
    ]);
    let offline = || routes(&world.registry(Freshness::Offline));
    let catalog = conflict(&offline(), &asking(&[("lib", "*")]));
    assert_eq!(
        catalog.packages[&name("lib")].availability,
        Availability::Offline
    );
    assert_eq!(
        solved(&world.routes(), &asking(&[("lib", "~1.0.0")])),
        "lib 1.0.0"
    );
    world.asked();
    assert_eq!(
        solved(&offline(), &asking(&[("lib", "~1.0.0")])),
        "lib 1.0.0"
    );
    // 1.1.0 is newer, but its file is not here.
    assert_eq!(solved(&offline(), &asking(&[("lib", "*")])), "lib 1.0.0");
    assert_eq!(world.asked(), Vec::<String>::new());
}

#[test]
fn dates_are_looked_up_where_they_decide() {
    let world = HandMade::new(&[]);
    world.index("lib", &["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
    for (number, date) in [("1.0.0", "2020"), ("1.1.0", "2021"), ("1.2.0", "2022")] {
        let deps = [(
            ["d0", "d1", "d2"][number[2..3].parse::<usize>().unwrap()],
            "*",
        )];
        let date = format!("\"published_at\": \"{date}-01-01T00:00:00Z\",");
        world.release("lib", number, &deps, &date);
    }
    world.release("lib", "1.3.0", &[], "");
    for package in ["d0", "d1", "d2"] {
        world.index(package, &["1.0.0"]);
        world.release(
            package,
            "1.0.0",
            &[],
            "\"published_at\": \"2020-01-01T00:00:00Z\",",
        );
    }
    let mut request = asking(&[("lib", "*")]);
    request.exclude_newer = Some(1_625_000_000);
    assert_eq!(solved(&world.routes(), &request), "d1 1.0.0, lib 1.1.0");
    let asked = world.asked();
    assert!(!asked.contains(&"d2/index.json".to_owned()), "{asked:?}");
}

#[test]
fn optional_dependencies_wait_until_they_are_asked_for() {
    let world = HandMade::new(&[("extra", "1.0.0", &[])]);
    let more = r#""dependency_options": {"extra": {"optional": true}}, "features": {"more": ["dep:extra"]},"#;
    world.index("lib", &["1.0.0"]);
    world.release("lib", "1.0.0", &[("extra", "*")], more);
    let mut request = asking(&[("lib", "*")]);
    assert_eq!(solved(&world.routes(), &request), "lib 1.0.0");
    assert_eq!(world.asked(), ["lib/1.0.0.json", "lib/index.json"]);
    request.roots[0].requirements[0]
        .features
        .push("more".into());
    assert_eq!(solved(&world.routes(), &request), "extra 1.0.0, lib 1.0.0");
}
