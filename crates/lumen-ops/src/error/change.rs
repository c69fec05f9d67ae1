//! Why a change of owners, of a root or of a claim is not made.

use std::path::PathBuf;

use lumen_core::{
    PackageName,
    limits::MAX_CHECKPOINT_SIGNATURES,
    note::NoteError,
    signing::KeyError,
    trust::{FormError, Subject},
};

/// Why a text is not a proposal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProposalError {
    /// Not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A note with a mistake.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A note of another kind.
    #[error("it is neither a root note nor an ownership note")]
    Kind,
}

/// What a package of a scope cannot have done to it, since its scope has the owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfScope {
    /// Its owners replaced.
    Transfer,
    /// A key revoked.
    Revoke,
}

/// What can be done again when a registry has approved a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Publishing.
    Publish,
    /// Publishing a submission.
    Ingest,
}

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// A key has a role already.
    #[error("{key} is already {}", a(.role))]
    Already {
        /// Its fingerprint.
        key: String,
        /// The role.
        role: &'static str,
    },
    /// A key does not have a role.
    #[error("{key} is not {}", a(.role))]
    NotOne {
        /// Its fingerprint.
        key: String,
        /// The role.
        role: &'static str,
    },
    /// A change that changes nothing.
    #[error("{0} are so already")]
    Nothing(&'static str),
    /// A package that is to be used in the place of itself.
    #[error("`{0}` cannot take its own place")]
    OwnReplacement(PackageName),
    /// A key in the place of itself.
    #[error("{key} cannot take its own place")]
    Itself {
        /// Its fingerprint.
        key: String,
        /// A key of this user that it could replace.
        old: Option<String>,
    },
    /// A threshold that the keys cannot reach.
    #[error("{}", unreachable(*.threshold, *.keys, .whose))]
    Unreachable {
        /// How many of the keys must sign.
        threshold: u32,
        /// How many keys there are.
        keys: usize,
        /// Whose, in the plural.
        whose: &'static str,
    },
    /// A threshold that is the present one.
    #[error("the threshold is {0} already")]
    SameThreshold(u32),
    /// The end of a publisher that is in the past.
    #[error("{0} is over")]
    Over(String),
    /// A package that another name owns.
    #[error("`{only}` is not a package of `{name}`")]
    Elsewhere {
        /// The package.
        only: PackageName,
        /// The name that was given.
        name: String,
    },
    /// More witnesses than a checkpoint has room for.
    #[error(
        "{quorum} {whose} cannot sign: a checkpoint has room for {MAX_CHECKPOINT_SIGNATURES} signatures, one of them the log's"
    )]
    NoRoom {
        /// How many must sign.
        quorum: u32,
        /// Whose, in the plural.
        whose: &'static str,
    },
    /// Signatures must be young, and none is needed.
    #[error("an age is asked for, but no witness must have signed")]
    AgeOfNothing,
    /// A validating witness that holds a key of the registry.
    #[error("{key} cannot be both a validating witness and a root key or log key")]
    Insider {
        /// The key, as a witness.
        key: String,
    },
    /// A key that cannot have the name of the registry.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A claim of a name that has owners.
    #[error("`{0}` has owners already")]
    Owned(Subject),
    /// A name without owners.
    #[error("`{0}` has no owner")]
    Unowned(Subject),
    /// This user's key is listed as an admin and revoked.
    #[error(
        "your key {key} was revoked for `{name}` from entry {from} of the log on, so it does not count as an admin, though it is listed"
    )]
    RevokedAdmin {
        /// Its fingerprint.
        key: String,
        /// The name or scope whose admin it is.
        name: Subject,
        /// The entry of the log.
        from: u64,
    },
    /// A key that is to become an owner is revoked.
    #[error("{key} was revoked from entry {from} of the log on: nothing that it signs counts")]
    Revoked {
        /// Its fingerprint.
        key: String,
        /// The entry of the log.
        from: u64,
    },
    /// A package whose scope has the owners.
    #[error("`{name}` cannot be {}: its scope has the owners", done(*.what))]
    OfScope {
        /// The package.
        name: String,
        /// Its scope.
        scope: Subject,
        /// What was asked for.
        what: OfScope,
    },
    /// A change that a note cannot hold.
    #[error(transparent)]
    Unwritable(NoteError),
    /// A change that reads back differently.
    #[error("the change cannot be written down")]
    Differs,
    /// A change that its reader would refuse.
    #[error("the change is not possible: {0}")]
    Impossible(ProposalError),
    /// A file that is not a proposal.
    #[error("`{}` is not a proposal: {source}", .file.display())]
    NotProposal {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: ProposalError,
    },
    /// A signature in a proposal is forged.
    #[error(transparent)]
    Forged(NoteError),
    /// A file is in the way of a proposal.
    #[error("`{}` exists", .0.display())]
    Exists(PathBuf),
    /// A proposal for another registry.
    #[error("the proposal is for the registry `{found}`, not for `{expected}`")]
    OtherRegistry {
        /// The origin in the proposal.
        found: String,
        /// The origin of the registry.
        expected: String,
    },
    /// Another change came first.
    #[error("the registry has changed since {subject} was proposed")]
    Overtaken {
        /// What the proposal changes.
        subject: String,
    },
    /// This user's key does not count for a proposal.
    #[error("your key `{key}` is none of those that sign {subject}")]
    NotAsked {
        /// Its name.
        key: String,
        /// What the proposal changes.
        subject: String,
    },
    /// A proposal with too few signatures.
    #[error("{subject} needs {more} more of {whose}")]
    Unsigned {
        /// What the proposal changes.
        subject: String,
        /// How many signatures it lacks.
        more: usize,
        /// Whose.
        whose: &'static str,
    },
    /// This user's key does not give out names.
    #[error("your key `{key}` is none of those that give out names")]
    NoNamesKey {
        /// Its name.
        key: String,
    },
    /// The registry has to give out names first, and was asked to.
    #[error("{}", waiting(.names))]
    ClaimsWait {
        /// The names.
        names: Vec<Subject>,
        /// What comes after the approval.
        again: Again,
    },
    /// The registry does not give out a name.
    #[error("the registry rejected the claim of `{name}`{}", because(.reason))]
    ClaimRejected {
        /// The name.
        name: Subject,
        /// Why; can be empty.
        reason: String,
    },
}

