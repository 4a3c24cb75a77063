//! `seawall db compare`.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use vuln::version::packed::Part;
use vuln::version::{Scheme, pairs};

use crate::Outcome;
use crate::ui::Ui;

/// Largest file of comparisons; the largest known has 7,300 lines.
const FILE_MAX_BYTES: u64 = 64 << 20;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// dpkg, rpm, apk, semver, npm, go, pep440, maven, gem, nuget, composer or cran.
    scheme: String,
    /// The first version.
    #[arg(required_unless_present = "file")]
    a: Option<String>,
    /// The second version.
    #[arg(required_unless_present = "file")]
    b: Option<String>,
    /// Check a file of lines `A < B`, `A = B` or `A > B`; exit code 1 when one differs.
    #[arg(long, conflicts_with_all = ["a", "b"])]
    file: Option<PathBuf>,
}

pub(super) fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let Some(scheme) = Scheme::from_name(&args.scheme) else {
        let names: Vec<&str> = Scheme::ALL.iter().map(|scheme| scheme.name()).collect();
        bail!("no scheme {:?}: use one of {}", args.scheme, names.join(" "));
    };
    match (&args.file, &args.a, &args.b) {
        (Some(file), ..) => check(scheme, file, ui),
        (None, Some(a), Some(b)) => {
            explain(scheme, a, b, ui);
            Ok(Outcome::Clean)
        }
        _ => bail!("give two versions or --file"),
    }
}

fn check(scheme: Scheme, file: &std::path::Path, ui: &Ui) -> anyhow::Result<Outcome> {
    let inflater = std::fs::File::open(file)
        .and_then(|opened| limits::inflate::Inflater::new(opened, limits::inflate::Caps::LAYER))
        .with_context(|| format!("opening {}", file.display()))?;
    let bytes = limits::read_capped(inflater, FILE_MAX_BYTES, &file.display().to_string())?;
    let text = String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", file.display()))?;
    let checked = pairs::check(scheme, &text, &file.display().to_string());
    for diagnostic in &checked.diagnostics {
        ui.say(diagnostic.render(&text));
    }
    for difference in &checked.differences {
        ui.print(format_args!("{}: {} (ours: {})", difference.line, difference.text, pairs::sign(difference.ours)));
    }
    ui.say(format_args!("{} compared, {} differ", checked.compared, checked.differences.len()));
    Ok(if !checked.diagnostics.is_empty() {
        Outcome::Incomplete
    } else if checked.differences.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

fn explain(scheme: Scheme, a: &str, b: &str, ui: &Ui) {
    let explanation = scheme.explain(a, b);
    ui.print(format_args!("{a} {} {b}", pairs::sign(explanation.order)));
    ui.print(format_args!("  {}", explanation.decided));
    for (version, parts) in [(a, &explanation.left), (b, &explanation.right)] {
        ui.print(format_args!("  {version}: {}", show(parts)));
        if let Err(error) = scheme.validate(version) {
            ui.say(format_args!("note: {error}; it got a place in the order all the same"));
        }
    }
}

fn show(parts: &[Part]) -> String {
    let shown: Vec<String> =
        parts.iter().filter(|part| !part.text.is_empty()).map(|part| format!("{} {}", part.label, part.text)).collect();
    if shown.is_empty() { "(nothing)".into() } else { shown.join(", ") }
}
