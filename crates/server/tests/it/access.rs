//! Sign-in, tokens, roles, and what other web sites cannot do.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use server::config::TlsFiles;

use crate::support::{TestHub, config};

#[tokio::test]
async fn a_link_signs_in_once_and_the_cookie_is_guarded() {
    let hub = TestHub::start().await;
    let link = hub.running.login_link().await.unwrap();
    let secret = link.split_once("/login#").unwrap().1;
    let sign_in = async || hub.client.post(hub.url("/session")).json(&json!({"token": secret})).send().await.unwrap();
    let first = sign_in().await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let cookie = first.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let again = sign_in().await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
    assert!(again.json::<Value>().await.unwrap()["detail"].as_str().unwrap().contains("login-link"));

    let pair = cookie.split(';').next().unwrap();
    let with_cookie = async |path: &str| hub.client.get(hub.url(path)).header("cookie", pair).send().await.unwrap();
    let session: Value = with_cookie("/session").await.json().await.unwrap();
    assert_eq!((&session["role"], &session["cluster"]), (&json!("admin"), &json!("prod")));
    let out = hub.client.delete(hub.url("/session")).header("cookie", pair).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert_eq!(with_cookie("/session").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nothing_of_the_api_is_open() {
    let hub = TestHub::start().await;
    let document = server::api::openapi::document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            if (path.as_str(), method.as_str()) == ("/session", "post") {
                continue;
            }
            let method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", "018f0000-0000-7000-8000-000000000000").replace(['{', '}'], "");
            let response = hub.client.request(method, hub.url(&path)).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
    }
    for token in ["", "seawall_wrong", &"x".repeat(10_000)] {
        let response = hub.client.get(hub.url("/alerts")).bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    let hub = TestHub::start().await;
    let made: Value = hub.post("/tokens", json!({"name": "watch", "role": "viewer"})).await.json().await.unwrap();
    let viewer = made["token"].as_str().unwrap();
    let read = async || hub.client.get(hub.url("/alerts")).bearer_auth(viewer).send().await.unwrap().status();
    assert_eq!(read().await, StatusCode::OK);
    let write = hub.client.post(hub.url("/tokens")).bearer_auth(viewer).json(&json!({"name": "x", "role": "admin"}));
    assert_eq!(write.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let url = hub.url(&format!("/tokens/{}", made["id"].as_str().unwrap()));
    assert_eq!(hub.client.delete(url).bearer_auth(&hub.token).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(read().await, StatusCode::UNAUTHORIZED, "revoked");
    let listed = hub.get("/tokens").await;
    assert!(!listed.to_string().contains(viewer), "the list shows no secret");
}

#[tokio::test]
async fn tokens_have_an_end() {
    let hub = TestHub::start().await;
    for body in [
        json!({"name": "", "role": "viewer"}),
        json!({"name": "x", "role": "viewer", "hours": 0}),
        json!({"name": "x", "role": "viewer", "hours": 1_000_000}),
    ] {
        assert_eq!(hub.post("/tokens", body).await.status(), StatusCode::BAD_REQUEST);
    }
    assert_eq!(hub.post("/enrolment-tokens", json!({"hours": 169})).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(hub.post("/enrolment-tokens", json!({"node": "a\nb"})).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn another_name_for_this_address_is_refused() {
    let hub = TestHub::with(|config| config.hosts = vec!["hub.example".into()]).await;
    let port = hub.api.rsplit_once(':').unwrap().1;
    let ask = async |host: String| {
        let request = hub.client.get(hub.url("/alerts")).bearer_auth(&hub.token).header("host", host);
        request.send().await.unwrap().status()
    };
    assert_eq!(ask(format!("hub.example:{port}")).await, StatusCode::OK);
    assert_eq!(ask(format!("localhost:{port}")).await, StatusCode::OK);
    assert_eq!(ask(format!("evil.example:{port}")).await, StatusCode::FORBIDDEN);
    let page = Client::new().get(&hub.api).header("host", "evil.example").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn another_site_changes_nothing() {
    let hub = TestHub::start().await;
    let post = async |name: &'static str, value: String| {
        let request = hub.client.post(hub.url("/tokens")).bearer_auth(&hub.token).header(name, value);
        request.json(&json!({"name": "x", "role": "viewer"})).send().await.unwrap().status()
    };
    assert_eq!(post("origin", hub.api.clone()).await, StatusCode::CREATED);
    assert_eq!(post("origin", "https://evil.example".into()).await, StatusCode::FORBIDDEN);
    assert_eq!(post("origin", "null".into()).await, StatusCode::FORBIDDEN);
    assert_eq!(post("sec-fetch-site", "cross-site".into()).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn with_a_certificate_the_api_speaks_tls_only() {
    let dir = tempfile::tempdir().unwrap();
    let now = model::Timestamp::from_seconds(1_790_000_000);
    let authority = wire::server::CertificateAuthority::create(now).unwrap();
    let made = authority.server_certificate(&["127.0.0.1".into()], now).unwrap();
    let tls = TlsFiles { certificate: dir.path().join("hub.pem"), key: dir.path().join("hub.key") };
    std::fs::write(&tls.certificate, &made.chain_pem).unwrap();
    std::fs::write(&tls.key, &made.key_pem).unwrap();
    let running = server::start(server::Config { tls: Some(tls), ..config(&dir) }).await.unwrap();
    let api = running.addresses.api.clone();
    assert!(api.starts_with("https://"), "{api}");
    let root = reqwest::Certificate::from_pem(authority.certificate_pem().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([root]).build().unwrap();
    let secret = running.addresses.login.as_deref().unwrap().split_once('#').unwrap().1;
    let session = client.post(format!("{api}/api/v1/session")).json(&json!({"token": secret})).send().await.unwrap();
    assert!(session.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
    Client::new().get(api.replace("https", "http")).send().await.unwrap_err();
    running.stop().await.unwrap();

    let missing = TlsFiles { certificate: dir.path().join("none.pem"), key: dir.path().join("hub.key") };
    let error = server::start(server::Config { tls: Some(missing), ..config(&dir) }).await.err().unwrap();
    assert!(error.to_string().contains("none.pem"), "{error}");
}
