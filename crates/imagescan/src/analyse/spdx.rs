//! SPDX documents that images carry about themselves: Bitnami's components (`opt/bitnami/NAME/.spdx-NAME.spdx`). The SPDX
//! specification 2.3, JSON form.
//!
//! What it is not: the reader of an SBOM that a user gives. Only packages with a purl of the types named here count: the
//! documents also list what other analysers find themselves.

use limits::json::{self, JsonLimits};
use model::{Evidence, Purl};

use super::{Analyser, Packages, Take, unreadable};
use crate::record::Found;

/// Documents of about 50 KB.
pub const BITNAMI: Analyser = Analyser::packages(Take::Whole(8 << 20), bitnami);

fn bitnami(path: &str, bytes: &[u8]) -> Packages {
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) => return (Vec::new(), vec![unreadable("spdx/document", path, &error)]),
    };
    let packages = value["packages"].as_array().into_iter().flatten();
    let found = packages.filter_map(|package| {
        let references = package["externalRefs"].as_array()?.iter();
        let mut purls = references.filter(|reference| reference["referenceType"] == "purl");
        let purl: Purl = purls.find_map(|reference| reference["referenceLocator"].as_str()?.parse().ok())?;
        if purl.r#type != "bitnami" || purl.version.is_empty() {
            return None;
        }
        let mut found = Found::new("bitnami", purl.name, purl.version, Evidence::Sbom);
        let license = package["licenseDeclared"].as_str().filter(|text| !matches!(*text, "NOASSERTION" | "NONE"));
        found.licenses = license.into_iter().map(str::to_owned).collect();
        Some(found)
    });
    (found.collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_of_bitnami() {
        let text = r#"{"spdxVersion": "SPDX-2.3", "packages": [
            {"name": "redis", "licenseDeclared": "BSD-3-Clause", "externalRefs": [
                {"referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:x"},
                {"referenceType": "purl", "referenceLocator": "pkg:bitnami/redis@7.2.4-1?arch=amd64"}]},
            {"name": "x", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:npm/x@1"}]},
            {"name": "y"}]}"#;
        let (found, _) = bitnami("opt/bitnami/redis/.spdx-redis.spdx", text.as_bytes());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("redis", "7.2.4-1"));
        assert_eq!(found[0].licenses, ["BSD-3-Clause"]);
        assert_eq!(bitnami("x", b"{").1[0].code, "spdx/document");
    }
}
