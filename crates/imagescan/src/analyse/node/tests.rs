//! Cases of `node`: inputs and what must come of them.

use proptest::prelude::*;

use super::*;

fn check(parse: fn(&str, &[u8]) -> Packages, path: &str, text: &str, expected: &[&str]) {
    let (found, notes) = parse(path, text.as_bytes());
    assert!(notes.is_empty(), "{notes:?}");
    let found: Vec<String> = found.iter().map(|found| format!("{} {}", found.name, found.version)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn manifests() {
    let path = "app/node_modules/@a/b/package.json";
    check(manifest, path, r#"{"name": "@a/b", "version": "v1.2.3"}"#, &["@a/b 1.2.3"]);
    check(manifest, path, r#"{"type": "module"}"#, &[]);
    check(manifest, path, r#"{"name": "../../x", "version": "1"}"#, &[]);
    let (found, _) = manifest(path, br#"{"name":"a","version":"1","license":{"type":"MIT"},"author":{"name":"N"}}"#);
    assert_eq!((found[0].licenses[0].as_str(), found[0].vendor.as_deref()), ("MIT", Some("N")));
    assert!(found[0].properties.is_empty());
}

#[test]
fn a_manifest_inside_a_package_is_doubtful() {
    let text = br#"{"name": "baz", "version": "1.0.0"}"#;
    let (found, _) = manifest("n/node_modules/resolve/test/baz/package.json", text);
    assert_eq!(found[0].properties["confidence"], "low");
    assert_eq!(manifest("n/node_modules/resolve/test/package.json", b"{").1, vec![]);
    assert_eq!(manifest("n/node_modules/resolve/package.json", b"{").1[0].code, "npm/manifest");
}

#[test]
fn npm_locks_of_each_version() {
    let two = r#"{"lockfileVersion": 3, "packages": {
        "": {"name": "app", "version": "1.0.0"},
        "node_modules/a": {"version": "1.0.0"},
        "node_modules/a/node_modules/@s/b": {"version": "2.0.0"},
        "node_modules/alias": {"name": "real", "version": "3.0.0"},
        "node_modules/local": {"link": true, "version": "4.0.0"}}}"#;
    check(lock, "package-lock.json", two, &["a 1.0.0", "@s/b 2.0.0", "real 3.0.0"]);
    let one = r#"{"lockfileVersion": 1, "dependencies": {
        "a": {"version": "1.0.0", "dependencies": {"b": {"version": "2.0.0"}}},
        "alias": {"version": "npm:real@3.0.0"}, "git": {"version": "git+ssh://x"}}}"#;
    check(lock, "package-lock.json", one, &["a 1.0.0", "b 2.0.0", "real 3.0.0"]);
    assert_eq!(lock("package-lock.json", b"[").1[0].code, "npm/lock");
}

#[test]
fn yarn_locks_of_each_version() {
    let one = "# yarn lockfile v1\n\n\"@a/b@^1.0\", \"@a/b@^1.1\":\n  version \"1.2.0\"\n  dependencies:\n    version \"9\"\n\nc@^2:\n  version \"2.0.0\"\n";
    check(yarn, "yarn.lock", one, &["@a/b 1.2.0", "c 2.0.0"]);
    let aliased = "a@1:\n  version \"1.0.0\"\n  resolved \"https://m/npm/@s/real/-/real-1.0.0.tgz#1\"\n\n\"b@file:b\":\n  version \"0\"\n  resolved \"https://m/c/-/c-1.tgz\"\n";
    check(yarn, "yarn.lock", aliased, &["@s/real 1.0.0"]);
    let berry = "__metadata:\n  version: 6\n\n\"app@workspace:.\":\n  version: 0.0.0\n\n\"c@npm:^2\":\n  version: 2.0.0\n\n\"x@npm:@real/x@^3\":\n  version: 3.1.0\n";
    check(yarn, "yarn.lock", berry, &["c 2.0.0", "@real/x 3.1.0"]);
}

#[test]
fn pnpm_locks_of_each_version() {
    let text = "packages:\n  /a/1.0.0:\n    dev: true\n  /@s/b/2.0.0_react@18.0.0:\n    dev: true\n  /c@3.0.0(react@18.0.0):\n    dev: true\n  '@s/d@4.0.0':\n    resolution: {}\n  e@5.0.0:\n    resolution: {}\n";
    let own = "---\npackages:\n  pnpm@12.0.0:\n    hasBin: true\n---\npackages:\n  e@5.0.0:\n    dev: true\n";
    check(pnpm, "pnpm-lock.yaml", own, &["pnpm 12.0.0", "e 5.0.0"]);
    check(pnpm, "pnpm-lock.yaml", text, &["a 1.0.0", "@s/b 2.0.0", "c 3.0.0", "@s/d 4.0.0", "e 5.0.0"]);
}

proptest! {
    #[test]
    fn any_text_is_read(text in "([a-z@/:\"{}\\[\\]0-9. \n_(]|packages|version|node_modules/){0,60}") {
        for parse in [manifest, lock, yarn, pnpm] {
            parse("x", text.as_bytes());
        }
    }
}
