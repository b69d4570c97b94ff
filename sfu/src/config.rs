//! Configuration, limits and intervals. Parsed once, passed down; nothing here
//! can change while the SFU runs.

use std::net::SocketAddr;
use std::time::Duration;

/// How long a packet of a video frame waits for others of it, so that they
/// leave in one message. Longer joins more where packets come apart, and shows
/// in how late they are; the frame is complete no later.
pub const HOLD: Duration = Duration::from_millis(1);

/// Copies in a [`TICK`] from which packets wait for others at all: 50 000 a
/// second, about a fifth of a core if each leaves alone. Less load has time to
/// spare and none to lose.
pub const HOLD_FROM: usize = 1_000;

/// A stream of which nothing came for so long is quiet: its next packet is not
/// held. Longer holds the first packets of frames, too.
pub const QUIET: Duration = Duration::from_millis(3);

/// How an SFU runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the first shard's UDP socket is bound; each further one takes the
    /// next port.
    pub bind: SocketAddr,
    /// The addresses clients are told for the first shard, in order of
    /// preference; further ones likewise have the next ports. A port of zero
    /// stands for the bound one. At least one.
    pub announce: Vec<SocketAddr>,
    /// How many shards share the rooms, at least one: as many as cores are to
    /// forward. Each has a thread and a UDP port.
    pub shards: usize,
    /// With so many participants more than the quietest, a shard gets no more of
    /// a room, which then spans both. Fewer uses all cores sooner, and copies
    /// packets between them that one alone could still send: 25 who see each
    /// other in full take about a third of a core.
    pub spill: usize,
    /// Which cores the shards' threads stay on.
    pub pinning: Pinning,
    /// How long a packet waits for others of its frame; at most a millisecond.
    pub hold: Duration,
    /// What a shard may hold.
    pub limits: Limits,
}

impl Config {
    /// A configuration with the default limits.
    pub fn new(bind: SocketAddr, announce: Vec<SocketAddr>) -> Self {
        Self {
            bind,
            announce,
            shards: 1,
            spill: 25,
            pinning: Pinning::Own,
            hold: HOLD,
            limits: Limits::default(),
        }
    }
}

/// Most shards of an SFU: what the bits of a word can name.
pub const SHARDS_MAX: usize = 64;

/// Which cores threads stay on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pinning {
    /// The kernel moves them: where the machine is shared with other work.
    None,
    /// Each of several has one of its own, where there are as many. One alone
    /// goes where it is quiet.
    Own,
    /// The first has that core, each further one the next.
    From(usize),
}

/// Bounds on what clients can make a shard keep.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections of a shard. Each costs about 10 KiB before it sends.
    pub connections: usize,
    /// Participants of one room.
    pub room: usize,
    /// How many microphones of a room are heard at once, the loudest; without
    /// a bound everybody is, as far as a receiver's slots reach, and no client
    /// is asked how loud it is. More lets louder rooms interrupt each other,
    /// and costs every receiver about 40 kbit/s each.
    pub heard: Option<usize>,
    /// Packet slots of a shard, 1.5 KiB each: the bound on the memory of all
    /// retransmission histories together.
    pub packet_slots: usize,
    /// Slots of one video stream's history. 512 packets are 1.6 s at 3 Mbit/s;
    /// more repairs longer round trips, and costs memory for every sender.
    pub video_history: usize,
    /// The same for audio, where a repair that takes longer than the jitter
    /// buffer is of no use: 64 packets are 1.3 s.
    pub audio_history: usize,
    /// Bytes that wait for the socket. More is more latency, never more
    /// throughput.
    pub egress_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2_000,
            room: 500,
            heard: Some(6),
            packet_slots: 262_144,
            video_history: 512,
            audio_history: 64,
            egress_bytes: 4 << 20,
        }
    }
}

/// Most media sections of one offer: 32 tiles and 8 voices are 44 with one's
/// own; every section costs SDP in both directions.
pub const SECTIONS_MAX: usize = 64;

/// Longest offer in bytes: 64 sections of a browser with all its codecs are
/// about 200 KiB.
pub const OFFER_MAX: usize = 256 * 1024;

/// Streams (SSRCs) of one connection: a media and a retransmission stream a
/// section, with as many again for senders that change theirs.
pub const STREAMS_MAX: usize = 4 * SECTIONS_MAX;

