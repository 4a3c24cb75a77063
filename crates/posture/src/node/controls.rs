//! The table of controls. Ids are those of the CIS Kubernetes Benchmark 1.12; titles and remediations are ours.

use model::Severity::{self, High, Low, Medium};

use super::facts::View;
use super::{Control, Outcome, files, settings};

const fn control(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    remediation: &'static str,
    run: fn(&View<'_>) -> Outcome,
) -> Control {
    Control { id, title, severity, remediation, run }
}

const RESTRICT: &str = "run the command; on a managed node file it with the provider, an image upgrade undoes it";

/// All controls in the order of their ids.
pub static CONTROLS: &[Control] = &[
    control("4.1.1", Medium, "only root can change the kubelet's unit file", RESTRICT, files::service_mode),
    control("4.1.2", Medium, "root owns the kubelet's unit file", RESTRICT, files::service_owner),
    control("4.1.3", Medium, "only root can read kube-proxy's credentials", RESTRICT, files::proxy_mode),
    control("4.1.4", Medium, "root owns kube-proxy's credentials", RESTRICT, files::proxy_owner),
    control("4.1.5", High, "only root can read the kubelet's credentials", RESTRICT, files::kubeconfig_mode),
    control("4.1.6", High, "root owns the kubelet's credentials", RESTRICT, files::kubeconfig_owner),
    control("4.1.7", Medium, "only root can change the client authorities", RESTRICT, files::ca_mode),
    control("4.1.8", Medium, "root owns the client authorities", RESTRICT, files::ca_owner),
    control("4.1.9", Medium, "only root can change the kubelet's configuration", RESTRICT, files::config_mode),
    control("4.1.10", Medium, "root owns the kubelet's configuration", RESTRICT, files::config_owner),
    control(
        "4.2.1",
        High,
        "the kubelet's API knows who calls",
        "set authentication.anonymous.enabled to false and restart the kubelet",
        settings::anonymous,
    ),
    control(
        "4.2.2",
        High,
        "the kubelet asks the API server who may call",
        "set authorization.mode to Webhook and restart the kubelet",
        settings::authorization,
    ),
    control(
        "4.2.3",
        High,
        "the kubelet checks client certificates",
        "set authentication.x509.clientCAFile to the cluster's client authority and restart the kubelet",
        settings::client_ca,
    ),
    control(
        "4.2.4",
        High,
        "the port without authentication is closed",
        "set readOnlyPort to 0 and restart the kubelet",
        settings::read_only_port,
    ),
    control(
        "4.2.5",
        Low,
        "idle streams end",
        "set streamingConnectionIdleTimeout to a duration other than 0, such as 5m",
        settings::idle_timeout,
    ),
    control(
        "4.2.6",
        Medium,
        "the kubelet keeps its iptables chains",
        "set makeIPTablesUtilChains to true or remove it",
        settings::iptables_chains,
    ),
    control(
        "4.2.7",
        Low,
        "the node has its own name",
        "remove --hostname-override from the kubelet's unit, unless the cloud provider needs it",
        settings::hostname_override,
    ),
    control(
        "4.2.8",
        Low,
        "events are not dropped",
        "set eventRecordQPS to 0 or to a rate that fits the node",
        settings::event_rate,
    ),
    control(
        "4.2.9",
        Medium,
        "the kubelet's API has a certificate that can be checked",
        "set serverTLSBootstrap to true, or tlsCertFile and tlsPrivateKeyFile",
        settings::serving_certificate,
    ),
    control(
        "4.2.10",
        Medium,
        "the kubelet renews its client certificate",
        "set rotateCertificates to true",
        settings::client_rotation,
    ),
    control(
        "4.2.11",
        Medium,
        "the kubelet can renew its serving certificate",
        "remove RotateKubeletServerCertificate=false from the feature gates",
        settings::server_rotation,
    ),
    control(
        "4.2.12",
        Low,
        "only strong ciphers are offered",
        "set tlsCipherSuites to suites with ECDHE and GCM or ChaCha20",
        settings::ciphers,
    ),
    control(
        "4.2.13",
        Medium,
        "a pod cannot take all process ids",
        "set podPidsLimit, such as 4096",
        settings::pod_pids,
    ),
    control(
        "4.2.14",
        Medium,
        "containers get a seccomp profile by default",
        "set seccompDefault to true",
        settings::seccomp_default,
    ),
    control(
        "4.3.1",
        Low,
        "kube-proxy's metrics are not on the network",
        "bind them to 127.0.0.1:10249",
        settings::proxy_metrics,
    ),
];
