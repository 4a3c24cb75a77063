//! Problem documents (RFC 9457): every refusal says what, why and what to do, in a form for programs and people.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// Why a request was refused. The body of every answer of 400 and above, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Stable name under `urn:seawall:problem:`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, with the values and what to do.
    pub detail: String,
    /// The limit that was exceeded, in the unit that `detail` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The sequence number of the record at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When to come back.
    #[serde(skip)]
    #[schemars(skip)]
    pub retry_after_seconds: Option<u32>,
}

/// Result of a handler.
pub type Answer<T> = Result<T, Problem>;

impl Problem {
    /// A problem of the kind `urn:seawall:problem:{name}`.
    pub fn new(status: StatusCode, name: &str, title: &str, detail: impl Into<String>) -> Self {
        wire::Problem::new(status.as_u16(), name, title, detail).into()
    }

    /// 400: the request itself is wrong.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request is not understood", detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", format!("there is no {what} `{id}`"))
    }

    /// 401: nobody is signed in.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "sign-in-needed", "Sign-in is needed", detail)
    }

    /// 403: signed in, but not allowed.
    pub fn forbidden(name: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, name, "This is not allowed", detail)
    }

    /// 413: more than a limit, which stands in the document.
    pub fn too_large(detail: impl Into<String>, limit: usize) -> Self {
        let mut problem = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail);
        problem.limit = Some(limit as u64);
        problem
    }

    /// 503: the hub cannot take more now.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The hub is busy", detail).retry_after(1)
    }

    /// The same with a `Retry-After` header.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }
}

impl From<wire::Problem> for Problem {
    fn from(problem: wire::Problem) -> Self {
        let wire::Problem { kind, title, status, detail, limit, seq } = problem;
        Self { kind, title, status, detail, limit, seq, retry_after_seconds: None }
    }
}

impl From<state::Error> for Problem {
    fn from(error: state::Error) -> Self {
        match error {
            state::Error::Busy => Self::busy("more batches wait than the hub holds in memory; send again"),
            state::Error::Closed => Self::busy("the hub is stopping").retry_after(5),
            state::Error::Inconsistent(text) => {
                Self::new(StatusCode::BAD_REQUEST, "inconsistent", "The batch contradicts itself", text)
            }
            error => {
                // What a database says is for the operator's log, not for whoever sent the request.
                tracing::error!(error = %chain(&error), "the state database failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store-failed",
                    "The hub could not use its store",
                    "the hub's log says why; nothing was acknowledged",
                )
                .retry_after(5)
            }
        }
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = self.retry_after_seconds;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(wire::problem::CONTENT_TYPE));
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"seawall\""));
        }
        response
    }
}
