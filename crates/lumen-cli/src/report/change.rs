//! Words for what may help with changes of owners, of roots and of claims.

use lumen_core::trust::Subject;
use lumen_ops::error::{Again, ChangeHint};

/// The words of a hint.
pub fn words(hint: ChangeHint<'_>) -> String {
    match hint {
        ChangeHint::Unchanged => "nothing was changed".into(),
        ChangeHint::OldSigns(old) => {
            format!("the old key must sign: run `lumen key default {old}`, then this again")
        }
        ChangeHint::NameOld => {
            "name the old key with --old; LUMEN_KEY chooses the key that signs".into()
        }
        ChangeHint::AnotherReplacement => {
            "name another package with --replacement, or leave it out".into()
        }
        ChangeHint::OneMustStay => "add another one first, or name it in this command".into(),
        ChangeHint::Threshold => {
            "the threshold must be at least 1 and at most the number of keys".into()
        }
        ChangeHint::FewerWitnesses => "ask for fewer witnesses".into(),
        ChangeHint::AskWitnesses => "ask for witnesses with --quorum or --validating-quorum".into(),
        ChangeHint::Insider => {
            "a validating witness checks the holders of these keys: use another person's key".into()
        }
        ChangeHint::AnotherKey => "give another key".into(),
        ChangeHint::Owners(subject) => format!("`lumen pkg owner list {subject}` shows them"),
        ChangeHint::Claim(subject) => {
            format!("the first publish claims it, or `lumen pkg owner claim {subject}`")
        }
        ChangeHint::OtherAdmin(subject) => format!(
            "another admin must make this change; `lumen pkg owner list {subject}` lists them"
        ),
        ChangeHint::Rotate => "revocations stay; `lumen key rotate` makes a new key".into(),
        ChangeHint::Scope(subject) => format!("name the scope, `{subject}`"),
        ChangeHint::Propose => {
            "`--out FILE` of the commands that change a root or owners writes one".into()
        }
        ChangeHint::Tampered => "the file was changed; start with a new one".into(),
        ChangeHint::AnotherFile => "name another file with --out".into(),
        ChangeHint::AnotherRegistry => "name the right one with --registry".into(),
        ChangeHint::ProposeAgain => "propose it again".into(),
        ChangeHint::MyKeys => "LUMEN_KEY chooses another key; `lumen key list` lists yours".into(),
        ChangeHint::OthersSign => "the holder of one of these keys runs `sign` on the file".into(),
        ChangeHint::NamesKeys => {
            "LUMEN_KEY chooses another key; `lumen registry trust show` lists the names keys".into()
        }
        ChangeHint::Approve(names, again) => approve(names, again),
        ChangeHint::ClaimAgain(subject) => {
            format!("`lumen pkg owner claim {subject}` asks again")
        }
    }
}

fn approve(names: &[Subject], again: Again) -> String {
    let claims = match names.len() {
        1 => "the claim waits",
        _ => "the claims wait",
    };
    let then = match again {
        Again::Publish => "publish again",
        Again::Ingest => "ingest it again",
    };
    let names = names.iter();
    let commands: Vec<String> = names
        .map(|name| format!("`lumen registry approve {name}`"))
        .collect();
    let commands = commands.join(", ");
    format!("{claims} there: the holder of a names key runs {commands}; then {then}")
}
