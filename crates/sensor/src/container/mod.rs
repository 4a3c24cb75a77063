//! The container table: which container a cgroup belongs to and what is known of it.
//!
//! A container is known before its first process runs: its cgroup is made by its runtime, whose command line names the
//! bundle ([`locate`]), whose annotations name pod, namespace and image ([`bundle`]); the record of the cgroup comes
//! first in the ring, so that nothing has to be paused. What the bundle does not say (digests, labels, the image of a
//! container without a pod) is asked of containerd meanwhile ([`resolver`]). What it is not: it holds no events.

use std::collections::{BTreeMap, VecDeque};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use limits::read_file;
use model::event::{ContainerPhase, Phase};
use model::{Attribution, ContainerRef, ImageRef, PodRef, Scope};
use rustc_hash::FxHashMap;

pub mod bundle;
pub mod cgroup;
pub mod containerd;
pub mod grpc;
pub mod locate;
pub mod protobuf;
pub mod resolver;

use bundle::Facts;
use locate::{Containerd, Creation};

/// A bundle's configuration; the specification of a container with thousands of mounts stays below this.
const MAX_BUNDLE_BYTES: u64 = 8 << 20;
/// Cgroups that are known, containers' or not. A node has some thousand.
pub const MAX_CGROUPS: usize = 100_000;
/// Removed cgroups are kept so long, for the last events of their processes.
const REMOVED_KEPT_NANOS: u64 = 60_000_000_000;

/// Number of a container in this table; 0 is the host.
pub type Number = u64;

/// A container.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its number.
    pub number: Number,
    /// Where its events are.
    pub scope: Arc<Scope>,
    /// How much of that is known.
    pub attribution: Attribution,
    /// Its phase.
    pub phase: Phase,
    /// The runtime's program, or the family that its cgroup's name tells.
    pub runtime: String,
    /// What its bundle says.
    pub facts: Facts,
    /// Who to ask for the rest.
    pub containerd: Option<Containerd>,
    /// Labels of the pod.
    pub labels: BTreeMap<String, String>,
}

impl Container {
    /// The body of a `container` event.
    pub fn body(&self) -> ContainerPhase {
        ContainerPhase {
            phase: self.phase,
            runtime: self.runtime.clone(),
            mounts: self.facts.mounts.clone(),
            privileged: self.facts.privileged.unwrap_or(false),
            host_namespaces: self.facts.host_namespaces.clone(),
            capabilities: self.facts.capabilities,
            labels: self.labels.clone(),
        }
    }

    /// Whether rules that name the image would not see it yet.
    pub fn lacks_image(&self) -> bool {
        self.scope.image.is_none() && !self.facts.is_sandbox
    }
}

/// The table.
#[derive(Debug)]
pub struct Containers {
    node: Arc<Scope>,
    root: Option<PathBuf>,
    cgroups: FxHashMap<u64, Number>,
    known: FxHashMap<Number, Container>,
    removed: VecDeque<(u64, u64)>,
    next: Number,
}

impl Containers {
    /// An empty table of a node whose unified hierarchy is mounted at `root`.
    pub fn new(node: Scope, root: Option<PathBuf>) -> Self {
        Self {
            node: Arc::new(node),
            root,
            cgroups: FxHashMap::default(),
            known: FxHashMap::default(),
            removed: VecDeque::new(),
            next: 1,
        }
    }

    /// The node itself.
    pub const fn node(&self) -> &Arc<Scope> {
        &self.node
    }

    /// A container.
    pub fn get(&self, number: Number) -> Option<&Container> {
        self.known.get(&number)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, number: Number) -> Option<&mut Container> {
        self.known.get_mut(&number)
    }

    /// Whether no container is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// All containers.
    pub fn iter(&self) -> impl Iterator<Item = &Container> {
        self.known.values()
    }

    /// The container of a cgroup; 0 for the host's, `None` for a cgroup that nobody told of.
    pub fn of_cgroup(&self, id: u64) -> Option<Number> {
        self.cgroups.get(&id).copied()
    }

    /// The container of a cgroup by its path below the unified hierarchy.
    pub fn of_path(&self, path: &str) -> Option<Number> {
        let folder = self.root.as_ref()?.join(path.trim_start_matches('/'));
        self.of_cgroup(std::fs::metadata(folder).ok()?.ino())
    }

    /// Notes that a cgroup belongs to a container or to the host.
    pub fn assign(&mut self, id: u64, number: Number) {
        if self.cgroups.len() < MAX_CGROUPS || self.cgroups.contains_key(&id) {
            self.cgroups.insert(id, number);
        }
    }

