//! A wheel and a source archive, built by pip and setuptools, installed by `pip install --target`, listed by `pip list`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use e2e::parts::process::output;
use serde_json::Value;

use super::layer::{Told, command, write};

/// Installs into a folder of site packages.
pub fn make(work: &Path, root: &Path) -> Result<Vec<Told>> {
    let python = testkit::packaging_python().map_err(anyhow::Error::msg)?;
    let pip = |args: &[&str]| -> Command {
        let mut pip = command(python, work);
        pip.args(["-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]).args(args);
        pip.env("PIP_ROOT_USER_ACTION", "ignore").env("PIP_BREAK_SYSTEM_PACKAGES", "1");
        pip
    };
    for (name, version) in [("Seawall_Demo.Thing", "1.2rc1"), ("seawall-wheel", "0!3.4.post5")] {
        let folder = work.join(name);
        let setup =
            format!("from setuptools import setup\nsetup(name={name:?}, version={version:?}, py_modules=['m'])\n");
        write(&folder.join("setup.py"), setup)?;
        write(&folder.join("m.py"), "")?;
    }
    let mut archive = command(python, &work.join("Seawall_Demo.Thing"));
    archive.args(["setup.py", "-q", "sdist", "--dist-dir", ".."]);
    output(archive)?;
    output(pip(&["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", ".", "./seawall-wheel"]))?;
    let built = std::fs::read_dir(work).context("looking for what was built")?;
    let archives = built.flatten().map(|entry| entry.path()).filter(|path| {
        let ending = path.extension();
        ending.is_some_and(|ending| ending == "whl" || ending == "gz")
    });
    let place = "usr/local/lib/python3.11/site-packages";
    let target = root.join(place).display().to_string();
    let mut install =
        pip(&["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", &target]);
    output({
        install.args(archives);
        install
    })?;
    let said: Value = serde_json::from_str(&output(pip(&["list", "--path", &target, "--format", "json"]))?)
        .context("reading pip's list")?;
    let told =
        said.as_array().into_iter().flatten().filter_map(|package| {
            Some(Told::file("pypi", package["name"].as_str()?, package["version"].as_str()?, place))
        });
    Ok(told.collect())
}
