//! Downloads of artifacts: as they are stored, with what is missing asked for again.

use std::time::Instant;

use lumen_core::Key;
use reqwest::{
    Response, StatusCode,
    header::{ACCEPT_ENCODING, HeaderMap, RANGE},
};

use super::{
    HttpStorage, IDENTITY, PROGRESS,
    body::{Body, Coding},
    coding_of, headers,
    line::Failure,
    pace::Clock,
};
use crate::storage::{Sink, StorageError};

/// How far a download got.
#[derive(Debug, Default)]
struct Download {
    clock: Clock,
    /// Bytes handed on.
    received: u64,
    /// Whether the rest cannot be asked for: the server compresses the file although it was
    /// asked not to, or did not answer a range with its bytes. Then the whole file is asked for
    /// again, and what was handed on is skipped.
    no_ranges: bool,
}

impl HttpStorage {
    pub(in crate::storage) async fn read_to(
        &self,
        key: &Key,
        limit: u64,
        out: Sink<'_>,
    ) -> Result<Option<u64>, StorageError> {
        let file = self.inner.location.url(key.as_str());
        let mut tries = self.tries(&file);
        let mut download = Download::default();
        loop {
            let (before, no_ranges) = (download.received, download.no_ranges);
            let reading = self.read_once(&file, limit, &mut download, out);
            let failure = match tries.once(reading).await {
                Ok(found) => return Ok(found.then_some(download.received)),
                Err(failure) => failure,
            };
            // Asking for the whole file is another question, and happens once.
            if download.received - before >= PROGRESS || download.no_ranges != no_ranges {
                tries.begin_again(&self.inner.options);
            }
            tries.wait(failure).await?;
        }
    }

    /// Appends what is still missing to `out`; `false` when there is no such file.
    ///
    /// Asks for the file as it is stored, which has ranges and the announced size.
    async fn read_once(
        &self,
        file: &str,
        limit: u64,
        download: &mut Download,
        out: Sink<'_>,
    ) -> Result<bool, Failure> {
        let mut headers = HeaderMap::from_iter([(ACCEPT_ENCODING, IDENTITY)]);
        let asks_range = download.received > 0 && !download.no_ranges;
        if asks_range {
            headers.insert(RANGE, headers::range_from(download.received));
        }
        let _permit = self.permit().await;
        self.count_request()?;
        let start = Instant::now();
        let response = self.inner.client.get(file, &headers).await;
        download.clock.wait(start.elapsed(), &self.inner.traffic);
        let late = download.clock.check(&self.inner.options.limits);
        late.map_err(|exceeded| Failure::final_(exceeded.into()))?;
        let response = response?;
        let coding = stored_coding(file, limit, &response)?;
        // An answer of a server that compresses anyway has another length than the file.
        download.no_ranges |= coding != Coding::Identity;
        let range = headers::range(response.headers());
        // The file is content-addressed: a server without ranges sends the same bytes again.
        let mut skip = match response.status() {
            StatusCode::OK => download.received,
            StatusCode::PARTIAL_CONTENT
                if !download.no_ranges
                    && range.is_some_and(|range| range.start == download.received) =>
            {
                0
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if asks_range => {
                download.no_ranges = true;
                return Err(Failure::again(self.refusal(file, &response).error));
            }
            StatusCode::NOT_FOUND | StatusCode::GONE if download.received == 0 => return Ok(false),
            _ => return Err(self.refusal(file, &response)),
        };
        let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
        let allowed = limit - download.received + skip;
        let body = Body::new(response, coding, allowed, self.pace(&download.clock));
        let read = body.read(|chunk| {
            let known = usize::try_from(skip).map_or(chunk.len(), |skip| skip.min(chunk.len()));
            skip -= known as u64;
            out.write_all(&chunk[known..])?;
            download.received += (chunk.len() - known) as u64;
            Ok(())
        });
        read.await.map_err(|stop| stop.failure(file, limit))?;
        let again = |reason: &str| {
            Failure::again(StorageError::Transfer {
                file: file.to_owned(),
                reason: reason.into(),
            })
        };
        if skip > 0 {
            return Err(again("the file became shorter while it was read"));
        }
        let whole = range.and_then(|range| range.whole);
        if is_part && whole.is_some_and(|whole| download.received < whole) {
            download.no_ranges = true;
            return Err(again("the server sent less than the rest of the file"));
        }
        Ok(true)
    }
}

/// The compression that an answer has on top of the file as it is stored, of which at most
/// `limit` bytes may come: an artifact's size.
fn stored_coding(file: &str, limit: u64, response: &Response) -> Result<Coding, Failure> {
    let found = coding_of(file, response)?;
    // Servers take the end of a name, or the first bytes, for a way to send the file. Then the
    // header says how the file is stored, and the answer has the file's own length.
    let is_file = match found {
        Coding::Zstd if file.ends_with(".zst") => true,
        _ => response.content_length() == Some(limit),
    };
    Ok(if is_file { Coding::Identity } else { found })
}
