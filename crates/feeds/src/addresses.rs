//! Where feeds are published.
//!
//! What it is: data. Each file has its place in a mirror (a path) and its address; both lead to the same bytes, so that
//! `db update --from` can be given a mirror made with any tool. Sources: the vendors' documentation of their feeds.

/// A file of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name of the segment that it belongs to.
    pub segment: String,
    /// Place in a mirror.
    pub path: String,
    /// Where it is published.
    pub url: String,
    /// What is done with it.
    pub role: Role,
}

/// What an update does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its content is the feed, or part of it.
    Feed,
    /// The same, but its publisher may not have it (a branch that is not begun or no longer served).
    Optional,
    /// One of many files of enrichment: when it changes, the others need not be fetched again, since what it says of a
    /// CVE takes the place of what the segment has. Its publisher may not have it (a year to come).
    Part,
    /// A yum repository's list of mirrors, whose first has the errata; in a mirror of ours the errata themselves.
    Repository,
    /// It names, on its first line, the file to fetch from the same folder instead.
    Names,
    /// It lists months, whose documents are the feed; the documents lie in the folder `cvrf` beside it.
    Months,
    /// It lists which records of the feed changed, and when; the records lie beside it.
    Changes(Changes),
}

/// Form of a list of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// OSV's `modified_id.csv`: lines `TIME,ID`, newest first; a record is `ID.json`.
    Osv,
    /// Red Hat's `changes.csv`: lines `"PATH","TIME"`, with the removed ones in `deletions.csv` beside it.
    RedHat,
}

/// Ecosystems of OSV that are fetched: its folder, our key. Distributions only where their own feed is not used.
const OSV: [(&str, &str); 23] = [
    ("PyPI", "pypi"),
    ("npm", "npm"),
    ("Go", "golang"),
    ("crates.io", "cargo"),
    ("Maven", "maven"),
    ("NuGet", "nuget"),
    ("RubyGems", "gem"),
    ("Packagist", "composer"),
    ("Hex", "hex"),
    ("Pub", "pub"),
    ("CRAN", "cran"),
    ("Ubuntu", "ubuntu"),
    ("AlmaLinux", "alma"),
    ("Rocky Linux", "rocky"),
    ("SUSE", "sles"),
    ("openSUSE", "sles"),
    ("Bitnami", "bitnami"),
    ("GitHub Actions", "githubactions"),
    ("SwiftURL", "swift"),
    ("Hackage", "hackage"),
    ("Julia", "julia"),
    ("Mageia", "mageia"),
    ("openEuler", "openeuler"),
];

/// Branches of Alpine with a secdb, and the next ones.
const ALPINE: [&str; 18] = [
    "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.16", "3.17", "3.18", "3.19", "3.20", "3.21", "3.22", "3.23",
    "3.24", "3.25", "3.26", "edge",
];

/// Releases of Photon OS.
const PHOTON: [&str; 5] = ["1.0", "2.0", "3.0", "4.0", "5.0"];

/// Years of NVD's feeds: the first, and the last that this version asks for.
const NVD: std::ops::RangeInclusive<u16> = 2002..=2035;

/// Amazon Linux's repositories: place in a mirror, list of mirrors. Of the extras of Amazon Linux 2
/// only those whose packages the core does not have: an rpm does not say from which repository it came, and the core's
/// PHP 5.4 must not be judged by the errata of PHP 8.2.
const AMAZON: [(&str, &str); 7] = [
    ("amazon/2023", "https://cdn.amazonlinux.com/al2023/core/mirrors/latest/x86_64/mirror.list"),
    ("amazon/2", "https://cdn.amazonlinux.com/2/core/latest/x86_64/mirror.list"),
    ("amazon/2-extras-docker", "https://cdn.amazonlinux.com/2/extras/docker/latest/x86_64/mirror.list"),
    ("amazon/2-extras-nginx1", "https://cdn.amazonlinux.com/2/extras/nginx1/latest/x86_64/mirror.list"),
    ("amazon/2-extras-python3.8", "https://cdn.amazonlinux.com/2/extras/python3.8/latest/x86_64/mirror.list"),
    ("amazon/2-extras-redis6", "https://cdn.amazonlinux.com/2/extras/redis6/latest/x86_64/mirror.list"),
    ("amazon/1", "https://repo.us-west-2.amazonaws.com/2018.03/updates/x86_64/mirror.list"),
];

