//! Notes that several people must sign: reading, signing, and missing signatures.
//!
//! A proposal file is the note itself, with the signatures that it has so far.

use std::path::Path;

use fs_err as fs;
use lumen_core::{
    note::Note,
    signing::PublicKey,
    trust::{
        Covered, Moderation, NamePolicy, OwnersHistory, OwnersNote, RootHistory, RootNote,
        moderation, owners, root,
    },
};
use lumen_registry::signer::Signer;

use crate::{
    error::{ChangeError, KeysError, OpsError, ProposalError},
    report::Event,
    report::Reporter,
};

/// The keys that approve names, with the policy `approve`.
pub const NAMES: &str = "the names keys";

/// The keys that block packages and releases.
const MODERATORS: &str = "the moderators";

/// A note before it is in the log.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What it would change.
    pub change: Change,
    /// The text and the signatures so far.
    pub note: Note,
}

/// What a note changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The registry's root.
    Root(RootNote),
    /// The owners of a name.
    Owners(OwnersNote),
    /// What moderators say of a package.
    Moderation(Moderation),
}

/// Keys, and how many of them must sign.
#[derive(Debug, Clone)]
pub struct Need {
    /// Who they are.
    pub whose: &'static str,
    /// How many.
    pub threshold: u32,
    /// Which.
    pub keys: Vec<PublicKey>,
}

/// Signatures that a note still needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Whose.
    pub whose: &'static str,
    /// How many more.
    pub more: usize,
    /// The keys that have not signed.
    pub keys: Vec<PublicKey>,
}

impl Change {
    fn to_text(&self) -> String {
        match self {
            Self::Root(note) => note.to_text(),
            Self::Owners(note) => note.to_text(),
            Self::Moderation(said) => said.to_text(),
        }
    }

    /// The registry that it is for.
    pub fn origin(&self) -> &str {
        match self {
            Self::Root(note) => &note.origin,
            Self::Owners(note) => &note.origin,
            Self::Moderation(said) => &said.origin,
        }
    }

    /// Its subject, for people and for names of files.
    pub fn subject(&self) -> String {
        match self {
            Self::Root(note) => format!("root {}", note.seq),
            Self::Owners(note) => format!("owners {} of `{}`", note.seq, note.name),
            Self::Moderation(said) => {
                let (verb, versions) = (said.measure.verb(), words(&said.covers));
                format!("the {verb} of `{}`, {versions}", said.package)
            }
        }
    }

    /// The name of a file for it.
    pub fn file_name(&self) -> String {
        match self {
            Self::Root(note) => format!("root-{}.note", note.seq),
            Self::Owners(note) => {
                let name = note.name.to_string();
                format!("owners-{}-{}.note", name.trim_start_matches('@'), note.seq)
            }
            Self::Moderation(said) => {
                let name = said.package.as_str().replace('/', "-");
                let name = name.trim_start_matches('@');
                format!("{}-{name}-{}.note", said.measure.verb(), said.seq)
            }
        }
    }
}

impl Proposal {
    /// A note without signatures.
    ///
    /// # Errors
    /// When its own reader would refuse it.
    pub fn new(change: Change) -> Result<Self, OpsError> {
        let note = Note::unsigned(change.to_text()).map_err(ChangeError::Unwritable)?;
        // A note that reads back differently must not be signed.
        match parse_change(&note.text) {
            Ok(read) if read == change => Ok(Self { change, note }),
            Ok(_) => Err(ChangeError::Differs.into()),
            Err(reason) => Err(ChangeError::Impossible(reason).into()),
        }
    }

    /// Reads a proposal file.
    ///
    /// # Errors
    /// When it cannot be read or is something else.
    pub fn read(path: &Path) -> Result<Self, OpsError> {
        let text = fs::read_to_string(path)?;
        Self::parse(&text).map_err(|source| {
            ChangeError::NotProposal {
                file: path.to_owned(),
                source,
            }
            .into()
        })
    }

