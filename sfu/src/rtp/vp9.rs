//! The VP9 payload descriptor (RFC 9628 section 4.2). It stands before the
//! frame, which is encrypted end to end: no byte behind the descriptor is ever
//! looked at.

use crate::layer::Layer;
use crate::rtp::picture::{Picture, PictureId, Tl0};

/// What the SFU needs to know of a packet.
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
    /// Its numbers.
    pub picture: Picture,
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
        let mut at = 1u8;
        let mut descriptor = Self::default();
        if has_id {
            let id = PictureId::parse(payload, at)?;
            at += id.size();
            descriptor.picture.id = Some(id);
        }
        if has_layer {
            let indices = *payload.get(usize::from(at))?;
            descriptor.layer = Layer {
                spatial: indices >> 1 & 0x07,
                temporal: indices >> 5,
            };
            descriptor.switching_up = indices & 0x10 != 0;
            descriptor.inter_layer = indices & 0x01 != 0;
            at += 1;
            if !flexible {
                let value = *payload.get(usize::from(at))?;
                descriptor.picture.tl0 = Some(Tl0 { value, at });
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
        let id = PictureId {
            value: 0x102,
            wide: true,
            at: 1,
        };
        let tl0 = Tl0 { value: 7, at: 4 };
        assert_eq!(descriptor.picture.id, Some(id));
        assert_eq!(descriptor.picture.tl0, Some(tl0));
        let other = Picture {
            id: Some(PictureId {
                value: 0x7abc,
                ..id
            }),
            tl0: Some(Tl0 { value: 9, ..tl0 }),
        };
        other.write(&mut payload);
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
        let tl0 = Some(Tl0 { value: 9, at: 2 });
        assert_eq!((upper.layer, upper.picture.tl0), (layer, tl0));
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
