//! The processes that matter for a node's posture, from `/proc`.

use std::path::Path;

use model::posture::{ProcessFact, UnreadableFact};

use crate::files::Root;

/// Names of processes that are kept.
const WANTED: &[&str] = &[
    "kubelet",
    "kube-proxy",
    "containerd",
    "dockerd",
    "crio",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "etcd",
    "k3s",
    "rke2",
];

/// Arguments of one process: the kernel's own limit for a single `execve` is 6 MB in all; kubelets have a few kB.
const MAX_ARGUMENTS_BYTES: u64 = 1 << 20;

pub fn find(root: &Root<'_>, unreadable: &mut Vec<UnreadableFact>) -> Vec<ProcessFact> {
    let names = root.list(Path::new("/proc")).unwrap_or_else(|reason| {
        unreadable.push(UnreadableFact { what: "/proc".to_owned(), reason });
        Vec::new()
    });
    let mut pids: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if pids.is_empty() && unreadable.is_empty() {
        let reason = "no process is listed there".to_owned();
        unreadable.push(UnreadableFact { what: "/proc".to_owned(), reason });
    }
    pids.sort_unstable();
    pids.into_iter().filter_map(|pid| process(root, pid)).collect()
}

/// A process that is wanted. One that ends while it is looked at is not there.
fn process(root: &Root<'_>, pid: u32) -> Option<ProcessFact> {
    let path = format!("/proc/{pid}/cmdline");
    let text = root.read_lossy(Path::new(&path), MAX_ARGUMENTS_BYTES).ok().flatten()?;
    parse(&text)
}

/// A command line as `/proc/PID/cmdline` has it, where its program is wanted.
pub fn parse(text: &str) -> Option<ProcessFact> {
    let args: Vec<String> = text.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
    let program = args.first()?.rsplit('/').next()?.to_owned();
    // hyperkube and k3s run several components in one program, named by the first argument.
    let name = match (program.as_str(), args.get(1)) {
        ("hyperkube", Some(component)) => component.clone(),
        _ => program,
    };
    WANTED.contains(&name.as_str()).then_some(ProcessFact { name, args })
}

/// Files that a process names on its command line.
pub fn named_files(process: &ProcessFact) -> Vec<String> {
    let flags = crate::kubelet::flags(&process.args);
    ["kubeconfig", "config"]
        .into_iter()
        .filter_map(|flag| flags.get(flag))
        .filter(|path| path.starts_with('/'))
        .cloned()
        .collect()
}

/// The container runtime that runs, by name; versions are not on command lines.
pub fn runtime(processes: &[ProcessFact]) -> Option<String> {
    ["containerd", "crio", "dockerd"]
        .into_iter()
        .find(|runtime| processes.iter().any(|process| process.name == *runtime))
        .map(str::to_owned)
}
