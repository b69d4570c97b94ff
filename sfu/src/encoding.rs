//! One stream of a published source: the only one, or one of a simulcast. Its
//! history, its numbers, whom it is asked of, and what its layers cost.

use crate::config::QUIET;
use crate::history::History;
use crate::keyframe::Requests;
use crate::layer::Layer;
use crate::rates::Rates;
use crate::resent::Resent;
use crate::rtp::Ssrc;
use crate::rtp::dependency::Structure;
use crate::rtp::seq::{ExtSeq, ReplayWindow};
use crate::slot::Serial;
use std::time::{Duration, Instant};

/// The clock of the publisher, from its sender report.
#[derive(Debug, Clone, Copy)]
pub struct PublisherClock {
    /// The moment in the SFU's NTP time.
    pub ntp: u64,
    /// The same moment in the stream's timestamps.
    pub rtp: u32,
}

impl PublisherClock {
    /// The moment of a timestamp, in the SFU's NTP time.
    pub fn moment(&self, timestamp: u32, clock_rate: u32) -> u64 {
        let ticks = i64::from(timestamp.wrapping_sub(self.rtp) as i32);
        let elapsed = (i128::from(ticks) << 32) / i128::from(clock_rate.max(1));
        self.ntp.wrapping_add(elapsed as u64)
    }
}

/// What the Dependency Descriptor has said of a stream.
#[derive(Debug, Default)]
pub struct Described {
    /// The templates.
    pub structure: Structure,
    /// The number of the packet that brought them.
    pub since: Option<ExtSeq>,
    /// The decode targets that are active, the lowest bit for the first.
    pub active: u32,
    /// The highest frame number, extended.
    pub highest: Option<u64>,
}

impl Described {
    /// The number nearest to the highest whose low bits are `number`.
    pub fn extend(&mut self, number: u16) -> u64 {
        // Two wraps up, so that no reference of the first frame lies below zero.
        let highest = self.highest.unwrap_or(0x2_0000 | u64::from(number));
        let distance = number.wrapping_sub(highest as u16) as i16;
        let extended = highest.saturating_add_signed(i64::from(distance));
        self.highest = Some(highest.max(extended));
        extended
    }
}

/// A stream of a published source.
#[derive(Debug)]
pub struct Encoding {
    /// Names the present run of its sequence numbers.
    pub serial: Serial,
    /// The stream it is sent on, once known.
    pub ssrc: Option<Ssrc>,
    /// The latest packets.
    pub history: History,
    /// Keyframe requests.
    pub keyframes: Requests,
    /// Slots may wait for a keyframe.
    pub waiting: bool,
    /// The publisher's clock.
    pub clock: Option<PublisherClock>,
    /// Numbers that were forwarded, on the stream itself or repaired. It also
    /// keeps a number from ever being sealed twice.
    pub forwarded: ReplayWindow,
    /// The highest number on the stream itself.
    pub highest: Option<ExtSeq>,
    /// Its templates; on the heap, since sound has none to speak of.
    pub described: Box<Described>,
    /// What its layers cost.
    pub rates: Rates,
    /// What another shard was asked for, where it comes from one.
    pub asked: Resent,
    /// When its last packet came.
    heard: Option<Instant>,
    /// The packet before the last came shortly before it.
    lively: bool,
}

impl Encoding {
    /// An encoding that has sent nothing.
    pub fn new(serial: Serial, history: usize) -> Self {
        Self {
            serial,
            ssrc: None,
            history: History::new(history),
            keyframes: Requests::new(),
            waiting: false,
            clock: None,
            forwarded: ReplayWindow::new(),
            highest: None,
            described: Box::default(),
            rates: Rates::new(),
            asked: Resent::new(false),
            heard: None,
            lively: false,
        }
    }

    /// The sender goes on under another SSRC: its numbers begin anew.
    pub fn restart(&mut self, serial: Serial, ssrc: Ssrc) {
        self.serial = serial;
        self.ssrc = Some(ssrc);
        self.clock = None;
        self.forwarded = ReplayWindow::new();
        self.highest = None;
        *self.described = Described::default();
    }

    /// A packet of a layer came, with so many bytes of payload.
    pub fn hear(&mut self, layer: Layer, bytes: usize, now: Instant) {
        let pause = self.heard.map(|heard| now.saturating_duration_since(heard));
        self.lively = pause.is_some_and(|pause| pause < QUIET);
        self.heard = Some(now);
        self.rates.count(layer, bytes);
    }

    /// Whether its last packet was not the first after a pause.
    pub fn is_lively(&self) -> bool {
        self.lively
    }

    /// Whether it is being sent: a packet came, less than `silent` ago.
    pub fn is_alive(&self, now: Instant, silent: Duration) -> bool {
        self.heard
            .is_some_and(|heard| now.saturating_duration_since(heard) < silent)
    }

    /// A slot waits for a keyframe: one is asked for.
    pub fn want(&mut self) {
        self.waiting = true;
        self.keyframes.want();
    }

    /// A slot still waits: one is asked for, unless that was done and may
    /// still help.
    pub fn wait(&mut self) {
        if !self.waiting {
            self.want();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_numbers_are_extended_across_a_wrap_both_ways() {
        let mut described = Described::default();
        let first = described.extend(65_534);
        assert_eq!(described.extend(1), first + 3);
        assert_eq!(described.extend(65_535), first + 1);
        assert_eq!(described.extend(2), first + 4);
    }

    #[test]
    fn a_timestamp_is_a_moment_of_the_publisher_clock() {
        let clock = PublisherClock {
            ntp: 100 << 32,
            rtp: u32::MAX - 89_999,
        };
        assert_eq!(clock.moment(0, 90_000), 101 << 32);
        assert_eq!(clock.moment(u32::MAX - 179_999, 90_000), 99 << 32);
    }
}
