//! The rule of import links: `<import root>/<import path>` leads to a package's sources, so
//! that the compiler finds them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use lumen_core::PackageName;

use super::{DOT_LUMEN, LinkError, PACKAGES, Plan, Planned, SkippedImport, link_text, plain};
use crate::{
    Sources, paths,
    portable::{check_path, fold},
};

/// Folders in which a link could mean something to other programs, or to us.
const KEPT: [&str; 5] = [".git", ".hg", ".svn", ".jj", DOT_LUMEN];

/// The links a project shall have.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The folders of import links, relative to the project; empty for the project itself.
    pub roots: BTreeSet<String>,
    /// By path relative to the project.
    pub links: BTreeMap<String, Link>,
    pub skipped: Vec<SkippedImport>,
}

#[derive(Debug)]
pub(super) struct Link {
    pub package: PackageName,
    pub target: String,
    /// Whether it leads from a package to its own sources: it gives way to anything.
    pub own: bool,
}

/// What may be imported in one folder.
struct Ground<'p> {
    folder: &'p str,
    import_root: &'p str,
    /// Each package, and whether the folder's own manifest asks for it.
    packages: Vec<(&'p PackageName, &'p Planned, bool)>,
    own: Option<&'p PackageName>,
}

impl Wanted {
    /// Decides on the links of all packages that have sources.
    pub(super) fn new(plan: &Plan) -> Result<Self, LinkError> {
        let mut wanted = Self::default();
        let all = plan.packages.iter();
        wanted.take(&Ground {
            folder: "",
            import_root: &plan.import_root,
            packages: all
                .map(|(name, planned)| (name, planned, planned.direct))
                .collect(),
            own: plan.own.as_ref(),
        })?;
        for site in &plan.sites {
            let needed = site.packages.iter();
            let found = |(name, direct): (&'_ PackageName, &bool)| {
                let (name, planned) = plan.packages.get_key_value(name)?;
                Some((name, planned, *direct))
            };
            wanted.take(&Ground {
                folder: &site.folder,
                import_root: &site.import_root,
                packages: needed.filter_map(found).collect(),
                own: site.own.as_ref(),
            })?;
        }
        wanted
            .skipped
            .sort_by(|a, b| (&a.package, &a.path).cmp(&(&b.package, &b.path)));
        wanted.skipped.dedup();
        Ok(wanted)
    }

    /// Decides on the links in one folder. A package that its manifest did not ask for never
    /// takes the path of one that it asked for, or a path above or below.
    fn take(&mut self, ground: &Ground<'_>) -> Result<(), LinkError> {
        let inner = normalize(ground.import_root)?;
        let root = join_folders(ground.folder, &inner);
        self.roots.insert(root.clone());
        // By folded path: one link a name, and none inside another package.
        let mut taken: BTreeMap<String, PackageName> = BTreeMap::new();
        let direct = ground.packages.iter().filter(|(.., direct)| *direct);
        let others = ground.packages.iter().filter(|(.., direct)| !*direct);
        for (package, planned, is_direct) in direct.chain(others).copied() {
            let below = match planned.sources {
                Sources::None => continue,
                Sources::Src => "/src",
                Sources::Root => "",
            };
            let path = join(&root, &package.import_path());
            let folded = fold(&path).into_owned();
            if let Some(holder) = holder(&taken, &folded) {
                if is_direct {
                    return Err(LinkError::Shadowed {
                        first: holder.clone(),
                        second: package.clone(),
                        path: package.import_path(),
                    });
                }
                self.skipped.push(SkippedImport {
                    package: package.clone(),
                    path: package.import_path(),
                    taken_by: holder.clone(),
                });
                continue;
            }
            taken.insert(folded, package.clone());
            if planned.folder.as_ref() == Some(&path) {
                continue;
            }
            let up = "../".repeat(path.matches('/').count());
            let target = format!("{up}{DOT_LUMEN}/{PACKAGES}/{package}{below}");
            let link = Link {
                package: package.clone(),
                target,
                own: false,
            };
            self.links.insert(path, link);
        }
        if let Some(package) = ground.own {
            self.own_link(ground.folder, &inner, package, &taken);
        }
        Ok(())
    }

