//! Programs by `go build`: from a proxy, with replacements by a module and by a folder, and vendored; listed by
//! `go version -m`.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use e2e::parts::process::output;

use super::layer::{Told, command, write};

/// Modules of the proxy, a folder with files (the Go Modules Reference, "GOPROXY protocol").
const PUBLISHED: [(&str, &str); 4] = [
    ("example.com/dep", "v1.4.0"),
    ("example.com/old", "v1.0.0"),
    ("example.com/fork", "v1.0.1-0.20240102030405-abcdefabcdef"),
    ("example.com/major/v2", "v2.3.4"),
];

const MODULE: &str = "module example.com/app

go 1.19

require (
\texample.com/dep v1.4.0
\texample.com/here v0.0.0
\texample.com/major/v2 v2.3.4
\texample.com/old v1.0.0
)

replace example.com/here => ../here

replace example.com/old => example.com/fork v1.0.1-0.20240102030405-abcdefabcdef
";

const PROGRAM: &str = "package main

import (
\t\"example.com/dep\"
\t\"example.com/here\"
\t\"example.com/major/v2\"
\t\"example.com/old\"
)

func main() { println(dep.F(), here.F(), major.F(), old.F()) }
";

/// Builds `usr/local/bin/app` with symbols and `usr/local/bin/vendored` without.
pub fn make(work: &Path, root: &Path) -> Result<Vec<Told>> {
    for (module, version) in PUBLISHED {
        publish(&work.join("proxy"), module, version)?;
    }
    write(&work.join("here/go.mod"), "module example.com/here\n\ngo 1.19\n")?;
    write(&work.join("here/here.go"), source("here"))?;
    write(&work.join("app/go.mod"), MODULE)?;
    write(&work.join("app/main.go"), PROGRAM)?;
    let go = |args: &[&str]| -> Command {
        let mut go = command("go", &work.join("app"));
        go.args(args).env("GOPROXY", format!("file://{}/proxy", work.display())).env("GOSUMDB", "off");
        go.env("GOMODCACHE", work.join("modules")).env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0");
        // The modules are to be removed again with the folder.
        go.env("GOFLAGS", "-modcacherw");
        go
    };
    let bin = root.join("usr/local/bin");
    let (app, vendored) = (bin.join("app").display().to_string(), bin.join("vendored").display().to_string());
    output(go(&["build", "-mod=mod", "-o", &app]))?;
    output(go(&["mod", "vendor"]))?;
    output(go(&["build", "-mod=vendor", "-ldflags=-s -w", "-trimpath", "-o", &vendored]))?;
    let mut told = Vec::new();
    for name in ["app", "vendored"] {
        let said = output(go(&["version", "-m", &bin.join(name).display().to_string()]))?;
        told.extend(modules(&said, &format!("usr/local/bin/{name}")));
    }
    Ok(told)
}

/// What `go version -m` says of a program.
fn modules(said: &str, program: &str) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for line in said.lines() {
        let fields: Vec<&str> = line.trim().split('\t').collect();
        match fields[..] {
            ["mod" | "dep", name, version, ..] => told.push(Told::linked("golang", name, version, program)),
            ["dep", name] => told.push(Told::linked("golang", name, "(devel)", program)),
            // A folder stands in for the version, another module for all of it.
            ["=>", by, ..] if by.starts_with('.') => {
                if let Some(last) = told.last_mut() {
                    "(devel)".clone_into(&mut last.version);
                }
            }
            ["=>", by, version, ..] => {
                if let Some(last) = told.last_mut() {
                    *last = Told::linked("golang", by, version, program);
                }
            }
            _ => {
                if let Some(version) = line.split(": go").nth(1).filter(|_| !line.starts_with('\t')) {
                    told.push(Told::linked("golang", "stdlib", version.split(' ').next().unwrap_or_default(), program));
                }
            }
        }
    }
    told
}

fn source(package: &str) -> String {
    format!("package {package}\n\n// F answers.\nfunc F() int {{ return 42 }}\n")
}

fn publish(proxy: &Path, module: &str, version: &str) -> Result<()> {
    let folder = proxy.join(module).join("@v");
    let time = "2024-01-02T03:04:05Z";
    // A replacement stands under the name of what it replaces.
    let name = if module == "example.com/fork" { "example.com/old" } else { module };
    let text = format!("module {name}\n\ngo 1.19\n");
    write(&folder.join(format!("{version}.info")), format!(r#"{{"Version":"{version}","Time":"{time}"}}"#))?;
    write(&folder.join(format!("{version}.mod")), &text)?;
    let path = folder.join(format!("{version}.zip"));
    let mut archive = zip::ZipWriter::new(File::create(&path).context("making a module")?);
    let package = name.trim_end_matches("/v2").rsplit('/').next().unwrap_or_default();
    for (file, content) in [("go.mod", text), ("code.go", source(package))] {
        archive.start_file(format!("{module}@{version}/{file}"), zip::write::SimpleFileOptions::default())?;
        archive.write_all(content.as_bytes()).context("writing a module")?;
    }
    archive.finish().context("finishing a module")?;
    Ok(())
}
