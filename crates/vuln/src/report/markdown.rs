//! Markdown for pull requests and wikis (GitHub's flavour).

use std::fmt::Write as _;

use model::{Finding, FixStatus};

use super::Judged;

/// The report of one image.
pub fn markdown(image: &Judged<'_>) -> String {
    let mut out = format!("## {}\n\n", escape(&image.name()));
    let os = image.inventory.os.as_ref().map_or("no operating system", |os| os.name.as_str());
    let _ = writeln!(out, "{}, {} packages", escape(os), image.inventory.packages.len());
    let mut counted: Vec<&Finding> = image.assessment.findings.iter().filter(|finding| !finding.inert).collect();
    counted.sort_by(|a, b| b.severity.chosen.cmp(&a.severity.chosen).then(a.package.cmp(&b.package)));
    if counted.is_empty() {
        out.push_str("\nNo findings in what could be judged.\n");
    } else {
        let _ = writeln!(out, "\n### {} findings\n", counted.len());
        out.push_str("| Severity | Id | Package | Installed | Fix |\n|---|---|---|---|---|\n");
        for finding in counted {
            let exploited = if finding.kev.is_some() { " (exploited)" } else { "" };
            let _ = writeln!(
                out,
                "| {} | {}{exploited} | {} | {} | {} |",
                finding.severity.chosen,
                escape(&finding.id),
                escape(&finding.package),
                escape(&finding.installed),
                escape(&fix(finding)),
            );
        }
    }
    let unknown = image.unknown();
    if !unknown.is_empty() {
        out.push_str("\n### Not known\n\n");
        for sentence in unknown {
            let _ = writeln!(out, "- {}", escape(&sentence));
        }
    }
    out
}

fn fix(finding: &Finding) -> String {
    match finding.status {
        FixStatus::Fixed => finding.fixed.join(", "),
        FixStatus::Affected => "none yet".into(),
        FixStatus::WillNotFix => "will not be fixed".into(),
        FixStatus::Deferred => "postponed".into(),
        FixStatus::EndOfLife => "out of support".into(),
        FixStatus::UnderInvestigation => "under investigation".into(),
    }
}

/// Text that cannot leave its cell or become markup: names come from images and feeds.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => out.push(' '),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' => {
                out.push('\\');
                out.push(character);
            }
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            other => out.push(other),
        }
    }
    out
}
