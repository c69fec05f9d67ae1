//! How the requests of `object_store` get to the host, and the parts of answers that it hides.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture};
use lumen_durable::fault;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use url::Url;

use lumen_core::limits::{Exceeded, MAX_OBJECT_ANSWER_BYTES, SLOWEST_UPLOAD};

use crate::{
    activity::Activity,
    audience::Audience,
    storage::{
        HostOptions,
        bound::{ANSWER, SILENT},
        http::{Clients, HttpOptions, retry_after, root_cause},
        requests::Requests,
    },
};

/// Largest reading time that the client itself knows of; the real limits are watched here.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Follows one request through `object_store`, which drops most details of a failure.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    /// Whether the body of a good answer is handed on as it comes.
    streams: bool,
    seen: Arc<Mutex<Seen>>,
}

/// The result of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The status, if there was an answer.
    pub(super) status: Option<u16>,
    /// How long the host asks to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// The host's own error code.
    pub(super) code: Option<String>,
    /// The region the bucket is in, where the host says that it is another one.
    pub(super) region: Option<String>,
    /// Why there was no answer, and whether there was not even a connection.
    pub(super) failure: Option<(bool, String)>,
    /// That there were more requests than may be.
    pub(super) exceeded: Option<Exceeded>,
}

impl Trace {
    /// For a request whose answer is read piece by piece.
    pub(super) fn streaming() -> Self {
        Self {
            streams: true,
            ..Self::default()
        }
    }

    /// The results so far.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives `object_store` clients that are set up like all others, and made when first needed.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clients: Clients,
    activity: Activity,
    /// Longest wait for the next bytes.
    silence: Duration,
    /// The URLs that may receive credentials.
    audiences: Vec<Audience>,
    requests: Arc<Requests>,
}

