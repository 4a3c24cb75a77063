//! SBOMs that images carry about themselves (`*.cdx.json`, `*.spdx.json`): CycloneDX and SPDX.
//!
//! Only packages of languages count: what an operating system's manager installed stands in its own database, and a
//! document cannot add to it. What a document says is another tool's word and of low confidence.

use model::{Evidence, Level};

use super::{Analyser, Packages, Take};
use crate::record::Found;

/// Documents of large programs reach a few MB.
pub const DOCUMENT: Analyser = Analyser::packages(Take::Whole(16 << 20), document);

/// Whether a file is named as such a document.
pub fn is_document(name: &str) -> bool {
    name.ends_with(".cdx.json") || name.ends_with(".spdx.json")
}

fn document(path: &str, bytes: &[u8]) -> Packages {
    let inventory = match crate::sbom::read(bytes, path) {
        Ok(inventory) => inventory,
        Err(error) => {
            let message = format!("not readable as its name says: {error}");
            return (Vec::new(), vec![model::Diagnostic::new("sbom/document", Level::Note, path, message)]);
        }
    };
    let packages = inventory.packages.into_iter();
    let languages = packages.filter(|package| !matches!(package.r#type.as_str(), "deb" | "rpm" | "apk" | "alpm" | ""));
    let found = languages.filter(|package| !package.version.is_empty()).map(|package| {
        let mut found = Found::new(&package.r#type, package.name, package.version, Evidence::Sbom);
        (found.licenses, found.vendor) = (package.licenses, package.vendor);
        found.properties.insert("confidence".into(), "low".into());
        found
    });
    (found.collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_of_a_document() {
        let text = br#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
            {"type": "library", "name": "core", "version": "7.1.0", "purl": "pkg:npm/%40babel/core@7.1.0"},
            {"type": "library", "name": "bash", "version": "5.2-1", "purl": "pkg:deb/debian/bash@5.2-1"},
            {"type": "library", "name": "none", "purl": "pkg:npm/none"}]}"#;
        let (found, notes) = document("opt/app/app.cdx.json", text);
        assert!(notes.is_empty());
        assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["@babel/core"]);
        assert_eq!((found[0].evidence, found[0].properties["confidence"].as_str()), (Evidence::Sbom, "low"));
        assert_eq!(document("x.spdx.json", b"{}").1[0].code, "sbom/document");
        assert!(is_document("app.cdx.json") && is_document("app.spdx.json") && !is_document("package.json"));
    }
}
