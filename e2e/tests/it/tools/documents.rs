//! What the commands print for other programs, judged by those who define the formats.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::parts::program;
use serde_json::{Value, json};
use testkit::documents::Format;
use testkit::image::{Tar, TestImage, TestLayer};
use testkit::need;

#[test]
fn every_document_is_valid_by_its_own_judge() -> Result<()> {
    need!(node, maven);
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    image().write_layout(&at.join("layout"), "app");
    fs::create_dir(at.join("feeds"))?;
    fs::write(at.join("feeds/advisory.json"), advisory().to_string())?;
    seawall(at, &["db", "build", "--from", "feeds", "--out", "db"])?;
    fs::write(at.join("pod.yaml"), POD)?;
    let scan = ["scan", "oci:layout", "--no-cache", "--db", "db", "--format"];
    let sbom = ["sbom", "oci:layout", "--no-cache", "--format"];
    let documents = [
        (Format::Sarif, "scan.sarif", [&scan[..], &["sarif"]].concat()),
        (Format::Sarif, "check.sarif", vec!["check", "manifests", "pod.yaml", "--format", "sarif"]),
        (Format::CycloneDx, "scan.cdx.json", [&scan[..], &["cyclonedx"]].concat()),
        (Format::CycloneDx, "sbom.cdx.json", [&sbom[..], &["cyclonedx"]].concat()),
        (Format::Spdx, "scan.spdx.json", [&scan[..], &["spdx"]].concat()),
        (Format::Spdx, "sbom.spdx.json", [&sbom[..], &["spdx"]].concat()),
    ];
    for (_, name, command) in &documents {
        fs::write(at.join(name), seawall(at, command)?)?;
    }
    let findings: Value = serde_json::from_slice(&testkit::read(at.join("scan.sarif")))?;
    ensure!(findings["runs"][0]["results"].as_array().is_some_and(|results| !results.is_empty()), "nothing to judge");
    // One that is wrong shows that a judge looks.
    fs::write(at.join("wrong"), r#"{"version": "2.1.0", "runs": [{"tool": 1}]}"#)?;
    for format in [Format::Sarif, Format::CycloneDx, Format::Spdx] {
        let mine = documents.iter().filter(|(of, ..)| *of == format).map(|(_, name, _)| *name);
        let names: Vec<&str> = mine.chain(["wrong"]).collect();
        for (name, verdict) in names.iter().zip(format.judge(at, &names)) {
            ensure!(verdict.is_some() == (*name == "wrong"), "{name}: {verdict:?}");
        }
    }
    Ok(())
}

/// Packages of an operating system that no feed covers, and of a language with an advisory.
fn image() -> TestImage {
    let status = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.11-1\n";
    let base = Tar::new().file("etc/os-release", "ID=debian\nVERSION_ID=12\n").file("var/lib/dpkg/status", status);
    let metadata = "Metadata-Version: 2.1\nName: Jinja2\nVersion: 3.1.2\nLicense: BSD\n";
    let python = Tar::new().file("usr/lib/python3/dist-packages/Jinja2-3.1.2.dist-info/METADATA", metadata);
    TestImage::new(vec![TestLayer::gzip(base), TestLayer::gzip(python)])
}

/// In OSV's form, with what a document can quote: a score, references, text with markup.
fn advisory() -> Value {
    json!({
        "schema_version": "1.6.0", "id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2026-1"],
        "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
        "summary": "A <b>test</b> \"advisory\"", "details": "Of `Jinja2`.",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "references": [{"type": "WEB", "url": "https://example.org/advisory"}],
        "affected": [{
            "package": {"ecosystem": "PyPI", "name": "jinja2"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.4"}]}],
        }],
    })
}

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: app}
spec:
  hostNetwork: true
  containers:
    - {name: app, image: app, securityContext: {privileged: true}}
";

/// What a command prints.
fn seawall(folder: &Path, args: &[&str]) -> Result<Vec<u8>> {
    let output =
        Command::new(program("seawall")?).args(args).current_dir(folder).output().context("starting seawall")?;
    ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}
