//! The pure half of Lumen: file formats, names, versions and resolution.
//!
//! Nothing in this crate reads a file, opens a socket, looks at the clock or at
//! the environment; its manifest has no crate that could. Every function maps
//! values to values, so all of it can be tested, fuzzed and reused without a
//! sandbox. Code map:
//!
//! | module | what |
//! |---|---|
//! | [`name`], [`version`], [`constraint`], [`requirement`], [`digest`] | the basic types |
//! | [`key`] | every path inside a registry |
//! | [`json`], [`base64`] | strict JSON with positions; base64 in one form |
//! | [`manifest`], [`edit`] | `lumen.toml`: read with positions, changed without losing anything |
//! | [`limits`] | the one table of limits |
//! | [`lockfile`], [`config`] | `lumen.lock` and the user's configuration |
//! | [`index`] | the registry's JSON files: read, and rewritten without losing fields |
//! | [`file_list`] | which files a release has, and where they are in its tar |
//! | [`signing`], [`note`], [`merkle`], [`tile`], [`checkpoint`] | signatures and logs, as C2SP says |
//! | [`submission`] | releases that another person publishes |
//! | [`tar`] | how an entry of an archive is written |
//! | [`trust`] | roots, owners, statements, the name map, and the history they make |
//! | [`path`] | what the path of a file in a package must be |
//! | [`policy`] | what may be chosen, whatever a registry has |
//! | [`plan`] | from manifests to what is resolved, and from a resolution to a lock |
//! | [`resolve`], [`explain`] | one version of every package; why there is none |
//! | [`screen`] | text from elsewhere, made safe to show |
//! | [`failure`] | who can do something about an error |
//! | [`problem`], [`remedy`] | what is wrong, where, and what next; worded and rendered by the CLI |
//!
//! # Start here
//!
//! [`manifest::parse`] reads a `lumen.toml`, [`plan::root`] says what it asks for, and
//! [`resolve::resolve`] chooses the versions. A [`resolve::Catalog`] lists the packages that
//! exist; the caller fills it, from a registry or from memory.
//!
//! ```
//! use lumen_core::{
//!     manifest, plan,
//!     resolve::{self, Catalog, CatalogPackage, CatalogVersion, Outcome, Request},
//!     Requirement,
//! };
//!
//! let text = r#"
//! [dependencies]
//! http = "^1.0"
//! "#;
//! let parsed = manifest::parse("lumen.toml", text);
//! assert_eq!(parsed.problems, []);
//! let manifest = parsed.manifest.ok_or("the manifest has errors")?;
//!
//! // `http` has two versions that fit, and one that is too new. Each needs `url`.
//! let needs_url = vec![Requirement::new("url".parse()?, "^2.0".parse()?)];
//! let mut http = Vec::new();
//! for version in ["1.0.0", "1.1.0", "2.0.0"] {
//!     http.push(CatalogVersion::new(version.parse()?).with(needs_url.clone(), Default::default()));
//! }
//! let url = CatalogVersion::new("2.3.0".parse()?).with(Vec::new(), Default::default());
//! let mut catalog = Catalog::default();
//! let source = "registry `main`";
//! catalog.packages.insert("http".parse()?, CatalogPackage::present(source, http));
//! catalog.packages.insert("url".parse()?, CatalogPackage::present(source, vec![url]));
//!
//! let request = Request { roots: vec![plan::root(&manifest, false)], ..Request::default() };
//! // An `Err` is a conflict; `explain::explain` finds its causes.
//! let Ok(Outcome::Solved(resolution)) = resolve::resolve(&catalog, &request) else {
//!     return Err("no versions were chosen".into());
//! };
//! let chosen = resolution.packages.iter();
//! let chosen: Vec<String> = chosen.map(|(name, it)| format!("{name} {}", it.version)).collect();
//! assert_eq!(chosen, ["http 1.1.0", "url 2.3.0"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod base64;
pub mod checkpoint;
pub mod config;
pub mod constraint;
pub mod digest;
pub mod edit;
pub mod explain;
pub mod failure;
pub mod file_list;
pub mod index;
pub mod json;
pub mod key;
pub mod limits;
pub mod lockfile;
pub mod manifest;
pub mod merkle;
pub mod name;
pub mod note;
pub mod path;
pub mod plan;
pub mod policy;
pub mod problem;
pub mod remedy;
pub mod requirement;
pub mod resolve;
pub mod screen;
pub mod signing;
pub mod submission;
pub mod tar;
pub mod tile;
pub mod trust;
pub mod version;

pub use constraint::Constraint;
pub use digest::Digest;
pub use key::Key;
pub use name::PackageName;
pub use requirement::Requirement;
pub use version::Version;
