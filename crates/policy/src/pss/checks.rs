//! The table of checks: ids as Kubernetes names them, levels, severities, and which form applies from which version.

use model::Severity;

use super::pod::Pod;
use super::{Level, Sink, Version, baseline, restricted};

/// A check of the standards.
#[derive(Debug)]
pub struct Check {
    /// Kubernetes' id, such as `capabilities_restricted`.
    pub id: &'static str,
    /// What it asks for, one line.
    pub title: &'static str,
    /// The level that it belongs to.
    pub level: Level,
    /// How bad a failure is; ours, the standards do not grade.
    pub severity: Severity,
    /// The check of *baseline* that it takes the place of, in the versions where it exists.
    pub replaces: Option<&'static str>,
    forms: &'static [(u32, Run)],
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Check {
    /// The first version that has this check.
    pub fn since(&self) -> Version {
        Version::minor(self.forms.first().map_or(0, |(minor, _)| *minor))
    }

    fn form(&self, version: Version) -> Option<Run> {
        self.forms.iter().rev().find(|(minor, _)| Version::minor(*minor) <= version).map(|(_, run)| *run)
    }
}

type Run = fn(&Pod<'_>, &mut Sink<'_>);

const fn check(
    level: Level,
    id: &'static str,
    severity: Severity,
    title: &'static str,
    forms: &'static [(u32, Run)],
) -> Check {
    Check { id, title, level, severity, replaces: None, forms }
}

const fn replacing(mut check: Check, id: &'static str) -> Check {
    check.replaces = Some(id);
    check
}

use Level::{Baseline, Restricted};
use Severity::{High, Low, Medium};

/// All checks, those of *baseline* first, by id within a level.
pub static CHECKS: &[Check] = &[
    check(
        Baseline,
        "appArmorProfile",
        Medium,
        "AppArmor is not switched off or replaced by an unknown profile",
        &[(0, baseline::app_armor)],
    ),
    check(
        Baseline,
        "capabilities_baseline",
        High,
        "no capability beyond the runtime's default set is added",
        &[(0, baseline::capabilities)],
    ),
    check(
        Baseline,
        "hostNamespaces",
        High,
        "the node's network, process and IPC namespaces are not shared",
        &[(0, baseline::host_namespaces)],
    ),
    check(
        Baseline,
        "hostPathVolumes",
        High,
        "no directory of the node is mounted",
        &[(0, baseline::host_path_volumes)],
    ),
    check(Baseline, "hostPorts", Medium, "no port of the node is taken", &[(0, baseline::host_ports)]),
    check(
        Baseline,
        "hostProbesAndHostLifecycle",
        Medium,
        "probes and hooks address the pod itself",
        &[(34, baseline::probe_hosts)],
    ),
    check(Baseline, "privileged", High, "no container is privileged", &[(0, baseline::privileged)]),
    check(
        Baseline,
        "procMount",
        Medium,
        "/proc is masked as by default",
        &[(0, baseline::proc_mount), (35, baseline::proc_mount_unless_user_namespace)],
    ),
    check(
        Baseline,
        "seLinuxOptions",
        Medium,
        "SELinux confines the containers with a container type",
        &[(0, baseline::selinux_1_0), (31, baseline::selinux_1_31)],
    ),
    check(
        Baseline,
        "seccompProfile_baseline",
        Medium,
        "seccomp is not switched off",
        &[(0, baseline::seccomp_annotations), (19, baseline::seccomp)],
    ),
    check(
        Baseline,
        "sysctls",
        Medium,
        "only sysctls that affect the pod alone are set",
        &[
            (0, baseline::sysctls_1_0),
            (27, baseline::sysctls_1_27),
            (29, baseline::sysctls_1_29),
            (32, baseline::sysctls_1_32),
            (37, baseline::sysctls_1_37),
        ],
    ),
    check(
        Baseline,
        "windowsHostProcess",
        High,
        "no Windows container runs as a process of the node",
        &[(0, baseline::windows_host_process)],
    ),
    check(
        Restricted,
        "allowPrivilegeEscalation",
        Medium,
        "set-user-id programs gain nothing",
        &[(8, restricted::privilege_escalation), (25, restricted::privilege_escalation_linux)],
    ),
    replacing(
        check(
            Restricted,
            "capabilities_restricted",
            Medium,
            "all capabilities are dropped, at most NET_BIND_SERVICE is added",
            &[(22, restricted::capabilities), (25, restricted::capabilities_linux)],
        ),
        "capabilities_baseline",
    ),
    replacing(
        check(
            Restricted,
            "procMount_restricted",
            Medium,
            "/proc is masked as by default, also in a user namespace",
            &[(35, baseline::proc_mount)],
        ),
        "procMount",
    ),
    replacing(
        check(
            Restricted,
            "restrictedVolumes",
            Low,
            "volumes come from Kubernetes objects, not from the node or a server",
            &[(0, restricted::volumes)],
        ),
        "hostPathVolumes",
    ),
    check(
        Restricted,
        "runAsNonRoot",
        Medium,
        "containers must not run as root",
        &[(0, restricted::run_as_non_root), (35, restricted::run_as_non_root_unless_user_namespace)],
    ),
    check(
        Restricted,
        "runAsUser",
        Medium,
        "no user id is 0",
        &[(23, restricted::run_as_user), (35, restricted::run_as_user_unless_user_namespace)],
    ),
    replacing(
        check(
            Restricted,
            "seccompProfile_restricted",
            Low,
            "a seccomp profile is set",
            &[(19, restricted::seccomp), (25, restricted::seccomp_linux)],
        ),
        "seccompProfile_baseline",
    ),
];

/// The checks that a level has in a version, with the form that applies.
pub(super) fn for_level(level: Level, version: Version) -> impl Iterator<Item = (&'static Check, Run)> {
    let replaced = move |id: &str| {
        level == Restricted && CHECKS.iter().any(|check| check.replaces == Some(id) && check.form(version).is_some())
    };
    CHECKS
        .iter()
        .filter(move |check| check.level <= level && !replaced(check.id))
        .filter_map(move |check| check.form(version).map(|run| (check, run)))
}
