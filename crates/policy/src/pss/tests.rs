//! The standards by table (one failing and one passing form per check), and Kubernetes' own fixtures as the oracle.

#![expect(clippy::needless_pass_by_value, reason = "tables of literals read better without references")]

use limits::inflate::{Caps, Inflater};
use serde_json::{Value, json};

use super::*;

fn pod(spec: Value) -> Value {
    let mut spec = spec;
    let containers = spec.as_object_mut().unwrap().entry("containers").or_insert_with(|| json!([{}]));
    for (index, container) in containers.as_array_mut().unwrap().iter_mut().enumerate() {
        container["name"] = json!(format!("c{index}"));
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": spec })
}

fn container(fields: Value) -> Value {
    pod(json!({ "containers": [fields] }))
}

fn security(fields: Value) -> Value {
    container(json!({ "securityContext": fields }))
}

fn annotated(key: &str, value: &str) -> Value {
    let mut pod = pod(json!({}));
    pod["metadata"]["annotations"] = json!({ key: value });
    pod
}

/// The failures of one check in `version`, under the level that it belongs to.
fn failures(object: &Value, check: &str, version: u32) -> Vec<Failure> {
    let level = CHECKS.iter().find(|known| known.id == check).unwrap().level;
    let mut found = evaluate(object, "", level, Version::minor(version)).failures;
    found.retain(|failure| failure.check.id == check);
    found
}

#[track_caller]
fn fails(check: &str, version: u32, object: Value, paths: &[&str]) {
    let found = failures(&object, check, version);
    assert_eq!(found.iter().map(|failure| failure.path.as_str()).collect::<Vec<_>>(), paths, "{check} {object}");
    for failure in found.iter().filter(|failure| !failure.edits.is_empty()) {
        let fixed = apply(&object, &failure.patch(&object)).expect("the patch applies");
        let left = failures(&fixed, check, version);
        assert_eq!(left.len(), found.len() - 1, "the patch of {} fixes it alone: {fixed}", failure.path);
    }
}

#[track_caller]
fn passes(check: &str, version: u32, object: Value) {
    assert_eq!(failures(&object, check, version), [], "{check} {object}");
}

#[test]
fn host_access() {
    fails(
        "hostNamespaces",
        0,
        pod(json!({ "hostNetwork": true, "hostPID": true, "hostIPC": false })),
        &["/spec/hostNetwork", "/spec/hostPID"],
    );
    passes("hostNamespaces", 0, pod(json!({ "hostNetwork": false, "hostPID": null })));
    let volumes = json!([{ "name": "a", "hostPath": { "path": "/" } }, { "name": "b" }]);
    fails("hostPathVolumes", 0, pod(json!({ "volumes": volumes })), &["/spec/volumes/0/hostPath"]);
    fails("restrictedVolumes", 0, pod(json!({ "volumes": volumes })), &["/spec/volumes/0/hostPath"]);
    passes("hostPathVolumes", 0, pod(json!({ "volumes": [{ "name": "b", "hostPath": null }] })));
    let ports =
        |port| container(json!({ "ports": [{ "containerPort": 80 }, { "containerPort": 81, "hostPort": port }] }));
    fails("hostPorts", 0, ports(81), &["/spec/containers/0/ports/1/hostPort"]);
    passes("hostPorts", 0, ports(0));
    let host_process = json!({ "windowsOptions": { "hostProcess": true } });
    fails(
        "windowsHostProcess",
        0,
        pod(json!({ "securityContext": host_process })),
        &["/spec/securityContext/windowsOptions/hostProcess"],
    );
    fails(
        "windowsHostProcess",
        0,
        security(host_process),
        &["/spec/containers/0/securityContext/windowsOptions/hostProcess"],
    );
}

#[test]
fn every_kind_of_container_is_visited() {
    let privileged = json!([{ "name": "x", "securityContext": { "privileged": true } }]);
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        fails(
            "privileged",
            0,
            pod(json!({ list: privileged })),
            &[&format!("/spec/{list}/0/securityContext/privileged")],
        );
    }
    passes("privileged", 0, security(json!({ "privileged": false })));
}

