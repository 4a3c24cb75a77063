//! The wire's routes: who may send, how much, how often, and what comes back.

use futures_util::stream;
use reqwest::{Body, Client, StatusCode};
use serde_json::{Value, json};
use wire::PeerIdentity;
use wire::enrol::Names;

use crate::support::{CLUSTER, Node, TestHub, encode, peer};

#[tokio::test]
async fn a_batch_twice_is_one_on_the_api() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    assert_eq!(node.send_alerts(1, 3).await, 3);
    assert_eq!(node.send_alerts(1, 3).await, 3);
    assert_eq!(hub.get("/alerts").await["items"].as_array().unwrap().len(), 3);
    assert_eq!(hub.get("/nodes").await["items"][0]["state"], "active");
}

#[tokio::test]
async fn a_hole_is_shown_until_it_is_filled() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    assert_eq!(node.send_alerts(1, 1).await, 1);
    assert_eq!(node.send_alerts(4, 1).await, 1, "acknowledged only up to the hole");
    let gap = &hub.get("/gaps?cluster=prod").await["items"][0];
    assert_eq!((&gap["from"], &gap["to"], &gap["source"]), (&json!(2), &json!(3), &json!("hub")));
    assert_eq!(node.send_alerts(2, 2).await, 4);
    assert_eq!(hub.get("/gaps").await["items"], json!([]));
}

#[tokio::test]
async fn a_header_of_another_sender_is_refused() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    for (field, value) in [("node", "n2"), ("cluster", "other")] {
        let mut header = node.header("alerts", 1, 1);
        match field {
            "node" => header.sender.node = Some(value.into()),
            _ => header.sender.cluster = value.into(),
        }
        let (status, problem) = node.send(&header, &[node.alert(1)]).await;
        assert_eq!((status, &problem["type"]), (StatusCode::FORBIDDEN, &json!("urn:seawall:problem:other-sender")));
        assert!(problem["detail"].as_str().unwrap().contains(value), "{problem}");
    }
    assert_eq!(hub.get("/alerts").await["items"], json!([]));
}

#[tokio::test]
async fn without_a_certificate_nothing_is_taken() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    let stranger = Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    let url = format!("{}/v1/streams/alerts/batches", node.wire);
    let response =
        stranger.post(url).body(encode(&node.header("alerts", 1, 1), &[node.alert(1)])).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn limits_are_named_in_the_problem() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    let check = async |body: Vec<u8>, limit: u64| {
        let response = node.try_send("alerts", body).await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["limit"], json!(limit), "{problem}");
    };
    check(vec![7; (4 << 20) + 1], 4 << 20).await;
    let bomb = zstd::encode_all(vec![b' '; 33 << 20].as_slice(), 1).unwrap();
    check(bomb, 100).await;
    let many = node.header("alerts", 1, 50_001);
    let numbered: Vec<Value> = (0..50_001).map(|number| json!({"number": number})).collect();
    check(encode(&many, &numbered), 50_000).await;
    // The hub goes on.
    assert_eq!(node.send_alerts(1, 1).await, 1);
}

#[tokio::test]
async fn garbage_is_refused_with_a_reason() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    let header = node.header("alerts", 1, 2);
    let mut truncated = encode(&header, &[node.alert(1), node.alert(2)]);
    truncated.truncate(truncated.len() / 2);
    for body in [Vec::new(), b"{}".to_vec(), truncated, encode(&header, &[node.alert(1)])] {
        let response = node.try_send("alerts", body).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(!response.json::<Value>().await.unwrap()["detail"].as_str().unwrap().is_empty());
    }
    let response = node.try_send("secrets", encode(&header, &[])).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

/// A request whose body never ends: it holds its place on the hub.
fn stalled(node: &Node) -> impl Future<Output = reqwest::Result<reqwest::Response>> + Send + use<> {
    let body = Body::wrap_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    node.client.post(format!("{}/v1/streams/alerts/batches", node.wire)).body(body).send()
}

