//! Controls by table: facts in, state and evidence out.

use std::collections::BTreeMap;

use model::posture::{FileFact, KubeletFacts, ProcessFact, UnreadableFact};
use model::{Timestamp, node_paths};
use serde_json::json;

use super::*;

/// A node without anything, whose known places were all looked at.
fn facts() -> NodeFacts {
    let places = [
        node_paths::KUBELET_SERVICE,
        node_paths::KUBELET_KUBECONFIG,
        node_paths::KUBELET_CONFIG,
        node_paths::CLIENT_CA,
        node_paths::PROXY_KUBECONFIG,
    ];
    let absent = |path: &&str| file(path, "", "");
    NodeFacts {
        node: "n".to_owned(),
        taken: Timestamp::default(),
        files: places.into_iter().flatten().map(absent).collect(),
        processes: Vec::new(),
        kubelet: None,
        kernel: String::new(),
        os: String::new(),
        container_runtime: None,
        unreadable: Vec::new(),
    }
}

fn file(path: &str, mode: &str, owner: &str) -> FileFact {
    FileFact { path: path.to_owned(), mode: mode.to_owned(), owner: owner.to_owned(), exists: !mode.is_empty() }
}

fn with_config(config: Value) -> NodeFacts {
    let kubelet = KubeletFacts { config, config_path: Some("/c.yaml".to_owned()), ..KubeletFacts::default() };
    NodeFacts { kubelet: Some(kubelet), ..facts() }
}

fn with_flags(flags: &[(&str, &str)]) -> NodeFacts {
    let flags: BTreeMap<_, _> = flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let process = ProcessFact { name: "kubelet".to_owned(), args: Vec::new() };
    NodeFacts { kubelet: Some(KubeletFacts { flags, ..KubeletFacts::default() }), processes: vec![process], ..facts() }
}

fn with_files(files: &[(&str, &str, &str)]) -> NodeFacts {
    let mut facts = with_config(json!({ "authentication": { "x509": { "clientCAFile": "/ca" } } }));
    for (path, mode, owner) in files {
        facts.files.retain(|known| known.path != *path);
        facts.files.push(file(path, mode, owner));
    }
    facts
}

#[track_caller]
fn check(facts: &NodeFacts, id: &str, expected: ControlState) -> ControlResult {
    let control = format!("{PROFILE}/{id}");
    let result = judge(facts, "c").into_iter().find(|result| result.control == control).unwrap();
    assert_eq!(result.state, expected, "{result:?}");
    result
}

use ControlState::{Fail, NeedsAPerson, NotApplicable, Pass, Unreachable};

#[test]
fn without_a_kubelet_nothing_applies_and_nothing_passes() {
    for result in judge(&facts(), "") {
        assert_eq!(result.state, NotApplicable, "{result:?}");
        assert_eq!(result.subject.scope.cluster, "local");
        assert!(!result.remediation.text.is_empty());
    }
}

#[test]
fn what_could_not_be_read_is_neither_pass_nor_fail() {
    let unreadable =
        |what: &str| vec![UnreadableFact { what: what.to_owned(), reason: "permission denied".to_owned() }];
    let blind = NodeFacts { unreadable: unreadable("/proc"), ..facts() };
    check(&blind, "4.2.1", Unreachable);
    check(&blind, "4.3.1", Unreachable);
    check(&blind, "4.1.1", Unreachable);
    check(&blind, "4.1.9", Unreachable);
    let mut half = with_config(Value::Null);
    half.unreadable = unreadable("/c.yaml");
    let result = check(&half, "4.2.1", Unreachable);
    assert_eq!(result.remediation.text, "/c.yaml: permission denied");
    check(&half, "4.1.9", Unreachable);
    let mut drop_in = with_config(json!({ "readOnlyPort": 0 }));
    drop_in.kubelet.as_mut().unwrap().flags.insert("config-dir".to_owned(), "/d".to_owned());
    drop_in.unreadable = unreadable("/d/10.conf");
    check(&drop_in, "4.2.4", Unreachable);
}

#[test]
fn file_modes_and_owners() {
    let files = with_files(&[
        ("/lib/systemd/system/kubelet.service", "0644", "root:root"),
        ("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", "0600", "root:root"),
        ("/etc/kubernetes/kubelet.conf", "0600", "alice:root"),
        ("/c.yaml", "0400", "root:root"),
        ("/ca", "0644", "root:root"),
    ]);
    let result = check(&files, "4.1.1", Fail);
    assert_eq!(result.remediation.command.as_deref(), Some("chmod 0600 /lib/systemd/system/kubelet.service"));
    check(&files, "4.1.6", Fail);
    check(&files, "4.1.9", Pass);
    check(&files, "4.1.10", Pass);
    check(&files, "4.1.7", Pass);
    check(&files, "4.1.8", Pass);
    let loose = with_files(&[("/ca", "0664", "root:staff"), ("/c.yaml", "0755", "root:root")]);
    check(&loose, "4.1.7", Fail);
    check(&loose, "4.1.8", Fail);
    let result = check(&loose, "4.1.9", Fail);
    assert_eq!(result.evidence[0].found, json!("0755"));
    assert_eq!(result.remediation.command.as_deref(), Some("chmod 0600 /c.yaml"));
    let absent = with_files(&[("/c.yaml", "", "")]);
    check(&absent, "4.1.9", NotApplicable);
    check(&absent, "4.1.1", NeedsAPerson);
    check(&absent, "4.1.3", NotApplicable);
    let merged = with_files(&[
        ("/lib/systemd/system/kubelet.service", "0644", "root:root"),
        ("/usr/lib/systemd/system/kubelet.service", "0644", "root:root"),
    ]);
    assert_eq!(check(&merged, "4.1.1", Fail).evidence.len(), 1, "one file under two names");
}

