//! Our documents in the hands of those who define the formats: CycloneDX's own library and SPDX's own tool.

use model::image::Cvss;
use model::{Assessment, Because, Confidence, Finding, FixStatus, Severity, SeverityChoice};
use testkit::documents::Format;

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

/// Every document of a format is valid, and one that is wrong is not: the judge looks.
fn check(format: Format, extension: &str, wrong: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for (name, document) in documents().into_iter().filter(|(name, _)| name.ends_with(extension)) {
        std::fs::write(dir.path().join(name), document.to_string()).unwrap();
        names.push(name);
    }
    let wrong_name = format!("wrong{extension}");
    std::fs::write(dir.path().join(&wrong_name), wrong).unwrap();
    names.push(&wrong_name);
    let verdicts = format.judge(dir.path(), &names);
    for (name, verdict) in names.iter().zip(&verdicts) {
        assert_eq!(verdict.is_some(), *name == wrong_name, "{name}: {verdict:?}");
    }
}

#[test]
fn cyclonedx_validates_by_its_own_library() {
    testkit::need!(node);
    check(Format::CycloneDx, ".cdx.json", r#"{"bomFormat":"CycloneDX","specVersion":"1.6","x":1}"#);
}

#[test]
fn spdx_validates_by_its_own_tool() {
    testkit::need!(maven);
    let (_, mut wrong) = documents().into_iter().find(|(name, _)| name.ends_with(".spdx.json")).unwrap();
    wrong["packages"][0]["filesAnalyzed"] = "perhaps".into();
    check(Format::Spdx, ".spdx.json", &wrong.to_string());
}
