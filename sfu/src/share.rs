//! Fits what a receiver is sent to what its path carries: every slot gets its
//! target, the receiver learns what is paused, and its estimate what there
//! would be to send.

use crate::allocate::{self, Budget, HEADROOM, Ladder, Rank};
use crate::codec::MediaKind;
use crate::config::{PAUSED, SHARE, UNREPORTED};
use crate::estimate::OVERHEAD;
use crate::layer::{Layer, LayerRate, Target};
use crate::peer::{Peer, PeerKey};
use crate::shard::Shard;
use crate::slot::Slot;
use crate::track::Track;
use crate::wanted::Wanted;
use conclave_wire::control::{Event, ShownAs, Source};
use std::time::{Duration, Instant};

/// Bits a second of headers around sound: a packet every 20 ms.
const SOUND_HEADERS: u64 = 50 * 8 * OVERHEAD as u64;

/// The same around pictures at their lowest rate.
const PICTURE_HEADERS: u64 = 15 * 8 * OVERHEAD as u64;

/// So long after a screen's keyframe began, its receiver's reports say what that
/// did to the path.
const TRIED: Duration = Duration::from_millis(500);

/// What a picture is taken to cost that has not been measured yet.
const UNMEASURED: u64 = 400_000;

impl Shard {
    /// Divides a receiver's bandwidth, when it is time to.
    pub(crate) fn share(&mut self, now: Instant, key: PeerKey) {
        let due = |peer: &Peer| peer.share_due <= now && peer.keys.is_some();
        if !self.peer(key).is_some_and(due) {
            return;
        }
        let mut ladders = std::mem::take(&mut self.scratch.ladders);
        let mut standings = std::mem::take(&mut self.scratch.standings);
        let mut shared = std::mem::take(&mut self.scratch.shared);
        ladders.clear();
        standings.clear();
        shared.clear();
        let mut sound = 0;
        let slots = self.peer(key).map(|peer| peer.slots.as_slice());
        for (index, slot) in slots.unwrap_or_default().iter().enumerate() {
            let Some((carried, track)) = self.carried_by(slot) else {
                continue;
            };
            if track.kind == MediaKind::Audio {
                sound += u64::from(self.is_heard(carried)) * sound_of(track);
            } else if slot.show.rank != ShownAs::Hidden && !slot.aimed {
                ladders.push(ladder(slot, track));
                standings.push(slot.standing);
                shared.push(index);
            }
        }
        if let Some(Some(peer)) = self.peers.get_mut(key.0) {
            peer.share_due = now + SHARE;
            let whole: u64 = ladders.iter().map(Ladder::whole).sum();
            let begins = |index: &usize| {
                let slot = &peer.slots[*index];
                let tried = |entered| now.saturating_duration_since(entered) >= TRIED;
                slot.carries_screen() && !slot.entered.is_some_and(tried)
            };
            let begins = shared.iter().any(begins);
            let budget = Budget {
                owing: begins || peer.pace.is_owing(),
                ..budget(peer, sound + whole, sound, now)
            };
            allocate::settle(budget, &ladders, &mut standings, now);
            for (index, standing) in shared.iter().zip(&standings) {
                let slot = &mut peer.slots[*index];
                slot.standing = *standing;
                slot.target = standing.target.unwrap_or_default();
                slot.paused_since = match slot.target {
                    Target::Paused => slot.paused_since.or(Some(now)),
                    Target::UpTo(_) => None,
                };
            }
            hide(peer);
            self.events.extend(paused(peer, now));
        }
        self.scratch.ladders = ladders;
        self.scratch.standings = standings;
        self.scratch.shared = shared;
    }

