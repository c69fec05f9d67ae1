//! From errors to the screen: the one place that chooses hints and exit codes.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | the user can mend it |
//! | 2 | the command line is wrong (clap's own) |
//! | 3 | bytes are not what they must be: a hash or an archive was refused |
//! | 4 | network or storage |
//! | 70 | a defect of Lumen |

use std::{path::Path, process::ExitCode};

use lumen_core::{
    PackageName,
    edit::EditError,
    limits::{Exceeded, Limit},
    problem::{self, Problem},
};
use lumen_ops::{
    OpsError, error::FetchError, git::GitError, keys::KeysError, settings::Reach,
    settings::token_variable, settings::url_variable,
};
use lumen_registry::{
    ReadError, StorageError, git,
    location::{LocationError, SCHEMES, web_address},
    login::Acquaintance,
    mirror::MirrorError,
    publish::{PublishError, SubmittedError},
    storage::Bound,
    verify::{SeenBy, TrustError},
};
use lumen_store::{
    cas::InsertError,
    link::vendor::VendorError,
    link::{Foreign, LinkError},
    pack::PackError,
    project::{ProjectError, SAFE_FOLDERS},
    unpack::UnpackError,
};

use serde_json::{Value, json};

use crate::ui::{Ui, word};

const USER: u8 = 1;
const TRUST: u8 = 3;
/// The host or the disk is to blame.
pub const STORAGE: u8 = 4;
/// Lumen itself is to blame.
pub const DEFECT: u8 = 70;

/// What to do when nobody that is trusted vouches for a host.
const OWN_AUTHORITY: &str = "if its authority is your own, set LUMEN_CA_FILE, or `ca-file` in [http] of your configuration, to the authority's certificate";

/// Shows an error and chooses the exit code.
pub fn report(ui: &Ui, error: &OpsError) -> ExitCode {
    if ui.json {
        ui.print_json(&json!({ "error": error_json(error) }));
    }
    show_error(ui, error)
}

/// An error as JSON.
pub fn error_json(error: &OpsError) -> Value {
    json!({ "message": error.to_string(), "hints": hints(error) })
}

/// The same for one error of several: nothing goes to standard output.
pub fn show_error(ui: &Ui, error: &OpsError) -> ExitCode {
    match error {
        OpsError::Problems(problems) | OpsError::Project(ProjectError::Problems(problems)) => {
            show(ui, problems)
        }
        OpsError::Read(ReadError::Malformed(problem))
        | OpsError::Mirror(MirrorError::Read(ReadError::Malformed(problem)))
        | OpsError::Publish(PublishError::Malformed(problem)) => {
            show(ui, std::slice::from_ref(problem));
            ui.hints(&hints(error));
        }
        OpsError::Edit(EditError::Malformed(problem)) => show(ui, std::slice::from_ref(problem)),
        OpsError::Conflict(story) => {
            ui.error(&story.title, &[]);
            ui.causes(&story.causes);
            ui.hints(&story.hints);
        }
        other => ui.error(&other.to_string(), &hints(other)),
    }
    ExitCode::from(code(error))
}

fn show(ui: &Ui, problems: &[Problem]) {
    for problem in problems {
        ui.problem(problem);
    }
}

