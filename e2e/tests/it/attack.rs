//! Every attack of `e2e/scenarios`, its variants and its benign twin, in real containers under a real sensor and hub.

use anyhow::{Result, ensure};
use e2e::attack::{self, Choice};
use testkit::need;

#[tokio::test]
async fn every_attack_raises_its_alerts_and_one_incident_and_its_benign_twin_none() -> Result<()> {
    need!(root, bpf, cri, debootstrap);
    let folder = tempfile::tempdir()?;
    let report = attack::run(folder.path(), &Choice::default()).await?;
    // For whoever reads the log: what was raised and how soon.
    println!("{report}");
    let wrong: Vec<&str> = report.wrong().map(|row| row.id.as_str()).collect();
    ensure!(wrong.is_empty(), "{} of {} scripts are not as they should be: {wrong:?}", wrong.len(), report.rows.len());
    Ok(())
}
