//! What only Red Hat's family of distributions needs (spec §1.6 rule 3).
//!
//! One CVE is often fixed by several errata: one per minor release (`el9_4`) and one in the main line (`el9`). A package
//! is judged by the erratum of its own minor; without one, by that of the nearest later minor, the main line last.
//! Streams that need a subscription (EUS, AUS, E4S, TUS) count only where the image enables them. Builds that are not
//! of the normal line (ksplice, FIPS) are only compared among themselves.

use crate::version::{Key, Scheme};

/// Whether an ecosystem publishes errata per minor release.
pub(super) fn has_minors(key: &str) -> bool {
    matches!(key.split(':').next(), Some("rhel" | "centos" | "alma" | "rocky" | "oracle"))
}

/// A minor release: the main line is later than all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Minor {
    Number(u32),
    Main,
}

/// `el9_4` in `3.9.18-3.el9_4.5` is minor 4; `el9` without one is the main line.
fn minor(version: &str) -> Minor {
    let after_el = version.rfind(".el").and_then(|at| version.get(at + 3..)).unwrap_or("");
    let rest = after_el.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits: String = rest.strip_prefix('_').unwrap_or("").chars().take_while(char::is_ascii_digit).collect();
    digits.parse().map_or(Minor::Main, Minor::Number)
}

/// Which of the fixes of one CVE decides about an installed version: index into `fixes`. Of several in one stream the
/// last one completes the others.
pub(super) fn deciding(installed: &str, fixes: &[&str]) -> Option<usize> {
    let own = minor(installed);
    let stream = fixes.iter().map(|fix| minor(fix)).filter(|minor| *minor >= own).min();
    // All fixes are in earlier minors: whatever came later has them, if it has the version.
    let stream = stream.or_else(|| fixes.iter().map(|fix| minor(fix)).max())?;
    let keyed = |index: usize| -> Key { Scheme::Rpm.key(fixes[index]) };
    (0..fixes.len()).filter(|index| minor(fixes[*index]) == stream).max_by(|a, b| keyed(*a).cmp(&keyed(*b)))
}

/// What an image enables.
#[derive(Debug, Default)]
pub(super) struct Enabled {
    /// Repositories (content sets), as the image names them.
    pub repositories: Vec<String>,
    /// Products of these repositories by Red Hat's map; empty where there is no map.
    pub products: Vec<String>,
}

impl Enabled {
    /// Whether a product of an extended stream is enabled: by the map where it knows the repositories, else by how
    /// they are named (`rhel-9-for-x86_64-appstream-eus-rpms`).
    fn has(&self, product: &str, stream: &str) -> bool {
        if self.products.is_empty() {
            return self.repositories.iter().any(|name| name.contains(&format!("-{stream}-")));
        }
        // `redhat:rhel_eus:9.2::appstream` is enabled by any repository of the stream and minor.
        let release = |product: &str| product.splitn(4, ':').take(3).collect::<Vec<_>>().join(":");
        self.products.iter().any(|enabled| release(enabled) == release(product))
    }
}

/// Whether products that need a subscription, and only those, were fixed, and the image has none of them.
pub(super) fn out_of_reach(products: &[&str], enabled: &Enabled) -> bool {
    !products.is_empty()
        && products.iter().all(|product| extended(product).is_some_and(|stream| !enabled.has(product, stream)))
}

/// `redhat:rhel_eus:9.2::appstream` is of the stream `eus`.
fn extended(product: &str) -> Option<&str> {
    let name = product.strip_prefix("redhat:rhel_")?.split(':').next()?;
    ["eus", "aus", "tus", "e4s", "els"].into_iter().find(|stream| name.starts_with(stream))
}

/// Which line of builds a release belongs to: only equal lines are compared.
pub(super) fn line(version: &str) -> &'static str {
    if version.contains(".ksplice") {
        "ksplice"
    } else if version.contains("_fips") || version.contains(".fips") {
        "fips"
    } else {
        ""
    }
}

