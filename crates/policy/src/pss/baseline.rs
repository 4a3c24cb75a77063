//! The checks of the level *baseline*. A function per form; see the table in `checks` for versions.

use serde_json::{Value, json};

use super::edit::{Edit, escape};
use super::pod::{Place, Pod};
use super::{Report, Sink};

/// What a container runtime grants by default: the capabilities that may be named in `add`.
const DEFAULT_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Types of `SELinux` that confine a container.
const SELINUX_TYPES: &[&str] = &["", "container_t", "container_init_t", "container_kvm_t"];
/// Added to them in 1.31.
const SELINUX_TYPES_1_31: &[&str] = &["container_engine_t"];

/// Sysctls of the pod's own namespaces.
const SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
];
/// Added to them in 1.27.
const SYSCTLS_1_27: &[&str] = &["net.ipv4.ip_local_reserved_ports"];
/// Added to them in 1.29.
const SYSCTLS_1_29: &[&str] = &[
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
];
/// Added to them in 1.32.
const SYSCTLS_1_32: &[&str] = &["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];
/// Added to them in 1.37.
const SYSCTLS_1_37: &[&str] = &["net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat"];

const APPARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// Whether a field counts as set: present and neither null nor the value that stands for the default.
fn is_set(value: &Value, default: &Value) -> bool {
    !value.is_null() && value != default
}

pub(super) fn app_armor(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for place in pod.places() {
        let profile = &place.security()["appArmorProfile"];
        let kind = &profile["type"];
        if profile.is_null() || kind == "RuntimeDefault" || kind == "Localhost" {
            continue;
        }
        let why = format!("{} turns AppArmor's confinement off or names an unknown kind of profile", place.name());
        sink.push(Report {
            path: place.path("securityContext/appArmorProfile/type"),
            found: kind,
            why,
            expected: "RuntimeDefault, Localhost or unset",
            edits: vec![Edit::Set(place.path("securityContext/appArmorProfile"), json!({ "type": "RuntimeDefault" }))],
            caution: None,
        });
    }
    for (key, value) in annotations(pod) {
        let allowed =
            value.as_str().is_some_and(|v| v.is_empty() || v == "runtime/default" || v.starts_with("localhost/"));
        if let Some(container) = key.strip_prefix(APPARMOR_ANNOTATION)
            && !allowed
        {
            annotation(pod, sink, key, value, format!("AppArmor is switched off for container {container:?}"));
        }
    }
}

fn annotations<'a>(pod: &Pod<'a>) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    pod.metadata["annotations"].as_object().into_iter().flatten().filter(|(_, value)| !value.is_null())
}

fn annotation(pod: &Pod<'_>, sink: &mut Sink<'_>, key: &str, found: &Value, why: String) {
    let path = pod.metadata_path(&format!("annotations/{}", escape(key)));
    sink.push(Report {
        path: path.clone(),
        found,
        why,
        expected: "runtime/default, a localhost/ profile or unset",
        edits: vec![Edit::Remove(path)],
        caution: None,
    });
}

pub(super) fn capabilities(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for place in pod.containers() {
        added_capabilities(place, sink, DEFAULT_CAPABILITIES, "a capability of the runtime's default set");
    }
}

/// Reports every added capability that is not in `allowed`.
pub(super) fn added_capabilities(place: Place<'_>, sink: &mut Sink<'_>, allowed: &[&str], expected: &'static str) {
    let added = place.security()["capabilities"]["add"].as_array().map_or(&[][..], Vec::as_slice);
    for (index, found) in added.iter().enumerate() {
        if found.as_str().is_some_and(|name| allowed.contains(&name)) {
            continue;
        }
        let path = place.path(&format!("securityContext/capabilities/add/{index}"));
        sink.push(Report {
            path: path.clone(),
            found,
            why: format!("{} adds the capability {found}, which the level does not allow", place.name()),
            expected,
            edits: vec![Edit::Remove(path)],
            caution: Some("the program may need the capability: try it"),
        });
    }
}

pub(super) fn host_namespaces(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    let fields = [
        ("hostNetwork", "sees and can bind the node's network, past every network policy"),
        ("hostPID", "sees and can signal every process of the node"),
        ("hostIPC", "shares memory with every process of the node"),
    ];
    let place = pod.itself();
    for (field, effect) in fields {
        let found = &pod.spec[field];
        if is_set(found, &Value::Bool(false)) {
            let path = place.path(field);
            sink.push(Report {
                path: path.clone(),
                found,
                why: format!("with {field} the pod {effect}"),
                expected: "false or unset",
                edits: vec![Edit::Remove(path)],
                caution: None,
            });
        }
    }
}

