//! Feeds as their publishers lay them out, with as many records as they have (late 2026), made from a fixed seed.
//!
//! What it is: files in the real formats, for the real importers: names, versions, ids, lists of binaries and symbols of
//! plausible number and length. What it is not: real advisories; how well they compress is an estimate. How many packages
//! and releases an average record names is written beside each feed.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

/// A feed in OSV form: folder, records, names of packages, what a record looks like.
const OSV: [(&str, usize, usize, Shape); 16] = [
    (
        "Ubuntu",
        71_146,
        6_000,
        Shape::Distribution {
            releases: &[
                "Ubuntu:16.04:LTS",
                "Ubuntu:18.04:LTS",
                "Ubuntu:20.04:LTS",
                "Ubuntu:22.04:LTS",
                "Ubuntu:24.04:LTS",
                "Ubuntu:Pro:18.04:LTS",
            ],
            packages: 1,
            binaries: 5,
        },
    ),
    (
        "SUSE",
        24_626,
        5_000,
        Shape::Distribution {
            releases: &["SUSE:Linux Enterprise Server 15 SP5", "SUSE:Linux Enterprise Server 15 SP6"],
            packages: 3,
            binaries: 6,
        },
    ),
    ("openSUSE", 15_445, 5_000, Shape::Distribution { releases: &["openSUSE:Leap 15.6"], packages: 3, binaries: 6 }),
    (
        "Azure Linux",
        20_806,
        1_500,
        Shape::Distribution { releases: &["Azure Linux:2", "Azure Linux:3"], packages: 1, binaries: 0 },
    ),
    (
        "openEuler",
        9_668,
        3_000,
        Shape::Distribution {
            releases: &["openEuler:22.03-LTS-SP4", "openEuler:24.03-LTS"],
            packages: 1,
            binaries: 10,
        },
    ),
    ("AlmaLinux", 6_695, 4_000, Shape::Distribution { releases: &["AlmaLinux:9"], packages: 15, binaries: 0 }),
    ("Rocky Linux", 5_018, 4_000, Shape::Distribution { releases: &["Rocky Linux:9"], packages: 15, binaries: 0 }),
    ("npm", 232_074, 225_000, Shape::Language { ecosystem: "npm", malware: true }),
    ("PyPI", 26_412, 15_000, Shape::Language { ecosystem: "PyPI", malware: false }),
    ("Go", 9_799, 3_000, Shape::Language { ecosystem: "Go", malware: false }),
    ("Maven", 7_141, 3_000, Shape::Language { ecosystem: "Maven", malware: false }),
    ("Packagist", 7_320, 2_000, Shape::Language { ecosystem: "Packagist", malware: false }),
    ("RubyGems", 5_473, 2_000, Shape::Language { ecosystem: "RubyGems", malware: false }),
    ("crates.io", 3_081, 1_500, Shape::Language { ecosystem: "crates.io", malware: false }),
    ("NuGet", 1_962, 800, Shape::Language { ecosystem: "NuGet", malware: false }),
    ("Bitnami", 10_165, 300, Shape::Language { ecosystem: "Bitnami", malware: false }),
];
/// CVEs of Debian's tracker.
const DEBIAN: usize = 75_578;
/// CVEs of Red Hat's VEX files.
const RED_HAT: usize = 24_908;
/// Facts (package, version, CVE) of the secdbs: file, family, facts, packages.
const SECDB: [(&str, &str, usize, usize); 3] = [
    ("alpine/v3.22/main.json", "v3.22", 10_860 * 6, 3_000),
    ("wolfi/security.json", "wolfi", 350_990, 8_000),
    ("chainguard/security.json", "chainguard", 1_364_192, 20_000),
];
/// CVEs with a probability of exploitation.
const EPSS: usize = 240_000;
/// Known exploited ones.
const KEV: usize = 1_450;

/// How records of a feed look.
#[derive(Clone, Copy)]
enum Shape {
    /// `packages` names in each of the releases, each with so many binaries.
    Distribution { releases: &'static [&'static str], packages: usize, binaries: usize },
    /// One or two packages of a language; most of npm's are malware.
    Language { ecosystem: &'static str, malware: bool },
}

/// Records that all feeds have together.
pub fn records() -> usize {
    OSV.iter().map(|(_, count, ..)| count).sum::<usize>()
        + SECDB.iter().map(|(_, _, facts, _)| facts).sum::<usize>()
        + DEBIAN
        + RED_HAT
        + EPSS
        + KEV
}

