//! Where a room spans shards: what a shard does for the others, whose members
//! receive what its own members send.
//!
//! ```text
//! publisher -> shard: unprotect, route -+-> burst, own receivers
//!                                       +-> link -> shard: mirror -> burst, its receivers
//! ```
//!
//! The other side is [`crate::mirror`].

use crate::drop::DropReason;
use crate::encoding::{Encoding, PublisherClock};
use crate::history::Packet;
use crate::link::{Head, Link, Missing, Relay, Signal, Wish};
use crate::metrics::Counter;
use crate::pool::HEADROOM;
use crate::route::Routed;
use crate::shard::Shard;
use crate::slot::Origin;
use crate::track::{Owner, Track};
use crate::wanted::Extent;
use conclave_wire::control::SourceOf;
use conclave_wire::id::RoomId;
use std::collections::HashMap;
use std::time::Instant;

/// A shard's links to the others, and what is agreed on over them.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// By shard; none to itself.
    ends: Vec<Option<Link>>,
    /// Shards with something new, one bit each: to be woken.
    pub(crate) wakes: u64,
    /// Where to begin to take what came.
    pub(crate) turn: usize,
    /// The other shards that have members of a room, of the rooms that span.
    pub(crate) spans: HashMap<RoomId, u64>,
    /// What the others want, one bit for each of them.
    asked: HashMap<(RoomId, Wish), u64>,
    /// What is wanted of the others.
    pub(crate) wants: HashMap<(RoomId, Wish), Want>,
    /// Rooms in which less may be wanted than was.
    pub(crate) slack: Vec<RoomId>,
    /// When to look at them.
    pub(crate) settle_due: Option<Instant>,
    /// Tracks of other shards.
    pub(crate) mirrors: HashMap<(usize, Relay), usize>,
}

impl Links {
    pub(crate) fn new(ends: Vec<Option<Link>>) -> Self {
        Self {
            ends,
            ..Self::default()
        }
    }

    /// How many shards there are, itself included; none where it is alone.
    pub(crate) fn shards(&self) -> usize {
        self.ends.len()
    }

    /// The link to a shard.
    pub(crate) fn to(&mut self, shard: usize) -> Option<&mut Link> {
        self.ends.get_mut(shard)?.as_mut()
    }

    /// Says something to a shard.
    pub(crate) fn say(&mut self, shard: usize, signal: Signal) {
        if let Some(link) = self.to(shard) {
            link.say(signal);
            self.wakes |= 1 << shard;
        }
    }

    /// Says something to every shard that has a bit.
    pub(crate) fn say_all(&mut self, shards: u64, signal: Signal) {
        bits(shards).for_each(|shard| self.say(shard, signal));
    }

    /// The shards that want a source of a room, one bit each.
    fn asking(&self, room: RoomId, source: SourceOf) -> u64 {
        let wishes = [Wish::Source(source), Wish::Microphones].into_iter();
        let wishes = wishes.filter(|wish| wish.covers(source));
        let asked = wishes.filter_map(|wish| self.asked.get(&(room, wish)));
        asked.fold(0, |all, shards| all | shards)
    }

    /// The shards that were told that a source of a room is wanted.
    pub(crate) fn wanting(&self, room: RoomId, source: SourceOf) -> u64 {
        let wishes = [Wish::Source(source), Wish::Microphones].into_iter();
        let wishes = wishes.filter(|wish| wish.covers(source));
        let wants = wishes.filter_map(|wish| self.wants.get(&(room, wish)));
        wants.fold(0, |all, want| all | want.told)
    }

    fn send(
        &mut self,
        shard: usize,
        head: Head,
        payload: &[u8],
        dependency: &[u8],
    ) -> Result<(), DropReason> {
        let link = self.to(shard).ok_or(DropReason::UnknownRelay)?;
        link.send(head, payload, dependency)?;
        self.wakes |= 1 << shard;
        Ok(())
    }
}

/// What is known of a wish in other shards, which have a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Want {
    /// Those that know of it.
    pub(crate) told: u64,
    /// Those that said that the source is not there.
    pub(crate) absent: u64,
}

