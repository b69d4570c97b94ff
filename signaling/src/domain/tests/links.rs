//! Who comes by a guest's link: in its slot, for as many calls as it is for,
//! and until it is revoked.

use super::world::World;
use crate::config::MAX_LINKS;
use crate::domain::link::{GuestLink, MAX_AHEAD, Slot};
use crate::domain::{Closing, Guests, Millis, Order};
use conclave_wire::client::{LogEvent, Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::Command;
use conclave_wire::http::{LinkState, Uses};
use conclave_wire::id::LinkId;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);
const FIRST: LinkId = LinkId([1; 16]);
const SECOND: LinkId = LinkId([2; 16]);

/// A link that opens an hour from now, for an hour.
fn make(world: &mut World, id: LinkId, uses: Uses) -> Result<(), Code> {
    let from = world.now + HOUR;
    let slot = Slot::new(from, from + HOUR).unwrap();
    let link = GuestLink::new(slot, uses);
    world.order(Order::MakeLink { id, link })
}

/// A call of a host in a room with two links whose slots have begun.
fn world(uses: Uses) -> World {
    let mut world = World::scheduled();
    make(&mut world, FIRST, uses).unwrap();
    make(&mut world, SECOND, uses).unwrap();
    world.pass(HOUR);
    let host = world.enter(true);
    world.done(host, Request::StartCall {});
    world
}

fn state(world: &World, id: LinkId) -> LinkState {
    let mut links = world.room.guests.links();
    let (_, link) = links.find(|(of, _)| *of == id).unwrap();
    link.state(world.now)
}

/// The code with which somebody is turned away, who is told nothing else.
fn turned_away(world: &mut World, link: LinkId) -> Code {
    let client = world.enter_by(link);
    refusal(world, client)
}

fn refusal(world: &World, client: usize) -> Code {
    let client = &world.clients[client];
    assert!(client.connection.is_none(), "the socket is closed");
    match &client.frames[..] {
        [ServerFrame::Error { code, .. }] => *code,
        frames => panic!("told more than a refusal: {frames:?}"),
    }
}

fn comes(world: &mut World, link: LinkId) -> usize {
    let client = world.enter_by(link);
    let frames = &world.clients[client].frames;
    assert!(
        matches!(frames[0], ServerFrame::Entered { .. }),
        "{frames:?}"
    );
    client
}

#[test]
fn a_link_opens_in_its_slot_only() {
    let mut world = World::scheduled();
    make(&mut world, FIRST, Uses::Once).unwrap();
    assert_eq!(turned_away(&mut world, FIRST), Code::LinkEarly);
    world.pass(HOUR - Duration::from_millis(1));
    assert_eq!(turned_away(&mut world, FIRST), Code::LinkEarly);
    world.pass(Duration::from_millis(1));
    let guest = comes(&mut world, FIRST);
    world.drop_socket(guest, Closing::Left);
    world.pass(HOUR);
    assert_eq!(turned_away(&mut world, FIRST), Code::LinkExpired);
}

#[test]
fn guests_come_by_their_own_links_or_by_the_rooms_and_never_by_the_other() {
    let mut world = world(Uses::Once);
    let nobody = world.enter(false);
    assert_eq!(refusal(&world, nobody), Code::LinkNeeded);
    let unknown = LinkId([9; 16]);
    assert_eq!(turned_away(&mut world, unknown), Code::NoSuchLink);
    let both = world.come(true, None, Some(FIRST));
    assert_eq!(refusal(&world, both), Code::BadMessage);

    let mut open = World::new();
    assert_eq!(make(&mut open, FIRST, Uses::Once), Err(Code::NotScheduled));
    assert_eq!(turned_away(&mut open, FIRST), Code::NoSuchLink);
    assert_eq!(open.order(Order::RevokeLink(FIRST)), Err(Code::NoSuchLink));
}

