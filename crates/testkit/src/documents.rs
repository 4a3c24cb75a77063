//! Documents in the hands of those who define their formats: CycloneDX's own library, SPDX's own tool, and the schema of
//! SARIF as Microsoft's library brings it. Each is fetched by its ecosystem's own client.

use std::path::Path;
use std::process::Command;

/// A format with an official judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CycloneDX 1.6 JSON, strictly. Needs `node`.
    CycloneDx,
    /// SPDX 2.3 JSON. Needs `maven`.
    Spdx,
    /// SARIF 2.1.0. Needs `node`.
    Sarif,
}

/// Prints `NAME\tVERDICT` of each file named on its command line.
const CYCLONEDX: &str = "const { Validation } = require('@cyclonedx/cyclonedx-library'); const fs = require('fs');
(async () => { for (const file of process.argv.slice(1)) {
  const wrong = await new Validation.JsonStrictValidator('1.6').validate(fs.readFileSync(file, 'utf8'));
  console.log(file + '\\t' + (wrong === null ? 'valid' : JSON.stringify(wrong)));
} })()";

/// The same; the schema is of draft 4, which this version of `ajv` reads when it is given the draft.
const SARIF: &str = "const Ajv = require('ajv'); const fs = require('fs');
const ajv = new Ajv({ schemaId: 'auto', allErrors: true, meta: false, unknownFormats: 'ignore' });
const draft = require('ajv/lib/refs/json-schema-draft-04.json');
ajv.addMetaSchema(draft); ajv._opts.defaultMeta = draft.id;
const check = ajv.compile(require('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'));
for (const file of process.argv.slice(1)) {
  console.log(file + '\\t' + (check(JSON.parse(fs.readFileSync(file, 'utf8'))) ? 'valid' : JSON.stringify(check.errors)));
}";

/// The release of SPDX's tool.
const SPDX_TOOL: &str = "tools-java-1.1.8-jar-with-dependencies.jar";

impl Format {
    /// What the judge says is wrong with each of these files in a folder of the test's own; `None` for a valid one.
    ///
    /// # Panics
    /// When the judge cannot be fetched or started.
    pub fn judge(self, dir: &Path, names: &[&str]) -> Vec<Option<String>> {
        match self {
            Self::CycloneDx => {
                let packages = ["@cyclonedx/cyclonedx-library@8", "ajv@8", "ajv-formats@3", "ajv-formats-draft2019@1"];
                by_node(&dir.join("cyclonedx"), &packages, CYCLONEDX, dir, names)
            }
            Self::Sarif => by_node(&dir.join("sarif"), &["@microsoft/jest-sarif@1.0.0-beta.0"], SARIF, dir, names),
            Self::Spdx => by_java(dir, names),
        }
    }
}

fn by_node(tools: &Path, packages: &[&str], script: &str, dir: &Path, names: &[&str]) -> Vec<Option<String>> {
    std::fs::create_dir_all(tools).expect("a folder for the judge");
    std::fs::write(tools.join("package.json"), "{}").expect("a folder for the judge");
    let install = ["install", "--no-audit", "--no-fund", "--silent", "--omit=optional", "--ignore-scripts"];
    run(Command::new("npm").args(install).args(packages).current_dir(tools));
    let files = names.iter().map(|name| dir.join(name));
    let printed = run(Command::new("node").args(["-e", script]).args(files).current_dir(tools));
    let verdict = |name: &&str| {
        let suffix = format!("{name}\t");
        let line = printed.lines().find_map(|line| Some(line.split_once(&suffix)?.1));
        let verdict = line.unwrap_or_else(|| panic!("no word about {name}: {printed}"));
        (verdict != "valid").then(|| verdict.to_owned())
    };
    names.iter().map(verdict).collect()
}

fn by_java(dir: &Path, names: &[&str]) -> Vec<Option<String>> {
    let artifact = "-Dartifact=org.spdx:tools-java:1.1.8:jar:jar-with-dependencies";
    run(Command::new("mvn").args(["-q", "-B", "dependency:copy", artifact, "-DoutputDirectory=."]).current_dir(dir));
    let verdict = |name: &&str| {
        // The list of licences that the tool brings; it would ask the network for a newer one.
        let args = ["-Dorg.spdx.useJARLicenseInfoOnly=true", "-jar", SPDX_TOOL, "Verify", name];
        let output = Command::new("java").args(args).current_dir(dir).output().expect("java starts");
        let printed = text(&output);
        (!printed.contains("This SPDX Document is valid.")).then_some(printed)
    };
    names.iter().map(verdict).collect()
}

/// Runs a command to its end and gives what it printed; a failure shows all of it.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let printed = text(&output);
    assert!(output.status.success(), "{command:?}: {printed}");
    printed
}

fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
