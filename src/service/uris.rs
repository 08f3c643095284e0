//! Which addresses may be scanned. In: an address that somebody sent. Out: the same, or a refusal: it must be below an
//! allowed prefix, and its host must not be of this machine or its own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

use axum::http::StatusCode;
use url::Url;

use super::ServiceError;
use super::problem::Problem;
use crate::media::{Input, redact_uri};

/// What is allowed.
#[derive(Debug, Default)]
pub struct Allowed {
    prefixes: Vec<Url>,
    private: bool,
}

impl Allowed {
    /// `private` allows hosts of this machine and its own network, too.
    pub fn new(prefixes: &[String], private: bool) -> Result<Self, ServiceError> {
        let parse = |text: &String| match Input::parse(text) {
            Ok(Input::Uri(url)) if url.host_str().is_some_and(|host| !host.is_empty()) => Ok(url),
            _ => Err(ServiceError::Prefix(redact_uri(text))),
        };
        Ok(Self { prefixes: prefixes.iter().map(parse).collect::<Result<_, _>>()?, private })
    }

    /// Looks the host up, and so takes a while.
    pub fn check(&self, text: &str) -> Result<Url, Problem> {
        let refuse = |detail: String| Problem::request(StatusCode::FORBIDDEN, detail);
        let shown = redact_uri(text);
        let Ok(Input::Uri(url)) = Input::parse(text) else {
            return Err(refuse(format!("{shown}: is no http, https, rtsp or rtsps address")));
        };
        if !self.prefixes.iter().any(|prefix| is_below(&url, prefix)) {
            return Err(refuse(format!(
                "{shown}: is below no address that this service was started with (--allow-uri)"
            )));
        }
        if self.private {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_or_known_default().unwrap_or(554);
        let addresses = (host.as_str(), port).to_socket_addrs();
        let addresses: Vec<IpAddr> = addresses.into_iter().flatten().map(|address| address.ip()).collect();
        if addresses.is_empty() {
            return Err(refuse(format!("{shown}: its host is not known")));
        }
        match addresses.into_iter().all(is_public) {
            true => Ok(url),
            false => Err(refuse(format!("{shown}: its host is of this machine or its own network"))),
        }
    }
}

/// Same scheme, host and port, and a path at or below; both are parsed, so that `..` and user names do not count.
fn is_below(url: &Url, prefix: &Url) -> bool {
    let same = url.scheme() == prefix.scheme()
        && url.host_str() == prefix.host_str()
        && url.port_or_known_default() == prefix.port_or_known_default();
    let rest = url.path().strip_prefix(prefix.path());
    same && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.path().ends_with('/'))
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

/// Global unicast (2000::/3) but for documentation.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    a & 0xe000 == 0x2000 && !(a == 0x2001 && b == 0xdb8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_a_prefix_is_allowed() {
        let allowed = Allowed::new(&["https://media.example.org/calls".into()], true).unwrap();
        for good in ["https://media.example.org/calls/a.mp4?k=1", "https://MEDIA.example.org:443/calls"] {
            assert!(allowed.check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://media.example.org/calls/a.mp4",
            "https://media.example.org/calls-of-others/a.mp4",
            "https://media.example.org/calls/../secret",
            "https://media.example.org/calls/%2e%2e/secret",
            "https://media.example.org@evil.example/calls/a.mp4",
            "https://media.example.org.evil.example/calls/a.mp4",
            "https://media.example.org:8443/calls/a.mp4",
            "file:///etc/passwd",
            "/etc/passwd",
            "-",
        ] {
            assert!(allowed.check(bad).is_err(), "{bad}");
        }
        assert!(Allowed::new(&["file:///srv".into()], false).is_err());
    }

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
            "ff02::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
        let allowed = Allowed::new(&["http://127.0.0.1/".into(), "http://0x7f.1/".into()], false).unwrap();
        assert!(allowed.check("http://127.0.0.1/a.mp4").is_err());
        assert!(allowed.check("http://2130706433/a.mp4").is_err(), "the same address as a number");
    }
}