#[test]
fn who_waits_or_talks_when_the_slot_ends_goes_on_and_comes_back() {
    let mut world = world(Uses::Once);
    let (inside, waits) = (comes(&mut world, FIRST), comes(&mut world, SECOND));
    world.admit(0, inside);
    world.knock(waits);
    world.pass(HOUR);
    assert_eq!(state(&world, FIRST), LinkState::InUse);
    assert_eq!(state(&world, SECOND), LinkState::Expired);
    for client in [inside, waits] {
        assert!(world.clients[client].is_here());
        world.drop_socket(client, Closing::Lost);
        let frames = world.resume(client);
        assert!(matches!(frames[0], ServerFrame::Entered { .. }));
    }
    // The doctor is late, and lets the second in all the same.
    let commit = world.commit_of(0, world.epoch(), &[waits], &[]);
    world.done(0, commit);
    assert_eq!(state(&world, SECOND), LinkState::InUse);
    // A telephone that forgot everything but the link comes back to the call.
    world.drop_socket(inside, Closing::Lost);
    comes(&mut world, FIRST);
}

#[test]
fn a_link_for_one_call_is_used_up_by_its_end_and_one_for_a_series_is_not() {
    for (uses, after) in [
        (Uses::Once, LinkState::Used),
        (Uses::Series, LinkState::Active),
    ] {
        let mut world = world(uses);
        let guest = comes(&mut world, FIRST);
        world.admit(0, guest);
        world.done(0, Request::EndCall {});
        assert_eq!(state(&world, FIRST), after);
        assert_eq!(state(&world, SECOND), LinkState::Active, "not used");
        world.restart();
        match uses {
            Uses::Once => assert_eq!(turned_away(&mut world, FIRST), Code::LinkUsed),
            Uses::Series => drop(comes(&mut world, FIRST)),
        }
    }
}

#[test]
fn entering_knocking_and_being_refused_use_nothing_up() {
    let mut world = world(Uses::Once);
    for _ in 0..3 {
        let guest = comes(&mut world, FIRST);
        world.knock(guest);
        let participant = world.id(guest);
        world.done(0, Request::Refuse { participant });
    }
    world.done(0, Request::EndCall {});
    assert_eq!(state(&world, FIRST), LinkState::Active);
    comes(&mut world, FIRST);
}

#[test]
fn revoking_a_link_throws_out_who_came_by_it_and_nobody_else() {
    let mut world = world(Uses::Series);
    let (member, waits, arrived) = (
        comes(&mut world, FIRST),
        comes(&mut world, FIRST),
        comes(&mut world, FIRST),
    );
    let other = comes(&mut world, SECOND);
    world.admit(0, member);
    world.admit(0, other);
    world.knock(waits);
    world.media.clear();
    world.order(Order::RevokeLink(FIRST)).unwrap();
    for client in [member, waits, arrived] {
        assert_eq!(world.clients[client].over, Some(Reason::Revoked));
    }
    let cut_off = Command::Disconnect {
        participant: world.id(member),
    };
    assert_eq!(world.media, [cut_off], "at once, and only the member");
    assert!(world.clients[0].is_here() && world.clients[other].is_here());
    // A member now commits the removal.
    let participant = world.id(member);
    assert_eq!(
        world.told.values().next_back(),
        Some(&LogEvent::Left { participant })
    );
    world.restart();
    assert_eq!(turned_away(&mut world, FIRST), Code::LinkRevoked);
    assert_eq!(world.order(Order::RevokeLink(FIRST)), Ok(()), "again");
}

#[test]
fn a_call_of_none_but_the_revoked_ends() {
    let mut world = world(Uses::Series);
    let (one, two) = (comes(&mut world, FIRST), comes(&mut world, FIRST));
    world.admit(0, one);
    world.admit(0, two);
    world.done(0, Request::Leave {});
    world.order(Order::RevokeLink(FIRST)).unwrap();
    assert_eq!(world.clients[one].over, Some(Reason::Revoked));
    assert_eq!(world.clients[two].over, Some(Reason::Revoked));
    assert!(world.nothing_is_stored());
    assert_eq!(state(&world, FIRST), LinkState::Revoked);
}

