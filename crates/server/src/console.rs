//! The web console, embedded when it was built, and the sign-in page that works without it.
//!
//! A clean clone builds without Node: then `/` is a page that says how to build the console.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::hub::Hub;
use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "../../console/dist"]
#[allow_missing = true]
struct Console;

const SIGN_IN_PAGE: &str = include_str!("../assets/sign-in.html");
const SIGN_IN_SCRIPT: &str = include_str!("../assets/sign-in.js");
const SIGN_IN_STYLE: &str = include_str!("../assets/sign-in.css");
const PLACEHOLDER: &str = include_str!("../assets/placeholder.html");
const INDEX: &str = "index.html";
const HTML: &str = "text/html; charset=utf-8";

/// The console's routes: its files, its pages (all the same document), sign-in.
pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/login", get(async || text(HTML, SIGN_IN_PAGE)))
        .route("/sign-in.js", get(async || text("text/javascript; charset=utf-8", SIGN_IN_SCRIPT)))
        .route("/sign-in.css", get(async || text("text/css; charset=utf-8", SIGN_IN_STYLE)))
        .fallback(file)
}

fn text(kind: &'static str, body: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], body).into_response()
}

/// Serves a file of the console; a path that names no file is a page of the console.
async fn file(method: axum::http::Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, axum::http::Method::GET | axum::http::Method::HEAD) {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Method not allowed", "pages are read")
            .into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(found) = Console::get(path) {
        return embedded(path, &found, &headers);
    }
    // What looks like a file is one that is not there; answering it with a page would confuse browsers. Files are in the
    // root and under assets/ only: a page's address may end in a node's name, which has dots.
    let is_file = path.starts_with("assets/") || (!path.contains('/') && path.contains('.'));
    if is_file || path.starts_with("api/") {
        return Problem::not_found("page or file", format!("/{path}")).into_response();
    }
    match Console::get(INDEX) {
        Some(index) => embedded(INDEX, &index, &headers),
        None => text(HTML, PLACEHOLDER),
    }
}

fn embedded(path: &str, file: &EmbeddedFile, request: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    // Vite puts a hash of the content into the names below assets/.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = request.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = mime_guess::from_path(path).first_or_octet_stream();
        ([(header::CONTENT_TYPE, kind.as_ref().to_owned())], file.data.to_vec()).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
