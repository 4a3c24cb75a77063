//! What containers do, learned from their events: whether they serve, and whether they build.
//!
//! A service container is one whose first process, or a descendant of it, listens on a port. A build container is one
//! in which a package manager or compiler descends from the first process. Neither is told by the name of the image.

use std::sync::Arc;

use model::event::{ContainerMount, Network};
use model::{Body, Event, Process, ProcessKey, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

/// Containers that are remembered; beyond it all are forgotten and learned again. A node runs 250 pods at most.
const MAX_CONTAINERS: usize = 4096;

/// Programs that put other programs into a container.
const BUILDERS: [&str; 24] = [
    "apt", "apt-get", "dpkg", "yum", "dnf", "tdnf", "microdnf", "rpm", "zypper", "apk", "pacman", "pip", "pip3", "npm",
    "yarn", "pnpm", "cargo", "go", "gcc", "cc", "g++", "make", "cmake", "rustc",
];

/// Whether a program puts other programs into a container, by its name.
pub fn is_builder(name: &str) -> bool {
    BUILDERS.contains(&name)
}

/// Whether a process is such a program, or an interpreter that runs one: npm and pip are scripts.
pub fn is_build_tool(name: &str, args: &[String]) -> bool {
    let script = args.get(1).and_then(|script| script.rsplit('/').next());
    is_builder(name) || script.is_some_and(is_builder) && !args.first().is_some_and(|first| first.ends_with("sh"))
}

/// What is known of a container.
#[derive(Debug, Clone, Copy)]
struct Known {
    first: ProcessKey,
    /// Whether `first` was seen as process 1 of its namespace, or is only the oldest that was seen.
    certain: bool,
    serves: bool,
    builds: bool,
}

/// What is known of all containers.
#[derive(Debug, Default)]
pub struct Containers {
    known: FxHashMap<Arc<str>, Known>,
    /// Those into which a folder of the node is mounted.
    on_node: FxHashSet<Arc<str>>,
}

/// Folders in which kubelets and runtimes keep what they mount into every container, and volumes.
const VOLUMES: [&str; 8] = [
    "/var/lib/kubelet/pods/",
    "/var/lib/containerd/",
    "/run/containerd/",
    "/var/lib/docker/",
    "/var/lib/containers/",
    "/run/containers/",
    "/var/run/",
    "/run/netns/",
];

/// Whether a mount shows a folder of the node: neither a file system of its own nor one file under its own name.
fn shows_node(mount: &ContainerMount) -> bool {
    let own = VOLUMES.iter().any(|folder| mount.source.starts_with(folder));
    mount.source.starts_with('/') && !own && (mount.source != mount.destination || mount.source.ends_with('/'))
}

/// The outermost process of the event's chain that still runs in the container.
fn outermost(process: &Process) -> ProcessKey {
    let last = process.ancestors.iter().take_while(|ancestor| ancestor.same_container).last();
    last.map_or(process.key(), |ancestor| ProcessKey { pid: ancestor.pid, start_time: ancestor.start_time })
}

fn id(event: &Event) -> Option<&str> {
    event.scope.container.as_ref().map(|container| container.id.as_str())
}

/// First port that Linux gives to sockets which ask for any: resolvers bind such ports for every question, tests of
/// programs for every server that they start.
const FIRST_EPHEMERAL: u16 = 32_768;

/// Whether a socket offers something to others: one that listens, of UDP or only within the machine on a port that was
/// asked for.
fn offers(network: &Network) -> bool {
    let asked_for = network.local.is_none_or(|local| local.port < FIRST_EPHEMERAL);
    let within = network.local.is_some_and(|local| local.ip.is_loopback());
    network.result >= 0 && network.protocol != "unix" && (asked_for || !(within || network.protocol == "udp"))
}

impl Containers {
    /// Learns from an event. Most teach nothing and cost a look at their kind.
    pub fn learn(&mut self, event: &Event) {
        if let Body::Container(phase) = &event.body {
            self.mounted(event, &phase.mounts);
        }
        if !matches!(event.body, Body::Exec(_) | Body::Listen(_)) {
            return;
        }
        let (Some(id), Some(process)) = (id(event), event.process.as_deref()) else { return };
        let outermost = outermost(process);
        let certain = process.vpid == Some(1);
        if !self.known.contains_key(id) {
            if self.known.len() >= MAX_CONTAINERS {
                self.known.clear();
            }
            self.known.insert(id.into(), Known { first: outermost, certain, serves: false, builds: false });
        }
        let Some(known) = self.known.get_mut(id) else { return };
        if certain && !known.certain {
            known.first = process.key();
            known.certain = true;
        }
        if outermost != known.first {
            return;
        }
        match &event.body {
            Body::Listen(network) => known.serves |= offers(network),
            _ => known.builds |= is_builder(&process.name),
        }
    }

    fn mounted(&mut self, event: &Event, mounts: &[ContainerMount]) {
        let Some(id) = id(event).filter(|_| mounts.iter().any(shows_node)) else { return };
        if self.on_node.len() >= MAX_CONTAINERS {
            self.on_node.clear();
        }
        self.on_node.insert(id.into());
    }

    /// Whether folders of the node are mounted into the event's container; `None` outside of containers.
    pub fn on_node(&self, event: &Event) -> Option<bool> {
        id(event).map(|id| self.on_node.contains(id))
    }

    /// Whether the event's container serves; `None` outside of containers.
    pub fn serves(&self, event: &Event) -> Option<bool> {
        id(event).map(|id| self.known.get(id).is_some_and(|known| known.serves))
    }

    /// Whether the event's container builds; `None` outside of containers.
    pub fn builds(&self, event: &Event) -> Option<bool> {
        id(event).map(|id| self.known.get(id).is_some_and(|known| known.builds))
    }

    /// When the first process of the event's container started, as far as it was seen; `None` outside of containers.
    pub fn started(&self, event: &Event) -> Option<Timestamp> {
        id(event).and_then(|id| self.known.get(id)).map(|known| known.first.start_time)
    }

    /// Whether the event's process came into its container from outside; `None` where that cannot be told.
    pub fn entered(&self, event: &Event) -> Option<bool> {
        let known = id(event).and_then(|id| self.known.get(id))?;
        event.process.as_deref().map(|process| outermost(process) != known.first)
    }
}

#[cfg(test)]
mod tests {
    use model::event::{Direction, Endpoint};

    use super::*;
    use crate::testing::{container, event, exec, process};

    fn listen() -> Body {
        Body::Listen(Network {
            protocol: "tcp".into(),
            local: None,
            remote: None,
            path: None,
            result: 0,
            direction: Direction::Inbound,
        })
    }

    #[test]
    fn roles_are_learned_from_what_runs_below_the_first_process() {
        let mut containers = Containers::default();
        let first = event(exec(), &container(), process("tini", &[]));
        let mut intruder = process("sh", &[]);
        intruder.pid = 500;
        let entered = event(exec(), &container(), intruder.clone());
        containers.learn(&first);
        containers.learn(&entered);
        assert_eq!((containers.serves(&first), containers.builds(&first)), (Some(false), Some(false)));
        assert_eq!((containers.entered(&first), containers.entered(&entered)), (Some(false), Some(true)));
        let begin = first.process.as_deref().map(|process| process.start_time);
        assert_eq!((containers.started(&first), containers.started(&entered)), (begin, begin));
        containers.learn(&event(listen(), &container(), intruder));
        assert_eq!(containers.serves(&first), Some(false), "an intruder's port makes no service");
        containers.learn(&event(listen(), &container(), process("tini", &[])));
        containers.learn(&event(exec(), &container(), process("apk add", &[])));
        assert_eq!((containers.serves(&entered), containers.builds(&entered)), (Some(true), Some(true)));
        let outside = event(exec(), &crate::testing::host(), process("sh", &[]));
        assert_eq!((containers.serves(&outside), containers.entered(&outside)), (None, None));
    }

    #[test]
    fn a_resolver_s_socket_serves_nobody_nor_does_that_of_a_test() {
        let check = |protocol: &str, ip: [u8; 4], port, serves| {
            let Body::Listen(mut network) = listen() else { unreachable!() };
            network.protocol = protocol.into();
            network.local = Some(Endpoint { ip: ip.into(), port });
            let mut containers = Containers::default();
            let first = event(Body::Listen(network), &container(), process("apk", &[]));
            containers.learn(&first);
            assert_eq!(containers.serves(&first), Some(serves), "{protocol} {port}");
        };
        check("udp", [0, 0, 0, 0], 41_234, false);
        check("udp", [0, 0, 0, 0], 53, true);
        check("tcp", [127, 0, 0, 1], 41_234, false);
        check("tcp", [127, 0, 0, 1], 8080, true);
        check("tcp", [0, 0, 0, 0], 50_051, true);
    }

    #[test]
    fn folders_of_the_node_are_told_from_volumes() {
        let check = |source: &str, destination: &str, expected: bool| {
            let (source, destination) = (source.to_owned(), destination.to_owned());
            let mount = ContainerMount { source, destination, read_only: false };
            assert_eq!(shows_node(&mount), expected, "{mount:?}");
        };
        check("/", "/host", true);
        check("/etc", "/mnt/etc", true);
        check("proc", "/proc", false);
        check("/var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/a", "/data", false);
        check("/etc/localtime", "/etc/localtime", false);
    }

    #[test]
    fn process_1_corrects_what_was_assumed() {
        let mut containers = Containers::default();
        let mut late = process("sh", &[]);
        late.pid = 500;
        containers.learn(&event(exec(), &container(), late.clone()));
        let mut first = process("nginx", &[]);
        first.vpid = Some(1);
        containers.learn(&event(listen(), &container(), first));
        assert_eq!(containers.entered(&event(exec(), &container(), late)), Some(true));
    }
}
