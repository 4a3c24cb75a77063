//! What the kernel tells of processes on the host: exec, open, connect, exit, ancestry.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use serde_json::Value;
use testkit::need;

use crate::program::{Sensor, text};

/// Rules that ask for the signals of these tests and match nothing.
pub const NEEDY: &str = "\
- rule: Needy
  desc: asks for opens and connections, so that their programs are loaded
  condition: evt.type in (open, openat, openat2, creat, connect, rename, unlink, chmod) and proc.name = nobody-is-called-so
  output: none
  priority: DEBUG
";

fn rules() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), NEEDY).unwrap();
    file
}

#[test]
fn a_command_is_seen_from_exec_to_exit() {
    need!(root, bpf);
    let rules = rules();
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret file");
    std::fs::write(&secret, "x").unwrap();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    let script = format!("cat '{}' > /dev/null; cat missing-file; exit 3", secret.display());
    let mut child = Command::new("sh").args(["-c", &script]).current_dir(dir.path()).spawn().unwrap();
    let pid = i64::from(child.id());
    child.wait().unwrap();

    let is_child = move |event: &Value| event.pointer("/process/ppid").and_then(Value::as_i64) == Some(pid);
    let exec = sensor.wait_for("sh's exec", |event| text(event, "/kind") == "exec" && event["process"]["pid"] == pid);
    assert_eq!(exec["process"]["args"][2], script.as_str());
    assert_eq!(text(&exec, "/process/cwd"), dir.path().to_str().unwrap());
    assert_eq!(text(&exec, "/process/exe_origin"), "host");
    let file = std::fs::metadata(text(&exec, "/process/exe")).unwrap();
    assert_eq!(exec["process"]["exe_inode"], file.ino());
    for (name, seconds) in [("exe_changed", file.ctime()), ("exe_modified", file.mtime())] {
        let time: model::Timestamp = serde_json::from_value(exec["process"][name].clone()).unwrap();
        assert_eq!(time.as_nanos().div_euclid(1_000_000_000), seconds, "{name}");
    }
    assert_eq!(exec["process"]["ancestors"][0]["pid"], std::process::id());
    let open = sensor.wait_for("the open", |event| {
        text(event, "/kind") == "file_open" && text(event, "/path") == secret.to_str().unwrap() && is_child(event)
    });
    assert_eq!(text(&open, "/process/name"), "cat");
    assert_eq!((text(&open, "/path_source"), text(&open, "/flags/0")), ("kernel", "O_RDONLY"));
    let missing = sensor.wait_for("the failed open", |event| {
        text(event, "/kind") == "file_open" && text(event, "/path").ends_with("/missing-file") && is_child(event)
    });
    assert_eq!((&missing["result"], text(&missing, "/path_source")), (&(-2).into(), "user"));
    assert_eq!(text(&missing, "/path"), dir.path().join("missing-file").to_str().unwrap());
    let exit = sensor.wait_for("sh's exit", |event| text(event, "/kind") == "exit" && event["process"]["pid"] == pid);
    assert_eq!(exit["code"], 3);
    assert_eq!(sensor.stop(), Some(0));
}

#[test]
fn connections_are_seen_with_both_ends_and_their_result() {
    need!(root, bpf);
    let rules = rules();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    let to = |event: &Value, port: u16| text(event, "/kind") == "connect" && event["remote"]["port"] == port;
    let connect = sensor.wait_for("the connection", |event| to(event, address.port()));
    assert_eq!((text(&connect, "/protocol"), text(&connect, "/remote/ip")), ("tcp", "127.0.0.1"));
    assert_eq!(
        (&connect["result"], &connect["local"]["port"]),
        (&0.into(), &stream.local_addr().unwrap().port().into())
    );

    drop(listener);
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let connect = sensor.wait_for("the refusal", |event| to(event, address.port()));
    assert_eq!(connect["result"], -111);
}