/// The exit code of an error.
pub fn code(error: &OpsError) -> u8 {
    if let Some(error) = error.trust() {
        return match error {
            TrustError::State { disk: Some(_), .. } => STORAGE,
            _ => TRUST,
        };
    }
    if let OpsError::Partly { source, .. } = error {
        return code(source);
    }
    if error.limit().is_some() {
        return STORAGE;
    }
    if let OpsError::Fetch { source, .. } = error {
        match source.as_ref() {
            FetchError::Insert(InsertError::Io(_) | InsertError::Source(_)) | FetchError::Io(_) => {
                return STORAGE;
            }
            FetchError::Insert(_)
            | FetchError::Contradiction(_)
            | FetchError::NotReleased { .. }
            | FetchError::Shadowed { .. }
            | FetchError::Read(ReadError::Changed { .. }) => return TRUST,
            FetchError::NoChecksum => return USER,
            FetchError::Read(_) | FetchError::Limit(_) => {}
        }
    }
    if error.storage().is_some() {
        return STORAGE;
    }
    match error {
        OpsError::Submission { .. } | OpsError::NotAsReleased { .. } => TRUST,
        OpsError::Unpack {
            source: UnpackError::Link(_) | UnpackError::Occupied(_),
            ..
        } => USER,
        OpsError::Unpack {
            source: UnpackError::Io(_),
            ..
        } => STORAGE,
        OpsError::Read(
            ReadError::Hash { .. } | ReadError::Changed { .. } | ReadError::Trust(_),
        )
        | OpsError::Unpack { .. }
        | OpsError::Damaged(_) => TRUST,
        OpsError::Read(_)
        | OpsError::Fetch { .. }
        | OpsError::Io(_)
        | OpsError::NotSeen { .. }
        | OpsError::Unproven { .. } => STORAGE,
        OpsError::Mirror(error) => mirror_code(error),
        OpsError::Publish(error) => publish_code(error),
        OpsError::Git(GitError::Git(git::GitError::NoGit | git::GitError::TooOld { .. })) => USER,
        OpsError::Git(GitError::Git(_) | GitError::Offline { .. } | GitError::Io(_)) => STORAGE,
        OpsError::Link(LinkError::Io(_)) | OpsError::Vendor(VendorError::Io(_)) => STORAGE,
        OpsError::Project(ProjectError::Io(_)) | OpsError::Keys(KeysError::Io(_)) => STORAGE,
        _ => USER,
    }
}

fn publish_code(error: &PublishError) -> u8 {
    match error {
        PublishError::Busy { .. } | PublishError::Storage(_) => STORAGE,
        PublishError::Damaged { .. } | PublishError::Diverged { .. } => TRUST,
        PublishError::Submitted(
            SubmittedError::Unsigned
            | SubmittedError::Signed
            | SubmittedError::Unclaimed(_)
            | SubmittedError::Stale { .. },
        ) => USER,
        PublishError::Submitted(_) => TRUST,
        _ => USER,
    }
}

fn mirror_code(error: &MirrorError) -> u8 {
    match error {
        MirrorError::Read(
            ReadError::Hash { .. } | ReadError::Changed { .. } | ReadError::Trust(_),
        )
        | MirrorError::Diverged { .. }
        | MirrorError::Foreign { .. }
        | MirrorError::Changed { .. }
        | MirrorError::Forged { .. } => TRUST,
        MirrorError::Read(_) => STORAGE,
        MirrorError::Log(error) => publish_code(error),
        _ => USER,
    }
}

