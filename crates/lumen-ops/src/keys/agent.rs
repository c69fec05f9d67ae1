//! Signing through a running ssh-agent, so that the secret never comes here
//! ([draft-ietf-sshm-ssh-agent](https://datatracker.ietf.org/doc/draft-ietf-sshm-ssh-agent/)).

use std::path::PathBuf;

use lumen_core::limits::MAX_AGENT_BYTES;
use lumen_core::signing::PublicKey;
use lumen_registry::signer::{SignError, Signer};

use super::{
    KeysError,
    openssh::{ED25519, Fields, put},
};

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// A key that an ssh-agent holds.
#[derive(Debug)]
pub struct AgentKey {
    socket: PathBuf,
    public: PublicKey,
}

impl AgentKey {
    /// The Ed25519 key with this fingerprint, or the only one when none is given, of the agent
    /// at a socket.
    ///
    /// # Errors
    /// When there is no agent, no such key, or more than one to choose from.
    pub fn find(socket: Option<PathBuf>, fingerprint: Option<&str>) -> Result<Self, KeysError> {
        let socket = socket.ok_or_else(|| agent("is not running: SSH_AUTH_SOCK is not set"))?;
        let answer = ask(&socket, &[REQUEST_IDENTITIES])?;
        let keys = identities(&answer)
            .ok_or_else(|| agent("answered with something else than its keys"))?;
        let mut matching = keys
            .into_iter()
            .filter(|key| fingerprint.is_none_or(|wanted| key.fingerprint() == wanted));
        let first = matching.next();
        let public = match (first, matching.next()) {
            (Some(key), None) => key,
            (Some(_), Some(_)) => return Err(agent("has more than one ssh-ed25519 key")),
            (None, _) if fingerprint.is_some() => {
                return Err(agent("has no ssh-ed25519 key with that fingerprint"));
            }
            (None, _) => return Err(agent("has no ssh-ed25519 key")),
        };
        Ok(Self { socket, public })
    }
}

impl Signer for AgentKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let failed = |reason: String| SignError {
            key: self.public.name().to_owned(),
            reason,
        };
        let mut blob = Vec::new();
        put(&mut blob, ED25519);
        put(&mut blob, self.public.bytes());
        let mut request = vec![SIGN_REQUEST];
        put(&mut request, &blob);
        put(&mut request, message);
        request.extend_from_slice(&0_u32.to_be_bytes());
        let answer = ask(&self.socket, &request).map_err(|error| failed(error.to_string()))?;
        let signature = signature(&answer);
        signature
            .filter(|signature| self.public.verify(message, signature))
            .ok_or_else(|| failed("the ssh-agent refused, or its signature is wrong".into()))
    }
}

/// The Ed25519 keys of an answer, under names that do not depend on comments.
fn identities(answer: &[u8]) -> Option<Vec<PublicKey>> {
    let (kind, rest) = answer.split_first()?;
    let mut fields = Fields(rest);
    if *kind != IDENTITIES_ANSWER {
        return None;
    }
    let mut keys = Vec::new();
    for _ in 0..fields.number()? {
        let mut blob = Fields(fields.bytes()?);
        let _comment = fields.bytes()?;
        if blob.bytes() == Some(ED25519)
            && let Some(bytes) = blob
                .bytes()
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            && let Ok(key) = PublicKey::new(&super::ssh_name(&bytes), bytes)
        {
            keys.push(key);
        }
    }
    Some(keys)
}

fn signature(answer: &[u8]) -> Option<[u8; 64]> {
    let (kind, rest) = answer.split_first()?;
    let mut signature = Fields(Fields(rest).bytes()?);
    if *kind != SIGN_RESPONSE || signature.bytes()? != ED25519 {
        return None;
    }
    signature.bytes()?.try_into().ok()
}

fn agent(reason: &str) -> KeysError {
    KeysError::Agent {
        reason: reason.to_owned(),
    }
}

/// Sends one message and reads the answer to it.
#[cfg(unix)]
fn ask(socket: &std::path::Path, message: &[u8]) -> Result<Vec<u8>, KeysError> {
    use std::{
        io::{Read as _, Write as _},
        os::unix::net::UnixStream,
        time::Duration,
    };
    let talk = || -> std::io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(socket)?;
        // An agent may ask its user to confirm.
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let mut framed = Vec::new();
        put(&mut framed, message);
        stream.write_all(&framed)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > MAX_AGENT_BYTES {
            return Err(std::io::Error::other("its answer is too long"));
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    talk().map_err(|error| agent(&format!("does not answer: {error}")))
}

#[cfg(not(unix))]
fn ask(_: &std::path::Path, _: &[u8]) -> Result<Vec<u8>, KeysError> {
    Err(agent("can be used on Unix only"))
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "helpers of tests may fail the test")]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        os::unix::net::UnixListener,
    };

    use lumen_core::signing::SecretKey;

    use super::*;

    /// Answers every message of one connection each, as an agent with one key.
    fn serve(listener: UnixListener, key: SecretKey, connections: usize) {
        for stream in listener.incoming().take(connections) {
            let mut stream = stream.unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut message = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut message).unwrap();
            let mut blob = Vec::new();
            put(&mut blob, ED25519);
            put(&mut blob, key.public().bytes());
            let mut answer = Vec::new();
            if message[0] == REQUEST_IDENTITIES {
                answer.push(IDENTITIES_ANSWER);
                answer.extend_from_slice(&2_u32.to_be_bytes());
                put(&mut answer, b"\0\0\0\x07ssh-rsa");
                put(&mut answer, b"other");
                put(&mut answer, &blob);
                put(&mut answer, b"comment");
            } else {
                let mut fields = Fields(&message[1..]);
                assert_eq!(fields.bytes(), Some(&blob[..]));
                let mut signature = Vec::new();
                put(&mut signature, ED25519);
                put(&mut signature, &key.sign(fields.bytes().unwrap()));
                answer.push(SIGN_RESPONSE);
                put(&mut answer, &signature);
            }
            let mut framed = Vec::new();
            put(&mut framed, &answer);
            stream.write_all(&framed).unwrap();
        }
    }

    #[test]
    fn an_agent_lists_and_signs() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        let key = SecretKey::from_seed("x", [5; 32]).unwrap();
        let theirs = key.clone();
        let server = std::thread::spawn(move || serve(listener, theirs, 2));
        let listed = identities(&ask(&socket, &[REQUEST_IDENTITIES]).unwrap()).unwrap();
        assert_eq!(listed.len(), 1);
        let public = listed[0].clone();
        assert_eq!(public.bytes(), key.public().bytes());
        let agent = AgentKey { socket, public };
        let signature = agent.sign(b"message").unwrap();
        assert!(key.public().verify(b"message", &signature));
        server.join().unwrap();
        let error = agent.sign(b"message").unwrap_err().to_string();
        assert!(error.contains("does not answer"), "{error}");
    }

    #[test]
    fn hostile_answers_are_refused() {
        for answer in [
            &[][..],
            &[5],
            &[12],
            &[12, 255, 255, 255, 255],
            &[12, 0, 0, 0, 1, 0, 0, 0, 9],
        ] {
            assert!(identities(answer).is_none());
            assert!(signature(answer).is_none());
        }
        assert!(signature(&[14, 0, 0, 0, 0]).is_none());
    }
}
