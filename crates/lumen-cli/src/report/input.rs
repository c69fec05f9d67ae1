//! Words for what may help with texts of the command line.

use lumen_ops::error::InputHint;

use crate::ui::word;

/// The words of a hint.
pub fn words(hint: InputHint<'_>) -> String {
    match hint {
        InputHint::Release => "write `name@1.2.3`".into(),
        InputHint::Sides => "name two releases: `lumen pkg diff csv@1.0.0 csv@1.1.0`".into(),
        InputHint::Alone(name) => {
            format!("name two releases: `lumen pkg diff {name}@1.0.0 {name}@1.1.0`")
        }
        InputHint::Repository(url) => format!(
            "say what it is called: `lumen pkg add NAME --git {}`",
            word(url.strip_prefix("git+").unwrap_or(url))
        ),
        InputHint::Channel(name) => format!(
            "write `{name}@latest` or versions such as `{name}@^1.2`; `lumen pkg info {name}` lists what there is"
        ),
        InputHint::Extras(name, features) => {
            format!("ask for features so: `lumen pkg add {name} --features {}`", word(features))
        }
        InputHint::NoPackageIn => {
            "correct the path; a package of a registry is named without `./` and `/`".into()
        }
        InputHint::Precise => {
            "name one, or write versions behind the names: `lumen pkg update a@1.2.0 b@2.0.0`".into()
        }
        InputHint::TwoPlaces => "write the package's name in its place".into(),
        InputHint::Subject => "write `name`, `@scope` or `@scope/name`".into(),
        InputHint::PublicKey => {
            "give what `lumen key export` prints, an `ssh-ed25519 …` line, or the name of a key of yours".into()
        }
        InputHint::Fingerprint => "give its fingerprint".into(),
        InputHint::Patterns => "write names such as `my-utils`, or patterns such as `@org/*`".into(),
        InputHint::Assignment => {
            "write `name=key` or `@scope=key`, in a file `name key`, one on a line".into()
        }
        InputHint::Folder(text) => format!("give its URL, or `./{text}` for a folder"),
        InputHint::InProject => {
            "the registry was accepted; run it in the project whose lock has its packages".into()
        }
        InputHint::Commit => "`git rev-parse v1.2.3^{commit}` prints that of a tag".into(),
        InputHint::Claims => "`lumen registry approve` lists the claims".into(),
        InputHint::FirstDigits => {
            "`lumen registry approve` lists them; give the first digits of the right one".into()
        }
        InputHint::Why => "say why: everyone who uses the package reads it".into(),
        InputHint::OneLine => "give a reason of one line".into(),
        InputHint::Time => "write 2026-01-31, 2026-01-31T12:00:00Z, 7d or 2w".into(),
        InputHint::Digest => {
            "it is `sha256:` and 64 digits; `lumen registry trust show` prints it".into()
        }
        InputHint::BundleOut => "name a file, such as `registry.bundle`".into(),
        InputHint::BundleFolder(folder) => {
            format!("`lumen registry mirror {} TO` copies a registry", word(folder))
        }
        InputHint::Since => {
            "give --since a number of entries, an earlier bundle of the registry, or a mirror of it".into()
        }
    }
}
