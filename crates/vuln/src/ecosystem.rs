//! Ecosystem keys: the one spelling under which segments, inventories and coverage meet.
//!
//! What it is: `debian:12`, `rhel:9`, `pypi`, … for every way in which feeds, os-release files and purls name them,
//! the version scheme of each, and the normal form of names in it. What it is not: a list of what is covered;
//! segments say that.
//!
//! Sources: the OSV schema's list of ecosystems, os-release(5) and the distributions' own files, the purl types.

use model::{OperatingSystem, Package, Purl};

use crate::version::Scheme;

/// How names of packages relate to advisories in an operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Advisories name source packages.
    Source,
    /// Advisories name binary packages, and some feeds of the family sources.
    Binary,
}

/// Version scheme of an ecosystem key.
pub fn scheme(key: &str) -> Option<Scheme> {
    let family = key.split_once(':').map_or(key, |(family, _)| family);
    Some(match family {
        "debian" | "ubuntu" | "ubuntu-pro" | "ubuntu-fips" | "echo" | "opam" => Scheme::Dpkg,
        "alpine" | "wolfi" | "chainguard" | "minimos" => Scheme::Apk,
        "rhel"
        | "centos"
        | "alma"
        | "rocky"
        | "oracle"
        | "amazon"
        | "azurelinux"
        | "mariner"
        | "photon"
        | "fedora"
        | "sles"
        | "sle-micro"
        | "opensuse-leap"
        | "opensuse-tumbleweed"
        | "openeuler"
        | "mageia" => Scheme::Rpm,
        "pypi" => Scheme::Pep440,
        "npm" => Scheme::Npm,
        "golang" => Scheme::Go,
        "cargo" | "hex" | "pub" | "swift" | "githubactions" | "julia" | "conan" | "hackage" | "generic" => {
            Scheme::Semver
        }
        // Bitnami writes the number of its own build behind the version (`7.2.4-1`), which is newer than none.
        "maven" | "bitnami" => Scheme::Maven,
        "nuget" => Scheme::Nuget,
        "gem" => Scheme::Gem,
        "composer" => Scheme::Composer,
        "cran" | "windows" => Scheme::Cran,
        _ => return None,
    })
}

/// Whether a key is an operating system's.
pub fn is_os(key: &str) -> bool {
    matches!(scheme(key), Some(Scheme::Dpkg | Scheme::Rpm | Scheme::Apk)) && key != "opam" || key.starts_with("windows")
}

/// How the advisories of an operating system name packages.
pub fn naming(key: &str) -> Naming {
    let family = key.split_once(':').map_or(key, |(family, _)| family);
    match family {
        "rhel"
        | "centos"
        | "alma"
        | "rocky"
        | "oracle"
        | "amazon"
        | "fedora"
        | "sles"
        | "sle-micro"
        | "opensuse-leap"
        | "opensuse-tumbleweed"
        | "photon"
        | "mageia" => Naming::Binary,
        _ => Naming::Source,
    }
}

