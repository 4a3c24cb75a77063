//! The version that a main module was given by the linker: `-ldflags="-X 'example.com/app/version.Version=v1.2.3'"`.
//!
//! A program that is built from its working copy calls itself `(devel)`; its makers then put their version into one of
//! its variables (`go help build`, `go tool link`). Which one is their choice: known are names that say what it is, in the
//! package `main` or in a package of the module itself.

use crate::record::Found;

/// Names of variables that hold a program's version, in small letters.
const NAMES: [&str; 8] =
    ["version", "appversion", "buildversion", "gitversion", "releaseversion", "semver", "ver", "versionstring"];

/// Gives a main module, which has no version of its own, the one that the linker was told.
pub fn state_version(main: &mut Found, setting: &str) {
    let flags = words(setting.strip_prefix("-ldflags=").unwrap_or(setting));
    let mut variables = flags.iter().zip(flags.iter().skip(1)).filter_map(|(flag, next)| {
        let joined = flag.strip_prefix("-X=").or_else(|| flag.strip_prefix("--X="));
        joined.or_else(|| matches!(flag.as_str(), "-X" | "--X").then_some(next.as_str()))
    });
    let version = variables.find_map(|variable| stated(&main.name, variable));
    if let Some(version) = version {
        main.version = version;
        main.properties.insert("version_from".into(), "ldflags".into());
    }
}

/// The version in `PACKAGE.NAME=VALUE`, as a version of a module.
fn stated(module: &str, variable: &str) -> Option<String> {
    let (variable, value) = variable.split_once('=')?;
    let (package, name) = variable.rsplit_once('.')?;
    let own = package.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let named = NAMES.contains(&name.to_ascii_lowercase().as_str());
    let numbers = value.strip_prefix('v').unwrap_or(value);
    let release = numbers.split(['-', '+']).next()?;
    let sane = release.split('.').count() == 3 && release.split('.').all(|part| part.parse::<u32>().is_ok());
    ((own || package == "main") && named && sane).then(|| format!("v{numbers}"))
}

/// The words of a setting, which is quoted as a whole where it has spaces, and whose words are quoted where they have.
fn words(text: &str) -> Vec<String> {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(|text| text.replace("\\\"", "\""));
    let text = inner.as_deref().unwrap_or(text);
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    // A flag may be the last word and still have its value in it.
    words.push(String::new());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::golang::modules::DEVELOPMENT;

    fn check(setting: &str, expected: &str) {
        let mut main = Found::new("golang", "example.com/app", DEVELOPMENT, model::Evidence::Binary);
        state_version(&mut main, setting);
        assert_eq!(main.version, expected, "{setting}");
    }

    #[test]
    fn versions_by_the_names_of_their_variables() {
        check(r#"-ldflags="-s -w -X main.version=1.2.3 -X main.commit=abc""#, "v1.2.3");
        check(r#"-ldflags="-s -w -X=main.Version=v1.2.3-rc.1""#, "v1.2.3-rc.1");
        check(r#"-ldflags="-X 'example.com/app/internal/version.gitVersion=v0.9.0' -s""#, "v0.9.0");
        check("-ldflags=\"-X \\\"example.com/app.Version=v2.0.0\\\"\"", "v2.0.0");
        check("-ldflags=-X=main.version=3.0.0", "v3.0.0");
        check(r#"-ldflags="-X example.com/application.Version=1.0.0""#, DEVELOPMENT);
        check(r#"-ldflags="-X example.com/other/version.Version=1.0.0""#, DEVELOPMENT);
        check(r#"-ldflags="-X main.buildDate=1.0.0 -X main.version=latest -X main.version""#, DEVELOPMENT);
        check("-ldflags=-s", DEVELOPMENT);
    }
}
