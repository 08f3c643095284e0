//! What happens to a call, over a WebSocket (RFC 6455), for clients that keep one open. In: events. Out: text messages
//! `{"event": …, "data": …}`; the connection is closed after the last.

use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, interval, timeout};
use tokio_stream::StreamExt;

use super::events::{ALIVE, END, Happened, Happening};
use super::problem::Problem;

/// Largest message from a client, who has nothing to say but pings and goodbyes.
const MOST: usize = 1 << 10;

/// A client that has said nothing for so long, three pings, is gone.
const SILENT: Duration = ALIVE.saturating_mul(3);

/// How long a client may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A request to open one.
pub type Asked = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// A request that can be taken.
pub fn asked(upgrade: Asked) -> Result<WebSocketUpgrade, Problem> {
    let refused = |_| {
        let detail = "open a WebSocket of version 13 here, or take the call's events";
        let headers =
            [(header::UPGRADE, "websocket"), (header::CONNECTION, "upgrade"), (header::SEC_WEBSOCKET_VERSION, "13")];
        let problem = Problem::request(StatusCode::UPGRADE_REQUIRED, detail);
        headers.into_iter().fold(problem, |problem, (name, value)| problem.with(name, HeaderValue::from_static(value)))
    };
    upgrade.map_err(refused)
}

/// Tells what happens until it ends or the client goes.
pub fn open(upgrade: WebSocketUpgrade, happening: Happening) -> Response {
    let upgrade = upgrade.max_message_size(MOST).max_frame_size(MOST);
    upgrade.on_upgrade(|socket| tell(socket, happening)).into_response()
}

async fn tell(mut socket: WebSocket, mut happening: Happening) {
    let (mut pings, mut heard, mut code) = (interval(ALIVE), Instant::now(), close_code::AWAY);
    loop {
        let message = tokio::select! {
            next = happening.next() => {
                let Some(Happened { event, data }) = next else { break };
                if event == END {
                    code = close_code::NORMAL;
                }
                Message::text(format!("{{\"event\":\"{event}\",\"data\":{data}}}"))
            }
            said = socket.recv() => match said {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    heard = Instant::now();
                    continue;
                }
                Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                    code = close_code::POLICY;
                    break;
                }
                Some(Ok(Message::Close(_))) => return part(socket).await,
                Some(Err(_)) | None => return,
            },
            _ = pings.tick() => match heard.elapsed() < SILENT {
                true => Message::Ping(Default::default()),
                false => return,
            },
        };
        // A client that reads nothing is gone, too.
        if !matches!(timeout(SILENT, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
    let goodbye = Message::Close(Some(CloseFrame { code, reason: Default::default() }));
    let _ = timeout(GOODBYE, socket.send(goodbye)).await;
    part(socket).await;
}

/// Until both sides have said goodbye: what is cut off before is no clean close to a browser.
async fn part(mut socket: WebSocket) {
    let both = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = timeout(GOODBYE, both).await;
}
