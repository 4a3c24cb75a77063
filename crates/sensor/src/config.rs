//! What the sensor is told: flags, and one YAML file whose keys are the flags' names.

use std::path::PathBuf;

/// What to print on stdout, one JSON line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Print {
    /// Nothing.
    #[default]
    Nothing,
    /// Alerts.
    Alerts,
    /// Alerts and all events.
    Events,
}

/// What the sensor is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Name of the cluster.
    pub cluster: String,
    /// Name of this node.
    pub node: String,
    /// What to print.
    pub print: Print,
    /// Rule files beside our own.
    pub rules: Vec<PathBuf>,
}
