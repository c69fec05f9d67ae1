//! Ed25519 keys (RFC 8032) as C2SP signed notes name them.
//!
//! A *vkey* is `<name>+<8 hex digits>+<base64>`: the name, the key's short hash,
//! and its type byte with the 32 bytes of the key
//! ([signed-note](https://c2sp.org/signed-note#verifier-keys)).

use std::{fmt, str::FromStr};

use data_encoding::{BASE64_NOPAD, HEXLOWER};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::Digest as _;
use zeroize::Zeroizing;

use crate::base64;
use crate::limits::{MAX_KEY_NAME, rows};

const ED25519: u8 = 0x01;
const COSIGNATURE: u8 = 0x04;
const SECRET_PREFIX: &str = "PRIVATE+KEY+";

/// A text that is not a key, or a name that no key can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The name is empty, too long, or has white space, `+` or a control character.
    #[error(
        "a key's name is not empty, and has no white space, control character or `+`; {}",
        rows::MAX_KEY_NAME
    )]
    Name,
    /// The text has another form.
    #[error("not a key; it has the form `name+1234abcd+base64`")]
    Form,
    /// The short hash is not that of the name and the key.
    #[error("the key's hash does not fit its name and its bytes")]
    Hash,
    /// The type byte is another one.
    #[error("keys of type {0:#04x} are not supported here")]
    Type(u8),
    /// The bytes are not a point of the curve, or one of small order.
    #[error("the bytes are not a usable Ed25519 key")]
    Point,
    /// The text is not an SSH key of type `ssh-ed25519`.
    #[error("only SSH keys of type `ssh-ed25519` can be used")]
    Ssh,
}

/// Whether a key may have this name.
pub fn is_key_name(name: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c == '+' || c.is_control();
    (1..=MAX_KEY_NAME).contains(&name.len()) && !name.contains(bad)
}

/// A public key with its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    name: String,
    bytes: [u8; 32],
}

impl PublicKey {
    /// A key from its 32 bytes.
    ///
    /// # Errors
    /// On a bad name, and on bytes that no strict verifier accepts.
    pub fn new(name: &str, bytes: [u8; 32]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        match VerifyingKey::from_bytes(&bytes) {
            Ok(key) if is_canonical(&bytes) && !key.is_weak() => Ok(Self {
                name: name.to_owned(),
                bytes,
            }),
            _ => Err(KeyError::Point),
        }
    }

    /// Parses a vkey.
    ///
    /// # Errors
    /// When the text has another form, hash or type.
    pub fn parse(vkey: &str) -> Result<Self, KeyError> {
        let (name, bytes) = parse_vkey(vkey, ED25519)?;
        Self::new(name, bytes)
    }

    /// Parses a line of an SSH public key file, `ssh-ed25519 AAAA… comment`.
    ///
    /// # Errors
    /// On other types of key and other texts.
    pub fn parse_ssh(line: &str, name: &str) -> Result<Self, KeyError> {
        let mut words = line.split_ascii_whitespace();
        let (kind, body) = (words.next(), words.next().unwrap_or_default());
        let blob = base64::decode(body).ok_or(KeyError::Ssh)?;
        let key = blob
            .strip_prefix(SSH_PREFIX)
            .filter(|_| kind == Some("ssh-ed25519"));
        let key = key
            .and_then(|key| key.try_into().ok())
            .ok_or(KeyError::Ssh)?;
        Self::new(name, key)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its short hash, which signatures carry.
    pub fn id(&self) -> [u8; 4] {
        id(&self.name, ED25519, &self.bytes)
    }

    /// Its 32 bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The same key under another name.
    ///
    /// # Errors
    /// On a bad name.
    pub fn renamed(&self, name: &str) -> Result<Self, KeyError> {
        Self::new(name, self.bytes)
    }

    /// `SHA256:…` as OpenSSH prints it for the same key, whatever its name.
    pub fn fingerprint(&self) -> String {
        let blob = [SSH_PREFIX, &self.bytes].concat();
        format!(
            "SHA256:{}",
            BASE64_NOPAD.encode(&sha2::Sha256::digest(blob))
        )
    }

    /// Whether this is its signature of a message, by the strict rules: points have one
    /// encoding only and no small order, and S is reduced (RFC 8032, section 5.1.7).
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let point = signature.first_chunk::<32>();
        let signature = Signature::from_bytes(signature);
        point.is_some_and(is_canonical)
            && VerifyingKey::from_bytes(&self.bytes)
                .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

/// An `ssh-ed25519` key blob up to the key (RFC 8709).
const SSH_PREFIX: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&vkey(&self.name, ED25519, &self.bytes))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

/// The key of a witness: signs checkpoints together with the time
/// ([tlog-cosignature](https://c2sp.org/tlog-cosignature)).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CosignerKey(PublicKey);

impl CosignerKey {
    /// The key of a witness with the bytes of this one.
    pub const fn new(key: PublicKey) -> Self {
        Self(key)
    }