/// The key of an OSV ecosystem such as `Debian:12`, `Ubuntu:22.04:LTS` or `crates.io`, and the product that it was
/// published for where the ecosystem names one.
pub fn from_osv(ecosystem: &str) -> Option<(String, String)> {
    let (family, rest) = ecosystem.split_once(':').unwrap_or((ecosystem, ""));
    let plain = |key: &str| Some((key.to_owned(), String::new()));
    let versioned = |family: &str| Some((versioned(family, rest), String::new()));
    match family {
        "PyPI" => plain("pypi"),
        "npm" => plain("npm"),
        "Go" => plain("golang"),
        "crates.io" => plain("cargo"),
        "Maven" => plain("maven"),
        "NuGet" => plain("nuget"),
        "RubyGems" => plain("gem"),
        "Packagist" => plain("composer"),
        "Hex" => plain("hex"),
        "Pub" => plain("pub"),
        "SwiftURL" => plain("swift"),
        "CRAN" => plain("cran"),
        "ConanCenter" => plain("conan"),
        "Hackage" => plain("hackage"),
        "GitHub Actions" => plain("githubactions"),
        "Julia" => plain("julia"),
        "Bitnami" => plain("bitnami"),
        "opam" => plain("opam"),
        "Wolfi" => plain("wolfi"),
        "Chainguard" => plain("chainguard"),
        "MinimOS" => plain("minimos"),
        "Debian" => versioned("debian"),
        "Alpine" => Some((self::versioned("alpine", rest.trim_start_matches('v')), String::new())),
        "AlmaLinux" => versioned("alma"),
        "Rocky Linux" => versioned("rocky"),
        "Photon OS" => versioned("photon"),
        "Mageia" => versioned("mageia"),
        "Echo" => versioned("echo"),
        "openEuler" => Some((self::versioned("openeuler", &rest.to_lowercase()), String::new())),
        "Ubuntu" => Some((ubuntu(rest), String::new())),
        "Azure Linux" => azure(rest).map(|key| (key, String::new())),
        "Red Hat" => red_hat(rest),
        "SUSE" | "openSUSE" => suse(rest).map(|key| (key, rest.to_owned())),
        _ => None,
    }
}

fn versioned(family: &str, version: &str) -> String {
    if version.is_empty() { family.to_owned() } else { format!("{family}:{version}") }
}

fn ubuntu(rest: &str) -> String {
    let release = rest.split(':').find(|part| part.bytes().next().is_some_and(|byte| byte.is_ascii_digit()));
    let family = match rest.split(':').next() {
        Some("Pro") if rest.contains("FIPS") || rest.contains("Realtime") => "ubuntu-fips",
        Some("Pro") => "ubuntu-pro",
        _ => "ubuntu",
    };
    versioned(family, release.unwrap_or(""))
}

fn azure(version: &str) -> Option<String> {
    let major = version.split('.').next()?;
    match major.parse::<u32>().ok()? {
        major @ 1..=2 => Some(format!("mariner:{major}.0")),
        major => Some(format!("azurelinux:{major}.0")),
    }
}

/// `enterprise_linux:9::baseos` is Red Hat's CPE without its prefix. Products on top of the distribution have versions of
/// their own and name the release after them (`openshift:4.12::el8`), or none (`openshift:4`): then any release is meant.
fn red_hat(product: &str) -> Option<(String, String)> {
    let mut parts = product.split(':');
    let name = parts.next().filter(|name| !name.is_empty())?;
    let digits = |text: &str| -> String { text.chars().take_while(char::is_ascii_digit).collect() };
    let own = digits(parts.next()?);
    let edition = parts.nth(1).and_then(|edition| edition.strip_prefix("el")).map(digits);
    let distribution = name == "enterprise_linux" || name.starts_with("rhel_");
    let own = if distribution { own } else { String::new() };
    let release = edition.filter(|release| !release.is_empty()).unwrap_or(own);
    (!distribution || !release.is_empty()).then(|| (versioned("rhel", &release), format!("redhat:{product}")))
}

/// `Linux Enterprise Server 15 SP5`, `Linux Enterprise Module for Basesystem 15 SP5`, `Leap 15.6`, `Tumbleweed`.
pub(crate) fn suse(product: &str) -> Option<String> {
    let product = product.trim_start_matches("SUSE ").trim_start_matches("openSUSE ");
    if product.starts_with("Tumbleweed") {
        return Some("opensuse-tumbleweed".into());
    }
    if let Some(version) = product.strip_prefix("Leap ") {
        return version.split_whitespace().next().map(|version| format!("opensuse-leap:{version}"));
    }
    let words: Vec<&str> = product.split([' ', '-']).collect();
    let starts_with_digit = |word: &&str| word.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let at = words.iter().position(starts_with_digit)?;
    if product.contains("Micro") {
        return Some(format!("sle-micro:{}", words[at]));
    }
    let pack = words.get(at + 1).and_then(|word| word.strip_prefix("SP")).filter(|n| n.parse::<u8>().is_ok());
    match (product.starts_with("Linux Enterprise"), pack) {
        (true, Some(pack)) => Some(format!("sles:{}.{pack}", words[at])),
        (true, None) => Some(format!("sles:{}", words[at])),
        (false, _) => None,
    }
}

