//! Requests and redirects.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use reqwest::{
    Method, Response, StatusCode,
    header::{HeaderMap, LOCATION},
};
use tokio::sync::OnceCell;
use url::Url;

use lumen_core::limits::MAX_REDIRECTS;

use super::{
    HttpOptions,
    connect::Clients,
    line::Failure,
    retry,
    zone::{TooFarInside, Zone},
};
use crate::{
    activity::Activity,
    audience::Audience,
    location::HttpLocation,
    login::{Credentials, Login, LoginError, LoginHelper},
    storage::{HostOptions, StorageError, bound::REDIRECTS},
};

/// The client of a registry's web server.
#[derive(Debug)]
pub(super) struct Client {
    /// The registry's own host.
    home: Audience,
    /// The credentials of the location.
    login: Option<Login>,
    helper: Option<Arc<dyn LoginHelper>>,
    /// The answer of the helper, once it was asked.
    found: OnceCell<Result<Option<Login>, LoginError>>,
    was_told: AtomicBool,
    options: HttpOptions,
    clients: Clients,
    activity: Activity,
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
            home: Audience::Origin(location.base().clone()),
            login: location.login().cloned(),
            helper: host.helper.clone(),
            found: OnceCell::new(),
            was_told: AtomicBool::new(false),
            options: host.http.clone(),
            clients: Clients::new(&host.http),
            activity: host.activity.clone(),
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

    /// Sends `HEAD` for a file. The answer may have any status.
    pub(super) async fn head(&self, file: &str) -> Result<Response, Failure> {
        self.request(Method::HEAD, file, &HeaderMap::new()).await
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
        let first = self.follow_in_time(&request, known).await?;
        if !first.is_denied() {
            return Ok((first.response, None));
        }
        let (last, login) = match known {
            Some(login) => (first, login),
            None => match self.ask().await? {
                Some(login) => (self.follow_in_time(&request, Some(login)).await?, login),
                None => return Ok((first.response, None)),
            },
        };
        if !last.is_denied() {
            return Ok((last.response, None));
        }
        self.tell_refused().await;
        Ok((last.response, Some(login)))
    }

    /// The login of the helper; it is asked once.
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

    /// Tells the helper, once, that the server refused its login.
    async fn tell_refused(&self) {
        let login = self.found().cloned();
        if let (Some(login), Some(helper)) = (login, self.helper.clone())
            && !self.was_told.swap(true, Ordering::Relaxed)
        {
            // Whether it listens changes nothing for us.
            let _ = tokio::task::spawn_blocking(move || helper.refused(&login)).await;
        }
    }

    /// All hops together have the time of one connection and one answer.
    async fn follow_in_time(
        &self,
        request: &(Method, &str, &HeaderMap),
        login: Option<&Login>,
    ) -> Result<Final, Failure> {
        let patience = self.options.connect_timeout + self.options.read_timeout;
        let answer = tokio::time::timeout(patience, self.follow(request, login)).await;
        answer.unwrap_or_else(|_| {
            Err(Failure::again(StorageError::Transfer {
                file: request.1.to_owned(),
                reason: retry::SILENT.into(),
            }))
        })
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
        // Where the user or a project says is where they say; where a server says is not.
        let mut limit = Zone::Machine;
        for _ in 0..=MAX_REDIRECTS {
            let inward = || {
                Failure::final_(StorageError::Inward {
                    file: (*file).to_owned(),
                    host: url.host_str().unwrap_or_default().to_owned(),
                })
            };
            if Zone::of_literal(&url).is_some_and(|zone| zone > limit) {
                return Err(inward());
            }
            let is_proxied = self.clients.is_proxied(&url);
            // A proxy is the user's, wherever it is, and it resolves the name.
            let within = if is_proxied { Zone::Machine } else { limit };
            let client = self.clients.get_within(url.scheme() == "https", within);
            let client = client.map_err(Failure::final_)?;
            let request = client.request(method.clone(), url.clone());
            let mut request = request.headers((*headers).clone());
            let is_home = self.home.admits(&url);
            let login = login.filter(|login| login.audience.admits(&url));
            if let Some(Login {
                credentials: Credentials::Bearer(token),
                origin,
                ..
            }) = login
                && token.contains(|c: char| c.is_control())
            {
                return Err(broken(&format!(
                    "the token of {origin} has a line break or another control character in it"
                )));
            }
            request = match login.map(|login| &login.credentials) {
                Some(Credentials::Basic { user, password }) => {
                    request.basic_auth(user, Some(password))
                }
                Some(Credentials::Bearer(token)) => request.bearer_auth(token),
                None => request,
            };
            let host = host_of(&url);
            // The query that a server leads to may have a signature in it.
            let shown = url.as_str().split('?').next().unwrap_or_default();
            let mut told = self.activity.ask(method.as_str(), shown, &host);
            let response = request.send().await.map_err(|error| {
                match retry::caused_by::<TooFarInside>(&error) {
                    Some(_) => inward(),
                    None => retry::sending(file, &url, &error),
                }
            })?;
            told.answered(response.status().as_u16());
            drop(told);
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(Final { response, is_home });
            }
            limit = limit.min(Zone::of_peer(&url, response.remote_addr(), is_proxied));
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
        Err(broken(&format!("{REDIRECTS}{MAX_REDIRECTS} times")))
    }
}

impl Final {
    /// Whether the registry's own host wants other credentials, or some.
    fn is_denied(&self) -> bool {
        let denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        self.is_home && denied.contains(&self.response.status())
    }
}

/// What a host is called: its name, and the port where that is not the usual one.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
