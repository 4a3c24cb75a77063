//! What the kubelet was told: flags, configuration file, drop-ins.
//!
//! Rules of the kubelet itself (its reference for `--config` and `--config-dir`): drop-ins are files that end in
//! `.conf`, walked in lexical order including sub-directories, each merged as a JSON merge patch (RFC 7396); flags win.

use std::collections::BTreeMap;
use std::path::Path;

use limits::yaml::YamlLimits;
use model::node_paths::KUBELET_CONFIG;
use model::posture::{KubeletFacts, ProcessFact, UnreadableFact};
use serde_json::{Map, Value};

use crate::files::Root;

/// Size of a configuration file; a complete one with every field is under 20 kB.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Directories below `--config-dir`.
const MAX_DROP_IN_DEPTH: usize = 8;
/// Drop-ins in all.
const MAX_DROP_INS: usize = 1_000;

/// `None`: no kubelet runs and none is configured.
pub fn facts(root: &Root<'_>, processes: &[ProcessFact], unreadable: &mut Vec<UnreadableFact>) -> Option<KubeletFacts> {
    let running = processes.iter().find(|process| process.name == "kubelet");
    let flags = running.map(|process| flags(&process.args)).unwrap_or_default();
    let path = match running {
        // A running kubelet without the flag reads no file, whatever lies around.
        Some(_) => flags.get("config").cloned(),
        None => KUBELET_CONFIG
            .iter()
            .find(|path| root.resolve(Path::new(path)).is_ok_and(|place| place.is_some()))
            .map(|path| (*path).to_owned()),
    };
    if running.is_none() && path.is_none() {
        return None;
    }
    let mut config = Value::Null;
    if let Some(path) = &path {
        config = load(root, path, unreadable).unwrap_or_default();
    }
    if let Some(dir) = flags.get("config-dir") {
        let mut files = Vec::new();
        drop_ins(root, dir, 0, &mut files, unreadable);
        for file in files {
            if let Some(patch) = load(root, &file, unreadable) {
                merge(&mut config, patch);
            }
        }
    }
    Some(KubeletFacts { config, config_path: path, flags, configz: None })
}

/// Flags of a command line: `--name=value`, `--name value`, and `--name` for true. The last one wins.
pub fn flags(args: &[String]) -> BTreeMap<String, String> {
    let mut flags = BTreeMap::new();
    let mut args = args.iter().skip(1).peekable();
    while let Some(arg) = args.next() {
        let Some(flag) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else { continue };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => match args.next_if(|next| !next.starts_with('-')) {
                Some(value) => (flag, value.clone()),
                None => (flag, "true".to_owned()),
            },
        };
        // Both spellings are the same flag to the kubelet.
        flags.insert(name.replace('_', "-"), value);
    }
    flags
}

/// Files that flags or configuration name.
pub fn named_files(kubelet: &KubeletFacts) -> Vec<String> {
    let flags =
        ["kubeconfig", "config", "client-ca-file", "tls-cert-file", "tls-private-key-file", "bootstrap-kubeconfig"];
    let pointers = ["/authentication/x509/clientCAFile", "/tlsCertFile", "/tlsPrivateKeyFile"];
    let from_flags = flags.into_iter().filter_map(|flag| kubelet.flags.get(flag).cloned());
    let from_config = pointers.into_iter().filter_map(|at| kubelet.config.pointer(at)?.as_str().map(str::to_owned));
    from_flags.chain(from_config).chain(kubelet.config_path.clone()).filter(|path| path.starts_with('/')).collect()
}

fn load(root: &Root<'_>, path: &str, unreadable: &mut Vec<UnreadableFact>) -> Option<Value> {
    let mut unread = |reason: String| unreadable.push(UnreadableFact { what: path.to_owned(), reason });
    match root.read_text(Path::new(path), MAX_CONFIG_BYTES) {
        Ok(Some(text)) => {
            let (value, problem) = config(&text, path);
            problem.into_iter().for_each(unread);
            value
        }
        Ok(None) => {
            unread("the kubelet names it, and it does not exist".to_owned());
            None
        }
        Err(reason) => {
            unread(reason);
            None
        }
    }
}

/// A configuration file or drop-in, and the first thing that is wrong with it.
pub fn config(text: &str, path: &str) -> (Option<Value>, Option<String>) {
    let (node, diagnostics) = limits::yaml::load_one(text, path, &YamlLimits::DEFAULT);
    (node.map(|node| node.to_json()), diagnostics.first().map(ToString::to_string))
}

fn drop_ins(root: &Root<'_>, dir: &str, depth: usize, found: &mut Vec<String>, unreadable: &mut Vec<UnreadableFact>) {
    let names = root.list(Path::new(dir)).unwrap_or_else(|reason| {
        unreadable.push(UnreadableFact { what: dir.to_owned(), reason });
        Vec::new()
    });
    for name in names {
        let path = format!("{}/{name}", dir.trim_end_matches('/'));
        // Case counts, as for the kubelet.
        let drop_in = Path::new(&name).extension().is_some_and(|extension| extension == "conf");
        let too_many = found.len() == MAX_DROP_INS || depth == MAX_DROP_IN_DEPTH;
        if root.is_dir(Path::new(&path)) && !too_many {
            drop_ins(root, &path, depth + 1, found, unreadable);
        } else if drop_in && too_many {
            let reason = format!("beyond {MAX_DROP_INS} drop-ins or {MAX_DROP_IN_DEPTH} directories");
            unreadable.push(UnreadableFact { what: path, reason });
            return;
        } else if drop_in {
            found.push(path);
        }
    }
}

/// RFC 7396.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(&key);
            } else {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
    }
}
