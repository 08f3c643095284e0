//! Telling others that a call has ended. In: calls with a webhook, from the store. Out: signed requests as Standard
//! Webhooks (standardwebhooks.com) has them, tried again with growing pauses, also by the next process.
//!
//! The body is `{"type": "call.done" | "call.failed", "timestamp": …, "data": CallBody}`. Its headers are `webhook-id`
//! (the call's id: the same for each try), `webhook-timestamp` (seconds since 1970) and `webhook-signature`: `v1,` and the
//! Base64 of HMAC-SHA256 over `id.timestamp.body`. Each tenant has a secret of its own.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::ServiceError;
use super::app::{App, lock};
use super::dto::{CallBody, CallState};
use super::hosts::Hosts;
use super::problem::Problem;
use super::uris;
use crate::config::{secret, seed};
use crate::error::{Error, ErrorKind};
use crate::media::redact_uri;
use crate::store::{Hook, utc};

/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// For so long nobody else tells it: longer than a try takes.
const LEASE_S: i64 = 60;

/// Tries; with the pauses between them about two days.
const TRIES: i64 = 14;

/// First pause; each is three times the one before, and none longer than [`LONGEST_S`].
const FIRST_S: i64 = 2;

/// Longest pause.
const LONGEST_S: i64 = 8 * 3600;

/// Those who tell; one that takes long holds up no more than one of them.
const TELLERS: usize = 4;

/// How often they look.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Longest address.
const MAX_ADDRESS: usize = 2000;

/// Whom to tell, and how to sign.
pub struct Webhooks {
    hosts: Hosts,
    master: Vec<u8>,
}

/// HMAC-SHA256 takes keys of any length.
fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

impl Webhooks {
    /// Opens the file of the secret, or makes it; `private` tells hosts of this machine and its own network, too.
    pub fn open(key: &Path, private: bool) -> Result<Self, ServiceError> {
        let new = || seed().map(|seed| seed.to_vec());
        let master = secret(key, new).map_err(|reason| ServiceError::Keys { path: key.to_owned(), reason })?;
        match master.len() >= 32 {
            true => Ok(Self { hosts: Hosts { private }, master }),
            false => Err(ServiceError::Keys { path: key.to_owned(), reason: "is too short: move it away".into() }),
        }
    }

    /// What a tenant checks signatures with: `whsec_` and Base64.
    pub fn secret(&self, tenant: &str) -> String {
        format!("whsec_{}", STANDARD.encode(self.key(tenant)))
    }

    fn key(&self, tenant: &str) -> Vec<u8> {
        mac(&self.master, &[b"unmask webhook of ", tenant.as_bytes()])
    }

    /// An address that may be told; looks its host up, and the connection looks again.
    pub fn check(&self, address: &str) -> Result<String, Problem> {
        let wrong = |what: &str| Problem::of(ErrorKind::Input, format!("webhook {}: {what}", redact_uri(address)));
        let url = uris::parse(address).filter(|_| address.len() <= MAX_ADDRESS);
        let url = url.ok_or_else(|| wrong("is no http or https address of at most 2000 characters"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("names a user: requests are signed instead"));
        }
        match self.hosts.allows(&url) {
            true => Ok(url.to_string()),
            false => Err(wrong("its host is of this machine or its own network (--webhook-allow-private)")),
        }
    }

    /// Tells, and says with which status the other side has answered.
    fn tell(&self, hook: &Hook, body: &str) -> Result<u16, String> {
        let timestamp = utc::now().to_string();
        let signed = mac(&self.key(&hook.tenant), &signed_parts(&hook.name, &timestamp, body));
        let request = self.hosts.client(PATIENCE).post(&hook.address);
        let request = request.header("content-type", "application/json").header("webhook-id", &hook.name);
        let request = request.header("webhook-timestamp", &timestamp);
        let request = request.header("webhook-signature", format!("v1,{}", STANDARD.encode(signed)));
        request.send(body).map(|answer| answer.status().as_u16()).map_err(|e| e.to_string())
    }
}

fn signed_parts<'a>(id: &'a str, timestamp: &'a str, body: &'a str) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body.as_bytes()]
}

/// Starts those who tell.
pub fn start(app: &Arc<App>) -> std::io::Result<Vec<JoinHandle<()>>> {
    let spawn = |n| {
        let app = app.clone();
        std::thread::Builder::new().name(format!("webhook-{n}")).spawn(move || work(&app))
    };
    (0..TELLERS).map(spawn).collect()
}

