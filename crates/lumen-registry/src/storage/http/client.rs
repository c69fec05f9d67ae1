//! Requests and redirects.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{
    Method, Response,
    header::{HeaderMap, LOCATION},
    redirect::Policy,
};
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::{
    HttpOptions,
    retry::{self, Failure},
};
use crate::{
    location::{Credentials, HttpLocation},
    storage::StorageError,
};

const MAX_REDIRECTS: usize = 10;

/// Two HTTP clients, each made when first needed: finding the system's
/// certificates costs time that a plain `http://` registry need not spend.
#[derive(Debug)]
pub(super) struct Client {
    base: Url,
    credentials: Option<Credentials>,
    options: HttpOptions,
    plain: Mutex<Option<reqwest::Client>>,
    tls: Mutex<Option<reqwest::Client>>,
}

impl Client {
    pub(super) fn new(location: &HttpLocation, options: &HttpOptions) -> Self {
        Self {
            base: location.base().clone(),
            credentials: location.credentials().cloned(),
            options: options.clone(),
            plain: Mutex::default(),
            tls: Mutex::default(),
        }
    }

    /// Asks for a file; see [`Client::request`].
    pub(super) async fn get(&self, file: &str, headers: &HeaderMap) -> Result<Response, Failure> {
        self.request(Method::GET, file, headers).await
    }

    /// Sends a request and follows redirects to the final answer, whatever its status.
    pub(super) async fn request(
        &self,
        method: Method,
        file: &str,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        let broken = |reason: &str| {
            Failure::final_(StorageError::Transfer {
                file: file.to_owned(),
                reason: reason.to_owned(),
            })
        };
        let mut url = Url::parse(file).map_err(|error| broken(&error.to_string()))?;
        for _ in 0..=MAX_REDIRECTS {
            let client = self
                .client(url.scheme() == "https")
                .map_err(|error| broken(&retry::root_cause(&error)))?;
            let request = client.request(method.clone(), url.clone());
            let mut request = request.headers(headers.clone());
            if may_see_credentials(&self.base, &url) {
                request = match &self.credentials {
                    Some(Credentials::Basic { user, password }) => {
                        request.basic_auth(user, Some(password))
                    }
                    Some(Credentials::Bearer(token)) => request.bearer_auth(token),
                    None => request,
                };
            }
            let response = request
                .send()
                .await
                .map_err(|error| Failure::again(retry::sending(file, &url, &error)))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let target = response.headers().get(LOCATION);
            let target = target.and_then(|target| target.to_str().ok());
            let mut next = target
                .and_then(|target| url.join(target).ok())
                .ok_or_else(|| broken("the server redirects without saying where to"))?;
            if !matches!(next.scheme(), "http" | "https") {
                return Err(broken("the server redirects to something that is not HTTP"));
            }
            if url.scheme() == "https" && next.scheme() == "http" {
                return Err(broken("the server redirects from HTTPS to plain HTTP"));
            }
            // Credentials come from the user, not from a server. Neither fails on http and https.
            let _ = next.set_username("");
            let _ = next.set_password(None);
            url = next;
        }
        Err(broken(&format!(
            "the server redirects more than {MAX_REDIRECTS} times"
        )))
    }

    fn client(&self, tls: bool) -> Result<reqwest::Client, reqwest::Error> {
        let slot = if tls { &self.tls } else { &self.plain };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("lumen/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.options.connect_timeout)
            .read_timeout(self.options.read_timeout)
            .pool_max_idle_per_host(self.options.concurrency)
            .redirect(Policy::none())
            .retry(reqwest::retry::never());
        if tls {
            // Fails only when a provider is installed already, which is just as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        } else if let Some(config) = no_tls() {
            builder = builder.tls_backend_preconfigured(config);
        }
        let client = builder.build()?;
        *slot = Some(client.clone());
        Ok(client)
    }
}

/// A TLS configuration that trusts nobody, for a client that only speaks plain HTTP.
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

/// Whether a URL is on the registry's own host: the same origin, or the same host after an upgrade to HTTPS.
fn may_see_credentials(base: &Url, url: &Url) -> bool {
    let upgraded = base.scheme() == "http"
        && url.scheme() == "https"
        && base.port().is_none()
        && url.port().is_none();
    base.host() == url.host() && (base.origin() == url.origin() || upgraded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_on_their_host() {
        for (base, url, expected) in [
            ("https://h/x/", "https://h/y", true),
            ("https://h/", "https://h:443/", true),
            ("http://h/", "https://h/", true),
            ("https://h/", "http://h/", false),
            ("http://h:81/", "https://h/", false),
            ("http://h:81/", "http://h:82/", false),
            ("https://h/", "https://h.evil/", false),
            ("https://a.h/", "https://h/", false),
        ] {
            let [base, url] = [base, url].map(|text| Url::parse(text).unwrap());
            assert_eq!(may_see_credentials(&base, &url), expected, "{base} {url}");
        }
    }
}
