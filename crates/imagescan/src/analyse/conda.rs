//! Conda: `conda-meta/NAME-VERSION-BUILD.json`, one file for each installed package (conda's documentation, "Conda
//! packages"). Python distributions among them also have metadata of their own and are found by that, too.

use limits::json::{self, JsonLimits};
use model::Evidence;

use super::{Analyser, Packages, Take, unreadable};
use crate::record::Found;

/// The file lists every path of its package: those of large ones (Qt, CUDA) reach a few MB.
pub const META: Analyser = Analyser::packages(Take::Whole(16 << 20), meta);

fn meta(path: &str, bytes: &[u8]) -> Packages {
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) => return (Vec::new(), vec![unreadable("conda/meta", path, &error)]),
    };
    let text = |key: &str| value[key].as_str().filter(|text| !text.is_empty());
    // `history` and `state` of an environment lie in the same folder.
    let (Some(name), Some(version)) = (text("name"), text("version")) else { return Packages::default() };
    let mut found = Found::new("conda", name, version, Evidence::File);
    found.architecture = text("subdir").map(str::to_owned);
    found.licenses = text("license").map(str::to_owned).into_iter().collect();
    for key in ["build", "channel"] {
        found.properties.extend(text(key).map(|value| (key.to_owned(), value.to_owned())));
    }
    (vec![found], Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_of_an_environment() {
        let text = br#"{"name": "openssl", "version": "3.0.8", "build": "h0b41bf4_0", "license": "Apache-2.0",
            "channel": "https://conda.anaconda.org/conda-forge/linux-64", "subdir": "linux-64", "files": ["lib/x"]}"#;
        let (found, notes) = meta("opt/conda/conda-meta/openssl-3.0.8-h0b41bf4_0.json", text);
        assert!(notes.is_empty());
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("openssl", "3.0.8"));
        assert_eq!(found[0].properties["build"], "h0b41bf4_0");
        assert!(meta("x", br#"{"version": "1"}"#).0.is_empty());
        assert_eq!(meta("x", b"{").1[0].code, "conda/meta");
    }
}
