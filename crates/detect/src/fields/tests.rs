//! Cases of `fields`: inputs and what must come of them.

use model::event::{Call, FileChange, FileOperation};
use model::{Body, Capabilities, Event, ExeOrigin};
use serde_json::json;

use super::*;
use crate::condition::{Spot, parse_operand};
use crate::operand;
use crate::testing::{audit, connect, container, event, exec, host, open, process};

fn show(event: &Event, field: &str) -> String {
    let source = if matches!(event.body, Body::K8sAudit(_)) { EventSource::K8sAudit } else { EventSource::Syscall };
    let spot = |_, _| Spot { source: "t".into(), start: model::Position::default(), length: 1 };
    let (parsed, _) = parse_operand(field, &spot).unwrap();
    let side = operand::compile(&parsed, &source).unwrap();
    let names = AddressNames::default();
    let containers = crate::containers::Containers::default();
    let context = Context { event, names: &names, containers: &containers };
    let value = side.value(&context);
    value.shown().map_or_else(|| "-".to_owned(), std::borrow::Cow::into_owned)
}

fn check(event: &Event, cases: &[(&str, &str)]) {
    for (field, expected) in cases {
        assert_eq!(show(event, field), *expected, "{field}");
    }
}

#[test]
fn of_a_process() {
    let mut shell = process("/bin/sh -c id", &["nginx -g daemon", "tini -- nginx"]);
    shell.exe_origin = Some(ExeOrigin::Upper);
    shell.caps_effective = Capabilities(0b11);
    shell.env = ["A=b c".into()].into();
    shell.exe_inode = Some(77);
    shell.exe_changed = Some(shell.start_time.plus_millis(-3));
    let cases = [
        ("proc.name", "sh"),
        ("proc.exe", "/bin/sh"),
        ("proc.cmdline", "sh -c id"),
        ("proc.args", "-c id"),
        ("proc.pname", "nginx"),
        ("proc.pcmdline", "nginx -g daemon"),
        ("proc.aname[0]", "sh"),
        ("proc.aname[2]", "tini"),
        ("proc.aname[3]", "-"),
        ("proc.aname", "nginx tini"),
        ("proc.is_exe_upper_layer", "true"),
        ("proc.is_exe_from_memfd", "false"),
        ("proc.env[A]", "b c"),
        ("proc.env[B]", "-"),
        ("proc.exe_ino", "77"),
        ("proc.exe_ino.ctime_duration_proc_start", "3000000"),
        ("proc.exe_ino.mtime", "-"),
        ("proc.stdin.type", "-"),
        ("thread.cap_effective", "CAP_CHOWN CAP_DAC_OVERRIDE"),
        ("user.name", "root"),
        ("user.loginuid", "-1"),
        ("evt.type", "execve"),
        ("evt.arg.flags", "EXE_WRITABLE|EXE_UPPER_LAYER"),
        ("evt.num", "8"),
        ("container.id", "abcdef012345"),
        ("container.image.repository", "registry.example:5000/team/web"),
        ("container.image.tag", "1.2"),
        ("k8s.pod.name", "web-0"),
        ("fd.name", "-"),
        ("tolower(proc.name)", "sh"),
        ("toupper(proc.name)", "SH"),
        ("basename(proc.exepath)", "sh"),
        ("len(proc.name)", "2"),
        ("concat(proc.name, \"/\", proc.pname)", "sh/nginx"),
        ("join(\"-\", (proc.name, \"x\"))", "sh-x"),
        ("getopt((\"-c\", \"id\", \"-v\"), \"c:v\")[c]", "id"),
        ("getopt((\"-c\", \"id\", \"-v\"), \"c:v\")", "(c,id,v)"),
    ];
    check(&event(exec(), &container(), shell), &cases);
    check(
        &event(exec(), &host(), process("ls", &[])),
        &[("container.id", "host"), ("proc.pname", "-"), ("proc.args", "")],
    );
}

