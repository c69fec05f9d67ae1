//! The keys of the user, and what the user should know about those that are used.

use std::{path::PathBuf, sync::Arc};

use lumen_core::{problem::Problem, signing::PublicKey};
use lumen_registry::signer::Signer;

use super::Session;
use crate::{error::OpsError, keys};

impl Session<'_> {
    /// The user's key: from the environment, or the default one.
    ///
    /// # Errors
    /// When there is none, or it cannot be unlocked.
    pub fn signer(&self) -> Result<Arc<dyn Signer>, OpsError> {
        keys::signer(&self.context.environment, &|problem| self.tell(problem))
    }

    /// As [`Session::signer`]; nothing where there is no key.
    ///
    /// # Errors
    /// When it cannot be unlocked.
    pub fn signer_if_any(&self) -> Result<Option<Arc<dyn Signer>>, OpsError> {
        keys::signer_if_any(&self.context.environment, &|problem| self.tell(problem))
    }

    /// As [`Session::signer`]; makes a first key when there is none and says where it is.
    ///
    /// # Errors
    /// As [`Session::signer`], and when a key cannot be made.
    pub fn signer_or_new(&self) -> Result<(Arc<dyn Signer>, Option<PathBuf>), OpsError> {
        keys::signer_or_new(&self.context.environment, &|problem| self.tell(problem))
    }

    /// The public half of the user's key, without unlocking it.
    ///
    /// # Errors
    /// When there is no key.
    pub fn public_key(&self) -> Result<PublicKey, OpsError> {
        keys::public(&self.context.environment, &|problem| self.tell(problem))
    }

    /// The public half of the user's key of this name.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn own_key(&self, name: &str) -> Result<PublicKey, OpsError> {
        keys::named(&self.context.environment, Some(name), &|problem| {
            self.tell(problem)
        })
    }

    /// The user's key with this public half, if there is one and it can be unlocked.
    ///
    /// # Errors
    /// When the folder of keys cannot be read.
    pub(crate) fn signer_of(&self, key: &PublicKey) -> Result<Option<Arc<dyn Signer>>, OpsError> {
        keys::signer_of(&self.context.environment, key, &|problem| {
            self.tell(problem)
        })
    }

    fn tell(&self, problem: Problem) {
        self.warn(&[problem]);
    }
}
