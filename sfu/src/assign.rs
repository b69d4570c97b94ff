//! Which slot carries what: assigned, waited for, served and given up. Nothing
//! here happens for a packet.

use crate::codec::MediaKind;
use crate::layer::Target;
use crate::link::Wish;
use crate::peer::PeerKey;
use crate::shard::Shard;
use crate::slot::Origin;
use crate::track::{Owner, Subscriber};
use conclave_wire::control::{SlotAssignment, SourceOf};
use conclave_wire::id::{Mid, ParticipantId, RoomId};
use std::time::Instant;

impl Shard {
    /// Points the room's slots that wait for a source at its new track.
    pub(crate) fn serve_track(&mut self, now: Instant, index: usize) {
        let Some(Some(track)) = self.tracks.get(index) else {
            return;
        };
        let (source, room) = (track.source, track.room);
        self.serve(now, room, source);
    }

    /// Points the room's slots that carry a source at where it is now.
    pub(crate) fn serve(&mut self, now: Instant, room: RoomId, source: SourceOf) {
        let members = self.rooms.get(&room).map(|room| room.members.clone());
        for member in members.unwrap_or_default() {
            let slots = self.peer(member).map_or(0, |peer| peer.slots.len());
            for slot in 0..slots {
                let waits = self
                    .peer(member)
                    .is_some_and(|peer| peer.slots[slot].carries == Some(source));
                if waits {
                    self.point(now, Subscriber { peer: member, slot });
                }
            }
        }
    }

    pub(crate) fn assign(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        slots: &[SlotAssignment],
    ) {
        let Some(&key) = self.by_participant.get(&participant) else {
            return;
        };
        for assignment in slots {
            let Some(Some(peer)) = self.peers.get_mut(key.0) else {
                return;
            };
            let known = peer.slots.iter().position(|s| s.mid == assignment.mid);
            if let Some(slot) = known {
                let room = peer.room;
                let floated = peer.slots[slot].floats;
                peer.slots[slot].assign(assignment);
                let floats = peer.slots[slot].floats;
                // What floats already goes on with what it carries.
                if !(floated && floats) {
                    self.point(now, Subscriber { peer: key, slot });
                }
                self.links.loosen(room);
            }
        }
        self.listen(key);
    }

    /// Says what a slot is to take of what it carries, until somebody says
    /// otherwise.
    pub fn aim(&mut self, participant: ParticipantId, mid: &Mid, target: Target) {
        let peer = self.by_participant.get(&participant);
        let peer = peer.and_then(|key| self.peers.get_mut(key.0)?.as_mut());
        let mut slots = peer.into_iter().flat_map(|peer| &mut peer.slots);
        if let Some(slot) = slots.find(|slot| slot.mid == *mid) {
            slot.target = target;
            slot.aimed = true;
        }
    }

