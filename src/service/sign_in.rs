//! Signing in and out. In: a key, once, or the cookie that stands for it. Out: who asks; cookies.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Extension, FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::auth::Who;
use super::dto::{SessionBody, SignIn};
use super::listen::Peer;
use super::problem::Problem;
use super::upload;
use crate::error::ErrorKind;

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
