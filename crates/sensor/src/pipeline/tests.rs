//! The pipeline over made-up records: placing, holding, numbering is the sink's.

use super::*;
use crate::record::tests_support::RecordBuilder;

#[derive(Debug, Default)]
struct Kept(Vec<Event>);

impl Sink for Kept {
    fn event(&mut self, event: Event) {
        self.0.push(event);
    }

    fn placed(&mut self, _: &Arc<Scope>) {}

    fn wants(&mut self, _: Signal, _: model::Timestamp) -> bool {
        true
    }

    fn unjudged(&mut self, _: &Header, _: &Event) {}
}

fn pipeline() -> Pipeline<Kept> {
    let clock = Clock::booted_at(model::Timestamp::from_seconds(1000));
    let containers = Containers::new(Scope::node("local", "n1"), None);
    Pipeline::new(clock, Masker::new([0; 16], &[]), containers, None, Kept::default())
}

// Beyond PID_MAX_LIMIT, so that /proc knows none of them.
const RUNC: u32 = 5_000_001;
const INIT: u32 = 5_000_002;

fn kinds(kept: &Kept) -> Vec<String> {
    let name = |event: &Event| format!("{} {:?} {}", event.body.kind(), event.attribution, event.scope.display_name());
    kept.0.iter().map(name).collect()
}

#[test]
fn the_first_event_of_a_container_has_its_pod() {
    let dir = tempfile::tempdir().unwrap();
    let config = serde_json::json!({"annotations": {
        "io.kubernetes.cri.container-name": "app", "io.kubernetes.cri.sandbox-name": "web-1",
        "io.kubernetes.cri.sandbox-namespace": "shop", "io.kubernetes.cri.image-name": "registry.example/app:1"
    }});
    std::fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    let argv = format!("runc\0create\0--bundle\0{}\0c1\0", dir.path().display());
    let mut pipeline = pipeline();
    pipeline.record(&RecordBuilder::new(RUNC, "runc").cgroup_of(1).exec("/usr/sbin/runc", &argv));
    pipeline.record(&RecordBuilder::new(RUNC, "runc").cgroup_of(1).cgroup(7, "/kubepods/pod1/c1", false));
    pipeline.record(&RecordBuilder::new(INIT, "sh").cgroup_of(7).exec("/bin/sh", "sh\0"));
    pipeline.record(&RecordBuilder::new(INIT, "sh").cgroup_of(7).open("/etc/shadow"));
    pipeline.record(&RecordBuilder::new(RUNC, "runc").cgroup_of(1).cgroup(7, "/kubepods/pod1/c1", true));
    assert_eq!(
        kinds(&pipeline.sink),
        [
            // Nobody told of the cgroup of runc itself, and there is no such process to ask.
            "exec Unknown n1",
            "container Partial shop/web-1/app",
            "container Partial shop/web-1/app",
            "exec Partial shop/web-1/app",
            "file_open Partial shop/web-1/app",
            "container Partial shop/web-1/app",
        ]
    );
    let image = pipeline.sink.0[4].scope.image.as_ref().unwrap();
    assert_eq!(image.reference, "registry.example/app:1");
    let phases = pipeline.sink.0.iter().filter_map(|event| match &event.body {
        event::Body::Container(container) => Some(container.phase),
        _ => None,
    });
    assert_eq!(phases.collect::<Vec<_>>(), [event::Phase::Created, event::Phase::Started, event::Phase::Stopped]);
}

#[test]
fn held_events_keep_their_order_and_are_let_go_in_time() {
    let mut pipeline = pipeline().holding(10);
    let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let number = pipeline.containers.made(7, &format!("/docker/{id}"), 0, None).unwrap();
    pipeline.waiting.begin(number, 0);
    for path in ["/a", "/b"] {
        pipeline.record(&RecordBuilder::new(INIT, "sh").cgroup_of(7).open(path));
    }
    assert!(pipeline.sink.0.is_empty());
    pipeline.tick(9);
    assert!(pipeline.sink.0.is_empty());
    pipeline.tick(10);
    assert_eq!(kinds(&pipeline.sink).len(), 2);
    let paths = pipeline.sink.0.iter().filter_map(|event| match &event.body {
        event::Body::FileOpen(open) => Some(open.path.as_str()),
        _ => None,
    });
    assert_eq!(paths.collect::<Vec<_>>(), ["/a", "/b"]);
}

#[test]
fn what_is_held_is_bounded() {
    let mut pipeline = pipeline();
    let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let number = pipeline.containers.made(7, &format!("/docker/{id}"), 0, None).unwrap();
    pipeline.waiting.begin(number, u64::MAX);
    let record = RecordBuilder::new(INIT, "sh").cgroup_of(7).open("/a");
    for _ in 0..MAX_HELD - 1 {
        pipeline.record(&record);
    }
    assert!(pipeline.sink.0.is_empty());
    pipeline.record(&record);
    assert_eq!(pipeline.sink.0.len(), MAX_HELD);
    pipeline.record(&record);
    assert_eq!(pipeline.sink.0.len(), MAX_HELD + 1, "from now on events flow");
}

#[test]
fn what_is_no_record_is_counted() {
    let mut pipeline = pipeline();
    pipeline.record(b"short");
    assert_eq!(pipeline.malformed(), 1);
}
