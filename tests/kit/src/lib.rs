//! What the whole-system tests stand on.
//!
//! - [`server`]: the real `conclave serve` as a process that can be killed and
//!   started again; [`door`]: TLS and plain HTTP to it.
//! - [`room`]: a room with the secrets of its links.
//! - [`native`]: the native participant, driven and watched.
//! - [`member`]: a participant whose every step the test takes itself, on a
//!   bare socket ([`raw`]); [`media`]: its media connection.
//! - [`relay`]: a TCP relay that cuts; [`tap`]: a wiretap where the SFU would be;
//!   [`forger`]: answers as the server, but others; [`liar`]: a server that lies
//!   to a participant about the call.
//! - [`emulator`]: a bad network: a UDP relay that loses, delays and limits.
//! - [`namespace`]: a test in network namespaces, shaped by the kernel.
//! - [`datagram`]: STUN, DTLS, RTP and RTCP to damage.
//! - [`siege`]: a call that goes on while something is done to the server.
//! - [`memory`]: looks for bytes where they must not be.
//! - [`deadline`], [`dice`], [`quiet`]: waiting with an end, chance that can be
//!   thrown again, one test at a time.
//!
//! A broken expectation is a failed test: this crate panics where a product
//! would return an error.
#![allow(clippy::unwrap_used, clippy::panic)]

mod database;
pub mod datagram;
pub mod deadline;
pub mod dice;
pub mod door;
pub mod emulator;
pub mod forger;
mod front;
pub mod liar;
pub mod media;
pub mod member;
pub mod memory;
pub mod namespace;
pub mod native;
pub mod quiet;
pub mod raw;
pub mod relay;
pub mod room;
pub mod server;
pub mod siege;
pub mod tap;

pub use deadline::{PATIENCE, eventually, within};
pub use dice::Dice;
pub use door::{Door, Reply};
pub use emulator::Emulator;
pub use forger::Forger;
pub use liar::Liar;
pub use media::Media;
pub use member::Member;
pub use memory::Needle;
pub use native::Native;
pub use quiet::quiet;
pub use raw::Raw;
pub use relay::Relay;
pub use room::Room;
pub use server::{Metrics, Server};
pub use siege::Call;
pub use tap::{Payload, Tap};