#[test]
fn kernel_confinement() {
    fails(
        "capabilities_baseline",
        0,
        security(json!({ "capabilities": { "add": ["NET_RAW", "CHOWN", "SYS_ADMIN"] } })),
        &[
            "/spec/containers/0/securityContext/capabilities/add/0",
            "/spec/containers/0/securityContext/capabilities/add/2",
        ],
    );
    passes("capabilities_baseline", 0, security(json!({ "capabilities": { "add": ["NET_BIND_SERVICE"] } })));
    fails(
        "procMount",
        0,
        security(json!({ "procMount": "Unmasked" })),
        &["/spec/containers/0/securityContext/procMount"],
    );
    let in_user_namespace =
        json!({ "hostUsers": false, "containers": [{ "securityContext": { "procMount": "Unmasked" } }] });
    fails("procMount", 34, pod(in_user_namespace.clone()), &["/spec/containers/0/securityContext/procMount"]);
    passes("procMount", 35, pod(in_user_namespace.clone()));
    fails("procMount_restricted", 35, pod(in_user_namespace), &["/spec/containers/0/securityContext/procMount"]);
    let engine = json!({ "seLinuxOptions": { "type": "container_engine_t" } });
    fails("seLinuxOptions", 30, security(engine.clone()), &["/spec/containers/0/securityContext/seLinuxOptions/type"]);
    passes("seLinuxOptions", 31, security(engine));
    fails(
        "seLinuxOptions",
        31,
        pod(json!({ "securityContext": { "seLinuxOptions": { "user": "u", "role": "r" } } })),
        &["/spec/securityContext/seLinuxOptions/user", "/spec/securityContext/seLinuxOptions/role"],
    );
    let sysctls = |name| pod(json!({ "securityContext": { "sysctls": [{ "name": name, "value": "1" }] } }));
    fails("sysctls", 36, sysctls("net.ipv4.tcp_notsent_lowat"), &["/spec/securityContext/sysctls/0/name"]);
    passes("sysctls", 37, sysctls("net.ipv4.tcp_notsent_lowat"));
    fails("sysctls", 26, sysctls("net.ipv4.ip_local_reserved_ports"), &["/spec/securityContext/sysctls/0/name"]);
    passes("sysctls", 27, sysctls("net.ipv4.ip_local_reserved_ports"));
    passes("sysctls", 29, sysctls("net.ipv4.tcp_fin_timeout"));
    passes("sysctls", 32, sysctls("net.ipv4.tcp_rmem"));
    fails("sysctls", 99, sysctls("kernel.msgmax"), &["/spec/securityContext/sysctls/0/name"]);
}

#[test]
fn profiles() {
    let unconfined = json!({ "appArmorProfile": { "type": "Unconfined" }, "seccompProfile": { "type": "Unconfined" } });
    fails(
        "appArmorProfile",
        0,
        security(unconfined.clone()),
        &["/spec/containers/0/securityContext/appArmorProfile/type"],
    );
    fails(
        "seccompProfile_baseline",
        19,
        security(unconfined.clone()),
        &["/spec/containers/0/securityContext/seccompProfile/type"],
    );
    passes("seccompProfile_baseline", 18, security(unconfined));
    let apparmor = "container.apparmor.security.beta.kubernetes.io/c0";
    fails(
        "appArmorProfile",
        0,
        annotated(apparmor, "unconfined"),
        &["/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1c0"],
    );
    passes("appArmorProfile", 0, annotated(apparmor, "localhost/strict"));
    fails(
        "seccompProfile_baseline",
        18,
        annotated("seccomp.security.alpha.kubernetes.io/pod", "unconfined"),
        &["/metadata/annotations/seccomp.security.alpha.kubernetes.io~1pod"],
    );
    let other = "container.seccomp.security.alpha.kubernetes.io/nobody";
    passes("seccompProfile_baseline", 18, annotated(other, "unconfined"));
    fails("seccompProfile_restricted", 25, pod(json!({})), &["/spec/securityContext/seccompProfile"]);
    passes("seccompProfile_restricted", 25, pod(json!({ "os": { "name": "windows" } })));
    passes("seccompProfile_restricted", 25, security(json!({ "seccompProfile": { "type": "Localhost" } })));
}

#[test]
fn probes() {
    let object = container(json!({
        "livenessProbe": { "httpGet": { "host": "169.254.169.254" } },
        "readinessProbe": { "tcpSocket": { "host": "" } },
        "lifecycle": { "preStop": { "httpGet": { "host": "h" } } },
    }));
    passes("hostProbesAndHostLifecycle", 33, object.clone());
    fails(
        "hostProbesAndHostLifecycle",
        34,
        object,
        &["/spec/containers/0/livenessProbe/httpGet/host", "/spec/containers/0/lifecycle/preStop/httpGet/host"],
    );
}

