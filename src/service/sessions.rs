//! Browsers that have signed in. In: a key, once. Out: a cookie that no script can read and no other site's page sends,
//! which stands for the key until its time is over, the browser signs out, or the service ends.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};

use super::app::lock;
use super::auth::{Who, random_token};
use super::files;

/// How long one who has signed in stays so.
const LASTS: Duration = Duration::from_secs(12 * 3600);

/// Most sessions; the oldest goes first. Each holds some 200 bytes.
const MOST: usize = 10_000;

/// Of the cookie; with the second, over TLS, browsers see to it that no other host and no plain HTTP has set it.
const NAMES: [&str; 2] = ["unmask_session", "__Host-unmask_session"];

/// Who has signed in, by the hash of the cookie's value.
#[derive(Debug, Default)]
pub struct Sessions {
    all: Mutex<HashMap<[u8; 32], (Who, Instant)>>,
    /// The cookie is sent over TLS alone.
    secure: bool,
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Sessions {
    /// `secure` where the service speaks TLS.
    pub fn new(secure: bool) -> Self {
        Self { secure, ..Self::default() }
    }

    fn name(&self) -> &'static str {
        NAMES[usize::from(self.secure)]
    }

    fn token<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut each = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        each.find(|(name, _)| *name == self.name()).map(|(_, token)| token)
    }

    /// Who has signed in with this cookie.
    pub fn who(&self, headers: &HeaderMap) -> Option<Who> {
        let token = hash(self.token(headers)?);
        let mut all = lock(&self.all);
        let (who, until) = all.get(&token)?;
        if *until > Instant::now() {
            return Some(who.clone());
        }
        all.remove(&token);
        None
    }

    /// Signs in: who that is from now on, and the cookie to set.
    pub fn open(&self, mut who: Who) -> std::io::Result<(Who, HeaderValue)> {
        let token = random_token()?;
        let now = Instant::now();
        let mut all = lock(&self.all);
        all.retain(|_, (_, until)| *until > now);
        if all.len() >= MOST
            && let Some(oldest) = all.iter().min_by_key(|(_, (_, until))| *until).map(|(token, _)| *token)
        {
            all.remove(&oldest);
        }
        who.session = true;
        all.insert(hash(&token), (who.clone(), now + LASTS));
        Ok((who, self.cookie(&token, LASTS.as_secs())))
    }

    /// Signs out: the cookie to set.
    pub fn close(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(token) = self.token(headers) {
            lock(&self.all).remove(&hash(token));
        }
        self.cookie("", 0)
    }

    fn cookie(&self, token: &str, seconds: u64) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.name();
        files::value(format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_stands_for_its_key_until_it_is_closed() {
        let sessions = Sessions::new(false);
        let mut hr = Who::anyone();
        hr.name = "hr".into();
        let (_, set) = sessions.open(hr).unwrap();
        let text = set.to_str().unwrap();
        assert!(text.contains("HttpOnly; SameSite=Strict") && !text.contains("Secure"), "{text}");
        let mut headers = HeaderMap::new();
        let pair = text.split(';').next().unwrap();
        headers.insert(header::COOKIE, format!("a=b; {pair}").parse().unwrap());
        let who = sessions.who(&headers).unwrap();
        assert!(who.session && who.name == "hr");
        assert!(sessions.close(&headers).to_str().unwrap().contains("Max-Age=0"));
        assert!(sessions.who(&headers).is_none());
        assert!(Sessions::new(true).open(Who::anyone()).unwrap().1.to_str().unwrap().starts_with("__Host-"));
    }

    #[test]
    fn sessions_are_bounded() {
        let sessions = Sessions::new(true);
        for _ in 0..MOST + 5 {
            sessions.open(Who::anyone()).unwrap();
        }
        assert_eq!(lock(&sessions.all).len(), MOST);
    }
}
