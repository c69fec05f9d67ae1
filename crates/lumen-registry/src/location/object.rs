//! The address of a registry in a bucket of an object store.

use lumen_core::limits::{MAX_BUCKET_NAME, MAX_QUOTED, MAX_REGION_NAME};
use url::Url;

/// The provider of an object store, which decides its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// `s3://bucket/prefix`: Amazon S3, and whatever speaks its protocol.
    S3,
    /// `r2://account/bucket/prefix`: Cloudflare R2.
    R2,
    /// `gs://bucket/prefix`: Google Cloud Storage.
    Gcs,
    /// `az://container/prefix`: Azure Blob Storage.
    Azure,
}

/// The address of a registry in a bucket, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectLocation {
    /// The provider.
    pub provider: Provider,
    /// The account of an R2 bucket; for others the environment says it.
    pub account: Option<String>,
    /// The bucket or container.
    pub bucket: String,
    /// What the names of all files start with: empty, or ends with `/`.
    pub prefix: String,
    /// `?endpoint=`: a server that speaks S3 but is not Amazon's.
    pub endpoint: Option<Url>,
    /// `?region=`.
    pub region: Option<String>,
    /// Whether the user gave this address: credentials go to no other endpoint.
    pub trusted: bool,
}

impl Provider {
    /// The scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::R2 => "r2",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }

    pub(super) fn of_scheme(scheme: &str) -> Option<Self> {
        let all = [Self::S3, Self::R2, Self::Gcs, Self::Azure];
        all.into_iter().find(|provider| provider.scheme() == scheme)
    }
}

/// A region, as a part of the name of a host: it must not name another host.
fn region(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("the region has control characters".into());
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=MAX_REGION_NAME).contains(&text.len()) || !text.bytes().all(allowed) {
        return Err(format!(
            "{} cannot be a region; write for example `?region=eu-west-1`",
            shown(text)
        ));
    }
    Ok(text.to_owned())
}

/// The server of `?endpoint=`.
fn server(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("endpoint: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the endpoint must be an http or https URL".into());
    }
    let extra = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    match extra {
        true => Err("the endpoint must have no user, `?` or `#`".into()),
        false => Ok(url),
    }
}

/// Whether a text names nothing but one or more labels of a host.
fn is_host_part(text: &str) -> bool {
    let label = |label: &str| {
        let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(inside)
    };
    text.len() <= MAX_BUCKET_NAME && text.split('.').all(label)
}

/// Whether a bucket may have this name. Amazon wants three characters or more and no address
/// of four numbers; other servers do not, and neither can lead to another host.
fn is_bucket(provider: Provider, name: &str) -> bool {
    match provider {
        Provider::S3 | Provider::R2 => is_host_part(name),
        Provider::Gcs => is_host_part(&name.replace('_', "0")),
        // Two that Azure itself makes.
        Provider::Azure => matches!(name, "$web" | "$root") || is_host_part(name),
    }
}

/// A text for a message: in quotes, without control characters, not too long.
fn shown(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_QUOTED)
        .collect();
    format!("`{text}`")
}

impl ObjectLocation {
    /// The location a URL of this provider means.
    pub(super) fn new(provider: Provider, url: &Url) -> Result<Self, String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "credentials do not belong in the URL of a bucket; set the provider's environment variables".into(),
            );
        }
        if url.fragment().is_some() {
            return Err("`#` is not allowed; write `%23` when it is part of a name".into());
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or("the name of the bucket is missing")?.to_owned();
        if url.port().is_some() {
            return Err(
                "a bucket has no port; name another server with `?endpoint=http://host:port`"
                    .into(),
            );
        }
        let path = crate::login::percent_decode(url.path()).ok_or("it is not valid UTF-8")?;
        let path = path.trim_matches('/');
        let (account, bucket, prefix) = match provider {
            Provider::R2 => {
                let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
                if bucket.is_empty() {
                    return Err("write `r2://account/bucket`".into());
                }
                (Some(host), bucket.to_owned(), prefix)
            }
            _ => (None, host, path),
        };
        let (mut endpoint, mut region) = (None, None);
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "endpoint" => endpoint = Some(server(&value)?),
                "region" => region = Some(self::region(&value)?),
                other => {
                    return Err(format!(
                        "`?{other}=` is not known; there are `endpoint` and `region`"
                    ));
                }
            }
        }
        if let Some(account) = account.as_ref().filter(|account| !is_host_part(account)) {
            return Err(format!("{} cannot be an account", shown(account)));
        }
        if !is_bucket(provider, &bucket) {
            let what = match provider {
                Provider::Azure => "a container",
                _ => "a bucket",
            };
            return Err(format!(
                "{} cannot be the name of {what}: letters in lower case, digits, `-` and `.`, at most {MAX_BUCKET_NAME}",
                shown(&bucket)
            ));
        }
        Ok(Self {
            provider,
            account,
            bucket,
            prefix: match prefix.trim_matches('/') {
                "" => String::new(),
                prefix => format!("{prefix}/"),
            },
            endpoint,
            region,
            trusted: true,
        })
    }

    /// The address as a URL, without a trailing slash.
    pub fn url(&self) -> String {
        let mut url = format!("{}/{}", self.place(), self.prefix);
        url.truncate(url.trim_end_matches('/').len());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(endpoint) = &self.endpoint {
            query.append_pair("endpoint", endpoint.as_str());
        }
        if let Some(region) = &self.region {
            query.append_pair("region", region);
        }
        let query = query.finish();
        match query.as_str() {
            "" => url,
            query => format!("{url}?{query}"),
        }
    }

    /// The URL of a path inside the registry, for messages.
    pub fn file(&self, path: &str) -> String {
        format!("{}/{}{path}", self.place(), self.prefix)
    }

    fn place(&self) -> String {
        let account = self.account.as_ref();
        let account = account.map_or_else(String::new, |account| format!("{account}/"));
        format!("{}://{account}{}", self.provider.scheme(), self.bucket)
    }
}
