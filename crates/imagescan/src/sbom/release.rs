//! Which release of a distribution a package is of, by the qualifier `distro` of its purl.
//!
//! The purl types document only says that there is such a qualifier, and has `jessie` and `fedora-25` for examples: tools
//! write the distribution's id and its release, the release alone, or its code name.

use model::Purl;

/// Code names, the distribution and its release. Debian's from its `DebianReleases`, Ubuntu's of the releases that have
/// long-term support and of those since.
const CODE_NAMES: [(&str, &str, &str); 22] = [
    ("wheezy", "debian", "7"),
    ("jessie", "debian", "8"),
    ("stretch", "debian", "9"),
    ("buster", "debian", "10"),
    ("bullseye", "debian", "11"),
    ("bookworm", "debian", "12"),
    ("trixie", "debian", "13"),
    ("forky", "debian", "14"),
    ("sid", "debian", "sid"),
    ("precise", "ubuntu", "12.04"),
    ("trusty", "ubuntu", "14.04"),
    ("xenial", "ubuntu", "16.04"),
    ("bionic", "ubuntu", "18.04"),
    ("focal", "ubuntu", "20.04"),
    ("jammy", "ubuntu", "22.04"),
    ("lunar", "ubuntu", "23.04"),
    ("mantic", "ubuntu", "23.10"),
    ("noble", "ubuntu", "24.04"),
    ("oracular", "ubuntu", "24.10"),
    ("plucky", "ubuntu", "25.04"),
    ("questing", "ubuntu", "25.10"),
    ("resolute", "ubuntu", "26.04"),
];

/// The distribution's id and its release.
pub(super) fn of(purl: &Purl) -> Option<(String, String)> {
    let distro = purl.qualifiers.get("distro")?.to_ascii_lowercase();
    let code_name = |name: &str| CODE_NAMES.iter().find(|(known, ..)| *known == name);
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if let Some((id, release)) = distro.rsplit_once('-').filter(|(id, release)| !id.is_empty() && !release.is_empty()) {
        return Some(match code_name(release).filter(|(_, of, _)| *of == id) {
            Some((_, id, release)) => ((*id).to_owned(), (*release).to_owned()),
            None if is_number(release) || release == "edge" => (id.to_owned(), release.to_owned()),
            // `opensuse-tumbleweed` is an id.
            None => (distro, String::new()),
        });
    }
    match code_name(&distro) {
        Some((_, id, release)) => Some(((*id).to_owned(), (*release).to_owned())),
        None if purl.namespace.is_empty() => None,
        None if is_number(&distro) => Some((purl.namespace.to_ascii_lowercase(), distro)),
        None => (distro == purl.namespace.to_ascii_lowercase()).then(|| (distro, String::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_as_tools_write_them() {
        for (distro, expected) in [
            ("debian-12", Some(("debian", "12"))),
            ("Debian-12.5", Some(("debian", "12.5"))),
            ("jessie", Some(("debian", "8"))),
            ("debian-bookworm", Some(("debian", "12"))),
            ("ubuntu-jammy", Some(("ubuntu", "22.04"))),
            ("12", Some(("debian", "12"))),
            ("opensuse-leap-15.6", Some(("opensuse-leap", "15.6"))),
            ("opensuse-tumbleweed", Some(("opensuse-tumbleweed", ""))),
            ("alpine-edge", Some(("alpine", "edge"))),
            ("debian", Some(("debian", ""))),
            ("something", None),
            ("-", None),
        ] {
            let purl: Purl = format!("pkg:deb/debian/a@1?distro={distro}").parse().unwrap();
            let release = of(&purl);
            assert_eq!(release.as_ref().map(|(id, release)| (id.as_str(), release.as_str())), expected, "{distro}");
        }
    }
}
