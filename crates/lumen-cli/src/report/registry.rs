//! Words for what may help with registries and their hosts.

use lumen_core::problem;
use lumen_ops::settings::{Reach, token_variable, url_variable};
use lumen_registry::{
    failure::Hint, location::SCHEMES, login::Acquaintance, storage::Bound, verify::SeenBy,
};

use super::{
    disk,
    git::{self, OWN_AUTHORITY},
};
use crate::{environment, ui::word};

/// The words of a hint.
pub fn words(hint: Hint<'_>) -> Option<String> {
    Some(match hint {
        Hint::NoRoot(path) => no_root(path),
        Hint::Memory => {
            "this machine keeps there what it saw of a registry: `lumen trust forget <registry>` removes it; then compare the fingerprint, as at the first contact".into()
        }
        Hint::LostForGood => {
            "another mirror may have it, or its owner publishes the release again from the same contents".into()
        }
        Hint::CopyBundle => {
            "copy it again; if that does not help, make it again with `lumen registry bundle`".into()
        }
        Hint::WriteElsewhere => {
            "publish to the folder it is served from: `--registry file:///path`".into()
        }
        Hint::HostFails { status: 500.. } => {
            "the host fails: try again later, or tell the people who run it; `--stale-if-error` uses what is cached".into()
        }
        Hint::HostFails { status: 408 | 429 } => {
            "the host asks for patience: try again later; `--stale-if-error` uses what is cached".into()
        }
        Hint::HostFails { .. } => {
            "check that the URL is that of a registry; `lumen registry doctor` looks at the host".into()
        }
        Hint::ProxyLogin => {
            "the proxy wants a user and a password: write them into the URL in the variable that names it".into()
        }
        Hint::Login { status, registry } => login(status, registry),
        Hint::Credentials { status, lacks } => may_be_missing(status, lacks),
        Hint::Lacks(lacks) => lacks.to_owned(),
        Hint::CorrectCredentials => "correct them there, or ask the people who run the registry".into(),
        Hint::OwnAuthority => OWN_AUTHORITY.into(),
        Hint::CertificateTime => {
            "compare the clock of this machine with the time; if it is right, the people who run the server renew the certificate"
                .into()
        }
        Hint::CertificateName => {
            "use a name in the URL that the certificate has, or ask the people who run the server for a certificate with this one"
                .into()
        }
        Hint::Authorities => {
            "correct LUMEN_CA_FILE or `ca-file` in [http] of your configuration; without them the system's count, or SSL_CERT_FILE".into()
        }
        Hint::Inward => {
            "nothing was asked there; if that is where the registry is, give that address as its URL"
                .into()
        }
        Hint::LoginProgram => {
            "try the same program by hand, or correct [registry.credentials] in your configuration".into()
        }
        Hint::NoBucket => "make the bucket first, or correct its name and `?endpoint=`".into(),
        Hint::HostCode(code) => return host_code(code).map(str::to_owned),
        Hint::UnsafeHost => {
            "publish to S3, R2, GCS, Azure or another host that keeps `If-None-Match` and `If-Match`, \
             or to a folder or a git branch"
                .into()
        }
        Hint::GoOn => "run the command again; it goes on where it stopped".into(),
        Hint::Again => "run the command again; nothing was written".into(),
        Hint::Network => match proxy_variable() {
            Some(name) => format!("check the address, the network and the proxy in {name}"),
            None => "check the address and the network, or use --offline".into(),
        },
        Hint::WithoutOffline => "run it once without --offline".into(),
        Hint::Bounds(bounds) => {
            let hints: Vec<String> = bounds.into_iter().map(bound).collect();
            hints.join("; ")
        }
        Hint::Limit(exceeded) => disk::limit(exceeded),
        Hint::Disk(kind) => return disk::words(kind),
        Hint::Git(hint) => return git::words(hint),
        Hint::Scheme(text) => scheme(text),
        Hint::NoRegistry(location) => no_registry(location),
        Hint::Incomplete => "the registry is incomplete; tell the people who run it".into(),
        Hint::LeftOut => {
            "use the registry itself, or ask the people who run the mirror to add the package".into()
        }
        Hint::Changed => {
            "it differs from the release, so none of it was used; tell the people who run the registry".into()
        }
        Hint::Hash => "the file was changed after it was published; tell the people who run the registry".into(),
        Hint::Malformed => "this file is in the registry; tell the people who run it".into(),
        Hint::Overridden { registry, by } => {
            let (name, registry) = (&by.name, word(registry));
            format!(
                "ask the people who run the registry, and the owners whom you knew, why; `lumen pkg owner list {name}` shows the new ones. If you agree: `lumen trust accept {registry} --owners {name}`"
            )
        }
        Hint::Blocked(name) => format!(
            "`lumen pkg update {name}` chooses a version that is not blocked, if there is one"
        ),
        Hint::Pinned(url) => format!(
            "compare both with what the people who run the registry tell you, by another way; if yours is right: `lumen trust forget {}`, then this again",
            word(url)
        ),
        Hint::Refused => {
            "nothing was signed; tell the people who run the registry, and its other witnesses".into()
        }
        Hint::Reverted(by) => reverted(by).into(),
        Hint::Unfinished => "the people who run it can finish it with `lumen registry repair`".into(),
        Hint::HalfCopied => {
            "a copy needs all files; the people who run the registry can make those that follow from others with `lumen registry rebuild`".into()
        }
        Hint::OldCopy => OLD_COPY.into(),
        Hint::OlderState => format!(
            "{OLD_COPY}. If the registry was restored from a backup, ask the people who run it, but not through the registry"
        ),
        Hint::Clock => {
            "check the clock of this machine; if it is right, tell the people who run the registry: its witnesses or its admins have work to do".into()
        }
        Hint::EndedKey(name) => format!(
            "nothing was added to the log; an admin can give the key more time: `lumen owner add {name} <key> --until <time>`; `lumen owner list {name}` shows the ends"
        ),
        Hint::NeedsSigners(name) => format!(
            "nothing was published: this version of lumen cannot collect the signatures of several publishers; `lumen pkg owner list {name}` shows who they are"
        ),
        Hint::SetClock => {
            "nothing was added to the log: set the clock of this machine, and run the command again".into()
        }
        Hint::Damaged => {
            "`lumen registry check` lists what is wrong; `lumen registry repair` makes files again that follow from others".into()
        }
        Hint::Unsigned => {
            "only signed registries have owners, keys and a log; `lumen registry migrate` signs one that is not".into()
        }
        Hint::VersionExists => "releases never change; try `lumen pkg publish --bump patch`".into(),
        Hint::Unreleased => {
            "this version has an unfinished upload: publish identical contents to finish it, or publish these with `lumen pkg publish --bump patch`".into()
        }
        Hint::NameTaken(other) => format!(
            "users could mistake one for the other; choose another name, or publish a version of `{other}`"
        ),
        Hint::Name => "correct `name` in lumen.toml".into(),
        Hint::Versions(name) => format!("`lumen pkg info {name}` lists the versions there are"),
        Hint::RegistryExists => "publish to it with `lumen pkg publish --registry <url>`".into(),
        Hint::Update => "update lumen; nothing was written".into(),
        Hint::NoKey => "make one with `lumen key new`, or set LUMEN_KEY".into(),
        Hint::NotSigned => "`lumen registry init` makes signed registries".into(),
        Hint::LogKey(key) => {
            format!("the people who run it can add the key: `lumen registry trust add-log-key {key}`")
        }
        Hint::NotOwner { name, key } => {
            format!("an admin of it adds the key: `lumen pkg owner add {name} {key}`")
        }
        Hint::NeedsApproval(subject) => format!(
            "run `lumen pkg owner claim {subject} --out claim` and send the file to the people who run it"
        ),
        Hint::SubmitAgain => "ask for it to be submitted again, with `lumen pkg submit`".into(),
        Hint::OtherRegistry => {
            "it was made for another registry: `lumen pkg submit --registry` names the right one".into()
        }
        Hint::Stranger(subject) => format!("`lumen pkg owner list {subject}` lists who may"),
        Hint::BadSubmission => "none of it was published; tell the submitter".into(),
        Hint::MirrorDiverged => {
            "a publisher wrote to the mirror, or the source was rolled back; nothing was written".into()
        }
        Hint::OtherMirror => "name a place for the mirror where no other registry is".into(),
        Hint::MirrorForeign => {
            "a publisher wrote to the mirror, or it was taken out of the source by hand; nothing was written".into()
        }
        Hint::MirrorChanged => {
            "releases never change; find out which of the two is right before you go on".into()
        }
        Hint::Forged => {
            "nothing that readers see was written; if you run the source, `lumen registry check` says more".into()
        }
        Hint::Narrower => "mirror into a new place, or leave out --packages".into(),
        Hint::Gap { ours } => {
            format!("bring the bundles in between first, or one that was made with `--since {ours}`")
        }
        Hint::Older => "it has nothing new; nothing was written".into(),
        Hint::MirrorLacks => {
            "tell the people who run the source; when it has the right bytes again, run this with --full".into()
        }
        Hint::FalseLists => {
            "installs are not affected; who published this shows readers of the file list other files than clients install: ask them, and the people who run the source".into()
        }
        Hint::IncompleteBundle => {
            "it was damaged on its way, or is of another registry; make it again".into()
        }
        Hint::NoLog => "leave out --since: the bundle has everything then".into(),
        Hint::Unlistable => "mirror it from its folder or bucket".into(),
    })
}

