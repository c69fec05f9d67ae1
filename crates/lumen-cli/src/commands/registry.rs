//! `lumen registry …`: keys and rules, checks, monitors and witnesses.

use std::{collections::BTreeSet, path::Path, process::ExitCode};

use lumen_core::{
    Key,
    signing::{CosignerKey, PublicKey},
    trust::{Entry, Lacking, NamePolicy, RootNote},
};
use lumen_ops::{
    OpsError, keys,
    report::Reporter as _,
    session::Session,
    signed::{self, Asked, Change, RootChange, Submitted},
    verbs::{
        check,
        ci::{Program, Purpose},
        migrate,
        mirror::Request,
        rebuild, repair, root, sign, watch, witness,
    },
};
use lumen_registry::{Freshness, ReadError, log::Waiting, verify::TrustError};
use serde_json::json;

use super::{
    approve, bundle, ci, count, doctor, host, operate, publish, stats, submit, sync, with,
};
use crate::{
    args::{ChangeArgs, Policy, Registry, RegistryArgs, RegistryTrust, Target},
    ui::{Ui, path_json, word},
};

pub fn run(command: Registry, ui: &Ui) -> Result<ExitCode, OpsError> {
    let done = match command {
        Registry::Init {
            location,
            name,
            origin,
            unsigned,
        } => publish::registry(&location, name.as_deref(), origin.as_deref(), unsigned, ui),
        Registry::Trust(command) => trust(command, ui),
        Registry::Approve {
            claim,
            reject,
            reason,
            registry,
        } => approve::run(claim.as_deref(), reject.then_some(&reason), &registry, ui),
        Registry::Repair { registry } => {
            let (size, waiting) = repair::repair(&target(&registry, ui)?)?;
            if ui.json {
                let waiting = waiting.as_ref().map(waiting_json);
                ui.print_json(&json!({ "size": size, "waiting": waiting }));
            }
            let what = match &waiting {
                None => format!("the registry shows all {size} entries of its log"),
                Some(_) => format!("all {size} entries of the log are finished"),
            };
            ui.done("Repaired", what);
            if let Some(waiting) = &waiting {
                tell_waiting(waiting, ui);
            }
            Ok(())
        }
        Registry::Rebuild { registry } => rebuild(&registry, ui),
        Registry::Check { registry } => check(&registry, ui),
        Registry::Watch {
            registry,
            from,
            names,
            follow,
            every,
        } => {
            let mut from = from;
            loop {
                let session = target(&registry, ui)?;
                let size = watch::watch(&session, from, &names, |logged| {
                    ui.print_json_line(&line(logged));
                })?;
                from = from.max(size);
                if !follow {
                    break Ok(());
                }
                std::thread::sleep(std::time::Duration::from_secs(every));
            }
        }
        Registry::Gc {
            registry,
            dry_run,
            grace,
        } => operate::gc(&target(&registry, ui)?, grace, dry_run, ui),
        Registry::Migrate {
            registry,
            origin,
            owners,
            owners_file,
            dry_run,
            yes,
        } => {
            let request = migrate::Request {
                origin,
                owners,
                owners_file,
            };
            operate::migrate(&target(&registry, ui)?, &request, (dry_run, yes), ui)
        }
        Registry::Mirror {
            from,
            to,
            packages,
            full,
            no_page,
        } => {
            let request = Request {
                from,
                to,
                packages,
                full,
                without_page: no_page,
            };
            operate::mirror(&request, ui)
        }
        Registry::Bundle {
            from,
            file,
            since,
            packages,
            no_page,
        } => {
            let request = lumen_ops::verbs::bundle::Request {
                from,
                file,
                since,
                packages,
                without_page: no_page,
            };
            bundle::bundle(&request, ui)
        }
        Registry::Unbundle {
            file,
            to,
            fingerprint,
        } => bundle::unbundle(&file, &to, fingerprint, ui),
        Registry::Stats { registry } => stats::stats(&target(&registry, ui)?, ui),
        Registry::Sync { names } => return sync::sync(&names, ui),
        Registry::Witness {
            growth_only,
            registry,
        } => witness(growth_only, &registry, ui),
        Registry::Host(arguments) => host::host(&arguments, ui),
        Registry::Ingest {
            places,
            yes,
            dry_run,
            registry,
        } => return submit::ingest(&places, yes, dry_run, &registry, ui),
        Registry::Ci {
            service,
            registry,
            source,
            rev,
            ingest,
            stdout,
            force,
        } => {
            let purpose = match ingest {
                true => Purpose::Ingest,
                false => Purpose::Publish,
            };
            let to = (stdout, force);
            let built_from = Some(env!("LUMEN_COMMIT")).filter(|commit| !commit.is_empty());
            let program = Program {
                source: &source,
                commit: rev.as_deref().or(built_from),
                version: env!("CARGO_PKG_VERSION"),
            };
            ci::ci(service, purpose, &registry, &program, to, ui)
        }
        Registry::Doctor {
            registry,
            write,
            read_only,
        } => return doctor::doctor(&registry, write, read_only, ui),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// A session about the registry that a command names as its argument.
pub fn target<'u>(target: &Target, ui: &'u Ui) -> Result<Session<'u>, OpsError> {
    let registry = match &target.location {
        // A folder needs no slash in its name.
        Some(text) if !text.contains("://") && Path::new(text).is_dir() => {
            let path = std::path::absolute(text)?;
            Some(path.to_string_lossy().into_owned())
        }
        other => other.clone(),
    };
    let registry = RegistryArgs {
        registry,
        ..RegistryArgs::default()
    };
    with(None, &registry, Freshness::Revalidate, ui)
}

