//! Each of Falco's 48 rules for audit events: requests that it is about, and others that come close.
//!
//! What must match was read off the rules by hand. All rules are evaluated, so an event may match several.

use detect::{CompileOptions, Engine, Matches, Matching, RuleSet, Source};
use serde_json::{Value, json};
use testkit::need;

const CONFIGMAP: &str = "Create/Modify Configmap With Private Credentials";
const SYSTEM: &str = "System ClusterRole Modified/Deleted";
const WILDCARD: &str = "ClusterRole With Wildcard Created";
const WRITE: &str = "ClusterRole With Write Privileges Created";
const EXEC: &str = "ClusterRole With Pod Exec Created";
const INGRESS: &str = "Ingress Object without TLS Certificate Created";

/// A request: `verb`, `namespace/resource/name[/subresource]`, then what differs from an allowed request of an
/// administrator that succeeded (`-` for the namespace of what has none).
fn request(verb: &str, target: &str, differs: &Value) -> Value {
    let parts: Vec<&str> = target.split('/').collect();
    let mut object = json!({ "resource": parts[1], "name": parts[2] });
    if parts[0] != "-" {
        object["namespace"] = json!(parts[0]);
    }
    if let Some(subresource) = parts.get(3) {
        object["subresource"] = json!(subresource);
    }
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "a", "stage": "ResponseComplete", "verb": verb,
        "requestURI": format!("/api/v1/{target}"), "user": { "username": "kubernetes-admin" }, "objectRef": object,
        "responseStatus": { "code": if verb == "create" { 201 } else { 200 } },
        "annotations": { "authorization.k8s.io/decision": "allow" },
        "stageTimestamp": "2026-01-02T03:04:05.000000Z",
    });
    for (key, value) in differs.as_object().unwrap() {
        match key.as_str() {
            "user" => event["user"]["username"] = value.clone(),
            "code" if value.is_null() => drop(event.as_object_mut().unwrap().remove("responseStatus")),
            "code" => event["responseStatus"]["code"] = value.clone(),
            "decision" => event["annotations"]["authorization.k8s.io/decision"] = value.clone(),
            "uri" => event["requestURI"] = value.clone(),
            "body" => event["requestObject"] = value.clone(),
            "spec" => event["requestObject"] = json!({ "spec": value }),
            "rules" => event["requestObject"] = json!({ "rules": value }),
            _ => event[key] = value.clone(),
        }
    }
    event
}

/// A pod's spec with one container of each image.
fn images(images: &[&str]) -> Value {
    let containers: Vec<Value> = images.iter().map(|image| json!({ "name": "c", "image": image })).collect();
    json!({ "spec": { "containers": containers } })
}

fn with(mut differs: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = if parent.is_empty() { Some(&mut differs) } else { differs.pointer_mut(parent) };
    parent.unwrap()[key] = value;
    differs
}

fn check(extra: &str, cases: &[(&str, &str, Value, &[&str])]) {
    let base = Source::new("base", testkit::read_text(testkit::data("falco/rules/k8s_audit_rules.yaml")));
    let options = CompileOptions { matching: Matching::All, ..CompileOptions::default() };
    let (rules, diagnostics) = RuleSet::compile(&[base, Source::new("extra", extra)], &options);
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.level == model::Level::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut engine = Engine::new(rules);
    let mut found = Matches::new();
    for (verb, target, differs, expected) in cases {
        let event = crate::audit_cases::event(&request(verb, target, differs).to_string(), 0);
        engine.evaluate(&event, &mut found);
        let names: Vec<&str> = found.iter().map(|found| found.rule.name.as_str()).collect();
        assert_eq!(names, *expected, "{verb} {target} {differs}");
    }
}

#[test]
fn users() {
    need!(data);
    let none = || json!({});
    check(
        "",
        &[
            ("get", "default/pods/p", json!({ "user": "alice" }), &["Disallowed K8s User"]),
            ("get", "default/pods/p", json!({ "user": "alice", "stage": "RequestReceived" }), &[]),
            ("get", "default/pods/p", json!({ "user": "system:serviceaccount:default:x" }), &[]),
            ("list", "default/pods/", json!({ "user": "eks:node-manager" }), &[]),
            ("list", "default/pods/", json!({ "user": "vpa-recommender" }), &[]),
            ("list", "default/pods/", json!({ "user": "cluster-autoscaler" }), &[]),
            ("list", "default/pods/", json!({ "user": "Admin" }), &["Disallowed K8s User"]),
            ("list", "default/pods/", none(), &[]),
            ("get", "-//", json!({ "user": "system:anonymous", "uri": "/api" }), &["Anonymous Request Allowed"]),
            ("get", "-//", json!({ "user": "system:anonymous", "uri": "/healthz" }), &[]),
            ("get", "-//", json!({ "user": "system:anonymous", "uri": "/livez?verbose" }), &[]),
            ("get", "-//", json!({ "user": "system:anonymous", "uri": "/readyz" }), &[]),
            ("get", "-//", json!({ "user": "system:anonymous", "uri": "/healthzz" }), &["Anonymous Request Allowed"]),
            ("get", "-//", json!({ "user": "system:anonymous", "uri": "/api", "decision": "forbid" }), &[]),
            ("get", "-//", json!({ "user": "system:unauthenticated", "uri": "/api" }), &[]),
        ],
    );
}

