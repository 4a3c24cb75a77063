//! A hub for a test, and a sender that speaks the wire by hand, so that tests can also say what no honest sender says.

use std::collections::BTreeMap;

use model::{Alert, BatchHeader, CausalRoot, Extra, ProcessKey, Scope, Sender, Severity, Timestamp};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use server::{Config, Running};
use uuid::Uuid;
use wire::{Identity, JoinString, PeerIdentity};

pub const CLUSTER: &str = "prod";

/// A running hub and an administrator's token.
pub struct TestHub {
    pub running: Running,
    pub api: String,
    pub token: String,
    pub client: Client,
    pub dir: tempfile::TempDir,
}

/// A configuration whose ports the system chooses.
pub fn config(dir: &tempfile::TempDir) -> Config {
    Config {
        state_dir: dir.path().join("state"),
        listen: "127.0.0.1:0".parse().unwrap(),
        wire_listen: "127.0.0.1:0".parse().unwrap(),
        cluster: CLUSTER.into(),
        ..Config::default()
    }
}

impl TestHub {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(&dir);
        change(&mut config);
        let running = server::start(config).await.unwrap();
        let api = running.addresses.api.clone();
        let login = running.addresses.login.clone().unwrap();
        let client = Client::new();
        let token = api_token(&client, &api, &login).await;
        Self { running, api, token, client, dir }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.api)
    }

    pub async fn try_get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).bearer_auth(&self.token).send().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        let response = self.try_get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.client.post(self.url(path)).bearer_auth(&self.token).json(&body).send().await.unwrap()
    }

    /// Enrols a node by a join string from the API.
    pub async fn enrol(&self, node: &str) -> Node {
        let answer: Value = self.post("/enrolment-tokens", json!({"node": node})).await.json().await.unwrap();
        let join: JoinString = answer["join"].as_str().unwrap().parse().unwrap();
        let identity = wire::enrol::request(&join, CLUSTER, Some(node)).await.unwrap();
        Node::new(identity, &self.running.addresses.wire)
    }
}

/// Signs in with a one-time link and makes an administrator's token.
pub async fn api_token(client: &Client, api: &str, login: &str) -> String {
    let secret = login.split_once('#').unwrap().1;
    let response = client.post(format!("{api}/api/v1/session")).json(&json!({"token": secret})).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let response = client
        .post(format!("{api}/api/v1/tokens"))
        .header("cookie", cookie)
        .json(&json!({"name": "test", "role": "admin"}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    response.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
}

/// A node with its certificate.
pub struct Node {
    pub name: String,
    pub client: Client,
    pub wire: String,
    pub boot_id: Uuid,
}

impl Node {
    pub fn new(identity: Identity, wire: &str) -> Self {
        let pem = format!("{}\n{}", identity.certificate_pem, identity.key_pem);
        let client = Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(identity.ca_pem.as_bytes()).unwrap()])
            .identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap())
            .build()
            .unwrap();
        Self { name: identity.peer.node.unwrap(), client, wire: wire.to_owned(), boot_id: Uuid::from_u128(7) }
    }

    pub fn sender(&self) -> Sender {
        Sender {
            cluster: CLUSTER.into(),
            node: Some(self.name.clone()),
            program: "seawall-sensor".into(),
            version: "1".into(),
            boot_id: self.boot_id,
        }
    }

    pub fn header(&self, stream: &str, first_seq: u64, records: u64) -> BatchHeader {
        BatchHeader {
            v: 1,
            sender: self.sender(),
            stream: stream.into(),
            first_seq,
            last_seq: (first_seq + records).saturating_sub(1),
            records,
            gaps: Vec::new(),
            counters: BTreeMap::new(),
        }
    }

    pub async fn try_send(&self, stream: &str, body: Vec<u8>) -> Result<Response, reqwest::Error> {
        self.client.post(format!("{}/v1/streams/{stream}/batches", self.wire)).body(body).send().await
    }

    pub async fn send(&self, header: &BatchHeader, records: &[Value]) -> (StatusCode, Value) {
        let response = self.try_send(&header.stream.clone(), encode(header, records)).await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// Sends alerts with these numbers, each of a process of its own, and gives what is acknowledged.
    pub async fn send_alerts(&self, first_seq: u64, count: u64) -> u64 {
        let records: Vec<Value> = (first_seq..first_seq + count).map(|seq| self.alert(seq)).collect();
        let (status, answer) = self.send(&self.header("alerts", first_seq, count), &records).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["acked"].as_u64().unwrap()
    }

    pub fn alert(&self, seq: u64) -> Value {
        let causal_root = CausalRoot::Process {
            cluster: CLUSTER.into(),
            node: self.name.clone(),
            key: ProcessKey { pid: i32::try_from(seq).unwrap(), start_time: Timestamp::from_seconds(1) },
        };
        let time = Timestamp::from_seconds(i64::try_from(seq).unwrap());
        let alert = Alert {
            id: Alert::id_for("shell", &causal_root, &self.sender(), "alerts", seq),
            key: "shell".into(),
            rule: Some("Shell in a container".into()),
            title: format!("Shell {seq}"),
            severity: Severity::Medium,
            tactics: Vec::new(),
            techniques: Vec::new(),
            first_seen: time,
            last_seen: time,
            count: 1,
            scope: Scope::node(CLUSTER, &*self.name),
            process: None,
            process_tree: Vec::new(),
            evidence: Vec::new(),
            entities: Vec::new(),
            causal_root,
            content_version: "1".into(),
            coverage: Vec::new(),
            output: "a shell".into(),
            response: None,
            extra: Extra::new(),
        };
        serde_json::to_value(alert).unwrap()
    }
}

/// A batch's body: zstd of the header's line and the records' lines.
pub fn encode(header: &BatchHeader, records: &[Value]) -> Vec<u8> {
    let mut plain = serde_json::to_vec(header).unwrap();
    plain.push(b'\n');
    for record in records {
        plain.extend(serde_json::to_vec(record).unwrap());
        plain.push(b'\n');
    }
    zstd::encode_all(plain.as_slice(), 1).unwrap()
}

pub fn peer(node: &str) -> PeerIdentity {
    PeerIdentity::new(CLUSTER, Some(node)).unwrap()
}
