//! Words for what may help with projects and packages.

use lumen_ops::error::{PackageHint, Written};

/// The words of a hint.
pub fn words(hint: PackageHint<'_>) -> String {
    match hint {
        PackageHint::PackageFolder => {
            "add [package] with `name` and `version`, or run this in a package's folder".into()
        }
        PackageHint::Members([]) => {
            "its `members` match no folder yet: `lumen pkg new <folder>` makes one".into()
        }
        PackageHint::Members(members) => {
            let quoted: Vec<String> = members.iter().map(|member| format!("`{member}`")).collect();
            format!(
                "run it in a member's folder, or name a package with `-p`: {}",
                quoted.join(", ")
            )
        }
        PackageHint::LinkOut(Written::Workflow) => {
            "remove the link, or pass --stdout and choose the place yourself".into()
        }
        PackageHint::LinkOut(Written::Submission) => "name the folder itself with `--out`".into(),
        PackageHint::Install => "run `lumen pkg install` first".into(),
        PackageHint::Meant(nearest) => format!("did you mean `{nearest}`?"),
        PackageHint::List => "`lumen pkg list` lists the packages".into(),
        PackageHint::Tree => "`lumen pkg tree --depth 1` lists the dependencies".into(),
        PackageHint::Packages(names) => {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("its packages are {}", quoted.join(", "))
        }
        PackageHint::ExcludeLess => "leave an `--exclude` out".into(),
        PackageHint::Another => "name another package".into(),
        PackageHint::Versions(name) => {
            format!("`lumen pkg info {name}` shows them; ask for one with `{name}@=<version>`")
        }
        PackageHint::Update(name) => {
            format!("run `lumen pkg update {name}` if this change is expected")
        }
        PackageHint::NewFolder => {
            "edit it, or choose another folder with `lumen pkg new <folder>`".into()
        }
        PackageHint::InitInside => {
            "run `lumen pkg init` inside it, or choose another folder".into()
        }
        PackageHint::GiveName => "give one with `--name my-package`".into(),
        PackageHint::Private => "remove that line from lumen.toml to publish it".into(),
        PackageHint::AllPrivate => "`publish = false` in a lumen.toml keeps a package out".into(),
        PackageHint::Tag(version) => {
            format!("set `version` in lumen.toml before you tag, or tag `v{version}`")
        }
        PackageHint::WriteVersion => {
            "write the version into lumen.toml and publish without `--bump`".into()
        }
        PackageHint::Refetch => {
            "run `lumen pkg verify --repair` in a project that uses it, or `lumen pkg cache clean`: both remove the copy, and it is fetched again".into()
        }
        PackageHint::RaiseVersion => {
            "releases never change; raise `version` in lumen.toml to submit another one".into()
        }
    }
}
