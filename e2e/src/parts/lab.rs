//! A laboratory: a containerd whose images are Debians made of named packages, and containers of them in network
//! namespaces of their own.
//!
//! The images are made once per list of packages, by debootstrap, and kept in [`lab_dir`]. What it is not: anything that
//! touches the machine's own containers, packages or network: containerd has its own folders and socket, and a network
//! namespace has nothing but a loopback device.

use std::fs;
use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest as _, Sha256};

use super::containerd::Containerd;
use super::out;
use super::process::output;

/// A Debian image to make: its name and what it has beside the base system.
#[derive(Debug, Clone, Copy)]
pub struct Image {
    /// Last part of its name.
    pub name: &'static str,
    /// Debian packages.
    pub packages: &'static [&'static str],
}

/// Where images are kept between runs: `SEAWALL_LAB`, else a folder beside the logs.
pub fn lab_dir() -> Result<PathBuf> {
    let dir = std::env::var_os("SEAWALL_LAB").map_or_else(|| out().map(|out| out.join("lab")), |dir| Ok(dir.into()))?;
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    Ok(dir)
}

/// The running laboratory. Dropping it ends its containers.
#[derive(Debug)]
pub struct Lab {
    containerd: Containerd,
    // One containerd at a time may use the folder of images.
    _lock: Flock<fs::File>,
}

impl Lab {
    /// Starts containerd with its state under `folder`, and makes the images that are not there yet.
    pub async fn start(folder: &Path, logs: &Path, images: &[Image]) -> Result<Self> {
        let dir = lab_dir()?;
        let file = fs::File::create(dir.join("lock")).context("making the laboratory's lock")?;
        let lock = Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, error)| error)
            .context("waiting for another run to leave the laboratory")?;
        let containerd = Containerd::start_with(&dir.join("containerd"), folder, logs).await?;
        let lab = Self { containerd, _lock: lock };
        lab.remove_containers()?;
        for image in images {
            lab.provide(&dir, image)?;
        }
        Ok(lab)
    }

    /// Full name of an image; it changes with the list of packages.
    pub fn reference(image: &Image) -> String {
        let list = image.packages.join(",");
        format!("localhost/lab/{}:{}", image.name, &hex::encode(Sha256::digest(list))[..12])
    }

    fn provide(&self, dir: &Path, image: &Image) -> Result<()> {
        let reference = Self::reference(image);
        if output(self.containerd.ctr(&["images", "ls", "-q"]))?.lines().any(|known| known == reference) {
            return Ok(());
        }
        eprintln!("making {reference} with debootstrap; it is kept in {}", dir.display());
        let work = tempfile::Builder::new().prefix("image").tempdir_in(dir).context("making a folder")?;
        let root = work.path().join("root");
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", "bookworm"]).arg(&root);
        output(debootstrap)?;
        // A service that starts when it is installed would run on this machine, outside of any container.
        let policy = root.join("usr/sbin/policy-rc.d");
        fs::write(&policy, "#!/bin/sh\nexit 101\n").context("forbidding the start of services")?;
        fs::set_permissions(&policy, fs::Permissions::from_mode(0o755)).context("making a script executable")?;
        // apt chooses among alternatives, which debootstrap does not. What is left running ends with its namespace.
        let apt = |args: &[&str]| {
            let mut apt = Command::new("unshare");
            apt.args(["--mount", "--pid", "--fork"]).arg(format!("--mount-proc={}", root.join("proc").display()));
            apt.arg("chroot").arg(&root).args(["apt-get", "-qq", "-y"]).args(args);
            apt.env("DEBIAN_FRONTEND", "noninteractive");
            output(apt)
        };
        apt(&["update"])?;
        apt(&[&["install", "--no-install-recommends"], image.packages].concat())?;
        apt(&["clean"])?;
        fs::remove_file(&policy).context("allowing the start of services")?;
        let layout = work.path().join("layout");
        layout_of(&root, &layout, &reference)?;
        let archive = work.path().join("image.tar");
        output(tar(&layout, &archive))?;
        output(self.containerd.ctr(&["images", "import", &archive.display().to_string()])).map(|_| ())
    }

    /// A container of an image that is not started yet.
    pub fn container<'a>(&'a self, image: &Image, id: &str) -> Container<'a> {
        Container { lab: self, id: id.to_owned(), image: Self::reference(image), options: Vec::new() }
    }

    fn remove_containers(&self) -> Result<()> {
        for id in output(self.containerd.ctr(&["tasks", "ls", "-q"]))?.lines() {
            output(self.containerd.ctr(&["tasks", "rm", "-f", id]))?;
        }
        for id in output(self.containerd.ctr(&["containers", "ls", "-q"]))?.lines() {
            output(self.containerd.ctr(&["containers", "rm", id]))?;
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = self.remove_containers() {
            eprintln!("containers may be left: {error:#}");
        }
    }
}

/// A container to run.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    lab: &'a Lab,
    id: String,
    image: String,
    options: Vec<String>,
}

