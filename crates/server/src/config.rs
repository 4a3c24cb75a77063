//! The hub's configuration: one YAML file, then the command line and the environment, parsed once.
//!
//! Unknown keys are refused with the nearest known one, because a typing mistake must not silently mean the default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use limits::ReadError;
use limits::yaml::{self, Node, YamlLimits};
use model::Diagnostic;
use model::diagnostic::Level;
use serde::Deserialize;

/// Largest configuration file: a hundred times what every key needs.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Where things are and how the hub behaves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of the database and the certificate authority; made with mode 0700.
    pub state_dir: PathBuf,
    /// Address of the API and the console.
    pub listen: SocketAddr,
    /// Address of the wire, where sensors send (mutual TLS).
    pub wire_listen: SocketAddr,
    /// Host names and addresses under which senders reach the wire: they stand in its certificate.
    pub wire_names: Vec<String>,
    /// Address of the wire in join strings, such as `https://hub.example:8845`; else made of `wire_names` and the port.
    pub wire_url: Option<String>,
    /// Host names under which people reach the API; IP addresses and `localhost` always work.
    pub hosts: Vec<String>,
    /// Certificate and key of the API; without them it speaks plain HTTP and only on loopback.
    pub tls: Option<TlsFiles>,
    /// Serve plain HTTP on an address that is not loopback: for use behind a proxy that ends TLS.
    pub insecure_http: bool,
    /// The cluster that audit events and new machines belong to.
    pub cluster: String,
    /// Folder of the advisory database; without one every assessment says "no feed".
    pub database: Option<PathBuf>,
    /// Rule files for audit events, in Falco's language, read after the built-in ones.
    pub rules: Vec<PathBuf>,
    /// Assess images on the hub's own disk (`dir:`, `oci:`, archives, `containerd:`) when asked over the API.
    pub local_sources: bool,
    /// Assess images that containers run, as soon as they are seen.
    pub assess_running: bool,
    /// A node that sends nothing for this long is silent: an alert.
    pub silent_after_seconds: u32,
    /// Alerts of one causal root belong to one incident while less than this passes between them.
    pub incident_window_minutes: u32,
    /// Events kept in the state database.
    pub keep_events: u32,
}

/// Certificate and key of the API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// PEM file of the certificate and its chain.
    pub certificate: PathBuf,
    /// PEM file of the key.
    pub key: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("seawall-state"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8844)),
            wire_listen: SocketAddr::from(([127, 0, 0, 1], 8845)),
            wire_names: vec!["127.0.0.1".into(), "::1".into(), "localhost".into()],
            wire_url: None,
            hosts: Vec::new(),
            tls: None,
            insecure_http: false,
            cluster: model::scope::LOCAL_CLUSTER.into(),
            database: None,
            rules: Vec::new(),
            local_sources: false,
            assess_running: false,
            silent_after_seconds: 45,
            incident_window_minutes: 240,
            keep_events: 200_000,
        }
    }
}

/// Every key, and the keys beneath `tls`; a test compares them with the types.
const KEYS: &[&str] = &[
    "state_dir",
    "listen",
    "wire_listen",
    "wire_names",
    "wire_url",
    "hosts",
    "tls",
    "insecure_http",
    "cluster",
    "database",
    "rules",
    "local_sources",
    "assess_running",
    "silent_after_seconds",
    "incident_window_minutes",
    "keep_events",
];
const TLS_KEYS: &[&str] = &["certificate", "key"];

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("reading the configuration")]
    Read(#[from] ReadError),
    /// The text is wrong; the diagnostics say where.
    #[error("{}", render(.text, .diagnostics))]
    Text {
        /// The text.
        text: String,
        /// What is wrong.
        diagnostics: Vec<Diagnostic>,
    },
    /// A value contradicts another.
    #[error("{0}")]
    Value(String),
}

fn render(text: &str, diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.render(text)).collect::<Vec<_>>().join("\n")
}

