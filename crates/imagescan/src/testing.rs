//! Makes archives for tests: byte by byte, so that damaged and unusual ones can be made as well.

use model::{Artifact, Inventory, Layer, Package};

use crate::analyse::Packages;
use crate::room::Held;
use crate::{LayerRecord, LayerScanner, Options, merge};

/// A header block.
pub fn header(path: &str, flag: u8, size: u64, link: &str) -> [u8; 512] {
    let mut block = [0; 512];
    block[..path.len()].copy_from_slice(path.as_bytes());
    block[100..108].copy_from_slice(b"0000755\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = flag;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..263].copy_from_slice(b"ustar\0");
    block[263..265].copy_from_slice(b"00");
    seal(&mut block);
    block
}

/// Writes the checksum.
pub fn seal(block: &mut [u8; 512]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// An archive in the making.
#[derive(Debug, Clone, Default)]
pub struct Archive(pub Vec<u8>);

impl Archive {
    pub fn raw(mut self, block: &[u8], content: &[u8]) -> Self {
        self.0.extend_from_slice(block);
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn entry(self, path: &str, flag: u8, content: &[u8], link: &str) -> Self {
        self.raw(&header(path, flag, content.len() as u64, link), content)
    }

    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(path, b'0', content.as_ref(), "")
    }

    pub fn folder(self, path: &str) -> Self {
        self.entry(path, b'5', b"", "")
    }

    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(path, b'2', b"", target)
    }

    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.entry(path, b'1', b"", target)
    }

    /// A PAX header before the next entry.
    pub fn pax(self, records: &[(&str, &str)]) -> Self {
        let text: String = records.iter().map(|(key, value)| pax_record(key, value)).collect();
        self.entry("PaxHeaders/x", b'x', text.as_bytes(), "")
    }

    /// The archive with its end.
    pub fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }

    pub fn record(self) -> LayerRecord {
        self.record_with(&Options::default())
    }

    pub fn record_with(self, options: &Options) -> LayerRecord {
        LayerScanner::new(options).scan(self.finish().as_slice()).unwrap()
    }
}

/// A file as an analyser is given it.
pub fn held(bytes: &[u8]) -> Held {
    Held::of(bytes, bytes.len() as u64, None).unwrap()
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
pub fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length += 1;
    }
    format!("{length}{rest}")
}

/// A layer by a short name.
pub fn layer(name: &str) -> Layer {
    Layer { digest: name.to_owned(), diff_id: String::new(), size_bytes: 0, created_by: None, complete: true }
}

/// The inventory of layers named `l0`, `l1`, …
pub fn image(layers: Vec<Archive>) -> Inventory {
    let layers = layers.into_iter().enumerate().map(|(n, archive)| (layer(&format!("l{n}")), archive.record()));
    merge(layers.collect(), Artifact::default())
}

/// One line a package: `name version layer`.
pub fn lines(inventory: &Inventory) -> Vec<String> {
    let line = |p: &Package| format!("{} {} {}", p.name, p.version, p.layer.as_deref().unwrap_or("-"));
    inventory.packages.iter().map(line).collect()
}

/// A paragraph of a dpkg status file.
pub fn deb(name: &str, version: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
}

/// What an analyser of one file finds in a text, as (name, version), without a diagnostic.
pub fn check_packages(parse: fn(&str, &[u8]) -> Packages, text: &str, expected: &[(&str, &str)]) {
    let (found, notes) = parse("x", text.as_bytes());
    assert!(notes.is_empty(), "{notes:?}");
    let found: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.version.as_str())).collect();
    assert_eq!(found, expected);
}
