//! The way of a packet once it is many: for every receiver of the burst select,
//! rewrite, protect. A receiver's copies are made one after the other, while
//! its keys and slots are at hand, and lie together in the batch.

use crate::burst::{Due, Waiting};
use crate::codec::MediaKind;
use crate::drop::DropReason;
use crate::egress::Egress;
use crate::history::Packet;
use crate::metrics::Counter;
use crate::pace::{self, Owed};
use crate::peer::{Peer, PeerKey};
use crate::room::Room;
use crate::route::Routed;
use crate::select::{self, Selected};
use crate::shard::Shard;
use crate::track::{Owner, Subscriber, Track};
use crate::{protect, rewrite};
use conclave_wire::control::Source;
use std::time::Instant;

/// A packet that leaves for one receiver now.
struct Leaving<'a> {
    slot: usize,
    selected: Selected,
    packet: &'a Packet,
    padding: u8,
}

impl Leaving<'_> {
    /// Numbers, rewrites and seals it; `bytes` is its pool slot. As what it is
    /// to be counted.
    #[inline]
    fn leave(
        mut self,
        receiver: &mut Peer,
        bytes: &mut [u8],
        egress: &mut Egress,
        now: Instant,
    ) -> Result<Counter, DropReason> {
        let len = self.selected.len(self.packet);
        self.selected.transport = receiver.depart(self.slot, len, now);
        let slot = receiver.slots.get(self.slot);
        let slot = slot.ok_or(DropReason::UnknownStream)?;
        let rewritten = rewrite::forward(slot, &self.selected, self.packet, self.padding, bytes);
        let keys = receiver.keys.as_ref().ok_or(DropReason::NoKeys)?;
        protect::rtp(keys, &rewritten, bytes, egress)?;
        Ok(match self.selected.filler {
            true => Counter::Filled,
            false => Counter::Forwarded,
        })
    }
}

impl Shard {
    /// Adds a packet to the burst, for every slot of its track.
    pub(crate) fn enlist(&mut self, now: Instant, routed: Routed) -> Result<(), DropReason> {
        let (routed, place) = match self.hear(now, routed) {
            Ok(heard) => heard,
            Err(reason) => {
                self.pool.give(routed.packet.slot);
                return Err(reason);
            }
        };
        let track = self.tracks.get(routed.origin.track);
        let track = track.and_then(Option::as_ref);
        let copies = track.map_or(0, |track| track.subscribers.len());
        let listening = place.and(track).and_then(|track| self.room_of(track));
        let copies = copies + listening.map_or(0, |room| room.listeners.len());
        while !self.burst.takes(copies) && !self.burst.is_empty() {
            self.deliver();
        }
        let Some(Some(track)) = self.tracks.get_mut(routed.origin.track) else {
            self.pool.give(routed.packet.slot);
            return Err(DropReason::UnknownStream);
        };
        let video = track.kind == MediaKind::Video;
        let encoding = track.encodings.get_mut(routed.origin.encoding);
        let mut held = None;
        if let Some(encoding) = encoding {
            if routed.frame.entry {
                encoding.keyframes.seen();
            }
            // More of the frame is under way, and nothing can be done with a
            // part of it.
            let more = self.busy && video && encoding.is_lively() && !routed.packet.marker;
            held = more.then(|| now + self.hold);
        }
        let waiting = Waiting::new(routed);
        let packet = self.burst.push(waiting, copies, held);
        for subscriber in &track.subscribers {
            let slot = subscriber.slot;
            if let Err(reason) = self.burst.owe(subscriber.peer, Due { packet, slot }) {
                self.metrics.count_drop(reason);
            }
        }
        let Some(place) = place else { return Ok(()) };
        let owner = track.owner;
        if let Some(room) = self.rooms.get(&track.room) {
            let listeners = room
                .listeners
                .iter()
                .filter(|l| owner != Owner::Peer(l.peer));
            for (peer, slot) in listeners.filter_map(|l| Some((l.peer, *l.slots.get(place)?))) {
                if let Err(reason) = self.burst.owe(peer, Due { packet, slot }) {
                    self.metrics.count_drop(reason);
                }
            }
        }
        Ok(())
    }

    /// The room of a track's owner.
    fn room_of(&self, track: &Track) -> Option<&Room> {
        self.rooms.get(&track.room)
    }

    /// Whether a track is forwarded at present: a microphone may not be.
    pub(crate) fn is_heard(&self, index: usize) -> bool {
        let track = self.tracks.get(index).and_then(Option::as_ref);
        track.is_some_and(|track| {
            let room = self.room_of(track);
            track.source.source != Source::Microphone
                || room.is_some_and(|room| room.speakers.hears(index, &track.voice))
        })
    }

    /// Whether a packet is heard, and in which place of its room. What is no
    /// microphone is always heard, and has no place.
    fn hear(
        &mut self,
        now: Instant,
        routed: Routed,
    ) -> Result<(Routed, Option<usize>), DropReason> {
        let index = routed.origin.track;
        let Some(Some(track)) = self.tracks.get_mut(index) else {
            return Err(DropReason::UnknownStream);
        };
        if track.source.source != Source::Microphone {
            return Ok((routed, None));
        }
        let room = self.rooms.get_mut(&track.room);
        let room = room.ok_or(DropReason::UnknownStream)?;
        let packet = &routed.packet;
        let heard =
            room.speakers
                .hear(index, &mut track.voice, packet.seq, packet.audio_level, now);
        let heard = heard.ok_or(DropReason::NotHeard)?;
        let since = heard.since;
        Ok((Routed { since, ..routed }, heard.place))
    }

