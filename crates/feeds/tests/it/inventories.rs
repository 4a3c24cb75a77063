//! Inventories for tests: read by the distributions' own tools, or written by hand.

use std::path::Path;
use std::process::Command;

use model::image::Producer;
use model::{Artifact, Evidence, Inventory, OperatingSystem, Package, Purl, SourcePackage};

/// An inventory of packages.
pub fn inventory(os: Option<(&str, &str)>, packages: Vec<Package>) -> Inventory {
    Inventory {
        id: "test".into(),
        artifact: Artifact::default(),
        os: os.map(|(id, version)| OperatingSystem {
            id: id.into(),
            version: version.into(),
            name: format!("{id} {version}"),
            end_of_life: None,
        }),
        layers: Vec::new(),
        packages,
        diagnostics: Vec::new(),
        producer: Producer { analysers_version: "test".into() },
    }
}

/// A package with a purl and nothing else.
pub fn package(kind: &str, name: &str, version: &str) -> Package {
    let (namespace, short) = name.rsplit_once(['/', ':']).unwrap_or(("", name));
    Package {
        purl: Purl::new(kind, namespace, short, version).to_string(),
        name: name.into(),
        version: version.into(),
        architecture: None,
        r#type: kind.into(),
        source: None,
        layer: None,
        locations: Vec::new(),
        evidence: Evidence::File,
        owner: None,
        licenses: Vec::new(),
        vendor: None,
        properties: std::collections::BTreeMap::new(),
    }
}

/// The packages of an rpm database, as rpm itself lists them.
pub fn rpm_database(dir: &Path) -> Vec<Package> {
    let output = Command::new("rpm")
        .arg("--dbpath")
        .arg(dir)
        .args(["-qa", "--qf", "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\n"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().filter_map(rpm_line).collect()
}

fn rpm_line(line: &str) -> Option<Package> {
    let fields: Vec<&str> = line.split('\t').collect();
    let &[name, epoch, version, architecture, source] = fields.as_slice() else { panic!("{line}") };
    let source = source.strip_suffix(".src.rpm")?;
    let mut parts = source.rsplitn(3, '-');
    let (release, source_version) = (parts.next()?, parts.next()?);
    let version = if epoch == "0" { version.to_owned() } else { format!("{epoch}:{version}") };
    let mut found = package("rpm", name, &version);
    found.architecture = Some(architecture.to_owned());
    found.source =
        Some(SourcePackage { name: parts.next()?.to_owned(), version: format!("{source_version}-{release}") });
    Some(found)
}
