//! `lumen registry trust show`.

use lumen_core::{
    signing::{CosignerKey, PublicKey},
    trust::NamePolicy,
};
use lumen_ops::{OpsError, signed};
use lumen_registry::Freshness;

use crate::{
    args::RegistryArgs,
    commands::shared::{
        session::with,
        text::{count, many},
    },
    json::trust::Root,
    ui::Ui,
};

pub fn run(registry: &RegistryArgs, ui: &Ui) -> Result<(), OpsError> {
    let session = with(None, registry, Freshness::Revalidate, ui)?;
    let signed = signed::open(&session)?;
    let (root, info) = (signed.roots.current(), &signed.info);
    if ui.json {
        let keys = |keys: &[PublicKey]| keys.iter().map(ToString::to_string).collect();
        let witnesses = |keys: &[CosignerKey]| keys.iter().map(ToString::to_string).collect();
        ui.answer(&Root {
            origin: root.origin.clone(),
            fingerprint: info.fingerprint.to_string(),
            root: root.seq,
            time: root.time.clone(),
            expires: root.expires.clone(),
            size: info.size,
            root_threshold: root.threshold,
            root_keys: keys(&root.root),
            log_keys: keys(&root.log),
            policy: root.policy.as_str().to_owned(),
            names_threshold: root.names_threshold,
            names_keys: keys(&root.names),
            moderator_threshold: root.moderator_threshold,
            moderators: keys(&root.moderators),
            witness_quorum: root.witness_quorum,
            witnesses: witnesses(&root.witnesses),
            validating_quorum: root.validating_quorum,
            validators: witnesses(&root.validators),
            max_age: root.max_age,
        });
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
    line("log", &many(info.size, "entry"));
    all("root keys", of(root.threshold, root.root.len()), &root.root);
    all("log keys", "each alone".into(), &root.log);
    let names = match root.policy {
        NamePolicy::Open => "open: the first publisher of a name owns it".to_owned(),
        NamePolicy::Approve => format!("approve: {}", of(root.names_threshold, root.names.len())),
    };
    all("names", names, &root.names);
    if !root.moderators.is_empty() {
        let rule = of(root.moderator_threshold, root.moderators.len());
        all("moderators", rule, &root.moderators);
    }
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
