//! A gem by `gem build`, installed by `gem install`, listed by `gem list`.

use std::path::Path;

use anyhow::{Context as _, Result};
use e2e::parts::process::output;

use super::layer::{Told, command, write};

/// Installs into a folder of gems.
pub fn make(work: &Path, root: &Path) -> Result<Vec<Told>> {
    let place = "usr/local/bundle";
    let home = root.join(place);
    let gem = |args: &[&str]| {
        let mut gem = command("gem", work);
        gem.args(args).env("GEM_HOME", &home).env("GEM_PATH", &home);
        gem
    };
    for (name, version) in [("seawall-demo", "1.2.0"), ("seawall_other", "0.3.0.pre1")] {
        let text = format!(
            "Gem::Specification.new do |s|\n  s.name = {name:?}\n  s.version = {version:?}\n  s.summary = 'x'\n  \
             s.authors = ['Seawall']\n  s.license = 'MIT'\n  s.files = []\nend\n"
        );
        write(&work.join(format!("{name}.gemspec")), text)?;
        output(gem(&["build", &format!("{name}.gemspec")]))?;
        let archive = format!("{name}-{version}.gem");
        let target = home.display().to_string();
        output(gem(&["install", "--local", "--no-document", "--install-dir", &target, &archive]))?;
    }
    let said = output(gem(&["list", "--local", "--no-verbose"]))?;
    let mut told = Vec::new();
    for line in said.lines() {
        // `name (1.0, default: 0.9)`: what Ruby itself brings is not installed here.
        let (name, versions) = line.split_once(" (").with_context(|| format!("gem says {line:?}"))?;
        for version in versions.trim_end_matches(')').split(", ").filter(|version| !version.starts_with("default:")) {
            told.push(Told::file("gem", name, version, place));
        }
    }
    Ok(told)
}