/// Addresses of one connection that passed a connectivity check. A browser has
/// a handful of interfaces; the oldest makes room.
pub const ADDRESSES_MAX: usize = 8;

/// Nothing of a client's came from the address it chose for this long, while it
/// came from another: it is there now. Shorter follows sooner, and also packets
/// that were only overtaken; sound comes every 20 ms.
pub const FOLLOW: Duration = Duration::from_millis(100);

/// Housekeeping interval: how late a NACK may be. Shorter repairs sooner and
/// asks more often for packets that are only reordered.
pub const TICK: Duration = Duration::from_millis(20);

/// Interval of transport-wide feedback. libwebrtc's estimator expects 50 to
/// 250 ms; shorter reacts sooner and costs uplink packets.
pub const TRANSPORT_FEEDBACK: Duration = Duration::from_millis(60);

/// How often a receiver's bandwidth is divided anew. Shorter follows a falling
/// path sooner; twice a report of [`TRANSPORT_FEEDBACK`] is enough.
pub const SHARE: Duration = Duration::from_millis(100);

/// What a receiver is sent at most that does not report what arrives, in bits a
/// second: nobody knows what its path carries.
pub const UNREPORTED: u64 = 20_000_000;

/// A slot that is sent nothing for so long is told to be paused. Shorter tells
/// it sooner, and also where the first probe has yet to find room.
pub const PAUSED: Duration = Duration::from_secs(1);

/// A layer that nobody receives for so long is not asked for any more. Shorter
/// spares more, and stops and starts encoders more often.
pub const UNWANTED: Duration = Duration::from_secs(2);

/// Interval of sender and receiver reports.
pub const REPORTS: Duration = Duration::from_secs(1);

/// Shortest time between keyframe requests to one source. libwebrtc ignores a
/// request within 300 ms of the one before (`kMinKeyframeSendIntervalMs`), as
/// it arrives there: the rest is for jitter. Shorter shows a new tile sooner; a
/// keyframe costs about ten ordinary frames.
pub const KEYFRAME_THROTTLE: Duration = Duration::from_millis(400);

/// A request that no keyframe has followed is repeated after this long: the
/// request or the keyframe can be lost.
pub const KEYFRAME_RETRY: Duration = Duration::from_millis(700);

/// After a screen's keyframe was sent into a full path, no other is asked for on
/// behalf of its receiver for so long.
pub const KEYFRAME_ON_FULL: Duration = Duration::from_secs(3);

/// Requests in a row without an answer after which a source counts as silent.
pub const KEYFRAME_ATTEMPTS: u8 = 5;

/// Most a slot may ask to be sent again within one [`TICK`]: 3200 packets a
/// second, more than a video stream has.
pub const RETRANSMITS_PER_TICK: u16 = 64;

/// Bits a second that may be sent again to a receiver that does not report what
/// arrives: more repairs a lossy path, less spares a narrow one.
pub const UNREPORTED_REPAIRS: u64 = 2_000_000;

/// Silent for this long: nothing is sent any more. Browsers check every 2.5 to
/// 5 s (RFC 7675 section 5.1), so three checks are lost in a row.
pub const CONSENT_SILENT: Duration = Duration::from_secs(10);

/// Silent for this long: the connection is lost (RFC 7675 section 5.1).
pub const CONSENT_LOST: Duration = Duration::from_secs(30);

/// An encoding of a simulcast without a packet for this long is not being
/// sent. Longer keeps slots at a still picture when a sender gives an encoding
/// up; shorter takes a slow camera for one that is.
pub const ENCODING_SILENT: Duration = Duration::from_millis(500);

/// The same of a shared screen, whose pictures come as they change, and after a
/// large one not for seconds.
pub const SCREEN_SILENT: Duration = Duration::from_secs(5);

/// Layers are measured in steps of this length, over all but one of
/// [`RATE_STEPS`].
pub const RATE_STEP: Duration = Duration::from_millis(200);

/// Steps that are kept: the last second, and the step that has not ended.
pub const RATE_STEPS: usize = 6;

/// Most encodings of one source: a simulcast has three in every browser.
pub const ENCODINGS_MAX: usize = 4;

/// Stretches of numbers a video slot remembers: 64 are two seconds with an
/// upper layer left out of 30 pictures a second, as long as the history of a
/// stream reaches.
pub const SEGMENTS_VIDEO: usize = 64;

/// The same for sound, of which nothing is left out: four sources.
pub const SEGMENTS_AUDIO: usize = 4;
