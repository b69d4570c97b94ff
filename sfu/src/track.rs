//! A published source: its streams, and who receives it.

use crate::codec::MediaKind;
use crate::config::{ENCODING_SILENT, SCREEN_SILENT, UNREPORTED};
use crate::encoding::Encoding;
use crate::layer::{Layer, LayerRate};
use crate::link::Relay;
use crate::peer::PeerKey;
use crate::rtp::allocation::Allocation;
use crate::speakers::Voice;
use crate::wanted::{Extent, Wanted};
use conclave_wire::control::{Source, SourceOf};
use conclave_wire::id::RoomId;
use std::time::{Duration, Instant};

/// Most layers of all encodings that are measured apart.
const LAYERS_MAX: usize = 16;

/// Steps of [`RATE_STEP`](crate::config::RATE_STEP) over which the usual cost
/// is taken: 3 s.
const USUAL: u64 = 15;

/// A step counts for no more than so many times what the sender says that the
/// layer is to cost, or what it costs already: a keyframe of a screen is as much
/// as seconds of the rest, and comes because somebody was not sent the layer. A
/// sender that says less than it sends is found out in some seconds.
const BURST: u64 = 4;

/// Bits a second that no layer is taken to be below, for that.
const LEAST: u64 = 30_000;

/// A slot that carries a track, or waits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriber {
    /// Whose.
    pub peer: PeerKey,
    /// Which of the peer's slots.
    pub slot: usize,
}

/// Where a track comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A connection of this shard.
    Peer(PeerKey),
    /// Another shard, where its sender is connected and which sends it as that.
    Shard(usize, Relay),
}

impl Owner {
    /// The connection that sends it, if it is here.
    pub fn peer(self) -> Option<PeerKey> {
        match self {
            Self::Peer(peer) => Some(peer),
            Self::Shard(..) => None,
        }
    }
}

/// What a track is.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// Who sends it.
    pub owner: Owner,
    /// Whose members may receive it.
    pub room: RoomId,
    /// Which source it is.
    pub source: SourceOf,
    /// Audio or video.
    pub kind: MediaKind,
}

/// A published source.
#[derive(Debug)]
pub struct Track {
    /// Who sends it.
    pub owner: Owner,
    /// Whose members may receive it.
    pub room: RoomId,
    /// What it is.
    pub source: SourceOf,
    /// Audio or video.
    pub kind: MediaKind,
    /// Its streams, lowest first; several are a simulcast. At least one.
    pub encodings: Vec<Encoding>,
    /// The slots.
    pub subscribers: Vec<Subscriber>,
    /// Encodings that are being sent, one bit each.
    alive: u8,
    layers: Vec<LayerRate>,
    usual: Vec<LayerRate>,
    /// What the sender says that the layers are to cost.
    said: Vec<LayerRate>,
    /// What its sender is asked for.
    pub wanted: Wanted,
    /// How loud it is, if it is a microphone.
    pub voice: Voice,
    serial: u64,
    /// The other shards that it is sent to, one bit each.
    pub relayed: u64,
    /// How much of it they receive.
    pub elsewhere: Vec<(usize, Extent)>,
}

impl Track {
    /// A track that nobody receives and that has sent nothing.
    pub fn new(published: Published, encodings: Vec<Encoding>) -> Self {
        Self {
            owner: published.owner,
            room: published.room,
            source: published.source,
            kind: published.kind,
            serial: encodings.first().map_or(0, |first| first.serial.0),
            encodings,
            subscribers: Vec::new(),
            alive: 0,
            layers: Vec::with_capacity(LAYERS_MAX),
            usual: Vec::with_capacity(LAYERS_MAX),
            said: Vec::with_capacity(LAYERS_MAX),
            wanted: Wanted::default(),
            voice: Voice::default(),
            relayed: 0,
            elsewhere: Vec::new(),
        }
    }

    /// Its name towards other shards, as it lies at `index` of the table.
    pub fn relay(&self, index: usize) -> Relay {
        Relay {
            track: index,
            serial: self.serial,
        }
    }

    /// Whether the spatial layers are streams of their own.
    pub fn is_simulcast(&self) -> bool {
        self.encodings.len() > 1
    }

    /// The encoding a slot is to take: the highest one within its target that
    /// is being sent, else the lowest that is.
    pub fn desired(&self, target: Layer) -> usize {
        let within = self.alive & (u8::MAX >> (7 - target.spatial.min(7)));
        match (within, self.alive) {
            (0, 0) => usize::from(target.spatial).min(self.encodings.len() - 1),
            (0, alive) => alive.trailing_zeros() as usize,
            (within, _) => 7 - within.leading_zeros() as usize,
        }
    }

    /// Whether an encoding is not being sent, while another is.
    pub fn has_stopped(&self, encoding: usize) -> bool {
        self.alive != 0 && self.alive >> encoding & 1 == 0
    }

