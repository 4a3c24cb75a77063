//! Our documents in the hands of those who define the formats: CycloneDX's own library and SPDX's own tool.

use std::path::Path;
use std::process::Command;

use model::image::Cvss;
use model::{Assessment, Because, Confidence, Finding, FixStatus, Severity, SeverityChoice};

use super::*;

/// Documents of every shape that we write: with everything, and with as little as there can be.
fn documents() -> Vec<(&'static str, serde_json::Value)> {
    let mut full = inventory();
    full.packages[0].licenses = vec!["MIT".into(), "see file \"COPYING\"".into(), "GPL-2.0-or-later AND <x>".into()];
    full.packages[0].vendor = Some("OpenSSL Team <x@example.org>".into());
    full.packages[1].owner = Some(full.packages[0].purl.clone());
    full.packages[1].properties.insert("symbols".into(), "a=b".into());
    let mut empty = Inventory { packages: Vec::new(), os: None, layers: Vec::new(), ..inventory() };
    empty.artifact = model::Artifact::default();
    let silent = Made { version: "0.1.0", time: None };
    let assessment = assessment(&full);
    vec![
        ("full.cdx.json", value(cyclonedx(&full, Some(&assessment), &made()))),
        ("full.spdx.json", spdx(&full, &made())),
        ("empty.cdx.json", value(cyclonedx(&empty, None, &silent))),
        ("empty.spdx.json", spdx(&empty, &silent)),
    ]
}

/// Findings of each severity, with vectors of each version.
fn assessment(inventory: &Inventory) -> Assessment {
    let vectors = [
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "",
    ];
    let severities = [
        Severity::Critical,
        Severity::High,
        Severity::Medium,
        Severity::Low,
        Severity::Informational,
        Severity::Unknown,
    ];
    let finding = |(index, severity): (usize, Severity)| Finding {
        id: format!("CVE-2026-000{index}"),
        aliases: Vec::new(),
        package: inventory.packages[index % 2].purl.clone(),
        installed: "1".into(),
        status: if index == 0 { FixStatus::Fixed } else { FixStatus::WillNotFix },
        fixed: if index == 0 { vec!["2".into(), "3".into()] } else { Vec::new() },
        severity: SeverityChoice {
            chosen: severity,
            from: "vendor".into(),
            all: [("vendor".to_owned(), severity)].into(),
        },
        cvss: vectors
            .get(index)
            .into_iter()
            .filter(|vector| !vector.is_empty())
            .map(|vector| Cvss { source: "nvd".into(), vector: (*vector).into(), score: Some(9.8) })
            .collect(),
        kev: None,
        epss: None,
        confidence: Confidence::Exact,
        inert: false,
        because: Because {
            segment: "debian".into(),
            record: "x".into(),
            scheme: "dpkg".into(),
            rule: "1 < 2 (fixed)".into(),
        },
        layer: None,
        origin: None,
        title: "Something".into(),
        binaries: Vec::new(),
    };
    Assessment {
        inventory_id: inventory.id.clone(),
        manifest: Vec::new(),
        findings: severities.into_iter().enumerate().map(finding).collect(),
        coverage: Vec::new(),
        actions: Vec::new(),
        suppressed: Vec::new(),
    }
}

fn write(dir: &Path, documents: &[(&'static str, serde_json::Value)]) {
    for (name, document) in documents {
        std::fs::write(dir.join(name), document.to_string()).unwrap();
    }
}

/// Runs a program and returns what it printed; a failure shows all of it.
fn run(dir: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(dir).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {text}");
    text
}

#[test]
fn cyclonedx_validates_by_its_own_library() {
    testkit::need!(node);
    let dir = tempfile::tempdir().unwrap();
    let documents: Vec<_> = documents().into_iter().filter(|(name, _)| name.ends_with(".cdx.json")).collect();
    write(dir.path(), &documents);
    // One that is wrong shows that the validator looks.
    std::fs::write(dir.path().join("wrong.cdx.json"), r#"{"bomFormat":"CycloneDX","specVersion":"1.6","x":1}"#)
        .unwrap();
    let packages = ["@cyclonedx/cyclonedx-library@8", "ajv@8", "ajv-formats@3", "ajv-formats-draft2019@1"];
    let install = [
        &["install", "--no-audit", "--no-fund", "--silent", "--omit=optional", "--ignore-scripts", "--prefix", "."],
        packages.as_slice(),
    ]
    .concat();
    run(dir.path(), "npm", &install);
    let script = "const { Validation } = require('@cyclonedx/cyclonedx-library'); const fs = require('fs');\
        (async () => { for (const file of process.argv.slice(1)) {\
        const found = await new Validation.JsonStrictValidator('1.6').validate(fs.readFileSync(file, 'utf8'));\
        console.log(file + ' ' + (found === null ? 'valid' : JSON.stringify(found))); } })()";
    let names: Vec<&str> = documents.iter().map(|(name, _)| *name).chain(["wrong.cdx.json"]).collect();
    let printed = run(dir.path(), "node", &[&["-e", script], names.as_slice()].concat());
    for (name, _) in &documents {
        assert!(printed.contains(&format!("{name} valid")), "{printed}");
    }
    assert!(printed.contains("wrong.cdx.json [{"), "{printed}");
}

#[test]
fn spdx_validates_by_its_own_tool() {
    testkit::need!(maven);
    let dir = tempfile::tempdir().unwrap();
    let documents: Vec<_> = documents().into_iter().filter(|(name, _)| name.ends_with(".spdx.json")).collect();
    write(dir.path(), &documents);
    let artifact = "-Dartifact=org.spdx:tools-java:1.1.8:jar:jar-with-dependencies";
    run(dir.path(), "mvn", &["-q", "-B", "dependency:copy", artifact, "-DoutputDirectory=."]);
    let jar = "tools-java-1.1.8-jar-with-dependencies.jar";
    let verify = |name: &str| {
        // The list of licences that the tool brings; it would ask the network for a newer one.
        let args = ["-Dorg.spdx.useJARLicenseInfoOnly=true", "-jar", jar, "Verify", name];
        let output = Command::new("java").args(args).current_dir(dir.path()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    for (name, _) in &documents {
        let printed = verify(name);
        assert!(printed.contains("This SPDX Document is valid."), "{name}: {printed}");
    }
    let mut wrong = documents[0].1.clone();
    wrong["packages"][0]["filesAnalyzed"] = "perhaps".into();
    std::fs::write(dir.path().join("wrong.spdx.json"), wrong.to_string()).unwrap();
    assert!(!verify("wrong.spdx.json").contains("This SPDX Document is valid."));
}
