//! Runs items one after the other while a sensor and a hub watch, and says what was raised by which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use model::{Alert, CausalRoot, Severity};
use serde_json::Value;

use super::item::{self, Item, Kind, Step};
use crate::api::Api;
use crate::parts::containerd::NAMESPACE;
use crate::parts::hub::Hub;
use crate::parts::lab::{Container, Image, Lab, Network};
use crate::parts::sensor::{Options, Sensor};
use crate::parts::{out, tail, wait_for};

/// First part of the names of this run's containers. Those of a run that was killed keep theirs with the runtime.
fn prefix() -> String {
    format!("benign-{}-", std::process::id())
}

/// The last act of a run: a test alert from a container. When it arrived, everything before it did.
const LAST: &str = "sh -c ': seawall_alerttest_f3a9c1'";
/// The key that it raises.
const LAST_KEY: &str = "eicar";

/// How long a script of a container may run, in seconds: the longest, Maven's first download, takes one of a slow
/// network's minutes.
const LIMIT: &str = "300";
/// Stands for an item in alerts about containerd and what starts the items.
pub const RUNTIME: &str = "runtime";
/// The image that every run has.
const BASE: &str = "benign-base";

/// That image.
const BASE_IMAGE: Image = Image { name: BASE, packages: &["ca-certificates"] };
/// The images of the corpus.
const IMAGES: [Image; 4] = [
    Image {
        name: "benign-services",
        packages: &[
            "apache2-utils",
            "ca-certificates",
            "cron",
            "curl",
            "logrotate",
            "nginx-light",
            "nodejs",
            "openssh-server",
            "openssl",
            "openjdk-17-jre-headless",
            "postgresql",
            "procps",
            "python3",
            "redis-server",
        ],
    },
    Image {
        name: "benign-stack",
        packages: &[
            "apache2",
            "apache2-utils",
            "ca-certificates",
            "curl",
            "gettext-base",
            "gosu",
            "haproxy",
            "libapache2-mod-php",
            "logrotate",
            "mariadb-server",
            "memcached",
            "netcat-openbsd",
            "nginx-light",
            "openssl",
            "php-fpm",
            "procps",
            "prometheus-node-exporter",
            "rabbitmq-server",
            "supervisor",
            "tini",
            "tomcat10",
            "wget",
        ],
    },
    Image {
        name: "benign-tools",
        packages: &[
            "anacron",
            "ansible-core",
            "buildah",
            "ca-certificates",
            "cron",
            "curl",
            "gdb",
            "git",
            "gnupg",
            "golang-go",
            "iproute2",
            "less",
            "libcap2-bin",
            "lighttpd",
            "logrotate",
            "netcat-openbsd",
            "nodejs",
            "openssh-server",
            "openssl",
            "procps",
            "python3-pytest",
            "rsync",
            "strace",
            "sudo",
            "systemd",
            "tcpdump",
            "vim-tiny",
            "wget",
        ],
    },
    BASE_IMAGE,
];

/// Which items run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All.
    All,
    /// Those with these names.
    Named(Vec<String>),
}

impl Selection {
    fn has(&self, item: &Item) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(&item.name),
        }
    }
}

/// An item that ran.
#[derive(Debug, Clone)]
pub struct Done {
    /// What ran.
    pub item: Item,
    /// How long it ran.
    pub took: Duration,
}

/// An alert of the corpus.
#[derive(Debug, Clone)]
pub struct Raised {
    /// Name of the item.
    pub item: String,
    /// Key of the catalogue, or the rule's name.
    pub key: String,
    /// The rule or detector.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// How often within its window.
    pub count: u64,
    /// Its causal root, as the hub compares it.
    pub root: String,
    /// Container, program and parent: alerts of one rule that are equal in it are one.
    pub tree: String,
    /// The line for people.
    pub output: String,
}

/// An incident of the corpus on the hub.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Its id.
    pub id: String,
    /// Name of the item.
    pub item: String,
    /// Its causal root.
    pub root: String,
    /// How bad.
    pub severity: Severity,
}

/// What a run gave.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The items that ran, in order.
    pub items: Vec<Done>,
    /// Their alerts, each once.
    pub raised: Vec<Raised>,
    /// The hub's incidents of them.
    pub incidents: Vec<Incident>,
    /// Items that did not run to their end, and why: what they raised says little.
    pub failed: Vec<String>,
    /// Alerts of processes that are not ours: other programs of the machine.
    pub foreign: u64,
    /// Whether Falco's stable file was loaded.
    pub falco: bool,
}

impl Outcome {
    /// Whether an alert is one that its item must raise.
    pub fn expects(&self, raised: &Raised) -> bool {
        let item = self.items.iter().map(|done| &done.item).find(|item| item.name == raised.item);
        item.is_some_and(|item| item.one_incident_of.contains(&raised.key))
    }
}

