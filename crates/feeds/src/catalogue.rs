//! Feeds that we know: whose they are, under which licence.
//!
//! What it is: data. Sources: the feeds' own pages; a licence that is not certain says so.

/// A feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    /// Prefix of the segments' names.
    pub name: &'static str,
    /// Licence of the data.
    pub licence: &'static str,
    /// Whom to name.
    pub attribution: &'static str,
    /// Page for people.
    pub home: &'static str,
}

const MICROSOFT: &str = "Microsoft AzureLinuxVulnerabilityData";

/// The feeds, more specific names first.
pub const FEEDS: &[Feed] = &[
    feed(
        "osv-pypi",
        "CC-BY-4.0",
        "Python Packaging Authority advisory database; GitHub Advisory Database",
        "https://osv.dev",
    ),
    feed("osv-golang", "CC-BY-4.0", "Go vulnerability database; GitHub Advisory Database", "https://pkg.go.dev/vuln"),
    feed(
        "osv-cargo",
        "CC0-1.0 AND CC-BY-4.0",
        "RustSec advisory database; GitHub Advisory Database",
        "https://rustsec.org",
    ),
    feed("osv-ubuntu", "CC-BY-SA-4.0 (unverified)", "Canonical Ubuntu Security Notices", "https://ubuntu.com/security"),
    feed("osv", "CC-BY-4.0 (unverified)", "OSV.dev and the databases that it gathers", "https://osv.dev"),
    feed("azurelinux", "MIT", MICROSOFT, "https://github.com/microsoft/AzureLinuxVulnerabilityData"),
    feed("mariner", "MIT", MICROSOFT, "https://github.com/microsoft/AzureLinuxVulnerabilityData"),
    feed("debian", "MIT (unverified)", "Debian security tracker", "https://security-tracker.debian.org"),
    feed("alpine", "MIT (unverified)", "Alpine Linux secdb", "https://secdb.alpinelinux.org"),
    feed("wolfi", "Apache-2.0 (unverified)", "Wolfi security database", "https://packages.wolfi.dev"),
    feed("chainguard", "Apache-2.0 (unverified)", "Chainguard security database", "https://packages.cgr.dev"),
    feed("rhel", "CC-BY-4.0", "Red Hat Product Security", "https://security.access.redhat.com/data"),
    feed(
        "windows",
        "terms unclear: not for redistribution",
        "Microsoft Security Response Center",
        "https://msrc.microsoft.com",
    ),
    feed("amazon", "terms unclear", "Amazon Linux Security Center", "https://alas.aws.amazon.com"),
    feed("oracle", "terms unclear", "Oracle Linux errata", "https://linux.oracle.com/security"),
    feed("suse", "CC-BY-4.0 (unverified)", "SUSE security team", "https://www.suse.com/support/security"),
    feed("photon", "terms unclear", "Photon OS security advisories", "https://github.com/vmware/photon"),
    feed("rubysec", "public domain", "Ruby Advisory Database", "https://github.com/rubysec/ruby-advisory-db"),
    feed("kev", "CC0-1.0", "CISA Known Exploited Vulnerabilities", "https://www.cisa.gov/kev"),
    feed("epss", "free with attribution", "EPSS by FIRST", "https://www.first.org/epss"),
    feed("nvd", "public domain", "NIST National Vulnerability Database", "https://nvd.nist.gov"),
    feed("eol", "MIT", "endoflife.date", "https://endoflife.date"),
];

const fn feed(name: &'static str, licence: &'static str, attribution: &'static str, home: &'static str) -> Feed {
    Feed { name, licence, attribution, home }
}

/// The feed of a segment's name.
pub fn find(segment: &str) -> Option<&'static Feed> {
    FEEDS.iter().find(|feed| {
        segment.strip_prefix(feed.name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specific_feed_wins() {
        assert_eq!(find("osv-pypi").unwrap().name, "osv-pypi");
        assert_eq!(find("osv-maven").unwrap().name, "osv");
        assert_eq!(find("mariner-2.0").unwrap().name, "mariner");
        assert!(find("osvx").is_none());
    }

    #[test]
    fn every_address_has_a_licence_and_an_attribution() {
        for address in crate::addresses::all() {
            let feed = find(&address.segment).unwrap_or_else(|| panic!("{}", address.segment));
            assert!(!feed.licence.is_empty() && !feed.attribution.is_empty(), "{}", address.segment);
        }
    }
}