impl Connector {
    /// Clients that send credentials only to these audiences.
    pub(super) fn new(
        options: &HostOptions,
        audiences: Vec<Audience>,
        requests: &Arc<Requests>,
    ) -> Self {
        let activity = options.activity.clone();
        let options = &options.http;
        let clients = Clients::new(&HttpOptions {
            // It would count the time of an upload, however long that is.
            read_timeout: FOR_EVER,
            ..options.clone()
        });
        let shared = Shared {
            silence: options.read_timeout,
            clients,
            activity,
            audiences,
            requests: Arc::clone(requests),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Refuses to send credentials to any other host than theirs. The address follows from
    /// names that were checked, so this is a second, independent check.
    fn check_audience(&self, request: &HttpRequest) -> Result<(), HttpError> {
        let url = Url::parse(&request.uri().to_string()).map_err(other)?;
        let admitted = self.shared.audiences.iter().any(|own| own.admits(&url));
        if admitted || !has_credentials(request.headers(), &url) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        Err(other(io::Error::other(format!(
            "credentials are not sent to `{host}`, which is not the host of the bucket"
        ))))
    }

    async fn send(&self, request: HttpRequest, trace: &Trace) -> Result<HttpResponse, HttpError> {
        let tls = request.uri().scheme_str() != Some("http");
        self.check_audience(&request)?;
        let host = request.uri().host().unwrap_or_default();
        if let Err(exceeded) = self.shared.requests.count(host) {
            trace.lock().exceeded = Some(exceeded.clone());
            return Err(other(exceeded));
        }
        let client = self.shared.clients.get(tls).map_err(other)?;
        let upload = request.body().content_length() as u64 / SLOWEST_UPLOAD;
        let silence = self.shared.silence;
        let patience = silence + Duration::from_secs(upload);
        let uri = request.uri().clone();
        fault::point("request", Path::new(uri.path())).map_err(other)?;
        // A query may have a signature in it.
        let url = format!(
            "{}://{}{}",
            scheme(tls),
            uri.authority().map_or("", |a| a.host()),
            uri.path()
        );
        let method = request.method().clone();
        let host = uri.host().unwrap_or_default();
        let mut told = self.shared.activity.ask(method.as_str(), &url, host);
        let answer = HttpService::call(&client, request);
        let answer = tokio::time::timeout(patience, answer).await;
        let response = answer.map_err(|_| too_late())??;
        told.answered(response.status().as_u16());
        drop(told);
        fault::point("answer", Path::new(uri.path())).map_err(other)?;
        let (parts, body) = response.into_parts();
        self.shared.requests.clock.hear(&parts.headers);
        let good = parts.status.is_success();
        {
            let mut seen = trace.lock();
            seen.status = Some(parts.status.as_u16());
            seen.retry_after = retry_after(&parts.headers);
            seen.region = header(&parts.headers, "x-amz-bucket-region");
            seen.code = header(&parts.headers, "x-ms-error-code").filter(|_| !good);
        }
        if good && trace.streams {
            return Ok(HttpResponse::from_parts(parts, body));
        }
        let body = whole(body, silence).await?;
        if !good {
            let mut seen = trace.lock();
            seen.code = seen.code.take().or_else(|| code_of(&body));
        }
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl HttpService for Connector {
    fn call<'service, 'call>(
        &'service self,
        request: HttpRequest,
    ) -> BoxFuture<'call, Result<HttpResponse, HttpError>>
    where
        'service: 'call,
        Self: 'call,
    {
        async move {
            let trace = request.extensions().get::<Trace>().cloned();
            let trace = trace.unwrap_or_default();
            let answer = self.send(request, &trace).await;
            if let Err(error) = &answer {
                let connecting = error.kind() == HttpErrorKind::Connect;
                trace.lock().failure = Some((connecting, reason(error)));
            }
            answer
        }
        .boxed()
    }
}

/// Why there was no answer, without URLs: they may have signatures in them.
pub(super) fn reason(error: &HttpError) -> String {
    match error.kind() {
        HttpErrorKind::Timeout => SILENT.into(),
        _ => root_cause(error),
    }
}

pub(super) fn too_late() -> HttpError {
    HttpError::new(
        HttpErrorKind::Timeout,
        io::Error::from(io::ErrorKind::TimedOut),
    )
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, error)
}

async fn whole(body: HttpResponseBody, silence: Duration) -> Result<Vec<u8>, HttpError> {
    let mut stream = body.bytes_stream();
    let mut bytes = Vec::new();
    loop {
        let next = tokio::time::timeout(silence, stream.next()).await;
        let Some(chunk) = next.map_err(|_| too_late())? else {
            return Ok(bytes);
        };
        let chunk = chunk?;
        if bytes.len() + chunk.len() > MAX_OBJECT_ANSWER_BYTES {
            return Err(other(io::Error::other(ANSWER)));
        }
        bytes.extend_from_slice(&chunk);
    }
}

/// Whether a request has credentials: in a header, or as a signature in the URL (Azure's SAS).
fn has_credentials(headers: &HeaderMap, url: &Url) -> bool {
    headers.contains_key(AUTHORIZATION)
        || headers.contains_key("x-amz-security-token")
        || url.query_pairs().any(|(name, _)| name == "sig")
}

const fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    is_name(text).then(|| text.to_owned())
}

/// The `Code` of an error document of S3, GCS and Azure.
fn code_of(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    is_name(code).then(|| code.to_owned())
}

/// Whether a text from a server is a name, short and harmless to show.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use lumen_core::limits::Limits;

    use super::*;

    #[test]
    fn codes_of_errors() {
        for (body, expected) in [
            (
                "<?xml?><Error><Code>NoSuchKey</Code><Message>",
                Some("NoSuchKey"),
            ),
            ("<Code></Code>", None),
            ("<Code>a b</Code>", None),
            ("<Code>\u{1b}[2J</Code>", None),
            ("<Code>NoEnd", None),
            ("plain", None),
        ] {
            assert_eq!(code_of(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    fn requests() -> Arc<Requests> {
        Arc::new(Requests::new(Limits::default()))
    }

    #[test]
    fn credentials_go_to_the_host_of_the_bucket_alone() {
        let own = Url::parse("https://minio.example:9000/bucket").unwrap();
        let audiences = vec![Audience::Service("amazonaws.com"), Audience::Origin(own)];
        let connector = Connector::new(&HostOptions::default(), audiences, &requests());
        let token = ("x-amz-security-token", "t");
        for (url, header, expected) in [
            (
                "https://s3.eu-west-1.amazonaws.com/b/x",
                Some(("authorization", "a")),
                true,
            ),
            (
                "https://minio.example:9000/b/x",
                Some(("authorization", "a")),
                true,
            ),
            (
                "https://minio.example/b/x",
                Some(("authorization", "a")),
                false,
            ),
            (
                "https://s3.evil.example/x.amazonaws.com/b",
                Some(token),
                false,
            ),
            ("http://s3.eu-west-1.amazonaws.com/b/x", Some(token), false),
            ("https://account.evil.example/c?sv=1&sig=s", None, false),
            // Nothing secret in it: a public bucket, or asking for a role.
            ("http://169.254.170.2/role", None, true),
        ] {
            let mut request = HttpRequest::new(Vec::new().into());
            *request.uri_mut() = url.parse().unwrap();
            if let Some((name, value)) = header {
                let value = reqwest::header::HeaderValue::from_static(value);
                request.headers_mut().insert(name, value);
            }
            assert_eq!(
                connector.check_audience(&request).is_ok(),
                expected,
                "{url}"
            );
        }
    }
}