    /// A cgroup was made. `creation` is the runtime at work, where one is known. Gives the number of the container when
    /// it is a new one.
    pub fn made(&mut self, id: u64, path: &str, parent: Number, creation: Option<&Creation>) -> Option<Number> {
        if let Some(creation) = creation.filter(|creation| is_of(path, &creation.id)) {
            let named = cgroup::parse(path).unwrap_or_default();
            let facts = read_bundle(&creation.bundle).unwrap_or_default();
            let number = self.add(&creation.id, &named, facts, &creation.runtime, creation.containerd.clone());
            self.assign(id, number);
            return Some(number);
        }
        // A cgroup below a container's belongs to it, whatever its name.
        if parent != 0 {
            self.assign(id, parent);
            return None;
        }
        let Some(named) = cgroup::parse(path) else {
            self.assign(id, 0);
            return None;
        };
        if let Some(known) = self.by_id(&named.id) {
            self.assign(id, known);
            return None;
        }
        let number = self.add(&named.id, &named, Facts::default(), named.runtime.unwrap_or_default(), None);
        self.assign(id, number);
        Some(number)
    }

    /// A cgroup was removed. Gives the container when this was its own.
    pub fn gone(&mut self, id: u64, path: &str, now: u64) -> Option<Number> {
        let number = self.cgroups.get(&id).copied().filter(|number| *number != 0);
        self.removed.push_back((now, id));
        while let Some((time, old)) = self.removed.front().copied() {
            if now.saturating_sub(time) < REMOVED_KEPT_NANOS {
                break;
            }
            self.removed.pop_front();
            if let Some(number) = self.cgroups.remove(&old)
                && self.known.get(&number).is_some_and(|container| container.phase == Phase::Stopped)
            {
                self.known.remove(&number);
            }
        }
        let container = self.known.get_mut(&number?)?;
        let own = container.scope.container.as_ref().is_some_and(|container| is_of(path, &container.id));
        own.then(|| {
            container.phase = Phase::Stopped;
            container.number
        })
    }

    /// Finds what already runs: cgroups below the unified hierarchy, and what runc keeps of them.
    pub fn scan(&mut self, runc_roots: &[PathBuf], containerd_of: impl Fn(&str) -> Option<Containerd>) {
        let Some(root) = self.root.clone() else { return };
        let mut states: FxHashMap<String, (String, Facts)> = FxHashMap::default();
        for state in runc_states(runc_roots) {
            let facts = state.bundle().and_then(|bundle| read_bundle(Path::new(bundle))).unwrap_or_else(|| {
                let labels = state.config.labels.clone().unwrap_or_default();
                bundle::from_annotations(|key| {
                    let value = |label: &String| Some(label.strip_prefix(key)?.strip_prefix('=')?.to_owned());
                    labels.iter().find_map(value).unwrap_or_default()
                })
            });
            for path in state.cgroup_paths.values().filter_map(|path| below_hierarchy(path)) {
                states.insert(path, (state.id.clone(), facts.clone()));
            }
        }
        self.walk(&root, "", 0, &states, &containerd_of);
    }

    /// How the container of a cgroup was created, by the states that runc keeps.
    pub fn created(
        runc_roots: &[PathBuf],
        path: &str,
        containerd_of: impl Fn(&str) -> Option<Containerd>,
    ) -> Option<Creation> {
        let is_here = |state: &bundle::RuncState| {
            state.cgroup_paths.values().filter_map(|known| below_hierarchy(known)).any(|known| known == path)
        };
        let state = runc_states(runc_roots).into_iter().find(is_here)?;
        let bundle = PathBuf::from(state.bundle()?);
        let containerd = containerd_of(&state.id);
        Some(Creation { id: state.id, bundle, runtime: "runc".into(), containerd })
    }

