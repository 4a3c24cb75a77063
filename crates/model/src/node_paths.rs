//! Where node files are on the distributions that Seawall knows: what `host` looks at and `posture` judges.
//!
//! Sources: the defaults of kubeadm and the installers of AKS, EKS, GKE, k3s and RKE2. Order is preference; paths that
//! a running kubelet or kube-proxy names win over all of them.

/// Unit files and drop-ins of the kubelet's service.
pub const KUBELET_SERVICE: &[&str] = &[
    "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
    "/etc/systemd/system/kubelet.service",
    "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
    "/usr/lib/systemd/system/kubelet.service",
    "/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
    "/lib/systemd/system/kubelet.service",
];

/// Credentials of the kubelet for the API server.
pub const KUBELET_KUBECONFIG: &[&str] = &[
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/kubeconfig",
    "/etc/kubernetes/kubelet-kubeconfig.conf",
    "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
    "/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
];

/// Configuration of the kubelet.
pub const KUBELET_CONFIG: &[&str] = &[
    "/var/lib/kubelet/config.yaml",
    "/etc/default/kubeletconfig.json",
    "/etc/kubernetes/kubelet/config.json",
    "/etc/kubernetes/kubelet/kubelet-config.json",
    "/home/kubernetes/kubelet-config.yaml",
    "/etc/kubernetes/kubelet-config.yaml",
    "/var/lib/kubelet/kubeconfig.yaml",
];

/// Authorities that the kubelet accepts client certificates from.
pub const CLIENT_CA: &[&str] = &[
    "/etc/kubernetes/pki/ca.crt",
    "/etc/kubernetes/certs/ca.crt",
    "/var/lib/rancher/k3s/agent/client-ca.crt",
    "/var/lib/rancher/rke2/agent/client-ca.crt",
];

/// Credentials of kube-proxy for the API server.
pub const PROXY_KUBECONFIG: &[&str] = &[
    "/var/lib/kube-proxy/kubeconfig",
    "/var/lib/kubeproxy/kubeconfig",
    "/etc/kubernetes/proxy.conf",
    "/etc/kubernetes/kube-proxy.kubeconfig",
];

/// Credentials of the node for its cloud.
pub const CLOUD_CREDENTIALS: &[&str] = &["/etc/kubernetes/azure.json"];
