//! `seawall demo`: the commands that one would type, run on samples made on the spot.
//!
//! What it is: three acts, each a real command of this program on files in a temporary folder, so that what is shown is
//! what a user gets. What it is not: a second implementation of anything. Its advisories are for the demonstration
//! only, and every act says so; they never reach a database that a user has.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::Outcome;
use crate::ui::Ui;

pub mod layout;
mod samples;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Needs no root, no network and no database. To see your own:
  seawall scan REF · seawall check manifests DIR · sudo seawall up")]
pub struct Args {
    /// Keep the samples in this folder instead of removing them.
    #[arg(long, value_name = "DIR")]
    keep: Option<std::path::PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome> {
    let temporary = tempfile::tempdir().context("making a folder for the samples")?;
    let folder = args.keep.as_deref().unwrap_or(temporary.path());
    samples::write(folder)?;
    let mut outcome = Outcome::Clean;
    for act in acts(folder) {
        ui.print(format_args!("\n━━ Demonstration: {} ━━\n{}\n", act.title, act.about));
        for command in act.commands {
            ui.print(format_args!("$ seawall {}\n", command.join(" ")));
            let ended = crate::run_line(&command, ui)?;
            if ended == Outcome::Incomplete {
                outcome = ended;
            }
        }
    }
    ui.print("\n━━ End of the demonstration ━━");
    if let Some(kept) = &args.keep {
        ui.say(format_args!("the samples are in {}", kept.display()));
    }
    ui.hint("sudo seawall up starts the hub, the sensor and the console on this machine");
    Ok(outcome)
}

/// A part of the demonstration.
struct Act {
    title: &'static str,
    about: &'static str,
    commands: Vec<Vec<String>>,
}

fn acts(folder: &Path) -> Vec<Act> {
    let at = |name: &str| folder.join(name).display().to_string();
    let words = |line: &[&str]| line.iter().map(ToString::to_string).collect::<Vec<_>>();
    let image = format!("oci:{}", at(samples::IMAGE));
    vec![
        Act {
            title: "assess an image",
            about: "A small image made just now, judged by three advisories that exist for this demonstration only.\n\
                    Debian has no feed here, and the coverage says so.",
            commands: vec![
                words(&["db", "build", "--from", &at(samples::FEED), "--out", &at(samples::DATABASE)]),
                words(&["scan", &image, "--db", &at(samples::DATABASE)]),
            ],
        },
        Act {
            title: "detect an attack",
            about: "Events that our sensor recorded in a container on a test machine, replayed through the rules that\n\
                    the sensor runs. Nothing happens on this machine.",
            commands: vec![words(&["detect", "replay", "--events", &at(samples::ATTACK)])],
        },
        Act {
            title: "harden a manifest",
            about: "A sample deployment against the Pod Security Standards, with the patch for each failure.",
            commands: vec![words(&["check", "manifests", &at(samples::MANIFEST), "--level", "baseline"])],
        },
    ]
}

/// Writes a file of the samples, with its folder.
fn put(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    }
    fs::write(&path, content).with_context(|| format!("writing {}", path.display()))
}
