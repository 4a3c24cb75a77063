//! Accepting connections, plain or TLS, with limits, and ending them in order.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;
use wire::server::TlsListener;

use crate::hub::stopped;

/// Connections of one listener at a time: beyond it new ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 1_024;
/// A client that does not finish its request's headers within this is dropped.
const HEADERS: Duration = Duration::from_secs(10);
/// How long open requests may go on after the hub was told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// A TLS handshake that takes longer is dropped.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait after accepting failed (usually: no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What serves the API: plain or with TLS.
pub(crate) struct ApiListener {
    tcp: TcpListener,
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl ApiListener {
    pub async fn bind(address: SocketAddr, tls: Option<Arc<rustls::ServerConfig>>) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        Ok(Self { tcp, tls: tls.map(tokio_rustls::TlsAcceptor::from) })
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves until told to stop, then lets open requests end.
    pub async fn run(self, router: Router, mut stop: watch::Receiver<bool>) {
        let connections = Connections::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted,
                () = stopped(&mut stop) => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%address, %error, "small writes will be delayed");
            }
            match &self.tls {
                None => connections.serve(stream, router.clone()).await,
                Some(acceptor) => {
                    let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
                    let (connections, router) = (connections.clone(), router.clone());
                    tokio::spawn(async move {
                        match handshake.await {
                            Ok(Ok(stream)) => connections.serve(stream, router).await,
                            Ok(Err(error)) => tracing::debug!(%address, %error, "a TLS handshake failed"),
                            Err(_) => tracing::debug!(%address, "a TLS handshake took too long"),
                        }
                    });
                }
            }
        }
        drop(self.tcp);
        connections.drain().await;
    }
}

/// Serves the wire until told to stop, then lets open batches end.
pub(crate) async fn run_wire(mut listener: TlsListener, router: Router, mut stop: watch::Receiver<bool>) {
    let connections = Connections::new();
    loop {
        let (stream, peer) = tokio::select! {
            connection = listener.accept() => connection,
            () = stopped(&mut stop) => break,
        };
        connections.serve(stream, router.clone().layer(Extension(Arc::new(peer)))).await;
    }
    drop(listener);
    connections.drain().await;
}

/// Open connections of one listener.
#[derive(Clone)]
struct Connections {
    places: Arc<Semaphore>,
    graceful: Arc<GracefulShutdown>,
}

impl Connections {
    fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_CONNECTIONS)), graceful: Arc::new(GracefulShutdown::new()) }
    }

    /// Serves one connection in a task of its own; waits for a place first.
    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            async move { Ok::<Response, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
        builder.http2().timer(TokioTimer::new()).max_concurrent_streams(64);
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = self.graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }

    async fn drain(self) {
        // Handshakes that were under way hold a clone for a moment; their requests would come too late anyway.
        if let Some(graceful) = Arc::into_inner(self.graceful)
            && tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err()
        {
            tracing::warn!("some requests did not end within {DRAIN:?} and were cut");
        }
    }
}
