//! Who asks, and whether they may: bearer tokens and console sessions, and the guards against other web sites.
//!
//! - DNS rebinding: a request is answered only when its `Host` is an IP address, `localhost` or a configured name. A
//!   page that points its own name at this server cannot get past that.
//! - CSRF: the cookie is `SameSite=Strict`, and a request that changes something is refused when its `Origin` is not
//!   this server or the browser says that another site made it (`Sec-Fetch-Site`).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use state::access::{Role, TokenKind, TokenRow, hash_of};

use crate::api::COOKIE;
use crate::hub::{Hub, now};
use crate::problem::{Answer, Problem};

/// How API tokens begin, so that people and secret scanners know them.
pub(crate) const API_TOKEN_PREFIX: &str = "seawall_";
/// Longest secret that is looked at.
const MAX_SECRET_CHARS: usize = 256;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The name under which changes are recorded.
    pub name: String,
    /// What is allowed.
    pub role: Role,
    /// The cluster that it speaks for; empty for people.
    pub cluster: String,
}

impl From<TokenRow> for Actor {
    fn from(row: TokenRow) -> Self {
        Self { name: row.name, role: row.role, cluster: row.cluster }
    }
}

/// Refuses requests that reached this server under a name that is not its own, and cross-site changes.
pub(crate) async fn guard(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Answer<Response> {
    // HTTP/2 puts the host into the address, HTTP/1.1 into a header.
    let host = match request.uri().authority() {
        Some(authority) => authority.as_str().to_owned(),
        None => text(request.headers(), header::HOST).unwrap_or_default().to_owned(),
    };
    if !is_own_host(&host, &hub.config.hosts) {
        return Err(Problem::forbidden(
            "other-host",
            format!("this hub is not `{host}`; add the name to `hosts` in its configuration if it is"),
        ));
    }
    if !is_safe(request.method()) && is_cross_site(request.headers(), &host) {
        return Err(Problem::forbidden("other-origin", "another web site may not change anything here"));
    }
    Ok(next.run(request).await)
}

/// Lets in who has a valid token or session; reading needs the viewer's role, changing the administrator's.
pub(crate) async fn require(State(hub): State<Arc<Hub>>, mut request: Request, next: Next) -> Answer<Response> {
    // Signing in is how one gets a session.
    let signs_in = request.method() == Method::POST && request.uri().path() == "/session";
    if !signs_in {
        let actor = actor(&hub, request.headers()).await?;
        let ends_session = request.uri().path() == "/session";
        let needed = if is_safe(request.method()) || ends_session { Role::Viewer } else { Role::Admin };
        if actor.role < needed {
            return Err(Problem::forbidden("role", format!("`{}` may not do this", actor.name)));
        }
        request.extensions_mut().insert(actor);
    }
    Ok(next.run(request).await)
}

/// Who sends these headers.
pub(crate) async fn actor(hub: &Hub, headers: &HeaderMap) -> Answer<Actor> {
    let (kind, secret) = if let Some(secret) = bearer(headers) {
        (TokenKind::Api, secret)
    } else if let Some(secret) = cookie(headers, COOKIE) {
        (TokenKind::Session, secret)
    } else {
        return Err(Problem::unauthorized(
            "send an API token as `Authorization: Bearer …`, or sign in with a link from `seawall-server login-link`",
        ));
    };
    holder(hub, kind, secret).await
}

/// Who holds a secret.
pub(crate) async fn holder(hub: &Hub, kind: TokenKind, secret: &str) -> Answer<Actor> {
    if secret.len() > MAX_SECRET_CHARS {
        return Err(Problem::unauthorized("this is not a token of this hub"));
    }
    let found = hub.store.check_token(kind, &hash_of(secret), now()).await?;
    found
        .map(Actor::from)
        .ok_or_else(|| Problem::unauthorized("the token or session is not valid, has ended or was revoked"))
}

/// The secret of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = text(headers, header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_own_host(host: &str, names: &[String]) -> bool {
    let name = without_port(host);
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_cross_site(headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = text(headers, header::HeaderName::from_static("sec-fetch-site"))
        && site != "same-origin"
        && site != "none"
    {
        return true;
    }
    match text(headers, header::ORIGIN) {
        // No browser: nothing that could be ridden on.
        None => false,
        Some(origin) => origin.split_once("://").is_none_or(|(_, place)| !place.eq_ignore_ascii_case(host)),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_own_names_are_answered() {
        let names = ["hub.example".to_owned()];
        for host in ["127.0.0.1", "127.0.0.1:8080", "[::1]:80", "[::1]", "localhost:1", "HUB.example:8443", "10.0.0.1"]
        {
            assert!(is_own_host(host, &names), "{host}");
        }
        for host in ["", "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil", "[::1", ":80"]
        {
            assert!(!is_own_host(host, &names), "{host}");
        }
    }

    #[test]
    fn other_sites_are_known_by_what_browsers_say() {
        let check = |name: &'static str, value: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::HeaderName::from_static(name), HeaderValue::from_static(value))]);
            is_cross_site(&headers, "127.0.0.1:8080")
        };
        assert!(!is_cross_site(&HeaderMap::new(), "127.0.0.1:8080"));
        assert!(!check("origin", "http://127.0.0.1:8080"));
        assert!(check("origin", "http://127.0.0.1:9090"));
        assert!(check("origin", "https://evil.example"));
        assert!(check("origin", "null"));
        assert!(check("sec-fetch-site", "cross-site"));
        assert!(check("sec-fetch-site", "same-site"));
        assert!(!check("sec-fetch-site", "same-origin"));
    }

    #[test]
    fn secrets_are_found_in_headers() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer abc"));
        headers.insert(header::COOKIE, HeaderValue::from_static("a=1; seawall_session=xyz; b=2"));
        assert_eq!((bearer(&headers), cookie(&headers, COOKIE)), (Some("abc"), Some("xyz")));
        assert_eq!(cookie(&headers, "session"), None);
    }
}
