//! Python: installed distributions (`*.dist-info/METADATA`, `*.egg-info/PKG-INFO`, `*.egg-info` files,
//! `EGG-INFO/PKG-INFO`) and lock files (pinned requirements, Poetry, uv, PDM, Pipenv, `pylock.toml`).
//!
//! Formats: the core metadata and `pylock.toml` specifications of the Python Packaging User Guide; PEP 376 and setuptools
//! for the places; the tools' documentation for their lock files.

use std::sync::Arc;

use limits::json::{self, JsonLimits};
use limits::zip::{Archive, ZipLimits};
use model::{Diagnostic, Evidence, Level};

use super::fields::fields;
use super::{Analyser, Packages, Take, toml, unreadable};
use crate::path::{file_name, parent};
use crate::record::Found;
use crate::room::{Held, Room};

/// Name and version come first, the description last.
pub const METADATA: Analyser = Analyser::packages(Take::Start(64 << 10), metadata);
/// An egg that is imported as it is, packed; scientific ones have some ten megabytes.
pub const EGG: Analyser = Analyser::archive(256 << 20, egg);
/// Only the metadata of an egg is unpacked.
const EGG_LIMITS: ZipLimits = ZipLimits { entries: 100_000, entry_bytes: 4 << 20, total_bytes: 4 << 20 };
/// A list that people write.
pub const REQUIREMENTS: Analyser = Analyser::packages(Take::Whole(4 << 20), requirements);
/// Lock files with hashes reach a few MB.
pub const TOML_LOCK: Analyser = Analyser::packages(Take::Whole(32 << 20), toml_lock);
/// As [`TOML_LOCK`].
pub const PIPFILE_LOCK: Analyser = Analyser::packages(Take::Whole(16 << 20), pipfile_lock);

/// Whether a file named `METADATA` or `PKG-INFO` is that of an installed distribution. A `PKG-INFO` at the root of an
/// unpacked source archive is not.
pub fn is_installed(path: &str) -> bool {
    let folder = file_name(parent(path));
    match file_name(path) {
        "METADATA" => folder.ends_with(".dist-info"),
        _ => folder.ends_with(".egg-info") || folder == "EGG-INFO",
    }
}

/// Whether a file is one of pip's lists by its name, as projects call theirs: `requirements-dev.txt`,
/// `test-requirements.txt`, `requirements/base.txt`.
pub fn is_requirements(path: &str) -> bool {
    let Some(stem) = file_name(path).strip_suffix(".txt") else { return false };
    stem.starts_with("requirements") || stem.ends_with("requirements") || file_name(parent(path)) == "requirements"
}

/// The distribution that a metadata file describes.
fn metadata(path: &str, bytes: &[u8]) -> Packages {
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
        return (Vec::new(), vec![note]);
    }
    let mut found = Found::new("pypi", name, version, Evidence::File);
    found.licenses = licenses;
    found.vendor = (!vendor.is_empty()).then(|| vendor.to_owned());
    (vec![found], Vec::new())
}

/// The distribution in an egg (setuptools, "The Internal Structure of Python Eggs").
fn egg(path: &str, mut held: Held, _: Option<&Arc<dyn Room>>) -> Packages {
    const PLACE: &str = "EGG-INFO/PKG-INFO";
    let mut archive = match Archive::open(&mut held, EGG_LIMITS) {
        Ok(archive) => archive,
        Err(error) => return (Vec::new(), vec![unreadable("python/egg", path, &error)]),
    };
    let Some(index) = (0..archive.len()).find(|index| archive.name(*index).as_deref() == Some(PLACE)) else {
        return Default::default();
    };
    match archive.read(index) {
        Ok(bytes) => {
            let (mut found, notes) = metadata(path, &bytes);
            for found in &mut found {
                PLACE.clone_into(&mut found.inner);
            }
            (found, notes)
        }
        Err(error) => (Vec::new(), vec![unreadable("python/egg", path, &error)]),
    }
}

/// Lines `name==version`: others state wishes, not versions. PEP 508 for the form of a line.
fn requirements(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let found = text.lines().filter_map(|line| {
        let line = line.split(['#', ';']).next()?;
        let (name, version) = line.split_once("==")?;
        // `name[extra] == 1.0`, `name===1.0`; hashes and options follow a space.
        let name = name.split('[').next()?.trim();
        let version = version.trim_start_matches('=').split_whitespace().next()?.trim_end_matches(['\\', ',']);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let sane = !name.is_empty() && name.chars().all(plain) && !version.is_empty() && !version.contains(['*', ',']);
        sane.then(|| Found::new("pypi", name, version, Evidence::Lock))
    });
    (found.collect(), Vec::new())
}

