//! The block of `.gitignore` that Lumen keeps up to date.

use std::path::Path;

use lumen_core::{limits::MAX_GITIGNORE_BYTES, problem::Problem};
use lumen_store::project::{ProjectError, files};

use crate::{error::OpsError, session::Session};

const BEGIN: &str = "# lumen: made by `lumen pkg install`";
const END: &str = "# lumen: end";

/// The file's name.
pub(crate) const NAME: &str = ".gitignore";

/// Adds the block to a folder's `.gitignore`, creating the file where needed.
///
/// # Errors
/// When it leads out of the folder, or any I/O error.
pub fn create(dir: &Path) -> Result<(), ProjectError> {
    let text = read(dir)?;
    match text.contains(BEGIN) {
        true => Ok(()),
        false => files::write(dir, &dir.join(NAME), with_block(&text, &[]).as_bytes()),
    }
}

/// Lists the import links in the block, if the user has kept the block. A file that leads
/// out of the project or is read-only is left alone, with a warning.
///
/// `links` are relative to the folder, with `/`. `may_adopt`: where git is in use and does not
/// ignore the links yet, a block is added.
///
/// # Errors
/// Any I/O error.
pub fn update(
    session: &Session<'_>,
    dir: &Path,
    links: &[String],
    may_adopt: bool,
) -> Result<(), OpsError> {
    match change(dir, links, may_adopt) {
        Err(error @ (ProjectError::Outside { .. } | ProjectError::ReadOnly(_))) => {
            let what = format!("{error}: it is left as it is");
            let hint = "list `.lumen/` and the import links there yourself";
            session
                .context
                .reporter
                .warn(Problem::warning(what).hint(hint));
            Ok(())
        }
        result => Ok(result?),
    }
}

/// Whether the block is there, or may come: the next install does not add it again.
pub fn is_kept(dir: &Path) -> bool {
    in_git(dir) || read(dir).is_ok_and(|text| text.contains(BEGIN))
}

/// Whether a folder is in the working tree of a git repository.
fn in_git(dir: &Path) -> bool {
    dir.ancestors()
        .any(|dir| dir.join(".git").symlink_metadata().is_ok())
}

/// Whether each link is named by a line of its own.
fn lists(text: &str, links: &[String]) -> bool {
    let named = |link: &String| {
        let mut lines = text.lines().map(str::trim);
        lines.any(|line| line.strip_prefix('/').unwrap_or(line) == link)
    };
    links.iter().all(named)
}

fn change(dir: &Path, links: &[String], may_adopt: bool) -> Result<(), ProjectError> {
    let text = read(dir)?;
    let new = with_block(&text, links);
    let adopts = may_adopt && in_git(dir) && !lists(&text, links);
    match (text.contains(BEGIN) || adopts) && new != text {
        true => files::write(dir, &dir.join(NAME), new.as_bytes()),
        false => Ok(()),
    }
}

fn read(dir: &Path) -> Result<String, ProjectError> {
    let bytes = files::read(dir, &dir.join(NAME), MAX_GITIGNORE_BYTES)?.unwrap_or_default();
    String::from_utf8(bytes)
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error).into())
}

/// The line that ignores a link and nothing else.
fn pattern(link: &str) -> String {
    let mut line = String::from("/");
    for c in link.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') {
            line.push('\\');
        }
        line.push(c);
    }
    // A name that needs two lines would be two patterns, which could ignore anything.
    match line.contains(char::is_control) {
        true => String::new(),
        false => line + "\n",
    }
}

/// The text with the block replaced, or appended when there is none.
fn with_block(text: &str, links: &[String]) -> String {
    let mut block = format!("{BEGIN}\n.lumen/\n");
    for link in links {
        block.push_str(&pattern(link));
    }
    block.push_str(END);
    block.push('\n');
    if let Some(begin) = text.find(BEGIN) {
        let after = text[begin..]
            .find(END)
            .map_or(text.len(), |at| begin + at + END.len());
        let rest = text[after..]
            .strip_prefix("\r\n")
            .or(text[after..].strip_prefix('\n'))
            .unwrap_or(&text[after..]);
        return format!("{}{block}{rest}", &text[..begin]);
    }
    let gap = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{text}{gap}{block}")
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn the_block_is_kept_in_its_place() {
        let first = with_block("target\n", &[]);
        assert_eq!(first, format!("target\n{BEGIN}\n.lumen/\n{END}\n"));
        assert_eq!(pattern("a[b]/c*"), "/a\\[b\\]/c\\*\n");
        assert_eq!(pattern("a\n*"), "");
        let edited = format!("{first}# mine\n");
        let second = with_block(&edited, &["my_utils".into(), "org/http".into()]);
        assert_eq!(
            second,
            format!("target\n{BEGIN}\n.lumen/\n/my_utils\n/org/http\n{END}\n# mine\n")
        );
        assert_eq!(with_block(&second, &[]), edited);
    }

    #[test]
    fn a_block_without_end_is_closed() {
        assert_eq!(
            with_block(&format!("{BEGIN}\n.lumen/"), &[]),
            format!("{BEGIN}\n.lumen/\n{END}\n")
        );
    }

    #[test]
    fn the_block_is_added_where_git_would_see_links() {
        let dir = tempfile::tempdir().unwrap();
        let links = ["x".to_owned(), "org/http".to_owned()];
        change(dir.path(), &links, true).unwrap();
        assert!(!dir.path().join(NAME).exists());
        fs::create_dir(dir.path().join(".git")).unwrap();
        let below = dir.path().join("sub");
        fs::create_dir(&below).unwrap();
        for dir in [dir.path(), &below] {
            change(dir, &[], true).unwrap();
            assert!(!dir.join(NAME).exists());
            fs::write(dir.join(NAME), "org/http\n/x\n").unwrap();
            change(dir, &links, true).unwrap();
            assert_eq!(read(dir).unwrap(), "org/http\n/x\n");
            fs::write(dir.join(NAME), "mine").unwrap();
            change(dir, &links, true).unwrap();
            let block = format!("mine\n{BEGIN}\n.lumen/\n/x\n/org/http\n{END}\n");
            assert_eq!(read(dir).unwrap(), block);
        }
    }

    #[test]
    fn users_who_removed_the_block_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".gitignore"), "mine\n").unwrap();
        change(dir.path(), &["x".into()], false).unwrap();
        assert_eq!(
            fs::read_to_string(dir.path().join(".gitignore")).unwrap(),
            "mine\n"
        );
        create(dir.path()).unwrap();
        change(dir.path(), &["x".into()], false).unwrap();
        assert!(
            fs::read_to_string(dir.path().join(".gitignore"))
                .unwrap()
                .contains("\n/x\n")
        );
    }
}
