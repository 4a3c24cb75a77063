//! `build.sbt.lock` (the documentation of the plugin sbt-dependency-lock): artifacts with the configurations that need
//! them.

use limits::json::{self, JsonLimits};
use model::Evidence;
use serde_json::Value;

use super::artifact;
use crate::analyse::{Analyser, Packages, Take, unreadable};

/// Some hundred artifacts of a dozen lines each.
pub const LOCK: Analyser = Analyser::packages(Take::Whole(4 << 20), lock);
/// What runs needs one of these; the others are for building and tests.
const RUN: [&str; 3] = ["compile", "runtime", "provided"];

fn lock(path: &str, bytes: &[u8]) -> Packages {
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) => return (Vec::new(), vec![unreadable("maven/lock", path, &error)]),
    };
    let listed = value["dependencies"].as_array().into_iter().flatten();
    let found = listed.filter_map(|entry| {
        let mut configurations = entry["configurations"].as_array()?.iter().filter_map(Value::as_str);
        configurations.any(|name| RUN.contains(&name)).then_some(())?;
        let mut found = artifact(entry["org"].as_str()?, entry["name"].as_str()?, entry["version"].as_str()?);
        found.evidence = Evidence::Lock;
        Some(found)
    });
    (found.collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_that_programs_run_with() {
        let text = r#"{"lockVersion": 1, "dependencies": [
            {"org": "org.typelevel", "name": "cats-core_2.13", "version": "2.9.0", "configurations": ["test", "runtime"]},
            {"org": "org.scalatest", "name": "scalatest_2.13", "version": "3.2.17", "configurations": ["test"]}]}"#;
        let found = lock("build.sbt.lock", text.as_bytes()).0;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("org.typelevel:cats-core_2.13", "2.9.0"));
        assert_eq!(lock("x", b"[").1[0].code, "maven/lock");
    }
}