/// What may help against a [`ChangeError`].
#[derive(Debug, Clone, Copy)]
pub enum ChangeHint<'e> {
    /// Nothing was changed.
    Unchanged,
    /// The old key has to sign.
    OldSigns(&'e str),
    /// The old key has to be named.
    NameOld,
    /// Another package can be named.
    AnotherReplacement,
    /// One has to stay.
    OneMustStay,
    /// What a threshold can be.
    Threshold,
    /// Fewer witnesses can be asked for.
    FewerWitnesses,
    /// How witnesses are asked for.
    AskWitnesses,
    /// Whom a validating witness checks.
    Insider,
    /// Another key can be given.
    AnotherKey,
    /// How owners are listed.
    Owners(&'e Subject),
    /// How a name is claimed.
    Claim(&'e Subject),
    /// Another admin can do it.
    OtherAdmin(&'e Subject),
    /// A revoked key stays so.
    Rotate,
    /// The scope can be named.
    Scope(&'e Subject),
    /// How a proposal is made.
    Propose,
    /// The file was tampered with.
    Tampered,
    /// Another file can be named.
    AnotherFile,
    /// Another registry can be named.
    AnotherRegistry,
    /// It can be proposed again.
    ProposeAgain,
    /// How another key of this user's is chosen.
    MyKeys,
    /// Others have to sign.
    OthersSign,
    /// How the keys that give out names are listed.
    NamesKeys,
    /// How names are given out, and what comes then.
    Approve(&'e [Subject], Again),
    /// A name can be claimed again.
    ClaimAgain(&'e Subject),
}

impl ChangeError {
    /// What may help.
    pub fn hint(&self) -> ChangeHint<'_> {
        match self {
            Self::Already { .. }
            | Self::Nothing(_)
            | Self::NotOne { .. }
            | Self::SameThreshold(_)
            | Self::Over(_)
            | Self::Elsewhere { .. }
            | Self::Unwritable(_)
            | Self::Differs
            | Self::Impossible(_) => ChangeHint::Unchanged,
            Self::Itself { old: Some(old), .. } => ChangeHint::OldSigns(old),
            Self::Itself { .. } => ChangeHint::NameOld,
            Self::OwnReplacement(_) => ChangeHint::AnotherReplacement,
            Self::Unreachable { keys: 0, .. } => ChangeHint::OneMustStay,
            Self::Unreachable { .. } => ChangeHint::Threshold,
            Self::NoRoom { .. } => ChangeHint::FewerWitnesses,
            Self::AgeOfNothing => ChangeHint::AskWitnesses,
            Self::Insider { .. } => ChangeHint::Insider,
            Self::Key(_) => ChangeHint::AnotherKey,
            Self::Owned(subject) => ChangeHint::Owners(subject),
            Self::Unowned(subject) => ChangeHint::Claim(subject),
            Self::RevokedAdmin { name, .. } => ChangeHint::OtherAdmin(name),
            Self::Revoked { .. } => ChangeHint::Rotate,
            Self::OfScope { scope, .. } => ChangeHint::Scope(scope),
            Self::NotProposal { .. } => ChangeHint::Propose,
            Self::Forged(_) => ChangeHint::Tampered,
            Self::Exists(_) => ChangeHint::AnotherFile,
            Self::OtherRegistry { .. } => ChangeHint::AnotherRegistry,
            Self::Overtaken { .. } => ChangeHint::ProposeAgain,
            Self::NotAsked { .. } => ChangeHint::MyKeys,
            Self::Unsigned { .. } => ChangeHint::OthersSign,
            Self::NoNamesKey { .. } => ChangeHint::NamesKeys,
            Self::ClaimsWait { names, again } => ChangeHint::Approve(names, *again),
            Self::ClaimRejected { name, .. } => ChangeHint::ClaimAgain(name),
        }
    }
}

/// A role with its article.
fn a(role: &str) -> String {
    match role.starts_with(['a', 'o']) {
        true => format!("an {role}"),
        false => format!("a {role}"),
    }
}

fn unreachable(threshold: u32, keys: usize, whose: &str) -> String {
    match keys {
        0 => format!("this would leave no {whose}"),
        keys => format!("{threshold} of {keys} {whose} cannot sign"),
    }
}

const fn done(what: OfScope) -> &'static str {
    match what {
        OfScope::Transfer => "transferred",
        OfScope::Revoke => "revoked from",
    }
}

fn waiting(names: &[Subject]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let missing = match names.len() {
        1 => "has no owner, and the registry must approve its claim",
        _ => "have no owners, and the registry must approve their claims",
    };
    format!("{} {missing}", quoted.join(", "))
}

fn because(reason: &str) -> String {
    match reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    }
}
