//! Decides what the receive slots carry: every other member's microphone, then
//! cameras and screens that are live, as many as there are slots. What is in a
//! slot stays in it as long as it is wanted. Where there are more microphones
//! than slots, those slots float: the SFU gives them whoever is heard.

use crate::transport::Kind;
use conclave_wire::client::Member;
use conclave_wire::control::{Show, ShownAs, SlotAssignment, Source, SourceOf};
use conclave_wire::id::{Mid, ParticipantId};

/// The slots of one media connection and what they carry.
#[derive(Debug, Default)]
pub struct Slots {
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    mid: Mid,
    kind: Kind,
    carries: Option<SourceOf>,
    floats: bool,
}

impl Slots {
    /// Empty slots.
    pub fn new(slots: Vec<(Mid, Kind)>) -> Self {
        let slots = slots.into_iter().map(|(mid, kind)| Slot {
            mid,
            kind,
            carries: None,
            floats: false,
        });
        Self {
            slots: slots.collect(),
        }
    }

    /// What a slot was last told to carry.
    pub fn carries(&self, mid: &Mid) -> Option<SourceOf> {
        self.slots.iter().find(|slot| slot.mid == *mid)?.carries
    }

    /// Fits the slots to a roster; gives the changes.
    pub fn fit(&mut self, roster: &[Member], me: ParticipantId) -> Vec<SlotAssignment> {
        let mut wanted = wanted(roster, me);
        let mut changes = Vec::new();
        let sounds = wanted
            .iter()
            .filter(|of| Kind::of(of.source) == Kind::Audio);
        let room = self.slots.iter().filter(|slot| slot.kind == Kind::Audio);
        let floating = sounds.count() > room.count();
        if floating {
            wanted.retain(|of| of.source != Source::Microphone);
        }
        for slot in &mut self.slots {
            if slot.carries.is_some_and(|source| !wanted.contains(&source)) {
                slot.carries = None;
                changes.push(slot.mid.clone());
            }
        }
        for source in wanted {
            if self.slots.iter().any(|slot| slot.carries == Some(source)) {
                continue;
            }
            let kind = Kind::of(source.source);
            let free = self
                .slots
                .iter_mut()
                .find(|slot| slot.kind == kind && slot.carries.is_none());
            if let Some(slot) = free {
                slot.carries = Some(source);
                if !changes.contains(&slot.mid) {
                    changes.push(slot.mid.clone());
                }
            }
        }
        for slot in self.slots.iter_mut().filter(|s| s.kind == Kind::Audio) {
            let floats = floating && slot.carries.is_none();
            if slot.floats != floats {
                slot.floats = floats;
                if !changes.contains(&slot.mid) {
                    changes.push(slot.mid.clone());
                }
            }
        }
        let changed = |mid: &Mid| self.slots.iter().find(|slot| slot.mid == *mid);
        changes.iter().filter_map(changed).map(Slot::told).collect()
    }
}

impl Slot {
    fn told(&self) -> SlotAssignment {
        // What is received is counted or written down, never shown small:
        // everything of it is taken.
        let mut show = Show::default();
        if self.floats {
            (show.height, show.rank) = (0, ShownAs::Speaker);
        }
        SlotAssignment {
            mid: self.mid.clone(),
            carries: self.carries,
            show,
        }
    }
}

/// Everything worth a slot, the most important first.
fn wanted(roster: &[Member], me: ParticipantId) -> Vec<SourceOf> {
    let others = || roster.iter().filter(move |m| m.participant != me);
    let of = |source: Source| {
        others()
            .filter(move |m| source == Source::Microphone || m.live.contains(&source))
            .map(move |m| SourceOf {
                participant: m.participant,
                source,
            })
    };
    // A muted microphone keeps its slot, so that no first word is lost.
    of(Source::Microphone)
        .chain(of(Source::ScreenAudio))
        .chain(of(Source::Camera))
        .chain(of(Source::Screen))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(n: u8, live: &[Source]) -> Member {
        Member {
            participant: ParticipantId([n; 16]),
            host: false,
            presenter: false,
            present: true,
            live: live.to_vec(),
        }
    }

    fn slots(audio: usize, video: usize) -> Slots {
        let kinds =
            std::iter::repeat_n(Kind::Audio, audio).chain(std::iter::repeat_n(Kind::Video, video));
        Slots::new(
            kinds
                .enumerate()
                .map(|(n, kind)| (n.to_string().parse().expect("a mid"), kind))
                .collect(),
        )
    }

    fn told(changes: &[SlotAssignment]) -> Vec<(String, Option<(u8, Source)>)> {
        changes
            .iter()
            .map(|change| {
                let carries = change.carries.map(|of| (of.participant.0[0], of.source));
                (change.mid.to_string(), carries)
            })
            .collect()
    }

    const ME: ParticipantId = ParticipantId([0; 16]);
    use Source::{Camera, Microphone, Screen};

    #[test]
    fn others_get_a_slot_each_and_keep_it() {
        let mut slots = slots(2, 2);
        let roster = [member(0, &[Microphone]), member(1, &[Camera, Screen])];
        assert_eq!(
            told(&slots.fit(&roster, ME)),
            [
                ("0".into(), Some((1, Microphone))),
                ("2".into(), Some((1, Camera))),
                ("3".into(), Some((1, Screen))),
            ]
        );
        assert_eq!(told(&slots.fit(&roster, ME)), []);
        let more = [roster[0].clone(), member(2, &[]), roster[1].clone()];
        assert_eq!(
            told(&slots.fit(&more, ME)),
            [("1".into(), Some((2, Microphone)))]
        );
    }

    #[test]
    fn what_stops_makes_room_for_what_waits() {
        let mut slots = slots(1, 1);
        slots.fit(&[member(1, &[Camera]), member(2, &[Camera])], ME);
        assert_eq!(
            told(&slots.fit(&[member(2, &[Camera])], ME)),
            [
                ("1".into(), Some((2, Camera))),
                ("0".into(), Some((2, Microphone))),
            ]
        );
        assert_eq!(
            told(&slots.fit(&[], ME)),
            [("0".into(), None), ("1".into(), None)]
        );
    }

    #[test]
    fn slots_float_where_there_are_more_microphones_and_come_back() {
        let mut slots = slots(2, 0);
        let floats = |changes: &[SlotAssignment]| -> Vec<_> {
            let floats = |change: &SlotAssignment| change.show.rank == ShownAs::Speaker;
            changes
                .iter()
                .map(|change| (change.mid.to_string(), floats(change)))
                .collect()
        };
        let few = [member(1, &[]), member(2, &[])];
        let many = [member(1, &[]), member(2, &[]), member(3, &[])];
        let sharing = [member(1, &[Source::ScreenAudio]), many[1].clone()];
        slots.fit(&few, ME);
        let both = [("0".into(), true), ("1".into(), true)];
        let changes = slots.fit(&many, ME);
        assert_eq!(floats(&changes), both);
        assert!(changes.iter().all(|change| change.carries.is_none()));
        assert_eq!(slots.fit(&many, ME), []);
        let changes = slots.fit(&sharing, ME);
        assert_eq!(floats(&changes), [("0".into(), false)]);
        assert_eq!(told(&changes)[0].1, Some((1, Source::ScreenAudio)));
        let changes = slots.fit(&few, ME);
        assert!(floats(&changes).iter().all(|(_, floats)| !floats));
        assert_eq!(told(&changes).len(), 2);
    }
}