/// What a shard holds of rooms that span, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Rooms that have members on other shards, too.
    pub spans: usize,
    /// Sources that other shards want.
    pub asked: usize,
    /// Sources that other shards were asked for.
    pub wants: usize,
    /// Tracks of other shards.
    pub mirrors: usize,
    /// Tracks, mirrors among them.
    pub tracks: usize,
}

/// The shards that have a bit.
pub(crate) fn bits(mut shards: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let shard = (shards != 0).then(|| shards.trailing_zeros() as usize)?;
        shards &= shards - 1;
        Some(shard)
    })
}

impl Shard {
    /// What it holds; nothing where nobody is connected and nothing is under
    /// way between shards.
    pub fn held(&self) -> Held {
        Held {
            spans: self.links.spans.len(),
            asked: self.links.asked.len(),
            wants: self.links.wants.len(),
            mirrors: self.links.mirrors.len(),
            tracks: self.tracks.iter().flatten().count(),
        }
    }

    /// Sends a packet to the shards that want its track.
    pub(crate) fn relay(&mut self, routed: &Routed) {
        let track = self.tracks.get(routed.origin.track);
        let shards = track.and_then(Option::as_ref).map_or(0, |t| t.relayed);
        for shard in bits(shards) {
            match self.send_across(shard, routed.origin, &routed.packet, routed.repaired) {
                Ok(()) => self.metrics.count(Counter::Relayed),
                Err(reason) => self.metrics.count_drop(reason),
            }
        }
    }

    fn send_across(
        &mut self,
        shard: usize,
        origin: Origin,
        packet: &Packet,
        repaired: bool,
    ) -> Result<(), DropReason> {
        let track = self.tracks.get(origin.track).and_then(Option::as_ref);
        let track = track.ok_or(DropReason::UnknownStream)?;
        let encoding = track.encodings.get(origin.encoding);
        let ssrc = encoding.and_then(|encoding| encoding.ssrc);
        let head = Head {
            relay: track.relay(origin.track),
            encoding: origin.encoding,
            ssrc: ssrc.ok_or(DropReason::UnknownStream)?,
            seq: packet.seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            codec: packet.codec,
            audio_level: packet.audio_level,
            len: 0,
            dependency: 0,
            repaired,
        };
        let bytes = self.pool.slot(packet.slot);
        // Whoever received it before has left other numbers there.
        packet.picture.write(&mut bytes[HEADROOM..]);
        let payload = &bytes[HEADROOM..HEADROOM + usize::from(packet.len)];
        let dependency = packet.dependency.and_then(|dependency| {
            let at = usize::from(dependency.at);
            bytes.get(at..at + usize::from(dependency.len))
        });
        let dependency = dependency.unwrap_or_default();
        self.links.send(shard, head, payload, dependency)
    }

    /// Another shard wants something of a room, which may not be there yet.
    pub(crate) fn asked(&mut self, from: usize, room: RoomId, wish: Wish) {
        *self.links.asked.entry((room, wish)).or_default() |= 1 << from;
        let mut there = false;
        for index in 0..self.tracks.len() {
            let track = self.tracks[index].as_ref();
            if track.is_some_and(|track| wish.covers(track.source)) {
                there |= self.begin_relaying(from, index, room);
            }
        }
        if let Wish::Source(source) = wish
            && !there
        {
            self.links.say(from, Signal::Absent(room, source));
        }
    }

    /// Another shard wants something no more.
    pub(crate) fn no_longer_asked(&mut self, from: usize, room: RoomId, wish: Wish) {
        if let Some(asked) = self.links.asked.get_mut(&(room, wish)) {
            *asked &= !(1 << from);
            if *asked == 0 {
                self.links.asked.remove(&(room, wish));
            }
        }
        let tracks = self.tracks.iter_mut().flatten();
        for track in tracks.filter(|track| track.room == room && wish.covers(track.source)) {
            let still = self.links.asking(room, track.source) & (1 << from);
            if still == 0 {
                track.relayed &= !(1 << from);
                track.elsewhere.retain(|(shard, _)| *shard != from);
            }
        }
    }

