//! C and C++: `conan.lock` of Conan 2 and 1 (the Conan documentation, "Lockfiles").

use limits::json::{self, JsonLimits};
use model::Evidence;
use serde_json::Value;

use super::{Analyser, Packages, Take, unreadable};
use crate::record::Found;

/// Lock files have some hundred lines.
pub const LOCK: Analyser = Analyser::packages(Take::Whole(4 << 20), lock);

fn lock(path: &str, bytes: &[u8]) -> Packages {
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) => return (Vec::new(), vec![unreadable("conan/lock", path, &error)]),
    };
    let listed = value["requires"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let nodes = value["graph_lock"]["nodes"].as_object().into_iter().flatten();
    let nodes = nodes.filter_map(|(_, node)| node["ref"].as_str());
    (listed.chain(nodes).filter_map(package).collect(), Vec::new())
}

/// `name/version[@user/channel][#revision[%time]]`.
fn package(reference: &str) -> Option<Found> {
    let (name, version) = reference.split(['#', '@', '%']).next()?.split_once('/')?;
    let sane = !name.is_empty() && version.starts_with(|c: char| c.is_ascii_alphanumeric());
    sane.then(|| Found::new("conan", name, version, Evidence::Lock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions() {
        let two = br#"{"version": "0.5", "requires": ["zlib/1.2.13#97d5%1667.1", "fmt/9.1.0"], "build_requires": ["cmake/3.25#a"]}"#;
        let one = br#"{"graph_lock": {"nodes": {"0": {"path": "."}, "1": {"ref": "openssl/1.1.1s@user/stable#0"}}}}"#;
        let read = |bytes: &[u8]| {
            let found = lock("conan.lock", bytes).0;
            found.into_iter().map(|found| (found.name, found.version)).collect::<Vec<_>>()
        };
        assert_eq!(read(two), [("zlib".into(), "1.2.13".into()), ("fmt".into(), "9.1.0".into())]);
        assert_eq!(read(one), [("openssl".into(), "1.1.1s".into())]);
        assert_eq!(lock("x", b"[").1[0].code, "conan/lock");
    }
}
