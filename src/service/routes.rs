//! The routes. In: requests. Out: answers; every error is a [`Problem`].

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Extension, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete as ending, get, post};
use axum::{Json, Router, middleware};
use sha2::{Digest, Sha256};

use super::app::{App, in_thread};
use super::auth::{Scope, Who};
use super::dto::{CallBody, CallList, CallState, PageQuery};
use super::problem::Problem;
use super::{events, files, keep, limits, live, metrics, openapi, pages, sign_in, socket, upload};
use crate::infer::hex;
use crate::report::ReportKind;
use crate::store::{Answer, Ask, Progress, Which, hash_files};

/// Calls on a page unless said.
const PAGE: usize = 50;

/// Most calls on a page.
const MAX_PAGE: usize = 200;

/// Seconds after which a place in the queue is likely.
const RETRY_S: u32 = 10;

/// Beside the policy that a report states itself: no request to this service, and no frame around it but
/// the review page's.
const REPORT_POLICY: &str = "connect-src 'none'; object-src 'none'; frame-src 'none'; worker-src 'none'; \
                             base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/calls", get(list).post(submit).layer(DefaultBodyLimit::disable()))
        .route("/v1/calls/{id}", get(look).delete(delete))
        .route("/v1/calls/{id}/records", get(records))
        .route("/v1/calls/{id}/report.html", get(report))
        .route("/v1/calls/{id}/evidence", get(evidence))
        .route("/v1/calls/{id}/events", get(follow))
        .route("/v1/calls/{id}/socket", get(talk))
        .route("/v1/live", post(live::publish).layer(DefaultBodyLimit::disable()))
        .route("/v1/live/{id}", ending(live::end))
        .route("/live", get(pages::live))
        .route("/v1/session", get(sign_in::session).post(sign_in::sign_in).delete(sign_in::sign_out))
        .route("/", get(pages::review))
        .route("/docs", get(pages::docs))
        .route("/healthz", get(health))
        .route("/metrics", get(figures))
        .route("/openapi.json", get(|| async { Json(openapi::document()) }))
        .layer(middleware::from_fn_with_state(app.clone(), limits::guard))
        .with_state(app)
}

async fn submit(State(app): State<Arc<App>>, who: Extension<Who>, request: Request) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    who.may(Scope::Submit)?;
    let once = once(&headers, &who.client())?;
    let full = || Problem::busy(RETRY_S, "as many calls wait as may: send it again later");
    let (most, tenant) = (app.queue, who.tenant.clone());
    // One that was accepted before is answered even now, and so cannot be refused here.
    if once.is_none() && app.read(move |store| store.is_full(&tenant, most)).await? {
        return Err(full());
    }
    let many = || Problem::busy(RETRY_S, "too many uploads at once: send it again later");
    let place = app.uploads.take(&who.client()).ok_or_else(many)?;
    let sent = upload::receive(&app, request).await?;
    let (sent_to, id) = (sent.target.clone(), sent.name.clone());
    let (tenant, webhook) = (who.tenant.clone(), sent.webhook);
    let (name, shown, target, request) = (sent.name, sent.shown, sent.target, sent.request);
    let ask = Ask { name, shown, target, request, once, tenant, webhook };
    let answer = app.write(move |store| store.accept(&ask, most)).await?;
    // Whoever prefers to wait for the end keeps nobody from sending meanwhile.
    drop(place);
    let known = match answer {
        Ok(Answer::New(_)) => None,
        other => {
            keep::discard(&app, &sent_to);
            match other? {
                Answer::Known(call) => Some(call.name),
                Answer::Full => return Err(full()),
                _ => {
                    let detail = "this Idempotency-Key was used for another recording: take a new one";
                    return Err(Problem::of(crate::ErrorKind::Input, detail));
                }
            }
        }
    };
    let replayed = known.is_some();
    let id = known.unwrap_or(id);
    app.jobs.wake();
    app.tell();
    let mut response = answer_with(&app, &id, &who, &headers, StatusCode::ACCEPTED).await?;
    let place = files::value(format!("/v1/calls/{id}"));
    response.headers_mut().insert(header::LOCATION, place);
    if replayed {
        let name = HeaderName::from_static("idempotent-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// A client's key, under the client's name: hashed, as it may be anything.
fn once(headers: &HeaderMap, who: &str) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    if key.is_empty() || key.len() > 255 {
        return Err(Problem::of(crate::ErrorKind::Usage, "an Idempotency-Key has 1 to 255 characters"));
    }
    let mut hash = Sha256::new();
    hash.update(who.as_bytes());
    hash.update([0]);
    hash.update(key.as_bytes());
    Ok(Some(hex(&hash.finalize())))
}

/// The call, at once or when `Prefer: wait` is over; `status` unless it has ended. When too many wait, it is a preference
/// that is not applied (RFC 7240).
async fn answer_with(
    app: &Arc<App>,
    id: &str,
    who: &Who,
    headers: &HeaderMap,
    status: StatusCode,
) -> Result<Response, Problem> {
    let wait = events::preferred_wait(headers);
    let waited = match wait {
        Some(seconds) => events::wait(app, id, who, seconds).await?,
        None => None,
    };
    let wait = wait.filter(|_| waited.is_some());
    let call = match waited {
        Some(call) => call,
        None => app.call(id, &who.tenant).await?,
    };
    let status = if call.has_ended() { StatusCode::OK } else { status };
    let call = if who.has(Scope::Read) { call } else { call.without_results() };
    let mut response = (status, Json(call)).into_response();
    if let Some(seconds) = wait {
        let name = HeaderName::from_static("preference-applied");
        response.headers_mut().insert(name, files::value(format!("wait={seconds}")));
    }
    Ok(response)
}

async fn list(State(app): State<Arc<App>>, who: Extension<Who>, request: Request) -> Result<Response, Problem> {
    who.may(Scope::Read)?;
    let bad = |detail: &str| Problem::of(crate::ErrorKind::Usage, detail);
    let query = Query::<PageQuery>::try_from_uri(request.uri());
    let wrong = "give limit and cursor as numbers, state and result by one of their names, or none of them";
    let Query(PageQuery { state, result, name, limit, cursor }) = query.map_err(|_| bad(wrong))?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(bad("limit is 1 to 200"));
    }
    let (tenant, state) = (who.tenant.clone(), state.map(CallState::progress));
    let which = Which { tenant, state, result, name, after: cursor };
    let page = app.read(move |store| store.page(limit, &which)).await?;
    let calls = page.calls.into_iter().map(|call| {
        let reach = app.jobs.reach(&call.name);
        CallBody::of(call, reach)
    });
    Ok(Json(CallList { calls: calls.collect(), next: page.next.map(|n| n.to_string()) }).into_response())
}

