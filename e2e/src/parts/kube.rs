//! A control plane of Kubernetes on loopback: etcd, the API server, the controller manager and kubectl, unchanged, all
//! in the one program of `e2e/kube`, and a node that only answers.
//!
//! What it is not: a cluster. Nothing runs, pods stay pending until a test says that they run; but who asks the API
//! server, what it decides and what it writes into its audit log is real.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::process::{Running, output};
use super::{free_port, wait_for};

/// Users with a token: name and groups.
const USERS: [(&str, &str); 6] = [
    ("kubernetes-admin", "system:masters"),
    ("system:kube-controller-manager", ""),
    ("system:node:node-1", "system:nodes"),
    ("alice", "platform"),
    ("bob", "developers"),
    ("carol", ""),
];

/// What the users may do: the platform's people everything, developers what the built-in role of that purpose allows,
/// `carol` nothing. And the node, which is where the answering program is.
const OBJECTS: &str = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: platform}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: platform}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: developers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: developers}]
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
";

/// The token of a user.
pub fn token(user: &str) -> String {
    user.replace(':', "-")
}

/// The running control plane. Dropping it ends it.
#[derive(Debug)]
pub struct Kube {
    // In the order in which they end.
    running: Vec<Running>,
    folder: PathBuf,
    server: String,
}

/// The program that is all of them: `SEAWALL_KUBE`, which `cargo xtask` builds and names.
fn program() -> Result<PathBuf> {
    std::env::var_os("SEAWALL_KUBE").map(PathBuf::from).context("SEAWALL_KUBE names no program")
}

