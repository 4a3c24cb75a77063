//! Databases of older versions are brought up to date with what they hold.

use model::IncidentStatus;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use state::{AlertFilter, Options, PageRequest, Store};

#[tokio::test]
async fn alerts_of_the_first_version_get_their_incidents_status() {
    let dir = tempfile::tempdir().unwrap();
    let (migrations, path) = (dir.path().join("migrations"), dir.path().join("hub.db"));
    std::fs::create_dir(&migrations).unwrap();
    let first = "0001_first.sql";
    std::fs::copy(testkit::repository().join("crates/state/migrations").join(first), migrations.join(first)).unwrap();
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    Migrator::new(migrations).await.unwrap().run(&pool).await.unwrap();
    let scope = r#"{"cluster":"prod"}"#;
    sqlx::query(
        "INSERT INTO incidents (id, created, first_seen, last_seen, cluster, root_key, root, title, severity, status, \
         alerts, scope, search) VALUES ('i', 1, 1, 1, 'prod', 'r', '{}', 't', 3, 'active', 1, $1, 't')",
    )
    .bind(scope)
    .execute(&pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO alerts (id, first_seen, last_seen, count, cluster, node, namespace, alert_key, title, severity, \
         tactics, scope, output, process_name, incident, search) \
         VALUES ('a', 1, 1, 1, 'prod', '', '', 'k', 't', 3, '[]', $1, '', '', 'i', 't')",
    )
    .bind(scope)
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;

    let store = Store::open(&path, Options::default()).await.unwrap();
    let page = store.alerts(&AlertFilter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(page.items[0].status, IncidentStatus::Active);
}
