//! The command line, as clap sees it.

mod examples;
mod key;
mod owner;
mod pkg;
mod registry;
mod trust;
pub mod unknown;

use std::{ffi::OsString, path::PathBuf};

use clap::{
    ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};

pub use self::{
    key::Key,
    owner::{HowArgs, Owner},
    pkg::{AddArgs, Bump, Cache, Family, Pkg},
    registry::{
        ChangeArgs, CiService, HostArgs, HostKind, Policy, Registry, RegistryTrust, Target,
    },
    trust::Trust,
    unknown::Usage,
};

/// The commands of the Lumen compiler. Lumen has none of these names at top level, and passes
/// them on.
pub const COMPILER: [&str; 15] = [
    "check", "run", "emit", "trace", "cache", "repl", "fmt", "doc", "lang-ref", "lint", "test",
    "ci", "build", "watch", "migrate",
];

/// Where the other commands are.
const AFTER_HELP: &str = "\
The commands below `pkg` work without that word, too: `lumen add`, `lumen install`, `lumen \
publish`. `lumen help add` shows the help of one.

The commands of the Lumen compiler (run, check, test, build, fmt and others) are passed to it, if \
it is on the path: `lumen run --help` shows its help.";

/// The command line that the program understands.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let verbs: Vec<String> = Family::verbs();
    let hidden = command.mut_subcommands(|command| {
        let is_verb = verbs.iter().any(|verb| verb == command.get_name());
        command.hide(is_verb)
    });
    versioned(examples::added(hidden))
}

/// Lets `--version` of every command be that of the program.
fn versioned(command: clap::Command) -> clap::Command {
    command.display_name("lumen").mut_subcommands(versioned)
}

/// Reads a command line.
///
/// # Errors
/// When it is wrong, or asks for help or for the version.
pub fn parse<I, T>(arguments: I) -> Result<Cli, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let mut command = command();
    let matches = command.try_get_matches_from_mut(arguments)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    cli.path = path_of(&command, &matches);
    Ok(cli)
}

/// Whether a command line asks for JSON, also one that is wrong.
pub fn asks_json(arguments: &[OsString]) -> bool {
    let options = arguments.iter().take_while(|word| *word != "--");
    options.into_iter().any(|word| word == "--json")
}

/// The command that a command line names, in full; also one that is wrong. A word that is both a
/// command and the value of an option counts as a command.
pub fn named(root: &clap::Command, arguments: &[OsString]) -> Option<String> {
    let (mut here, mut words) = (root, Vec::new());
    for word in arguments.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(below) = here.find_subcommand(word) {
            words.push(below.get_name());
            here = below;
        }
    }
    in_full(&words)
}

fn path_of(root: &clap::Command, matches: &ArgMatches) -> Option<String> {
    let (mut here, mut matches, mut words) = (root, matches, Vec::new());
    while let Some((name, below)) = matches.subcommand() {
        // Not a command of another program.
        here = here.find_subcommand(name)?;
        words.push(name);
        matches = below;
    }
    in_full(&words)
}

/// With the family of a command that works without it.
fn in_full(words: &[&str]) -> Option<String> {
    let first = words.first()?;
    let family = Family::verbs().iter().any(|verb| verb == first);
    let words = family.then_some(&"pkg").into_iter().chain(words);
    Some(words.copied().collect::<Vec<_>>().join(" "))
}

/// The Lumen package manager.
///
/// A registry is a folder of plain files; `lumen pkg publish` writes to it and
/// `lumen pkg install` reads it, checks everything and links it into a project.
#[derive(Debug, Parser)]
#[command(
    name = "lumen",
    version,
    max_term_width = 100,
    after_help = AFTER_HELP,
    disable_help_subcommand = true,
    propagate_version = true
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
    /// The command in full, such as `pkg install`; none if it is of another program.
    #[arg(skip)]
    pub path: Option<String>,
}

/// Options every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Print errors only.
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Global options"
    )]
    pub quiet: bool,
    /// Say more; twice for even more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Global options")]
    pub color: Color,
    /// Print one JSON object on standard output.
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// No progress bars.
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_progress: bool,
    /// Run in this folder.
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "DIR",
        help_heading = "Global options"
    )]
    pub directory: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Packages: add, install, publish and more.
    #[command(subcommand)]
    Pkg(Family),
    /// Registries: set one up, manage its keys, check it.
    #[command(subcommand)]
    Registry(Registry),
    /// Signing keys: make, list, import and export them.
    #[command(subcommand)]
    Key(Key),
    /// Registries this machine trusts: list, pin, accept, forget.
    #[command(subcommand)]
    Trust(Trust),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// The commands below `pkg`, without that word.
    #[command(flatten)]
    Verb(Box<Pkg>),
    /// Anything else goes to `lumen-<command>` or to the Lumen compiler.
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// Which project, which registry.
#[derive(Debug, Clone, Default, Args)]
pub struct ProjectArgs {
    /// Path of lumen.toml, if not here or above.
    #[arg(long, value_name = "FILE")]
    pub manifest_path: Option<PathBuf>,
    #[command(flatten)]
    pub registry: RegistryArgs,
}

#[derive(Debug, Clone, Default, Args)]
pub struct RegistryArgs {
    /// URL or configured name of the registry.
    #[arg(long, value_name = "URL")]
    pub registry: Option<String>,
    /// Do not use the network.
    #[arg(long)]
    pub offline: bool,
    /// Use cached data, however old, when a registry cannot be reached.
    #[arg(long, conflicts_with = "offline")]
    pub stale_if_error: bool,
}

/// How versions are chosen.
#[derive(Debug, Clone, Default, Args)]
pub struct ResolveArgs {
    /// Choose the lowest version each constraint allows.
    #[arg(long)]
    pub minimal_versions: bool,
    /// Ignore releases published after a date (2026-01-31) or within a duration (7d).
    #[arg(long, value_name = "WHEN")]
    pub exclude_newer: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub struct LockArgs {
    /// Fail when lumen.lock is missing or out of date.
    #[arg(long)]
    pub locked: bool,
    /// As --locked and --offline.
    #[arg(long)]
    pub frozen: bool,
}

/// Which packages of a workspace.
#[derive(Debug, Clone, Default, Args)]
pub struct MemberArgs {
    /// Only this package of the workspace, by its name or folder.
    #[arg(short, long, value_name = "NAME")]
    pub package: Vec<String>,
    /// Only packages of the workspace that match, such as `@org/*`.
    #[arg(long, value_name = "PATTERN")]
    pub filter: Vec<String>,
    /// All packages of the workspace but these.
    #[arg(long, value_name = "NAME")]
    pub exclude: Vec<String>,
    /// All packages of the workspace, which is the default.
    #[arg(short, long, conflicts_with = "package")]
    pub recursive: bool,
}

/// Which dependencies are installed.
#[derive(Debug, Clone, Default, Args)]
pub struct DevArgs {
    /// Leave out what is needed for development only.
    #[arg(long, visible_aliases = ["prod", "production"], conflicts_with = "only_dev")]
    pub no_dev: bool,
    /// Only what is needed for development.
    #[arg(long)]
    pub only_dev: bool,
}

/// What `install` and `lock` take.
#[derive(Debug, Clone, Default, Args)]
pub struct InstallArgs {
    #[command(flatten)]
    pub lock: LockArgs,
    /// Ask the registries again for what is cached, however new it is.
    #[arg(long, conflicts_with_all = ["offline", "frozen"])]
    pub refresh: bool,
    /// Show what would change; write nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub resolve: ResolveArgs,
    #[command(flatten)]
    pub project: ProjectArgs,
}
