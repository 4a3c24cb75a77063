//! The hub killed −9 under load, twenty times: no acknowledged record is lost, none is shown twice.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::process::{Process, all_alerts, enrol};
use crate::support::{Node, api_token, encode};

/// How often it is killed.
const KILLS: u64 = 20;
/// Alerts of a batch.
const BATCH: u64 = 20;
/// Nodes that send at the same time.
const NODES: usize = 3;

/// Sends batch after batch from where the last run was acknowledged, until the hub is gone. Gives the new position.
async fn send_until_killed(node: Node, mut acked: u64, told: tokio::sync::mpsc::Sender<()>) -> u64 {
    loop {
        // Each batch overlaps the one before by half, as a sender does that lost an answer.
        let first = acked.saturating_sub(BATCH / 2) + 1;
        let records: Vec<Value> = (first..first + BATCH).map(|seq| node.alert(seq)).collect();
        let body = encode(&node.header("alerts", first, BATCH), &records);
        let Ok(response) = node.try_send("alerts", body).await else { return acked };
        assert_eq!(response.status(), StatusCode::OK);
        let Ok(answer) = response.json::<Value>().await else { return acked };
        let position = answer["acked"].as_u64().unwrap();
        assert!(position >= acked, "an acknowledgement is never taken back");
        acked = position;
        // The killer no longer listens when it has what it waited for.
        told.try_send(()).ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_shown_twice() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let client = Client::new();
    let mut hub = Process::start(&state);
    let token = api_token(&client, &hub.api, hub.login.as_deref().unwrap()).await;
    let mut identities = Vec::new();
    for number in 0..NODES {
        identities.push(enrol(&hub, &client, &token, &format!("n{number}")).await);
    }
    let mut acked = vec![0; NODES];
    for round in 0..KILLS {
        let (told, mut progress) = tokio::sync::mpsc::channel(1_024);
        let senders: Vec<_> = identities
            .iter()
            .zip(&acked)
            .map(|(identity, acked)| {
                let node = Node::new(identity.clone(), &hub.wire);
                tokio::spawn(send_until_killed(node, *acked, told.clone()))
            })
            .collect();
        // Another moment each time: after so many answers, with the next batches under way.
        for _ in 0..=round {
            progress.recv().await.unwrap();
        }
        hub.kill();
        for (sender, acked) in senders.into_iter().zip(&mut acked) {
            *acked = sender.await.unwrap();
        }
        hub = Process::start(&state);
    }
    let alerts = all_alerts(&hub, &client, &token).await;
    let mut shown: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for alert in &alerts {
        let node = alert["scope"]["node"].as_str().unwrap();
        let fresh = shown.entry(node).or_default().insert(alert["id"].as_str().unwrap());
        assert!(fresh, "{alert} is shown twice");
    }
    for (identity, acked) in identities.iter().zip(acked) {
        let node = Node::new(identity.clone(), &hub.wire);
        let ids = &shown[node.name.as_str()];
        for seq in 1..=acked {
            let alert = node.alert(seq);
            assert!(
                ids.contains(alert["id"].as_str().unwrap()),
                "{seq} of {acked} acknowledged alerts of {} is lost",
                node.name
            );
        }
    }
    assert_eq!(
        alerts.len(),
        alerts.iter().map(|alert| alert["incident"].as_str()).collect::<BTreeSet<_>>().len(),
        "one incident for each root"
    );
}
