//! Words for what the core, the store and the verbs advise.

use lumen_core::remedy::{Eligible, Remedy};

/// The words of a remedy.
pub fn words(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Text(text) => text.clone(),
        Remedy::RestoreLock => "restore the file, or delete it and run `lumen pkg install`".into(),
        Remedy::OtherClient => {
            "move it away, then run `lumen pkg install`: the two programs cannot share one file"
                .into()
        }
        Remedy::PublishAgain(name) => format!(
            "its owner can publish it again; `lumen pkg update {name}` chooses another version"
        ),
        Remedy::ChooseSide => "restore either side of it, then run `lumen pkg install`".into(),
        Remedy::MergeLock => "`lumen pkg install` mends it from both sides".into(),
        Remedy::NewerProgram => {
            "update lumen, or delete the lock and run `lumen pkg install`".into()
        }
        Remedy::MakePackage => "correct the path, or run `lumen pkg init` in that folder".into(),
        Remedy::ShowFingerprint => {
            "`lumen registry trust show` prints it: `sha256:` and 64 digits".into()
        }
        Remedy::Search(name) => {
            let word = name.bare();
            format!("check the spelling, or run `lumen pkg search {word}`")
        }
        Remedy::Versions(name) => format!("`lumen pkg info {name}` lists the versions of `{name}`"),
        Remedy::Features(name) => format!("`lumen pkg info {name}` shows the features there are"),
        Remedy::Update(name) => {
            format!("run `lumen pkg update {name}` to move to another version")
        }
        Remedy::Owners(name) => format!("`lumen pkg owner list {name}` shows its owners"),
        Remedy::CheckAll => {
            "`lumen pkg outdated` looks at every package, `lumen pkg update` makes a newer lock"
                .into()
        }
        Remedy::MoveKeys { to, or_choose } => {
            let choose = match or_choose {
                true => "; `lumen key default NAME` chooses one",
                false => "",
            };
            format!("`lumen key move` moves them to `{to}`{choose}")
        }
        Remedy::Online => "run the command once without `--offline`".into(),
        Remedy::After(day) => format!("choose an `--exclude-newer` date after {day}"),
        Remedy::AnyAge => "leave `--exclude-newer` out".into(),
        Remedy::Wait(release) => {
            let Eligible { name, version, day } = &**release;
            format!(
                "wait until {day}, or add \"{name}@{version}\" to `minimum-release-age-except` below the [policy] that asks for this age"
            )
        }
        Remedy::Propose(name, version) => {
            format!("`lumen pkg add {name}@^{version}` fits")
        }
        Remedy::PublishNeeds => {
            "publish it first, or correct the constraint; `--allow-missing-dependencies` publishes all the same".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use lumen_core::PackageName;

    use super::*;

    #[test]
    fn every_remedy_names_commands_of_this_program() {
        let name = PackageName::parse("@org/a").unwrap();
        let table = [
            (Remedy::from("use another key"), "use another key"),
            (
                Remedy::RestoreLock,
                "restore the file, or delete it and run `lumen pkg install`",
            ),
            (
                Remedy::ChooseSide,
                "restore either side of it, then run `lumen pkg install`",
            ),
            (
                Remedy::OtherClient,
                "move it away, then run `lumen pkg install`: the two programs cannot share one file",
            ),
            (
                Remedy::PublishAgain(name.clone()),
                "its owner can publish it again; `lumen pkg update @org/a` chooses another version",
            ),
            (
                Remedy::MergeLock,
                "`lumen pkg install` mends it from both sides",
            ),
            (
                Remedy::NewerProgram,
                "update lumen, or delete the lock and run `lumen pkg install`",
            ),
            (
                Remedy::MakePackage,
                "correct the path, or run `lumen pkg init` in that folder",
            ),
            (
                Remedy::ShowFingerprint,
                "`lumen registry trust show` prints it: `sha256:` and 64 digits",
            ),
            (
                Remedy::Search(name.clone()),
                "check the spelling, or run `lumen pkg search a`",
            ),
            (
                Remedy::Versions(name.clone()),
                "`lumen pkg info @org/a` lists the versions of `@org/a`",
            ),
            (
                Remedy::Features(name.clone()),
                "`lumen pkg info @org/a` shows the features there are",
            ),
            (
                Remedy::Update(name),
                "run `lumen pkg update @org/a` to move to another version",
            ),
            (
                Remedy::Owners("@org".into()),
                "`lumen pkg owner list @org` shows its owners",
            ),
            (
                Remedy::CheckAll,
                "`lumen pkg outdated` looks at every package, `lumen pkg update` makes a newer lock",
            ),
            (
                Remedy::MoveKeys {
                    to: "/home/ada".into(),
                    or_choose: true,
                },
                "`lumen key move` moves them to `/home/ada`; `lumen key default NAME` chooses one",
            ),
            (Remedy::Online, "run the command once without `--offline`"),
            (
                Remedy::After("2026-01-31".into()),
                "choose an `--exclude-newer` date after 2026-01-31",
            ),
            (Remedy::AnyAge, "leave `--exclude-newer` out"),
            (
                Remedy::PublishNeeds,
                "publish it first, or correct the constraint; `--allow-missing-dependencies` publishes all the same",
            ),
        ];
        for (remedy, expected) in table {
            assert_eq!(words(&remedy), expected);
        }
    }
}
