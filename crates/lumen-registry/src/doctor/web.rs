//! Checks of the answers of a web server.

use lumen_core::{
    Key, index::MAX_PACKAGE_INDEX_BYTES, key::Mutability, limits::MAX_EXAMINED_BYTES,
};
use reqwest::Method;

use super::{Check, Options, Report, Samples, Verdict};
use crate::storage::{
    HttpStorage, StorageError,
    http::{Answer, Fetched},
};

/// Seconds for which an index may be kept without asking before it is too long.
const LONGEST: u64 = 600;

/// Seconds for which an index may be kept before users miss a yank for too long.
const FAR_TOO_LONG: u64 = 86_400;

/// Seconds that files should at least be kept which never change.
const LONG_ENOUGH: u64 = 86_400;

/// Seconds by which the clock may be wrong.
const SKEW: i64 = 300;

/// Bytes from which compressing pays.
const WORTH_COMPRESSING: usize = 1024;

const ORIGIN: (&str, &str) = ("origin", "https://example.org");
const PLAIN: (&str, &str) = ("accept-encoding", "identity");

/// Looks at everything.
pub(super) async fn examine(
    http: &HttpStorage,
    samples: &Samples,
    options: Options,
    report: &mut Report,
) {
    if let Err(error) = all(http, samples, options, report).await {
        report.add(Check::Readable, Verdict::Bad, error.to_string());
    }
}

/// The checks of a server without a registry.
pub(super) async fn greet(http: &HttpStorage, options: Options, report: &mut Report) {
    if let Ok(answer) = get(http, &Key::global_index(), &[]).await {
        connection(http, &answer, options, report);
    }
}

async fn get(
    http: &HttpStorage,
    key: &Key,
    headers: &[(&str, &str)],
) -> Result<Answer, StorageError> {
    let headers = [&[ORIGIN, PLAIN], headers].concat();
    http.ask(Method::GET, key.as_str(), &headers, MAX_EXAMINED_BYTES)
        .await
}

async fn all(
    http: &HttpStorage,
    samples: &Samples,
    options: Options,
    report: &mut Report,
) -> Result<(), StorageError> {
    let mut answers = Vec::new();
    for key in samples.all() {
        // One byte of an artifact says as much as all of it.
        let part: &[_] = match Some(&key) == samples.artifact.as_ref() {
            true => &[("range", "bytes=0-0")],
            false => &[],
        };
        let answer = get(http, &key, part).await?;
        answers.push((key, answer));
    }
    if let Some((_, index)) = answers.first() {
        connection(http, index, options, report);
    }
    unread(samples, &answers, report);
    absence(http, report).await?;
    fresh(http, samples, report).await?;
    types(&answers, report);
    caching(&answers, report);
    cors(&answers, report);
    preflight(http, report).await?;
    ranges(samples, &answers, report);
    let index = samples.index.clone().unwrap_or_else(Key::global_index);
    revalidation(http, &index, report).await?;
    compression(http, &index, report).await?;
    copies(http, samples, report).await?;
    listing(http, report).await
}

/// The checks of the connection that every answer allows.
fn connection(http: &HttpStorage, answer: &Answer, options: Options, report: &mut Report) {
    report.server = answer.header("server").map(str::to_owned);
    let base = http.location().base();
    let asked = http.location().url(Key::global_index().as_str());
    match answer.url.as_str() == asked {
        true => report.add(Check::Redirects, Verdict::Good, "none"),
        false => {
            let to = answer.url.as_str();
            let to = to.strip_suffix("/index.json").unwrap_or(to);
            report.add(Check::Redirects, Verdict::Poor, format!("leads to {to}"));
        }
    }
    let is_here = match base.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match (base.scheme(), is_here) {
        ("https", _) => report.add(Check::Https, Verdict::Good, "yes"),
        (_, true) => report.add(Check::Https, Verdict::Unknown, "not needed on this machine"),
        _ => report.add(Check::Https, Verdict::Poor, "plain HTTP"),
    }
    match (answer.is_http2, base.scheme()) {
        (true, _) => report.add(Check::Http2, Verdict::Good, "yes"),
        (false, "https") => report.add(Check::Http2, Verdict::Poor, "HTTP/1.1"),
        (false, _) => report.add(Check::Http2, Verdict::Unknown, "only with HTTPS"),
    }
    let date = answer.header("date").map(jiff::fmt::rfc2822::parse);
    match date {
        Some(Ok(date)) => {
            let ahead = date.timestamp().as_second() - options.now;
            let seen = match ahead {
                0.. => format!("{ahead} s ahead of this machine's"),
                _ => format!("{} s behind this machine's", -ahead),
            };
            let verdict = match ahead.abs() <= SKEW {
                true => Verdict::Good,
                false => Verdict::Poor,
            };
            report.add(Check::Clock, verdict, seen);
        }
        _ => report.add(Check::Clock, Verdict::Unknown, "no `Date`"),
    }
}