#[test]
fn a_socket_that_becomes_standard_input_is_seen_with_what_it_is() {
    need!(root, bpf);
    let rules = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        rules.path(),
        "- rule: Redirect\n  desc: a connection as standard input\n  condition: evt.type in (dup, dup2, dup3) and \
         evt.rawres = 0 and fd.type in (\"ipv4\", \"ipv6\") and proc.name = bash\n  \
         output: \"%fd.l4proto %fd.name\"\n  priority: NOTICE\n",
    )
    .unwrap();
    let mut sensor = Sensor::start(&["--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!("exec 0<>/dev/tcp/127.0.0.1/{port}; exec 0</dev/null");
    assert!(Command::new("bash").args(["-c", &script]).status().unwrap().success());
    let alert = sensor.wait_for("the alert", |value| text(value, "/rule") == "Redirect");
    let output = text(&alert, "/output");
    assert!(output.starts_with("tcp 127.0.0.1:") && output.contains(&format!("->127.0.0.1:{port} ")), "{output}");
}

#[test]
fn a_datagram_is_told_once_for_each_address() {
    need!(root, bpf);
    let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = receiver.local_addr().unwrap();
    let rules = tempfile::NamedTempFile::new().unwrap();
    let rule = |name: &str, condition: &str| {
        format!("- rule: {name}\n  desc: d\n  condition: {condition}\n  output: \"%fd.name\"\n  priority: NOTICE\n")
    };
    let sent = rule("Sent", &format!("evt.type = sendto and fd.sport = {} and fd.l4proto = udp", to.port()));
    let connected = rule("Connected", &format!("evt.type = connect and fd.sport = {}", to.port()));
    std::fs::write(rules.path(), sent + &connected).unwrap();
    let mut sensor = Sensor::start(&["--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..100 {
        sender.send_to(b"x", to).unwrap();
    }
    let alert = sensor.wait_for("the alert", |value| text(value, "/rule") == "Sent");
    assert_eq!(text(&alert, "/evidence/0/remote/ip"), "127.0.0.1");
    sender.connect(to).unwrap();
    sensor.wait_for("the connection", |value| text(value, "/rule") == "Connected");
    let of_sent = sensor.seen().iter().filter(|value| text(value, "/rule") == "Sent");
    assert_eq!(of_sent.map(|value| value["count"].as_u64()).max(), Some(Some(1)));
}

#[test]
fn names_are_asked_for_over_tcp_as_well() {
    use std::io::Write as _;
    need!(root, bpf);
    let rules = rules();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    // An address of this machine that no name server listens on.
    let listener = TcpListener::bind("127.77.0.1:53").unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let question = b"\x53\x57\x01\0\0\x01\0\0\0\0\0\0\x08over-tcp\x07invalid\0\0\x01\0\x01";
    let length = u16::try_from(question.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length[..], question].concat()).unwrap();
    let dns = sensor.wait_for("the question", |event| {
        text(event, "/kind") == "dns" && text(event, "/question").starts_with("over-tcp.invalid")
    });
    assert_eq!(text(&dns, "/server/ip"), "127.77.0.1");
}

#[test]
fn a_program_that_is_written_is_seen_with_its_mode() {
    use std::os::unix::fs::OpenOptionsExt as _;
    need!(root, bpf);
    let rules = tempfile::NamedTempFile::new().unwrap();
    let text_of_rules = "- rule: Dropped\n  desc: a program is written\n  condition: evt.type = openat and \
                         evt.is_open_exec = true and fd.filename startswith dropped-by-test\n  output: \
                         \"%fd.filename %evt.arg.mode\"\n  priority: NOTICE\n";
    std::fs::write(rules.path(), text_of_rules).unwrap();
    let mut sensor = Sensor::start(&["--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    let dir = tempfile::tempdir().unwrap();
    for (name, mode) in [("dropped-by-test-text", 0o644), ("dropped-by-test-program", 0o4755)] {
        let mut options = std::fs::OpenOptions::new();
        drop(options.write(true).create(true).mode(mode).open(dir.path().join(name)).unwrap());
    }
    let alert = sensor.wait_for("the alert", |value| text(value, "/rule") == "Dropped");
    let output = text(&alert, "/output");
    assert!(output.starts_with("dropped-by-test-program S_ISUID|S_IXUSR|"), "{output}");
}

#[test]
fn what_runs_already_is_known() {
    need!(root, bpf);
    let rules = rules();
    let mut child = Command::new("sh")
        .args(["-c", "read line; cat /dev/null", "before"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    drop(child.stdin.take());
    let pid = i64::from(child.id());
    let exec =
        sensor.wait_for("the child's exec", |event| text(event, "/kind") == "exec" && event["process"]["ppid"] == pid);
    child.wait().unwrap();
    let parent = &exec["process"]["ancestors"][0];
    assert_eq!(parent["args"], serde_json::json!(["sh", "-c", "read line; cat /dev/null", "before"]));
    assert_eq!(exec["process"]["ancestors"][1]["pid"], std::process::id());
}

#[test]
fn the_probe_prints_every_provider() {
    need!(root, bpf);
    let output = Command::new(env!("CARGO_BIN_EXE_seawall-sensor")).arg("probe").output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{table}");
    for program in sensor::kernel::programs::ALL {
        assert!(table.contains(program.provider), "{table}");
    }
    assert!(table.lines().any(|line| line.starts_with("exec ") && line.contains(" seen")), "{table}");
}
