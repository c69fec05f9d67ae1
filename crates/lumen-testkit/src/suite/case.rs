//! One case: a request, and its expected result.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use lumen_core::{
    Version,
    resolve::{Catalog, Order, Outcome, Request, Root, resolve},
};

use super::{
    validity,
    world::{Dependency, Names, World},
};

/// Chosen versions by the case's own names.
pub type Solution = BTreeMap<String, Version>;

/// A request over a world, and its expected result.
#[derive(Debug, Clone)]
pub struct Case {
    /// The packages; cases may share one world.
    pub world: Rc<World>,
    /// What is asked for.
    pub root: Vec<Dependency>,
    /// Lock entries, less those that are to be ignored.
    pub locked: BTreeMap<String, Version>,
    /// Whether the oldest version is wanted instead of the newest.
    pub lowest: bool,
    /// The expectation.
    pub expect: Expect,
}

/// The expected result of a case.
#[derive(Debug, Clone)]
pub struct Expect {
    /// The versions.
    pub verdict: Verdict,
    /// The active features of some packages.
    pub features: BTreeMap<String, BTreeSet<String>>,
}

/// Which versions are acceptable.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// There is no solution.
    Unsatisfiable,
    /// One of these.
    OneOf(Vec<Solution>),
    /// Any valid solution.
    Valid,
}

impl Case {
    /// Resolves and compares.
    ///
    /// # Errors
    /// Says in one line what is not as expected.
    pub fn check(&self) -> Result<(), String> {
        let (names, catalog, request) = self.problem()?;
        let resolution = match resolve(&catalog, &request) {
            Ok(Outcome::Solved(resolution)) => resolution,
            Ok(Outcome::NeedsMore(needs)) => return Err(format!("asks for more: {needs:?}")),
            Ok(Outcome::GaveUp(exceeded)) => return Err(exceeded.to_string()),
            Err(_) => {
                return match &self.expect.verdict {
                    Verdict::Unsatisfiable => Ok(()),
                    Verdict::OneOf(solutions) => Err(format!(
                        "found no solution, expected {}",
                        solutions.first().map(show).unwrap_or_default()
                    )),
                    Verdict::Valid => Err("found no solution".into()),
                };
            }
        };
        let mut solution = Solution::new();
        let mut features = BTreeMap::new();
        for (package, resolved) in &resolution.packages {
            let name = names.original(package);
            solution.insert(name.clone(), resolved.version.clone());
            let active = resolved.features.iter().map(|f| names.original_feature(f));
            features.insert(name, active.collect::<BTreeSet<String>>());
        }
        match &self.expect.verdict {
            Verdict::Unsatisfiable => {
                return Err(format!("expected no solution, found {}", show(&solution)));
            }
            Verdict::OneOf(solutions) if !solutions.contains(&solution) => {
                let expected: Vec<String> = solutions.iter().map(show).collect();
                let expected = expected.join(" or ");
                return Err(format!("expected {expected}, found {}", show(&solution)));
            }
            Verdict::OneOf(_) | Verdict::Valid => {}
        }
        let needed = validity::check(&self.world, &self.root, &self.locked, &solution)?;
        for (name, active) in &features {
            for expected in [self.expect.features.get(name), needed.get(name)]
                .into_iter()
                .flatten()
            {
                if expected != active {
                    return Err(format!(
                        "features of {name}: expected {expected:?}, found {active:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The case as the resolver wants it, and the names to read its answer by.
    ///
    /// # Errors
    /// When a requirement is not in cargo's syntax.
    pub fn problem(&self) -> Result<(Names, Catalog, Request), String> {
        let names = Names::new(&self.world, &self.root)?;
        let catalog = names.catalog(&self.world)?;
        let request = self.request(&names)?;
        Ok((names, catalog, request))
    }

    fn request(&self, names: &Names) -> Result<Request, String> {
        let mut request = Request {
            roots: vec![Root {
                requirements: names.requirements(&self.root)?,
                ..Root::default()
            }],
            order: match self.lowest {
                true => Order::Lowest,
                false => Order::Newest,
            },
            ..Request::default()
        };
        for (name, version) in &self.locked {
            // A lock may name packages that no longer exist.
            if let Ok(package) = names.package(name) {
                request.locked.insert(package, version.clone());
            }
        }
        Ok(request)
    }
}

fn show(solution: &Solution) -> String {
    let packages: Vec<String> = solution
        .iter()
        .take(20)
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let more = if solution.len() > 20 { ", …" } else { "" };
    format!("{{{}{more}}}", packages.join(", "))
}
