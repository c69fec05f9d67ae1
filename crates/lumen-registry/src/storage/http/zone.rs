//! The zone of an address, so that no public host leads the client to a service that only
//! the client can reach.
//!
//! A registry may redirect. From a public address it must not redirect to the user's own
//! machine or network: services there trust every program that reaches them, and one of them, at a
//! link-local address, gives the virtual machines of a cloud their credentials.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// How far inside an address is: a host in one zone may lead to it and to those before it.
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

/// Networks of IPv4, each by an address and the length of its prefix. Others are public.
const V4: &[([u8; 4], u32, Zone)] = &[
    // "This network" (RFC 791): systems take it for themselves.
    ([0, 0, 0, 0], 8, Zone::Machine),
    ([127, 0, 0, 0], 8, Zone::Machine),
    ([169, 254, 0, 0], 16, Zone::Link),
    // Protocol assignments (RFC 6890).
    ([192, 0, 0, 0], 24, Zone::Link),
    // Metadata of a cloud, inside the shared network.
    ([100, 100, 100, 200], 32, Zone::Link),
    // Multicast (RFC 5771), and reserved with broadcast (RFC 1112).
    ([224, 0, 0, 0], 4, Zone::Link),
    ([240, 0, 0, 0], 4, Zone::Link),
    // Private (RFC 1918).
    ([10, 0, 0, 0], 8, Zone::Site),
    ([172, 16, 0, 0], 12, Zone::Site),
    ([192, 168, 0, 0], 16, Zone::Site),
    // Shared by a provider's customers (RFC 6598).
    ([100, 64, 0, 0], 10, Zone::Site),
    // Benchmarks inside a site (RFC 2544).
    ([198, 18, 0, 0], 15, Zone::Site),
];

/// The same for IPv6.
const V6: &[(Ipv6Addr, u32, Zone)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, Zone::Machine),
    (Ipv6Addr::LOCALHOST, 128, Zone::Machine),
    // Link-local (RFC 4291) and multicast.
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Zone::Link),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Zone::Link),
    // Metadata of a cloud.
    (
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        128,
        Zone::Link,
    ),
    // Unique local (RFC 4193), and site-local (RFC 3879).
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Zone::Site),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Zone::Site),
    // Benchmarks inside a site (RFC 5180).
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, Zone::Site),
];

/// The place of the embedded IPv4 address in an IPv6 address.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In the 32 bits after this many bits.
    After(u32),
    /// In the last 32 bits, each the other way round.
    Inverted,
}

/// Networks of IPv6 whose addresses embed one of IPv4.
const EMBEDDED: &[(Ipv6Addr, u32, Place)] = &[
    // Compatible and mapped (RFC 4291), and translated (RFC 2765).
    (Ipv6Addr::UNSPECIFIED, 96, Place::After(96)),
    (
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0),
        96,
        Place::After(96),
    ),
    (
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0),
        96,
        Place::After(96),
    ),
    // NAT64 (RFC 6052), and that of a site (RFC 8215).
    (
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0),
        48,
        Place::After(96),
    ),
    (
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0),
        48,
        Place::After(96),
    ),
    // 6to4 (RFC 3056), and Teredo (RFC 4380): a server and a client.
    (
        Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0),
        16,
        Place::After(16),
    ),
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        32,
        Place::After(32),
    ),
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        32,
        Place::Inverted,
    ),
];

impl Place {
    fn of(self, bits: u128) -> Ipv4Addr {
        let after = |length: u32| (bits >> (96 - length)) as u32;
        Ipv4Addr::from_bits(match self {
            Self::After(length) => after(length),
            Self::Inverted => !after(96),
        })
    }
}

/// Whether the first `length` bits of an address are those of a network.
const fn is_within(address: u128, network: u128, length: u32) -> bool {
    (address ^ network).leading_zeros() >= length
}

/// The innermost zone of the networks that an address is in.
fn innermost<A: Copy + Into<IpAddr>>(table: &[(A, u32, Zone)], address: u128) -> Zone {
    let zones = table.iter().filter_map(|(network, length, zone)| {
        let network = match (*network).into() {
            IpAddr::V4(network) => u128::from(network.to_bits()) << 96,
            IpAddr::V6(network) => network.to_bits(),
        };
        is_within(address, network, *length).then_some(*zone)
    });
    zones.fold(Zone::Public, Zone::max)
}

impl Zone {
    /// The zone of an address. An IPv6 address that embeds an IPv4 one counts as that one.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        innermost(V4, u128::from(address.to_bits()) << 96)
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let bits = address.to_bits();
        let zones = EMBEDDED.iter().filter_map(|(network, length, place)| {
            let is_in = is_within(bits, network.to_bits(), *length);
            is_in.then(|| Self::of_v4(place.of(bits)))
        });
        zones.fold(innermost(V6, bits), Self::max)
    }

    /// The zone of the address that a URL has in place of a name.
    pub(super) fn of_literal(url: &Url) -> Option<Self> {
        match url.host()? {
            Host::Ipv4(address) => Some(Self::of(address.into())),
            Host::Ipv6(address) => Some(Self::of(address.into())),
            Host::Domain(_) => None,
        }
    }

    /// The zone of the host that answered a request.
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

/// A name led further inside than the host that named it may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooFarInside;

impl fmt::Display for TooFarInside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is inside of this network")
    }
}

impl std::error::Error for TooFarInside {}

/// Resolves names as the system does, and leaves out addresses further inside than a zone.
/// So the client connects to the address that was checked, even if the name changes its
/// meaning.
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
            ("198.18.0.1", Zone::Site),
            ("198.19.255.255", Zone::Site),
            ("198.17.255.255", Zone::Public),
            ("198.20.0.1", Zone::Public),
            ("100.127.255.255", Zone::Site),
            ("::ffff:198.18.0.1", Zone::Site),
            ("::ffff:0:10.0.0.1", Zone::Site),
            ("64:ff9b::198.18.0.1", Zone::Site),
            ("64:ff9b::8.8.8.8", Zone::Public),
            ("64:ff9b:1::10.0.0.1", Zone::Site),
            ("2002:c612:1::1", Zone::Site),
            ("2002:808:808::1", Zone::Public),
            ("2001:0:808:808::f5ff:fffe", Zone::Site),
            ("2001:0:a00:1::f7f7:f7f7", Zone::Site),
            ("2001:0:808:808::f7f7:f7f7", Zone::Public),
            ("2001:2::1", Zone::Site),
            ("240.0.0.1", Zone::Link),
            ("239.255.255.255", Zone::Link),
            ("223.255.255.255", Zone::Public),
            ("192.0.0.255", Zone::Link),
            ("192.0.1.1", Zone::Public),
            ("2002:a9fe:a9fe::", Zone::Link),
            ("64:ff9b::127.0.0.1", Zone::Machine),
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
