//! What must hold whatever a peer sends: one function a parser or machine,
//! from bytes to assertions.
//!
//! ```text
//! corpus/<target>/  inputs to begin with, and those that once failed
//!      │
//!      ├─▶ tests/short.rs   each of them, and some thousand seeded mutations: `make test`
//!      ├─▶ guided.rs        as long as one likes, guided by coverage: `make fuzz`
//!      └─▶     └─▶ TARGETS
//! ```
//!
//! A parser is reached by the same public function that the product calls.
//! What it takes for good is written back and read again; what it refuses
//! leaves no trace; neither costs more memory than the target's bound. A
//! machine is driven by a list of operations, which [`choices`] decodes from
//! the bytes, and compared with a model or with the rules of
//! `docs/protocol.md` after each.
//!
//! - Packets: [`rtp`], [`extension`], [`payload`], [`rtcp`], [`stun`], [`dtls`],
//!   and the [`stream`] that carries them where UDP does not get through.
//! - Text: [`sdp`], [`wire`], [`http`].
//! - What the native client reads of a server: [`answer`], [`pictures`].
//! - End-to-end encryption: [`sframe`], [`opening`], [`mls`], [`compare`].
//! - The media plane behind its keys: [`media`], whose members are
//!   [`client`]s.
//! - Machines: [`delivery`], [`epoch`], [`room`], the same with [`guests`]' own
//!   links, and [`group`], which is the members' encryption behind the room; all
//!   three stand in a [`hall`].

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed assertion is what this crate is for"
)]

pub mod answer;
pub mod choices;
pub mod client;
pub mod compare;
pub mod delivery;
pub mod dtls;
pub mod epoch;
pub mod extension;
pub mod group;
pub mod guests;
pub mod hall;
pub mod http;
pub mod media;
pub mod mls;
pub mod opening;
pub mod payload;
pub mod pictures;
pub mod room;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod sframe;
pub mod stream;
pub mod stun;
pub mod wire;

/// Something that takes bytes and asserts.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Takes an input; panics when something does not hold.
    pub run: fn(&[u8]),
    /// The most bytes that may be allocated at a time for one input of at
    /// most [`SHORT`] bytes.
    pub memory: usize,
    /// How many mutations the short run tries: as many as take a part of a
    /// second.
    pub rounds: usize,
}

/// The longest input of the short run, in bytes.
pub const SHORT: usize = 4096;

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "rtp",
        run: rtp::packet,
        memory: 8 << 10,
        rounds: 20_000,
    },
    Target {
        name: "dependency",
        run: extension::dependency,
        memory: 16 << 10,
        rounds: 10_000,
    },
    Target {
        name: "allocation",
        run: extension::allocation,
        memory: 16 << 10,
        rounds: 20_000,
    },
    Target {
        name: "vp8",
        run: payload::vp8,
        memory: 16 << 10,
        rounds: 20_000,
    },
    Target {
        name: "vp9",
        run: payload::vp9,
        memory: 16 << 10,
        rounds: 20_000,
    },
    Target {
        name: "rtcp",
        run: rtcp::compound,
        memory: 64 << 10,
        rounds: 20_000,
    },
    Target {
        name: "feedback",
        run: rtcp::feedback,
        memory: 2 << 20,
        rounds: 1_000,
    },
    Target {
        name: "stun",
        run: stun::check,
        memory: 32 << 10,
        rounds: 10_000,
    },
    Target {
        name: "dtls",
        run: dtls::records,
        memory: 1 << 20,
        rounds: 1_000,
    },
    Target {
        name: "stream",
        run: stream::connection,
        memory: 64 << 10,
        rounds: 5_000,
    },
    Target {
        name: "http",
        run: http::connection,
        memory: 1 << 20,
        rounds: 1_000,
    },
    Target {
        name: "answer",
        run: answer::sdp,
        memory: 1 << 20,
        rounds: 1_000,
    },
    Target {
        name: "page",
        run: answer::page,
        memory: 1 << 20,
        rounds: 2_000,
    },
    Target {
        name: "pictures",
        run: pictures::packets,
        memory: 1 << 20,
        rounds: 2_000,
    },
    Target {
        name: "sdp",
        run: sdp::offer,
        memory: 1 << 20,
        rounds: 3_000,
    },
    Target {
        name: "wire",
        run: wire::frames,
        memory: 1 << 20,
        rounds: 5_000,
    },
    Target {
        name: "link",
        run: wire::link,
        memory: 64 << 10,
        rounds: 10_000,
    },
    Target {
        name: "sframe",
        run: sframe::frame,
        memory: 64 << 10,
        rounds: 1_000,
    },
    Target {
        name: "opening",
        run: opening::frames,
        memory: 4 << 20,
        rounds: 100,
    },
    Target {
        name: "compare",
        run: compare::rounds,
        memory: 256 << 10,
        rounds: 2_000,
    },
    Target {
        name: "framing",
        run: mls::framing,
        memory: 16 << 10,
        rounds: 20_000,
    },
    Target {
        name: "mls",
        run: mls::messages,
        memory: 4 << 20,
        rounds: 500,
    },
    Target {
        name: "media",
        run: media::operations,
        memory: 32 << 20,
        rounds: 60,
    },
    Target {
        name: "delivery",
        run: delivery::operations,
        memory: 64 << 20,
        rounds: 1_000,
    },
    Target {
        name: "epoch",
        run: epoch::operations,
        memory: 1 << 20,
        rounds: 3_000,
    },
    Target {
        name: "room",
        run: room::operations,
        memory: 16 << 20,
        rounds: 500,
    },
    Target {
        name: "guests",
        run: guests::operations,
        memory: 16 << 20,
        rounds: 500,
    },
    Target {
        name: "group",
        run: group::operations,
        memory: 32 << 20,
        rounds: 10,
    },
];
