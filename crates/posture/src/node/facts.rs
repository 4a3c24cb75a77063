//! Questions that controls ask of a node's facts.

use model::posture::{FileFact, KubeletFacts, ProcessFact};
use model::{NodeFacts, node_paths};
use serde_json::Value;

/// The facts with their questions.
pub(super) struct View<'a> {
    pub facts: &'a NodeFacts,
}

/// A file that a control is about.
pub(super) enum File<'a> {
    /// It exists.
    Known(&'a FileFact),
    /// It does not.
    Absent(String),
    /// It cannot be told, and why.
    Unknown(String, String),
}

/// A value of the kubelet and where it comes from.
pub(super) struct Setting {
    /// Flags give text, files give typed values.
    pub value: Value,
    /// Flag, pointer in a file, or `default`.
    pub source: String,
}

/// A setting of the kubelet, with its names and defaults.
pub(super) struct Name {
    /// JSON pointer in `KubeletConfiguration`.
    pub pointer: &'static str,
    /// Flag without dashes.
    pub flag: &'static str,
    /// Default of the configuration API, `kubelet.config.k8s.io/v1beta1`.
    pub default: Value,
    /// Default of the flag when there is no configuration file; the same as above for most.
    pub default_of_flag: Value,
}

impl<'a> View<'a> {
    pub const fn new(facts: &'a NodeFacts) -> Self {
        Self { facts }
    }