/// A name that does not exist.
fn nothing(folder: &str) -> String {
    format!(
        "{folder}no-such-file-{:016x}/index.json",
        crate::random::random()
    )
}

async fn absence(http: &HttpStorage, report: &mut Report) -> Result<(), StorageError> {
    let path = nothing("packages/");
    let answer = http
        .ask(Method::GET, &path, &[ORIGIN, PLAIN], MAX_EXAMINED_BYTES)
        .await?;
    let kept = seconds(&answer).unwrap_or_default();
    let seen = match answer.status {
        404 | 410 if kept > LONGEST => {
            let seen = format!("{}, to be kept for {kept} s", answer.status);
            report.add(Check::Absence, Verdict::Poor, seen);
            return Ok(());
        }
        status @ (404 | 410) => {
            report.add(Check::Absence, Verdict::Good, status.to_string());
            return Ok(());
        }
        status @ 200..300 => format!("{status} and a page for a missing file"),
        status => format!("{status} for a missing file"),
    };
    report.add(Check::Absence, Verdict::Bad, seen);
    Ok(())
}

/// Files that the registry needs and the server does not give. Artifacts have a check of their own.
fn unread(samples: &Samples, answers: &[(Key, Answer)], report: &mut Report) {
    let given = |(key, answer): &&(Key, Answer)| {
        (200..300).contains(&answer.status) || Some(key) == samples.artifact.as_ref()
    };
    let faults: Vec<String> = answers
        .iter()
        .filter(|answer| !given(answer))
        .map(|(key, answer)| format!("{} for `{key}`", answer.status))
        .collect();
    if !faults.is_empty() {
        report.add(Check::Readable, Verdict::Bad, faults.join("; "));
    }
}