#[test]
fn pods() {
    need!(data);
    let nginx = || images(&["nginx:1.27"]);
    let privileged = |list: &str| {
        with(nginx(), &format!("/spec/{list}"), json!([{ "image": "x", "securityContext": { "privileged": true } }]))
    };
    let volume =
        |path: &str| with(nginx(), "/spec/volumes", json!([{ "emptyDir": {} }, { "hostPath": { "path": path } }]));
    let private =
        |image: &str| with(images(&[image]), "/spec/containers/0/securityContext", json!({ "privileged": true }));
    check(
        "",
        &[
            ("create", "default/pods/p", nginx(), &[]),
            ("create", "default/pods/p", privileged("containers"), &["Create Privileged Pod"]),
            ("create", "default/pods/p", privileged("initContainers"), &["Create Privileged Pod"]),
            ("create", "default/pods/p", privileged("ephemeralContainers"), &["Create Privileged Pod"]),
            ("create", "default/pods/p", private("falcosecurity/falco:0.40"), &[]),
            ("create", "default/pods/p", private("docker.io/calico/node@sha256:abc"), &[]),
            // The repository ends at the first colon, be it that of a port.
            ("create", "default/pods/p", private("localhost:5000/calico/node"), &["Create Privileged Pod"]),
            (
                "create",
                "default/pods/p",
                with(nginx(), "/spec/containers/0/securityContext", json!({ "privileged": false })),
                &[],
            ),
            ("patch", "default/pods/p", privileged("containers"), &[]),
            ("create", "default/pods/p/status", privileged("containers"), &[]),
            ("create", "default/pods/p", with(privileged("containers"), "/stage", json!("RequestReceived")), &[]),
            ("create", "default/pods/p", volume("/etc"), &["Create Sensitive Mount Pod"]),
            ("create", "default/pods/p", volume("/"), &["Create Sensitive Mount Pod"]),
            ("create", "default/pods/p", volume("/etc/ssl"), &[]),
            (
                "create",
                "default/pods/p",
                with(volume("/proc"), "/spec/containers/0/image", json!("prom/node-exporter:v1")),
                &[],
            ),
            ("create", "default/pods/p", with(nginx(), "/spec/volumes", json!([{ "emptyDir": {} }])), &[]),
            ("create", "default/pods/p", with(nginx(), "/spec/hostNetwork", json!(true)), &["Create HostNetwork Pod"]),
            ("create", "default/pods/p", with(nginx(), "/spec/hostNetwork", json!(false)), &[]),
            (
                "create",
                "default/pods/p",
                with(images(&["gke.gcr.io/kube-proxy:v1"]), "/spec/hostNetwork", json!(true)),
                &[],
            ),
            ("create", "default/pods/p", with(nginx(), "/spec/hostPID", json!(true)), &["Create HostPid Pod"]),
            ("create", "default/pods/p", with(nginx(), "/spec/hostIPC", json!(true)), &["Create HostIPC Pod"]),
            ("update", "default/pods/p", with(nginx(), "/spec/hostIPC", json!(true)), &[]),
            ("create", "kube-system/pods/p", nginx(), &["Pod Created in Kube Namespace"]),
            ("create", "kube-public/pods/p", images(&["registry.k8s.io/kube-apiserver:v1"]), &[]),
            (
                "create",
                "kube-system/pods/p",
                images(&["registry.k8s.io/kube-apiserver:v1", "nginx"]),
                &["Pod Created in Kube Namespace"],
            ),
        ],
    );
    check(
        "- macro: allowed_k8s_containers\n  condition: (ka.req.pod.containers.image.repository in (nginx, busybox))\n",
        &[
            ("create", "default/pods/p", nginx(), &[]),
            ("create", "default/pods/p", images(&["nginx", "busybox:1"]), &[]),
            ("create", "default/pods/p", images(&["nginx", "evil"]), &["Create Disallowed Pod"]),
            ("create", "default/pods/p", json!({}), &["Create Disallowed Pod"]),
        ],
    );
}

