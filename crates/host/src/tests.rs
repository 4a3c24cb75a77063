//! Facts of fixture trees, made in a temporary directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;
use tempfile::TempDir;

use super::*;

struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        Self(TempDir::new().unwrap()).with("/proc/sys/kernel/osrelease", "6.1.0\n").with("/etc/hostname", "node-1\n")
    }

    fn with(self, path: &str, text: &str) -> Self {
        let place = self.0.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
        self
    }

    fn mode(self, path: &str, mode: u32) -> Self {
        fs::set_permissions(self.0.path().join(path.trim_start_matches('/')), fs::Permissions::from_mode(mode))
            .unwrap();
        self
    }

    fn link(self, path: &str, target: &str) -> Self {
        let place = self.0.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        symlink(target, place).unwrap();
        self
    }

    fn take(&self) -> NodeFacts {
        let root = self.0.path().to_path_buf();
        take(Options { root, node: None, taken: Timestamp::default(), configz: None }).unwrap()
    }
}

fn file<'a>(facts: &'a NodeFacts, path: &str) -> &'a model::posture::FileFact {
    facts.files.iter().find(|file| file.path == path).unwrap()
}

#[test]
fn a_kubeadm_node() {
    let facts = Tree::new()
        .with(
            "/proc/700/cmdline",
            "/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0--node-ip\x0010.0.0.4\0--v=2\0",
        )
        .with("/proc/12/cmdline", "/usr/bin/containerd\0")
        .with("/proc/13/cmdline", "bash\0")
        .with("/proc/14/cmdline", "")
        .with("/etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian 12\"\n")
        .with("/var/lib/kubelet/config.yaml", "authentication:\n  x509: {clientCAFile: /pki/ca.crt}\nreadOnlyPort: 0\n")
        .mode("/var/lib/kubelet/config.yaml", 0o640)
        .with("/pki/ca.crt", "")
        .take();
    assert_eq!((facts.node.as_str(), facts.os.as_str(), facts.kernel.as_str()), ("node-1", "Debian 12", "6.1.0"));
    assert_eq!(facts.container_runtime.as_deref(), Some("containerd"));
    let kubelet = facts.kubelet.as_ref().unwrap();
    assert_eq!(kubelet.flags["node-ip"], "10.0.0.4");
    assert_eq!(kubelet.config["readOnlyPort"], json!(0));
    assert_eq!(file(&facts, "/var/lib/kubelet/config.yaml").mode, "0640");
    assert!(file(&facts, "/pki/ca.crt").exists, "files that the configuration names are looked at");
    assert!(!file(&facts, "/etc/kubernetes/kubelet.conf").exists);
    assert_eq!(facts.unreadable, []);
}

#[test]
fn drop_ins_are_merged_in_order() {
    let facts = Tree::new()
        .with("/proc/7/cmdline", "kubelet\0--config=/c.yaml\0--config-dir=/d\0")
        .with("/c.yaml", "eventRecordQPS: 50\nfeatureGates: {A: true, B: true}\nclusterDNS: [a, b]\n")
        .with("/d/20-b.conf", "eventRecordQPS: 5\nfeatureGates: {B: null}\nclusterDNS: [c]\n")
        .with("/d/10-a/x.conf", "eventRecordQPS: 1\n")
        .with("/d/30.yaml", "eventRecordQPS: 9\n")
        .take();
    let config = &facts.kubelet.unwrap().config;
    assert_eq!(*config, json!({ "eventRecordQPS": 5, "featureGates": { "A": true }, "clusterDNS": ["c"] }));
}

#[test]
fn a_running_kubelet_without_the_flag_reads_no_file() {
    let tree = Tree::new().with("/var/lib/kubelet/config.yaml", "readOnlyPort: 0\n");
    assert_eq!(tree.take().kubelet.unwrap().config_path.as_deref(), Some("/var/lib/kubelet/config.yaml"));
    let kubelet = tree.with("/proc/7/cmdline", "kubelet\0--read_only_port=0\0").take().kubelet.unwrap();
    assert_eq!((kubelet.config_path, kubelet.config), (None, Value::Null));
    assert_eq!(kubelet.flags["read-only-port"], "0", "both spellings of a flag are one");
}

#[test]
fn a_machine_without_a_kubelet_has_none() {
    let facts = Tree::new().with("/proc/1/cmdline", "/sbin/init\0").take();
    assert_eq!(facts.kubelet, None);
    assert_eq!(facts.unreadable, []);
}

#[test]
fn symlinks_stay_inside_the_root() {
    let facts = Tree::new()
        .link("/etc/kubernetes/kubelet.conf", "/data/real.conf")
        .with("/data/real.conf", "")
        .mode("/data/real.conf", 0o600)
        .link("/var/lib/kubelet/kubeconfig", "../../../../../../data/real.conf")
        .link("/etc/kubernetes/azure.json", "azure.json")
        .take();
    assert_eq!(file(&facts, "/etc/kubernetes/kubelet.conf").mode, "0600");
    assert_eq!(file(&facts, "/var/lib/kubelet/kubeconfig").mode, "0600");
    let circle = facts.unreadable.iter().find(|fact| fact.what == "/etc/kubernetes/azure.json").unwrap();
    assert_eq!(circle.reason, "more than 40 symlinks");
    assert!(!facts.files.iter().any(|file| file.path == "/etc/kubernetes/azure.json"), "unknown is not absent");
}

#[test]
fn owners_are_named_by_the_roots_own_tables() {
    let tree = Tree::new().with("/etc/kubernetes/kubelet.conf", "");
    let owner = |facts: &NodeFacts| file(facts, "/etc/kubernetes/kubelet.conf").owner.clone();
    let metadata = fs::metadata(tree.0.path().join("etc/hostname")).unwrap();
    let (uid, gid) = {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.uid(), metadata.gid())
    };
    let tree = tree
        .with("/etc/passwd", &format!("alice:x:{uid}:1::/:/bin/sh\n"))
        .with("/etc/group", &format!("staff:x:{gid}:\n"));
    assert_eq!(owner(&tree.take()), "alice:staff");
}

#[test]
fn what_is_broken_is_said() {
    let big = "a: 1\n".repeat(300_000);
    let facts = Tree::new()
        .with("/proc/7/cmdline", "kubelet\0--config=/c.yaml\0--config-dir=/d\0")
        .with("/c.yaml", "a: [\n")
        .with("/d/1.conf", &big)
        .take();
    let what: Vec<_> = facts.unreadable.iter().map(|fact| fact.what.as_str()).collect();
    assert_eq!(what, ["/c.yaml", "/d/1.conf"]);
    let facts = Tree::new().with("/proc/7/cmdline", "kubelet\0--config=/gone.yaml\0").take();
    assert_eq!(facts.unreadable[0].reason, "the kubelet names it, and it does not exist");
    assert!(take(Options { root: "/nonexistent".into(), ..Options::this_machine(Timestamp::default()) }).is_err());
}

#[test]
fn drop_ins_are_capped() {
    let mut tree = Tree::new().with("/proc/7/cmdline", "kubelet\0--config-dir=/d\0");
    for number in 0..=1_000 {
        tree = tree.with(&format!("/d/{number:04}.conf"), "a: 1\n");
    }
    assert_eq!(tree.take().unreadable[0].what, "/d/1000.conf");
}

#[test]
fn this_machine_has_facts() {
    let facts = take(Options::this_machine(Timestamp::default())).unwrap();
    assert!(!facts.kernel.is_empty());
    assert!(!facts.files.is_empty());
}
