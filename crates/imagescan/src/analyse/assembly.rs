//! .NET assemblies: name and version in the version resource of a PE file.
//!
//! Formats: "`VS_VERSIONINFO`" and "String" of the Windows menu and resource documentation; ECMA-335 §II.24.2.1 for the
//! mark of managed code. Only assemblies count: what Windows itself brings has such resources, too. The name of an
//! assembly is most often that of its package, which no rule demands: these finds are of low confidence, and give way to a
//! `deps.json` in the same folder.

use model::Evidence;

use super::pieces::{Capture, Mark, View};
use crate::bytes::le16;
use crate::path::extension;
use crate::record::Found;

/// First bytes of the metadata of managed code.
const MANAGED: &[u8] = b"BSJB";
/// Key of the resource; texts are UTF-16, little-endian.
const RESOURCE: &str = "VS_VERSION_INFO";
/// Bytes of a resource that are read; real ones have about 1,000.
const MAX_RESOURCE: usize = 8 << 10;
/// Resources of one file that are looked at.
const MAX_RESOURCES: usize = 4;
/// Characters of a value.
const MAX_VALUE: usize = 256;

/// Looks for the marks of an assembly.
#[derive(Debug)]
pub struct Search {
    managed_mark: Mark,
    managed: bool,
    resource_mark: Mark,
    resources: Vec<Capture>,
}

impl Search {
    /// The search for a file of this name.
    pub fn for_name(name: &str) -> Option<Self> {
        matches!(extension(name), "dll" | "exe").then(|| Self {
            managed_mark: Mark::new(MANAGED, MANAGED.len()),
            managed: false,
            resource_mark: Mark::new(&utf16(RESOURCE), 2 * RESOURCE.len()),
            resources: Vec::new(),
        })
    }

    pub fn look(&mut self, view: &View<'_>) {
        let (managed, resources) = (&mut self.managed, &mut self.resources);
        self.managed_mark.search(view, |_| *managed = true);
        self.resource_mark.search(view, |at| {
            if resources.len() < MAX_RESOURCES {
                resources.push(Capture::new(at, MAX_RESOURCE));
            }
        });
        self.resources.iter_mut().for_each(|resource| resource.feed(view));
    }

    pub fn finish(self) -> Option<Found> {
        if !self.managed {
            return None;
        }
        self.resources.iter().find_map(|resource| assembly(resource.at(), resource.bytes()))
    }
}

/// The assembly that a resource describes.
fn assembly(offset: u64, resource: &[u8]) -> Option<Found> {
    let name = value(resource, "InternalName").or_else(|| value(resource, "OriginalFilename"))?;
    let name = name.strip_suffix(".dll").or_else(|| name.strip_suffix(".exe")).unwrap_or(&name);
    // `13.0.1+0a2e291c0d9c0c7675d445703e51750363a549ef`: the version and the commit.
    let version = value(resource, "ProductVersion").or_else(|| value(resource, "FileVersion"))?;
    let version = version.split(['+', ' ']).next().unwrap_or_default();
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !plain(name) || !plain(version) || !version.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut found = Found::new("nuget", name, version, Evidence::Binary);
    found.offset = Some(offset);
    found.vendor = value(resource, "CompanyName");
    found.properties.insert("confidence".into(), "low".into());
    Some(found)
}

/// The value of a key: behind the key's NUL, padded to four bytes, up to a NUL.
fn value(resource: &[u8], key: &str) -> Option<String> {
    let key = utf16(&format!("{key}\0"));
    let mut at = memchr::memmem::find(resource, &key)? + key.len();
    // Padding is a NUL or none.
    if le16(resource, at) == Some(0) {
        at += 2;
    }
    let units = (0..MAX_VALUE).map_while(|index| le16(resource, at + 2 * index).filter(|unit| *unit != 0));
    let text = String::from_utf16_lossy(&units.collect::<Vec<u16>>()).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(values: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = utf16("VS_VERSION_INFO\0");
        for (key, value) in values {
            // Lengths and type of the entry, key, padding, value.
            bytes.extend([80, 0, 9, 0, 1, 0]);
            bytes.extend(utf16(&format!("{key}\0")));
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(utf16(&format!("{value}\0")));
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    fn check(name: &str, parts: &[&[u8]], expected: Option<(&str, &str)>) {
        let bytes = parts.concat();
        let found = Search::for_name(name).and_then(|mut search| {
            search.look(&View { bytes: &bytes, start: 0, last: true });
            search.finish()
        });
        let found = found.as_ref().map(|found| (found.name.as_str(), found.version.as_str()));
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn assemblies_tell_name_and_version() {
        let values =
            [("CompanyName", "Newtonsoft"), ("FileVersion", "13.0.1.25517"), ("InternalName", "Newtonsoft.Json.dll")];
        let product = [&values[..], &[("ProductVersion", "13.0.1+0a2e291c")]].concat();
        check("Newtonsoft.Json.dll", &[b"MZ..", b"BSJB", &resource(&product)], Some(("Newtonsoft.Json", "13.0.1")));
        check("Newtonsoft.Json.dll", &[b"BSJB", &resource(&values)], Some(("Newtonsoft.Json", "13.0.1.25517")));
        check("kernel32.dll", &[b"MZ..", &resource(&product)], None);
        check("x.so", &[b"BSJB", &resource(&product)], None);
        check("x.dll", &[b"BSJB", &resource(&[("InternalName", "a b"), ("ProductVersion", "1")])], None);
    }

    proptest::proptest! {
        #[test]
        fn any_resource_is_read(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), cut in 0_usize..300) {
            let whole = [resource(&[("InternalName", "a.dll"), ("ProductVersion", "1.0")]), bytes].concat();
            assembly(0, &whole[..cut.min(whole.len())]);
        }
    }
}
