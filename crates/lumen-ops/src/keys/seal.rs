//! A seed under a passphrase: scrypt makes the key, ChaCha20-Poly1305 seals with it.
//!
//! Sealed bytes: cost (log2 of scrypt's N, one byte; r is 8, p is 1), salt (16),
//! nonce (12), ciphertext and tag (48). The public key is authenticated with them, so
//! that a sealed seed cannot be moved under another key's name.

use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use zeroize::Zeroizing;

use lumen_core::limits::MAX_KEY_COST;

use crate::error::KeysError;

/// 128 MiB of memory and about half a second, as OWASP asks of scrypt at the least.
const COST: u8 = 17;
const SALT: usize = 16;
const NONCE: usize = 12;
/// A seed and the tag of 16 bytes.
const SEALED: usize = 32 + 16;

/// Fills a buffer from the system's randomness.
///
/// # Errors
/// When the system has none.
pub fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeysError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|error| KeysError::Random(error.to_string()))?;
    Ok(bytes)
}

/// Seals a seed.
///
/// # Errors
/// When the system has no random bytes.
pub fn seal(passphrase: &str, seed: &[u8; 32], public: &str) -> Result<Vec<u8>, KeysError> {
    let (salt, nonce) = (random::<SALT>()?, random::<NONCE>()?);
    let cipher = cipher(passphrase, &*salt, COST)
        .ok_or_else(|| KeysError::Random("scrypt refuses its parameters".into()))?;
    let payload = Payload {
        msg: seed,
        aad: public.as_bytes(),
    };
    let sealed = cipher
        .encrypt(&Nonce::from(*nonce), payload)
        .map_err(|error| KeysError::Random(error.to_string()))?;
    let mut out = vec![COST];
    out.extend_from_slice(&*salt);
    out.extend_from_slice(&*nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Whether bytes have the form of a sealed seed.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.len() == 1 + SALT + NONCE + SEALED
        && bytes
            .first()
            .is_some_and(|cost| (1..=MAX_KEY_COST).contains(cost))
}

/// Opens a sealed seed; `None` when the passphrase or the bytes are wrong.
pub fn open(passphrase: &str, bytes: &[u8], public: &str) -> Option<Zeroizing<[u8; 32]>> {
    if !is_sealed(bytes) {
        return None;
    }
    let (cost, rest) = bytes.split_first()?;
    let (salt, rest) = rest.split_at_checked(SALT)?;
    let (nonce, sealed) = rest.split_at_checked(NONCE)?;
    let nonce: [u8; NONCE] = nonce.try_into().ok()?;
    let payload = Payload {
        msg: sealed,
        aad: public.as_bytes(),
    };
    let seed = cipher(passphrase, salt, *cost)?
        .decrypt(&Nonce::from(nonce), payload)
        .ok()?;
    let seed = Zeroizing::new(seed);
    Some(Zeroizing::new(seed.as_slice().try_into().ok()?))
}

fn cipher(passphrase: &str, salt: &[u8], cost: u8) -> Option<ChaCha20Poly1305> {
    let params = scrypt::Params::new(cost, 8, 1).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.as_bytes(), salt, &params, &mut *key).ok()?;
    Some(ChaCha20Poly1305::new(&Key::from(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_passphrase_and_the_public_key_open_it() {
        let sealed = seal("correct horse", &[7; 32], "public").unwrap();
        assert_eq!(
            open("correct horse", &sealed, "public").as_deref(),
            Some(&[7; 32])
        );
        assert!(open("wrong horse", &sealed, "public").is_none());
        assert!(open("correct horse", &sealed, "other").is_none());
        assert!(!sealed.windows(8).any(|part| part == [7; 8]));
        let mut greedy = sealed.clone();
        greedy[0] = 40;
        assert!(!is_sealed(&greedy) && open("correct horse", &greedy, "public").is_none());
        for end in [0, 1, 30, sealed.len() - 1] {
            assert!(open("correct horse", &sealed[..end], "public").is_none());
        }
    }
}
