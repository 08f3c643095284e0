//! Live interviews (WHIP, RFC 9725). In: offers of those who publish. Out: answers; each session a call like any other,
//! whose records are told while it goes on; its media are never kept.
//!
//! Datagrams are received, decrypted and put together in this process (`webrtc`), without decoding them; that is done in a
//! child that reaches no network, as for recordings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use axum::body::to_bytes;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::broadcast::{Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::app::{App, in_thread, lock};
use super::auth::{Scope, Who};
use super::problem::Problem;
use super::{ServiceError, files, jobs, traces, upload};
use crate::batch::{Job, Said, Slot, scan_in_child};
use crate::error::ErrorKind;
use crate::media::Cancel;
use crate::store::{Answer, Ask, Fingerprint, Queue, StoreError, StoredCall};
use crate::webrtc::{Control, Desk, Line, MOST_SDP, OfferError};

/// What stands in the store for media that nobody keeps.
pub const TARGET: &str = "live";

/// Why a live call that the service left behind has failed.
pub const LEFT: &str = "the service ended while this interview went on: what was seen of it is not kept";

/// How live calls are shown.
const SHOWN: &str = "live interview";

/// Media type of offers and answers.
const SDP: &str = "application/sdp";

/// Records that a slow listener may be behind by; some 1 kB each.
const BEHIND: usize = 512;

/// Seconds after which another session may have ended.
const RETRY_S: u32 = 60;

/// Those who publish.
pub struct Live {
    desk: Desk,
    places: Arc<Semaphore>,
    sessions: Mutex<HashMap<String, Session>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Session {
    tenant: String,
    control: Arc<Control>,
    told: Sender<Arc<str>>,
}

impl Live {
    /// For so many at the same time.
    pub fn new(desk: Desk, most: usize) -> Self {
        Self { desk, places: Arc::new(Semaphore::new(most)), sessions: Mutex::default(), threads: Mutex::default() }
    }

    /// The records of a live call from now on.
    pub fn told(&self, id: &str) -> Option<Receiver<Arc<str>>> {
        lock(&self.sessions).get(id).map(|session| session.told.subscribe())
    }

    /// How many go on.
    pub fn running(&self) -> usize {
        lock(&self.sessions).len()
    }

