//! Events for tests.

use std::sync::Arc;

use model::event::{Direction, Dns, Endpoint, Exec, FileOpen, K8sAudit, Network};
use model::{Ancestor, Attribution, Body, ContainerRef, Event, ImageRef, OpenFlags, PodRef, Process, Scope, Timestamp};

/// A scope of the host.
pub fn host() -> Arc<Scope> {
    Arc::new(Scope::node("local", "n1"))
}

/// A scope of a container.
pub fn container() -> Arc<Scope> {
    let mut scope = Scope::node("local", "n1");
    scope.container =
        Some(ContainerRef { id: "abcdef0123456789".repeat(4), name: "web".into(), privileged: Some(false) });
    scope.image =
        Some(ImageRef { reference: "registry.example:5000/team/web:1.2".into(), digest: None, config_digest: None });
    scope.namespace = Some("shop".into());
    scope.pod = Some(PodRef { name: "web-0".into(), uid: "u".into() });
    Arc::new(scope)
}

/// A process with a command line and the names of its ancestors, parent first.
pub fn process(line: &str, ancestors: &[&str]) -> Process {
    let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let name = args[0].rsplit('/').next().unwrap_or_default().to_owned();
    let ancestor = |(depth, line): (usize, &&str)| {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let name = args[0].rsplit('/').next().unwrap_or_default().to_owned();
        let pid = 99 - i32::try_from(depth).unwrap_or(0);
        Arc::new(Ancestor {
            pid,
            exe: format!("/usr/bin/{name}"),
            name,
            args,
            same_container: true,
            ..Ancestor::default()
        })
    };
    Process {
        pid: 100,
        ppid: 99,
        exe: format!("/usr/bin/{name}"),
        name,
        args,
        ancestors: ancestors.iter().enumerate().map(ancestor).collect(),
        ..Process::default()
    }
}

/// An event of a process.
pub fn event(body: Body, scope: &Arc<Scope>, process: Process) -> Event {
    let attribution = if scope.container.is_some() { Attribution::Complete } else { Attribution::Host };
    let time = Timestamp::from_seconds(1_700_000_000);
    Event::new(time, 7, Arc::clone(scope), attribution, "test", body).with_process(Arc::new(process))
}

/// A started program.
pub fn exec() -> Body {
    Body::Exec(Exec::default())
}

/// An opened file.
pub fn open(path: &str, flags: u32, result: i64) -> Body {
    let flags = OpenFlags(flags);
    let path = path.to_owned();
    Body::FileOpen(FileOpen {
        path,
        flags,
        result,
        inode: None,
        path_source: model::event::PathSource::Kernel,
        raw_path: None,
    })
}

/// A connection to `ip:port`.
pub fn connect(remote: &str, protocol: &str) -> Body {
    let remote: std::net::SocketAddr = remote.parse().expect("an address of a test");
    let local = Endpoint { ip: "10.0.0.5".parse().expect("an address"), port: 40_000 };
    Body::Connect(Network {
        protocol: protocol.into(),
        local: Some(local),
        remote: Some(Endpoint { ip: remote.ip(), port: remote.port() }),
        path: None,
        result: 0,
        direction: Direction::Outbound,
    })
}

/// A DNS answer.
pub fn dns(question: &str, answers: &[&str]) -> Body {
    let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
    Body::Dns(Dns {
        question: question.into(),
        r#type: "A".into(),
        rcode: Some("NOERROR".into()),
        answers,
        server: None,
    })
}

/// An audit event.
pub fn audit(audit: serde_json::Value) -> Event {
    let body = Body::K8sAudit(K8sAudit { audit, skipped_too_big: Vec::new() });
    let time = Timestamp::from_seconds(1_700_000_000);
    Event::new(time, 7, Arc::new(Scope::default()), Attribution::Unknown, "k8s_audit", body)
}
