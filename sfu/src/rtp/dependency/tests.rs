//! Descriptors written bit by bit, as the specification draws them.

use super::*;

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    at: usize,
}

impl Writer {
    fn put(&mut self, value: u32, count: u32) -> &mut Self {
        for bit in (0..count).rev() {
            if self.at.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= ((value >> bit & 1) as u8) << (7 - self.at % 8);
            self.at += 1;
        }
        self
    }

    fn mandatory(template: u32, number: u32) -> Self {
        let mut writer = Self::default();
        writer.put(0b11, 2).put(template, 6).put(number, 16);
        writer
    }
}

/// Two spatial layers (the upper one only refers to the lower in a keyframe),
/// one temporal: templates S0 key, S0, S1 key, S1; two decode targets and two
/// chains; resolutions.
fn structure(offset: u32, active: Option<u32>) -> Vec<u8> {
    let mut writer = Writer::mandatory(offset, 0x1234);
    writer.put(1, 1).put(u32::from(active.is_some()), 1);
    writer.put(0, 3).put(offset, 6).put(1, 5);
    writer.put(0, 2).put(2, 2).put(0, 2).put(3, 2);
    for [first, second] in [[2, 2], [2, 0], [0, 2], [0, 2]] {
        writer.put(first, 2).put(second, 2);
    }
    writer.put(0, 1);
    writer.put(1, 1).put(1, 4).put(0, 1);
    writer.put(1, 1).put(0, 4).put(0, 1);
    writer.put(1, 1).put(1, 4).put(0, 1);
    // chain_cnt = 2 of at most 2: ns(3) has one bit for 0, two for 1 and 2.
    writer.put(0b11, 2);
    // Each target is protected by its own chain: ns(2) is one bit.
    writer.put(0, 1).put(1, 1);
    for diff in [0, 0, 2, 1, 1, 1, 1, 2] {
        writer.put(diff, 4);
    }
    writer.put(1, 1).put(319, 16).put(179, 16);
    writer.put(639, 16).put(359, 16);
    if let Some(active) = active {
        writer.put(active, 2);
    }
    writer.bytes
}

const S0: Layer = Layer::LOWEST;
const S1: Layer = Layer {
    spatial: 1,
    temporal: 0,
};

#[test]
fn a_keyframe_brings_the_structure_and_later_frames_name_its_templates() {
    let mut known = Structure::default();
    let key = Descriptor::parse(&structure(61, None), &mut known).expect("parses");
    assert!(key.begins && key.ends && key.structure);
    assert_eq!((key.number, key.layer), (0x1234, S0));
    assert!(key.references.distances().is_empty());
    assert_eq!(key.indication(0), Indication::Switch);
    assert_eq!(key.indication(1), Indication::Switch);
    assert_eq!(known.targets(), [S0, S1]);
    // Ids wrap: 61 + 3 is 0.
    let upper = Writer::mandatory(0, 0x1237).bytes;
    let upper = Descriptor::parse(&upper, &mut known).expect("parses");
    assert_eq!((upper.layer, upper.structure), (S1, false));
    assert_eq!(upper.references.distances(), [2]);
    assert_eq!(upper.indication(0), Indication::NotPresent);
    assert_eq!(upper.indication(1), Indication::Switch);
}

#[test]
fn what_a_frame_says_of_itself_goes_before_its_template() {
    let mut known = Structure::default();
    Descriptor::parse(&structure(0, None), &mut known).expect("parses");
    let mut writer = Writer::mandatory(1, 9);
    writer.put(0b0_0111, 5);
    writer.put(3, 2).put(1, 2);
    // Distances 3 (four bits) and 300 (twelve bits).
    writer.put(1, 2).put(2, 4).put(3, 2).put(299, 12).put(0, 2);
    writer.put(7, 8).put(8, 8);
    let frame = Descriptor::parse(&writer.bytes, &mut known).expect("parses");
    assert_eq!(frame.references.distances(), [3, 300]);
    assert_eq!(frame.indication(0), Indication::Required);
    assert_eq!(frame.indication(1), Indication::Discardable);
}

fn rewritten(bytes: &[u8], number: u16, active: Option<Active>) -> Vec<u8> {
    let mut out = vec![0xff; written_len(bytes, active)];
    write(&mut out, bytes, number, active);
    out
}