    /// Seals for one receiver after another, until the batch is full or the
    /// burst is over.
    pub(crate) fn deliver(&mut self) {
        while let Some(receiver) = self.burst.receiver() {
            self.deliver_to(receiver);
            self.release_left();
            if self.egress.is_full() {
                return;
            }
        }
        for waiting in self.burst.finish() {
            let packet = waiting.routed.packet;
            let origin = waiting.routed.origin;
            let track = self.tracks.get_mut(origin.track).and_then(Option::as_mut);
            let encoding = track.and_then(|track| track.encodings.get_mut(origin.encoding));
            match encoding.filter(|encoding| encoding.serial == origin.serial) {
                Some(encoding) => encoding.history.insert(packet, &mut self.pool),
                // It has ended or begun anew since.
                None => self.pool.give(packet.slot),
            }
        }
    }

    fn deliver_to(&mut self, key: PeerKey) {
        let (dues, packets) = self.burst.dues(key);
        // Whoever has gone since is due nothing.
        let Some(Some(receiver)) = self.peers.get_mut(key.0) else {
            return;
        };
        for due in dues {
            let Waiting { routed, padding } = &packets[due.packet];
            let track = self.tracks.get_mut(routed.origin.track);
            let Some(track) = track.and_then(Option::as_mut) else {
                self.metrics.count_drop(DropReason::BeforeSwitch);
                continue;
            };
            let selected = match select::select(receiver, due.slot, track, routed, self.now) {
                Ok(selected) => selected,
                Err(reason) => {
                    if reason == DropReason::AwaitingKeyframe
                        && let Some(encoding) = track.encodings.get_mut(routed.origin.encoding)
                    {
                        encoding.wait();
                    }
                    self.metrics.count_drop(reason);
                    continue;
                }
            };
            if selected.switched {
                self.metrics.count(Counter::Switches);
            }
            if let Some(left) = selected
                .left
                .filter(|left| left.origin.track != routed.origin.track)
            {
                let subscriber = Subscriber {
                    peer: key,
                    slot: due.slot,
                };
                self.scratch.left.push((left.origin.track, subscriber));
            }
            let paced = track.source.source == Source::Screen && receiver.estimate.is_some();
            if paced && receiver.pace.holds() {
                let owed = Owed {
                    slot: due.slot,
                    selected,
                    origin: routed.origin,
                    seq: routed.packet.seq,
                    since: self.now,
                };
                if let Err(pace::Full) = receiver.pace.owe(owed) {
                    self.metrics.count_drop(DropReason::PaceFull);
                }
                continue;
            }
            let leaving = Leaving {
                slot: due.slot,
                selected,
                packet: &routed.packet,
                padding: *padding,
            };
            let bytes = self.pool.slot(routed.packet.slot);
            match leaving.leave(receiver, bytes, &mut self.egress, self.now) {
                Ok(counter) => self.metrics.count(counter),
                Err(reason) => self.metrics.count_drop(reason),
            }
        }
    }

    /// Sends what a receiver is owed and its path has room for.
    pub(crate) fn pay(&mut self, now: Instant, key: PeerKey) {
        while !self.egress.is_full()
            && let Some(Some(peer)) = self.peers.get_mut(key.0)
            && peer.is_reachable(now)
            && let Some(owed) = peer.pace.next(now)
        {
            self.pay_one(now, key, &owed);
        }
    }

    /// Sends a packet that was owed; the bytes of its payload.
    pub(crate) fn pay_one(&mut self, now: Instant, key: PeerKey, owed: &Owed) -> Option<usize> {
        let receiver = self.peers.get_mut(key.0)?.as_mut()?;
        let origin = owed.origin;
        let track = self.tracks.get(origin.track).and_then(Option::as_ref);
        let encoding = track.and_then(|track| track.encodings.get(origin.encoding));
        let encoding = encoding.filter(|encoding| encoding.serial == origin.serial);
        let Some(packet) = encoding.and_then(|encoding| encoding.history.packet(owed.seq)) else {
            self.metrics.count_drop(DropReason::NotInHistory);
            return None;
        };
        let selected = Selected {
            // The client may be somewhere else by now.
            to: receiver.destination(now).unwrap_or(owed.selected.to),
            ..owed.selected
        };
        let leaving = Leaving {
            slot: owed.slot,
            selected,
            packet,
            padding: 0,
        };
        let bytes = self.pool.slot(packet.slot);
        match leaving.leave(receiver, bytes, &mut self.egress, now) {
            Ok(counter) => self.metrics.count(counter),
            Err(reason) => self.metrics.count_drop(reason),
        }
        Some(selected.len(packet))
    }

    /// Slots that switched no longer receive what they carried before.
    fn release_left(&mut self) {
        while let Some((track, subscriber)) = self.scratch.left.pop() {
            if let Some(Some(track)) = self.tracks.get_mut(track) {
                track.unsubscribe(subscriber);
            }
        }
    }
}
