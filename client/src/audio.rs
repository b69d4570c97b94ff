//! Sound: what is sent (a tone, a file), and what is told of what was heard.

pub mod meter;
pub mod source;
pub mod wav;

/// Samples a second, everywhere in this crate.
pub const RATE: u32 = 48_000;

/// Samples of a 20 ms frame, the one Opus frame length that is sent.
pub const FRAME: usize = 960;
