//! Which failures pass, and how long to wait for that.

use std::{error::Error, io, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use lumen_core::limits::MAX_QUOTED;
use reqwest::{Response, StatusCode};
use rustls::CertificateError;
use url::Url;

use super::{
    HttpOptions, headers,
    line::{Failure, Line, Mark, Turn},
};
use crate::{
    login::Acquaintance,
    storage::{CertificateFault, StorageError},
};

pub(super) use crate::storage::bound::SILENT;

/// The tries left for one file.
pub(in crate::storage) struct Tries<'l> {
    delays: ExponentialBackoff,
    longest: Duration,
    /// Tries so far, and all that there may be.
    made: usize,
    most: usize,
    file: String,
    /// The other reads from this host; none for a write, whose tries are its own.
    line: Option<&'l Line>,
    /// What the host had sent before the tries that failed.
    seen: Mark,
    /// The right to try again while nothing comes from the host.
    turn: Option<Turn<'l>>,
}

impl<'l> Tries<'l> {
    /// The tries of a read, which share their fate with other reads from this host.
    pub(in crate::storage) fn new(options: &HttpOptions, line: &'l Line, file: &str) -> Self {
        Self {
            file: file.to_owned(),
            line: Some(line),
            seen: line.mark(),
            ..Self::alone(options)
        }
    }

    /// The tries of a write.
    pub(in crate::storage) fn alone(options: &HttpOptions) -> Self {
        Self {
            delays: delays(options),
            longest: options.longest_delay,
            made: 1,
            most: options.tries.max(1),
            file: String::new(),
            line: None,
            seen: Mark::default(),
            turn: None,
        }
    }

    /// Gives the file all its tries again.
    pub(in crate::storage) fn begin_again(&mut self, options: &HttpOptions) {
        self.delays = delays(options);
        self.made = 1;
    }

    /// Does one try.
    pub(in crate::storage) async fn once<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match self.line {
            Some(line) => line.attempt(&self.file, &mut self.turn, work).await,
            None => work.await,
        }
    }

    /// Waits for the next try; gives the error back when there is none.
    pub(in crate::storage) async fn wait(&mut self, failure: Failure) -> Result<(), StorageError> {
        let Some(least) = failure.again else {
            return Err(failure.error);
        };
        let line = self.line.filter(|_| failure.error.is_outage());
        if line.is_none() {
            self.turn = None;
        }
        if let Some(line) = line
            && self.is_last(line).await?
        {
            line.give_up(&self.file, &failure.error);
            return Err(failure.error);
        }
        let Some(delay) = self.delays.next() else {
            if let Some(line) = line.filter(|_| self.turn.is_some()) {
                line.give_up(&self.file, &failure.error);
            }
            return Err(failure.error);
        };
        self.made += 1;
        if let Some(line) = self.line {
            line.try_again(self.made, self.most);
        }
        let delay = delay.max(least.min(self.longest));
        tracing::debug!(error = %failure.error, ?delay, "trying again");
        tokio::time::sleep(delay).await;
        Ok(())
    }

    /// Takes note of a failed try, and waits for the turn to try again while nothing comes from
    /// the host. Whether it is in vain, as another file failed in all its tries just before.
    async fn is_last(&mut self, line: &'l Line) -> Result<bool, StorageError> {
        let is_in_vain = line.failed(&self.file);
        if self.turn.is_none() && !line.is_alive_since(self.seen) {
            self.turn = Some(line.turn(&self.file).await?);
        }
        if line.is_alive_since(self.seen) {
            self.turn = None;
            self.seen = line.mark();
            return Ok(false);
        }
        Ok(is_in_vain)
    }
}

fn delays(options: &HttpOptions) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_jitter()
        .with_min_delay(options.first_delay)
        .with_max_delay(options.longest_delay)
        .with_max_times(options.tries.saturating_sub(1))
        .build()
}

/// The failure for a status that is neither success nor absence; `registry` is what the
/// registry is to the user.
pub(super) fn refusal(
    file: String,
    response: &Response,
    registry: Option<&Acquaintance>,
) -> Failure {
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::PROXY_AUTHENTICATION_REQUIRED => Failure::final_(StorageError::Denied {
            file,
            status: status.as_u16(),
            registry: registry.cloned().map(Box::new),
        }),
        _ => Failure {
            error: StorageError::Status {
                file,
                status: status.as_u16(),
            },
            again: (status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS)
                .then(|| headers::retry_after(response.headers()).unwrap_or_default()),
        },
    }
}

