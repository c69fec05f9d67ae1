//! What is made of answers that got lost, broke off or are not believed.

use std::sync::{Arc, Mutex};

use lumen_core::{Key, limits::Limit};
use lumen_registry::{
    Location, Storage, StorageError,
    storage::{HostOptions, Revision},
};
use lumen_testkit::{
    buckets::ObjectServer,
    proxy::{FaultyProxy, Loss},
    tools::Tool,
};

use crate::block_on;

/// A folder in a bucket, as it is and as it is seen through a proxy.
struct World {
    direct: Storage,
    through: Storage,
    proxy: FaultyProxy,
    url: String,
    options: HostOptions,
}

/// Runs a test where the server is installed. The host was probed already.
fn with_world(test: impl AsyncFnOnce(World)) {
    // Outside of the runtime: starting it takes one of its own.
    let Some(server) = ObjectServer::shared(Tool::SeaweedFs) else {
        return;
    };
    let proxy = FaultyProxy::start(server.address(), Default::default(), |_, _| None).unwrap();
    let prefix = ObjectServer::fresh_prefix();
    let options = server.options();
    let url = server.url_through(&proxy.endpoint(), &prefix);
    let world = World {
        direct: server.storage_at(&server.url(&prefix), &options),
        through: server.storage_at(&url, &options),
        proxy,
        url,
        options,
    };
    block_on(async {
        world.through.create(&key("first"), b"").await.unwrap();
        test(world).await;
    });
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

impl World {
    /// Loses the first request from now on that has this method, in this way.
    fn lose(&self, method: &'static str, loss: Loss) {
        let lost = Mutex::new(false);
        self.proxy.set_plan(move |_, head| {
            let mut lost = lost.lock().unwrap();
            let hit = !*lost && head.starts_with(method);
            *lost |= hit;
            hit.then_some(loss)
        });
    }

    async fn contents(&self, name: &str) -> Option<(Vec<u8>, Revision)> {
        self.direct.get(&key(name), 1 << 20).await.unwrap()
    }
}

const LOSSES: [Loss; 3] = [Loss::Request, Loss::Answer, Loss::Busy];

#[test]
fn a_create_whose_answer_got_lost_is_settled_by_what_is_there() {
    with_world(async |world| {
        for (number, loss) in LOSSES.into_iter().enumerate() {
            let name = format!("new-{number}");
            world.lose("PUT ", loss);
            world.through.create(&key(&name), b"mine").await.unwrap();
            assert_eq!(world.proxy.losses(), 1);
            assert_eq!(world.contents(&name).await.unwrap().0, b"mine", "{loss:?}");

            let name = format!("taken-{number}");
            world.direct.create(&key(&name), b"theirs").await.unwrap();
            world.lose("PUT ", loss);
            let error = world.through.create(&key(&name), b"mine").await;
            assert!(
                matches!(error, Err(StorageError::Exists { .. })),
                "{loss:?}: {error:?}"
            );
            assert_eq!(world.proxy.losses(), 1);
            assert_eq!(
                world.contents(&name).await.unwrap().0,
                b"theirs",
                "{loss:?}"
            );
        }
    });
}

#[test]
fn a_replace_whose_answer_got_lost_is_settled_by_what_is_there() {
    with_world(async |world| {
        for (number, loss) in LOSSES.into_iter().enumerate() {
            let name = format!("file-{number}");
            let file = key(&name);
            world.direct.create(&file, b"old").await.unwrap();
            let (_, old) = world.contents(&name).await.unwrap();
            world.lose("PUT ", loss);
            let replaced = world.through.replace(&file, Some(&old), b"mine").await;
            replaced.unwrap_or_else(|error| panic!("{loss:?}: {error}"));
            assert_eq!(world.proxy.losses(), 1);
            assert_eq!(world.contents(&name).await.unwrap().0, b"mine", "{loss:?}");

            // Another writer was first, and that answer got lost, too.
            world.lose("PUT ", loss);
            let error = world.through.replace(&file, Some(&old), b"late").await;
            assert!(
                matches!(error, Err(StorageError::Conflict { .. })),
                "{loss:?}: {error:?}"
            );
            assert_eq!(world.contents(&name).await.unwrap().0, b"mine", "{loss:?}");

            let created = format!("created-{number}");
            world.lose("PUT ", loss);
            let replaced = world.through.replace(&key(&created), None, b"mine").await;
            replaced.unwrap_or_else(|error| panic!("{loss:?}: {error}"));
            assert_eq!(world.contents(&created).await.unwrap().0, b"mine");
        }
    });
}

/// The host said no to the first request: there is nothing to find out.
#[test]
fn a_clear_refusal_of_a_replace_is_believed() {
    with_world(async |world| {
        let file = key("file");
        world.direct.create(&file, b"old").await.unwrap();
        let (_, old) = world.contents("file").await.unwrap();
        let replaced = world.direct.replace(&file, Some(&old), b"new").await;
        replaced.unwrap();
        world.proxy.set_plan(|_, _| None);
        let error = world.through.replace(&file, Some(&old), b"late").await;
        assert!(
            matches!(error, Err(StorageError::Conflict { .. })),
            "{error:?}"
        );
        assert_eq!(world.proxy.requests(), 1);
    });
}

#[test]
fn nobody_is_told_of_a_success_that_cannot_be_found_out() {
    with_world(async |world| {
        // The write is carried out; from then on nobody gets through.
        world.proxy.set_plan(|number, _| {
            Some(match number {
                1 => Loss::Answer,
                _ => Loss::Request,
            })
        });
        let error = world.through.create(&key("a"), b"a").await.unwrap_err();
        assert!(matches!(error, StorageError::Transfer { .. }), "{error:?}");
        assert_eq!(world.contents("a").await.unwrap().0, b"a");
        // The next run finds what this one left.
        world.proxy.set_plan(|_, _| None);
        let location = Location::parse(&world.url).unwrap();
        let next = Storage::open(&location, &world.options).unwrap();
        next.create(&key("a"), b"a").await.unwrap();
    });
}

#[test]
fn a_transfer_that_breaks_off_goes_on_where_it_stopped() {
    with_world(async |world| {
        let file = key("artifacts/large");
        let bytes: Vec<u8> = (0..400_000_u32).flat_map(u32::to_le_bytes).collect();
        world.direct.create(&file, &bytes).await.unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        world.proxy.set_plan(move |number, head| {
            seen.lock().unwrap().push(head.to_ascii_lowercase());
            (number < 3).then_some(Loss::Half)
        });
        let mut read = Vec::new();
        let found = world.through.read_to(&file, 2_000_000, &mut read).await;
        assert_eq!(found.unwrap(), Some(bytes.len() as u64));
        assert!(read == bytes);
        let start = |head: &String| {
            let (_, range) = head.split_once("\r\nrange: bytes=")?;
            range.split_once('-')?.0.parse::<usize>().ok()
        };
        let starts: Vec<Option<usize>> = heads.lock().unwrap().iter().map(start).collect();
        let [None, Some(half), Some(more)] = starts[..] else {
            panic!("{starts:?}");
        };
        assert!(0 < half && half < more && more < bytes.len(), "{starts:?}");
    });
}

#[test]
fn an_endpoint_that_the_user_did_not_name_gets_no_credentials() {
    with_world(async |world| {
        let file = key("file");
        world.direct.create(&file, b"public").await.unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        world.proxy.set_plan(move |_, head| {
            seen.lock().unwrap().push(head.to_ascii_lowercase());
            None
        });
        for trusted in [true, false] {
            heads.lock().unwrap().clear();
            let location = Location::parse(&world.url).unwrap();
            let location = match trusted {
                true => location,
                false => location.untrusted(),
            };
            let storage = Storage::open(&location, &world.options).unwrap();
            let found = storage.get(&file, 9).await.unwrap();
            assert_eq!(found.unwrap().0, b"public");
            let names = storage.list("").await.unwrap();
            assert!(names.contains(&file));
            let error = storage.create(&key(&format!("{trusted}")), b"").await;
            let refused = match &error {
                Ok(()) => false,
                Err(StorageError::NoCredentials { lacks, .. }) => {
                    assert!(lacks.contains("the project names the endpoint"), "{lacks}");
                    true
                }
                Err(error) => panic!("{error}"),
            };
            assert_eq!(refused, !trusted);
            let heads = heads.lock().unwrap();
            assert!(heads.len() >= 2);
            for head in heads.iter() {
                let signed = head.contains("\r\nauthorization:") || head.contains("x-amz-security");
                assert_eq!(signed, trusted, "{head}");
            }
        }
    });
}

#[test]
fn requests_to_a_bucket_are_counted() {
    with_world(async |world| {
        let limited = |requests: u64| {
            let mut options = world.options.clone();
            options.http.limits.set(Limit::Requests, requests);
            let location = Location::parse(&world.url).unwrap();
            Storage::open(&location, &options).unwrap()
        };
        let before = world.proxy.requests();
        let storage = limited(3);
        for _ in 0..3 {
            assert!(storage.get(&key("first"), 10).await.unwrap().is_some());
        }
        for failed in [
            storage.get(&key("first"), 10).await.map(drop),
            storage.list("").await.map(drop),
            storage.create(&key("second"), b"").await,
        ] {
            let error = failed.unwrap_err();
            assert!(
                matches!(&error, StorageError::Limit(it) if it.limit == Limit::Requests),
                "{error}"
            );
        }
        assert_eq!(world.proxy.requests() - before, 3);
        assert!(
            world
                .direct
                .get(&key("second"), 10)
                .await
                .unwrap()
                .is_none()
        );
        // Those that read all of a registry may ask more.
        let storage = limited(1);
        storage.allow_mirroring();
        for _ in 0..3 {
            storage.get(&key("first"), 10).await.unwrap();
        }
    });
}
