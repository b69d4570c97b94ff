//! The media plane as the service sees it: a channel of commands, a channel of
//! events. In one process the SFU is behind them, else a bus.

use conclave_wire::control::{Command, Event};
use conclave_wire::http::MediaTrial;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The two ends of the media plane.
pub struct MediaPlane {
    /// Bounded; the service refuses media requests while it is full.
    pub commands: mpsc::Sender<Command>,
    /// What the media plane reports.
    pub events: mpsc::Receiver<Event>,
    /// Takes TCP connections to the service's port that carry media.
    pub streams: Option<MediaStreams>,
    /// Appends the media plane's own metrics, Prometheus text, to `/metrics`.
    pub metrics: Option<MediaMetrics>,
    /// Says how to try whether media would come through.
    pub trial: Option<AskTrial>,
}

/// Takes a connection over of which nothing has been read; its first frame is
/// shown, length and all.
pub type MediaStreams = Arc<dyn Fn(std::net::TcpStream, &[u8]) + Send + Sync>;

/// Writes metrics in the Prometheus text format.
pub type MediaMetrics = Arc<dyn Fn(&mut String) + Send + Sync>;

/// How to try it now.
pub type AskTrial = Arc<dyn Fn() -> MediaTrial + Send + Sync>;
