//! Errors as answers. In: an error of the one table, or what is wrong with a request. Out: problem details (RFC 9457).

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ProblemBody {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub type_uri: &'static str,
    /// The status in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// Who must act: usage, input, limit, model, environment, overloaded or bug.
    pub kind: &'static str,
}

/// An answer that says what is wrong.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    kind: ErrorKind,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// One of the table's kinds, with the table's status.
    pub fn of(kind: ErrorKind, detail: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, kind, detail: detail.into(), headers: Vec::new() }
    }

    /// A request that HTTP has a closer status for than 400.
    pub fn request(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, ..Self::of(ErrorKind::Usage, detail) }
    }

    /// Something that should not happen.
    pub fn bug() -> Self {
        Self::of(ErrorKind::Bug, "something went wrong here: please report it")
    }

    /// No such call, or no such path.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::request(StatusCode::NOT_FOUND, detail)
    }

    /// Try again in so many seconds.
    pub fn busy(seconds: u32, detail: impl Into<String>) -> Self {
        Self::of(ErrorKind::Overloaded, detail).with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// What happened and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Adds a header.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// For what the framework has answered by itself.
    pub fn of_status(status: StatusCode) -> Self {
        let detail = match status {
            StatusCode::METHOD_NOT_ALLOWED => "this path has no such method: /openapi.json lists all",
            StatusCode::NOT_FOUND => "there is nothing at this path: /openapi.json lists all",
            _ => "the request cannot be understood: /openapi.json says how it should look",
        };
        match status.is_server_error() {
            true => Self { status, ..Self::bug() },
            false => Self::request(status, detail),
        }
    }
}

impl<E: Into<Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        let error = error.into();
        tracing::error!(%error, "a request failed");
        let kind = error.kind();
        // Paths of this machine are nobody else's business.
        let detail = match kind {
            ErrorKind::Environment | ErrorKind::Bug | ErrorKind::Model => {
                "the service is not able to do this now; its log says why".to_owned()
            }
            _ => error.to_string(),
        };
        Self::of(kind, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            type_uri: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            kind: self.kind.name(),
        };
        let mut response = (self.status, Json(body)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response.headers_mut().extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
    }
}