/// What to do next.
pub fn hints(error: &OpsError) -> Vec<String> {
    if let Some(exceeded) = error.limit() {
        return vec![limit_hint(exceeded)];
    }
    let hint = match error {
        OpsError::NoHome => "set LUMEN_HOME to a folder of yours".into(),
        OpsError::NoRegistry => {
            "set LUMEN_REGISTRY, or write `[registry]` with `default = \"https://…\"` into lumen.toml, or pass --registry"
                .into()
        }
        OpsError::UnknownRegistry { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
        OpsError::UnknownRegistry { name, .. } => unknown_registry_hint(name),
        OpsError::User { hint, .. } => return hint.iter().cloned().collect(),
        OpsError::NotSeen { lacking: Some(lacking), .. } => format!(
            "it is committed, and waits for {lacking}: whoever has such a key runs `lumen registry witness`"
        ),
        OpsError::NotSeen { .. } => {
            "a cache in front of the host may keep old index files; `lumen registry doctor` looks at its headers".into()
        }
        OpsError::Partly { published, source } => {
            let before = format!(
                "published before that: {}; run it again for the others",
                published.join(", ")
            );
            return hints(source).into_iter().chain([before]).collect();
        }
        OpsError::Unproven { .. } => {
            "it came to this machine without a proof, such as by an older version of Lumen: run `lumen pkg install --locked` once with the network".into()
        }
        OpsError::NotAsReleased { .. } => {
            "do not use it; compare lumen.lock with an earlier version, and tell the people who run the registry".into()
        }
        OpsError::Misfit(_) => "run `lumen pkg install` to choose versions anew".into(),
        OpsError::Locked { .. } => "run `lumen pkg lock` without --locked, and commit lumen.lock".into(),
        OpsError::GitPackage { name, .. } => {
            format!("its lumen.toml must say `name = \"{name}\"`, at the root or at most four folders below")
        }
        OpsError::NoSuchRelease { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
        OpsError::NoSuchRelease { name, version: Some(_), .. } => {
            format!("`lumen pkg info {name}` lists the versions there are")
        }
        OpsError::NoSuchRelease { .. } => "`lumen pkg search` finds packages by words; is the registry the right one?".into(),
        OpsError::Damaged(_) => "run `lumen pkg verify --repair` to fetch them again".into(),
        OpsError::Project(ProjectError::NotFound(_)) => {
            "run `lumen pkg init` to make a package here, or pass --manifest-path".into()
        }
        OpsError::Location(LocationError::Unsupported { scheme }) => scheme_hint(scheme),
        OpsError::Link(LinkError::Occupied { .. }) => {
            "move it away, or set `import-root` in `[install]` of lumen.toml to another folder".into()
        }
        OpsError::Link(LinkError::Foreign { path, what }) => foreign_hint(path, *what),
        OpsError::Project(ProjectError::Outside { .. }) => {
            "put the file itself there, or link to one inside the project".into()
        }
        OpsError::Project(ProjectError::Foreign { file, .. }) => {
            let folder = file.parent().unwrap_or(file).display();
            format!(
                "if you trust that user, set {SAFE_FOLDERS}={folder}; if not, write `[workspace]` into your own lumen.toml, or move the project elsewhere"
            )
        }
        OpsError::Link(LinkError::ImportRoot(_)) => "name a folder inside the project, such as \"deps\"".into(),
        OpsError::Vendor(VendorError::Link(_))
        | OpsError::Unpack {
            source: UnpackError::Link(_),
            ..
        } => "name the folder that it leads to, or remove it".into(),
        OpsError::Vendor(VendorError::Occupied(_))
        | OpsError::Unpack {
            source: UnpackError::Occupied(_),
            ..
        } => "choose an empty folder, or move those files away".into(),
        OpsError::Vendor(VendorError::Package { source, .. }) => return pack_hint(source).into_iter().collect(),
        OpsError::Git(GitError::Git(error)) => return git_hint(error).into_iter().collect(),
        OpsError::Git(GitError::Offline { .. }) | OpsError::Read(ReadError::Offline { .. }) => {
            "run it once without --offline".into()
        }
        OpsError::Git(_) => "try the same with `git clone`; lumen uses the git program and its settings".into(),
        OpsError::Publish(error) => return publish_hint(error).into_iter().collect(),
        OpsError::Keys(error) => return key_hint(error).into_iter().collect(),
        OpsError::Project(ProjectError::Io(error))
        | OpsError::Link(LinkError::Io(error))
        | OpsError::Vendor(VendorError::Io(error))
            if error.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            "check who may write there".into()
        }
        OpsError::Io(error)
        | OpsError::Project(ProjectError::Io(error))
        | OpsError::Link(LinkError::Io(error))
        | OpsError::Vendor(VendorError::Io(error))
        | OpsError::Unpack {
            source: UnpackError::Io(error),
            ..
        } => return io_hint(error).into_iter().collect(),
        OpsError::Fetch { name, source, .. } => return fetch_hint(name, source).into_iter().collect(),
        OpsError::Read(error) | OpsError::Mirror(MirrorError::Read(error)) => {
            return read_hint(error).into_iter().collect();
        }
        OpsError::Mirror(error) => return mirror_hint(error).into_iter().collect(),
        OpsError::Pack(error) => return pack_hint(error).into_iter().collect(),
        OpsError::Unpack { .. } => "the file was not made by `lumen pkg pack`, or was damaged; nothing was unpacked".into(),
        _ => return Vec::new(),
    };
    vec![hint]
}

/// What to do about something in a project that is not as Lumen makes it for this user.
fn foreign_hint(path: &Path, what: Foreign) -> String {
    let dot = path.iter().next().map(Path::new).unwrap_or(path).display();
    match what {
        Foreign::Owner(_) => format!(
            "if you work on the project together, give its folder to a group that both of you are in: `chgrp GROUP . && chmod g+ws .`; if not, find out who made `{dot}`, remove it, and run it again"
        ),
        Foreign::Closed(owner) if owner.is_administrator() => format!(
            "the administrator ran Lumen here; `sudo chown -R \"$(id -u):$(id -g)\" {dot}` in the project's folder gives it to you"
        ),
        Foreign::Closed(_) => format!(
            "if you work on the project together, let that user run `chmod -R g+w {dot}` in the project's folder; if not, remove `{dot}`, and run it again"
        ),
        Foreign::Link | Foreign::NoFolder | Foreign::NoFile => format!(
            "Lumen did not make it; find out who did, remove `{}`, and run it again",
            path.display()
        ),
    }
}

/// How to raise a limit.
fn limit_hint(exceeded: &Exceeded) -> String {
    let limit = exceeded.limit;
    // It is the only one that asks for more, not for less.
    let verb = match limit {
        Limit::DownloadSpeed => "lower",
        _ => "raise",
    };
    format!(
        "if that is meant to be, {verb} `{}` in [limits] of your configuration, or set {}",
        limit.name(),
        limit.variable()
    )
}

fn publish_hint(error: &PublishError) -> Option<String> {
    Some(match error {
        PublishError::VersionExists { .. } => {
            "releases never change; try `lumen pkg publish --bump patch`".into()
        }
        PublishError::Unreleased { .. } => {
            "releases never change, and somebody is publishing this one now, was interrupted, or did so before there were signatures: publish those contents to release them, or these with `lumen pkg publish --bump patch`".into()
        }
        PublishError::NameTaken { other, .. } => {
            format!(
                "users could mistake one for the other; choose another name, or publish a version of `{other}`"
            )
        }
        PublishError::Name { .. } => "correct `name` in lumen.toml".into(),
        PublishError::UnknownVersion { name, .. } | PublishError::UnknownPackage { name } => {
            format!("`lumen pkg info {name}` lists the versions there are")
        }
        PublishError::RegistryExists { .. } => {
            "publish to it with `lumen pkg publish --registry <url>`".into()
        }
        PublishError::NewerFormat { .. } => "update lumen; nothing was written".into(),
        PublishError::Busy { .. } => "run the command again; it goes on where it stopped".into(),
        PublishError::NoKey => "make one with `lumen key new`, or set LUMEN_KEY".into(),
        PublishError::NotSigned => "`lumen registry init` makes signed registries".into(),
        PublishError::LogKey { key, .. } => {
            format!("whoever runs it adds the key: `lumen registry trust add-log-key {key}`")
        }
        PublishError::NotOwner { name, key } => {
            format!("an admin of it adds the key: `lumen pkg owner add {name} {key}`")
        }
        PublishError::NeedsApproval { subject, .. } => {
            format!(
                "run `lumen pkg owner claim {subject} --out claim` and send the file to whoever runs it"
            )
        }
        PublishError::Submitted(error) => return submitted_hint(error),
        PublishError::Storage(error) => return storage_hint(error),
        _ => return None,
    })
}

fn submitted_hint(error: &SubmittedError) -> Option<String> {
    Some(match error {
        SubmittedError::Stale { .. } | SubmittedError::Unclaimed(_) => {
            "ask for it to be submitted again, with `lumen pkg submit`".into()
        }
        SubmittedError::Unsigned | SubmittedError::Signed => {
            "it was made for another registry: `lumen pkg submit --registry` names the right one"
                .into()
        }
        SubmittedError::Stranger(subject) => {
            format!("`lumen pkg owner list {subject}` lists who may")
        }
        _ => "nothing of it was published; tell whoever submitted it".into(),
    })
}

fn key_hint(error: &KeysError) -> Option<String> {
    Some(match error {
        KeysError::NoKey => {
            "make one with `lumen key new`, or set LUMEN_KEY or LUMEN_KEY_FILE".into()
        }
        KeysError::Unknown {
            nearest: Some(nearest),
            ..
        } => format!("did you mean `{nearest}`?"),
        KeysError::Unknown { .. } => "`lumen key list` lists your keys".into(),
        KeysError::Exists { .. } => {
            "choose another name, or make its successor with `lumen key rotate`".into()
        }
        KeysError::Variable { .. } => {
            "it may hold the text of a key, the name of one of yours, or `ssh-agent`".into()
        }
        KeysError::Exposed { path, .. } => {
            format!("run `chmod 600 {}`", word(&path.to_string_lossy()))
        }
        KeysError::NoPassphrase { .. } => "set LUMEN_KEY_PASSPHRASE".into(),
        KeysError::Io(error) => return io_hint(error),
        _ => return None,
    })
}

fn pack_hint(error: &PackError) -> Option<String> {
    Some(match error {
        PackError::Secrets { found, allowed } => {
            let mut paths: Vec<&str> = allowed.iter().map(String::as_str).collect();
            paths.extend(found.iter().map(|secret| secret.path.as_str()));
            format!(
                "add them to .gitignore or `exclude`; if everybody may have them, write this below [package]: allow-secrets = {}",
                serde_json::json!(paths)
            )
        }
        PackError::LinksOutside(_) => "replace the links by files, or add them to `exclude`".into(),
        PackError::Dangling(_) => "mend or remove the links, or add them to `exclude`".into(),
        PackError::Changed(_) => "run it again once nothing writes to the folder".into(),
        PackError::Paths(_) => "rename them, or add them to `exclude`".into(),
        PackError::TooMany { .. } | PackError::TooLarge { .. } => {
            "leave files out with `exclude` in [package], or split the package".into()
        }
        _ => return None,
    })
}

/// What to do when the disk refuses; every operation leaves the old state behind.
fn io_hint(error: &std::io::Error) -> Option<String> {
    disk_hint(error.kind())
}

fn disk_hint(kind: std::io::ErrorKind) -> Option<String> {
    use std::io::ErrorKind;
    Some(match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space (`lumen pkg cache clean` may help) and run it again".into()
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "check who may write there, or set LUMEN_HOME to a folder of yours".into()
        }
        ErrorKind::ResourceBusy => {
            "if that program hangs, end it; to wait longer, raise LUMEN_LIMIT_LOCK_SECONDS".into()
        }
        ErrorKind::NotADirectory => {
            "a file is where a folder must be: move it away, or set LUMEN_HOME".into()
        }
        _ => return None,
    })
}

