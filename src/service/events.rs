//! Waiting for a call. In: a call, news of changes. Out: server-sent events until it ends, or the call once it has ended.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

use super::app::App;
use super::dto::CallBody;
use super::problem::Problem;

/// Events that wait for a slow reader; each is below 10 kB. A reader that is slower misses steps, not the end.
const EVENTS: usize = 4;

/// Longest wait that `Prefer` can ask for.
const LONGEST_WAIT_S: u64 = 60;

fn place(app: &App) -> Result<OwnedSemaphorePermit, Problem> {
    let free: Arc<Semaphore> = app.waiters.clone();
    free.try_acquire_owned()
        .map_err(|_| Problem::busy(5, "too many wait for events: try again, or ask for the call itself"))
}

/// `state` when it changes, `progress` while it runs, `record` for each record of a live call, `end` last.
pub async fn stream(app: &Arc<App>, id: &str, tenant: &str) -> Result<Response, Problem> {
    let place = place(app)?;
    let first = app.call(id, tenant).await?;
    let (sender, receiver) = channel::<Result<Event, Infallible>>(EVENTS);
    let told = app.live.as_ref().and_then(|live| live.told(id));
    tokio::spawn(follow(app.clone(), (first, told), tenant.to_owned(), sender, place));
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(alive).into_response())
}

async fn follow(
    app: Arc<App>,
    (mut call, mut told): (CallBody, Option<Receiver<Arc<str>>>),
    tenant: String,
    out: Sender<Result<Event, Infallible>>,
    place: OwnedSemaphorePermit,
) {
    let mut changed = app.changed.subscribe();
    let mut before: Option<CallBody> = None;
    loop {
        let new_state = before.as_ref().is_none_or(|b| b.state != call.state);
        let moved = before.as_ref().is_none_or(|b| b.reached_s != call.reached_s || b.length_s != call.length_s);
        let name = match (call.has_ended(), new_state, moved) {
            (true, ..) => Some("end"),
            (_, true, _) => Some("state"),
            (_, _, true) => Some("progress"),
            _ => None,
        };
        if call.has_ended() && !rest(told.as_mut(), &out).await {
            break;
        }
        if let Some(name) = name {
            let text = serde_json::to_string(&call).unwrap_or_default();
            let sent = out.send(Ok(Event::default().event(name).data(text))).await;
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
                record = next(&mut told) => if out.send(Ok(of_record(&record))).await.is_err() { return },
            }
        }
        // A call that is gone, and a service that stops, end the stream.
        let Some(id) = before.as_ref().map(|b| b.id.clone()).filter(|_| !app.stop.is_cancelled()) else { break };
        let Ok(now) = app.call(&id, &tenant).await else { break };
        call = now;
    }
    drop(place);
}

fn of_record(record: &str) -> Event {
    Event::default().event("record").data(record)
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
async fn rest(told: Option<&mut Receiver<Arc<str>>>, out: &Sender<Result<Event, Infallible>>) -> bool {
    let Some(told) = told else { return true };
    loop {
        match told.try_recv() {
            Ok(record) if out.send(Ok(of_record(&record))).await.is_err() => return false,
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
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

/// The call once it has ended, or as it is after so many seconds.
pub async fn wait(app: &Arc<App>, id: &str, tenant: &str, seconds: u64) -> Result<CallBody, Problem> {
    let _place = place(app)?;
    let mut changed = app.changed.subscribe();
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        let call = app.call(id, tenant).await?;
        let ended = call.has_ended() || app.stop.is_cancelled();
        if ended || !matches!(tokio::time::timeout_at(until, changed.changed()).await, Ok(Ok(()))) {
            return Ok(call);
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
