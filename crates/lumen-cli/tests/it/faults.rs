//! Disks that are full, folders that may not be written to, servers that fail half way: an
//! error that names the place, nothing lost, and the next run succeeds.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lumen_testkit::{
    sandbox::{Ran, Sandbox, tree},
    server::{Answer, Server, answer, not_found},
};

use crate::{fails, publish, sandbox};

/// A small file system of its own; gone when dropped.
struct Small(PathBuf);

impl Small {
    /// Mounts a megabyte; nothing where that is not allowed.
    fn mount(path: PathBuf) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(&path)
            .output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        lumen_testkit::skip::here("a small file system cannot be mounted here");
        None
    }

    fn remount(&self, option: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{option}")])
            .arg(&self.0)
            .status();
        assert!(status.unwrap().success());
    }

    /// The URL or path of something on it.
    fn path(&self, relative: &str) -> String {
        self.0.join(relative).display().to_string()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Publishes `big`, whose file of two megabytes cannot be compressed, and makes a project that needs it.
fn with_big() -> Sandbox {
    let sandbox = sandbox();
    let mut noise = String::new();
    let mut state = 1_u64;
    while noise.len() < 2 << 20 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        noise.push((b' ' + (state >> 40) as u8 % 90) as char);
    }
    sandbox.package("big", "big", "1.0.0", "").unwrap();
    sandbox.write("big/src/noise.txt", &noise).unwrap();
    sandbox.ok("big", &["pkg", "publish", "--yes"]).unwrap();
    project(&sandbox, "app");
    sandbox
}

fn project(sandbox: &Sandbox, folder: &str) {
    sandbox
        .package(folder, "app", "1.0.0", "[dependencies]\nbig = \"1\"\n")
        .unwrap();
}

fn run(command: &mut Command) -> Ran {
    Ran::of(&command.output().unwrap())
}