fn toml_lock(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let tables = toml::packages(&text);
    // The project itself and its neighbours are locked by their place, not by a release.
    let local = |source: &str| ["virtual", "editable", "directory"].iter().any(|kind| source.contains(kind));
    let found = tables.iter().filter(|table| !local(table.source));
    (found.map(|table| Found::new("pypi", table.name, table.version, Evidence::Lock)).collect(), Vec::new())
}

fn pipfile_lock(path: &str, bytes: &[u8]) -> Packages {
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) => return (Vec::new(), vec![super::unreadable("python/lock", path, &error)]),
    };
    let packages = ["default", "develop"].into_iter().filter_map(|group| value[group].as_object()).flatten();
    let found = packages.filter_map(|(name, package)| {
        let version = package["version"].as_str()?.strip_prefix("==")?;
        Some(Found::new("pypi", name, version, Evidence::Lock))
    });
    (found.collect(), Vec::new())
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
            assert_eq!(is_installed(path), expected, "{path}");
        }
    }

    #[test]
    fn lists_by_the_names_that_projects_give_them() {
        for path in ["requirements.txt", "a/requirements-dev.txt", "a/test_requirements.txt", "requirements/base.txt"] {
            assert!(is_requirements(path), "{path}");
        }
        assert!(!is_requirements("a/notes.txt") && !is_requirements("requirements.in"));
    }

    #[test]
    fn eggs_are_read_as_they_are_imported() {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, text) in [("a/__init__.py", ""), ("EGG-INFO/PKG-INFO", "Name: a\nVersion: 1.2\n\nx")] {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
        }
        let bytes = writer.finish().unwrap().into_inner();
        let read = |bytes: &[u8]| egg("x/a-1.2-py3.egg", Held::of(bytes, bytes.len() as u64, None).unwrap(), None);
        let (found, notes) = read(&bytes);
        assert!(notes.is_empty(), "{notes:?}");
        let line = |found: &Found| format!("{} {} {}", found.name, found.version, found.inner);
        assert_eq!(found.iter().map(line).collect::<Vec<_>>(), ["a 1.2 EGG-INFO/PKG-INFO"]);
        assert_eq!(read(&bytes[..40]).1[0].code, "python/egg");
        let empty = zip::ZipWriter::new(std::io::Cursor::new(Vec::new())).finish().unwrap().into_inner();
        assert!(read(&empty).0.is_empty() && read(&empty).1.is_empty());
    }

    #[test]
    fn reads_the_header_only() {
        let text = "Metadata-Version: 2.1\nName: requests\nVersion: 2.28.1\nLicense: Apache 2.0\n\nName: other\n";
        let (found, notes) = metadata("x", text.as_bytes());
        let found = &found[0];
        assert_eq!((found.name.as_str(), found.version.as_str()), ("requests", "2.28.1"));
        assert_eq!(found.licenses, ["Apache 2.0"]);
        assert!(notes.is_empty());
    }

    #[test]
    fn says_when_something_is_missing() {
        let (found, notes) = metadata("a/METADATA", b"Name: x\n");
        assert_eq!((found, notes[0].code.as_str()), (vec![], "python/metadata"));
    }

    fn check(parse: fn(&str, &[u8]) -> Packages, text: &str, expected: &[(&str, &str)]) {
        let (found, notes) = parse("lock", text.as_bytes());
        assert!(notes.is_empty(), "{notes:?}");
        let found: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.version.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn pinned_requirements_only() {
        let text = "Django==4.2.1  # web\nrequests[socks] == 2.31.0 ; python_version > '3'\nflask>=2\nnumpy==1.*\n-r other.txt\na===1.0 \\\n    --hash=sha256:00\nb==1,<2\n";
        check(requirements, text, &[("Django", "4.2.1"), ("requests", "2.31.0"), ("a", "1.0")]);
    }

    #[test]
    fn locks_of_each_tool() {
        let poetry = "[[package]]\nname = \"a\"\nversion = \"1\"\n\n[package.dependencies]\nb = \">=1\"\n";
        check(toml_lock, poetry, &[("a", "1")]);
        let uv = "[[package]]\nname = \"app\"\nversion = \"0\"\nsource = { virtual = \".\" }\n[[package]]\nname = \"b\"\nversion = \"2\"\nsource = { registry = \"https://pypi.org/simple\" }\n";
        check(toml_lock, uv, &[("b", "2")]);
        let pipenv = r#"{"_meta": {}, "default": {"a": {"version": "==1.0"}, "local": {"path": "."}}, "develop": {"b": {"version": "==2"}}}"#;
        check(pipfile_lock, pipenv, &[("a", "1.0"), ("b", "2")]);
        assert_eq!(pipfile_lock("Pipfile.lock", b"{").1[0].code, "python/lock");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "([a-z=\\[\\]\"{}#;:, \n]|name = |version = |==){0,60}") {
            for parse in [metadata, requirements, toml_lock, pipfile_lock] {
                parse("x", text.as_bytes());
            }
        }
    }
}