    pub fn process(&self, name: &str) -> Option<&'a ProcessFact> {
        self.facts.processes.iter().find(|process| process.name == name)
    }

    /// The kubelet, or why there is no verdict about it.
    pub fn kubelet(&self) -> Result<&'a KubeletFacts, Missing> {
        match &self.facts.kubelet {
            Some(kubelet) => Ok(kubelet),
            None => Err(self.reason("/proc").map_or(Missing::NotThere, Missing::Unknown)),
        }
    }

    /// Why a path could not be read.
    pub fn reason(&self, path: &str) -> Option<String> {
        self.facts.unreadable.iter().find(|fact| fact.what == path).map(|fact| format!("{path}: {}", fact.reason))
    }

    pub fn file(&self, path: &str) -> File<'a> {
        match self.facts.files.iter().find(|file| file.path == path) {
            Some(file) if file.exists => File::Known(file),
            Some(_) => File::Absent(path.to_owned()),
            None => {
                let reason = self.reason(path).unwrap_or_else(|| format!("{path} was not looked at"));
                File::Unknown(path.to_owned(), reason)
            }
        }
    }

    /// The candidates that exist or cannot be told. With none, and processes not known, there may be another place.
    fn existing(&self, candidates: &[&str]) -> Vec<File<'a>> {
        let here = |path: &&str| !matches!(self.file(path), File::Absent(_));
        let same = |path: &str| candidates.contains(&path) && matches!(self.file(path), File::Known(_));
        let mut found: Vec<_> = candidates
            .iter()
            // `/lib` is a symlink to `/usr/lib` on nearly every node: one file, one verdict.
            .filter(|path| !path.starts_with("/lib/") || !same(&format!("/usr{path}")))
            .filter(|path| here(path))
            .map(|path| self.file(path))
            .collect();
        if found.is_empty() {
            found.extend(self.unknown_processes());
        }
        found
    }

    fn unknown_processes(&self) -> Option<File<'a>> {
        self.reason("/proc").map(|reason| File::Unknown("/proc".to_owned(), reason))
    }

    /// Unit files of the kubelet.
    pub fn service_files(&self) -> Vec<File<'a>> {
        self.existing(node_paths::KUBELET_SERVICE)
    }

    /// The kubelet's credentials: what it names, else where installers put them.
    pub fn kubeconfig(&self) -> Vec<File<'a>> {
        match self.facts.kubelet.as_ref().and_then(|kubelet| kubelet.flags.get("kubeconfig")) {
            Some(path) => vec![self.file(path)],
            None => self.existing(node_paths::KUBELET_KUBECONFIG),
        }
    }

    /// The kubelet's configuration file.
    pub fn config(&self) -> Vec<File<'a>> {
        match self.facts.kubelet.as_ref().map(|kubelet| kubelet.config_path.as_deref()) {
            Some(path) => path.into_iter().map(|path| self.file(path)).collect(),
            None => self.unknown_processes().into_iter().collect(),
        }
    }

    /// The authorities for clients.
    pub fn client_ca(&self, name: &Name) -> Vec<File<'a>> {
        match self.setting(name).ok().and_then(|setting| setting.value.as_str().map(str::to_owned)) {
            Some(path) if !path.is_empty() => vec![self.file(&path)],
            _ => self.existing(node_paths::CLIENT_CA),
        }
    }

    /// kube-proxy's credentials. What a proxy in a container names is a path of that container, not of the host.
    pub fn proxy_kubeconfig(&self) -> Vec<File<'a>> {
        let named = self.process("kube-proxy").and_then(|process| flag_of(process, "kubeconfig"));
        match named.map(|path| self.file(&path)) {
            Some(file @ File::Known(_)) => vec![file],
            _ => self.existing(node_paths::PROXY_KUBECONFIG),
        }
    }

    /// What the kubelet does about a setting.
    pub fn setting(&self, name: &Name) -> Result<Setting, Missing> {
        let kubelet = self.kubelet()?;
        if let Some(configz) = &kubelet.configz {
            // The API wraps the configuration in one key.
            let config = configz.get("kubeletconfig").unwrap_or(configz);
            if let Some(value) = config.pointer(name.pointer) {
                return Ok(Setting { value: value.clone(), source: format!("/configz {}", name.pointer) });
            }
        }
        if let Some(value) = kubelet.flags.get(name.flag) {
            return Ok(Setting { value: Value::String(value.clone()), source: format!("--{}", name.flag) });
        }
        if let Some(reason) = self.unread_config(kubelet) {
            return Err(Missing::Unknown(reason));
        }
        let file = kubelet.config_path.as_deref().or_else(|| kubelet.flags.get("config-dir").map(String::as_str));
        if let (Some(file), Some(value)) = (file, kubelet.config.pointer(name.pointer).filter(|value| !value.is_null()))
        {
            return Ok(Setting { value: value.clone(), source: format!("{file} {}", name.pointer) });
        }
        let (value, of) = match &kubelet.config_path {
            Some(_) => (&name.default, "a kubelet with a configuration file"),
            None => (&name.default_of_flag, "a kubelet without a configuration file"),
        };
        Ok(Setting { value: value.clone(), source: format!("default of {of}") })
    }

    /// Why the configuration, file or drop-in, is not known in full.
    fn unread_config(&self, kubelet: &KubeletFacts) -> Option<String> {
        let dir = kubelet.flags.get("config-dir");
        let ours = |what: &str| {
            kubelet.config_path.as_deref() == Some(what)
                || dir.is_some_and(|dir| what.starts_with(dir.trim_end_matches('/')))
        };
        let fact = self.facts.unreadable.iter().find(|fact| ours(&fact.what))?;
        Some(format!("{}: {}", fact.what, fact.reason))
    }
}

/// Why there is no verdict.
pub(super) enum Missing {
    /// What the control is about is not on this node.
    NotThere,
    /// It could not be read.
    Unknown(String),
}

/// A flag of a process, in the form `--name=value` or `--name value`.
pub(super) fn flag_of(process: &ProcessFact, name: &str) -> Option<String> {
    let mut args = process.args.iter();
    while let Some(arg) = args.next() {
        let Some(rest) = arg.trim_start_matches('-').strip_prefix(name) else { continue };
        match rest.strip_prefix('=') {
            Some(value) => return Some(value.to_owned()),
            None if rest.is_empty() => return args.next().cloned(),
            None => {}
        }
    }
    None
}