/// What may be wrong beside an attack, and how to tell.
const OLD_COPY: &str = "a cache on the way may be old, or a compressed copy beside a file on the server: try again later; `lumen registry doctor <registry>` compares what caches and copies show. If it finds nothing, ask the people who run the registry";

fn bound(bound: Bound) -> String {
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

/// What to do when a registry takes back a note that was seen.
const fn reverted(by: SeenBy) -> &'static str {
    match by {
        SeenBy::Lock => {
            "an attacker may be using a key that was removed. Ask the people who run the registry, but not through the registry. If they confirm what it shows now: `lumen trust accept <registry>`, then delete lumen.lock and run `lumen pkg install`"
        }
        SeenBy::State => {
            "an attacker may be using a key that was removed. Ask the people who run the registry, but not through the registry. If they confirm what it shows now: `lumen trust accept <registry>`"
        }
        SeenBy::Log(_) => {
            "the holder of a log key left this note out of the lists of the registry. Tell the people who run it; `lumen registry check` says more"
        }
    }
}

/// The slip in the scheme of a URL, or what to do about a host that Lumen does not know.
fn scheme(scheme: &str) -> String {
    if let Some(web) = scheme
        .split('+')
        .find(|part| matches!(*part, "http" | "https"))
    {
        return format!("write `{web}://…`");
    }
    match problem::nearest(scheme, SCHEMES) {
        Some("http" | "https") => "did you mean `http://` or `https://`?".into(),
        Some(nearest) => format!("did you mean `{nearest}://`?"),
        None => "copy the folder there with the host's own tools".into(),
    }
}

