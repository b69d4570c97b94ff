//! The SFU's counters as Prometheus metrics. The hot path only adds to plain
//! atomics; everything else happens when somebody asks.

use conclave_sfu::Handle;
use conclave_signaling::media::MediaMetrics;
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};
use std::sync::Arc;

/// What appends the SFU's metrics to the service's.
///
/// # Errors
/// When two metrics have one name.
pub(crate) fn metrics(sfu: Handle) -> Result<MediaMetrics, prometheus::Error> {
    let registry = Registry::new();
    let drops = IntCounterVec::new(
        Opts::new(
            "conclave_media_drops_total",
            "Datagrams and packets that went no further, by reason",
        ),
        &["reason"],
    )?;
    let events = IntCounterVec::new(
        Opts::new(
            "conclave_media_events_total",
            "What the media plane did, by kind; kinds that end in -bytes count bytes",
        ),
        &["kind"],
    )?;
    let connections = IntGauge::new(
        "conclave_media_connections",
        "Media connections that exist now",
    )?;
    let shard_events = IntCounterVec::new(
        Opts::new(
            "conclave_media_shard_events_total",
            "The same, of each media thread, where there are several",
        ),
        &["kind", "shard"],
    )?;
    let shard_connections = IntGaugeVec::new(
        Opts::new(
            "conclave_media_shard_connections",
            "Media connections of each media thread, where there are several",
        ),
        &["shard"],
    )?;
    registry.register(Box::new(shard_events.clone()))?;
    registry.register(Box::new(shard_connections.clone()))?;
    registry.register(Box::new(drops.clone()))?;
    registry.register(Box::new(events.clone()))?;
    registry.register(Box::new(connections.clone()))?;
    Ok(Arc::new(move |text: &mut String| {
        let now = sfu.snapshot();
        for (reason, count) in now.drops {
            raise(&drops, &[reason.label()], count);
        }
        for (counter, count) in now.counters {
            raise(&events, &[counter.label()], count);
        }
        let several = sfu.snapshots().nth(1).is_some();
        for (shard, of) in sfu.snapshots().enumerate().filter(|_| several) {
            let shard = shard.to_string();
            for (counter, count) in of.counters {
                raise(&shard_events, &[counter.label(), &shard], count);
            }
            let connections = shard_connections.with_label_values(&[&shard]);
            connections.set(i64::try_from(of.connections).unwrap_or(i64::MAX));
        }
        connections.set(i64::try_from(now.connections).unwrap_or(i64::MAX));
        // Only a metric without a value cannot be encoded, and each has one.
        let _ = TextEncoder::new().encode_utf8(&registry.gather(), text);
    }))
}

/// Brings a counter up to what the SFU counted.
fn raise(counters: &IntCounterVec, labels: &[&str], count: u64) {
    let counter = counters.with_label_values(labels);
    counter.inc_by(count.saturating_sub(counter.get()));
}
