//! The media that is sent: packets of a VP9 stream, whose frames say who sent
//! them and as which, so that a receiver can tell what is lost, late or altered.

use std::str::FromStr;

/// Bytes of a full packet's payload.
pub(crate) const PAYLOAD_LEN: usize = 1100;

/// Fewest bytes of a packet's payload where frames differ.
const PAYLOAD_MIN: usize = 800;

/// How long packets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// All are full.
    Full,
    /// Every frame has a length of its own and is split as browsers do: into
    /// packets that differ by at most a byte, the longer ones last.
    Split,
}

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "full" => Ok(Self::Full),
            "split" => Ok(Self::Split),
            _ => Err(format!("{text}: sizes are full or split")),
        }
    }
}

impl Sizes {
    /// Bytes of the payload of a frame's `packet`th of `packets`.
    pub(crate) fn payload(
        self,
        publisher: u32,
        frame: u64,
        packet: usize,
        packets: usize,
    ) -> usize {
        if self == Self::Full {
            return PAYLOAD_LEN;
        }
        // Any fixed mixing does: runs are to be repeatable and frames to differ.
        let mixed = (frame << 20 | u64::from(publisher)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let spread = (PAYLOAD_LEN - PAYLOAD_MIN) * packets;
        let frame = PAYLOAD_MIN * packets + mixed as usize % spread;
        frame / packets + usize::from(packets - packet <= frame % packets)
    }
}

/// Bytes of the payload descriptor: flags, picture id, layer indices.
const DESCRIPTOR: usize = 5;

/// What fills the rest.
const FILLING: u8 = 0x5a;

/// Where a packet stands in its frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) publisher: u32,
    /// The packet's number, from 0.
    pub(crate) index: u64,
    /// The frame's number.
    pub(crate) frame: u64,
    pub(crate) keyframe: bool,
    pub(crate) begins: bool,
    pub(crate) ends: bool,
    /// Bytes of its payload.
    pub(crate) len: usize,
}

pub(crate) fn payload(place: &Place) -> Vec<u8> {
    let mut payload = vec![FILLING; place.len];
    let mut flags = 0xa0;
    for (bit, set) in [
        (0x40, !place.keyframe),
        (0x08, place.begins),
        (0x04, place.ends),
    ] {
        flags |= if set { bit } else { 0 };
    }
    let [high, low] = (place.frame as u16 & 0x7fff | 0x8000).to_be_bytes();
    payload[..DESCRIPTOR].copy_from_slice(&[flags, high, low, 0, place.frame as u8]);
    payload[DESCRIPTOR..DESCRIPTOR + 4].copy_from_slice(&place.publisher.to_be_bytes());
    payload[DESCRIPTOR + 4..DESCRIPTOR + 12].copy_from_slice(&place.index.to_be_bytes());
    payload[DESCRIPTOR + 12..DESCRIPTOR + 14].copy_from_slice(&(place.len as u16).to_be_bytes());
    payload
}

/// Publisher and number of a payload, if every byte behind its descriptor is as
/// it was sent.
pub(crate) fn read(payload: &[u8]) -> Option<(usize, u64)> {
    let body = payload.get(DESCRIPTOR..)?;
    let (publisher, rest) = body.split_first_chunk()?;
    let (index, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let whole = payload.len() == usize::from(u16::from_be_bytes(*len))
        && rest.iter().all(|byte| *byte == FILLING);
    whole.then(|| {
        (
            u32::from_be_bytes(*publisher) as usize,
            u64::from_be_bytes(*index),
        )
    })
}
