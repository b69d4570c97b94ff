//! The VP9 payload descriptor (RFC 9628 section 4.2). It stands before the
//! frame, which is encrypted end to end: no byte behind the descriptor is ever
//! looked at.

use crate::layer::Layer;

/// What the SFU needs to know of a packet, and where the numbers stand that it
/// keeps contiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Descriptor {
    /// The packet is the frame's first.
    pub begins: bool,
    /// The packet is the frame's last.
    pub ends: bool,
    /// The frame refers to an earlier picture.
    pub predicted: bool,
    /// The frame refers to the next lower spatial layer of its picture.
    pub inter_layer: bool,
    /// From here on no picture of a higher temporal layer refers to one before
    /// this that is of a higher temporal layer than this.
    pub switching_up: bool,
    /// The frame's layer; the lowest where the descriptor names none.
    pub layer: Layer,
    /// The picture id.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX and its offset in the payload.
    pub tl0_pic_idx: Option<(u8, u8)>,
}

/// A picture id: 7 or 15 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureId {
    /// The number.
    pub value: u16,
    /// Whether it has 15 bits.
    pub wide: bool,
}

impl Descriptor {
    /// Reads the descriptor; nothing when it is longer than the payload.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let flags = *payload.first()?;
        let (has_id, predicted, has_layer, flexible, begins) = (
            flags & 0x80 != 0,
            flags & 0x40 != 0,
            flags & 0x20 != 0,
            flags & 0x10 != 0,
            flags & 0x08 != 0,
        );
        let mut at = 1;
        let mut descriptor = Self::default();
        if has_id {
            let high = *payload.get(at)?;
            at += 1;
            let wide = high & 0x80 != 0;
            let mut value = u16::from(high & 0x7f);
            if wide {
                value = value << 8 | u16::from(*payload.get(at)?);
                at += 1;
            }
            descriptor.picture_id = Some(PictureId { value, wide });
        }
        if has_layer {
            let indices = *payload.get(at)?;
            descriptor.layer = Layer {
                spatial: indices >> 1 & 0x07,
                temporal: indices >> 5,
            };
            descriptor.switching_up = indices & 0x10 != 0;
            descriptor.inter_layer = indices & 0x01 != 0;
            at += 1;
            if !flexible {
                descriptor.tl0_pic_idx = Some((*payload.get(at)?, at as u8));
            }
        }
        descriptor.begins = begins;
        descriptor.ends = flags & 0x04 != 0;
        descriptor.predicted = predicted;
        Some(descriptor)
    }

    /// Whether the packet starts a frame of the lowest spatial layer that
    /// depends on no other: a receiver can begin here.
    pub fn keyframe_start(&self) -> bool {
        self.begins && !self.predicted && self.layer.spatial == 0
    }

    /// Writes other numbers where this descriptor's stand. `payload` is the
    /// one the descriptor was read from.
    pub fn patch(&self, payload: &mut [u8], picture_id: u16, tl0_pic_idx: u8) {
        match self.picture_id {
            Some(PictureId { wide: true, .. }) => {
                if let Some(bytes) = payload.get_mut(1..3) {
                    bytes.copy_from_slice(&(picture_id | 0x8000).to_be_bytes());
                }
            }
            Some(PictureId { wide: false, .. }) => {
                if let Some(byte) = payload.get_mut(1) {
                    *byte = (picture_id & 0x7f) as u8;
                }
            }
            None => {}
        }
        if let Some((_, at)) = self.tl0_pic_idx
            && let Some(byte) = payload.get_mut(usize::from(at))
        {
            *byte = tl0_pic_idx;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_in_the_form_browsers_send_is_recognised_and_patched() {
        let mut payload = [0x8b | 0x20, 0x81, 0x02, 0x00, 0x07, 0xff];
        payload[0] &= !0x02;
        let descriptor = Descriptor::parse(&payload).expect("parses");
        assert!(descriptor.keyframe_start());
        assert_eq!(
            descriptor.picture_id,
            Some(PictureId {
                value: 0x102,
                wide: true
            })
        );
        assert_eq!(descriptor.tl0_pic_idx, Some((7, 4)));
        descriptor.patch(&mut payload, 0x7abc, 9);
        assert_eq!(payload[1..], [0xfa, 0xbc, 0x00, 0x09, 0xff]);
    }

    #[test]
    fn predicted_later_and_upper_layer_packets_are_no_start() {
        assert!(!Descriptor::parse(&[0x48]).expect("P").keyframe_start());
        assert!(!Descriptor::parse(&[0x00]).expect("no B").keyframe_start());
        assert!(
            !Descriptor::parse(&[0x28, 0x02, 0])
                .expect("SID 1")
                .keyframe_start()
        );
        assert!(Descriptor::parse(&[0x08]).expect("B").keyframe_start());
    }

    #[test]
    fn the_layer_and_what_it_depends_on_are_read() {
        let upper = Descriptor::parse(&[0x6c, 0x53, 9]).expect("parses");
        let layer = Layer {
            spatial: 1,
            temporal: 2,
        };
        assert_eq!((upper.layer, upper.tl0_pic_idx), (layer, Some((9, 2))));
        assert!(upper.switching_up && upper.inter_layer && upper.predicted);
        assert!(upper.begins && upper.ends);
        let plain = Descriptor::parse(&[0x40]).expect("parses");
        assert_eq!(plain.layer, Layer::LOWEST);
        assert!(!plain.switching_up && !plain.inter_layer);
    }

    #[test]
    fn a_cut_descriptor_is_refused() {
        for cut in [&[][..], &[0x80], &[0x80, 0x80], &[0x20], &[0x20, 0]] {
            assert_eq!(Descriptor::parse(cut), None, "{cut:?}");
        }
    }
}
