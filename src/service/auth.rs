//! Who may do what. In: a file of hashed keys, a request's `Authorization`. Out: a name, its tenant and its scopes, or a
//! refusal.

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

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// Of the key; empty where none is needed, or none was shown.
    pub name: String,
    /// Whose calls these are; empty: those of nobody in particular, the operator's.
    pub tenant: String,
    /// A browser that has signed in, rather than a key in the request itself.
    pub session: bool,
    scopes: Vec<Scope>,
}

impl Who {
    /// Everything, where no keys are in use.
    pub fn anyone() -> Self {
        Self { scopes: vec![Scope::Admin], ..Self::default() }
    }

    /// As limits and logs count clients: name and tenant.
    pub fn client(&self) -> String {
        format!("{}@{}", self.name, self.tenant)
    }

    /// True for one that has shown a key, or needs none.
    pub fn is_known(&self) -> bool {
        !self.scopes.is_empty()
    }

    /// What is allowed, as in key files.
    pub fn scopes(&self) -> Vec<&'static str> {
        self.scopes.iter().map(|scope| scope.name()).collect()
    }

    /// True when it is allowed.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Refuses what is not allowed.
    pub fn may(&self, needed: Scope) -> Result<(), Problem> {
        if !self.is_known() {
            let problem =
                Problem::request(StatusCode::UNAUTHORIZED, "send a key (Authorization: Bearer KEY), or sign in at /");
            return Err(problem.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if self.has(needed) {
            return Ok(());
        }
        let detail = format!("this key may not do that: it needs the scope {}", needed.name());
        Err(Problem::request(StatusCode::FORBIDDEN, detail))
    }

    /// Refuses what is about all tenants to a key of one of them.
    pub fn may_see_all(&self) -> Result<(), Problem> {
        self.may(Scope::Read)?;
        match self.tenant.is_empty() {
            true => Ok(()),
            false => Err(Problem::request(StatusCode::FORBIDDEN, "this is about all tenants: it needs a key of none")),
        }
    }
}

#[derive(Debug)]
struct Key {
    who: Who,
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
    /// Reads a file: a line a key, `name[@tenant] scope[,scope] sha256`, the hash in hex; `#` begins a comment.
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
                bad(format!(
                    "line {}: is not `name[@tenant] scope[,scope] sha256`; unmask serve --new-key prints one",
                    i + 1
                ))
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

    /// Whose request it is; nobody known when it shows no key, or a wrong one.
    pub fn who(&self, headers: &HeaderMap) -> Who {
        if self.is_empty() {
            return Who::anyone();
        }
        let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(bearer);
        given.and_then(|key| self.of(key)).unwrap_or_default()
    }

    /// Whose key it is.
    pub fn of(&self, key: &str) -> Option<Who> {
        let hash = hex(&Sha256::digest(key.as_bytes()));
        self.0.iter().find(|key| same(&key.sha256, &hash)).map(|key| key.who.clone())
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn parse_line(line: &str) -> Option<Key> {
    let mut words = line.split_whitespace();
    let (name, scopes, sha256) = (words.next()?, parse_scopes(words.next()?)?, words.next()?.to_ascii_lowercase());
    let (name, tenant) = split_name(name)?;
    let whole = words.next().is_none() && sha256.len() == 64 && sha256.chars().all(|c| c.is_ascii_hexdigit());
    let who = Who { name: name.to_owned(), tenant: tenant.to_owned(), session: false, scopes };
    whole.then_some(Key { who, sha256 })
}

/// `name` or `name@tenant`.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let (name, tenant) = match text.split_once('@') {
        Some((name, tenant)) => is_name(tenant).then_some((name, tenant))?,
        None => (text, ""),
    };
    is_name(name).then_some((name, tenant))
}

/// Compares all of it, whatever differs first.
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// 256 random bits as text.
pub fn random_token() -> std::io::Result<String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|e| std::io::Error::other(e.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(secret))
}

/// A new key for `NAME[@TENANT]:SCOPES`: the key itself, and the line for the key file, which holds its hash alone.
pub fn new_key(what: &str) -> Result<(String, String), ServiceError> {
    let bad = || ServiceError::NewKey(what.to_owned());
    let (name, scopes) = what.split_once(':').ok_or_else(bad)?;
    let parsed = parse_scopes(scopes).filter(|_| split_name(name).is_some()).ok_or_else(bad)?;
    let key = format!("unmask_{}", random_token().map_err(ServiceError::Machine)?);
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
        let (key, line) = new_key("hr-tool@acme:submit").unwrap();
        let (_dir, path) = file(&format!("# keys\n\n{line}\n"));
        let keys = Keys::load(&path).unwrap();
        let headers = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            headers
        };
        let who = keys.who(&headers(&format!("bearer {key}")));
        assert_eq!((who.name.as_str(), who.tenant.as_str()), ("hr-tool", "acme"));
        assert!(who.may(Scope::Submit).is_ok() && who.may(Scope::Admin).is_err() && who.may_see_all().is_err());
        for wrong in [format!("Bearer {key}x"), key.clone(), format!("Basic {key}"), "Bearer ".into()] {
            assert!(!keys.who(&headers(&wrong)).is_known(), "{wrong}");
        }
        assert!(keys.who(&HeaderMap::new()).may(Scope::Submit).is_err());
        assert!(!line.contains(&key), "only its hash is kept");
    }

    #[test]
    fn key_files_are_whole_or_refused() {
        for text in ["", "# none\n", "a submit\n", "a drive 00\n", "a submit 00\n", "a@ submit 00\n"] {
            let (_dir, path) = file(text);
            assert!(Keys::load(&path).is_err(), "{text:?}");
        }
        for what in ["x", "x:", ":read", "a b:read", "x:read,fly", "x@:read", "x@a@b:read"] {
            assert!(new_key(what).is_err(), "{what}");
        }
    }
}
