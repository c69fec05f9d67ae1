//! Words for what may help with the operations themselves.

use lumen_ops::error::Hint;
use lumen_registry::location::web_address;

use super::{change, disk, git, hosting, input, keys, package, refused, registry, settings, store};

/// The words of a hint.
pub fn words(hint: Hint<'_>) -> Option<String> {
    Some(match hint {
        Hint::Registry(hint) => return registry::words(hint),
        Hint::Store(hint) => return store::words(hint),
        Hint::Git(hint) => return git::words(hint),
        Hint::Keys(hint) => return keys::words(hint),
        Hint::Input(hint) => input::words(hint),
        Hint::Package(hint) => package::words(hint),
        Hint::Change(hint) => change::words(hint),
        Hint::Settings(hint) => settings::words(hint),
        Hint::Hosting(hint) => hosting::words(hint),
        Hint::Refused(hint) => refused::words(hint),
        Hint::NoHome => "set LUMEN_HOME to a folder of yours".into(),
        Hint::WholePackage => {
            "this is about the whole package: write its name without a version".into()
        }
        Hint::Constraint => {
            "versions are asked for as in `^1.2`, `1.2.x`, `=1.2.3` or `>=1.2, <2`".into()
        }
        Hint::NoRegistry => {
            "set LUMEN_REGISTRY, or write `[registry]` with `default = \"https://…\"` into lumen.toml, or pass --registry"
                .into()
        }
        Hint::Meant(nearest) => format!("did you mean `{nearest}`?"),
        Hint::UnknownRegistry(text) => unknown_registry(text),
        Hint::Waits(lacking) => format!(
            "it is committed, and waits for {lacking}: the holder of such a key runs `lumen registry witness`"
        ),
        Hint::CacheInFront => {
            "a cache in front of the host may keep old index files; `lumen registry doctor` looks at its headers".into()
        }
        Hint::Before(published) => format!(
            "published before that: {}; run it again for the others",
            published.join(", ")
        ),
        Hint::Unproven => {
            "it came to this machine without a proof, such as by an older version of Lumen: run `lumen pkg install --locked` once with the network".into()
        }
        Hint::NotAsReleased => {
            "do not use it; compare lumen.lock with an earlier version, and tell the people who run the registry".into()
        }
        Hint::Misfit => "run `lumen pkg install` to choose versions again".into(),
        Hint::Frozen => "run `lumen pkg lock` without --frozen, and commit lumen.lock".into(),
        Hint::Locked => "run `lumen pkg lock` without --locked, and commit lumen.lock".into(),
        Hint::GitPackage(name) => {
            format!("its lumen.toml must say `name = \"{name}\"`, at the root or at most four folders below")
        }
        Hint::WithoutOffline => "run it once without --offline".into(),
        Hint::TryClone => {
            "try the same with `git clone`; lumen uses the git program and its settings".into()
        }
        Hint::Versions(name) => format!("`lumen pkg info {name}` lists the versions there are"),
        Hint::Search => {
            "`lumen pkg search` finds packages by words; is the registry the right one?".into()
        }
        Hint::Damaged => "run `lumen pkg verify --repair` to fetch them again".into(),
        Hint::Contradiction => {
            "nothing was installed; tell the people who run the registry, or compare with an earlier lumen.lock".into()
        }
        Hint::Unsupported(name) => format!(
            "install a later Lumen, or ask for an older version: `lumen pkg info {name}` lists them"
        ),
        Hint::Dirty => {
            "commit your changes, so that people can find the source of the release, or pass --allow-dirty".into()
        }
        Hint::NotReleased => {
            "lumen.lock was changed; nothing was installed. Restore it from a version that you trust, or delete it and run `lumen pkg install`".into()
        }
        Hint::Shadowed {
            name,
            registry,
            first,
        } => format!(
            "nothing was installed. If `{name}` of `{first}` is meant, run `lumen pkg update {name}`; if that of `{registry}` is meant, say so in lumen.toml: `{name} = {{ version = \"…\", registry = \"{registry}\" }}`"
        ),
        Hint::NoChecksum => "run `lumen pkg update` to lock it again".into(),
        Hint::Limit(exceeded) => disk::limit(exceeded),
        Hint::Disk(kind) => return disk::words(kind),
    })
}

/// What was meant by a text that is neither a URL nor the name of a registry.
fn unknown_registry(text: &str) -> String {
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
