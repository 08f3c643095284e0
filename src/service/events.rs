//! Waiting for a call. In: a call, news of changes. Out: what happens to it until it ends, as server-sent events or for a
//! socket; or the call once it has ended.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc::{self, Sender, channel};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_stream::{Stream, StreamExt};

use super::app::App;
use super::auth::Who;
use super::dto::CallBody;
use super::places::Place;
use super::problem::Problem;

/// Events that wait for a slow reader; each is below 10 kB. A reader that is slower misses steps, not the end.
const EVENTS: usize = 4;

/// How often those who listen are told that the connection lives.
pub const ALIVE: Duration = Duration::from_secs(15);

/// Longest wait that `Prefer` can ask for.
const LONGEST_WAIT_S: u64 = 60;

/// The event that ends all.
pub const END: &str = "end";

/// Something that happened to a call.
#[derive(Debug)]
pub struct Happened {
    /// `state` when it changes, `progress` while it runs, `record` for each record of a live call, [`END`] last.
    pub event: &'static str,
    /// JSON: a [`CallBody`], or a record of unmask/1.
    pub data: Arc<str>,
}

impl Happened {
    fn record(data: Arc<str>) -> Self {
        Self { event: "record", data }
    }
}

/// What happens to a call from now on; it stops without [`END`] when the call is deleted or the service ends. It holds
/// one of the places of those who wait.
pub struct Happening {
    events: mpsc::Receiver<Happened>,
    _place: Place,
}

impl Stream for Happening {
    type Item = Happened;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Happened>> {
        self.events.poll_recv(context)
    }
}

/// Follows a call of the tenant's.
pub async fn of_call(app: &Arc<App>, id: &str, who: &Who) -> Result<Happening, Problem> {
    let busy = || Problem::busy(5, "too many wait for events: try again, or ask for the call itself");
    let (place, tenant) = (app.waiters.take(&who.client()).ok_or_else(busy)?, &who.tenant);
    // Before the call is looked at: what happens in between is not missed.
    let changed = app.changed.subscribe();
    let told = app.live.as_ref().and_then(|live| live.told(id));
    let first = app.call(id, tenant).await?;
    let (sender, events) = channel(EVENTS);
    tokio::spawn(follow(app.clone(), (first, told, changed), tenant.clone(), sender));
    Ok(Happening { events, _place: place })
}

/// Events as a browser's `EventSource` takes them.
pub fn stream(happening: Happening) -> Response {
    let events = happening.map(|it| Ok::<_, Infallible>(Event::default().event(it.event).data(it.data)));
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
}

async fn follow(
    app: Arc<App>,
    (mut call, mut told, mut changed): (CallBody, Option<Receiver<Arc<str>>>, watch::Receiver<u64>),
    tenant: String,
    out: Sender<Happened>,
) {
    let mut before: Option<CallBody> = None;
    loop {
        let new_state = before.as_ref().is_none_or(|b| b.state != call.state);
        let moved = before.as_ref().is_none_or(|b| b.reached_s != call.reached_s || b.length_s != call.length_s);
        let name = match (call.has_ended(), new_state, moved) {
            (true, ..) => Some(END),
            (_, true, _) => Some("state"),
            (_, _, true) => Some("progress"),
            _ => None,
        };
        if call.has_ended() && !rest(told.as_mut(), &out).await {
            break;
        }
        if let Some(event) = name {
            let data = serde_json::to_string(&call).unwrap_or_default().into();
            let sent = out.send(Happened { event, data }).await;
            if sent.is_err() || call.has_ended() {
                break;
            }
        }
        before = Some(call);
        loop {
            tokio::select! {
                news = changed.changed() => match news {
                    Ok(()) => break,
                    Err(_) => return,
                },
                () = out.closed() => return,
                record = next(&mut told) => if out.send(Happened::record(record)).await.is_err() { return },
            }
        }
        // A call that is gone, and a service that stops, end the stream.
        let Some(id) = before.as_ref().map(|b| b.id.clone()).filter(|_| !app.stop.is_cancelled()) else { break };
        let Ok(now) = app.call(&id, &tenant).await else { break };
        call = now;
    }
}

/// The next record of a live call; whoever is too slow for some of them misses those.
async fn next(told: &mut Option<Receiver<Arc<str>>>) -> Arc<str> {
    while let Some(records) = told {
        match records.recv().await {
            Ok(record) => return record,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => *told = None,
        }
    }
    std::future::pending().await
}

/// Records that were told before the end; false when nobody listens any more.
async fn rest(told: Option<&mut Receiver<Arc<str>>>, out: &Sender<Happened>) -> bool {
    let Some(told) = told else { return true };
    loop {
        match told.try_recv() {
            Ok(record) => {
                if out.send(Happened::record(record)).await.is_err() {
                    return false;
                }
            }
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return true,
        }
    }
}

/// Seconds that `Prefer: wait=N` asks for (RFC 7240), within bounds.
pub fn preferred_wait(headers: &HeaderMap) -> Option<u64> {
    let all = headers.get_all("prefer").into_iter().filter_map(|v| v.to_str().ok());
    let mut each = all.flat_map(|v| v.split([',', ';'])).filter_map(|v| v.trim().split_once('='));
    let (_, seconds) = each.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
    seconds.trim().trim_matches('"').parse::<u64>().ok().map(|n| n.min(LONGEST_WAIT_S))
}

/// The call once it has ended, or as it is after so many seconds; `None` when too many wait.
pub async fn wait(app: &Arc<App>, id: &str, who: &Who, seconds: u64) -> Result<Option<CallBody>, Problem> {
    let Some(_place) = app.waiters.take(&who.client()) else { return Ok(None) };
    let mut changed = app.changed.subscribe();
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        let call = app.call(id, &who.tenant).await?;
        let ended = call.has_ended() || app.stop.is_cancelled();
        if ended || !matches!(tokio::time::timeout_at(until, changed.changed()).await, Ok(Ok(()))) {
            return Ok(Some(call));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_as_the_standard_has_it() {
        for (text, seconds) in [
            ("wait=5", Some(5)),
            ("respond-async, wait=10", Some(10)),
            ("Wait=\"7\"; x=1", Some(7)),
            ("wait=100000", Some(LONGEST_WAIT_S)),
            ("wait=-1", None),
            ("waiting=1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", text.parse().unwrap());
            assert_eq!(preferred_wait(&headers), seconds, "{text}");
        }
    }
}
