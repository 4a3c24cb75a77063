//! A program by `cargo auditable`, whose crates `cargo tree` lists. The tool is built once and kept.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use e2e::parts::lab::lab_dir;
use e2e::parts::process::output;

use super::layer::{Told, command, write};

const VERSION: &str = "0.7.7";

/// Builds `usr/local/bin/tool`.
pub fn make(work: &Path, root: &Path) -> Result<Vec<Told>> {
    let manifest = |name: &str, version: &str, rest: &str| {
        format!("[package]\nname = {name:?}\nversion = {version:?}\nedition = \"2021\"\n{rest}")
    };
    let depends = "[dependencies]\nseawall-inner = { path = \"../inner\" }\n";
    write(&work.join("app/Cargo.toml"), manifest("seawall-app", "1.2.3", depends) + "[workspace]\n")?;
    write(&work.join("app/src/main.rs"), "fn main() { println!(\"{}\", seawall_inner::answer()); }\n")?;
    write(&work.join("inner/Cargo.toml"), manifest("seawall-inner", "0.4.0-beta.1", ""))?;
    write(&work.join("inner/src/lib.rs"), "pub fn answer() -> u32 { 42 }\n")?;
    let app = work.join("app");
    let tool = auditable()?;
    let mut build = command("cargo", &app);
    build.env("PATH", with_path(&tool)?).env("CARGO_TARGET_DIR", work.join("target"));
    build.args(["auditable", "build", "--quiet", "--release", "--offline"]);
    output(build)?;
    let program = "usr/local/bin/tool";
    write(&root.join(program), testkit::read(work.join("target/release/seawall-app")))?;
    executable(&root.join(program))?;
    let mut tree = command("cargo", &app);
    tree.args(["tree", "--offline", "--edges", "normal", "--prefix", "none"]);
    let said = output(tree)?;
    let crates = said.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, words.next()?.strip_prefix('v')?))
    });
    Ok(crates.map(|(name, version)| Told::linked("cargo", name, version, program)).collect())
}

/// The folder of `cargo-auditable`.
fn auditable() -> Result<PathBuf> {
    let kept = lab_dir()?.join(format!("cargo-auditable-{VERSION}"));
    if !kept.join("bin/cargo-auditable").exists() {
        let work = tempfile::tempdir().context("making a folder")?;
        let mut install = command("cargo", work.path());
        install.env("CARGO_TARGET_DIR", work.path());
        install.args(["install", "--quiet", "--locked", "--version", VERSION, "cargo-auditable", "--root"]).arg(&kept);
        output(install)?;
    }
    Ok(kept.join("bin"))
}

fn with_path(folder: &Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).context("making a search path")
}

/// Makes a file a program.
pub fn executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).context("making a program")
}
