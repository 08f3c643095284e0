//! Which addresses may be scanned. In: an address that somebody sent, or that another led to. Out: the same, or a refusal:
//! it must be below an allowed prefix, and its host must not be of this machine or its own network.

use axum::http::StatusCode;
use url::Url;

use super::ServiceError;
use super::hosts::Hosts;
use super::problem::Problem;
use crate::media::redact_uri;

/// What is allowed.
#[derive(Debug, Default)]
pub struct Allowed {
    prefixes: Vec<Url>,
    /// Which hosts may be asked.
    pub hosts: Hosts,
}

/// An address of http or https with a host.
pub fn parse(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let whole = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
    whole.then_some(url)
}

impl Allowed {
    /// `private` allows hosts of this machine and its own network, too.
    pub fn new(prefixes: &[String], private: bool) -> Result<Self, ServiceError> {
        let parse = |text: &String| parse(text).ok_or_else(|| ServiceError::Prefix(redact_uri(text)));
        Ok(Self { prefixes: prefixes.iter().map(parse).collect::<Result<_, _>>()?, hosts: Hosts { private } })
    }

    /// Looks the host up, and so takes a while; the connection looks again.
    pub fn check(&self, text: &str) -> Result<Url, Problem> {
        let refuse = |detail: String| Problem::request(StatusCode::FORBIDDEN, detail);
        let shown = redact_uri(text);
        let Some(url) = parse(text) else {
            return Err(refuse(format!("{shown}: is no http or https address")));
        };
        if !self.prefixes.iter().any(|prefix| is_below(&url, prefix)) {
            return Err(refuse(format!(
                "{shown}: is below no address that this service was started with (--allow-uri)"
            )));
        }
        match self.hosts.allows(&url) {
            true => Ok(url),
            false => Err(refuse(format!("{shown}: its host is of this machine or its own network"))),
        }
    }
}

/// Same scheme, host and port, and a path at or below; both are parsed, so that `..` and user names do not count. Slashes
/// that are written otherwise are refused, as the other side may read them as such.
fn is_below(url: &Url, prefix: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    let hidden = path.contains("%2f") || path.contains("%5c");
    let same = url.scheme() == prefix.scheme()
        && url.host_str() == prefix.host_str()
        && url.port_or_known_default() == prefix.port_or_known_default();
    let rest = url.path().strip_prefix(prefix.path());
    same && !hidden && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.path().ends_with('/'))
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
            "https://media.example.org/calls/..%2Fsecret",
            "https://media.example.org/calls/..%5csecret",
            "https://media.example.org@evil.example/calls/a.mp4",
            "https://media.example.org.evil.example/calls/a.mp4",
            "https://media.example.org:8443/calls/a.mp4",
            "rtsp://media.example.org/calls/a",
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
        let allowed = Allowed::new(&["http://127.0.0.1/".into(), "http://0x7f.1/".into()], false).unwrap();
        assert!(allowed.check("http://127.0.0.1/a.mp4").is_err());
        assert!(allowed.check("http://2130706433/a.mp4").is_err(), "the same address as a number");
    }
}