async fn look(
    State(app): State<Arc<App>>,
    who: Extension<Who>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    who.may(Scope::Read)?;
    answer_with(&app, &id, &who, &headers, StatusCode::OK).await
}

async fn follow(State(app): State<Arc<App>>, who: Extension<Who>, Path(id): Path<String>) -> Result<Response, Problem> {
    who.may(Scope::Read)?;
    Ok(events::stream(events::of_call(&app, &id, &who).await?))
}

async fn talk(
    State(app): State<Arc<App>>,
    who: Extension<Who>,
    Path(id): Path<String>,
    asked: socket::Asked,
) -> Result<Response, Problem> {
    who.may(Scope::Read)?;
    let upgrade = socket::asked(asked)?;
    Ok(socket::open(upgrade, events::of_call(&app, &id, &who).await?))
}

/// Results are there when the call is done.
async fn done(app: &Arc<App>, who: &Who, id: &str) -> Result<CallBody, Problem> {
    who.may(Scope::Read)?;
    let call = app.call(id, &who.tenant).await?;
    let detail = match call.state {
        CallState::Done => return Ok(call),
        CallState::Failed => call.error.unwrap_or_default(),
        CallState::Waiting | CallState::Running => "the call is not done yet: its events say when".to_owned(),
    };
    Err(Problem::request(StatusCode::CONFLICT, detail))
}

/// A file of results, named after its call; `shown` is how a browser takes it.
async fn result(
    app: &App,
    call: &CallBody,
    headers: &HeaderMap,
    (ending, kind, shown): (&str, &'static str, &str),
) -> Result<Response, Problem> {
    let name = format!("{}{ending}", call.id);
    let mut response = files::send(&app.dir.join(&name), kind, headers).await?;
    let place = files::value(format!("{shown}; filename=\"{name}\""));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, place);
    Ok(response)
}

async fn records(
    State(app): State<Arc<App>>,
    who: Extension<Who>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let call = done(&app, &who, &id).await?;
    result(&app, &call, &headers, (".jsonl", "application/jsonl", "attachment")).await
}

async fn report(
    State(app): State<Arc<App>>,
    who: Extension<Who>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let call = done(&app, &who, &id).await?;
    let file = (ReportKind::Html.ending(), "text/html; charset=utf-8", "inline");
    let mut response = result(&app, &call, &headers, file).await?;
    let policy = HeaderValue::from_static(REPORT_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    Ok(response)
}

async fn evidence(
    State(app): State<Arc<App>>,
    who: Extension<Who>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let call = done(&app, &who, &id).await?;
    let ending = ReportKind::Evidence.ending();
    if !tokio::fs::try_exists(app.dir.join(format!("{}{ending}", call.id))).await.unwrap_or(false) {
        return Err(Problem::not_found("this call was scanned before evidence was made: send it again"));
    }
    result(&app, &call, &headers, (ending, "application/x-tar", "attachment")).await
}

async fn delete(State(app): State<Arc<App>>, who: Extension<Who>, Path(id): Path<String>) -> Result<Response, Problem> {
    who.may(Scope::Admin)?;
    let call = app.call(&id, &who.tenant).await?;
    let name = call.id;
    // A recording takes long to be hashed: nobody waits for that but whoever deletes.
    let _place = app.deletions.acquire().await;
    let of = name.clone();
    let files = app.read(move |store| store.files_of(&of)).await?;
    let dir = app.dir.clone();
    let hashed = in_thread(move || hash_files(&dir, &files)).await??;
    // Looked at and deleted under one lock: no worker can begin it in between.
    let receipt = app.write(move |store| match store.call(&name)?.state {
        Progress::Running => Ok(None),
        _ => store.delete_hashed(&name, &hashed).map(Some),
    });
    let receipt = receipt.await?.map_err(|e: crate::store::StoreError| match e {
        crate::store::StoreError::NoCall { .. } => Problem::not_found("there is no such call"),
        e => e.into(),
    })?;
    let Some(receipt) = receipt else {
        let problem = Problem::request(StatusCode::CONFLICT, "the call is being scanned: delete it when it has ended");
        return Err(problem.with(header::RETRY_AFTER, HeaderValue::from(RETRY_S)));
    };
    app.tell();
    Ok(Json(receipt).into_response())
}

async fn health(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let asked = in_thread(move || app.health.ask()).await?;
    let status = if asked.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Extension(limits::Meant), Json(asked)).into_response())
}

async fn figures(State(app): State<Arc<App>>, who: Extension<Who>) -> Result<Response, Problem> {
    who.may_see_all()?;
    let counts = app.read(|store| store.counts(None)).await?;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    Ok(([(header::CONTENT_TYPE, kind)], metrics::text(&app, &counts)).into_response())
}
