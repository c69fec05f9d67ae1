//! Requests whose whole answer matters, for checks of a server.

use std::collections::BTreeMap;

use reqwest::{
    Method, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use url::Url;

use super::{HttpStorage, line::Failure, retry};
use crate::storage::StorageError;

/// The unchanged answer of a server.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Whether it came over HTTP/2 or later.
    pub is_http2: bool,
    /// Where it came from: another address than the one asked after a redirect.
    pub url: Url,
    /// Names in lower case; values of the same name with commas between them.
    pub headers: BTreeMap<String, String>,
    /// The first bytes of the body, not decoded.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    async fn of(mut response: Response, limit: usize) -> Result<Self, reqwest::Error> {
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in response.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            let all = headers.entry(name.as_str().to_owned()).or_default();
            if !all.is_empty() {
                all.push_str(", ");
            }
            all.push_str(&value);
        }
        let mut answer = Self {
            status: response.status().as_u16(),
            is_http2: response.version() >= reqwest::Version::HTTP_2,
            url: response.url().clone(),
            headers,
            body: Vec::new(),
        };
        while answer.body.len() < limit
            && let Some(chunk) = response.chunk().await?
        {
            let wanted = (limit - answer.body.len()).min(chunk.len());
            answer.body.extend_from_slice(&chunk[..wanted]);
        }
        Ok(answer)
    }
}

impl HttpStorage {
    /// Asks the server for a path in the registry and returns its answer, whatever it is, with
    /// the first `limit` bytes of the body. Headers that cannot be sent are left out.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        limit: usize,
    ) -> Result<Answer, StorageError> {
        let file = self.inner.location.url(path);
        let header = |(name, value): &(&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        };
        let headers: HeaderMap = headers.iter().filter_map(header).collect();
        let mut tries = self.tries(&file);
        loop {
            let asking = self.ask_once(method.clone(), &file, &headers, limit);
            match tries.once(asking).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    async fn ask_once(
        &self,
        method: Method,
        file: &str,
        headers: &HeaderMap,
        limit: usize,
    ) -> Result<Answer, Failure> {
        let _permit = self.permit().await;
        self.count_request()?;
        let response = self.inner.client.request(method, file, headers).await?;
        let patience = self.inner.options.read_timeout;
        match tokio::time::timeout(patience, Answer::of(response, limit)).await {
            Ok(answer) => answer.map_err(|error| Failure::again(retry::transfer(file, &error))),
            Err(_) => Err(Failure::again(StorageError::Transfer {
                file: file.to_owned(),
                reason: retry::SILENT.to_owned(),
            })),
        }
    }
}
