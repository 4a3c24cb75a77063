//! `container-manifest-2` of CBL-Mariner's and Azure Linux's distroless images, which have no database: lines of
//! `NAME VERSION-RELEASE INSTALLTIME BUILDTIME VENDOR EPOCH SIZE ARCH EPOCHNUM SOURCERPM`, separated by tabs
//! (`mkimage/distroless` of microsoft/azurelinux).

use model::{Diagnostic, Evidence, Level, Position};

use super::{Packages, source_package};
use crate::record::Found;

/// Fields of a line.
const FIELDS: usize = 10;

/// The packages of a manifest.
pub fn parse(path: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let (mut found, mut diagnostics, mut offset) = (Vec::new(), Vec::new(), 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if let Some(package) = package(line.trim_end()) {
            found.push(package);
        } else if !line.trim().is_empty() {
            let place = Position { line: u32::try_from(number + 1).unwrap_or(u32::MAX), column: 1, offset };
            let note = Diagnostic::new("rpm/manifest", Level::Warning, path, "a line that is no package");
            diagnostics.push(note.at(place, line.len()));
        }
        offset += line.len();
    }
    (found, diagnostics)
}

fn package(line: &str) -> Option<Found> {
    let fields: Vec<&str> = line.split('\t').collect();
    if fields.len() != FIELDS || fields[0].is_empty() || !fields[1].contains('-') {
        return None;
    }
    let epoch = fields[8].parse::<u32>().ok().filter(|epoch| *epoch > 0);
    let full = |version: &str| epoch.map_or_else(|| version.to_owned(), |epoch| format!("{epoch}:{version}"));
    let mut found = Found::new("rpm", fields[0], full(fields[1]), Evidence::File);
    found.vendor = Some(fields[4].to_owned()).filter(|vendor| !matches!(vendor.as_str(), "" | "(none)"));
    found.architecture = Some(fields[7].to_owned()).filter(|architecture| !architecture.is_empty());
    found.source = source_package(fields[9], full);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_and_names_those_it_can_not() {
        let text = "openssl\t1.1.1k-17.cm2\t16\t16\tMicrosoft Corporation\t(none)\t580\tx86_64\t0\topenssl-src-1.1.1k-17.cm2.src.rpm\nbroken line\n\nshadow\t4-1\t1\t1\t(none)\t2\t5\tnoarch\t2\tshadow-4-1.src.rpm\n";
        let (found, notes) = parse("m", text.as_bytes());
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].source.as_ref().unwrap().name, "openssl-src");
        assert_eq!((found[1].version.as_str(), found[1].vendor.as_deref()), ("2:4-1", None));
        assert_eq!((notes.len(), notes[0].span.start.unwrap().line), (1, 2));
    }
}