#[test]
fn subresources_of_pods() {
    need!(data);
    let started = || json!({ "stage": "ResponseStarted" });
    check(
        "",
        &[
            ("create", "default/pods/p/exec", started(), &["Attach/Exec Pod"]),
            ("get", "default/pods/p/attach", started(), &["Attach/Exec Pod"]),
            ("create", "default/pods/p/exec", json!({}), &[]),
            ("create", "default/pods/p/log", started(), &[]),
            ("delete", "default/pods/p/exec", started(), &[]),
            ("create", "default/services/p/exec", started(), &[]),
            ("create", "default/pods/p/portforward", json!({ "stage": "RequestReceived" }), &["port-forward"]),
            ("create", "default/pods/p/portforward", json!({}), &["port-forward"]),
            ("patch", "default/pods/p/ephemeralcontainers", json!({}), &["EphemeralContainers Created"]),
            ("get", "default/pods/p/ephemeralcontainers", json!({}), &[]),
            ("patch", "default/pods/p/ephemeralcontainers", started(), &[]),
        ],
    );
}

#[test]
fn what_is_created_and_deleted() {
    need!(data);
    let named = [
        ("deployments", "Deployment"),
        ("services", "Service"),
        ("configmaps", "ConfigMap"),
        ("serviceaccounts", "Serviceaccount"),
        ("roles", "Role"),
        ("clusterroles", "ClusterRole"),
        ("rolebindings", "RoleBinding"),
        ("clusterrolebindings", "ClusterRoleBinding"),
        ("secrets", "Secret"),
    ];
    for (resource, name) in named {
        let target = format!("default/{resource}/x");
        let (created, deleted) = (format!("K8s {name} Created"), format!("K8s {name} Deleted"));
        check(
            "",
            &[
                ("create", &target, json!({}), &[&created]),
                ("create", &target, json!({ "code": 403 }), &[]),
                ("create", &target, json!({ "code": null }), &[]),
                ("create", &target, json!({ "stage": "RequestReceived" }), &[]),
                ("delete", &target, json!({}), &[&deleted]),
                ("delete", &target, json!({ "code": 404 }), &[]),
                ("patch", &target, json!({}), &[]),
            ],
        );
    }
}

#[test]
fn namespaces_services_configmaps_accounts() {
    need!(data);
    let data = |text: &str| json!({ "body": { "data": { "k": text } } });
    check(
        "",
        &[
            ("create", "-/namespaces/prod", json!({}), &["Create Disallowed Namespace", "K8s Namespace Created"]),
            ("create", "-/namespaces/prod", json!({ "code": 409 }), &["Create Disallowed Namespace"]),
            ("create", "-/namespaces/default", json!({}), &["K8s Namespace Created"]),
            ("delete", "-/namespaces/prod", json!({}), &["K8s Namespace Deleted"]),
            ("delete", "-/namespaces/prod", json!({ "user": "system:serviceaccount:kube-system:x" }), &[]),
            (
                "create",
                "default/services/s",
                json!({ "spec": { "type": "NodePort" } }),
                &["Create NodePort Service", "K8s Service Created"],
            ),
            ("create", "default/services/s", json!({ "spec": { "type": "ClusterIP" } }), &["K8s Service Created"]),
            (
                "create",
                "default/services/s",
                json!({ "spec": { "type": "NodePort" }, "code": 422 }),
                &["Create NodePort Service"],
            ),
            ("update", "default/services/s", json!({ "spec": { "type": "NodePort" } }), &[]),
            ("update", "default/configmaps/c", data("password=x"), &[CONFIGMAP]),
            ("patch", "default/configmaps/c", data("aws-s3-access-key-id: x"), &[CONFIGMAP]),
            ("create", "default/configmaps/c", data("a passphrase"), &[CONFIGMAP, "K8s ConfigMap Created"]),
            ("create", "default/configmaps/c", data("Password"), &["K8s ConfigMap Created"]),
            ("delete", "default/configmaps/c", data("password"), &["K8s ConfigMap Deleted"]),
            (
                "create",
                "kube-system/serviceaccounts/x",
                json!({}),
                &["Service Account Created in Kube Namespace", "K8s Serviceaccount Created"],
            ),
            ("create", "kube-system/serviceaccounts/coredns", json!({}), &["K8s Serviceaccount Created"]),
            ("create", "kube-public/serviceaccounts/x", json!({ "code": 409 }), &[]),
            ("create", "default/serviceaccounts/x", json!({}), &["K8s Serviceaccount Created"]),
        ],
    );
}

