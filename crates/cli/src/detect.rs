//! `seawall detect`: run rules over recorded events, check rule files, explain a rule.

mod check;
mod events;
mod explain;
mod replay;

use std::path::PathBuf;

use anyhow::Context as _;
use detect::{CompileOptions, Matching, Source};

use crate::Outcome;
use crate::ui::Ui;

/// Bytes of one rule file that are read; the engine has its own, smaller limit.
const MAX_RULE_FILE_BYTES: u64 = 16 << 20;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run rules over recorded events: our JSON lines or Kubernetes audit JSON.
    Replay(replay::Args),
    /// Check rule files: what is wrong, what is not used, what cannot work here.
    Check(check::Args),
    /// Show a rule: its expanded condition, event types, fields.
    Explain(explain::Args),
}

/// Runs the command.
pub fn run(args: Args, ui: &Ui) -> anyhow::Result<Outcome> {
    match args.command {
        Command::Replay(args) => replay::run(&args, ui),
        Command::Check(args) => check::run(&args, ui),
        Command::Explain(args) => explain::run(&args, ui),
    }
}

/// Which rules a command works with.
#[derive(Debug, clap::Args)]
struct Rules {
    /// A rule file (Falco's format), a folder of them, or `-` for standard input; may be given several times, later ones
    /// over earlier ones. Without any, the built-in rules are used.
    #[arg(short, long = "rules", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Use the built-in rules as well as the given files.
    #[arg(long)]
    builtin: bool,
    /// How many of the given rules one event may match.
    #[arg(long, value_enum, default_value_t = MatchingArg::First)]
    matching: MatchingArg,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum MatchingArg {
    First,
    All,
}

impl Rules {
    fn sources(&self) -> anyhow::Result<Vec<Source>> {
        read_sources(&self.files)
    }

    fn options(&self) -> CompileOptions {
        CompileOptions {
            matching: match self.matching {
                MatchingArg::First => Matching::First,
                MatchingArg::All => Matching::All,
            },
            builtin: self.builtin || self.files.is_empty(),
            ..CompileOptions::default()
        }
    }
}

/// Reads rule files, of a folder its YAML files in the order of their names; `-` is standard input.
fn read_sources(files: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in files {
        if path.as_os_str() == "-" {
            let bytes = limits::read_capped(std::io::stdin(), MAX_RULE_FILE_BYTES, "standard input")?;
            sources.push(Source::new("-", text(&bytes)));
            continue;
        }
        for file in limits::yaml_files(path).with_context(|| format!("reading {}", path.display()))? {
            let bytes =
                limits::read_file(&file, MAX_RULE_FILE_BYTES).with_context(|| format!("reading {}", file.display()))?;
            sources.push(Source::new(file.display().to_string(), text(&bytes)));
        }
    }
    Ok(sources)
}

/// The text of a file. What is no UTF-8 becomes a replacement character, which the parser then reports; UTF-16 is told by
/// its mark, as YAML allows it.
fn text(bytes: &[u8]) -> String {
    let (unit, rest): (fn([u8; 2]) -> u16, _) = match bytes {
        [0xff, 0xfe, rest @ ..] => (u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => (u16::from_be_bytes, rest),
        _ => return String::from_utf8_lossy(bytes).into_owned(),
    };
    let units: Vec<u16> = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// Prints diagnostics with the lines that they are about; gives how many errors there are.
fn report(diagnostics: &[model::Diagnostic], sources: &[Source], least: model::Level, ui: &Ui) -> usize {
    for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.level >= least) {
        let text =
            sources.iter().find(|source| *source.name == *diagnostic.span.source).map_or("", |source| &source.text);
        ui.say(diagnostic.render(text));
    }
    diagnostics.iter().filter(|diagnostic| diagnostic.level == model::Level::Error).count()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        rules: Rules,
        words: Vec<String>,
    }

    #[test]
    fn a_rule_file_does_not_swallow_the_next_word() {
        let parsed = Cli::parse_from("x --rules a.yaml Shell --builtin -f b.yaml".split(' '));
        assert_eq!(parsed.rules.files, [PathBuf::from("a.yaml"), PathBuf::from("b.yaml")]);
        assert_eq!(parsed.words, ["Shell"]);
    }

    #[test]
    fn rule_files_come_from_files_and_folders_in_any_unicode() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("b.yml", b"- list: b\n");
        write("a.yaml", b"\xff\xfe-\0 \0l\0i\0s\0t\0:\0 \0a\0");
        write("notes.txt", b"no rules");
        write(".hidden.yaml", b"no rules");
        std::fs::create_dir(folder.path().join("c.yaml")).unwrap();
        let sources = read_sources(&[folder.path().to_owned(), folder.path().join("notes.txt")]).unwrap();
        let texts: Vec<&str> = sources.iter().map(|source| &*source.text).collect();
        assert_eq!(texts, ["- list: a", "- list: b\n", "no rules"]);
        let missing = read_sources(&[folder.path().join("missing.yaml")]).unwrap_err();
        assert!(format!("{missing:#}").contains("missing.yaml"));
    }
}
