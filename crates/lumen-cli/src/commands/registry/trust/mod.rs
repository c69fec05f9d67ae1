//! `lumen registry trust …`: changes of the root.

mod rotation;
mod show;

use lumen_core::{
    signing::PublicKey,
    trust::{Lacking, NamePolicy, RootNote},
};
use lumen_ops::{
    OpsError,
    session::Session,
    signed::{self, Change, RootChange},
    verbs::{root, sign},
};
use lumen_registry::Freshness;

use crate::{
    args::{ChangeArgs, Policy, RegistryTrust},
    commands::shared::{session::with, submitted::tell},
    ui::Ui,
};

pub fn run(command: RegistryTrust, ui: &Ui) -> Result<(), OpsError> {
    type Make<'m> = Box<dyn FnOnce(&Session<'_>, &RootNote) -> Result<RootChange, OpsError> + 'm>;
    let (change, make): (ChangeArgs, Make<'_>) = match command {
        RegistryTrust::Show { registry } => return show::run(&registry, ui),
        RegistryTrust::Sign { file, registry } => {
            let session = with(None, &registry, Freshness::Revalidate, ui)?;
            tell(&sign::sign(&session, &file)?, "registry trust", ui);
            return Ok(());
        }
        RegistryTrust::Apply { file, registry } => {
            let session = with(None, &registry, Freshness::Revalidate, ui)?;
            tell(&sign::apply(&session, &file)?, "registry trust", ui);
            return Ok(());
        }
        RegistryTrust::AddKey { key, change } => (
            change,
            Box::new(move |session, _| Ok(RootChange::AddKey(signed::key(session, &key)?))),
        ),
        RegistryTrust::RemoveKey { key, change } => (
            change,
            Box::new(move |session, root| {
                let key = signed::key_among(session, &key, &root.root)?;
                Ok(RootChange::RemoveKey(key))
            }),
        ),
        RegistryTrust::SetThreshold { number, change } => (
            change,
            Box::new(move |_, _| Ok(RootChange::SetThreshold(number))),
        ),
        RegistryTrust::AddLogKey { key, change } => (
            change,
            Box::new(move |session, _| Ok(RootChange::AddLogKey(signed::key(session, &key)?))),
        ),
        RegistryTrust::RemoveLogKey { key, change } => (
            change,
            Box::new(move |session, root| {
                Ok(RootChange::RemoveLogKey(root::log_key(
                    session, root, &key,
                )?))
            }),
        ),
        RegistryTrust::AddWitness {
            key,
            validating,
            quorum,
            validating_quorum,
            max_age,
            change,
        } => (
            change,
            Box::new(move |session, root| {
                Ok(RootChange::AddWitness {
                    key: signed::key_among(session, &key, &witnesses(root))?,
                    validating,
                    quorum,
                    validating_quorum,
                    max_age,
                })
            }),
        ),
        RegistryTrust::RemoveWitness { key, change } => (
            change,
            Box::new(move |session, root| {
                let key = signed::key_among(session, &key, &witnesses(root))?;
                Ok(RootChange::RemoveWitness(key))
            }),
        ),
        RegistryTrust::AddModerator {
            key,
            threshold,
            change,
        } => (
            change,
            Box::new(move |session, root| {
                let key = signed::key_among(session, &key, &root.moderators)?;
                Ok(RootChange::AddModerator { key, threshold })
            }),
        ),
        RegistryTrust::RemoveModerator {
            key,
            threshold,
            change,
        } => (
            change,
            Box::new(move |session, root| {
                let key = signed::key_among(session, &key, &root.moderators)?;
                Ok(RootChange::RemoveModerator { key, threshold })
            }),
        ),
        RegistryTrust::Policy {
            policy,
            keys,
            threshold,
            change,
        } => (
            change,
            Box::new(move |session, root| {
                let keys = keys
                    .iter()
                    .map(|key| signed::key_among(session, key, &root.names));
                Ok(RootChange::Policy {
                    policy: match policy {
                        Policy::Open => NamePolicy::Open,
                        Policy::Approve => NamePolicy::Approve,
                    },
                    keys: keys.collect::<Result<_, _>>()?,
                    threshold,
                })
            }),
        ),
        RegistryTrust::Rotate { new, old, change } => (
            change,
            Box::new(move |session, root| root::rotation(session, root, old.as_deref(), &new)),
        ),
        RegistryTrust::Expire { when, change } => (
            change,
            Box::new(move |_, _| {
                let when = (when != "never").then_some(when);
                Ok(RootChange::Expire(when))
            }),
        ),
    };
    let session = with(None, &change.registry, Freshness::Revalidate, ui)?;
    let out = change.out.as_deref();
    let (mut before, mut rotated) = (None, None);
    let submitted = root::change_root(
        &session,
        |roots| {
            before = Some(roots.current().clone());
            let made = make(&session, roots.current())?;
            if let RootChange::Rotate { old, new } = &made {
                rotated = Some((old.clone(), new.clone()));
            }
            Ok(made)
        },
        out,
    )?;
    tell(&submitted, "registry trust", ui);
    if let (Some((old, new)), true) = (rotated, submitted.applied) {
        rotation::tell(&session, &change, &old, &new, ui);
    }
    if let (Some(before), Change::Root(after)) = (before, &submitted.change) {
        let lowered = after.witness_quorum < before.witness_quorum
            || after.validating_quorum < before.validating_quorum;
        if lowered {
            let mut hint = format!("readers then ask for {}", quorum(after));
            if before.max_age.is_some() && after.max_age.is_none() {
                hint.push_str(", however long ago they signed");
            }
            ui.hints(&[hint]);
        }
    }
    Ok(())
}

/// How many witnesses a root note asks for.
fn quorum(root: &RootNote) -> String {
    let all = Lacking {
        witnesses: root.witness_quorum,
        validating: root.validating_quorum,
    };
    match all.is_nothing() {
        true => "no witness".into(),
        false => all.to_string(),
    }
}

fn witnesses(root: &RootNote) -> Vec<PublicKey> {
    let keys = root.all_witnesses().map(|witness| witness.key().clone());
    keys.collect()
}
