//! The catalogue as a page of the documentation.

use std::fmt::Write as _;

use super::{Catalogue, Entry, Noise};

/// Markdown: a table of all entries, the measured noise, then each entry with what it means and what to do. `rules` are
/// names of rules.
pub fn page(catalogue: &Catalogue, rules: &[String], noise: &Noise) -> String {
    let mut out = format!(
        "# Alert catalogue\n\nGenerated from `content/catalogue`, `content/rules` and `content/noise`; \
         `cargo xtask gen` writes it. Noise is in alerts an hour on the [benign corpus](#measured-noise), measured on \
         {}; entries that are decided from Kubernetes audit events are measured apart, on benign audit logs.\n\n\
         | key | title | severity | tactics | decided from | by | noise |\n|---|---|---|---|---|---|---|\n",
        noise.date
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
            noise_of(catalogue, entry, noise),
        ];
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    measured(&mut out, catalogue, noise);
    for entry in catalogue.entries() {
        details(&mut out, entry);
    }
    out
}

/// Alerts an hour of an entry's rules and detector; nothing for what the corpus cannot raise.
fn noise_of(catalogue: &Catalogue, entry: &Entry, noise: &Noise) -> String {
    if entry.waits_for.is_some() || entry.decidable_from.iter().all(|source| source == "k8s_audit") {
        return String::new();
    }
    let own = |rule: &str| entry.detector.as_deref() == Some(rule);
    noise.per_hour(|rule| own(rule) || catalogue.of_rule(rule).is_some_and(|found| found.key == entry.key))
}

fn measured(out: &mut String, catalogue: &Catalogue, noise: &Noise) {
    let _ = write!(
        out,
        "\n## Measured noise\n\nMeasured on {}: {} items of everyday work ran for {} s with our own rules and Falco's \
         stable file loaded, joined to its hooks by `content/tuning/falco.yaml`. The work is dense on purpose: an hour of \
         it holds more than an hour of most nodes. `cargo xtask test` runs all of it, too; an alert of Medium \
         or above, or a rule over its budget (`content/noise/budget.yaml`), fails.\n\n\
         | rule | of | severity | alerts | an hour | raised by | why it stays |\n|---|---|---|---|---|---|---|\n",
        noise.date,
        noise.items.len(),
        noise.seconds
    );
    for (name, rule) in &noise.rules {
        let own = catalogue.of_rule(name).or_else(|| catalogue.of_detector(name)).is_some();
        let per_hour = noise.per_hour(|other| other == name);
        let (whose, why) = (if own { "Seawall" } else { "Falco" }, rule.reason.as_deref().unwrap_or_default());
        let (severity, alerts, items) = (rule.severity, rule.alerts, rule.items.join(", "));
        let _ = writeln!(out, "| `{name}` | {whose} | {severity} | {alerts} | {per_hour} | {items} | {why} |");
    }
    out.push_str("\n| item | runs | seconds | what it is |\n|---|---|---|---|\n");
    for item in &noise.items {
        let place = match item.kind.as_str() {
            "host" => "on the node",
            "build" => "in a container that ends",
            _ => "in a container that serves",
        };
        let _ = writeln!(out, "| {} | {place} | {} | {} |", item.name, item.seconds, item.about);
    }
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
