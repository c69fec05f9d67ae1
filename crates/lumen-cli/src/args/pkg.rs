//! `lumen pkg …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{DevArgs, InstallArgs, MemberArgs, Owner, ProjectArgs, ResolveArgs};

/// The commands below `lumen pkg`.
#[derive(Debug, Subcommand)]
pub enum Family {
    /// One that is a command at top level, too.
    #[command(flatten)]
    Verb(Box<Pkg>),
    // `lumen cache` is a command of the compiler.
    /// The store and caches of this machine.
    #[command(subcommand)]
    Cache(Cache),
}

impl Family {
    /// The names of the commands that exist at top level, too.
    pub fn verbs() -> Vec<String> {
        let verbs = Pkg::augment_subcommands(clap::Command::new("pkg"));
        let names = verbs.get_subcommands();
        names.map(|verb| verb.get_name().to_owned()).collect()
    }
}

/// Those that exist at top level, too: `lumen pkg add` and `lumen add`.
#[derive(Debug, Subcommand)]
pub enum Pkg {
    /// Make the current folder a package.
    Init {
        /// Name of the package; default: the folder's name.
        #[arg(long)]
        name: Option<String>,
        /// The folder.
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Make a new package in a new folder.
    New {
        /// The folder; its last part is the name unless --name says otherwise.
        path: PathBuf,
        /// Name of the package.
        #[arg(long)]
        name: Option<String>,
    },
    /// Add dependencies and install them.
    Add(AddArgs),
    /// Remove dependencies, and packages that only they needed.
    #[command(visible_aliases = ["rm", "un", "uninstall"])]
    Remove {
        /// Names of the dependencies.
        #[arg(required = true)]
        names: Vec<String>,
        /// Show what would change; write nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        members: MemberArgs,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Install what lumen.toml asks for, as lumen.lock says.
    #[command(visible_aliases = ["i", "sync"])]
    Install {
        /// Other package managers add packages so.
        #[arg(hide = true)]
        names: Vec<String>,
        #[command(flatten)]
        dev: DevArgs,
        #[command(flatten)]
        members: MemberArgs,
        #[command(flatten)]
        install: InstallArgs,
    },
    /// Move to newer versions within the constraints, and install them.
    #[command(visible_aliases = ["up", "upgrade"])]
    Update {
        /// Only these packages; default: all. `name@1.2` asks for such a version.
        names: Vec<String>,
        /// Move the named package to exactly this version, also an older one.
        #[arg(long, value_name = "VERSION", conflicts_with = "breaking")]
        precise: Option<String>,
        /// Also raise constraints in lumen.toml to the newest releases.
        #[arg(long)]
        breaking: bool,
        /// Show what would change; write nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        resolve: ResolveArgs,
        #[command(flatten)]
        members: MemberArgs,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Fill the store from lumen.lock, which may be there alone; install nothing.
    Fetch {
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Resolve and write lumen.lock without installing.
    Lock(InstallArgs),
    /// List the locked packages.
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        members: MemberArgs,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Show what depends on what, as a tree.
    Tree {
        /// Deepest level to show.
        #[arg(long, value_name = "N")]
        depth: Option<usize>,
        /// Show the packages that need this one instead.
        #[arg(long, value_name = "NAME")]
        invert: Option<String>,
        #[command(flatten)]
        members: MemberArgs,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Show why a package is there: every path that leads to it.
    Why {
        /// Name of the package.
        name: String,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// List dependencies that have newer releases.
    Outdated {
        /// Exit with 1 if something is outdated.
        #[arg(long)]
        exit_code: bool,
        #[command(flatten)]
        members: MemberArgs,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Show what the registry knows about a package.
    #[command(visible_aliases = ["show", "view"])]
    Info {
        /// `name` or `name@version`.
        package: String,
        /// Show who released each version, from the log of a signed registry.
        #[arg(long)]
        provenance: bool,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Show what differs between two releases, or between one and this project.
    Diff {
        /// `name@1.0.0 name@1.1.0` or `name 1.0.0 1.1.0`; one of them is compared with the package
        /// in this folder, or with the locked version; default: the newest release of this package.
        #[arg(value_name = "RELEASE")]
        releases: Vec<String>,
        /// Show how many lines differ in each file, not the lines.
        #[arg(long, conflicts_with = "name_only")]
        stat: bool,
        /// Show only the paths of the files that differ.
        #[arg(long)]
        name_only: bool,
        /// Exit with 1 if something differs.
        #[arg(long)]
        exit_code: bool,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Search names and descriptions in the registry.
    Search {
        /// Words to look for.
        #[arg(required = true)]
        words: Vec<String>,
        /// Most results to show.
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Pack the package into a tar file.
    Pack {
        /// Folder for the file; default: `dist` in that of the package.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Show files, sizes and digest; write nothing.
        #[arg(long)]
        dry_run: bool,
        /// The package of the workspace, by its name or folder.
        #[arg(short, long, value_name = "NAME")]
        package: Option<String>,
        /// Path of lumen.toml, if not here or above.
        #[arg(long, value_name = "FILE")]
        manifest_path: Option<PathBuf>,
    },
    /// Unpack a package file, strictly.
    Unpack {
        /// A tar file, plain or compressed with gzip or zstd.
        file: PathBuf,
        /// Folder to unpack into; must not exist or be empty.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Publish the package to the registry.
    Publish {
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        /// Show files, sizes and digest; publish nothing.
        #[arg(long)]
        dry_run: bool,
        /// Raise the version in lumen.toml first.
        #[arg(long, value_enum, value_name = "PART")]
        bump: Option<Bump>,
        /// Only if this tag, such as `v1.2.3`, is the version.
        #[arg(long, alias = "tag", value_name = "TAG", conflicts_with = "bump")]
        expect_tag: Option<String>,
        /// Wait up to this many seconds until everybody can read the release.
        #[arg(long, value_name = "SECONDS")]
        wait: Option<u64>,
        /// Publish although packed files differ from the last commit.
        #[arg(long)]
        allow_dirty: bool,
        /// Publish although its users cannot get everything that it needs.
        #[arg(long)]
        allow_missing_dependencies: bool,
        /// Publish all packages of the workspace, each after those it needs.
        #[arg(long, short = 'r', visible_alias = "recursive", conflicts_with_all = ["bump", "expect_tag"])]
        workspace: bool,
        /// Only this package of the workspace, by its name or folder.
        #[arg(short, long, value_name = "NAME")]
        package: Vec<String>,
        /// Only packages of the workspace that match, such as `@org/*`.
        #[arg(long, value_name = "PATTERN", conflicts_with_all = ["bump", "expect_tag"])]
        filter: Vec<String>,
        /// All packages of the workspace but these.
        #[arg(long, value_name = "NAME", conflicts_with_all = ["bump", "expect_tag"])]
        exclude: Vec<String>,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Write a signed submission of the package, for someone who may write to the registry.
    Submit {
        /// Folder for it, such as one of a clone of the registry's repository.
        #[arg(
            short,
            long,
            value_name = "DIR",
            default_value = lumen_ops::verbs::submit::FOLDER,
            conflicts_with = "to"
        )]
        out: PathBuf,
        /// Location to upload it to, such as `s3://bucket/submissions`.
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        /// Show files, sizes and digest; write nothing.
        #[arg(long)]
        dry_run: bool,
        /// Submit although packed files differ from the last commit.
        #[arg(long)]
        allow_dirty: bool,
        /// Submit although its users cannot get everything that it needs.
        #[arg(long)]
        allow_missing_dependencies: bool,
        /// The package of the workspace, by its name or folder.
        #[arg(short, long, value_name = "NAME")]
        package: Option<String>,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Advise against a release; locked projects keep it.
    Yank {
        /// `name@version`.
        release: String,
        /// Why; shown to users.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Take a yank back.
    Unyank {
        /// `name@version`.
        release: String,
        /// Why; part of the log of a signed registry.
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Advise against a package as a whole.
    Deprecate {
        /// Name of the package.
        name: String,
        /// Why; shown to users.
        #[arg(long)]
        reason: String,
        /// What to use in its place.
        #[arg(long, value_name = "NAME")]
        replacement: Option<String>,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Take a deprecation back.
    Undeprecate {
        /// Name of the package.
        name: String,
        /// Why; part of the log.
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Owners of a name in a signed registry.
    #[command(subcommand)]
    Owner(Owner),
    /// Copy all locked packages into a folder of the project.
    Vendor {
        /// The folder.
        #[arg(default_value = "vendor")]
        dir: PathBuf,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Check every installed file against the lock.
    Verify {
        /// Put damaged packages back, from the registry.
        #[arg(long)]
        repair: bool,
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Remove what install made in this project.
    Clean {
        /// Path of lumen.toml, if not here or above.
        #[arg(long, value_name = "FILE")]
        manifest_path: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct AddArgs {
    /// `name` or `name@constraint`, such as `csv@^1.2`, or the path of a folder, such as `../csv`.
    #[arg(required = true)]
    pub packages: Vec<String>,
    /// Needed for development only.
    #[arg(short = 'D', long, alias = "save-dev")]
    pub dev: bool,
    /// Packages that depend on this one get it only when a feature asks for it.
    #[arg(long, conflicts_with = "dev")]
    pub optional: bool,
    /// Features to turn on, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "FEATURES")]
    pub features: Vec<String>,
    /// Leave the default features off.
    #[arg(long)]
    pub no_default_features: bool,
    /// A folder with the package.
    #[arg(long, value_name = "DIR", conflicts_with = "git")]
    pub path: Option<String>,
    /// A git repository with the package.
    #[arg(long, value_name = "URL")]
    pub git: Option<String>,
    /// Tag of the git repository.
    #[arg(long, requires = "git", conflicts_with_all = ["branch", "rev"])]
    pub tag: Option<String>,
    /// Branch of the git repository.
    #[arg(long, requires = "git", conflicts_with = "rev")]
    pub branch: Option<String>,
    /// Commit of the git repository.
    #[arg(long, requires = "git")]
    pub rev: Option<String>,
    /// Show what would change; write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The package of the workspace to add them to, by its name or folder.
    #[arg(short, long, value_name = "NAME")]
    pub package: Option<String>,
    #[command(flatten)]
    pub resolve: ResolveArgs,
    #[command(flatten)]
    pub project: ProjectArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Bump {
    Major,
    Minor,
    Patch,
}

#[derive(Debug, Subcommand)]
pub enum Cache {
    /// Show where they are and how large.
    Info,
    /// Remove cached metadata, git clones and packages that can be fetched again.
    Clean,
}
