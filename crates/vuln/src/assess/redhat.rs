//! What only Red Hat's family of distributions needs (spec §1.6 rule 3).
//!
//! One CVE is often fixed by several errata: one per minor release (`el9_4`) and one in the main line (`el9`). A package
//! is judged by the erratum of its own minor; without one, by that of the nearest later minor, the main line last.
//! Streams that need a subscription (EUS, AUS, E4S, TUS) count only where the image enables them; what is fixed only with
//! the extended life of a release (ELS) is unfixed without it. Products on top of the distribution (`OpenShift`, Ansible, …)
//! count where the image's repositories or its `cpe` label name them, or where the package is a build of theirs. Builds
//! that are not of the normal line (ksplice, FIPS, a product's own) are only compared among themselves.

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
    /// Whether a product is enabled: by the map where it knows the repositories, else an extended stream by how they are
    /// named (`rhel-9-for-x86_64-appstream-eus-rpms`).
    fn has(&self, product: &str) -> bool {
        let stream = extended(product);
        let mapped = self.products.iter().any(|enabled| extended(enabled) == stream);
        match stream {
            Some(stream) if !mapped => self.repositories.iter().any(|name| name.contains(&format!("-{stream}-"))),
            _ => self.products.iter().any(|enabled| is_part(enabled, release(product))),
        }
    }
}

/// `redhat:rhel_eus:9.2::appstream` is enabled by any repository of the stream and minor.
fn release(product: &str) -> &str {
    product.match_indices(':').nth(2).map_or(product, |(end, _)| &product[..end])
}

/// Whether `redhat:openshift:4.12::el8` is of `redhat:openshift:4.12` or of `redhat:openshift:4`.
fn is_part(product: &str, whole: &str) -> bool {
    product.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '.']))
}

/// Whether what was said of some products holds for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It does.
    Here,
    /// The fix needs the extended life of the release.
    ExtendedLife,
    /// Only with a subscription that the image has not.
    Subscription,
    /// Only for a product on top of the distribution.
    Product,
}

/// Whether what was said of `products` holds. `build` is the line of builds that the fix belongs to.
pub(super) fn reach(products: &[&str], build: &str, enabled: &Enabled) -> Reach {
    let here = |product: &&str| match (extended(product), is_distribution(product)) {
        (None, true) => true,
        // Only builds of the same line are compared, so the package itself is the product's.
        (None, false) => !build.is_empty() || enabled.has(product),
        (Some(_), _) => enabled.has(product),
    };
    if products.is_empty() || products.iter().any(here) {
        Reach::Here
    } else if products.iter().any(|product| extended(product) == Some("els")) {
        Reach::ExtendedLife
    } else if products.iter().any(|product| extended(product).is_some()) {
        Reach::Subscription
    } else {
        Reach::Product
    }
}

/// Whether something is said of the distribution itself. Feeds of other vendors name no Red Hat product.
pub(super) fn is_about_distribution(products: &[&str]) -> bool {
    products.is_empty() || products.iter().any(|product| is_distribution(product))
}

fn is_distribution(product: &str) -> bool {
    let name = product.strip_prefix("redhat:").map(|rest| rest.split(':').next().unwrap_or(rest));
    name.is_none_or(|name| name == "enterprise_linux" || name.starts_with("rhel_"))
}

/// `redhat:rhel_eus:9.2::appstream` is of the stream `eus`.
fn extended(product: &str) -> Option<&'static str> {
    let name = product.strip_prefix("redhat:rhel_")?.split(':').next()?;
    ["eus", "aus", "tus", "e4s", "els"].into_iter().find(|stream| name.starts_with(stream))
}

