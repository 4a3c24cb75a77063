//! The API: document, lists, filters, incidents, problems, metrics, the pages.

use std::collections::BTreeSet;

use model::{Coverage, CoverageState, Scope, Subject, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{CLUSTER, TestHub};

#[test]
fn the_committed_document_is_what_the_handlers_say() {
    let path = testkit::repository().join("crates/server/openapi.json");
    testkit::golden(path, &server::api::openapi::text());
}

#[test]
fn every_reference_of_the_document_is_there() {
    fn walk<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let document = server::api::openapi::document();
    let mut found = BTreeSet::new();
    walk(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_served_document_is_the_committed_one() {
    let hub = TestHub::start().await;
    let served = hub.client.get(hub.url("/openapi.json")).send().await.unwrap().text().await.unwrap();
    assert_eq!(served, server::api::openapi::text());
}

#[tokio::test]
async fn pages_hold_while_alerts_arrive() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    node.send_alerts(1, 40).await;
    let mut seen = Vec::new();
    let mut path = "/alerts?limit=9".to_owned();
    let mut next_seq = 41;
    loop {
        let page = hub.get(&path).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        node.send_alerts(next_seq, 1).await;
        next_seq += 1;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/alerts?limit=9&cursor={next}");
    }
    let unique: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(unique.len(), seen.len(), "none twice");
    for seq in 1..=40 {
        assert!(unique.contains(node.alert(seq)["id"].as_str().unwrap()), "alert {seq} is missing");
    }
}

#[tokio::test]
async fn an_alert_comes_back_as_it_was_sent() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    let mut alert = node.alert(1);
    alert["from_the_future"] = json!({"deep": [1, 2, 3]});
    node.send(&node.header("alerts", 1, 1), &[alert.clone()]).await;
    let id = alert["id"].as_str().unwrap();
    let record = hub.get(&format!("/alerts/{id}")).await;
    assert_eq!(record["alert"], alert);
    let incident = hub.get(&format!("/incidents/{}", record["incident"].as_str().unwrap())).await;
    assert_eq!(incident["alert_ids"], json!([id]));
}

#[tokio::test]
async fn an_incident_is_worked_on() {
    let hub = TestHub::start().await;
    hub.enrol("n1").await.send_alerts(1, 1).await;
    let id = hub.get("/incidents?status=new").await["items"][0]["id"].as_str().unwrap().to_owned();
    let patch = async |body: Value| {
        let request = hub.client.patch(hub.url(&format!("/incidents/{id}"))).bearer_auth(&hub.token).json(&body);
        let response = request.send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    let (status, incident) = patch(json!({"status": "resolved", "owner": "ada"})).await;
    assert_eq!((status, &incident["status"], &incident["owner"]), (StatusCode::OK, &json!("resolved"), &json!("ada")));
    let (status, problem) = patch(json!({"staus": "new"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(problem["detail"].as_str().unwrap().contains("staus"), "{problem}");
    assert_eq!(hub.get("/incidents?status=new").await["items"], json!([]));
    assert_eq!(hub.get("/audit-trail").await["items"][0]["action"], "incident.patch");
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let hub = TestHub::start().await;
    let check = async |path: &str, status: StatusCode, said: &str| {
        let response = hub.try_get(path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        let problem: Value = response.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(said), "{path}: {problem}");
    };
    check("/alerts?limt=3", StatusCode::BAD_REQUEST, "limt").await;
    check("/alerts?severity=huge", StatusCode::BAD_REQUEST, "`huge`").await;
    check("/alerts?cursor=nonsense", StatusCode::BAD_REQUEST, "cursor").await;
    check("/alerts/not-an-id", StatusCode::BAD_REQUEST, "not-an-id").await;
    check("/alerts/018f0000-0000-7000-8000-000000000000", StatusCode::NOT_FOUND, "no alert").await;
    check("/nodes?state=asleep", StatusCode::BAD_REQUEST, "asleep").await;
    check("/images/none/findings", StatusCode::NOT_FOUND, "none").await;
    check("/nothing", StatusCode::NOT_FOUND, "/nothing").await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let hub = TestHub::start().await;
    let response = hub.post("/images", json!({"reference": "x".repeat(2 << 20)})).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(response.json::<Value>().await.unwrap()["limit"], json!(1 << 20));
}

#[tokio::test]
async fn the_hubs_own_disk_is_closed_to_the_api() {
    let hub = TestHub::start().await;
    let response = hub.post("/images", json!({"reference": "dir:/etc"})).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let response = hub.post("/images", json!({"reference": "UPPER CASE"})).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let hub = TestHub::start().await;
    for path in ["/", "/login", "/images/abc", "/missing.js", "/sign-in.js", "/healthz", "/metrics", "/api/v1/alerts"] {
        let response = hub.client.get(format!("{}{path}", hub.api)).send().await.unwrap();
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn our_own_pages_have_nothing_inline() {
    let hub = TestHub::start().await;
    let page = hub.client.get(format!("{}/login", hub.api)).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<script src=\"/sign-in.js\""));
    for inline in ["onclick", "style=", "<script>", "javascript:"] {
        assert!(!page.contains(inline), "{inline}");
    }
    let page = hub.client.get(format!("{}/nodes/prod/ip-10-0-0-1.ec2.internal", hub.api)).send().await.unwrap();
    assert_eq!(page.status(), 200, "a node's name has dots");
    let missing = hub.client.get(format!("{}/assets/none.js", hub.api)).send().await.unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn numbers_are_exported() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    node.send_alerts(1, 5).await;
    let subject = Subject::Scope { scope: Scope::node(CLUSTER, "n1") };
    let rule = Subject::Rule { name: "r".into(), missing_fields: Vec::new() };
    let statements = [
        Coverage::new(subject.clone(), "dns", CoverageState::Unsupported, "refused"),
        Coverage::new(subject, "exec", CoverageState::Seen, ""),
        Coverage::new(rule, "dns", CoverageState::Unseen, "degraded"),
    ];
    let statements = statements.map(|statement| serde_json::to_value(statement).unwrap());
    assert_eq!(node.send(&node.header("coverage", 1, 3), &statements).await.0, StatusCode::OK);
    let text = hub.client.get(format!("{}/metrics", hub.api)).send().await.unwrap().text().await.unwrap();
    for line in [
        "seawall_hub_batches_total{status=\"200\"} 2",
        "seawall_hub_records_total{stream=\"alerts\"} 5",
        "seawall_hub_enrolments_total 1",
        "seawall_hub_nodes 1",
        "seawall_hub_nodes_silent 0",
        "seawall_hub_gaps 0",
        "seawall_hub_signal_nodes{signal=\"dns\",state=\"unsupported\"} 1\n",
        "seawall_hub_signal_nodes{signal=\"exec\",state=\"seen\"} 1\n",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    let overview = hub.get("/overview").await;
    assert_eq!(
        (&overview["alerts"], &overview["nodes"], &overview["open_incidents"]["medium"]),
        (&json!(5), &json!(1), &json!(5))
    );
}

#[tokio::test]
async fn the_newest_facts_of_a_node_are_shown_with_it() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    assert_eq!(hub.get("/nodes/prod/n1").await.get("facts"), None);
    let facts = |kernel: &str, seconds| {
        json!({"node": "n1", "taken": Timestamp::from_seconds(seconds), "kernel": kernel, "os": "Debian 12",
            "container_runtime": "containerd 1.6.20"})
    };
    let records = [facts("6.1.0", 1), facts("6.12.0", 2)];
    assert_eq!(node.send(&node.header("node_facts", 1, 2), &records).await.0, StatusCode::OK);
    let shown = json!({"kernel": "6.12.0", "os": "Debian 12", "container_runtime": "containerd 1.6.20"});
    assert_eq!(hub.get("/nodes/prod/n1").await["facts"], shown);
    assert_eq!(hub.get("/nodes").await["items"][0]["facts"], shown);
}

#[tokio::test]
async fn pages_are_compressed_for_who_asks() {
    let hub = TestHub::start().await;
    let ask = hub.client.get(format!("{}/api/v1/openapi.json", hub.api)).header("accept-encoding", "gzip");
    assert_eq!(ask.send().await.unwrap().headers()["content-encoding"], "gzip");
}
