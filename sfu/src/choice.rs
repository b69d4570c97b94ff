//! Which layers of a stream a slot forwards: never one that its receiver could
//! not decode, never more than its target.
//!
//! For every spatial layer there is a *cap*, the temporal layer up to which it
//! is forwarded. Caps go down with a new picture. They go up with a frame from
//! which on everything up to the new cap can be decoded, and which can itself
//! be: it lies within the caps, or everything it refers to was forwarded.
//! A packet that comes late is judged by the caps of its own time.

use crate::frame::{Frame, LAYERS, Needs};
use crate::history::Packet;
use crate::layer::Layer;
use crate::rtp::seq::ExtSeq;

/// How many changes of the caps are remembered for packets that come late.
const CHANGES: usize = 8;

/// How many of the latest frames are remembered as forwarded. References
/// reach a few pictures of a few layers back.
const FRAMES: u32 = u128::BITS;

/// For every spatial layer, how many temporal layers are forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Caps([u8; LAYERS]);

impl Caps {
    fn allow(self, layer: Layer) -> bool {
        let cap = self.0.get(usize::from(layer.spatial));
        cap.is_some_and(|cap| layer.temporal < *cap)
    }

    /// The highest spatial layer of a picture of that temporal layer.
    fn top(self, temporal: u8) -> Option<u8> {
        let top = self.0.iter().rposition(|cap| temporal < *cap);
        top.map(|spatial| spatial as u8)
    }

    fn lowered(mut self, target: Layer) -> Self {
        for (spatial, cap) in (0..).zip(&mut self.0) {
            *cap = match spatial <= target.spatial {
                true => (*cap).min(target.temporal + 1),
                false => 0,
            };
        }
        self
    }

    /// Higher spatial layers may refer to lower ones: none is raised above
    /// those below it.
    fn raised(mut self, frame: &Frame, target: Layer) -> Self {
        let mut below = u8::MAX;
        for (spatial, cap) in (0..=target.spatial).zip(&mut self.0) {
            if frame.switch.reaches(spatial, target.temporal) && below > target.temporal {
                *cap = (*cap).max(target.temporal + 1);
            }
            below = *cap;
        }
        self
    }
}

/// How a packet comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Directly after the one that came last.
    Next,
    /// After one or more that are missing.
    AfterGap,
    /// After one with a higher number.
    Late,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is forwarded; whether it is the picture's last.
    Forward {
        /// The marker bit.
        marker: bool,
    },
    /// It is above the target, or not decodable yet.
    Cut {
        /// Only a keyframe makes the layer decodable.
        awaits_keyframe: bool,
    },
}

/// The layers of one run.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    changes: [(ExtSeq, Caps); CHANGES],
    count: usize,
    /// Forwarded frames, a bit each; the lowest is `newest`.
    forwarded: u128,
    newest: u64,
    /// Timestamp of the latest picture.
    picture: Option<u32>,
    /// Timestamp of the latest picture whose last packet was sent.
    ended: Option<u32>,
    awaits_keyframe: bool,
}

impl Choice {
    /// Nothing is forwarded yet.
    pub fn new() -> Self {
        Self {
            changes: [(ExtSeq(0), Caps::default()); CHANGES],
            count: 0,
            forwarded: 0,
            newest: 0,
            picture: None,
            ended: None,
            awaits_keyframe: false,
        }
    }

    /// Whether a wanted layer comes that only a keyframe makes decodable.
    pub fn awaits_keyframe(&self) -> bool {
        self.awaits_keyframe
    }

    /// Judges a packet.
    pub fn judge(
        &mut self,
        target: Layer,
        packet: &Packet,
        frame: &Frame,
        order: Order,
    ) -> Verdict {
        let latest = order != Order::Late;
        // What is missing before a frame of an upper layer may be of the same
        // picture, and is judged as before.
        let alone = frame.layer.spatial == 0 || order == Order::Next;
        if latest && frame.begins && alone {
            self.change(target, packet, frame);
        }
        if latest {
            self.picture = Some(packet.timestamp);
        }
        let caps = self.at(packet.seq);
        if !caps.allow(frame.layer) {
            let wanted = frame.layer.spatial <= target.spatial;
            let closed = caps.0.get(usize::from(frame.layer.spatial)) == Some(&0);
            let awaits_keyframe = latest && wanted && closed;
            self.awaits_keyframe |= awaits_keyframe;
            return Verdict::Cut { awaits_keyframe };
        }
        if let Some(number) = frame.number {
            self.remember(number);
        }
        let top = caps.top(frame.layer.temporal) == Some(frame.layer.spatial);
        let marker = packet.marker || (frame.ends && top);
        if latest && marker {
            self.ended = Some(packet.timestamp);
        }
        Verdict::Forward { marker }
    }

