//! A containerd of the test's own, with an image made on the spot, and just enough of the CRI to start a pod.
//!
//! Messages: `runtime.v1` of <https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto>.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sensor::container::grpc::Client;
use sensor::container::protobuf::{put_bytes, put_string, string};
use sha2::{Digest as _, Sha256};

const PATIENCE: Duration = Duration::from_mins(1);
/// The name of the image.
pub const IMAGE: &str = "registry.example/box:1";

/// A running containerd; dropping it takes everything away again.
pub struct Containerd {
    dir: tempfile::TempDir,
    child: Child,
    /// Digest of the image's manifest.
    pub digest: String,
}

/// A pod without containers.
pub struct Pod {
    /// Its sandbox's id.
    pub id: String,
    config: Vec<u8>,
}

impl Containerd {
    /// Starts it and imports the image.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        // Without CAP_SYS_RESOURCE runc cannot lower a score; on a hybrid machine the cgroup driver is cgroupfs.
        let config = format!(
            "version = 2\nroot = \"{}\"\nstate = \"{}\"\n[grpc]\naddress = \"{}\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\"]\nrestrict_oom_score_adj = true\nsandbox_image = \"{IMAGE}\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nSystemdCgroup = false\n",
            at("root"),
            at("state"),
            at("c.sock")
        );
        std::fs::write(dir.path().join("config.toml"), config).unwrap();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = Command::new("containerd")
            .args(["-c", &at("config.toml")])
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .expect("need!(cri) came first");
        let digest = image(dir.path());
        let this = Self { dir, child, digest };
        let end = Instant::now() + PATIENCE;
        while !this.ctr(&["version"]).status.success() {
            assert!(Instant::now() < end, "containerd does not answer:\n{}", testkit::read_text(this.path("log")));
            std::thread::yield_now();
        }
        for namespace in ["default", "k8s.io"] {
            let imported = this.ctr(&["-n", namespace, "images", "import", this.path("image.tar").to_str().unwrap()]);
            assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        }
        this
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs `ctr`.
    pub fn ctr(&self, args: &[&str]) -> std::process::Output {
        let socket = self.path("c.sock");
        Command::new("ctr").arg("-a").arg(socket).args(args).output().expect("need!(cri) came first")
    }

    /// Runs a pod on the host's network with one container; gives both ids.
    pub fn run_pod(&self, namespace: &str, name: &str, script: &str) -> (String, String) {
        let pod = self.run_sandbox(namespace, name, false);
        let id = self.run_container(&pod, "app", 0, script);
        (pod.id, id)
    }

    /// Runs a pod without containers, on the host's network, and with the host's processes where that is wanted.
    pub fn run_sandbox(&self, namespace: &str, name: &str, host_pid: bool) -> Pod {
        let config = self.sandbox_config(namespace, name, host_pid);
        let mut request = Vec::new();
        put_bytes(&mut request, 1, &config);
        Pod { id: string(&self.call("/runtime.v1.RuntimeService/RunPodSandbox", &request), 1), config }
    }

    /// Starts a container of a pod; gives its id.
    pub fn run_container(&self, pod: &Pod, name: &str, attempt: u8, script: &str) -> String {
        let mut metadata = message(&[(1, name)]);
        metadata.extend([16, attempt]);
        let mut container = Vec::new();
        put_bytes(&mut container, 1, &metadata);
        put_bytes(&mut container, 2, &message(&[(1, IMAGE)]));
        for word in ["sh", "-c", script] {
            put_string(&mut container, 3, word);
        }
        let mut request = Vec::new();
        put_string(&mut request, 1, &pod.id);
        put_bytes(&mut request, 2, &container);
        put_bytes(&mut request, 3, &pod.config);
        let id = string(&self.call("/runtime.v1.RuntimeService/CreateContainer", &request), 1);
        self.call("/runtime.v1.RuntimeService/StartContainer", &message(&[(1, &id)]));
        id
    }

    /// Runs a command in a container, as `kubectl exec` does.
    pub fn exec(&self, id: &str, args: &[&str]) {
        let mut request = message(&[(1, id)]);
        for arg in args {
            put_string(&mut request, 2, arg);
        }
        self.call("/runtime.v1.RuntimeService/ExecSync", &request);
    }