    /// A packet of an encoding came.
    pub fn hear(&mut self, encoding: usize, layer: Layer, bytes: usize, now: Instant) {
        self.alive |= 1 << encoding;
        if let Some(encoding) = self.encodings.get_mut(encoding) {
            encoding.hear(layer, bytes, now);
        }
    }

    /// After how long without a packet an encoding counts as not sent.
    fn silent(&self) -> Duration {
        match self.source.source {
            Source::Screen => SCREEN_SILENT,
            _ => ENCODING_SILENT,
        }
    }

    /// What time brings: encodings fall silent, layers are measured.
    pub fn tick(&mut self, now: Instant) {
        let mut measured = false;
        let silent = self.silent();
        for (index, encoding) in self.encodings.iter_mut().enumerate() {
            if !encoding.is_alive(now, silent) {
                self.alive &= !(1 << index);
            }
            measured |= encoding.rates.tick(now);
        }
        if measured {
            self.measure();
        }
    }

    /// What the layers it is received in cost, lowest first; empty while that
    /// is not known.
    pub fn layers(&self) -> &[LayerRate] {
        &self.layers
    }

    /// What the layers usually cost, over some seconds: a burst moves it little.
    /// What is not sent for now comes to cost what its sender says, if it says
    /// so, and else keeps its cost. Lowest first.
    pub fn usual(&self) -> &[LayerRate] {
        &self.usual
    }

    /// The sender says what it sends, and what that is to cost: what it has
    /// stopped need not be waited for, and what has not been measured is taken
    /// at its word.
    pub fn plan(&mut self, allocation: &Allocation) {
        let simulcast = self.is_simulcast();
        for stream in 0..self.encodings.len() {
            if !allocation.sends(stream) {
                self.alive &= !(1 << stream);
            }
        }
        for (stream, mut layer, bits_per_second) in allocation.layers() {
            if stream >= self.encodings.len() {
                return;
            }
            if simulcast {
                layer.spatial = stream as u8;
            }
            let rate = LayerRate {
                layer,
                bits_per_second: bits_per_second.min(UNREPORTED),
            };
            if let Err(at) = place(&self.usual, layer)
                && self.usual.len() < LAYERS_MAX
            {
                self.usual.insert(at, rate);
            }
            match place(&self.said, layer) {
                Ok(at) => self.said[at] = rate,
                Err(at) if self.said.len() < LAYERS_MAX => self.said.insert(at, rate),
                Err(_) => {}
            }
        }
    }

    fn remember(&mut self) {
        for known in &mut self.usual {
            let of = |rates: &[LayerRate]| {
                let at = place(rates, known.layer).ok()?;
                Some(rates[at].bits_per_second)
            };
            let (measured, said) = (of(&self.layers), of(&self.said));
            let now = match said {
                Some(said) => {
                    let most = BURST * said.max(known.bits_per_second).max(LEAST);
                    Some(measured.map_or(said, |rate| rate.min(most)))
                }
                None => measured,
            };
            let Some(now) = now else { continue };
            known.bits_per_second =
                known.bits_per_second.saturating_mul(USUAL - 1) / USUAL + now / USUAL;
        }
        for rate in &self.layers {
            if let Err(at) = place(&self.usual, rate.layer)
                && self.usual.len() < LAYERS_MAX
            {
                self.usual.insert(at, *rate);
            }
        }
    }

    fn measure(&mut self) {
        self.measure_layers();
        self.remember();
    }

    fn measure_layers(&mut self) {
        self.layers.clear();
        for (index, encoding) in self.encodings.iter().enumerate() {
            for (layer, _) in encoding.rates.layers() {
                if self.layers.len() == LAYERS_MAX {
                    return;
                }
                // Encodings replace each other, layers of a stream add up.
                let parts = encoding.rates.layers();
                let costs = parts.filter(|(part, _)| part.within(layer));
                let named = match self.encodings.len() {
                    1 => layer,
                    _ => Layer {
                        spatial: index as u8,
                        ..layer
                    },
                };
                self.layers.push(LayerRate {
                    layer: named,
                    bits_per_second: costs.map(|(_, rate)| rate).sum(),
                });
            }
        }
    }

    /// Adds a slot, once.
    pub fn subscribe(&mut self, subscriber: Subscriber) {
        if !self.subscribers.contains(&subscriber) {
            self.subscribers.push(subscriber);
        }
    }

    /// Removes a slot.
    pub fn unsubscribe(&mut self, subscriber: Subscriber) {
        if let Some(at) = self.subscribers.iter().position(|s| *s == subscriber) {
            self.subscribers.swap_remove(at);
        }
    }
}