    /// Whether the marker of a packet that is sent again is set.
    pub fn marker(&self, packet: &Packet) -> bool {
        let top = self.at(packet.seq).top(packet.layer.temporal);
        packet.marker || (packet.ends && top == Some(packet.layer.spatial))
    }

    /// Which decode targets of a stream's are forwarded at a packet's time, the
    /// lowest bit for the first.
    pub fn forwarded(&self, seq: ExtSeq, targets: &[Layer]) -> u32 {
        let caps = self.at(seq);
        let targets = targets.iter().rev();
        targets.fold(0, |bits, target| bits << 1 | u32::from(caps.allow(*target)))
    }

    fn change(&mut self, target: Layer, packet: &Packet, frame: &Frame) {
        let before = self.at(packet.seq);
        let mut caps = before;
        if self.picture != Some(packet.timestamp) {
            caps = caps.lowered(target);
            self.awaits_keyframe &= caps.top(0) < Some(target.spatial);
        }
        if self.ended != Some(packet.timestamp) && self.decodable(caps, frame) {
            caps = caps.raised(frame, target);
            if frame.entry {
                self.awaits_keyframe = false;
                // A keyframe opens its own layer whatever else it says.
                caps.0[0] = caps.0[0].max(1);
            }
        }
        if caps != before || self.count == 0 {
            if self.count == CHANGES {
                self.changes.rotate_left(1);
                self.count -= 1;
            }
            self.changes[self.count] = (packet.seq, caps);
            self.count += 1;
        }
    }

    fn decodable(&self, caps: Caps, frame: &Frame) -> bool {
        if caps.allow(frame.layer) {
            return true;
        }
        match frame.needs {
            Needs::Nothing => true,
            Needs::LayerBelow => frame.layer.spatial.checked_sub(1).is_some_and(|spatial| {
                caps.allow(Layer {
                    spatial,
                    ..frame.layer
                })
            }),
            Needs::Frames(references) => frame.number.is_some_and(|number| {
                let mut distances = references.distances().iter();
                distances.all(|distance| self.remembers(number.wrapping_sub(u64::from(*distance))))
            }),
            Needs::Earlier => false,
        }
    }

    /// The caps at a packet's time; none when that is forgotten.
    fn at(&self, seq: ExtSeq) -> Caps {
        let mut changes = self.changes[..self.count].iter().rev();
        let change = changes.find(|(from, _)| *from <= seq);
        change.map_or_else(Caps::default, |(_, caps)| *caps)
    }

    fn remember(&mut self, number: u64) {
        if number > self.newest {
            let steps = number - self.newest;
            self.forwarded = match u32::try_from(steps) {
                Ok(steps) if steps < FRAMES => self.forwarded << steps,
                _ => 0,
            };
            self.newest = number;
        }
        let age = self.newest - number;
        if age < u64::from(FRAMES) {
            self.forwarded |= 1 << age;
        }
    }

    fn remembers(&self, number: u64) -> bool {
        self.newest
            .checked_sub(number)
            .is_some_and(|age| age < u64::from(FRAMES) && self.forwarded >> age & 1 == 1)
    }
}

impl Default for Choice {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::CodecId;
    use crate::frame::Switch;
    use crate::pool::Pool;
    use crate::rtp::picture::Picture;
    use crate::rtp::vp9::Descriptor;

    fn packet(seq: ExtSeq, timestamp: u32, marker: bool, layer: Layer) -> Packet {
        let mut pool = Pool::new(1);
        assert!(pool.reserve(1));
        Packet {
            slot: pool.take().expect("slot"),
            len: 0,
            seq,
            timestamp,
            marker,
            codec: CodecId::all().next().expect("codec"),
            audio_level: None,
            picture: Picture::default(),
            dependency: None,
            layer,
            ends: true,
        }
    }

    fn layer(spatial: u8, temporal: u8) -> Layer {
        Layer { spatial, temporal }
    }

    /// A one-packet frame of VP9, by its descriptor.
    fn frame(spatial: u8, temporal: u8, key: bool, up: bool) -> Frame {
        Frame::of_vp9(&Descriptor {
            begins: true,
            ends: true,
            predicted: !key,
            inter_layer: key && spatial > 0,
            switching_up: up,
            layer: layer(spatial, temporal),
            ..Descriptor::default()
        })
    }

