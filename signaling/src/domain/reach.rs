//! Which addresses the service sends to because an organisation's administrator
//! said so. They are not the operator: without this they could have the server
//! ask for whatever only the server reaches (server-side request forgery).

use conclave_wire::code::Code;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use url::{Host, Url};

/// Longest address of an endpoint, characters.
const MAX_URL: usize = 500;

/// How far endpoints may be reached; each reaches what those before it do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Addresses of the internet.
    #[default]
    Public,
    /// Those of private networks, too.
    Private,
    /// And this machine, over HTTP as well as HTTPS: for trying it out.
    Loopback,
}

impl FromStr for Reach {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "public" => Ok(Self::Public),
            "private" => Ok(Self::Private),
            "loopback" => Ok(Self::Loopback),
            _ => Err("either public, private or loopback"),
        }
    }
}

impl Reach {
    /// Whether something may be sent to that address. Whatever is neither of the
    /// internet nor of a private network, such as the link-local addresses at
    /// which clouds tell machines their secrets, never is.
    pub fn allows(self, address: IpAddr) -> bool {
        kind(address).is_some_and(|needed| needed <= self)
    }

    /// The address of an endpoint. What its name stands for is looked at with
    /// each attempt.
    ///
    /// # Errors
    /// [`Code::WebhookAddress`] for what is none, or none that is reached.
    pub fn endpoint(self, text: &str) -> Result<Url, Code> {
        let url = Url::parse(text).map_err(|_| Code::WebhookAddress)?;
        let (here, allowed) = match url.host() {
            Some(Host::Ipv4(address)) => at(self, address.into()),
            Some(Host::Ipv6(address)) => at(self, address.into()),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                let here = name == "localhost" || name.ends_with(".localhost");
                (here, !here || self == Self::Loopback)
            }
            None => (false, false),
        };
        let scheme = match url.scheme() {
            "https" => true,
            "http" => here,
            _ => false,
        };
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && text.chars().count() <= MAX_URL;
        match allowed && scheme && plain {
            true => Ok(url),
            false => Err(Code::WebhookAddress),
        }
    }
}

fn at(reach: Reach, address: IpAddr) -> (bool, bool) {
    let here = kind(address) == Some(Reach::Loopback);
    (here, reach.allows(address))
}

/// What it takes to reach an address; nothing: it never is.
fn kind(address: IpAddr) -> Option<Reach> {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

/// The IANA IPv4 Special-Purpose Address Registry (RFC 6890).
fn kind_of_v4(address: Ipv4Addr) -> Option<Reach> {
    match address.octets() {
        [127, ..] => Some(Reach::Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
            Some(Reach::Private)
        }
        // This host, link-local, protocol assignments, documentation, 6to4
        // relays, benchmarks, multicast and what is reserved.
        [0, ..] | [169, 254, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] => None,
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] | [224..=255, ..] => None,
        _ => Some(Reach::Public),
    }
}

/// The IANA IPv6 registry likewise. What carries an IPv4 address is that one.
fn kind_of_v6(address: Ipv6Addr) -> Option<Reach> {
    let within = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        kind_of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Reach::Loopback),
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            within(high, low)
        }
        [0x2002, high, low, ..] => within(high, low),
        [0xfc00..=0xfdff, ..] => Some(Reach::Private),
        // Teredo and other protocols', and documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => None,
        [0x2000..=0x3fff, ..] => Some(Reach::Public),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_reached_only_as_far_as_the_operator_says() {
        use Reach::{Loopback, Private, Public};
        for (addresses, needed) in [
            (
                "8.8.8.8 100.128.0.1 172.32.0.1 192.169.0.1 2606:4700::1 64:ff9b::808:808 \
                 ::ffff:8.8.8.8",
                Some(Public),
            ),
            (
                "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 fd00::1 fc00::1 \
                 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1::1",
                Some(Private),
            ),
            (
                "127.0.0.1 127.255.0.1 ::1 ::ffff:127.0.0.1 2002:7f00:1::",
                Some(Loopback),
            ),
            (
                "0.0.0.0 0.1.2.3 169.254.169.254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe \
                 192.0.0.1 192.0.2.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::7f00:1 \
                 fe80::1 fec0::1 ff02::1 2001::1 2001:db8::1 64:ff9b:1::1 4000::1",
                None,
            ),
        ] {
            for address in addresses.split_whitespace() {
                let address: IpAddr = address.parse().unwrap();
                for reach in [Public, Private, Loopback] {
                    let expected = needed.is_some_and(|needed| needed <= reach);
                    assert_eq!(reach.allows(address), expected, "{address} by {reach:?}");
                }
            }
        }
    }

    #[test]
    fn an_endpoint_is_of_https_and_of_http_on_this_machine_alone() {
        let taken = |reach: Reach, url: &str| reach.endpoint(url).is_ok();
        for url in [
            "https://his.example/in?a=b",
            "https://8.8.8.8:8443/",
            "https://his",
        ] {
            assert!(taken(Reach::Public, url), "{url}");
        }
        for url in [
            "https://10.0.0.1/",
            "https://[fd00::1]/",
            "https://0xa000001/",
        ] {
            assert!(!taken(Reach::Public, url), "{url}");
            assert!(taken(Reach::Private, url), "{url}");
        }
        for url in [
            "http://127.0.0.1:3000/",
            "https://127.1/",
            "http://[::1]:3000/",
            "http://localhost:3000/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "http://2130706433/",
        ] {
            assert!(!taken(Reach::Private, url), "{url}");
            assert!(taken(Reach::Loopback, url), "{url}");
        }
        let long = format!("https://his.example/{}", "a".repeat(MAX_URL));
        for url in [
            "http://his.example/",
            "http://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[fe80::1]/",
            "https://a:b@his.example/",
            "https://a@his.example/",
            "https://his.example/#a",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "his.example",
            "https://",
            "",
            &long,
        ] {
            assert!(!taken(Reach::Loopback, url), "{url}");
        }
    }
}
