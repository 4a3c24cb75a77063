//! Request parts that answer with a problem document when they do not fit, and the parameters that lists share.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use model::{IncidentStatus, Severity};
use serde::de::DeserializeOwned;
use state::{Cursor, PageRequest};

use crate::problem::Problem;

/// Query parameters.
#[derive(Debug)]
pub(crate) struct ApiQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(query) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection: QueryRejection| Problem::bad_request(rejection.body_text()))?;
        Ok(Self(query))
    }
}

/// Parts of the path.
#[derive(Debug)]
pub(crate) struct ApiPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(path) = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejection: PathRejection| Problem::bad_request(rejection.body_text()))?;
        Ok(Self(path))
    }
}

/// A JSON body.
#[derive(Debug)]
pub(crate) struct ApiJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(body_problem(&rejection)),
        }
    }
}

fn body_problem(rejection: &JsonRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(
            "the body is larger than a request of this API may be (bytes)",
            crate::http::MAX_BODY_BYTES,
        ),
        status => Problem::new(status, "bad-body", "The body is not understood", rejection.body_text()),
    }
}

/// The page that a cursor and a limit ask for.
pub(crate) fn page(cursor: Option<&str>, limit: Option<u32>) -> Result<PageRequest, Problem> {
    let after = cursor
        .map(Cursor::decode)
        .transpose()
        .map_err(|error| Problem::bad_request(format!("cursor: {error}; start again without one")))?;
    Ok(PageRequest { after, rows: limit.unwrap_or(0) })
}

/// Severities from a comma-separated list.
pub(crate) fn severities(text: Option<&str>) -> Result<Vec<Severity>, Problem> {
    list(text, "severity", "Critical, High, Medium, Low, Informational, Unknown", Severity::from_word)
}

/// Statuses of incidents from a comma-separated list.
pub(crate) fn statuses(text: Option<&str>) -> Result<Vec<IncidentStatus>, Problem> {
    list(text, "status", "new, active, resolved, false_positive", |word| {
        Some(match word {
            "new" => IncidentStatus::New,
            "active" => IncidentStatus::Active,
            "resolved" => IncidentStatus::Resolved,
            "false_positive" => IncidentStatus::FalsePositive,
            _ => return None,
        })
    })
}

/// One of a parameter's words.
pub(crate) fn word<T: DeserializeOwned>(text: Option<&str>, name: &str) -> Result<Option<T>, Problem> {
    text.map(|text| serde_json::from_value(serde_json::Value::String(text.to_owned())))
        .transpose()
        .map_err(|error| Problem::bad_request(format!("{name}: {error}")))
}

fn list<T>(text: Option<&str>, name: &str, known: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Problem> {
    let words = text.unwrap_or("").split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| read(word).ok_or_else(|| Problem::bad_request(format!("{name}: `{word}` is none of {known}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_words_are_read_or_named() {
        assert_eq!(severities(Some("high, Low")).unwrap(), [Severity::High, Severity::Low]);
        assert_eq!(statuses(None).unwrap(), []);
        assert!(severities(Some("huge")).unwrap_err().detail.contains("`huge`"));
        assert!(statuses(Some("open")).unwrap_err().detail.contains("false_positive"));
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        assert!(page(Some("garbage"), None).unwrap_err().detail.contains("start again"));
    }
}
