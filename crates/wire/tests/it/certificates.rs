//! Who may join and who may send.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use model::{BatchHeader, Sender, Timestamp};
use uuid::Uuid;
use wire::enrol::EnrolError;
use wire::http::HttpError;
use wire::server::{CaError, CertificateAuthority};
use wire::{Fingerprint, Identity, IdentityError, JoinString, PeerIdentity};

use crate::hub::{Hub, now};

const DAY_MS: i64 = 86_400_000;

/// An identity made by hand: for whom, by which authority, valid from and until so many days from now.
fn identity(hub: &Hub, ca: &CertificateAuthority, node: &str, from_days: i64, until_days: i64) -> Identity {
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let peer = PeerIdentity::new("local", Some(node)).unwrap();
    let (from, until) = (now().plus_millis(from_days * DAY_MS), now().plus_millis(until_days * DAY_MS));
    Identity {
        hub_url: hub.url(),
        certificate_pem: ca.sign_client(&csr, &peer, from, until).unwrap(),
        peer,
        key_pem: key.serialize_pem(),
        ca_pem: hub.ca.certificate_pem().to_owned(),
    }
}

/// Sends one empty batch as `node`; the status, or the error without an answer.
async fn send(hub: &Hub, identity: &Identity, node: &str) -> Result<u16, String> {
    let pem = format!("{}{}", identity.certificate_pem, identity.key_pem);
    let client = reqwest::Client::builder()
        .identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap())
        .tls_certs_only([reqwest::Certificate::from_pem(identity.ca_pem.as_bytes()).unwrap()])
        .build()
        .unwrap();
    post(hub, &client, node).await
}

async fn post(hub: &Hub, client: &reqwest::Client, node: &str) -> Result<u16, String> {
    let header = BatchHeader {
        v: 1,
        sender: Sender {
            cluster: "local".into(),
            node: Some(node.into()),
            program: "t".into(),
            version: "1".into(),
            boot_id: Uuid::nil(),
        },
        stream: "alerts".into(),
        first_seq: 1,
        last_seq: 0,
        records: 0,
        gaps: vec![],
        counters: std::collections::BTreeMap::default(),
    };
    let body = zstd::encode_all(&serde_json::to_vec(&header).unwrap()[..], 1).unwrap();
    let url = format!("https://{}/v1/streams/alerts/batches", hub.address);
    client
        .post(url)
        .body(body)
        .send()
        .await
        .map(|answer| answer.status().as_u16())
        .map_err(|error| format!("{error:?}"))
}

#[tokio::test]
async fn an_enrolled_node_may_send_for_itself_only() {
    let hub = Hub::start().await;
    let identity = hub.enrol("a").await;
    assert_eq!(send(&hub, &identity, "a").await, Ok(200));
    assert_eq!(send(&hub, &identity, "b").await, Ok(403));
}

#[tokio::test]
async fn a_token_works_once() {
    let hub = Hub::start().await;
    let join: JoinString = hub.join().to_string().parse().unwrap();
    wire::enrol::request(&join, "local", Some("a")).await.unwrap();
    let error = wire::enrol::request(&join, "local", Some("b")).await.unwrap_err();
    assert!(matches!(&error, EnrolError::Http(refused) if refused.status() == Some(403)), "{error}");
    assert!(matches!(wire::enrol::request(&join, "", None).await, Err(EnrolError::Name(_))));
}

#[tokio::test]
async fn a_hub_with_another_authority_gets_no_token() {
    let (hub, other) = (Hub::start().await, Hub::start().await);
    let join = JoinString { ca: other.ca.fingerprint(), ..hub.join() };
    let error = wire::enrol::request(&join, "local", Some("a")).await.unwrap_err();
    assert!(matches!(error, EnrolError::Http(HttpError::Network { .. })), "{error}");
    assert_eq!(hub.store.lock().unwrap().tokens.len(), 1, "the token was not shown");
}

#[tokio::test]
async fn foreign_expired_and_early_certificates_do_not_connect() {
    let hub = Hub::start().await;
    let foreign = CertificateAuthority::create(now()).unwrap();
    for (case, identity) in [
        ("foreign", identity(&hub, &foreign, "a", -1, 1)),
        ("expired", identity(&hub, &hub.ca, "a", -2, -1)),
        ("early", identity(&hub, &hub.ca, "a", 1, 2)),
    ] {
        let sent = send(&hub, &identity, "a").await;
        assert!(sent.is_err(), "{case}: {sent:?}");
    }
    assert_eq!(send(&hub, &identity(&hub, &hub.ca, "a", -1, 1), "a").await, Ok(200));
}

#[tokio::test]
async fn no_certificate_and_a_revoked_one_are_refused() {
    let hub = Hub::start().await;
    let root = reqwest::Certificate::from_pem(hub.ca.certificate_pem().as_bytes()).unwrap();
    let nobody = reqwest::Client::builder().tls_certs_only([root]).build().unwrap();
    assert_eq!(post(&hub, &nobody, "a").await, Ok(401));
    let stolen = hub.enrol("a").await;
    let fresh = hub.enrol("a").await;
    let der = pem_to_der(&stolen.certificate_pem);
    hub.revocations.revoke(Fingerprint::of(&der));
    assert_eq!(send(&hub, &stolen, "a").await, Ok(403));
    assert_eq!(send(&hub, &fresh, "a").await, Ok(200));
}

