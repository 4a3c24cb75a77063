//! Everyday work raises no incident: the whole benign corpus.

use anyhow::{Result, ensure};
use e2e::benign::{self, Budget, Figures, Selection};
use testkit::need;

#[tokio::test]
async fn everyday_work_raises_no_incident_and_stays_within_the_budgets() -> Result<()> {
    need!(root, bpf, cri, debootstrap);
    let folder = tempfile::tempdir()?;
    let outcome = benign::run(folder.path(), Selection::All).await?;
    println!("{}", Figures::of(&outcome).table());
    let wrong = benign::complaints(&outcome, &Budget::read()?);
    ensure!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}
