//! What browsers are given. In: requests from people. Out: the review page, the page of a live interview, and the page of
//! the interface, each one file with a strict policy.

mod docs;
mod live;
mod review;

use std::sync::{Arc, LazyLock};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::openapi;
use super::problem::Problem;

/// Beside the policy that a page states itself.
const POLICY: &str =
    "object-src 'none'; worker-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static REVIEW: LazyLock<Bytes> = LazyLock::new(|| review::review_page().into());

static DOCS: LazyLock<Bytes> = LazyLock::new(|| docs::page_of(&openapi::document()).into());

fn html_page(page: Bytes) -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let policy = HeaderValue::from_static(POLICY);
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, policy)], Body::from(page)).into_response()
}

/// The review page. It holds nothing of any call.
pub async fn review() -> Response {
    html_page(REVIEW.clone())
}

/// The page that publishes from a browser.
pub async fn live(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    super::live::here(&app)?;
    Ok(html_page(live::live_page(&app.config.verdict).into()))
}

/// The interface, for people.
pub async fn docs() -> Response {
    html_page(DOCS.clone())
}
