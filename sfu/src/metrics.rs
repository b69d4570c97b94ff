//! Counters of one shard: written by its thread alone with relaxed stores,
//! read by anybody. Labels are closed enums; nothing names a person, a room or
//! an address.

use crate::drop::DropReason;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// What is counted or gauged besides drops.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Counter {
            $($(#[$doc])* $name,)*
        }

        impl Counter {
            /// Every counter, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The metric label.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

counters! {
    /// Datagrams received.
    Received = "received",
    /// Bytes received.
    ReceivedBytes = "received-bytes",
    /// Datagrams handed to the socket.
    Sent = "sent",
    /// Bytes handed to the socket.
    SentBytes = "sent-bytes",
    /// Media packets forwarded, counted per receiver.
    Forwarded = "forwarded",
    /// Packets handed to another shard, counted per shard.
    Relayed = "relayed",
    /// Packets handed to another shard that had not got them.
    RelayedAgain = "relayed-again",
    /// Packets taken from other shards.
    Mirrored = "mirrored",
    /// Packets sent again because a receiver asked.
    Retransmitted = "retransmitted",
    /// Lost packets asked of senders.
    NacksSent = "nacks-sent",
    /// Lost packets that came back from senders.
    Repaired = "repaired",
    /// Keyframe requests sent.
    KeyframeRequestsSent = "keyframe-requests-sent",
    /// Keyframe requests received.
    KeyframeRequestsReceived = "keyframe-requests-received",
    /// Transport-wide feedback messages sent.
    TransportFeedbackSent = "transport-feedback-sent",
    /// Transport-wide feedback messages received.
    TransportFeedbackReceived = "transport-feedback-received",
    /// Packets of padding sent to find out what a path carries.
    PaddingSent = "padding-sent",
    /// Slots that started to carry another stream.
    Switches = "switches",
    /// Packets of nothing sent in the place of late ones that a slot does not
    /// take.
    Filled = "filled",
    /// Handshakes that agreed on SRTP_AEAD_AES_128_GCM.
    AgreedAead128 = "agreed-aead-short-key",
    /// Handshakes that agreed on SRTP_AEAD_AES_256_GCM.
    AgreedAead256 = "agreed-aead-long-key",
    /// Handshakes that agreed on SRTP_AES128_CM_HMAC_SHA1_80.
    AgreedCm = "agreed-counter-mode",
    /// TCP connections that were taken over for media.
    StreamsOpened = "streams-opened",
    /// Connections that chose another address than before.
    AddressChanges = "address-changes",
    /// Offers that restarted ICE on a running connection.
    IceRestarts = "ice-restarts",
    /// Connections whose keys were agreed.
    Connected = "connected",
    /// Connections that went silent or were closed by the client.
    Lost = "lost",
}

/// The counters of a shard.
#[derive(Debug)]
pub struct Metrics {
    drops: [AtomicU64; DropReason::ALL.len()],
    counters: [AtomicU64; Counter::ALL.len()],
    connections: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            drops: [const { AtomicU64::new(0) }; DropReason::ALL.len()],
            counters: [const { AtomicU64::new(0) }; Counter::ALL.len()],
            connections: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// Counts a drop.
    pub fn count_drop(&self, reason: DropReason) {
        raise(&self.drops[reason as usize], 1);
    }

    /// Counts many drops.
    pub fn add_drops(&self, reason: DropReason, many: u64) {
        raise(&self.drops[reason as usize], many);
    }

    /// Adds one.
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Adds many.
    pub fn add(&self, counter: Counter, many: u64) {
        raise(&self.counters[counter as usize], many);
    }

    /// Sets how many connections there are.
    pub fn set_connections(&self, connections: usize) {
        self.connections
            .store(connections as u64, Ordering::Relaxed);
    }

    /// Everything, at about this moment.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            drops: DropReason::ALL
                .iter()
                .map(|reason| {
                    let count = self.drops[*reason as usize].load(Ordering::Relaxed);
                    (*reason, count)
                })
                .collect(),
            counters: Counter::ALL
                .iter()
                .map(|counter| {
                    let count = self.counters[*counter as usize].load(Ordering::Relaxed);
                    (*counter, count)
                })
                .collect(),
            connections: self.connections.load(Ordering::Relaxed),
        }
    }
}

/// Adds to a counter that no other thread writes: two plain accesses, where an
/// atomic addition would stop the processor for a packet's every copy.
fn raise(counter: &AtomicU64, by: u64) {
    counter.store(
        counter.load(Ordering::Relaxed).wrapping_add(by),
        Ordering::Relaxed,
    );
}

/// Counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Drops by reason; every reason is there.
    pub drops: Vec<(DropReason, u64)>,
    /// Counters; every one is there.
    pub counters: Vec<(Counter, u64)>,
    /// Connections that exist now.
    pub connections: u64,
}

impl Snapshot {
    /// Adds another shard's.
    pub fn add(&mut self, other: &Self) {
        let drops = self.drops.iter_mut().zip(&other.drops);
        drops.for_each(|((_, sum), (_, count))| *sum += count);
        let counters = self.counters.iter_mut().zip(&other.counters);
        counters.for_each(|((_, sum), (_, count))| *sum += count);
        self.connections += other.connections;
    }

    /// One reason's count.
    pub fn drops_of(&self, reason: DropReason) -> u64 {
        self.drops
            .get(reason as usize)
            .map_or(0, |(_, count)| *count)
    }

    /// All drops together.
    pub fn dropped(&self) -> u64 {
        self.drops.iter().map(|(_, count)| count).sum()
    }

    /// One counter's count.
    pub fn count_of(&self, counter: Counter) -> u64 {
        self.counters
            .get(counter as usize)
            .map_or(0, |(_, count)| *count)
    }
}
