//! What Debian packages a machine needs, and their installation.
//!
//! A bare Debian 12 with a Rust toolchain is enough: as root everything missing is installed; otherwise the exact
//! command is printed and nothing is touched.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::steps;

/// A package, a file that shows that it is there, and what for.
pub struct Package {
    /// Debian's name.
    pub name: &'static str,
    /// A file that it brings.
    pub brings: &'static str,
    /// Why we need it.
    pub why: &'static str,
}

impl Package {
    /// Whether its file is there, or, for a program, another of that name is on the path.
    fn is_there(&self) -> bool {
        let file = Path::new(self.brings);
        let is_program = self.brings.contains("/bin/") || self.brings.contains("/sbin/");
        let on_path = || {
            let (Some(name), Some(path)) = (file.file_name(), std::env::var_os("PATH")) else { return false };
            std::env::split_paths(&path).any(|dir| dir.join(name).exists())
        };
        file.exists() || (is_program && on_path())
    }
}

/// A package by name, file and reason.
pub const fn package(name: &'static str, brings: &'static str, why: &'static str) -> Package {
    Package { name, brings, why }
}

/// To build.
pub const BUILD: [Package; 7] = [
    package("build-essential", "/usr/bin/g++", "C parts of dependencies (SQLite, zstd, TLS)"),
    package("clang", "/usr/bin/clang", "the eBPF programs"),
    package("llvm", "/usr/bin/llvm-strip", "the eBPF programs"),
    package("libelf-dev", "/usr/include/libelf.h", "libbpf"),
    package("zlib1g-dev", "/usr/include/zlib.h", "libbpf"),
    package("pkg-config", "/usr/bin/pkg-config", "libbpf"),
    package("cmake", "/usr/bin/cmake", "zlib-ng, the fast inflate"),
];

/// To run the whole path on this machine.
pub const RUN: [Package; 5] = [
    package("containerd", "/usr/bin/containerd", "real containers"),
    package("runc", "/usr/sbin/runc", "real containers"),
    package("docker-registry", "/usr/bin/docker-registry", "a real registry"),
    package("busybox-static", "/bin/busybox", "the sample image's programs"),
    package("iproute2", "/sbin/ip", "network namespaces of our own"),
];

/// To test everything.
pub const TEST: [Package; 22] = [
    package("chromium", "/usr/bin/chromium", "the console's tests"),
    package("skopeo", "/usr/bin/skopeo", "a second opinion on registries"),
    package("debootstrap", "/usr/sbin/debootstrap", "a real Debian image"),
    package("rpm", "/usr/bin/rpm", "the order of rpm versions, real rpm databases"),
    package("sqlite3", "/usr/bin/sqlite3", "databases made by another program"),
    package("zstd", "/usr/bin/zstd", "streams made by another program"),
    package("python3", "/usr/bin/python3", "Python's own order of versions"),
    package("python3-packaging", "/usr/lib/python3/dist-packages/packaging", "the same"),
    package("python3-pip", "/usr/lib/python3/dist-packages/pip", "an image with Python packages"),
    package("python3-setuptools", "/usr/lib/python3/dist-packages/setuptools", "the same"),
    package("python3-wheel", "/usr/lib/python3/dist-packages/wheel", "the same"),
    package("ruby", "/usr/bin/ruby", "Ruby's own order of versions"),
    package("php-cli", "/usr/bin/php", "PHP's own order of versions"),
    package("php-composer-semver", "/usr/share/php/Composer/Semver/autoload.php", "Composer's own order of versions"),
    package("mono-runtime", "/usr/bin/mono", "NuGet's own order of versions"),
    package("mono-mcs", "/usr/bin/mcs", "the same"),
    package("r-base-core", "/usr/bin/Rscript", "R's own order of versions"),
    package("maven", "/usr/bin/mvn", "Maven's own order of versions, with the Java that it brings"),
    package("default-jdk-headless", "/usr/bin/javac", "an image with jars"),
    package("golang-go", "/usr/bin/go", "a real Go program; a newer Go on the path does as well"),
    package("procps", "/usr/bin/pgrep", "looking at what runs"),
    package("openssl", "/usr/bin/openssl", "certificates made by another program"),
];

/// Everything.
pub const ALL: [&[Package]; 3] = [&BUILD, &RUN, &TEST];

/// Installs what is missing of `groups`.
pub fn run(groups: &[&[Package]]) -> Result<()> {
    let missing: Vec<&Package> = groups.iter().copied().flatten().filter(|package| !package.is_there()).collect();
    if missing.is_empty() {
        eprintln!("every Debian package is there");
        return Ok(());
    }
    for package in &missing {
        eprintln!("missing: {:<18} ({})", package.name, package.why);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    install(&names)
}

/// Installs Debian packages as root; otherwise says what to type.
pub fn install(names: &[&str]) -> Result<()> {
    let shown = format!("apt-get install --no-install-recommends -y {}", names.join(" "));
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("this is not Debian or Ubuntu; install the equivalents of: {}", names.join(" "));
    }
    if !is_root() {
        bail!("not root, so nothing was installed; type: sudo {shown}");
    }
    eprintln!("installing: {}", names.join(" "));
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-o", "Dpkg::Use-Pty=0"]).args(args);
        command.stdout(std::process::Stdio::null());
        steps::run(command)
    };
    apt(&["update"])?;
    apt(&[&["install", "--no-install-recommends", "-y"], names].concat())
}

/// Whether this process is root.
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
