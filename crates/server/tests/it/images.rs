//! Images on a real hub: assessed on demand and when they run, judged again when the advisories change.

use std::path::Path;

use model::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::image::{Tar, TestImage, TestLayer};
use testkit::need;
use testkit::registry::Registry;

use crate::live::Events;
use crate::support::TestHub;

fn image() -> TestImage {
    let path = "usr/lib/python3/site-packages/jinja2-3.1.2.dist-info/METADATA";
    let metadata = "Metadata-Version: 2.1\nName: jinja2\nVersion: 3.1.2\n";
    TestImage::new(vec![TestLayer::gzip(Tar::new().file(path, metadata))])
}

/// A database that knows these advisories of jinja2.
fn database(folder: &Path, ids: &[&str]) {
    let records = folder.join("osv/PyPI");
    std::fs::create_dir_all(&records).unwrap();
    for id in ids {
        let record = json!({
            "schema_version": "1.6.0", "id": id, "modified": "2026-05-01T00:00:00Z", "summary": "made for a test",
            "affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.4"}]}]}]
        });
        std::fs::write(records.join(format!("{id}.json")), record.to_string()).unwrap();
    }
    feeds::build(&folder.join("osv"), &folder.join("db"), Timestamp::from_seconds(1), &mut |_| {}).unwrap();
}

/// Waits for the end of a job that was just asked for.
async fn ended(events: &mut Events) -> Value {
    loop {
        let event = events.until("job").await;
        if event.data["value"]["ended"].is_string() {
            return event.data["value"].clone();
        }
    }
}

async fn findings(hub: &TestHub, image: &str) -> Vec<String> {
    let page = hub.get(&format!("/images/{image}/findings")).await;
    page["items"].as_array().unwrap().iter().map(|row| row["finding"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_advisories_judge_stored_images_again() {
    let folder = tempfile::tempdir().unwrap();
    image().write_layout(&folder.path().join("layout"), "app");
    database(folder.path(), &["PYSEC-2026-1"]);
    let hub = TestHub::with(|config| {
        config.local_sources = true;
        config.database = Some(folder.path().join("db"));
    })
    .await;
    let mut events = Events::open(&hub, "", None).await;
    let reference = format!("oci:{}", folder.path().join("layout").display());
    assert_eq!(hub.post("/images", json!({"reference": reference})).await.status(), StatusCode::ACCEPTED);
    let job = ended(&mut events).await;
    assert_eq!(job["state"], "done", "{job}");
    let id = job["images"][0].as_str().unwrap().to_owned();
    assert_eq!(findings(&hub, &id).await, ["PYSEC-2026-1"]);
    let details = hub.get(&format!("/images/{id}")).await;
    assert_eq!(details["manifest"][0]["name"], "osv-pypi");
    assert_eq!(hub.get(&format!("/images/{id}/packages?q=jinja")).await["items"][0]["name"], "jinja2");

    // The layers are gone: only what is stored can be judged.
    std::fs::remove_dir_all(folder.path().join("layout")).unwrap();
    database(folder.path(), &["PYSEC-2026-2"]);
    // The first assessment is told as a change too, and may be told late.
    let mut judged = Vec::new();
    while judged != ["PYSEC-2026-1", "PYSEC-2026-2"] {
        let changed = events.until("image").await;
        assert_eq!(changed.data["subject"], json!(id));
        judged = findings(&hub, &id).await;
    }
    let affected = hub.get("/images?finding=PYSEC-2026-2").await;
    assert_eq!(affected["items"][0]["id"], json!(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_runs_is_assessed_unasked() {
    need!(registry);
    let registry = Registry::start();
    let reference = registry.push("shop/web", "1", &image());
    let hub = TestHub::with(|config| config.assess_running = true).await;
    let mut events = Events::open(&hub, "", None).await;
    let node = hub.enrol("n1").await;
    let mut alert = node.alert(1);
    alert["scope"]["container"] = json!({"id": "c1", "name": "web"});
    alert["scope"]["image"] = json!({"reference": reference});
    node.send(&node.header("alerts", 1, 1), &[alert]).await;
    let job = ended(&mut events).await;
    assert_eq!((job["state"].as_str(), job["author"].as_str()), (Some("done"), Some("system")), "{job}");
    let workload = &hub.get("/workloads").await["items"][0];
    assert_eq!(workload["image_id"], job["images"][0]);
    let image = &hub.get("/images").await["items"][0];
    assert_eq!((&image["running"], &image["reference"]), (&json!(1), &json!(reference)));
    assert_ne!(image["not_covered"], json!(0), "without advisories there is no verdict");
}
