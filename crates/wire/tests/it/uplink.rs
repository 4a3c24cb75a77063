//! The uplink against a hub: in order, once, through restarts of either side.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use model::{Gap, Loss};
use serde_json::json;
use wire::Uplink;
use wire::uplink::UplinkError;

use crate::hub::{Hub, Received, Store, config};

fn only(store: &Store) -> Received {
    assert!(store.streams.len() <= 1, "{:?}", store.streams.keys());
    store.streams.values().next().cloned().unwrap_or_default()
}

#[tokio::test]
async fn records_arrive_once_and_in_order() {
    let (hub, dir) = (Hub::start().await, tempfile::tempdir().unwrap());
    let uplink = Uplink::start(config(&hub, hub.enrol("n").await, dir.path())).await.unwrap();
    uplink.set_counters([("exec".to_owned(), Loss { lost: 3, ..Loss::default() })].into());
    let stream = uplink.stream("alerts").unwrap();
    for number in 1..=2000 {
        assert_eq!(stream.push(&json!({ "n": number })).unwrap(), number);
    }
    assert!(uplink.flush(Duration::from_mins(1)).await);
    let received = only(&hub.store.lock().unwrap());
    assert_eq!(received.records.len(), 2000);
    assert!(received.records.iter().all(|(seq, record)| record["n"] == *seq));
    assert_eq!((received.gaps.len(), received.counters["exec"].lost), (0, 3));
    let status = uplink.shutdown(Duration::from_secs(1)).await.remove("alerts").unwrap();
    assert_eq!((status.acked, status.spool.waiting, status.last_error), (2000, 0, None));
}