/// Where a layer is in rates that are sorted by it, or belongs.
fn place(rates: &[LayerRate], layer: Layer) -> Result<usize, usize> {
    rates.binary_search_by_key(&layer, |rate| rate.layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::Serial;
    use conclave_wire::control::Source;
    use conclave_wire::id::ParticipantId;

    fn track(encodings: usize) -> Track {
        let source = SourceOf {
            participant: ParticipantId([1; 16]),
            source: Source::Camera,
        };
        let published = Published {
            owner: Owner::Peer(PeerKey(0)),
            room: RoomId([1; 16]),
            source,
            kind: MediaKind::Video,
        };
        let encodings = (0..encodings).map(|n| Encoding::new(Serial(n as u64), 1));
        Track::new(published, encodings.collect())
    }

    fn layer(spatial: u8, temporal: u8) -> Layer {
        Layer { spatial, temporal }
    }

    #[test]
    fn the_desired_encoding_is_the_highest_one_within_the_target_that_is_sent() {
        let start = Instant::now();
        let mut track = track(3);
        assert_eq!(track.desired(Layer::HIGHEST), 2, "nothing is known yet");
        track.hear(1, layer(0, 0), 100, start);
        assert_eq!(track.desired(Layer::HIGHEST), 1);
        assert_eq!(track.desired(layer(0, 7)), 1, "better than nothing");
        track.hear(0, layer(0, 0), 100, start);
        assert_eq!(track.desired(layer(0, 7)), 0);
        track.hear(1, layer(0, 0), 100, start + Duration::from_secs(9));
        track.tick(start + Duration::from_secs(9));
        assert_eq!(track.desired(layer(0, 7)), 1, "the lowest went silent");
    }

    #[test]
    fn what_a_sender_says_counts_until_it_is_measured_and_stops_what_it_stopped() {
        let start = Instant::now();
        let mut track = track(3);
        (0..3).for_each(|n| track.hear(n, layer(0, 0), 100, start));
        assert_eq!(track.desired(Layer::HIGHEST), 2);
        // Streams of 100 and 300 kbit/s, the third stopped.
        let said = [0x60, 0x11, 0x00, 0x00, 100, 0xac, 0x02];
        track.plan(&Allocation::parse(&said).expect("an allocation"));
        assert_eq!(track.desired(Layer::HIGHEST), 1, "at once");
        let costs = |track: &Track| -> Vec<_> {
            let usual = track.usual().iter();
            usual.map(|rate| rate.bits_per_second / 100_000).collect()
        };
        assert_eq!(costs(&track), [1, 3]);
        for ms in 0..8_000 {
            let now = start + Duration::from_millis(ms);
            track.hear(1, layer(0, 0), 125, now);
            track.tick(now);
        }
        track.plan(&Allocation::parse(&said).expect("an allocation"));
        assert!(costs(&track)[1] > 8, "{:?}", costs(&track));
    }

    #[test]
    fn a_keyframe_does_not_make_a_layer_dear_and_one_that_is_not_sent_costs_what_was_said() {
        let start = Instant::now();
        let mut track = track(2);
        // Streams of 100 and 300 kbit/s.
        let said = [0x11, 0x00, 100, 0xac, 0x02];
        let cost = |track: &Track| track.usual()[0].bits_per_second / 1_000;
        let mut at = 0;
        let mut pass = |track: &mut Track, ms: u64, bytes: usize| {
            for _ in 0..ms {
                at += 1;
                let now = start + Duration::from_millis(at);
                if bytes > 0 {
                    track.hear(0, layer(0, 0), bytes, now);
                }
                track.tick(now);
            }
        };
        track.plan(&Allocation::parse(&said).expect("an allocation"));
        pass(&mut track, 400, 500);
        assert!(cost(&track) <= 200, "{}", cost(&track));
        pass(&mut track, 10_000, 500);
        assert!(cost(&track) > 3_000, "it says too little");
        pass(&mut track, 20_000, 0);
        assert!((95..=110).contains(&cost(&track)), "{}", cost(&track));
    }

    #[test]
    fn costs_add_up_within_a_stream_and_not_across_a_simulcast() {
        let start = Instant::now();
        let (mut svc, mut simulcast) = (track(1), track(2));
        for ms in 0..1_001 {
            let now = start + Duration::from_millis(ms);
            for (at, bytes) in [(layer(0, 0), 125), (layer(0, 1), 250), (layer(1, 0), 500)] {
                svc.hear(0, at, bytes, now);
                let encoding = usize::from(at.spatial);
                simulcast.hear(encoding, layer(0, at.temporal), bytes, now);
            }
            svc.tick(now);
            simulcast.tick(now);
        }
        let told = |track: &Track| -> Vec<_> {
            let layers = track.layers().iter();
            layers
                .map(|rate| (rate.layer, rate.bits_per_second / 100_000))
                .collect()
        };
        let (one, two, upper) = (layer(0, 0), layer(0, 1), layer(1, 0));
        assert_eq!(told(&svc), [(one, 10), (two, 30), (upper, 50)]);
        assert_eq!(told(&simulcast), [(one, 10), (two, 30), (upper, 40)]);
    }
}
