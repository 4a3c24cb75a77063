//! Recordings of the audit log, as fixtures in `content/recordings/audit`: the API server's own lines.
//!
//! What is different in every run or on every machine is replaced: times, identifiers, versions of objects, addresses,
//! ports and the names of namespaces. What it is not: a change of anything that a rule looks at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use model::Timestamp;
use serde_json::Value;

use super::events::{Judge, is_background};
use super::play::Played;

/// When every recording begins.
const BEGINNING: i64 = 1_700_000_000;

/// What the control plane did by itself.
const CONTROL_PLANE: &str = "control-plane";

/// What the namespace of every script is called.
const NAMESPACE: &str = "shop";

/// Keys whose values say something of this run only.
const RUN_ONLY: [&str; 6] =
    ["resourceVersion", "apiserver.latency.k8s.io/total", "clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort"];

/// Writes a recording of each script and of the control plane. Of what its parts asked by themselves only the first request
/// of each form is kept.
pub fn all(judge: &Judge, played: &Played<'_>) -> Result<()> {
    let folder = testkit::repository().join("content/recordings/audit");
    let namespaces: Vec<&str> = played.parts.iter().map(|play| play.namespace.as_str()).collect();
    for play in &played.parts {
        let file = folder.join(&play.part.scenario.name).join(format!("{}.jsonl", play.part.name));
        write(judge, &file, &play.events, &namespaces)?;
    }
    write(judge, &folder.join(CONTROL_PLANE).join("benign.jsonl"), &played.background, &namespaces)
}

fn write(judge: &Judge, file: &Path, events: &[Value], namespaces: &[&str]) -> Result<()> {
    let mut run = Run { namespaces, identifiers: BTreeMap::new() };
    let kept = first_of_each_form(events).into_iter().enumerate();
    let neutral: Vec<Value> = kept.map(|(index, event)| run.neutral(event, index)).collect();
    let (before, after) = (judge.count(events), judge.count(&neutral));
    ensure!(before.keys().eq(after.keys()), "{} raises {after:?}, what it was made of {before:?}", file.display());
    let lines = neutral.iter().fold(String::new(), |lines, event| lines + &event.to_string() + "\n");
    fs::create_dir_all(file.parent().context("a file has a folder")?).context("making a folder for the recording")?;
    fs::write(file, lines).with_context(|| format!("writing {}", file.display()))
}

/// Without repetitions of what parts of the control plane asked by themselves.
fn first_of_each_form(events: &[Value]) -> Vec<Value> {
    let mut forms = BTreeSet::new();
    let mut is_new = |event: &Value| {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let form = ["/verb", "/stage", "/user/username", "/objectRef/resource", "/objectRef/subresource"].map(text);
        !is_background(event) || forms.insert(form)
    };
    events.iter().filter(|event| is_new(event)).cloned().collect()
}

/// What was replaced so far, so that the same becomes the same.
#[derive(Debug)]
struct Run<'a> {
    namespaces: &'a [&'a str],
    identifiers: BTreeMap<String, String>,
}

impl Run<'_> {
    fn neutral(&mut self, mut event: Value, index: usize) -> Value {
        let seconds = BEGINNING + i64::try_from(index).unwrap_or_default();
        self.visit(&mut event, &Timestamp::from_seconds(seconds).to_string());
        event
    }

    fn visit(&mut self, value: &mut Value, now: &str) {
        match value {
            Value::String(text) => *text = self.text(text, now),
            Value::Array(items) => items.iter_mut().for_each(|item| self.visit(item, now)),
            Value::Object(fields) => {
                fields.retain(|key, _| !RUN_ONLY.contains(&key.as_str()));
                fields.values_mut().for_each(|field| self.visit(field, now));
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, now: &str) -> String {
        if text.parse::<Timestamp>().is_ok() {
            return now.to_owned();
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some((at, end)) = identifier(rest) {
            out.push_str(&rest[..at]);
            let next = format!("00000000-0000-4000-8000-{:012}", self.identifiers.len() + 1);
            out.push_str(self.identifiers.entry(rest[at..end].to_owned()).or_insert(next));
            rest = &rest[end..];
        }
        out.push_str(rest);
        for namespace in self.namespaces {
            out = out.replace(namespace, NAMESPACE);
        }
        without_ports(&out)
    }
}

/// Where the first UUID of a text begins and ends.
fn identifier(text: &str) -> Option<(usize, usize)> {
    const LENGTH: usize = 36;
    let is_one = |bytes: &[u8]| {
        bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let at = text.as_bytes().windows(LENGTH).position(is_one)?;
    Some((at, at + LENGTH))
}

/// Loopback ports are chosen by chance.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("127.0.0.1:443");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    out
}
