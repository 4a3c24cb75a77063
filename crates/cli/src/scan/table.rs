//! The report for people: what one would do, then what is not known. At most the given number of columns.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use assess::AssessedImage;
use model::{CoverageState, Finding, FixStatus, Inventory, Level, Severity, Subject};
use vuln::version::Scheme;

use crate::ui::{columns, counted, visible};

/// Notes on files that are printed; a tree of broken files must not hide what was found. JSON has all.
const MAX_NOTES: usize = 10;

/// Severities in the order of the summary.
const SEVERITIES: [Severity; 6] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Informational, Severity::Unknown];

/// What one can do about a finding, in the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Remove,
    Upgrade,
    Wait,
    NoFix,
    Replace,
}

impl Group {
    fn of(finding: &Finding) -> Self {
        match finding.status {
            _ if finding.id.starts_with("MAL-") => Self::Remove,
            FixStatus::Fixed => Self::Upgrade,
            FixStatus::Affected | FixStatus::UnderInvestigation => Self::Wait,
            FixStatus::WillNotFix | FixStatus::Deferred => Self::NoFix,
            FixStatus::EndOfLife => Self::Replace,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Remove => "Malicious: remove, and treat what it could reach as known to others",
            Self::Upgrade => "Upgrade",
            Self::Wait => "No fix yet",
            Self::NoFix => "The vendor will not fix, or later",
            Self::Replace => "Out of support: move to a newer release",
        }
    }
}

/// The report of one image; `given` is what the user called it.
pub(super) fn render(image: &AssessedImage, given: &str, width: usize) -> String {
    let width = width.max(40);
    let mut out = String::new();
    header(&mut out, &image.inventory, given);
    let findings = &image.assessment.findings;
    let (inert, judged): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.inert);
    summary(&mut out, &judged, image);
    groups(&mut out, &judged, width);
    if !inert.is_empty() {
        let _ = writeln!(
            out,
            "\n{} in header, documentation or debug packages are not counted.",
            counted(inert.len(), "finding")
        );
    }
    if !image.assessment.suppressed.is_empty() {
        let number = counted(image.assessment.suppressed.len(), "finding");
        let _ = writeln!(out, "\n{number} ruled out, with the reason in --format json.");
    }
    unknown(&mut out, image, width);
    visible(&out).into_owned()
}

fn header(out: &mut String, inventory: &Inventory, given: &str) {
    let artifact = &inventory.artifact;
    let name = artifact.reference.as_deref().unwrap_or(given);
    let platform = if artifact.platform.os.is_empty() { String::new() } else { format!(" ({})", artifact.platform) };
    let _ = writeln!(out, "{name}{platform}");
    let os = match &inventory.os {
        Some(os) if os.name.is_empty() => format!("{} {}", os.id, os.version),
        Some(os) => os.name.clone(),
        None => "no operating system".to_owned(),
    };
    let layers = match inventory.layers.len() {
        // An SBOM, a directory.
        0 => String::new(),
        number => format!(", {}", counted(number, "layer")),
    };
    let _ = writeln!(out, "{}, {}{layers}", os.trim(), counted(inventory.packages.len(), "package"));
    if let Some(digest) = &artifact.manifest_digest {
        let _ = writeln!(out, "{digest}");
    }
}

fn summary(out: &mut String, findings: &[&Finding], image: &AssessedImage) {
    if findings.is_empty() {
        let judged = image.assessment.coverage.iter().any(|coverage| !super::is_unjudged(coverage));
        let text = if judged { "No findings in what could be judged." } else { "Nothing could be judged." };
        let _ = writeln!(out, "\n{text}");
        return;
    }
    let parts: Vec<String> = SEVERITIES
        .iter()
        .filter_map(|severity| {
            let number = findings.iter().filter(|finding| finding.severity.chosen == *severity).count();
            (number > 0).then(|| format!("{number} {severity}"))
        })
        .collect();
    let _ = writeln!(out, "\n{}: {}", counted(findings.len(), "finding"), parts.join(", "));
    let exploited = findings.iter().filter(|finding| finding.kev.is_some()).count();
    if exploited > 0 {
        let _ = writeln!(out, "{exploited} known to be exploited, marked with *");
    }
}

