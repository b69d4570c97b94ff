//! A published source: its history, who receives it, and whom it is asked of.

use crate::codec::MediaKind;
use crate::history::History;
use crate::keyframe::Requests;
use crate::layer::LayerRate;
use crate::peer::PeerKey;
use crate::rtp::Ssrc;
use crate::rtp::seq::{ExtSeq, ReplayWindow};
use crate::slot::Serial;
use conclave_wire::control::SourceOf;

/// A slot that carries a track, or waits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriber {
    /// Whose.
    pub peer: PeerKey,
    /// Which of the peer's slots.
    pub slot: usize,
}

/// The clock of the publisher, from its sender report.
#[derive(Debug, Clone, Copy)]
pub struct PublisherClock {
    /// The moment in the SFU's NTP time.
    pub ntp: u64,
    /// The same moment in the stream's timestamps.
    pub rtp: u32,
}

/// A published source.
#[derive(Debug)]
pub struct Track {
    /// Who sends it.
    pub owner: PeerKey,
    /// What it is.
    pub source: SourceOf,
    /// Audio or video.
    pub kind: MediaKind,
    /// Names the present run of its sequence numbers.
    pub serial: Serial,
    /// The stream it is sent on, once known.
    pub ssrc: Option<Ssrc>,
    /// The latest packets.
    pub history: History,
    /// The slots.
    pub subscribers: Vec<Subscriber>,
    /// Keyframe requests.
    pub keyframes: Requests,
    /// The publisher's clock.
    pub clock: Option<PublisherClock>,
    /// Numbers that were forwarded, on the stream itself or repaired. It also
    /// keeps a number from ever being sealed twice.
    pub forwarded: ReplayWindow,
    /// The highest number on the stream itself.
    pub highest: Option<ExtSeq>,
    /// Slots may wait for a keyframe.
    pub waiting: bool,
}

impl Track {
    /// A track that nobody receives and that has sent nothing.
    pub fn new(
        owner: PeerKey,
        source: SourceOf,
        kind: MediaKind,
        serial: Serial,
        history: usize,
    ) -> Self {
        Self {
            owner,
            source,
            kind,
            serial,
            ssrc: None,
            history: History::new(history),
            subscribers: Vec::new(),
            keyframes: Requests::new(),
            clock: None,
            forwarded: ReplayWindow::new(),
            highest: None,
            waiting: false,
        }
    }

    /// The sender goes on under another SSRC: its numbers begin anew.
    pub fn restart(&mut self, serial: Serial, ssrc: Ssrc) {
        self.serial = serial;
        self.ssrc = Some(ssrc);
        self.clock = None;
        self.forwarded = ReplayWindow::new();
        self.highest = None;
    }

    /// What the layers it is received in cost, lowest first; empty while that
    /// is not known.
    pub fn layers(&self) -> &[LayerRate] {
        &[]
    }

    /// Adds a slot, once.
    pub fn subscribe(&mut self, subscriber: Subscriber) {
        if !self.subscribers.contains(&subscriber) {
            self.subscribers.push(subscriber);
        }
    }

    /// Removes a slot.
    pub fn unsubscribe(&mut self, subscriber: Subscriber) {
        if let Some(at) = self.subscribers.iter().position(|s| *s == subscriber) {
            self.subscribers.swap_remove(at);
        }
    }
}
