//! Where a container's bundle and its containerd are, from the command lines of the runtime and its shim.
//!
//! A container's cgroup is made by `runc create --bundle DIR … ID` (crun and youki take the same arguments) or, with
//! systemd's driver, on its behalf while it runs. Its parent is `containerd-shim-runc-v2 -namespace NS -address SOCKET`.
//! So the process table knows all that is needed, whatever folders and sockets the node uses, without a list of
//! well-known places and without pausing anybody by fanotify, where a stalled watcher would freeze every exec of the
//! machine. Pure.

use std::path::{Path, PathBuf};

use model::Process;

/// A runtime at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// The container's full id.
    pub id: String,
    /// Folder with `config.json`.
    pub bundle: PathBuf,
    /// The runtime's program, such as `runc`.
    pub runtime: String,
    /// The containerd that ordered it.
    pub containerd: Option<Containerd>,
}

/// A containerd and one of its namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Containerd {
    /// Path of its socket.
    pub address: PathBuf,
    /// Namespace, such as `k8s.io`.
    pub namespace: String,
}

/// Options of runtimes that are followed by a value; all others are switches or written with `=`.
const WITH_VALUE: [&str; 12] = [
    "root",
    "log",
    "log-format",
    "bundle",
    "b",
    "console-socket",
    "pid-file",
    "preserve-fds",
    "rootless",
    "criu",
    "cgroup-manager",
    "process",
];

/// Reads a process as a runtime that creates a container.
pub fn creation(process: &Process) -> Option<Creation> {
    let (program, rest) = process.args.split_first()?;
    let runtime = Path::new(program).file_name()?.to_str()?.to_owned();
    let (mut bundle, mut words) = (None, Vec::new());
    let mut args = rest.iter();
    while let Some(arg) = args.next() {
        let Some(option) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')).filter(|name| !name.is_empty())
        else {
            words.push(arg.as_str());
            continue;
        };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None if WITH_VALUE.contains(&option) => (option, args.next().cloned()),
            None => (option, None),
        };
        if name == "bundle" || name == "b" {
            bundle = value;
        }
    }
    let [command, id] = words.as_slice() else { return None };
    if !matches!(*command, "create" | "run") {
        return None;
    }
    // Without the option the bundle is the current folder.
    let bundle = Path::new(&process.cwd).join(bundle.unwrap_or_default());
    let containerd = process.ancestors.iter().find_map(|ancestor| shim(&ancestor.args));
    Some(Creation { id: (*id).to_owned(), bundle, runtime, containerd })
}

/// Reads a command line as a shim's: which containerd it belongs to.
pub fn shim(args: &[String]) -> Option<Containerd> {
    let program = Path::new(args.first()?).file_name()?.to_str()?;
    if !program.starts_with("containerd-shim") {
        return None;
    }
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg.trim_start_matches('-') == name && arg.starts_with('-'))?;
        args.get(at + 1).cloned()
    };
    Some(Containerd { address: value("address")?.into(), namespace: value("namespace")? })
}

/// The container that a process is the shim of, and its containerd.
pub fn shim_of(process: &Process) -> Option<(String, Containerd)> {
    let containerd = shim(&process.args)?;
    let at = process.args.iter().position(|arg| arg == "-id" || arg == "--id")?;
    Some((process.args.get(at + 1)?.clone(), containerd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn process(line: &str, cwd: &str, parents: &[&str]) -> Process {
        let split = |line: &str| line.split(' ').map(str::to_owned).collect();
        let ancestor = |line: &&str| Arc::new(model::Ancestor { args: split(line), ..model::Ancestor::default() });
        Process {
            args: split(line),
            cwd: cwd.into(),
            ancestors: parents.iter().map(ancestor).collect(),
            ..Process::default()
        }
    }

    const SHIM: &str = "/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id sandbox -address /run/c/c.sock";

    #[test]
    fn runtimes_command_lines() {
        let check = |line: &str, expected: Option<(&str, &str, &str)>| {
            let found = creation(&process(line, "/work dir", &[SHIM]));
            let found = found.as_ref().map(|c| (c.runtime.as_str(), c.id.as_str(), c.bundle.to_str().unwrap()));
            assert_eq!(found, expected, "{line}");
        };
        check(
            "runc --root /run/containerd/runc/k8s.io --log /l --log-format json create --bundle /b --pid-file /b/p abc",
            Some(("runc", "abc", "/b")),
        );
        check("/usr/sbin/runc --systemd-cgroup create --bundle=/b abc", Some(("runc", "abc", "/b")));
        check("crun run -b rel abc", Some(("crun", "abc", "/work dir/rel")));
        check("runc create abc", Some(("runc", "abc", "/work dir/")));
        check("runc delete --force abc", None);
        check("runc --root /r start abc", None);
        check("runc", None);
        check("", None);
    }

    #[test]
    fn the_shim_names_its_containerd() {
        let found = creation(&process("runc create --bundle /b abc", "/", &["sh", SHIM])).unwrap();
        let expected = Containerd { address: "/run/c/c.sock".into(), namespace: "k8s.io".into() };
        assert_eq!(found.containerd, Some(expected));
        assert_eq!(creation(&process("runc create --bundle /b abc", "/", &["sh"])).unwrap().containerd, None);
        assert_eq!(shim(&["containerd-shim-runc-v2".into(), "-address".into()]), None, "cut short");
    }
}
