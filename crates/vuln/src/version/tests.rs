//! Orders: given files, hand-made twins, laws.

use super::{Scheme, pairs};

/// Checks lines of `A < B`.
fn check(scheme: Scheme, lines: &str) {
    let checked = pairs::check(scheme, lines, "test");
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    assert!(checked.compared > 0);
    let differences: Vec<_> =
        checked.differences.iter().map(|d| format!("{}: {} (ours {})", d.line, d.text, pairs::sign(d.ours))).collect();
    assert!(
        differences.is_empty(),
        "{scheme}: {} of {} differ\n{}",
        differences.len(),
        checked.compared,
        differences[..differences.len().min(40)].join("\n")
    );
}

/// The files of the shared data, by scheme.
const GIVEN: &[(&str, Scheme)] = &[
    ("alpine-versions", Scheme::Apk),
    ("alpine-versions-generated", Scheme::Apk),
    ("cran-versions", Scheme::Cran),
    ("cran-versions-generated", Scheme::Cran),
    ("debian-versions", Scheme::Dpkg),
    ("debian-versions-generated", Scheme::Dpkg),
    ("maven-versions", Scheme::Maven),
    ("maven-versions-generated", Scheme::Maven),
    ("nuget-versions", Scheme::Nuget),
    ("packagist-versions", Scheme::Composer),
    ("packagist-versions-generated", Scheme::Composer),
    ("pypi-versions", Scheme::Pep440),
    ("pypi-versions-generated", Scheme::Pep440),
    ("redhat-versions", Scheme::Rpm),
    ("rubygems-versions", Scheme::Gem),
    ("rubygems-versions-generated", Scheme::Gem),
    ("semver-versions", Scheme::Semver),
    ("semver-versions", Scheme::Npm),
    ("semver-versions", Scheme::Go),
];

#[test]
fn given_files_agree() {
    testkit::need!(data);
    for (name, scheme) in GIVEN {
        let bytes = testkit::read(testkit::data(&format!("versions/{name}.txt.gz")));
        check(*scheme, &crate::testing::gunzip(&bytes));
    }
}