fn fetch_hint(name: &PackageName, error: &FetchError) -> Option<String> {
    Some(match error {
        FetchError::Read(error) => return read_hint(error),
        FetchError::Insert(InsertError::Refused(_)) => "nothing was installed; tell the author of the package".into(),
        FetchError::Contradiction(_) => {
            "nothing was installed; tell the people who run the registry, or compare with an earlier lumen.lock".into()
        }
        FetchError::NotReleased { .. } => {
            "somebody changed lumen.lock; nothing was installed. Restore it from a version that you trust, or delete it and run `lumen pkg install`".into()
        }
        FetchError::Shadowed { registry, first } => format!(
            "nothing was installed. If `{name}` of `{first}` is meant, run `lumen pkg update {name}`; if that of `{registry}` is meant, say so in lumen.toml: `{name} = {{ version = \"…\", registry = \"{registry}\" }}`"
        ),
        FetchError::NoChecksum => "run `lumen pkg update` to lock it anew".into(),
        FetchError::Io(error) | FetchError::Insert(InsertError::Io(error)) => return io_hint(error),
        FetchError::Insert(_) | FetchError::Limit(_) => return None,
    })
}

fn read_hint(error: &ReadError) -> Option<String> {
    match error {
        ReadError::Storage(error) => storage_hint(error),
        ReadError::Offline { .. } => Some("run it once without --offline".into()),
        ReadError::NoRegistry { location, .. } => Some(no_registry_hint(location)),
        ReadError::Missing { .. } => {
            Some("the registry is incomplete; tell whoever runs it".into())
        }
        ReadError::LeftOut { .. } => Some(
            "use the registry itself, or ask whoever runs the mirror to add the package".into(),
        ),
        ReadError::Changed { .. } => Some(
            "it is not what was released, so nothing of it was used; tell the people who run the registry".into(),
        ),
        ReadError::Hash { .. } => Some(
            "the file was changed after it was published; tell whoever runs the registry".into(),
        ),
        ReadError::Trust(TrustError::Overridden { registry, by }) => {
            let (name, registry) = (&by.name, word(registry));
            Some(format!(
                "ask whoever runs the registry and the owners you knew why; `lumen pkg owner list {name}` shows the new ones. If you agree: `lumen trust accept {registry} --owners {name}`"
            ))
        }
        ReadError::Trust(TrustError::Refused { .. }) => {
            Some("nothing was signed; tell who runs the registry and its other witnesses".into())
        }
        ReadError::Trust(TrustError::Reverted(reverted)) => Some(reverted_hint(reverted.by).into()),
        ReadError::Trust(TrustError::Unfinished { .. }) => {
            Some("whoever runs it finishes it with `lumen registry repair`".into())
        }
        ReadError::Trust(TrustError::NotSigned) => Some(
            "only signed registries have owners, keys and a log; `lumen registry migrate` signs one that is not".into(),
        ),
        ReadError::Trust(TrustError::State { disk, .. }) => disk.and_then(disk_hint),
        ReadError::Trust(_) => None,
        ReadError::Malformed(_) => {
            Some("this file is in the registry; tell whoever runs it".into())
        }
    }
}

