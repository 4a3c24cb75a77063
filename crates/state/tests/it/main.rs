//! The store from outside: batches, incidents, lists, images, access; each test on a database of its own.

#![expect(clippy::unwrap_used, reason = "tests fail loudly; that is their job")]

mod access;
mod images;
mod incidents;
mod ingest;
mod lists;
mod migrations;

use std::collections::BTreeMap;

use model::{
    Alert, BatchHeader, CausalRoot, ContainerRef, Extra, ImageRef, ProcessKey, Scope, Sender, Severity, Timestamp,
};
use state::{Batch, Options, Store};
use uuid::Uuid;

/// A store in a folder that goes with it.
struct Fixture {
    store: Store,
    dir: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("hub.db"), options).await.unwrap();
        Self { store, dir }
    }

    /// Closes the database and opens it again, as a restart does.
    async fn restart(self) -> Self {
        self.store.close().await.unwrap();
        let store = Store::open(&self.dir.path().join("hub.db"), Options::default()).await.unwrap();
        Self { store, dir: self.dir }
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// The boot of the tests' sender.
const BOOT: Uuid = Uuid::from_u128(7);

fn sender(node: &str) -> Sender {
    Sender {
        cluster: "prod".into(),
        node: Some(node.into()),
        program: "seawall-sensor".into(),
        version: "1".into(),
        boot_id: BOOT,
    }
}

/// An alert of `node`, of the process `root`, with an identity of its own.
fn alert(node: &str, root: i32, number: u64, time: i64) -> Alert {
    let causal_root = CausalRoot::Process {
        cluster: "prod".into(),
        node: node.into(),
        key: ProcessKey { pid: root, start_time: seconds(1) },
    };
    let scope = Scope {
        namespace: Some("shop".into()),
        container: Some(ContainerRef { id: format!("c{root}"), name: "web".into(), privileged: None }),
        image: Some(ImageRef { reference: "registry.example/web:1".into(), digest: None, config_digest: None }),
        ..Scope::node("prod", node)
    };
    Alert {
        id: Alert::id_for("shell", &causal_root, &sender(node), "alerts", number),
        key: "shell".into(),
        rule: Some("Shell in a container".into()),
        title: "A shell was started".into(),
        severity: Severity::Medium,
        tactics: vec!["Execution".into()],
        techniques: vec!["T1059".into()],
        first_seen: seconds(time),
        last_seen: seconds(time),
        count: 1,
        scope,
        process: None,
        process_tree: Vec::new(),
        evidence: Vec::new(),
        entities: Vec::new(),
        causal_root,
        content_version: "1".into(),
        coverage: Vec::new(),
        output: format!("shell number {number}"),
        response: None,
        extra: Extra::new(),
    }
}

/// A batch of records that begins at a sequence number.
fn batch(node: &str, stream: &str, first_seq: u64, records: Vec<String>) -> Batch {
    let count = records.len() as u64;
    Batch {
        header: BatchHeader {
            v: 1,
            sender: sender(node),
            stream: stream.into(),
            first_seq,
            last_seq: first_seq + count - 1,
            records: count,
            gaps: Vec::new(),
            counters: BTreeMap::new(),
        },
        records,
        received: seconds(1_000),
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

/// A batch of alerts numbered from `first_seq`, each with a causal root of its own.
fn alerts(node: &str, first_seq: u64, count: u64) -> Batch {
    let records = (first_seq..first_seq + count)
        .map(|seq| json(&alert(node, i32::try_from(seq).unwrap(), seq, i64::try_from(seq).unwrap())))
        .collect();
    batch(node, "alerts", first_seq, records)
}
