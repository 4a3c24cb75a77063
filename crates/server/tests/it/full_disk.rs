//! A disk that is full under the hub's own database: nothing is acknowledged that is not durable, what is there can
//! still be read, the hub says that it takes nothing, and it goes on by itself when there is room again.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::Value;
use testkit::need;

use crate::process::{Process, all_alerts, enrol};
use crate::support::{Node, api_token, encode};

/// The file system's size: the empty database with its log, and some hundred batches.
const DISK: &str = "size=8m";
/// Taken at first, given back when the disk was full.
const BALLAST: usize = 3 << 20;
/// Alerts of a batch.
const BATCH: u64 = 50;
/// More batches than fit.
const MAX_BATCHES: u64 = 2_000;
/// Generous: what is waited for is a retry of ours.
const PATIENCE: Duration = Duration::from_mins(1);

/// A file system of its own, unmounted when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(dir.path()).status().unwrap();
        assert!(status.success(), "mounting a tmpfs");
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}

/// Sends one batch after an acknowledged position.
async fn send(node: &Node, acked: u64) -> (StatusCode, Value) {
    let first = acked + 1;
    let records: Vec<Value> = (first..first + BATCH).map(|seq| node.alert(seq)).collect();
    let body = encode(&node.header("alerts", first, BATCH), &records);
    let response = node.try_send("alerts", body).await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// What the first page says about the store.
async fn refusal(hub: &Process, client: &Client, token: &str) -> Option<String> {
    let url = format!("{}/api/v1/overview", hub.api);
    let overview: Value = client.get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap();
    overview["refuses_writes"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    need!(root);
    let disk = Disk::mount();
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; BALLAST]).unwrap();
    let client = Client::new();
    let hub = Process::start(&disk.path().join("state"));
    let token = api_token(&client, &hub.api, hub.login.as_deref().unwrap()).await;
    let node = Node::new(enrol(&hub, &client, &token, "n1").await, &hub.wire);
    assert_eq!(refusal(&hub, &client, &token).await, None);

    let mut acked = 0;
    let refused = loop {
        assert!(acked < BATCH * MAX_BATCHES, "the disk never became full");
        let (status, answer) = send(&node, acked).await;
        if status != StatusCode::OK {
            break (status, answer);
        }
        acked = answer["acked"].as_u64().unwrap();
    };
    assert_eq!(refused.0, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.1);
    assert!(acked > 0);
    let said = refusal(&hub, &client, &token).await.expect("the first page says why");
    assert!(said.contains("full"), "{said}");
    assert_eq!(all_alerts(&hub, &client, &token).await.len() as u64, acked, "what is durable can be read");

    std::fs::remove_file(&ballast).unwrap();
    let started = Instant::now();
    let answer = loop {
        let (status, answer) = send(&node, acked).await;
        if status == StatusCode::OK {
            break answer;
        }
        assert!(started.elapsed() < PATIENCE, "{status} {answer}");
    };
    assert_eq!(answer["acked"].as_u64().unwrap(), acked + BATCH);
    assert_eq!(refusal(&hub, &client, &token).await, None);
    let alerts = all_alerts(&hub, &client, &token).await;
    let ids: BTreeSet<&str> = alerts.iter().map(|alert| alert["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len() as u64, acked + BATCH, "each once");
}
