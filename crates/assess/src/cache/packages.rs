//! The packages of an inventory in few bytes: every text once, packages as numbers of texts.
//!
//! A form of our own for [`super::inventory`] and nothing else; any change of it changes [`super::inventory::FORM`].
//! Numbers are LEB128 (7 bits a byte, lowest first). What is read may be damaged: then there is no result.

use std::collections::{BTreeMap, HashMap};

use model::{Evidence, Location, Package, SourcePackage};

/// Texts of all packages, in bytes: 100,000 packages of 2 KiB stay below. A text that is kept once may be named any number
/// of times, so without this few bytes could become very many.
const MAX_TEXT_BYTES: usize = 256 << 20;

/// Writes packages.
pub fn encode(packages: &[Package]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.number(packages.len());
    for package in packages {
        writer.package(package);
    }
    let Writer { texts, body, .. } = writer;
    let mut out = Writer::default();
    out.number(texts.len());
    for text in texts {
        out.number(text.len());
        out.body.extend_from_slice(text.as_bytes());
    }
    out.body.extend_from_slice(&body);
    out.body
}

/// Reads what [`encode`] wrote; `None` for anything else.
pub fn decode(bytes: &[u8]) -> Option<Vec<Package>> {
    decode_within(bytes, MAX_TEXT_BYTES)
}

fn decode_within(bytes: &[u8], text_bytes: usize) -> Option<Vec<Package>> {
    let mut reader = Reader { bytes, texts: Vec::new(), left: text_bytes };
    let texts = reader.count()?;
    reader.texts.reserve(texts);
    for _ in 0..texts {
        let length = reader.count()?;
        let (text, rest) = reader.bytes.split_at_checked(length)?;
        reader.texts.push(std::str::from_utf8(text).ok()?);
        reader.bytes = rest;
    }
    let packages = reader.list(Reader::package)?;
    reader.bytes.is_empty().then_some(packages)
}

