//! What git ignores because of files outside of the work tree: `.git/info/exclude`, and the file
//! that `core.excludesFile` names.
//!
//! Git itself says where they are, so its configuration counts with all that it includes. The
//! folder may be a clone of anything: a file that only the repository names counts if it is in
//! the repository, and a `.git` that points elsewhere counts if what is there points back.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use fs_err as fs;
use lumen_core::limits::MAX_IGNORE_FILE_BYTES;
use lumen_registry::{git::Git, variables::Variables};
use lumen_store::{pack::Excludes, project::normalize};

/// The files for a folder, the weakest first; none outside of a repository, or without a git
/// that understands the repository.
pub(crate) fn find(variables: &Variables, dir: &Path) -> Vec<Excludes> {
    let mut folders = dir.ancestors();
    let Some(top) = folders.find(|folder| folder.join(".git").exists()) else {
        return Vec::new();
    };
    let git = Git::within(top).inheriting(variables);
    let own = of_user(&git, variables, top);
    let files = own.into_iter().chain(of_repository(&git, top));
    files.filter_map(|file| read(&file)).collect()
}

/// The file of `core.excludesFile`, or the one that git reads without it.
fn of_user(git: &Git, variables: &Variables, top: &Path) -> Option<PathBuf> {
    let asked = [
        "config",
        "--show-scope",
        "--type=path",
        "--get",
        "core.excludesFile",
    ];
    let Some(answer) = said(git, &asked) else {
        let config = variables.raw("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.filter(|config| !config.as_os_str().is_empty());
        let home = || Some(PathBuf::from(variables.raw("HOME")?).join(".config"));
        return Some(config.or_else(home)?.join("git/ignore"));
    };
    let (scope, file) = answer.split_once('\t')?;
    let file = normalize(&top.join(file));
    match scope {
        "local" | "worktree" => is_inside(&file, top).then_some(file),
        _ => Some(file),
    }
}

/// The repository's own `info/exclude`.
fn of_repository(git: &Git, top: &Path) -> Option<PathBuf> {
    let asked = [
        "rev-parse",
        "--absolute-git-dir",
        "--git-path",
        "info/exclude",
    ];
    let answer = said(git, &asked)?;
    let (folder, file) = answer.split_once('\n')?;
    let file = normalize(&top.join(file));
    let folder = fs::canonicalize(folder).ok()?;
    let here = fs::canonicalize(top).ok()?;
    let is_own = folder.starts_with(&here);
    // The `.git` of a submodule points into that of a repository around it.
    let around = || {
        let mut above = here.ancestors().skip(1);
        above.any(|above| folder.starts_with(above.join(".git")))
    };
    // That of another work tree points to a folder that names it.
    let names_it = || {
        let back = read(&folder.join("gitdir"))?;
        let back = std::str::from_utf8(&back.bytes).ok()?.trim_end();
        Some(fs::canonicalize(back).ok()? == here.join(".git"))
    };
    (is_own || around() || names_it() == Some(true)).then_some(file)
}

/// Whether a file is in a folder, all links followed.
fn is_inside(file: &Path, folder: &Path) -> bool {
    let (file, folder) = (fs::canonicalize(file), fs::canonicalize(folder));
    file.is_ok_and(|file| folder.is_ok_and(|folder| file.starts_with(folder)))
}

/// What git says on success.
fn said(git: &Git, arguments: &[&str]) -> Option<String> {
    let ran = git.look(git.command(arguments), None).ok()?;
    let text = String::from_utf8(ran.out).ok()?;
    ran.success
        .then(|| text.trim_end_matches(['\n', '\r']).to_owned())
}

/// Reads a file, one byte more than such a file may have.
fn read(file: &Path) -> Option<Excludes> {
    if !file.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let open = fs::File::open(file).ok()?;
    let mut start = open.take(MAX_IGNORE_FILE_BYTES + 1);
    start.read_to_end(&mut bytes).ok()?;
    let place = file.display().to_string();
    Some(Excludes { place, bytes })
}
