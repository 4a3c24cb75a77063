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
    feed(
        "azurelinux",
        "MIT",
        "Microsoft AzureLinuxVulnerabilityData",
        "https://github.com/microsoft/AzureLinuxVulnerabilityData",
    ),
    feed(
        "mariner",
        "MIT",
        "Microsoft AzureLinuxVulnerabilityData",
        "https://github.com/microsoft/AzureLinuxVulnerabilityData",
    ),
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
}
