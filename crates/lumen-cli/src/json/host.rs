//! Results of commands about the place where a registry is served.

use std::collections::BTreeMap;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::shared::{Amount, Waiting};

/// What `host` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Host {
    /// For a web server.
    Site {
        /// The URL that people read.
        read: String,
        /// The folder on the server.
        root: String,
        /// The configuration of the server.
        config: String,
    },
    /// For a bucket.
    Bucket {
        /// Where to publish.
        publish: String,
        /// Its rules for web pages, as `put-bucket-cors` takes them.
        cors: Value,
        /// Its policy, as `put-bucket-policy` takes it; none for R2, which has locks.
        policy: Option<Value>,
        /// The rules of its locks, as `wrangler r2 bucket lock set` takes them; for R2 only.
        locks: Option<Value>,
        /// A script for a shell that sets all of this up.
        script: String,
    },
    /// For a branch that is served as pages.
    Pages {
        /// The URL that people read.
        read: String,
        /// The branch that is published to.
        publish: String,
        /// A script for a shell that sets this up.
        script: String,
    },
}

/// What `ci` wrote.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Workflow {
    /// The file; none with `--stdout`.
    pub path: Option<String>,
    /// The workflow.
    pub text: String,
    /// The secrets that the repository must have.
    pub secrets: Vec<String>,
}

/// What `doctor` saw.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Examined {
    /// Whether all places are fit for a registry. If not, the exit code is 4.
    pub usable: bool,
    /// The place to read and, if that is another, the one to publish to.
    pub places: Vec<Place>,
}

/// A place that was looked at.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Place {
    /// Its URL.
    pub url: String,
    /// What the server calls itself.
    pub server: Option<String>,
    /// Whether it is fit for a registry.
    pub usable: bool,
    /// In the order of looking.
    pub findings: Vec<Finding>,
}

/// Something that was looked at.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Finding {
    /// What.
    pub check: String,
    /// `good`, `unknown`, `poor` or `bad`.
    pub verdict: String,
    /// What was seen.
    pub seen: String,
    /// What to do about it.
    pub fix: Option<String>,
}

/// What a registry has.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Stats {
    /// The registry's own name, from its index.
    pub name: Option<String>,
    /// Its URL.
    pub url: String,
    /// The format of the registry that its index says.
    pub registry_format: Option<u64>,
    /// Whether it is signed.
    pub signed: bool,
    /// The name in its log, if it is signed.
    pub origin: Option<String>,
    /// Its fingerprint, if it is signed.
    pub fingerprint: Option<String>,
    /// How many entries its log has, if it is signed.
    pub entries: Option<u64>,
    /// Entries that readers do not see yet.
    pub waiting: Option<Waiting>,
    /// The time of its last release, yank or deprecation, by the clocks of their makers.
    pub last_change: Option<String>,
    /// The patterns of a partial mirror.
    pub selection: Option<Vec<String>>,
    /// How many packages of the index the mirror leaves out.
    pub left_out: u64,
    /// How many packages have a release.
    pub packages: u64,
    /// How many scopes they have.
    pub scopes: u64,
    /// How many packages are deprecated.
    pub deprecated: u64,
    /// How many releases there are, with the yanked ones and the pre-releases.
    pub releases: u64,
    /// How many are pre-releases.
    pub prereleases: u64,
    /// How many are yanked.
    pub yanked: u64,
    /// How many keys own a name or may publish it now; of a signed registry.
    pub owner_keys: Option<u64>,
    /// How many keys published, yanked or deprecated something; of a signed registry.
    pub publisher_keys: Option<u64>,
    /// Archives by the indexes, each counted once a package.
    pub artifacts: Amount,
    /// All files; none where the host does not list them.
    pub files: Option<Files>,
    /// The packages with most bytes of archives.
    pub largest: Vec<Largest>,
    /// The newest releases, the last one first.
    pub newest: Vec<Newest>,
}

/// All files of a registry.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Files {
    /// By kind.
    pub kinds: BTreeMap<String, Amount>,
    /// What writers left behind.
    pub temporary: Amount,
    /// All of them.
    pub total: Amount,
    /// How many have a size that is not known on this machine, and not counted.
    pub unknown_sizes: u64,
}

/// A package with many bytes of archives.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Largest {
    /// The package.
    pub name: String,
    /// Its archives.
    #[serde(flatten)]
    pub artifacts: Amount,
}

/// A new release.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Newest {
    /// The package.
    pub name: String,
    /// The version.
    pub version: String,
    /// When it was made, by the publisher's clock.
    pub time: String,
}
