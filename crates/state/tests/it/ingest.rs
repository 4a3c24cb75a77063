//! Batches: twice, with holes, with gaps, broken, foreign; and what survives a restart.

use model::{Coverage, CoverageState, Gap, Loss, Scope, Subject};
use state::{AlertFilter, CoverageFilter, Error, NodeFilter, NodeState, PageRequest, WorkloadFilter};

use crate::{Fixture, alert, alerts, batch, json, seconds};

async fn alert_count(fixture: &Fixture) -> u64 {
    fixture.store.overview(None, seconds(0)).await.unwrap().alerts
}

async fn gaps(fixture: &Fixture) -> Vec<(u64, u64, String)> {
    let page = fixture.store.gaps(None, None, &PageRequest::default()).await.unwrap();
    let mut gaps: Vec<_> = page.items.into_iter().map(|gap| (gap.from, gap.to, gap.cause)).collect();
    gaps.sort_unstable();
    gaps
}

#[tokio::test]
async fn a_batch_twice_changes_nothing() {
    let fixture = Fixture::new().await;
    let first = fixture.store.ingest(alerts("n1", 1, 3)).await.unwrap();
    assert_eq!((first.acked, first.records, first.repeated), (3, 3, 0));
    let overview = fixture.store.overview(None, seconds(0)).await.unwrap();
    let again = fixture.store.ingest(alerts("n1", 1, 3)).await.unwrap();
    assert_eq!((again.acked, again.records, again.repeated), (3, 0, 3));
    assert_eq!(fixture.store.overview(None, seconds(0)).await.unwrap(), overview);
    let overlapping = fixture.store.ingest(alerts("n1", 2, 4)).await.unwrap();
    assert_eq!((overlapping.acked, overlapping.records, overlapping.repeated), (5, 2, 2));
    assert_eq!(alert_count(&fixture).await, 5);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_restart() {
    let fixture = Fixture::new().await;
    fixture.store.ingest(alerts("n1", 1, 10)).await.unwrap();
    let fixture = fixture.restart().await;
    assert_eq!(alert_count(&fixture).await, 10);
    let again = fixture.store.ingest(alerts("n1", 1, 10)).await.unwrap();
    assert_eq!((again.acked, again.records), (10, 0));
}

#[tokio::test]
async fn a_hole_is_a_gap_until_it_is_filled() {
    let fixture = Fixture::new().await;
    fixture.store.ingest(alerts("n1", 1, 2)).await.unwrap();
    let beyond = fixture.store.ingest(alerts("n1", 6, 2)).await.unwrap();
    assert_eq!((beyond.acked, beyond.records), (2, 2), "nothing beyond the hole is acknowledged");
    assert_eq!(gaps(&fixture).await, [(3, 5, "undeclared".into())]);
    let fixture = fixture.restart().await;
    let part = fixture.store.ingest(alerts("n1", 3, 1)).await.unwrap();
    assert_eq!(part.acked, 3);
    assert_eq!(gaps(&fixture).await, [(4, 5, "undeclared".into())]);
    let filled = fixture.store.ingest(alerts("n1", 4, 4)).await.unwrap();
    assert_eq!((filled.acked, filled.records, filled.repeated), (7, 2, 2));
    assert_eq!(gaps(&fixture).await, []);
    assert_eq!(alert_count(&fixture).await, 7);
}

#[tokio::test]
async fn a_declared_gap_is_recorded_once_and_acknowledged() {
    let fixture = Fixture::new().await;
    let mut with_gap = alerts("n1", 5, 2);
    with_gap.header.gaps = vec![Gap { from: 1, to: 4, cause: "spool_full".into() }];
    for _ in 0..2 {
        let outcome = fixture.store.ingest(with_gap.clone()).await.unwrap();
        assert_eq!(outcome.acked, 6);
    }
    assert_eq!(gaps(&fixture).await, [(1, 4, "spool_full".into())]);
}

#[tokio::test]
async fn an_empty_batch_brings_counters_and_life() {
    let fixture = Fixture::new().await;
    let mut empty = batch("n1", "coverage", 1, vec![]);
    empty.header.last_seq = 0;
    empty.header.counters.insert("exec".into(), Loss { lost: 5, ..Loss::default() });
    assert_eq!(fixture.store.ingest(empty).await.unwrap().acked, 0);
    let node = fixture.store.node("prod", "n1").await.unwrap().unwrap();
    assert_eq!((node.state, node.losses["exec"].lost), (NodeState::Active, 5));
}

#[tokio::test]
async fn broken_and_foreign_records_become_gaps_and_do_not_stop_the_others() {
    let fixture = Fixture::new().await;
    let records = vec![
        json(&alert("n1", 1, 1, 10)),
        "{\"id\": 5}".into(),
        json(&alert("n2", 2, 3, 10)),
        json(&alert("n1", 3, 4, 10)),
    ];
    let outcome = fixture.store.ingest(batch("n1", "alerts", 1, records)).await.unwrap();
    assert_eq!((outcome.acked, outcome.records, outcome.rejected), (4, 2, 2));
    assert_eq!(gaps(&fixture).await, [(2, 2, "malformed".into()), (3, 3, "foreign_scope".into())]);
}

#[tokio::test]
async fn headers_that_contradict_themselves_are_refused() {
    let fixture = Fixture::new().await;
    let good = alerts("n1", 1, 2);
    let mut cases = Vec::new();
    let mut wrong = |change: fn(&mut model::BatchHeader), said: &'static str| {
        let mut case = good.clone();
        change(&mut case.header);
        cases.push((case, said));
    };
    wrong(|header| header.records = 9, "9 records, 2 follow");
    wrong(|header| header.last_seq = 9, "are not 2 records");
    wrong(|header| header.first_seq = 0, "outside 1 to 2^63-1");
    wrong(|header| header.last_seq = u64::MAX, "outside 1 to 2^63-1");
    wrong(|header| header.gaps = vec![Gap { from: 4, to: 3, cause: String::new() }], "a gap from 4 to 3");
    wrong(|header| header.gaps = vec![Gap { from: 1, to: 1, cause: String::new() }; 1_001], "at most 1000");
    wrong(|header| header.stream = "secrets".into(), "no stream `secrets`");
    for (case, said) in cases {
        let error = fixture.store.ingest(case).await.unwrap_err();
        assert!(matches!(error, Error::Inconsistent(_)), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(alert_count(&fixture).await, 0);
}

#[tokio::test]
async fn too_many_holes_are_refused_without_harm() {
    let fixture = Fixture::new().await;
    for index in 0..256 {
        fixture.store.ingest(alerts("n1", 2 + 2 * index, 1)).await.unwrap();
    }
    let error = fixture.store.ingest(alerts("n1", 1_000, 1)).await.unwrap_err();
    assert!(error.to_string().contains("send what is missing first"), "{error}");
    assert_eq!(alert_count(&fixture).await, 256);
    assert_eq!(fixture.store.ingest(alerts("n1", 1, 1)).await.unwrap().acked, 2);
}

#[tokio::test]
async fn many_senders_at_once_lose_nothing() {
    let fixture = Fixture::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for node in 0..20 {
        let store = fixture.store.clone();
        tasks.spawn(async move { store.ingest(alerts(&format!("n{node}"), 1, 50)).await.unwrap() });
    }
    while let Some(outcome) = tasks.join_next().await {
        assert_eq!(outcome.unwrap().acked, 50);
    }
    assert_eq!(alert_count(&fixture).await, 1_000);
}

#[tokio::test]
async fn a_count_rises_and_never_falls() {
    let fixture = Fixture::new().await;
    let mut first = alert("n1", 1, 1, 10);
    first.extra.insert("novel".into(), "kept".into());
    let mut second = first.clone();
    (second.count, second.last_seen) = (7, seconds(99));
    let records = vec![json(&first), json(&second), json(&first)];
    fixture.store.ingest(batch("n1", "alerts", 1, records)).await.unwrap();
    fixture.store.ingest(batch("n1", "alerts", 4, vec![json(&first)])).await.unwrap();
    let page = fixture.store.alerts(&AlertFilter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!((page.items[0].count, page.items[0].last_seen), (7, seconds(99)));
    let record = fixture.store.alert(first.id).await.unwrap().unwrap();
    assert!(record.alert.get().contains("\"novel\":\"kept\""), "unknown fields survive");
    assert!(record.alert.get().contains("\"count\":7"));
}

#[tokio::test]
async fn a_node_cannot_change_another_nodes_alert() {
    let fixture = Fixture::new().await;
    let mine = alert("n1", 1, 1, 10);
    fixture.store.ingest(batch("n1", "alerts", 1, vec![json(&mine)])).await.unwrap();
    let mut forged = alert("n2", 1, 1, 10);
    (forged.id, forged.count, forged.title) = (mine.id, 1_000, "forged".into());
    fixture.store.ingest(batch("n2", "alerts", 1, vec![json(&forged)])).await.unwrap();
    let page = fixture.store.alerts(&AlertFilter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!((page.items.len(), page.items[0].count, page.items[0].title.as_str()), (1, 1, "A shell was started"));
}

#[tokio::test]
async fn the_newest_coverage_of_a_signal_counts() {
    let fixture = Fixture::new().await;
    let statement = |state, node: &str| {
        let subject = Subject::Scope { scope: Scope::node("prod", node) };
        json(&Coverage::new(subject, "file_open", state, "why"))
    };
    let records = vec![statement(CoverageState::Seen, "n1"), statement(CoverageState::Unseen, "n1")];
    fixture.store.ingest(batch("n1", "coverage", 1, records)).await.unwrap();
    let foreign = fixture.store.ingest(batch("n1", "coverage", 3, vec![statement(CoverageState::Seen, "n2")])).await;
    assert_eq!(foreign.unwrap().rejected, 1);
    let page = fixture.store.coverage(&CoverageFilter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!((page.items[0].node.as_str(), page.items[0].coverage.state), ("n1", CoverageState::Unseen));
}

#[tokio::test]
async fn containers_of_alerts_and_events_are_workloads() {
    let fixture = Fixture::new().await;
    fixture.store.ingest(alerts("n1", 1, 5)).await.unwrap();
    let page = fixture.store.workloads(&WorkloadFilter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let workload = &page.items[0];
    assert_eq!(
        (workload.kind.as_str(), workload.name.as_str(), workload.image.as_str()),
        ("Container", "web", "registry.example/web:1")
    );
    assert_eq!((workload.first_seen, workload.last_seen), (seconds(1), seconds(5)));
    assert_eq!(fixture.store.images_not_assessed(10).await.unwrap(), ["registry.example/web:1"]);
}

#[tokio::test]
async fn silence_is_said_once_and_ends_with_the_next_batch() {
    let fixture = Fixture::new().await;
    fixture.store.ingest(alerts("n1", 1, 1)).await.unwrap();
    fixture.store.enrolled("prod", "never-sent", seconds(1_000)).await.unwrap();
    assert_eq!(fixture.store.mark_silent(seconds(1_000), seconds(1_060)).await.unwrap(), []);
    let silent = fixture.store.mark_silent(seconds(1_001), seconds(1_061)).await.unwrap();
    let names: Vec<_> = silent.iter().map(|node| node.node.as_str()).collect();
    assert_eq!(names, ["n1", "never-sent"]);
    assert_eq!(silent[0].silent_since, Some(seconds(1_000)));
    assert_eq!(fixture.store.mark_silent(seconds(1_001), seconds(1_062)).await.unwrap(), []);
    let stale = CoverageFilter { state: Some(CoverageState::Stale), ..CoverageFilter::default() };
    assert_eq!(fixture.store.coverage(&stale, &PageRequest::default()).await.unwrap().items.len(), 2);
    let filter = NodeFilter { state: Some(NodeState::Silent), ..NodeFilter::default() };
    assert_eq!(fixture.store.nodes(&filter, &PageRequest::default()).await.unwrap().items.len(), 2);

    fixture.store.ingest(alerts("n1", 2, 1)).await.unwrap();
    let node = fixture.store.node("prod", "n1").await.unwrap().unwrap();
    assert_eq!((node.state, node.silent_since), (NodeState::Active, None));
    let left = fixture.store.coverage(&stale, &PageRequest::default()).await.unwrap().items;
    assert_eq!(left.iter().map(|row| row.node.as_str()).collect::<Vec<_>>(), ["never-sent"]);
}
