//! The steps that remain after the root note replaced one key with another.

use lumen_core::signing::PublicKey;
use lumen_ops::{
    keys::KeyStore,
    session::Session,
    verbs::root::{self, Left},
};

use crate::{
    args::ChangeArgs,
    ui::{Ui, word},
};

/// Commands about names that are shown; more of them would hide the rest.
const SHOWN: usize = 10;

/// Says what has to follow, in the order in which it works.
pub fn tell(session: &Session<'_>, change: &ChangeArgs, old: &PublicKey, new: &PublicKey, ui: &Ui) {
    let at = change.registry.registry.as_deref();
    let at = at.map_or(String::new(), |at| format!(" --registry {}", word(at)));
    let own = KeyStore::of(&session.context.environment).and_then(|store| store.list());
    let own = own.unwrap_or_default();
    let called = |key: &PublicKey| {
        let mut own = own.iter().map(|own| &own.public);
        own.find(|own| own.bytes() == key.bytes())
            .map(|own| own.name().to_owned())
    };
    let old_name = called(old).unwrap_or_else(|| old.to_string());
    let new_name = called(new).unwrap_or_else(|| new.to_string());
    let mut hints = Vec::new();
    let left = root::left(session, old, new);
    match &left {
        Ok(Some(left)) => owned(left, &new_name, &old_name, &at, &mut hints),
        _ => hints.push(format!(
            "for each name that `{old_name}` owns, run `lumen pkg owner add NAME {new_name} --admin{at}`"
        )),
    }
    let is_default = own
        .iter()
        .any(|own| own.default && own.public.bytes() == old.bytes());
    if is_default && called(new).is_some() {
        hints.push(format!(
            "then `lumen key default {new_name}` signs with it; the registry still lists `{old_name}` as a log key"
        ));
    }
    match &left {
        // Each of these says that the log still takes the old key, until it does not.
        Ok(Some(left)) if !left.admin.is_empty() => {
            for name in left.admin.iter().take(SHOWN) {
                hints.push(format!(
                    "then `lumen pkg owner remove {name} {old_name}{at}` takes the name from the old key"
                ));
            }
        }
        _ => hints.push(format!(
            "at the end, `lumen registry trust remove-log-key {old_name}{at}` takes the log from the old key"
        )),
    }
    ui.hints(&hints);
}

fn owned(left: &Left, new: &str, old: &str, at: &str, hints: &mut Vec<String>) {
    let admin = left.admin.iter();
    let admin = admin.map(|name| format!("`lumen pkg owner add {name} {new} --admin{at}`"));
    for command in admin.clone().take(SHOWN) {
        hints.push(format!("`{old}` still owns a name: {command}"));
    }
    if admin.len() > SHOWN {
        let more = left.admin.iter().skip(SHOWN).map(ToString::to_string);
        let more: Vec<String> = more.collect();
        hints.push(format!("the same for {}", more.join(", ")));
    }
    for name in left.publisher.iter().take(SHOWN) {
        hints.push(format!(
            "`{old}` may publish `{name}`: ask its admins for `lumen pkg owner add {name} {new}`"
        ));
    }
}
