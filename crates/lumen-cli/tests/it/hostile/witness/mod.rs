//! An insider has a log key and may write to the registry. Witnesses, and readers who ask for
//! them, do not take the insider's word.

mod addresses;
mod hosts;
mod log;
mod quorum;

use std::time::{SystemTime, UNIX_EPOCH};

use lumen_core::{
    signing::{CosignerKey, SecretKey},
    trust::RootNote,
};
use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    world::{World, key},
};

use crate::{as_key, bare, fails};

const ORIGIN: &str = "example/1f";
const WITNESS: [&str; 3] = ["registry", "witness", "registry"];

/// A sandbox in which a world is the registry.
pub(super) fn show(world: &World) -> Sandbox {
    let sandbox = bare();
    world.write_to(&sandbox.path("registry"));
    sandbox
}

fn cosigner(key: &SecretKey) -> CosignerKey {
    CosignerKey::new(key.public().clone())
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

pub(super) fn witness(sandbox: &Sandbox, key: &SecretKey) -> Ran {
    as_key(sandbox, &key.to_text(), &WITNESS)
}

/// A project that needs `text`, installed by somebody who has not seen the registry before.
fn install(sandbox: &Sandbox) -> Ran {
    let _ = std::fs::remove_dir_all(sandbox.path("app"));
    let _ = std::fs::remove_dir_all(sandbox.path("home"));
    let more = "\n[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", more).unwrap();
    sandbox.run("app", &["pkg", "install"]).unwrap()
}

/// A registry with a witness that has confirmed what there is: ada's package with two releases.
pub(super) struct Watched {
    pub(super) world: World,
    ada: SecretKey,
    pub(super) witness: SecretKey,
}

impl Watched {
    pub(super) fn new(change: impl FnOnce(&mut RootNote, CosignerKey)) -> Self {
        let (ada, witness) = (key("ada", 7), key("wit", 8));
        let mut world = World::with(ORIGIN, |root| change(root, cosigner(&witness)));
        world.claim("text", &ada);
        for number in ["1.0.0", "1.1.0"] {
            world.publish_files("text", number, &[], number, &ada);
        }
        world.seal();
        Self {
            world,
            ada,
            witness,
        }
    }

    /// With a plain witness, as registries have had them since there are witnesses.
    fn plain() -> Self {
        Self::new(|root, witness| root.witnesses.push(witness))
    }

    /// Asserts that the witness confirms the world as it was and refuses it as it is now.
    fn refuses(&self, before: &World, said: &[&str]) {
        for confirmed_before in [true, false] {
            let sandbox = show(before);
            if confirmed_before {
                let ran = witness(&sandbox, &self.witness);
                assert_eq!(ran.code, Some(0), "{ran:#?}");
            }
            self.world.write_to(&sandbox.path("registry"));
            let checkpoint = sandbox.read("registry/log/checkpoint").unwrap();
            let ran = witness(&sandbox, &self.witness);
            fails(&ran, 3, said);
            fails(&ran, 3, &["does not confirm the log", "nothing was signed"]);
            assert_eq!(sandbox.read("registry/log/checkpoint").unwrap(), checkpoint);
            let evidence = ran.err.split("the entry are in `").nth(1).unwrap();
            let evidence = evidence.split('`').next().unwrap();
            let evidence = std::fs::read_to_string(evidence).unwrap();
            let shown = checkpoint.split("\n\n").next().unwrap();
            assert!(evidence.contains(shown), "{evidence}");
        }
    }
}