#[tokio::test]
async fn one_sender_cannot_take_all_places() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    let other = hub.enrol("n2").await;
    // Three that stall: two hold the sender's places, whichever is third is told to come back.
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..3 {
        requests.spawn(stalled(&node));
    }
    let refused = requests.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(
        (refused.status(), &refused.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
    );
    assert_eq!(other.send_alerts(1, 1).await, 1, "others are served");
    requests.shutdown().await;
    // Its places come back with its connections' end.
    let mut answer = node.try_send("alerts", encode(&node.header("alerts", 1, 1), &[node.alert(1)])).await.unwrap();
    while answer.status() == StatusCode::TOO_MANY_REQUESTS {
        tokio::task::yield_now().await;
        answer = node.try_send("alerts", encode(&node.header("alerts", 1, 1), &[node.alert(1)])).await.unwrap();
    }
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn when_memory_is_full_senders_come_back_later() {
    let hub = TestHub::start().await;
    let mut nodes = Vec::new();
    for number in 0..5 {
        nodes.push(hub.enrol(&format!("n{number}")).await);
    }
    let mut requests = tokio::task::JoinSet::new();
    for node in &nodes[..4] {
        requests.spawn(stalled(node));
        requests.spawn(stalled(node));
    }
    requests.spawn(stalled(&nodes[4]));
    let refused = requests.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    let ready = hub.client.get(format!("{}/readyz", hub.api)).send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::OK, "the API goes on");
}

#[tokio::test]
async fn an_enrolment_token_works_once_and_for_its_machine() {
    let hub = TestHub::start().await;
    let join = hub.running.join_string(&peer("n1"), 1).await.unwrap();
    let foreign = wire::enrol::request(&join, CLUSTER, Some("n2")).await.unwrap_err();
    assert!(format!("{foreign:?}").contains("403"), "{foreign:?}");
    // The refusal did not use it up.
    let identity = wire::enrol::request(&join, CLUSTER, Some("n1")).await.unwrap();
    assert_eq!(identity.peer, peer("n1"));
    wire::enrol::request(&join, CLUSTER, Some("n1")).await.unwrap_err();
    let renewed = wire::enrol::renew(&identity).await.unwrap();
    assert_eq!(renewed.peer, peer("n1"));
    assert_eq!(hub.get("/nodes").await["items"][0]["state"], "enrolled");
}

#[tokio::test]
async fn a_machine_that_names_nothing_is_whom_the_token_is_for() {
    let hub = TestHub::start().await;
    let unnamed = || Names { host_name: Some("host".into()), ..Names::default() };
    let join = hub.running.join_string(&peer("n1"), 1).await.unwrap();
    assert_eq!(wire::enrol::request_as(&join, unnamed()).await.unwrap().peer, peer("n1"));
    let any = hub.running.join_string(&PeerIdentity::new(CLUSTER, None).unwrap(), 1).await.unwrap();
    assert_eq!(wire::enrol::request_as(&any, unnamed()).await.unwrap().peer, peer("host"));
}

#[tokio::test]
async fn a_revoked_enrolment_token_opens_nothing() {
    let hub = TestHub::start().await;
    let made: Value = hub.post("/enrolment-tokens", json!({})).await.json().await.unwrap();
    let url = hub.url(&format!("/enrolment-tokens/{}", made["id"].as_str().unwrap()));
    let response = hub.client.delete(&url).bearer_auth(&hub.token).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let join = made["join"].as_str().unwrap().parse().unwrap();
    wire::enrol::request(&join, CLUSTER, Some("n1")).await.unwrap_err();
}

#[tokio::test]
async fn the_real_uplink_is_understood() {
    let hub = TestHub::start().await;
    let join = hub.running.join_string(&peer("n1"), 1).await.unwrap();
    let identity = wire::enrol::request(&join, CLUSTER, Some("n1")).await.unwrap();
    let spool = hub.dir.path().join("spool");
    let config = wire::UplinkConfig::new(join.hub_url, identity.clone(), spool, "seawall-sensor", "1");
    let uplink = wire::Uplink::start(config).await.unwrap();
    let node = Node { boot_id: uplink.boot_id(), ..Node::new(identity, &hub.running.addresses.wire) };
    let alerts = uplink.stream("alerts").unwrap();
    for seq in 1..=25 {
        alerts.push(&node.alert(seq)).unwrap();
    }
    assert!(uplink.flush(std::time::Duration::from_secs(30)).await);
    assert_eq!(hub.get("/alerts?limit=100").await["items"].as_array().unwrap().len(), 25);
    uplink.shutdown(std::time::Duration::from_secs(5)).await;
}
