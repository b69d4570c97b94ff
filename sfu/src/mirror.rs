//! Where a room spans shards: what a shard's members receive of members
//! elsewhere. A mirror is a track whose packets come from another shard, opened
//! and authentic; from there on it is a track like any other, with a history,
//! layers and keyframe requests of its own.
//!
//! A mirror exists while a slot carries its source or still shows it, which
//! [`crate::interest`] knows. The other side is [`crate::relay`].

use crate::codec::MediaKind;
use crate::drop::DropReason;
use crate::encoding::Encoding;
use crate::link::{Missing, Signal, Wish};
use crate::metrics::Counter;
use crate::pool::HEADROOM;
use crate::resent::Resent;
use crate::route::{self, Arrived};
use crate::rtp::seq::ExtSeq;
use crate::shard::Shard;
use crate::slot::{Origin, Serial};
use crate::track::{Owner, Published, Track};
use std::time::{Duration, Instant};

/// How long to wait for a packet that another shard was asked for, before it is
/// asked again: it answers at once or not at all. Shorter asks for the same one
/// for each of the slots that miss it.
const ASK_AGAIN: Duration = Duration::from_millis(20);

impl Shard {
    /// Takes what other shards sent, until a burst is full.
    pub(crate) fn linked(&mut self, now: Instant) {
        let shards = self.links.shards();
        for step in 0..shards {
            let shard = (self.links.turn + step) % shards;
            let packets = self.links.to(shard).map_or(0, |link| link.waiting());
            // What was said before these packets can be heard now.
            while let Some(signal) = self.links.to(shard).and_then(|link| link.hear()) {
                self.signal(now, shard, signal);
            }
            for _ in 0..packets {
                if self.is_full() {
                    self.links.turn = shard;
                    self.links.wakes |= 1 << self.index;
                    return;
                }
                if let Err(reason) = self.relayed(now, shard) {
                    self.metrics.count_drop(reason);
                }
            }
        }
        self.links.turn = (self.links.turn + 1) % shards.max(1);
    }

    fn signal(&mut self, now: Instant, from: usize, signal: Signal) {
        match signal {
            Signal::Want(room, source) => self.asked(from, room, source),
            Signal::Leave(room, source) => self.no_longer_asked(from, room, source),
            Signal::Keyframe(relay, encoding) => self.keyframe_across(now, relay, encoding),
            Signal::Received(relay, extent) => self.received_elsewhere(from, relay, extent),
            Signal::Lost(relay, missing) => {
                if let Err(reason) = self.lost_across(from, relay, missing) {
                    self.metrics.count_drop(reason);
                }
            }
            Signal::Begins {
                relay,
                room,
                source,
                kind,
                encodings,
            } => {
                let published = Published {
                    owner: Owner::Shard(from, relay),
                    room,
                    source,
                    kind,
                };
                if let Err(reason) = self.begin_mirror(now, published, encodings) {
                    self.metrics.count_drop(reason);
                }
            }
            Signal::Absent(room, source) => self.absent(now, from, room, source),
            Signal::Ends(relay) => {
                if let Some(index) = self.links.mirrors.get(&(from, relay)) {
                    self.end_mirror(now, from, *index);
                }
            }
            Signal::Clock {
                relay,
                encoding,
                clock,
            } => {
                let mirror = self.links.mirrors.get(&(from, relay));
                let mirror = mirror.and_then(|index| self.tracks.get_mut(*index)?.as_mut());
                let known = mirror.and_then(|mirror| mirror.encodings.get_mut(encoding));
                if let Some(known) = known {
                    known.clock = Some(clock);
                }
            }
        }
    }

    fn begin_mirror(
        &mut self,
        now: Instant,
        published: Published,
        encodings: usize,
    ) -> Result<(), DropReason> {
        let Published { room, source, .. } = published;
        let Owner::Shard(from, relay) = published.owner else {
            return Err(DropReason::UnknownRelay);
        };
        // It may have been given up in the meantime, or have come here.
        let here = self.is_here(room, &source);
        if here || self.links.wanting(room, source) & (1 << from) == 0 {
            return Err(DropReason::UnknownRelay);
        }
        if let Some(want) = self.links.wants.get_mut(&(room, Wish::Source(source))) {
            want.absent &= !(1 << from);
        }
        if let Some(before) = self.links.mirrors.get(&(from, relay)) {
            self.end_track(*before);
        }
        let history = self.history_of(published.kind);
        let serials: Vec<_> = (0..encodings).map(|_| self.fresh_serial()).collect();
        if !self.pool.reserve(history * encodings) {
            return Err(DropReason::PoolEmpty);
        }
        let encodings = serials.into_iter().map(|serial| {
            let mut encoding = Encoding::new(serial, history);
            encoding.asked = Resent::new(published.kind == MediaKind::Video);
            encoding
        });
        let index = self.add_track(Track::new(published, encodings.collect()));
        self.links.mirrors.insert((from, relay), index);
        self.serve(now, room, source);
        Ok(())
    }

