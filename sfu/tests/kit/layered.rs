//! A camera that is sent in layers: pictures as browsers' encoders structure
//! them, described by the Dependency Descriptor, the VP9 payload descriptor or
//! both, or as VP8, filled with random bytes.

use super::{DESCRIPTOR, Random};
use str0m::format::Codec;
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

/// How pictures refer to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Upper spatial layers refer to lower ones in keyframes only.
    Key,
    /// Upper spatial layers refer to lower ones in every picture.
    Full,
}

/// Which headers say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Dependency,
    Vp9,
    /// The Dependency Descriptor, beside VP8.
    Vp8,
}

impl Says {
    pub fn codec(self) -> Codec {
        match self {
            Self::Vp8 => Codec::Vp8,
            Self::Dependency | Self::Vp9 => Codec::Vp9,
        }
    }

    /// The payload type str0m gives it; its retransmissions have another.
    pub fn pt(self) -> u8 {
        match self {
            Self::Vp8 => 96,
            Self::Dependency | Self::Vp9 => 98,
        }
    }

    pub fn picture_id(self, payload: &[u8]) -> u16 {
        let at = if self == Self::Vp8 { 2 } else { 1 };
        u16::from_be_bytes([payload[at], payload[at + 1]]) & 0x7fff
    }
}

/// The bytes of a Dependency Descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw(pub Vec<u8>);

#[derive(Debug)]
struct Serializer;

