//! Guests' links among the random operations: when each has to open follows
//! from its slot and from who was let in by it, and nothing else.

use super::super::world::World;
use crate::domain::link::{GuestLink, Slot, Stage};
use crate::domain::stay::Place;
use crate::domain::{Guests, Millis, Order};
use conclave_wire::client::ServerFrame;
use conclave_wire::code::Code;
use conclave_wire::http::Uses;
use conclave_wire::id::LinkId;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, Clone)]
pub(super) enum Operation {
    Make {
        /// Hours from now, of which one is over.
        from: u32,
        hours: u32,
        once: bool,
    },
    /// Of those that were made, the latest first.
    Come(usize),
    Revoke(usize),
    Pass {
        hours: u32,
    },
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0..4_u32, 0..4_u32, any::<bool>()).prop_map(|(from, hours, once)| Operation::Make { from, hours, once }),
        8 => (0..4_usize).prop_map(Operation::Come),
        1 => (0..4_usize).prop_map(Operation::Revoke),
        3 => prop_oneof![6 => 0..3_u32, 1 => Just(24 * 63)].prop_map(|hours| Operation::Pass { hours }),
    ]
}

/// What was seen of a room's links.
#[derive(Debug, Default)]
pub(super) struct Links {
    made: Vec<LinkId>,
    /// By which somebody was let into the call that runs.
    in_use: BTreeSet<LinkId>,
    /// For one call, which was over.
    used: BTreeSet<LinkId>,
}

impl Links {
    /// Lets somebody into the call by a link for one call.
    pub(super) fn begin(&mut self, world: &mut World) {
        self.make(world, (1, 2), true);
        let guest = world.enter_by(self.made[0]);
        world.admit(0, guest);
    }

    pub(super) fn run(&mut self, world: &mut World, operation: &Operation) {
        match *operation {
            Operation::Make { from, hours, once } => self.make(world, (from, hours), once),
            Operation::Come(nth) => {
                if let Some(id) = self.nth(nth) {
                    self.come(world, id);
                }
            }
            Operation::Revoke(nth) => {
                if let Some(id) = self.nth(nth) {
                    let known = link(world, id).is_some();
                    let expected = if known { Ok(()) } else { Err(Code::NoSuchLink) };
                    assert_eq!(world.order(Order::RevokeLink(id)), expected);
                    let mut stays = world.stored.stays.iter();
                    assert!(stays.all(|stay| stay.link != Some(id)), "still here");
                }
            }
            Operation::Pass { hours } => world.pass(HOUR * hours),
        }
    }

    fn make(&mut self, world: &mut World, (from, hours): (u32, u32), once: bool) {
        let from = world.now + HOUR * from;
        let from = Millis(from.0.saturating_sub(3_600_000));
        let until = from + HOUR * hours;
        let Some(slot) = Slot::new(from, until) else {
            return assert_eq!(hours, 0);
        };
        let uses = if once { Uses::Once } else { Uses::Series };
        let id = LinkId([self.made.len() as u8 + 1; 16]);
        let link = GuestLink::new(slot, uses);
        let made = world.order(Order::MakeLink { id, link });
        let expected = match world.stored.guests {
            Guests::Open => Err(Code::NotScheduled),
            Guests::ByLink(_) if until <= world.now => Err(Code::BadMessage),
            Guests::ByLink(_) => Ok(()),
        };
        assert_eq!(made, expected);
        if made.is_ok() {
            self.made.push(id);
        }
    }

    fn come(&self, world: &mut World, id: LinkId) {
        let call = world.stored.call.as_ref();
        let opens = self.opens(world, id) && !call.is_some_and(|call| call.locked);
        let client = world.enter_by(id);
        let frames = &world.clients[client].frames;
        let has_entered = matches!(frames.first(), Some(ServerFrame::Entered { .. }));
        assert_eq!(has_entered, opens, "{:?}: {frames:?}", link(world, id));
    }

    fn nth(&self, nth: usize) -> Option<LinkId> {
        self.made.iter().rev().nth(nth).copied()
    }

    fn opens(&self, world: &World, id: LinkId) -> bool {
        let Some(GuestLink { slot, stage, .. }) = link(world, id) else {
            return false;
        };
        let in_slot = slot.from() <= world.now && world.now < slot.until();
        stage != Stage::Revoked
            && (self.in_use.contains(&id) || in_slot && !self.used.contains(&id))
    }

    /// Looks at the room after any operation.
    pub(super) fn hold(&mut self, world: &World) {
        if world.stored.call.is_none() {
            for id in std::mem::take(&mut self.in_use) {
                if link(world, id).is_some_and(|link| link.uses == Uses::Once) {
                    self.used.insert(id);
                }
            }
        }
        for stay in &world.stored.stays {
            match (&world.stored.guests, stay.link) {
                // One who waits may outlast what is known of their link.
                (Guests::ByLink(links), Some(id))
                    if matches!(stay.place, Place::Member { .. }) && links.contains_key(&id) =>
                {
                    self.in_use.insert(id);
                }
                (Guests::ByLink(_), Some(_)) | (Guests::Open, None) => {}
                (_, came_by) => assert!(stay.host && came_by.is_none(), "{came_by:?}"),
            }
        }
        // Who came by a link that was taken back is out.
        self.in_use.retain(|id| {
            let stage = link(world, *id).map(|link| link.stage);
            !matches!(stage, Some(Stage::Revoked | Stage::Withdrawn))
        });
        for id in &self.in_use {
            let known = link(world, *id).is_some();
            assert!(known, "{id:?} is forgotten while it is in use");
        }
        for (id, link) in world.stored.guests.links() {
            let opens = link.opens(world.now).is_ok();
            assert_eq!(opens, self.opens(world, id), "{link:?} at {:?}", world.now);
        }
    }
}

fn link(world: &World, id: LinkId) -> Option<GuestLink> {
    let mut links = world.stored.guests.links();
    links.find(|(of, _)| *of == id).map(|(_, link)| *link)
}
