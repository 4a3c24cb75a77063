//! `bench hub`: alerts per second until they are durable, and how long lists take with 100,000 of them.
//!
//! The real program, the real wire (TLS 1.3 with client certificates, zstd), the real API. A batch counts when its
//! acknowledgement came, which is after its commit is on disk.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use model::{Alert, BatchHeader, CausalRoot, Extra, Process, ProcessKey, Scope, Sender, Severity, Timestamp};
use reqwest::Client;
use serde_json::{Value, json};
use wire::JoinString;

use crate::results::Page;

/// Alerts in the database while lists are measured.
const ALERTS: u64 = 100_000;
/// Requests of each list.
const REQUESTS: usize = 200;
/// Generous: what it takes is measured, not judged here.
const PATIENCE: Duration = Duration::from_mins(1);
/// Alerts that share a causal root.
const ALERTS_OF_ROOT: u64 = 5;

/// Measures.
pub fn run() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let mut page = Page::new("hub", "Hub", "cargo xtask bench hub");
    runtime.block_on(measure(&mut page))?;
    page.write()
}

async fn measure(page: &mut Page) -> Result<()> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let hub = Hub::start(&folder).await?;
    let mut rows = Vec::new();
    let mut stored = 0;
    for (nodes, records, batches) in [(1, 100, 50), (1, 1_000, 10), (4, 100, 50), (4, 1_000, 10)] {
        let (alerts, elapsed) = hub.load(&format!("r{nodes}-{records}"), nodes, records, batches).await?;
        stored += alerts;
        rows.push(vec![
            nodes.to_string(),
            records.to_string(),
            alerts.to_string(),
            format!("{:.0}", rate(alerts, elapsed)),
            format!("{:.1}", elapsed.as_secs_f64() * 1_000.0 / f64::from(u32::try_from(batches).unwrap_or(u32::MAX))),
        ]);
    }
    page.line(
        "Alerts until they are durable (each about 2 kB, five of a causal root; database on this machine's disk):\n",
    );
    page.table(&["senders", "alerts of a batch", "alerts", "alerts/s durable", "ms a batch and sender"], &rows);
    let missing = ALERTS.saturating_sub(stored);
    hub.load("fill", 4, 1_000, missing.div_ceil(4_000)).await?;
    let overview = hub.get("/overview").await?.1;
    page.line(&format!(
        "Lists with {} alerts in the database, {REQUESTS} requests each, one at a time:\n",
        overview["alerts"]
    ));
    page.table(&["request", "p50 ms", "p95 ms", "p99 ms", "rows"], &lists(&hub).await?);
    let (resident, peak) = crate::watched::memory(hub.child.id())?;
    page.line(&format!("Memory of the hub: {resident} MiB at the end, {peak} MiB at its peak."));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

async fn lists(hub: &Hub) -> Result<Vec<Vec<String>>> {
    let mut cursor = String::new();
    for _ in 0..20 {
        let page = hub.get(&format!("/alerts?limit=500{cursor}")).await?.1;
        cursor = format!("&cursor={}", page["next"].as_str().context("the list ended early")?);
    }
    let deep = format!("/alerts?limit=50{cursor}");
    let requests = [
        "/alerts",
        "/alerts?limit=500",
        &deep,
        "/alerts?severity=High",
        "/alerts?cluster=bench",
        "/alerts?key=shell",
        "/alerts?key=no-such-key",
        "/alerts?status=new",
        "/alerts?status=resolved",
        "/alerts?q=registry.example",
        "/alerts?q=nothing-has-this",
        "/incidents",
        "/incidents?status=new&severity=High",
        "/overview",
        "/nodes",
    ];
    let mut rows = Vec::new();
    for request in requests {
        let mut times = Vec::with_capacity(REQUESTS);
        let mut items = 0;
        for _ in 0..REQUESTS {
            let (elapsed, page) = hub.get(request).await?;
            items = page["items"].as_array().map_or(0, Vec::len);
            times.push(elapsed);
        }
        times.sort_unstable();
        let at = |percent: usize| format!("{:.1}", times[REQUESTS * percent / 100].as_secs_f64() * 1_000.0);
        let name = if request == deep { "/alerts, 10,000 rows deep".to_owned() } else { request.to_owned() };
        rows.push(vec![name, at(50), at(95), at(99), items.to_string()]);
    }
    Ok(rows)
}

