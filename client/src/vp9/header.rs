//! The first bits of a VP9 frame (VP9 bitstream specification, section 6.2):
//! enough to tell a keyframe and its size.

/// What a frame's uncompressed header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// Decodable on its own.
    Key {
        /// Pixels.
        width: u16,
        /// Pixels.
        height: u16,
    },
    /// Refers to earlier frames, or only shows one again.
    Other,
}

impl Header {
    /// Reads the header of a profile 0 frame; nothing when this is none.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let mut bits = Bits { frame, at: 0 };
        if bits.take(2)? != 0b10 || bits.take(2)? != 0 {
            return None;
        }
        if bits.take(1)? == 1 {
            return Some(Self::Other);
        }
        let is_key = bits.take(1)? == 0;
        let _show_frame = bits.take(1)?;
        let _error_resilient = bits.take(1)?;
        if !is_key {
            return Some(Self::Other);
        }
        if bits.take(24)? != 0x49_8342 {
            return None;
        }
        // Colour space; sRGB is not allowed in profile 0.
        if bits.take(3)? == 7 {
            return None;
        }
        let _color_range = bits.take(1)?;
        Some(Self::Key {
            width: bits.size()?,
            height: bits.size()?,
        })
    }
}

struct Bits<'a> {
    frame: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next bits, at most 32, most significant first.
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.frame.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// A length, written as one less than it is; 65536 is out of range here.
    fn size(&mut self) -> Option<u16> {
        u16::try_from(self.take(16)? + 1).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_says_its_size() {
        // Marker 2, profile 0, key, shown; sync code; BT.601 limited; 320 x 180.
        let frame = [0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0b, 0x30];
        assert_eq!(
            Header::parse(&frame),
            Some(Header::Key {
                width: 320,
                height: 180
            })
        );
    }

    #[test]
    fn other_frames_are_told_from_keyframes() {
        assert_eq!(Header::parse(&[0x86]), Some(Header::Other));
        assert_eq!(Header::parse(&[0x88]), Some(Header::Other));
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bad in [
            &[][..],
            &[0x00],
            &[0xff],
            &[0xa2],
            &[0x82, 0x49, 0x83],
            &[0x82, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(Header::parse(bad), None, "{bad:?}");
        }
    }
}
