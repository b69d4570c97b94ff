//! Rooms that say how many people their calls are for at most.

use super::world::World;
use crate::domain::Closing;
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;

const HOST: usize = 0;

/// A call of a room for so many people, with a host in it.
fn world(people: u32) -> World {
    let mut world = World::for_at_most(people);
    let host = world.enter(true);
    world.done(host, Request::StartCall {});
    world
}

fn refusal_of(world: &World, client: usize) -> Option<Code> {
    let frames = &world.clients[client].frames;
    frames.iter().find_map(|frame| match frame {
        ServerFrame::Error { code, .. } => Some(*code),
        _ => None,
    })
}

#[test]
fn the_next_one_is_refused_when_the_call_is_complete_and_may_try_again_later() {
    for people in [2, 3, 5] {
        let mut world = world(people);
        for _ in 1..people {
            let guest = world.enter(false);
            assert_eq!(refusal_of(&world, guest), None, "{people}");
            world.admit(HOST, guest);
        }
        let late = world.enter(false);
        assert_eq!(refusal_of(&world, late), Some(Code::PeopleLimit));
        world.restart();
        let late = world.enter(false);
        assert_eq!(refusal_of(&world, late), Some(Code::PeopleLimit));

        // Who lost the socket still has the place; who left has not.
        world.resume(HOST);
        world.resume(1);
        world.drop_socket(1, Closing::Lost);
        let late = world.enter(false);
        assert_eq!(refusal_of(&world, late), Some(Code::PeopleLimit));
        world.resume(1);
        assert!(world.clients[1].is_here());
        world.done(1, Request::Leave {});
        let next = world.enter(false);
        assert_eq!(refusal_of(&world, next), None);
        world.admit(HOST, next);
    }
}

#[test]
fn who_waited_before_the_call_was_complete_is_not_let_in_beyond_it() {
    let mut world = world(2);
    let (ben, clara) = (world.enter(false), world.enter(false));
    world.knock(ben);
    world.knock(clara);
    let both = world.commit_of(HOST, world.epoch(), &[ben, clara], &[]);
    assert_eq!(world.refused(HOST, both), Code::PeopleLimit);
    world.admit(HOST, ben);
    let other = world.commit_of(HOST, world.epoch(), &[clara], &[]);
    assert_eq!(world.refused(HOST, other), Code::PeopleLimit);
    // One for the other.
    let removal = world.commit_of(HOST, world.epoch(), &[], &[ben]);
    world.done(HOST, removal);
    world.admit(HOST, clara);
}

#[test]
fn a_host_may_wait_for_a_place_in_a_call_that_is_complete() {
    let mut world = world(2);
    let guest = world.enter(false);
    world.admit(HOST, guest);
    let second = world.enter(true);
    assert_eq!(refusal_of(&world, second), None);
    world.knock(second);
    let commit = world.commit_of(HOST, world.epoch(), &[second], &[]);
    assert_eq!(world.refused(HOST, commit), Code::PeopleLimit);
}
