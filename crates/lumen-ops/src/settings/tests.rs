use lumen_core::Digest;

use jiff::Timestamp;
use lumen_core::limits::Limit;

use fs_err as fs;
use lumen_core::manifest::Manifest;
use lumen_registry::Location;

use super::*;
use crate::{
    context::{Context, Options},
    environment::limits_of,
    report::Silent,
};

fn settings(
    environment: Option<&str>,
    manifest: &str,
    flag: Option<&str>,
    config: &str,
) -> Result<Settings, OpsError> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    fs::write(&file, config).unwrap();
    let environment = Environment {
        home: dir.path().into(),
        registry: environment.map(str::to_owned),
        config_files: vec![file],
        ..Environment::at(dir.path())
    };
    let manifest = lumen_core::manifest::parse("lumen.toml", manifest)
        .manifest
        .unwrap();
    merged(environment, Some(&manifest), flag)
}

fn merged(
    environment: Environment,
    manifest: Option<&Manifest>,
    flag: Option<&str>,
) -> Result<Settings, OpsError> {
    let options = Options {
        registry: flag.map(str::to_owned),
        ..Options::at(&environment.home, Timestamp::UNIX_EPOCH)
    };
    let context = Context {
        environment,
        options,
        reporter: &Silent,
    };
    Settings::merge(&context, manifest).map(|(settings, _)| settings)
}

#[test]
fn flag_beats_environment_beats_project_beats_user() {
    let config = "[registry]\ndefault = \"file:///user\"\n[registry.registries]\nlocal = \"file:///local-user\"\n";
    let manifest = "[registry]\ndefault = \"local\"\n[registry.registries]\nlocal = \"file:///local-project\"\n";
    let default = |env, manifest, flag| {
        settings(env, manifest, flag, config)
            .unwrap()
            .default
            .unwrap()
            .read
    };
    assert_eq!(default(None, "", None), "file:///user");
    assert_eq!(default(None, manifest, None), "file:///local-project");
    assert_eq!(default(Some("file:///env"), manifest, None), "file:///env");
    assert_eq!(
        default(Some("file:///env"), manifest, Some("local")),
        "file:///local-project"
    );
    assert_eq!(
        default(Some("file:///env"), manifest, Some("https://r.example/x/")),
        "https://r.example/x/"
    );
}

#[test]
fn a_name_stands_for_both_urls() {
    let config = "[registry]\ndefault = \"work\"\nupstreams = [\"work\"]\n[registry.registries]\n\
                  work = { read = \"https://cdn.example\", publish = \"s3://bucket\" }\n";
    let settings = settings(None, "", None, config).unwrap();
    let default = settings.urls(DEFAULT).unwrap();
    assert_eq!(default, settings.urls("work").unwrap());
    assert_eq!(default.publish.as_deref(), Some("s3://bucket"));
    assert!(settings.pairs.has("https://cdn.example") && settings.pairs.has("s3://bucket"));
    assert_eq!(settings.upstreams, ["work"]);
}

#[test]
fn upstreams_must_be_known() {
    let error = settings(None, "[registry]\nupstreams = [\"x\"]\n", None, "").unwrap_err();
    assert!(matches!(error, OpsError::UnknownRegistry { name, .. } if name == "x"));
}

#[test]
fn only_the_users_own_urls_are_trusted() {
    let config = "[registry.registries]\nwork = \"https://work.example/\"\n";
    let manifest = "[registry]\ndefault = \"https://evil.example/\"\n\
                    [registry.registries]\nwork = \"https://evil.example/work\"\n";
    let trusted = |env, flag, url: &str| {
        settings(env, manifest, flag, config)
            .unwrap()
            .pairs
            .has(url)
    };
    assert!(trusted(None, None, "https://work.example/"));
    assert!(!trusted(None, None, "https://evil.example/"));
    assert!(!trusted(None, None, "https://evil.example/work"));
    assert!(!trusted(None, Some("work"), "https://evil.example/work"));
    assert!(trusted(
        Some("https://env.example"),
        None,
        "https://env.example"
    ));
    assert!(trusted(
        None,
        Some("https://flag.example"),
        "https://flag.example"
    ));
}