    /// A package imports its own modules by its full name, as those who depend on it do: the
    /// name leads to its own `src`. A link in `src` itself would lead round in circles.
    fn own_link(
        &mut self,
        folder: &str,
        inner: &str,
        package: &PackageName,
        taken: &BTreeMap<String, PackageName>,
    ) {
        let import = package.import_path();
        let is_in_src = inner == "src" || inner.starts_with("src/");
        let below = if is_in_src {
            import
        } else {
            join(inner, &import)
        };
        let path = join_folders(folder, &below);
        if holder(taken, &fold(&path)).is_some() {
            return;
        }
        let up = "../".repeat(below.matches('/').count());
        let (package, target) = (package.clone(), format!("{up}src"));
        let link = Link {
            package,
            target,
            own: true,
        };
        self.links.entry(path).or_insert(link);
    }
}

/// The package that has a path, or one above or below it.
fn holder<'t>(taken: &'t BTreeMap<String, PackageName>, folded: &str) -> Option<&'t PackageName> {
    let at_or_above = above(folded)
        .chain([folded])
        .find_map(|path| taken.get(path));
    at_or_above.or_else(|| {
        let below = format!("{folded}/");
        let next = taken.range(below.clone()..).next();
        next.filter(|(path, _)| path.starts_with(&below))
            .map(|(_, holder)| holder)
    })
}

/// A folder in another one; either may be empty.
fn join_folders(folder: &str, inner: &str) -> String {
    match inner {
        "" => folder.to_owned(),
        _ => join(folder, inner),
    }
}

