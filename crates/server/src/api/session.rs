//! A console's session: a one-time link becomes a cookie that no script can read and no other site can use.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::access::{NewToken, Role, TokenKind, hash_of, new_secret};

use super::extract::ApiJson;
use super::openapi;
use crate::auth::{Actor, cookie};
use crate::hub::{Hub, now};
use crate::problem::{Answer, Problem};

/// Name of the session's cookie.
pub(crate) const COOKIE: &str = "seawall_session";
/// How long a session lasts: a working day.
const SESSION_HOURS: i64 = 12;

/// The secret of a one-time link.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// What stands after `#` in the link.
    pub token: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionInfo {
    /// The name under which changes are recorded.
    pub name: String,
    /// What is allowed.
    pub role: Role,
    /// Version of the hub.
    pub version: &'static str,
    /// The hub's own cluster.
    pub cluster: String,
}

/// Who is signed in.
#[utoipa::path(get, path = "/session", tag = "access", operation_id = "get_session", responses(
    (status = 200, body = openapi::SessionInfo), (status = "default", body = openapi::Problem)))]
pub(super) async fn get(State(hub): State<Arc<Hub>>, Extension(actor): Extension<Actor>) -> Json<SessionInfo> {
    Json(info(&hub, actor.name, actor.role))
}

fn info(hub: &Hub, name: String, role: Role) -> SessionInfo {
    SessionInfo { name, role, version: env!("CARGO_PKG_VERSION"), cluster: hub.config.cluster.clone() }
}

/// Signs in with a one-time link: the answer sets the session's cookie.
#[utoipa::path(post, path = "/session", tag = "access", operation_id = "create_session", security(()),
    request_body = openapi::SessionRequest, responses(
    (status = 201, body = openapi::SessionInfo), (status = "default", body = openapi::Problem)))]
pub(super) async fn create(
    State(hub): State<Arc<Hub>>,
    ApiJson(request): ApiJson<SessionRequest>,
) -> Answer<(StatusCode, HeaderMap, Json<SessionInfo>)> {
    let now = now();
    let Some(link) = hub.store.take_token(TokenKind::Login, &hash_of(request.token.trim()), now).await? else {
        return Err(Problem::unauthorized(
            "this link is not valid or was used already; make a new one with `seawall-server login-link`",
        ));
    };
    let secret = new_secret("").map_err(|error| Problem::busy(error.to_string()))?;
    let session = NewToken {
        kind: TokenKind::Session,
        hash: hash_of(&secret),
        name: link.name.clone(),
        role: link.role,
        cluster: String::new(),
        node: String::new(),
        author: link.name.clone(),
        expires: now.plus_millis(SESSION_HOURS * 3_600_000),
    };
    hub.store.add_token(&session, now).await?;
    let headers = set_cookie(&hub, &secret, SESSION_HOURS * 3_600)?;
    Ok((StatusCode::CREATED, headers, Json(info(&hub, link.name, link.role))))
}

/// Signs out: the session opens nothing any more.
#[utoipa::path(delete, path = "/session", tag = "access", operation_id = "delete_session", responses(
    (status = 204), (status = "default", body = openapi::Problem)))]
pub(super) async fn delete(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
) -> Answer<(StatusCode, HeaderMap)> {
    if let Some(secret) = cookie(&headers, COOKIE)
        && let Some(session) = hub.store.check_token(TokenKind::Session, &hash_of(secret), now()).await?
    {
        hub.store.revoke_token(TokenKind::Session, &session.id, &actor.name, now()).await?;
    }
    Ok((StatusCode::NO_CONTENT, set_cookie(&hub, "", 0)?))
}

fn set_cookie(hub: &Hub, secret: &str, seconds: i64) -> Answer<HeaderMap> {
    let secure = if hub.config.tls.is_some() { "; Secure" } else { "" };
    let text = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    let value = HeaderValue::from_str(&text).map_err(|error| Problem::busy(error.to_string()))?;
    Ok(HeaderMap::from_iter([(header::SET_COOKIE, value)]))
}