impl Container<'_> {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// With more options of `ctr run`, such as `--privileged`.
    #[must_use]
    pub fn with(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    /// In a network namespace of ours.
    #[must_use]
    pub fn in_network(self, network: &Network) -> Self {
        let option = format!("network:{}", network.path().display());
        self.with(&["--with-ns", &option])
    }

    /// With a folder or file of the host at a path.
    #[must_use]
    pub fn mount(self, source: &Path, target: &str, options: &str) -> Self {
        let mount = format!("type=bind,src={},dst={target},options={options}", source.display());
        self.with(&["--mount", &mount])
    }

    fn command(&self, detached: bool, args: &[&str]) -> Command {
        let mut command = self.lab.containerd.ctr(&["run", "--snapshotter", "overlayfs"]);
        command.args(&self.options);
        command.arg(if detached { "--detach" } else { "--rm" });
        command.arg(&self.image).arg(&self.id).args(args);
        command
    }

    /// Runs it to its end, whatever its exit code; gives all that it said.
    pub fn run(&self, args: &[&str]) -> Result<std::process::Output> {
        let mut command = self.command(false, args);
        command.stdin(Stdio::null()).output().with_context(|| format!("running the container {}", self.id))
    }

    /// Starts it as a child of this process, its output on a pipe of ours.
    pub fn spawn(&self, args: &[&str]) -> Result<Child> {
        let mut command = self.command(false, args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().with_context(|| format!("starting the container {}", self.id))
    }

    /// Starts it in the background.
    pub fn start(&self, args: &[&str]) -> Result<()> {
        output(self.command(true, args)).map(|_| ())
    }

    /// Runs a command in the running container, as an orchestrator's `exec` does; an exit code other than 0 is an error.
    pub fn exec(&self, args: &[&str]) -> Result<String> {
        output(self.exec_command(args))
    }

    /// The same, whatever its exit code.
    pub fn try_exec(&self, args: &[&str]) -> Result<std::process::Output> {
        let mut command = self.exec_command(args);
        command.stdin(Stdio::null()).output().with_context(|| format!("entering the container {}", self.id))
    }

    fn exec_command(&self, args: &[&str]) -> Command {
        let name = format!("exec-{}", uuid::Uuid::new_v4().simple());
        let base = ["tasks", "exec", "--exec-id", &name, &self.id];
        self.lab.containerd.ctr(&[&base[..], args].concat())
    }

    /// Ends and removes it.
    pub fn remove(&self) -> Result<()> {
        output(self.lab.containerd.ctr(&["tasks", "rm", "-f", &self.id]))?;
        output(self.lab.containerd.ctr(&["containers", "rm", &self.id])).map(|_| ())
    }
}

/// A network namespace with a loopback device, and on it the addresses that a test needs. Dropping it removes it.
#[derive(Debug)]
pub struct Network {
    name: String,
}

impl Network {
    /// Makes one.
    pub fn new(name: &str, addresses: &[IpAddr]) -> Result<Self> {
        // One that an earlier run left is in nobody's way any more.
        if Path::new("/run/netns").join(name).exists() {
            ip(&["netns", "del", name])?;
        }
        ip(&["netns", "add", name])?;
        let network = Self { name: name.to_owned() };
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        for address in addresses {
            ip(&["-n", name, "addr", "add", &address.to_string(), "dev", "lo"])?;
        }
        Ok(network)
    }

    /// Where it can be entered.
    pub fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.name)
    }

    /// Runs something on a thread inside of it: sockets that it makes stay inside.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = self.path();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let file = fs::File::open(&path).with_context(|| format!("opening {}", path.display()))?;
                nix::sched::setns(file, nix::sched::CloneFlags::CLONE_NEWNET).context("entering the network")?;
                work()
            });
            thread.join().unwrap_or_else(|_| bail!("the thread inside of {} panicked", self.name))
        })
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "del", &self.name]) {
            eprintln!("a network namespace may be left: {error:#}");
        }
    }
}

fn ip(args: &[&str]) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(args);
    output(command).map(|_| ())
}

fn tar(folder: &Path, archive: &Path) -> Command {
    let mut command = Command::new("tar");
    command.arg("-C").arg(folder).arg("--xattrs").arg("-cf").arg(archive).arg(".");
    command
}

/// Writes a root file system as an OCI layout of one layer.
fn layout_of(root: &Path, layout: &Path, reference: &str) -> Result<()> {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).context("making the layout")?;
    let layer = layout.join("layer.tar");
    output(tar(root, &layer))?;
    let mut hash = Sha256::new();
    let mut file = fs::File::open(&layer).context("opening the layer")?;
    let size = file.metadata().context("looking at the layer")?.len();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).context("reading the layer")?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    let digest = hex::encode(hash.finalize());
    fs::rename(&layer, blobs.join(&digest)).context("moving the layer")?;
    let layer = serde_json::json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": format!("sha256:{digest}"), "size": size });
    let put = |media_type: &str, value: serde_json::Value| -> Result<serde_json::Value> {
        let text = value.to_string();
        let digest = hex::encode(Sha256::digest(&text));
        fs::write(blobs.join(&digest), &text).context("writing a blob")?;
        Ok(serde_json::json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": text.len() }))
    };
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let config = put(
        "application/vnd.oci.image.config.v1+json",
        serde_json::json!({ "architecture": architecture(), "os": "linux", "config": { "Env": [path] },
            "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] } }),
    )?;
    let mut manifest = put(
        "application/vnd.oci.image.manifest.v1+json",
        serde_json::json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": [layer] }),
    )?;
    manifest["annotations"] = serde_json::json!({ "io.containerd.image.name": reference });
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(layout.join("index.json"), index.to_string()).context("writing the index")?;
    fs::write(layout.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").context("writing the layout's version")
}

/// Go's name of this machine's architecture, as images use it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
