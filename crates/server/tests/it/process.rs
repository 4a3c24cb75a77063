//! A hub in a process of its own, for what only a whole process shows: kill -9, a full disk.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use serde_json::Value;
use wire::{Identity, JoinString};

use crate::support::CLUSTER;

/// A hub in a process of its own, killed when dropped.
pub struct Process {
    child: Child,
    pub api: String,
    pub wire: String,
    pub login: Option<String>,
}

impl Process {
    pub fn start(state: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_seawall-server"))
            .args(["--listen", "127.0.0.1:0", "--wire-listen", "127.0.0.1:0", "--print-addresses", "--state-dir"])
            .arg(state)
            .env("SEAWALL_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addresses: Value = serde_json::from_str(&line).expect("the hub prints its addresses");
        let text = |name: &str| addresses[name].as_str().map(str::to_owned);
        Self { child, api: text("api").unwrap(), wire: text("wire").unwrap(), login: text("login") }
    }

    /// SIGKILL: nothing of the program runs any more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Enrols a node by a join string from the API.
pub async fn enrol(hub: &Process, client: &Client, token: &str, node: &str) -> Identity {
    let request = client
        .post(format!("{}/api/v1/enrolment-tokens", hub.api))
        .bearer_auth(token)
        .json(&serde_json::json!({"cluster": CLUSTER, "node": node}));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let join: JoinString = answer["join"].as_str().unwrap().parse().unwrap();
    wire::enrol::request(&join, CLUSTER, Some(node)).await.unwrap()
}

/// Every alert that the hub lists.
pub async fn all_alerts(hub: &Process, client: &Client, token: &str) -> Vec<Value> {
    let mut alerts = Vec::new();
    let mut cursor = String::new();
    loop {
        let url = format!("{}/api/v1/alerts?limit=500{cursor}", hub.api);
        let page: Value = client.get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap();
        alerts.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return alerts,
        }
    }
}