    /// Makes a slot's subscriptions what it is to carry.
    pub(crate) fn point(&mut self, now: Instant, subscriber: Subscriber) {
        let Some(peer) = self.peer(subscriber.peer) else {
            return;
        };
        let slot = &peer.slots[subscriber.slot];
        let target = slot
            .carries
            .and_then(|source| self.by_source.get(&source).copied())
            .filter(|index| {
                self.tracks[*index].as_ref().is_some_and(|track| {
                    // Nobody receives themselves, or another room.
                    track.owner != Owner::Peer(subscriber.peer)
                        && track.kind == slot.kind
                        && track.room == peer.room
                })
            });
        let Some(target) = target else {
            let (room, carries) = (peer.room, slot.carries);
            match carries.is_some_and(|source| self.want(room, Wish::Source(source))) {
                // As it would for one that is here, until it can switch.
                true => self.give_up_waiting(subscriber),
                false => self.unsubscribe(subscriber),
            }
            return;
        };
        let (current, pending) = (slot.current(), slot.pending);
        let connected = peer.announced;
        let wanted = match slot.target {
            Target::UpTo(wanted) => Some(wanted),
            Target::Paused => None,
        };
        let heard = self.is_heard(target);
        let Some(track) = self.tracks[target].as_mut() else {
            return;
        };
        if pending == Some(target) {
            return;
        }
        // Whoever is not heard yet would not take the place of who is.
        let makes_way = track.kind == MediaKind::Audio && !heard;
        let stays = current.is_some_and(|run| {
            let serials = track.encodings.iter().map(|encoding| encoding.serial);
            run.origin.track == target && serials.into_iter().any(|s| s == run.origin.serial)
        });
        if !stays {
            track.subscribe(subscriber);
            // Whoever is not connected yet asks when they are: a keyframe now
            // would be lost to them, and put off the next.
            let asks = connected && track.kind == MediaKind::Video;
            if let Some(wanted) = wanted.filter(|_| asks) {
                let desired = track.desired(wanted);
                if let Some(encoding) = track.encodings.get_mut(desired) {
                    encoding.want();
                }
            }
        }
        if let Some(given_up) = pending
            && current.is_none_or(|run| run.origin.track != given_up)
            && let Some(Some(track)) = self.tracks.get_mut(given_up)
        {
            track.unsubscribe(subscriber);
        }
        let left = current.map(|run| run.origin.track);
        let left = left.filter(|_| makes_way && !stays);
        if let Some(Some(track)) = left.and_then(|left| self.tracks.get_mut(left)) {
            track.unsubscribe(subscriber);
        }
        if let Some(Some(peer)) = self.peers.get_mut(subscriber.peer.0) {
            let slot = &mut peer.slots[subscriber.slot];
            left.into_iter().for_each(|left| slot.lose(left));
            slot.pending = (!stays).then_some(target);
        }
        self.ask_keyframe(now, target);
    }

    /// A slot waits for no track any more.
    fn give_up_waiting(&mut self, subscriber: Subscriber) {
        let Some(Some(peer)) = self.peers.get_mut(subscriber.peer.0) else {
            return;
        };
        let slot = &mut peer.slots[subscriber.slot];
        let current = slot.current().map(|run| run.origin.track);
        let given_up = slot.pending.take().filter(|track| Some(*track) != current);
        let track = given_up.and_then(|track| self.tracks.get_mut(track)?.as_mut());
        if let Some(track) = track {
            track.unsubscribe(subscriber);
        }
    }

    /// A slot carries nothing, and waits for nothing.
    pub(crate) fn unsubscribe(&mut self, subscriber: Subscriber) {
        let Some(Some(peer)) = self.peers.get_mut(subscriber.peer.0) else {
            return;
        };
        let slot = &mut peer.slots[subscriber.slot];
        let current = slot.current().map(|run| run.origin.track);
        let pending = slot.pending;
        slot.quiet();
        for track in current.into_iter().chain(pending) {
            if let Some(Some(track)) = self.tracks.get_mut(track) {
                track.unsubscribe(subscriber);
            }
        }
    }

    /// The numbers of an encoding begin anew: slots switch to it again.
    pub(crate) fn resubscribe(&mut self, origin: Origin) {
        let Some(Some(track)) = self.tracks.get_mut(origin.track) else {
            return;
        };
        let Some(encoding) = track.encodings.get_mut(origin.encoding) else {
            return;
        };
        encoding.history.clear(&mut self.pool);
        encoding.want();
        for subscriber in &track.subscribers {
            if let Some(Some(peer)) = self.peers.get_mut(subscriber.peer.0)
                && let Some(slot) = peer.slots.get_mut(subscriber.slot)
                && slot.carries == Some(track.source)
            {
                slot.pending = Some(origin.track);
            }
        }
    }

    /// A connection is up: what its slots wait for is asked for.
    pub(crate) fn want_waiting(&mut self, key: PeerKey) {
        let Some(Some(peer)) = self.peers.get(key.0) else {
            return;
        };
        for slot in &peer.slots {
            if let (Some(track), Target::UpTo(target)) = (slot.pending, slot.target)
                && let Some(Some(track)) = self.tracks.get_mut(track)
                && track.kind == MediaKind::Video
            {
                let desired = track.desired(target);
                if let Some(encoding) = track.encodings.get_mut(desired) {
                    encoding.want();
                }
            }
        }
    }
}
