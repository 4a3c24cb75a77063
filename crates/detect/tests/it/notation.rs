//! The notation of `content/tests`: short descriptions → events.
//!
//! A case is one step or `steps: […]`. A step says what happens (`exec`, `read`, `write`, `create`, `unlink`, `truncate`,
//! `rename: [from, to]`, `symlink: [target, link]`, `chmod: [path, octal]`, `connect: ip:port`, `listen: port`,
//! `dns: name`, `call: name`, `fpu: hits`, `audit: verb resource[/subresource] namespace/name`) and by whom (`as: command
//! line`, `by: [parent, grandparent, …]` with the command lines of ancestors), where (`where: pod` or `host`) and when
//! (`at: seconds`). `pid: number` makes one process of several steps. `vpid: 1` is the first process itself, `namespace` is that of the pod, `entered: true` is a process that came into the container from outside. Words in single quotes are one argument.

use std::sync::Arc;

use limits::yaml::Node;
use model::event::{
    Call, Direction, Dns, Endpoint, Exec, FileChange, FileOpen, FileOperation, FpuRounding, K8sAudit, Network,
    PathSource, Stdio, StdioType,
};
use model::{
    Ancestor, Attribution, Body, ContainerRef, Event, ExeOrigin, ImageRef, OpenFlags, PodRef, Process, Scope, Timestamp,
};
use serde_json::{Value, json};

/// The events of a case.
pub fn events(case: &Node) -> Vec<Event> {
    let steps = case.get("steps").and_then(Node::items).map_or_else(|| vec![case.clone()], <[Node]>::to_vec);
    steps.iter().enumerate().map(|(index, step)| event(step, index)).collect()
}

fn text(step: &Node, key: &str) -> Option<String> {
    step.get(key).and_then(Node::scalar_text)
}

fn texts(step: &Node, key: &str) -> Vec<String> {
    step.get(key).and_then(Node::items).unwrap_or_default().iter().filter_map(Node::scalar_text).collect()
}

fn event(step: &Node, index: usize) -> Event {
    let seconds: i64 = text(step, "at").map_or(0, |at| at.parse().unwrap());
    let time = Timestamp::from_seconds(1_700_000_000 + seconds).plus_millis(i64::try_from(index).unwrap());
    if step.get("audit").is_some() {
        return audit(step, time, index as u64);
    }
    let scope = Arc::new(scope(step));
    let attribution = if scope.container.is_some() { Attribution::Complete } else { Attribution::Host };
    Event::new(time, index as u64, scope, attribution, "test", body(step)).with_process(Arc::new(process(step, index)))
}

fn scope(step: &Node) -> Scope {
    let mut scope = Scope::node("local", "n1");
    if text(step, "where").as_deref() != Some("host") {
        scope.container = Some(ContainerRef { id: "c0ffee00".repeat(8), name: "web".into(), privileged: Some(false) });
        scope.namespace = Some(text(step, "namespace").unwrap_or_else(|| "shop".into()));
        scope.pod = Some(PodRef { name: "web-0".into(), uid: "u".into() });
        let reference = text(step, "image").unwrap_or_else(|| "registry.example/shop/web:1".into());
        scope.image = Some(ImageRef { reference, digest: None, config_digest: None });
    }
    scope
}

/// Splits at blanks; what is in single quotes stays together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// `comm` and path of a command line; interpreters keep their name, titles such as `nginx: worker` end at the colon.
fn name_and_exe(line: &str) -> (String, String) {
    let first = words(line).first().cloned().unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or_default().trim_end_matches(':').chars().take(15).collect::<String>();
    let exe = if first.starts_with('/') { first } else { format!("/usr/bin/{name}") };
    (name, exe)
}

fn process(step: &Node, index: usize) -> Process {
    let line = text(step, "exec").or_else(|| text(step, "as")).unwrap_or_default();
    let (name, exe) = name_and_exe(&line);
    let ancestor = |(depth, line): (usize, String)| {
        let (name, exe) = name_and_exe(&line);
        let pid = 50 - i32::try_from(depth).unwrap();
        Arc::new(Ancestor { pid, name, exe, args: words(&line), same_container: true, ..Ancestor::default() })
    };
    // What enters the container from outside does not descend from its first process.
    let entered = text(step, "entered").is_some();
    let ancestors: Vec<_> =
        texts(step, "by").into_iter().enumerate().map(ancestor).chain((!entered).then(first_process)).collect();
    let origin = text(step, "origin").map(|origin| match origin.as_str() {
        "upper" => ExeOrigin::Upper,
        "memfd" => ExeOrigin::Memfd,
        "deleted" => ExeOrigin::Deleted,
        _ => ExeOrigin::Image,
    });
    // Steps that change nothing but the file are one process; a started program is a new one.
    let pid = if step.get("exec").is_some() { 100 + i32::try_from(index).unwrap() } else { 99 };
    let pid = text(step, "pid").map_or(pid, |pid| pid.parse().unwrap());
    Process {
        pid,
        ppid: 50,
        name,
        exe,
        exe_origin: origin,
        args: words(&line),
        env: texts(step, "env").into(),
        vpid: text(step, "vpid").map(|vpid| vpid.parse().unwrap()),
        ancestors,
        ..Process::default()
    }
}

/// The first process of the container, which all cases share.
fn first_process() -> Arc<Ancestor> {
    let args = vec!["tini".to_owned()];
    Arc::new(Ancestor {
        pid: 10,
        name: "tini".into(),
        exe: "/tini".into(),
        args,
        same_container: true,
        ..Ancestor::default()
    })
}

