//! gRPC over a Unix socket, as much as asking a container runtime needs: one request message, the answer's messages.
//!
//! Format: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>. What it is not: a general client; it asks
//! for no compression and speaks to runtimes on this machine only. A generated client would bring a compiler and some
//! thousand lines for three calls.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;

/// A container's record holds its whole specification; a pod with thousands of mounts stays below this.
const MAX_ANSWER_BYTES: usize = 8 << 20;
/// A call that takes longer than this is a runtime that hangs; the events have flowed on by then.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Its socket cannot be reached.
    #[error("connecting to {address}")]
    Connect {
        /// The socket.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("asking for {call}")]
    Transport {
        /// The call.
        call: &'static str,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// It took too long.
    #[error("no answer to {call} in {} s", CALL_TIMEOUT.as_secs())]
    Timeout {
        /// The call.
        call: &'static str,
    },
    /// It answered with an error of its own.
    #[error("the runtime refuses {call}: status {status} {message}")]
    Refused {
        /// The call.
        call: &'static str,
        /// gRPC status.
        status: String,
        /// Its message.
        message: String,
    },
    /// The answer is not one.
    #[error("the answer to {call} is not usable: {reason}")]
    Malformed {
        /// The call.
        call: &'static str,
        /// Why.
        reason: String,
    },
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    sender: http2::SendRequest<Full<Bytes>>,
    namespace: Option<String>,
}

impl Client {
    /// Connects; containerd's own services want a namespace, the CRI none.
    pub async fn connect(address: &Path, namespace: Option<&str>) -> Result<Self, AskError> {
        let socket = UnixStream::connect(address)
            .await
            .map_err(|source| AskError::Connect { address: address.display().to_string(), source })?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .map_err(|source| AskError::Transport { call: "a connection", source })?;
        tokio::spawn(connection);
        Ok(Self { sender, namespace: namespace.map(str::to_owned) })
    }

    /// A call with one answer.
    pub async fn unary(&mut self, call: &'static str, message: &[u8]) -> Result<Vec<u8>, AskError> {
        let mut all = self.stream(call, message).await?;
        if all.is_empty() {
            return Err(AskError::Malformed { call, reason: "no message".into() });
        }
        Ok(all.swap_remove(0))
    }

    /// A call with any number of answers.
    pub async fn stream(&mut self, call: &'static str, message: &[u8]) -> Result<Vec<Vec<u8>>, AskError> {
        let body = tokio::time::timeout(CALL_TIMEOUT, self.call(call, message)).await;
        let body = body.map_err(|_| AskError::Timeout { call })??;
        Ok(messages(&body).map(<[u8]>::to_vec).collect())
    }

    async fn call(&mut self, call: &'static str, message: &[u8]) -> Result<Bytes, AskError> {
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
        frame.extend(message);
        let malformed = |reason: String| AskError::Malformed { call, reason };
        let mut request = hyper::Request::post(format!("http://localhost{call}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(namespace) = &self.namespace {
            request = request.header("containerd-namespace", namespace);
        }
        let request = request.body(Full::new(Bytes::from(frame))).map_err(|error| malformed(error.to_string()))?;
        let response =
            self.sender.send_request(request).await.map_err(|source| AskError::Transport { call, source })?;
        // An error without a message comes in the headers, else in the trailers.
        if let Some(error) = refusal(call, response.headers()) {
            return Err(error);
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| malformed(error.to_string()))?;
        match body.trailers().and_then(|trailers| refusal(call, trailers)) {
            Some(error) => Err(error),
            None => Ok(body.to_bytes()),
        }
    }
}

fn refusal(call: &'static str, headers: &hyper::HeaderMap) -> Option<AskError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let status = text("grpc-status");
    (!status.is_empty() && status != "0").then(|| AskError::Refused { call, status, message: text("grpc-message") })
}

/// The messages in a body: a byte for compression (we ask for none), four for the length.
pub fn messages(mut body: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (head, rest) = body.split_first_chunk::<5>()?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let (message, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        body = rest;
        // A compressed message is none that we can read.
        (head[0] == 0).then_some(message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_cut_into_messages() {
        let body = [0, 0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0];
        assert_eq!(messages(&body).collect::<Vec<_>>(), [&[7, 8][..], &[]]);
        assert_eq!(messages(&[0, 0, 0, 0, 9, 1]).count(), 0, "cut short");
        assert_eq!(messages(&[1, 0, 0, 0, 1, 1]).count(), 0, "compressed");
    }
}
