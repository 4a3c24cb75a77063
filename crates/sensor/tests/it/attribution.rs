//! Containers that Debian's containerd and runc really run are named from their first event on.

use serde_json::Value;
use testkit::need;

use crate::cri::{Containerd, IMAGE};
use crate::kernel::NEEDY;
use crate::program::{Sensor, text};

fn in_container<'a>(events: &'a [Value], id: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| text(event, "/scope/container/id") == id).collect()
}

/// No event of the container's processes before it is named: neither without a place nor on the host's account.
fn assert_never_anonymous(events: &[Value], id: &str) {
    let ours = in_container(events, id);
    assert_eq!(text(ours[0], "/kind"), "container", "{:?}", ours[0]);
    let pids: Vec<&Value> = ours.iter().filter(|e| text(e, "/kind") == "exec").map(|e| &e["process"]["pid"]).collect();
    assert!(!pids.is_empty());
    for event in events.iter().filter(|event| matches!(text(event, "/kind"), "exec" | "file_open")) {
        if pids.contains(&&event["process"]["pid"]) && text(event, "/process/exe").starts_with("/bin/") {
            assert_eq!(text(event, "/scope/container/id"), id, "{event}");
            assert_eq!(text(event, "/scope/image/reference"), IMAGE, "{event}");
        }
    }
}

#[test]
fn a_pods_first_event_has_its_name_and_the_digest_follows() {
    need!(root, bpf, cri);
    let containerd = Containerd::start();
    let rules = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(rules.path(), NEEDY).unwrap();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    let (sandbox, id) = containerd.run_pod("shop", "web-1", "cat /etc/shadow; sleep 1000000");
    let open = sensor.wait_for("the read of the shadow file", |event| {
        text(event, "/path") == "/etc/shadow" && text(event, "/scope/container/id") == id
    });
    assert_eq!((text(&open, "/scope/namespace"), text(&open, "/scope/pod/name")), ("shop", "web-1"));
    assert_eq!((text(&open, "/scope/container/name"), text(&open, "/scope/image/reference")), ("app", IMAGE));
    assert_eq!(open["process"]["ancestors"][0]["same_container"], true, "cat's parent is the container's shell");
    let named = |event: &Value| text(event, "/kind") == "container" && text(event, "/scope/container/id") == id;
    let complete = |event: &Value| named(event) && text(event, "/attribution") == "complete";
    let found = sensor.seen().iter().find(|event| complete(event)).cloned();
    let container = found.unwrap_or_else(|| sensor.wait_for("the container's digest", complete));
    assert_eq!(text(&container, "/scope/image/digest"), containerd.digest);
    assert_eq!(text(&container, "/labels/app"), "web");
    assert_never_anonymous(sensor.seen(), &id);
    let first_exec = in_container(sensor.seen(), &id).into_iter().find(|e| text(e, "/kind") == "exec").unwrap();
    assert_eq!(first_exec["process"]["ancestors"][0]["same_container"], false, "a runtime is not of the container");

    containerd.remove_pod(&sandbox);
    let stopped = sensor.wait_for("the container's end", |event| named(event) && text(event, "/phase") == "stopped");
    assert_eq!(text(&stopped, "/scope/pod/name"), "web-1");
    assert_eq!(sensor.stop(), Some(0));
}

