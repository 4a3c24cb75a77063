//! The program: configuration, one-time commands, addresses.

use std::process::{Command, Output};

fn seawall_server(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seawall-server")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_mistake_in_the_configuration_is_pointed_at() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hub.yaml");
    std::fs::write(&file, "cluster: prod\nwire_listn: 127.0.0.1:0\n").unwrap();
    let output = seawall_server(&["--config", file.to_str().unwrap(), "--check-config"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("hub.yaml:2:1") && said.contains("did you mean `wire_listen`?"), "{said}");
}

#[test]
fn a_good_configuration_is_said_to_be_good() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hub.yaml");
    std::fs::write(&file, "cluster: prod\nlisten: 127.0.0.1:0\n").unwrap();
    let output = seawall_server(&["--config", file.to_str().unwrap(), "--check-config"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "the configuration is good\n"));
    assert!(!std::path::Path::new("seawall-state").exists(), "a check makes nothing");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = seawall_server(&["--config", "no-such.yaml", "--check-config"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no-such.yaml"), "{}", text(&output.stderr));
}

#[test]
fn plain_http_does_not_leave_the_machine() {
    let output = seawall_server(&["--listen", "0.0.0.0:0", "--check-config"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("insecure_http"));
}

#[test]
fn join_strings_need_a_hub_that_ran() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let output = seawall_server(&["--state-dir", state.to_str().unwrap(), "join-token"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("start it once"), "{}", text(&output.stderr));
    assert!(!state.exists(), "a mistyped path makes no folder");
}