/// Whether the rule makes a link with this text at this path, for some package: then no user
/// can have made it.
pub(super) fn is_made_by_rule(project: &Path, path: &str, found: &Path) -> bool {
    let up = "../".repeat(path.matches('/').count());
    let of_package = |name: &str, below: &str| {
        let import = PackageName::parse(name).map(|name| name.import_path());
        let here = import.is_ok_and(|import| {
            let before = path.strip_suffix(import.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        });
        let target = format!("{up}{DOT_LUMEN}/{PACKAGES}/{name}{below}");
        here && plain(found) == link_text(&project.join(path), &target)
    };
    let text = plain(found).to_string_lossy().replace('\\', "/");
    let Some((_, rest)) = text.split_once(&format!("{DOT_LUMEN}/{PACKAGES}/")) else {
        return false;
    };
    of_package(rest, "")
        || rest
            .strip_suffix("/src")
            .is_some_and(|name| of_package(name, "/src"))
}

/// Whether the rule of a project that is here or above makes a link with this text at this place:
/// of a package that was a project of its own before it became a member of a workspace, or the
/// other way round.
pub(super) fn is_of_another_root(place: &Path, found: &Path) -> bool {
    let Some(folder) = place.parent() else {
        return false;
    };
    let target = paths::normalize(&folder.join(plain(found)));
    let mut roots = folder
        .ancestors()
        .map(|root| root.join(DOT_LUMEN).join(PACKAGES));
    let Some(rest) =
        roots.find_map(|packages| Some(target.strip_prefix(packages).ok()?.to_owned()))
    else {
        return false;
    };
    let rest = paths::slashed(&rest);
    let is_of = |name: &str| {
        let import = PackageName::parse(name).map(|name| name.import_path());
        import.is_ok_and(|import| place.ends_with(import))
    };
    is_of(&rest) || rest.strip_suffix("/src").is_some_and(is_of)
}

/// An import root without `./`, doubled and trailing slashes; empty for the project.
fn normalize(import_root: &str) -> Result<String, LinkError> {
    let components: Vec<&str> = import_root
        .split('/')
        .filter(|component| !matches!(*component, "" | "."))
        .collect();
    let path = components.join("/");
    let kept = |part: &&str| KEPT.iter().any(|kept| part.eq_ignore_ascii_case(kept));
    let good = path.is_empty() || check_path(&path, usize::MAX, usize::MAX).is_ok();
    let good = good && !components.iter().any(kept);
    if import_root.starts_with('/') || !good {
        return Err(LinkError::ImportRoot(import_root.to_owned()));
    }
    Ok(path)
}

pub(super) fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

/// The paths of all folders above a path, the highest first.
pub(super) fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

impl Wanted {
    /// Path and target of every link.
    pub(super) fn targets(&self) -> BTreeMap<String, String> {
        let links = self.links.iter();
        links
            .map(|(path, link)| (path.clone(), link.target.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::link::Site;

    /// Packages by name; those with a `!` in front are direct dependencies.
    fn planned(packages: &[(&str, Sources)]) -> BTreeMap<PackageName, Planned> {
        let planned = |sources, direct| Planned {
            version: "1.0.0".into(),
            digest: None,
            target: PathBuf::new(),
            sources,
            folder: None,
            direct,
        };
        packages
            .iter()
            .map(|(name, sources)| {
                let direct = name.starts_with('!');
                let name = PackageName::parse(name.trim_start_matches('!')).unwrap();
                (name, planned(*sources, direct))
            })
            .collect()
    }

    fn wanted(root: &str, packages: BTreeMap<PackageName, Planned>) -> Result<Wanted, LinkError> {
        Wanted::new(&plan(root, packages))
    }

    fn plan(root: &str, packages: BTreeMap<PackageName, Planned>) -> Plan {
        Plan {
            mode: lumen_core::manifest::LinkMode::Symlink,
            import_root: root.into(),
            packages,
            own: None,
            sites: Vec::new(),
            facts: BTreeMap::new(),
        }
    }

    #[test]
    fn members_have_links_of_their_own() {
        let (src, root) = (Sources::Src, Sources::Root);
        let name = |text: &str| PackageName::parse(text).unwrap();
        let packages = planned(&[("!a", src), ("@org/b", root), ("core", src)]);
        let mut plan = plan("deps", packages);
        plan.packages.get_mut(&name("core")).unwrap().folder = Some("core".into());
        let site = |folder: &str, import_root: &str, needs: &[&str], own: Option<&str>| Site {
            folder: folder.into(),
            import_root: import_root.into(),
            packages: needs.iter().map(|needed| (name(needed), true)).collect(),
            own: own.map(name),
        };
        plan.sites = vec![
            site("core", "", &["@org/b"], Some("core")),
            site("apps/cli", "./src/", &["core", "a"], Some("@org/cli")),
            site("apps/b", "lib", &[], Some("@org/b")),
        ];
        let found = Wanted::new(&plan).unwrap();
        let targets = found.targets();
        let in_members: Vec<(&str, &str)> = targets
            .iter()
            .map(|(path, target)| (path.as_str(), target.as_str()))
            .filter(|(path, _)| !path.starts_with("deps/"))
            .collect();
        assert_eq!(
            in_members,
            [
                ("apps/b/lib/org/b", "../../src"),
                ("apps/cli/org/cli", "../src"),
                ("apps/cli/src/a", "../../../.lumen/packages/a/src"),
                ("apps/cli/src/core", "../../../.lumen/packages/core/src"),
                ("core/core", "src"),
                ("core/org/b", "../../.lumen/packages/@org/b"),
            ]
        );
        let roots: Vec<&str> = found.roots.iter().map(String::as_str).collect();
        assert_eq!(roots, ["apps/b/lib", "apps/cli/src", "core", "deps"]);
        // A dependency has a path before the package itself.
        plan.sites = vec![site("x", "", &["a"], Some("a"))];
        let targets = Wanted::new(&plan).unwrap().targets();
        assert_eq!(targets["x/a"], "../.lumen/packages/a/src");
    }

    #[test]
    fn paths_and_targets() {
        let check = |root: &str,
                     packages: &[(&str, Sources)],
                     links: &[(&str, &str)],
                     skipped: &[(&str, &str)]| {
            let wanted = wanted(root, planned(packages)).unwrap();
            let targets = wanted.targets();
            let targets = targets
                .iter()
                .map(|(path, target)| (path.as_str(), target.as_str()));
            assert_eq!(targets.collect::<Vec<_>>(), links);
            let found = wanted
                .skipped
                .iter()
                .map(|skip| (skip.package.as_str(), skip.taken_by.as_str()));
            assert_eq!(found.collect::<Vec<_>>(), skipped);
        };
        let (src, root, none) = (Sources::Src, Sources::Root, Sources::None);
        check(
            "",
            &[("my-utils", src), ("@org/http", root), ("data", none)],
            &[
                ("my_utils", ".lumen/packages/my-utils/src"),
                ("org/http", "../.lumen/packages/@org/http"),
            ],
            &[],
        );
        check(
            "./deps//x/",
            &[("a", src)],
            &[("deps/x/a", "../../.lumen/packages/a/src")],
            &[],
        );
        check(
            ".",
            &[("a.b", src), ("a-b", src)],
            &[("a_b", ".lumen/packages/a-b/src")],
            &[("a.b", "a-b")],
        );
        // A direct dependency comes first, whatever the order of the names.
        check(
            "",
            &[("a-b", src), ("!a_b", src)],
            &[("a_b", ".lumen/packages/a_b/src")],
            &[("a-b", "a_b")],
        );
        check(
            "",
            &[("@org/http", src), ("!org", src), ("@org-x/y", src)],
            &[
                ("org", ".lumen/packages/org/src"),
                ("org_x/y", "../.lumen/packages/@org-x/y/src"),
            ],
            &[("@org/http", "org")],
        );
        check(
            "",
            &[("!@org/http", src), ("org", src)],
            &[("org/http", "../.lumen/packages/@org/http/src")],
            &[("org", "@org/http")],
        );
        // A package without sources takes no path.
        check(
            "",
            &[("a-b", src), ("!a_b", none)],
            &[("a_b", ".lumen/packages/a-b/src")],
            &[],
        );
        for [first, second] in [["a-b", "a_b"], ["@org/http", "org"], ["a.b", "a_b"]] {
            let direct = [first, second].map(|name| format!("!{name}"));
            let packages = planned(&[(&direct[0], src), (&direct[1], root)]);
            match wanted("", packages).unwrap_err() {
                LinkError::Shadowed {
                    first: one,
                    second: two,
                    ..
                } => {
                    assert_eq!([one.as_str(), two.as_str()], [first, second]);
                }
                error => panic!("{error}"),
            }
        }
        check(
            "",
            &[("org", src), ("@org/http", src), ("organ", src)],
            &[
                ("org/http", "../.lumen/packages/@org/http/src"),
                ("organ", ".lumen/packages/organ/src"),
            ],
            &[("org", "@org/http")],
        );
        for bad in [
            ".lumen",
            "a/.git/hooks",
            ".GIT",
            "..",
            "a/../b",
            "/abs",
            "C:x",
            r"a\b",
        ] {
            let error = wanted(bad, planned(&[])).unwrap_err();
            assert!(matches!(error, LinkError::ImportRoot(_)), "{bad}");
        }
    }

    #[test]
    fn only_links_by_the_rule_are_taken_for_ours() {
        let check = |path: &str, text: &str, expected| {
            let found = is_made_by_rule(Path::new("/project"), path, Path::new(text));
            assert_eq!(found, expected, "{path} -> {text}");
        };
        check("my_utils", ".lumen/packages/my-utils/src", true);
        check("my_utils", ".lumen/packages/my.utils", true);
        check("deps/org/http", "../../.lumen/packages/@org/http", true);
        check("org/src", "../.lumen/packages/@org/src", true);
        // Another package's, from another depth, longer, or from elsewhere.
        check("json", ".lumen/packages/other/src", false);
        check("org/http", "../../.lumen/packages/@org/http", false);
        check("json", "../.lumen/packages/json/src", false);
        check("json", ".lumen/packages/json/src/x", false);
        check("json", ".lumen/packages/../../home/json", false);
        check("json", "/home/.lumen/packages/json/src", false);
        check("json", "x/.lumen/packages/json/src", false);
        check("json", "../home", false);
    }
}