#[test]
fn defaults_depend_on_whether_there_is_a_file() {
    let file = with_config(json!({}));
    let flags = with_flags(&[]);
    for id in ["4.2.1", "4.2.2", "4.2.4"] {
        check(&file, id, Pass);
        let result = check(&flags, id, Fail);
        assert_eq!(result.evidence[0].path, "default of a kubelet without a configuration file");
    }
    for (id, state) in [("4.2.3", Fail), ("4.2.5", Pass), ("4.2.6", Pass), ("4.2.8", Pass), ("4.2.9", Fail)] {
        check(&file, id, state);
    }
    for (id, state) in [("4.2.10", Pass), ("4.2.11", Pass), ("4.2.12", Fail), ("4.2.13", Fail), ("4.2.14", Fail)] {
        check(&file, id, state);
    }
}

#[test]
fn flags_win_over_files_and_the_running_configuration_over_both() {
    let mut facts = with_config(json!({ "readOnlyPort": 10255 }));
    check(&facts, "4.2.4", Fail);
    facts.kubelet.as_mut().unwrap().flags.insert("read-only-port".to_owned(), "0".to_owned());
    let result = check(&facts, "4.2.4", Pass);
    assert_eq!((result.evidence[0].path.as_str(), &result.evidence[0].found), ("--read-only-port", &json!("0")));
    facts.kubelet.as_mut().unwrap().configz = Some(json!({ "kubeletconfig": { "readOnlyPort": 10255 } }));
    check(&facts, "4.2.4", Fail);
}

#[test]
fn settings() {
    let config = |pointer: &str, value: Value| {
        let mut keys: Vec<&str> = pointer.split('/').skip(1).collect();
        keys.reverse();
        with_config(keys.iter().fold(value, |inner, key| json!({ *key: inner })))
    };
    check(&config("/authentication/anonymous/enabled", json!(true)), "4.2.1", Fail);
    check(&config("/authorization/mode", json!("AlwaysAllow")), "4.2.2", Fail);
    check(&with_flags(&[("authorization-mode", "Webhook,AlwaysAllow")]), "4.2.2", Fail);
    check(&config("/authentication/x509/clientCAFile", json!("/ca")), "4.2.3", Pass);
    check(&config("/streamingConnectionIdleTimeout", json!("0s")), "4.2.5", Fail);
    check(&with_flags(&[("streaming-connection-idle-timeout", "0")]), "4.2.5", Fail);
    check(&config("/streamingConnectionIdleTimeout", json!("10m0s")), "4.2.5", Pass);
    check(&config("/makeIPTablesUtilChains", json!(false)), "4.2.6", Fail);
    check(&with_flags(&[("hostname-override", "x")]), "4.2.7", Fail);
    check(&with_flags(&[]), "4.2.7", Pass);
    check(&with_config(json!({})), "4.2.7", Unreachable);
    check(&config("/eventRecordQPS", json!(0)), "4.2.8", Pass);
    check(&config("/eventRecordQPS", json!(1)), "4.2.8", NeedsAPerson);
    check(&config("/eventRecordQPS", json!(-1)), "4.2.8", Fail);
    check(&config("/serverTLSBootstrap", json!(true)), "4.2.9", Pass);
    check(&with_config(json!({ "tlsCertFile": "/a", "tlsPrivateKeyFile": "/b" })), "4.2.9", Pass);
    check(&with_config(json!({ "tlsCertFile": "/a" })), "4.2.9", Fail);
    check(&config("/rotateCertificates", json!(false)), "4.2.10", Fail);
    check(&config("/featureGates/RotateKubeletServerCertificate", json!(false)), "4.2.11", Fail);
    check(&with_flags(&[("feature-gates", "A=true, RotateKubeletServerCertificate=false")]), "4.2.11", Fail);
    check(&config("/tlsCipherSuites", json!(["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"])), "4.2.12", Pass);
    check(&config("/tlsCipherSuites", json!(["TLS_RSA_WITH_AES_128_CBC_SHA"])), "4.2.12", Fail);
    check(&with_flags(&[("tls-cipher-suites", "TLS_AES_128_GCM_SHA256,TLS_RSA_WITH_RC4_128_SHA")]), "4.2.12", Fail);
    check(&config("/podPidsLimit", json!(4096)), "4.2.13", Pass);
    check(&with_flags(&[("pod-max-pids", "100")]), "4.2.13", Pass);
    check(&config("/seccompDefault", json!(true)), "4.2.14", Pass);
}

#[test]
fn kube_proxy() {
    let proxy = |args: &[&str]| {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        NodeFacts { processes: vec![ProcessFact { name: "kube-proxy".to_owned(), args }], ..facts() }
    };
    check(&proxy(&["kube-proxy"]), "4.3.1", Pass);
    check(&proxy(&["kube-proxy", "--metrics-bind-address=0.0.0.0:10249"]), "4.3.1", Fail);
    check(&proxy(&["kube-proxy", "--metrics-bind-address", "127.0.0.1:1"]), "4.3.1", Pass);
    check(&proxy(&["kube-proxy", "--config=/etc/c"]), "4.3.1", Unreachable);
}

#[test]
fn every_result_finds_its_control() {
    for result in judge(&facts(), "c") {
        assert!(control_of(&result).is_some(), "{}", result.control);
    }
}