#[test]
fn the_ends_of_the_users_mirrors_are_trusted() {
    let mirror = |to: &str| {
        format!("[registry.mirrors]\nm = {{ from = \"https://f.example\", to = \"{to}\" }}\n")
    };
    let own = settings(None, "", None, &mirror("s3://own")).unwrap();
    assert!(own.pairs.has("https://f.example") && own.pairs.has("s3://own"));
    let project = settings(None, &mirror("s3://evil"), None, &mirror("s3://own")).unwrap();
    assert_eq!(project.mirrors["m"].to, "s3://evil");
    assert!(!project.pairs.has("s3://evil"));
}

#[test]
fn helpers_by_the_start_of_the_url() {
    let config = "[registry.credentials]\n\"https://h/\" = {helper = \"a\"}\n\
                  \"https://h/x\" = {helper = \"b --c\"}\n";
    let settings = settings(None, "", None, config).unwrap();
    for (url, expected) in [
        ("https://h/", Some(&["a"][..])),
        ("https://h/xy/", Some(&["a"])),
        ("https://h/x/", Some(&["b", "--c"])),
        ("https://h/x/y/", Some(&["b", "--c"])),
        ("http://h/", None),
        ("https://h:81/", None),
        ("https://h.evil/", None),
    ] {
        let found = settings.helper(url).map(<[String]>::to_vec);
        let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()));
        assert_eq!(found, expected.map(Iterator::collect), "{url}");
    }
}

#[test]
fn pins_and_the_wish_for_signatures_add_up() {
    let root = |text: &str| Digest::of(text.as_bytes());
    let pin = |root: Digest| format!("[registry.roots]\ndefault = \"{root}\"\n");
    let manifest = pin(root("a"));
    let merged = settings(None, &manifest, None, "[registry]\ntrust = \"required\"\n").unwrap();
    assert!(merged.signed_only);
    let place = Location::parse("https://r.example").unwrap();
    assert_eq!(merged.pins.of(DEFAULT, &place), Some(root("a")));
    assert!(settings(None, &manifest, None, &pin(root("a"))).is_ok());
    assert!(settings(None, &manifest, None, &pin(root("b"))).is_err());
}

#[test]
fn a_path_stands_for_its_url() {
    let default = settings(None, "", Some("/srv/reg"), "").unwrap().default;
    assert_eq!(default.unwrap().read, "file:///srv/reg");
}

#[test]
fn relative_paths_start_at_the_working_folder_of_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let found = merged(Environment::at(dir.path()), None, Some("./reg")).unwrap();
    let expected = url::Url::from_file_path(dir.path().join("reg")).unwrap();
    assert_eq!(found.default.unwrap().read, expected.as_str());
    let variables = [
        ("LUMEN_HOME", "own"),
        ("LUMEN_KEY_FILE", "key"),
        ("LUMEN_CA_FILE", "ca.pem"),
        ("NETRC", "logins"),
        ("LUMEN_SAFE_FOLDERS", "safe"),
        ("LUMEN_REGISTRY", "reg"),
    ];
    let folders = Folders {
        working: dir.path().canonicalize().unwrap(),
        ..Folders::default()
    };
    let of = |variables: &[(&str, &str)]| {
        Environment::of(&variables.iter().copied().collect(), &folders)
    };
    let environment = of(&variables).unwrap();
    let at = |name: &str| folders.working.join(name);
    assert_eq!(environment.home, at("own"));
    assert_eq!(environment.ca_file, Some(at("ca.pem")));
    assert_eq!(environment.netrc, Some(at("logins")));
    assert_eq!(environment.safe_folders, [at("safe")]);
    assert_eq!(environment.registry.as_deref(), Some("reg"));
    assert_eq!(
        environment.variables.raw("LUMEN_KEY_FILE"),
        Some(at("key").as_os_str())
    );
    // What the process has does not count.
    assert!(matches!(of(&[]), Err(OpsError::NoHome)));
}

