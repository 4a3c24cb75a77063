//! Live streams: resume, reset, cluster filter; silence; and an orderly end with streams open.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::TestHub;

/// Generous: what is awaited comes within milliseconds; only a defect makes a test wait for it.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Events {
    body: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    text: String,
}

#[derive(Debug)]
pub struct Event {
    pub name: String,
    pub id: i64,
    pub data: Value,
}

impl Events {
    pub async fn open(hub: &TestHub, query: &str, last_event_id: Option<i64>) -> Self {
        let mut request = hub.client.get(hub.url(&format!("/stream{query}"))).bearer_auth(&hub.token);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: Box::pin(response.bytes_stream()), text: String::new() }
    }

    /// The next event; `None` when the stream ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                // Keep-alives are comments without an event.
                let Some(name) = field("event:") else { continue };
                return Some(Event {
                    name: name.to_owned(),
                    id: field("id:").unwrap().parse().unwrap(),
                    data: serde_json::from_str(field("data:").unwrap()).unwrap(),
                });
            }
            let chunk = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("an event within a minute")?;
            self.text.push_str(std::str::from_utf8(&chunk.ok()?).unwrap());
        }
    }

    pub async fn until(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn an_alert_is_seen_at_once_and_again_after_a_break() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    let mut events = Events::open(&hub, "", None).await;
    assert_eq!(events.next().await.unwrap().name, "hello");
    node.send_alerts(1, 1).await;
    let first = events.until("alert").await;
    assert_eq!(first.data["value"]["title"], "Shell 1");
    drop(events);

    node.send_alerts(2, 1).await;
    let mut resumed = Events::open(&hub, "", Some(first.id)).await;
    let incident = resumed.until("incident").await;
    assert_eq!(incident.data["value"]["title"], "Shell 1", "nothing between is left out");
    let second = resumed.until("alert").await;
    assert_eq!(second.data["value"]["title"], "Shell 2");
    assert!(second.id > first.id);
}

#[tokio::test]
async fn a_place_that_is_gone_means_load_again() {
    let hub = TestHub::start().await;
    let mut events = Events::open(&hub, "", Some(1_000_000)).await;
    assert_eq!(events.next().await.unwrap().name, "hello");
    assert_eq!(events.next().await.unwrap().name, "reset");
    let response = hub.client.get(hub.url("/stream")).bearer_auth(&hub.token).header("last-event-id", "x");
    assert_eq!(response.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn one_cluster_can_be_watched() {
    let hub = TestHub::start().await;
    let mut other = Events::open(&hub, "?cluster=other", None).await;
    let mut own = Events::open(&hub, "?cluster=prod", None).await;
    hub.enrol("n1").await.send_alerts(1, 1).await;
    own.until("alert").await;
    let made: Value = hub.post("/images", json!({"reference": "127.0.0.1:1/none:1"})).await.json().await.unwrap();
    other.next().await.unwrap();
    let job = other.next().await.unwrap();
    assert_eq!((job.name.as_str(), &job.data["subject"]), ("job", &made["id"]), "the alert was of another cluster");
}

#[tokio::test]
async fn a_job_that_fails_says_why() {
    let hub = TestHub::start().await;
    let mut events = Events::open(&hub, "", None).await;
    let response = hub.post("/images", json!({"reference": "127.0.0.1:1/none:1"})).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let id = response.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let ended = loop {
        let event = events.until("job").await;
        if event.data["value"]["ended"].is_string() {
            break event;
        }
    };
    assert_eq!(ended.data["value"]["state"], "failed");
    assert!(ended.data["value"]["error"].as_str().unwrap().contains("127.0.0.1:1"), "{}", ended.data);
    assert_eq!(hub.get(&format!("/jobs/{id}")).await, ended.data["value"]);
}

#[tokio::test]
async fn a_silent_node_is_an_alert_and_stale_coverage() {
    let hub = TestHub::with(|config| config.silent_after_seconds = 1).await;
    let node = hub.enrol("n1").await;
    let mut events = Events::open(&hub, "", None).await;
    node.send_alerts(1, 1).await;
    let alert = loop {
        let event = events.until("alert").await;
        if event.data["value"]["key"] == "silent-sensor" {
            break event;
        }
    };
    assert_eq!(alert.data["value"]["scope"]["node"], "n1");
    let row = hub.get("/nodes/prod/n1").await;
    assert_eq!(row["state"], "silent");
    let coverage = hub.get("/coverage?state=stale&node=n1").await;
    assert_eq!(coverage["items"][0]["signal"], "sensor");
    node.send_alerts(2, 1).await;
    assert_eq!(hub.get("/coverage?state=stale").await["items"], json!([]));
}

#[tokio::test]
async fn stopping_ends_streams_and_folds_the_log_in() {
    let hub = TestHub::start().await;
    let node = hub.enrol("n1").await;
    let mut events = Events::open(&hub, "", None).await;
    node.send_alerts(1, 10).await;
    events.until("alert").await;
    let database = hub.dir.path().join("state/hub.db");
    let TestHub { running, dir, .. } = hub;
    tokio::time::timeout(PATIENCE, running.stop()).await.expect("it stops").unwrap();
    while events.next().await.is_some() {}
    let log = database.with_extension("db-wal");
    assert!(std::fs::metadata(&log).map_or(0, |log| log.len()) == 0, "the write-ahead log is folded in");
    drop(dir);
}