    /// Asks all to end; whoever waits for these threads waits for their reports.
    pub fn end(&self) -> Vec<JoinHandle<()>> {
        lock(&self.sessions).values().for_each(|session| session.control.end());
        std::mem::take(&mut *lock(&self.threads))
    }
}

/// Those who publish, where it is on.
pub fn here(app: &App) -> Result<&Live, Problem> {
    app.live.as_ref().ok_or_else(|| Problem::not_found("live interviews are off here: start the service with --live 1"))
}

/// Accepts an offer.
pub async fn publish(State(app): State<Arc<App>>, who: Extension<Who>, request: Request) -> Result<Response, Problem> {
    who.may(Scope::Submit)?;
    let live = here(&app)?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(SDP) {
        return Err(Problem::request(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send an SDP offer as application/sdp"));
    }
    let place = live.places.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy(RETRY_S, "as many live interviews go on as may: try again later"))?;
    let offer = offer(request).await?;
    let (asked, name) = (app.clone(), upload::new_name()?);
    let line = in_thread(move || asked.live.as_ref().map(|live| live.desk.accept(&offer))).await?;
    let line = line.unwrap_or(Err(OfferError::Busy)).map_err(refused)?;
    let (answer, control) = (line.answer.clone(), line.control.clone());
    let begun = begin(&app, &who, name.clone(), line, place).await;
    if let Err(problem) = begun {
        control.end();
        return Err(problem);
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(SDP)),
        (header::LOCATION, files::value(format!("/v1/live/{name}"))),
    ];
    Ok((StatusCode::CREATED, headers, answer).into_response())
}

async fn offer(request: Request) -> Result<String, Problem> {
    let body = tokio::time::timeout(upload::IDLE, to_bytes(request.into_body(), MOST_SDP)).await;
    let body = body.map_err(|_| upload::idle())?;
    let body = body.map_err(|_| Problem::of(ErrorKind::Limit, "the offer is larger than 64 kB"))?;
    String::from_utf8(body.into()).map_err(|_| Problem::of(ErrorKind::Usage, "the offer is no text"))
}

fn refused(error: OfferError) -> Problem {
    match error {
        OfferError::Malformed(_) => Problem::of(ErrorKind::Usage, error.to_string()),
        OfferError::Nothing => Problem::of(ErrorKind::Input, error.to_string()),
        OfferError::Busy => Problem::busy(RETRY_S, error.to_string()),
    }
}

/// A live call does not wait, however many do.
const UNQUEUED: Queue = Queue { all: i64::MAX, tenant: i64::MAX };

/// Makes a call of it, and starts the thread that looks after it.
async fn begin(
    app: &Arc<App>,
    who: &Who,
    name: String,
    line: Line,
    place: OwnedSemaphorePermit,
) -> Result<(), Problem> {
    let (target, request, tenant) = (TARGET.to_owned(), TARGET.to_owned(), who.tenant.clone());
    let ask = Ask { name, shown: SHOWN.into(), target, request, once: None, tenant, webhook: None };
    // Accepted and begun under one lock: no worker takes it for a recording.
    let call = app.write(move |store| match store.accept(&ask, UNQUEUED)? {
        Answer::New(call) => store.begin(&call.name).map(|()| Some(call)),
        _ => Ok::<_, StoreError>(None),
    });
    let call = call.await??.ok_or_else(Problem::bug)?;
    let live = here(app)?;
    let (control, told) = (line.control.clone(), Sender::new(BEHIND));
    let session = Session { tenant: who.tenant.clone(), control, told };
    lock(&live.sessions).insert(call.name.clone(), session);
    let its = app.clone();
    let thread = Builder::new().name("live-call".into()).spawn(move || {
        look_after(&its, &call, line);
        drop(place);
    });
    let mut threads = lock(&live.threads);
    threads.retain(|thread| !thread.is_finished());
    threads.push(thread.map_err(ServiceError::from)?);
    app.tell();
    Ok(())
}

/// From the first datagram to the report.
fn look_after(app: &App, call: &StoredCall, line: Line) {
    let span = traces::scan(call);
    let _entered = span.enter();
    let (from, slot, mut seen) = (Instant::now(), Slot::default(), Fingerprint::default());
    let told = app.live.as_ref().and_then(|live| lock(&live.sessions).get(&call.name).map(|s| s.told.clone()));
    let job = Job { live: true, ..jobs::job(app, call, "-") };
    let (media, control) = (Some(line.media), line.control);
    // Nothing cuts it off: it ends when its media do.
    let scanned = scan_in_child(&app.program, &job, &slot, &Cancel::default(), media, &mut |said| match said {
        Said::Ready => control.listen(),
        Said::Told { record } => {
            // Nobody has to listen.
            let _ = told.as_ref().map(|told| told.send(record.into()));
        }
        said => jobs::reached(app, call, &said, &mut seen),
    });
    control.end();
    lock(&app.counted.costs).lost += control.lost();
    let why = control.ended().map(|ended| ended.to_string());
    tracing::info!(call = call.name, why, passed = control.passed(), lost = control.lost(), "a live call ends");
    let ended = match scanned {
        Ok(Some(found)) => Ok(Some(found)),
        _ if control.passed() == 0 => Err(format!("{SHOWN}: {}", why.unwrap_or_else(|| "nothing came".into()))),
        Ok(None) => Err(format!("{SHOWN}: the analysis was interrupted")),
        Err(error) => Err(error.to_string().replace("standard input", SHOWN)),
    };
    jobs::end(app, call, from, &ended, &seen);
    if let Some(live) = &app.live {
        lock(&live.sessions).remove(&call.name);
    }
    app.tell();
}

/// Ends a session; its call stays.
pub async fn end(
    State(app): State<Arc<App>>,
    who: Extension<Who>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    who.may(Scope::Submit)?;
    let sessions = lock(&here(&app)?.sessions);
    let own = sessions.get(&id).filter(|session| session.tenant == who.tenant);
    own.ok_or_else(|| Problem::not_found("no such live interview goes on"))?.control.end();
    Ok(StatusCode::OK)
}