fn rebuild(registry: &Target, ui: &Ui) -> Result<(), OpsError> {
    let session = target(registry, ui)?;
    let changed = rebuild::rebuild(&session)?;
    let changed: Vec<&str> = changed.iter().map(Key::as_str).collect();
    if ui.json {
        ui.print_json(&json!({ "changed": changed }));
    } else {
        changed.iter().for_each(|file| ui.print(file));
    }
    let what = match changed.len() {
        0 => "nothing: every file is as the log says".into(),
        files => count(files, "file"),
    };
    ui.done("Rebuilt", what);
    if let Some(waiting) = repair::waiting(&session)? {
        tell_waiting(&waiting, ui);
    }
    Ok(())
}

fn check(registry: &Target, ui: &Ui) -> Result<(), OpsError> {
    let session = target(registry, ui)?;
    let findings = check::check(&session)?;
    let waiting = repair::waiting(&session)?;
    if ui.json {
        let findings = findings
            .iter()
            .map(|finding| json!({ "file": finding.file, "problem": finding.what }));
        ui.print_json(&findings.collect());
    } else {
        for finding in &findings {
            ui.print(&format!("{}: {}", finding.file, finding.what));
        }
    }
    if findings.is_empty() {
        ui.done("Checked", "every file is as the log says".into());
        if let Some(waiting) = &waiting {
            tell_waiting(waiting, ui);
        }
        return Ok(());
    }
    let reason = count(findings.len(), "problem");
    Err(ReadError::from(TrustError::Log { reason }).into())
}

fn witness(growth_only: bool, registry: &Target, ui: &Ui) -> Result<(), OpsError> {
    let seen = witness::witness(&target(registry, ui)?, growth_only)?;
    if ui.json {
        ui.print_json(&json!({
            "size": seen.size, "before": seen.before, "key": seen.key.to_string(),
            "validated": seen.validated, "waiting": seen.waiting.as_ref().map(waiting_json),
        }));
    }
    let before = match seen.before {
        Some(before) => format!("they continue the {before} seen last"),
        None => "the first this witness sees".into(),
    };
    let valid = if seen.validated { ", all valid" } else { "" };
    ui.done(
        "Witnessed",
        format!("{} entries{valid}; {before}", seen.size),
    );
    if let Some(waiting) = &seen.waiting {
        tell_waiting(waiting, ui);
    }
    Ok(())
}

/// What readers do not see yet.
pub fn waiting_json(waiting: &Waiting) -> serde_json::Value {
    json!({
        "public": waiting.public, "size": waiting.size,
        "witnesses": waiting.lacking.witnesses, "validating": waiting.lacking.validating,
    })
}

/// The witnesses that have to sign.
pub fn lacking_json(lacking: Lacking) -> serde_json::Value {
    json!({ "witnesses": lacking.witnesses, "validating": lacking.validating })
}

