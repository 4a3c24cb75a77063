//! Results as Markdown, with the machine that they are from.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

/// A page of results.
pub struct Page {
    name: &'static str,
    text: String,
}

impl Page {
    /// A page that begins with the machine.
    pub fn new(name: &'static str, title: &str, command: &str) -> Self {
        let mut page = Self { name, text: format!("# {title}\n\n") };
        page.line(&format!("`{command}`, {}.", machine()));
        page.line("Figures are of one run; compare ratios, not seconds.\n");
        page
    }

    /// A line of text.
    pub fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A table.
    pub fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, "| {} |\n|{}|", header.join(" | "), vec!["---"; header.len()].join("|"));
        for row in rows {
            let _ = writeln!(self.text, "| {} |", row.join(" | "));
        }
        self.text.push('\n');
    }

    /// Prints it.
    pub fn print(&self) -> Result<()> {
        use std::io::Write as _;
        writeln!(std::io::stdout(), "{}", self.text).context("printing results")
    }

    /// Writes `bench/results/NAME.md` and prints it.
    pub fn write(&self) -> Result<()> {
        self.print()?;
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let path = root.join("results").join(format!("{}.md", self.name));
        std::fs::create_dir_all(root.join("results")).context("making the folder of results")?;
        std::fs::write(&path, &self.text).with_context(|| format!("writing {}", path.display()))
    }
}

fn say(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().ok();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// Load of the last minute.
pub fn load() -> String {
    say("cut", &["-d", " ", "-f", "1", "/proc/loadavg"])
}

fn machine() -> String {
    let model = say("sh", &["-c", "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1"]);
    let cores = say("nproc", &[]);
    let memory = say("sh", &["-c", "free -g | sed -n 's/^Mem: *\\([0-9]*\\).*/\\1/p'"]);
    let load = load();
    let date = say("date", &["-u", "+%Y-%m-%d"]);
    format!("{date}, {cores} cores of {model}, {memory} GiB, kernel {}, load {load} before", say("uname", &["-r"]))
}
