//! The scripts of `e2e/audit` against a real API server, and what the guide says of it.

use anyhow::{Result, ensure};
use e2e::attack::Choice;
use e2e::audit;
use testkit::need;

#[tokio::test]
async fn every_script_raises_exactly_its_alerts_in_the_log_and_on_the_hub() -> Result<()> {
    need!(kube);
    let folder = tempfile::tempdir()?;
    let report = audit::run(folder.path(), &Choice::default()).await?;
    // For whoever reads the log: what was raised.
    println!("{report}");
    let wrong: Vec<&str> = report.wrong().map(|row| row.id.as_str()).collect();
    ensure!(wrong.is_empty(), "{} of {} rows are not as they should be: {wrong:?}", wrong.len(), report.rows.len());
    Ok(())
}

#[test]
fn the_guide_shows_the_policy_that_is_tested() {
    let read = |path: &str| testkit::read_text(testkit::repository().join(path));
    let (guide, policy) = (read("docs/guides/audit-webhook.md"), read("e2e/kube/audit-policy.yaml"));
    let (_, policy) = policy.split_once('\n').expect("it has lines");
    assert!(guide.contains(policy), "docs/guides/audit-webhook.md shows e2e/kube/audit-policy.yaml");
}
