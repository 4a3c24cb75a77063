//! Incidents: what becomes one, what becomes another, what people do with them.

use model::{IncidentStatus, Severity};
use state::{AlertFilter, IncidentFilter, IncidentPatch, IncidentSummary, Options, PageRequest};
use uuid::Uuid;

use crate::{Fixture, alert, batch, json, seconds};

async fn incidents(fixture: &Fixture) -> Vec<IncidentSummary> {
    fixture.store.incidents(&IncidentFilter::default(), &PageRequest::default()).await.unwrap().items
}

#[tokio::test]
async fn alerts_of_one_root_are_one_incident() {
    let fixture = Fixture::new().await;
    let mut worse = alert("n1", 5, 2, 20);
    (worse.severity, worse.title) = (Severity::High, "A password file was read".into());
    let records = vec![json(&alert("n1", 5, 1, 10)), json(&worse), json(&alert("n1", 6, 3, 10))];
    fixture.store.ingest(batch("n1", "alerts", 1, records)).await.unwrap();
    fixture.store.ingest(batch("n1", "alerts", 4, vec![json(&alert("n1", 5, 4, 30))])).await.unwrap();
    let all = incidents(&fixture).await;
    assert_eq!(all.len(), 2);
    let big = all.iter().find(|incident| incident.alerts == 3).unwrap();
    assert_eq!((big.title.as_str(), big.severity), ("A password file was read", Severity::High));
    assert_eq!((big.first_seen, big.last_seen), (seconds(10), seconds(30)));
    let details = fixture.store.incident(big.id).await.unwrap().unwrap();
    assert_eq!(details.alert_ids.len(), 3);
    assert!(details.timeline[1].text.starts_with("A password file was read: shell number 2"));
    let of_it = AlertFilter { incident: Some(big.id), ..AlertFilter::default() };
    assert_eq!(fixture.store.alerts(&of_it, &PageRequest::default()).await.unwrap().items.len(), 3);
}

#[tokio::test]
async fn the_window_ends_an_incident() {
    let fixture = Fixture::with(Options { incident_window_ms: 60_000, ..Options::default() }).await;
    let records: Vec<_> =
        [(1, 0), (2, 60), (3, 121), (4, 100)].iter().map(|&(seq, time)| json(&alert("n1", 5, seq, time))).collect();
    fixture.store.ingest(batch("n1", "alerts", 1, records)).await.unwrap();
    let mut sizes: Vec<_> = incidents(&fixture).await.iter().map(|incident| incident.alerts).collect();
    sizes.sort_unstable();
    // 0, 60, 100 and 121 are each within a minute of the one before: sorted by time they are one chain.
    assert_eq!(sizes, [4]);
    fixture.store.ingest(batch("n1", "alerts", 5, vec![json(&alert("n1", 5, 5, 182))])).await.unwrap();
    assert_eq!(incidents(&fixture).await.len(), 2);
}

#[tokio::test]
async fn a_closed_incident_takes_only_what_was_late() {
    let fixture = Fixture::new().await;
    fixture.store.ingest(batch("n1", "alerts", 1, vec![json(&alert("n1", 5, 1, 10))])).await.unwrap();
    let first = incidents(&fixture).await[0].id;
    let close = IncidentPatch { status: Some(IncidentStatus::Resolved), ..IncidentPatch::default() };
    assert!(fixture.store.patch_incident(first, &close, "ada", seconds(50)).await.unwrap());
    fixture.store.ingest(batch("n1", "alerts", 2, vec![json(&alert("n1", 5, 2, 40))])).await.unwrap();
    assert_eq!(incidents(&fixture).await.len(), 1, "it began before the incident was closed");
    fixture.store.ingest(batch("n1", "alerts", 3, vec![json(&alert("n1", 5, 3, 60))])).await.unwrap();
    let all = incidents(&fixture).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all.iter().filter(|incident| incident.status == IncidentStatus::New).count(), 1);
}

#[tokio::test]
async fn what_people_do_is_on_record() {
    let fixture = Fixture::new().await;
    fixture.store.ingest(batch("n1", "alerts", 1, vec![json(&alert("n1", 5, 1, 10))])).await.unwrap();
    let id = incidents(&fixture).await[0].id;
    let patch = IncidentPatch {
        status: Some(IncidentStatus::Active),
        owner: Some("grace".into()),
        comment: Some("looking".into()),
    };
    assert!(fixture.store.patch_incident(id, &patch, "ada", seconds(20)).await.unwrap());
    assert!(!fixture.store.patch_incident(Uuid::nil(), &patch, "ada", seconds(20)).await.unwrap());
    let details = fixture.store.incident(id).await.unwrap().unwrap();
    assert_eq!((details.summary.status, details.summary.owner.as_deref()), (IncidentStatus::Active, Some("grace")));
    let by_ada: Vec<_> = details.timeline.iter().filter(|entry| entry.by.as_deref() == Some("ada")).collect();
    assert_eq!(by_ada.len(), 3);
    let trail = fixture.store.audit_trail(&PageRequest::default()).await.unwrap().items;
    assert_eq!((trail.len(), trail[0].action.as_str()), (1, "incident.patch"));
    assert!(trail[0].details.contains("status new → active; owner grace; looking"));
    let open = IncidentFilter { statuses: vec![IncidentStatus::Active], ..IncidentFilter::default() };
    assert_eq!(fixture.store.incidents(&open, &PageRequest::default()).await.unwrap().items.len(), 1);
    let alerts = async |statuses: Vec<IncidentStatus>| {
        let filter = AlertFilter { statuses, ..AlertFilter::default() };
        fixture.store.alerts(&filter, &PageRequest::default()).await.unwrap().items.len()
    };
    assert_eq!(alerts(vec![IncidentStatus::New]).await, 0);
    assert_eq!(alerts(vec![IncidentStatus::New, IncidentStatus::Active]).await, 1);
    // A late alert of the incident has its status too.
    fixture.store.ingest(batch("n1", "alerts", 2, vec![json(&alert("n1", 5, 2, 11))])).await.unwrap();
    assert_eq!(alerts(vec![IncidentStatus::Active]).await, 2);
}