/// Whether a package was not built by the distribution, by its vendor as rpm has it.
pub(super) fn is_foreign(key: &str, vendor: Option<&str>) -> bool {
    const VENDORS: [(&str, &[&str]); 13] = [
        ("rhel", &["red hat"]),
        ("centos", &["centos", "red hat"]),
        ("alma", &["almalinux"]),
        ("rocky", &["rocky"]),
        ("oracle", &["oracle"]),
        ("amazon", &["amazon"]),
        ("azurelinux", &["microsoft"]),
        ("mariner", &["microsoft"]),
        ("fedora", &["fedora"]),
        ("photon", &["vmware", "broadcom"]),
        ("sles", &["suse"]),
        ("opensuse-leap", &["suse"]),
        ("opensuse-tumbleweed", &["suse"]),
    ];
    let family = key.split(':').next().unwrap_or("");
    let Some(vendor) = vendor.map(str::to_lowercase).filter(|vendor| !vendor.is_empty() && vendor != "(none)") else {
        return false;
    };
    let known = VENDORS.iter().find(|(name, _)| *name == family);
    known.is_some_and(|(_, words)| !words.iter().any(|word| vendor.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_minor_decides() {
        let fixes = ["3.9.18-3.el9_4.5", "3.9.19-8.el9"];
        let check = |installed: &str, fix: &str| {
            assert_eq!(deciding(installed, &fixes).map(|index| fixes[index]), Some(fix), "{installed}");
        };
        check("3.9.18-3.el9_4.4", "3.9.18-3.el9_4.5");
        check("3.9.16-1.el9_2.3", "3.9.18-3.el9_4.5");
        check("3.9.19-7.el9", "3.9.19-8.el9");
        check("3.9.18-9.el9_5", "3.9.19-8.el9");
        assert_eq!(deciding("1-2.el8_9", &["1-1.el8_6", "1-1.el8_8"]), Some(1));
        assert_eq!(deciding("1", &[]), None);
        assert_eq!(deciding("1-1.el9", &["1-5.el9", "1-9.el9", "1-7.el9"]), Some(1));
    }

    #[test]
    fn extended_streams_need_a_repository() {
        let eus = ["redhat:rhel_eus:9.2::appstream"];
        let with = |repositories: &[&str], products: &[&str]| Enabled {
            repositories: repositories.iter().map(|name| (*name).to_owned()).collect(),
            products: products.iter().map(|name| (*name).to_owned()).collect(),
        };
        let names = ["rhel-9-for-x86_64-appstream-eus-rpms"];
        assert!(out_of_reach(&eus, &with(&[], &[])));
        assert!(!out_of_reach(&eus, &with(&names, &[])));
        assert!(!out_of_reach(&[eus[0], "redhat:enterprise_linux:9::appstream"], &with(&[], &[])));
        assert!(!out_of_reach(&[], &with(&[], &[])));
        // With the map the minor counts too.
        assert!(!out_of_reach(&eus, &with(&names, &["redhat:rhel_eus:9.2::baseos"])));
        assert!(out_of_reach(&eus, &with(&names, &["redhat:rhel_eus:9.4::appstream"])));
        assert!(out_of_reach(
            &eus,
            &with(&["rhel-9-for-x86_64-appstream-rpms"], &["redhat:enterprise_linux:9::appstream"])
        ));
    }

    #[test]
    fn vendors() {
        assert!(is_foreign("rhel:9", Some("Example Corp")));
        assert!(!is_foreign("rhel:9", Some("Red Hat, Inc.")));
        assert!(!is_foreign("rhel:9", None) && !is_foreign("rhel:9", Some("(none)")));
        assert!(!is_foreign("mageia:9", Some("anybody")));
        assert_eq!((line("1-1.ksplice1.el8"), line("1-1_fips.el8"), line("1-1.el8")), ("ksplice", "fips", ""));
    }
}