/// The failure of a request that got no answer.
pub(super) fn sending(file: &str, url: &Url, error: &reqwest::Error) -> Failure {
    if !error.is_connect() {
        return Failure::again(transfer(file, error));
    }
    let host = url.host_str().unwrap_or_default();
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let (fault, reason) = match caused_by::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            let (fault, reason) = distrust(why);
            (Some(fault), reason)
        }
        Some(rustls::Error::InvalidMessage(_)) => (None, "it does not speak TLS there".into()),
        _ => (None, reason(error)),
    };
    match fault {
        Some(fault) => Failure::final_(StorageError::Untrusted {
            host,
            fault,
            reason,
        }),
        None => Failure::again(StorageError::Unreachable { host, reason }),
    }
}

/// The first error of a kind among the causes of another, if there is one.
pub(super) fn caused_by<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut cause: &(dyn Error + 'static) = error;
    loop {
        // An I/O error does not name the error in it as its source.
        let inner = match cause.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => cause.source(),
        };
        cause = inner?;
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
    }
}

/// The fault of a certificate.
fn distrust(why: &CertificateError) -> (CertificateFault, String) {
    match why {
        CertificateError::UnknownIssuer => (
            CertificateFault::Unknown,
            "its certificate is self-signed, or from an authority that this machine does not know"
                .into(),
        ),
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            let what = "its certificate is self-signed: it is that of an authority";
            (CertificateFault::Unknown, what.into())
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            CertificateFault::Time,
            "its certificate has expired, or the clock of this machine is wrong".into(),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            CertificateFault::Time,
            "its certificate is not valid yet, or the clock of this machine is wrong".into(),
        ),
        CertificateError::NotValidForName => (
            CertificateFault::Name,
            "its certificate is for another name".into(),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<String> = presented.iter().take(3).map(|name| shown(name)).collect();
            let names = match names.is_empty() {
                true => String::new(),
                false => format!(": {}", names.join(", ")),
            };
            let what = format!("its certificate is for another name{names}");
            (CertificateFault::Name, what)
        }
        other => (
            CertificateFault::Other,
            format!("its certificate is not valid: {other}"),
        ),
    }
}

/// A name of a certificate, short and without control characters.
fn shown(name: &str) -> String {
    let plain = name.chars().filter(|c| !c.is_control());
    plain.take(MAX_QUOTED).collect()
}

/// The error for an answer that broke off.
pub(super) fn transfer(file: &str, error: &reqwest::Error) -> StorageError {
    StorageError::Transfer {
        file: file.to_owned(),
        reason: reason(error),
    }
}

/// What happened.
pub(super) fn reason(error: &reqwest::Error) -> String {
    match error.is_timeout() {
        true => SILENT.into(),
        false => root_cause(error),
    }
}

/// The innermost error: the outer ones repeat the URL, credentials and all.
pub(in crate::storage) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_certificates_are_told_apart() {
        let name = rustls::pki_types::ServerName::try_from("r.example").unwrap();
        let for_others = CertificateError::NotValidForNameContext {
            expected: name,
            presented: vec!["a.example".into(), "b\u{1b}.example".into()],
        };
        for (why, fault, said) in [
            (
                CertificateError::UnknownIssuer,
                CertificateFault::Unknown,
                "is self-signed, or from an authority",
            ),
            (
                CertificateError::Expired,
                CertificateFault::Time,
                "has expired",
            ),
            (
                CertificateError::NotValidYet,
                CertificateFault::Time,
                "is not valid yet",
            ),
            (
                CertificateError::NotValidForName,
                CertificateFault::Name,
                "is for another name",
            ),
            (
                for_others,
                CertificateFault::Name,
                "is for another name: a.example, b.example",
            ),
            (
                CertificateError::Revoked,
                CertificateFault::Other,
                "is not valid",
            ),
        ] {
            let (found, reason) = distrust(&why);
            assert_eq!(found, fault, "{reason}");
            assert!(
                reason.starts_with(&format!("its certificate {said}")),
                "{reason}"
            );
        }
    }
}
