//! Checkpoints ([tlog-checkpoint](https://c2sp.org/tlog-checkpoint)) and the cosignatures
//! of witnesses ([tlog-cosignature](https://c2sp.org/tlog-cosignature)).

pub use crate::limits::MAX_CHECKPOINT_BYTES;
use crate::limits::{MAX_CHECKPOINT_SIGNATURES, rows};
use crate::{
    base64,
    digest::Digest,
    note::{Note, NoteError, NoteSignature},
    signing::{CosignerKey, PublicKey, SecretKey},
};

/// The state of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's own name.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
}

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Larger than [`MAX_CHECKPOINT_BYTES`].
    #[error("the checkpoint is too large; {}", rows::MAX_CHECKPOINT_BYTES)]
    TooLarge,
    /// More than [`MAX_CHECKPOINT_SIGNATURES`].
    #[error(
        "the checkpoint has too many signatures; {}",
        rows::MAX_CHECKPOINT_SIGNATURES
    )]
    TooManySignatures,
    /// It is not a note, or a signature is forged.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Origin, size and root are not there in this form.
    #[error("the checkpoint does not begin with an origin, a size and a root")]
    Form,
    /// It is that of another log.
    #[error("the checkpoint is that of `{found}`, not of `{expected}`")]
    Origin {
        /// The log asked for.
        expected: String,
        /// The log it names.
        found: String,
    },
    /// None of the log's keys signed it.
    #[error("the checkpoint is not signed by a key of the log")]
    Unsigned,
}

impl Checkpoint {
    /// Parses the text of a checkpoint; its size is below 2^63. Extension lines are allowed and ignored.
    ///
    /// # Errors
    /// [`CheckpointError::Form`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Form)?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Form);
        };
        let number: Option<u64> = size.parse().ok();
        // Numbers of all notes are below 2^63: larger ones do not fit everywhere.
        let number = number.filter(|number| *number < 1 << 63 && number.to_string() == size);
        let root = base64::decode(root);
        let root = root.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        match (number, root) {
            (Some(size), Some(root))
                if !origin.is_empty() && lines.all(|line| !line.is_empty()) =>
            {
                Ok(Self {
                    origin: origin.to_owned(),
                    size,
                    root: Digest::from_bytes(root),
                })
            }
            _ => Err(CheckpointError::Form),
        }
    }

    /// The state of the log in a signed checkpoint; does not check its signatures.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] and [`CheckpointError::Form`].
    pub fn of_note(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Self::parse(&Note::parse(bytes)?.text)
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let root = base64::encode(self.root.as_bytes());
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }
}

/// Reads a checkpoint of a log that one of its keys signed.
///
/// # Errors
/// When it is too large, malformed, of another log, or not signed by one of the keys.
pub fn open(
    bytes: &[u8],
    origin: &str,
    keys: &[PublicKey],
) -> Result<(Checkpoint, Note), CheckpointError> {
    if bytes.len() as u64 > MAX_CHECKPOINT_BYTES {
        return Err(CheckpointError::TooLarge);
    }
    let note = Note::parse(bytes)?;
    if note.signatures.len() > MAX_CHECKPOINT_SIGNATURES {
        return Err(CheckpointError::TooManySignatures);
    }
    let checkpoint = Checkpoint::parse(&note.text)?;
    if checkpoint.origin != origin {
        return Err(CheckpointError::Origin {
            expected: origin.to_owned(),
            found: checkpoint.origin,
        });
    }
    match note.verified(keys)?.is_empty() {
        false => Ok((checkpoint, note)),
        true => Err(CheckpointError::Unsigned),
    }
}

/// What a witness signs: the checkpoint together with the time, in seconds since 1970.
pub fn cosigned_message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

/// Adds a witness's signature of [`cosigned_message`], in place of its earlier one.
pub fn add_cosignature(note: &mut Note, key: &CosignerKey, time: u64, signature: [u8; 64]) {
    let (name, id) = (key.name(), key.id());
    note.signatures
        .retain(|other| other.name != name || other.id != id);
    note.signatures.push(NoteSignature {
        name: name.to_owned(),
        id,
        signature: [time.to_be_bytes().as_slice(), &signature].concat(),
    });
}

/// Signs a checkpoint as a witness at a time, in seconds since 1970.
pub fn cosign(key: &SecretKey, note: &mut Note, time: u64) {
    let signature = key.sign(&cosigned_message(&note.text, time));
    add_cosignature(note, &key.cosigner(), time, signature);
}

/// The witnesses that signed, each once, with the time of their signature, in seconds since
/// 1970. A key under two names is one witness, since a cosignature does not cover the name.
///
/// # Errors
/// When a signature in the name of a witness is not its own, or there are two.
pub fn cosignatures<'k>(
    note: &Note,
    witnesses: &'k [CosignerKey],
) -> Result<Vec<(&'k CosignerKey, u64)>, NoteError> {
    let mut seen: Vec<&CosignerKey> = Vec::new();
    let mut out: Vec<(&CosignerKey, u64)> = Vec::new();
    for signature in &note.signatures {
        let mut known = witnesses
            .iter()
            .filter(|key| key.name() == signature.name && key.id() == signature.id)
            .peekable();
        if known.peek().is_none() {
            continue;
        }
        let (witness, time) = cosignature(&note.text, signature, known)
            .ok_or_else(|| NoteError::Forged(signature.name.clone()))?;
        if seen.contains(&witness) {
            return Err(NoteError::Twice(signature.name.clone()));
        }
        seen.push(witness);
        let same =
            |other: &&mut (&CosignerKey, u64)| other.0.key().bytes() == witness.key().bytes();
        match out.iter_mut().find(same) {
            Some(found) => found.1 = found.1.max(time),
            None => out.push((witness, time)),
        }
    }
    Ok(out)
}

/// The witness that made a signature, and its time; times have 63 bits.
fn cosignature<'k>(
    text: &str,
    signature: &NoteSignature,
    mut witnesses: impl Iterator<Item = &'k CosignerKey>,
) -> Option<(&'k CosignerKey, u64)> {
    let (time, bytes) = signature.signature.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    let bytes = <&[u8; 64]>::try_from(bytes).ok()?;
    let message = cosigned_message(text, time);
    let witness = witnesses.find(|witness| witness.key().verify(&message, bytes))?;
    i64::try_from(time).ok().map(|_| (witness, time))
}
