//! The audit webhook: who may deliver, what becomes an alert, what comes twice.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::TestHub;

const RULES: &str = "
- rule: of-this-test
  desc: somebody started a program in a running pod
  condition: ka.verb = create and ka.target.resource = pods and ka.target.subresource = exec
  output: exec by %ka.user.name
  priority: WARNING
  source: k8s_audit
";

/// Alerts of that rule alone: the built-in ones see an exec too.
const OWN: &str = "/alerts?key=of-this-test";

/// A hub with one more rule, and a token for an API server.
async fn hub() -> (TestHub, String) {
    let rules = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(rules.path(), RULES).unwrap();
    let path = rules.path().to_owned();
    let hub = TestHub::with(|config| config.rules = vec![path]).await;
    let made = hub.post("/tokens", json!({"name": "api server", "role": "audit", "cluster": "aks-1"})).await;
    let token = made.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned();
    (hub, token)
}

fn exec(id: &str, user: &str) -> Value {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "auditID": id, "stage": "ResponseStarted",
        "requestURI": "/api/v1/namespaces/shop/pods/web-0/exec?command=sh", "verb": "create",
        "user": {"username": user, "groups": ["system:authenticated"]}, "sourceIPs": ["192.0.2.7"],
        "userAgent": "kubectl/v1.30", "objectRef":
            {"resource": "pods", "namespace": "shop", "name": "web-0", "apiVersion": "v1", "subresource": "exec"},
        "responseStatus": {"metadata": {}, "code": 101},
        "requestReceivedTimestamp": now(), "stageTimestamp": now()
    })
}

/// Counting ends ten minutes after an alert began, so events must be of now.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_seconds(i64::try_from(since.as_secs()).unwrap()).to_string()
}

fn list(items: &[Value]) -> String {
    json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items}).to_string()
}

async fn deliver(hub: &TestHub, token: &str, body: String) -> Response {
    hub.client.post(format!("{}/audit", hub.api)).bearer_auth(token).body(body).send().await.unwrap()
}

#[tokio::test]
async fn an_exec_becomes_an_alert_of_its_cluster() {
    let (hub, token) = hub().await;
    let response = deliver(&hub, &token, list(&[exec("a", "ada"), exec("b", "bob")])).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"events": 2, "skipped": 0}));
    let alerts = hub.get("/alerts?cluster=aks-1&key=of-this-test").await;
    let outputs: Vec<_> =
        alerts["items"].as_array().unwrap().iter().map(|alert| alert["output"].as_str().unwrap()).collect();
    assert_eq!(outputs.len(), 2, "{alerts}");
    assert!(outputs.iter().any(|output| output.contains("exec by ada")), "{outputs:?}");
    let alert = hub.get(&format!("/alerts/{}", alerts["items"][0]["id"].as_str().unwrap())).await;
    assert_eq!(alert["alert"]["evidence"][0]["audit"]["verb"], "create");
    assert_eq!(alert["alert"]["causal_root"]["type"], "audit");
    assert_eq!(hub.get("/incidents").await["items"].as_array().unwrap().len(), 2, "two people, two incidents");
}

#[tokio::test]
async fn a_delivery_twice_is_one_also_after_a_restart() {
    let (hub, token) = hub().await;
    deliver(&hub, &token, list(&[exec("a", "ada")])).await;
    deliver(&hub, &token, list(&[exec("a", "ada")])).await;
    let before = hub.get(OWN).await;
    assert_eq!((before["items"].as_array().unwrap().len(), &before["items"][0]["count"]), (1, &json!(1)));

    let config = server::Config {
        state_dir: hub.dir.path().join("state"),
        listen: "127.0.0.1:0".parse().unwrap(),
        wire_listen: "127.0.0.1:0".parse().unwrap(),
        rules: vec![hub.dir.path().join("rules.yaml")],
        ..server::Config::default()
    };
    std::fs::write(&config.rules[0], RULES).unwrap();
    let TestHub { running, dir, client, token: admin, .. } = hub;
    running.stop().await.unwrap();
    let running = server::start(config).await.unwrap();
    let hub = TestHub { api: running.addresses.api.clone(), running, token: admin, client, dir };
    deliver(&hub, &token, list(&[exec("a", "ada")])).await;
    assert_eq!(hub.get(OWN).await["items"], before["items"]);
}

#[tokio::test]
async fn a_token_in_the_path_works_too() {
    let (hub, token) = hub().await;
    let url = format!("{}/audit/{token}", hub.api);
    let response = hub.client.post(url).body(list(&[exec("a", "ada")])).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(hub.get(OWN).await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn only_who_may_delivers() {
    let (hub, audit) = hub().await;
    let made: Value = hub.post("/tokens", json!({"name": "v", "role": "viewer"})).await.json().await.unwrap();
    let viewer = made["token"].as_str().unwrap();
    assert_eq!(deliver(&hub, viewer, list(&[])).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(deliver(&hub, "wrong", list(&[])).await.status(), StatusCode::UNAUTHORIZED);
    let read = hub.client.get(hub.url("/alerts")).bearer_auth(&audit).send().await.unwrap();
    assert_eq!(read.status(), StatusCode::FORBIDDEN, "an API server reads nothing");
}

#[tokio::test]
async fn limits_and_garbage() {
    let (hub, token) = hub().await;
    let large = deliver(&hub, &token, " ".repeat((12 << 20) + 1)).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(large.json::<Value>().await.unwrap()["limit"], json!(12 << 20));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in ["{", "audit", deep.as_str()] {
        assert_eq!(deliver(&hub, &token, body.to_owned()).await.status(), StatusCode::BAD_REQUEST, "{body:.9}");
    }
    let mut big = exec("big", "ada");
    big["requestObject"] = json!({"data": "x".repeat(300 << 10)});
    let response = deliver(&hub, &token, list(&[big, json!({"no": "event"}), exec("b", "bob")])).await;
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"events": 2, "skipped": 1}));
    let alerts = hub.get(OWN).await;
    assert_eq!(alerts["items"].as_array().unwrap().len(), 2, "an event that is too big is judged without its objects");
}

#[tokio::test]
async fn equal_events_raise_the_count() {
    let (hub, token) = hub().await;
    deliver(&hub, &token, list(&[exec("a", "ada")])).await;
    deliver(&hub, &token, list(&[exec("b", "ada"), exec("c", "ada")])).await;
    let alerts = hub.get(OWN).await;
    assert_eq!((alerts["items"].as_array().unwrap().len(), &alerts["items"][0]["count"]), (1, &json!(3)));
}
