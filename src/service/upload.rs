//! What is sent. In: the body of a POST. Out: a file on the disk or an address that is allowed, and its hash. A file name
//! is shown, never used as a path.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::app::{App, in_thread};
use super::body::{self, Used};
use super::dto::UriAsk;
use super::keep::{self, disk, too_large};
use super::problem::Problem;
use crate::error::ErrorKind;
use crate::infer::hex;
use crate::media::redact_uri;
use crate::store::UPLOADS;

/// Longest JSON body.
const MAX_JSON: usize = 64 << 10;

/// What a multipart body has beside its file.
const MULTIPART_MORE: u64 = 64 << 10;

/// Longest field beside the file.
const MAX_FIELD: usize = 2000;

/// A client that sends nothing for so long is given up.
pub const IDLE: Duration = Duration::from_secs(30);

/// Longest name that is shown, in characters.
const MAX_SHOWN: usize = 120;

/// What was sent.
pub struct Sent {
    /// As it is shown.
    pub shown: String,
    /// As the store keeps it.
    pub target: String,
    /// Hash of it, hex.
    pub request: String,
    /// Name of the call to be.
    pub name: String,
    /// Who is told when it has ended.
    pub webhook: Option<String>,
}

/// Reads the body.
pub async fn receive(app: &Arc<App>, request: Request) -> Result<Sent, Problem> {
    let (kind, length) = described(request.headers());
    if kind.eq_ignore_ascii_case("multipart/form-data") {
        if length > app.config.limits.max_bytes.saturating_add(MULTIPART_MORE) {
            return Err(too_large(app));
        }
        return file(app, request).await;
    }
    if kind.eq_ignore_ascii_case("application/json") {
        return address(app, request).await;
    }
    let detail = "send multipart/form-data with a field `file`, or application/json with a `uri`";
    Err(Problem::request(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// Media type without parameters, and declared length.
fn described(headers: &HeaderMap) -> (String, u64) {
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let kind = text(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    (kind.to_owned(), text(header::CONTENT_LENGTH).and_then(|v| v.parse().ok()).unwrap_or(0))
}

async fn address(app: &Arc<App>, request: Request) -> Result<Sent, Problem> {
    let body = tokio::time::timeout(IDLE, axum::body::to_bytes(request.into_body(), MAX_JSON)).await;
    let body = body.map_err(|_| idle())?.map_err(|_| Problem::of(ErrorKind::Limit, "the body is larger than 64 kB"))?;
    let ask: UriAsk = serde_json::from_slice(&body).map_err(|e| match e.is_data() {
        true => Problem::of(ErrorKind::Input, format!("the body is not {{\"uri\": …}}: {e}")),
        false => Problem::of(ErrorKind::Usage, format!("the body is no JSON: {e}")),
    })?;
    let checked = app.clone();
    let uri = in_thread(move || checked.allowed.check(&ask.uri)).await??.to_string();
    let webhook = checked_webhook(app, ask.webhook).await?;
    let request = asked(&format!("uri:{uri}"), webhook.as_deref());
    Ok(Sent { shown: redact_uri(&uri), target: uri, request, name: new_name()?, webhook })
}

/// Hash of all that was asked for: with another webhook it is another request.
fn asked(what: &str, webhook: Option<&str>) -> String {
    hex(&Sha256::digest([what, webhook.unwrap_or_default()].join("\n").as_bytes()))
}

/// An address that may be told when the call has ended.
async fn checked_webhook(app: &Arc<App>, address: Option<String>) -> Result<Option<String>, Problem> {
    let Some(address) = address.filter(|address| !address.is_empty()) else { return Ok(None) };
    let app = app.clone();
    in_thread(move || app.webhooks.check(&address)).await?.map(Some)
}

async fn file(app: &Arc<App>, request: Request) -> Result<Sent, Problem> {
    let bad =
        |e: &MultipartError| Problem::of(ErrorKind::Usage, format!("the body is not multipart: {}", e.body_text()));
    let (request, used) = body::bounded(request);
    let parts = Multipart::from_request(request, &()).await;
    let mut parts = parts.map_err(|e| Problem::of(ErrorKind::Usage, e.body_text()))?;
    let wrong = || Problem::of(ErrorKind::Input, "send one recording, in a field named `file`");
    let (mut kept, mut webhook) = (None, None);
    loop {
        let field = tokio::time::timeout(IDLE, parts.next_field()).await.map_err(|_| idle())?;
        let Some(mut field) = field.map_err(|e| bad(&e))? else { break };
        used.all();
        match field.name() {
            Some("file") if kept.is_none() => {
                let shown = shown(field.file_name().unwrap_or_default());
                kept = Some((receive_file(app, field, &used).await?, shown));
            }
            Some("webhook") if webhook.is_none() => webhook = Some(text(&mut field, &used).await?),
            _ => return Err(wrong()),
        }
    }
    let ((kept, hash), shown) = kept.ok_or_else(wrong)?;
    let webhook = checked_webhook(app, webhook).await?;
    let hash = asked(&hash, webhook.as_deref());
    let name = new_name()?;
    let target = format!("{UPLOADS}{name}");
    let path = app.dir.join(&target);
    in_thread(move || keep::last(kept, &path)).await??;
    Ok(Sent { shown, target, request: hash, name, webhook })
}

/// A short field.
async fn text(field: &mut Field<'_>, used: &Used) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = next(field, used).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_FIELD {
            return Err(Problem::of(ErrorKind::Limit, "the field `webhook` is longer than 2000 bytes"));
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::of(ErrorKind::Input, "the field `webhook` is no text"))
}

async fn next(field: &mut Field<'_>, used: &Used) -> Result<Option<axum::body::Bytes>, Problem> {
    let chunk = tokio::time::timeout(IDLE, field.chunk()).await.map_err(|_| idle())?;
    used.all();
    chunk.map_err(|e| Problem::of(ErrorKind::Usage, format!("the upload broke off: {}", e.body_text())))
}

/// Writes the field to a file that disappears when something is wrong with it.
async fn receive_file(app: &App, mut field: Field<'_>, used: &Used) -> Result<(NamedTempFile, String), Problem> {
    let kept = keep::part(app)?;
    let mut file = tokio::fs::File::from_std(kept.as_file().try_clone().map_err(|e| disk(&e))?);
    let (mut bytes, mut hash) = (0u64, Sha256::new());
    while let Some(chunk) = next(&mut field, used).await? {
        bytes += chunk.len() as u64;
        if bytes > app.config.limits.max_bytes {
            return Err(too_large(app));
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(|e| disk(&e))?;
    }
    file.flush().await.map_err(|e| disk(&e))?;
    Ok((kept, hex(&hash.finalize())))
}

/// It came too slowly.
pub fn idle() -> Problem {
    Problem::request(StatusCode::REQUEST_TIMEOUT, "nothing came for 30 seconds: send it again")
}

/// 128 random bits: nobody guesses another's call.
pub fn new_name() -> Result<String, Problem> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|_| Problem::of(ErrorKind::Environment, "no random numbers: try again"))?;
    Ok(hex(&id))
}

/// The last part of a path, without what would not show, or show as something else.
fn shown(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let plain: String = last.chars().filter(|c| !hidden(*c)).take(MAX_SHOWN).collect();
    if plain.trim().is_empty() { "recording".into() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_shown_without_their_path() {
        for (given, said) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\calls\\a.mp4", "a.mp4"),
            ("a\u{202e}4pm.exe\r\n", "a4pm.exe"),
            ("..", ".."),
            ("", "recording"),
            ("x/", "recording"),
        ] {
            assert_eq!(shown(given), said);
        }
    }

    proptest! {
        #[test]
        fn any_name_shows_as_one_line(name in "\\PC{0,300}|[./\\\\\n\r\t]{0,9}") {
            let shown = shown(&name);
            prop_assert!(!shown.is_empty() && shown.chars().count() <= MAX_SHOWN);
            prop_assert!(!shown.contains(['/', '\\', '\n', '\r', '\0']));
        }
    }
}
