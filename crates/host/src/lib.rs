//! Facts about this machine, for posture: files with mode and owner, the kubelet's flags and configuration, versions.
//!
//! What it is: reading under a root directory, so that the facts of a mounted host (`/host`) or of a fixture tree are
//! taken exactly as those of the running machine. Nothing outside the root is followed: an absolute symlink of the
//! host means the host's path. What it is not: judgement, which is `posture`'s.
//!
//! What is not there is a fact (`exists: false`); what cannot be read is said in [`NodeFacts::unreadable`].

mod files;
mod kubelet;
mod processes;

/// The parsers alone, for the fuzz targets: the crate reads only files below a root.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::files::table as names;
    pub use crate::kubelet::{config, flags, merge, named_files};
    pub use crate::processes::parse as process;
}

use std::path::{Path, PathBuf};

use model::posture::UnreadableFact;
use model::{NodeFacts, Timestamp, node_paths};
use serde_json::Value;

use files::Root;

/// Size of the small text files of `/etc` and `/proc/sys`; real ones are under 4 kB.
const MAX_SMALL_FILE_BYTES: u64 = 64 << 10;

/// What to look at.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the machine's root is: `/`, or where it is mounted.
    pub root: PathBuf,
    /// Name of the node; the machine's host name when absent.
    pub node: Option<String>,
    /// When the facts are taken.
    pub taken: Timestamp,
    /// The running configuration as the kubelet's API reports it (`/configz`), when somebody fetched it.
    pub configz: Option<Value>,
}

impl Options {
    /// For the machine that this program runs on.
    pub fn this_machine(taken: Timestamp) -> Self {
        Self { root: PathBuf::from("/"), node: None, taken, configz: None }
    }
}

/// What went wrong before any fact could be taken.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The root is no directory.
    #[error("{0} is no directory that can be read")]
    Root(PathBuf),
}

/// Takes the facts.
pub fn take(options: Options) -> Result<NodeFacts, HostError> {
    if !options.root.is_dir() {
        return Err(HostError::Root(options.root));
    }
    let mut unreadable = Vec::new();
    let root = Root::new(&options.root);
    let processes = processes::find(&root, &mut unreadable);
    let mut kubelet = kubelet::facts(&root, &processes, &mut unreadable);
    if let Some(configz) = options.configz {
        kubelet.get_or_insert_default().configz = Some(configz);
    }
    let mut paths = files::watched();
    if let Some(kubelet) = &kubelet {
        paths.extend(kubelet::named_files(kubelet));
    }
    paths.extend(processes.iter().filter(|process| process.name == "kube-proxy").flat_map(processes::named_files));
    paths.sort();
    paths.dedup();
    let names = files::Names::load(&root, &mut unreadable);
    let files = paths.into_iter().filter_map(|path| files::fact(&root, path, &names, &mut unreadable)).collect();
    let node = options.node.or_else(|| small_text(&root, "/etc/hostname", &mut Vec::new()));
    Ok(NodeFacts {
        node: node.unwrap_or_else(|| "localhost".to_owned()),
        taken: options.taken,
        files,
        container_runtime: processes::runtime(&processes),
        processes,
        kubelet,
        kernel: small_text(&root, "/proc/sys/kernel/osrelease", &mut unreadable).unwrap_or_default(),
        os: pretty_name(&root, &mut unreadable),
        unreadable,
    })
}

/// Every path that controls may ask for, whether it exists or not.
fn all_known_paths() -> impl Iterator<Item = &'static str> {
    [
        node_paths::KUBELET_SERVICE,
        node_paths::KUBELET_KUBECONFIG,
        node_paths::KUBELET_CONFIG,
        node_paths::CLIENT_CA,
        node_paths::PROXY_KUBECONFIG,
        node_paths::CLOUD_CREDENTIALS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

fn small_text(root: &Root<'_>, path: &str, unreadable: &mut Vec<UnreadableFact>) -> Option<String> {
    match root.read_text(Path::new(path), MAX_SMALL_FILE_BYTES) {
        Ok(text) => text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
        Err(reason) => {
            unreadable.push(UnreadableFact { what: path.to_owned(), reason });
            None
        }
    }
}

/// `PRETTY_NAME` of os-release(5).
fn pretty_name(root: &Root<'_>, unreadable: &mut Vec<UnreadableFact>) -> String {
    let text = small_text(root, "/etc/os-release", unreadable)
        .or_else(|| small_text(root, "/usr/lib/os-release", unreadable))
        .unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    line.unwrap_or("Linux").trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests;