impl ExtensionSerializer for Serializer {
    fn write_to(&self, buf: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(Raw(bytes)) = values.user_values.get::<Raw>() else {
            return 0;
        };
        buf[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, buf: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(Raw(buf.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        values
            .user_values
            .get::<Raw>()
            .is_some_and(|raw| raw.0.len() > 16)
    }
}

pub fn extension() -> Extension {
    Extension::with_serializer(DESCRIPTOR, Serializer)
}

/// A frame that was sent: what a decoder must know.
#[derive(Debug, Clone)]
pub struct Sent {
    pub picture: u64,
    pub spatial: u8,
    pub temporal: u8,
    /// Frames it refers to, by their place in [`Camera::sent`].
    pub references: Vec<usize>,
    /// What stands behind the payload descriptor of each packet.
    pub bodies: Vec<Vec<u8>>,
    pub timestamp: u32,
    /// Frame number, picture id and TL0PICIDX as they were sent.
    pub number: u16,
    pub picture_id: u16,
    pub tl0: u8,
}

/// A packet to send.
#[derive(Debug, Clone)]
pub struct Packet {
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub codec: Codec,
    pub payload: Vec<u8>,
    pub descriptor: Option<Raw>,
}

/// The camera.
pub struct Camera {
    pub sent: Vec<Sent>,
    pub seq: u64,
    pub timestamp: u32,
    mode: Mode,
    pub says: Says,
    spatial: u8,
    picture_id: u16,
    tl0: u8,
    number: u16,
    pictures: u64,
    /// Pictures since the keyframe.
    place: u64,
    /// The latest frame of each layer.
    latest: [[Option<usize>; 3]; 3],
    random: Random,
}

/// Bytes of the VP9 descriptor this camera writes: flags, picture id, layer,
/// TL0PICIDX. Of the VP8 descriptor as many: flags twice, picture id,
/// TL0PICIDX; what it says last, of layer and keyframe, is random.
pub const DESCRIPTOR_LEN: usize = 5;

impl Camera {
    pub fn new(mode: Mode, says: Says, spatial: u8, seed: u64) -> Self {
        let mut random = Random(seed);
        Self {
            sent: Vec::new(),
            seq: 64_000 + random.below(1_000) as u64,
            timestamp: random.next() as u32,
            mode,
            says,
            spatial,
            picture_id: random.next() as u16 & 0x7fff,
            tl0: random.next() as u8,
            number: random.next() as u16,
            pictures: 0,
            place: 0,
            latest: [[None; 3]; 3],
            random,
        }
    }

    /// The packets of the next picture, three temporal layers deep.
    pub fn picture(&mut self, keyframe: bool) -> Vec<Packet> {
        if keyframe {
            self.place = 0;
        }
        let temporal = [0, 2, 1, 2][self.place as usize % 4];
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.timestamp = self.timestamp.wrapping_add(3_000);
        self.tl0 = self.tl0.wrapping_add(u8::from(temporal == 0));
        let key = self.place == 0;
        let mut packets = Vec::new();
        for spatial in 0..self.spatial {
            self.frame(spatial, temporal, key, &mut packets);
        }
        self.place += 1;
        self.pictures += 1;
        packets
    }

    fn frame(&mut self, spatial: u8, temporal: u8, key: bool, packets: &mut Vec<Packet>) {
        let (s, t) = (usize::from(spatial), usize::from(temporal));
        let mut references = Vec::new();
        if !key {
            // The latest frame of the layer below in time, or of its own.
            let before = match t {
                0 => self.latest[s][0],
                _ => self.latest[s][..t].iter().flatten().max().copied(),
            };
            references.extend(before);
        }
        let inter_layer = spatial > 0 && (key || self.mode == Mode::Full);
        if inter_layer {
            references.push(self.sent.len() - 1);
        }
        let place = self.sent.len();
        self.latest[s][t] = Some(place);
        if key {
            self.latest[s] = [Some(place), None, None];
        }
        let count = 1 + self.random.below(3);
        let bodies: Vec<_> = (0..count)
            .map(|_| {
                let len = 12 + self.random.below(200);
                self.random.bytes(len)
            })
            .collect();
        for (index, body) in bodies.iter().enumerate() {
            let (begins, ends) = (index == 0, index + 1 == count);
            let mut payload = match self.says {
                Says::Vp8 => self.vp8(begins),
                _ => self.vp9(spatial, temporal, key, inter_layer, begins, ends),
            };
            payload.extend(body);
            packets.push(Packet {
                seq: self.seq,
                timestamp: self.timestamp,
                marker: ends && spatial + 1 == self.spatial,
                codec: self.says.codec(),
                payload,
                descriptor: (self.says != Says::Vp9).then(|| {
                    let distances: Vec<_> = references.iter().map(|r| (place - r) as u32).collect();
                    self.descriptor(spatial, temporal, key, &distances, begins, ends)
                }),
            });
            self.seq += 1;
        }
        self.sent.push(Sent {
            picture: self.pictures,
            spatial,
            temporal,
            references,
            bodies,
            timestamp: self.timestamp,
            number: self.number,
            picture_id: self.picture_id,
            tl0: self.tl0,
        });
        self.number = self.number.wrapping_add(1);
    }

    fn vp8(&self, begins: bool) -> Vec<u8> {
        let [high, low] = (self.picture_id | 0x8000).to_be_bytes();
        vec![0x80 | u8::from(begins) << 4, 0xf0, high, low, self.tl0]
    }

    fn vp9(
        &self,
        spatial: u8,
        temporal: u8,
        key: bool,
        inter_layer: bool,
        begins: bool,
        ends: bool,
    ) -> Vec<u8> {
        let bit = |set: bool, bit: u8| u8::from(set) << bit;
        let flags = 0xa0 | bit(!key, 6) | bit(begins, 3) | bit(ends, 2);
        let [high, low] = (self.picture_id | 0x8000).to_be_bytes();
        // No picture refers to one before the last of a lower temporal layer.
        let up = temporal < 2;
        let layer = temporal << 5 | bit(up, 4) | spatial << 1 | bit(inter_layer, 0);
        let mut payload = vec![flags, high, low, layer, self.tl0];
        if self.says == Says::Dependency {
            // What the descriptor says must be enough.
            payload[0] = 0xa0 | bit(begins, 3) | bit(ends, 2) | 0x40;
            payload[3] = 0;
        }
        payload
    }

    /// What a frame is for the decode target of a layer.
    fn indication(&self, frame: (u8, u8), key: bool, target: (u8, u8)) -> u32 {
        const NOT_PRESENT: u32 = 0;
        const DISCARDABLE: u32 = 1;
        const SWITCH: u32 = 2;
        const REQUIRED: u32 = 3;
        let below = frame.0 < target.0;
        if frame.1 > target.1 || frame.0 > target.0 {
            return NOT_PRESENT;
        }
        match (below, key, self.mode) {
            (true, true, _) => SWITCH,
            (true, false, Mode::Key) => NOT_PRESENT,
            (true, false, Mode::Full) => REQUIRED,
            (false, ..) if frame.1 == target.1 && frame.1 > 0 => DISCARDABLE,
            _ => SWITCH,
        }
    }

    fn targets(&self) -> impl Iterator<Item = (u8, u8)> {
        (0..self.spatial).flat_map(|s| (0..3).map(move |t| (s, t)))
    }

    fn descriptor(
        &self,
        spatial: u8,
        temporal: u8,
        key: bool,
        distances: &[u32],
        begins: bool,
        ends: bool,
    ) -> Raw {
        let mut bits = Bits::default();
        bits.put(u32::from(begins), 1).put(u32::from(ends), 1);
        bits.put(u32::from(spatial * 3 + temporal), 6);
        bits.put(u32::from(self.number), 16);
        let structure = key && spatial == 0 && begins;
        bits.put(u32::from(structure), 1).put(0, 1);
        bits.put(0b110, 3);
        if structure {
            let targets = 3 * u32::from(self.spatial);
            bits.put(0, 6).put(targets - 1, 5);
            for template in 0..targets {
                let next = match template + 1 {
                    next if next == targets => 3,
                    next if next % 3 == 0 => 2,
                    _ => 1,
                };
                bits.put(next, 2);
            }
            for template in self.targets() {
                for target in self.targets() {
                    bits.put(self.indication(template, true, target), 2);
                }
            }
            for _ in 0..targets {
                bits.put(0, 1);
            }
            // No chains: ns(targets + 1) of 0.
            bits.put(0, (targets + 1).ilog2());
            bits.put(0, 1);
        }
        for target in self.targets() {
            bits.put(self.indication((spatial, temporal), key, target), 2);
        }
        for distance in distances {
            bits.put(1 + u32::from(*distance > 16), 2);
            let width = if *distance > 16 { 8 } else { 4 };
            bits.put(distance - 1, width);
        }
        bits.put(0, 2);
        Raw(bits.bytes)
    }
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
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
}
