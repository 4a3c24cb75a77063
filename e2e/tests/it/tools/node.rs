//! Packages made by `npm pack`, installed by `npm install`, listed by `npm ls`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use e2e::parts::process::output;
use serde_json::{Value, json};

use super::layer::{Told, command, write};

/// Installs into `srv/app`.
pub fn make(work: &Path, root: &Path) -> Result<Vec<Told>> {
    let npm = |folder: &Path| -> Command {
        let mut npm = command("npm", folder);
        npm.env("npm_config_cache", work.join("cache")).env("npm_config_update_notifier", "false");
        npm
    };
    let packages = [
        json!({ "name": "seawall-left", "version": "1.3.0", "license": "MIT" }),
        json!({ "name": "@seawall/scoped", "version": "2.0.0-rc.1", "bundleDependencies": ["seawall-deep"],
            "dependencies": { "seawall-deep": "0.1.2" } }),
    ];
    let mut archives = Vec::new();
    for (number, package) in packages.iter().enumerate() {
        let folder = work.join(format!("package{number}"));
        write(&folder.join("package.json"), package.to_string())?;
        if package["bundleDependencies"].is_array() {
            let bundled = json!({ "name": "seawall-deep", "version": "0.1.2" });
            write(&folder.join("node_modules/seawall-deep/package.json"), bundled.to_string())?;
        }
        let mut pack = npm(&folder);
        pack.args(["pack", "--json", "--pack-destination"]).arg(work);
        let said: Value = serde_json::from_str(&output(pack)?).context("reading what npm packed")?;
        let name = said[0]["filename"].as_str().context("npm names its archive")?.to_owned();
        // Some versions of npm give the scope's name here and a plain name on disk.
        archives.push(work.join(name.replace('@', "").replace('/', "-")));
    }
    let app = root.join("srv/app");
    write(&app.join("package.json"), json!({ "name": "app", "version": "1.0.0", "private": true }).to_string())?;
    let mut install = npm(&app);
    install.args(["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts"]).args(&archives);
    output(install)?;
    let mut list = npm(&app);
    list.args(["ls", "--all", "--json"]);
    let said: Value = serde_json::from_str(&output(list)?).context("reading npm's list")?;
    let mut told = Vec::new();
    collect(&said, &mut told);
    Ok(told)
}

fn collect(node: &Value, told: &mut Vec<Told>) {
    for (name, package) in node["dependencies"].as_object().into_iter().flatten() {
        if let Some(version) = package["version"].as_str() {
            told.push(Told::file("npm", name, version, "srv/app/node_modules/"));
        }
        collect(package, told);
    }
}
