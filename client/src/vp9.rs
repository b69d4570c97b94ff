//! VP9 as far as a participant without a codec needs it: the file a picture
//! source is read from, the payload descriptor in front of the sealed frame,
//! and the first bytes of an opened one.
//!
//! ```text
//!   IVF file ─▶ frame ─▶ header ─▶ (sealed) ─▶ packetize ─▶ RTP payloads
//!   RTP payloads ─▶ descriptor ─▶ (assembled, opened) ─▶ header ─▶ report
//! ```
//!
//! A sealed frame is bytes without meaning here: nothing but the descriptor is
//! read from or written to a payload.

pub mod descriptor;
pub mod header;
pub mod ivf;
