//! The commands over small files: what they come to.

use std::fs;
use std::path::Path;

use clap::Parser;

use super::{Args, run};
use crate::Outcome;
use crate::ui::Ui;

#[derive(Parser)]
struct Db {
    #[command(flatten)]
    args: Args,
}

fn db(arguments: &[&str]) -> anyhow::Result<Outcome> {
    let arguments = ["db"].iter().chain(arguments);
    run(Db::try_parse_from(arguments)?.args, &Ui { progress: false, width: 80 })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A folder with one OSV record, and the database made of it.
fn sample() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let record = r#"{"id":"PYSEC-2024-1","aliases":["CVE-2024-0001"],"modified":"2024-01-01T00:00:00Z",
      "affected":[{"package":{"ecosystem":"PyPI","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}]}]}"#;
    fs::create_dir(dir.path().join("feeds")).unwrap();
    fs::write(dir.path().join("feeds/a.json"), record).unwrap();
    let (from, out) = (text(&dir.path().join("feeds")), text(&dir.path().join("db")));
    assert_eq!(db(&["build", "--from", &from, "--out", &out]).unwrap(), Outcome::Clean);
    (dir, out)
}

#[test]
fn a_database_is_built_shown_and_moved() {
    let (dir, out) = sample();
    assert_eq!(db(&["info", "--db", &out]).unwrap(), Outcome::Clean);
    assert_eq!(db(&["show", "cve-2024-0001", "--db", &out, "--json"]).unwrap(), Outcome::Clean);
    let unknown = db(&["show", "CVE-1999-0001", "--db", &out]).unwrap_err();
    assert!(unknown.to_string().contains("is in none of the 1 segments"), "{unknown}");
    let (file, copy) = (text(&dir.path().join("x.tar.zst")), text(&dir.path().join("copy")));
    assert_eq!(db(&["export", &file, "--db", &out]).unwrap(), Outcome::Clean);
    assert_eq!(db(&["import", &file, "--db", &copy]).unwrap(), Outcome::Clean);
    assert_eq!(db(&["show", "PYSEC-2024-1", "--db", &copy]).unwrap(), Outcome::Clean);
    let feeds = text(&dir.path().join("feeds"));
    assert_eq!(db(&["update", "--db", &copy, "--from", &feeds]).unwrap(), Outcome::Clean);
    assert!(db(&["update", "--db", &copy, "--feed", "nope"]).unwrap_err().to_string().contains("use one of"));
    assert!(
        format!("{:#}", db(&["info", "--db", &text(&dir.path().join("none"))]).unwrap_err())
            .contains("no advisory database")
    );
}

#[test]
fn comparisons_say_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let check = |content: &str| {
        let file = dir.path().join("pairs");
        fs::write(&file, content).unwrap();
        db(&["compare", "dpkg", "--file", &text(&file)]).unwrap()
    };
    assert_eq!(check("1.0~rc1 < 1.0\n1 = 0:1\n"), Outcome::Clean);
    assert_eq!(check("1.0 < 1.0~rc1\n"), Outcome::Findings);
    assert_eq!(check("1.0 ? 2.0\n"), Outcome::Incomplete);
    assert_eq!(db(&["compare", "rpm", "1", "2"]).unwrap(), Outcome::Clean);
    assert!(db(&["compare", "nope", "1", "2"]).unwrap_err().to_string().contains("use one of dpkg rpm"));
}

#[test]
fn stored_inventories_are_judged_again() {
    let (dir, out) = sample();
    let inventory = |version: &str| {
        format!(
            r#"{{"id":"i","artifact":{{"reference":"r"}},"producer":{{"analysers_version":"1"}},"packages":[
          {{"purl":"pkg:pypi/a@{version}","name":"a","version":"{version}","type":"pypi","evidence":"file"}}]}}"#
        )
    };
    let images = dir.path().join("images");
    fs::create_dir(&images).unwrap();
    fs::write(images.join("plain.json"), inventory("1.0")).unwrap();
    let earlier = r#"{"inventory_id":"i","findings":[]}"#;
    let report =
        format!(r#"{{"reference":"r","images":[{{"inventory":{},"assessment":{earlier}}}]}}"#, inventory("1.5"));
    fs::write(images.join("report.json"), report).unwrap();
    let sbom = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
        {"type":"library","name":"a","version":"1.0","purl":"pkg:pypi/a@1.0"}]}"#;
    fs::write(images.join("sbom.json"), sbom).unwrap();
    let (images, results) = (text(&images), dir.path().join("results"));
    assert_eq!(db(&["rematch", &images, "--db", &out, "--out", &text(&results)]).unwrap(), Outcome::Clean);
    for name in ["plain.json", "report.json", "sbom.json"] {
        let assessment: model::Assessment = serde_json::from_slice(&testkit::read(results.join(name))).unwrap();
        assert_eq!(assessment.findings[0].id, "CVE-2024-0001", "{name}");
    }
    fs::write(dir.path().join("images/broken.json"), "{").unwrap();
    assert_eq!(db(&["rematch", &images, "--db", &out]).unwrap(), Outcome::Incomplete);
    assert!(db(&["rematch", &text(&results.join("none")), "--db", &out]).is_err());
}
