//! What is counted. Every label value comes from a closed enum; none names a
//! person, a room, a participant or an address.

use crate::domain::retention::Kind;
use crate::domain::webhook::Answer;
use conclave_wire::code::Code;
use prometheus::{
    Encoder as _, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

/// Why a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketEnd {
    /// The client closed it with 1000 or 1001.
    Left,
    /// The stay was over.
    Over,
    /// The network or the client dropped it.
    Lost,
    /// It broke the protocol.
    Misbehaved,
    /// It took too slowly what was sent to it.
    Overflow,
    /// The service shut down.
    Shutdown,
    /// The room failed.
    Failed,
}

impl SocketEnd {
    const ALL: [Self; 7] = [
        Self::Left,
        Self::Over,
        Self::Lost,
        Self::Misbehaved,
        Self::Overflow,
        Self::Shutdown,
        Self::Failed,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Over => "over",
            Self::Lost => "lost",
            Self::Misbehaved => "misbehaved",
            Self::Overflow => "overflow",
            Self::Shutdown => "shutdown",
            Self::Failed => "failed",
        }
    }
}

/// The service's metrics.
pub(crate) struct Metrics {
    registry: Registry,
    /// Open WebSockets.
    pub(crate) sockets: IntGauge,
    /// Rooms with somebody in them.
    pub(crate) rooms: IntGauge,
    /// Running calls.
    pub(crate) calls: IntGauge,
    /// Members of running calls.
    pub(crate) members: IntGauge,
    /// Accepted commits and other entries.
    pub(crate) log_entries: IntCounter,
    /// Connections that were neither HTTPS nor media.
    pub(crate) strangers: IntCounter,
    /// Rooms whose task panicked or whose store failed.
    pub(crate) room_failures: IntCounter,
    /// How long one transaction took, seconds.
    pub(crate) store_seconds: Histogram,
    socket_ends: IntCounterVec,
    refusals: IntCounterVec,
    forgotten: IntCounterVec,
    retention_failures: IntCounterVec,
    webhook_attempts: IntCounterVec,
}

impl Metrics {
    /// Fresh metrics.
    ///
    /// # Errors
    /// Only when two of them had the same name.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("conclave_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(format!("conclave_{name}_total"), help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let counters = |name: &str, help: &str, label: &str| {
            let opts = Opts::new(format!("conclave_{name}_total"), help);
            let counters = IntCounterVec::new(opts, &[label])?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let store_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "conclave_store_transaction_seconds",
                "Durable writes of a room",
            )
            .buckets(vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0]),
        )?;
        registry.register(Box::new(store_seconds.clone()))?;
        let metrics = Self {
            sockets: gauge("sockets", "Open WebSockets")?,
            rooms: gauge("rooms_live", "Rooms with somebody in them")?,
            calls: gauge("calls", "Running calls")?,
            members: gauge("members", "Members of running calls")?,
            log_entries: counter("log_entries", "Entries of the calls' logs")?,
            strangers: counter(
                "connections_unknown",
                "Connections that were neither HTTPS nor media",
            )?,
            room_failures: counter("room_failures", "Rooms that failed and were loaded anew")?,
            socket_ends: counters("socket_ends", "Why WebSockets ended", "reason")?,
            refusals: counters("refusals", "Refused requests", "code")?,
            forgotten: counters("forgotten", "What was over and is forgotten", "kind")?,
            retention_failures: counters(
                "retention_failures",
                "Jobs that could not forget what is over",
                "kind",
            )?,
            webhook_attempts: counters(
                "webhook_attempts",
                "Attempts to tell an endpoint of an event",
                "kind",
            )?,
            store_seconds,
            registry,
        };
        for end in SocketEnd::ALL {
            metrics.socket_ends.with_label_values(&[end.label()]);
        }
        for kind in Kind::ALL {
            metrics.forgotten.with_label_values(&[kind.as_str()]);
            let failures = &metrics.retention_failures;
            failures.with_label_values(&[kind.as_str()]);
        }
        for answer in [Answer::Taken, Answer::Refused, Answer::Gone] {
            metrics.webhook_attempts.with_label_values(&[label(answer)]);
        }
        Ok(metrics)
    }

    /// Counts what an endpoint said to an event.
    pub(crate) fn told(&self, answer: Answer) {
        let attempts = &self.webhook_attempts;
        attempts.with_label_values(&[label(answer)]).inc();
    }

    /// Counts a refused request.
    pub(crate) fn refused(&self, code: Code) {
        self.refusals.with_label_values(&[code.as_str()]).inc();
    }

    /// Counts what was forgotten.
    pub(crate) fn forgotten(&self, kind: Kind, count: u64) {
        let forgotten = &self.forgotten;
        forgotten.with_label_values(&[kind.as_str()]).inc_by(count);
    }

    /// Counts a job that failed.
    pub(crate) fn retention_failed(&self, kind: Kind) {
        let failures = &self.retention_failures;
        failures.with_label_values(&[kind.as_str()]).inc();
    }

    /// Counts the end of a socket.
    pub(crate) fn socket_ended(&self, end: SocketEnd) {
        self.socket_ends.with_label_values(&[end.label()]).inc();
    }

    /// All of them in the Prometheus text format.
    pub(crate) fn text(&self) -> String {
        let mut text = Vec::new();
        // Writing to a vector cannot fail, and a metric that cannot be written
        // leaves out only itself.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

fn label(answer: Answer) -> &'static str {
    match answer {
        Answer::Taken => "taken",
        Answer::Refused => "refused",
        Answer::Gone => "gone",
    }
}
