//! `lumen key …`: the user's signing keys.

use lumen_ops::{
    OpsError,
    keys::{self, KeyInfo, KeyStore},
    report::Reporter as _,
    settings::Environment,
};
use zeroize::Zeroizing;

use crate::{
    args::Key,
    environment,
    json::{shared, trust as json},
    report::{CliError, Declined},
    ui::{Ui, padded, width as width_of},
};

pub fn run(command: Key, ui: &Ui) -> Result<(), CliError> {
    let environment = environment::read()?;
    let store = KeyStore::of(&environment)?;
    match command {
        Key::New { name, passphrase } => {
            let passphrase = wanted(&environment, passphrase, name.as_deref().unwrap_or("new"))?;
            let passphrase = passphrase.as_deref().map(String::as_str);
            let info = store.generate(name.as_deref(), passphrase)?;
            show(ui, &info, "Created");
        }
        Key::List => list(&store, ui)?,
        Key::Show { name } => {
            let info = store.info(name.as_deref())?;
            advise(&store, &info, ui)?;
            if ui.json {
                ui.answer(&json::Key::from(&info));
            } else {
                for (label, value) in [
                    ("name", info.public.name().to_owned()),
                    ("public", info.public.to_string()),
                    ("fingerprint", info.public.fingerprint()),
                    ("file", info.path.display().to_string()),
                    ("passphrase", if info.sealed { "yes" } else { "no" }.into()),
                ] {
                    ui.print(&format!("{label:>12}: {value}"));
                }
            }
        }
        Key::Default { name } => {
            store.set_default(&name)?;
            let info = store.info(Some(&name))?;
            advise(&store, &info, ui)?;
            show(ui, &info, "Chose");
        }
        Key::Import {
            file,
            name,
            passphrase,
        } => {
            let passphrase = wanted(
                &environment,
                passphrase,
                name.as_deref().unwrap_or("imported"),
            )?;
            let passphrase = passphrase.as_deref().map(String::as_str);
            let info = store.import(&file, name.as_deref(), passphrase)?;
            show(ui, &info, "Imported");
        }
        Key::Export { name, secret } => {
            export((&environment, &store), name.as_deref(), secret, ui)?
        }
        Key::Rotate { name, passphrase } => {
            let passphrase = wanted(&environment, passphrase, name.as_deref().unwrap_or("new"))?;
            let passphrase = passphrase.as_deref().map(String::as_str);
            let (old, new) = store.rotate(name.as_deref(), passphrase)?;
            advise(&store, &old, ui)?;
            show(ui, &new, "Created");
            let (old, new, mut hints) = (&old, new.public.name(), Vec::new());
            if old.default {
                let old = old.public.name();
                hints.push(format!(
                    "`{old}` stays the default: it has to sign what makes `{new}` count"
                ));
            }
            hints.push(format!(
                "for each registry that lists it, run `lumen registry trust rotate {new}`, which says what is next"
            ));
            ui.hints(&hints);
        }
        Key::Remove { name, yes } => remove(&store, &name, yes, ui)?,
        Key::Move { name, new_name } => {
            let moved = store.move_old(name.as_deref(), new_name.as_deref())?;
            ui.answer(&json::Keys {
                keys: moved.iter().map(Into::into).collect(),
            });
            let dir = store.dir().display();
            for key in &moved {
                ui.done("Moved", format!("key `{}` to {dir}", key.public.name()));
            }
            if moved.is_empty() {
                ui.done("Moved", format!("nothing: all keys are in {dir}"));
            }
        }
    }
    Ok(())
}

/// Says that keys lie where they may get lost.
fn advise(store: &KeyStore, used: &KeyInfo, ui: &Ui) -> Result<(), OpsError> {
    let advice = store.advice(&used.path)?;
    advice.into_iter().for_each(|problem| ui.warn(problem));
    Ok(())
}

fn remove(store: &KeyStore, name: &str, yes: bool, ui: &Ui) -> Result<(), CliError> {
    // A key that cannot be removed is no question.
    store.removable(name)?;
    let question = format!("Remove the key `{name}` for ever?");
    if !yes && ui.confirm(&question) != Some(true) {
        return Err(Declined::RemoveKey.into());
    }
    let path = store.remove(name)?;
    ui.answer(&json::RemovedKey {
        name: name.to_owned(),
        file: shared::path(&path),
    });
    ui.done("Removed", format!("key `{name}`"));
    Ok(())
}

fn wanted(
    environment: &Environment,
    passphrase: bool,
    name: &str,
) -> Result<Option<Zeroizing<String>>, OpsError> {
    let asked = passphrase.then(|| keys::new_passphrase(name, environment));
    Ok(asked.transpose()?)
}

fn list(store: &KeyStore, ui: &Ui) -> Result<(), OpsError> {
    let keys = store.list()?;
    if let Some(shown) = keys.iter().find(|key| key.default).or(keys.first()) {
        advise(store, shown, ui)?;
    }
    if ui.json {
        ui.answer(&json::Keys {
            keys: keys.iter().map(Into::into).collect(),
        });
        return Ok(());
    }
    let width = keys.iter().map(|key| width_of(key.public.name())).max();
    let width = width.unwrap_or_default();
    for key in &keys {
        let notes = [(key.default, "default"), (key.sealed, "passphrase")];
        let notes = notes.iter().filter(|(there, _)| *there);
        let notes: Vec<&str> = notes.map(|(_, note)| *note).collect();
        let (name, fingerprint) = (key.public.name(), key.public.fingerprint());
        let name = padded(name, width);
        let line = format!("{name}  {fingerprint}  {}", notes.join(", "));
        ui.print(line.trim_end());
    }
    if keys.is_empty() {
        ui.done("Found", format!("no key in {}", store.dir().display()));
        ui.hints(&["`lumen key new` makes one".into()]);
    }
    Ok(())
}

fn export(
    (environment, store): (&Environment, &KeyStore),
    name: Option<&str>,
    secret: bool,
    ui: &Ui,
) -> Result<(), OpsError> {
    let info = store.info(name)?;
    advise(store, &info, ui)?;
    if !secret {
        if ui.json {
            ui.answer(&json::Key::from(&info));
        } else {
            ui.print(&info.public.to_string());
        }
        return Ok(());
    }
    let (_, file) = store.read(name)?;
    let secret = keys::unlock(file, environment)?.to_text();
    if ui.json {
        ui.answer(&json::SecretKey {
            name: info.public.name().to_owned(),
            secret,
        });
    } else {
        ui.print(&secret);
    }
    Ok(())
}

fn show(ui: &Ui, info: &KeyInfo, verb: &'static str) {
    ui.answer(&json::Key::from(info));
    let name = info.public.name();
    let default = if info.default { ", the default" } else { "" };
    ui.done(
        verb,
        format!("key `{name}` {}{default}", info.public.fingerprint()),
    );
}
