//! Recordings at addresses. In: an allowed address. Out: a file on the disk: the service fetches it itself, so that each
//! step of the way can be refused, and the decoder never opens an address.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use axum::http::{StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

use super::app::App;
use super::hosts::Inside;
use super::keep::{self, disk, too_large};
use super::problem::Problem;
use crate::error::ErrorKind;
use crate::media::redact_uri;

/// Longest fetch.
const MOST: Duration = Duration::from_secs(3600);

/// Most redirects.
const HOPS: usize = 5;

/// Read at once.
const BLOCK: usize = 64 << 10;

/// Fetches what lies at `address` to `path`. Refusals and failures name the address without its secrets.
pub fn fetch(app: &App, address: &str, path: &Path) -> Result<(), Problem> {
    let client = app.allowed.hosts.client(MOST);
    let mut url = app.allowed.check(address)?;
    for _ in 0..=HOPS {
        let failed = |reason: String| Problem::of(ErrorKind::Input, format!("{}: {reason}", redact_uri(url.as_str())));
        let mut answer = request(&client, &url).call().map_err(|e| failed(reason(&e)))?;
        let status = answer.status();
        if status.is_redirection() {
            let to = answer.headers().get("location").and_then(|to| to.to_str().ok());
            let next = to.and_then(|to| url.join(to).ok());
            let next = next.ok_or_else(|| failed(format!("the server answered {status} and leads nowhere")))?;
            url = app.allowed.check(next.as_str())?;
            continue;
        }
        if status != StatusCode::OK.as_u16() {
            return Err(failed(format!("the server answered {status}: check the address")));
        }
        return receive(app, &mut answer.body_mut().as_reader(), path, &failed);
    }
    Err(Problem::of(ErrorKind::Input, format!("{}: leads on and on", redact_uri(address))))
}

/// User and password go to the address that has them, and to no other.
fn request(client: &ureq::Agent, url: &Url) -> ureq::RequestBuilder<ureq::typestate::WithoutBody> {
    let (user, password) = (url.username(), url.password().unwrap_or_default());
    let mut plain = url.clone();
    // Addresses with a host take both.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    let request = client.get(plain.as_str());
    if user.is_empty() && password.is_empty() {
        return request;
    }
    let text = |part: &str| percent_decode_str(part).collect::<Vec<u8>>();
    let pair = STANDARD.encode([text(user), b":".to_vec(), text(password)].concat());
    request.header(header::AUTHORIZATION.as_str(), format!("Basic {pair}"))
}

fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Other(inner) if inner.is::<Inside>() => Inside.to_string(),
        ureq::Error::Timeout(_) => "the server took too long: try again".into(),
        error => format!("cannot be fetched ({error}): check the address and that the server runs"),
    }
}

fn receive(app: &App, from: &mut dyn Read, path: &Path, failed: &dyn Fn(String) -> Problem) -> Result<(), Problem> {
    let mut kept = keep::part(app)?;
    let (mut block, mut bytes) = (vec![0; BLOCK], 0);
    while !app.stop.is_cancelled() {
        let n = from.read(&mut block).map_err(|e| failed(format!("broke off ({e}): try again")))?;
        let read = block.get(..n).unwrap_or_default();
        if n == 0 {
            return keep::last(kept, path);
        }
        bytes += n as u64;
        if bytes > app.config.limits.max_bytes {
            return Err(too_large(app));
        }
        kept.write_all(read).map_err(|e| disk(&e))?;
    }
    Err(Problem::busy(10, "the service is stopping"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_decoded_once() {
        let url = Url::parse("https://a%40b+c%25:p%3A@example.org/x?k=1").unwrap();
        let request = request(&ureq::agent(), &url);
        assert_eq!(request.uri_ref().map(ToString::to_string).as_deref(), Some("https://example.org/x?k=1"));
        let sent = request.headers_ref().and_then(|headers| headers.get("authorization")).unwrap();
        assert_eq!(sent.to_str().unwrap(), format!("Basic {}", STANDARD.encode("a@b+c%:p:")));
    }
}