/// The keys that hold for an operating system, the decisive one first.
pub fn of_os(os: &OperatingSystem) -> Vec<String> {
    let version = os.version.as_str();
    let major = version.split('.').next().unwrap_or("");
    let two = || version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    let one = |family: &str, version: &str| vec![versioned(family, version)];
    match os.id.to_lowercase().as_str() {
        "debian" => one("debian", if major.is_empty() { "sid" } else { major }),
        "ubuntu" => {
            let release = two();
            vec![format!("ubuntu:{release}"), format!("ubuntu-pro:{release}")]
        }
        "alpine" => one("alpine", &if version.contains('_') || version.is_empty() { "edge".into() } else { two() }),
        "wolfi" => vec!["wolfi".into()],
        "chainguard" => vec!["chainguard".into()],
        "minimos" => vec!["minimos".into()],
        "rhel" | "redhat" => one("rhel", major),
        "centos" => vec![format!("centos:{major}"), format!("rhel:{major}")],
        "almalinux" => one("alma", major),
        "rocky" => one("rocky", major),
        "ol" | "oracle" => one("oracle", major),
        "amzn" | "amazon" => one("amazon", major),
        "azurelinux" => one("azurelinux", &two()),
        "mariner" | "cbl-mariner" => one("mariner", &two()),
        "photon" => one("photon", &two()),
        "fedora" => one("fedora", major),
        "sles" | "sled" | "sles_sap" => one("sles", version),
        "sle-micro" | "sl-micro" | "suse-microos" => one("sle-micro", version),
        "opensuse-leap" => one("opensuse-leap", version),
        "opensuse-tumbleweed" => vec!["opensuse-tumbleweed".into()],
        "openeuler" => vec![open_euler(os)],
        "mageia" => one("mageia", major),
        "echo" => one("echo", version),
        other => one(other, version),
    }
}

/// The distribution that another is rebuilt from and whose statements hold for it where its own feed says nothing: errata
/// of `AlmaLinux` and Rocky Linux tell what is fixed, not what will stay unfixed.
pub fn upstream(key: &str) -> Option<String> {
    let (family, release) = key.split_once(':')?;
    matches!(family, "alma" | "rocky").then(|| format!("rhel:{release}"))
}

/// The key of an operating system's name as a few feeds spell it: `Oracle Linux 8`, `CBL-Mariner`.
pub(crate) fn from_platform(platform: &str) -> Option<String> {
    let last = platform.rsplit(' ').next()?;
    match platform {
        _ if platform.starts_with("Oracle Linux") => Some(format!("oracle:{}", last.split('.').next()?)),
        _ if platform.contains("SUSE") => suse(platform),
        _ => None,
    }
}

/// `openEuler 22.03 (LTS-SP1)`: the service pack is only in the pretty name.
fn open_euler(os: &OperatingSystem) -> String {
    match os.name.split_once('(').and_then(|(_, rest)| rest.split_once(')')) {
        Some((pack, _)) => format!("openeuler:{}-{}", os.version, pack.to_lowercase()),
        None => versioned("openeuler", &os.version),
    }
}

/// A package's key and normal name when its type is a language's.
pub fn of_package(package: &Package) -> Option<(String, String)> {
    let key = match package.r#type.as_str() {
        "deb" | "rpm" | "apk" | "alpm" | "oci" | "" => return None,
        other => other.to_owned(),
    };
    let name = match package.purl.parse::<Purl>() {
        Ok(purl) if purl.r#type == key => joined(&purl),
        _ => package.name.clone(),
    };
    let name = normal_name(&key, &name);
    Some((key, name))
}

fn joined(purl: &Purl) -> String {
    let separator = if purl.r#type == "maven" { ":" } else { "/" };
    if purl.namespace.is_empty() { purl.name.clone() } else { format!("{}{separator}{}", purl.namespace, purl.name) }
}