/// Which line of builds a release belongs to: only equal lines are compared. A product's own builds carry its mark before
/// the release (`rhaos4.12.git6005903.el8`) or right behind it (`el8ost`).
pub(super) fn line(version: &str) -> &str {
    if version.contains(".ksplice") {
        return "ksplice";
    }
    if version.contains("_fips") || version.contains(".fips") {
        return "fips";
    }
    let Some((before, after)) = version.rsplit_once(".el") else { return "" };
    if let Some(mark) = before.split(['.', '-']).position(|part| part.starts_with("rhaos")) {
        // With its minor: `rhaos4` and `12`.
        let start = before.split(['.', '-']).take(mark).map(|part| part.len() + 1).sum::<usize>();
        let rest = &before[start..];
        let end = rest.match_indices('.').nth(1).map_or(rest.len(), |(at, _)| at);
        return &rest[..end];
    }
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    let end = after.bytes().position(|byte| !byte.is_ascii_lowercase()).unwrap_or(after.len());
    &after[..end]
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

    fn with(repositories: &[&str], products: &[&str]) -> Enabled {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Enabled { repositories: owned(repositories), products: owned(products) }
    }

    #[test]
    fn extended_streams_need_a_repository() {
        let eus = ["redhat:rhel_eus:9.2::appstream"];
        let names = ["rhel-9-for-x86_64-appstream-eus-rpms"];
        let check = |products: &[&str], enabled: &Enabled, expected: Reach| {
            assert_eq!(reach(products, "", enabled), expected, "{products:?} {enabled:?}");
        };
        check(&eus, &with(&[], &[]), Reach::Subscription);
        check(&eus, &with(&names, &[]), Reach::Here);
        check(&[eus[0], "redhat:enterprise_linux:9::appstream"], &with(&[], &[]), Reach::Here);
        check(&[], &with(&[], &[]), Reach::Here);
        // With the map the minor counts too.
        check(&eus, &with(&names, &["redhat:rhel_eus:9.2::baseos"]), Reach::Here);
        check(&eus, &with(&names, &["redhat:rhel_eus:9.4::appstream"]), Reach::Subscription);
        let plain = with(&["rhel-9-for-x86_64-appstream-rpms"], &["redhat:enterprise_linux:9::appstream"]);
        check(&eus, &plain, Reach::Subscription);
        check(&["redhat:rhel_els:7"], &with(&[], &[]), Reach::ExtendedLife);
        check(&["redhat:rhel_els:7"], &with(&["rhel-7-server-els-rpms"], &[]), Reach::Here);
    }

    #[test]
    fn products_need_a_repository_or_a_build_of_theirs() {
        let check = |product: &str, build: &str, enabled: &[&str], expected: Reach| {
            assert_eq!(reach(&[product], build, &with(&[], enabled)), expected, "{product} {build} {enabled:?}");
        };
        check("redhat:openshift:4.12::el8", "", &[], Reach::Product);
        check("redhat:openshift:4.12::el8", "rhaos4.12", &[], Reach::Here);
        check("redhat:openshift:4.12::el8", "", &["redhat:openshift:4.12::el9"], Reach::Here);
        check("redhat:openshift:4", "", &["redhat:openshift:4.12::el8"], Reach::Here);
        check("redhat:openshift:4.1::el8", "", &["redhat:openshift:4.12::el8"], Reach::Product);
        check("redhat:rhel_software_collections:3::el7", "", &[], Reach::Here);
    }

    #[test]
    fn lines_of_builds() {
        let check = |version: &str, expected: &str| assert_eq!(line(version), expected, "{version}");
        check("1-1.ksplice1.el8", "ksplice");
        check("1-1_fips.el8", "fips");
        check("1-1.el8", "");
        check("3.9.18-3.el9_4.5", "");
        check("1:1.25.1-5.rhaos4.12.git6005903.el8", "rhaos4.12");
        check("4.12.0-202301.p0.g1.assembly.stream.el8", "");
        check("2.1-3.el8ost", "ost");
        check("2.1-3.el9ap.1", "ap");
        check("1:18.19-1.module+el9.4.0+1+abc", "");
        check("1.2-3.fc40", "");
    }

    #[test]
    fn vendors() {
        assert!(is_foreign("rhel:9", Some("Example Corp")));
        assert!(!is_foreign("rhel:9", Some("Red Hat, Inc.")));
        assert!(!is_foreign("rhel:9", None) && !is_foreign("rhel:9", Some("(none)")));
        assert!(!is_foreign("mageia:9", Some("anybody")));
    }
}
