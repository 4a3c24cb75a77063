//! The catalogue as a page of the documentation.

use std::fmt::Write as _;

use super::{Catalogue, Entry};

/// Markdown: a table of all entries, then each with what it means and what to do. `rules` are names of rules.
pub fn page(catalogue: &Catalogue, rules: &[String]) -> String {
    let mut out = String::from(
        "# Alert catalogue\n\nGenerated from `content/catalogue` and `content/rules`; \
         `SEAWALL_BLESS=1 cargo test -p detect` writes it.\n\n\
         | key | title | severity | tactics | decided from | by |\n|---|---|---|---|---|---|\n",
    );
    // Writing to a string cannot fail, here and below.
    for entry in catalogue.entries() {
        let by = raised_by(catalogue, entry, rules);
        let cells = [
            format!("[`{0}`](#{0})", entry.key),
            entry.title.clone(),
            entry.severity.to_string(),
            entry.tactics.join(", "),
            entry.decidable_from.join(", "),
            by,
        ];
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    for entry in catalogue.entries() {
        details(&mut out, entry);
    }
    out
}

fn raised_by(catalogue: &Catalogue, entry: &Entry, rules: &[String]) -> String {
    if let Some(detector) = &entry.detector {
        return format!("detector `{detector}`");
    }
    let count = rules.iter().filter(|rule| catalogue.of_rule(rule).is_some_and(|found| found.key == entry.key)).count();
    match (count, &entry.waits_for) {
        (0, Some(waits)) => format!("waits for {waits}"),
        (0, None) => "nothing yet".to_owned(),
        (1, _) => "a rule".to_owned(),
        (count, _) => format!("{count} rules"),
    }
}

fn details(out: &mut String, entry: &Entry) {
    let _ = write!(out, "\n## {}\n\n**{}**", entry.key, entry.title);
    if !entry.techniques.is_empty() {
        let _ = write!(out, " ({})", entry.techniques.join(", "));
    }
    let _ = write!(out, "\n\n{}\n", entry.description);
    if let Some(id) = &entry.microsoft_id {
        let _ = write!(out, "\nCorresponds to the alert type `{id}`.\n");
    }
    if !entry.remediation.is_empty() {
        out.push('\n');
        for (index, step) in entry.remediation.iter().enumerate() {
            let _ = writeln!(out, "{}. {step}", index + 1);
        }
    }
}