/// The normal form of a name: the one under which it is looked up.
pub fn normal_name(key: &str, name: &str) -> String {
    match key {
        "pypi" => model::purl::pep503(name),
        // Go's module paths are case-sensitive, but none differ only in case, and tools that lower them exist.
        "nuget" | "composer" | "hex" | "pub" | "githubactions" | "golang" => name.to_lowercase(),
        "swift" => name.trim_start_matches("https://").trim_end_matches(".git").to_lowercase(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_of_bitnami_are_newer_than_what_they_build() {
        let scheme = scheme("bitnami").unwrap();
        assert!(scheme.compare("7.2.4-1", "7.2.4").is_gt() && scheme.compare("7.2.4-10", "7.2.4-9").is_gt());
        assert!(scheme.compare("7.2.4-rc.1", "7.2.4").is_lt() && scheme.compare("7.2.4-1", "7.2.5").is_lt());
    }

    #[test]
    fn osv_names() {
        let check = |ecosystem: &str, key: &str, product: &str| {
            assert_eq!(from_osv(ecosystem), Some((key.into(), product.into())), "{ecosystem}");
            assert!(scheme(key).is_some(), "{key}");
        };
        check("Debian:12", "debian:12", "");
        check("Ubuntu:22.04:LTS", "ubuntu:22.04", "");
        check("Ubuntu:Pro:14.04:LTS", "ubuntu-pro:14.04", "");
        check("Ubuntu:Pro:FIPS:16.04:LTS", "ubuntu-fips:16.04", "");
        check("Alpine:v3.18", "alpine:3.18", "");
        check("Azure Linux:2", "mariner:2.0", "");
        check("Azure Linux:3", "azurelinux:3.0", "");
        check("Red Hat:enterprise_linux:9::baseos", "rhel:9", "redhat:enterprise_linux:9::baseos");
        check("Red Hat:rhel_eus:9.2::appstream", "rhel:9", "redhat:rhel_eus:9.2::appstream");
        check("Red Hat:rhel_software_collections:3::el7", "rhel:7", "redhat:rhel_software_collections:3::el7");
        check(
            "SUSE:Linux Enterprise Module for Basesystem 15 SP5",
            "sles:15.5",
            "Linux Enterprise Module for Basesystem 15 SP5",
        );
        check("openSUSE:Leap 15.6", "opensuse-leap:15.6", "Leap 15.6");
        check("openEuler:22.03-LTS-SP1", "openeuler:22.03-lts-sp1", "");
        check("crates.io", "cargo", "");
        check("Maven:https://repo.example", "maven", "");
        assert_eq!(from_osv("Android"), None);
        check("Red Hat:openshift:4.12::el8", "rhel:8", "redhat:openshift:4.12::el8");
        check("Red Hat:openshift:4", "rhel", "redhat:openshift:4");
        assert_eq!(from_osv("Red Hat:enterprise_linux"), None);
    }

    #[test]
    fn operating_systems() {
        let check = |id: &str, version: &str, name: &str, keys: &[&str]| {
            let os = OperatingSystem { id: id.into(), version: version.into(), name: name.into(), end_of_life: None };
            assert_eq!(of_os(&os), keys, "{id} {version}");
        };
        check("debian", "12", "", &["debian:12"]);
        check("debian", "", "Debian GNU/Linux trixie/sid", &["debian:sid"]);
        check("ubuntu", "22.04", "", &["ubuntu:22.04", "ubuntu-pro:22.04"]);
        check("alpine", "3.18.4", "", &["alpine:3.18"]);
        check("alpine", "3.21_alpha20240807", "", &["alpine:edge"]);
        check("rhel", "9.4", "", &["rhel:9"]);
        check("mariner", "2.0", "", &["mariner:2.0"]);
        check("azurelinux", "3.0", "", &["azurelinux:3.0"]);
        check("amzn", "2023", "", &["amazon:2023"]);
        check("openEuler", "22.03", "openEuler 22.03 (LTS-SP1)", &["openeuler:22.03-lts-sp1"]);
        check("sles", "15.5", "", &["sles:15.5"]);
        check("arch", "", "", &["arch"]);
    }
}
