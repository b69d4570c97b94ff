//! The media plane as the service sees it: a channel of commands, a channel of
//! events. In one process the SFU is behind them, else a bus.

use conclave_wire::control::{Command, Event};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The two ends of the media plane.
pub struct MediaPlane {
    /// Bounded; the service refuses media requests while it is full.
    pub commands: mpsc::Sender<Command>,
    /// What the media plane reports.
    pub events: mpsc::Receiver<Event>,
    /// Appends the media plane's own metrics, Prometheus text, to `/metrics`.
    pub metrics: Option<MediaMetrics>,
}

/// Writes metrics in the Prometheus text format.
pub type MediaMetrics = Arc<dyn Fn(&mut String) + Send + Sync>;
