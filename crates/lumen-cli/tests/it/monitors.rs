//! Those who look after others' registries: witnesses, and monitors that follow a log.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use lumen_testkit::sandbox::{Sandbox, tree};

use crate::{as_key, copy, fails, ok_as, publish, sandbox};

/// Longest wait for a line that has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of a command that goes on until it is stopped, when dropped.
struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut command = sandbox.command(".", arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    fn next(&self) -> serde_json::Value {
        let line = self.lines.recv_timeout(PATIENCE).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_log_is_followed() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let watch = ["registry", "watch", "registry", "--follow", "--every", "1"];
    let watch = [&watch[..], &["--names", "text,@org"]].concat();
    let following = Following::start(&sandbox, &watch);
    let expect = |kind: &str, subject: &str, index: u64| {
        let line = following.next();
        assert_eq!(line["kind"], kind, "{line}");
        assert_eq!(line["subject"], subject, "{line}");
        assert_eq!(line["index"], index, "{line}");
    };
    expect("owners", "text", 2);
    expect("publish", "text", 3);
    // What comes later comes, once, and only what was asked for.
    publish(&sandbox, "other", "1.0.0", "");
    publish(&sandbox, "@org/http", "1.0.0", "");
    let yank = ["pkg", "yank", "text@1.0.0", "--reason", "it burns"];
    sandbox.ok(".", &yank).unwrap();
    expect("owners", "@org", 8);
    expect("publish", "@org/http", 9);
    expect("yank", "text", 11);
    assert!(following.lines.try_recv().is_err());
}

/// A registry with a witness, who confirmed its log.
fn witnessed() -> Sandbox {
    let sandbox = sandbox();
    sandbox.ok(".", &["key", "new", "wit"]).unwrap();
    let add = ["registry", "trust", "add-witness", "wit"];
    sandbox.ok(".", &add).unwrap();
    publish(&sandbox, "text", "1.0.0", "");
    ok_as(&sandbox, "wit", &WITNESS);
    sandbox
}

const WITNESS: [&str; 3] = ["registry", "witness", "registry"];

/// Puts another state of the registry in its place; all but the witness forget what was.
fn show(sandbox: &Sandbox, state: &str) {
    let registry = sandbox.path("registry");
    std::fs::remove_dir_all(&registry).unwrap();
    copy(&sandbox.path(state), &registry);
    sandbox.ok(".", &["trust", "forget", "registry/"]).unwrap();
}

#[test]
fn a_witness_does_not_confirm_a_log_that_went_back_or_was_forked() {
    let sandbox = witnessed();
    copy(&sandbox.path("registry"), &sandbox.path("old"));
    publish(&sandbox, "text", "1.1.0", "");
    let confirmed = ok_as(&sandbox, "wit", &WITNESS);
    assert!(
        confirmed.err.contains("they continue the"),
        "{confirmed:#?}"
    );
    copy(&sandbox.path("registry"), &sandbox.path("good"));
    let seen = sandbox.read("registry/log/checkpoint").unwrap();

    show(&sandbox, "old");
    let before = sandbox.read("registry/log/checkpoint").unwrap();
    let refused = as_key(&sandbox, "wit", &WITNESS);
    fails(&refused, 3, &["log rolled back from 9 to 7 entries"]);
    assert_eq!(sandbox.read("registry/log/checkpoint").unwrap(), before);

    // Another history of the same length, then a longer one.
    for version in ["6.6.6", "6.6.7"] {
        publish(&sandbox, "text", version, "");
        sandbox.ok(".", &["trust", "forget", "registry/"]).unwrap();
        let before = sandbox.read("registry/log/checkpoint").unwrap();
        let refused = as_key(&sandbox, "wit", &WITNESS);
        fails(&refused, 3, &["the log was forked"]);
        assert_eq!(sandbox.read("registry/log/checkpoint").unwrap(), before);
        let evidence = refused.err.split("both checkpoints are in `").nth(1);
        let evidence = evidence.unwrap().split('`').next().unwrap();
        let evidence = std::fs::read_to_string(evidence).unwrap();
        // Cosignatures are no part of what the witness must not contradict.
        for checkpoint in [&seen, &before] {
            let text = checkpoint.split("\n\n").next().unwrap();
            assert!(evidence.contains(text), "{evidence}");
        }
    }
    // The one it knows it still confirms.
    show(&sandbox, "good");
    ok_as(&sandbox, "wit", &WITNESS);
}

#[test]
fn a_witness_looks_at_the_tiles() {
    let sandbox = witnessed();
    publish(&sandbox, "text", "1.1.0", "");
    let tiles = sandbox.path("registry/log/tile/0");
    for (path, mut bytes) in tree(&tiles).unwrap() {
        bytes[0] ^= 1;
        std::fs::write(tiles.join(path), bytes).unwrap();
    }
    sandbox.ok(".", &["trust", "forget", "registry/"]).unwrap();
    let before = sandbox.read("registry/log/checkpoint").unwrap();
    fails(
        &as_key(&sandbox, "wit", &WITNESS),
        3,
        &["the log's files do not fit its checkpoint"],
    );
    assert_eq!(sandbox.read("registry/log/checkpoint").unwrap(), before);
}
