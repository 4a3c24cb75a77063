//! Journey 2 to its end: a shell in a real container reads a password file, an alert comes out.

use std::process::Command;

use serde_json::Value;
use testkit::need;

use crate::cri::{Containerd, IMAGE};
use crate::program::{Sensor, text};

const RULE: &str = "\
- rule: Shadow file read in a container
  desc: somebody reads the password file
  condition: evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.name = /etc/shadow and container.id != host
  output: \"%proc.name read %fd.name in %k8s.ns.name/%k8s.pod.name image=%container.image.repository cmd=%proc.pcmdline\"
  priority: WARNING
";

fn is_alert(value: &Value, rule: &str) -> bool {
    text(value, "/rule") == rule
}

#[test]
fn a_shell_that_reads_the_password_file_raises_an_alert_with_its_pod() {
    need!(root, bpf, cri);
    let containerd = Containerd::start();
    let rules = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(rules.path(), RULE).unwrap();
    let mut sensor = Sensor::start(&["--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    let script = "cat /etc/shadow --token=hunter2; cat /etc/shadow; sleep 1000000";
    let (sandbox, id) = containerd.run_pod("shop", "web-1", script);
    let alert = sensor.wait_for("the alert", |value| is_alert(value, "Shadow file read in a container"));
    assert_eq!(text(&alert, "/severity"), "Medium");
    assert_eq!((text(&alert, "/scope/namespace"), text(&alert, "/scope/pod/name")), ("shop", "web-1"));
    assert_eq!((text(&alert, "/scope/container/id"), text(&alert, "/scope/image/reference")), (id.as_str(), IMAGE));
    assert!(text(&alert, "/output").starts_with("cat read /etc/shadow in shop/web-1"), "{}", text(&alert, "/output"));
    assert_eq!(text(&alert, "/evidence/0/path"), "/etc/shadow");
    assert!(!alert.to_string().contains("hunter2"), "secrets are masked");
    let tree = alert["process_tree"].as_array().unwrap();
    assert_eq!(tree.last().unwrap()["name"], "cat");
    containerd.remove_pod(&sandbox);
    assert_eq!(sensor.stop(), Some(0));
}

#[test]
fn falcos_own_file_raises_its_alert_for_a_dropped_program() {
    need!(root, bpf, cri, data);
    let containerd = Containerd::start();
    let falco = testkit::data("falco/rules/falco_rules.yaml");
    let mut sensor = Sensor::start(&["--no-own-rules", "--rules", falco.to_str().unwrap()]);
    let script = "cp /bin/busybox /tmp/busybox; /tmp/busybox true";
    let ran = containerd.ctr(&["run", "--rm", IMAGE, "box-3", "sh", "-c", script]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let alert = sensor.wait_for("the alert", |value| is_alert(value, "Drop and execute new binary in container"));
    assert_eq!((text(&alert, "/severity"), text(&alert, "/scope/container/id")), ("High", "box-3"));
    assert_eq!(text(&alert, "/process/exe"), "/tmp/busybox");
}

#[test]
fn a_rule_file_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_seawall-sensor"))
        .args(["run", "--check-config", "--rules", "no-such-file.yaml"])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("no-such-file.yaml") && error.contains("--rules"), "{error}");
}