#[tokio::test]
async fn a_nodes_certificate_cannot_play_the_hub() {
    let hub = Hub::start().await;
    let node = identity(&hub, &hub.ca, "127.0.0.1", -1, 1);
    let chain = format!("{}{}", node.certificate_pem, node.ca_pem);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            pems(&chain),
            rustls::pki_types::pem::PemObject::from_pem_slice(node.key_pem.as_bytes()).unwrap(),
        )
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let fake = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.map(drop).map_err(|error| error.to_string())
    });
    let join = JoinString { hub_url: url, ..hub.join() };
    let error = wire::enrol::request(&join, "local", Some("a")).await.unwrap_err();
    assert!(matches!(error, EnrolError::Http(HttpError::Network { .. })), "{error}");
    assert!(fake.await.unwrap().is_err(), "the handshake failed on the fake hub too");
}

#[tokio::test]
async fn a_certificate_is_renewed_under_its_own_name() {
    let hub = Hub::start().await;
    let old = identity(&hub, &hub.ca, "a", -1, 1);
    let renewed = wire::enrol::renew(&old).await.unwrap();
    assert_eq!(renewed.peer, old.peer);
    assert!(renewed.expires().unwrap() > old.expires().unwrap());
    assert_eq!(send(&hub, &renewed, "a").await, Ok(200));
}

#[tokio::test]
async fn an_uplink_renews_in_time_and_stores_it() {
    let (hub, dir) = (Hub::start().await, tempfile::tempdir().unwrap());
    let old = identity(&hub, &hub.ca, "a", -1, 1);
    let path = dir.path().join("identity.json");
    old.save(&path).unwrap();
    let mut config = crate::hub::config(&hub, old.clone(), &dir.path().join("spool"));
    config.identity_path = Some(path.clone());
    let uplink = wire::Uplink::start(config).await.unwrap();
    let renewed = async {
        while Identity::load(&path).unwrap().certificate_pem == old.certificate_pem {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), renewed).await.unwrap();
    assert!(Identity::load(&path).unwrap().expires().unwrap() > old.expires().unwrap());
    uplink.shutdown(std::time::Duration::ZERO).await;
}

#[tokio::test]
async fn identities_are_private_files_whose_parts_belong_together() {
    let (hub, dir) = (Hub::start().await, tempfile::tempdir().unwrap());
    let path = dir.path().join("identity.json");
    let one = hub.enrol("a").await;
    one.save(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Identity::load(&path).unwrap().certificate_pem, one.certificate_pem);
    assert!(!format!("{one:?}").contains("PRIVATE"));
    let two = hub.enrol("b").await;
    Identity { key_pem: two.key_pem.clone(), ..one.clone() }.save(&path).unwrap();
    assert!(matches!(Identity::load(&path), Err(IdentityError::Tls(_))));
    Identity { peer: two.peer, ..one }.save(&path).unwrap();
    assert!(matches!(Identity::load(&path), Err(IdentityError::OtherName { .. })));
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(Identity::load(&path), Err(IdentityError::Content { .. })));
}

#[test]
fn an_authority_is_made_once_and_never_replaced_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let first = CertificateAuthority::load_or_create(dir.path(), now()).unwrap();
    let again = CertificateAuthority::load_or_create(dir.path(), Timestamp::from_seconds(0)).unwrap();
    assert_eq!(first.fingerprint(), again.fingerprint());
    let other = tempfile::tempdir().unwrap();
    CertificateAuthority::load_or_create(other.path(), now()).unwrap();
    std::fs::copy(other.path().join("ca.key"), dir.path().join("ca.key")).unwrap();
    assert!(matches!(CertificateAuthority::load_or_create(dir.path(), now()), Err(CaError::Unusable(_))));
    std::fs::remove_file(dir.path().join("ca.key")).unwrap();
    let half = CertificateAuthority::load_or_create(dir.path(), now()).err().unwrap();
    assert!(half.to_string().contains("ca.key"), "{half}");
}

#[test]
fn requests_and_names_are_checked() {
    let ca = CertificateAuthority::create(now()).unwrap();
    let peer = PeerIdentity::new("local", None).unwrap();
    assert!(matches!(ca.enrol("no request", &peer, now()), Err(CaError::Request(_))));
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
    let mut der = csr.der().to_vec();
    // The last byte belongs to the signature, which proves that the key is the sender's.
    *der.last_mut().unwrap() ^= 1;
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    let forged = format!("-----BEGIN CERTIFICATE REQUEST-----\n{encoded}\n-----END CERTIFICATE REQUEST-----\n");
    assert!(matches!(ca.enrol(&forged, &peer, now()), Err(CaError::Request(_))));
    for name in ["", "a b", "-"] {
        let made = ca.server_certificate(&[name.to_owned()], now());
        assert!(matches!(made, Err(CaError::ServerName { .. })), "{name:?}");
    }
    assert!(ca.server_certificate(&["::1".into(), "hub.example".into()], now()).is_ok());
}

fn pems(text: &str) -> Vec<rustls::pki_types::CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap()
}

fn pem_to_der(text: &str) -> Vec<u8> {
    pems(text)[0].to_vec()
}
