//! Words for what may help against errors of git.

use lumen_registry::failure::GitHint;

use super::disk;

/// What to do when no authority that is trusted vouches for a host.
pub const OWN_AUTHORITY: &str = "if its authority is your own, set LUMEN_CA_FILE, or `ca-file` in [http] of your configuration, to the authority's certificate";

/// The words of a hint.
pub fn words(hint: GitHint<'_>) -> Option<String> {
    Some(match hint {
        GitHint::NoGit => "install git".into(),
        GitHint::OldGit => "install a newer git".into(),
        GitHint::Login => {
            "check the credentials that git itself uses (`git ls-remote` shows whether it gets in), or those in LUMEN_REGISTRIES_<NAME>_TOKEN (LUMEN_REGISTRIES_<NAME>_READ_TOKEN, where another host is published to), which only goes to a URL that you give yourself: beside it in LUMEN_REGISTRIES_<NAME>_URL, or in your own config.toml"
                .into()
        }
        GitHint::NoRepository => {
            "check the address, and whether you may see the repository; make it there first if it is new".into()
        }
        GitHint::OwnAuthority => OWN_AUTHORITY.into(),
        GitHint::Moved => "write the new address in its place".into(),
        GitHint::Network => "check the address and the network, or use --offline".into(),
        GitHint::Push => {
            "the branch must take pushes from you: look at its protection rules and hooks".into()
        }
        GitHint::TryGit => "try the same with git; lumen uses the git program and its settings".into(),
        GitHint::Disk(kind) => return disk::words(kind),
        GitHint::Limit(exceeded) => disk::limit(exceeded),
    })
}
