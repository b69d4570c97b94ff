//! Where a room spans shards: what the slots of the members here carry of
//! members elsewhere, and who was told of it. Other shards send a source's
//! packets only while it is wanted.

use crate::link::{Signal, Wish};
use crate::relay::{Links, Want};
use crate::shard::Shard;
use conclave_wire::control::SourceOf;
use conclave_wire::id::{ParticipantId, RoomId};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How often wishes are looked over that may not be any more. Shorter spares
/// packets that nobody takes, and looks at every slot of the room more often.
const SETTLE: Duration = Duration::from_millis(200);

impl Shard {
    /// Says on which other shards a room has members, one bit for each.
    pub(crate) fn span(&mut self, room: RoomId, others: u64) {
        let before = match others {
            0 => self.links.spans.remove(&room),
            _ => self.links.spans.insert(room, others),
        };
        let gone = before.unwrap_or_default() & !others;
        let wants = self.links.wants.iter().filter(|((of, _), _)| *of == room);
        let wants: Vec<_> = wants.map(|((_, wish), want)| (*wish, *want)).collect();
        for (wish, want) in wants {
            let left = want.told & gone;
            self.links.say_all(left, Signal::Leave(room, wish));
            let told = Want {
                told: want.told & others,
                absent: want.absent & others,
            };
            match others {
                0 => self.links.wants.remove(&(room, wish)),
                _ => self.links.wants.insert((room, wish), told),
            };
        }
        self.settle(room);
    }

    /// Slots carry something: other shards are told, if it can only be there.
    /// Whether it may be.
    pub(crate) fn want(&mut self, room: RoomId, wish: Wish) -> bool {
        let Some(&others) = self.links.spans.get(&room) else {
            return false;
        };
        if matches!(wish, Wish::Source(source) if self.is_here(room, &source)) {
            return false;
        }
        let want = self.links.wants.entry((room, wish)).or_default();
        let untold = others & !std::mem::replace(&mut want.told, others);
        let may_be = want.absent & others != others;
        self.links.say_all(untold, Signal::Want(room, wish));
        may_be
    }

    /// The room's floating slots are others: whoever is heard is wanted, while
    /// there are any.
    pub(crate) fn want_listened(&mut self, room: RoomId) {
        let known = self.rooms.get(&room);
        if known.is_some_and(|room| !room.listeners.is_empty()) {
            self.want(room, Wish::Microphones);
        }
        self.links.loosen(room);
    }

    /// A member is here no more: what slots carry of theirs may come to be on
    /// another shard.
    pub(crate) fn want_elsewhere(&mut self, room: RoomId, participant: ParticipantId) {
        if !self.links.spans.contains_key(&room) {
            return;
        }
        self.links.loosen(room);
        for wish in self.wishes(room) {
            if matches!(wish, Wish::Source(source) if source.participant == participant) {
                self.want(room, wish);
            }
        }
    }

    /// A shard has not got a source, or no longer: if none has it, slots that
    /// carry it do not go on with what they carried before.
    pub(crate) fn absent(&mut self, now: Instant, from: usize, room: RoomId, source: SourceOf) {
        let Some(want) = self.links.wants.get_mut(&(room, Wish::Source(source))) else {
            return;
        };
        want.absent |= 1 << from;
        if want.absent & want.told == want.told {
            self.serve(now, room, source);
        }
    }

    /// Whether a source's sender is one of the room's members here.
    pub(crate) fn is_here(&self, room: RoomId, source: &SourceOf) -> bool {
        let peer = self.by_participant.get(&source.participant);
        peer.is_some_and(|key| self.peer(*key).is_some_and(|peer| peer.room == room))
    }

    /// Gives up what no slot carries any more, in rooms where that may be so.
    pub(crate) fn settle_spanning(&mut self, now: Instant) {
        if self.links.slack.is_empty() || self.links.settle_due.is_some_and(|due| now < due) {
            return;
        }
        self.links.settle_due = Some(now + SETTLE);
        for room in std::mem::take(&mut self.links.slack) {
            self.settle(room);
        }
    }

    /// What the slots of a room's members here carry of members elsewhere.
    fn wishes(&self, room: RoomId) -> HashSet<Wish> {
        let known = self.rooms.get(&room);
        let members = known.map_or(&[][..], |room| room.members.as_slice());
        let peers = members.iter().filter_map(|member| self.peer(*member));
        let carried = peers
            .flat_map(|peer| &peer.slots)
            .filter_map(|slot| slot.carries);
        let away = carried.filter(|source| !self.is_here(room, source));
        let mut wishes: HashSet<_> = away.map(Wish::Source).collect();
        if known.is_some_and(|room| !room.listeners.is_empty()) {
            wishes.insert(Wish::Microphones);
        }
        wishes
    }

    /// Makes what is wanted of other shards what slots here carry.
    fn settle(&mut self, room: RoomId) {
        let wishes = self.wishes(room);
        for wish in &wishes {
            self.want(room, *wish);
        }
        let wants = self.links.wants.iter().filter(|((of, _), _)| *of == room);
        let needless = wants.filter(|((_, wish), _)| !wishes.contains(wish));
        let needless: Vec<_> = needless
            .map(|((_, wish), want)| (*wish, want.told))
            .collect();
        for (wish, told) in needless {
            if self.is_shown(room, wish) {
                // Until the slot has switched to what it carries now.
                self.links.loosen(room);
                continue;
            }
            self.links.wants.remove(&(room, wish));
            self.links.say_all(told, Signal::Leave(room, wish));
        }
        self.end_unwanted(room);
    }

    /// Whether slots still show a source.
    fn is_shown(&self, room: RoomId, wish: Wish) -> bool {
        let Wish::Source(source) = wish else {
            return false;
        };
        self.links.mirrors.values().any(|index| {
            let mirror = self.tracks.get(*index).and_then(Option::as_ref);
            let of = mirror.filter(|mirror| mirror.room == room && mirror.source == source);
            of.is_some_and(|mirror| !mirror.subscribers.is_empty())
        })
    }

    /// Ends the mirrors of a room that are not wanted of where they come from.
    fn end_unwanted(&mut self, room: RoomId) {
        let mirrors = self.links.mirrors.iter();
        let ended = mirrors.filter(|((from, _), index)| {
            let mirror = self.tracks.get(**index).and_then(Option::as_ref);
            mirror.is_some_and(|mirror| {
                let wanting = self.links.wanting(room, mirror.source);
                mirror.room == room && wanting & (1 << from) == 0
            })
        });
        let ended: Vec<_> = ended.map(|(_, index)| *index).collect();
        ended.into_iter().for_each(|index| self.end_track(index));
    }
}

impl Links {
    /// Less may be wanted of a room than was, if it spans.
    pub(crate) fn loosen(&mut self, room: RoomId) {
        if self.spans.contains_key(&room) && !self.slack.contains(&room) {
            self.slack.push(room);
        }
    }
}
