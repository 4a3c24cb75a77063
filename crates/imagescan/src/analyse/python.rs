//! Installed Python distributions: `*.dist-info/METADATA`, `*.egg-info/PKG-INFO`, `*.egg-info` files, `EGG-INFO/PKG-INFO`.
//! The core metadata specification of the Python Packaging User Guide; PEP 376 and setuptools for the places.

use model::{Diagnostic, Evidence, Level};

use super::fields::fields;
use crate::path::{file_name, parent};
use crate::record::Found;

/// Whether a file named `METADATA` or `PKG-INFO` is that of an installed distribution. A `PKG-INFO` at the root of an
/// unpacked source archive is not.
pub fn wants(path: &str) -> bool {
    let folder = file_name(parent(path));
    match file_name(path) {
        "METADATA" => folder.ends_with(".dist-info"),
        _ => folder.ends_with(".egg-info") || folder == "EGG-INFO",
    }
}

/// The distribution that a metadata file describes.
pub fn metadata(path: &str, bytes: &[u8]) -> (Option<Found>, Vec<Diagnostic>) {
    let text = String::from_utf8_lossy(bytes);
    // Headers end at the first blank line; the description follows.
    let header = text.split("\n\n").next().unwrap_or_default();
    let header = header.split("\r\n\r\n").next().unwrap_or_default();
    let (mut name, mut version, mut vendor) = ("", "", "");
    let mut licenses: Vec<String> = Vec::new();
    for field in fields(header) {
        match field.name.to_ascii_lowercase().as_str() {
            "name" if name.is_empty() => name = field.value,
            "version" if version.is_empty() => version = field.value,
            "author" if !field.value.is_empty() => vendor = field.value,
            "license-expression" if !field.value.is_empty() => licenses = vec![field.value.to_owned()],
            "license" if licenses.is_empty() && !matches!(field.value, "" | "UNKNOWN") => {
                licenses = vec![field.value.to_owned()];
            }
            _ => {}
        }
    }
    if name.is_empty() || version.is_empty() {
        let note = Diagnostic::new("python/metadata", Level::Warning, path, "a distribution without name or version");
        return (None, vec![note]);
    }
    let mut found = Found::new("pypi", name, version, Evidence::File);
    found.licenses = licenses;
    found.vendor = (!vendor.is_empty()).then(|| vendor.to_owned());
    (Some(found), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (path, expected) in [
            ("usr/lib/python3/dist-packages/requests-2.28.1.dist-info/METADATA", true),
            ("usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO", true),
            ("opt/x.egg/EGG-INFO/PKG-INFO", true),
            ("src/requests-2.28.1/PKG-INFO", false),
            ("opt/METADATA", false),
        ] {
            assert_eq!(wants(path), expected, "{path}");
        }
    }

    #[test]
    fn reads_the_header_only() {
        let text = "Metadata-Version: 2.1\nName: requests\nVersion: 2.28.1\nLicense: Apache 2.0\n\nName: other\n";
        let (found, notes) = metadata("x", text.as_bytes());
        let found = found.unwrap();
        assert_eq!((found.name.as_str(), found.version.as_str()), ("requests", "2.28.1"));
        assert_eq!(found.licenses, ["Apache 2.0"]);
        assert!(notes.is_empty());
    }

    #[test]
    fn says_when_something_is_missing() {
        let (found, notes) = metadata("a/METADATA", b"Name: x\n");
        assert_eq!((found, notes[0].code.as_str()), (None, "python/metadata"));
    }
}