#[tokio::test]
async fn a_hub_that_is_away_loses_nothing() {
    let (hub, dir) = (Hub::start().await, tempfile::tempdir().unwrap());
    let uplink = Uplink::start(config(&hub, hub.enrol("n").await, dir.path())).await.unwrap();
    let stream = uplink.stream("alerts").unwrap();
    let (ca, address, store) = (Arc::clone(&hub.ca), hub.address, Arc::clone(&hub.store));
    let mut hub = Some(hub);
    for round in 0..5_u64 {
        for number in 0..100 {
            stream.push(&json!({ "n": round * 100 + number + 1 })).unwrap();
        }
        // The old hub dies with whatever it was answering; the next one has what it had stored.
        if let Some(hub) = hub.take() {
            hub.kill().await;
        }
        for number in 0..100 {
            stream.push(&json!({ "n": 500 + round * 100 + number })).unwrap();
        }
        hub = Some(Hub::start_with(Arc::clone(&ca), address, Arc::clone(&store)).await);
    }
    assert!(uplink.flush(Duration::from_mins(1)).await, "{:?}", uplink.status());
    let received = only(&store.lock().unwrap());
    assert_eq!((received.records.len(), received.acked, received.gaps.len()), (1000, 1000, 0));
    uplink.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_new_start_sends_what_the_old_one_left_under_its_name() {
    let (hub, dir) = (Hub::start().await, tempfile::tempdir().unwrap());
    let identity = hub.enrol("n").await;
    hub.store.lock().unwrap().refusals.extend([(StatusCode::SERVICE_UNAVAILABLE, Some("300")); 1]);
    let first = Uplink::start(config(&hub, identity.clone(), dir.path())).await.unwrap();
    let first_id = first.boot_id();
    first.stream("alerts").unwrap().push(&"old").unwrap();
    hub.until("refusal", |store| store.refusals.is_empty()).await;
    let status = first.shutdown(Duration::ZERO).await;
    assert_eq!(status["alerts"].spool.waiting, 1);
    let second = Uplink::start(config(&hub, identity, dir.path())).await.unwrap();
    second.stream("alerts").unwrap().push(&"new").unwrap();
    assert!(second.flush(Duration::from_mins(1)).await);
    let store = hub.store.lock().unwrap();
    let starts: Vec<_> =
        store.streams.iter().map(|((_, boot_id, _), got)| (*boot_id, got.records[&1].clone())).collect();
    assert_eq!(starts, [(first_id, json!("old")), (second.boot_id(), json!("new"))]);
}

#[tokio::test]
async fn the_hub_sets_the_pace() {
    let (hub, dir) = (Hub::start().await, tempfile::tempdir().unwrap());
    let identity = hub.enrol("n").await;
    let busy = [(StatusCode::TOO_MANY_REQUESTS, Some("0")), (StatusCode::SERVICE_UNAVAILABLE, None)];
    hub.store.lock().unwrap().refusals.extend(busy);
    let uplink = Uplink::start(config(&hub, identity, dir.path())).await.unwrap();
    uplink.stream("alerts").unwrap().push(&1).unwrap();
    assert!(uplink.flush(Duration::from_mins(1)).await);
    assert_eq!(hub.store.lock().unwrap().requests, 3);
    assert_eq!(uplink.status()["alerts"].failures, 2);
}

#[tokio::test]
async fn only_the_refused_record_is_left_out() {
    let (hub, dir) = (Hub::start().await, tempfile::tempdir().unwrap());
    hub.store.lock().unwrap().poison = Some("never");
    let uplink = Uplink::start(config(&hub, hub.enrol("n").await, dir.path())).await.unwrap();
    let stream = uplink.stream("alerts").unwrap();
    for number in 1..=40 {
        let text = if number == 23 { "never" } else { "fine" };
        stream.push(&json!({ "n": number, "text": text })).unwrap();
    }
    assert!(uplink.flush(Duration::from_mins(1)).await);
    let received = only(&hub.store.lock().unwrap());
    assert_eq!(received.gaps, [Gap { from: 23, to: 23, cause: "refused_by_hub".into() }]);
    assert_eq!(received.records.len(), 39);
}

#[tokio::test]
async fn a_full_disk_is_told_to_the_hub() {
    testkit::need!(root);
    let (hub, dir) = (Hub::start().await, tempfile::tempdir().unwrap());
    let _mount = Tmpfs::mount(dir.path(), "64k");
    let identity = hub.enrol("n").await;
    // The hub is away while the disk fills up.
    hub.store.lock().unwrap().refusals.extend([(StatusCode::SERVICE_UNAVAILABLE, None); 3]);
    let uplink = Uplink::start(config(&hub, identity, dir.path())).await.unwrap();
    let stream = uplink.stream("alerts").unwrap();
    let mut refused = 0_u64;
    for number in 0..200 {
        refused += u64::from(stream.push(&json!({ "n": number, "filler": "x".repeat(1000) })).is_err());
    }
    assert!(refused > 100, "64 KiB took {} KiB", 200 - refused);
    assert!(uplink.flush(Duration::from_mins(1)).await);
    let received = only(&hub.store.lock().unwrap());
    let missing: u64 = received.gaps.iter().map(|gap| gap.to - gap.from + 1).sum();
    assert!(received.gaps.iter().all(|gap| gap.cause == "disk_full"), "{:?}", received.gaps);
    assert_eq!((missing, received.records.len() as u64), (refused, 200 - refused));
    uplink.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn one_folder_has_one_sender() {
    let (hub, dir) = (Hub::start().await, tempfile::tempdir().unwrap());
    let identity = hub.enrol("n").await;
    let first = Uplink::start(config(&hub, identity.clone(), dir.path())).await.unwrap();
    let second = Uplink::start(config(&hub, identity, dir.path())).await;
    assert!(matches!(second, Err(UplinkError::InUse(_))));
    drop(first);
}

/// A small file system of its own.
struct Tmpfs<'a>(&'a std::path::Path);

impl<'a> Tmpfs<'a> {
    fn mount(path: &'a std::path::Path, size: &str) -> Self {
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "seawall-test"])
            .arg(path)
            .status()
            .unwrap();
        assert!(mounted.success(), "root mounts a tmpfs");
        Self(path)
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        // Lazily: the spool's files may still be open.
        drop(std::process::Command::new("umount").arg("-l").arg(self.0).status());
    }
}
