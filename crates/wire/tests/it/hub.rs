//! A hub in memory, made of `wire::server`: routes and a store, nothing else.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use model::{BatchAnswer, Gap, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;
use wire::enrol::{ENROL_PATH, EnrolRequest, MAX_ENROL_BYTES, RENEW_PATH, RenewRequest};
use wire::server::{
    BatchLimits, CertificateAuthority, Peer, Progress, Revocations, TlsListener, check_request, decode_batch,
};
use wire::{Identity, JoinString, PeerIdentity, Problem, Token, TokenHash, UplinkConfig};

/// What the hub has of one start of one sender's stream.
#[derive(Debug, Default, Clone)]
pub struct Received {
    pub acked: u64,
    pub records: BTreeMap<u64, serde_json::Value>,
    pub gaps: Vec<Gap>,
    pub counters: BTreeMap<String, model::Loss>,
}

/// The key of a stream: node, start, name.
pub type Key = (Option<String>, Uuid, String);

#[derive(Default)]
pub struct Store {
    pub streams: BTreeMap<Key, Received>,
    pub tokens: HashSet<TokenHash>,
    /// Answers to give instead of doing anything, oldest first.
    pub refusals: VecDeque<(StatusCode, Option<&'static str>)>,
    /// Records that are refused for good when they contain this text.
    pub poison: Option<&'static str>,
    pub requests: usize,
}

pub struct Hub {
    pub ca: Arc<CertificateAuthority>,
    pub store: Arc<Mutex<Store>>,
    pub changed: Arc<Notify>,
    pub revocations: Revocations,
    pub address: SocketAddr,
    stop: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

pub fn now() -> Timestamp {
    Timestamp::from_nanos(i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap())
}

impl Hub {
    pub async fn start() -> Self {
        let ca = Arc::new(CertificateAuthority::create(now()).unwrap());
        Self::start_with(ca, "127.0.0.1:0".parse().unwrap(), Arc::default()).await
    }

    /// Starts with an authority, an address and a store that an earlier hub had.
    pub async fn start_with(ca: Arc<CertificateAuthority>, address: SocketAddr, store: Arc<Mutex<Store>>) -> Self {
        let (revocations, changed) = (Revocations::default(), Arc::new(Notify::new()));
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let listener = TlsListener::bind(address, Arc::clone(&ca), &names, revocations.clone()).await.unwrap();
        let address = listener.local_addr();
        let stop = Arc::new(Notify::new());
        let parts = (Arc::clone(&ca), Arc::clone(&store), Arc::clone(&changed));
        let task = tokio::spawn(serve(listener, parts, Arc::clone(&stop)));
        Self { ca, store, changed, revocations, address, stop, task }
    }

    /// Dies with whatever it is answering; its port is free when this returns.
    pub async fn kill(self) {
        self.stop.notify_one();
        self.task.await.unwrap();
    }

    pub fn url(&self) -> url::Url {
        format!("https://{}/", self.address).parse().unwrap()
    }

    pub fn join(&self) -> JoinString {
        let token = Token::generate().unwrap();
        self.store.lock().unwrap().tokens.insert(token.hash());
        JoinString { hub_url: self.url(), ca: self.ca.fingerprint(), token }
    }

    pub async fn enrol(&self, node: &str) -> Identity {
        wire::enrol::request(&self.join(), "local", Some(node)).await.unwrap()
    }

    /// Waits until the store is as asked for.
    pub async fn until(&self, what: &str, is: impl Fn(&Store) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if is(&self.store.lock().unwrap()) {
                    return;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), wait).await;
        assert!(waited.is_ok(), "no {what} within a minute");
    }
}

pub fn config(hub: &Hub, identity: Identity, spool: &std::path::Path) -> UplinkConfig {
    let mut config = UplinkConfig::new(hub.url(), identity, spool, "test", "1");
    config.linger = Duration::ZERO;
    config
}

type Parts = (Arc<CertificateAuthority>, Arc<Mutex<Store>>, Arc<Notify>);

async fn serve(mut listener: TlsListener, (ca, store, changed): Parts, stop: Arc<Notify>) {
    // Connections end with the hub, as they do when it is killed.
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            connection = listener.accept() => connection,
            () = stop.notified() => break,
        };
        let (ca, store, changed) = (Arc::clone(&ca), Arc::clone(&store), Arc::clone(&changed));
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let (ca, store, changed) = (Arc::clone(&ca), Arc::clone(&store), Arc::clone(&changed));
                let peer = peer.clone();
                async move {
                    let answer = answer(request, &peer, &ca, &store).await;
                    changed.notify_waiters();
                    Ok::<_, Infallible>(answer)
                }
            });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
        });
    }
    connections.shutdown().await;
    listener.close().await;
}

