//! Words for what may help with signing keys.

use lumen_ops::error::KeysHint;

use super::disk;
use crate::ui::word;

/// The words of a hint.
pub fn words(hint: KeysHint<'_>) -> Option<String> {
    Some(match hint {
        KeysHint::New => "make one with `lumen key new`, or set LUMEN_KEY or LUMEN_KEY_FILE".into(),
        KeysHint::Meant(nearest) => format!("did you mean `{nearest}`?"),
        KeysHint::NoFolder => {
            "set HOME or XDG_CONFIG_HOME; LUMEN_KEY gives a key without it".into()
        }
        KeysHint::Rename(name) => {
            format!("move it under another name, such as `lumen key move {name} --name {name}.old`")
        }
        KeysHint::Choose(other) => {
            format!("choose another one first, such as `lumen key default {other}`")
        }
        KeysHint::Others => "`lumen key list` lists your keys".into(),
        KeysHint::Exists => {
            "choose another name, or make its successor with `lumen key rotate`".into()
        }
        KeysHint::Variable => {
            "it may hold the text of a key, the name of one of yours, or `ssh-agent`".into()
        }
        KeysHint::Exposed(path) => format!("run `chmod 600 {}`", word(&path.to_string_lossy())),
        KeysHint::Secret => {
            "import the file that `lumen key export --secret` printed; others get the public key as it is, such as `lumen pkg owner add NAME FILE`".into()
        }
        KeysHint::Passphrase => "set LUMEN_KEY_PASSPHRASE".into(),
        KeysHint::Unsigned => "nothing was signed".into(),
        KeysHint::Disk(kind) => return disk::words(kind),
    })
}