#[test]
fn links_are_bounded_not_over_when_they_are_made_and_forgotten_in_time() {
    let mut world = World::scheduled();
    let past = Slot::new(Millis(0), world.now).unwrap();
    let link = GuestLink::new(past, Uses::Once);
    let late = world.order(Order::MakeLink { id: FIRST, link });
    assert_eq!(late, Err(Code::BadMessage));
    for number in 0..MAX_LINKS {
        let id = LinkId((number as u128).to_be_bytes());
        make(&mut world, id, Uses::Once).unwrap();
    }
    let one_more = LinkId([7; 16]);
    assert_eq!(make(&mut world, one_more, Uses::Once), Err(Code::Full));
    world.pass(Duration::from_secs(40 * 24 * 60 * 60));
    let over = world.now;
    world.order(Order::ForgetLinks { over }).unwrap();
    make(&mut world, one_more, Uses::Once).unwrap();
    let far = world.now + MAX_AHEAD;
    let slot = |from: Millis| Slot::new(from, from + HOUR).unwrap();
    for (from, verdict) in [(far.0 + 1, Err(Code::SlotTooFar)), (far.0, Ok(()))] {
        let link = GuestLink::new(slot(Millis(from)), Uses::Once);
        let made = world.order(Order::MakeLink { id: FIRST, link });
        assert_eq!(made, verdict);
    }
    world.order(Order::ForgetLinks { over: far }).unwrap();
    let Guests::ByLink(links) = &world.room.guests else {
        panic!("no links");
    };
    assert_eq!(links.keys().copied().collect::<Vec<_>>(), [FIRST]);
}

#[test]
fn wrong_passwords_lock_the_link_they_came_by_and_no_other() {
    let mut world = World::scheduled_with_password([1; 32]);
    for id in [FIRST, SECOND] {
        make(&mut world, id, Uses::Once).unwrap();
    }
    let code_of = |world: &mut World, link, proof| {
        let client = world.come(false, Some(proof), Some(link));
        refusal(world, client)
    };
    // Before its slot a link does not even hear a password.
    assert_eq!(code_of(&mut world, FIRST, [2; 32]), Code::LinkEarly);
    world.pass(HOUR);
    let host = world.come(true, Some([1; 32]), None);
    for _ in 0..4 {
        assert_eq!(code_of(&mut world, FIRST, [2; 32]), Code::PasswordWrong);
    }
    assert_eq!(code_of(&mut world, FIRST, [2; 32]), Code::LinkLocked);
    world.restart();
    assert_eq!(code_of(&mut world, FIRST, [1; 32]), Code::LinkLocked);
    let other = world.come(false, Some([1; 32]), Some(SECOND));
    assert!(world.clients[other].connection.is_some());
    // The host is told, and unlocks it.
    let frames = world.resume(host);
    assert!(frames.contains(&ServerFrame::LinkLocked { locked: true }));
    world.done(host, Request::Unlock {});
    let guest = world.come(false, Some([1; 32]), Some(FIRST));
    assert!(world.clients[guest].connection.is_some());
}

#[test]
fn slots_go_by_the_calendar_and_nothing_else_does() {
    let mut world = world(Uses::Series);
    let guest = comes(&mut world, FIRST);
    world.admit(0, guest);
    world.drop_socket(guest, Closing::Lost);
    // Somebody sets the calendar: a day ahead, and SECOND's slot is over.
    let before = world.now;
    world.calendar = Some(before + 24 * HOUR);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.room.member_count(), 2, "no timer has run out");
    assert_eq!(turned_away(&mut world, SECOND), Code::LinkExpired);
    let late = make(&mut world, LinkId([3; 16]), Uses::Once);
    assert_eq!(late, Err(Code::BadMessage), "over by the calendar");
    // And back, so that it has not begun; who is lost is waited for no longer.
    world.calendar = Some(Millis(before.0 - 1));
    assert_eq!(turned_away(&mut world, SECOND), Code::LinkEarly);
    world.pass(HOUR);
    assert_eq!(world.room.member_count(), 1);
    world.calendar = Some(before);
    comes(&mut world, SECOND);
}
