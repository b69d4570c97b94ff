//! The VP8 payload descriptor (RFC 7741 section 4.2). Unlike VP9's it says
//! neither what a frame depends on nor where it ends: the first byte of the
//! frame would, which is encrypted end to end. That is known by the Dependency
//! Descriptor alone, and so is the layer, whatever is said of it here (TID, Y).
//! The SFU takes from here the numbers that it keeps contiguous; KEYIDX means
//! something within a layer's stream only, and stays as it is.

use crate::rtp::picture::{Picture, PictureId, Tl0};

/// Reads the descriptor; nothing when it is longer than the payload.
pub fn parse(payload: &[u8]) -> Option<Picture> {
    let mut picture = Picture::default();
    if payload.first()? & 0x80 == 0 {
        return Some(picture);
    }
    let extended = payload.get(1)?;
    let (has_id, has_tl0, has_layer) = (
        extended & 0x80 != 0,
        extended & 0x40 != 0,
        extended & 0x30 != 0,
    );
    let mut at = 2u8;
    if has_id {
        let id = PictureId::parse(payload, at)?;
        at += id.size();
        picture.id = Some(id);
    }
    if has_tl0 {
        let value = *payload.get(usize::from(at))?;
        picture.tl0 = Some(Tl0 { value, at });
        at += 1;
    }
    if has_layer {
        payload.get(usize::from(at))?;
    }
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrow(value: u16) -> Option<PictureId> {
        Some(PictureId {
            value,
            wide: false,
            at: 2,
        })
    }

    #[test]
    fn the_form_browsers_send_is_read_and_written() {
        // X, S; I, L, T, K; 15 bits; TL0PICIDX; TID 1, Y, KEYIDX 3; the frame.
        let mut payload = [0x90, 0xf0, 0x81, 0x02, 7, 0x63, 0xff];
        let mut picture = parse(&payload).expect("parses");
        let id = PictureId {
            value: 0x102,
            wide: true,
            at: 2,
        };
        let tl0 = Tl0 { value: 7, at: 4 };
        assert_eq!((picture.id, picture.tl0), (Some(id), Some(tl0)));
        picture.id = Some(PictureId {
            value: 0x7abc,
            ..id
        });
        picture.tl0 = Some(Tl0 { value: 9, ..tl0 });
        picture.write(&mut payload);
        assert_eq!(payload, [0x90, 0xf0, 0xfa, 0xbc, 9, 0x63, 0xff]);
    }

    #[test]
    fn each_field_is_found_whatever_stands_before_it() {
        assert_eq!(parse(&[0x10]), Some(Picture::default()));
        assert_eq!(parse(&[0x90, 0x00]), Some(Picture::default()));
        let id = parse(&[0x80, 0x80, 0x7f]).expect("I");
        assert_eq!((id.id, id.tl0), (narrow(0x7f), None));
        let tl0 = parse(&[0x80, 0x40, 5]).expect("L");
        assert_eq!((tl0.id, tl0.tl0), (None, Some(Tl0 { value: 5, at: 2 })));
        let both = parse(&[0x80, 0xc0, 4, 5]).expect("I, L");
        let at_three = Some(Tl0 { value: 5, at: 3 });
        assert_eq!((both.id, both.tl0), (narrow(4), at_three));
        let layer = parse(&[0x80, 0x20, 0x40]).expect("T");
        assert_eq!(layer, Picture::default());
    }

    #[test]
    fn a_cut_descriptor_is_refused() {
        for whole in [
            &[0x80, 0xf0, 0x80, 1, 2, 3][..],
            &[0x80, 0xf0, 1, 2, 3],
            &[0x80, 0x40, 1],
            &[0x80, 0x20, 1],
            &[0x80, 0x10, 1],
            &[0x00],
        ] {
            assert!(parse(whole).is_some(), "{whole:?}");
            for len in 0..whole.len() {
                assert_eq!(parse(&whole[..len]), None, "{:?}", &whole[..len]);
            }
        }
    }

    /// How long a descriptor is, in the words of the RFC.
    fn len(payload: &[u8]) -> usize {
        let (x, extended) = (payload[0] >> 7 & 1, payload.get(1).copied());
        let extended = extended.filter(|_| x == 1).unwrap_or_default();
        let (i, l) = (extended >> 7, extended >> 6 & 1);
        let t_or_k = u8::from(extended >> 4 & 3 != 0);
        let m = payload.get(2).map_or(0, |id| id >> 7) & i;
        usize::from(1 + x + i + m + l + t_or_k)
    }

    #[test]
    fn whatever_the_bytes_only_numbers_change_and_nothing_behind_them() {
        let seed = 0x7741u64;
        println!("seed {seed:#x}");
        let mut state = seed;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005) + 1;
            (state >> 33) as u16
        };
        let mut refused = 0;
        for _ in 0..200_000 {
            let bytes: Vec<u8> = (0..random() % 9).map(|_| random() as u8).collect();
            let Some(read) = parse(&bytes) else {
                assert!(bytes.is_empty() || len(&bytes) > bytes.len(), "{bytes:?}");
                refused += 1;
                continue;
            };
            let end = len(&bytes);
            assert!(end <= bytes.len(), "{bytes:?}");
            let mut altered = bytes.clone();
            altered[end..].iter_mut().for_each(|byte| *byte = !*byte);
            assert_eq!(parse(&altered), Some(read), "{bytes:?}");
            let other = Picture {
                id: read.id.map(|id| PictureId {
                    value: random() & if id.wide { 0x7fff } else { 0x7f },
                    ..id
                }),
                tl0: read.tl0.map(|tl0| Tl0 {
                    value: random() as u8,
                    ..tl0
                }),
            };
            let mut written = bytes.clone();
            other.write(&mut written);
            assert_eq!(written[end..], bytes[end..], "{bytes:?}");
            assert_eq!(parse(&written), Some(other), "{bytes:?}");
            read.write(&mut written);
            assert_eq!(written, bytes, "as it was");
        }
        assert!((20_000..180_000).contains(&refused), "{refused}");
    }
}
