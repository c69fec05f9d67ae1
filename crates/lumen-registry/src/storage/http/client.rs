//! Requests and redirects.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use reqwest::{
    ClientBuilder, Method, Response, StatusCode,
    header::{HeaderMap, LOCATION},
    redirect::Policy,
};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;
use url::Url;

use super::{
    HttpOptions,
    retry::{self, Failure},
};
use crate::{
    location::{Credentials, HttpLocation},
    login::{Login, LoginError, LoginHelper},
    storage::{HostOptions, StorageError},
};

const MAX_REDIRECTS: usize = 10;

/// Two HTTP clients, each made when first needed: finding the system's
/// certificates costs time that a plain `http://` registry need not spend.
#[derive(Debug)]
pub(super) struct Client {
    base: Url,
    /// What the location says to show.
    login: Option<Login>,
    helper: Option<Arc<dyn LoginHelper>>,
    /// What the helper said, once it was asked.
    found: OnceCell<Result<Option<Login>, LoginError>>,
    was_told: AtomicBool,
    options: HttpOptions,
    plain: Mutex<Option<reqwest::Client>>,
    tls: Mutex<Option<reqwest::Client>>,
}

/// The answer after all redirects.
struct Final {
    response: Response,
    /// Whether the registry's own host gave it, which may see credentials.
    is_home: bool,
}

impl Client {
    pub(super) fn new(location: &HttpLocation, host: &HostOptions) -> Self {
        Self {
            base: location.base().clone(),
            login: location.login().cloned(),
            helper: host.helper.clone(),
            found: OnceCell::new(),
            was_told: AtomicBool::new(false),
            options: host.http.clone(),
            plain: Mutex::default(),
            tls: Mutex::default(),
        }
    }

    /// Asks for a file; see [`Client::request`]. That credentials are refused is an error.
    pub(super) async fn get(&self, file: &str, headers: &HeaderMap) -> Result<Response, Failure> {
        match self.show(Method::GET, file, headers).await? {
            (response, None) => Ok(response),
            (response, Some(refused)) => Err(Failure::final_(StorageError::Refused {
                file: file.to_owned(),
                status: response.status().as_u16(),
                origin: refused.origin.clone(),
            })),
        }
    }

    /// Sends a request and follows redirects to the final answer, whatever its status. A helper
    /// is asked for credentials when the server wants some.
    pub(super) async fn request(
        &self,
        method: Method,
        file: &str,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        Ok(self.show(method, file, headers).await?.0)
    }

    /// The final answer, and the credentials that were refused with it.
    async fn show(
        &self,
        method: Method,
        file: &str,
        headers: &HeaderMap,
    ) -> Result<(Response, Option<&Login>), Failure> {
        let known = self.login.as_ref().or_else(|| self.found());
        let request = (method, file, headers);
        let first = self.follow(&request, known).await?;
        if !first.is_denied() {
            return Ok((first.response, None));
        }
        let (last, login) = match known {
            Some(login) => (first, login),
            None => match self.ask().await? {
                Some(login) => (self.follow(&request, Some(login)).await?, login),
                None => return Ok((first.response, None)),
            },
        };
        if !last.is_denied() {
            return Ok((last.response, None));
        }
        self.tell_refused().await;
        Ok((last.response, Some(login)))
    }

    /// What the helper knows; it is asked once.
    async fn ask(&self) -> Result<Option<&Login>, Failure> {
        let Some(helper) = &self.helper else {
            return Ok(None);
        };
        let ask = || async {
            let helper = Arc::clone(helper);
            let asked = tokio::task::spawn_blocking(move || helper.login());
            asked.await.unwrap_or_else(|error| {
                Err(LoginError {
                    helper: "the credential helper".into(),
                    reason: format!("could not be asked: {error}"),
                })
            })
        };
        match self.found.get_or_init(ask).await {
            Ok(login) => Ok(login.as_ref()),
            Err(error) => Err(Failure::final_(error.clone().into())),
        }
    }

    fn found(&self) -> Option<&Login> {
        self.found.get()?.as_ref().ok()?.as_ref()
    }

    /// Tells the helper, once, that what it said is of no use.
    async fn tell_refused(&self) {
        let login = self.found().cloned();
        if let (Some(login), Some(helper)) = (login, self.helper.clone())
            && !self.was_told.swap(true, Ordering::Relaxed)
        {
            // Whether it listens changes nothing for us.
            let _ = tokio::task::spawn_blocking(move || helper.refused(&login)).await;
        }
    }

    async fn follow(
        &self,
        (method, file, headers): &(Method, &str, &HeaderMap),
        login: Option<&Login>,
    ) -> Result<Final, Failure> {
        let broken = |reason: &str| {
            Failure::final_(StorageError::Transfer {
                file: (*file).to_owned(),
                reason: reason.to_owned(),
            })
        };
        let mut url = Url::parse(file).map_err(|error| broken(&error.to_string()))?;
        for _ in 0..=MAX_REDIRECTS {
            let client = self
                .client(url.scheme() == "https")
                .map_err(|error| broken(&retry::root_cause(&error)))?;
            let request = client.request(method.clone(), url.clone());
            let mut request = request.headers((*headers).clone());
            let is_home = may_see_credentials(&self.base, &url);
            if is_home {
                request = match login.map(|login| &login.credentials) {
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
                return Ok(Final { response, is_home });
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
        let client = builder(&self.options, tls).build()?;
        *slot = Some(client.clone());
        Ok(client)
    }
}

impl Final {
    /// Whether the registry's own host wants other credentials, or some.
    fn is_denied(&self) -> bool {
        let denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        self.is_home && denied.contains(&self.response.status())
    }
}

/// A client that tries once, follows no redirect, and has the patience of the options.
pub(in crate::storage) fn builder(options: &HttpOptions, tls: bool) -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("lumen/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        .pool_max_idle_per_host(options.concurrency)
        .redirect(Policy::none())
        .retry(reqwest::retry::never());
    if tls {
        // Fails only when a provider is installed already, which is just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        return builder;
    }
    match no_tls() {
        Some(config) => builder.tls_backend_preconfigured(config),
        None => builder,
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