fn succeeds(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

fn check(sandbox: &Sandbox, registry: &str) {
    sandbox.ok(".", &["registry", "check", registry]).unwrap();
}

#[test]
fn no_space_for_the_store() {
    let sandbox = with_big();
    let Some(small) = Small::mount(sandbox.path("small")) else {
        return;
    };
    let install = || {
        let mut command = sandbox.command("app", &["pkg", "install"]);
        run(command.env("LUMEN_HOME", small.path("home")))
    };
    let store = format!("cannot write to the store `{}`: ", small.path("home/store"));
    fails(&install(), 4, &[&store, "No space left", "free some space"]);
    assert!(!sandbox.path("app/lumen.lock").exists() && !sandbox.path("app/big").exists());
    // What did not fit takes no space: only locks are left, with who held them.
    let left = tree(&sandbox.path("small/home/store")).unwrap();
    assert!(
        left.iter().all(|(name, _)| name.ends_with("lock")),
        "{left:?}"
    );
    small.remount("size=20m");
    succeeds(&install());
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}

#[test]
fn no_space_for_the_registry() {
    let sandbox = with_big();
    let Some(small) = Small::mount(sandbox.path("small")) else {
        return;
    };
    sandbox
        .ok(".", &["registry", "init", "small/registry"])
        .unwrap();
    let url = format!("file://{}", small.path("registry"));
    let publish = || {
        sandbox
            .run("big", &["pkg", "publish", "--yes", "--registry", &url])
            .unwrap()
    };
    for _ in 0..2 {
        fails(
            &publish(),
            4,
            &[
                &small.path("registry/artifacts"),
                "No space left",
                "free some space",
            ],
        );
        check(&sandbox, &url);
        assert!(!sandbox.path("small/registry/packages").exists());
    }
    small.remount("size=20m");
    succeeds(&publish());
    check(&sandbox, &url);
    project(&sandbox, "other");
    sandbox
        .ok("other", &["pkg", "install", "--registry", &url])
        .unwrap();
}

#[test]
fn no_space_for_the_project() {
    let sandbox = with_big();
    let Some(small) = Small::mount(sandbox.path("small")) else {
        return;
    };
    project(&sandbox, "small/app");
    let install = || sandbox.run("small/app", &["pkg", "install"]).unwrap();
    // All but what is there already; the error is that of the disk, not ours.
    let _ = fs::write(sandbox.path("small/filler"), vec![0; 2 << 20]);
    fails(
        &install(),
        4,
        &[&small.path("app/"), "No space left", "free some space"],
    );
    assert!(!sandbox.path("small/app/lumen.lock").exists());
    assert!(!sandbox.path("small/app/big").exists());
    fs::remove_file(sandbox.path("small/filler")).unwrap();
    succeeds(&install());
}

#[test]
fn no_space_for_a_large_download() {
    let sandbox = sandbox();
    sandbox.package("big", "big", "1.0.0", "").unwrap();
    sandbox
        .write("big/src/zeros.txt", &"0".repeat(17 << 20))
        .unwrap();
    sandbox.ok("big", &["pkg", "publish", "--yes"]).unwrap();
    project(&sandbox, "app");
    let Some(small) = Small::mount(sandbox.path("small")) else {
        return;
    };
    let mut command = sandbox.command("app", &["pkg", "install"]);
    let ran = run(command.env("LUMEN_HOME", small.path("home")));
    fails(
        &ran,
        4,
        &[
            "cannot keep the download in `",
            &small.path("home"),
            "No space left",
            "free some space",
        ],
    );
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}

#[test]
fn places_that_are_read_only() {
    let sandbox = with_big();
    let Some(small) = Small::mount(sandbox.path("small")) else {
        return;
    };
    small.remount("size=20m");
    sandbox
        .ok(".", &["registry", "init", "small/registry"])
        .unwrap();
    let url = format!("file://{}", small.path("registry"));
    let publish = || {
        sandbox
            .run("big", &["pkg", "publish", "--yes", "--registry", &url])
            .unwrap()
    };
    fs::create_dir(sandbox.path("small/home")).unwrap();
    project(&sandbox, "small/app");
    let install = |folder: &str, home: &str, registry: &str| {
        let mut command = sandbox.command(folder, &["pkg", "install"]);
        run(command
            .env("LUMEN_HOME", home)
            .env("LUMEN_REGISTRY", registry))
    };
    let (own, home) = (sandbox.registry_url(), sandbox.path("home/lumen"));
    let home = home.display().to_string();
    small.remount("ro");
    let said = ["Read-only file system", "check who may write there"];
    fails(
        &publish(),
        4,
        &[&[small.path("registry/").as_str()][..], &said].concat(),
    );
    let ran = install("app", &small.path("home"), &own);
    fails(
        &ran,
        4,
        &[&[small.path("home/").as_str()][..], &said].concat(),
    );
    assert!(!sandbox.path("app/lumen.lock").exists());
    let ran = install("small/app", &home, &own);
    fails(
        &ran,
        4,
        &[&[small.path("app/").as_str()][..], &said].concat(),
    );
    small.remount("rw");
    succeeds(&publish());
    succeeds(&install("app", &small.path("home"), &own));
    succeeds(&install("small/app", &home, &own));
    // Who only reads a registry needs to write nothing there.
    small.remount("ro");
    project(&sandbox, "reader");
    succeeds(&install("reader", &home, &url));
}

#[test]
fn places_of_somebody_else() {
    let sandbox = with_big();
    let arguments = ["registry", "init", "--unsigned", "plain"];
    sandbox.ok(".", &arguments).unwrap();
    let url = format!("file://{}", sandbox.path("plain").display());
    let program = sandbox.path("program");
    fs::copy(env!("CARGO_BIN_EXE_lumen"), &program).unwrap();
    let mode = |path: &str, mode: u32| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(sandbox.path(path), mode).unwrap();
    };
    mode("", 0o755);
    // Root may write everywhere, so it becomes somebody else.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root && Command::new("setpriv").arg("--version").output().is_err() {
        lumen_testkit::skip::missing("setpriv");
        return;
    }
    let nobody = |folder: &str, arguments: &[&str]| {
        let wanted = sandbox.command(folder, arguments);
        let mut command = Command::new(if is_root { "setpriv" } else { "env" });
        if is_root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        }
        command.arg(&program).args(arguments);
        command.current_dir(sandbox.path(folder)).env_clear();
        let variables = wanted
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        command
            .envs(variables)
            .env("LUMEN_HOME", sandbox.path("theirs"));
        run(&mut command)
    };
    let denied = |ran: &Ran, place: &str| {
        let place = sandbox.path(place).display().to_string();
        fails(
            ran,
            4,
            &[&place, "Permission denied", "check who may write there"],
        );
    };
    fs::create_dir(sandbox.path("theirs")).unwrap();
    mode("theirs", 0o555);
    mode("app", 0o777);
    denied(&nobody("app", &["pkg", "install"]), "theirs/");
    mode("theirs", 0o777);
    project(&sandbox, "other");
    mode("other", 0o555);
    denied(&nobody("other", &["pkg", "install"]), "other/");
    assert!(!sandbox.path("app/lumen.lock").exists());
    mode("other", 0o777);
    for folder in ["app", "other"] {
        succeeds(&nobody(folder, &["pkg", "install"]));
    }
    mode("plain", 0o555);
    let publish = ["pkg", "publish", "--yes", "--registry", &url];
    let before = tree(&sandbox.path("plain")).unwrap();
    denied(&nobody("big", &publish), "plain/");
    assert!(tree(&sandbox.path("plain")).unwrap() == before);
    let opened = Command::new("chmod")
        .args(["-R", "a+rwX"])
        .arg(sandbox.path("plain"))
        .status();
    assert!(opened.unwrap().success());
    succeeds(&nobody("big", &publish));
    project(&sandbox, "last");
    let install = ["pkg", "install", "--registry", &url];
    sandbox.ok("last", &install).unwrap();
}