/// That readers do not see all entries yet.
fn tell_waiting(waiting: &Waiting, ui: &Ui) {
    ui.done("Waiting", waiting.to_string());
}

/// That readers do not see a change yet, and what has to happen.
pub fn tell_lacking(lacking: Option<Lacking>, ui: &Ui) {
    if let Some(lacking) = lacking {
        ui.done(
            "Waiting",
            format!("for {lacking}: readers see it once they signed"),
        );
        ui.hints(&["whoever has such a key runs `lumen registry witness`".into()]);
    }
}

/// An entry of the log as a line of JSON.
fn line(logged: &watch::Logged) -> serde_json::Value {
    let subject = logged.entry.subject().map(|subject| subject.to_string());
    let mut line = json!({ "index": logged.index, "subject": subject });
    match &logged.entry {
        Entry::Root(note) => {
            line["kind"] = json!("root");
            line["seq"] = json!(note.seq);
        }
        Entry::Owners(note) => {
            line["kind"] = json!("owners");
            line["seq"] = json!(note.seq);
        }
        Entry::Statement(statement) => {
            line["kind"] = json!(statement.action.verb());
            line["version"] = json!(statement.action.version());
            line["time"] = json!(statement.time);
        }
        Entry::Map(_) => line["kind"] = json!("map"),
    }
    line["text"] = json!(logged.text);
    line
}

