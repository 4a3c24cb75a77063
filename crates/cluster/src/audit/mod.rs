//! Kubernetes audit events: bytes → [`model::Event`]s.
//!
//! Formats: an `EventList` or a single `Event` (`audit.k8s.io`, what the webhook backend posts), an array of them, JSON
//! lines (what the log backend writes), and the envelope of Azure Event Hubs' diagnostic settings, whose
//! `kube-audit` and `kube-audit-admin` records carry the audit event as text. Format:
//! <https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/>.

mod event;
#[cfg(test)]
mod tests;

use limits::json::{self, JsonError, JsonLimits};
use model::{Event, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What one delivery may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditLimits {
    /// Bytes of one delivery. The API server's webhook backend batches up to 400 events; Falco takes 12 MiB as well.
    pub bytes: usize,
    /// Bytes of one event; of a larger one the request and response objects are left out, which is said in
    /// `skipped_too_big`. The API server itself cuts at 100 KiB where truncation is on.
    pub event_bytes: usize,
    /// Events of one delivery: the smallest real ones have 500 bytes.
    pub events: usize,
}

impl AuditLimits {
    /// For deliveries over the network.
    pub const DEFAULT: Self = Self { bytes: 12 << 20, event_bytes: 256 << 10, events: 50_000 };
}

/// Nested arrays and objects of an event: custom resources go deep, their schemas are limited by etcd's object size.
const MAX_DEPTH: usize = 100;

/// A delivery that was refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It is larger or deeper than allowed, or not JSON.
    #[error("the delivery is no JSON that is accepted here")]
    Json {
        /// Why.
        #[source]
        source: JsonError,
    },
    /// It has more events than allowed.
    #[error("more than {limit} audit events in one delivery")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

/// What a delivery held.
#[derive(Debug, Default)]
pub struct Received {
    /// Its audit events, in their order.
    pub events: Vec<Event>,
    /// Items that are no audit events, with the reason.
    pub skipped: Vec<Skipped>,
}

/// An item that is no audit event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its position in the delivery, from 0.
    pub index: usize,
    /// Why.
    pub reason: String,
    /// Whether it says itself that it is something else, such as a record of another category: then nothing is lost.
    pub foreign: bool,
}

/// Where and when a delivery came in.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The cluster whose API server wrote the events.
    pub cluster: &'a str,
    /// Sequence number of the first event.
    pub first_seq: u64,
    /// The time for events that carry none.
    pub received: Timestamp,
}

/// Reads a delivery.
pub fn parse(bytes: &[u8], delivery: Delivery<'_>, limits: AuditLimits) -> Result<Received, AuditError> {
    let json_limits = JsonLimits { bytes: limits.bytes, depth: MAX_DEPTH };
    json::check(bytes, &json_limits).map_err(|source| AuditError::Json { source: source.into() })?;
    let mut reader = Reader { delivery, limits, received: Received::default(), index: 0 };
    for document in serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>() {
        let document = document.map_err(|source| AuditError::Json { source: JsonError::Syntax { source } })?;
        reader.document(document, 0)?;
    }
    Ok(reader.received)
}

/// The parts of a document that say what it is.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    records: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    properties: Option<Properties>,
}

/// The payload of a diagnostic record.
#[derive(Deserialize)]
struct Properties {
    #[serde(default)]
    log: Option<String>,
}

struct Reader<'a> {
    delivery: Delivery<'a>,
    limits: AuditLimits,
    received: Received,
    index: usize,
}

impl Reader<'_> {
    fn document(&mut self, raw: &RawValue, depth: usize) -> Result<(), AuditError> {
        // Lists in records in lists have no meaning; the bound keeps a hostile delivery from nesting texts in texts.
        if depth > 3 {
            self.skip("nested too deep", false);
            return Ok(());
        }
        if raw.get().starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(syntax)?;
            return items.into_iter().try_for_each(|item| self.document(item, depth + 1));
        }
        let head: Head<'_> = match serde_json::from_str(raw.get()) {
            Ok(head) => head,
            Err(_) => return self.one(raw),
        };
        if let Some(items) = head.items.or(head.records) {
            return items.into_iter().try_for_each(|item| self.document(item, depth + 1));
        }
        match (head.category.as_deref(), head.properties.and_then(|properties| properties.log)) {
            (Some("kube-audit" | "kube-audit-admin"), Some(log)) => match json::from_slice::<Box<RawValue>>(
                log.as_bytes(),
                &JsonLimits { bytes: self.limits.bytes, depth: MAX_DEPTH },
            ) {
                Ok(inner) => self.document(&inner, depth + 1),
                Err(error) => {
                    self.skip(&format!("the record's log is no JSON: {error}"), false);
                    Ok(())
                }
            },
            (Some(category), _) => {
                self.skip(&format!("the category `{category}` carries no audit events"), true);
                Ok(())
            }
            (None, _) => self.one(raw),
        }
    }

    fn one(&mut self, raw: &RawValue) -> Result<(), AuditError> {
        if self.received.events.len() >= self.limits.events {
            return Err(AuditError::TooMany { limit: self.limits.events });
        }
        let seq = self.delivery.first_seq + self.received.events.len() as u64;
        match event::read(raw, self.delivery, seq, self.limits.event_bytes) {
            Ok(event) => {
                self.received.events.push(event);
                self.index += 1;
            }
            Err(reason) => self.skip(&reason, false),
        }
        Ok(())
    }

    fn skip(&mut self, reason: &str, foreign: bool) {
        self.received.skipped.push(Skipped { index: self.index, reason: reason.to_owned(), foreign });
        self.index += 1;
    }
}

fn syntax(source: serde_json::Error) -> AuditError {
    AuditError::Json { source: JsonError::Syntax { source } }
}