/// What to do when a registry takes back a note that was seen.
const fn reverted_hint(by: SeenBy) -> &'static str {
    match by {
        SeenBy::Lock => {
            "somebody may be using a key that was removed. Ask those who run the registry, but not through the registry. If they say that what it shows now is right: `lumen trust accept <registry>`, then delete lumen.lock and run `lumen pkg install`"
        }
        SeenBy::State => {
            "somebody may be using a key that was removed. Ask those who run the registry, but not through the registry. If they say that what it shows now is right: `lumen trust accept <registry>`"
        }
        SeenBy::Log(_) => {
            "somebody with a log key left this note out of the lists of the registry. Tell those who run it; `lumen registry check` says more"
        }
    }
}

fn mirror_hint(error: &MirrorError) -> Option<String> {
    Some(match error {
        MirrorError::Log(error) => return publish_hint(error),
        MirrorError::Diverged { .. } => {
            "somebody published to the mirror, or the source was rolled back; nothing was written".into()
        }
        MirrorError::Other { .. } => "name a place for the mirror where no other registry is".into(),
        MirrorError::Foreign { .. } => {
            "somebody published to the mirror, or it was taken out of the source by hand; nothing was written".into()
        }
        MirrorError::Changed { .. } => {
            "releases never change; find out which of the two is right before you go on".into()
        }
        MirrorError::Forged { .. } => {
            "nothing that readers see was written; if you run the source, `lumen registry check` says more".into()
        }
        MirrorError::Narrower { .. } => "mirror into a new place, or leave out --packages".into(),
        MirrorError::Gap { ours, .. } => {
            format!("bring the bundles in between first, or one that was made with `--since {ours}`")
        }
        MirrorError::Older { .. } => "it has nothing new; nothing was written".into(),
        MirrorError::Incomplete { .. } => {
            "it was damaged on its way, or is of another registry; make it anew".into()
        }
        MirrorError::NoLog => "leave out --since: the bundle has everything then".into(),
        MirrorError::Unlistable { .. } => "mirror it from its folder or bucket".into(),
        _ => return None,
    })
}

