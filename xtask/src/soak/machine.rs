//! A machine of a moment: a kernel, a file system in memory, a serial line.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::steps::{self, command};
use crate::{repository, setup};

/// Only for this: not part of what `test` installs.
const PACKAGES: [setup::Package; 4] = [
    setup::package("qemu-system-x86", "/usr/bin/qemu-system-x86_64", "a machine with another kernel"),
    setup::package("cpio", "/usr/bin/cpio", "its file system"),
    setup::package("xz-utils", "/usr/bin/xz", "Debian's lists of packages"),
    setup::package("curl", "/usr/bin/curl", "Debian's kernels"),
];
/// A distribution's archive and the flavour of its kernels that runs in virtual machines.
struct Archive {
    address: &'static str,
    suite: &'static str,
    flavour: &'static str,
}

const DEBIAN: Archive = Archive { address: "https://deb.debian.org/debian", suite: "", flavour: "cloud-amd64" };
/// The kernels of AKS's nodes.
const UBUNTU: Archive = Archive { address: "http://archive.ubuntu.com/ubuntu", suite: "-updates", flavour: "azure" };
/// What is asked of Ubuntu's archive, with the version that the release came with: AKS's.
const UBUNTU_RELEASES: [(&str, &str); 2] = [("jammy", "5.15."), ("noble", "6.8.")];
/// Seconds after which a machine is ended: an emulated one needs about twenty.
const PATIENCE: &str = "600";

/// Installs what machines need.
pub fn set_up() -> Result<()> {
    setup::run(&[&setup::BUILD, &setup::RUN, &PACKAGES])
}

/// The newest kernel for virtual machines of a release of Debian or Ubuntu; fetched once.
pub fn kernel(release: &str) -> Result<PathBuf> {
    if !release.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        bail!("`{release}` is no name of a release");
    }
    let ubuntu = UBUNTU_RELEASES.iter().find(|(name, _)| *name == release);
    let Archive { address, suite, flavour } = if ubuntu.is_some() { UBUNTU } else { DEBIAN };
    let version = ubuntu.map_or("", |(_, version)| version);
    let folder = repository::cache().join("kernels").join(release);
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let script = format!(
        "set -eu; f=$(curl -fsSL {address}/dists/{release}{suite}/main/binary-amd64/Packages.xz | xz -dc | \
         awk '/^Package: /{{k = $2 ~ /^linux-image-{version}[0-9.]+.*-{flavour}$/}} k && /^Filename: /{{print $2}}' | \
         awk -F/ '{{print $NF, $0}}' | sort -V | tail -1 | cut -d' ' -f2); test -n \"$f\"; name=$(basename \"$f\"); \
         test -e \"$name\" || {{ curl -fsSL -o part {address}/$f; rm -rf boot; \
         dpkg-deb --fsys-tarfile part | tar -x --wildcards './boot/vmlinuz-*'; mv part \"$name\"; }}"
    );
    let mut fetch = Command::new("sh");
    fetch.args(["-c", &script]).current_dir(&folder);
    let status = fetch.status().context("starting sh")?;
    if !status.success() {
        bail!("no kernel of `{release}` came from {address}");
    }
    let boot = std::fs::read_dir(folder.join("boot")).context("looking for the kernel")?;
    boot.filter_map(|entry| Some(entry.ok()?.path())).max().context("the package has no kernel")
}

/// Packs the programs, what they are linked with, and `files` (path, content) for a machine's memory.
pub fn file_system(programs: &[PathBuf], files: &[(&str, &str)]) -> Result<PathBuf> {
    let root = repository::target().join("soak/root");
    if root.exists() {
        std::fs::remove_dir_all(&root).context("removing the last file system")?;
    }
    for dir in ["bin", "dev", "etc", "proc", "run", "sys", "tmp"] {
        std::fs::create_dir_all(root.join(dir)).context("making the file system")?;
    }
    for program in programs {
        let name = program.file_name().context("a program has no name")?;
        // Debug information would fill the memory.
        let strip = steps::run({
            let mut strip = Command::new("strip");
            strip.arg("-o").arg(root.join("bin").join(name)).arg(program);
            strip
        });
        strip.with_context(|| format!("is {} there?", program.display()))?;
        for library in libraries(program)? {
            let to = root.join(library.strip_prefix("/").context("a library has no full path")?);
            std::fs::create_dir_all(to.parent().context("a library is in no folder")?)?;
            std::fs::copy(&library, &to).with_context(|| format!("copying {}", library.display()))?;
        }
    }
    for (name, content) in files {
        std::fs::write(root.join(name), content).with_context(|| format!("writing {name}"))?;
    }
    let packed = root.with_extension("cpio.gz");
    let script = format!(
        "chmod 755 {0}/init && cd {0} && find . | cpio --quiet -o -H newc | gzip -1 > {1}",
        root.display(),
        packed.display()
    );
    steps::run(command("sh", &["-c", &script]))?;
    Ok(packed)
}

/// What a program is linked with, as the dynamic linker finds it here.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().context("starting ldd")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    Ok(text.lines().filter_map(path).collect())
}

/// Runs a machine until it powers off; what it said on its serial line behind `#= `.
pub fn boot(kernel: &Path, file_system: &Path) -> Result<Vec<String>> {
    let mut machine = Command::new("timeout");
    machine.args([PATIENCE, "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1500"]);
    machine.args([
        "-nographic",
        "-no-reboot",
        "-nic",
        "none",
        "-append",
        "console=ttyS0 quiet panic=-1 mitigations=off",
    ]);
    machine.arg("-kernel").arg(kernel).arg("-initrd").arg(file_system);
    let mut child = machine.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting QEMU")?;
    let serial = child.stdout.take().context("QEMU has no stdout")?;
    let mut said = Vec::new();
    for line in BufReader::new(serial).split(b'\n') {
        let line = String::from_utf8_lossy(&line.context("reading the serial line")?).into_owned();
        if let Some((_, text)) = line.trim_end().split_once("#= ") {
            said.push(text.to_owned());
        }
    }
    child.wait().context("waiting for QEMU")?;
    if said.last().is_none_or(|last| last != "end") {
        bail!("the machine did not come to its end; it said: {}", said.join("\n"));
    }
    Ok(said)
}
