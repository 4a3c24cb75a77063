//! The image that the whole path uses: a busybox, an old Python package, an accounts file.

use std::path::Path;

use anyhow::{Context as _, Result};
use cli::demo::layout::{Command, Entry, write};

/// Applets that the scenarios run.
const APPLETS: [&str; 7] = ["sh", "cat", "cp", "id", "ls", "sleep", "wget"];

/// Writes the image as an OCI layout named `name`.
pub fn sample(folder: &Path, name: &str) -> Result<()> {
    let busybox = testkit::read("/bin/busybox");
    let mut base = vec![
        Entry::text("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
        Entry::text(
            "var/lib/dpkg/status",
            "Package: busybox-static\nStatus: install ok installed\nSource: busybox\nArchitecture: amd64\nVersion: 1:1.35.0-4\nMaintainer: Debian Install System Team <debian-boot@lists.debian.org>\n\n",
        ),
        Entry::File("etc/shadow".into(), 0o600, b"root:*:19700:0:99999:7:::\n".to_vec()),
        Entry::text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
        Entry::File("bin/busybox".into(), 0o755, busybox),
    ];
    base.extend(APPLETS.iter().map(|name| Entry::Link(format!("bin/{name}"), "busybox".into())));
    let site = "usr/lib/python3/dist-packages";
    let app = vec![Entry::text(
        &format!("{site}/Jinja2-2.11.2.dist-info/METADATA"),
        "Metadata-Version: 2.1\nName: Jinja2\nVersion: 2.11.2\n",
    )];
    write(folder, name, &[base, app], &Command { args: vec!["/bin/sh".into()] })
        .map(|_| ())
        .with_context(|| format!("writing an image to {}", folder.display()))
}
