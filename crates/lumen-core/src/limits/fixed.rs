//! Limits that cannot be configured: those of the formats, and those of this program.
//!
//! A limit of a format is the same for every reader and writer, so that all of them accept
//! the same files. A limit of the program bounds work that no honest input needs.

use std::time::Duration;

use super::Row;

/// Declares constants, and the table of them.
macro_rules! fixed {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $value:expr, $unit:ident, $scope:ident, $place:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: $type = $value;)+

        /// The rows of the table, under the names of the constants: an error about a limit
        /// shows its row.
        pub mod rows {
            use super::super::{Row, Scope, Unit};

            $($(#[doc = $doc])+ pub const $name: Row = Row {
                name: stringify!($name),
                value: super::$name as u64,
                unit: Unit::$unit,
                bounds: concat!($($doc),+),
                place: $place,
                scope: Scope::$scope,
            };)+
        }

        /// All constants of this module.
        pub const FIXED: &[Row] = &[$(rows::$name),+];
    };
}

fixed! {
    /// Bytes of `packages/<name>/<version>.json`.
    MAX_RELEASE_BYTES: u64 = 1 << 20, Bytes, Format, "registry::reader";
    /// Bytes of `packages/<name>/index.json`.
    MAX_PACKAGE_INDEX_BYTES: u64 = 64 << 20, Bytes, Format, "registry::reader";
    /// Bytes of the file list of a release: more than that of any archive.
    MAX_FILE_LIST_BYTES: u64 = 72 << 20, Bytes, Format, "core::file_list";
    /// Bytes of `index.json`.
    MAX_GLOBAL_INDEX_BYTES: u64 = 512 << 20, Bytes, Format, "registry::reader";
    /// Bytes of the release files that the summaries of a signed package index replace, the
    /// newest first. Older releases are read from their own files.
    MAX_SUMMARIZED_BYTES: u64 = 128 << 20, Bytes, Program, "core::index";
    /// Bytes of memory for the contents of one package index, with the data that resolving
    /// derives from it.
    MAX_INDEX_MEMORY: u64 = 256 << 20, Bytes, Program, "core::index";
    /// Packages of `index.json`.
    MAX_LISTED_PACKAGES: usize = 1 << 22, Count, Program, "core::index";
    /// Values of a JSON file that is changed and written again.
    MAX_TREE_VALUES: u64 = 1 << 23, Count, Program, "core::json";
    /// Nested arrays and objects in a JSON file.
    MAX_JSON_DEPTH: usize = 32, Count, Format, "core::json";
    /// Bytes of `lumen.toml`, also of the one inside a package.
    MAX_MANIFEST_BYTES: usize = 1 << 20, Bytes, Format, "core::manifest, store::project, store::unpack, ops::verbs::ingest";
    /// Bytes of `lumen.lock`.
    MAX_LOCKFILE_BYTES: usize = 64 << 20, Bytes, Format, "core::lockfile, store::project";
    /// Characters `[`, `{`, `=`, `,` and `.` of `lumen.lock`: each may stand for a value in
    /// memory.
    MAX_LOCK_VALUES: usize = 1 << 21, Count, Program, "core::lockfile";
    /// Files and folders that Lumen looks at to find the members of a workspace.
    MAX_MEMBERS_WALK: usize = 1 << 20, Count, Program, "store::project";
    /// Bytes of a configuration file.
    MAX_CONFIG_BYTES: usize = 1 << 20, Bytes, Program, "core::config";
    /// Comparators of a constraint.
    MAX_COMPARATORS: usize = 64, Count, Format, "core::constraint";
    /// Bytes of a version that may be published.
    MAX_VERSION_BYTES: usize = 128, Bytes, Format, "core::manifest, registry::publish";
    /// Keywords of a package.
    MAX_KEYWORDS: usize = 10, Count, Format, "core::manifest";
    /// Bytes of a keyword, and likewise of a category.
    MAX_KEYWORD_BYTES: usize = 64, Bytes, Format, "core::manifest";
    /// Authors of a package.
    MAX_AUTHORS: usize = 100, Count, Format, "core::manifest";
    /// Bytes of an author.
    MAX_AUTHOR_BYTES: usize = 256, Bytes, Format, "core::manifest";
    /// Links of a package.
    MAX_LINKS: usize = 16, Count, Format, "core::manifest";
    /// Bytes of the name of a link.
    MAX_LINK_NAME: usize = 32, Bytes, Format, "core::manifest";
    /// Bytes of a URL that a package names.
    MAX_URL_BYTES: usize = 2048, Bytes, Format, "core::manifest";
    /// Bytes of a scope or a base name that may be published.
    MAX_NAME_PART: usize = 64, Bytes, Format, "core::name";
    /// Bytes of a scope or a base name that is read.
    MAX_NAME_PART_READ: usize = 214, Bytes, Format, "core::name";

    /// Bytes of a signed note.
    MAX_NOTE_BYTES: usize = 1 << 20, Bytes, Format, "core::note";
    /// Signatures of a note.
    MAX_NOTE_SIGNATURES: usize = 100, Count, Format, "core::note";
    /// Bytes of a checkpoint.
    MAX_CHECKPOINT_BYTES: u64 = 64 << 10, Bytes, Format, "core::checkpoint";
    /// Signatures of a checkpoint.
    MAX_CHECKPOINT_SIGNATURES: usize = 16, Count, Format, "core::checkpoint";
    /// Bytes of the name of a key.
    MAX_KEY_NAME: usize = 200, Bytes, Format, "core::signing";
    /// Keys of each kind in a root note.
    MAX_ROOT_KEYS: usize = 64, Count, Format, "core::trust::root";
    /// Bytes of the origin of a registry.
    MAX_ORIGIN: usize = 200, Bytes, Format, "core::trust";
    /// Bytes of a reason in a note.
    MAX_REASON: usize = 1000, Bytes, Format, "core::trust";
    /// Bytes of the constraint in a statement of moderators.
    MAX_COVERED: usize = 1000, Bytes, Format, "core::trust::moderation";
    /// Bytes of the identifier of an advisory.
    MAX_ADVISORY: usize = 100, Bytes, Format, "core::trust::moderation";
    /// Publishers in an ownership note.
    MAX_PUBLISHERS: usize = 256, Count, Format, "core::trust::owners";
    /// Revoked keys in an ownership note.
    MAX_REVOKED: usize = 1024, Count, Format, "core::trust::owners";
    /// Bytes of a leaf of the log.
    MAX_LEAF: usize = 65_535, Bytes, Format, "core::tile";
    /// Bytes of a tile of the log: 256 hashes.
    MAX_TILE_BYTES: u64 = 256 * 32, Bytes, Format, "registry::verify, ops::trust";
    /// Bytes of a bundle of log entries: 256 leaves, each after its length.
    MAX_ENTRY_BUNDLE_BYTES: u64 = 256 * (65_535 + 2), Bytes, Format, "registry::verify, registry::log";
    /// Names in a bin of the name map.
    MAX_MAP_BIN: usize = 256, Count, Format, "core::trust::map";
    /// Bytes of a node of the name map.
    MAX_MAP_NODE_BYTES: u64 = 1 + 64 * 256, Bytes, Format, "core::trust::map";
    /// Bytes of a leaf of the name map.
    MAX_MAP_LEAF_BYTES: u64 = 256, Bytes, Format, "registry::log";
    /// Nodes on a path through the name map: one for each byte of the hash, and one more.
    MAX_MAP_DEPTH: usize = 33, Count, Format, "registry::verify";
    /// Bytes of the list of root notes.
    MAX_ROOTS_BYTES: u64 = 4 << 20, Bytes, Format, "registry::verify";
    /// Bytes of a staging file in `log/staging/`.
    MAX_STAGING_BYTES: u64 = 64 << 20, Bytes, Program, "registry::log";
    /// Checkpoints in `log/pending`. Those that a later one makes useless are left out, so there
    /// are about as many as witnesses.
    MAX_PENDING: usize = 32, Count, Format, "registry::log";
    /// Bytes of `log/pending`.
    MAX_PENDING_BYTES: u64 = 32 * MAX_CHECKPOINT_BYTES, Bytes, Format, "registry::log";
    /// Bytes of `log/witnessed.json`.
    MAX_WITNESSED_BYTES: u64 = 1 << 20, Bytes, Format, "registry::derived, registry::verify";
    /// Seconds between the checkpoints that are kept below `log/witnessed/`.
    WITNESSED_APART: i64 = 86_400, Seconds, Program, "registry::derived";
    /// Seconds before the end of a publisher's key in which a writer of a registry with witnesses
    /// does not rely on it: witnesses must have signed by then.
    ENDING_MARGIN: i64 = 600, Seconds, Program, "registry::log";
    /// Witnessed checkpoints that a client reads to learn when entries of the log were made.
    MAX_WITNESSED_READ: usize = 32, Count, Program, "registry::verify";
    /// States of a log that this machine remembers with the time at which it saw them, a day
    /// apart.
    MAX_SIGHTINGS: usize = 64, Count, Program, "registry::verify";
    /// Maximum re-reads of `log/head`. An old head costs a writer a lost race at worst.
    MAX_LOOKS: u32 = 5, Count, Program, "registry::log";
    /// Nodes of the map that a validating witness holds in memory before it drops old ones.
    VALIDATOR_NODES: usize = 4096, Count, Program, "registry::log";
    /// Claims in `trust/queue/` that a client looks at.
    MAX_QUEUED: usize = 1000, Count, Program, "registry::publish";

    /// Bytes of an `index.json` that a client reads only to suggest a name.
    MAX_EASY_INDEX_BYTES: u64 = 16 << 20, Bytes, Program, "registry::reader";
    /// Packages of earlier installs that a client looks for in a registry without `index.json`.
    MAX_EXPECTED: usize = 4, Count, Program, "registry::reader";
    /// Seconds for which a client uses a mutable file without asking again, whatever the server
    /// allows.
    LONGEST_FRESHNESS: u32 = 300, Seconds, Program, "registry::cache";
    /// Bytes of an answer that the doctor looks at.
    MAX_EXAMINED_BYTES: usize = 64 << 10, Bytes, Program, "registry::doctor";
    /// Bytes of the doctor's own scratch file, as a host returns it.
    MAX_SCRATCH_BYTES: u64 = 1 << 10, Bytes, Program, "registry::doctor";
    /// Packages that the doctor tries to find a release to examine.
    MAX_SAMPLED: usize = 10, Count, Program, "registry::doctor";

    /// Bytes of all files of a package that are always allowed.
    MAX_UNPACKED_BYTES: u64 = 512 << 20, Bytes, Format, "store::archive";
    /// Bytes of all files of a package for each byte of its archive as transferred.
    MAX_UNPACKED_RATIO: u64 = 20, Count, Format, "store::archive";
    /// Files and folders of an archive, and likewise the folders that its entries imply.
    MAX_ARCHIVE_ENTRIES: u32 = 65_536, Count, Format, "store::archive";
    /// Components of a path in an archive.
    MAX_PATH_DEPTH: usize = 64, Count, Format, "store::archive, store::sources";
    /// Folders below one another that Lumen enters when it looks at a package's folder: more than
    /// any package has.
    MAX_WALK_DEPTH: usize = 128, Count, Program, "store::pack, store::link";
    /// Bytes of a path in an archive.
    MAX_PATH_BYTES: usize = 1024, Bytes, Format, "store::archive";
    /// Bytes of a component of a path.
    MAX_COMPONENT_BYTES: usize = 255, Bytes, Format, "core::path";
    /// Bytes of the body of an extension header of a tar.
    MAX_EXTENSION_BYTES: u64 = 64 << 10, Bytes, Format, "store::archive, registry::bundle";
    /// Window of a zstd frame in an archive, as a power of two: 128 MiB.
    MAX_ARCHIVE_WINDOW: u32 = 27, Power, Format, "store::archive";
    /// Bytes of a `.gitignore` or `.lumenignore` of a package.
    MAX_IGNORE_FILE_BYTES: u64 = 1 << 20, Bytes, Program, "store::pack";
    /// Bytes of a refused artifact of unknown size that Lumen reads to learn its digest.
    MAX_DRAINED_BYTES: u64 = 512 << 20, Bytes, Program, "store::cas";

    /// Bytes of `bundle.json`.
    MAX_BUNDLE_HEAD_BYTES: u64 = 1 << 20, Bytes, Format, "registry::bundle";
    /// Bytes of `mirror.json`.
    MAX_SELECTION_BYTES: u64 = 1 << 20, Bytes, Program, "registry::mirror";
    /// Patterns of a partial mirror.
    MAX_PATTERNS: usize = 1000, Count, Program, "registry::mirror";
    /// Bytes of a file of the web page, or of another file that no client needs, that a mirror
    /// copies.
    MAX_PAGE_FILE_BYTES: u64 = 64 << 20, Bytes, Program, "registry::mirror";
    /// Bytes of an artifact that a mirror copies: more than any that can be packed.
    MAX_MIRRORED_ARTIFACT_BYTES: u64 = 1 << 30, Bytes, Program, "registry::mirror";
    /// Entries by which a log may have grown since the mirror's last run.
    MAX_LOG_GROWTH: u64 = 1 << 26, Count, Program, "registry::mirror";
    /// Bytes of artifacts that a mirror run holds at once.
    MIRROR_MEMORY: u64 = 128 << 20, Bytes, Program, "registry::mirror";
    /// Bytes of package indexes that a mirror run holds until everything is checked.
    MIRROR_INDEX_MEMORY: usize = 256 << 20, Bytes, Program, "registry::mirror";
    /// Bytes of log entries that a mirror run keeps until they are written.
    MIRROR_ENTRY_MEMORY: usize = 32 << 20, Bytes, Program, "registry::mirror";

    /// Submissions in one place.
    MAX_SUBMISSIONS: usize = 1000, Count, Program, "ops::verbs::ingest";
    /// Bytes of the `submission.json` of a submission.
    MAX_SUBMISSION_BYTES: u64 = 64 << 10, Bytes, Format, "core::submission";
    /// Bytes of an artifact in a submission.
    MAX_SUBMITTED_ARTIFACT_BYTES: u64 = 512 << 20, Bytes, Format, "core::submission";
    /// Bytes of a note in a submission.
    MAX_SUBMITTED_NOTE_BYTES: u64 = 65_535, Bytes, Format, "core::submission";

    /// Redirects of one request.
    MAX_REDIRECTS: usize = 10, Count, Format, "registry::storage::http";
    /// Header fields of an answer over HTTP/1.1.
    MAX_HEADERS: usize = 100, Count, Program, "registry::storage::http";
    /// Bytes of the head of an answer over HTTP/1.1.
    MAX_HEAD_BYTES: u64 = 8192 + 4096 * 100, Bytes, Program, "registry::storage::http";
    /// Bytes by which a compressed answer may be longer than the limit of its file.
    MAX_CODING_SLACK: u64 = 64 << 10, Bytes, Program, "registry::storage::http";
    /// Window of a zstd stream, as a power of two (RFC 9659 section 3): 8 MiB.
    MAX_HTTP_WINDOW: u32 = 23, Power, Format, "registry::storage::http";
    /// Characters of a line on the screen; the middle of a longer one is left out.
    MAX_LINE: usize = 4000, Count, Program, "cli::ui";
    /// Marks on one letter on the screen, where scripts need up to four.
    MAX_MARKS: usize = 6, Count, Program, "core::screen";
    /// Bytes of memory that a client reserves for an announced length before the bytes arrive.
    MAX_BELIEVED_BYTES: u64 = 1 << 20, Bytes, Program, "registry::storage";
    /// Bytes of a file of certificates.
    MAX_AUTHORITIES_BYTES: u64 = 16 << 20, Bytes, Program, "registry::storage::http";
    /// Bytes of an answer of an object store that is not a file, such as a page of a listing.
    MAX_OBJECT_ANSWER_BYTES: usize = 16 << 20, Bytes, Program, "registry::storage::object";
    /// Files of a listing of a bucket.
    MAX_LISTED: usize = 20_000_000, Count, Program, "registry::storage::object";
    /// Bytes of a file of profiles of an object store.
    MAX_PROFILE_BYTES: u64 = 1 << 20, Bytes, Program, "registry::storage::object";
    /// Bytes that a git command may print.
    MAX_GIT_OUTPUT: u64 = 512 << 20, Bytes, Program, "registry::git";
    /// Bytes that Lumen keeps of the error output of a git command.
    MAX_GIT_SAID: usize = 16 << 10, Bytes, Program, "registry::git";
    /// Unclear failures of a write, which may have succeeded, before a writer reports the failure.
    MAX_FAILURES: u32 = 3, Count, Program, "registry::publish, registry::log";
    /// Waits for another writer, each twice as long as the one before.
    MAX_WAITS: u32 = 4, Count, Program, "registry::publish";
    /// Pushes with an unclear outcome before Lumen reports the failure.
    MAX_UNCLEAR_PUSHES: u32 = 3, Count, Program, "registry::storage::git";
    /// Files of a branch that are all fetched when the first of them is wanted.
    MAX_FETCHED_AT_ONCE: usize = 20_000, Count, Program, "registry::storage::git";
    /// Bytes a second of the slowest line that still uploads to an object store.
    SLOWEST_UPLOAD: u64 = 32 << 10, BytesPerSecond, Program, "registry::storage::object";
    /// Characters that an error quotes from a message of git or an object store.
    MAX_SAID: usize = 300, Count, Program, "registry::git, registry::storage::object";
    /// Characters that an error quotes of an address, a header, a field or a word of a manifest.
    MAX_QUOTED: usize = 80, Count, Program, "core::manifest, registry::location, registry::storage::http, ops::proof";
    /// Characters of a message about a manifest that repeats a text of it.
    MAX_MESSAGE: usize = 240, Count, Program, "core::manifest";
    /// Characters that an error quotes of a name in an archive.
    MAX_QUOTED_NAME: usize = 200, Count, Program, "store::archive";
    /// Lost races before a writer gives up; the waits in between add up to about a minute.
    MAX_CONFLICTS: u32 = 500, Count, Program, "registry::write";
    /// Lost races before a writer to a branch gives up.
    MAX_LOST_PUSHES: u32 = 200, Count, Program, "registry::storage::git";
    /// Requests that an install with a lock may take more than from an unsigned registry.
    MAX_REQUESTS_SINCE: usize = 8, Count, Program, "registry::verify";
    /// Bundles of log entries that an install with a lock reads where reading is no request, and
    /// that the rotation of a key reads to name what the old key owns.
    MAX_BUNDLES_SINCE: usize = 64, Count, Program, "registry::verify, ops::verbs::root";
    /// Looks at a registry whose remembered state other processes change at the same time.
    MAX_ESTABLISH_ROUNDS: usize = 8, Count, Program, "registry::verify";
    /// Seconds that the clock of a witness may be ahead.
    MAX_CLOCK_AHEAD: i64 = 600, Seconds, Program, "registry::verify";
    /// Seconds by which the clock of a writer may be ahead of that of the host, or behind the
    /// newest entry of the log.
    MAX_WRITER_CLOCK: i64 = 600, Seconds, Program, "registry::log";

    /// Downloads under way at once.
    DOWNLOADS: usize = 48, Count, Program, "ops::fetch";
    /// Bytes of downloads held in memory at once.
    DOWNLOAD_MEMORY: u64 = 96 << 20, Bytes, Program, "ops::fetch";
    /// Bytes above which a download goes through a file.
    DOWNLOAD_TO_FILE: u64 = 16 << 20, Bytes, Program, "ops::fetch";
    /// Proofs that are remembered: those of some fifty large projects.
    MAX_PROVED: usize = 1 << 16, Count, Program, "ops::proof";
    /// Bytes of a file whose lines `diff` compares; of a larger one it says only that it differs.
    MAX_DIFFED_FILE_BYTES: u64 = 2 << 20, Bytes, Program, "ops::verbs::diff";
    /// Bytes of all files whose lines one run of `diff` compares.
    MAX_DIFFED_BYTES: u64 = 64 << 20, Bytes, Program, "ops::verbs::diff";
    /// Seconds that one run of `diff` looks for the smallest difference. After that it shows
    /// larger ones, which are right, too.
    MAX_DIFF_SECONDS: u64 = 20, Seconds, Program, "ops::verbs::diff";
    /// Paths from the project to a package that `pkg why` shows.
    MAX_PATHS: usize = 20, Count, Program, "ops::graph";
    /// Steps of the search for paths from the project to a package.
    MAX_PATH_STEPS: u32 = 100_000, Count, Program, "ops::graph";
    /// Bytes of an artifact above which `registry migrate` reads it through a temporary file.
    MIGRATE_IN_MEMORY: usize = 4 << 20, Bytes, Program, "registry::migrate";
    /// Bytes of the entries that `registry migrate` writes with the first batch.
    MIGRATE_BATCH_BYTES: usize = 48 << 20, Bytes, Program, "registry::migrate";
    /// Entries of a later batch of `registry migrate`, which is checked against the log.
    MIGRATE_APPENDED: usize = 500, Count, Program, "registry::migrate";
    /// Depth of the folders below a repository's root in which a client looks for a package.
    GIT_SEARCH_DEPTH: usize = 4, Count, Program, "ops::inputs";
    /// Characters of the name of a bucket, an account or a container in the URL of a registry.
    MAX_BUCKET_NAME: usize = 63, Count, Program, "registry::location";
    /// Characters of the region in the URL of a bucket.
    MAX_REGION_NAME: usize = 32, Count, Program, "registry::location";
    /// Bytes of `.lumen/id`, the token that ties a project to the record of it.
    MAX_TOKEN_BYTES: u64 = 64, Bytes, Program, "store::link";
    /// Bytes of `.lumen-vendor`, which lists what `vendor` copied.
    MAX_VENDOR_LIST_BYTES: u64 = 16 << 20, Bytes, Program, "store::link";
    /// Seconds after which a file that a killed run left half written in a project is removed.
    LEFTOVER_AGE: i64 = 600, Seconds, Program, "store::link";
    /// Bytes of a `.gitignore`.
    MAX_GITIGNORE_BYTES: u64 = 16 << 20, Bytes, Program, "ops::gitignore";
    /// Bytes of a workflow file that is there already.
    MAX_WORKFLOW_BYTES: u64 = 16 << 20, Bytes, Program, "ops::verbs::ci";
    /// Bytes of a netrc file.
    MAX_NETRC_BYTES: u64 = 1 << 20, Bytes, Program, "ops::credentials";
    /// Bytes of the answer of a credential helper.
    MAX_HELPER_BYTES: u64 = 64 << 10, Bytes, Program, "ops::credentials";
    /// Bytes of the name of a key file, which only the user chooses.
    MAX_KEY_FILE_NAME: usize = 64, Bytes, Program, "ops::keys";
    /// Bytes of a key file.
    MAX_KEY_FILE_BYTES: u64 = 64 << 10, Bytes, Program, "ops::keys";
    /// Cost of scrypt in a key file, as a power of two: 1 GiB of memory.
    MAX_KEY_COST: u8 = 20, Power, Program, "ops::keys";
    /// Bytes of a message of an SSH agent.
    MAX_AGENT_BYTES: usize = 256 << 10, Bytes, Program, "ops::keys";

    /// Problems that are kept of one file.
    MAX_PROBLEMS: usize = 200, Count, Program, "core::manifest";
    /// Words that a misspelt one is compared with for a hint.
    MAX_CANDIDATES: usize = 1000, Count, Program, "core::manifest";
    /// Rounds in which facts are added back to a conflict that is being reduced.
    EXPLAIN_ROUNDS: usize = 64, Count, Program, "core::explain";
    /// Facts of a conflict that are checked together; a longer conflict is explained unreduced.
    EXPLAIN_FACTS: usize = 200, Count, Program, "core::explain";
    /// Terms that one check of a conflict, or one try for a hint, looks at.
    EXPLAIN_CHECKS: u64 = 20_000_000, Count, Program, "core::explain";
    /// Steps of one check of a conflict.
    EXPLAIN_STEPS: u64 = 20_000, Count, Program, "core::explain";
    /// Versions whose requirements are read for the words of one fact.
    EXPLAIN_VERSIONS: u32 = 4_096, Count, Program, "core::explain";
    /// Changes that are tried for a hint by resolving again.
    HINT_TRIES: usize = 6, Count, Program, "core::explain";
    /// Steps of one try for a hint.
    HINT_STEPS: u64 = 10_000, Count, Program, "core::explain";
}

/// Longest wait for the answer of a credential helper: it may have to ask its user.
pub const HELPER_PATIENCE: Duration = Duration::from_secs(30);