    /// Parses a vkey of type 0x04.
    ///
    /// # Errors
    /// When the text has another form, hash or type.
    pub fn parse(vkey: &str) -> Result<Self, KeyError> {
        let (name, bytes) = parse_vkey(vkey, COSIGNATURE)?;
        PublicKey::new(name, bytes).map(Self)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its short hash, which cosignatures carry.
    pub fn id(&self) -> [u8; 4] {
        id(&self.0.name, COSIGNATURE, &self.0.bytes)
    }

    /// The same bytes as an ordinary key.
    pub const fn key(&self) -> &PublicKey {
        &self.0
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&vkey(&self.0.name, COSIGNATURE, &self.0.bytes))
    }
}

impl fmt::Debug for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CosignerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

/// A secret key; wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct SecretKey {
    public: PublicKey,
    key: SigningKey,
}

impl SecretKey {
    /// A key from its 32 secret bytes (RFC 8032, section 5.1.5).
    ///
    /// # Errors
    /// On a bad name.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(&Zeroizing::new(seed));
        let public = PublicKey::new(name, key.verifying_key().to_bytes())?;
        Ok(Self { public, key })
    }

    /// Parses `PRIVATE+KEY+<name>+<hash>+<base64>`, as Go's sumdb tools write it.
    ///
    /// # Errors
    /// When the text has another form, hash or type.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text
            .trim()
            .strip_prefix(SECRET_PREFIX)
            .ok_or(KeyError::Form)?;
        let (name, hash, body) = split(rest)?;
        let body = Zeroizing::new(base64::decode(body).ok_or(KeyError::Form)?);
        let seed = typed(&body, ED25519)?;
        let key = Self::from_seed(name, seed)?;
        match key.public.id() == hash {
            true => Ok(key),
            false => Err(KeyError::Hash),
        }
    }

    /// The text that [`SecretKey::parse`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut body = Zeroizing::new(vec![ED25519]);
        body.extend_from_slice(&*Zeroizing::new(self.key.to_bytes()));
        let body = Zeroizing::new(base64::encode(&body));
        let hash = HEXLOWER.encode(&self.public.id());
        Zeroizing::new(format!(
            "{SECRET_PREFIX}{}+{hash}+{}",
            self.public.name, &*body
        ))
    }

    /// Its 32 secret bytes.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// Its public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The same key under another name.
    ///
    /// # Errors
    /// On a bad name.
    pub fn renamed(&self, name: &str) -> Result<Self, KeyError> {
        Ok(Self {
            public: self.public.renamed(name)?,
            key: self.key.clone(),
        })
    }

    /// Its public half as the key of a witness.
    pub fn cosigner(&self) -> CosignerKey {
        CosignerKey::new(self.public.clone())
    }

    /// The signature of a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public)
    }
}

/// Whether the encoded y of a point is below the field's prime, 2^255 - 19.
fn is_canonical(point: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = point;
    *first < 0xed || *last & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

fn id(name: &str, kind: u8, key: &[u8; 32]) -> [u8; 4] {
    let mut hasher = sha2::Sha256::new();
    hasher.update(name);
    hasher.update([b'\n', kind]);
    hasher.update(key);
    let hash = hasher.finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn vkey(name: &str, kind: u8, key: &[u8; 32]) -> String {
    let body = [&[kind], key.as_slice()].concat();
    let hash = HEXLOWER.encode(&id(name, kind, key));
    format!("{name}+{hash}+{}", base64::encode(&body))
}

fn parse_vkey(text: &str, kind: u8) -> Result<(&str, [u8; 32]), KeyError> {
    let (name, hash, body) = split(text)?;
    if !is_key_name(name) {
        return Err(KeyError::Name);
    }
    let body = base64::decode(body).ok_or(KeyError::Form)?;
    let bytes = typed(&body, kind)?;
    match id(name, kind, &bytes) == hash {
        true => Ok((name, bytes)),
        false => Err(KeyError::Hash),
    }
}

/// Name, hash and body; base64 may have a `+`, names and hashes have none.
fn split(text: &str) -> Result<(&str, [u8; 4], &str), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(hash), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Form);
    };
    let hash = HEXLOWER
        .decode(hash.as_bytes())
        .map_err(|_| KeyError::Form)?;
    Ok((name, hash.try_into().map_err(|_| KeyError::Form)?, body))
}

fn typed(body: &[u8], kind: u8) -> Result<[u8; 32], KeyError> {
    match body.split_first() {
        Some((found, key)) if *found == kind => key.try_into().map_err(|_| KeyError::Form),
        Some((found, _)) => Err(KeyError::Type(*found)),
        None => Err(KeyError::Form),
    }
}
