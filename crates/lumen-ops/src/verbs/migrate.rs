//! `lumen registry migrate`.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use lumen_core::{Digest, PackageName, signing::PublicKey, trust::Subject};
use lumen_registry::{
    Location, ReadError, Registry, Storage,
    log::{Finding, is_signed},
    migrate::{self, Assignments, Forbidden, Inventory, MigrateOptions, Migrated},
    publish::PublishError,
    relist,
    signer::Signer,
    verify::state,
};

use crate::{
    contents,
    error::{InputError, OpsError, RegistryError},
    report::watch,
    session::{Purpose, Session, Which, registry_name},
    settings::DEFAULT,
    signed,
    verbs::found::origin_of,
};

/// How to migrate.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// What its signatures call the registry; none: its name and eight digits.
    pub origin: Option<String>,
    /// `name=key`: who is to own names and scopes, besides this user.
    pub owners: Vec<String>,
    /// A file with more of these, `name key` on a line.
    pub owners_file: Option<PathBuf>,
}

/// A migration that can be agreed to.
pub struct Plan {
    /// What will be logged, and what should be known first.
    pub inventory: Inventory,
    /// Where the registry is.
    pub location: Location,
    /// What its signatures will call it; none: it is signed already.
    pub origin: Option<String>,
    is_signed: bool,
    registry: Registry,
    /// The key that will own everything, if there is one already.
    signer: Option<Arc<dyn Signer>>,
    assignments: Assignments,
}

impl Plan {
    /// The key that will own everything; none: it will be made.
    pub fn key(&self) -> Option<&PublicKey> {
        self.signer.as_ref().map(|signer| signer.public())
    }

    /// Checks that the registry can be signed with the key at hand. Nothing is written.
    ///
    /// # Errors
    /// When a problem must be fixed first, or this key may not do it.
    pub fn check(&self, session: &Session<'_>) -> Result<(), OpsError> {
        if let Some(Finding { file, what, .. }) = self.inventory.problems.first() {
            return Err(RegistryError::NotSignable {
                file: file.clone(),
                what: what.clone(),
            }
            .into());
        }
        let Some(signer) = self.signer.as_deref() else {
            // A new key may sign what is unsigned, and nothing else.
            return match self.is_signed {
                true => Err(PublishError::NoKey.into()),
                false => Ok(()),
            };
        };
        session.block_on(async {
            let checked = migrate::check_key(&self.registry, &self.inventory, signer).await;
            checked.map_err(|forbidden| match forbidden {
                Forbidden::Read(error) => error.into(),
                Forbidden::Publish(error) => error.into(),
            })
        })
    }
}

/// Looks at the whole registry, and decides what to do. Nothing is written.
///
/// # Errors
/// When it cannot be read, or something about the request is wrong.
pub fn prepare(session: &Session<'_>, request: &Request) -> Result<Plan, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let location = session.publish_location(DEFAULT)?;
    let assignments = assignments(session, request)?;
    let watch = watch(session.context.reporter);
    let storage = registry.storage();
    let (signed, inventory) = session.block_on(async {
        let signed = is_signed(storage).await?;
        let stock = migrate::take_stock(storage, &contents::inspect, &watch).await?;
        Ok((signed, stock))
    })?;
    let known = inventory.subjects();
    let unknown = |subject: &&Subject| !known.contains(*subject);
    if let Some(subject) = assignments.owners.keys().find(unknown) {
        return Err(RegistryError::NoPackageOf(subject.clone()).into());
    }
    let signer = session.signer_if_any()?;
    let origin = match (signed, &request.origin) {
        (true, _) => None,
        (false, Some(origin)) => Some(origin.clone()),
        (false, None) => {
            let name = session.block_on(async { Ok(registry.global_index().await?) })?;
            let name = name.and_then(|index| index.name);
            let name = name.unwrap_or_else(|| registry_name(&location));
            let key = signer.as_ref().map(|signer| signer.public().to_string());
            let key = key.unwrap_or_else(|| location.url());
            let unique = format!("{name} {} {key}", session.context.options.now);
            Some(origin_of(&name, &Digest::of(unique.as_bytes())))
        }
    };
    Ok(Plan {
        inventory,
        location,
        origin,
        is_signed: signed,
        registry,
        signer,
        assignments,
    })
}

