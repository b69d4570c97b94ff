//! The media that is sent: full packets of a VP9 stream, whose frames say who
//! sent them and as which, so that a receiver can tell what is lost, late or
//! altered.

/// Bytes of a packet's payload.
pub(crate) const PAYLOAD_LEN: usize = 1100;

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
}

pub(crate) fn payload(place: &Place) -> Vec<u8> {
    let mut payload = vec![FILLING; PAYLOAD_LEN];
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
    payload
}

/// Publisher and number of a payload, if every byte behind its descriptor is as
/// it was sent.
pub(crate) fn read(payload: &[u8]) -> Option<(usize, u64)> {
    let body = payload.get(DESCRIPTOR..)?;
    let (publisher, rest) = body.split_first_chunk()?;
    let (index, rest) = rest.split_first_chunk()?;
    let whole = payload.len() == PAYLOAD_LEN && rest.iter().all(|byte| *byte == FILLING);
    whole.then(|| {
        (
            u32::from_be_bytes(*publisher) as usize,
            u64::from_be_bytes(*index),
        )
    })
}
