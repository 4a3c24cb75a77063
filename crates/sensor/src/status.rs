//! What the sensor says of itself over HTTP: `/metrics` (`OpenMetrics`, for Prometheus), `/coverage` (the statements
//! that the hub gets, as JSON) and `/readyz` (200 once every active signal was proved).
//!
//! What it is not: a way in. It answers GET and HEAD, takes no body, and is started only where an address was given.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use model::{Coverage, CoverageState, Loss, Subject};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::signal::Signal;

/// Connections at once: a scraper, a probe and a few people. Others wait to be accepted.
const MAX_CONNECTIONS: usize = 16;
/// Whoever has not sent the head of a request by then is let go.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// What comes between two failed attempts to accept: the process may be out of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignalLabels {
    signal: String,
    provider: String,
    tier: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LossLabels {
    signal: &'static str,
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabels {
    rule: String,
}

/// What is said; shared by who knows it and who is asked.
#[derive(Debug)]
pub struct Status {
    registry: Registry,
    available: Family<SignalLabels, Gauge>,
    degraded: Family<RuleLabels, Gauge>,
    missed: Family<LossLabels, Counter>,
    coverage: RwLock<Option<Vec<Coverage>>>,
}

impl Default for Status {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("seawall_sensor");
        let (available, degraded, missed) = (Family::default(), Family::default(), Family::default());
        registry.register(
            "signal_available",
            "1 for signals that are seen, by what sees them",
            Family::clone(&available),
        );
        registry.register(
            "rule_degraded",
            "1 for rules that a missing signal or field degrades",
            Family::clone(&degraded),
        );
        registry.register("records_missed", "Records that did not go on, by the reason", Family::clone(&missed));
        Self { registry, available, degraded, missed, coverage: RwLock::default() }
    }
}

impl Status {
    /// Says what is seen, in a tier, from now on.
    pub fn cover(&self, statements: &[Coverage], tier: &str) {
        // Held to the end: who asks meanwhile gets all of the old or all of the new.
        let mut coverage = self.coverage.write().unwrap_or_else(PoisonError::into_inner);
        self.available.clear();
        self.degraded.clear();
        for statement in statements {
            match &statement.subject {
                Subject::Rule { name, .. } => {
                    self.degraded.get_or_create(&RuleLabels { rule: name.clone() }).set(1);
                }
                Subject::Scope { .. } if Signal::from_name(&statement.signal).is_some() => {
                    let (signal, provider) = (statement.signal.clone(), statement.provider.clone().unwrap_or_default());
                    let labels = SignalLabels { signal, provider, tier: tier.to_owned() };
                    self.available.get_or_create(&labels).set((statement.state == CoverageState::Seen).into());
                }
                _ => {}
            }
        }
        *coverage = Some(statements.to_vec());
    }

    /// Says what did not go on since the start.
    pub fn count(&self, losses: &[(Signal, Loss)]) {
        for (signal, loss) in losses {
            let causes =
                [("lost", loss.lost), ("dropped", loss.dropped), ("filtered", loss.filtered), ("shed", loss.shed)];
            for (cause, count) in causes {
                let labels = LossLabels { signal: signal.name(), cause };
                self.missed.get_or_create(&labels).inner().store(count, Ordering::Relaxed);
            }
        }
    }

