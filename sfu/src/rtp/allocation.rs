//! Video layers allocation, version 0: which layers a sender sends, and what
//! each is to cost
//! (<http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00>).
//! It is meant for the next hop, and goes no further.

use crate::layer::Layer;

/// Streams, spatial layers of a stream, and temporal layers of those, at most.
const SIDE: usize = 4;

/// What one sender said last of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allocation {
    /// How many streams there are.
    streams: usize,
    /// The spatial layers that each stream has, a bit for each.
    spatial: [u8; SIDE],
    /// kbit/s of everything a receiver of that layer needs; 0 is not sent.
    kilobits: [[[u32; SIDE]; SIDE]; SIDE],
}

impl Allocation {
    /// Reads the element; nothing when it is cut short. Sizes and frame rates
    /// behind the bit rates are not looked at.
    pub fn parse(element: &[u8]) -> Option<Self> {
        let (&first, mut rest) = element.split_first()?;
        let mut read = Self {
            streams: usize::from(first >> 4 & 3) + 1,
            ..Self::default()
        };
        if element == [0] {
            return Some(read);
        }
        let streams = read.streams;
        match first & 0x0f {
            0 => {
                let (masks, behind) = rest.split_at_checked(streams.div_ceil(2))?;
                rest = behind;
                for (stream, spatial) in read.spatial.iter_mut().take(streams).enumerate() {
                    let mask = masks.get(stream / 2)?;
                    *spatial = if stream % 2 == 0 {
                        mask >> 4
                    } else {
                        mask & 15
                    };
                }
            }
            same => read.spatial[..streams].fill(same),
        }
        let layers: u32 = read.spatial.iter().map(|mask| mask.count_ones()).sum();
        let (counts, behind) = rest.split_at_checked(layers.div_ceil(4) as usize)?;
        rest = behind;
        let mut counts = counts
            .iter()
            .flat_map(|byte| [byte >> 6, byte >> 4 & 3, byte >> 2 & 3, byte & 3]);
        for (mask, stream) in read.spatial.iter().zip(&mut read.kilobits) {
            let sent = stream.iter_mut().enumerate();
            for (_, spatial) in sent.filter(|(layer, _)| mask >> layer & 1 == 1) {
                let temporal = usize::from(counts.next()?) + 1;
                for kilobits in &mut spatial[..temporal] {
                    (*kilobits, rest) = leb128(rest)?;
                }
            }
        }
        Some(read)
    }

    /// Whether anything is sent on a stream.
    pub fn sends(&self, stream: usize) -> bool {
        self.spatial.get(stream).is_some_and(|mask| *mask != 0)
    }

    /// Every layer that is sent: its stream, itself, and bits a second of
    /// everything that a receiver of it needs.
    pub fn layers(&self) -> impl Iterator<Item = (usize, Layer, u64)> + '_ {
        let places = (0..SIDE).flat_map(|stream| (0..SIDE * SIDE).map(move |at| (stream, at)));
        places.filter_map(|(stream, at)| {
            let (spatial, temporal) = (at / SIDE, at % SIDE);
            let kilobits = self.kilobits[stream][spatial][temporal];
            let layer = Layer {
                spatial: spatial as u8,
                temporal: temporal as u8,
            };
            (kilobits > 0).then_some((stream, layer, u64::from(kilobits) * 1_000))
        })
    }
}

/// An unsigned number of at most 32 bits, seven in a byte, the lowest first.
fn leb128(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(element: &[u8]) -> Vec<(usize, u8, u8, u64)> {
        let read = Allocation::parse(element).expect("an allocation");
        let layers = read.layers();
        layers
            .map(|(stream, layer, rate)| (stream, layer.spatial, layer.temporal, rate / 1_000))
            .collect()
    }

    #[test]
    fn a_simulcast_of_which_a_stream_is_stopped_is_read() {
        // Three streams, the last without a layer; two temporal layers, one.
        let element = [0x60, 0x11, 0x00, 0b0100_0000, 50, 100, 0xac, 0x02];
        assert_eq!(
            told(&element),
            [(0, 0, 0, 50), (0, 0, 1, 100), (1, 0, 0, 300)]
        );
        let read = Allocation::parse(&element).expect("an allocation");
        let sends: Vec<_> = (0..5).map(|stream| read.sends(stream)).collect();
        assert_eq!(sends, [true, true, false, false, false]);
    }

    #[test]
    fn layers_of_one_stream_and_sizes_behind_them_are_read() {
        let mut element = vec![0x03, 0b0001_0000, 10, 20, 30];
        let svc = [(0, 0, 0, 10), (0, 1, 0, 20), (0, 1, 1, 30)];
        assert_eq!(told(&element), svc);
        element.extend([1, 63, 0, 179, 30, 2, 127, 1, 103, 30]);
        assert_eq!(told(&element), svc);
        assert_eq!(told(&[0]), []);
    }

    #[test]
    fn what_is_cut_short_is_nothing_and_random_bytes_never_panic() {
        let element = [0x60, 0x11, 0x00, 0b0100_0000, 50, 100, 0xac, 0x02];
        for len in 0..element.len() {
            assert_eq!(Allocation::parse(&element[..len]), None, "{len}");
        }
        assert_eq!(
            Allocation::parse(&[1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            None
        );
        let mut random = 0x5eed_u64;
        for _ in 0..200_000 {
            let bytes: Vec<_> = (0..random % 24)
                .map(|_| {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    (random >> 56) as u8
                })
                .collect();
            if let Some(read) = Allocation::parse(&bytes) {
                assert!(read.layers().all(|(stream, ..)| read.sends(stream)));
            }
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(7);
        }
    }
}