pub(super) fn host_path_volumes(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for (index, volume) in pod.items("volumes") {
        if !volume["hostPath"].is_null() {
            host_path(pod, sink, index, volume);
        }
    }
}

/// Reports a volume of kind `hostPath`.
pub(super) fn host_path(pod: &Pod<'_>, sink: &mut Sink<'_>, index: usize, volume: &Value) {
    let place = pod.itself();
    let path = place.path(&format!("volumes/{index}/hostPath"));
    let (name, at) = (&volume["name"], &volume["hostPath"]["path"]);
    sink.push(Report {
        path: path.clone(),
        found: &volume["hostPath"],
        why: format!("volume {name} gives the pod {at} of the node: a way out of the container"),
        expected: "another kind of volume",
        edits: vec![Edit::Remove(path), Edit::Set(place.path(&format!("volumes/{index}/emptyDir")), json!({}))],
        caution: Some("an empty directory takes its place; use a PersistentVolumeClaim for data that must stay"),
    });
}

pub(super) fn host_ports(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for place in pod.containers() {
        let ports = place.value["ports"].as_array().map_or(&[][..], Vec::as_slice);
        for (index, port) in ports.iter().enumerate() {
            let found = &port["hostPort"];
            if !is_set(found, &json!(0)) {
                continue;
            }
            let path = place.path(&format!("ports/{index}/hostPort"));
            sink.push(Report {
                path: path.clone(),
                found,
                why: format!(
                    "{} takes port {found} of the node: reachable past Services and network policies",
                    place.name()
                ),
                expected: "0 or unset",
                edits: vec![Edit::Remove(path)],
                caution: Some("reach the pod through a Service instead"),
            });
        }
    }
}

pub(super) fn probe_hosts(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    const HANDLERS: [&[&str]; 5] = [
        &["livenessProbe"],
        &["readinessProbe"],
        &["startupProbe"],
        &["lifecycle", "postStart"],
        &["lifecycle", "preStop"],
    ];
    for place in pod.containers() {
        for handler in HANDLERS {
            let value = handler.iter().fold(place.value, |value, key| &value[*key]);
            for action in ["httpGet", "tcpSocket"] {
                let found = &value[action]["host"];
                if !is_set(found, &json!("")) {
                    continue;
                }
                let path = place.path(&format!("{}/{action}/host", handler.join("/")));
                sink.push(Report {
                    path: path.clone(),
                    found,
                    why: format!("{} makes the kubelet call {found}, an address of the author's choice", place.name()),
                    expected: "unset: the pod's own address",
                    edits: vec![Edit::Remove(path)],
                    caution: None,
                });
            }
        }
    }
}

pub(super) fn privileged(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for place in pod.containers() {
        let found = &place.security()["privileged"];
        if is_set(found, &Value::Bool(false)) {
            let path = place.path("securityContext/privileged");
            sink.push(Report {
                path: path.clone(),
                found,
                why: format!(
                    "{} is privileged: all devices and capabilities of the node, no confinement",
                    place.name()
                ),
                expected: "false or unset",
                edits: vec![Edit::Set(path, Value::Bool(false))],
                caution: None,
            });
        }
    }
}

pub(super) fn proc_mount(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for place in pod.containers() {
        let found = &place.security()["procMount"];
        if is_set(found, &json!("Default")) {
            let path = place.path("securityContext/procMount");
            sink.push(Report {
                path: path.clone(),
                found,
                why: format!("{} sees parts of /proc that are hidden for good reason", place.name()),
                expected: "Default or unset",
                edits: vec![Edit::Set(path, json!("Default"))],
                caution: None,
            });
        }
    }
}

pub(super) fn proc_mount_unless_user_namespace(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    if !pod.has_user_namespace() {
        proc_mount(pod, sink);
    }
}

pub(super) fn selinux_1_0(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    selinux(pod, sink, &[SELINUX_TYPES]);
}

pub(super) fn selinux_1_31(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    selinux(pod, sink, &[SELINUX_TYPES, SELINUX_TYPES_1_31]);
}

