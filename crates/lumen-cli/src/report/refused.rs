//! Words for what may help where a registry does not allow a verb.

use lumen_ops::error::RegistryHint;

/// The words of a hint.
pub fn words(hint: RegistryHint<'_>) -> String {
    match hint {
        RegistryHint::WithoutOffline => "run it without --offline".into(),
        RegistryHint::AnotherPlace => "name another place for the mirror".into(),
        RegistryHint::WithoutProvenance => {
            "`lumen pkg info` without --provenance shows what the registry says".into()
        }
        RegistryHint::WithoutSince => "leave out --since: the bundle has everything then".into(),
        RegistryHint::RolledBack => {
            "if that is what the other side has, it is no mirror of this registry, or this one was rolled back".into()
        }
        RegistryHint::AnotherFile => "name another file, or remove this one".into(),
        RegistryHint::PublishPlace => {
            "name the place that it is published to: a folder, a bucket or a branch".into()
        }
        RegistryHint::DryRun => {
            "`--dry-run` lists everything that must be fixed; nothing was written".into()
        }
        RegistryHint::NameOfIt => "name a package or a scope that it has".into(),
        RegistryHint::Validate => "run `lumen registry witness` without --growth-only".into(),
        RegistryHint::AddWitness(key) => format!(
            "the people who run the registry can add it: `lumen registry trust add-witness {key}`"
        ),
    }
}
