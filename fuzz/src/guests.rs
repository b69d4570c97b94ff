//! The room's machine where guests come by links of their own: the operations
//! of [`crate::room`], and links that are made, tried and taken back.

use crate::choices::Choices;
use crate::hall::Hall;
use crate::room;
use conclave_signaling::domain::Millis;
use conclave_signaling::domain::link::{GuestLink, Slot, Stage};
use conclave_wire::client::Request;
use conclave_wire::code::Code;
use conclave_wire::http::Uses;
use conclave_wire::id::LinkId;
use std::collections::BTreeSet;
use std::time::Duration;

/// Most links, and guests who come.
const LINKS: usize = 8;
const GUESTS: usize = 16;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// What the links have to be, by what was seen of the room.
#[derive(Default)]
struct Links {
    made: Vec<LinkId>,
    /// By which somebody was let into the call that runs.
    in_use: BTreeSet<LinkId>,
    /// Those for one call, which was over.
    used: BTreeSet<LinkId>,
}

/// A room with links; what must hold besides is said in [`crate::hall`]. A link
/// opens in its slot, and from an admission by it to the end of that call; not
/// after the one call it was for, and never once it was taken back. Whoever
/// came by it is out in that moment. Nobody else but hosts comes in.
pub fn operations(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut hall = Hall::scheduled();
    let mut links = Links::default();
    hall.enter(true);
    hall.ask(0, Request::StartCall {});
    while !choices.are_over() {
        match choices.below(3) {
            0 => links.step(&mut hall, &mut choices),
            _ => room::step(&mut hall, &mut choices),
        }
        links.hold(&hall);
    }
    hall.empty();
}

impl Links {
    fn step(&mut self, hall: &mut Hall, choices: &mut Choices<'_>) {
        match choices.below(8) {
            0 | 1 if self.made.len() < LINKS => self.make(hall, choices),
            2..=4 if hall.guests.len() < GUESTS => {
                if let Some(id) = self.chosen(choices) {
                    self.come(hall, id);
                }
            }
            5 => {
                if let Some(id) = self.chosen(choices) {
                    self.revoke(hall, id);
                }
            }
            6 => hall.pass(HOUR * choices.below(4) as u32),
            7 if choices.below(8) == 0 => hall.pass(HOUR * 24 * 62),
            _ => {}
        }
    }

    fn make(&mut self, hall: &mut Hall, choices: &mut Choices<'_>) {
        let id = LinkId([self.made.len() as u8 + 1; 16]);
        // Some have begun, and some are over.
        let from = hall.now.0 + choices.below(4) as u64 * 3_600_000;
        let from = Millis(from.saturating_sub(3_600_000));
        let until = from + HOUR * choices.below(3) as u32;
        let Some(slot) = Slot::new(from, until) else {
            return assert_eq!(from, until, "refused though it has a length");
        };
        let uses = match choices.flip() {
            true => Uses::Once,
            false => Uses::Series,
        };
        let made = hall.make_link(id, GuestLink::new(slot, uses));
        assert_eq!(made.is_ok(), until > hall.now, "{made:?}");
        if made.is_ok() {
            self.made.push(id);
        }
    }

    fn come(&mut self, hall: &mut Hall, id: LinkId) {
        let opens = self.opens(hall, id) && !hall.is_locked();
        let index = hall.enter_by(id);
        let has_come = hall.guests[index].connection.is_some();
        assert_eq!(has_come, opens, "by {id:?}");
    }

    fn revoke(&mut self, hall: &mut Hall, id: LinkId) {
        let known = hall.links().any(|(of, _)| of == id);
        let revoked = hall.revoke_link(id);
        assert_eq!(revoked, if known { Ok(()) } else { Err(Code::NoSuchLink) });
        // One who waits may outlast what is known of their link.
        assert!(!known || hall.came_by(id).next().is_none(), "still here");
    }

    fn chosen(&self, choices: &mut Choices<'_>) -> Option<LinkId> {
        let at = choices.below(self.made.len().max(1));
        self.made.get(at).copied()
    }

    fn opens(&self, hall: &Hall, id: LinkId) -> bool {
        let Some((_, link)) = hall.links().find(|(of, _)| *of == id) else {
            return false;
        };
        let slot = link.slot;
        let in_slot = (slot.from()..slot.until()).contains(&hall.now);
        link.stage != Stage::Revoked
            && (self.in_use.contains(&id) || in_slot && !self.used.contains(&id))
    }

    /// Looks at the room after an operation.
    fn hold(&mut self, hall: &Hall) {
        if !hall.room.has_call() {
            let over = std::mem::take(&mut self.in_use);
            let once = |id: &LinkId| {
                let mut links = hall.links();
                links.any(|(of, link)| of == *id && link.uses == Uses::Once)
            };
            self.used.extend(over.into_iter().filter(once));
        }
        // One who waits may outlast what is known of their link.
        for (id, _) in hall.links() {
            if hall.came_by(id).any(|is_member| is_member) {
                self.in_use.insert(id);
            }
        }
        for (id, link) in hall.links() {
            let opens = link.opens(hall.now).is_ok();
            assert_eq!(opens, self.opens(hall, id), "{link:?}");
        }
        // Who came by a link that was taken back is out.
        self.in_use.retain(|id| {
            let of = |(of, link): (LinkId, &GuestLink)| (of == *id).then_some(link.stage);
            let stage = hall.links().find_map(of);
            !matches!(stage, Some(Stage::Revoked | Stage::Withdrawn))
        });
        for id in &self.in_use {
            let known = hall.links().any(|(of, _)| of == *id);
            assert!(known, "forgotten while it is in use");
        }
        assert!(hall.everybody_has_a_link());
    }
}
