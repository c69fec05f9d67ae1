//! GitHub Pages: a branch that is published to, and the pages that show it.

use lumen_registry::location::GitLocation;

use super::{fill, quoted};

/// What to set up for a registry on GitHub Pages.
#[derive(Debug, Clone)]
pub struct Pages {
    /// The branch that is published to.
    pub publish: String,
    /// The URL that people read.
    pub read: String,
    /// What to do, as a script for a shell with comments.
    pub script: String,
}

impl Pages {
    /// The plan for a repository at GitHub; none when the address is of another form.
    pub(super) fn new(git: &GitLocation) -> Option<Self> {
        let mut path = git
            .remote()
            .path_segments()?
            .filter(|part| !part.is_empty());
        let (owner, repository) = (path.next()?, path.next()?);
        let repository = repository.strip_suffix(".git").unwrap_or(repository);
        let plain = |text: &str| {
            let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !text.is_empty() && text.chars().all(good)
        };
        if path.next().is_some() || !plain(owner) || !plain(repository) {
            return None;
        }
        let host = format!("{}.github.io", owner.to_ascii_lowercase());
        // The repository with the name of the host is the page of the owner itself.
        let site = match repository.eq_ignore_ascii_case(&host) {
            true => format!("https://{host}"),
            false => format!("https://{host}/{repository}"),
        };
        // GitHub serves the root of a branch, or its folder `docs`.
        let folder = git.folder.trim_end_matches('/');
        let (source, below) = match folder.strip_prefix("docs") {
            Some("") => ("/docs", ""),
            Some(below) if below.starts_with('/') => ("/docs", below.trim_start_matches('/')),
            _ => ("/", folder),
        };
        let read = match below {
            "" => site,
            below => format!("{site}/{below}"),
        };
        let publish = git.url();
        let values = [
            ("URL", quoted(&publish)),
            ("READ", read.clone()),
            ("PUBLISH", publish.clone()),
            ("OWNER", owner.to_owned()),
            ("REPOSITORY", repository.to_owned()),
            ("BRANCH", git.branch.clone()),
            ("SOURCE", source.to_owned()),
            (
                "BRANCH_FIELD",
                quoted(&format!("source[branch]={}", git.branch)),
            ),
        ];
        Some(Self {
            publish,
            read,
            script: fill(include_str!("pages.sh"), &values),
        })
    }
}

#[cfg(test)]
mod tests {
    use lumen_registry::Location;

    use super::*;

    #[test]
    fn addresses() {
        for (url, read) in [
            (
                "git+https://github.com/Org/lumen-registry.git",
                Some("https://org.github.io/lumen-registry"),
            ),
            (
                "git+ssh://git@github.com/org/org.github.io#main",
                Some("https://org.github.io"),
            ),
            (
                "git+https://github.com/org/r#main:docs/reg",
                Some("https://org.github.io/r/reg"),
            ),
            (
                "git+https://github.com/org/r#main:docsx",
                Some("https://org.github.io/r/docsx"),
            ),
            ("git+https://github.com/org", None),
            ("git+https://example.org/a/b/c", None),
        ] {
            let Location::Git(git) = Location::parse(url).unwrap() else {
                panic!("{url}");
            };
            let pages = Pages::new(&git);
            assert_eq!(pages.map(|pages| pages.read).as_deref(), read, "{url}");
        }
    }
}