#[test]
fn roles_and_bindings() {
    need!(data);
    let rules = |resources: &[&str], verbs: &[&str]| json!({ "rules": [{ "resources": ["x"], "verbs": ["get"] }, { "resources": resources, "verbs": verbs }] });
    let role =
        |name: &str| json!({ "body": { "roleRef": { "name": name }, "subjects": [{ "kind": "User", "name": "u" }] } });
    check(
        "",
        &[
            ("update", "-/clusterroles/system:node", json!({}), &[SYSTEM]),
            ("delete", "-/clusterroles/system:node", json!({}), &[SYSTEM, "K8s ClusterRole Deleted"]),
            ("patch", "default/roles/system:x", json!({ "code": 403 }), &[SYSTEM]),
            ("update", "-/clusterroles/system:coredns", json!({}), &[]),
            ("update", "-/clusterroles/nosystem:node", json!({}), &[]),
            ("get", "-/clusterroles/system:node", json!({}), &[]),
            ("create", "-/clusterroles/r", rules(&["*"], &["get"]), &[WILDCARD, "K8s ClusterRole Created"]),
            ("create", "-/clusterroles/r", rules(&["pods"], &["*"]), &[WILDCARD, "K8s ClusterRole Created"]),
            ("create", "default/roles/r", rules(&["pods"], &["patch"]), &[WRITE, "K8s Role Created"]),
            ("create", "default/roles/r", rules(&["pods/exec"], &["create"]), &[WRITE, EXEC, "K8s Role Created"]),
            ("create", "default/roles/r", rules(&["pods/log"], &["list", "watch"]), &["K8s Role Created"]),
            (
                "create",
                "-/clusterroles/r",
                json!({ "rules": [{ "nonResourceURLs": ["*"], "verbs": ["get"] }] }),
                &["K8s ClusterRole Created"],
            ),
            ("update", "-/clusterroles/r", rules(&["*"], &["*"]), &[]),
            (
                "create",
                "-/clusterrolebindings/b",
                role("cluster-admin"),
                &["Attach to cluster-admin Role", "K8s ClusterRoleBinding Created"],
            ),
            ("create", "-/clusterrolebindings/b", role("view"), &["K8s ClusterRoleBinding Created"]),
            ("create", "default/rolebindings/b", role("cluster-admin"), &["K8s RoleBinding Created"]),
        ],
    );
}

#[test]
fn secrets_and_ingresses() {
    need!(data);
    check(
        "",
        &[
            ("create", "kube-system/secrets/s", json!({}), &[]),
            ("create", "default/secrets/s", json!({ "user": "system:node:x" }), &[]),
            // Without a namespace the comparison is false, `!=` or not.
            ("create", "-/secrets/s", json!({}), &[]),
            ("delete", "kube-system/secrets/s", json!({}), &[]),
            ("get", "default/secrets/s", json!({}), &["K8s Secret Get Successfully"]),
            ("get", "kube-system/secrets/s", json!({ "user": "system:x" }), &["K8s Secret Get Successfully"]),
            ("get", "default/secrets/s", json!({ "code": 403 }), &["K8s Secret Get Unsuccessfully Tried"]),
            ("get", "default/secrets/s", json!({ "code": null }), &["K8s Secret Get Unsuccessfully Tried"]),
            ("list", "default/secrets/", json!({}), &[]),
            ("create", "default/ingresses/i", json!({ "spec": { "rules": [] } }), &[INGRESS]),
            ("create", "default/ingresses/i", json!({ "spec": { "tls": [{ "secretName": "s" }] } }), &[]),
            ("create", "default/ingresses/i", json!({ "spec": {}, "code": 409 }), &[]),
            ("update", "default/ingresses/i", json!({ "spec": {} }), &[]),
        ],
    );
}

#[test]
fn rules_that_a_user_switches_on() {
    need!(data);
    check(
        "- macro: consider_all_events\n  condition: (k8s_audit_always_true)\n",
        &[
            ("list", "default/pods/", json!({}), &["All K8s Audit Events"]),
            ("list", "default/pods/", json!({ "stage": "RequestReceived" }), &[]),
        ],
    );
    check(
        "- macro: allowed_full_admin_users\n  condition: (k8s_audit_never_true)\n",
        &[
            ("list", "default/pods/", json!({}), &["Full K8s Administrative Access"]),
            ("list", "default/pods/", json!({ "user": "kubelet" }), &[]),
        ],
    );
    check(
        "- macro: allow_all_k8s_nodes\n  condition: (k8s_audit_never_true)\n- list: allowed_k8s_nodes\n  items: [n1]\n  override: {items: append}\n",
        &[
            ("create", "-/nodes/n2", json!({}), &["Untrusted Node Successfully Joined the Cluster"]),
            (
                "create",
                "-/nodes/n2",
                json!({ "code": 403 }),
                &["Untrusted Node Unsuccessfully Tried to Join the Cluster"],
            ),
            ("create", "-/nodes/n1", json!({}), &[]),
            ("update", "-/nodes/n2", json!({}), &[]),
        ],
    );
    check("", &[("create", "-/nodes/n2", json!({}), &[])]);
}
