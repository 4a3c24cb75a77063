//! `seawall detect explain`: what a rule asks, with everything that it names written out.

use anyhow::bail;
use detect::{CompileOptions, Matching, RuleSet};
use model::Level;

use super::{Rules, report};
use crate::Outcome;
use crate::ui::Ui;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the rule, or a key of the alert catalogue.
    rule: String,
    #[command(flatten)]
    rules: Rules,
}

/// Runs the command.
pub fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let sources = args.rules.sources()?;
    let options = CompileOptions { matching: Matching::All, ..args.rules.options() };
    let (rules, diagnostics) = RuleSet::compile(&sources, &options);
    report(&diagnostics, &sources, Level::Error, ui);
    let wanted: Vec<_> =
        rules.compiled().iter().filter(|rule| rule.rule.name == args.rule || rule.rule.key == args.rule).collect();
    if rules.off().contains(&args.rule) {
        bail!("the rule `{}` is switched off", args.rule);
    }
    if wanted.is_empty() {
        let names: Vec<&str> = rules.rules().iter().map(|rule| rule.name.as_str()).collect();
        match detect::rules::closest(&args.rule, &names) {
            Some(near) => bail!("there is no enabled rule `{}`; did you mean `{near}`?", args.rule),
            None => bail!("there is no enabled rule `{}` among the {} that are loaded", args.rule, names.len()),
        }
    }
    for found in wanted {
        let rule = &found.rule;
        ui.print(format_args!("rule        {}", rule.name));
        ui.print(format_args!("title       {}", rule.title));
        ui.print(format_args!("severity    {} (priority {})", rule.severity, rule.priority));
        ui.print(format_args!("source      {}", rule.source));
        let words = |words: &mut dyn Iterator<Item = &str>| words.collect::<Vec<_>>().join(" ");
        ui.print(format_args!("tactics     {}", rule.tactics.join(", ")));
        ui.print(format_args!("techniques  {}", rule.techniques.join(" ")));
        ui.print(format_args!("events      {}", words(&mut rule.kinds.iter().copied())));
        ui.print(format_args!("types       {}", words(&mut rule.event_types.iter().map(String::as_str))));
        ui.print(format_args!("fields      {}", words(&mut rule.fields.iter().copied())));
        if !rule.unavailable.is_empty() {
            ui.print(format_args!("not fed     {}", words(&mut rule.unavailable.iter().map(String::as_str))));
        }
        ui.print(format_args!("\n{}\n", rule.description.trim()));
        ui.print(format_args!("condition   {}", found.condition));
    }
    Ok(Outcome::Clean)
}
