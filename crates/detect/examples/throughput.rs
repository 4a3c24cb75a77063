//! How many events one core evaluates: `cargo run --release -p detect --example throughput -- RULES…`.
//!
//! The events are made here: 200 processes of one container and of the host, 94 % opens over 600 paths, the rest starts,
//! connections and changes, as a node under load has them; they are parsed already and share their processes as a
//! sensor's do. Prints events per second and nanoseconds per event of the median of five rounds.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use detect::{CompileOptions, Engine, Matches, Matching, RuleSet, Source};
use model::event::{Direction, Endpoint, Exec, FileChange, FileOpen, FileOperation, Network, PathSource};
use model::{Ancestor, Attribution, Body, ContainerRef, Event, OpenFlags, Process, Scope, Timestamp};

const EVENTS: usize = 200_000;
const NAMES: [&str; 12] =
    ["nginx", "redis-server", "java", "python3", "node", "postgres", "sh", "cc1", "git", "ls", "dpkg", "curl"];

fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let read = |file: &String| match limits::read_text(Path::new(file), 16 << 20) {
        Ok(text) => Source::new(file.as_str(), text),
        Err(error) => panic!("{file}: {error}"),
    };
    let sources: Vec<Source> = files.iter().map(read).collect();
    let options = CompileOptions { matching: Matching::All, builtin: files.is_empty(), ..CompileOptions::default() };
    let (rules, _) = RuleSet::compile(&sources, &options);
    let (checks, invariant) = rules.unique_checks();
    println!("{} rules, {checks} unique checks, {invariant} of the process", rules.rules().len());
    let events = events();
    let mut engine = Engine::new(rules);
    let mut found = Matches::new();
    let mut rounds = Vec::new();
    let mut matches = 0;
    for _ in 0..5 {
        let start = Instant::now();
        matches = 0;
        for event in &events {
            engine.evaluate(event, &mut found);
            matches += found.len();
        }
        rounds.push(start.elapsed());
    }
    rounds.sort();
    let nanos = rounds[2].as_nanos() / EVENTS as u128;
    println!("{EVENTS} events, {matches} matches: {} events/s, {nanos} ns per event", 1_000_000_000 / nanos.max(1));
}

fn events() -> Vec<Event> {
    let host = Arc::new(Scope::node("local", "n1"));
    let mut inside = Scope::node("local", "n1");
    inside.container = Some(ContainerRef { id: "c".repeat(64), name: "web".into(), privileged: Some(false) });
    let inside = Arc::new(inside);
    let processes: Vec<Arc<Process>> = (0..200).map(process).collect();
    let mut dice = 1_u64;
    let mut roll = move |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((dice >> 33) % sides).unwrap_or(0)
    };
    (0..EVENTS)
        .map(|seq| {
            let scope = if roll(2) == 0 { &host } else { &inside };
            let body = body(roll(100), roll(600));
            let time = Timestamp::from_nanos(i64::try_from(seq).unwrap_or(0) * 1000);
            Event::new(time, seq as u64, Arc::clone(scope), Attribution::Complete, "tp_btf", body)
                .with_process(Arc::clone(&processes[roll(200)]))
        })
        .collect()
}

fn process(number: i32) -> Arc<Process> {
    let name = NAMES[usize::try_from(number).unwrap_or(0) % NAMES.len()];
    let ancestor = |pid, name: &str| {
        let args = vec![name.to_owned()];
        Arc::new(Ancestor {
            pid,
            name: name.into(),
            exe: format!("/usr/bin/{name}"),
            args,
            same_container: true,
            ..Ancestor::default()
        })
    };
    Arc::new(Process {
        pid: 1000 + number,
        name: name.into(),
        exe: format!("/usr/bin/{name}"),
        args: vec![name.into(), "-c".into(), format!("/etc/{name}/{number}.conf")],
        ancestors: vec![ancestor(20, "sh"), ancestor(10, "containerd-shim"), ancestor(1, "systemd")],
        ..Process::default()
    })
}

fn body(kind: usize, path: usize) -> Body {
    let path = match path % 6 {
        0 => format!("/usr/lib/x86_64-linux-gnu/lib{path}.so.1"),
        1 => format!("/usr/share/app/templates/page{path}.html"),
        2 => format!("/var/lib/data/segment-{path}"),
        3 => format!("/proc/{path}/stat"),
        4 => format!("/home/app/src/module{path}/file.py"),
        _ => format!("/etc/app/conf.d/{path}.conf"),
    };
    match kind {
        0 => Body::Exec(Exec::default()),
        1..3 => Body::Connect(Network {
            protocol: "tcp".into(),
            local: Some(Endpoint { ip: [10, 0, 0, 5].into(), port: 40_000 }),
            remote: Some(Endpoint { ip: [10, 0, 0, 9].into(), port: 5432 }),
            path: None,
            result: 0,
            direction: Direction::Outbound,
        }),
        3..6 => Body::FileChange(FileChange {
            operation: FileOperation::Rename,
            new_path: Some(format!("{path}.new")),
            path,
            mode: None,
            result: 0,
            sha256_before: None,
            sha256_after: None,
            path_source: PathSource::Kernel,
        }),
        _ => {
            let flags = OpenFlags(if kind.is_multiple_of(10) { 0o101 } else { 0 });
            let result = if kind.is_multiple_of(7) { -2 } else { 5 };
            Body::FileOpen(FileOpen {
                path,
                flags,
                result,
                inode: None,
                path_source: PathSource::Kernel,
                raw_path: None,
            })
        }
    }
}
