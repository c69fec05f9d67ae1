//! A host that is down costs a run the tries of one file, whatever the number of files.

use std::{net::TcpListener, thread, time::Duration};

use futures::future::join_all;
use lumen_core::{
    Key, PackageName,
    limits::{Limit, Limits},
};
use lumen_registry::{
    Location, Registry, RegistryOptions, Storage, StorageError,
    storage::{HostOptions, HttpOptions},
};

use crate::{
    block_on,
    server::{Answer, Asked, Server, answer, impatient, ok},
};

/// Files that a run wants.
const FILES: usize = 30;

/// Tries of one file.
const TRIES: usize = 3;

fn key(number: usize) -> Key {
    Key::parse(&format!("packages/p{number}/index.json")).unwrap()
}

fn down(how: &str) -> Server {
    let how = how.to_owned();
    Server::start(move |_: &Asked| match how.as_str() {
        "503" => answer("503 Service Unavailable", &[], b"down"),
        "silent" => Answer::Hang(Vec::new()),
        "stuck" => Answer::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".to_vec()),
        _ => Answer::Reset(Vec::new()),
    })
}

/// Patience such that a host that was given up stays so for the whole test.
fn options() -> HostOptions {
    let mut options = impatient();
    options.http.longest_delay = Duration::from_secs(60);
    options
}

fn open(url: &str, options: &HostOptions) -> Storage {
    Storage::open(&Location::parse(url).unwrap(), options).unwrap()
}

#[test]
fn files_that_are_read_at_once_share_the_tries() {
    for how in ["503", "silent", "stuck", "reset"] {
        let server = down(how);
        let storage = open(&server.url(), &options());
        let read = async |number: usize| {
            if number.is_multiple_of(2) {
                let found = storage.get(&key(number), 99).await;
                return found.map(|found| found.is_some());
            }
            let mut out = Vec::new();
            let found = storage.read_to(&key(number), 99, &mut out).await;
            found.map(|found| found.is_some())
        };
        let all = block_on(join_all((0..FILES).map(read)));
        assert!(all.iter().all(Result::is_err), "{how}: {all:?}");
        let asked = server.take().len();
        assert!(asked < FILES + TRIES, "{how}: {asked} requests");
        // And those that come later are not even asked for.
        for number in FILES..2 * FILES {
            block_on(read(number)).unwrap_err();
        }
        let more = server.take().len();
        assert!(more < 8, "{how}: {more} more requests");
    }
}

#[test]
fn files_that_are_read_one_after_the_other_share_the_tries() {
    for (how, most) in [("503", 8 - 1), ("silent", 1), ("stuck", 1), ("reset", 1)] {
        let server = down(how);
        let storage = open(&server.url(), &options());
        for number in 0..FILES {
            block_on(storage.get(&key(number), 99)).unwrap_err();
        }
        assert_eq!(server.take().len(), TRIES + most, "{how}");
    }
}

#[test]
fn packages_of_a_registry_share_the_tries() {
    for how in ["503", "silent", "stuck", "reset"] {
        let asked = |packages: usize| {
            let server = down(how);
            let options = RegistryOptions {
                host: options(),
                ..RegistryOptions::default()
            };
            let place = Location::parse(&server.url()).unwrap();
            let registry = Registry::open("r", place, &options).unwrap();
            let names = (0..packages).map(|n| PackageName::parse(&format!("p{n}")).unwrap());
            let names: Vec<PackageName> = names.collect();
            let all = block_on(join_all(names.iter().map(|name| registry.find(name))));
            assert!(all.iter().all(Result::is_err), "{how}");
            server.take().len()
        };
        assert_eq!(asked(FILES), asked(1), "{how}");
    }
}

#[test]
fn without_a_connection_no_other_file_is_tried() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for url in [
        format!("http://127.0.0.1:{port}"),
        "http://no-such-host.invalid".to_owned(),
    ] {
        let mut options = options();
        // One request more would be another error.
        options.http.limits = Limits::from_iter([(Limit::Requests, TRIES as u64)]);
        let storage = open(&url, &options);
        for number in 0..FILES {
            let error = block_on(storage.get(&key(number), 99)).unwrap_err();
            assert!(
                matches!(error, StorageError::Unreachable { .. }),
                "{number}: {error}"
            );
        }
    }
}

#[test]
fn broken_files_do_not_take_others_with_them() {
    let server = Server::start(|asked: &Asked| match asked.path.contains("/bad") {
        true => answer("500 Internal Server Error", &[], b"oh"),
        false => ok(b"{}"),
    });
    let storage = open(&server.url(), &options());
    let bad = |number: usize| Key::parse(&format!("packages/bad{number}/index.json")).unwrap();
    for round in 0..4 {
        for number in 0..3 {
            block_on(storage.get(&bad(number), 99)).unwrap_err();
        }
        assert!(block_on(storage.get(&key(round), 99)).unwrap().is_some());
    }
    // Among files that come, each broken one has all its tries.
    server.take();
    let both = async |number: usize| {
        let found = storage.get(&bad(number), 99).await;
        found.unwrap_err();
        storage.get(&key(number), 99).await.unwrap();
    };
    block_on(both(7));
    assert_eq!(server.take().len(), TRIES + 1);
}

#[test]
fn a_host_that_comes_back_is_asked_again() {
    let server = Server::start(|asked: &Asked| match asked.before < TRIES {
        true => Answer::Reset(Vec::new()),
        false => ok(b"{}"),
    });
    let http = HttpOptions {
        longest_delay: Duration::from_millis(50),
        read_timeout: Duration::from_millis(50),
        ..impatient().http
    };
    let options = HostOptions {
        http,
        ..impatient()
    };
    let storage = open(&server.url(), &options);
    block_on(storage.get(&key(0), 99)).unwrap_err();
    thread::sleep(Duration::from_millis(60));
    assert!(block_on(storage.get(&key(0), 99)).unwrap().is_some());
}

#[test]
fn each_registry_has_tries_of_its_own() {
    let (down, well) = (down("reset"), Server::start(|_| ok(b"{}")));
    let (first, second) = (open(&down.url(), &options()), open(&well.url(), &options()));
    block_on(first.get(&key(0), 99)).unwrap_err();
    assert!(block_on(second.get(&key(0), 99)).unwrap().is_some());
}