/// Numbers from a seed (xorshift64*): the same corpus everywhere.
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `end`.
    pub const fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    fn cve(&mut self) -> String {
        format!("CVE-{}-{}", 2008 + self.below(19), 1000 + self.below(40_000))
    }

    fn grouped(&mut self, prefix: &str) -> String {
        const SYMBOLS: &[u8] = b"23456789cfghjmpqrvwx";
        let mut group = || (0..4).map(|_| char::from(SYMBOLS[self.below(20)])).collect::<String>();
        format!("{prefix}-{}-{}-{}", group(), group(), group())
    }

    /// An upstream version.
    pub fn version(&mut self) -> String {
        format!("{}.{}.{}", self.below(12), self.below(30), self.below(20))
    }

    fn title(&mut self) -> String {
        const WORDS: [&str; 40] = [
            "improper",
            "buffer",
            "overflow",
            "validation",
            "of",
            "input",
            "in",
            "remote",
            "attacker",
            "denial",
            "service",
            "allows",
            "cross-site",
            "scripting",
            "memory",
            "use",
            "after",
            "free",
            "crafted",
            "request",
            "parser",
            "header",
            "path",
            "traversal",
            "injection",
            "command",
            "execution",
            "bypass",
            "authentication",
            "token",
            "leak",
            "null",
            "pointer",
            "dereference",
            "race",
            "condition",
            "privilege",
            "escalation",
            "via",
            "function",
        ];
        (0..8).map(|_| WORDS[self.below(40)]).collect::<Vec<_>>().join(" ")
    }
}

/// The name of a package: number `index` of a feed. Inventories of the bench use the same.
pub fn name(ecosystem: &str, index: usize) -> String {
    const PARTS: [&str; 12] =
        ["core", "http", "json", "net", "tls", "db", "log", "cloud", "kube", "image", "parse", "graph"];
    let word = format!("{}-{}{}", PARTS[index % 12], PARTS[index / 12 % 12], index);
    match ecosystem {
        "Go" => format!("github.com/{}/{word}", PARTS[index % 7]),
        "Maven" => format!("org.{}.{}:{word}", PARTS[index % 11], PARTS[index % 5]),
        "Packagist" => format!("{}/{word}", PARTS[index % 7]),
        _ => word,
    }
}

/// Writes all feeds below a directory.
pub fn write(dir: &Path) -> Result<()> {
    for (folder, count, names, shape) in OSV {
        osv(&dir.join("osv").join(folder).join("all.zip"), folder, count, names, shape)?;
    }
    let mut random = Random::new(7);
    debian(&dir.join("debian/tracker.json"), &mut random)?;
    for (file, family, facts, packages) in SECDB {
        secdb(&dir.join(file), family, facts, packages, &mut random)?;
    }
    red_hat(&dir.join("rhel/csaf_vex_2026-11-20.tar.zst"), &mut random)?;
    enrichment(dir, &mut random)
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let parent = path.parent().context("a file in a folder")?;
    fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    Ok(BufWriter::new(File::create(path).with_context(|| path.display().to_string())?))
}

fn osv(path: &Path, folder: &str, count: usize, names: usize, shape: Shape) -> Result<()> {
    let mut random = Random::new(count as u64);
    let mut archive = zip::ZipWriter::new(create(path)?);
    let options = SimpleFileOptions::default().compression_level(Some(1));
    for index in 0..count {
        let record = match shape {
            Shape::Distribution { releases, packages, binaries } => {
                distribution(folder, releases, packages, binaries, names, &mut random)
            }
            Shape::Language { ecosystem, malware } => {
                language(ecosystem, malware && index % 14 != 0, names, &mut random)
            }
        };
        archive.start_file(format!("{index}.json"), options)?;
        serde_json::to_writer(&mut archive, &record)?;
    }
    archive.finish()?.flush()?;
    Ok(())
}

