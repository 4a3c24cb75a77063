//! API tokens, enrolment tokens and the audit trail. Secrets are shown once, when they are made.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::access::{NewToken, Role, TokenKind, TokenRow, hash_of, new_secret};
use state::{Page, TrailEntry};
use utoipa::IntoParams;

use super::extract::{ApiJson, ApiPath, ApiQuery, page};
use super::openapi;
use crate::auth::{API_TOKEN_PREFIX, Actor};
use crate::hub::{Hub, now};
use crate::problem::{Answer, Problem};

/// Longest name of a token.
const MAX_NAME_CHARS: usize = 200;
/// Longest life of an API token: two years.
const MAX_TOKEN_HOURS: u32 = 2 * 365 * 24;
/// Longest life of an enrolment token: it lies in scripts and chats until it is used.
const MAX_ENROLMENT_HOURS: u32 = 7 * 24;
const HOUR_MS: i64 = 3_600_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page, 1 to 500.
    limit: Option<u32>,
}

/// What an API token is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiTokenRequest {
    /// A name for people.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// How long it lives; 90 days when absent, two years at most.
    #[serde(default)]
    pub hours: Option<u32>,
    /// The cluster whose API server delivers audit events with it; the hub's own when absent.
    #[serde(default)]
    pub cluster: Option<String>,
}

/// A new API token.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewApiToken {
    /// Its id, for revoking it.
    pub id: String,
    /// The secret, shown this once: `Authorization: Bearer …`.
    pub token: String,
}

/// API tokens, newest first.
#[utoipa::path(get, path = "/tokens", tag = "access", operation_id = "list_tokens", params(ListQuery), responses(
    (status = 200, body = openapi::TokenRowPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn tokens(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Answer<Json<Page<TokenRow>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    Ok(Json(hub.store.tokens(TokenKind::Api, &request).await?))
}

/// Makes an API token.
#[utoipa::path(post, path = "/tokens", tag = "access", operation_id = "create_token",
    request_body = openapi::ApiTokenRequest, responses(
    (status = 201, body = openapi::NewApiToken), (status = "default", body = openapi::Problem)))]
pub(super) async fn create_token(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    ApiJson(request): ApiJson<ApiTokenRequest>,
) -> Answer<(StatusCode, Json<NewApiToken>)> {
    let hours = request.hours.unwrap_or(90 * 24);
    if request.name.trim().is_empty() || request.name.chars().count() > MAX_NAME_CHARS {
        return Err(Problem::bad_request(format!("name: 1 to {MAX_NAME_CHARS} characters are needed")));
    }
    if hours == 0 || hours > MAX_TOKEN_HOURS {
        return Err(Problem::bad_request(format!("hours: 1 to {MAX_TOKEN_HOURS} are possible")));
    }
    let cluster = request.cluster.unwrap_or_default();
    if !cluster.is_empty() {
        wire::PeerIdentity::new(&*cluster, None).map_err(|error| Problem::bad_request(error.to_string()))?;
    }
    let token = new_secret(API_TOKEN_PREFIX).map_err(|error| Problem::busy(error.to_string()))?;
    let now = now();
    let new = NewToken {
        kind: TokenKind::Api,
        hash: hash_of(&token),
        name: request.name.trim().to_owned(),
        role: request.role,
        cluster,
        node: String::new(),
        author: actor.name,
        expires: now.plus_millis(i64::from(hours) * HOUR_MS),
    };
    let id = hub.store.add_token(&new, now).await?;
    Ok((StatusCode::CREATED, Json(NewApiToken { id, token })))
}

/// Revokes an API token: from now on it opens nothing.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "access", operation_id = "revoke_token",
    params(("id" = String, Path, description = "The token's id")), responses(
    (status = 204), (status = "default", body = openapi::Problem)))]
pub(super) async fn revoke_token(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    ApiPath(id): ApiPath<String>,
) -> Answer<StatusCode> {
    revoke(&hub, TokenKind::Api, "API token", &id, &actor).await
}

/// Which machine may enrol.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentTokenRequest {
    /// The cluster that the machine will belong to; `local` when absent.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The node's name; absent: the machine says its own.
    #[serde(default)]
    pub node: Option<String>,
    /// How long the token waits to be used; 1 when absent, a week at most.
    #[serde(default)]
    pub hours: Option<u32>,
}

/// A new enrolment token.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewEnrolmentToken {
    /// Its id, for revoking it.
    pub id: String,
    /// All that a machine needs to join, shown this once. It works one time.
    pub join: String,
    /// When it ends unused.
    pub expires: model::Timestamp,
}

/// Enrolment tokens, newest first.
#[utoipa::path(get, path = "/enrolment-tokens", tag = "access", operation_id = "list_enrolment_tokens",
    params(ListQuery), responses(
    (status = 200, body = openapi::TokenRowPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn enrolment_tokens(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Answer<Json<Page<TokenRow>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    Ok(Json(hub.store.tokens(TokenKind::Enrolment, &request).await?))
}

/// Makes a one-time enrolment token.
#[utoipa::path(post, path = "/enrolment-tokens", tag = "access", operation_id = "create_enrolment_token",
    request_body = openapi::EnrolmentTokenRequest, responses(
    (status = 201, body = openapi::NewEnrolmentToken), (status = "default", body = openapi::Problem)))]
pub(super) async fn create_enrolment_token(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    ApiJson(request): ApiJson<EnrolmentTokenRequest>,
) -> Answer<(StatusCode, Json<NewEnrolmentToken>)> {
    let hours = request.hours.unwrap_or(1);
    if hours == 0 || hours > MAX_ENROLMENT_HOURS {
        return Err(Problem::bad_request(format!("hours: 1 to {MAX_ENROLMENT_HOURS} are possible")));
    }
    let cluster = request.cluster.unwrap_or_else(|| hub.config.cluster.clone());
    let peer = wire::PeerIdentity::new(cluster, request.node.as_deref())
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    let new =
        crate::join::create(&hub.store, &hub.join, &peer, hours, &actor.name, now()).await.map_err(
            |error| match error {
                crate::join::Error::State(error) => error.into(),
                crate::join::Error::Random(error) => Problem::busy(error.to_string()),
            },
        )?;
    Ok((StatusCode::CREATED, Json(NewEnrolmentToken { id: new.id, join: new.join.to_string(), expires: new.expires })))
}

/// Revokes an enrolment token that was not used.
#[utoipa::path(delete, path = "/enrolment-tokens/{id}", tag = "access", operation_id = "revoke_enrolment_token",
    params(("id" = String, Path, description = "The token's id")), responses(
    (status = 204), (status = "default", body = openapi::Problem)))]
pub(super) async fn revoke_enrolment_token(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    ApiPath(id): ApiPath<String>,
) -> Answer<StatusCode> {
    revoke(&hub, TokenKind::Enrolment, "enrolment token", &id, &actor).await
}

async fn revoke(hub: &Hub, kind: TokenKind, what: &str, id: &str, actor: &Actor) -> Answer<StatusCode> {
    if !hub.store.revoke_token(kind, id, &actor.name, now()).await? {
        return Err(Problem::not_found(what, id));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Who changed what, newest first.
#[utoipa::path(get, path = "/audit-trail", tag = "access", operation_id = "list_audit_trail", params(ListQuery),
    responses((status = 200, body = openapi::TrailEntryPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn audit_trail(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Answer<Json<Page<TrailEntry>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    Ok(Json(hub.store.audit_trail(&request).await?))
}