#[test]
fn a_container_without_a_pod_has_its_image_from_the_first_event_on() {
    need!(root, bpf, cri);
    let containerd = Containerd::start();
    let rules = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(rules.path(), NEEDY).unwrap();
    let mut sensor = Sensor::start(&[
        "--print",
        "events",
        "--no-own-rules",
        "--hold-ms",
        "60000",
        "--rules",
        rules.path().to_str().unwrap(),
    ]);
    // It stays: of a container that is removed at once, a busy containerd answers nothing any more.
    let ran = containerd.ctr(&["run", "-d", IMAGE, "box-1", "sh", "-c", "cat /etc/shadow; sleep 1000000"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let open = sensor.wait_for("the read", |event| {
        text(event, "/path") == "/etc/shadow" && text(event, "/scope/container/id") == "box-1"
    });
    assert_eq!(text(&open, "/scope/image/reference"), IMAGE);
    assert_eq!(text(&open, "/scope/image/digest"), containerd.digest);
    assert_eq!(text(&open, "/process/exe_origin"), "image");
    assert_never_anonymous(sensor.seen(), "box-1");
}

#[test]
fn what_ran_before_the_sensor_is_placed_and_a_dropped_program_is_told_from_the_images() {
    need!(root, bpf, cri);
    let containerd = Containerd::start();
    let ran = containerd.ctr(&["run", "-d", IMAGE, "box-2", "sleep", "1000000"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules"]);
    let script = "cp /bin/busybox /tmp/busybox; /tmp/busybox true";
    let ran = containerd.ctr(&["tasks", "exec", "--exec-id", "e1", "box-2", "sh", "-c", script]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let exec = sensor.wait_for("the dropped program", |event| {
        text(event, "/kind") == "exec" && text(event, "/process/exe") == "/tmp/busybox"
    });
    assert_eq!((text(&exec, "/scope/container/id"), text(&exec, "/process/exe_origin")), ("box-2", "upper"));
    assert_eq!(text(&exec, "/scope/image/reference"), IMAGE);
}

/// Pods that are started one after the other; each takes half a second.
const STARTS: usize = 10;

#[test]
fn each_of_many_pods_is_named_from_its_first_event_on_and_complete_soon() {
    need!(root, bpf, cri);
    let containerd = Containerd::start();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules"]);
    let runs = |event: &Value, script: &str| {
        let args = event.pointer("/process/args").and_then(Value::as_array);
        text(event, "/kind") == "exec" && args.is_some_and(|args| args.iter().any(|arg| arg == script))
    };
    let pods: Vec<(String, String, String)> = (0..STARTS)
        .map(|number| {
            let pod = format!("pod-{number}");
            let script = format!("true {pod}.; sleep 1000000");
            let (sandbox, id) = containerd.run_pod("shop", &pod, &script);
            // Whoever removed it before would stop it before it began, and containerd tells nothing of what is gone.
            sensor.find("the program's start", |event| runs(event, &script));
            sensor.find("the digest and labels", |event| {
                text(event, "/scope/container/id") == id && text(event, "/attribution") == "complete"
            });
            containerd.remove_pod(&sandbox);
            (pod, script, id)
        })
        .collect();
    let mut latest = 0;
    for (pod, script, id) in &pods {
        let of = |event: &Value| text(event, "/scope/container/id") == id;
        let first = in_container(sensor.seen(), id)[0].clone();
        assert_eq!((text(&first, "/kind"), text(&first, "/scope/pod/name")), ("container", pod.as_str()), "{first}");
        let execs = sensor.seen().iter().filter(|event| runs(event, script));
        for exec in execs {
            let place = ["/scope/container/id", "/scope/pod/name", "/scope/namespace", "/scope/image/reference"];
            assert_eq!(place.map(|at| text(exec, at)), [id.as_str(), pod, "shop", IMAGE], "{exec}");
        }
        let complete = |event: &Value| of(event) && text(event, "/attribution") == "complete";
        let whole = sensor.find("the digest and labels", complete);
        assert_eq!(
            (text(&whole, "/scope/image/digest"), text(&whole, "/kind")),
            (containerd.digest.as_str(), "container")
        );
        let at = |event: &Value| serde_json::from_value::<model::Timestamp>(event["time"].clone()).unwrap().as_nanos();
        latest = latest.max((at(&whole) - at(&first)) / 1_000_000);
    }
    // The bound is of the requirement; the time is for who reads.
    println!("{} of {STARTS}; the last one was complete after {latest} ms", pods.len());
}

#[test]
fn each_container_of_a_pod_is_told_apart_whatever_it_shares() {
    need!(root, bpf, cri);
    let containerd = Containerd::start();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules"]);
    for (pod, host_pid) in [("shares-processes", false), ("sees-the-host", true)] {
        let sandbox = containerd.run_sandbox("shop", pod, host_pid);
        let mut expected = Vec::new();
        // Processes of an exec and of a container's next attempt have marks of their own.
        for (name, attempt) in [("init", 0), ("app", 0), ("app", 1), ("sidecar", 0)] {
            let mark = format!("{pod}-{name}-{attempt}");
            let id = containerd.run_container(&sandbox, name, attempt, &format!("true {mark}; sleep 1000000"));
            containerd.exec(&id, &["sh", "-c", &format!("true {mark}-exec; true")]);
            expected.push((id, name, mark));
        }
        for (id, name, mark) in expected {
            for mark in [mark.clone(), mark + "-exec"] {
                let exec = sensor.find(&mark, |event| {
                    let args = event["process"]["args"].to_string();
                    text(event, "/kind") == "exec" && args.contains(&format!("true {mark};")) && !args.contains("runc")
                });
                let place =
                    ["/scope/container/id", "/scope/container/name", "/scope/pod/name", "/scope/image/reference"];
                assert_eq!(place.map(|at| text(&exec, at)), [id.as_str(), name, pod, IMAGE], "{mark}: {exec}");
            }
        }
        containerd.remove_pod(&sandbox.id);
    }
}

#[test]
fn containers_that_start_at_once_are_told_apart() {
    const AT_ONCE: usize = 16;
    need!(root, bpf, cri);
    let containerd = Containerd::start();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules"]);
    std::thread::scope(|scope| {
        for number in 0..AT_ONCE {
            let containerd = &containerd;
            scope.spawn(move || {
                let (id, script) = (format!("box-{number}"), format!("true mark-{number}; sleep 1000000"));
                let ran = containerd.ctr(&["run", "-d", IMAGE, &id, "sh", "-c", &script]);
                assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
            });
        }
    });
    for number in 0..AT_ONCE {
        let exec = sensor.find("the first program", |event| {
            text(event, "/kind") == "exec"
                && text(event, "/process/exe").starts_with("/bin/")
                && event["process"]["args"].to_string().contains(&format!("true mark-{number};"))
        });
        let place = ["/scope/container/id", "/scope/image/reference"].map(|at| text(&exec, at));
        assert_eq!(place, [format!("box-{number}").as_str(), IMAGE], "{exec}");
    }
}