fn trust(command: RegistryTrust, ui: &Ui) -> Result<(), OpsError> {
    type Make<'m> = Box<dyn FnOnce(&Session<'_>, &RootNote) -> Result<RootChange, OpsError> + 'm>;
    let (change, make): (ChangeArgs, Make<'_>) = match command {
        RegistryTrust::Show { registry } => return show(&registry, ui),
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
                let key = signed::key_among(session, &key, &root.log)?;
                Ok(RootChange::RemoveLogKey(key))
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
            Box::new(move |session, root| {
                let known: Vec<PublicKey> = [&root.root, &root.log, &root.names]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect();
                Ok(RootChange::Rotate {
                    old: match old {
                        Some(old) => signed::key_among(session, &old, &known)?,
                        None => keys::public(&session.environment)?,
                    },
                    new: signed::key(session, &new)?,
                })
            }),
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
    let mut before = None;
    let submitted = root::change_root(
        &session,
        |roots| {
            before = Some(roots.current().clone());
            make(&session, roots.current())
        },
        out,
    )?;
    tell(&submitted, "registry trust", ui);
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

/// Tells what came of a change, and what has to follow. `command` is the family of
/// commands with `sign` and `apply`.
pub fn tell(submitted: &Submitted, command: &str, ui: &Ui) {
    let subject = submitted.change.subject();
    if ui.json {
        let missing = submitted.missing.iter().map(|missing| {
            let keys = missing.keys.iter().map(ToString::to_string);
            json!({
                "whose": missing.whose, "more": missing.more, "keys": keys.collect::<Vec<_>>(),
            })
        });
        ui.print_json(&json!({
            "subject": subject.replace('`', ""), "applied": submitted.applied,
            "index": submitted.index, "file": submitted.file.as_deref().map(path_json), "signed": submitted.signed,
            "queued": submitted.queued.is_some(), "waiting": submitted.lacking.map(lacking_json),
            "missing": missing.collect::<Vec<_>>(),
        }));
    }
    if submitted.applied {
        let place = submitted.index.map_or("there already".to_owned(), |index| {
            format!("entry {index} of the log")
        });
        ui.done("Changed", format!("{subject}, {place}"));
        tell_lacking(submitted.lacking, ui);
    }
    if let Some(asked) = &submitted.queued {
        let already = match asked {
            Asked::Already => " already",
            Asked::New(_) | Asked::Rejected(_) => "",
        };
        ui.done("Waiting", format!("{subject} in the registry{already}"));
        let mut hints = missing_hints(submitted);
        let name = match &submitted.change {
            Change::Owners(note) => note.name.to_string(),
            Change::Root(_) => String::new(),
        };
        hints.push(match submitted.missing.is_empty() {
            true => format!("anybody with a log key ends it: `lumen registry approve {name}`"),
            false => format!("they run `lumen registry approve {name}`"),
        });
        ui.hints(&hints);
    }
    let Some(file) = &submitted.file else {
        return;
    };
    let file = file.display();
    let by = if submitted.signed {
        "signed with your key"
    } else {
        "not signed by you"
    };
    ui.done("Proposed", format!("{subject} in {file}, {by}"));
    let file = file.to_string();
    let file = word(&file);
    let mut hints = missing_hints(submitted);
    let command = match command {
        "registry approve" => "registry trust",
        other => other,
    };
    hints.push(match submitted.missing.is_empty() {
        true => format!("`lumen {command} apply {file}` puts it into effect"),
        false => {
            format!("they run `lumen {command} sign {file}`; then `lumen {command} apply {file}`")
        }
    });
    ui.hints(&hints);
}

/// Who has to sign.
fn missing_hints(submitted: &Submitted) -> Vec<String> {
    let mut hints = Vec::new();
    // Keys of the note before and of the note itself are mostly the same.
    let mut said = BTreeSet::new();
    for missing in &submitted.missing {
        let names: Vec<&str> = missing.keys.iter().map(PublicKey::name).collect();
        let names = names.join(", ");
        if said.insert((missing.more, names.clone())) {
            hints.push(format!("{} more of these must sign: {names}", missing.more));
        }
    }
    hints
}

fn show(registry: &RegistryArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = with(None, registry, Freshness::Revalidate, ui)?;
    let signed = signed::open(&session)?;
    let (root, info) = (signed.roots.current(), &signed.info);
    if ui.json {
        let keys = |keys: &[PublicKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
        let witnesses = root.witnesses.iter().map(ToString::to_string);
        let validators = root.validators.iter().map(ToString::to_string);
        ui.print_json(&json!({
            "origin": root.origin, "fingerprint": info.fingerprint, "root": root.seq,
            "time": root.time, "expires": root.expires, "size": info.size,
            "root_threshold": root.threshold, "root_keys": keys(&root.root),
            "log_keys": keys(&root.log),
            "policy": root.policy.as_str(), "names_threshold": root.names_threshold,
            "names_keys": keys(&root.names),
            "witness_quorum": root.witness_quorum, "witnesses": witnesses.collect::<Vec<_>>(),
            "validating_quorum": root.validating_quorum,
            "validators": validators.collect::<Vec<_>>(),
            "max_age": root.max_age,
        }));
        return Ok(());
    }
    let line = |label: &str, value: &str| ui.print(&format!("{label:>12}: {value}"));
    let all = |label: &str, rule: String, keys: &[PublicKey]| {
        line(label, &rule);
        for key in keys {
            ui.print(&format!("{:>14}{} {}", "", key.fingerprint(), key.name()));
        }
    };
    let of =
        |threshold: u32, keys: usize| format!("{threshold} of {} must sign", count(keys, "key"));
    line("registry", &root.origin);
    ui.print(&format!("{:>12}:", "fingerprint"));
    ui.print(&format!("  {}", info.fingerprint));
    line("root", &format!("{}, of {}", root.seq, root.time));
    line("expires", root.expires.as_deref().unwrap_or("never"));
    line(
        "log",
        &count(usize::try_from(info.size).unwrap_or(usize::MAX), "entry")
            .replace("entrys", "entries"),
    );
    all("root keys", of(root.threshold, root.root.len()), &root.root);
    all("log keys", "each alone".into(), &root.log);
    let names = match root.policy {
        NamePolicy::Open => "open: whoever publishes a name first has it".to_owned(),
        NamePolicy::Approve => format!("approve: {}", of(root.names_threshold, root.names.len())),
    };
    all("names", names, &root.names);
    let mut witnessed = match root.witness_quorum {
        0 => "none needed".to_owned(),
        quorum => of(quorum, root.all_witnesses().count()),
    };
    if let Some(age) = root.max_age {
        witnessed.push_str(&format!(", every {age} seconds"));
    }
    let keys = |keys: &[CosignerKey]| keys.iter().map(|key| key.key().clone()).collect::<Vec<_>>();
    all("witnesses", witnessed, &keys(&root.witnesses));
    if !root.validators.is_empty() {
        let validated = match root.validating_quorum {
            0 => "none needed".to_owned(),
            quorum => of(quorum, root.validators.len()),
        };
        all("validating", validated, &keys(&root.validators));
    }
    Ok(())
}
