//! Layout of a key id (RFC 9605 section 5.2).
//!
//! ```text
//! KID = context << 16 | leaf << 6 | epoch mod 64
//! context = source + 4 * layer
//! ```
//!
//! 6 bits of epoch: sixty-four commits would have to fall into the ten seconds
//! an old epoch lives before two epochs share a key id; the older is dropped
//! then. 10 bits of leaf: 1024 members.

use crate::error::Misuse;
use crate::identity::Leaf;

/// Bits of a key id that hold the epoch.
const EPOCH_BITS: u32 = 6;
/// Bits of a key id that hold the leaf.
const LEAF_BITS: u32 = 10;
/// How many leaves a key id can name, and so the size limit of a group.
pub(crate) const MAX_LEAVES: usize = 1 << LEAF_BITS;
/// How many epochs a key id can tell apart.
const EPOCH_WINDOW: u64 = 1 << EPOCH_BITS;

/// What a member sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Voice.
    Microphone,
    /// Face.
    Camera,
    /// A shared screen or window.
    Screen,
    /// The sound that belongs to the shared screen.
    ScreenAudio,
}

/// One independently encrypted stream of a member: a source and a layer of it.
///
/// Each has its own key and its own counter, so that streams need no
/// coordination between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Context(u8);

impl Context {
    /// The microphone.
    pub const MICROPHONE: Self = Self(0);
    /// The camera's base layer.
    pub const CAMERA: Self = Self(1);
    /// The screen's base layer.
    pub const SCREEN: Self = Self(2);
    /// The screen's sound.
    pub const SCREEN_AUDIO: Self = Self(3);
    /// Layers of a source; more than any codec in use produces.
    pub const LAYERS: u8 = 8;
    /// How many contexts there are.
    pub const COUNT: usize = 4 * Self::LAYERS as usize;

    /// The context of a layer, 0 to 7, of a source.
    ///
    /// # Errors
    /// [`Misuse::UnknownContext`] for a higher layer.
    pub const fn layer(source: Source, layer: u8) -> Result<Self, Misuse> {
        if layer < Self::LAYERS {
            Ok(Self(source as u8 + 4 * layer))
        } else {
            Err(Misuse::UnknownContext)
        }
    }

    /// The context with this number, 0 to 31.
    ///
    /// # Errors
    /// [`Misuse::UnknownContext`] for a higher number.
    pub const fn from_number(number: u64) -> Result<Self, Misuse> {
        if number < Self::COUNT as u64 {
            Ok(Self(number as u8))
        } else {
            Err(Misuse::UnknownContext)
        }
    }

    /// The number in the key id.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Which source the stream comes from.
    pub const fn source(self) -> Source {
        match self.0 % 4 {
            0 => Source::Microphone,
            1 => Source::Camera,
            2 => Source::Screen,
            _ => Source::ScreenAudio,
        }
    }

    /// Which layer of the source it is, 0 the base.
    pub const fn layer_index(self) -> u8 {
        self.0 / 4
    }
}

/// An SFrame key id as it stands in a frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kid(pub u64);

impl Kid {
    pub(crate) const fn new(context: Context, leaf: Leaf, epoch: u64) -> Self {
        Self(
            (context.0 as u64) << (LEAF_BITS + EPOCH_BITS)
                | (leaf.0 as u64) << EPOCH_BITS
                | Self::low(epoch),
        )
    }

    /// The bits of an epoch that a key id holds.
    pub(crate) const fn low(epoch: u64) -> u64 {
        epoch % EPOCH_WINDOW
    }

    /// Whether a key id cannot tell the two epochs apart.
    pub(crate) const fn same_epoch(a: u64, b: u64) -> bool {
        Self::low(a) == Self::low(b)
    }

    /// Whether the bits of an epoch, unless they lie, are of one after `epoch`:
    /// of the epochs that share them the one nearest to it counts.
    pub(crate) const fn is_ahead(low: u64, epoch: u64) -> bool {
        let ahead = low.wrapping_sub(Self::low(epoch)) % EPOCH_WINDOW;
        ahead != 0 && ahead < EPOCH_WINDOW / 2
    }

    /// Number of the context; only [`Context::from_number`] says whether it exists.
    pub const fn context_number(self) -> u64 {
        self.0 >> (LEAF_BITS + EPOCH_BITS)
    }

    /// The sender's leaf.
    pub const fn leaf(self) -> Leaf {
        Leaf((self.0 >> EPOCH_BITS) as u16 & (MAX_LEAVES as u16 - 1))
    }

    /// The epoch modulo 64.
    pub const fn epoch_low(self) -> u64 {
        Self::low(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_holds_context_leaf_and_epoch() {
        let kid = Kid::new(Context::SCREEN, Leaf(0x3ff), 64 + 5);
        assert_eq!(kid.0, 2 << 16 | 0x3ff << 6 | 5);
        assert_eq!(kid.context_number(), 2);
        assert_eq!(kid.leaf(), Leaf(0x3ff));
        assert_eq!(kid.epoch_low(), 5);
        assert_eq!(Kid::new(Context::MICROPHONE, Leaf(0), 0).0, 0);
    }

    #[test]
    fn the_nearest_epoch_with_these_bits_is_the_one_that_is_meant() {
        assert!(Kid::is_ahead(6, 5) && Kid::is_ahead(2, 63) && Kid::is_ahead(31, 64));
        assert!(!Kid::is_ahead(5, 5) && !Kid::is_ahead(4, 5) && !Kid::is_ahead(63, 66));
        assert!(!Kid::is_ahead(32, 64), "half a turn away it is long over");
    }

    #[test]
    fn layers_are_counted_above_the_four_sources() {
        let context = Context::layer(Source::Camera, 2).unwrap();
        assert_eq!(context.number(), 9);
        assert_eq!(
            (context.source(), context.layer_index()),
            (Source::Camera, 2)
        );
        assert_eq!(
            Context::layer(Source::Screen, 8),
            Err(Misuse::UnknownContext)
        );
        assert_eq!(Context::from_number(32), Err(Misuse::UnknownContext));
        assert_eq!(Context::from_number(u64::MAX), Err(Misuse::UnknownContext));
    }
}
