//! Our documents read back, and those of Syft and Trivy in their own shapes.

use model::{Evidence, Layer, Package, SourcePackage, Timestamp};

use super::*;
use crate::{LayerScanner, merge};

mod official;
mod others;

const STATUS: &str = "Package: libssl3\nStatus: install ok installed\nSource: openssl (3.0.11-1)\nArchitecture: amd64\n\
    Version: 3.0.11-1+b1\nMaintainer: OpenSSL Team <x@example.org>\n\n";

fn inventory() -> Inventory {
    let python = "Metadata-Version: 2.1\nName: jinja2\nVersion: 3.1.2\nLicense: BSD-3-Clause\n";
    let archive = testkit::image::Tar::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")
        .file("var/lib/dpkg/status", STATUS)
        .file("usr/lib/python3/dist-packages/jinja2-3.1.2.dist-info/METADATA", python)
        .finish();
    let record = LayerScanner::default().scan(archive.as_slice()).unwrap();
    let layer =
        Layer { digest: "sha256:aa".into(), diff_id: String::new(), size_bytes: 1, created_by: None, complete: true };
    let artifact = model::Artifact {
        reference: Some("r.example/app:1".into()),
        manifest_digest: Some(format!("sha256:{}", "ab".repeat(32))),
        ..Default::default()
    };
    merge(vec![(layer, record)], artifact)
}

fn value(document: impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(document).unwrap()
}

fn made() -> Made<'static> {
    Made { version: "0.1.0", time: Some(Timestamp::from_seconds(1_700_000_000)) }
}

/// What survives any form: the fields that matching needs.
type Essence = (String, String, String, Option<SourcePackage>, Vec<String>);

fn essence(inventory: &Inventory) -> Vec<Essence> {
    let one = |p: &Package| (p.purl.clone(), p.name.clone(), p.version.clone(), p.source.clone(), p.licenses.clone());
    inventory.packages.iter().map(one).collect()
}

#[test]
fn what_we_write_we_read() {
    let inventory = inventory();
    assert_eq!(inventory.packages.len(), 2);
    for document in [value(cyclonedx(&inventory, None, &made())), spdx(&inventory, &made())] {
        let read = read(document.to_string().as_bytes(), "x").unwrap();
        assert_eq!(essence(&read), essence(&inventory));
        assert!(read.packages.iter().all(|package| package.evidence == Evidence::Sbom));
        let (os, expected) = (read.os.unwrap(), inventory.os.clone().unwrap());
        assert_eq!((os.id, os.version, os.name), (expected.id, expected.version, expected.name));
        assert_eq!(read.artifact.reference.as_deref(), Some("r.example/app:1"));
        assert!(read.diagnostics.is_empty(), "{:?}", read.diagnostics);
    }
}

#[test]
fn what_has_no_field_of_its_own_survives() {
    let mut inventory = inventory();
    let python = inventory.packages.iter_mut().find(|package| package.r#type == "pypi").unwrap();
    python.owner = Some("pkg:deb/debian/python3-jinja2@3.1.2-1".into());
    python.properties.insert("symbols".into(), "a=b".into());
    for document in [value(cyclonedx(&inventory, None, &made())), spdx(&inventory, &made())] {
        let read = read(document.to_string().as_bytes(), "x").unwrap();
        let kept = |package: &Package| {
            (package.owner.clone(), package.layer.clone(), package.architecture.clone(), package.properties.clone())
        };
        let paths = |package: &Package| package.locations.iter().map(|l| l.path.clone()).collect::<Vec<_>>();
        for (ours, theirs) in inventory.packages.iter().zip(&read.packages) {
            assert_eq!((kept(ours), paths(ours)), (kept(theirs), paths(theirs)), "{}", ours.name);
        }
    }
}

#[test]
fn an_attestation_carries_a_document() {
    let inventory = inventory();
    let document = spdx(&inventory, &made());
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document", "subject": [],
        "predicate": document,
    });
    let read = read(statement.to_string().as_bytes(), "x").unwrap();
    assert_eq!(essence(&read), essence(&inventory));
}

#[test]
fn documents_are_golden() {
    // The identity changes with every version of the analysers; the form does not.
    let inventory = Inventory { id: "0123456789abcdef".repeat(4), ..inventory() };
    for (name, document) in
        [("cyclonedx", value(cyclonedx(&inventory, None, &made()))), ("spdx", spdx(&inventory, &made()))]
    {
        let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sbom/golden");
        testkit::golden(dir.join(format!("{name}.json")), &text);
    }
}

fn component(purl: &str, properties: &str) -> String {
    format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{{"type":"library","name":"n","version":"v",
            "purl":"{purl}","properties":[{properties}]}}]}}"#
    )
}

