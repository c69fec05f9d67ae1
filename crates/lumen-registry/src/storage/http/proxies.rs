//! Proxies, as curl takes them from the environment.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, NoProxy, Proxy};

use crate::variables::Variables;

/// Which requests go through which proxy; by default none do.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The one for plain HTTP, with credentials if it needs them; empty: none.
    http: String,
    /// The one for HTTPS.
    https: String,
    /// The hosts that are asked without one.
    except: String,
}

impl std::fmt::Debug for Proxies {
    /// Shows no addresses: there may be passwords in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxies").finish_non_exhaustive()
    }
}

impl Proxies {
    /// The proxies of `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, which may also
    /// be in lower case. A CGI program gets none: its clients choose `HTTP_PROXY`.
    pub fn of(variables: &Variables) -> Self {
        if variables.raw("REQUEST_METHOD").is_some() {
            return Self::default();
        }
        // The first one that is set counts, also when it is empty.
        let either = |name: &str| {
            let lower = name.to_ascii_lowercase();
            let mut names = [name, &lower].into_iter();
            let value = names.find_map(|name| variables.iter().find(|(set, _)| *set == name));
            value.and_then(|(_, value)| value.to_str().map(str::to_owned))
        };
        // One that is no URL does not count.
        let usable = |url: Option<String>| url.filter(|url| Proxy::all(url.as_str()).is_ok());
        let all = usable(either("ALL_PROXY"));
        let proxy = |name: &str| usable(either(name)).or(all.clone()).unwrap_or_default();
        Self {
            http: proxy("HTTP_PROXY"),
            https: proxy("HTTPS_PROXY"),
            except: either("NO_PROXY").unwrap_or_default(),
        }
    }

    /// Whether plain HTTP goes through a proxy that is spoken to over TLS.
    pub(super) fn need_tls(&self) -> bool {
        let proxy = self.http.trim().to_ascii_lowercase();
        proxy.starts_with("https:")
    }

    /// A client that uses these proxies and no others.
    pub(super) fn give(&self, client: ClientBuilder) -> ClientBuilder {
        let except = NoProxy::from_string(&self.except);
        let both = [
            Proxy::http(self.http.as_str()),
            Proxy::https(self.https.as_str()),
        ];
        let both = both.into_iter().flatten();
        both.fold(client.no_proxy(), |client, proxy| {
            client.proxy(proxy.no_proxy(except.clone()))
        })
    }

    /// The same, to ask whether a URL is meant.
    pub(super) fn matcher(&self) -> Matcher {
        let builder = Matcher::builder()
            .http(self.http.as_str())
            .https(self.https.as_str());
        builder.no(self.except.as_str()).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_variables_as_curl_takes_them() {
        let with = |variables: &[(&str, &str)]| {
            let proxies = Proxies::of(&variables.iter().copied().collect());
            let matcher = proxies.matcher();
            ["http://a.example/", "https://b.example/"].map(|url| {
                let found = matcher.intercept(&url.parse().unwrap());
                found.map(|proxy| proxy.uri().to_string())
            })
        };
        let proxy = |name: &str| Some(format!("http://{name}/"));
        for (variables, expected) in [
            (&[][..], [None, None]),
            (&[("HTTP_PROXY", "http://p:1")], [proxy("p:1"), None]),
            (&[("https_proxy", "p:1")], [None, proxy("p:1")]),
            (&[("ALL_PROXY", "http://p:1")], [proxy("p:1"), proxy("p:1")]),
            (
                &[("ALL_PROXY", "http://p:1"), ("HTTPS_PROXY", "http://q:2")],
                [proxy("p:1"), proxy("q:2")],
            ),
            // Set and empty: none, whatever the other spelling says.
            (
                &[("HTTP_PROXY", ""), ("http_proxy", "http://p:1")],
                [None, None],
            ),
            (
                &[("HTTP_PROXY", "::"), ("ALL_PROXY", "http://p:1")],
                [proxy("p:1"), proxy("p:1")],
            ),
            (
                &[("ALL_PROXY", "http://p:1"), ("NO_PROXY", "b.example")],
                [proxy("p:1"), None],
            ),
            (
                &[("HTTP_PROXY", "http://p:1"), ("REQUEST_METHOD", "GET")],
                [None, None],
            ),
        ] {
            assert_eq!(with(variables), expected, "{variables:?}");
        }
        let secret = Proxies::of(
            &[("ALL_PROXY", "http://u:hunter2@p:1")]
                .into_iter()
                .collect(),
        );
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