fn work(app: &App) {
    while !app.stop.is_cancelled() {
        // Looked for first, so that a service without webhooks writes nothing.
        let due = lock(&app.reader).has_hook().unwrap_or(false);
        let next = if due { lock(&app.writer).next_hook(LEASE_S) } else { Ok(None) };
        match next {
            Ok(Some(hook)) => {
                if let Err(error) = one(app, &hook) {
                    tracing::error!(%error, call = hook.name, "a webhook cannot be kept");
                }
            }
            Ok(None) => pause(app),
            Err(error) => {
                tracing::error!(%error, "webhooks cannot be looked for");
                pause(app);
            }
        }
    }
}

fn pause(app: &App) {
    let from = Instant::now();
    while from.elapsed() < LOOK_EVERY && !app.stop.is_cancelled() {
        std::thread::sleep(LOOK_EVERY / 10);
    }
}

fn one(app: &App, hook: &Hook) -> Result<(), Error> {
    // Bound to a name so that the lock is let go before the other side is asked.
    let call = lock(&app.reader).accepted(&hook.name, &hook.tenant)?;
    let Some(call) = call else { return Ok(()) };
    let call = CallBody::of(call, None);
    let kind = if call.state == CallState::Done { "call.done" } else { "call.failed" };
    let body = serde_json::json!({ "type": kind, "timestamp": utc::text(utc::now()), "data": call }).to_string();
    let answer = app.webhooks.tell(hook, &body);
    let (id, tries) = (hook.name.as_str(), hook.tries);
    let told = match &answer {
        Ok(status @ 200..300) => Some(status.to_string()),
        // The address is gone for good, as the standard has it.
        Ok(410) => Some("410".to_owned()),
        _ if tries >= TRIES => Some("given up".to_owned()),
        _ => None,
    };
    tracing::info!(call = id, tries, answer = ?answer, done = told.is_some(), "webhook");
    let writer = lock(&app.writer);
    match told {
        Some(how) => writer.told(id, &how)?,
        None => writer.tell_again(id, pause_s(tries))?,
    }
    Ok(())
}

/// Seconds until the next try, a fifth more or less, so that many do not come back at once.
fn pause_s(tries: i64) -> i64 {
    let exponent = u32::try_from(tries.clamp(1, 20) - 1).unwrap_or(0);
    let plain = FIRST_S.saturating_mul(3_i64.saturating_pow(exponent)).min(LONGEST_S);
    (plain as f64 * (0.8 + 0.4 * fastrand::f64())).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhooks() -> (tempfile::TempDir, Webhooks) {
        let dir = tempfile::tempdir().unwrap();
        let webhooks = Webhooks::open(&dir.path().join("key"), false).unwrap();
        (dir, webhooks)
    }

    #[test]
    fn signatures_are_those_of_the_standard() {
        // From the standard's own examples.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signed_parts("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        assert_eq!(STANDARD.encode(mac(&key, &signed)), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_tenant_has_its_own_secret_for_good() {
        let (dir, webhooks) = webhooks();
        assert_ne!(webhooks.secret("a"), webhooks.secret("b"));
        assert_eq!(Webhooks::open(&dir.path().join("key"), true).unwrap().secret("a"), webhooks.secret("a"));
    }

    #[test]
    fn addresses_inside_and_with_users_are_refused() {
        let (_dir, webhooks) = webhooks();
        for bad in [
            "http://127.0.0.1/",
            "https://[::1]/x",
            "http://169.254.169.254/",
            "ftp://example.org/",
            "https://u:p@93.184.216.34/",
            "x",
        ] {
            assert!(webhooks.check(bad).is_err(), "{bad}");
        }
        assert!(webhooks.check("https://93.184.216.34/hook").is_ok());
    }

    #[test]
    fn pauses_grow_to_about_two_days() {
        let all: Vec<i64> = (1..TRIES).map(pause_s).collect();
        assert!(all[0] <= 3 && all.iter().all(|s| *s <= LONGEST_S * 6 / 5), "{all:?}");
        let days = all.iter().sum::<i64>() as f64 / 86_400.0;
        assert!((1.0..3.0).contains(&days), "{days}");
    }
}