/// The result of a migration.
pub struct Done {
    /// What was logged.
    pub migrated: Migrated,
    /// The file of the key, if it was made for this.
    pub new_key: Option<PathBuf>,
    /// How many file lists were made.
    pub lists: usize,
}

/// Signs the registry, and logs what it has. Makes a key if there is none, and file lists for the
/// releases that have none.
///
/// # Errors
/// As [`Plan::check`], and when a key cannot be made, or the host fails.
pub fn run(session: &Session<'_>, plan: &Plan) -> Result<Done, OpsError> {
    plan.check(session)?;
    let (signer, new_key) = match &plan.signer {
        Some(signer) => (Arc::clone(signer), None),
        None => session.signer_or_new()?,
    };
    let now = session.timestamp();
    let storage = plan.registry.storage();
    let watch = watch(session.context.reporter);
    let migrated = session.block_on(async {
        let origin = match &plan.origin {
            Some(origin) => origin.clone(),
            None => origin_now(signer.as_ref(), storage).await?,
        };
        let options = MigrateOptions {
            origin,
            signer: signer.as_ref(),
            now: now.clone(),
            assignments: plan.assignments.clone(),
        };
        Ok(migrate::migrate(storage, &plan.inventory, &options, &watch).await?)
    })?;
    if let Some(root) = &migrated.root {
        // The user who made it need not confirm it.
        let (dir, url) = (session.context.environment.trust_dir(), plan.location.url());
        state::pin(&dir, &url, root.fingerprint, &now).map_err(ReadError::from)?;
    }
    // Releases of earlier versions name no lists. Nothing signs these.
    let relist = async |storage: &Storage| relist::relist(storage, &watch).await;
    let relisted = storage.together("Make file lists", relist);
    let relisted = session.block_on(async { Ok(relisted.await?) })?;
    Ok(Done {
        migrated,
        new_key,
        lists: relisted.made.len(),
    })
}

/// The origin of a registry that is signed already.
async fn origin_now(signer: &dyn Signer, storage: &Storage) -> Result<String, PublishError> {
    let writer = lumen_registry::log::Writer {
        storage,
        signer,
        last_seen: None,
    };
    Ok(writer.state().await?.origin().to_owned())
}

fn assignments(session: &Session<'_>, request: &Request) -> Result<Assignments, OpsError> {
    let mut lines: Vec<(String, String)> = Vec::new();
    let wrong = |text: &str| InputError::Assignment(text.to_owned());
    for text in &request.owners {
        let (name, key) = text.split_once('=').ok_or_else(|| wrong(text))?;
        lines.push((name.trim().to_owned(), key.trim().to_owned()));
    }
    if let Some(file) = &request.owners_file {
        let text = fs_err::read_to_string(session.context.options.working_dir.join(file))?;
        let said = |line: &&str| !line.is_empty() && !line.starts_with('#');
        for line in text.lines().map(str::trim).filter(said) {
            let (name, key) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| wrong(line))?;
            lines.push((name.to_owned(), key.trim().to_owned()));
        }
    }
    let mut assignments = Assignments {
        owners: BTreeMap::new(),
        publishers: BTreeMap::new(),
    };
    for (name, text) in lines {
        let key = signed::key(session, &text)?;
        let scoped = PackageName::parse(&name)
            .ok()
            .filter(|name| name.scope().is_some());
        match (scoped, Subject::parse(&name)) {
            (Some(package), _) => assignments.publishers.entry(package).or_default().push(key),
            (None, Some(subject)) if subject != Subject::Root => {
                assignments.owners.entry(subject).or_default().push(key);
            }
            _ => return Err(wrong(&format!("{name}={text}")).into()),
        }
    }
    Ok(assignments)
}
