//! The VP9 payload descriptor (RFC 9628 section 4.2), read and written without
//! looking at the frame behind it.
//!
//! What is written is the flexible mode with one layer: every picture but a
//! keyframe names the one before it as its reference, which is what a receiver
//! needs to know that a picture can be decoded.
//!
//! ```text
//!    0 1 2 3 4 5 6 7
//!   |I|P|L|F|B|E|V|Z|   I=1, F=1, L=0, Z=1
//!   |M| picture id  |   M=1: 15 bits
//!   |  picture id   |
//!   |  P_DIFF=1   |N|   if P
//!   | N_S |Y|G|  -  |   if V, on a keyframe's first packet: N_S=0, Y=1, G=0
//!   | width, height |   16 bits each
//! ```

use bytes::{BufMut, Bytes, BytesMut};

const I: u8 = 0x80;
const P: u8 = 0x40;
const L: u8 = 0x20;
const F: u8 = 0x10;
const B: u8 = 0x08;
const E: u8 = 0x04;
const V: u8 = 0x02;
const Z: u8 = 0x01;

/// Longest payload that is written, bytes: an IPv6 packet of 1280 bytes less
/// the headers of IP, UDP and RTP with its extensions and the SRTP tag, and
/// what a retransmission adds. Larger would not pass every path.
pub const MAX_PAYLOAD: usize = 1160;

/// Most references a picture may name (RFC 9628 section 4.2).
const MAX_REFERENCES: usize = 3;

/// A picture to packetize.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// The sealed frame.
    pub sealed: &'a [u8],
    /// 15 bits, one more than the last picture's.
    pub picture_id: u16,
    /// Width and height of a keyframe; nothing for any other picture.
    pub keyframe: Option<(u16, u16)>,
}

/// Cuts a sealed picture into payloads of at most [`MAX_PAYLOAD`] bytes. The
/// last one belongs into the packet with the marker bit.
pub fn packetize(picture: Picture<'_>) -> Vec<Bytes> {
    let mut rest = picture.sealed;
    let mut payloads = Vec::with_capacity(rest.len() / MAX_PAYLOAD + 1);
    loop {
        let begins = payloads.is_empty();
        let mut payload = BytesMut::with_capacity(MAX_PAYLOAD);
        let mut flags = I | F | Z;
        if begins {
            flags |= B;
        }
        if picture.keyframe.is_none() {
            flags |= P;
        } else if begins {
            flags |= V;
        }
        payload.put_u8(flags);
        payload.put_u16(picture.picture_id | 0x8000);
        match picture.keyframe {
            None => payload.put_u8(1 << 1),
            Some((width, height)) if begins => {
                payload.put_u8(0x10);
                payload.put_u16(width);
                payload.put_u16(height);
            }
            Some(_) => {}
        }
        let room = MAX_PAYLOAD - payload.len();
        let (now, later) = rest.split_at(room.min(rest.len()));
        payload.put_slice(now);
        rest = later;
        if rest.is_empty() {
            payload[0] |= E;
            payloads.push(payload.freeze());
            return payloads;
        }
        payloads.push(payload.freeze());
    }
}

/// What a receiver needs of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// The packet is a frame's first.
    pub begins: bool,
    /// The packet is a frame's last.
    pub ends: bool,
    /// The frame refers to an earlier picture.
    pub predicted: bool,
    /// Bytes of the descriptor; the frame's follow.
    pub len: usize,
}

impl Descriptor {
    /// Reads a descriptor of any mode; nothing when it is cut off or breaks
    /// the format.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut at = Reader { payload, len: 0 };
        let flags = at.byte()?;
        if flags & I != 0 && at.byte()? & 0x80 != 0 {
            at.byte()?;
        }
        if flags & L != 0 {
            at.byte()?;
            if flags & F == 0 {
                at.byte()?;
            }
        }
        if flags & F != 0 && flags & P != 0 {
            let mut references = 1;
            while at.byte()? & 0x01 != 0 {
                references += 1;
                if references > MAX_REFERENCES {
                    return None;
                }
            }
        }
        if flags & V != 0 {
            at.scalability_structure()?;
        }
        Some(Self {
            begins: flags & B != 0,
            ends: flags & E != 0,
            predicted: flags & P != 0,
            len: at.len,
        })
    }
}

struct Reader<'a> {
    payload: &'a [u8],
    len: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.payload.get(self.len)?;
        self.len += 1;
        Some(byte)
    }

    /// RFC 9628 section 4.2.1.
    fn scalability_structure(&mut self) -> Option<()> {
        let structure = self.byte()?;
        let layers = usize::from(structure >> 5) + 1;
        if structure & 0x10 != 0 {
            for _ in 0..layers * 4 {
                self.byte()?;
            }
        }
        if structure & 0x08 != 0 {
            for _ in 0..self.byte()? {
                let references = self.byte()? >> 2 & 0x03;
                for _ in 0..references {
                    self.byte()?;
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(sealed: &[u8], keyframe: Option<(u16, u16)>) -> Vec<Bytes> {
        packetize(Picture {
            sealed,
            picture_id: 0x1234,
            keyframe,
        })
    }

    #[test]
    fn a_keyframe_that_fits_is_one_payload_with_its_size() {
        assert_eq!(
            picture(b"sealed", Some((320, 180))),
            [Bytes::from_static(
                b"\x9f\x92\x34\x10\x01\x40\x00\xb4sealed"
            )]
        );
    }

    #[test]
    fn another_picture_names_the_one_before_it() {
        assert_eq!(
            picture(b"x", None),
            [Bytes::from_static(b"\xdd\x92\x34\x02x")]
        );
    }

    #[test]
    fn payloads_put_together_are_the_sealed_frame_again() {
        let sealed: Vec<u8> = (0..5000_u32).map(|n| n as u8).collect();
        for keyframe in [None, Some((320, 180))] {
            let payloads = picture(&sealed, keyframe);
            let mut joined = Vec::new();
            for (n, payload) in payloads.iter().enumerate() {
                assert!(payload.len() <= MAX_PAYLOAD);
                let descriptor = Descriptor::parse(payload).expect("parses");
                assert_eq!(descriptor.begins, n == 0);
                assert_eq!(descriptor.ends, n + 1 == payloads.len());
                assert_eq!(descriptor.predicted, keyframe.is_none());
                joined.extend_from_slice(&payload[descriptor.len..]);
            }
            assert_eq!(joined, sealed);
        }
    }

    #[test]
    fn the_descriptors_browsers_write_are_understood() {
        // Non-flexible, two spatial layers with sizes, one picture in the group.
        let structure = [
            0xab, 0x81, 0x02, 0x00, 0x07, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 1, 0x04, 0x01,
        ];
        let descriptor = Descriptor::parse(&structure).expect("parses");
        assert_eq!(descriptor.len, structure.len());
        assert!(descriptor.begins && !descriptor.ends && !descriptor.predicted);
    }

    #[test]
    fn cut_descriptors_and_endless_references_are_refused() {
        for bad in [
            &[][..],
            &[I],
            &[I, 0x80],
            &[L],
            &[L, 0],
            &[F | P],
            &[F | P, 3, 3, 3, 2],
            &[V],
            &[V, 0x10, 0, 0, 0],
            &[V, 0x08, 1],
        ] {
            assert_eq!(Descriptor::parse(bad), None, "{bad:?}");
        }
    }
}