    fn call(&self, call: &'static str, request: &[u8]) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut client = Client::connect(&self.path("c.sock"), None).await.unwrap();
            client.unary(call, request).await.unwrap()
        })
    }

    /// Stops and removes a pod.
    pub fn remove_pod(&self, sandbox: &str) {
        let request = message(&[(1, sandbox)]);
        self.call("/runtime.v1.RuntimeService/StopPodSandbox", &request);
        self.call("/runtime.v1.RuntimeService/RemovePodSandbox", &request);
    }

    fn sandbox_config(&self, namespace: &str, name: &str, host_pid: bool) -> Vec<u8> {
        let mut config = Vec::new();
        put_bytes(&mut config, 1, &message(&[(1, name), (2, "8f4a1c1e-3b52-4c1c-9d5e-0d4b6a1f2c33"), (3, namespace)]));
        put_string(&mut config, 3, self.path("logs").to_str().unwrap());
        put_bytes(&mut config, 6, &message(&[(1, "app"), (2, "web")]));
        // linux.cgroup_parent, linux.security_context.namespace_options: network NODE (2), since no CNI is needed, pid
        // NODE or POD (0).
        let options = [8, 2, 16, if host_pid { 2 } else { 0 }];
        let mut context = Vec::new();
        put_bytes(&mut context, 1, &options);
        let mut linux = message(&[(1, "/kubepods/besteffort/pod8f4a1c1e-3b52-4c1c-9d5e-0d4b6a1f2c33")]);
        put_bytes(&mut linux, 2, &context);
        put_bytes(&mut config, 8, &linux);
        config
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        for namespace in ["default", "k8s.io"] {
            let listed = self.ctr(&["-n", namespace, "tasks", "ls", "-q"]).stdout;
            for id in String::from_utf8_lossy(&listed).lines() {
                self.ctr(&["-n", namespace, "tasks", "rm", "-f", id]);
            }
        }
        drop(self.child.kill());
        drop(self.child.wait());
        let mounts = testkit::read_text("/proc/self/mounts");
        let below = self.dir.path().display().to_string();
        for place in mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|place| place.starts_with(&below))
        {
            let _unmounted = nix::mount::umount2(place, nix::mount::MntFlags::MNT_DETACH);
        }
    }
}

fn message(fields: &[(u8, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, value) in fields {
        put_string(&mut out, *number, value);
    }
    out
}

/// Writes `image.tar`, an OCI layout with busybox and a shadow file; gives the manifest's digest.
fn image(dir: &Path) -> String {
    let root = dir.join("rootfs");
    for folder in ["bin", "etc", "proc", "sys", "dev", "tmp"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::fs::copy("/bin/busybox", root.join("bin/busybox")).expect("the package busybox-static is installed");
    for applet in ["sh", "cat", "cp", "sleep", "true", "id", "ln", "mv", "rm", "chmod"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    std::fs::write(root.join("etc/shadow"), "root:*:1::::::\n").unwrap();
    std::fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").unwrap();
    tar(&root, &dir.join("layer.tar"));
    let layer = testkit::read(dir.join("layer.tar"));
    let layout = dir.join("layout");
    std::fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    let put = |bytes: &[u8]| {
        let mut hex = String::new();
        for byte in Sha256::digest(bytes) {
            write!(hex, "{byte:02x}").unwrap();
        }
        std::fs::write(layout.join("blobs/sha256").join(&hex), bytes).unwrap();
        format!("sha256:{hex}")
    };
    let layer_digest = put(&layer);
    let config = serde_json::json!({"architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["/bin/sleep", "1000000"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [layer_digest]}})
    .to_string();
    let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": put(config.as_bytes()), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer_digest, "size": layer.len()}]})
    .to_string();
    let digest = put(manifest.as_bytes());
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": manifest.len(),
        "annotations": {"io.containerd.image.name": IMAGE}}]});
    std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
    std::fs::write(layout.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").unwrap();
    tar(&layout, &dir.join("image.tar"));
    digest
}

fn tar(dir: &Path, file: &Path) {
    let status = Command::new("tar").arg("-C").arg(dir).arg("-cf").arg(file).arg(".").status().unwrap();
    assert!(status.success());
}