#[test]
fn shapes_of_other_tools() {
    let pair = |name: &str, value: &str| format!(r#"{{"name":"{name}","value":"{value}"}}"#);
    let trivy = [
        pair("aquasecurity:trivy:SrcName", "openssl"),
        pair("aquasecurity:trivy:SrcVersion", "3.0.7"),
        pair("aquasecurity:trivy:SrcRelease", "1.el9"),
        pair("aquasecurity:trivy:SrcEpoch", "1"),
    ]
    .join(",");
    for (purl, properties, name, version, source) in [
        (
            "pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&distro=debian-12&upstream=openssl",
            "",
            "libssl3",
            "3.0.11-1",
            Some(("openssl", "3.0.11-1")),
        ),
        ("pkg:deb/debian/a@1%2Bb1?upstream=b%401", "", "a", "1+b1", Some(("b", "1"))),
        (
            "pkg:rpm/rhel/openssl-libs@3.0.7-1.el9?epoch=1&upstream=openssl-3.0.7-1.el9.src.rpm",
            "",
            "openssl-libs",
            "1:3.0.7-1.el9",
            Some(("openssl", "3.0.7-1.el9")),
        ),
        (
            "pkg:rpm/rhel/openssl-libs@3.0.7-1.el9?epoch=1",
            trivy.as_str(),
            "openssl-libs",
            "1:3.0.7-1.el9",
            Some(("openssl", "1:3.0.7-1.el9")),
        ),
        ("pkg:npm/%40angular/core@1.2.3", "", "@angular/core", "1.2.3", None),
        ("pkg:maven/org.slf4j/slf4j-api@2.0.0", "", "org.slf4j:slf4j-api", "2.0.0", None),
        ("pkg:golang/github.com/a/b@v1.0.0", "", "github.com/a/b", "v1.0.0", None),
    ] {
        let inventory = read(component(purl, properties).as_bytes(), "x").unwrap();
        let [package] = inventory.packages.as_slice() else { panic!("{purl}") };
        assert_eq!((package.name.as_str(), package.version.as_str()), (name, version), "{purl}");
        let found = package.source.as_ref().map(|source| (source.name.as_str(), source.version.as_str()));
        assert_eq!(found, source, "{purl}");
    }
    let distro = read(component("pkg:deb/debian/a@1?distro=debian-12.5", "").as_bytes(), "x").unwrap();
    assert_eq!(distro.os.map(|os| (os.id, os.version)), Some(("debian".into(), "12".into())));
}

#[test]
fn what_cannot_be_read_is_said() {
    for (text, part) in [
        ("", "not a readable SBOM"),
        ("<bom/>", "this is XML"),
        ("SPDXVersion: SPDX-2.3\n", "this is SPDX tag-value"),
        ("{}", "neither CycloneDX nor SPDX"),
        (r#"{"spdxVersion":"SPDX-3.0"}"#, "neither CycloneDX nor SPDX"),
        (r#"{"bomFormat":"CycloneDX","components":3}"#, "not a readable SBOM"),
    ] {
        let error = read(text.as_bytes(), "f.json").unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("f.json"), "{error}");
    }
    let deep = format!("{}{}", r#"{"components":["#.repeat(200), "]}".repeat(200));
    assert!(read(deep.as_bytes(), "x").is_err());
    let odd = r#"{"bomFormat":"CycloneDX","components":[{"type":"library","name":"a"},{"type":"library","name":"b",
        "purl":"nonsense"},{"type":"file","name":"c"},{"type":"application","name":"d","components":[
        {"type":"library","name":"e","purl":"pkg:npm/e@1"}]}]}"#;
    let inventory = read(odd.as_bytes(), "x").unwrap();
    assert_eq!(inventory.packages.len(), 1, "what is nested is read");
    assert_eq!(inventory.diagnostics.len(), 3, "{:?}", inventory.diagnostics);
    let many = vec![r#"{"type":"library","name":"a"}"#; MAX_NOTES_OF_TEST].join(",");
    let inventory = read(format!(r#"{{"bomFormat":"CycloneDX","components":[{many}]}}"#).as_bytes(), "x").unwrap();
    assert_eq!(inventory.diagnostics.len(), 51);
    assert!(inventory.diagnostics[50].message.starts_with("10 more"));
}

const MAX_NOTES_OF_TEST: usize = 60;

#[test]
fn module_labels_of_other_tools_are_kept() {
    let property = |name: &str| format!(r#"{{"name":"{name}","value":"nodejs:18:9:x"}}"#);
    for (purl, properties) in [
        ("pkg:rpm/redhat/nodejs@18-1.module%2Bel9?rpmmod=nodejs:18:9:x", String::new()),
        ("pkg:rpm/redhat/nodejs@18-1.module%2Bel9?modularitylabel=nodejs%3A18%3A9%3Ax", String::new()),
        ("pkg:rpm/redhat/nodejs@18-1.module%2Bel9", property("syft:metadata:modularityLabel")),
        ("pkg:rpm/redhat/nodejs@18-1.module%2Bel9", property("aquasecurity:trivy:Modularitylabel")),
    ] {
        let inventory = read(component(purl, &properties).as_bytes(), "x").unwrap();
        assert_eq!(inventory.packages[0].properties["modularity_label"], "nodejs:18:9:x", "{purl} {properties}");
    }
}
