//! Where an address is, so that nobody outside leads the client to what only it can reach.
//!
//! A registry may redirect. From a public address it must not redirect to the user's own
//! machine or network: services there trust whoever reaches them, and one of them, at a
//! link-local address, gives the virtual machines of a cloud their credentials.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// How far inside an address is: whoever is in one zone may lead to it and to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Zone {
    /// Anywhere.
    Public,
    /// The network of a site: private (RFC 1918, RFC 4193) or shared (RFC 6598).
    Site,
    /// The link (RFC 3927, RFC 4291), and where clouds have their metadata.
    Link,
    /// This machine.
    Machine,
}

impl Zone {
    /// The zone of an address. An IPv6 address that stands for an IPv4 one is that one.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            // Systems take the first for themselves.
            [0 | 127, ..] => Self::Machine,
            [169, 254, ..] | [192, 0, 0, _] | [100, 100, 100, 200] | [224..=255, ..] => Self::Link,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Site,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let embedded = |high: u16, low: u16| {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Self::of_v4(Ipv4Addr::new(a, b, c, d))
        };
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Self::Machine,
            // Mapped, compatible, translated (RFC 4291, 2765, 6052, 8215), and 6to4.
            [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
            | [0, 0, 0, 0, 0xffff, 0, high, low]
            | [0x64, 0xff9b, 0 | 1, _, _, _, high, low]
            | [0x2002, high, low, ..] => embedded(high, low),
            [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Self::Link,
            [0xfe80..=0xfebf | 0xff00..=0xffff, ..] => Self::Link,
            [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Self::Site,
            _ => Self::Public,
        }
    }

    /// The zone of the address that a URL has in place of a name.
    pub(super) fn of_literal(url: &Url) -> Option<Self> {
        match url.host()? {
            Host::Ipv4(address) => Some(Self::of(address.into())),
            Host::Ipv6(address) => Some(Self::of(address.into())),
            Host::Domain(_) => None,
        }
    }

    /// The zone of who answered a request.
    ///
    /// Behind a proxy only it knows the address, so a name counts as public.
    pub(super) fn of_peer(url: &Url, peer: Option<SocketAddr>, proxied: bool) -> Self {
        match (proxied, peer) {
            (false, Some(peer)) => Self::of(peer.ip()),
            _ => Self::of_literal(url).unwrap_or(Self::Public),
        }
    }
}

/// Whether a request to this URL goes through a proxy, which then resolves the name.
pub(super) fn is_proxied(proxies: &Matcher, url: &Url) -> bool {
    let uri = url.as_str().parse();
    uri.is_ok_and(|uri| proxies.intercept(&uri).is_some())
}

/// A name led further inside than whoever named it may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooFarInside;

impl fmt::Display for TooFarInside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is inside of this network")
    }
}

impl std::error::Error for TooFarInside {}

/// Resolves names as the system does, and leaves out addresses further inside than a zone:
/// what is checked is what is connected to, whatever a name meant a moment ago.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard(pub(super) Zone);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let limit = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            let allowed: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|address| Zone::of(address.ip()) <= limit)
                .collect();
            match allowed.is_empty() && !found.is_empty() {
                true => Err(TooFarInside.into()),
                false => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones() {
        for (address, expected) in [
            ("8.8.8.8", Zone::Public),
            ("203.0.113.1", Zone::Public),
            ("172.32.0.1", Zone::Public),
            ("100.128.0.1", Zone::Public),
            ("2001:db8::1", Zone::Public),
            ("10.1.2.3", Zone::Site),
            ("172.16.0.1", Zone::Site),
            ("172.31.255.255", Zone::Site),
            ("192.168.0.1", Zone::Site),
            ("100.64.0.1", Zone::Site),
            ("fd12::1", Zone::Site),
            ("fec0::1", Zone::Site),
            ("::ffff:10.0.0.1", Zone::Site),
            ("64:ff9b::192.168.1.1", Zone::Site),
            ("2002:0a00:0001::1", Zone::Site),
            ("169.254.169.254", Zone::Link),
            ("100.100.100.200", Zone::Link),
            ("192.0.0.192", Zone::Link),
            ("255.255.255.255", Zone::Link),
            ("fe80::1", Zone::Link),
            ("fd00:ec2::254", Zone::Link),
            ("::ffff:169.254.169.254", Zone::Link),
            ("127.0.0.1", Zone::Machine),
            ("127.8.9.10", Zone::Machine),
            ("0.0.0.0", Zone::Machine),
            ("::", Zone::Machine),
            ("::1", Zone::Machine),
            ("::ffff:127.0.0.1", Zone::Machine),
            ("::127.0.0.1", Zone::Machine),
        ] {
            assert_eq!(Zone::of(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn numbers_are_addresses_however_they_are_written() {
        for (url, expected) in [
            ("http://127.1/", Some(Zone::Machine)),
            ("http://0x7f000001/", Some(Zone::Machine)),
            ("http://2130706433/", Some(Zone::Machine)),
            ("http://0177.0.0.1/", Some(Zone::Machine)),
            ("http://%31%32%37.0.0.1/", Some(Zone::Machine)),
            ("http://127.0.0.1./", Some(Zone::Machine)),
            ("http://１２７.0.0.1/", Some(Zone::Machine)),
            ("http://[::ffff:7f00:1]/", Some(Zone::Machine)),
            ("http://localhost/", None),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(Zone::of_literal(&url), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn names_are_judged_by_what_they_mean() {
        let resolve = async |limit| Guard(limit).resolve("localhost".parse().unwrap()).await;
        for limit in [Zone::Public, Zone::Site, Zone::Link] {
            let error = resolve(limit).await.err().unwrap();
            assert!(error.is::<TooFarInside>(), "{error}");
        }
        assert!(resolve(Zone::Machine).await.unwrap().count() > 0);
    }
}