/// What a server does in place of sending an artifact.
type Fault = Box<dyn Fn(&[u8]) -> Answer + Send + Sync>;

/// Serves a folder, with a fault as long as that is on.
fn server(root: PathBuf, fault: Fault, is_on: Arc<AtomicBool>) -> Server {
    Server::start(move |asked| {
        let is_faulty = asked.path.starts_with("/artifacts/") && is_on.load(Ordering::Relaxed);
        match fs::read(root.join(asked.path.trim_start_matches('/'))) {
            Ok(bytes) if is_faulty => fault(&bytes),
            Ok(bytes) => answer("200 OK", &[], &bytes),
            Err(_) => not_found(),
        }
    })
}

#[test]
fn servers_that_fail_half_way() {
    let sandbox = sandbox();
    publish(&sandbox, "lib", "1.0.0", "");
    let start = |bytes: &[u8]| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len()).into_bytes()
    };
    let faults: [(Fault, &str); 6] = [
        (
            Box::new(move |bytes| {
                Answer::Drip(start(bytes), bytes.to_vec(), Duration::from_millis(20))
            }),
            "the server sends less than 4096 bytes in 1 s",
        ),
        (
            Box::new(move |bytes| Answer::Hang([&start(bytes)[..], &bytes[..50]].concat())),
            "the server did not answer in time",
        ),
        (
            Box::new(|_| Answer::Hang(Vec::new())),
            "the server did not answer in time",
        ),
        (
            Box::new(move |bytes| Answer::Reset([&start(bytes)[..], &bytes[..50]].concat())),
            "Connection reset by peer",
        ),
        (
            Box::new(move |bytes| Answer::Raw([&start(bytes)[..], &bytes[..50]].concat())),
            "end of file before message length",
        ),
        (
            Box::new(|_| Answer::Raw(b"garbage".to_vec())),
            "invalid HTTP version",
        ),
    ];
    for (number, (fault, said)) in faults.into_iter().enumerate() {
        let is_on = Arc::new(AtomicBool::new(true));
        let server = server(sandbox.path("registry"), fault, Arc::clone(&is_on));
        let app = format!("app{number}");
        sandbox
            .package(&app, "app", "1.0.0", "[dependencies]\nlib = \"1\"\n")
            .unwrap();
        let install = || {
            let mut command = sandbox.command(&app, &["pkg", "install"]);
            command
                .env("LUMEN_REGISTRY", server.url())
                .env("LUMEN_HTTP_TIMEOUT", "1");
            run(command.env("LUMEN_HOME", sandbox.path(&format!("home{number}"))))
        };
        let url = format!("{}/artifacts/", server.url());
        fails(
            &install(),
            4,
            &["cannot install `lib` 1.0.0: cannot read `", &url, said],
        );
        assert!(!sandbox.path(&format!("{app}/lumen.lock")).exists());
        assert!(!sandbox.path(&format!("{app}/lib")).exists());
        let store = tree(&sandbox.path(&format!("home{number}/store"))).unwrap();
        assert!(store.iter().all(|(_, bytes)| bytes.is_empty()), "{store:?}");
        is_on.store(false, Ordering::Relaxed);
        succeeds(&install());
        let installed = sandbox.read(&format!("{app}/lib/main.lm.md")).unwrap();
        assert_eq!(installed, "# lib 1.0.0\n");
    }
}