#[test]
fn scopes_pin_a_registry_and_unknown_names_are_refused() {
    let manifest =
        "[registry.registries]\nlocal = \"file:///l\"\n[registry.scopes]\n\"@org\" = \"local\"\n";
    let settings_ok = settings(None, manifest, None, "").unwrap();
    let registry = |name: &str| {
        settings_ok
            .registry_of(&PackageName::parse(name).unwrap())
            .to_owned()
    };
    assert_eq!(
        (registry("@org/http"), registry("@other/x")),
        ("local".into(), DEFAULT.into())
    );
    let error = settings(None, manifest, Some("locl"), "").unwrap_err();
    assert!(
        matches!(error, OpsError::UnknownRegistry { nearest: Some(nearest), .. } if nearest == "local")
    );
    assert!(matches!(
        settings_ok.urls("default"),
        Err(OpsError::NoRegistry)
    ));
}

#[test]
fn limits_of_the_environment() {
    let of = |name: &str, value: &str| limits_of(&[(name, value)].into_iter().collect());
    let chosen = of("LUMEN_LIMIT_ARTIFACT_BYTES", "2 KiB").unwrap();
    assert_eq!(chosen, BTreeMap::from([(Limit::ArtifactBytes, 2048)]));
    assert_eq!(of("LUMEN_REGISTRY", "x").unwrap(), BTreeMap::new());
    let empty = of("LUMEN_LIMIT_ARTIFACT_BYTES", "").unwrap();
    assert_eq!(empty, BTreeMap::new());
    for (name, value, expected) in [
        ("LUMEN_LIMIT_ARTIFACT_BYTE", "1", "names no limit"),
        ("LUMEN_LIMIT_ARTIFACT_BYTES", "lots", "is `lots`"),
        ("LUMEN_LIMIT_ARTIFACT_BYTES", "0", "is `0`"),
    ] {
        let error = of(name, value).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_environment_chooses_before_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    fs::write(&file, "[limits]\nartifact-bytes = 5\ninstall-bytes = 6\n").unwrap();
    let environment = Environment {
        home: dir.path().to_owned(),
        registry: None,
        registries: BTreeMap::new(),
        publish_registry: None,
        config_files: vec![file],
        limits: BTreeMap::from([(Limit::ArtifactBytes, 4)]),
        ..Environment::at(dir.path())
    };
    let settings = merged(environment, None, None).unwrap();
    assert_eq!(settings.limits.get(Limit::ArtifactBytes), 4);
    assert_eq!(settings.limits.get(Limit::InstallBytes), 6);
}

#[test]
fn a_variable_gives_a_name_its_url() {
    let settings = |url: &str, manifest: &str| {
        let environment = Environment {
            home: "/".into(),
            registry: None,
            registries: BTreeMap::from([("MY_WORK".to_owned(), url.to_owned())]),
            ..Environment::at("/")
        };
        let manifest = lumen_core::manifest::parse("lumen.toml", manifest).manifest;
        merged(environment, manifest.as_ref(), None)
    };
    let (cdn, bucket, other) = (
        "https://cdn.example/r",
        "s3://bucket",
        "https://other.example",
    );
    let project = format!(
        "[registry.registries]\nmy_work = {{ read = \"{cdn}\", publish = \"{bucket}\" }}\n"
    );
    // One of the two URLs that the name has: the other one stays, and is paired with nothing.
    for (given, other) in [("https://CDN.example:443/r/", bucket), (bucket, cdn)] {
        let found = settings(given, &project).unwrap();
        let urls = found.urls("my_work").unwrap();
        assert_eq!(
            (urls.read.as_str(), urls.publish.as_deref()),
            (cdn, Some(bucket))
        );
        assert!(found.pairs.has(given) && !found.pairs.has(other));
        assert_eq!(
            found.pairs.names(given).collect::<Vec<_>>(),
            [("my_work", Reach::Whole)]
        );
    }
    // Another URL takes the place of both.
    let found = settings(other, &project).unwrap();
    assert_eq!(found.urls("my_work").unwrap().read, other);
    assert_eq!(found.urls("my_work").unwrap().publish, None);
    assert!(!found.pairs.has(cdn) && !found.pairs.has(bucket));
    // A name that no other file has.
    assert_eq!(
        settings(other, "").unwrap().urls("my-work").unwrap().read,
        other
    );
    assert!(settings("work", "").is_err());
}
