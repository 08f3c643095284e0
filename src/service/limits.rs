//! What every request passes. In: a request, an answer. Out: who asks; a refusal of what comes from elsewhere or too
//! often; a line in the audit log; headers that keep browsers from guessing; problem details in place of bare statuses.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::app::{App, in_thread};
use super::audit::{self, Asked, Entry, action};
use super::auth::Who;
use super::listen::Peer;
use super::problem::Problem;
use super::traces;

/// Marks an answer whose body is what its client wants, whatever its status.
#[derive(Debug, Clone, Copy)]
pub struct Meant;

/// Around every route.
pub async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let from = Instant::now();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let asked = action(&method, &path);
    let span = span(&method, asked.as_ref());
    let (who, response) = match admit(&app, &request, peer, from) {
        Ok(who) => {
            request.extensions_mut().insert(who.clone());
            traces::join(&span, request.headers());
            let response = next.run(request).instrument(span.clone()).await;
            // Whoever signs in is known from the answer on.
            let who = response.extensions().get::<Who>().cloned().unwrap_or(who);
            (who, response)
        }
        Err(refused) => (Who::default(), refused.into_response()),
    };
    let mut response = with_problem(response);
    let status = response.status().as_u16();
    if let Some(count) = app.counted.answers.get(usize::from(status / 100).saturating_sub(1)) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    let call = asked.as_ref().and_then(|(_, call)| call.clone()).or_else(|| created(&response));
    let ms = from.elapsed().as_secs_f64() * 1e3;
    span.record("http.response.status_code", status);
    if response.status().is_server_error() {
        traces::failed(&span);
    }
    if let Some(call) = &call {
        span.record("call", call);
    }
    tracing::info!(%method, action = asked.as_ref().map(|a| a.0), call, who = who.name, tenant = who.tenant, status, ms, "request");
    if let Some((action, _)) = asked.filter(|_| status != 429) {
        let (who, tenant) = (who.name, who.tenant);
        let entry = Entry { utc: audit::now(), who, tenant, peer, action, call, status };
        // What could not be logged is in the service's own log.
        let _ = in_thread(move || app.audit.write(&entry)).await;
    }
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    response
}

/// A request as traces show it; the names with dots are OpenTelemetry's.
fn span(method: &Method, asked: Option<&Asked>) -> Span {
    let name = asked.map_or("other", |asked| asked.0);
    tracing::info_span!("request", otel.name = name, otel.kind = "server", http.request.method = %method,
        http.response.status_code = Empty, otel.status_code = Empty, call = Empty)
}

/// The call that an answer says was made.
fn created(response: &Response) -> Option<String> {
    let place = response.headers().get(header::LOCATION)?.to_str().ok()?;
    place.strip_prefix("/v1/calls/").or_else(|| place.strip_prefix("/v1/live/")).map(str::to_owned)
}

/// Who asks, unless it is refused: it comes from elsewhere, or too often.
fn admit(app: &App, request: &Request, peer: Option<IpAddr>, now: Instant) -> Result<Who, Problem> {
    if let Some(refused) = foreign(request.headers(), request.method(), app.loopback) {
        return Err(refused);
    }
    let headers = request.headers();
    let who = match app.keys.is_empty() || headers.contains_key(header::AUTHORIZATION) {
        true => app.keys.who(headers),
        false => app.sessions.who(headers).unwrap_or_default(),
    };
    let from = peer.map_or_else(String::new, |ip| ip.to_string());
    let busy = |seconds| Problem::busy(seconds, "too many requests: ask less often");
    if !who.is_known() && headers.contains_key(header::AUTHORIZATION) {
        app.attempts.take(&from, now).map_err(busy)?;
    }
    // A cookie comes with whatever a browser sends: what changes something must say that it comes from a page of ours.
    if who.session && !is_harmless(request.method(), headers) && !headers.contains_key(header::ORIGIN) {
        return Err(Problem::request(StatusCode::FORBIDDEN, "a browser's request of this kind has to name its Origin"));
    }
    let client = if who.name.is_empty() { from } else { who.client() };
    app.rates.take(&client, now).map_err(busy)?;
    Ok(who)
}

/// What the framework refuses by itself says so in its own words; every error here is a problem.
fn with_problem(response: Response) -> Response {
    let status = response.status();
    let problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|v| v == "application/problem+json");
    let meant = problem || response.extensions().get::<Meant>().is_some();
    if meant || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut replaced = Problem::of_status(status).into_response();
    if let Some(allow) = allow {
        replaced.headers_mut().insert(header::ALLOW, allow);
    }
    replaced
}

/// A page of another site cannot use a service on this machine: neither by a name that leads here (DNS rebinding), nor
/// by a form that it sends.
fn foreign(headers: &HeaderMap, method: &Method, loopback: bool) -> Option<Problem> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host = text(header::HOST).and_then(|host| Authority::from_str(host).ok());
    let Some(host) = host else {
        return Some(Problem::request(StatusCode::BAD_REQUEST, "send a Host header"));
    };
    if loopback && !is_local(host.host()) {
        let detail = "this service answers to localhost alone";
        return Some(Problem::request(StatusCode::MISDIRECTED_REQUEST, detail));
    }
    let origin = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or_default());
    let own = |origin: &str| origin.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host.as_str()));
    if !is_harmless(method, headers) && origin.is_some_and(|origin| !own(origin)) {
        let detail = "pages of other sites may not change anything here, nor open a socket";
        return Some(Problem::request(StatusCode::FORBIDDEN, detail));
    }
    None
}

/// True for what changes nothing and whose answer a browser keeps from pages of other sites. A WebSocket's is not kept
/// from them (RFC 6455, section 10.2).
fn is_harmless(method: &Method, headers: &HeaderMap) -> bool {
    method.is_safe() && !headers.contains_key(header::UPGRADE)
}

fn is_local(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: &str, origin: Option<&str>, method: Method) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        foreign(&headers, &method, true).is_some()
    }

    #[test]
    fn an_answer_that_is_meant_stays_and_others_become_problems() {
        let body = |response: Response| response.headers().get(header::CONTENT_TYPE).cloned().unwrap();
        let bare = (StatusCode::SERVICE_UNAVAILABLE, axum::Json("x")).into_response();
        assert_eq!(body(with_problem(bare)), "application/problem+json");
        let meant = (StatusCode::SERVICE_UNAVAILABLE, axum::Extension(Meant), axum::Json("x")).into_response();
        assert_eq!(body(with_problem(meant)), "application/json");
    }

    #[test]
    fn other_names_and_other_sites_are_refused() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "127.9.9.9"] {
            assert!(!refused(host, None, Method::POST), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"]
        {
            assert!(refused(host, None, Method::GET), "{host}");
        }
        assert!(!refused("localhost:1", Some("http://localhost:1"), Method::POST));
        for origin in ["null", "http://evil.example", "http://localhost:2", "http://localhost:1.evil.example"] {
            assert!(refused("localhost:1", Some(origin), Method::DELETE), "{origin}");
        }
    }
}
