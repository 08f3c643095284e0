//! What browsers are given. In: requests from people. Out: the review page and the page of the interface, each one file
//! with a strict policy; signing in and out. The review page itself asks `/v1` as any client does.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, extract::FromRequest};
use maud::{Markup, html};

use super::app::App;
use super::auth::Who;
use super::dto::{SessionBody, SignIn};
use super::listen::Peer;
use super::problem::Problem;
use super::{docs, openapi, upload};
use crate::error::ErrorKind;
use crate::report::shell::{Shell, page};
use crate::types::record::SCOPE;

/// Beside the policy that a page states itself.
const POLICY: &str =
    "object-src 'none'; worker-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the review page may do: ask this service, and show its reports.
const REVIEW_POLICY: &str = "connect-src 'self'; frame-src 'self'";

/// Filters: what is asked for, and in words.
const FILTERS: [(&str, &str, &str); 7] = [
    ("result", "signs_found", "signs of masking"),
    ("result", "inconclusive", "inconclusive"),
    ("result", "no_signs_found", "no signs found"),
    ("result", "not_assessed", "not assessed"),
    ("state", "failed", "could not be scanned"),
    ("state", "running", "being scanned"),
    ("state", "waiting", "waiting"),
];

static REVIEW: LazyLock<Bytes> = LazyLock::new(|| {
    let style = concat!(include_str!("../report/index/index.css"), include_str!("review.css"));
    let (script, title) = (include_str!("review.js"), "Calls · unmask");
    page(&Shell { title, style, policy: REVIEW_POLICY, script, data: None, body: review_body() }).into()
});

static DOCS: LazyLock<Bytes> = LazyLock::new(|| docs::page_of(&openapi::document()).into());

fn html_page(bytes: &'static Bytes) -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let policy = HeaderValue::from_static(POLICY);
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, policy)], Body::from(bytes.clone()))
        .into_response()
}

/// The review page. It holds nothing of any call.
pub async fn review() -> Response {
    html_page(&REVIEW)
}

/// The interface, for people.
pub async fn docs() -> Response {
    html_page(&DOCS)
}

/// Who asks.
pub async fn session(who: Extension<Who>) -> Json<SessionBody> {
    Json(body_of(&who))
}

fn body_of(who: &Who) -> SessionBody {
    let (name, tenant) = (who.name.clone(), who.tenant.clone());
    SessionBody { name, tenant, scopes: who.scopes(), signed_in: who.session }
}

/// Takes a key for a cookie.
pub async fn sign_in(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    if app.keys.is_empty() {
        return Err(Problem::request(StatusCode::CONFLICT, "no key is needed here: nobody signs in"));
    }
    let from = request.extensions().get::<Peer>().map_or_else(String::new, |peer| peer.0.to_string());
    let sent = tokio::time::timeout(upload::IDLE, Json::<SignIn>::from_request(request, &())).await;
    let sent = sent.map_err(|_| upload::idle())?;
    let Json(SignIn { key }) =
        sent.map_err(|e| Problem::request(e.status(), "send {\"key\": …} as application/json"))?;
    let Some(who) = app.keys.of(&key) else {
        let busy = |seconds| Problem::busy(seconds, "too many wrong keys: try again later");
        app.attempts.take(&from, Instant::now()).map_err(busy)?;
        let problem = Problem::request(StatusCode::UNAUTHORIZED, "there is no such key");
        return Err(problem.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
    };
    let random = |_| Problem::of(ErrorKind::Environment, "no random numbers: try again");
    let (who, cookie) = app.sessions.open(who).map_err(random)?;
    let mut response = ([(header::SET_COOKIE, cookie)], Json(body_of(&who))).into_response();
    response.extensions_mut().insert(who);
    Ok(response)
}

/// Makes the cookie worthless.
pub async fn sign_out(State(app): State<Arc<App>>, request: Request) -> Response {
    let cookie = app.sessions.close(request.headers());
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

fn review_body() -> Markup {
    html! {
        nav.links aria-label="Pages" {
            a href="/live" { "Live interview" }
            a href="/docs" { "Interface" }
            span #who hidden { span #who-name {} button type="button" #sign-out { "Sign out" } }
        }
        // Named, as a report inside has both, too.
        header.masthead aria-label="Review" {
            p.brand { b { "unmask" } " review of calls" }
            h1 #title tabindex="-1" { "Calls" }
        }
        main #main aria-label="Calls" {
            noscript { p { "This page needs scripts. " a href="/docs" { "The interface" } " does not." } }
            p #said role="status" {}
            (sign_in_form())
            div #overview hidden { p.scope { (SCOPE) } (uploads()) (controls()) (calls()) }
            div #call hidden {
                p.files #call-files {}
                div #call-said {}
                iframe #report title="Report of the call" hidden {}
            }
        }
        dialog #ask aria-labelledby="ask-title" {
            h2 #ask-title { "Delete this call?" }
            p { b #ask-name {} }
            p { "Its recording, records, report and evidence go, and cannot be had back." }
            div.buttons {
                button type="button" #ask-no { "Keep it" }
                button.danger type="button" #ask-yes { "Delete" }
            }
        }
    }
}

fn sign_in_form() -> Markup {
    html! {
        form #sign-in hidden {
            label for="key" { "Key" }
            input #key type="password" autocomplete="current-password" required maxlength="200" spellcheck="false";
            button type="submit" { "Sign in" }
            p.note { "A key as the operator has handed it out. It is not kept in this browser." }
        }
    }
}

fn uploads() -> Markup {
    html! {
        section #drop aria-label="Send recordings" hidden {
            input #file type="file" multiple accept="video/*,audio/*,.mkv,.ts,.flac" aria-label="Recordings to scan";
            label.button for="file" aria-hidden="true" { "Choose recordings" }
            span.note { "or drop them anywhere on this page" }
            ul #uploads {}
        }
    }
}

fn controls() -> Markup {
    html! {
        div.controls {
            label.sr for="search" { "Find by name" }
            input #search type="search" placeholder="Find by name" autocomplete="off" maxlength="200";
            div.filters role="group" aria-label="Show" {
                button type="button" data-value="" aria-pressed="true" { "all" }
                @for (by, value, word) in FILTERS {
                    button type="button" data-by=(by) data-value=(value) aria-pressed="false" { (word) }
                }
            }
        }
    }
}

fn calls() -> Markup {
    html! {
        div.columns aria-hidden="true" {
            span { "Call" } span { "Result" } span { "P(masked), 95 % range" } span { "Signs" } span { "Files" }
        }
        ol.calls #calls {}
        p.none #none hidden { "No call fits." }
        div.buttons #pager hidden {
            button type="button" #newer { "Newer" }
            button type="button" #older { "Older" }
        }
    }
}