#[test]
fn the_number_and_the_active_targets_are_exchanged_and_nothing_else() {
    let mut known = Structure::default();
    let bytes = structure(5, Some(0b11));
    let key = Descriptor::parse(&bytes, &mut known).expect("parses");
    assert_eq!(key.active, Some(0b11));
    let active = |targets| {
        Some(Active {
            targets,
            count: 2,
            at: key.active_at,
        })
    };
    let patched = rewritten(&bytes, 0xfedc, active(0b01));
    let read = Descriptor::parse(&patched, &mut known).expect("parses");
    assert_eq!((read.number, read.active), (0xfedc, Some(0b01)));
    assert_eq!(rewritten(&patched, 0x1234, active(0b11)), bytes);
    let kept = rewritten(&bytes, 0x1234, None);
    assert_eq!(kept, bytes);
}

#[test]
fn active_targets_are_put_where_none_were_said() {
    let mut known = Structure::default();
    let mut custom = Writer::mandatory(1, 9);
    custom.put(0b0_0111, 5);
    custom.put(3, 2).put(1, 2);
    custom.put(1, 2).put(2, 4).put(3, 2).put(299, 12).put(0, 2);
    custom.put(7, 8).put(8, 8);
    for (bytes, implied) in [
        (structure(0, None), Some(0b11)),
        (Writer::mandatory(3, 9).bytes, None),
        (custom.bytes, None),
    ] {
        let before = Descriptor::parse(&bytes, &mut known).expect("parses");
        assert_eq!(before.active, implied);
        let active = Active {
            targets: 0b10,
            count: 2,
            at: before.active_at,
        };
        let written = rewritten(&bytes, 77, Some(active));
        let templates = known.clone();
        let after = Descriptor::parse(&written, &mut known).expect("parses");
        let expected = Descriptor {
            number: 77,
            active: Some(0b10),
            active_at: after.active_at,
            ..before
        };
        assert_eq!(after, expected);
        assert_eq!(known.targets(), templates.targets());
    }
}

#[test]
fn every_cut_is_refused_and_leaves_the_structure_alone() {
    let whole = structure(0, Some(0b11));
    for len in 0..whole.len() {
        // A cut behind the mandatory fields is a descriptor without any other;
        // its template is not known.
        let mut known = Structure::default();
        let result = Descriptor::parse(&whole[..len], &mut known);
        assert_eq!(result, Err(Malformed), "{len}");
        assert_eq!(known.target_count, 0, "{len}");
    }
}

#[test]
fn more_than_the_bounds_is_refused() {
    let mut known = Structure::default();
    let mut templates = Writer::mandatory(0, 0);
    templates.put(0b1_0000, 5).put(0, 11);
    for _ in 0..200 {
        templates.put(0, 8);
    }
    assert_eq!(
        Descriptor::parse(&templates.bytes, &mut known),
        Err(Malformed)
    );
    let mut layers = Writer::mandatory(0, 0);
    layers.put(0b1_0000, 5).put(0, 11);
    for _ in 0..8 {
        layers.put(2, 2);
    }
    layers.put(3, 2).put(0, 32).put(0, 32);
    assert_eq!(Descriptor::parse(&layers.bytes, &mut known), Err(Malformed));
    Descriptor::parse(&structure(0, None), &mut known).expect("parses");
    let mut references = Writer::mandatory(1, 0);
    references.put(0b0_0010, 5);
    for _ in 0..=REFERENCES_MAX {
        references.put(1, 2).put(0, 4);
    }
    references.put(0, 2);
    assert_eq!(
        Descriptor::parse(&references.bytes, &mut known),
        Err(Malformed)
    );
}

#[test]
fn random_bytes_never_panic() {
    let mut state = 0xd15c_u64;
    println!("seed {state:#x}");
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u8
    };
    let mut known = Structure::default();
    let mut parsed = 0;
    for round in 0..50_000 {
        let mut bytes = structure(u32::from(next()) % 64, Some(u32::from(next()) & 3));
        match round % 3 {
            0 => {
                let at = usize::from(next()) % bytes.len();
                bytes[at] ^= 1 << (next() % 8);
            }
            1 => {
                let len = usize::from(next());
                bytes = (0..len).map(|_| next()).collect();
            }
            _ => bytes.truncate(usize::from(next()) % (bytes.len() + 1)),
        }
        if let Ok(descriptor) = Descriptor::parse(&bytes, &mut known) {
            parsed += 1;
            assert!(descriptor.layer.within(Layer::HIGHEST));
            let active = Active {
                targets: 1,
                count: known.targets().len() as u8,
                at: descriptor.active_at,
            };
            let written = rewritten(&bytes, 7, Some(active));
            let read = Descriptor::parse(&written, &mut known).expect("parses");
            assert_eq!((read.number, read.active), (7, Some(1)));
            assert_eq!(read.references, descriptor.references);
        }
    }
    assert!(parsed > 1_000, "{parsed}");
}