/// What may be wrong with a path where there is no registry.
fn no_root(path: &str) -> String {
    if path.split(['/', '\\']).any(|part| part == "~") {
        return "only a shell turns `~` into your folder: write the whole path, as in `file:///home/me/registry`".into();
    }
    outside(path).unwrap_or_else(|| {
        let path = word(path);
        format!("run `lumen registry init {path}` to make one, or correct the path")
    })
}

/// The registry that an address inside of one means.
fn outside(location: &str) -> Option<String> {
    let of_registry = |part: &str| location.split_once(part).map(|(registry, _)| registry);
    let registry = ["/index.json", "/packages", "/artifacts"]
        .into_iter()
        .find_map(of_registry)?;
    Some(format!(
        "the address of a registry ends before its own files: try {}",
        word(registry)
    ))
}

/// What may be wrong with an address where there is no registry.
fn no_registry(location: &str) -> String {
    match outside(location) {
        Some(outside) => outside,
        None => "check the URL for typing errors, and whether the registry is below another path; a registry that was made by hand should have an `index.json`".into(),
    }
}

/// How to show credentials where a host wants some. They go only to URLs that the user gave,
/// so who has the URL from a project gives it, too.
fn login(status: u16, registry: Option<&Acquaintance>) -> String {
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
            "if it needs credentials: {way}. A bucket also answers 403 for missing files, unless everybody may list it (s3:ListBucket): let it answer 404"
        ),
        _ => format!("it needs credentials: {way}"),
    }
}

/// What the codes of object stores mean for the operator.
fn host_code(code: &str) -> Option<&'static str> {
    if code.contains("the bucket is in") {
        return Some("set AWS_REGION, or write `?region=` behind the URL");
    }
    Some(match code {
        "AccessDenied" | "AuthorizationFailure" | "AuthorizationPermissionMismatch" => {
            "the credentials do not allow this; without the right to list, a bucket also answers like this for missing files"
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
    let variables = environment::variables();
    names.into_iter().find(|name| variables.raw(name).is_some())
}