    /// A source has begun here: whoever waits for it gets it.
    pub(crate) fn offer_track(&mut self, index: usize) {
        let Some(Some(track)) = self.tracks.get(index) else {
            return;
        };
        let room = track.room;
        for shard in bits(self.links.asking(room, track.source)) {
            self.begin_relaying(shard, index, room);
        }
    }

    /// Sends a track to another shard from now on; whether it can be.
    fn begin_relaying(&mut self, to: usize, index: usize, room: RoomId) -> bool {
        let Some(Some(track)) = self.tracks.get_mut(index) else {
            return false;
        };
        // Sources never cross rooms, and what is from elsewhere goes no further.
        if track.room != room || track.owner.peer().is_none() {
            return false;
        }
        if track.relayed & (1 << to) != 0 {
            return true;
        }
        track.relayed |= 1 << to;
        // Until it says otherwise.
        track.elsewhere.push((to, Extent::Whole));
        let relay = track.relay(index);
        let begins = Signal::Begins {
            relay,
            room,
            source: track.source,
            kind: track.kind,
            encodings: track.encodings.len(),
        };
        self.links.say(to, begins);
        for (encoding, known) in track.encodings.iter().enumerate() {
            if let Some(clock) = known.clock {
                let clock = Signal::Clock {
                    relay,
                    encoding,
                    clock,
                };
                self.links.say(to, clock);
            }
        }
        true
    }

    /// A track has ended, or is about to.
    pub(crate) fn end_relaying(&mut self, index: usize) {
        if let Some(Some(track)) = self.tracks.get_mut(index) {
            let shards = std::mem::take(&mut track.relayed);
            track.elsewhere.clear();
            let ends = Signal::Ends(track.relay(index));
            self.links.say_all(shards, ends);
        }
    }

    /// A publisher has told its clock.
    pub(crate) fn relay_clock(&mut self, index: usize, encoding: usize, clock: PublisherClock) {
        if let Some(Some(track)) = self.tracks.get(index) {
            let told = Signal::Clock {
                relay: track.relay(index),
                encoding,
                clock,
            };
            self.links.say_all(track.relayed, told);
        }
    }

    /// Slots elsewhere wait for a keyframe.
    pub(crate) fn keyframe_across(&mut self, now: Instant, relay: Relay, encoding: usize) {
        let Some(track) = self.relayed_as(relay) else {
            return;
        };
        if let Some(encoding) = track.encodings.get_mut(encoding) {
            encoding.keyframes.want();
            self.ask_keyframe(now, relay.track);
        }
    }

    /// Another shard says how much of a track is received there.
    pub(crate) fn received_elsewhere(&mut self, from: usize, relay: Relay, extent: Extent) {
        let Some(track) = self.relayed_as(relay) else {
            return;
        };
        match track.elsewhere.iter_mut().find(|(shard, _)| *shard == from) {
            Some(known) => known.1 = extent,
            None => track.elsewhere.push((from, extent)),
        }
    }

    /// A packet that another shard has not got is sent to it again.
    ///
    /// # Errors
    /// [`DropReason::NotInHistory`], or why it cannot cross.
    pub(crate) fn lost_across(
        &mut self,
        to: usize,
        relay: Relay,
        missing: Missing,
    ) -> Result<(), DropReason> {
        let track = self.relayed_as(relay).ok_or(DropReason::UnknownRelay)?;
        let known = track.encodings.get(missing.encoding);
        let known = known.filter(|known| known.ssrc == Some(missing.ssrc));
        let kept = |known: &Encoding| Some((known.serial, *known.history.packet(missing.seq)?));
        let (serial, packet) = known.and_then(kept).ok_or(DropReason::NotInHistory)?;
        let origin = Origin {
            serial,
            track: relay.track,
            encoding: missing.encoding,
        };
        self.send_across(to, origin, &packet, true)?;
        self.metrics.count(Counter::RelayedAgain);
        Ok(())
    }

    /// The track that is sent to other shards under a name.
    fn relayed_as(&mut self, relay: Relay) -> Option<&mut Track> {
        let track = self.tracks.get_mut(relay.track)?.as_mut()?;
        let here = matches!(track.owner, Owner::Peer(_));
        (here && track.relay(relay.track) == relay).then_some(track)
    }
}
