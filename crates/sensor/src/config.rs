//! What the sensor is told: flags, and one YAML file with the same names, which flags override.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A configuration is written by people; ours have a dozen lines.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// What to print on stdout, one JSON line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Print {
    /// Nothing.
    Nothing,
    /// Alerts.
    #[default]
    Alerts,
    /// Alerts and all events.
    Events,
}

/// What the sensor is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name of the cluster; empty for the one that the hub's token names, and for a machine without one.
    pub cluster: String,
    /// Name of this node; empty for the one that the hub's token names, else the machine's host name.
    pub node: String,
    /// The hub's address, where it is not the one of the enrolment.
    pub hub: Option<String>,
    /// The join string for the first start: hub, fingerprint of its authority, one-time token.
    pub enrol_token: Option<String>,
    /// Where coverage and metrics are served over HTTP, such as `127.0.0.1:9464`; nowhere when absent.
    pub listen: Option<std::net::SocketAddr>,
    /// Folder for the identity and the spool.
    pub state_dir: Option<PathBuf>,
    /// Whether no hook on all system calls is attached, whatever rules ask for: other programs then pay nothing, opens come
    /// from fanotify, and what is not seen is named.
    pub no_syscall_hook: bool,
    /// Where the node's root directory is mounted, for its facts; `/` when absent.
    pub host_root: Option<PathBuf>,
    /// Falco rule files, in order, after our own.
    pub rules: Vec<PathBuf>,
    /// Whether our own rules are left out.
    pub no_own_rules: bool,
    /// How long events wait for the name of their container's image, in milliseconds; two seconds when absent.
    pub hold_ms: Option<u64>,
    /// More names of options and variables whose values are secrets.
    pub secret_names: Vec<String>,
    /// What to print.
    pub print: Print,
    /// Whether each active signal is proved before "ready" by a child of this very program (`seawall-sensor canary`);
    /// for programs that embed this library and have no such command, false.
    pub self_test: bool,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] limits::ReadError),
    /// It is not YAML, or not the keys that are known.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        reason: String,
    },
}

impl Config {
    /// Where the node's root directory is.
    pub fn host_root(&self) -> PathBuf {
        self.host_root.clone().unwrap_or_else(|| PathBuf::from("/"))
    }

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = limits::read_text(path, MAX_CONFIG_BYTES)?;
        Self::parse(&text).map_err(|reason| ConfigError::Content { path: path.to_owned(), reason })
    }

    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (nodes, diagnostics) = limits::yaml::load(text, "", &limits::yaml::YamlLimits::DEFAULT);
        if let Some(problem) = diagnostics.first() {
            return Err(problem.message.clone());
        }
        match nodes.as_slice() {
            [] => Ok(Self::default()),
            [node] => serde_json::from_value(node.to_json()).map_err(|error| error.to_string()),
            _ => Err(format!("it has {} documents, one is expected", nodes.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_flags_names() {
        let text = "cluster: prod\nnode: n1\nrules: [/etc/rules.yaml]\nprint: events\nstate_dir: /var/lib/seawall\n";
        let config = Config::parse(text).unwrap();
        assert_eq!((config.cluster.as_str(), config.print), ("prod", Print::Events));
        assert_eq!(config.rules, [PathBuf::from("/etc/rules.yaml")]);
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn unknown_keys_are_refused_and_the_known_ones_named() {
        let error = Config::parse("clustr: prod\n").unwrap_err();
        assert!(error.contains("clustr") && error.contains("cluster"), "{error}");
        assert!(Config::parse("print: everything\n").unwrap_err().contains("everything"));
        assert!(Config::parse("a: [").is_err());
        assert!(Config::parse("node: a\n---\nnode: b\n").unwrap_err().contains("2 documents"));
    }
}
