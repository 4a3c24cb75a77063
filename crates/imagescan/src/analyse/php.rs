//! PHP: `composer.lock` and `vendor/composer/installed.json`. The Composer documentation, "composer.lock" and "Installed
//! versions".

use limits::json::{self, JsonLimits};
use model::Evidence;
use serde_json::Value;

use super::{Analyser, Packages, Take, unreadable};
use crate::record::Found;

/// Lock files of large applications reach about 2 MB.
pub const LOCK: Analyser = Analyser::packages(Take::Whole(16 << 20), lock);
/// As [`LOCK`].
pub const INSTALLED: Analyser = Analyser::packages(Take::Whole(16 << 20), installed);

fn lock(path: &str, bytes: &[u8]) -> Packages {
    read(path, bytes, Evidence::Lock, |value| vec![&value["packages"], &value["packages-dev"]])
}

/// An object with `packages` since Composer 2, the list itself before.
fn installed(path: &str, bytes: &[u8]) -> Packages {
    read(path, bytes, Evidence::File, |value| vec![if value.is_array() { value } else { &value["packages"] }])
}

fn read(path: &str, bytes: &[u8], evidence: Evidence, lists: fn(&Value) -> Vec<&Value>) -> Packages {
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) => return (Vec::new(), vec![unreadable("composer/lock", path, &error)]),
    };
    let packages = lists(&value).into_iter().filter_map(Value::as_array).flatten();
    let found = packages.filter_map(|package| {
        let (name, version) = (package["name"].as_str()?, package["version"].as_str()?);
        if !name.contains('/') || version.is_empty() {
            return None;
        }
        let mut found = Found::new("composer", name, version, evidence);
        let licenses = package["license"].as_array().into_iter().flatten().filter_map(Value::as_str);
        found.licenses = licenses.map(str::to_owned).collect();
        Some(found)
    });
    (found.collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_packages as check;

    #[test]
    fn reads_both_files_in_both_forms() {
        let package = r#"{"name": "monolog/monolog", "version": "v2.9.1", "license": ["MIT"]}"#;
        let both = &[("monolog/monolog", "v2.9.1")];
        check(lock, &format!(r#"{{"packages": [], "packages-dev": [{package}]}}"#), both);
        check(installed, &format!(r#"{{"packages": [{package}]}}"#), both);
        check(installed, &format!("[{package}]"), both);
        check(installed, r#"[{"name": "no-vendor", "version": "1"}]"#, &[]);
        assert_eq!(lock("x", b"nothing").1[0].code, "composer/lock");
    }
}