    fn metrics(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry).map(|()| text)
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if *method != Method::GET && *method != Method::HEAD {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let coverage = self.coverage.read().unwrap_or_else(PoisonError::into_inner);
        match (path, coverage.as_deref()) {
            ("/metrics", _) => self.metrics().map_or_else(
                |_| plain(StatusCode::INTERNAL_SERVER_ERROR, "a metric could not be written\n"),
                |text| response("application/openmetrics-text; version=1.0.0; charset=utf-8", text),
            ),
            ("/coverage", statements) => serde_json::to_string(statements.unwrap_or_default()).map_or_else(
                |_| plain(StatusCode::INTERNAL_SERVER_ERROR, "the coverage could not be written\n"),
                |text| response("application/json", text),
            ),
            ("/readyz", Some(_)) => plain(StatusCode::OK, "ready\n"),
            ("/readyz", None) => plain(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
            _ => plain(StatusCode::NOT_FOUND, "here are /metrics, /coverage and /readyz\n"),
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = response("text/plain; charset=utf-8", text);
    *answer.status_mut() = status;
    answer
}

fn response(kind: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(text.into()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// Answers on an address until the program ends, on a thread of its own. Gives the address, whose port the system may
/// have chosen.
pub fn serve(address: SocketAddr, status: Arc<Status>) -> anyhow::Result<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting a runtime")?;
    let listener =
        runtime.block_on(TcpListener::bind(address)).with_context(|| format!("listening on {address} (--listen)"))?;
    let local = listener.local_addr().context("asking for the own address")?;
    std::thread::Builder::new()
        .name("status".into())
        .spawn(move || runtime.block_on(accept(listener, status)))
        .context("starting the thread that answers")?;
    Ok(local)
}

async fn accept(listener: TcpListener, status: Arc<Status>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let place = Arc::clone(&places).acquire_owned().await;
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("taking a connection (--listen): {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let status = Arc::clone(&status);
        let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
            let answer = status.answer(request.method(), request.uri().path());
            async move { Ok::<_, Infallible>(answer) }
        });
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), answer)
                .await;
            if let Err(error) = connection {
                tracing::debug!("a connection (--listen): {error}");
            }
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use model::Scope;

    use super::*;

    fn ask(address: SocketAddr, method: &str, path: &str) -> (String, String) {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").unwrap();
        let answer = limits::read_capped(stream, 1 << 20, "answer").unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    fn statement(signal: &str, state: CoverageState, provider: &str) -> Coverage {
        let mut statement = Coverage::new(Subject::Scope { scope: Scope::node("c", "n") }, signal, state, "");
        statement.provider = Some(provider.to_owned());
        statement
    }

    #[test]
    fn what_is_seen_and_missed_is_told_to_who_asks() {
        let status = Arc::new(Status::default());
        let address = serve("127.0.0.1:0".parse().unwrap(), Arc::clone(&status)).unwrap();
        assert_eq!(ask(address, "GET", "/readyz").0, "HTTP/1.1 503 Service Unavailable");
        let rule = Subject::Rule { name: "A \"rule\"".to_owned(), missing_fields: vec!["evt.buffer".to_owned()] };
        let first = [statement("exec", CoverageState::Unsupported, "gone")];
        let then = [
            statement("exec", CoverageState::Seen, "tp_btf/sched_process_exec"),
            statement("dns", CoverageState::Unsupported, "cgroup_skb/egress"),
            statement("tier", CoverageState::Seen, "B"),
            Coverage::new(rule, "file_open", CoverageState::Unseen, "no"),
        ];
        status.cover(&first, "B");
        status.cover(&then, "B");
        let loss = Loss { lost: 1, dropped: 2, filtered: 3, shed: 4 };
        status.count(&[(Signal::Exec, Loss::default())]);
        status.count(&[(Signal::Exec, loss)]);

        let (head, metrics) = ask(address, "GET", "/metrics");
        assert_eq!(head, "HTTP/1.1 200 OK");
        let mut lines: Vec<&str> = metrics.lines().filter(|line| !line.starts_with('#')).collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "seawall_sensor_records_missed_total{signal=\"exec\",cause=\"dropped\"} 2",
                "seawall_sensor_records_missed_total{signal=\"exec\",cause=\"filtered\"} 3",
                "seawall_sensor_records_missed_total{signal=\"exec\",cause=\"lost\"} 1",
                "seawall_sensor_records_missed_total{signal=\"exec\",cause=\"shed\"} 4",
                "seawall_sensor_rule_degraded{rule=\"A \\\"rule\\\"\"} 1",
                "seawall_sensor_signal_available{signal=\"dns\",provider=\"cgroup_skb/egress\",tier=\"B\"} 0",
                "seawall_sensor_signal_available{signal=\"exec\",provider=\"tp_btf/sched_process_exec\",tier=\"B\"} 1",
            ]
        );
        assert!(metrics.ends_with("# EOF\n"));

        let (_, coverage) = ask(address, "GET", "/coverage");
        assert_eq!(serde_json::from_str::<Vec<Coverage>>(&coverage).unwrap(), then);
        assert_eq!(ask(address, "HEAD", "/readyz"), ("HTTP/1.1 200 OK".to_owned(), String::new()));
        assert_eq!(ask(address, "POST", "/metrics").0, "HTTP/1.1 405 Method Not Allowed");
        assert_eq!(ask(address, "GET", "/").0, "HTTP/1.1 404 Not Found");
    }

    #[test]
    fn an_address_that_is_taken_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = serve(address, Arc::default()).unwrap_err();
        assert!(format!("{error:#}").contains(&address.to_string()), "{error:#}");
    }
}