#[test]
fn of_standard_descriptors() {
    use model::event::{Exec, Stdio, StdioType};
    let stdio = |r#type, pipe, family: Option<&str>, name: Option<&str>| Stdio {
        r#type,
        peer: None,
        pipe,
        family: family.map(str::to_owned),
        name: name.map(str::to_owned),
    };
    let all = vec![
        stdio(StdioType::Socket, None, Some("ipv4"), Some("10.0.0.2:40000->192.0.2.7:4444")),
        stdio(StdioType::Pipe, Some(7), None, None),
        stdio(StdioType::Tty, None, None, Some("/dev/pts/3")),
    ];
    let started = model::Body::Exec(Exec { stdio: all, ..Exec::default() });
    let cases = [
        ("proc.stdin.type", "ipv4"),
        ("proc.stdin.name", "10.0.0.2:40000->192.0.2.7:4444"),
        ("proc.stdout.type", "pipe"),
        ("proc.stdout.name", "pipe:[7]"),
        ("proc.stderr.type", "file"),
        ("proc.stderr.name", "/dev/pts/3"),
    ];
    check(&event(started, &container(), process("sh", &[])), &cases);
}

#[test]
fn of_files_and_connections() {
    let file = event(open("/etc/shadow", 0o1101, 3), &host(), process("cat /etc/shadow", &[]));
    let cases = [
        ("evt.type", "openat"),
        ("evt.is_open_write", "true"),
        ("evt.is_open_read", "false"),
        ("evt.arg.flags", "O_WRONLY|O_CREAT|O_TRUNC"),
        ("fd.name", "/etc/shadow"),
        ("fd.directory", "/etc"),
        ("fd.filename", "shadow"),
        ("fd.num", "3"),
        ("fd.typechar", "f"),
        ("evt.res", "SUCCESS"),
        ("evt.arg[1]", "/etc/shadow"),
        ("b64(evt.arg.flags)", "-"),
        ("fs.path.name", "/etc/shadow"),
        ("fs.path.source", "-"),
        ("fd.containername", ":/etc/shadow"),
        ("evt.count", "1"),
        ("evt.count.error", "0"),
    ];
    check(&file, &cases);
    let failed = event(open("/x", 0, -2), &host(), process("cat", &[]));
    check(
        &failed,
        &[
            ("fd.num", "-1"),
            ("evt.res", "ENOENT"),
            ("evt.rawres", "-2"),
            ("fd.directory", "/"),
            ("evt.failed", "true"),
            ("evt.count.error.file", "1"),
            ("evt.count.error.net", "-"),
        ],
    );
    let cases = [
        ("fd.name", "10.0.0.5:40000->1.2.3.4:443"),
        ("fd.sip", "1.2.3.4"),
        ("fd.cip", "10.0.0.5"),
        ("fd.sport", "443"),
        ("fd.lport", "40000"),
        ("fd.typechar", "4"),
        ("fd.type", "ipv4"),
        ("fd.connected", "true"),
        ("fd.is_server", "false"),
        ("fd.sip.name", "-"),
    ];
    check(&event(connect("1.2.3.4:443", "tcp"), &host(), process("curl", &[])), &cases);
    let mapped = event(connect("[::ffff:1.2.3.4]:443", "tcp"), &host(), process("curl", &[]));
    check(&mapped, &[("fd.sip", "1.2.3.4"), ("fd.typechar", "4")]);
}