/// Findings of one package within a group.
struct Row<'a> {
    name: String,
    installed: &'a str,
    findings: Vec<&'a Finding>,
}

impl Row<'_> {
    fn worst(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity.chosen).max().unwrap_or_default()
    }

    /// The version that fixes all of them: the highest of the fixed versions, each finding's lowest that is above what
    /// is installed.
    fn fixed(&self) -> Option<&str> {
        let mut highest: Option<&str> = None;
        for finding in &self.findings {
            let scheme = Scheme::from_name(&finding.because.scheme)?;
            let above = finding.fixed.iter().filter(|fixed| scheme.compare(fixed, self.installed).is_gt());
            let lowest = above.min_by(|a, b| scheme.compare(a, b)).or(finding.fixed.first())?;
            if highest.is_none_or(|highest| scheme.compare(lowest, highest).is_gt()) {
                highest = Some(lowest);
            }
        }
        highest
    }
}

fn groups(out: &mut String, findings: &[&Finding], width: usize) {
    let mut rows: BTreeMap<(Group, &str, &str), Row<'_>> = BTreeMap::new();
    for finding in findings {
        let key = (Group::of(finding), finding.package.as_str(), finding.installed.as_str());
        let row = rows.entry(key).or_insert_with(|| Row {
            name: short_name(&finding.package),
            installed: &finding.installed,
            findings: Vec::new(),
        });
        row.findings.push(finding);
    }
    for group in [Group::Remove, Group::Upgrade, Group::Wait, Group::NoFix, Group::Replace] {
        let mut rows: Vec<&Row<'_>> = rows.iter().filter(|(key, _)| key.0 == group).map(|(_, row)| row).collect();
        if rows.is_empty() {
            continue;
        }
        rows.sort_by(|a, b| {
            b.worst().cmp(&a.worst()).then(b.findings.len().cmp(&a.findings.len())).then(a.name.cmp(&b.name))
        });
        let _ = writeln!(out, "\n{}", group.title());
        for row in rows {
            package(out, row, group, width);
        }
    }
}

fn package(out: &mut String, row: &Row<'_>, group: Group, width: usize) {
    let fixed = if group == Group::Upgrade { row.fixed() } else { None };
    let versions = match fixed {
        Some(fixed) => format!("{} -> {fixed}", row.installed),
        None => row.installed.to_owned(),
    };
    wrap(out, "  ", &format!("{} {versions}", row.name), width);
    for severity in SEVERITIES {
        let mut ids: Vec<String> = row
            .findings
            .iter()
            .filter(|finding| finding.severity.chosen == severity)
            .map(|finding| format!("{}{}", finding.id, if finding.kev.is_some() { "*" } else { "" }))
            .collect();
        if ids.is_empty() {
            continue;
        }
        ids.sort();
        ids.dedup();
        wrap(out, &format!("    {:<14}", severity.as_str()), &ids.join(", "), width);
    }
}