fn body(step: &Node) -> Body {
    if step.get("exec").is_some() {
        return exec(step);
    }
    if let Some(path) = text(step, "read") {
        return open(&path, OpenFlags(0));
    }
    if let Some(path) = text(step, "write") {
        let truncate = if text(step, "flags").as_deref() == Some("trunc") { OpenFlags::TRUNC } else { 0 };
        return open(&path, OpenFlags(OpenFlags::WRONLY | OpenFlags::CREAT | truncate));
    }
    let operations = [
        ("create", FileOperation::Create),
        ("unlink", FileOperation::Unlink),
        ("truncate", FileOperation::Truncate),
        ("rename", FileOperation::Rename),
        ("symlink", FileOperation::Symlink),
        ("chmod", FileOperation::Chmod),
    ];
    for (key, operation) in operations {
        if step.get(key).is_some() {
            return change(step, key, operation);
        }
    }
    other(step)
}

fn exec(step: &Node) -> Body {
    let peer = text(step, "peer");
    // `pipe:7` is the pipe number 7, which other steps name too.
    let stdio = texts(step, "stdio").into_iter().map(|kind| Stdio {
        r#type: match kind.split(':').next() {
            Some("socket") => StdioType::Socket,
            Some("pipe") => StdioType::Pipe,
            Some("tty") => StdioType::Tty,
            _ => StdioType::File,
        },
        peer: peer.clone(),
        pipe: kind.split_once(':').map(|(_, number)| number.parse().unwrap()),
        family: None,
        name: None,
    });
    Body::Exec(Exec { stdio: stdio.collect(), ..Exec::default() })
}

fn open(path: &str, flags: OpenFlags) -> Body {
    let path = path.to_owned();
    Body::FileOpen(FileOpen { path, flags, result: 3, inode: None, path_source: PathSource::Kernel, raw_path: None })
}

fn change(step: &Node, key: &str, operation: FileOperation) -> Body {
    let pair = texts(step, key);
    let path = text(step, key).or_else(|| pair.first().cloned()).unwrap();
    let mode = (operation == FileOperation::Chmod).then(|| u32::from_str_radix(&pair[1], 8).unwrap());
    let new_path = matches!(operation, FileOperation::Rename | FileOperation::Symlink).then(|| pair[1].clone());
    let path_source = PathSource::Kernel;
    Body::FileChange(FileChange {
        operation,
        path,
        new_path,
        mode,
        result: 0,
        sha256_before: None,
        sha256_after: None,
        path_source,
    })
}

fn other(step: &Node) -> Body {
    let endpoint = |text: &str| {
        let address: std::net::SocketAddr = text.parse().unwrap();
        Endpoint { ip: address.ip(), port: address.port() }
    };
    let network = |local: &str, remote: Option<&str>, direction| Network {
        protocol: "tcp".into(),
        local: Some(endpoint(local)),
        remote: remote.map(endpoint),
        path: None,
        result: 0,
        direction,
    };
    if let Some(remote) = text(step, "connect") {
        return Body::Connect(network("10.0.0.5:40000", Some(&remote), Direction::Outbound));
    }
    if let Some(port) = text(step, "listen") {
        return Body::Listen(network(&format!("0.0.0.0:{port}"), None, Direction::Inbound));
    }
    if let Some(question) = text(step, "dns") {
        let rcode = Some(text(step, "rcode").unwrap_or_else(|| "NOERROR".into()));
        return Body::Dns(Dns { question, r#type: "A".into(), rcode, answers: texts(step, "answers"), server: None });
    }
    if let Some(hits) = text(step, "fpu") {
        return Body::FpuRounding(FpuRounding { hits: hits.parse().unwrap(), window_ms: 5000 });
    }
    let name = text(step, "call").unwrap_or_else(|| panic!("a step says what happens: {}", step.to_json()));
    let args = step.get("args").map(Node::to_json).and_then(|args| args.as_object().cloned()).unwrap_or_default();
    let call = Call { call: name, args, result: 0 };
    match text(step, "kind").as_deref() {
        Some("namespace") => Body::Namespace(call),
        Some("dup") => Body::Dup(call),
        Some("io_uring") => Body::IoUring(call),
        Some("ptrace") => Body::Ptrace(call),
        other => panic!("no kind {other:?}"),
    }
}

fn audit(step: &Node, time: Timestamp, seq: u64) -> Event {
    let line = text(step, "audit").unwrap();
    let parts: Vec<&str> = line.split(' ').collect();
    let (resource, subresource) = parts[1].split_once('/').unwrap_or((parts[1], ""));
    let (namespace, name) = parts[2].split_once('/').unwrap();
    let mut object = json!({ "resource": resource, "name": name });
    if !namespace.is_empty() {
        object["namespace"] = json!(namespace);
    }
    if !subresource.is_empty() {
        object["subresource"] = json!(subresource);
    }
    let usual = if parts[0] == "create" { 201 } else { 200 };
    let code: u16 = text(step, "code").map_or(usual, |code| code.parse().unwrap());
    let or = |key: &str, default: &str| text(step, key).unwrap_or_else(|| default.to_owned());
    let audit: Value = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": format!("id-{seq}"), "stage": "ResponseComplete",
        "verb": parts[0], "requestURI": or("uri", &format!("/api/v1/namespaces/{namespace}/{resource}/{name}")),
        "user": { "username": or("user", "alice") }, "sourceIPs": [or("ip", "10.0.0.1")],
        "userAgent": or("agent", "kubectl/v1.30"), "objectRef": object, "responseStatus": { "code": code },
        "requestObject": step.get("body").map(Node::to_json),
        "annotations": { "authorization.k8s.io/decision": or("decision", "allow") },
    });
    let body = Body::K8sAudit(K8sAudit { audit, skipped_too_big: Vec::new() });
    Event::new(time, seq, Arc::new(Scope::default()), Attribution::Complete, "k8s_audit", body)
}
