//! Unencrypted Ed25519 private keys in OpenSSH's own format
//! ([PROTOCOL.key](https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.key)), and the
//! length-prefixed fields that SSH's formats share.

use lumen_core::base64;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";
/// The type of the only keys Lumen uses.
pub const ED25519: &[u8] = b"ssh-ed25519";

/// Whether a text claims to be an OpenSSH private key.
pub fn claims(text: &str) -> bool {
    text.trim_start().starts_with(BEGIN)
}

/// The seed of an unencrypted Ed25519 key. The error never quotes the text.
///
/// # Errors
/// What is wrong with it.
pub fn seed(text: &str) -> Result<Zeroizing<[u8; 32]>, &'static str> {
    const BROKEN: &str = "it is not a whole OpenSSH private key";
    let body = text.trim().strip_prefix(BEGIN);
    let body = body.and_then(|text| text.strip_suffix(END)).ok_or(BROKEN)?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    let bytes = Zeroizing::new(base64::decode(&body).ok_or(BROKEN)?);
    let mut fields = Fields(bytes.strip_prefix(MAGIC).ok_or(BROKEN)?);
    let cipher = fields.bytes().ok_or(BROKEN)?;
    let (_kdf, _options) = (fields.bytes().ok_or(BROKEN)?, fields.bytes().ok_or(BROKEN)?);
    if cipher != b"none" {
        return Err("it has a passphrase; use it through the ssh-agent instead");
    }
    if fields.number() != Some(1) {
        return Err("it does not hold one key");
    }
    let mut public = Fields(fields.bytes().ok_or(BROKEN)?);
    if public.bytes() != Some(ED25519) {
        return Err("it is not of type ssh-ed25519");
    }
    let public = public.bytes().ok_or(BROKEN)?;
    let mut private = Fields(fields.bytes().ok_or(BROKEN)?);
    let checks = (private.number(), private.number());
    let kind = private.bytes();
    let again = private.bytes();
    let pair = private.bytes().filter(|pair| pair.len() == 64);
    if checks.0.is_none() || checks.0 != checks.1 || kind != Some(ED25519) || again != Some(public)
    {
        return Err(BROKEN);
    }
    let (seed, last) = pair
        .and_then(|pair| pair.split_at_checked(32))
        .ok_or(BROKEN)?;
    if last != public {
        return Err(BROKEN);
    }
    Ok(Zeroizing::new(seed.try_into().map_err(|_| BROKEN)?))
}

/// Reads the fields of an SSH message one after the other.
pub struct Fields<'b>(pub &'b [u8]);

impl<'b> Fields<'b> {
    /// Four bytes, the highest first.
    pub fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    /// A length and so many bytes.
    pub fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

/// Adds a field that [`Fields::bytes`] reads.
pub fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An OpenSSH private key file, as ssh-keygen writes it.
    pub fn file(seed: [u8; 32], cipher: &[u8]) -> String {
        let public = *lumen_core::signing::SecretKey::from_seed("x", seed)
            .unwrap()
            .public()
            .bytes();
        let mut blob = Vec::new();
        put(&mut blob, ED25519);
        put(&mut blob, &public);
        let mut private = vec![1, 2, 3, 4, 1, 2, 3, 4];
        put(&mut private, ED25519);
        put(&mut private, &public);
        put(&mut private, &[seed, public].concat());
        put(&mut private, b"user@host");
        let mut out = MAGIC.to_vec();
        for field in [cipher, b"none", b""] {
            put(&mut out, field);
        }
        out.extend_from_slice(&1_u32.to_be_bytes());
        put(&mut out, &blob);
        put(&mut out, &private);
        format!("{BEGIN}\n{}\n{END}\n", base64::encode(&out))
    }

    #[test]
    fn seeds_are_read_and_bad_files_refused() {
        let good = file([9; 32], b"none");
        assert_eq!(*seed(&good).unwrap(), [9; 32]);
        assert!(
            seed(&file([9; 32], b"aes256-ctr"))
                .unwrap_err()
                .contains("ssh-agent")
        );
        for end in 0..good.len() - 2 {
            assert!(seed(&good[..end]).is_err(), "{end}");
        }
    }
}
