//! Secrets: stored hashed, one-time ones used once, kinds that do not mix.

use state::PageRequest;
use state::access::{NewToken, Role, TokenKind, hash_of, new_secret};

use crate::{Fixture, seconds};

fn token(kind: TokenKind, secret: &str) -> NewToken {
    NewToken {
        kind,
        hash: hash_of(secret),
        name: "ci".into(),
        role: Role::Viewer,
        cluster: String::new(),
        node: String::new(),
        author: "ada".into(),
        expires: seconds(100),
    }
}

#[tokio::test]
async fn a_one_time_secret_works_once() {
    let fixture = Fixture::new().await;
    fixture.store.add_token(&token(TokenKind::Login, "s"), seconds(1)).await.unwrap();
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let store = fixture.store.clone();
        takers.spawn(async move { store.take_token(TokenKind::Login, &hash_of("s"), seconds(2)).await.unwrap() });
    }
    let taken = takers.join_all().await.into_iter().flatten().count();
    assert_eq!(taken, 1);
}

#[tokio::test]
async fn secrets_end_are_revoked_and_keep_to_their_kind() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let id = store.add_token(&token(TokenKind::Api, "s"), seconds(1)).await.unwrap();
    let check =
        async |kind, secret: &str, time| store.check_token(kind, &hash_of(secret), seconds(time)).await.unwrap();
    assert_eq!(check(TokenKind::Api, "s", 2).await.unwrap().role, Role::Viewer);
    assert!(check(TokenKind::Session, "s", 2).await.is_none());
    assert!(check(TokenKind::Api, "other", 2).await.is_none());
    assert!(check(TokenKind::Api, "s", 100).await.is_none(), "it has ended");
    assert!(store.revoke_token(TokenKind::Api, &id, "ada", seconds(3)).await.unwrap());
    assert!(check(TokenKind::Api, "s", 4).await.is_none());
    assert!(!store.revoke_token(TokenKind::Api, &id, "ada", seconds(5)).await.unwrap(), "only once");
}

#[tokio::test]
async fn the_database_never_holds_a_secret() {
    let fixture = Fixture::new().await;
    let secret = new_secret("seawall_").unwrap();
    fixture.store.add_token(&token(TokenKind::Api, &secret), seconds(1)).await.unwrap();
    assert!(fixture.store.check_token(TokenKind::Api, &hash_of(&secret), seconds(2)).await.unwrap().is_some());
    assert_eq!(fixture.store.tokens(TokenKind::Api, &PageRequest::default()).await.unwrap().items.len(), 1);
    fixture.store.close().await.unwrap();
    let file = testkit::read(fixture.dir.path().join("hub.db"));
    let needle = &secret.as_bytes()["seawall_".len()..];
    assert!(!file.windows(needle.len()).any(|window| window == needle));
}