/// A hub in a process of its own, ended when dropped.
pub struct Hub {
    child: Child,
    api: String,
    wire: String,
    token: String,
    client: Client,
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Hub {
    /// Starts a hub and makes a token of its API.
    pub async fn start(folder: &tempfile::TempDir) -> Result<Self> {
        let program = crate::measure::program("seawall-server")?;
        let mut child = Command::new(&program)
            .args(["--listen", "127.0.0.1:0", "--wire-listen", "127.0.0.1:0", "--print-addresses", "--state-dir"])
            .arg(folder.path().join("state"))
            .env("SEAWALL_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the hub has no stdout")?;
        BufReader::new(stdout).read_line(&mut line).context("reading the hub's addresses")?;
        let addresses: Value = serde_json::from_str(&line).context("reading the hub's addresses")?;
        let text = |name: &str| addresses[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
        let (api, wire, login) = (text("api")?, text("wire")?, text("login")?);
        let client = Client::new();
        let secret = login.split_once('#').context("the link has no secret")?.1;
        let session = client.post(format!("{api}/api/v1/session")).json(&json!({"token": secret})).send().await?;
        let cookie = session.headers().get("set-cookie").context("no cookie")?.to_str()?.to_owned();
        let made = client
            .post(format!("{api}/api/v1/tokens"))
            .header("cookie", cookie.split(';').next().unwrap_or_default())
            .json(&json!({"name": "bench", "role": "admin"}));
        let made: Value = made.send().await?.error_for_status()?.json().await?;
        let token = made["token"].as_str().context("no token")?.to_owned();
        Ok(Self { child, api, wire, token, client })
    }

    async fn get(&self, path: &str) -> Result<(Duration, Value)> {
        let request = self.client.get(format!("{}/api/v1{path}", self.api)).bearer_auth(&self.token);
        let started = Instant::now();
        let body = request.send().await?.error_for_status()?.bytes().await?;
        let elapsed = started.elapsed();
        Ok((elapsed, serde_json::from_slice(&body)?))
    }

    /// A join string for one node.
    pub async fn join(&self, cluster: &str, node: &str) -> Result<String> {
        let request = self.client.post(format!("{}/api/v1/enrolment-tokens", self.api)).bearer_auth(&self.token);
        let made = request.json(&json!({"cluster": cluster, "node": node})).send().await?.error_for_status()?;
        Ok(made.json::<Value>().await?["join"].as_str().context("no join string")?.to_owned())
    }

    /// Asks for the newest alerts until one says a text.
    pub async fn listed(&self, text: &str) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let page = self.get("/alerts?limit=5").await?.1;
            let items = page["items"].as_array().context("the list of alerts has no items")?;
            if items.iter().any(|item| item.to_string().contains(text)) {
                return Ok(());
            }
        }
        anyhow::bail!("the hub never listed an alert about {text}")
    }

    /// What a node said that it lost, per signal; signals that lost nothing are left out.
    pub async fn losses(&self, cluster: &str, node: &str) -> Result<String> {
        let nodes = self.get(&format!("/nodes?cluster={cluster}")).await?.1;
        let items = nodes["items"].as_array().context("the list of nodes has no items")?;
        let row = items.iter().find(|row| row["node"] == node).context("the node is not known")?;
        let losses = row["losses"].as_object().context("the node has no losses")?;
        let nothing = |loss: &Value| loss.as_object().is_none_or(|counts| counts.values().all(|count| count == 0));
        let said: Vec<String> =
            losses.iter().filter(|(_, loss)| !nothing(loss)).map(|(signal, loss)| format!("{signal} {loss}")).collect();
        Ok(if said.is_empty() { "nothing".to_owned() } else { said.join(", ") })
    }

    /// Sends batches from several nodes at once; each node waits for an acknowledgement before its next batch.
    async fn load(&self, name: &str, nodes: u64, records: u64, batches: u64) -> Result<(u64, Duration)> {
        let mut senders = Vec::new();
        for number in 0..nodes {
            let node = Node::enrol(self, &format!("{name}-{number}")).await?;
            let bodies =
                (0..batches).map(|batch| node.batch(batch * records + 1, records)).collect::<Result<Vec<_>>>()?;
            senders.push((node, bodies));
        }
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for (node, bodies) in senders {
            tasks.spawn(async move { node.send(bodies).await });
        }
        while let Some(sent) = tasks.join_next().await {
            ensure!(sent?? == records * batches, "not everything was acknowledged");
        }
        Ok((nodes * records * batches, started.elapsed()))
    }
}

