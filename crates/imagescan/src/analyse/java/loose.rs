//! Maven's files outside of an archive: an application server keeps what it deployed unpacked.

use super::identity;
use crate::analyse::{Analyser, Packages, Take};
use crate::path::parent;

/// Projects of Maven are smaller.
pub const METADATA: Analyser = Analyser::packages(Take::Whole(4 << 20), metadata);
/// The folder of these files.
const FOLDER: &str = "META-INF/maven/";

/// Whether a file is one of `META-INF/maven/GROUP/ARTIFACT/`.
pub fn is_metadata(path: &str) -> bool {
    folder(path).is_some_and(|folder| folder.split('/').count() == 4)
}

fn folder(path: &str) -> Option<&str> {
    let folder = parent(path);
    folder.rfind(FOLDER).map(|at| &folder[at..])
}

/// Where both files are they tell of one artifact, and become one package.
fn metadata(path: &str, bytes: &[u8]) -> Packages {
    let found = if path.ends_with(".properties") {
        identity::properties(bytes)
    } else {
        folder(path).and_then(|folder| identity::project(folder, bytes))
    };
    (found.into_iter().collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deployed_applications() {
        let place = "opt/tomcat/webapps/app/META-INF/maven/org.example/app/pom.properties";
        assert!(is_metadata(place) && !is_metadata("src/pom.xml") && !is_metadata("META-INF/maven/pom.xml"));
        let (found, _) = metadata(place, b"version=1.2\ngroupId=org.example\nartifactId=app\n");
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("org.example:app", "1.2"));
        let (found, _) = metadata("x/META-INF/maven/g.h/a/pom.xml", b"<project><version>2.0</version></project>");
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("g.h:a", "2.0"));
        assert!(metadata(place, b"version=1").0.is_empty());
    }
}
