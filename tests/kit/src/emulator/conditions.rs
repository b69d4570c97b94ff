//! What a network does to the packets of one direction. The field names are
//! those of the emulator's JSON.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The conditions of one direction. The default passes everything on at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Conditions {
    /// Which packets are lost on the way.
    pub loss: Loss,
    /// How long every packet takes, milliseconds.
    pub delay_ms: u32,
    /// By how much that varies, evenly, to both sides, milliseconds. More than
    /// the delay is cut off at no delay.
    pub jitter_ms: u32,
    /// Whether a packet may overtake another because of the jitter.
    pub reorder: bool,
    /// The bottleneck; without one there is no limit.
    pub rate: Option<Rate>,
    /// When nothing passes, counted from the moment these conditions begin.
    pub outages: Vec<Outage>,
}

/// Which packets are lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each by itself with this probability, 0 to 1.
    Random(f64),
    /// In runs: the chain of Gilbert and Elliott with a good state that loses
    /// nothing and a bad one that loses everything.
    Bursty {
        /// The share of all packets that is lost, 0 to 1.
        share: f64,
        /// How many are lost in a row, on average; at least 1.
        run: f64,
    },
}

/// A token bucket in front of a queue that drops what does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rate {
    /// Thousands of bits a second, UDP payloads alone.
    pub kbit: u32,
    /// Bytes that may pass at once after a silence.
    pub burst: u32,
    /// How much may wait.
    pub queue: Queue,
}

impl Rate {
    /// A rate with room for two packets at once and 300 ms in its queue, as an
    /// access line has.
    pub fn kbit(kbit: u32) -> Self {
        Self {
            kbit,
            burst: 2_400,
            queue: Queue::Ms(300),
        }
    }

    /// How long the bottleneck takes to pass on that many bytes.
    pub(super) fn time_for(self, bytes: u64) -> Duration {
        Duration::from_micros(bytes * 8_000 / u64::from(self.kbit.max(1)))
    }

    /// How long what fits into the queue takes to leave it.
    pub(super) fn longest_wait(self) -> Duration {
        match self.queue {
            Queue::Bytes(bytes) => self.time_for(bytes.into()),
            Queue::Ms(ms) => Duration::from_millis(ms.into()),
        }
    }
}

/// The length of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Queue {
    /// In bytes.
    Bytes(u32),
    /// By how long the last packet waits, milliseconds.
    Ms(u32),
}

/// A time in which nothing passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Outage {
    /// When it begins, milliseconds.
    pub after_ms: u32,
    /// How long it lasts, milliseconds.
    pub lasting_ms: u32,
}

impl Outage {
    /// One that begins now.
    pub fn now(lasting_ms: u32) -> Self {
        Self {
            after_ms: 0,
            lasting_ms,
        }
    }

    pub(super) fn covers(self, since: Duration) -> bool {
        let from = Duration::from_millis(self.after_ms.into());
        (from..from + Duration::from_millis(self.lasting_ms.into())).contains(&since)
    }
}