#[derive(Default)]
struct Writer<'a> {
    numbers: HashMap<&'a str, usize>,
    texts: Vec<&'a str>,
    body: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn number(&mut self, number: usize) {
        let mut rest = number;
        loop {
            let low = rest.to_le_bytes()[0] & 0x7f;
            rest >>= 7;
            if rest == 0 {
                return self.body.push(low);
            }
            self.body.push(low | 0x80);
        }
    }

    fn text(&mut self, text: &'a str) {
        let next = self.texts.len();
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        self.number(number);
    }

    /// 0 stands for none.
    fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.number(usize::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn maybe_text(&mut self, text: Option<&'a String>) {
        self.maybe(text, |writer, text| writer.text(text));
    }

    fn package(&mut self, package: &'a Package) {
        // All fields by name: one that is added to the model does not get lost here.
        let Package {
            purl,
            name,
            version,
            architecture,
            r#type,
            source,
            layer,
            locations,
            evidence,
            owner,
            licenses,
            vendor,
            properties,
        } = package;
        for text in [purl, name, version, r#type] {
            self.text(text);
        }
        for text in [architecture, layer, owner, vendor] {
            self.maybe_text(text.as_ref());
        }
        self.maybe(source.as_ref(), |writer, SourcePackage { name, version }| {
            writer.text(name);
            writer.text(version);
        });
        self.number(match evidence {
            Evidence::File => 0,
            Evidence::Lock => 1,
            Evidence::Binary => 2,
            Evidence::Manifest => 3,
            Evidence::Sbom => 4,
        });
        self.number(locations.len());
        for Location { path, layer, offset } in locations {
            self.text(path);
            self.maybe_text(layer.as_ref());
            // A file of more bytes than a number of this machine has was not read.
            self.maybe(offset.and_then(|offset| usize::try_from(offset).ok()), Self::number);
        }
        self.number(licenses.len());
        for license in licenses {
            self.text(license);
        }
        self.number(properties.len());
        for (name, value) in properties {
            self.text(name);
            self.text(value);
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    texts: Vec<&'a str>,
    /// Bytes of texts that may still be copied.
    left: usize,
}

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for shift in (0..usize::BITS).step_by(7) {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A number of things that follow, each of at least a byte: more than there are bytes are not there.
    fn count(&mut self) -> Option<usize> {
        self.number().filter(|count| *count <= self.bytes.len())
    }

    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn text(&mut self) -> Option<&'a str> {
        let number = self.number()?;
        self.texts.get(number).copied()
    }

    fn owned(&mut self) -> Option<String> {
        let text = self.text()?;
        self.left = self.left.checked_sub(text.len())?;
        Some(text.to_owned())
    }

    #[expect(clippy::option_option, reason = "the outer none is damage, the inner a value that is not there")]
    fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.number()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    fn package(&mut self) -> Option<Package> {
        let (purl, name, version, r#type) = (self.owned()?, self.owned()?, self.owned()?, self.owned()?);
        let (architecture, layer) = (self.maybe(Self::owned)?, self.maybe(Self::owned)?);
        let (owner, vendor) = (self.maybe(Self::owned)?, self.maybe(Self::owned)?);
        let source = self.maybe(|reader| Some(SourcePackage { name: reader.owned()?, version: reader.owned()? }))?;
        let evidence = match self.number()? {
            0 => Evidence::File,
            1 => Evidence::Lock,
            2 => Evidence::Binary,
            3 => Evidence::Manifest,
            4 => Evidence::Sbom,
            _ => return None,
        };
        let locations = self.list(|reader| {
            let (path, layer) = (reader.owned()?, reader.maybe(Self::owned)?);
            let offset = reader.maybe(Self::number)?.map(|offset| offset as u64);
            Some(Location { path, layer, offset })
        })?;
        let licenses = self.list(Self::owned)?;
        let properties = self.list(|reader| Some((reader.owned()?, reader.owned()?)))?;
        Some(Package {
            purl,
            name,
            version,
            architecture,
            r#type,
            source,
            layer,
            locations,
            evidence,
            owner,
            licenses,
            vendor,
            properties: properties.into_iter().collect::<BTreeMap<_, _>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> Package {
        Package {
            purl: format!("pkg:deb/debian/{name}@1"),
            name: name.into(),
            version: "1".into(),
            architecture: Some("amd64".into()),
            r#type: "deb".into(),
            source: Some(SourcePackage { name: "src".into(), version: "1".into() }),
            layer: None,
            locations: vec![
                Location { path: "a".into(), layer: Some("sha256:x".into()), offset: None },
                Location { path: "b".into(), layer: None, offset: Some(1 << 40) },
            ],
            evidence: Evidence::Binary,
            owner: Some(String::new()),
            licenses: vec!["MIT".into()],
            vendor: None,
            properties: BTreeMap::from([("k".into(), "v".repeat(300))]),
        }
    }

    fn bare() -> Package {
        Package {
            architecture: None,
            source: None,
            locations: Vec::new(),
            evidence: Evidence::Sbom,
            owner: None,
            licenses: Vec::new(),
            properties: BTreeMap::new(),
            ..package("bare")
        }
    }

    #[test]
    fn what_was_written_is_read() {
        for packages in [vec![], vec![package("a"), bare(), package("b")]] {
            assert_eq!(decode(&encode(&packages)), Some(packages));
        }
    }

    #[test]
    fn every_evidence_keeps_its_number() {
        for evidence in [Evidence::File, Evidence::Lock, Evidence::Binary, Evidence::Manifest, Evidence::Sbom] {
            let packages = vec![Package { evidence, ..bare() }];
            assert_eq!(decode(&encode(&packages)), Some(packages));
        }
    }

    #[test]
    fn cut_and_changed_bytes_give_nothing_or_something_else_and_no_panic() {
        let whole = encode(&[package("a"), bare()]);
        for end in 0..whole.len() {
            assert_eq!(decode(&whole[..end]), None, "cut at {end}");
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                drop(decode(&bytes));
            }
        }
        assert_eq!(decode(&[&whole[..], b"x"].concat()), None, "something follows");
    }

    #[test]
    fn texts_are_counted_as_often_as_they_are_named() {
        let packages = vec![Package { licenses: vec!["v".repeat(1_000); 50], ..bare() }];
        let whole = encode(&packages);
        assert!(whole.len() < 2_000, "kept once");
        assert_eq!(decode_within(&whole, 51_000), Some(packages));
        assert_eq!(decode_within(&whole, 50_000), None);
    }

    #[test]
    fn counts_beyond_the_bytes_reserve_nothing() {
        let mut bytes = vec![0xff; 9];
        bytes.push(1);
        assert_eq!(decode(&bytes), None);
    }
}
