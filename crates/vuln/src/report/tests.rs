//! One finding and one gap in both forms, and names that try to break out of them.

use model::image::Producer;
use model::{
    Artifact, Assessment, Because, Confidence, Coverage, CoverageState, Evidence, Finding, FixStatus, Inventory,
    Location, Package, Severity, SeverityChoice, Subject,
};

use super::*;

fn inventory(path: &str) -> Inventory {
    let package = Package {
        purl: "pkg:pypi/jinja2@3.1.2".into(),
        name: "jinja2".into(),
        version: "3.1.2".into(),
        architecture: None,
        r#type: "pypi".into(),
        source: None,
        layer: None,
        locations: vec![Location { path: path.into(), layer: None, offset: None }],
        evidence: Evidence::File,
        owner: None,
        licenses: Vec::new(),
        vendor: None,
        properties: std::collections::BTreeMap::new(),
    };
    Inventory {
        id: "id".into(),
        artifact: Artifact { reference: Some("r.example/app:1".into()), ..Artifact::default() },
        os: None,
        layers: Vec::new(),
        packages: vec![package],
        diagnostics: Vec::new(),
        producer: Producer { analysers_version: "1".into() },
    }
}

fn assessment(title: &str) -> Assessment {
    let finding = Finding {
        id: "CVE-2024-34064".into(),
        aliases: Vec::new(),
        package: "pkg:pypi/jinja2@3.1.2".into(),
        installed: "3.1.2".into(),
        fixed: vec!["3.1.4".into()],
        status: FixStatus::Fixed,
        severity: SeverityChoice {
            chosen: Severity::Medium,
            from: "ghsa".into(),
            all: std::collections::BTreeMap::new(),
        },
        cvss: Vec::new(),
        kev: None,
        epss: None,
        confidence: Confidence::Exact,
        inert: false,
        because: Because {
            segment: "osv-pypi".into(),
            record: "PYSEC-1".into(),
            scheme: "pep440".into(),
            rule: "3.1.2 < 3.1.4 (fixed)".into(),
        },
        layer: None,
        origin: None,
        title: title.into(),
        binaries: Vec::new(),
    };
    let subject = Subject::PackageType { name: "npm".into(), packages: 7 };
    Assessment {
        inventory_id: "id".into(),
        manifest: Vec::new(),
        findings: vec![finding],
        coverage: vec![Coverage::new(subject, "npm", CoverageState::Unseen, "no feed")],
        actions: Vec::new(),
        suppressed: Vec::new(),
    }
}

#[test]
fn sarif_has_rule_result_and_gap() {
    let (inventory, assessment) = (inventory("usr/lib/a b/METADATA"), assessment("a title"));
    let document = sarif(&[Judged { inventory: &inventory, assessment: &assessment }], "0.1.0");
    let run = &document["runs"][0];
    let rule = &run["tool"]["driver"]["rules"][0];
    assert_eq!((&rule["id"], &rule["properties"]["security-severity"]), (&"CVE-2024-34064".into(), &"5.5".into()));
    let result = &run["results"][0];
    assert_eq!((&result["level"], &result["ruleIndex"]), (&"warning".into(), &0.into()));
    assert!(result["message"]["text"].as_str().unwrap().contains("upgrade to 3.1.4 (3.1.2 < 3.1.4 (fixed))"));
    let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "usr/lib/a%20b/METADATA");
    let note = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(note, "r.example/app:1: 7 npm packages: no feed");
}

#[test]
fn markdown_has_finding_and_gap_and_no_markup_of_others() {
    let mut inventory = inventory("x");
    inventory.artifact.reference = Some("a|b\n# <script>".into());
    let text = markdown(&Judged { inventory: &inventory, assessment: &assessment("t") });
    assert!(text.starts_with("## a\\|b \\# &lt;script>\n"), "{text}");
    assert!(text.contains("| Medium | CVE-2024-34064 | pkg:pypi/jinja2@3.1.2 | 3.1.2 | 3.1.4 |"), "{text}");
    assert!(text.contains("- 7 npm packages: no feed"), "{text}");
}