fn git_hint(error: &git::GitError) -> Option<String> {
    use git::GitError;
    Some(match error {
        GitError::NoGit => "install git".into(),
        GitError::TooOld { .. } => "install a newer git".into(),
        GitError::Denied { .. } => {
            "check the credentials that git itself uses (`git ls-remote` shows whether it gets in), or those in LUMEN_REGISTRIES_<NAME>_TOKEN (LUMEN_REGISTRIES_<NAME>_READ_TOKEN, where another host is published to), which only goes to a URL that you give yourself: beside it in LUMEN_REGISTRIES_<NAME>_URL, or in your own config.toml"
                .into()
        }
        GitError::NoRepository { .. } => {
            "check the address, and whether you may see the repository; make it there first if it is new".into()
        }
        GitError::Untrusted { .. } => OWN_AUTHORITY.into(),
        GitError::Moved { .. } => "write the new address in its place".into(),
        GitError::Unreachable { .. } => {
            "check the address and the network, or use --offline".into()
        }
        GitError::Refused { .. } => {
            "the branch must take pushes from you: look at its protection rules and hooks".into()
        }
        GitError::Failed { .. } => {
            "try the same with git; lumen uses the git program and its settings".into()
        }
        GitError::Io(error) => return io_hint(error),
        GitError::Limit(exceeded) => limit_hint(exceeded),
    })
}

