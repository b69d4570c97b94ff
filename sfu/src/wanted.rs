//! What a sender is told of what is received of its sources: layers that nobody
//! receives need not be sent. Less is asked for after a while, more at once.

use crate::codec::MediaKind;
use crate::config::UNWANTED;
use crate::layer::Target;
use crate::link::Signal;
use crate::shard::Shard;
use crate::track::{Owner, Track};
use conclave_wire::control::{Event, Wanted as Told};
use std::time::Instant;

/// How much of a source is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Nobody receives it.
    Nothing,
    /// No more than up to that spatial layer.
    UpTo(u8),
    /// All of it.
    Whole,
}

/// What the sender of one source was told.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    told: Extent,
    less_since: Option<Instant>,
}

impl Default for Wanted {
    /// A sender who was told nothing sends everything.
    fn default() -> Self {
        Self {
            told: Extent::Whole,
            less_since: None,
        }
    }
}

impl Wanted {
    /// Takes how much is received; whether that is to be told.
    fn update(&mut self, extent: Extent, now: Instant) -> bool {
        if extent == self.told {
            self.less_since = None;
            return false;
        }
        let since = *self.less_since.get_or_insert(now);
        let due = extent > self.told || now.saturating_duration_since(since) >= UNWANTED;
        if due {
            self.told = extent;
            self.less_since = None;
        }
        due
    }

    /// Takes how much is received, for whoever waits himself before he asks for
    /// less; whether that has changed.
    fn follow(&mut self, extent: Extent) -> bool {
        std::mem::replace(&mut self.told, extent) != extent
    }
}

impl Shard {
    /// Tells a track's sender what is received of its sources, if that has
    /// changed.
    pub(crate) fn ask_wanted(&mut self, now: Instant, index: usize) {
        let Some(Some(track)) = self.tracks.get(index) else {
            return;
        };
        if track.kind == MediaKind::Audio {
            return;
        }
        let extent = self.extent(track);
        let Some(Some(track)) = self.tracks.get_mut(index) else {
            return;
        };
        if let Owner::Shard(shard, relay) = track.owner {
            if track.wanted.follow(extent) {
                self.links.say(shard, Signal::Received(relay, extent));
            }
            return;
        }
        if !track.wanted.update(extent, now) {
            return;
        }
        let (owner, participant) = (track.owner, track.source.participant);
        let own = self
            .tracks
            .iter()
            .flatten()
            .filter(|track| track.owner == owner);
        let sources = own.filter_map(|track| {
            let spatial = match track.wanted.told {
                Extent::Whole => return None,
                Extent::UpTo(spatial) => Some(spatial),
                Extent::Nothing => None,
            };
            Some(Told {
                source: track.source.source,
                spatial,
            })
        });
        self.events.push_back(Event::Wanted {
            participant,
            sources: sources.collect(),
        });
    }

    fn extent(&self, track: &Track) -> Extent {
        let top = track.usual().last().map_or(0, |rate| rate.layer.spatial);
        let targets = track.subscribers.iter().filter_map(|subscriber| {
            let slots = &self.peer(subscriber.peer)?.slots;
            slots.get(subscriber.slot)
        });
        let extents = targets.map(|slot| match slot.target {
            // What does not fit now is measured on, and there at once when it
            // does: the least of several sizes costs its sender little.
            Target::Paused if slot.paused_since.is_some() && top > 0 => Extent::UpTo(0),
            Target::Paused => Extent::Nothing,
            Target::UpTo(layer) if layer.spatial < top => Extent::UpTo(layer.spatial),
            Target::UpTo(_) => Extent::Whole,
        });
        let elsewhere = track.elsewhere.iter().map(|(_, extent)| *extent);
        extents.chain(elsewhere).max().unwrap_or(Extent::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn less_is_asked_for_after_a_while_and_more_at_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut wanted = Wanted::default();
        assert!(!wanted.update(Extent::Whole, at(0)));
        assert!(!wanted.update(Extent::Nothing, at(100)));
        assert!(
            !wanted.update(Extent::Whole, at(2_000)),
            "only for a moment"
        );
        assert!(!wanted.update(Extent::UpTo(0), at(2_100)));
        assert!(wanted.update(Extent::UpTo(0), at(4_100)));
        assert!(!wanted.update(Extent::UpTo(0), at(9_000)));
        assert!(wanted.update(Extent::UpTo(1), at(9_001)));
    }
}
