//! Who may do what. In: a file of hashed keys, a request's `Authorization`. Out: a name and its scopes, or a refusal.

use std::path::Path;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::ServiceError;
use super::problem::Problem;
use crate::infer::hex;

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Send calls.
    Submit,
    /// Look at calls and results.
    Read,
    /// Everything, deletion among it.
    Admin,
}

impl Scope {
    /// Each with its name in key files.
    pub const ALL: [(Self, &'static str); 3] = [(Self::Submit, "submit"), (Self::Read, "read"), (Self::Admin, "admin")];

    /// As in key files.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|row| row.1 == name).map(|row| row.0)
    }
}

#[derive(Debug)]
struct Key {
    name: String,
    scopes: Vec<Scope>,
    sha256: String,
}

/// The keys; none: everybody who reaches the service may do everything.
#[derive(Debug, Default)]
pub struct Keys(Vec<Key>);

fn parse_scopes(text: &str) -> Option<Vec<Scope>> {
    text.split(',').map(Scope::parse).collect()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

impl Keys {
    /// Reads a file: a line a key, `name scope[,scope] sha256`, the hash in hex; `#` begins a comment.
    pub fn load(path: &Path) -> Result<Self, ServiceError> {
        let bad = |reason: String| ServiceError::Keys { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|e| bad(format!("{e}: check the path")))?;
        let mut keys = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let key = parse_line(line).ok_or_else(|| {
                bad(format!("line {}: is not `name scope[,scope] sha256`; unmask serve --new-key prints one", i + 1))
            })?;
            keys.push(key);
        }
        match keys.is_empty() {
            true => Err(bad("has no key: add a line that unmask serve --new-key prints".into())),
            false => Ok(Self(keys)),
        }
    }

    /// True when nobody has to show a key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose request it is, if that one may do this.
    pub fn check(&self, headers: &HeaderMap, needed: Scope) -> Result<String, Problem> {
        if self.is_empty() {
            return Ok(String::new());
        }
        let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(bearer);
        let hash = given.map(|token| hex(&Sha256::digest(token.as_bytes())));
        let key = hash.and_then(|hash| self.0.iter().find(|key| same(&key.sha256, &hash)));
        let Some(key) = key else {
            let problem = Problem::request(StatusCode::UNAUTHORIZED, "send a key: Authorization: Bearer KEY");
            return Err(problem.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        };
        if key.scopes.contains(&needed) || key.scopes.contains(&Scope::Admin) {
            return Ok(key.name.clone());
        }
        let detail = format!("this key may not do that: it needs the scope {}", needed.name());
        Err(Problem::request(StatusCode::FORBIDDEN, detail))
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn parse_line(line: &str) -> Option<Key> {
    let mut words = line.split_whitespace();
    let (name, scopes, sha256) = (words.next()?, parse_scopes(words.next()?)?, words.next()?.to_ascii_lowercase());
    let whole = words.next().is_none() && sha256.len() == 64 && sha256.chars().all(|c| c.is_ascii_hexdigit());
    (whole && is_name(name)).then(|| Key { name: name.to_owned(), scopes, sha256 })
}

/// Compares all of it, whatever differs first.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// A new key for `NAME:SCOPES`: the key itself, and the line for the key file, which holds its hash alone.
pub fn new_key(what: &str) -> Result<(String, String), ServiceError> {
    let bad = || ServiceError::NewKey(what.to_owned());
    let (name, scopes) = what.split_once(':').ok_or_else(bad)?;
    let parsed = parse_scopes(scopes).filter(|_| is_name(name)).ok_or_else(bad)?;
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|e| ServiceError::Machine(std::io::Error::other(e.to_string())))?;
    let key = format!("unmask_{}", URL_SAFE_NO_PAD.encode(secret));
    let names: Vec<&str> = parsed.into_iter().map(Scope::name).collect();
    let line = format!("{name} {} {}", names.join(","), hex(&Sha256::digest(key.as_bytes())));
    Ok((key, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn a_key_opens_what_its_scopes_say() {
        let (key, line) = new_key("hr-tool:submit").unwrap();
        let (_dir, path) = file(&format!("# keys\n\n{line}\n"));
        let keys = Keys::load(&path).unwrap();
        let headers = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            headers
        };
        assert_eq!(keys.check(&headers(&format!("bearer {key}")), Scope::Submit).unwrap(), "hr-tool");
        assert!(keys.check(&headers(&format!("Bearer {key}")), Scope::Admin).is_err());
        assert!(keys.check(&headers(&format!("Bearer {key}x")), Scope::Submit).is_err());
        assert!(keys.check(&headers(&key), Scope::Submit).is_err());
        assert!(keys.check(&HeaderMap::new(), Scope::Submit).is_err());
        assert!(!line.contains(&key), "only its hash is kept");
    }

    #[test]
    fn key_files_are_whole_or_refused() {
        for text in ["", "# none\n", "a submit\n", "a drive 00\n", "a submit 00\n"] {
            let (_dir, path) = file(text);
            assert!(Keys::load(&path).is_err(), "{text:?}");
        }
        for what in ["x", "x:", ":read", "a b:read", "x:read,fly"] {
            assert!(new_key(what).is_err(), "{what}");
        }
    }
}
