//! C2SP signed notes: a text and signatures of exactly its bytes
//! ([signed-note](https://c2sp.org/signed-note)).

use crate::base64;
use crate::limits::{MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES, rows};
use crate::signing::PublicKey;

/// A note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The text that is signed; ends with a line end.
    pub text: String,
    /// Its signatures, known and unknown ones, in order.
    pub signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The short hash of the key.
    pub id: [u8; 4],
    /// The signature of the text by the key's algorithm; 64 bytes for Ed25519.
    pub signature: Vec<u8>,
}

/// Why bytes are no note, or a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Larger than [`MAX_NOTE_BYTES`].
    #[error("the note is too large; {}", rows::MAX_NOTE_BYTES)]
    TooLarge,
    /// Not UTF-8, or with control characters.
    #[error("the note is not plain text")]
    Characters,
    /// Text and signatures are not separated by an empty line.
    #[error("the note has no text followed by an empty line and signatures")]
    Form,
    /// A signature line has another form.
    #[error("line {0} of the signatures is not `— name base64`")]
    Signature(usize),
    /// More than [`MAX_NOTE_SIGNATURES`].
    #[error("the note has too many signatures; {}", rows::MAX_NOTE_SIGNATURES)]
    TooMany,
    /// A key that is known did not make the signature in its name.
    #[error("the signature by `{0}` does not fit the note")]
    Forged(String),
    /// A key that is known signs twice.
    #[error("the note has two signatures by `{0}`")]
    Twice(String),
}

impl Note {
    /// Parses a note, signatures unverified.
    ///
    /// # Errors
    /// When the bytes have another form.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge);
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteError::Characters)?;
        check_characters(whole)?;
        let split = whole.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, lines) = (&whole[..=split], &whole[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        let mut signatures = Vec::new();
        for (at, line) in lines.split('\n').enumerate() {
            if at == MAX_NOTE_SIGNATURES {
                return Err(NoteError::TooMany);
            }
            signatures.push(parse_line(line).ok_or(NoteError::Signature(at + 1))?);
        }
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// A note without signatures yet.
    ///
    /// # Errors
    /// When the text has control characters or no line end.
    pub fn unsigned(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        check_characters(&text)?;
        match text.ends_with('\n') {
            true => Ok(Self {
                text,
                signatures: Vec::new(),
            }),
            false => Err(NoteError::Form),
        }
    }

    /// The note as text; [`Note::parse`] reads it once it is signed.
    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n", self.text);
        for signature in &self.signatures {
            let body = [&signature.id, signature.signature.as_slice()].concat();
            let body = base64::encode(&body);
            out.push_str(&format!("\u{2014} {} {body}\n", signature.name));
        }
        out
    }

    /// Adds the signature of a key, in place of an earlier one of the same key.
    pub fn add(&mut self, key: &PublicKey, signature: [u8; 64]) {
        let (name, id) = (key.name(), key.id());
        self.signatures
            .retain(|other| other.name != name || other.id != id);
        self.signatures.push(NoteSignature {
            name: name.to_owned(),
            id,
            signature: signature.to_vec(),
        });
    }

    /// Those of the keys that signed the text, each once, under whatever names.
    /// Signatures of unknown keys are ignored.
    ///
    /// # Errors
    /// When a signature in the name of one of the keys is not its own, or there are two.
    pub fn verified<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k PublicKey>,
    ) -> Result<Vec<&'k PublicKey>, NoteError> {
        let keys: Vec<(&PublicKey, [u8; 4])> =
            keys.into_iter().map(|key| (key, key.id())).collect();
        let mut seen: Vec<&PublicKey> = Vec::new();
        let mut signers: Vec<&PublicKey> = Vec::new();
        for signature in &self.signatures {
            // Short hashes can collide, so that one name and hash may stand for two keys.
            let mut known = keys
                .iter()
                .filter(|(key, id)| key.name() == signature.name && *id == signature.id)
                .map(|(key, _)| *key)
                .peekable();
            if known.peek().is_none() {
                continue;
            }
            let bytes = <&[u8; 64]>::try_from(signature.signature.as_slice()).ok();
            let signer = bytes
                .and_then(|bytes| known.find(|key| key.verify(self.text.as_bytes(), bytes)))
                .ok_or_else(|| NoteError::Forged(signature.name.clone()))?;
            if seen.contains(&signer) {
                return Err(NoteError::Twice(signature.name.clone()));
            }
            seen.push(signer);
            if !signers.iter().any(|other| other.bytes() == signer.bytes()) {
                signers.push(signer);
            }
        }
        Ok(signers)
    }
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    let bad = |byte: u8| byte < 0x20 && byte != b'\n';
    match text.bytes().any(bad) {
        true => Err(NoteError::Characters),
        false => Ok(()),
    }
}

fn parse_line(line: &str) -> Option<NoteSignature> {
    let (name, body) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let body = base64::decode(body)?;
    let (id, signature) = body.split_first_chunk::<4>()?;
    let is_name = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+');
    (is_name && !signature.is_empty()).then(|| NoteSignature {
        name: name.to_owned(),
        id: *id,
        signature: signature.to_vec(),
    })
}
