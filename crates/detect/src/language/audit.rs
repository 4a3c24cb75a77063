//! What fields of audit events are (plugins: k8saudit and json).

use serde_json::json;

use super::output;
use crate::testing::audit;

/// A pod with containers of all three kinds, and around it what audit events have.
fn pod() -> model::Event {
    audit(json!({
        "auditID": "id-1", "stage": "ResponseComplete", "verb": "create",
        "requestURI": "/api/v1/namespaces/a/pods?command=sh&command=-c&x=a%20b+c&flag#frag",
        "user": { "username": "u", "groups": ["g1", "g2"] },
        "impersonatedUser": { "username": "other" },
        "objectRef": { "resource": "pods", "namespace": "a", "name": "ref" },
        "responseStatus": { "code": 201, "reason": "why" },
        "responseObject": { "metadata": { "name": "made" } },
        "annotations": { "authorization.k8s.io/decision": "allow", "pod-security.kubernetes.io/audit-violations": "v" },
        "sourceIPs": ["1.2.3.4", "::1"],
        "userAgent": "kubectl",
        "requestObject": { "spec": {
            "hostNetwork": true, "hostPID": false,
            "securityContext": { "runAsUser": 5, "supplementalGroups": [1, 2], "fsGroup": 7 },
            "containers": [
                { "name": "a", "image": "reg/a:1", "command": ["sh", "-c"], "args": ["x y", "z"],
                  "ports": [{ "containerPort": 80, "hostPort": 8080 }, { "containerPort": 81 }],
                  "securityContext": { "privileged": false, "runAsUser": 9, "capabilities": { "add": ["NET_ADMIN", "SYS_ADMIN"] } } },
                { "name": "b", "image": "reg/b@sha256:0", "securityContext": { "readOnlyRootFilesystem": true } },
            ],
            "initContainers": [{ "name": "i", "image": "reg:5000/i", "securityContext": { "privileged": true } }],
            "volumes": [{ "name": "v", "hostPath": { "path": "/etc/x" } }, { "name": "w", "emptyDir": {} }],
        } },
    }))
}

#[test]
fn scalars_and_lists() {
    let cases = [
        ("ka.auditid", "id-1"),
        ("ka.user.name", "u"),
        ("ka.user.groups", "(g1,g2)"),
        ("ka.impuser.name", "other"),
        ("ka.uri.param[command]", "sh"),
        ("ka.uri.param[x]", "a b c"),
        ("ka.uri.param[flag]", ""),
        ("ka.uri.param[none]", "<NA>"),
        ("ka.target.name", "ref"),
        ("ka.target.subresource", "<NA>"),
        ("ka.target.pod.name", "made"),
        ("ka.resp.name", "made"),
        ("ka.response.code", "201"),
        ("ka.response.reason", "why"),
        ("ka.security.pod.violations", "v"),
        ("ka.sourceips", "(1.2.3.4,::1)"),
        // Falco's plugin looks for them among the rules of a role and finds none.
        ("ka.sourceips[1]", "(::1)"),
        ("ka.sourceips[2]", "<NA>"),
        ("ka.req.pod.host_network", "true"),
        ("ka.req.pod.host_pid", "false"),
        ("ka.req.pod.host_ipc", "<NA>"),
        ("ka.req.pod.run_as_user", "5"),
        ("ka.req.pod.fs_group", "7"),
        ("ka.req.pod.supplemental_groups", "(1,2)"),
        ("ka.req.container.image", "reg/a:1"),
        ("ka.req.container.image.repository", "reg/a"),
        ("ka.req.container.privileged", "false"),
        ("ka.req.pod.containers.name", "(a,b)"),
        ("ka.req.pod.containers.name[1]", "(b)"),
        ("ka.req.pod.containers.name[2]", "<NA>"),
        ("ka.req.pod.containers.image.repository", "(reg/a,reg/b)"),
        ("ka.req.pod.initContainers.image.repository", "(reg)"),
        ("ka.req.pod.ephemeralContainers.image", "<NA>"),
        ("ka.req.pod.containers.privileged", "(false)"),
        ("ka.req.pod.initContainers.privileged", "(true)"),
        ("ka.req.pod.containers.read_only_fs", "(true)"),
        ("ka.req.pod.containers.command", "(sh -c)"),
        ("ka.req.pod.containers.args", "(x y z)"),
        ("ka.req.pod.containers.host_port", "(8080,81)"),
        ("ka.req.pod.containers.run_as_user", "(9)"),
        // Falco's plugin looks in the wrong place for these two and always prints 0; here they are what they are called.
        ("ka.req.pod.containers.eff_run_as_user", "(9,5)"),
        ("ka.req.pod.containers.eff_run_as_group", "(0,0)"),
        // Falco's plugin prints one JSON text for each container, which no list of names intersects.
        ("ka.req.pod.containers.add_capabilities", "(NET_ADMIN,SYS_ADMIN)"),
        ("ka.req.pod.volumes.hostpath", "(/etc/x)"),
        ("ka.req.pod.volumes.hostpath[1]", "<NA>"),
        ("ka.req.pod.volumes.volume_type", "(hostPath,emptyDir)"),
        ("ka.req.volume.hostpath[/etc/x]", "true"),
        ("ka.req.volume.hostpath[/etc*]", "true"),
        ("ka.req.volume.hostpath[/etc]", "false"),
        ("jevt.value[/requestObject/spec/volumes/1/name]", "w"),
        ("jevt.value[/annotations/authorization.k8s.io~1decision]", "allow"),
        ("jevt.value[/user/groups]", "[\"g1\",\"g2\"]"),
        ("jevt.value[/nothing]", "<NA>"),
        ("json.value[/verb]", "create"),
    ];
    let pod = pod();
    for (field, expected) in cases {
        assert_eq!(output(&format!("%{field}"), &pod), expected, "{field}");
    }
}

