//! Ruby: installed gems by their specifications, and `Gemfile.lock`. The `RubyGems` "Specification Reference"; Bundler's
//! documentation of its lock file.

use model::Evidence;

use super::{Analyser, Packages, Take};
use crate::path::{file_name, parent};
use crate::record::Found;

/// Specifications are programs; the generated ones state name and version in their first lines.
pub const GEMSPEC: Analyser = Analyser::packages(Take::Start(256 << 10), gemspec);
/// Lock files of large applications reach some 100 KB.
pub const LOCK: Analyser = Analyser::packages(Take::Whole(8 << 20), lock);

/// Whether a specification is that of an installed gem: others are in every gem's own folder.
pub fn is_installed(path: &str) -> bool {
    let folder = parent(path);
    matches!(file_name(folder), "specifications") || folder.ends_with("specifications/default")
}

fn gemspec(path: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let (mut name, mut version, mut licenses) = (None, None, Vec::new());
    for line in text.lines() {
        let Some((key, value)) = line.trim_start().split_once('=') else { continue };
        let Some((_, attribute)) = key.trim().split_once('.') else { continue };
        match attribute {
            "name" => name = name.or_else(|| quoted(value)),
            "version" => version = version.or_else(|| quoted(value)),
            "licenses" | "license" => licenses.extend(quoted(value).map(str::to_owned)),
            _ => {}
        }
    }
    // The file is named `NAME-VERSION[-PLATFORM].gemspec`: it tells where the program does not.
    let (Some(name), Some(version)) = (name, version) else { return by_file_name(path) };
    let mut found = Found::new("gem", name, version, Evidence::File);
    found.licenses = licenses;
    (vec![found], Vec::new())
}

fn by_file_name(path: &str) -> Packages {
    let stem = file_name(path).trim_end_matches(".gemspec");
    let mut dashes = stem.match_indices('-').map(|(at, _)| at);
    let at = dashes.rfind(|at| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    let found = at.map(|at| Found::new("gem", &stem[..at], &stem[at + 1..], Evidence::File));
    (found.into_iter().collect(), Vec::new())
}

/// The first text in quotes.
fn quoted(value: &str) -> Option<&str> {
    let start = value.find(['"', '\''])?;
    let quote = value[start..].chars().next()?;
    value[start + 1..].split(quote).next().filter(|text| !text.is_empty())
}

/// Lines `    name (1.0)` under `specs:`; deeper ones are wishes of those.
fn lock(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let (mut found, mut in_specs, mut local) = (Vec::new(), false, false);
    for line in text.lines() {
        if !line.starts_with(' ') {
            // Gems under PATH are the project's own.
            (in_specs, local) = (false, line.trim() == "PATH");
        } else if line.trim() == "specs:" {
            in_specs = true;
        } else if let (true, false, Some(spec)) = (in_specs, local, line.strip_prefix("    "))
            && !spec.starts_with(' ')
            && let Some((name, version)) = spec.trim_end().strip_suffix(')').and_then(|spec| spec.split_once(" ("))
        {
            // `1.0-x86_64-linux`: a gem's own versions have no dash.
            let version = version.split('-').next().unwrap_or(version);
            found.push(Found::new("gem", name, version, Evidence::Lock));
        }
    }
    (found, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[Found]) -> Vec<String> {
        found.iter().map(|f| format!("{} {}", f.name, f.version)).collect()
    }

    #[test]
    fn installed_specifications() {
        let text = "Gem::Specification.new do |s|\n  s.name = \"rake\".freeze\n  s.version = \"13.0.6\"\n  s.required_rubygems_version = Gem::Requirement.new(\">= 1\")\n  s.licenses = [\"MIT\".freeze]\n";
        let path = "usr/lib/ruby/gems/3.1.0/specifications/rake-13.0.6.gemspec";
        let (found, _) = gemspec(path, text.as_bytes());
        assert_eq!((names(&found), found[0].licenses[0].as_str()), (vec!["rake 13.0.6".into()], "MIT"));
        assert!(is_installed(path) && !is_installed("gems/rake-13.0.6/rake.gemspec"));
        let (found, _) = gemspec("specifications/net-http-0.3.0.gemspec", b"s.name = NAME\ns.version = VERSION");
        assert_eq!(names(&found), ["net-http 0.3.0"]);
    }

    #[test]
    fn locks() {
        let text = "PATH\n  remote: .\n  specs:\n    mine (0.1)\n\nGEM\n  remote: https://rubygems.org/\n  specs:\n    nokogiri (1.15.0-x86_64-linux)\n      racc (~> 1.4)\n    racc (1.7.1)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  nokogiri\n";
        assert_eq!(names(&lock("Gemfile.lock", text.as_bytes()).0), ["nokogiri 1.15.0", "racc 1.7.1"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "([a-z.=\"' ()\\-0-9\n]|    |specs:|s.name|s.version){0,60}") {
            gemspec("specifications/x-1.gemspec", text.as_bytes());
            lock("x", text.as_bytes());
        }
    }
}