    /// Parses the text of a proposal.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, ProposalError> {
        let note = match text.strip_suffix("\n\n") {
            Some(body) => Note::unsigned(format!("{body}\n")),
            None => Note::parse(text.as_bytes()),
        };
        let note = note?;
        Ok(Self {
            change: parse_change(&note.text)?,
            note,
        })
    }

    /// Adds the signer's signature under every name that its key has in the needs.
    /// Returns whether there was any.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn sign(&mut self, signer: &dyn Signer, needs: &[Need]) -> Result<bool, OpsError> {
        let mine = needs.iter().flat_map(|need| &need.keys);
        let mut mine: Vec<&PublicKey> = mine
            .filter(|key| key.bytes() == signer.public().bytes())
            .collect();
        mine.sort();
        mine.dedup();
        if mine.is_empty() {
            return Ok(false);
        }
        let signature = signer
            .sign(self.note.text.as_bytes())
            .map_err(KeysError::Sign)?;
        for key in mine {
            self.note.add(key, signature);
        }
        Ok(true)
    }

    /// Shows everything that a signature would cover.
    pub fn show(&self, reporter: &dyn Reporter) {
        reporter.report(Event::Signing {
            subject: self.change.subject(),
            text: self.note.text.clone(),
        });
    }

    /// The signatures that it still needs.
    ///
    /// # Errors
    /// When a signature in it is forged.
    pub fn missing(&self, needs: &[Need]) -> Result<Vec<Missing>, OpsError> {
        let mut missing = Vec::new();
        for need in needs {
            let signed = self
                .note
                .verified(&need.keys)
                .map_err(ChangeError::Forged)?;
            let threshold = usize::try_from(need.threshold).unwrap_or(usize::MAX);
            let unsigned = |key: &&PublicKey| !signed.iter().any(|by| by.bytes() == key.bytes());
            if signed.len() < threshold {
                missing.push(Missing {
                    whose: need.whose,
                    more: threshold - signed.len(),
                    keys: need.keys.iter().filter(unsigned).cloned().collect(),
                });
            }
        }
        Ok(missing)
    }
}

fn parse_change(text: &str) -> Result<Change, ProposalError> {
    match text.lines().next() {
        Some(kind) if root::is_kind(kind) => Ok(Change::Root(RootNote::parse(text)?)),
        Some(owners::KIND | owners::KIND_V2) => Ok(Change::Owners(OwnersNote::parse(text)?)),
        Some(kind) if moderation::is_kind(kind) => Ok(Change::Moderation(Moderation::parse(text)?)),
        _ => Err(ProposalError::Kind),
    }
}

/// The keys that must sign the next root note.
pub fn root_needs(roots: &RootHistory, next: &RootNote) -> Vec<Need> {
    let need = |whose, note: &RootNote| Need {
        whose,
        threshold: note.threshold,
        keys: note.root.clone(),
    };
    vec![
        need("the root keys before", roots.current()),
        need("the root keys", next),
    ]
}

/// The keys that must sign what moderators say.
pub fn moderation_needs(roots: &RootHistory) -> Vec<Need> {
    let root = roots.current();
    vec![Need {
        whose: MODERATORS,
        threshold: root.moderator_threshold,
        keys: root.moderators.clone(),
    }]
}

/// The versions that a statement of moderators is about, as messages say it.
pub fn words(covers: &Covered) -> String {
    match covers {
        Covered::All => "all versions".into(),
        Covered::Range(constraint) => format!("versions {constraint}"),
    }
}

/// The keys that must sign the next ownership note, which gets a place in the log at `size`
/// or later.
pub fn owners_needs(
    roots: &RootHistory,
    owners: &OwnersHistory,
    next: &OwnersNote,
    size: u64,
) -> Vec<Need> {
    let need = |whose, note: &OwnersNote| Need {
        whose,
        threshold: note.threshold,
        keys: note.counting_admins(size).cloned().collect(),
    };
    let root = roots.current();
    let names = Need {
        whose: NAMES,
        threshold: root.names_threshold.max(1),
        keys: root.names.clone(),
    };
    let mut needs = match owners.current() {
        None if root.policy == NamePolicy::Approve => vec![names],
        None => Vec::new(),
        Some(_) if next.is_override => vec![names],
        Some(now) => vec![need("the admins before", now)],
    };
    needs.push(need("the admins", next));
    needs
}