/// Runs a selection; state goes under `folder`, the items' outputs into the folder of logs.
pub async fn run(folder: &Path, selection: Selection) -> Result<Outcome> {
    let items: Vec<Item> = item::load()?.into_iter().filter(|item| selection.has(item)).collect();
    ensure!(!items.is_empty(), "no item of the corpus has such a name");
    let logs = out()?.join("benign");
    std::fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
    let needed = |image: &&Image| image.name == BASE || items.iter().any(|item| image_name(item) == image.name);
    let images: Vec<Image> = IMAGES.iter().filter(needed).copied().collect();
    let lab = Lab::start(folder, &logs, &images).await?;
    let hub = Hub::start(folder, 0).await?;
    let api = hub.sign_in().await?;
    let rules: Vec<PathBuf> =
        testkit::data_dir().map(|data| data.join("falco/rules/falco_rules.yaml")).into_iter().collect();
    let falco = !rules.is_empty();
    let sensor =
        Sensor::start(folder, &Options { rules, token: Some(hub.join_token()?), ..Options::default() }).await?;

    let runner = Runner { lab: &lab, folder, logs: &logs };
    let mut outcome = Outcome { falco, ..Outcome::default() };
    let mut sessions = BTreeMap::new();
    for item in items {
        eprintln!("  {} …", item.name);
        let started = Instant::now();
        match runner.run(&item).await {
            Ok(session) => drop(session.map(|session| sessions.insert(session, item.name.clone()))),
            Err(error) => outcome.failed.push(format!("{} did not run to its end: {error:#}", item.name)),
        }
        outcome.items.push(Done { item, took: started.elapsed() });
    }
    runner.last()?;
    sensor
        .wait_for("the test alert that ends the run", |alert| alert.key == LAST_KEY && container(alert) == Some("last"))
        .await?;
    let mut roots = BTreeMap::new();
    // A later line of an alert has its final count and place.
    let alerts: BTreeMap<_, Alert> = sensor.alerts().into_iter().map(|line| (line.what.id, line.what)).collect();
    let lines: Vec<String> = alerts.values().map(serde_json::to_string).collect::<Result<_, _>>()?;
    std::fs::write(logs.join("alerts.jsonl"), lines.join("\n")).context("keeping the alerts")?;
    for alert in alerts.values().filter(|alert| alert.key != LAST_KEY) {
        let Some(item) = item_of(alert, &sessions) else {
            outcome.foreign += 1;
            continue;
        };
        let root = alert.causal_root.key();
        roots.insert(root.clone(), item.clone());
        let rule = alert.rule.clone().unwrap_or_else(|| alert.key.clone());
        let (key, output) = (alert.key.clone(), alert.output.clone());
        let (severity, count, tree) = (alert.severity, alert.count, tree(alert));
        outcome.raised.push(Raised { item, key, rule, severity, count, root, tree, output });
    }
    outcome.incidents = incidents(&api, &roots).await?;
    Ok(outcome)
}

fn image_name(item: &Item) -> &str {
    item.image.as_deref().unwrap_or_default()
}

/// The container's name without our prefix.
fn container(alert: &Alert) -> Option<&str> {
    alert.scope.container.as_ref().and_then(|container| container.id.strip_prefix(&prefix()))
}

/// The item whose container or session an alert is about; [`RUNTIME`] for what else descends from this program.
fn item_of(alert: &Alert, sessions: &BTreeMap<i32, String>) -> Option<String> {
    if let Some(name) = container(alert) {
        // The clients of a service are `NAME.client`.
        return Some(name.split('.').next().unwrap_or(name).to_owned());
    }
    let processes = || alert.process_tree.iter().chain(&alert.process);
    if let Some(item) = processes().find_map(|process| sessions.get(&process.pid)) {
        return Some(item.clone());
    }
    let ours = i32::try_from(std::process::id()).unwrap_or_default();
    processes().any(|process| process.pid == ours).then(|| RUNTIME.to_owned())
}

fn tree(alert: &Alert) -> String {
    let parent = alert.process_tree.iter().rev().nth(1);
    let parent = parent.map(|parent| (parent.pid, parent.start_time.as_nanos()));
    let container = alert.scope.container.as_ref().map(|container| &container.id);
    format!("{container:?} {:?} {parent:?}", alert.process.as_ref().map(|process| &process.exe))
}

/// The hub's incidents whose root is one of ours, once it has the last alert.
async fn incidents(api: &Api, roots: &BTreeMap<String, String>) -> Result<Vec<Incident>> {
    wait_for("the last alert on the hub", || async {
        let alerts = api.list(&format!("/alerts?key={LAST_KEY}")).await?;
        Ok(alerts.into_iter().find(|alert| alert.to_string().contains(&format!("{}last", prefix()))))
    })
    .await?;
    let mut found = Vec::new();
    for row in api.list("/incidents?limit=500").await? {
        let id = row["id"].as_str().context("an incident without an id")?;
        let details: Value = api.get(&format!("/incidents/{id}")).await?;
        let root: CausalRoot = serde_json::from_value(details["root"].clone()).context("reading an incident's root")?;
        let severity = row["severity"].as_str().and_then(Severity::from_word).context("an incident's severity")?;
        if let Some(item) = roots.get(&root.key()) {
            found.push(Incident { id: id.to_owned(), item: item.clone(), root: root.key(), severity });
        }
    }
    Ok(found)
}