    /// Takes a packet that another shard has sent: the way of
    /// [`Shard::handle_input`]'s packets from where their track is known.
    fn relayed(&mut self, now: Instant, from: usize) -> Result<(), DropReason> {
        let link = self.links.to(from).ok_or(DropReason::UnknownRelay)?;
        let head = link.take().ok_or(DropReason::UnknownRelay)?;
        let slot = self.pool.take();
        let into = slot.map(|slot| &mut self.pool.slot(slot)[HEADROOM..]);
        let read = link.read(&head, into);
        let slot = slot.ok_or(DropReason::PoolEmpty)?;
        let known = self.links.mirrors.get(&(from, head.relay)).copied();
        let end = HEADROOM + head.len;
        let arrived = Arrived {
            encoding: head.encoding,
            ssrc: head.ssrc,
            seq: head.seq,
            timestamp: head.timestamp,
            marker: head.marker,
            codec: head.codec,
            audio_level: head.audio_level,
            slot,
            len: head.len,
            dependency: (head.dependency > 0).then_some(end..end + head.dependency),
            repaired: head.repaired,
        };
        let serials = &mut self.serials;
        let fresh = || {
            *serials += 1;
            Serial(*serials)
        };
        let (tracks, pool) = (&mut self.tracks, &mut self.pool);
        let routed = read.and_then(|()| {
            let index = known.ok_or(DropReason::UnknownRelay)?;
            let track = tracks.get_mut(index).and_then(Option::as_mut);
            let track = track.ok_or(DropReason::UnknownRelay)?;
            route::accept(index, track, pool, arrived, fresh, now)
        });
        let routed = routed.inspect_err(|_| self.pool.give(slot))?;
        if routed.restarted {
            self.resubscribe(routed.origin);
        }
        self.metrics.count(Counter::Mirrored);
        self.enlist(now, routed)
    }

    /// A receiver asks for a packet that never came from the shard it should
    /// have come from.
    pub(crate) fn ask_across(&mut self, now: Instant, origin: Origin, seq: ExtSeq) {
        let Some(Some(track)) = self.tracks.get_mut(origin.track) else {
            return;
        };
        let Owner::Shard(shard, relay) = track.owner else {
            return;
        };
        let Some(encoding) = track.encodings.get_mut(origin.encoding) else {
            return;
        };
        let Some(ssrc) = encoding.ssrc.filter(|_| encoding.forwarded.admits(seq.0)) else {
            return;
        };
        if !encoding.asked.may(seq.wire(), now, ASK_AGAIN) {
            return;
        }
        encoding.asked.sent(seq.wire(), now);
        let missing = Missing {
            encoding: origin.encoding,
            ssrc,
            seq,
        };
        self.links.say(shard, Signal::Lost(relay, missing));
    }

    /// Asks the shard a mirror comes from for the keyframes it is time to ask
    /// for.
    pub(crate) fn ask_keyframe_across(&mut self, now: Instant, index: usize) {
        let Some(Some(track)) = self.tracks.get_mut(index) else {
            return;
        };
        let Owner::Shard(shard, relay) = track.owner else {
            return;
        };
        for (encoding, known) in track.encodings.iter_mut().enumerate() {
            if known.keyframes.due(now) {
                self.links.say(shard, Signal::Keyframe(relay, encoding));
            }
        }
    }

    /// A mirror's shard has ended it. Where its sender has moved from one shard
    /// to another, the new track may have come before the old one's end.
    fn end_mirror(&mut self, now: Instant, from: usize, index: usize) {
        let Some(Some(mirror)) = self.tracks.get(index) else {
            return;
        };
        let (room, source) = (mirror.room, mirror.source);
        self.end_track(index);
        let mut others = self.tracks.iter();
        let other = others.position(|track| {
            let track = track.as_ref();
            track.is_some_and(|track| track.room == room && track.source == source)
        });
        if let Some(other) = other.filter(|_| !self.by_source.contains_key(&source)) {
            self.by_source.insert(source, other);
            self.serve(now, room, source);
        }
        self.absent(now, from, room, source);
    }
}
