//! What hosts may do for a room, and nobody else: lock it, mute, make hosts.

use super::super::Closing;
use super::super::link::{GuestLink, Slot};
use super::super::{Millis, Order};
use super::world::World;
use conclave_wire::client::{Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::http::{LinkState, Uses};
use conclave_wire::id::LinkId;
use std::time::Duration;

const HOST: usize = 0;

const LOCK: Request = Request::Lock { locked: true };

fn refusal_of(world: &World, client: usize) -> Option<Code> {
    let frames = &world.clients[client].frames;
    frames.iter().find_map(|frame| match frame {
        ServerFrame::Error { code, .. } => Some(*code),
        _ => None,
    })
}

fn told_locked(world: &World, client: usize) -> Vec<bool> {
    let frames = &world.clients[client].frames;
    let locked = frames.iter().filter_map(|frame| match frame {
        ServerFrame::RoomLocked { locked } => Some(*locked),
        _ => None,
    });
    locked.collect()
}

#[test]
fn only_hosts_lock_mute_and_make_hosts() {
    let mut world = World::call_of(3);
    let [ben, clara] = [world.id(1), world.id(2)];
    assert_eq!(world.refused(1, LOCK), Code::Forbidden);
    assert_eq!(
        world.refused(1, Request::Mute { participant: clara }),
        Code::Forbidden
    );
    assert_eq!(
        world.refused(1, Request::MakeHost { participant: ben }),
        Code::Forbidden
    );
    assert!(told_locked(&world, HOST).is_empty());
}

#[test]
fn nobody_but_hosts_enters_a_locked_room() {
    let mut world = World::call_of(2);
    let waits = world.enter(false);
    world.knock(waits);
    world.done(HOST, LOCK);
    assert_eq!(told_locked(&world, HOST), [true]);
    assert_eq!(told_locked(&world, 1), [true]);
    assert!(told_locked(&world, waits).is_empty(), "to members");

    let late = world.enter(false);
    assert_eq!(refusal_of(&world, late), Some(Code::RoomLocked));
    let host = world.enter(true);
    assert_eq!(refusal_of(&world, host), None);
    // Who waited before keeps the place, over a lost socket, too.
    world.drop_socket(waits, Closing::Lost);
    world.resume(waits);
    world.admit(HOST, waits);

    world.done(HOST, Request::Lock { locked: false });
    assert_eq!(told_locked(&world, 1), [true, false]);
    let later = world.enter(false);
    assert_eq!(refusal_of(&world, later), None);
}

#[test]
fn a_locked_room_stays_locked_over_a_restart_and_opens_with_the_end_of_the_call() {
    let mut world = World::call_of(2);
    world.done(HOST, LOCK);
    world.restart();
    let late = world.enter(false);
    assert_eq!(refusal_of(&world, late), Some(Code::RoomLocked));
    world.resume(HOST);
    assert_eq!(told_locked(&world, HOST), [true, true], "told anew");
    world.done(HOST, Request::EndCall {});
    let next = world.enter(false);
    assert_eq!(refusal_of(&world, next), None);
    assert_eq!(world.refused(next, LOCK), Code::Forbidden);
    let host = world.enter(true);
    assert_eq!(world.refused(host, LOCK), Code::NoCall);
}

#[test]
fn a_member_is_told_who_muted_it_and_nobody_else_is() {
    let mut world = World::call_of(3);
    let mute = Request::Mute {
        participant: world.id(1),
    };
    world.done(HOST, mute.clone());
    let by = world.id(HOST);
    let muted = |world: &World, client: usize| {
        let frames = &world.clients[client].frames;
        frames.contains(&ServerFrame::Muted { by })
    };
    assert!(muted(&world, 1));
    assert!(!muted(&world, HOST) && !muted(&world, 2));

    world.drop_socket(1, Closing::Lost);
    assert_eq!(world.refused(HOST, mute), Code::NoSuchParticipant);
    let waits = world.enter(false);
    world.knock(waits);
    let participant = world.id(waits);
    for request in [
        Request::Mute { participant },
        Request::MakeHost { participant },
    ] {
        assert_eq!(world.refused(HOST, request), Code::NoSuchParticipant);
    }
}

#[test]
fn a_host_hands_over_and_leaves_and_the_new_one_is_host_after_a_restart() {
    let mut world = World::call_of(3);
    let participant = world.id(1);
    world.done(HOST, Request::MakeHost { participant });
    let roster = world.clients[2].frames.iter().rev();
    let hosts: Vec<_> = roster
        .filter_map(|frame| match frame {
            ServerFrame::Roster { members } => Some(members),
            _ => None,
        })
        .next()
        .expect("a roster")
        .iter()
        .filter(|member| member.host)
        .map(|member| member.participant)
        .collect();
    assert_eq!(hosts, [world.id(HOST), participant]);

    world.done(HOST, Request::Leave {});
    world.restart();
    let frames = world.resume(1);
    assert!(matches!(
        frames.first(),
        Some(ServerFrame::Entered { host: true, .. })
    ));
    let newcomer = world.enter(false);
    world.admit(1, newcomer);
    world.done(1, Request::EndCall {});
}

const SERIES: LinkId = LinkId([1; 16]);

/// A call in a room of links: its host, and two guests by the same link.
fn by_links() -> (World, usize, [usize; 2]) {
    let mut world = World::scheduled();
    let until = world.now + Duration::from_secs(3_600);
    let slot = Slot::new(Millis(0), until).expect("a slot");
    let link = GuestLink::new(slot, Uses::Series);
    let made = world.order(Order::MakeLink { id: SERIES, link });
    made.expect("is made");
    let host = world.enter(true);
    world.done(host, Request::StartCall {});
    let guests = [(); 2].map(|()| {
        let guest = world.enter_by(SERIES);
        world.admit(host, guest);
        guest
    });
    (world, host, guests)
}

#[test]
fn who_was_thrown_out_does_not_come_back_by_the_same_link() {
    let (mut world, host, [thrown_out, stays]) = by_links();
    let commit = world.commit_of(host, world.epoch(), &[], &[thrown_out]);
    world.done(host, commit);
    assert_eq!(world.clients[thrown_out].over, Some(Reason::Removed));
    assert_eq!(world.clients[stays].over, None, "others stay");

    let back = world.enter_by(SERIES);
    assert_eq!(refusal_of(&world, back), Some(Code::LinkRevoked));
    world.done(host, Request::EndCall {});
    let (_, link) = world.room.guests.links().next().expect("the link");
    assert_eq!(link.state(world.now), LinkState::Revoked);
}

#[test]
fn who_left_may_come_back_by_the_same_link() {
    let (mut world, host, [left, _]) = by_links();
    world.done(left, Request::Leave {});
    let commit = world.commit_of(host, world.epoch(), &[], &[left]);
    world.done(host, commit);
    let back = world.enter_by(SERIES);
    assert_eq!(refusal_of(&world, back), None);
}

#[test]
fn a_guest_of_a_consultation_is_made_no_host() {
    let mut world = World::consultation(2);
    let host = world.enter(true);
    world.done(host, Request::StartCall {});
    let guest = world.enter(false);
    world.admit(host, guest);
    let participant = world.id(guest);
    assert_eq!(
        world.refused(host, Request::MakeHost { participant }),
        Code::Forbidden
    );
}

#[test]
fn a_guest_by_a_link_is_made_no_host() {
    let (mut world, host, [guest, _]) = by_links();
    let participant = world.id(guest);
    assert_eq!(
        world.refused(host, Request::MakeHost { participant }),
        Code::Forbidden
    );
}
