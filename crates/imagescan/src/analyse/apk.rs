//! apk: the database of installed packages of Alpine, Wolfi and Chainguard. "Apk spec" of the Alpine wiki: paragraphs of
//! `K:value` lines.

use model::{Diagnostic, Evidence, Level, Position, SourcePackage};

use super::fields::paragraphs;
use super::{Analyser, Packages, Take, can_be_package, owned};
use crate::record::{Found, Manager};

/// `lib/apk/db/installed`. With file lists, a large development image has about 20 MB.
pub const INSTALLED: Analyser = Analyser::database(Manager::Apk, Take::Whole(64 << 20), installed);

fn installed(path: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let (mut found, mut diagnostics) = (Vec::new(), Vec::new());
    for (line, offset, paragraph) in paragraphs(&text) {
        if let Some(package) = package(paragraph) {
            found.push(package);
        } else {
            let place = Position { line, column: 1, offset };
            let note = Diagnostic::new("apk/paragraph", Level::Warning, path, "a package without name or version");
            diagnostics.push(note.at(place, paragraph.lines().next().map_or(1, str::len)));
        }
    }
    (found, diagnostics)
}

fn package(paragraph: &str) -> Option<Found> {
    let mut found = Found::new("apk", "", "", Evidence::File);
    let (mut origin, mut folder, mut files) = ("", "", Vec::new());
    for line in paragraph.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        match key {
            "P" => value.clone_into(&mut found.name),
            "V" => value.clone_into(&mut found.version),
            "A" => found.architecture = Some(value.to_owned()),
            "L" if !value.is_empty() => found.licenses = vec![value.to_owned()],
            "m" if !value.is_empty() => found.vendor = Some(value.to_owned()),
            "o" => origin = value,
            "F" => folder = value,
            "R" => {
                let file = if folder.is_empty() { value.to_owned() } else { format!("{folder}/{value}") };
                if can_be_package(&file) {
                    files.push(owned(&file));
                }
            }
            _ => {}
        }
    }
    if found.name.is_empty() || found.version.is_empty() {
        return None;
    }
    let origin = if origin.is_empty() { found.name.clone() } else { origin.to_owned() };
    found.source = Some(SourcePackage { name: origin, version: found.version.clone() });
    found.owns = files.into_iter().collect();
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "C:Q1abc=\nP:libssl3\nV:3.3.1-r0\nA:x86_64\nL:Apache-2.0\no:openssl\nm:A <a@b>\nF:usr/lib\nR:libssl.so.3\nZ:Q1x\nF:usr/bin\nR:openssl\n\nP:busybox\nV:1.36.1-r29\n\nP:broken\n";

    #[test]
    fn reads_packages_with_origin_and_files() {
        let (found, notes) = installed("lib/apk/db/installed", TEXT.as_bytes());
        assert_eq!(found.len(), 2);
        let source = found[0].source.as_ref().unwrap();
        assert_eq!((source.name.as_str(), source.version.as_str()), ("openssl", "3.3.1-r0"));
        assert!(found[0].owns.iter().any(|hash| *hash == owned("usr/bin/openssl")));
        assert_eq!(found[1].source.as_ref().unwrap().name, "busybox");
        assert_eq!(notes[0].span.start.unwrap().line, 17);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[A-Z]:.{0,9}\n{0,2}") {
            installed("x", text.as_bytes());
        }

        #[test]
        fn mutations_never_panic(at in 0..TEXT.len(), value in any::<u8>()) {
            let mut bytes = TEXT.as_bytes().to_vec();
            bytes[at] = value;
            installed("x", &bytes);
        }
    }
}