impl Kube {
    /// Starts everything with its state under `folder`. Audit events go to a file and, where there is one, to the webhook
    /// of a kubeconfig.
    pub async fn start(folder: &Path, policy: &Path, webhook: Option<&Path>) -> Result<Self> {
        let folder = folder.join("kube");
        fs::create_dir_all(folder.join("bin")).context("making a folder for the control plane")?;
        for name in ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "kubelet"] {
            symlink(program()?, folder.join("bin").join(name)).context("naming the program")?;
        }
        let mut kube = Self { running: Vec::new(), server: format!("https://127.0.0.1:{}", free_port()?), folder };
        let etcd = kube.start_etcd()?;
        let node_port = free_port()?;
        let mut node = kube.part("kubelet");
        node.args(["--listen", &format!("127.0.0.1:{node_port}")]);
        kube.run("kubelet", node)?;
        kube.start_apiserver(&etcd, policy, webhook)?;
        for user in ["kubernetes-admin", "system:kube-controller-manager"] {
            kube.write_kubeconfig(&kube.kubeconfig(user), user, "default")?;
        }
        kube.wait_until_ready().await?;
        kube.start_controllers()?;
        kube.make_objects(node_port)?;
        Ok(kube)
    }

    /// The file of audit events.
    pub fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    /// The folder of the programs, for a path.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Where the API server listens.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The certificate that the API server made for itself.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certificates/apiserver.crt")
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        let mut command = self.part("kubectl");
        command.arg("--kubeconfig").arg(self.kubeconfig("kubernetes-admin")).args(args);
        output(command)
    }

    /// An error with the end of its log when a part has ended.
    pub fn check(&mut self) -> Result<()> {
        self.running.iter_mut().try_for_each(Running::check)
    }

    fn part(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join("bin").join(name));
        command.current_dir(&self.folder).env("KUBECACHEDIR", self.folder.join("discovery")).env_remove("KUBECONFIG");
        command
    }

    fn run(&mut self, name: &str, command: Command) -> Result<()> {
        self.running.insert(0, Running::start(name, command, &self.folder)?);
        Ok(())
    }

    fn start_etcd(&mut self) -> Result<String> {
        let (client, peer) =
            (format!("http://127.0.0.1:{}", free_port()?), format!("http://127.0.0.1:{}", free_port()?));
        let mut etcd = self.part("etcd");
        etcd.args(["--data-dir", "etcd", "--unsafe-no-fsync", "--log-level", "error"]);
        etcd.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        etcd.args(["--listen-peer-urls", &peer]);
        self.run("etcd", etcd)?;
        Ok(client)
    }

    fn start_apiserver(&mut self, etcd: &str, policy: &Path, webhook: Option<&Path>) -> Result<()> {
        let line = |(user, groups): (&str, &str)| format!("{},{user},{user},\"{groups}\"\n", token(user));
        fs::write(self.folder.join("tokens.csv"), USERS.map(line).concat()).context("writing tokens")?;
        let mut key = Command::new("openssl");
        key.args(["genrsa", "-out"]).arg(self.folder.join("accounts.key")).arg("2048");
        output(key)?;
        let port = self.server.rsplit(':').next().unwrap_or_default();
        let mut server = self.part("kube-apiserver");
        server.args(["--etcd-servers", etcd, "--secure-port", port, "--bind-address", "127.0.0.1"]);
        // An address that leads nowhere: nothing but loopback is used.
        server.args(["--advertise-address", "192.0.2.1", "--endpoint-reconciler-type", "none"]);
        server.args(["--cert-dir", "certificates", "--token-auth-file", "tokens.csv"]);
        server.args(["--authorization-mode", "Node,RBAC", "--allow-privileged"]);
        server.args(["--service-cluster-ip-range", "10.96.0.0/16", "--kubelet-preferred-address-types", "InternalIP"]);
        server.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
        server.args([
            "--service-account-key-file",
            "accounts.key",
            "--service-account-signing-key-file",
            "accounts.key",
        ]);
        server.arg("--audit-policy-file").arg(policy).args(["--audit-log-path", "audit.log"]);
        if let Some(webhook) = webhook {
            server.arg("--audit-webhook-config-file").arg(webhook);
            server.args(["--audit-webhook-batch-max-wait", "1s", "--audit-webhook-initial-backoff", "1s"]);
            // Else a body that cannot be written down takes its whole batch with it (docs/guides/audit-webhook.md).
            server.arg("--audit-webhook-truncate-enabled");
        }
        self.run("kube-apiserver", server)
    }

    fn start_controllers(&mut self) -> Result<()> {
        let mut controllers = self.part("kube-controller-manager");
        controllers.arg("--kubeconfig").arg(self.kubeconfig("system:kube-controller-manager"));
        controllers.args(["--leader-elect=false", "--use-service-account-credentials", "--secure-port", "0"]);
        controllers.args(["--service-account-private-key-file", "accounts.key"]);
        controllers.arg("--root-ca-file").arg(self.certificate());
        // The node never says that it is well.
        controllers.args(["--controllers", "*,-node-lifecycle-controller"]);
        self.run("kube-controller-manager", controllers)
    }

    /// Writes a kubeconfig with a context of each user, named as the user; of them `user` is the current one.
    pub fn write_kubeconfig(&self, file: &Path, user: &str, namespace: &str) -> Result<()> {
        let of = |(user, _): (&str, &str)| json!({ "name": user, "user": { "token": token(user) } });
        let context = |(user, _): (&str, &str)| {
            let context = json!({ "cluster": "here", "user": user, "namespace": namespace });
            json!({ "name": user, "context": context })
        };
        let cluster = json!({ "server": self.server, "certificate-authority": self.certificate() });
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": user,
            "clusters": [{ "name": "here", "cluster": cluster }],
            "users": USERS.map(of), "contexts": USERS.map(context),
        });
        fs::write(file, config.to_string()).context("writing a kubeconfig")
    }

    fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join(format!("{}.kubeconfig", token(user)))
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        wait_for("the API server", || {
            let alive = self.check();
            let ready = self.kubectl(&["get", "--raw", "/readyz"]);
            async move {
                alive?;
                Ok(ready.is_ok().then_some(()))
            }
        })
        .await?;
        Ok(())
    }

    fn make_objects(&self, node_port: u16) -> Result<()> {
        let file = self.folder.join("objects.yaml");
        fs::write(&file, OBJECTS).context("writing the first objects")?;
        self.kubectl(&["create", "-f", &file.display().to_string()])?;
        let status = json!({ "status": {
            "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": node_port } },
        } });
        let patch = ["patch", "node", "node-1", "--subresource", "status", "--patch", &status.to_string()];
        self.kubectl(&patch).map(drop)
    }
}

impl Drop for Kube {
    fn drop(&mut self) {
        // Nothing of it is kept, and an API server takes its time to let go of its watches.
        for part in &self.running {
            drop(part.signal("KILL"));
        }
    }
}