    /// A connection takes the place of another: nothing of it is paused, and
    /// everything is wanted of it.
    pub(crate) fn untell(&mut self, before: PeerKey) {
        let Some(peer) = self.peer(before) else {
            return;
        };
        let participant = peer.participant;
        let told = peer.slots.iter().any(|slot| slot.told_paused);
        let mut sections = peer.sections.iter();
        let limited = sections.any(|section| {
            let track = self.tracks.get(section.track).and_then(Option::as_ref);
            track.is_some_and(|track| track.wanted != Wanted::default())
        });
        if told {
            let slots = vec![];
            self.events.push_back(Event::Paused { participant, slots });
        }
        if limited {
            let sources = vec![];
            self.events.push_back(Event::Wanted {
                participant,
                sources,
            });
        }
    }

    /// The track a slot carries, or waits for.
    fn carried_by(&self, slot: &Slot) -> Option<(usize, &Track)> {
        let carried = slot.current().map(|run| run.origin.track);
        let carried = slot.pending.or(carried)?;
        Some((carried, self.tracks.get(carried)?.as_ref()?))
    }
}

/// What there is to divide beside the sound; the estimate is told what would be
/// sent.
fn budget(peer: &mut Peer, whole: u64, sound: u64, now: Instant) -> Budget {
    let beside = |rate: u64| rate.saturating_sub(sound);
    let Some(estimate) = &mut peer.estimate else {
        return Budget {
            most: beside(UNREPORTED),
            sure: beside(UNREPORTED),
            proved: false,
            owing: false,
            behind: false,
        };
    };
    // With the room to spare that anybody needs to climb.
    estimate.want((whole as f64 / HEADROOM * 1.05) as u64);
    // What the path loses at any rate is sent again; what a full queue did not
    // take is no more, once less is sent.
    let sure = beside((estimate.rate() as f64 * (1.0 - estimate.inherent())) as u64);
    let most = match estimate.binds() {
        true => sure,
        false => beside(UNREPORTED),
    };
    Budget {
        most,
        sure,
        proved: estimate.follows(),
        owing: false,
        behind: peer.pace.is_behind(now),
    }
}

fn sound_of(track: &Track) -> u64 {
    let rate = track.usual().last().map_or(0, |rate| rate.bits_per_second);
    if rate == 0 { 0 } else { rate + SOUND_HEADERS }
}

fn ladder(slot: &Slot, track: &Track) -> Ladder {
    let rank = match (track.source.source, slot.show.rank) {
        (Source::Screen, _) => Rank::Screen,
        (_, ShownAs::Pinned) => Rank::Pinned,
        (_, ShownAs::Speaker) => Rank::Speaker,
        (_, ShownAs::Tile | ShownAs::Hidden) => Rank::Tile,
    };
    let unmeasured = [LayerRate {
        layer: Layer::LOWEST,
        bits_per_second: UNMEASURED,
    }];
    let layers = match track.usual() {
        [] => &unmeasured,
        usual => usual,
    };
    Ladder::new(rank, slot.show.height, layers, |payload| {
        // Headers are a sixteenth of full packets.
        payload + payload / 16 + PICTURE_HEADERS
    })
}

/// Slots that the client does not show are sent nothing, and are not paused.
fn hide(peer: &mut Peer) {
    let hidden =
        |slot: &&mut Slot| slot.show.rank == ShownAs::Hidden && slot.kind == MediaKind::Video;
    for slot in peer.slots.iter_mut().filter(hidden) {
        slot.target = Target::Paused;
        slot.standing = Default::default();
        slot.paused_since = None;
    }
}

/// What to tell the receiver of its paused slots, if that has changed.
fn paused(peer: &mut Peer, now: Instant) -> Option<Event> {
    let mut changed = false;
    for slot in &mut peer.slots {
        let paused = slot
            .paused_since
            .is_some_and(|since| now.saturating_duration_since(since) >= PAUSED);
        changed |= slot.told_paused != paused;
        slot.told_paused = paused;
    }
    let slots = peer.slots.iter().filter(|slot| slot.told_paused);
    changed.then(|| Event::Paused {
        participant: peer.participant,
        slots: slots.map(|slot| slot.mid.clone()).collect(),
    })
}
