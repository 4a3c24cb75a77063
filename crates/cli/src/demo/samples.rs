//! The samples: an image, advisories for it, a recording, a manifest.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::layout::{Command, Entry, write as write_layout};
use super::put;

/// Folder of the image.
pub(super) const IMAGE: &str = "image";
/// Folder of the advisories.
pub(super) const FEED: &str = "feeds";
/// Folder of the database that is built from them.
pub(super) const DATABASE: &str = "database";
/// The recording.
pub(super) const ATTACK: &str = "attack.jsonl";
/// The manifest.
pub(super) const MANIFEST: &str = "deployment.yaml";

/// Recorded with `seawall-sensor run --print events` while a container of ours read its shadow file, its
/// service-account token and ran a program that it had written itself. Edited since: only that container's events are
/// kept, without forks and capability checks; environments and ancestors outside the container are left out, and the
/// node is renamed.
const RECORDED: &[u8] = include_bytes!("samples/attack.jsonl");

const DEPLOYMENT: &str = include_str!("samples/deployment.yaml");

/// Ranges are those of the public advisories of these ids; titles are ours.
const ADVISORIES: [(&str, &str, &str, &str, &str, &str); 3] = [
    ("CVE-2020-28493", "jinja2", "0", "2.11.3", "MODERATE", "Slow matching of addresses in urlize (demonstration)"),
    ("CVE-2020-14343", "pyyaml", "0", "5.4", "CRITICAL", "Code execution through full_load (demonstration)"),
    (
        "CVE-2023-32681",
        "requests",
        "2.3.0",
        "2.31.0",
        "MODERATE",
        "Proxy credentials sent to the destination (demonstration)",
    ),
];

/// Writes all of them.
pub(super) fn write(folder: &Path) -> Result<()> {
    write_layout(&folder.join(IMAGE), "demo:1", &[base(), application()], &Command { args: vec!["/app".into()] })
        .context("writing the sample image")?;
    for (id, package, introduced, fixed, severity, title) in ADVISORIES {
        let record = json!({
            "schema_version": "1.6.0", "id": format!("DEMO-{id}"), "aliases": [id], "summary": title,
            "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
            "database_specific": { "severity": severity },
            "affected": [{
                "package": { "ecosystem": "PyPI", "name": package },
                "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": introduced }, { "fixed": fixed }] }],
            }],
        });
        put(folder, &format!("{FEED}/osv/PyPI/DEMO-{id}.json"), record.to_string().as_bytes())?;
    }
    put(folder, ATTACK, RECORDED)?;
    put(folder, MANIFEST, DEPLOYMENT.as_bytes())
}

fn base() -> Vec<Entry> {
    vec![
        Entry::text("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
        Entry::text(
            "var/lib/dpkg/status",
            "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4+deb12u11\n\n\
             Package: libssl3\nStatus: install ok installed\nSource: openssl\nArchitecture: amd64\nVersion: 3.0.17-1~deb12u2\n\n",
        ),
    ]
}

fn application() -> Vec<Entry> {
    let metadata = |name: &str, version: &str| {
        let path = format!("usr/lib/python3/dist-packages/{name}-{version}.dist-info/METADATA");
        Entry::text(&path, &format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"))
    };
    vec![
        Entry::File("app".into(), 0o755, b"#!/usr/bin/python3\nprint('hello')\n".to_vec()),
        metadata("Jinja2", "2.11.2"),
        metadata("PyYAML", "5.3.1"),
        metadata("requests", "2.31.0"),
    ]
}