/// Names the limits that a failure is about, and says what raises them.
fn bounds_hint(error: &StorageError) -> Option<String> {
    let hints: Vec<String> = error.bounds().into_iter().map(bound_hint).collect();
    (!hints.is_empty()).then(|| hints.join("; "))
}

fn bound_hint(bound: Bound) -> String {
    match bound {
        Bound::Patience => {
            "to wait longer, raise `timeout` in [http] of your configuration, or set LUMEN_HTTP_TIMEOUT".into()
        }
        Bound::Fixed(row) => {
            format!("{row}, and nothing raises it; tell the people who run the server")
        }
        Bound::Chosen(limit) => format!(
            "that is below the limit `{}`; if your line is slow, lower it in [limits] of your configuration, or set {}",
            limit.name(),
            limit.variable()
        ),
    }
}

fn storage_hint(error: &StorageError) -> Option<String> {
    if let Some(hint) = bounds_hint(error) {
        return Some(hint);
    }
    Some(match error {
        StorageError::NoRoot { path } => {
            let path = word(path);
            format!("run `lumen registry init {path}` to make one, or correct the path")
        }
        StorageError::Bundle { .. } => {
            "copy it again; if that does not help, make it anew with `lumen registry bundle`".into()
        }
        StorageError::ReadOnly { .. } => {
            "publish to the folder it is served from: `--registry file:///path`".into()
        }
        StorageError::Denied { status: 407, .. } => {
            "the proxy wants a user and a password: write them into the URL in the variable that names it".into()
        }
        StorageError::Denied { status, registry, .. } => {
            denied_hint(*status, registry.as_deref())
        }
        StorageError::Refused { .. } => {
            "correct them there, or ask whoever runs the registry".into()
        }
        StorageError::Untrusted { .. } => {
            OWN_AUTHORITY.into()
        }
        StorageError::Inward { .. } => {
            "nothing was asked there; if that is where the registry is, give that address as its URL"
                .into()
        }
        StorageError::Authorities { .. } => {
            "correct LUMEN_CA_FILE or `ca-file` in [http] of your configuration; without them the system's count, or SSL_CERT_FILE".into()
        }
        StorageError::Io(error) => return io_hint(error),
        StorageError::Login(_) => {
            "try the same program by hand, or correct [registry.credentials] in your configuration".into()
        }
        StorageError::NoCredentials { lacks, .. } => lacks.clone(),
        StorageError::NoBucket { .. } => {
            "make the bucket first, or correct its name and `?endpoint=`".into()
        }
        StorageError::Answered {
            status: status @ (401 | 403),
            lacks: Some(lacks),
            ..
        } => may_be_missing(*status, lacks),
        StorageError::Answered { code, .. } => answer_hint(code.as_deref())?.into(),
        StorageError::Unsafe { .. } => {
            "publish to S3, R2, GCS, Azure or another host that keeps `If-None-Match` and `If-Match`, \
             or to a folder or a git branch"
                .into()
        }
        StorageError::Unclear { .. } => "run the command again; it goes on where it stopped".into(),
        StorageError::Unreachable { .. } => match proxy_variable() {
            Some(name) => format!("check the address, the network and the proxy in {name}"),
            None => "check the address and the network, or use --offline".into(),
        },
        StorageError::Busy { .. } => "run the command again; nothing was written".into(),
        StorageError::Offline { .. } => "run it once without --offline".into(),
        StorageError::Git(error) => return git_hint(error),
        _ => return None,
    })
}

