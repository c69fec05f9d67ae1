//! Words for what may help with settings.

use lumen_ops::error::SettingsHint;

use crate::ui::word;

/// The words of a hint.
pub fn words(hint: SettingsHint<'_>) -> String {
    match hint {
        SettingsHint::Url => "write `https://…` or `file:///path`".into(),
        SettingsHint::Seconds => "set it to a whole number, at least 1".into(),
        SettingsHint::MeantLimit(limit) => format!("did you mean {}?", limit.variable()),
        SettingsHint::Limits => "docs/limits.md lists the limits that there are".into(),
        SettingsHint::Form(unit) => format!("set it to {}", unit.form()),
        SettingsHint::Pins => {
            "find out which one is right, then correct [registry.roots] in the other".into()
        }
        SettingsHint::PinsOfPlace => "find out which one is right, then correct the other".into(),
        SettingsHint::MirrorOfUser => {
            "move the mirror, or the name of its place, to `config.toml` in Lumen's configuration folder".into()
        }
        SettingsHint::InitThere(url) => {
            let url = word(url);
            format!(
                "if that is where you want one, run `lumen registry init {url}`, and publish with `--registry {url}`"
            )
        }
        SettingsHint::Init(url) => {
            let url = word(url);
            format!(
                "`lumen registry init {url}` makes a signed one, `lumen registry init --unsigned {url}` one without signatures"
            )
        }
        SettingsHint::NameIt(place) => format!(
            "write `NAME = \"{place}\"` below [registry.registries] in lumen.toml, and run it with `--registry NAME`"
        ),
        SettingsHint::ConfigureMirrors => {
            "write `[registry.mirrors]` into `config.toml` in Lumen's configuration folder, and below it \
             `inner = { from = \"https://registry.example.org\", to = \"file:///srv/mirror\" }`"
                .into()
        }
        SettingsHint::Meant(nearest) => format!("did you mean `{nearest}`?"),
        SettingsHint::Mirrors(known) => format!("there are {}", known.join(", ")),
    }
}
