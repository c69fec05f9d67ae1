//! Bodies: decoded, cut off at their limits, and given up when they come too slowly.

use std::{io, pin::Pin};

use async_compression::{
    futures::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder},
    zstd::DParameter,
};
use futures::{AsyncRead, AsyncReadExt as _, TryStreamExt as _, stream::try_unfold};
use reqwest::{
    Response,
    header::{CONTENT_ENCODING, HeaderMap},
};

use lumen_core::limits::{Exceeded, MAX_CODING_SLACK, MAX_HTTP_WINDOW, MAX_QUOTED};

use super::{
    line::Failure,
    pace::{Late, Pace},
    retry,
};
use crate::storage::StorageError;

/// How a body is compressed (RFC 9110 section 8.4.1, RFC 7932, RFC 8878).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Brotli,
    Gzip,
    Zstd,
}

/// What stands for no compression. The last three are none either: programs that upload to
/// buckets leave them on files, and hosts show them to readers.
const NO_CODINGS: [&str; 5] = ["", "identity", "aws-chunked", "none", "utf-8"];

impl Coding {
    /// The accepted codings where a compressed answer is welcome, the best first.
    pub(super) const ACCEPTED: &str = "zstd, br, gzip";

    /// The coding of an answer; its name when it is none of these.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, String> {
        let mut codings = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            let names = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
            let names = names.split(',').map(|name| name.trim().to_owned());
            codings.extend(names.filter(|name| !NO_CODINGS.contains(&name.as_str())));
        }
        match codings.join(", ").as_str() {
            "" => Ok(Self::Identity),
            "br" => Ok(Self::Brotli),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            other => Err(other.escape_debug().take(MAX_QUOTED).collect()),
        }
    }
}

/// The body of an answer.
pub(super) struct Body {
    coding: Coding,
    /// Bytes of the file that may come.
    limit: u64,
    wire: Wire,
}

/// The bytes from the connection.
struct Wire {
    response: Response,
    pace: Pace,
    /// Bytes that may still come.
    left: u64,
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// There is more than may be.
    #[error("larger than allowed")]
    TooLarge,
    /// The rest did not come, or makes no sense.
    #[error("{0}")]
    Broken(String),
    /// The taker failed.
    #[error(transparent)]
    Taker(io::Error),
    /// It takes too long.
    #[error(transparent)]
    Overdue(Exceeded),
}

impl Stop {
    pub(super) fn failure(self, file: &str, limit: u64) -> Failure {
        let file = file.to_owned();
        match self {
            Self::TooLarge => Failure::final_(StorageError::TooLarge { file, limit }),
            Self::Broken(reason) => Failure::again(StorageError::Transfer { file, reason }),
            Self::Taker(error) => Failure::final_(error.into()),
            Self::Overdue(exceeded) => Failure::final_(exceeded.into()),
        }
    }
}

impl Body {
    /// The body of an answer, of which at most `limit` bytes will be taken.
    pub(super) fn new(response: Response, coding: Coding, limit: u64, pace: Pace) -> Self {
        let left = match coding {
            Coding::Identity => limit,
            _ => limit.saturating_add(MAX_CODING_SLACK),
        };
        let wire = Wire {
            response,
            pace,
            left,
        };
        Self {
            coding,
            limit,
            wire,
        }
    }

    /// The announced length of the file, where that can be known.
    pub(super) fn length(&self) -> Option<u64> {
        let announced = self.wire.response.content_length();
        announced.filter(|_| self.coding == Coding::Identity)
    }

    /// Hands all bytes of the file to `take`, in order. Those before a failure were handed on, too.
    pub(super) async fn read(
        self,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Stop> {
        let Self {
            coding,
            mut limit,
            mut wire,
        } = self;
        // The length is a claim, but the server means to send that much.
        if wire.response.content_length().unwrap_or_default() > wire.left {
            return Err(Stop::TooLarge);
        }
        if coding == Coding::Identity {
            while let Some(chunk) = wire.chunk().await? {
                take(chunk.as_ref()).map_err(Stop::Taker)?;
            }
            return Ok(());
        }
        let mut decoded = decoder(coding, wire);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = decoded.read(&mut buffer).await.map_err(broken)?;
            if length == 0 {
                return Ok(());
            }
            limit = limit.checked_sub(length as u64).ok_or(Stop::TooLarge)?;
            take(&buffer[..length]).map_err(Stop::Taker)?;
        }
    }
}

impl Wire {
    async fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, Stop> {
        let more = self.response.chunk();
        let chunk = self.pace.wait(more, retry::reason, |chunk| {
            chunk.as_ref().map_or(0, |chunk| chunk.len())
        });
        let chunk = chunk.await.map_err(|late| match late {
            Late::Slow(reason) => Stop::Broken(reason),
            Late::Overdue(exceeded) => Stop::Overdue(exceeded),
        })?;
        if let Some(chunk) = &chunk {
            let left = self.left.checked_sub(chunk.len() as u64);
            self.left = left.ok_or(Stop::TooLarge)?;
        }
        Ok(chunk)
    }
}

fn decoder(coding: Coding, wire: Wire) -> Pin<Box<dyn AsyncRead + Send>> {
    let chunks = try_unfold(wire, async |mut wire: Wire| {
        let chunk = wire.chunk().await.map_err(io::Error::other)?;
        Ok::<_, io::Error>(chunk.map(|chunk| (chunk, wire)))
    });
    let bytes = Box::pin(chunks).into_async_read();
    // A file may be several compressed ones in a row (RFC 1952 section 2.2, RFC 8878 section 3.1).
    match coding {
        Coding::Identity => Box::pin(bytes),
        Coding::Brotli => Box::pin(BrotliDecoder::new(bytes)),
        Coding::Gzip => {
            let mut decoder = GzipDecoder::new(bytes);
            decoder.multiple_members(true);
            Box::pin(decoder)
        }
        Coding::Zstd => {
            let window = [DParameter::window_log_max(MAX_HTTP_WINDOW)];
            let mut decoder = ZstdDecoder::with_params(bytes, &window);
            decoder.multiple_members(true);
            Box::pin(decoder)
        }
    }
}

/// Our own error out of a decoder, or the decoder's.
fn broken(error: io::Error) -> Stop {
    match error.downcast::<Stop>() {
        Ok(stop) => stop,
        Err(error) => Stop::Broken(format!("the compressed answer cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn codings() {
        for (headers, expected) in [
            (&[][..], Ok(Coding::Identity)),
            (&["identity"], Ok(Coding::Identity)),
            (&["GZip"], Ok(Coding::Gzip)),
            (&["x-gzip"], Ok(Coding::Gzip)),
            (&["identity, br"], Ok(Coding::Brotli)),
            (&["zstd", ""], Ok(Coding::Zstd)),
            (&["gzip", "gzip"], Err("gzip, gzip".into())),
            (&["deflate"], Err("deflate".into())),
            (&["\u{9b}x"], Err("\\u{9b}x".into())),
        ] {
            let values = headers
                .iter()
                .map(|text| HeaderValue::from_bytes(text.as_bytes()));
            let headers = values
                .filter_map(Result::ok)
                .map(|value| (CONTENT_ENCODING, value));
            assert_eq!(Coding::of(&headers.collect()), expected);
        }
    }
}