/// A script that cannot hang a run for longer than [`LIMIT`] seconds.
fn limited(script: &str) -> [&str; 5] {
    ["timeout", LIMIT, "sh", "-c", script]
}

fn within<'a>(container: Container<'a>, network: Option<&Network>) -> Container<'a> {
    match network {
        Some(network) => container.in_network(network),
        None => container,
    }
}

struct Runner<'a> {
    lab: &'a Lab,
    folder: &'a Path,
    logs: &'a Path,
}

impl Runner<'_> {
    /// Runs an item to its end; the session of one on the host.
    async fn run(&self, item: &Item) -> Result<Option<i32>> {
        match item.kind {
            Kind::Host => self.host(item).map(Some),
            Kind::Build => self.build(item).map(|()| None),
            Kind::Service => self.service(item).await.map(|()| None),
        }
    }

    fn host(&self, item: &Item) -> Result<i32> {
        let folder = self.folder.join(&item.name);
        std::fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
        let log = self.logs.join(format!("{}.log", item.name));
        let file = std::fs::File::create(&log).with_context(|| format!("making {}", log.display()))?;
        // A session of its own, as a login or a unit has: its leader is the causal root.
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", &item.start]).current_dir(&folder).env("HOME", &folder);
        // For an item that works with images as a node does.
        command.env("CONTAINERD_ADDRESS", self.folder.join("containerd.sock")).env("CONTAINERD_NAMESPACE", NAMESPACE);
        command.env("IMAGE", Lab::reference(&BASE_IMAGE)).env("ID", format!("{}{}.job", prefix(), item.name));
        command.stdin(Stdio::null()).stdout(file.try_clone().context("sharing the log")?).stderr(file);
        let mut child = command.spawn().context("starting it")?;
        let session = i32::try_from(child.id()).context("a process id")?;
        let status = child.wait().context("waiting for it")?;
        ensure!(status.success(), "it ended with {status}:\n{}", tail(&log));
        Ok(session)
    }

    fn container(&self, item: &Item, id: &str) -> Result<Container<'_>> {
        let name = image_name(item);
        let image = IMAGES.iter().find(|image| image.name == name).with_context(|| format!("no image {name}"))?;
        let options: Vec<&str> = item.options.iter().map(String::as_str).collect();
        let container = self.lab.container(image, &format!("{}{id}", prefix())).with(&options);
        if !item.network {
            return Ok(container);
        }
        // What a builder needs to reach the registries of packages: the host's network and its files of names and keys.
        let mut container = container.with(&["--net-host"]);
        for file in ["/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"] {
            container = container.mount(&Path::new(file).canonicalize()?, file, "rbind:ro");
        }
        let java = Path::new("/etc/ssl/certs/java/cacerts");
        if java.exists() {
            container = container.mount(&java.canonicalize()?, "/run/node-cacerts", "rbind:ro");
        }
        Ok(container)
    }

    fn build(&self, item: &Item) -> Result<()> {
        let output = self.container(item, &item.name)?.run(&limited(&item.start))?;
        let log = self.logs.join(format!("{}.log", item.name));
        std::fs::write(&log, [&output.stdout[..], &output.stderr[..]].concat()).context("keeping what it said")?;
        ensure!(output.status.success(), "it ended with {}:\n{}", output.status, tail(&log));
        Ok(())
    }

    async fn service(&self, item: &Item) -> Result<()> {
        let network = (!item.network).then(|| Network::new(&format!("{}{}", prefix(), item.name), &[])).transpose()?;
        let log = self.logs.join(format!("{}.log", item.name));
        let service = within(self.container(item, &item.name)?, network.as_ref())
            .with(&["--log-uri", &format!("file://{}", log.display())]);
        service.start(&["sh", "-c", &item.start])?;
        let ready = item.ready.as_deref().unwrap_or("true");
        let waited = wait_for(&item.name, || async { Ok(service.exec(&["sh", "-c", ready]).ok()) }).await;
        if let Err(error) = waited {
            bail!("{error:#}\n{}", tail(&log));
        }
        for (index, step) in item.steps.iter().enumerate() {
            match step {
                Step::Exec(script) => drop(service.exec(&limited(script))?),
                Step::Client(script) => {
                    let client =
                        within(self.container(item, &format!("{}.client{index}", item.name))?, network.as_ref());
                    let output = client.run(&limited(script))?;
                    let said = String::from_utf8_lossy(&output.stderr);
                    ensure!(output.status.success(), "a client ended with {}:\n{said}", output.status);
                }
            }
        }
        service.remove()
    }

    /// The act that ends a run.
    fn last(&self) -> Result<()> {
        let output = self.lab.container(&BASE_IMAGE, &format!("{}last", prefix())).run(&["sh", "-c", LAST])?;
        ensure!(output.status.success(), "the last container ended with {}", output.status);
        Ok(())
    }
}