/// What was meant by a text that is neither a URL nor the name of a registry.
fn unknown_registry_hint(text: &str) -> String {
    if let Some(url) = web_address(text) {
        return format!("if that is a web server, write `{url}`");
    }
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match !text.is_empty() && text.chars().all(is_key) {
        true => {
            format!("add `{text} = \"https://…\"` to `[registry.registries]` in lumen.toml")
        }
        false => "write a URL such as `https://…`, a path with a `/` in it, or the name of a registry in `[registry.registries]`".into(),
    }
}

/// The slip in the scheme of a URL, or what to do about a host that Lumen does not know.
fn scheme_hint(scheme: &str) -> String {
    match problem::nearest(scheme, SCHEMES) {
        Some("http" | "https") => "did you mean `http://` or `https://`?".into(),
        Some(nearest) => format!("did you mean `{nearest}://`?"),
        None => "copy the folder there with the host's own tools".into(),
    }
}

/// What may be wrong with an address where there is no registry.
fn no_registry_hint(location: &str) -> String {
    let of_registry = |part: &str| location.split_once(part).map(|(registry, _)| registry);
    let inside = ["/index.json", "/packages", "/artifacts"]
        .into_iter()
        .find_map(of_registry);
    match inside {
        Some(registry) => format!("the URL of a registry ends before its own files: try `{registry}`"),
        None => "look for a slip in the URL, and whether the registry is below another path; a registry that was made by hand should have an `index.json`".into(),
    }
}

/// How to show credentials where a host wants some. They go only to URLs that the user gave,
/// so who has the URL from a project gives it, too.
fn denied_hint(status: u16, registry: Option<&Acquaintance>) -> String {
    let name = registry.and_then(|registry| registry.name.as_deref());
    let reach = match registry.is_some_and(|registry| registry.read_only) {
        true => Reach::ReadOnly,
        false => Reach::Whole,
    };
    let token = token_variable(name.unwrap_or("<NAME>"), reach);
    let way = match registry {
        Some(registry) if !registry.given => {
            let url = url_variable(name.unwrap_or("<NAME>"));
            format!(
                "set {token} and, since credentials only go to URLs that you give yourself, {url}={}; \
                 or write that URL into your own config.toml",
                registry.url
            )
        }
        Some(Acquaintance { name: Some(_), .. }) => {
            format!("set {token}, or use a credential helper or ~/.netrc")
        }
        _ => "write them into ~/.netrc, or use a credential helper".to_owned(),
    };
    may_be_missing(status, &way)
}

/// The way to show credentials, unless a status means something else.
fn may_be_missing(status: u16, way: &str) -> String {
    match status {
        // Object stores say so of what is not there, to those who may not list.
        403 => format!(
            "if it needs credentials: {way}. A bucket answers 403 for what is missing, too, unless everybody may list it (s3:ListBucket): let it answer 404"
        ),
        _ => format!("it needs credentials: {way}"),
    }
}

/// What the codes of object stores mean for whoever set them up.
fn answer_hint(code: Option<&str>) -> Option<&'static str> {
    let code = code?;
    if code.contains("the bucket is in") {
        return Some("set AWS_REGION, or write `?region=` behind the URL");
    }
    Some(match code {
        "AccessDenied" | "AuthorizationFailure" | "AuthorizationPermissionMismatch" => {
            "the credentials may not do this; a bucket without the right to list answers so for files that do not exist, too"
        }
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AuthenticationFailed" => {
            "check the credentials in the environment or in ~/.aws, and that they are for this endpoint"
        }
        "ExpiredToken" => "log in again; the credentials are only valid for some time",
        "RequestTimeTooSkewed" => "set the clock of this machine",
        _ => return None,
    })
}

/// The variable of the environment that names a proxy, if one does.
fn proxy_variable() -> Option<&'static str> {
    let names = [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    names.into_iter().find(is_set)
}
