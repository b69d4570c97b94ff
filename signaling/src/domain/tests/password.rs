//! Who does not know the password learns nothing and locks the link at most.

use super::world::World;
use crate::domain::{Closing, Order};
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;

const RIGHT: Option<[u8; 32]> = Some([1; 32]);
const WRONG: Option<[u8; 32]> = Some([2; 32]);
const GUEST: bool = false;
const HOST: bool = true;

fn world() -> World {
    World::with_password([1; 32])
}

/// Whoever tries this is turned away with that code and so many tries left,
/// and told nothing else.
fn turned_away(world: &mut World, host: bool, proof: Option<[u8; 32]>) -> (Code, Option<u32>) {
    let client = world.enter_with(host, proof);
    let client = &world.clients[client];
    assert!(client.connection.is_none(), "the socket is closed");
    match &client.frames[..] {
        [
            ServerFrame::Error {
                re: Some(0),
                code,
                missed,
                tries_left,
            },
        ] if missed.is_empty() => (*code, *tries_left),
        frames => panic!("told more than a refusal: {frames:?}"),
    }
}

fn enters(world: &mut World, host: bool) -> usize {
    let client = world.enter_with(host, RIGHT);
    let frames = &world.clients[client].frames;
    assert!(
        matches!(frames[0], ServerFrame::Entered { .. }),
        "{frames:?}"
    );
    client
}

fn lock(world: &mut World, host: bool) {
    for left in (1..5).rev() {
        let answer = turned_away(world, host, WRONG);
        assert_eq!(answer, (Code::PasswordWrong, Some(left)));
    }
    assert_eq!(turned_away(world, host, WRONG), (Code::LinkLocked, None));
}

/// What the client was last told of the lock.
fn told_locked(world: &World, client: usize) -> Option<bool> {
    let frames = world.clients[client].frames.iter().rev();
    frames
        .filter_map(|frame| match frame {
            ServerFrame::LinkLocked { locked } => Some(*locked),
            _ => None,
        })
        .next()
}

#[test]
fn without_the_proof_nobody_is_told_anything_of_a_running_call() {
    let mut world = world();
    let host = enters(&mut world, HOST);
    world.done(host, Request::StartCall {});
    for door in [GUEST, HOST] {
        assert_eq!(
            turned_away(&mut world, door, None),
            (Code::PasswordNeeded, None)
        );
        assert_eq!(
            turned_away(&mut world, door, WRONG),
            (Code::PasswordWrong, Some(4))
        );
    }
    enters(&mut world, GUEST);
}

#[test]
fn asking_without_a_proof_is_no_try() {
    let mut world = world();
    for _ in 0..20 {
        turned_away(&mut world, GUEST, None);
    }
    enters(&mut world, GUEST);
}

#[test]
fn five_wrong_ones_lock_the_link_for_everybody() {
    let mut world = world();
    lock(&mut world, GUEST);
    for proof in [RIGHT, WRONG, None] {
        assert_eq!(
            turned_away(&mut world, GUEST, proof),
            (Code::LinkLocked, None)
        );
    }
}

#[test]
fn a_right_one_resets_the_count() {
    let mut world = world();
    for _ in 0..3 {
        for _ in 0..4 {
            turned_away(&mut world, GUEST, WRONG);
        }
        enters(&mut world, GUEST);
    }
    lock(&mut world, GUEST);
}

#[test]
fn each_link_is_locked_by_its_own_tries() {
    let mut world = world();
    lock(&mut world, GUEST);
    enters(&mut world, HOST);
    lock(&mut world, HOST);
    assert_eq!(
        turned_away(&mut world, HOST, RIGHT),
        (Code::LinkLocked, None)
    );
}

#[test]
fn a_restart_forgives_nothing() {
    let mut world = world();
    turned_away(&mut world, GUEST, WRONG);
    world.restart();
    assert_eq!(
        turned_away(&mut world, GUEST, WRONG),
        (Code::PasswordWrong, Some(3))
    );
    for _ in 0..3 {
        turned_away(&mut world, GUEST, WRONG);
        world.restart();
    }
    assert_eq!(
        turned_away(&mut world, GUEST, RIGHT),
        (Code::LinkLocked, None)
    );
}

#[test]
fn the_lock_outlasts_the_call() {
    let mut world = world();
    let host = enters(&mut world, HOST);
    world.done(host, Request::StartCall {});
    lock(&mut world, GUEST);
    world.request(host, Request::EndCall {});
    assert_eq!(
        turned_away(&mut world, GUEST, RIGHT),
        (Code::LinkLocked, None)
    );
}

#[test]
fn a_host_is_told_and_unlocks_the_guests_link() {
    let mut world = world();
    let host = enters(&mut world, HOST);
    assert_eq!(told_locked(&world, host), None);
    let guest = enters(&mut world, GUEST);
    lock(&mut world, GUEST);
    assert_eq!(told_locked(&world, host), Some(true));
    assert_eq!(told_locked(&world, guest), None, "guests are not");
    let late = enters(&mut world, HOST);
    assert_eq!(told_locked(&world, late), Some(true));

    assert_eq!(world.refused(guest, Request::Unlock {}), Code::Forbidden);
    world.done(host, Request::Unlock {});
    assert_eq!(told_locked(&world, host), Some(false));
    assert_eq!(told_locked(&world, late), Some(false));
    lock(&mut world, GUEST);
}

#[test]
fn a_host_who_comes_back_is_told_again() {
    let mut world = world();
    let host = enters(&mut world, HOST);
    lock(&mut world, GUEST);
    world.drop_socket(host, Closing::Lost);
    let frames = world.resume(host);
    assert!(
        frames.contains(&ServerFrame::LinkLocked { locked: true }),
        "{frames:?}"
    );
}

#[test]
fn the_operator_unlocks_both_links() {
    let mut world = world();
    lock(&mut world, GUEST);
    lock(&mut world, HOST);
    world.order(Order::Unlock).unwrap();
    enters(&mut world, GUEST);
    enters(&mut world, HOST);
}

#[test]
fn one_who_proved_the_password_comes_back_by_the_resume_token_alone() {
    let mut world = world();
    let guest = enters(&mut world, GUEST);
    lock(&mut world, GUEST);
    world.drop_socket(guest, Closing::Lost);
    let frames = world.resume(guest);
    assert!(matches!(frames[0], ServerFrame::Entered { .. }));
}

#[test]
fn a_room_without_a_password_asks_for_none() {
    let mut world = World::new();
    for proof in [None, WRONG] {
        let client = world.enter_with(GUEST, proof);
        assert!(world.clients[client].connection.is_some());
    }
    let host = world.enter(true);
    world.done(host, Request::Unlock {});
}
