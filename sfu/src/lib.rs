//! Conclave's media plane: a selective forwarding unit that cannot read what
//! it forwards.
//!
//! A packet walks one way, a file a station; no station calls backwards:
//!
//! ```text
//! ingress   io        a batch of datagrams from the socket
//! demux     demux     STUN, DTLS, RTP or RTCP (RFC 7983), and whose
//! unprotect unprotect SRTP opened into a pool slot; the tag verified
//! route     route     stream -> track
//! burst     burst     waits with what came along: one packet becomes many here,
//!                     and comes out receiver by receiver (deliver)
//! select    select    does the slot take it; slots switch here
//! rewrite   rewrite   SSRC, numbers, extensions, payload descriptor
//! protect   protect   sealed for its receiver: the only copy
//! egress    egress    the batch, then io again
//! ```
//!
//! Beside the walk, in the order of a connection's life:
//!
//! - [`control`] carries out commands on [`room`], [`peer`], [`track`] and
//!   [`slot`]; [`negotiate`] reads offers and writes answers, [`codec`] is the
//!   table of what is negotiated.
//! - [`ice`] answers connectivity checks, of which [`seen`] lets each count once,
//!   [`path`] says where that leads, [`reach`] answers those of nobody, [`dtls`] agrees on keys, [`srtp`] uses them.
//! - [`layer`] names what of a picture a slot takes; [`frame`] is what the
//!   headers say of a frame, [`choice`] which of them a slot forwards, and
//!   [`numbers`] keeps what is forwarded contiguous; [`encoding`] is one stream
//!   of a track, [`rates`] what its layers cost.
//! - [`estimate`] tells what a receiver's path carries, [`allocate`] divides
//!   it, [`share`] gives every slot its part, [`wanted`] tells senders what
//!   nobody receives.
//! - [`speakers`] says who of a room is heard.
//! - [`feedback`] takes RTCP, [`upkeep`] does what time brings; [`reception`],
//!   [`twcc`], [`history`] and [`keyframe`] keep what they need.
//! - [`rtp`] holds formats only; [`pool`] the packet slots; [`drop`] why
//!   something went no further; [`metrics`] how often.
//! - [`placement`] says on which shard a member of a room lives. Where a room
//!   spans shards, [`relay`] sends what members publish over a [`link`] to where
//!   it is received, and [`mirror`] takes it there; [`interest`] knows what
//!   that is.
//! - [`shard`] is the core: it is told the time and does no I/O. [`io`] is the
//!   shell around it: socket, thread, clock. [`config`] has every limit and
//!   interval.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod address;
pub mod allocate;
pub mod allowance;
pub mod assign;
pub mod burst;
pub mod choice;
pub mod codec;
pub mod config;
pub mod control;
pub mod deliver;
pub mod demux;
pub mod drop;
pub mod dtls;
pub mod egress;
pub mod encoding;
pub mod estimate;
pub mod feedback;
pub mod frame;
pub mod history;
pub mod ice;
pub mod interest;
pub mod io;
pub mod keyframe;
pub mod layer;
pub mod link;
pub mod metrics;
pub mod mirror;
pub mod negotiate;
pub mod numbers;
pub mod pace;
pub mod path;
pub mod peer;
pub mod placement;
pub mod pool;
pub mod protect;
pub mod rates;
pub mod reach;
pub mod reception;
pub mod relay;
pub mod resent;
pub mod rewrite;
pub mod room;
pub mod route;
pub mod rtp;
pub mod seen;
pub mod select;
pub mod shard;
pub mod share;
pub mod slot;
pub mod speakers;
pub mod srtp;
pub mod track;
pub mod twcc;
pub mod unprotect;
pub mod upkeep;
pub mod wanted;

pub use config::{Config, Limits};
pub use io::{EventReceiver, Handle, StartError, start};
