//! Clients: certificates, proxies, patience.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, redirect::Policy};
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::{
    HttpOptions, retry,
    zone::{self, Guard, Zone},
};
use crate::{storage::StorageError, tls};

/// HTTP clients, each made when first needed: finding the system's certificates costs time
/// that a plain `http://` registry need not spend.
#[derive(Debug)]
pub(in crate::storage) struct Clients {
    options: HttpOptions,
    /// By whether it speaks TLS, and which zone it connects to at most.
    made: Mutex<HashMap<(bool, Zone), reqwest::Client>>,
    proxies: Matcher,
}

impl Clients {
    pub(in crate::storage) fn new(options: &HttpOptions) -> Self {
        Self {
            options: options.clone(),
            made: Mutex::default(),
            // As the clients themselves look for proxies.
            proxies: options.proxies.matcher(),
        }
    }

    /// The client that speaks TLS, or the one for plain HTTP; it connects anywhere.
    pub(in crate::storage) fn get(&self, tls: bool) -> Result<reqwest::Client, StorageError> {
        self.get_within(tls, Zone::Machine)
    }

    /// The same, for names that must not lead further inside than this.
    pub(super) fn get_within(
        &self,
        tls: bool,
        limit: Zone,
    ) -> Result<reqwest::Client, StorageError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&(tls, limit)) {
            return Ok(client.clone());
        }
        let builder = builder(&self.options, tls)?;
        let builder = match limit {
            Zone::Machine => builder,
            limit => builder.dns_resolver(Arc::new(Guard(limit))),
        };
        // Nothing but the certificates can be wrong with a client.
        let client = builder.build().map_err(|error| StorageError::Authorities {
            reason: format!("cannot be used: {}", retry::root_cause(&error)),
        })?;
        made.insert((tls, limit), client.clone());
        Ok(client)
    }

    /// Whether a request to this URL goes through a proxy.
    pub(super) fn is_proxied(&self, url: &Url) -> bool {
        zone::is_proxied(&self.proxies, url)
    }
}

/// A client that tries once, follows no redirect, and has the patience of the options.
fn builder(options: &HttpOptions, tls: bool) -> Result<ClientBuilder, StorageError> {
    let client = reqwest::Client::builder();
    let mut builder = options
        .proxies
        .give(client)
        .user_agent(concat!("lumen/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        .pool_max_idle_per_host(options.concurrency)
        .redirect(Policy::none())
        .retry(reqwest::retry::never());
    if tls || options.proxies.need_tls() {
        // Fails only when a provider is installed already, which is just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if let Some(file) = &options.ca_file {
            builder = builder.tls_certs_merge(tls::certificates(file)?);
        }
    } else if let Some(config) = no_tls() {
        builder = builder.tls_backend_preconfigured(config);
    }
    Ok(builder)
}

/// A TLS configuration that trusts no authority, for a client that only speaks plain HTTP.
fn no_tls() -> Option<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?;
    Some(
        builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    )
}
