//! Which hosts this service asks for something. In: an address. Out: a client that connects to public hosts alone: what
//! a name leads to is looked at when the connection is made, so that no later answer of a name server counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use url::{Host, Url};

/// How long a server may take to be found and to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// How long it may send nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// Largest head of an answer.
const MAX_HEAD: usize = 64 << 10;

/// Which hosts may be asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hosts {
    /// Also those of this machine and its own network.
    pub private: bool,
}

/// A host that must not be asked.
#[derive(Debug, thiserror::Error)]
#[error("its host is of this machine or its own network")]
pub struct Inside;

impl Hosts {
    /// True when the address names a host that may be asked, as far as one knows before connecting; looks it up, and so
    /// takes a while.
    pub fn allows(self, url: &Url) -> bool {
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses = match url.host() {
            None => return false,
            _ if self.private => return true,
            Some(Host::Ipv4(ip)) => vec![IpAddr::V4(ip)],
            Some(Host::Ipv6(ip)) => vec![IpAddr::V6(ip)],
            Some(Host::Domain(name)) => {
                (name, port).to_socket_addrs().into_iter().flatten().map(|address| address.ip()).collect()
            }
        };
        addresses.into_iter().all(is_public)
    }

    /// A client that connects to these alone, in `most` at longest. It follows no redirect and knows no proxy.
    pub fn client(self, most: Duration) -> ureq::Agent {
        let config = ureq::Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .max_response_header_size(MAX_HEAD)
            .max_idle_connections(0)
            .user_agent(concat!("unmask/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(most))
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .build();
        ureq::Agent::with_parts(config, DefaultConnector::default(), self)
    }
}

impl Resolver for Hosts {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        match self.private || found.iter().all(|address| is_public(address.ip())) {
            true => Ok(found),
            false => Err(ureq::Error::Other(Box::new(Inside))),
        }
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match (ip.to_ipv4(), ip.segments()) {
            // Mapped and compatible, ::1 and :: among them.
            (Some(ip), _) => is_public_v4(ip),
            // 64:ff9b::/96 and 2002::/16 lead to IPv4 addresses.
            (_, [0x64, 0xff9b, ..] | [0x2002, ..]) => false,
            _ => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

/// Global unicast (2000::/3) but for documentation, for what IANA keeps for protocols (2001::/23: Teredo, which has an IPv4
/// address in it, among them), and for ISATAP, which has one, too.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, _, _, _, isatap, ..] = ip.segments();
    let documentation = (a == 0x2001 && b == 0xdb8) || (a == 0x3fff && b < 0x1000);
    let protocols = a == 0x2001 && b < 0x200;
    a & 0xe000 == 0x2000 && !documentation && !protocols && isatap != 0x5efe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_the_own_network_are_refused() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2606:2800::5efe:10.0.0.1",
            "3fff:1::1",
            "ff02::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
        for bad in ["http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://[::1]/", "http://localhost/"] {
            let url = Url::parse(bad).unwrap();
            assert!(!Hosts::default().allows(&url), "{bad}");
            assert!(Hosts { private: true }.allows(&url), "{bad}");
        }
    }

    #[test]
    fn a_client_looks_again_when_it_connects() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        for host in ["127.0.0.1", "localhost"] {
            let address = format!("http://{host}:{}/", listener.local_addr().unwrap().port());
            let error = Hosts::default().client(Duration::from_secs(5)).get(&address).call().unwrap_err();
            assert!(matches!(error, ureq::Error::Other(_)), "{error}");
        }
        assert!(listener.accept().is_err(), "nobody has called");
    }
}