#[test]
fn users_and_rights() {
    fails("runAsNonRoot", 0, pod(json!({})), &["/spec/securityContext/runAsNonRoot"]);
    fails(
        "runAsNonRoot",
        0,
        security(json!({ "runAsNonRoot": false })),
        &["/spec/containers/0/securityContext/runAsNonRoot"],
    );
    passes("runAsNonRoot", 0, security(json!({ "runAsNonRoot": true })));
    passes("runAsNonRoot", 35, pod(json!({ "hostUsers": false })));
    fails("runAsUser", 23, security(json!({ "runAsUser": 0 })), &["/spec/containers/0/securityContext/runAsUser"]);
    passes("runAsUser", 22, security(json!({ "runAsUser": 0 })));
    passes("runAsUser", 23, security(json!({ "runAsUser": 1000 })));
    let escalation = &["/spec/containers/0/securityContext/allowPrivilegeEscalation"];
    fails("allowPrivilegeEscalation", 8, container(json!({})), escalation);
    passes("allowPrivilegeEscalation", 7, container(json!({})));
    passes("allowPrivilegeEscalation", 25, pod(json!({ "os": { "name": "windows" } })));
    fails(
        "capabilities_restricted",
        22,
        container(json!({})),
        &["/spec/containers/0/securityContext/capabilities/drop"],
    );
    fails(
        "capabilities_restricted",
        22,
        security(json!({ "capabilities": { "drop": ["ALL"], "add": ["CHOWN"] } })),
        &["/spec/containers/0/securityContext/capabilities/add/0"],
    );
    let volumes = json!([{ "name": "n", "nfs": { "server": "s", "path": "/" } }, { "name": "e" }, { "name": "x", "newKind": {} }]);
    fails(
        "restrictedVolumes",
        0,
        pod(json!({ "volumes": volumes })),
        &["/spec/volumes/0/nfs", "/spec/volumes/2/newKind"],
    );
}

#[test]
fn a_patch_leaves_a_pod_that_the_api_accepts_and_that_starts() {
    let object =
        security(json!({ "privileged": true, "runAsUser": 0, "capabilities": { "add": ["SYS_ADMIN", "CHOWN"] } }));
    let escalation = failures(&object, "allowPrivilegeEscalation", 30).remove(0);
    let fixed = apply(&object, &escalation.patch(&object)).unwrap();
    let context = &fixed["spec"]["containers"][0]["securityContext"];
    assert_eq!(context["privileged"], json!(false), "the API refuses privileged beside no escalation");
    assert_eq!(context["capabilities"]["add"], json!(["CHOWN"]), "and SYS_ADMIN");
    let non_root = failures(&object, "runAsNonRoot", 30).remove(0);
    let fixed = apply(&object, &non_root.patch(&object)).unwrap();
    assert_eq!(fixed["spec"]["containers"][0]["securityContext"]["runAsUser"], Value::Null, "root cannot be non-root");
}

#[test]
fn one_patch_fixes_everything() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "spec": { "template": { "spec": {
            "hostNetwork": true, "hostPID": true,
            "securityContext": { "sysctls": [{ "name": "kernel.a" }, { "name": "kernel.b" }] },
            "volumes": [{ "name": "v", "hostPath": { "path": "/" } }],
            "containers": [
                { "name": "a", "securityContext": { "privileged": true, "capabilities": { "add": ["NET_ADMIN", "SYS_ADMIN"] } } },
                { "name": "b" },
            ],
        } } },
    });
    let base = template_of(&object).unwrap();
    let fixed = fix(&object, base, Level::Restricted, Version::LATEST);
    assert_eq!(fixed.left, []);
    assert!(evaluate(&fixed.object, base, Level::Restricted, Version::LATEST).allowed());
    assert_eq!(apply(&object, &fixed.patch), Some(fixed.object));
}

#[test]
fn what_cannot_be_judged_does_not_pass() {
    let check = |object: Value, path: &str, message: &str| {
        let evaluation = evaluate(&object, "", Level::Baseline, Version::LATEST);
        let found = evaluation.malformed.iter().find(|problem| problem.path == path);
        assert_eq!(found.map(|problem| problem.message.as_str()), Some(message), "{:?}", evaluation.malformed);
        assert!(!evaluation.allowed());
    };
    check(json!({ "spec": {} }), "/spec/containers", "a pod without containers");
    check(json!({ "spec": "x" }), "/spec", "\"x\" where an object belongs");
    check(json!({ "spec": { "containers": { "a": {} } } }), "/spec/containers", "{\"a\":{}} where a list belongs");
    check(
        security(json!({ "privileged": "true" })),
        "/spec/containers/0/securityContext/privileged",
        "\"true\" where true or false belongs",
    );
    check(
        security(json!({ "capabilities": { "add": "ALL" } })),
        "/spec/containers/0/securityContext/capabilities/add",
        "\"ALL\" where a list belongs",
    );
    check(pod(json!({ "containers": [{}], "volumes": [null] })), "/spec/volumes/0", "null in a list");
}