fn distribution(
    folder: &str,
    releases: &[&str],
    packages: usize,
    binaries: usize,
    names: usize,
    random: &mut Random,
) -> Value {
    let cve = random.cve();
    let first = random.below(names);
    let mut affected = Vec::new();
    for package in 0..packages {
        let name = name(folder, (first + package) % names);
        for release in releases {
            let version = format!("{}-{}", random.version(), random.below(9));
            let list: Vec<Value> = (0..binaries)
                .map(|n| json!({"binary_name": format!("{name}-{n}"), "binary_version": version}))
                .collect();
            affected.push(json!({
                "package": {"ecosystem": release, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": version}]}],
                "ecosystem_specific": {"binaries": list},
            }));
        }
    }
    let id = if folder == "Ubuntu" {
        format!("UBUNTU-{cve}")
    } else {
        format!("XXSA-{}:{}", 2010 + random.below(16), random.below(99_999))
    };
    json!({
        "id": id, "modified": "2026-11-20T00:00:00Z", "published": "2026-01-07T00:00:00Z", "upstream": [cve],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": affected,
    })
}

fn language(ecosystem: &str, malware: bool, names: usize, random: &mut Random) -> Value {
    let name = name(ecosystem, random.below(names));
    // Malware has names of its own, like those of what it imitates; nobody's image has it.
    let name = if malware { format!("{name}-js") } else { name };
    let major = random.below(11);
    let mut version = |major: usize| format!("{major}.{}.{}", random.below(30), random.below(20));
    // Versions go up: a fix before the beginning would leave the range open.
    let (introduced, fixed) = if malware { ("0".to_owned(), None) } else { (version(major), Some(version(major + 1))) };
    let mut events = vec![json!({"introduced": introduced})];
    events.extend(fixed.map(|fixed| json!({"fixed": fixed})));
    let id = if malware { format!("MAL-2026-{}", random.below(900_000)) } else { random.grouped("GHSA") };
    let mut affected = json!({
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": if ecosystem == "Go" { "SEMVER" } else { "ECOSYSTEM" }, "events": events}],
    });
    if ecosystem == "Go" {
        let symbols: Vec<String> = (0..5).map(|_| format!("Type.Method{}", random.below(5_000))).collect();
        affected["ecosystem_specific"] = json!({"imports": [{"path": format!("{name}/pkg"), "symbols": symbols}]});
    }
    let aliases = if malware { Vec::new() } else { vec![random.cve()] };
    json!({
        "id": id, "modified": "2026-11-20T00:00:00Z", "published": "2026-01-07T00:00:00Z",
        "summary": if malware { format!("Malicious code in {name} ({ecosystem})") } else { random.title() },
        "aliases": aliases, "affected": [affected],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    })
}

/// Five releases a CVE.
fn debian(path: &Path, random: &mut Random) -> Result<()> {
    const PACKAGES: usize = 4_000;
    let mut out = create(path)?;
    write!(out, "{{")?;
    for index in 0..PACKAGES {
        let comma = if index == 0 { "" } else { "," };
        write!(out, "{comma}{}:{{", json!(name("Debian", index)))?;
        for cve in 0..DEBIAN.div_ceil(PACKAGES) {
            let releases: serde_json::Map<String, Value> = ["bullseye", "bookworm", "trixie", "forky", "sid"]
                .into_iter()
                .map(|release| {
                    let version = format!("{}-{}", random.version(), 1 + random.below(9));
                    let value = json!({
                        "status": "resolved", "repositories": {release: version}, "fixed_version": version,
                        "urgency": "not yet assigned",
                    });
                    (release.to_owned(), value)
                })
                .collect();
            let comma = if cve == 0 { "" } else { "," };
            // Numbers in a row, so that no CVE comes twice within a package.
            let id = format!("CVE-{}-{}", 2008 + cve % 19, 1000 + index * 19 + cve);
            write!(
                out,
                "{comma}\"{id}\":{}",
                json!({"description": random.title(), "scope": "remote", "releases": releases})
            )?;
        }
        write!(out, "}}")?;
    }
    writeln!(out, "}}")?;
    out.flush().context("writing the tracker")
}

fn secdb(path: &Path, family: &str, facts: usize, packages: usize, random: &mut Random) -> Result<()> {
    let mut out = create(path)?;
    let prefix = format!("https://packages.example/{family}");
    write!(out, "{{\"distroversion\":\"{family}\",\"reponame\":\"main\",\"urlprefix\":\"{prefix}\",\"packages\":[")?;
    for index in 0..packages {
        let mut fixes = serde_json::Map::new();
        let mut left = facts / packages;
        while left > 0 {
            let count = (1 + random.below(8)).min(left);
            let cves: Vec<String> = (0..count).map(|_| random.cve()).collect();
            fixes.insert(format!("{}-r{}", random.version(), random.below(6)), json!(cves));
            left -= count;
        }
        let comma = if index == 0 { "" } else { "," };
        write!(out, "{comma}{}", json!({"pkg": {"name": name("Alpine", index), "secfixes": fixes}}))?;
    }
    writeln!(out, "]}}")?;
    out.flush().context("writing a secdb")
}

/// Six fixed packages and one without a fix, each in three streams.
fn red_hat(path: &Path, random: &mut Random) -> Result<()> {
    let mut out = zstd::Encoder::new(create(path)?, 1)?;
    for index in 0..RED_HAT {
        let cve = format!("CVE-{}-{}", 2008 + index % 19, 1000 + index / 19);
        let document = serde_json::to_vec(&vex(&cve, random))?;
        let mut header = [0_u8; 512];
        let file = format!("2024/{}.json", cve.to_lowercase());
        header[..file.len()].copy_from_slice(file.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", document.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.write_all(&header)?;
        out.write_all(&document)?;
        out.write_all(&vec![0; document.len().next_multiple_of(512) - document.len()])?;
    }
    out.write_all(&[0; 1024])?;
    out.finish()?.flush().context("writing the archive")
}

fn vex(cve: &str, random: &mut Random) -> Value {
    let streams = [
        ("AppStream-9", "enterprise_linux:9::appstream"),
        ("AppStream-8", "enterprise_linux:8::appstream"),
        ("AppStream-9.2.EUS", "rhel_eus:9.2::appstream"),
    ];
    let mut products: Vec<Value> = streams
        .iter()
        .map(|(id, cpe)| json!({"product": {"product_id": id, "product_identification_helper": {"cpe": format!("cpe:/a:redhat:{cpe}")}}}))
        .collect();
    let (mut relationships, mut fixed, mut affected) = (Vec::new(), Vec::new(), Vec::new());
    let first = random.below(3_000);
    for (package, (stream, _)) in (0..6).flat_map(|package| streams.iter().map(move |stream| (package, stream))) {
        let name = name("Red Hat", first + package);
        for architecture in ["x86_64", "aarch64"] {
            let id = format!("{name}-{stream}.{architecture}");
            let version = format!("{}-{}.el9", random.version(), random.below(99));
            products.push(json!({"product": {"product_id": id, "product_identification_helper": {"purl": format!("pkg:rpm/redhat/{name}@{version}?arch={architecture}")}}}));
            relationships.push(json!({"category": "default_component_of", "full_product_name": {"product_id": format!("{stream}:{id}"), "name": id}, "product_reference": id, "relates_to_product_reference": stream}));
            fixed.push(format!("{stream}:{id}"));
        }
    }
    let open = name("Red Hat", first);
    products.push(json!({"product": {"product_id": open, "product_identification_helper": {"purl": format!("pkg:rpm/redhat/{open}?arch=src")}}}));
    relationships.push(json!({"full_product_name": {"product_id": format!("AppStream-8:{open}")}, "product_reference": open, "relates_to_product_reference": "AppStream-8"}));
    affected.push(format!("AppStream-8:{open}"));
    json!({
        "document": {"category": "csaf_vex", "csaf_version": "2.0", "title": random.title(), "tracking": {"id": cve, "current_release_date": "2026-11-20T00:00:00Z"}},
        "product_tree": {"branches": [{"branches": products}], "relationships": relationships},
        "vulnerabilities": [{
            "cve": cve, "title": random.title(), "release_date": "2026-01-07T00:00:00Z",
            "product_status": {"fixed": fixed, "known_affected": affected},
            "scores": [{"cvss_v3": {"vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],
            "threats": [{"category": "impact", "details": "Important"}],
        }],
    })
}

fn enrichment(dir: &Path, random: &mut Random) -> Result<()> {
    let mut out = create(&dir.join("epss/epss_scores-current.csv"))?;
    writeln!(out, "#model_version:v2026.01.01,score_date:2026-11-23T00:00:00Z\ncve,epss,percentile")?;
    for index in 0..EPSS {
        let (score, percentile) = (random.below(100_000), random.below(100_000));
        writeln!(out, "CVE-{}-{},0.{score:05},0.{percentile:05}", 2008 + index % 19, 1000 + index / 19)?;
    }
    out.flush()?;
    let known: Vec<Value> = (0..KEV)
        .map(|_| json!({"cveID": random.cve(), "dateAdded": "2026-01-07", "knownRansomwareCampaignUse": "Unknown"}))
        .collect();
    let catalogue =
        json!({"catalogVersion": "2026.11.20", "dateReleased": "2026-11-20T00:00:00Z", "vulnerabilities": known});
    let mut out = create(&dir.join("kev/known_exploited_vulnerabilities.json"))?;
    serde_json::to_writer(&mut out, &catalogue)?;
    out.flush().context("writing the catalogue")
}
