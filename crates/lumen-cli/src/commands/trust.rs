//! `lumen trust …`: what this machine remembers of signed registries.

use lumen_core::Digest;
use lumen_ops::{
    OpsError,
    error::InputError,
    report::Reporter as _,
    session::Session,
    signed::Owned,
    verbs::{
        anchor::{self, Anchored},
        trust,
    },
};
use lumen_registry::{Freshness, location::redacted, verify::state::Remembered};

use super::shared::{session::with, text::count};
use crate::{
    args::{RegistryArgs, Trust},
    json::{shared::Release, trust as json},
    report::{CliError, Declined},
    ui::{Ui, word},
};

pub fn run(command: Trust, ui: &Ui) -> Result<(), CliError> {
    let session = with(None, &RegistryArgs::default(), Freshness::Revalidate, ui)?;
    match command {
        Trust::List => list(&trust::list(&session)?, ui),
        Trust::Pin {
            registry,
            fingerprint,
        } => {
            let root: Digest = fingerprint
                .trim()
                .parse()
                .map_err(|_| OpsError::from(InputError::Fingerprint(fingerprint.clone())))?;
            let pinned = trust::pin(&session, &registry, &root)?;
            ui.answer(&entry(&pinned));
            ui.done("Pinned", format!("{} to {}", pinned.url, pinned.root));
        }
        Trust::Accept {
            registry,
            owners,
            lock,
            yes,
        } => {
            // Accepting a registry without looking at it protects no user.
            let question = match owners.as_slice() {
                [] => format!(
                    "Accept {} as it is now, whatever it was before?",
                    redacted(&registry)
                ),
                names => format!("Accept the new owners of {}?", names.join(", ")),
            };
            if !yes && ui.confirm(&question) != Some(true) {
                return Err(Declined::Accept.into());
            }
            if !owners.is_empty() {
                return Ok(accept_owners(&session, &registry, &owners, ui)?);
            }
            let accepted = trust::accept(&session, &registry)?;
            let before = accepted.before.as_ref().map(entry);
            let now = &accepted.now;
            ui.done("Accepted", format!("{} as {}", now.url, now.root));
            let anchored = match lock {
                true => Some(anchor::lock(&session, &registry, &accepted)?),
                false => None,
            };
            if !lock {
                let registry = redacted(&registry);
                let registry = word(&registry);
                ui.hints(&[format!(
                    "a lumen.lock that saw another state goes on refusing it: `lumen trust accept {registry} --lock` in that project mends it"
                )]);
            }
            ui.answer(&json::Accepted::Registry {
                before: before.map(Box::new),
                now: Box::new(entry(now)),
                lock: anchored.as_ref().map(anchored_json),
            });
            if let Some(anchored) = anchored {
                let packages = count(anchored.packages, "package");
                let size = anchored.size;
                let message =
                    format!("lumen.lock on {size} entries; the hashes of {packages} stay");
                ui.done("Anchored", message);
            }
        }
        Trust::Forget { registry } => {
            let known = trust::forget(&session, &registry)?;
            let registry = redacted(&registry);
            ui.answer(&json::Forgotten {
                registry: registry.to_string(),
                changed: known,
            });
            match known {
                true => ui.done("Forgot", registry),
                false => ui.done("Forgot", format!("nothing: {registry} was not known")),
            }
        }
    }
    Ok(())
}

fn anchored_json(anchored: &Anchored) -> json::Anchored {
    let differing = anchored.differing.iter();
    let differing = differing.map(|(name, version)| Release::of(name, version));
    json::Anchored {
        packages: anchored.packages,
        size: anchored.size,
        differing: differing.collect(),
    }
}

fn accept_owners(
    session: &Session<'_>,
    registry: &str,
    names: &[String],
    ui: &Ui,
) -> Result<(), OpsError> {
    let names = names.iter().map(|name| Ok(Owned::parse(name)?.subject));
    let names = names.collect::<Result<Vec<_>, OpsError>>()?;
    let accepted = trust::accept_owners(session, registry, &names)?;
    let owners = accepted.iter().map(|(name, seq)| json::AcceptedOwners {
        name: name.to_string(),
        seq: *seq,
    });
    ui.answer(&json::Accepted::Owners {
        registry: redacted(registry).to_string(),
        owners: owners.collect(),
    });
    for (name, seq) in &accepted {
        ui.done("Accepted", format!("the owners of `{name}`, note {seq}"));
    }
    Ok(())
}

fn list(known: &[Remembered], ui: &Ui) {
    if ui.json {
        ui.answer(&json::Remembered {
            registries: known.iter().map(entry).collect(),
        });
        return;
    }
    for registry in known {
        let pinned = if registry.pinned { "pinned, " } else { "" };
        let size = registry.seen().ok().flatten();
        let size = size.map_or("never read".to_owned(), |seen| {
            format!("{} entries", seen.size)
        });
        ui.print(&registry.url);
        ui.print(&format!("  {}", registry.root));
        ui.print(&format!("  {pinned}{size}, since {}", registry.first_seen));
    }
    if known.is_empty() {
        ui.done(
            "Found",
            "no signed registry; the first contact adds one".into(),
        );
    }
}

fn entry(registry: &Remembered) -> json::Registry {
    json::Registry {
        url: registry.url.clone(),
        origin: registry.origin.clone(),
        fingerprint: registry.root.to_string(),
        size: registry.seen().ok().flatten().map(|seen| seen.size),
        first_seen: registry.first_seen.clone(),
        pinned: registry.pinned,
    }
}
