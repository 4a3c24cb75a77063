//! Cases of `dpkg`: inputs and what must come of them.

use std::process::Command;

use proptest::prelude::*;

use super::*;

/// Name, version, source name, source version.
fn check(text: &str, expected: &[(&str, &str, &str, &str)]) {
    let (found, notes) = status("status", text.as_bytes());
    assert!(notes.is_empty(), "{notes:?}");
    let found: Vec<_> = found
        .iter()
        .map(|p| {
            let source = p.source.as_ref().unwrap();
            (p.name.as_str(), p.version.as_str(), source.name.as_str(), source.version.as_str())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn source_names_and_versions() {
    check("Package: a\nVersion: 1:2-3\n", &[("a", "1:2-3", "a", "1:2-3")]);
    check("Package: a\nVersion: 1\nSource: s\n", &[("a", "1", "s", "1")]);
    check("Package: a\nVersion: 1\nSource: s (2)\n", &[("a", "1", "s", "2")]);
    check("Package: a\nVersion: 1-1+b12\n", &[("a", "1-1+b12", "a", "1-1")]);
    check("Package: a\nVersion: 1-1+beta\n", &[("a", "1-1+beta", "a", "1-1+beta")]);
}

#[test]
fn what_has_no_files_is_not_installed() {
    check("Package: a\nStatus: deinstall ok config-files\nVersion: 1\n", &[]);
    check("Package: a\nStatus: purge ok not-installed\n", &[]);
    check("Package: a\nStatus: install reinstreq half-installed\nVersion: 1\n", &[("a", "1", "a", "1")]);
    check("Package: a\nStatus: hold ok installed\nVersion: 1\n", &[("a", "1", "a", "1")]);
}

#[test]
fn continuation_lines_are_not_fields() {
    check("Package: a\nVersion: 1\nDescription: x\n Version: 9\n .\n Package: z\n", &[("a", "1", "a", "1")]);
}

#[test]
fn a_paragraph_without_a_version_is_a_diagnostic_with_its_line() {
    let (found, notes) = status("status", b"Package: a\nVersion: 1\n\nPackage: b\n");
    assert_eq!(found.len(), 1);
    assert_eq!((notes[0].code.as_str(), notes[0].span.start.unwrap().line), ("dpkg/paragraph", 4));
}

#[test]
fn lists_keep_only_files_that_can_be_packages() {
    let text = "/.\n/usr\n/usr/bin/tool\n/usr/share/doc/tool/copyright\n/usr/lib/python3/dist-packages/t-1.egg-info\n";
    let owned_by = list("var/lib/dpkg/info/tool:amd64.list", text.as_bytes());
    assert_eq!(owned_by.package, "tool:amd64");
    assert!(owned_by.files.iter().any(|hash| *hash == owned("usr/bin/tool")));
    assert!(owned_by.files.iter().all(|hash| *hash != owned("usr/share/doc/tool/copyright")));
}

#[test]
fn merged_usr_names_are_one_file() {
    assert_eq!(owned("bin/bash"), owned("usr/bin/bash"));
    assert_ne!(owned("binx/bash"), owned("usr/binx/bash"));
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        status("x", &bytes);
        list("x", &bytes);
        sums("x", &bytes);
    }
}

#[test]
fn this_machines_packages_are_read_as_dpkg_reads_them() {
    testkit::need!(dpkg);
    let format = "${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\\n";
    let output = Command::new("dpkg-query").args(["-W", "-f", format]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let on_disk = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(status, _)| !matches!(*status, "not-installed" | "config-files"));
    let mut expected: Vec<String> = on_disk.map(|(_, rest)| rest.to_owned()).collect();
    let (found, notes) = status("status", &testkit::read("/var/lib/dpkg/status"));
    assert!(notes.is_empty(), "{notes:?}");
    let line = |package: &Found| {
        let (source, architecture) = (package.source.as_ref().unwrap(), package.architecture.as_deref().unwrap());
        format!("{} {} {architecture} {} {}", package.name, package.version, source.name, source.version)
    };
    let mut actual: Vec<String> = found.iter().map(line).collect();
    expected.sort();
    actual.sort();
    assert_eq!(actual, expected);
}
