//! Lists: filters, pages that stay right while rows are inserted, changes that resume.

use std::collections::BTreeSet;

use model::Severity;
use state::{AlertFilter, ChangeKind, Cursor, PageRequest};
use uuid::Uuid;

use crate::{Fixture, alert, alerts, batch, json};

async fn page(fixture: &Fixture, filter: &AlertFilter, after: Option<&str>, rows: u32) -> (Vec<Uuid>, Option<String>) {
    let after = after.map(|text| Cursor::decode(text).unwrap());
    let page = fixture.store.alerts(filter, &PageRequest { after, rows }).await.unwrap();
    (page.items.into_iter().map(|row| row.id).collect(), page.next)
}

#[tokio::test]
async fn pages_stay_right_while_alerts_arrive() {
    let fixture = Fixture::new().await;
    fixture.store.ingest(alerts("n1", 1, 100)).await.unwrap();
    let filter = AlertFilter::default();
    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    let mut next_seq = 101;
    loop {
        let (ids, next) = page(&fixture, &filter, after.as_deref(), 7).await;
        seen.extend(ids);
        // Newer ones arrive at the top, and a late one in the middle of what was shown already.
        let late = alert("n2", i32::try_from(next_seq).unwrap(), next_seq, 95);
        fixture.store.ingest(alerts("n1", next_seq, 1)).await.unwrap();
        fixture.store.ingest(batch("n2", "alerts", next_seq - 100, vec![json(&late)])).await.unwrap();
        next_seq += 1;
        let Some(next) = next else { break };
        after = Some(next);
    }
    let unique: BTreeSet<_> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len(), "no row twice");
    let first_hundred: BTreeSet<_> = (1u8..=100).map(|seq| alert("n1", seq.into(), seq.into(), 0).id).collect();
    assert!(first_hundred.iter().all(|id| unique.contains(id)), "no row that was there from the start is missing");
}

#[tokio::test]
async fn filters_narrow_and_combine() {
    let fixture = Fixture::new().await;
    let mut high = alert("n1", 1, 1, 10);
    (high.severity, high.key) = (Severity::High, "shadow".into());
    high.output = "read /etc/shadow 100%".into();
    let records = vec![json(&high), json(&alert("n1", 2, 2, 11))];
    fixture.store.ingest(batch("n1", "alerts", 1, records)).await.unwrap();
    fixture.store.ingest(alerts("n2", 1, 3)).await.unwrap();
    let check = async |filter: AlertFilter, expected: usize| {
        let found = page(&fixture, &filter, None, 0).await.0.len();
        assert_eq!(found, expected, "{filter:?}");
    };
    let default = AlertFilter::default;
    check(default(), 5).await;
    check(AlertFilter { node: Some("n1".into()), ..default() }, 2).await;
    check(AlertFilter { cluster: Some("other".into()), ..default() }, 0).await;
    check(AlertFilter { namespace: Some("shop".into()), ..default() }, 5).await;
    check(AlertFilter { severities: vec![Severity::High], ..default() }, 1).await;
    check(AlertFilter { severities: vec![Severity::High, Severity::Medium], ..default() }, 5).await;
    check(AlertFilter { key: Some("shadow".into()), ..default() }, 1).await;
    check(AlertFilter { text: Some("ETC/Shadow".into()), ..default() }, 1).await;
    check(AlertFilter { text: Some("100%".into()), ..default() }, 1).await;
    check(AlertFilter { text: Some("_hadow".into()), ..default() }, 0).await;
    check(AlertFilter { text: Some("'; DROP TABLE alerts; --".into()), ..default() }, 0).await;
}

#[tokio::test]
async fn changes_resume_where_a_reader_stopped() {
    let fixture = Fixture::new().await;
    fixture.store.ingest(alerts("n1", 1, 2)).await.unwrap();
    let place = fixture.store.last_change().await.unwrap();
    let mut changed = fixture.store.changed();
    fixture.store.ingest(alerts("n1", 3, 1)).await.unwrap();
    changed.changed().await.unwrap();
    let since = fixture.store.changes_since(place, 100).await.unwrap();
    let kinds: Vec<_> = since.changes.iter().map(|change| change.kind).collect();
    assert_eq!((kinds, since.lost), (vec![ChangeKind::Alert, ChangeKind::Incident], false));
    let fixture = fixture.restart().await;
    let again = fixture.store.changes_since(place, 1).await.unwrap();
    assert_eq!(again.changes, since.changes[..1], "also after a restart");
    assert!(fixture.store.changes_since(1_000_000, 1).await.unwrap().lost, "a place of another database");
}

#[tokio::test]
async fn old_changes_are_removed_and_said_to_be_lost() {
    let fixture = Fixture::new().await;
    let many = u64::try_from(state::KEEP_CHANGES).unwrap();
    for start in (0..many).step_by(10_000) {
        fixture.store.ingest(alerts("n1", start + 1, 10_000)).await.unwrap();
    }
    let newest = fixture.store.last_change().await.unwrap();
    assert!(fixture.store.changes_since(1, 1).await.unwrap().lost);
    let kept = fixture.store.changes_since(newest - state::KEEP_CHANGES, 1).await.unwrap();
    assert_eq!((kept.lost, kept.changes.len()), (false, 1));
}
