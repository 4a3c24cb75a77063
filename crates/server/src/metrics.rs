//! Numbers for Prometheus (`OpenMetrics` text). Labels are few and fixed: no names of nodes, images or people.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Which stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StreamLabel {
    /// Its name; only streams that the hub takes.
    pub stream: String,
}

/// How a batch came out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OutcomeLabel {
    /// The HTTP status.
    pub status: u16,
}

/// What nodes say of a signal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SignalLabel {
    /// Its name.
    pub signal: String,
    /// A state of coverage.
    pub state: String,
}

/// The hub's numbers.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Batches by the status of their answer.
    pub batches: Family<OutcomeLabel, Counter>,
    /// Records that became durable.
    pub records: Family<StreamLabel, Counter>,
    /// Records that were durable already.
    pub repeated: Family<StreamLabel, Counter>,
    /// Records that were refused.
    pub rejected: Family<StreamLabel, Counter>,
    /// Compressed bytes of batches.
    pub batch_bytes: Counter,
    /// Machines that enrolled.
    pub enrolments: Counter,
    /// Audit events received.
    pub audit_events: Counter,
    /// Audit events left out because they were too big or not readable.
    pub audit_skipped: Counter,
    /// Alerts that the hub raised itself.
    pub own_alerts: Counter,
    /// Images that were assessed.
    pub images_assessed: Counter,
    /// Images that were judged again.
    pub images_rematched: Counter,
    nodes: Gauge,
    nodes_silent: Gauge,
    not_seen: Gauge,
    signals: Family<SignalLabel, Gauge>,
    gaps: Gauge,
    streams: Gauge,
    refuses_writes: Gauge,
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("seawall_hub");
        let (batches, records, repeated, rejected) =
            (Family::default(), Family::default(), Family::default(), Family::default());
        let signals = Family::<SignalLabel, Gauge>::default();
        let batch_bytes = Counter::default();
        let counters: [Counter; 6] = Default::default();
        let [enrolments, audit_events, audit_skipped, own_alerts, images_assessed, images_rematched] = counters;
        let gauges: [Gauge; 6] = Default::default();
        let [nodes, nodes_silent, not_seen, gaps, streams, refuses_writes] = gauges;
        registry.register("batches", "Batches by the status of their answer", Family::clone(&batches));
        registry.register("records", "Records that became durable", Family::clone(&records));
        registry.register("records_repeated", "Records that were durable already", Family::clone(&repeated));
        registry.register("records_rejected", "Records that were refused", Family::clone(&rejected));
        registry.register_with_unit("batches_received", "Compressed size of batches", Unit::Bytes, batch_bytes.clone());
        registry.register("enrolments", "Machines that enrolled", enrolments.clone());
        registry.register("audit_events", "Audit events received", audit_events.clone());
        registry.register("audit_events_skipped", "Audit events too big or not readable", audit_skipped.clone());
        registry.register("own_alerts", "Alerts that the hub raised itself", own_alerts.clone());
        registry.register("images_assessed", "Images that were assessed", images_assessed.clone());
        registry.register("images_rematched", "Images that were judged again", images_rematched.clone());
        registry.register("nodes", "Nodes that are known", nodes.clone());
        registry.register("nodes_silent", "Nodes that are silent", nodes_silent.clone());
        registry.register("coverage_not_seen", "Coverage statements that are not `seen`", not_seen.clone());
        registry.register("signal_nodes", "Nodes by what they say of a signal", Family::clone(&signals));
        registry.register("gaps", "Gaps in streams that are on record", gaps.clone());
        registry.register("live_streams", "Live streams that are open", streams.clone());
        registry.register("store_refuses_writes", "1 while the database takes nothing", refuses_writes.clone());
        Self {
            registry,
            batches,
            records,
            repeated,
            rejected,
            batch_bytes,
            enrolments,
            audit_events,
            audit_skipped,
            own_alerts,
            images_assessed,
            images_rematched,
            nodes,
            nodes_silent,
            not_seen,
            signals,
            gaps,
            streams,
            refuses_writes,
        }
    }

    /// Sets what is counted in the store, not here.
    pub fn observe(&self, overview: &state::Overview, signals: Vec<(String, String, u64)>, streams: usize) {
        self.signals.clear();
        for (signal, state, nodes) in signals {
            let gauge = self.signals.get_or_create_owned(&SignalLabel { signal, state });
            gauge.set(i64::try_from(nodes).unwrap_or(i64::MAX));
        }
        let values = [
            (&self.nodes, overview.nodes),
            (&self.nodes_silent, overview.nodes_silent),
            (&self.not_seen, overview.not_seen),
            (&self.gaps, overview.gaps),
            (&self.streams, streams as u64),
            (&self.refuses_writes, overview.refuses_writes.is_some().into()),
        ];
        for (gauge, value) in values {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    /// The text of `/metrics`.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            // Writing to a string fails only when a metric's own encoder does; what was written so far is served.
            tracing::error!(%error, "a metric could not be written");
        }
        text
    }

    /// Counts a batch that was taken.
    pub fn taken(&self, stream: &str, outcome: state::Outcome) {
        let label = StreamLabel { stream: stream.to_owned() };
        self.records.get_or_create(&label).inc_by(outcome.records);
        self.repeated.get_or_create(&label).inc_by(outcome.repeated);
        self.rejected.get_or_create(&label).inc_by(outcome.rejected);
    }
}
