//! SFrame (RFC 9605): key ids, one frame's cipher, replay protection.
//!
//! ```text
//! payload ─▶ counter raised ─▶ cipher ─▶ header ‖ ciphertext ‖ tag
//! frame ─▶ header ─▶ key id ─▶ replay window asked ─▶ cipher ─▶ window moved
//! ```
//!
//! The primitives and the header are the `sframe` crate's; which key, which
//! counter and what counts as a replay are decided in [`crate::epoch`].

mod cipher;
mod kid;
mod replay;
mod secret;

pub use cipher::{FrameCipher, FrameHeader};
pub(crate) use kid::MAX_LEAVES;
pub use kid::{Context, Kid, Source};
pub(crate) use replay::ReplayWindow;
pub use secret::{FrameSecret, NONCE_LEN};