    struct Stream {
        choice: Choice,
        seq: u64,
        timestamp: u32,
    }

    impl Stream {
        fn new() -> Self {
            Self {
                choice: Choice::new(),
                seq: 100,
                timestamp: 0,
            }
        }

        /// A picture of frames; which were forwarded, and which marked.
        fn picture(&mut self, target: Layer, frames: &[Frame]) -> Vec<Option<bool>> {
            self.timestamp += 3000;
            let last = frames.len() - 1;
            let judged = (0..).zip(frames).map(|(index, frame)| {
                self.seq += 1;
                let (seq, ends) = (ExtSeq(self.seq), index == last);
                let packet = packet(seq, self.timestamp, ends, frame.layer);
                match self.choice.judge(target, &packet, frame, Order::Next) {
                    Verdict::Forward { marker } => Some(marker),
                    Verdict::Cut { .. } => None,
                }
            });
            judged.collect()
        }
    }

    #[test]
    fn a_spatial_layer_opens_at_a_keyframe_and_closes_with_the_next_picture() {
        let mut stream = Stream::new();
        let key = [frame(0, 0, true, false), frame(1, 0, true, false)];
        let delta = [frame(0, 0, false, false), frame(1, 0, false, false)];
        assert_eq!(stream.picture(layer(0, 7), &key), [Some(true), None]);
        assert_eq!(stream.picture(layer(1, 7), &delta), [Some(true), None]);
        assert!(stream.choice.awaits_keyframe());
        assert_eq!(stream.picture(layer(1, 7), &key), [Some(false), Some(true)]);
        assert!(!stream.choice.awaits_keyframe());
        assert_eq!(
            stream.picture(layer(1, 7), &delta),
            [Some(false), Some(true)]
        );
        assert_eq!(stream.picture(layer(0, 7), &delta), [Some(true), None]);
        assert!(!stream.choice.awaits_keyframe(), "nobody wants it");
    }

    #[test]
    fn a_temporal_layer_opens_at_a_switching_up_point() {
        let mut stream = Stream::new();
        let (one, two) = (layer(0, 0), layer(0, 1));
        stream.picture(one, &[frame(0, 0, true, false)]);
        let upper = [frame(0, 1, false, true)];
        assert_eq!(stream.picture(two, &upper), [None]);
        stream.picture(two, &[frame(0, 0, false, false)]);
        assert_eq!(stream.picture(two, &upper), [None]);
        stream.picture(two, &[frame(0, 0, false, true)]);
        assert_eq!(stream.picture(two, &upper), [Some(true)]);
        assert!(!stream.choice.awaits_keyframe());
    }

    #[test]
    fn a_late_packet_is_judged_by_the_caps_of_its_time() {
        let mut stream = Stream::new();
        let all = layer(1, 0);
        let key = [frame(0, 0, true, false), frame(1, 0, true, false)];
        let delta = [frame(0, 0, false, false), frame(1, 0, false, false)];
        stream.picture(all, &key);
        stream.seq += 1;
        let late = ExtSeq(stream.seq);
        stream.picture(layer(0, 0), &delta);
        let mut judge = |seq| {
            let packet = packet(seq, 3000, false, delta[1].layer);
            let choice = &mut stream.choice;
            choice.judge(layer(0, 0), &packet, &delta[1], Order::Late)
        };
        assert_eq!(judge(late), Verdict::Forward { marker: true });
        let after = ExtSeq(late.0 + 2);
        let cut = Verdict::Cut {
            awaits_keyframe: false,
        };
        assert_eq!(judge(after), cut);
        assert_eq!(judge(ExtSeq(99)), cut, "before the first");
    }

    #[test]
    fn a_frame_opens_its_layer_only_if_what_it_refers_to_was_forwarded() {
        let mut choice = Choice::new();
        assert!(!choice.remembers(0));
        choice.remember(1_000);
        choice.remember(1_005);
        choice.remember(1_003);
        let known: Vec<_> = (990..1_010).filter(|n| choice.remembers(*n)).collect();
        assert_eq!(known, [1_000, 1_003, 1_005]);
        choice.remember(1_000 + u64::from(FRAMES));
        assert!(!choice.remembers(1_000));
        assert!(choice.remembers(1_003));
        let unnamed = Frame {
            needs: Needs::Earlier,
            switch: Switch::ALL,
            ..Frame::WHOLE
        };
        assert!(!choice.decodable(Caps::default(), &unnamed));
    }
}
