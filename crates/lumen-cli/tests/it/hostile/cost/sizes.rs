//! Bytes of artifacts.

use super::*;

#[test]
fn an_artifact_that_claims_a_pebibyte_is_not_asked_for() {
    let mut files = Files::default();
    let index = json!({
        "name": "huge",
        "versions": ["1.0.0"],
        "releases": {"1.0.0": summary(&json!({}), 1 << 50)},
    });
    files.put("packages/huge/index.json", &index);
    let server = files.serve_with(|path| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1125899906842624\r\n\r\n";
        path.starts_with("/artifacts/")
            .then(|| Answer::Reset([&head[..], &[b'x'; 4096]].concat()))
    });
    let sandbox = bare();
    project(&sandbox, "app", "huge = \"1.0.0\"");
    let ran = run(&sandbox, &server.url(), &["pkg", "install"], &[]);
    fails(
        &ran,
        4,
        &[
            "cannot install `huge` 1.0.0: its artifact has 1125899906842624 bytes; the limit `artifact-bytes` is 1 GiB",
            "raise `artifact-bytes` in [limits] of your configuration, or set LUMEN_LIMIT_ARTIFACT_BYTES",
        ],
    );
    let artifacts = |path: &String| path.starts_with("/artifacts/");
    assert_eq!(
        server.take().iter().filter(|path| artifacts(path)).count(),
        0
    );
    assert!(!sandbox.path("app/lumen.lock").exists());
}

#[test]
fn bytes_of_an_artifact_and_of_an_install() {
    let sandbox = sandbox();
    publish(&sandbox, "one", "1.0.0", "");
    publish(&sandbox, "two", "1.0.0", "");
    project(&sandbox, "app", "one = \"1.0.0\"\ntwo = \"1.0.0\"");
    let url = sandbox.registry_url();
    let lock = run(&sandbox, &url, &["pkg", "lock"], &[]);
    assert_eq!(lock.code, Some(0), "{lock:#?}");
    let lock = sandbox.read("app/lumen.lock").unwrap();
    let sizes: Vec<u64> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("size = ")?.parse().ok())
        .collect();
    let (largest, sum) = (sizes.iter().max().unwrap(), sizes.iter().sum::<u64>());
    let install = |limit: &str, value: u64| {
        let value = value.to_string();
        run(&sandbox, &url, &["pkg", "install"], &[(limit, &value)])
    };
    fails(
        &install("ARTIFACT_BYTES", largest - 1),
        4,
        &["its artifact has", "the limit `artifact-bytes` is"],
    );
    fails(
        &install("INSTALL_BYTES", sum - 1),
        4,
        &[
            &format!("2 packages to download have {sum} bytes; the limit `install-bytes` is"),
            "LUMEN_LIMIT_INSTALL_BYTES",
        ],
    );
    assert!(!sandbox.path("app/one").exists());
    let ran = install("ARTIFACT_BYTES", *largest);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    std::fs::remove_dir_all(sandbox.path("home/lumen/store")).unwrap();
    std::fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    let ran = install("INSTALL_BYTES", sum);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn sizes_that_a_lock_does_not_say() {
    let sandbox = sandbox();
    publish(&sandbox, "one", "1.0.0", "");
    project(&sandbox, "app", "one = \"1.0.0\"");
    let url = sandbox.registry_url();
    let ran = run(&sandbox, &url, &["pkg", "lock"], &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let lock = sandbox.read("app/lumen.lock").unwrap();
    let size = lock.lines().find_map(|line| line.strip_prefix("size = "));
    let size: u64 = size.unwrap().parse().unwrap();
    let lines = lock.lines().filter(|line| !line.starts_with("size = "));
    let lines: Vec<&str> = lines
        .filter(|line| !line.starts_with("compressed"))
        .collect();
    sandbox.write("app/lumen.lock", &lines.join("\n")).unwrap();
    let locked = ["pkg", "install", "--locked"];
    for limit in ["ARTIFACT_BYTES", "INSTALL_BYTES"] {
        let value = (size - 1).to_string();
        let name = limit.to_lowercase().replace('_', "-");
        fails(
            &run(&sandbox, &url, &locked, &[(limit, &value)]),
            4,
            &[&format!("the limit `{name}` is")],
        );
    }
    let value = size.to_string();
    let both = [("ARTIFACT_BYTES", &*value), ("INSTALL_BYTES", &*value)];
    let ran = run(&sandbox, &url, &locked, &both);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn limits_are_the_users_alone() {
    let sandbox = sandbox();
    publish(&sandbox, "one", "1.0.0", "");
    project(
        &sandbox,
        "app",
        "one = \"1.0.0\"\n[limits]\nartifact-bytes = \"1 TiB\"",
    );
    sandbox
        .write(
            "home/.config/lumen/config.toml",
            "[limits]\nartifact-bytes = 1\n",
        )
        .unwrap();
    let url = sandbox.registry_url();
    let install = |limits| run(&sandbox, &url, &["pkg", "install"], limits);
    fails(&install(&[]), 4, &["the limit `artifact-bytes` is 1 bytes"]);
    let ran = install(&[("ARTIFACT_BYTES", "1 MiB")]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    fails(
        &install(&[("ARTEFACT_BYTES", "1")]),
        1,
        &[
            "LUMEN_LIMIT_ARTEFACT_BYTES names no limit",
            "did you mean LUMEN_LIMIT_ARTIFACT_BYTES?",
        ],
    );
}

#[test]
fn files_and_bytes_that_an_install_unpacks() {
    let sandbox = sandbox();
    publish(&sandbox, "one", "1.0.0", "");
    publish(&sandbox, "two", "1.0.0", "");
    project(&sandbox, "app", "one = \"1.0.0\"\ntwo = \"1.0.0\"");
    let url = sandbox.registry_url();
    let install =
        |limit: &str, value: &str| run(&sandbox, &url, &["pkg", "install"], &[(limit, value)]);
    for again in 0..2 {
        fails(
            &install("INSTALL_FILES", "3"),
            4,
            &["have 4 files; the limit `install-files` is 3"],
        );
        fails(
            &install("INSTALL_UNPACKED_BYTES", "100"),
            4,
            &[
                "unpack to ",
                "the limit `install-unpacked-bytes` is 100 bytes",
            ],
        );
        assert!(!sandbox.path("app/one").exists(), "{again}");
    }
    std::fs::remove_dir_all(sandbox.path("home/lumen/store")).unwrap();
    let ran = install("INSTALL_FILES", "4");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}
