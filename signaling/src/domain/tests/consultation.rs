//! Consultations: for few people, and nobody but a host lets anybody in.

use super::world::{World, word_to};
use crate::domain::Closing;
use conclave_wire::client::{Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::Command;

const HOST: usize = 0;

/// A consultation that a host has begun.
fn world(people: u8) -> World {
    let mut world = World::consultation(people);
    let host = world.enter(true);
    world.done(host, Request::StartCall {});
    world
}

#[test]
fn nobody_is_let_in_beyond_the_number_that_the_host_chose() {
    for people in [2, 3, 9] {
        let mut world = world(people);
        for _ in 1..people {
            let guest = world.enter(false);
            world.admit(HOST, guest);
        }
        let late = world.enter(false);
        world.knock(late);
        let commit = world.commit_of(HOST, world.epoch(), &[late], &[]);
        assert_eq!(world.refused(HOST, commit.clone()), Code::PeopleLimit);
        world.restart();
        world.resume(HOST);
        world.resume(late);
        assert_eq!(world.refused(HOST, commit), Code::PeopleLimit);
        // Whose place is free again, also before its leaf is removed.
        world.resume(1);
        world.done(1, Request::Leave {});
        let commit = world.commit_of(HOST, world.epoch(), &[late], &[]);
        world.done(HOST, commit);
    }
}

#[test]
fn several_at_once_do_not_come_in_beyond_it_either() {
    let mut world = world(3);
    let waiting: Vec<usize> = (0..3).map(|_| world.enter(false)).collect();
    for one in &waiting {
        world.knock(*one);
    }
    let commit = world.commit_of(HOST, 0, &waiting, &[]);
    assert_eq!(world.refused(HOST, commit), Code::PeopleLimit);
    let commit = world.commit_of(HOST, 0, &waiting[..2], &[]);
    world.done(HOST, commit);
}

#[test]
fn guests_let_nobody_in_while_the_host_is_away() {
    let mut world = world(3);
    let (guest, late) = (world.enter(false), world.enter(false));
    world.admit(HOST, guest);
    world.knock(late);
    world.drop_socket(HOST, Closing::Lost);
    let heard = |frame: &ServerFrame| matches!(frame, ServerFrame::Knocks { .. });
    assert!(!world.clients[guest].frames.iter().any(heard));
    let commit = world.commit_of(guest, world.epoch(), &[late], &[]);
    assert_eq!(world.refused(guest, commit), Code::Forbidden);
    let word = word_to(world.id(late), 1);
    assert_eq!(world.refused(guest, word), Code::Forbidden);
    let participant = world.id(late);
    let refuse = Request::Refuse { participant };
    assert_eq!(world.refused(guest, refuse), Code::Forbidden);
    world.resume(HOST);
    let commit = world.commit_of(HOST, world.epoch(), &[late], &[]);
    world.done(HOST, commit);
}

#[test]
fn the_media_plane_is_told_that_sound_is_discreet_there_and_nowhere_else() {
    for people in [None, Some(2)] {
        let mut world = people.map_or_else(|| World::call_of(1), world);
        let offer = Request::Offer {
            sdp: "v=0".to_owned(),
            sending: Vec::new(),
        };
        assert_eq!(world.request(HOST, offer), None);
        let discreet = world.media.iter().find_map(|command| match command {
            Command::Connect { discreet, .. } => Some(*discreet),
            _ => None,
        });
        assert_eq!(discreet, Some(people.is_some()));
    }
}

#[test]
fn the_next_patient_waits_on_when_a_consultation_ends() {
    let mut world = world(2);
    let (first, next, arrived) = (world.enter(false), world.enter(false), world.enter(false));
    world.admit(HOST, first);
    world.knock(next);
    world.done(HOST, Request::EndCall {});
    for gone in [HOST, first, arrived] {
        assert_eq!(world.clients[gone].over, Some(Reason::Ended));
    }
    assert_eq!(world.clients[next].over, None);
    // Over a restart and without a socket for a while, too.
    world.restart();
    world.resume(next);
    let host = world.enter(true);
    world.done(host, Request::StartCall {});
    let commit = world.commit_of(host, 0, &[next], &[]);
    world.done(host, commit);
    world.done(host, Request::EndCall {});
    assert!(world.nothing_is_stored() && world.room.is_idle());
}