impl Config {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = limits::read_text(path, MAX_CONFIG_BYTES)?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads a text; `source` is what diagnostics call it.
    pub fn parse(text: &str, source: &str) -> Result<Self, ConfigError> {
        let refuse = |diagnostics| ConfigError::Text { text: text.to_owned(), diagnostics };
        let (documents, mut diagnostics) = yaml::load(text, source, &YamlLimits::DEFAULT);
        if diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error) {
            return Err(refuse(diagnostics));
        }
        let Some(root) = documents.first() else { return Ok(Self::default()) };
        if documents.len() > 1 {
            diagnostics.push(Diagnostic::new("config/documents", Level::Error, source, "one document is expected"));
        }
        check_keys(root, KEYS, source, &mut diagnostics);
        if let Some(tls) = root.get("tls") {
            check_keys(tls, TLS_KEYS, source, &mut diagnostics);
        }
        if diagnostics.is_empty() {
            for (key, value) in root.entries() {
                check_value(key, value, source, &mut diagnostics);
            }
        }
        if !diagnostics.is_empty() {
            return Err(refuse(diagnostics));
        }
        serde_json::from_value(root.to_json())
            .map_err(|error| refuse(vec![root.diagnostic("config/value", Level::Error, source, error.to_string())]))
    }

    /// Refuses values that contradict each other.
    pub fn check(&self) -> Result<(), ConfigError> {
        let refuse = |text: String| Err(ConfigError::Value(text));
        if self.tls.is_none() && !self.insecure_http && !self.listen.ip().is_loopback() {
            return refuse(format!(
                "listen: {} is reachable from other machines and would speak plain HTTP; set `tls`, or `insecure_http: \
                 true` behind a proxy that ends TLS",
                self.listen
            ));
        }
        if self.silent_after_seconds == 0 || self.incident_window_minutes == 0 || self.keep_events == 0 {
            return refuse("silent_after_seconds, incident_window_minutes and keep_events must be at least 1".into());
        }
        if self.wire_names.is_empty() {
            return refuse("wire_names: at least one name or address is needed for the certificate".into());
        }
        wire::PeerIdentity::new(&*self.cluster, None)
            .map(drop)
            .map_err(|error| ConfigError::Value(format!("cluster: {error}")))
    }
}

fn check_keys(node: &Node, known: &[&str], source: &str, diagnostics: &mut Vec<Diagnostic>) {
    for (key, _) in node.entries() {
        let name = key.scalar_text().unwrap_or_default();
        if known.contains(&name.as_str()) {
            continue;
        }
        let diagnostic = key.diagnostic("config/unknown-key", Level::Error, source, format!("unknown key `{name}`"));
        diagnostics.push(match nearest(&name, known) {
            Some(nearest) => diagnostic.with_fix(format!("did you mean `{nearest}`?")),
            None => diagnostic.with_fix(format!("known keys: {}", known.join(", "))),
        });
    }
}

/// Reads one key alone, so that a wrong value is reported where it stands.
fn check_value(key: &Node, value: &Node, source: &str, diagnostics: &mut Vec<Diagnostic>) {
    let name = key.scalar_text().unwrap_or_default();
    let alone = serde_json::Map::from_iter([(name.clone(), value.to_json())]);
    if let Err(error) = serde_json::from_value::<Config>(serde_json::Value::Object(alone)) {
        diagnostics.push(value.diagnostic("config/value", Level::Error, source, format!("{name}: {error}")));
    }
}

/// The known word that a word was probably meant to be.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    /// More changes than this make another word.
    const MAX_CHANGES: usize = 3;
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(changes, candidate)| *changes <= MAX_CHANGES.min(candidate.len() / 2))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &[&str]) {
        let error = Config::parse(text, "hub.yaml").unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_list_of_keys_is_what_the_type_reads() {
        let error = serde_json::from_str::<Config>(r#"{"?": 1}"#).unwrap_err().to_string();
        for key in KEYS {
            assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
        }
        assert_eq!(error.matches('`').count() / 2, KEYS.len() + 1);
    }

    #[test]
    fn an_empty_text_is_the_default() {
        assert_eq!(Config::parse("# nothing\n", "hub.yaml").unwrap(), Config::default());
        Config::default().check().unwrap();
    }

    #[test]
    fn values_are_read() {
        let text =
            "listen: 127.0.0.1:0\ncluster: prod\ntls:\n  certificate: a.pem\n  key: b.pem\nhosts: [hub.example]\n";
        let config = Config::parse(text, "hub.yaml").unwrap();
        assert_eq!((config.listen.port(), config.cluster.as_str()), (0, "prod"));
        assert_eq!(config.tls.unwrap().key, PathBuf::from("b.pem"));
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        refused("lisen: 127.0.0.1:0\n", &["hub.yaml:1:1", "unknown key `lisen`", "did you mean `listen`?"]);
        refused("tls: {certificat: x}\n", &["`certificat`", "did you mean `certificate`?"]);
        refused("zzz: 1\n", &["known keys: state_dir"]);
        refused("cluster: a\nkeep_events: many\n", &["hub.yaml:2:14", "keep_events: invalid type"]);
        refused("listen: [\n", &["error["]);
    }

    #[test]
    fn plain_http_stays_on_loopback() {
        let open = Config { listen: SocketAddr::from(([0, 0, 0, 0], 80)), ..Config::default() };
        assert!(open.check().unwrap_err().to_string().contains("insecure_http"));
        Config { insecure_http: true, ..open }.check().unwrap();
    }
}