fn selinux(pod: &Pod<'_>, sink: &mut Sink<'_>, types: &[&[&str]]) {
    for place in pod.places() {
        let options = &place.security()["seLinuxOptions"];
        let fields: [(&str, &[&[&str]], _); 3] = [
            ("type", types, "container_t, container_init_t, container_kvm_t, from v1.31 container_engine_t, or unset"),
            ("user", &[&[""]], "unset"),
            ("role", &[&[""]], "unset"),
        ];
        for (field, allowed, expected) in fields {
            let found = &options[field];
            let fine =
                found.is_null() || found.as_str().is_some_and(|value| allowed.iter().any(|list| list.contains(&value)));
            if fine {
                continue;
            }
            let path = place.path(&format!("securityContext/seLinuxOptions/{field}"));
            sink.push(Report {
                path: path.clone(),
                found,
                why: format!(
                    "{} sets SELinux's {field} to {found}, which may confine less than the default",
                    place.name()
                ),
                expected,
                edits: vec![Edit::Remove(path)],
                caution: None,
            });
        }
    }
}

pub(super) fn seccomp_annotations(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    let names: Vec<String> = pod
        .containers()
        .filter_map(|place| place.value["name"].as_str())
        .map(|name| format!("{SECCOMP_CONTAINER_ANNOTATION}{name}"))
        .collect();
    for (key, value) in annotations(pod) {
        let relevant = key == SECCOMP_POD_ANNOTATION || names.contains(key);
        let allowed = value
            .as_str()
            .is_some_and(|v| v == "runtime/default" || v == "docker/default" || v.starts_with("localhost/"));
        if relevant && !allowed {
            annotation(pod, sink, key, value, "seccomp is switched off by an annotation".to_owned());
        }
    }
}

/// Whether a seccomp profile is of a kind that filters.
pub(super) fn seccomp_filters(profile: &Value) -> bool {
    profile["type"] == "RuntimeDefault" || profile["type"] == "Localhost"
}

pub(super) fn seccomp(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for place in pod.places() {
        let profile = &place.security()["seccompProfile"];
        if !profile.is_null() && !seccomp_filters(profile) {
            seccomp_off(place, sink);
        }
    }
}

/// Reports a profile that does not filter.
pub(super) fn seccomp_off(place: Place<'_>, sink: &mut Sink<'_>) {
    sink.push(Report {
        path: place.path("securityContext/seccompProfile/type"),
        found: &place.security()["seccompProfile"]["type"],
        why: format!("{} switches seccomp off: every system call of the kernel can be reached", place.name()),
        expected: "RuntimeDefault or Localhost",
        edits: vec![Edit::Set(place.path("securityContext/seccompProfile"), json!({ "type": "RuntimeDefault" }))],
        caution: None,
    });
}

pub(super) fn sysctls_1_0(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    sysctls(pod, sink, &[SYSCTLS]);
}

pub(super) fn sysctls_1_27(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    sysctls(pod, sink, &[SYSCTLS, SYSCTLS_1_27]);
}

pub(super) fn sysctls_1_29(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    sysctls(pod, sink, &[SYSCTLS, SYSCTLS_1_27, SYSCTLS_1_29]);
}

pub(super) fn sysctls_1_32(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    sysctls(pod, sink, &[SYSCTLS, SYSCTLS_1_27, SYSCTLS_1_29, SYSCTLS_1_32]);
}

pub(super) fn sysctls_1_37(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    sysctls(pod, sink, &[SYSCTLS, SYSCTLS_1_27, SYSCTLS_1_29, SYSCTLS_1_32, SYSCTLS_1_37]);
}

fn sysctls(pod: &Pod<'_>, sink: &mut Sink<'_>, allowed: &[&[&str]]) {
    let place = pod.itself();
    let set = place.security()["sysctls"].as_array().map_or(&[][..], Vec::as_slice);
    for (index, sysctl) in set.iter().enumerate() {
        let found = &sysctl["name"];
        if found.as_str().is_some_and(|name| allowed.iter().any(|list| list.contains(&name))) {
            continue;
        }
        sink.push(Report {
            path: place.path(&format!("securityContext/sysctls/{index}/name")),
            found,
            why: format!("the sysctl {found} can affect other pods or the node"),
            expected: "a sysctl of the safe set",
            edits: vec![Edit::Remove(place.path(&format!("securityContext/sysctls/{index}")))],
            caution: Some("the program may need the setting: try it"),
        });
    }
}

pub(super) fn windows_host_process(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for place in pod.places() {
        let found = &place.security()["windowsOptions"]["hostProcess"];
        if is_set(found, &Value::Bool(false)) {
            let path = place.path("securityContext/windowsOptions/hostProcess");
            sink.push(Report {
                path: path.clone(),
                found,
                why: format!("{} runs as a process of the Windows node, with its rights", place.name()),
                expected: "false or unset",
                edits: vec![Edit::Set(path, Value::Bool(false))],
                caution: None,
            });
        }
    }
}
