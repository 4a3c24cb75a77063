//! Runs the scripts, one after the other, and cuts the audit log into what each of them did.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::events::is_background;
use crate::attack::Part;
use crate::parts::kube::{Kube, token};
use crate::parts::process::output;
use crate::parts::wait_for;

/// Most bytes that one look at the audit log takes; a whole run writes some tens of megabytes.
const LOG_MAX_BYTES: u64 = 1 << 30;

/// A script that was run.
#[derive(Debug)]
pub struct Play<'a> {
    /// What was run.
    pub part: Part<'a>,
    /// The name of its namespace.
    pub namespace: String,
    /// What the API server wrote about it.
    pub events: Vec<Value>,
    /// How it failed.
    pub failed: Option<String>,
}

/// All of them.
#[derive(Debug)]
pub struct Played<'a> {
    /// Each script.
    pub parts: Vec<Play<'a>>,
    /// What the control plane did by itself, from its start on and in no script's namespace.
    pub background: Vec<Value>,
    /// Everything that the API server wrote, in its order.
    pub all: Vec<Value>,
}

/// Runs scripts in namespaces of their own.
pub async fn all<'a>(kube: &mut Kube, parts: &[Part<'a>], folder: &Path) -> Result<Played<'a>> {
    let names: Vec<String> = (0..parts.len()).map(|index| format!("shop-{index:04}")).collect();
    make_namespaces(kube, &names, folder).await?;
    let mut log = Log::open(&kube.audit_log())?;
    log.read_until(kube, "set-up").await?;
    let mut ends = vec![log.events.len()];
    let mut plays = Vec::new();
    for (part, namespace) in parts.iter().zip(names) {
        kube.check()?;
        let failed = run(kube, part, &namespace, folder).err().map(|error| format!("{error:#}"));
        log.read_until(kube, &part.id()).await?;
        ends.push(log.events.len());
        plays.push(Play { part: part.clone(), namespace, events: Vec::new(), failed });
    }
    let mut played = Played { parts: plays, background: Vec::new(), all: log.events };
    played.share_out(&ends);
    Ok(played)
}

impl Played<'_> {
    /// Gives each script its events: those of its namespace, whenever they came, and what else was asked while it ran.
    fn share_out(&mut self, ends: &[usize]) {
        let set_up = ends.first().copied().unwrap_or_default();
        for (index, event) in self.all.iter().enumerate() {
            let namespace = event.pointer("/objectRef/namespace").and_then(Value::as_str);
            let of_script = self.parts.iter().position(|play| Some(play.namespace.as_str()) == namespace);
            let meanwhile = ends.iter().position(|end| index < *end).and_then(|at| at.checked_sub(1));
            let place = match of_script {
                _ if index < set_up => None,
                None if is_background(event) => None,
                of_script => of_script.or(meanwhile),
            };
            match place {
                Some(at) => self.parts[at].events.push(event.clone()),
                None if is_background(event) => self.background.push(event.clone()),
                None => {}
            }
        }
    }
}

/// Pods need the account that a controller makes in every new namespace.
async fn make_namespaces(kube: &Kube, names: &[String], folder: &Path) -> Result<()> {
    let item = |name: &String| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let items: Vec<Value> = names.iter().map(item).collect();
    let file = folder.join("namespaces.json");
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    std::fs::write(&file, list.to_string()).context("writing namespaces")?;
    kube.kubectl(&["create", "-f", &file.display().to_string()])?;
    wait_for("an account in every namespace", || async {
        let accounts = kube.kubectl(&["get", "serviceaccounts", "-A", "-o", "name"])?;
        let made = accounts.lines().filter(|line| *line == "serviceaccount/default").count();
        Ok((made >= names.len()).then_some(()))
    })
    .await?;
    Ok(())
}

fn run(kube: &Kube, part: &Part<'_>, namespace: &str, folder: &Path) -> Result<()> {
    let config = folder.join(format!("{namespace}.kubeconfig"));
    kube.write_kubeconfig(&config, "alice", namespace)?;
    let file = folder.join(format!("{namespace}.sh"));
    let helpers = testkit::read_text(testkit::repository().join("e2e/audit/helpers.sh"));
    std::fs::write(&file, format!("{helpers}\n{}", part.script)).context("writing a script")?;
    let mut path = vec![kube.programs()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut bash = Command::new("timeout");
    bash.args(["60", "bash"])
        .arg(&file)
        .current_dir(folder)
        .env("PATH", std::env::join_paths(path).context("joining the path")?);
    bash.env("KUBECONFIG", &config).env("KUBECACHEDIR", folder.join("discovery")).env("NS", namespace);
    bash.env("SERVER", kube.server()).env("CERTIFICATE", kube.certificate()).env("TOKEN", token("alice"));
    output(bash).map(drop)
}

/// The audit log, read as it grows.
struct Log {
    file: File,
    at: u64,
    rest: String,
    events: Vec<Value>,
}

impl Log {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        Ok(Self { file, at: 0, rest: String::new(), events: Vec::new() })
    }

    /// Makes a request of its own, which is not kept, and reads up to it: what was answered before it is in the log.
    async fn read_until(&mut self, kube: &Kube, mark: &str) -> Result<()> {
        let marked = format!("/api/v1/namespaces/default?mark={mark}");
        kube.kubectl(&["get", "--raw", &marked])?;
        let is_mark = |event: &Value| event["requestURI"] == marked.as_str();
        wait_for("the audit log", || {
            let read = self.read();
            let there = self.events.iter().any(is_mark);
            async move { read.map(|()| there.then_some(())) }
        })
        .await?;
        self.events.retain(|event| !is_mark(event));
        Ok(())
    }

    fn read(&mut self) -> Result<()> {
        self.file.seek(SeekFrom::Start(self.at)).context("reading the audit log")?;
        let text = limits::read_capped(&self.file, LOG_MAX_BYTES, "the audit log")?;
        self.at += text.len() as u64;
        self.rest.push_str(&String::from_utf8_lossy(&text));
        let complete = self.rest.rfind('\n').map_or(0, |end| end + 1);
        for line in self.rest[..complete].lines() {
            self.events.push(serde_json::from_str(line).context("a line of the audit log is no JSON")?);
        }
        self.rest.drain(..complete);
        Ok(())
    }
}