#[test]
fn of_changes_and_calls() {
    let rename = FileChange {
        operation: FileOperation::Rename,
        path: "/a".into(),
        new_path: Some("/b".into()),
        mode: None,
        result: 0,
        sha256_before: None,
        sha256_after: None,
        path_source: model::event::PathSource::Kernel,
    };
    let chmod = FileChange { operation: FileOperation::Chmod, mode: Some(0o4755), new_path: None, ..rename.clone() };
    let cases = [
        ("evt.type", "rename"),
        ("evt.arg.oldpath", "/a"),
        ("evt.arg.newpath", "/b"),
        ("evt.arg.path", "-"),
        ("fs.path.source", "/a"),
        ("fs.path.target", "/b"),
        ("fs.path.name", "-"),
    ];
    check(&event(Body::FileChange(rename), &host(), process("mv", &[])), &cases);
    let mode = "S_ISUID|S_IXUSR|S_IWUSR|S_IRUSR|S_IXGRP|S_IRGRP|S_IXOTH|S_IROTH";
    check(
        &event(Body::FileChange(chmod), &host(), process("chmod", &[])),
        &[("evt.arg.filename", "/a"), ("evt.arg.mode", mode)],
    );
    let args = json!({ "uid": 0, "flags": ["A", "B"] }).as_object().cloned().unwrap_or_default();
    let call = Body::SetId(Call { call: "setresuid".into(), args, result: -1 });
    let cases = [
        ("evt.type", "setresuid"),
        ("evt.arg.uid", "root"),
        ("evt.arg.flags", "A|B"),
        ("evt.arg.none", "-"),
        ("evt.res", "EPERM"),
    ];
    check(&event(call, &host(), process("su", &[])), &cases);
}

#[test]
fn of_audit_events() {
    let found = audit(json!({
        "auditID": "1", "verb": "create", "stage": "ResponseComplete",
        "requestURI": "/api/v1/x?command=sh&command=ls&q=a%20b+c",
        "user": { "username": "admin", "groups": ["a", "b"] },
        "annotations": { "authorization.k8s.io/decision": "allow" },
        "objectRef": { "resource": "pods", "namespace": "d" },
        "requestObject": {
            "subjects": [{ "kind": "ServiceAccount", "name": "s", "namespace": "n" }, { "kind": "Group", "name": "g" }],
            "rules": [{ "verbs": ["get", "*"], "resources": ["pods"] }, { "verbs": ["list"] }],
            "spec": {
                "hostNetwork": true,
                "securityContext": { "runAsUser": 5 },
                "volumes": [{ "name": "v", "hostPath": { "path": "/etc" } }, { "name": "w", "emptyDir": {} }],
                "containers": [
                    { "name": "a", "image": "nginx:1", "command": ["sh", "-c"], "ports": [{ "hostPort": 80 }] },
                    { "name": "b", "image": "repo/app@sha256:0", "securityContext": { "privileged": true, "runAsUser": 7 } }
                ]
            }
        },
        "responseStatus": { "code": 201 }
    }));
    let cases = [
        ("ka.verb", "create"),
        ("ka.user.groups", "(a,b)"),
        ("ka.auth.decision", "allow"),
        ("ka.uri.param[command]", "sh"),
        ("ka.uri.param[q]", "a b c"),
        ("ka.uri.param[z]", "-"),
        ("ka.response.code", "201"),
        ("ka.req.pod.containers.name", "(a,b)"),
        ("ka.req.pod.containers.name[1]", "(b)"),
        ("ka.req.pod.containers.image.repository", "(nginx,repo/app)"),
        ("ka.req.pod.containers.privileged", "(true)"),
        ("ka.req.pod.containers.eff_run_as_user", "(5,7)"),
        ("ka.req.pod.containers.command", "(sh -c)"),
        ("ka.req.pod.containers.host_port", "(80)"),
        ("ka.req.pod.initContainers.image", "-"),
        ("ka.req.pod.volumes.hostpath", "(/etc)"),
        ("ka.req.pod.volumes.volume_type", "(hostPath,emptyDir)"),
        ("ka.req.volume.hostpath[/e*]", "true"),
        ("ka.req.pod.host_network", "true"),
        ("ka.req.role.rules.verbs", "(get,*,list)"),
        ("ka.req.role.rules.resources", "(pods)"),
        ("ka.req.binding.subjects.serviceaccount_ns_names", "(n:s)"),
        ("ka.req.binding.subjects.group_names", "(g)"),
        ("jevt.value[/requestObject/spec/containers/0/image]", "nginx:1"),
        ("jevt.value[/nothing]", "-"),
        ("ka.target.subresource", "-"),
    ];
    check(&found, &cases);
}

#[test]
fn names_are_unique() {
    for source in [EventSource::Syscall, EventSource::K8sAudit] {
        let mut names: Vec<&str> = all(&source).map(|spec| spec.name).collect();
        let before = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), before, "{source}");
    }
}
