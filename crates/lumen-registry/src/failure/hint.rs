//! What may help against errors, as data.

use std::io;

use lumen_core::{PackageName, limits::Exceeded, signing::PublicKey, trust::Subject};

use crate::{
    login::Acquaintance,
    refusal::{Override, SeenBy},
    storage::Bound,
};

/// What may help against an error.
#[derive(Debug, Clone)]
pub enum Hint<'e> {
    /// The registry has to be made first, or the path is wrong.
    NoRoot(&'e str),
    /// Files of a signed registry are missing.
    HalfCopied,
    /// What this machine remembers of a registry is damaged.
    Memory,
    /// A mirror lacks what its source lost.
    LostForGood,
    /// A bundle was damaged on its way.
    CopyBundle,
    /// The host only serves files: they are written elsewhere.
    WriteElsewhere,
    /// The host answers with an error of its own.
    HostFails {
        /// The HTTP status.
        status: u16,
    },
    /// The proxy wants credentials.
    ProxyLogin,
    /// The host wants credentials.
    Login {
        /// The HTTP status.
        status: u16,
        /// What the registry is to the user, if that is known.
        registry: Option<&'e Acquaintance>,
    },
    /// The host wants credentials, and this says how to give them.
    Credentials {
        /// The HTTP status.
        status: u16,
        /// How to give them.
        lacks: &'e str,
    },
    /// This is missing to write.
    Lacks(&'e str),
    /// The credentials that were sent are wrong.
    CorrectCredentials,
    /// No authority that is trusted vouches for the host.
    OwnAuthority,
    /// The certificate of the host, or a clock, has to be put right.
    CertificateTime,
    /// The certificate of the host does not have the name in the URL.
    CertificateName,
    /// The file with authorities is wrong.
    Authorities,
    /// An address inside of the network has to be given by the user.
    Inward,
    /// The program that knows credentials failed.
    LoginProgram,
    /// The bucket has to be made first, or its name is wrong.
    NoBucket,
    /// An object store's own name for what is wrong.
    HostCode(&'e str),
    /// The host lets publishers overwrite each other.
    UnsafeHost,
    /// The command goes on where it stopped.
    GoOn,
    /// Nothing was written, and the command can be run again.
    Again,
    /// The address or the network.
    Network,
    /// The network was not to be used.
    WithoutOffline,
    /// Limits that were reached, and what raises them.
    Bounds(Vec<Bound>),
    /// A limit that was passed.
    Limit(&'e Exceeded),
    /// The disk refused.
    Disk(io::ErrorKind),
    /// What may help against an error of git.
    Git(GitHint<'e>),
    /// The scheme of a URL is unknown; it may be a slip.
    Scheme(&'e str),
    /// There is no registry at an address.
    NoRegistry(&'e str),
    /// The registry lacks a file.
    Incomplete,
    /// The mirror leaves a package out.
    LeftOut,
    /// An artifact is not what was released.
    Changed,
    /// A file was changed after it was published.
    Hash,
    /// A file of the registry cannot be understood.
    Malformed,
    /// The registry replaced owners.
    Overridden {
        /// The registry's URL or name.
        registry: &'e str,
        /// By whom.
        by: &'e Override,
    },
    /// Moderators block a release of this package.
    Blocked(&'e PackageName),
    /// A witness signed nothing.
    Refused,
    /// Another fingerprint is remembered for the registry at this URL.
    Pinned(&'e str),
    /// A note that was seen was taken back.
    Reverted(SeenBy),
    /// Signing the registry was not finished.
    Unfinished,
    /// What was shown is older than, or other than, what was shown before or beside it. Besides an
    /// attack, that may be an old copy of a file in a cache, or beside the file on the server.
    OldCopy,
    /// The same; a backup that was restored is another cause.
    OlderState,
    /// Too few witnesses signed lately, or the root note expired, by this machine's clock.
    Clock,
    /// The clock of this machine is wrong, and nothing was appended.
    SetClock,
    /// The key of a publisher has ended.
    EndedKey(&'e PackageName),
    /// More publishers have to sign.
    NeedsSigners(&'e PackageName),
    /// A file that writers need is lost or damaged.
    Damaged,
    /// Only signed registries can do this.
    Unsigned,
    /// A version exists.
    VersionExists,
    /// A version is being published by another publisher.
    Unreleased,
    /// A name is too close to this one.
    NameTaken(&'e PackageName),
    /// A name cannot be published.
    Name,
    /// A package has other versions.
    Versions(&'e PackageName),
    /// There is a registry already.
    RegistryExists,
    /// The registry is of a later version.
    Update,
    /// There is no key.
    NoKey,
    /// The registry is not signed.
    NotSigned,
    /// A key has to become a log key.
    LogKey(&'e PublicKey),
    /// A key has to become one of an owner.
    NotOwner {
        /// The package.
        name: &'e PackageName,
        /// The key.
        key: &'e PublicKey,
    },
    /// A name has to be approved.
    NeedsApproval(&'e Subject),
    /// A submission has to be made again.
    SubmitAgain,
    /// A submission is for another registry.
    OtherRegistry,
    /// A key that is no owner's signed a submission.
    Stranger(&'e Subject),
    /// A submission is bad.
    BadSubmission,
    /// A mirror has what its source lacks.
    MirrorDiverged,
    /// The place of a mirror has another registry.
    OtherMirror,
    /// A file of a mirror is not in the source.
    MirrorForeign,
    /// A file of a mirror differs from the source's.
    MirrorChanged,
    /// The source is not to be believed.
    Forged,
    /// A mirror has more than the selection.
    Narrower,
    /// A bundle starts too late.
    Gap {
        /// Entries of the registry.
        ours: u64,
    },
    /// A bundle has nothing new.
    Older,
    /// The source of a mirror lacks artifacts, or has damaged ones.
    MirrorLacks,
    /// Releases name file lists that are not those of their archives.
    FalseLists,
    /// A bundle lacks a file.
    IncompleteBundle,
    /// The registry has no log.
    NoLog,
    /// The host does not list files.
    Unlistable,
}

/// What may help against an error of git.
#[derive(Debug, Clone, Copy)]
pub enum GitHint<'e> {
    /// Git is missing.
    NoGit,
    /// Git is too old.
    OldGit,
    /// The host of a repository wants other credentials.
    Login,
    /// There is no such repository, or none that the user may see.
    NoRepository,
    /// No authority that is trusted vouches for the host.
    OwnAuthority,
    /// A repository has another address.
    Moved,
    /// The host of a repository cannot be reached.
    Network,
    /// The branch takes no pushes.
    Push,
    /// The same can be tried with git alone.
    TryGit,
    /// The disk refused.
    Disk(io::ErrorKind),
    /// A limit that was passed.
    Limit(&'e Exceeded),
}
