//! The formats of RTP and RTCP, and nothing else: parsing is bounded, keeps no
//! state and allocates nothing.
//!
//! - [`header`]: the fixed header and where the payload starts (RFC 3550).
//! - [`extension`]: header extension elements (RFC 8285).
//! - [`seq`]: 16-bit sequence numbers extended to 64 bits.
//! - [`vp8`]: the VP8 payload descriptor (RFC 7741).
//! - [`vp9`]: the VP9 payload descriptor (RFC 9628).
//! - [`picture`]: the numbers of pictures in both.
//! - [`dependency`]: the Dependency Descriptor.
//! - [`allocation`]: what a sender says its layers are to cost.
//! - [`rtcp`]: compound packets, feedback, reports.

pub mod allocation;
pub mod dependency;
pub mod extension;
pub mod header;
pub mod picture;
pub mod rtcp;
pub mod seq;
pub mod vp8;
pub mod vp9;

/// A synchronisation source (RFC 3550 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ssrc(pub u32);

/// A payload type, 0 to 127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pt(pub u8);

/// Reads a big-endian `u16` at `at`, if the bytes are there.
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(
        bytes.get(at..at.checked_add(2)?)?.try_into().ok()?,
    ))
}

/// Reads a big-endian `u32` at `at`, if the bytes are there.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(
        bytes.get(at..at.checked_add(4)?)?.try_into().ok()?,
    ))
}