#[test]
fn subjects_rules_and_ports() {
    let found = audit(json!({
        "auditID": "1",
        "requestObject": {
            "roleRef": { "name": "view" },
            "subjects": [
                { "kind": "User", "name": "u" },
                { "kind": "ServiceAccount", "name": "s", "namespace": "n" },
                { "kind": "Group", "name": "g" },
                { "kind": "Group" },
            ],
            "rules": [
                { "apiGroups": [""], "resources": ["pods", "pods/exec"], "verbs": ["get"] },
                { "nonResourceURLs": ["/x"], "verbs": ["*"] },
            ],
            "spec": { "type": "NodePort" },
            "data": { "k": "v" },
        },
    }));
    let cases = [
        ("ka.req.binding.role", "view"),
        ("ka.req.binding.subjects.user_names", "(u)"),
        ("ka.req.binding.subjects.serviceaccount_names", "(s)"),
        ("ka.req.binding.subjects.serviceaccount_ns_names", "(n:s)"),
        ("ka.req.binding.subjects.group_names", "(g)"),
        ("ka.req.binding.subject.has_name[x]", "true"),
        ("ka.req.role.rules.resources", "(pods,pods/exec)"),
        ("ka.req.role.rules.resources[1]", "<NA>"),
        ("ka.req.role.rules.verbs", "(get,*)"),
        ("ka.req.role.rules.verbs[1]", "(*)"),
        ("ka.req.role.rules.nonResourceURLs", "(/x)"),
        ("ka.req.service.type", "NodePort"),
        ("ka.req.service.ports", "<NA>"),
        ("ka.req.configmap.obj", "{\"k\":\"v\"}"),
        ("ka.req.container.image", "<NA>"),
    ];
    for (field, expected) in cases {
        assert_eq!(output(&format!("%{field}"), &found), expected, "{field}");
    }
}

#[test]
fn parts_of_another_type_do_no_harm() {
    for broken in [json!("text"), json!(5), json!([]), json!([[]]), json!({}), json!([{ "image": 5 }, null, "x"])] {
        let found = audit(json!({
            "auditID": 1, "user": broken, "objectRef": broken, "requestURI": broken, "annotations": broken,
            "requestObject": { "spec": { "containers": broken, "volumes": broken, "ports": broken }, "rules": broken, "subjects": broken },
        }));
        for spec in crate::fields::all(&crate::EventSource::K8sAudit) {
            let name = match spec.takes {
                crate::fields::Takes::KeyAlways => format!("{}[/x]", spec.name),
                _ => spec.name.to_owned(),
            };
            output(&format!("%{name}"), &found);
        }
    }
}
