//! Documents of Syft and Trivy, recorded from one small Debian tree (see `recorded/README.md`).

use super::*;

const SYFT_CYCLONEDX: &str = include_str!("../recorded/syft.cdx.json");
const SYFT_SPDX: &str = include_str!("../recorded/syft.spdx.json");
const TRIVY_CYCLONEDX: &str = include_str!("../recorded/trivy.cdx.json");
const TRIVY_SPDX: &str = include_str!("../recorded/trivy.spdx.json");

/// What matching needs of a package, as one line.
fn lines(text: &str) -> Vec<String> {
    let read = read(text.as_bytes(), "recorded").unwrap();
    let os = read.os.as_ref().unwrap();
    assert_eq!((os.id.as_str(), os.version.as_str()), ("debian", "12"));
    let one = |package: &Package| {
        let source = package.source.as_ref().map(|source| format!(" from {} {}", source.name, source.version));
        let owned = if package.is_from_distribution() { ", the distribution's" } else { "" };
        let version = package.version.trim_start_matches('v');
        format!("{} {} {version}{}{owned}", package.r#type, package.name, source.unwrap_or_default())
    };
    let mut lines: Vec<String> = read.packages.iter().map(one).collect();
    lines.sort();
    lines
}

/// What both tools say of the operating system's packages and of what people installed.
const BOTH: [&str; 7] = [
    "deb bsdutils 1:2.38.1-5+deb12u3 from util-linux 2.38.1-5+deb12u3",
    "deb libssl3 3.0.19-1~deb12u2 from openssl 3.0.19-1~deb12u2",
    "deb python3-six 1.16.0-4 from six 1.16.0-4",
    "deb zlib1g 1:1.2.13.dfsg-1 from zlib 1:1.2.13.dfsg-1",
    "golang golang.org/x/mod 0.42.0",
    "golang stdlib 1.26.8",
    "pypi requests 2.31.0",
];

#[test]
fn both_tools_tell_the_same() {
    for text in [SYFT_CYCLONEDX, SYFT_SPDX, TRIVY_CYCLONEDX, TRIVY_SPDX] {
        let lines = lines(text);
        for line in BOTH {
            assert!(lines.iter().any(|found| found == line), "{line} is not in {lines:#?}");
        }
    }
}

#[test]
fn what_debian_brought_is_told_by_its_folder() {
    for text in [SYFT_CYCLONEDX, SYFT_SPDX] {
        let lines = lines(text);
        for line in ["gem webrick 1.8.1, the distribution's", "pypi six 1.16.0, the distribution's"] {
            assert!(lines.iter().any(|found| found == line), "{line} is not in {lines:#?}");
        }
    }
}