#[test]
fn templates_are_found_by_kind_and_by_shape() {
    let check = |version: &str, kind: &str, expected| {
        assert_eq!(template_of(&json!({ "apiVersion": version, "kind": kind })), expected, "{version} {kind}");
    };
    check("v1", "Pod", Some(""));
    check("apps/v1", "StatefulSet", Some("/spec/template"));
    check("extensions/v1beta1", "DaemonSet", Some("/spec/template"));
    check("batch/v1", "CronJob", Some("/spec/jobTemplate/spec/template"));
    check("v1", "PodTemplate", Some("/template"));
    check("v1", "Service", None);
    check("example.com/v1", "Pod", None);
    let rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "spec": { "template": { "spec": { "containers": [] } } },
    });
    assert_eq!(template_of(&rollout), Some("/spec/template"));
}

#[test]
fn versions_read_as_kubernetes_reads_them() {
    assert_eq!("latest".parse::<Version>().unwrap(), Version::LATEST);
    assert_eq!("v1.24".parse::<Version>().unwrap(), Version::minor(24));
    assert_eq!("1.24".parse::<Version>().unwrap().to_string(), "v1.24");
    for bad in ["", "v2.1", "v1.", "v1.01", "1.x", "v1.-1", "v1.99999999999"] {
        assert!(bad.parse::<Version>().is_err(), "{bad}");
    }
}

/// Kubernetes publishes the pods that its own implementation is tested with: all verdicts must be the same.
#[test]
fn agrees_with_kubernetes_on_its_own_fixtures() {
    testkit::need!(data);
    let packed = testkit::read(testkit::data("pod-security/testdata.jsonl.gz"));
    let mut pods = 0;
    let mut different = Vec::new();
    let caps = Caps { plain_bytes: 64 << 20, ratio: 1_000, ratio_free_bytes: 64 << 20 };
    let plain = limits::read_capped(Inflater::new(&packed[..], caps).unwrap(), 64 << 20, "pods").unwrap();
    for line in std::str::from_utf8(&plain).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let level = if case["level"] == "baseline" { Level::Baseline } else { Level::Restricted };
        let version = case["version"].as_str().unwrap().parse().unwrap();
        pods += 1;
        let evaluation = evaluate(&case["pod"], "", level, version);
        if evaluation.allowed() != (case["expect"] == "pass") {
            different.push(format!("{level} {version} {}: {evaluation:?}", case["name"]));
            continue;
        }
        let name = case["name"].as_str().unwrap().trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase();
        let named = evaluation.failures.iter().any(|failure| {
            // The fixture is named after the check, or after the one that it takes the place of.
            [Some(failure.check.id), failure.check.replaces].into_iter().flatten().any(|id| id.to_lowercase() == name)
        });
        if case["expect"] == "fail" && !named {
            different.push(format!("{level} {version} {}: failed by {:?}", case["name"], evaluation.failures));
        }
        patches_fix(&case["pod"], &evaluation, level, version);
    }
    assert!(pods > 2_000, "{pods} pods");
    assert!(
        different.is_empty(),
        "{} of {pods} pods differ: {:#?}",
        different.len(),
        &different[..different.len().min(5)]
    );
}

/// Each patch removes its own failure and brings no new one; all together leave only what has no patch.
fn patches_fix(object: &Value, evaluation: &Evaluation, level: Level, version: Version) {
    let key = |failure: &Failure| (failure.check.id, failure.path.clone());
    for failure in evaluation.failures.iter().filter(|failure| !failure.edits.is_empty()) {
        let fixed = apply(object, &failure.patch(object)).expect("the patch applies");
        let after = evaluate(&fixed, "", level, version);
        assert!(after.malformed.is_empty(), "{fixed}");
        // Lists close their gaps: elements behind a removed one have new places, never more of them.
        assert!(after.failures.len() < evaluation.failures.len(), "{:?} stays: {fixed}", key(failure));
        let kinds = |list: &[Failure]| list.iter().map(|failure| failure.check.id).collect::<Vec<_>>();
        assert!(kinds(&after.failures).iter().all(|id| kinds(&evaluation.failures).contains(id)), "{fixed}");
    }
    let fixed = fix(object, "", level, version);
    assert!(fixed.left.iter().all(|failure| failure.edits.is_empty()), "{:?}", fixed.left);
    assert_eq!(apply(object, &fixed.patch).as_ref(), Some(&fixed.object));
}
