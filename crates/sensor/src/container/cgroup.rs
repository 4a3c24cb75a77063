//! Container and pod ids in cgroup paths. Pure.
//!
//! The forms are those of the runtimes' cgroup managers: cgroupfs (`/kubepods/burstable/pod<uid>/<id>`), systemd
//! (`kubepods-burstable-pod<uid>.slice/cri-containerd-<id>.scope`), and each runtime's own outside Kubernetes. What it is
//! not: a proof. A runtime's own state says more, see [`super::locate`]; this is for what has none.

/// What a path tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// The container's full id.
    pub id: String,
    /// The pod's `metadata.uid`, with dashes.
    pub pod_uid: Option<String>,
    /// The runtime, where its prefix says so.
    pub runtime: Option<&'static str>,
}

/// Prefixes of scopes and the runtime that writes them.
const PREFIXES: [(&str, &str); 6] = [
    ("cri-containerd-", "containerd"),
    ("crio-conmon-", "crio"),
    ("crio-", "crio"),
    ("docker-", "docker"),
    ("nerdctl-", "containerd"),
    ("libpod-", "podman"),
];

/// Finds the container that a cgroup belongs to, also when the cgroup lies below the container's own.
pub fn parse(path: &str) -> Option<Named> {
    let mut pod_uid = None;
    let mut found: Option<Named> = None;
    for component in path.split('/') {
        if let Some(uid) = pod(component) {
            pod_uid = Some(uid);
        } else if let Some((id, runtime)) = container(component) {
            // The outermost wins: what runs its own containers inside a container still belongs to that one.
            found.get_or_insert(Named { id: id.to_owned(), pod_uid: None, runtime });
        }
    }
    found.map(|named| Named { pod_uid, ..named })
}

fn container(component: &str) -> Option<(&str, Option<&'static str>)> {
    let name = component.strip_suffix(".scope").unwrap_or(component);
    // systemd's driver of containerd with a cgroupfs parent: `<slice>:cri-containerd:<id>`.
    if let Some((_, id)) = name.rsplit_once(":cri-containerd:") {
        return is_id(id).then_some((id, Some("containerd")));
    }
    let named = PREFIXES.iter().find_map(|(prefix, runtime)| Some((name.strip_prefix(prefix)?, Some(*runtime))));
    let (id, runtime) = named.unwrap_or((name, None));
    // conmon is the monitor of a container, not in it.
    (is_id(id) && !name.starts_with("crio-conmon-")).then_some((id, runtime))
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}

/// `pod<uid>` with dashes, or `kubepods[-class]-pod<uid>.slice` with underscores.
fn pod(component: &str) -> Option<String> {
    let name = component.strip_suffix(".slice").unwrap_or(component);
    let uid = match name.rsplit_once("-pod") {
        Some((before, uid)) if before.starts_with("kubepods") => uid,
        _ => name.strip_prefix("pod")?,
    };
    let plausible = uid.len() >= 32 && uid.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'-' | b'_'));
    plausible.then(|| uid.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const UID: &str = "8f4a1c1e-3b52-4c1c-9d5e-0d4b6a1f2c33";

    #[test]
    fn paths_of_the_runtimes() {
        let check = |path: String, pod: bool, runtime: Option<&'static str>| {
            let expected = Named { id: ID.into(), pod_uid: pod.then(|| UID.into()), runtime };
            assert_eq!(parse(&path), Some(expected), "{path}");
        };
        let under = UID.replace('-', "_");
        check(format!("/kubepods/burstable/pod{UID}/{ID}"), true, None);
        check(format!("/kubepods/pod{UID}/{ID}/nested"), true, None);
        check(
            format!(
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{under}.slice/cri-containerd-{ID}.scope"
            ),
            true,
            Some("containerd"),
        );
        check(format!("/kubepods.slice/kubepods-pod{under}.slice/crio-{ID}.scope"), true, Some("crio"));
        check(format!("/kubepods/besteffort/pod{UID}/crio-{ID}"), true, Some("crio"));
        check(
            format!("/system.slice/containerd.service/kubepods-burstable-pod{under}.slice:cri-containerd:{ID}"),
            false,
            Some("containerd"),
        );
        check(format!("/system.slice/docker-{ID}.scope"), false, Some("docker"));
        check(format!("/docker/{ID}"), false, None);
        check(format!("/machine.slice/libpod-{ID}.scope/container"), false, Some("podman"));
        check(format!("/user.slice/nerdctl-{ID}.scope"), false, Some("containerd"));
        let inner = ID.replace('0', "f");
        check(format!("/docker/{ID}/docker/{inner}"), false, None);
    }

    #[test]
    fn other_paths_name_nothing() {
        for path in ["/", "", "/system.slice/sshd.service", "/kubepods/burstable", "/default/test", "/user.slice/pod"] {
            assert_eq!(parse(path), None, "{path}");
        }
        assert_eq!(parse(&format!("/crio-conmon-{ID}.scope")), None);
        assert_eq!(parse(&format!("/kubepods/pod{UID}")), None, "a pod's cgroup is no container");
    }
}
