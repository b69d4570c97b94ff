//! Links that need their guest's consent: closed without it, and closed again
//! when it is withdrawn.

use super::world::World;
use crate::domain::link::{GuestLink, Slot};
use crate::domain::{Guests, Order};
use conclave_wire::client::{LogEvent, Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::Command;
use conclave_wire::http::{Consent, ConsentWay, Language, LinkState, Uses};
use conclave_wire::id::LinkId;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);
const LINK: LinkId = LinkId([1; 16]);
const OTHER: LinkId = LinkId([2; 16]);

/// A room with a draft and a link that needs no consent, whose slots begin in
/// an hour.
fn world() -> World {
    let mut world = World::scheduled();
    let from = world.now + HOUR;
    let slot = Slot::new(from, from + HOUR).unwrap();
    for (id, link) in [
        (LINK, GuestLink::new(slot, Uses::Series).draft()),
        (OTHER, GuestLink::new(slot, Uses::Series)),
    ] {
        world.order(Order::MakeLink { id, link }).unwrap();
    }
    world
}

fn consent(way: ConsentWay) -> Consent {
    Consent {
        version: 3,
        language: Language::De,
        at: 1_000_000,
        way,
    }
}

fn give(world: &mut World, way: ConsentWay) -> Result<(), Code> {
    let consent = consent(way);
    world.order(Order::Consent { id: LINK, consent })
}

fn link(world: &World) -> GuestLink {
    let Guests::ByLink(links) = &world.room.guests else {
        panic!("no links");
    };
    links[&LINK]
}

fn state(world: &World) -> LinkState {
    link(world).state(world.now)
}

fn turned_away(world: &mut World) -> Code {
    let client = world.enter_by(LINK);
    let client = &world.clients[client];
    assert!(client.connection.is_none(), "the socket is closed");
    match &client.frames[..] {
        [ServerFrame::Error { code, .. }] => *code,
        frames => panic!("told more than a refusal: {frames:?}"),
    }
}

#[test]
fn a_link_stays_closed_from_draft_to_consent_whatever_its_slot_says() {
    let mut world = world();
    assert_eq!(state(&world), LinkState::Draft);
    assert_eq!(turned_away(&mut world), Code::LinkDraft);
    assert_eq!(give(&mut world, ConsentWay::Page), Err(Code::LinkDraft));
    world.order(Order::HandOutLink(LINK)).unwrap();
    world.order(Order::HandOutLink(LINK)).unwrap();
    assert_eq!(state(&world), LinkState::Consent);
    assert_eq!(turned_away(&mut world), Code::ConsentNeeded);
    world.pass(HOUR);
    assert_eq!(turned_away(&mut world), Code::ConsentNeeded, "in its slot");
    world.restart();
    assert_eq!(turned_away(&mut world), Code::ConsentNeeded);
    give(&mut world, ConsentWay::Page).unwrap();
    assert_eq!(state(&world), LinkState::Active);
    world.restart();
    let guest = world.enter_by(LINK);
    assert!(world.clients[guest].connection.is_some());
    assert_eq!(link(&world).consent, Some(consent(ConsentWay::Page)));
}

#[test]
fn consent_may_come_before_the_slot_and_opens_nothing_outside_of_it() {
    let mut world = world();
    world.order(Order::HandOutLink(LINK)).unwrap();
    give(&mut world, ConsentWay::Page).unwrap();
    assert_eq!(turned_away(&mut world), Code::LinkEarly);
    // A second one changes nothing of what is kept.
    give(&mut world, ConsentWay::Mail).unwrap();
    assert_eq!(link(&world).consent, Some(consent(ConsentWay::Page)));
    world.pass(2 * HOUR);
    assert_eq!(turned_away(&mut world), Code::LinkExpired);
}

#[test]
fn a_draft_becomes_active_by_a_consent_that_came_by_mail() {
    let mut world = world();
    give(&mut world, ConsentWay::Mail).unwrap();
    assert_eq!(state(&world), LinkState::Early);
    assert_eq!(link(&world).consent, Some(consent(ConsentWay::Mail)));
    world.order(Order::HandOutLink(LINK)).unwrap();
    assert_eq!(state(&world), LinkState::Early, "needs no consent any more");
}

#[test]
fn a_link_without_consent_expires_with_its_slot() {
    for handed_out in [false, true] {
        let mut world = world();
        if handed_out {
            world.order(Order::HandOutLink(LINK)).unwrap();
        }
        world.pass(2 * HOUR);
        assert_eq!(state(&world), LinkState::Expired);
        let expired = Err(Code::LinkExpired);
        assert_eq!(give(&mut world, ConsentWay::Page), expired);
        assert_eq!(give(&mut world, ConsentWay::Mail), expired);
        assert_eq!(world.order(Order::HandOutLink(LINK)), expired);
    }
}

#[test]
fn withdrawing_closes_the_link_for_ever_and_throws_out_who_came_by_it() {
    let mut world = world();
    world.order(Order::HandOutLink(LINK)).unwrap();
    give(&mut world, ConsentWay::Page).unwrap();
    world.pass(HOUR);
    let host = world.enter(true);
    world.done(host, Request::StartCall {});
    let (member, waits, other) = (
        world.enter_by(LINK),
        world.enter_by(LINK),
        world.enter_by(OTHER),
    );
    world.admit(host, member);
    world.admit(host, other);
    world.knock(waits);
    world.media.clear();
    world.order(Order::WithdrawConsent(LINK)).unwrap();
    for client in [member, waits] {
        assert_eq!(world.clients[client].over, Some(Reason::Withdrawn));
    }
    assert!(world.clients[host].is_here() && world.clients[other].is_here());
    let participant = world.id(member);
    assert_eq!(world.media, [Command::Disconnect { participant }]);
    assert_eq!(
        world.told.values().next_back(),
        Some(&LogEvent::Left { participant })
    );
    world.restart();
    assert_eq!(turned_away(&mut world), Code::ConsentWithdrawn);
    let closed = Err(Code::ConsentWithdrawn);
    assert_eq!(give(&mut world, ConsentWay::Page), closed);
    assert_eq!(world.order(Order::HandOutLink(LINK)), closed);
    world.order(Order::WithdrawConsent(LINK)).unwrap();
    world.order(Order::RevokeLink(LINK)).unwrap();
    assert_eq!(state(&world), LinkState::Withdrawn);
}

#[test]
fn consent_can_be_withdrawn_after_the_call_and_what_was_not_given_cannot() {
    let mut world = world();
    let withdraw = |world: &mut World, id| world.order(Order::WithdrawConsent(id));
    assert_eq!(withdraw(&mut world, LINK), Err(Code::LinkDraft));
    world.order(Order::HandOutLink(LINK)).unwrap();
    assert_eq!(withdraw(&mut world, LINK), Err(Code::ConsentNeeded));
    assert_eq!(withdraw(&mut world, OTHER), Err(Code::NoConsentNeeded));
    let unknown = LinkId([9; 16]);
    assert_eq!(withdraw(&mut world, unknown), Err(Code::NoSuchLink));
    let consent = consent(ConsentWay::Page);
    let needless = world.order(Order::Consent { id: OTHER, consent });
    assert_eq!(needless, Err(Code::NoConsentNeeded));
    let needless = world.order(Order::HandOutLink(OTHER));
    assert_eq!(needless, Err(Code::NoConsentNeeded));
    give(&mut world, ConsentWay::Page).unwrap();
    world.pass(3 * HOUR);
    assert_eq!(state(&world), LinkState::Expired);
    withdraw(&mut world, LINK).unwrap();
    assert_eq!(state(&world), LinkState::Withdrawn);
}