/// Files that are one feed each: segment, path in a mirror, address.
const SINGLE: [(&str, &str, &str); 11] = [
    ("debian", "debian/tracker.json", "https://security-tracker.debian.org/tracker/data/json"),
    ("wolfi", "wolfi/security.json", "https://packages.wolfi.dev/os/security.json"),
    ("chainguard", "chainguard/security.json", "https://packages.cgr.dev/chainguard/security.json"),
    (
        "azurelinux-3.0",
        "azure-linux/azurelinux-3.0-oval.xml",
        "https://raw.githubusercontent.com/microsoft/AzureLinuxVulnerabilityData/main/azurelinux-3.0-oval.xml",
    ),
    (
        "mariner-2.0",
        "azure-linux/cbl-mariner-2.0-oval.xml",
        "https://raw.githubusercontent.com/microsoft/AzureLinuxVulnerabilityData/main/cbl-mariner-2.0-oval.xml",
    ),
    (
        "mariner-1.0",
        "azure-linux/cbl-mariner-1.0-oval.xml",
        "https://raw.githubusercontent.com/microsoft/AzureLinuxVulnerabilityData/main/cbl-mariner-1.0-oval.xml",
    ),
    (
        "kev",
        "kev/known_exploited_vulnerabilities.json",
        "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
    ),
    ("epss", "epss/epss_scores-current.csv.gz", "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"),
    (
        "rhel-repositories",
        "rhel/repository-to-cpe.json",
        "https://security.access.redhat.com/data/metrics/repository-to-cpe.json",
    ),
    (
        "oracle",
        "oracle/com.oracle.elsa-all.xml.bz2",
        "https://linux.oracle.com/security/oval/com.oracle.elsa-all.xml.bz2",
    ),
    ("eol", "eol/all.json", "https://endoflife.date/api/v1/products/full"),
];

/// All files that an update fetches.
pub fn all() -> Vec<Address> {
    let mut all: Vec<Address> = SINGLE.iter().map(|(segment, path, url)| address(segment, path, url)).collect();
    for (folder, key) in OSV {
        let (segment, base) = (format!("osv-{key}"), "https://osv-vulnerabilities.storage.googleapis.com");
        let mut add = |file: &str, role| {
            let url = format!("{base}/{}/{file}", folder.replace(' ', "%20"));
            all.push(Address { role, ..address(&segment, &format!("osv/{folder}/{file}"), &url) });
        };
        add("all.zip", Role::Feed);
        add("modified_id.csv", Role::Changes(Changes::Osv));
    }
    for branch in ALPINE {
        let folder = if branch == "edge" { branch.to_owned() } else { format!("v{branch}") };
        let repositories: &[&str] = &["main", "community"];
        for repository in repositories {
            let path = format!("alpine/{folder}/{repository}.json");
            let url = format!("https://secdb.alpinelinux.org/{folder}/{repository}.json");
            all.push(Address { role: Role::Optional, ..address("alpine", &path, &url) });
        }
    }
    for release in PHOTON {
        let file = format!("cve_data_photon{release}.json");
        let url = format!("https://packages.broadcom.com/photon/photon_cve_metadata/{file}");
        all.push(address("photon", &format!("photon/{file}"), &url));
    }
    for year in NVD {
        let file = format!("nvdcve-2.0-{year}.json.gz");
        let url = format!("https://nvd.nist.gov/feeds/json/cve/2.0/{file}");
        all.push(Address { role: Role::Part, ..address("nvd", &format!("nvd/{file}"), &url) });
    }
    for (folder, list) in AMAZON {
        let path = format!("{folder}/updateinfo.xml.gz");
        all.push(Address { role: Role::Repository, ..address("amazon", &path, list) });
    }
    let months = "https://api.msrc.microsoft.com/cvrf/v3.0/updates";
    all.push(Address { role: Role::Months, ..address("windows", "windows/updates.json", months) });
    for (file, role) in [("archive_latest.txt", Role::Names), ("changes.csv", Role::Changes(Changes::RedHat))] {
        let url = format!("https://security.access.redhat.com/data/csaf/v2/vex/{file}");
        all.push(Address { role, ..address("rhel", &format!("rhel/{file}"), &url) });
    }
    all.sort_by(|a, b| (&a.segment, &a.path).cmp(&(&b.segment, &b.path)));
    all
}

fn address(segment: &str, path: &str, url: &str) -> Address {
    Address { segment: segment.to_owned(), path: path.to_owned(), url: url.to_owned(), role: Role::Feed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain_and_addresses_safe() {
        let all = all();
        let mut paths: Vec<&str> = all.iter().map(|address| address.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), all.len());
        for address in &all {
            assert!(address.url.starts_with("https://") && !address.url.contains(' '), "{}", address.url);
            assert!(address.path.split('/').all(|part| !part.is_empty() && part != ".."), "{}", address.path);
        }
    }
}