/// The contents of a file, or nothing where there is nothing to compare: it is missing or too
/// large, or the server refuses it, which is a finding of its own.
fn contents(fetched: Result<Fetched, StorageError>) -> Result<Option<Vec<u8>>, StorageError> {
    match fetched {
        Ok(Fetched::Found { bytes, .. }) => Ok(Some(bytes)),
        Ok(Fetched::Absent | Fetched::NotModified { .. })
        | Err(
            StorageError::TooLarge { .. }
            | StorageError::Denied { .. }
            | StorageError::Status { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file as it is stored.
async fn stored(http: &HttpStorage, key: &Key) -> Result<Option<Vec<u8>>, StorageError> {
    contents(
        http.fetch_coded(key, MAX_PACKAGE_INDEX_BYTES, PLAIN.1)
            .await,
    )
}

/// Whether caches on the way have older files than the server.
async fn fresh(
    http: &HttpStorage,
    samples: &Samples,
    report: &mut Report,
) -> Result<(), StorageError> {
    let mut faults = Vec::new();
    for key in samples.changing() {
        let usual = stored(http, &key).await?;
        let buster = format!("{:016x}", crate::random::random());
        let newest = http.fetch_uncached(&key, MAX_PACKAGE_INDEX_BYTES, &buster);
        let newest = contents(newest.await)?;
        // A publisher may have written it in between.
        if usual != newest && stored(http, &key).await? == usual {
            faults.push(format!(
                "`{key}` is another file in a cache on the way than on the server"
            ));
        }
    }
    report.add_faults(
        Check::Fresh,
        Verdict::Poor,
        "no old files in caches",
        &faults,
    );
    Ok(())
}

/// Whether the server sends old compressed copies that lie beside its files.
async fn copies(
    http: &HttpStorage,
    samples: &Samples,
    report: &mut Report,
) -> Result<(), StorageError> {
    let mut faults = Vec::new();
    for key in samples.changing() {
        for coding in ["gzip", "br", "zstd"] {
            let file = stored(http, &key).await?;
            let sent = http.fetch_coded(&key, MAX_PACKAGE_INDEX_BYTES, coding);
            let sent = contents(sent.await)?;
            if sent != file && stored(http, &key).await? == file {
                faults.push(format!(
                    "`{key}` sent as {coding} is not the file: an old compressed copy of it"
                ));
            }
        }
    }
    report.add_faults(
        Check::Copies,
        Verdict::Bad,
        "the same as the files",
        &faults,
    );
    Ok(())
}

fn types(answers: &[(Key, Answer)], report: &mut Report) {
    let media_type = |text: &str| {
        let text = text.split(';').next().unwrap_or_default();
        text.trim().to_ascii_lowercase()
    };
    let fault = |(key, answer): &(Key, Answer)| {
        let expected = media_type(key.content_type());
        let found = answer.header("content-type").unwrap_or("none");
        let fits = media_type(found) == expected;
        (!fits).then(|| format!("`{key}` is {found}, not {expected}"))
    };
    let faults: Vec<String> = answers.iter().filter_map(fault).collect();
    report.add_faults(Check::Types, Verdict::Poor, "as they should be", &faults);
}

/// For how long a cache may keep an answer without asking; `None`: the answer does not say.
fn seconds(answer: &Answer) -> Option<u64> {
    let control = answer.header("cache-control")?.to_ascii_lowercase();
    let mut found = None;
    for directive in control.split(',').map(str::trim) {
        match directive.split_once('=') {
            // A shared cache is one on the way.
            Some(("max-age" | "s-maxage", value)) => {
                let value = value.trim_matches('"').parse().unwrap_or(u64::MAX);
                found = found.max(Some(value));
            }
            None if matches!(directive, "no-cache" | "no-store") => return Some(0),
            _ => {}
        }
    }
    found
}

fn caching(answers: &[(Key, Answer)], report: &mut Report) {
    let (mut verdict, mut faults) = (Verdict::Poor, Vec::new());
    for (key, answer) in answers {
        let kept = seconds(answer);
        match (key.mutability(), kept) {
            (Mutability::Mutable, None) => {
                faults.push(format!("no Cache-Control on `{key}`"));
            }
            (Mutability::Mutable, Some(kept)) if kept > LONGEST => {
                if kept >= FAR_TOO_LONG {
                    verdict = Verdict::Bad;
                }
                faults.push(format!("`{key}` changes, but may be kept for {kept} s"));
            }
            (Mutability::Immutable, kept) if kept.unwrap_or_default() < LONG_ENOUGH => {
                faults.push(format!("`{key}` never changes, but may not be kept"));
            }
            _ => {}
        }
    }
    report.add_faults(Check::Caching, verdict, "as it should be", &faults);
}

fn cors(answers: &[(Key, Answer)], report: &mut Report) {
    let fault = |(key, answer): &(Key, Answer)| {
        let allowed = answer.header("access-control-allow-origin");
        let fits = allowed.is_some_and(|origin| origin == "*" || origin == ORIGIN.1);
        (!fits).then(|| format!("missing on `{key}`"))
    };
    let faults: Vec<String> = answers.iter().filter_map(fault).collect();
    report.add_faults(Check::Cors, Verdict::Poor, "every file", &faults);
}

async fn preflight(http: &HttpStorage, report: &mut Report) -> Result<(), StorageError> {
    let headers = [
        ORIGIN,
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let path = Key::global_index();
    let answer = http
        .ask(Method::OPTIONS, path.as_str(), &headers, MAX_EXAMINED_BYTES)
        .await?;
    let allows = |name: &str, what: &str| {
        let list = answer.header(name).unwrap_or_default().to_ascii_lowercase();
        list.split(',').any(|item| item.trim() == what)
    };
    let fits = (200..300).contains(&answer.status)
        && answer.header("access-control-allow-origin").is_some()
        // `*` does not include this one.
        && allows("access-control-allow-headers", "authorization");
    match fits {
        true => report.add(Check::Preflight, Verdict::Good, answer.status.to_string()),
        false => {
            let seen = format!("OPTIONS answers {} and grants nothing", answer.status);
            report.add(Check::Preflight, Verdict::Poor, seen);
        }
    }
    Ok(())
}

fn ranges(samples: &Samples, answers: &[(Key, Answer)], report: &mut Report) {
    let asked = answers
        .iter()
        .find(|(key, _)| Some(key) == samples.artifact.as_ref());
    let Some((key, answer)) = asked else {
        return report.add(Check::Ranges, Verdict::Unknown, "there is no artifact yet");
    };
    match (answer.status, answer.body.len()) {
        (206, 1) => report.add(Check::Ranges, Verdict::Good, "yes"),
        (200, _) => {
            let seen = format!("the whole of `{key}` instead of a part");
            report.add(Check::Ranges, Verdict::Poor, seen);
        }
        (status, _) => {
            let seen = format!("{status} for a part of `{key}`");
            report.add(Check::Ranges, Verdict::Bad, seen);
        }
    }
}

async fn revalidation(
    http: &HttpStorage,
    key: &Key,
    report: &mut Report,
) -> Result<(), StorageError> {
    let first = get(http, key, &[]).await?;
    let etag = first.header("etag").map(|tag| ("if-none-match", tag));
    let time = first.header("last-modified");
    let condition = etag.or(time.map(|time| ("if-modified-since", time)));
    let Some(condition) = condition else {
        let seen = "neither `ETag` nor `Last-Modified`";
        report.add(Check::Revalidation, Verdict::Poor, seen);
        return Ok(());
    };
    match get(http, key, &[condition]).await?.status {
        304 => report.add(Check::Revalidation, Verdict::Good, "304"),
        status => {
            let seen = format!("{status} for `{key}`, which is still the same");
            report.add(Check::Revalidation, Verdict::Poor, seen);
        }
    }
    Ok(())
}

async fn compression(
    http: &HttpStorage,
    key: &Key,
    report: &mut Report,
) -> Result<(), StorageError> {
    let plain = get(http, key, &[]).await?.body.len();
    let wishes = [ORIGIN, ("accept-encoding", "zstd, br, gzip")];
    let answer = http
        .ask(Method::GET, key.as_str(), &wishes, MAX_EXAMINED_BYTES)
        .await?;
    match answer.header("content-encoding") {
        Some(coding) => report.add(Check::Compression, Verdict::Good, coding),
        None if plain < WORTH_COMPRESSING => {
            let seen = format!("`{key}` is too small to tell");
            report.add(Check::Compression, Verdict::Unknown, seen);
        }
        None => report.add(
            Check::Compression,
            Verdict::Poor,
            format!("`{key}` is not compressed"),
        ),
    }
    Ok(())
}

async fn listing(http: &HttpStorage, report: &mut Report) -> Result<(), StorageError> {
    let folder = http
        .ask(Method::GET, "packages/", &[PLAIN], MAX_EXAMINED_BYTES)
        .await?;
    let page = String::from_utf8_lossy(&folder.body).to_ascii_lowercase();
    match folder.status {
        200..300 if page.contains("<a ") => {
            report.add(Check::Listing, Verdict::Poor, "`packages/` is a list");
        }
        status => report.add(Check::Listing, Verdict::Good, format!("none ({status})")),
    }
    let hidden = http
        .ask(Method::GET, ".lock", &[PLAIN], MAX_EXAMINED_BYTES)
        .await?;
    match hidden.status {
        200..300 => report.add(Check::Hidden, Verdict::Poor, "`.lock` is served"),
        status => report.add(
            Check::Hidden,
            Verdict::Good,
            format!("not served ({status})"),
        ),
    }
    Ok(())
}
