//! Where a secret may go.

use url::Url;

/// The URLs that may receive a secret: all code that sends one compares the URL of the request
/// with this.
///
/// Made only for URLs that the user paired with the secret: their configuration, the environment,
/// the command line, a credential helper or a `machine` of a netrc file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// The origin of this URL: scheme, host and port.
    Origin(Url),
    /// The hosts of a service: those below this domain, over HTTPS and at its usual port.
    Service(&'static str),
}

impl Audience {
    /// Whether a request to this URL may carry the secret.
    ///
    /// A host that was reached over plain HTTP is the same one after its upgrade to HTTPS.
    pub fn admits(&self, url: &Url) -> bool {
        match self {
            Self::Origin(own) => {
                let upgraded = own.scheme() == "http"
                    && url.scheme() == "https"
                    && own.port().is_none()
                    && url.port().is_none();
                own.host() == url.host() && (own.origin() == url.origin() || upgraded)
            }
            Self::Service(domain) => {
                let host = url.host_str().unwrap_or_default();
                let below = host.strip_suffix(domain);
                url.scheme() == "https"
                    && url.port().is_none()
                    && below.is_some_and(|name| name.is_empty() || name.ends_with('.'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_with_their_audience() {
        for (own, url, expected) in [
            ("https://h/x/", "https://h/y", true),
            ("https://h/", "https://h:443/", true),
            ("https://h/", "HTTPS://H/", true),
            (
                "https://bücher.example/",
                "https://xn--bcher-kva.example/",
                true,
            ),
            ("http://h/", "https://h/", true),
            ("https://h/", "http://h/", false),
            ("https://h/", "http://h:443/", false),
            ("http://h:81/", "https://h/", false),
            ("http://h:81/", "http://h:82/", false),
            ("https://h/", "https://h:8443/", false),
            ("https://h/", "https://h.evil/", false),
            ("https://h/", "https://h@evil/", false),
            ("https://h/", "https://h./", false),
            ("https://h/", "https://h\\@evil/", true),
            ("https://a.h/", "https://h/", false),
        ] {
            let [own, url] = [own, url].map(|text| Url::parse(text).unwrap());
            let audience = Audience::Origin(own.clone());
            assert_eq!(audience.admits(&url), expected, "{own} {url}");
        }
    }

    #[test]
    fn hosts_of_a_service() {
        let audience = Audience::Service("amazonaws.com");
        for (url, expected) in [
            ("https://s3.eu-west-1.amazonaws.com/b", true),
            ("https://b.s3.eu-west-1.amazonaws.com/", true),
            ("http://s3.eu-west-1.amazonaws.com/b", false),
            ("https://s3.eu-west-1.amazonaws.com:8443/b", false),
            ("https://s3.evil.example/x.amazonaws.com/b", false),
            ("https://evilamazonaws.com/", false),
            ("https://s3.amazonaws.com.evil.example/", false),
            ("https://s3.amazonaws.com@evil.example/", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(audience.admits(&url), expected, "{url}");
        }
    }
}
