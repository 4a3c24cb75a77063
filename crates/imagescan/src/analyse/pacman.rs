//! Arch Linux: `var/lib/pacman/local/NAME-VERSION-RELEASE/desc`, one file for each installed package.
//!
//! Format: pacman's `libalpm` documentation of its local database: `%FIELD%` lines, each followed by values up to an
//! empty line.

use model::Evidence;

use super::{Analyser, Packages, Take};
use crate::record::Found;

/// A few KB; what is asked for comes first.
pub const DESC: Analyser = Analyser::packages(Take::Start(64 << 10), desc);

fn desc(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let value = |field: &str| {
        let mut lines =
            text.lines().skip_while(|line| line.strip_prefix('%').and_then(|l| l.strip_suffix('%')) != Some(field));
        lines.nth(1).map(str::trim).filter(|value| !value.is_empty())
    };
    let (Some(name), Some(version)) = (value("NAME"), value("VERSION")) else { return Packages::default() };
    let mut found = Found::new("alpm", name, version, Evidence::File);
    found.architecture = value("ARCH").map(str::to_owned);
    found.licenses = value("LICENSE").map(str::to_owned).into_iter().collect();
    found.vendor = value("PACKAGER").map(str::to_owned);
    (vec![found], Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_package() {
        let text = "%NAME%\nbash\n\n%VERSION%\n5.2.015-1\n\n%BASE%\nbash\n\n%DESC%\nThe shell\n\n%ARCH%\nx86_64\n\n%LICENSE%\nGPL\n";
        let found = &desc("var/lib/pacman/local/bash-5.2.015-1/desc", text.as_bytes()).0[0];
        assert_eq!((found.name.as_str(), found.version.as_str()), ("bash", "5.2.015-1"));
        assert_eq!(found.architecture.as_deref(), Some("x86_64"));
        assert!(desc("x", b"%NAME%\n\n%VERSION%\n1\n").0.is_empty());
    }
}