/// A machine that sends.
struct Node {
    name: String,
    client: Client,
    url: String,
}

impl Node {
    async fn enrol(hub: &Hub, name: &str) -> Result<Self> {
        let join: JoinString = hub.join("bench", name).await?.parse()?;
        let identity = wire::enrol::request(&join, "bench", Some(name)).await?;
        let pem = format!("{}\n{}", identity.certificate_pem, identity.key_pem);
        let client = Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(identity.ca_pem.as_bytes())?])
            .identity(reqwest::Identity::from_pem(pem.as_bytes())?)
            .build()?;
        Ok(Self { name: name.to_owned(), client, url: format!("{}/v1/streams/alerts/batches", hub.wire) })
    }

    fn sender(&self) -> Sender {
        Sender {
            cluster: "bench".into(),
            node: Some(self.name.clone()),
            program: "seawall-sensor".into(),
            version: "1".into(),
            boot_id: uuid::Uuid::nil(),
        }
    }

    fn batch(&self, first_seq: u64, records: u64) -> Result<Vec<u8>> {
        let header = BatchHeader {
            v: 1,
            sender: self.sender(),
            stream: "alerts".into(),
            first_seq,
            last_seq: first_seq + records - 1,
            records,
            gaps: Vec::new(),
            counters: std::collections::BTreeMap::new(),
        };
        let mut plain = serde_json::to_vec(&header)?;
        plain.push(b'\n');
        for seq in first_seq..first_seq + records {
            plain.extend(serde_json::to_vec(&self.alert(seq)?)?);
            plain.push(b'\n');
        }
        zstd::encode_all(plain.as_slice(), 1).context("compressing a batch")
    }

    fn alert(&self, seq: u64) -> Result<Alert> {
        let root = seq / ALERTS_OF_ROOT;
        let key = ProcessKey { pid: i32::try_from(root)?, start_time: Timestamp::from_seconds(1_790_000_000) };
        let causal_root = CausalRoot::Process { cluster: "bench".into(), node: self.name.clone(), key };
        let time = Timestamp::from_seconds(1_790_000_000 + i64::try_from(seq)?);
        let process = Process {
            pid: key.pid,
            start_time: key.start_time,
            name: "sh".into(),
            exe: "/usr/bin/sh".into(),
            args: vec!["sh".into(), "-c".into(), format!("cat /etc/shadow # {seq}")],
            cwd: "/srv/app".into(),
            ..Process::default()
        };
        Ok(Alert {
            id: Alert::id_for("shell", &causal_root, &self.sender(), "alerts", seq),
            key: "shell".into(),
            rule: Some("Shell in a container".into()),
            title: "A shell was started in a container".into(),
            severity: if seq.is_multiple_of(10) { Severity::High } else { Severity::Medium },
            tactics: vec!["Execution".into()],
            techniques: vec!["T1059.004".into()],
            first_seen: time,
            last_seen: time,
            count: 1,
            scope: Scope {
                image: Some(model::ImageRef {
                    reference: "registry.example/shop/web:1".into(),
                    digest: None,
                    config_digest: None,
                }),
                ..Scope::node("bench", &*self.name)
            },
            process_tree: vec![process.clone(), process.clone(), process.clone()],
            process: Some(process),
            evidence: Vec::new(),
            entities: Vec::new(),
            causal_root,
            content_version: "1".into(),
            coverage: Vec::new(),
            output: format!("a shell was started (process=sh command=cat /etc/shadow number={seq})"),
            response: None,
            extra: Extra::new(),
        })
    }

    /// Sends one batch after the other and gives the last acknowledgement.
    async fn send(&self, bodies: Vec<Vec<u8>>) -> Result<u64> {
        let mut acked = 0;
        for body in bodies {
            let answer = self.client.post(&self.url).body(body).send().await?.error_for_status()?;
            acked = answer.json::<Value>().await?["acked"].as_u64().context("no acknowledgement")?;
        }
        Ok(acked)
    }
}
