//! `lumen registry …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::RegistryArgs;

#[derive(Debug, Subcommand)]
pub enum Registry {
    /// Make a new, empty registry, signed with your key.
    Init {
        /// Folder or URL.
        location: String,
        /// Name of the registry; default: the folder's name.
        #[arg(long)]
        name: Option<String>,
        /// What its signatures call it; default: the name and eight digits.
        #[arg(long, conflicts_with = "unsigned")]
        origin: Option<String>,
        /// Plain files only: nothing is signed, nothing is logged.
        #[arg(long)]
        unsigned: bool,
    },
    /// The keys and rules of a signed registry.
    #[command(subcommand)]
    Trust(RegistryTrust),
    /// List claims of names, and approve or reject them with a names key.
    Approve {
        /// The name, the first digits of a claim, or a file of `lumen pkg owner claim --out`;
        /// default: list what waits.
        claim: Option<String>,
        /// Reject the claim.
        #[arg(long, requires = "claim")]
        reject: bool,
        /// Why; shown to the user who claimed the name.
        #[arg(
            long,
            requires = "reject",
            default_value = "",
            hide_default_value = true
        )]
        reason: String,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Finish what a killed writer left behind, and restore lost files that can be derived from the log.
    Repair {
        #[command(flatten)]
        registry: Target,
        /// Also bring back lost releases, artifacts and file lists from this mirror, each checked against the log.
        #[arg(long, value_name = "MIRROR")]
        from: Option<String>,
    },
    /// Rebuild every wrong file that can be derived from the log.
    Rebuild {
        #[command(flatten)]
        registry: Target,
        /// Make the missing file lists of releases from their archives instead.
        #[arg(long)]
        file_lists: bool,
    },
    /// Check every file of a registry against its log or, without signatures, against the others.
    Check {
        #[command(flatten)]
        registry: Target,
    },
    /// Print the entries of the log, checked, as lines of JSON.
    Watch {
        #[command(flatten)]
        registry: Target,
        /// The first entry.
        #[arg(long, value_name = "N", default_value_t = 0)]
        from: u64,
        /// Only entries about these packages and scopes.
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        names: Vec<String>,
        /// Wait for more.
        #[arg(long)]
        follow: bool,
        /// Seconds between two checks.
        #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "follow",
              value_parser = clap::value_parser!(u64).range(1..))]
        every: u64,
    },
    /// Remove unreferenced files: leftovers of killed publishers, superseded parts of the log.
    Gc {
        #[command(flatten)]
        registry: Target,
        /// Only show what would be removed.
        #[arg(long)]
        dry_run: bool,
        /// How long a file must have been useless: `12h`, `7d`, `2w`.
        #[arg(long, value_name = "TIME", default_value = "7d", value_parser = grace)]
        grace: std::time::Duration,
    },
    /// Sign a registry that is not signed, and log its releases and yanks.
    Migrate {
        #[command(flatten)]
        registry: Target,
        /// What its signatures call it; default: its name and eight digits.
        #[arg(long)]
        origin: Option<String>,
        /// Another owner of a name or scope, beside you: `name=key`; more than one may be given.
        #[arg(long = "owner", value_name = "NAME=KEY")]
        owners: Vec<String>,
        /// A file with more owners: `name key`, one on a line.
        #[arg(long, value_name = "FILE")]
        owners_file: Option<PathBuf>,
        /// Only show what would be logged, and what must be fixed first.
        #[arg(long)]
        dry_run: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Copy a registry to another place, or bring such a copy up to date.
    Mirror {
        /// The registry: path, URL or configured name.
        from: String,
        /// The mirror: path, URL or configured name.
        to: String,
        /// Only packages whose names match these patterns, such as `@org/*`.
        #[arg(long, value_delimiter = ',', value_name = "PATTERNS")]
        packages: Vec<String>,
        /// Look at every package and artifact, not only at what changed, and replace damaged artifacts.
        #[arg(long)]
        full: bool,
        /// Leave out the web page and the search files.
        #[arg(long)]
        no_page: bool,
    },
    /// Write what is new in a registry to a file, for a copy of it that cannot be reached.
    Bundle {
        /// The registry: path, URL or configured name.
        from: String,
        /// The file.
        file: PathBuf,
        /// What the copy has: entries of the log, an earlier bundle, or the registry
        /// there; default: nothing.
        #[arg(long, value_name = "N|BUNDLE|REGISTRY")]
        since: Option<String>,
        /// Only packages whose names match these patterns, such as `@org/*`.
        #[arg(long, value_delimiter = ',', value_name = "PATTERNS")]
        packages: Vec<String>,
        /// Leave out the web page and the search files.
        #[arg(long)]
        no_page: bool,
    },
    /// Bring a copy of a registry up to date from such a file, or make one.
    Unbundle {
        /// The file.
        file: PathBuf,
        /// The copy: path, URL or configured name.
        to: String,
        /// The fingerprint that the registry must have.
        #[arg(long, value_name = "SHA256")]
        fingerprint: Option<lumen_core::Digest>,
    },
    /// Count what is in a registry, and what takes how much space.
    Stats {
        #[command(flatten)]
        registry: Target,
    },
    /// Bring the mirrors of your configuration up to date, for a scheduled job.
    Sync {
        /// Names in [registry.mirrors]; default: all.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Confirm, as a witness, the new entries of the log.
    ///
    /// Checks all new entries and the name map by the rules of readers.
    Witness {
        /// Only check that the log grew.
        #[arg(long)]
        growth_only: bool,
        #[command(flatten)]
        registry: Target,
    },
    /// Check and publish submissions of others.
    Ingest {
        /// Folders or locations of submissions.
        #[arg(required = true, value_name = "PLACE")]
        places: Vec<String>,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        /// Check only; publish nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Look at the host of a registry from outside, and say what to fix.
    Doctor {
        #[command(flatten)]
        registry: Target,
        /// Writing must be possible, too.
        #[arg(long)]
        write: bool,
        /// Do not try to write; by default a folder or bucket is tried with scratch files.
        #[arg(long, conflicts_with = "write")]
        read_only: bool,
    },
    /// Print a complete configuration or script that serves the registry.
    Host(HostArgs),
    /// Write the workflow that publishes this package when its tag is pushed, or submissions.
    Ci {
        /// Who runs it.
        service: CiService,
        #[command(flatten)]
        registry: Target,
        /// Git repository that lumen is built from.
        #[arg(long, value_name = "URL")]
        source: String,
        /// Commit of it, in full; default: the one that this lumen was built from.
        #[arg(long, value_name = "COMMIT")]
        rev: Option<String>,
        /// For the repository of a registry: check and publish what pull requests submit.
        #[arg(long)]
        ingest: bool,
        /// Print it; write nothing.
        #[arg(long)]
        stdout: bool,
        /// Replace a file that is there.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum CiService {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Forgejo Actions.
    Forgejo,
}

#[derive(Debug, Args)]
pub struct HostArgs {
    /// What serves it.
    pub kind: HostKind,
    #[command(flatten)]
    pub registry: Target,
    /// Folder of the registry on the server; default: the registry's own.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Name of the server; default: as in the registry's URL.
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
    /// Path on the server; default: as in the registry's URL.
    #[arg(long, value_name = "PATH")]
    pub prefix: Option<String>,
    /// Where to listen, if not on the usual ports.
    #[arg(long, value_name = "[ADDRESS:]PORT")]
    pub listen: Option<String>,
    /// Certificate of the server; default: where certbot puts it.
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Private key of the certificate.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub certificate_key: Option<PathBuf>,
    /// Serve without TLS.
    #[arg(long, conflicts_with_all = ["certificate", "certificate_key"])]
    pub plain_http: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum HostKind {
    /// A folder, behind nginx.
    Nginx,
    /// A folder, behind Apache.
    Apache,
    /// A folder, behind Caddy.
    Caddy,
    /// A bucket of S3, or of a server that speaks its protocol.
    S3,
    /// A bucket of Cloudflare R2.
    R2,
    /// A branch at GitHub.
    GithubPages,
}

/// Which registry a command is about.
#[derive(Debug, Clone, Default, Args)]
pub struct Target {
    /// Path, URL or configured name; default: the configured registry.
    #[arg(value_name = "REGISTRY")]
    pub location: Option<String>,
}

/// Where a change goes that others must sign.
#[derive(Debug, Clone, Default, Args)]
pub struct ChangeArgs {
    /// Write a proposal for others to sign; change nothing.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub registry: RegistryArgs,
}

#[derive(Debug, Subcommand)]
pub enum RegistryTrust {
    /// Show the fingerprint, the keys and the rules.
    Show {
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Add a root key.
    AddKey {
        /// `name+1234abcd+…`, an `ssh-ed25519 …` line, or the name of a key of yours.
        key: String,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Remove a root key.
    RemoveKey {
        /// Its name or fingerprint, or the key.
        key: String,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Set how many root keys must sign a change.
    SetThreshold {
        /// How many.
        number: u32,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Add a key that may write to the log: one for each publisher.
    AddLogKey {
        /// `name+1234abcd+…`, an `ssh-ed25519 …` line, or the name of a key of yours.
        key: String,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Remove a key that may write to the log.
    RemoveLogKey {
        /// Its fingerprint, or the key.
        key: String,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Add a witness, or change the requirements on witnesses.
    AddWitness {
        /// `name+1234abcd+…`, an `ssh-ed25519 …` line, or the name of a key of yours.
        key: String,
        /// It checks every entry and the name map, not only that the log grew.
        #[arg(long)]
        validating: bool,
        /// How many witnesses, validating or not, must have signed the log.
        #[arg(long, value_name = "N")]
        quorum: Option<u32>,
        /// How many validating witnesses must have signed the log.
        #[arg(long, value_name = "N")]
        validating_quorum: Option<u32>,
        /// How old the newest of their signatures may be.
        #[arg(long, value_name = "SECONDS")]
        max_age: Option<u64>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Remove a witness. If the others are too few for the quorum, the quorum is lowered.
    RemoveWitness {
        /// Its name or fingerprint, or the key.
        key: String,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Add a moderator, who blocks packages and releases, or change how many of them must sign.
    AddModerator {
        /// `name+1234abcd+…`, an `ssh-ed25519 …` line, or the name of a key of yours.
        key: String,
        /// How many moderators must sign what they say.
        #[arg(long, value_name = "N")]
        threshold: Option<u32>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Remove a moderator. What moderators said before stays.
    RemoveModerator {
        /// Its name or fingerprint, or the key.
        key: String,
        /// How many of the others must sign what they say.
        #[arg(long, value_name = "N")]
        threshold: Option<u32>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Set who gets a free name.
    Policy {
        /// The rule.
        policy: Policy,
        /// A names key, which approves names; more than one may be given.
        #[arg(long = "key", value_name = "KEY")]
        keys: Vec<String>,
        /// How many of the names keys must agree.
        #[arg(long, value_name = "N")]
        threshold: Option<u32>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Replace an old key by a new one; a new log key is added beside the old one.
    Rotate {
        /// The new key, or its name if it is yours.
        new: String,
        /// The old one; default: your key that signs this.
        #[arg(long, value_name = "KEY")]
        old: Option<String>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Set when the root expires.
    Expire {
        /// `2027-01-31T00:00:00Z`, or `never`.
        when: String,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Sign a proposal.
    Sign {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Put a proposal with all its signatures into effect.
    Apply {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        registry: RegistryArgs,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Policy {
    /// The first publisher.
    Open,
    /// Publishers that the names keys approve.
    Approve,
}

/// A time in hours, days or weeks.
fn grace(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || "write a number of hours, days or weeks: `12h`, `7d`, `2w`".to_owned();
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let hours: u64 = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(hours * 60 * 60).ok_or_else(wrong)?;
    Ok(std::time::Duration::from_secs(seconds))
}
