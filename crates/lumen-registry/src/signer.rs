//! Whatever can sign: a key at hand or an agent.

use lumen_core::signing::{PublicKey, SecretKey};

/// Something that signs with one Ed25519 key.
pub trait Signer: std::fmt::Debug + Send + Sync {
    /// The key that verifies its signatures.
    fn public(&self) -> &PublicKey;

    /// Signs a message.
    ///
    /// # Errors
    /// When the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign with `{key}`: {reason}")]
pub struct SignError {
    /// The name of the key.
    pub key: String,
    /// What happened.
    pub reason: String,
}

impl Signer for SecretKey {
    fn public(&self) -> &PublicKey {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.sign(message))
    }
}