    fn walk(
        &mut self,
        root: &Path,
        path: &str,
        parent: Number,
        states: &FxHashMap<String, (String, Facts)>,
        containerd_of: &impl Fn(&str) -> Option<Containerd>,
    ) {
        let folder = root.join(path.trim_start_matches('/'));
        let Ok(metadata) = std::fs::metadata(&folder) else { return };
        let number = if let Some((id, facts)) = states.get(path).filter(|_| parent == 0) {
            let named = cgroup::parse(path).unwrap_or_default();
            let number = self.add(id, &named, facts.clone(), "runc", containerd_of(id));
            self.assign(metadata.ino(), number);
            number
        } else {
            self.made(metadata.ino(), path, parent, None);
            self.of_cgroup(metadata.ino()).unwrap_or(0)
        };
        if let Some(container) = self.known.get_mut(&number) {
            container.phase = Phase::Started;
        }
        let Ok(entries) = std::fs::read_dir(&folder) else { return };
        for entry in entries.flatten() {
            if self.cgroups.len() < MAX_CGROUPS && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let below = format!("{path}/{}", entry.file_name().to_string_lossy());
                self.walk(root, &below, number, states, containerd_of);
            }
        }
    }

    fn by_id(&self, id: &str) -> Option<Number> {
        let is = |container: &&Container| container.scope.container.as_ref().is_some_and(|known| known.id == id);
        self.known.values().find(is).map(|container| container.number)
    }

    fn add(
        &mut self,
        id: &str,
        named: &cgroup::Named,
        facts: Facts,
        runtime: &str,
        containerd: Option<Containerd>,
    ) -> Number {
        let number = self.by_id(id).unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        });
        let pod_uid =
            if facts.pod_uid.is_empty() { named.pod_uid.clone().unwrap_or_default() } else { facts.pod_uid.clone() };
        let named_or = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let scope = Scope {
            namespace: named_or(&facts.namespace),
            pod: (!facts.pod.is_empty() || !pod_uid.is_empty())
                .then(|| PodRef { name: facts.pod.clone(), uid: pod_uid.clone() }),
            container: Some(ContainerRef {
                id: id.to_owned(),
                name: named_or(&facts.name).unwrap_or_else(|| id.to_owned()),
                privileged: facts.privileged,
            }),
            image: named_or(&facts.image).map(|reference| ImageRef { reference, digest: None, config_digest: None }),
            ..Scope::clone(&self.node)
        };
        let container = Container {
            number,
            scope: Arc::new(scope),
            attribution: Attribution::Partial,
            phase: Phase::Created,
            runtime: runtime.to_owned(),
            facts,
            containerd,
            labels: BTreeMap::new(),
        };
        self.known.insert(number, container);
        number
    }

    /// Takes containerd's answer. Gives whether anything became known.
    pub fn resolved(&mut self, number: Number, answer: containerd::Answer) -> bool {
        let Some(container) = self.known.get_mut(&number) else { return false };
        let reference = if answer.image.is_empty() { container.facts.image.clone() } else { answer.image };
        let scope = Arc::make_mut(&mut container.scope);
        if !reference.is_empty() {
            // The name that the pod gave stays: it is what people look for.
            let reference = scope.image.take().map_or(reference, |image| image.reference);
            scope.image = Some(ImageRef { reference, digest: answer.digest, config_digest: answer.config_digest });
        }
        container.labels = answer.labels;
        let known = scope.image.as_ref().is_some_and(|image| image.digest.is_some());
        if known || container.facts.is_sandbox {
            container.attribution = Attribution::Complete;
        }
        true
    }
}

/// Whether the last part of a cgroup's path is a container's own: its id, alone or in a scope's name.
fn is_of(path: &str, id: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    let name = last.strip_suffix(".scope").unwrap_or(last);
    !id.is_empty()
        && (name == id || name.strip_suffix(id).is_some_and(|before| before.ends_with('-') || before.ends_with(':')))
}

fn read_bundle(bundle: &Path) -> Option<Facts> {
    bundle::parse(&read_file(bundle.join("config.json"), MAX_BUNDLE_BYTES).ok()?).ok()
}

/// `/sys/fs/cgroup/memory/a/b` or, on a machine with one hierarchy, `/sys/fs/cgroup/a/b` → `/a/b`: the path is the same
/// in every hierarchy.
fn below_hierarchy(path: &str) -> Option<String> {
    // In /proc/self/mountinfo order would matter; the mount points themselves are enough, longest first.
    const MAX_MOUNTS_BYTES: u64 = 16 << 20;
    let mounts = limits::read_text("/proc/self/mounts", MAX_MOUNTS_BYTES).ok()?;
    let points = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (place, kind) = (words.next()?, words.next()?);
        kind.starts_with("cgroup").then_some(place)
    });
    let longest = points
        .filter(|point| path.strip_prefix(point).is_some_and(|rest| rest.starts_with('/')))
        .max_by_key(|point| point.len())?;
    Some(path[longest.len()..].to_owned())
}

/// All `state.json` of runc two folders below its roots (namespace, container).
fn runc_states(roots: &[PathBuf]) -> Vec<bundle::RuncState> {
    let list = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut states = Vec::new();
    for folder in roots.iter().flat_map(|root| list(root)) {
        for file in
            std::iter::once(folder.join("state.json")).chain(list(&folder).map(|below| below.join("state.json")))
        {
            let state = read_file(&file, MAX_BUNDLE_BYTES).ok().and_then(|bytes| bundle::parse_state(&bytes).ok());
            states.extend(state);
        }
    }
    states
}

#[cfg(test)]
mod tests;
