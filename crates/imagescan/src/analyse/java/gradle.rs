//! `gradle.lockfile` (the Gradle user manual, "Locking versions"): lines `group:artifact:version=configurations`.

use model::Evidence;

use super::artifact;
use crate::analyse::{Analyser, Packages, Take};

/// Lock files of large builds have about 200 KB.
pub const LOCK: Analyser = Analyser::packages(Take::Whole(4 << 20), lock);

fn lock(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let found = text.lines().filter_map(|line| {
        let coordinates = line.split('=').next()?.trim();
        let mut parts = coordinates.split(':');
        let (group, name, version) = (parts.next()?, parts.next()?, parts.next()?);
        let sane = !coordinates.starts_with('#') && [group, name, version].iter().all(|part| !part.is_empty());
        let mut found = (sane && parts.next().is_none()).then(|| artifact(group, name, version))?;
        found.evidence = Evidence::Lock;
        Some(found)
    });
    (found.collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_coordinates() {
        let text = "# This is a Gradle generated file\ncom.google.guava:guava:31.1-jre=compileClasspath,runtimeClasspath\nempty=annotationProcessor\n";
        let found = lock("gradle.lockfile", text.as_bytes()).0;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("com.google.guava:guava", "31.1-jre"));
        assert_eq!(found[0].evidence, Evidence::Lock);
    }
}