async fn answer(
    request: Request<Incoming>,
    peer: &Peer,
    ca: &CertificateAuthority,
    store: &Mutex<Store>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let most = if path == ENROL_PATH { MAX_ENROL_BYTES } else { model::wire::MAX_BATCH_COMPRESSED_BYTES };
    let Ok(body) = Limited::new(request.into_body(), most).collect().await else {
        return refuse(&Problem::new(413, "batch-too-big", "too big", ""));
    };
    let body = body.to_bytes();
    let done = match path.as_str() {
        ENROL_PATH => enrol(&body, ca, store),
        RENEW_PATH => renew(&body, peer, ca),
        _ => match path.strip_prefix("/v1/streams/").and_then(|rest| rest.strip_suffix("/batches")) {
            Some(stream) => return batch(stream, &body, peer, store),
            None => Err(Problem::new(404, "not-found", "not found", path.clone())),
        },
    };
    done.map_or_else(|problem| refuse(&problem), |answer| json(StatusCode::OK, &answer))
}

fn enrol(body: &[u8], ca: &CertificateAuthority, store: &Mutex<Store>) -> Result<serde_json::Value, Problem> {
    let bad = |error: &dyn std::fmt::Display| Problem::new(400, "bad-request", "bad request", error.to_string());
    let request = EnrolRequest::decode(body).map_err(|error| bad(&error))?;
    check_request(&request.csr_pem).map_err(|error| bad(&error))?;
    if !store.lock().unwrap().tokens.remove(&request.token.hash()) {
        return Err(Problem::new(403, "token", "The token is unknown or used", ""));
    }
    let peer = request.names.granted("local", None).ok_or_else(|| bad(&"another cluster"))?;
    let answer = ca.enrol(&request.csr_pem, &peer, now()).map_err(|error| bad(&error))?;
    Ok(serde_json::to_value(answer).unwrap())
}

fn renew(body: &[u8], peer: &Peer, ca: &CertificateAuthority) -> Result<serde_json::Value, Problem> {
    let identity: &PeerIdentity = peer.authorise(now()).map_err(|refused| refused.problem())?;
    let request = RenewRequest::decode(body).map_err(|error| Problem::new(400, "b", "b", error.to_string()))?;
    let answer = ca.enrol(&request.csr_pem, identity, now());
    answer
        .map(|answer| serde_json::to_value(answer).unwrap())
        .map_err(|error| Problem::new(400, "b", "b", error.to_string()))
}

fn batch(stream: &str, body: &[u8], peer: &Peer, store: &Mutex<Store>) -> Response<Full<Bytes>> {
    let mut store = store.lock().unwrap();
    store.requests += 1;
    if let Some((status, retry_after)) = store.refusals.pop_front() {
        let mut answer = refuse(&Problem::new(status.as_u16(), "busy", "busy", ""));
        if let Some(value) = retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, value.parse().unwrap());
        }
        return answer;
    }
    let batch = match decode_batch(body, &BatchLimits::default()) {
        Ok(batch) => batch,
        Err(error) => return refuse(&error.problem()),
    };
    if let Err(refused) = peer.may_send(stream, &batch.header, now()) {
        return refuse(&refused.problem());
    }
    if let Some(poison) = store.poison
        && batch.records.iter().any(|record| String::from_utf8_lossy(&record.json).contains(poison))
    {
        return refuse(&Problem::new(422, "record-refused", "A record was refused", poison));
    }
    let sender = batch.header.sender.clone();
    let received = store.streams.entry((sender.node, sender.boot_id, batch.header.stream.clone())).or_default();
    let step = Progress::of(received.acked, &batch.header);
    for record in batch.records.into_iter().filter(|record| record.seq >= step.new_from) {
        let twice = received.records.insert(record.seq, record.read().unwrap());
        assert_eq!(twice, None, "record {} was stored twice", record.seq);
    }
    received.gaps.extend(step.gaps);
    received.acked = step.acked;
    received.counters = batch.header.counters;
    json(StatusCode::OK, &BatchAnswer { acked: step.acked })
}

fn refuse(problem: &Problem) -> Response<Full<Bytes>> {
    let mut answer = json(StatusCode::from_u16(problem.status).unwrap(), problem);
    answer.headers_mut().insert(header::CONTENT_TYPE, wire::problem::CONTENT_TYPE.parse().unwrap());
    answer
}

fn json(status: StatusCode, value: &impl serde::Serialize) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(serde_json::to_vec(value).unwrap().into()));
    *answer.status_mut() = status;
    answer
}
