//! Words for what may help with the local disk: projects, packing, unpacking and links.

use std::path::Path;

use lumen_ops::settings::SAFE_FOLDERS;
use lumen_store::{failure::Hint, link::Foreign};

use super::disk;

/// The words of a hint.
pub fn words(hint: Hint<'_>) -> Option<String> {
    Some(match hint {
        Hint::NoProject => {
            "run `lumen pkg init` to make a package here, or pass --manifest-path".into()
        }
        Hint::Outside => "put the file itself there, or link to one inside the project".into(),
        Hint::ReadOnly(file) => {
            let file = file.display();
            match cfg!(windows) {
                true => format!("to let it change: `attrib -R \"{file}\"`; nothing was changed"),
                false => format!("to let it change: `chmod u+w {file}`; nothing was changed"),
            }
        }
        Hint::ForeignManifest(file) => {
            let folder = file.parent().unwrap_or(file).display();
            format!(
                "if you trust that user, set {SAFE_FOLDERS}={folder}; if not, write `[workspace]` into your own lumen.toml, or move the project elsewhere"
            )
        }
        Hint::LinkOccupied => {
            "move it away, or set `import-root` in `[install]` of lumen.toml to another folder"
                .into()
        }
        Hint::Foreign { path, what } => foreign(path, what),
        Hint::ImportRoot => "name a folder inside the project, such as \"deps\"".into(),
        Hint::FolderLink => "name the folder that it leads to, or remove it".into(),
        Hint::FolderOccupied => "choose an empty folder, or move those files away".into(),
        Hint::BadArchive => {
            "the file was not made by `lumen pkg pack`, or was damaged; nothing was unpacked".into()
        }
        Hint::BadPackage => "nothing was installed; tell the author of the package".into(),
        Hint::Secrets { found, allowed } => {
            let mut paths: Vec<&str> = allowed.iter().map(String::as_str).collect();
            paths.extend(found.iter().map(|secret| secret.path.as_str()));
            format!(
                "add them to .gitignore or `exclude`; if everybody may have them, write this below [package]: allow-secrets = {}",
                serde_json::json!(paths)
            )
        }
        Hint::LinksOutside => "replace the links by files, or add them to `exclude`".into(),
        Hint::Dangling => "fix or remove the links, or add them to `exclude`".into(),
        Hint::Changed => "run it again once nothing writes to the folder".into(),
        Hint::Deep => {
            "remove the folder, or add it to .gitignore or to `exclude` in [package]".into()
        }
        Hint::Paths => "rename them, or add them to `exclude`".into(),
        Hint::TooLarge => {
            "leave files out with `exclude` in [package], or split the package".into()
        }
        Hint::Writable => "check who may write there".into(),
        Hint::Disk(kind) => return disk::words(kind),
    })
}

/// What to do about something in a project that is not as Lumen makes it for this user.
fn foreign(path: &Path, what: Foreign) -> String {
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
        Foreign::ReadOnly => {
            format!("run `chmod -R u+w {dot}` in the project's folder, and run it again")
        }
        Foreign::Link | Foreign::NoFolder | Foreign::NoFile => format!(
            "Lumen did not make it; find out who did, remove `{}`, and run it again",
            path.display()
        ),
    }
}
