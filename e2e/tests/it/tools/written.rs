//! Databases whose tools cannot be had here, written as those tools write them: apk's and Composer's of both versions.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::layer::{Image, Told, write};

/// An Alpine whose package brings a Python package (`apk-installed(5)`).
pub fn apk(folder: &Path) -> Result<Image> {
    const SITE: &str = "usr/lib/python3.12/site-packages/demo-2.1.dist-info";
    const PACKAGES: [(&str, &str, &str); 3] =
        [("musl", "1.2.5-r9", "musl"), ("libcrypto3", "3.3.2-r1", "openssl"), ("py3-demo", "2.1-r0", "py3-demo")];
    let root = folder.join("apk/root");
    write(&root.join("etc/os-release"), "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.21.2\n")?;
    write(&root.join("etc/apk/repositories"), "https://mirror.example/alpine/v3.21/main\n")?;
    write(&root.join(SITE).join("METADATA"), "Metadata-Version: 2.1\nName: demo\nVersion: 2.1\n")?;
    let paragraphs = PACKAGES.map(|(name, version, origin)| {
        let files = if name == "py3-demo" { format!("F:{SITE}\nR:METADATA\nZ:Q1aGVsbG8gd29ybGQ=\n") } else { String::new() };
        format!(
            "C:Q1pSfWlYtJrIwmwqYkbKqVCdkVWGo=\nP:{name}\nV:{version}\nA:x86_64\nS:383459\nI:622592\nT:A package\n\
             U:https://example.org/\nL:MIT\no:{origin}\nm:A Person <a@example.org>\nt:1728000000\nc:abcdef0123456789\n{files}\n"
        )
    });
    write(&root.join("lib/apk/db/installed"), paragraphs.concat())?;
    let mut told: Vec<Told> =
        PACKAGES.map(|(name, version, _)| Told::file("apk", name, version, "lib/apk/db/installed")).to_vec();
    told.push(Told::file("pypi", "demo", "2.1", SITE));
    let owner = |path: &str| Ok(path.starts_with(SITE).then(|| "py3-demo".to_owned()));
    let mut image = Image::new("apk", folder)?;
    image.add(&root, told, Some(Box::new(owner)))?;
    Ok(image)
}

/// `vendor/composer/installed.json` of Composer 2, which wraps the list, and of Composer 1, which does not.
pub fn composer(_: &Path, root: &Path) -> Result<Vec<Told>> {
    let package = |name: &str, version: &str| {
        json!({ "name": name, "version": version, "version_normalized": format!("{}.0", version.trim_start_matches('v')),
            "type": "library", "license": ["MIT"], "install-path": format!("../{name}"),
            "source": { "type": "git", "url": format!("https://example.org/{name}.git"), "reference": "0123abcd" } })
    };
    let second = json!({ "packages": [package("example/log", "3.5.0"), package("example/http", "v7.8.1")],
        "dev": false, "dev-package-names": [] });
    let first = json!([package("example/old", "1.0.2")]);
    let mut told = Vec::new();
    for (place, document, packages) in [
        ("var/www/two", second, vec![("example/log", "3.5.0"), ("example/http", "v7.8.1")]),
        ("var/www/one", first, vec![("example/old", "1.0.2")]),
    ] {
        let file = format!("{place}/vendor/composer/installed.json");
        write(&root.join(&file), document.to_string())?;
        told.extend(packages.iter().map(|(name, version)| Told::file("composer", *name, *version, &file)));
    }
    Ok(told)
}