/// `type/name` of a purl: short, and still telling a PyPI package from a Debian one of the same name.
fn short_name(purl: &str) -> String {
    match purl.parse::<model::Purl>() {
        Ok(purl) if matches!(purl.r#type.as_str(), "deb" | "rpm" | "apk") || purl.namespace.is_empty() => {
            format!("{}/{}", purl.r#type, purl.name)
        }
        Ok(purl) => format!("{}/{}/{}", purl.r#type, purl.namespace, purl.name),
        Err(_) => purl.to_owned(),
    }
}

fn unknown(out: &mut String, image: &AssessedImage, width: usize) {
    let unseen: Vec<_> = image.assessment.coverage.iter().filter(|coverage| super::is_unjudged(coverage)).collect();
    let notes: Vec<_> = image
        .inventory
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.level != Level::Note)
        .filter(|diagnostic| !diagnostic.code.starts_with("layer/unreadable"))
        .collect();
    if unseen.is_empty() && notes.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nNot known");
    for coverage in unseen {
        let (subject, packages) = match &coverage.subject {
            Subject::PackageType { name, packages } => (name.clone(), format!(" ({})", counted(*packages, "package"))),
            Subject::Os { name } => (name.clone(), String::new()),
            Subject::Layer { digest } => (format!("layer {digest}"), String::new()),
            _ => (coverage.signal.clone(), String::new()),
        };
        let reason = if coverage.reason.is_empty() { state_text(coverage.state) } else { &coverage.reason };
        wrap(out, "  ", &format!("{subject}: {reason}{packages}"), width);
    }
    for diagnostic in notes.iter().take(MAX_NOTES) {
        wrap(out, "  ", &format!("{}: {}", place(&diagnostic.span.source), diagnostic.message), width);
    }
    if notes.len() > MAX_NOTES {
        let _ = writeln!(out, "  and {} more; --format json has all", counted(notes.len() - MAX_NOTES, "note"));
    }
}

/// `DIGEST:path` with as much of the digest as tells layers apart.
fn place(source: &str) -> String {
    let Some(rest) = source.strip_prefix("sha256:") else { return source.to_owned() };
    match rest.split_once(':') {
        Some((digest, path)) => format!("{path} (layer {})", digest.get(..12).unwrap_or(digest)),
        None => format!("layer {}", rest.get(..12).unwrap_or(rest)),
    }
}

const fn state_text(state: CoverageState) -> &'static str {
    match state {
        CoverageState::Seen => "judged",
        CoverageState::Unseen => "no feed",
        CoverageState::Stale => "the feed is old",
        CoverageState::Unsupported => "not supported",
        CoverageState::Unreachable => "its source does not answer",
    }
}

/// Words in lines of at most `width` columns; lines after the first are indented as far as the first's lead. A word that
/// is longer than a line is broken.
fn wrap(out: &mut String, lead: &str, text: &str, width: usize) {
    let indent = " ".repeat(columns(lead));
    let mut line = lead.to_owned();
    let mut empty = true;
    for mut word in text.split_whitespace() {
        loop {
            let room = width.saturating_sub(columns(&line) + usize::from(!empty)).max(usize::from(empty));
            let fits = columns(word) <= room;
            if fits || empty {
                let end = if fits { word.len() } else { prefix(word, room) };
                if !empty {
                    line.push(' ');
                }
                line.push_str(&word[..end]);
                (word, empty) = (&word[end..], false);
            }
            if word.is_empty() {
                break;
            }
            let _ = writeln!(out, "{}", line.trim_end());
            line.clone_from(&indent);
            empty = true;
        }
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

/// Bytes of a word's start that take at most so many columns; at least one letter.
fn prefix(word: &str, room: usize) -> usize {
    let ends = word.char_indices().map(|(at, letter)| at + letter.len_utf8());
    ends.take_while(|end| columns(&word[..*end]) <= room)
        .last()
        .unwrap_or_else(|| word.chars().next().map_or(0, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_wide_as_asked() {
        let check = |text: &str, width, expected: &[&str]| {
            let mut out = String::new();
            wrap(&mut out, "  ", text, width);
            assert_eq!(out.lines().collect::<Vec<_>>(), expected, "{text}");
        };
        check("one two three", 10, &["  one two", "  three"]);
        check("a abcdefghijkl b", 8, &["  a", "  abcdef", "  ghijkl", "  b"]);
        check("日本語 日本", 10, &["  日本語", "  日本"]);
        check("日本語日本", 8, &["  日本語", "  日本"]);
        check("日本", 1, &["  日", "  本"]);
        check("", 10, &[""]);
    }
}
