//! What is said through the closed door: to whom it goes, to whom it does not,
//! and how much of it.

use super::super::Closing;
use super::world::{World, knock, word_to};
use crate::config::{MAX_DEVICES, MAX_WORD, MAX_WORDS, WORDS_SPAN};
use conclave_wire::client::{KnockNotice, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::id::Blob;

const HOST: usize = 0;
const MEMBER: usize = 1;

/// A call of a host and a member, and two who wait.
fn world() -> (World, usize, usize) {
    let mut world = World::call_of(2);
    let (one, two) = (world.enter(false), world.enter(false));
    world.knock(one);
    world.knock(two);
    (world, one, two)
}

fn devices(state: u8) -> Request {
    Request::ShowDevices {
        devices: Blob(vec![state; 29]),
    }
}

fn told(world: &World, client: usize) -> Vec<u8> {
    let frames = world.clients[client].frames.iter();
    let words = frames.filter_map(|frame| match frame {
        ServerFrame::Told { word } => word.0.first().copied(),
        _ => None,
    });
    words.collect()
}

/// Everything that a client was told of devices: who, and which state.
fn shown(world: &World, client: usize) -> Vec<(usize, u8)> {
    let of = |participant| {
        let found = |client: &usize| world.id(*client) == participant;
        (0..world.clients.len()).find(found).unwrap()
    };
    let mut shown = Vec::new();
    for frame in &world.clients[client].frames {
        match frame {
            ServerFrame::Devices {
                participant,
                devices,
            } => shown.push((of(*participant), devices.0[0])),
            ServerFrame::Knocks { knocks } => {
                for KnockNotice {
                    participant,
                    devices,
                    ..
                } in knocks
                {
                    if let Some(devices) = devices {
                        shown.push((of(*participant), devices.0[0]));
                    }
                }
            }
            _ => {}
        }
    }
    shown
}

#[test]
fn a_word_reaches_the_one_who_waits_and_nobody_else() {
    let (mut world, one, two) = world();
    let word = word_to(world.id(one), 7);
    world.done(HOST, word.clone());
    assert_eq!(told(&world, one), [7]);
    for other in [HOST, MEMBER, two] {
        assert!(told(&world, other).is_empty());
    }
    // Sent again by a client whose acknowledgement was lost.
    world.done(HOST, word);
    assert_eq!(told(&world, one), [7]);
}

#[test]
fn only_those_who_may_admit_speak_and_only_to_those_who_wait() {
    let (mut world, one, two) = world();
    let to_one = word_to(world.id(one), 1);
    for by in [MEMBER, one, two] {
        assert_eq!(world.refused(by, to_one.clone()), Code::Forbidden);
    }
    let arrived = world.enter(false);
    for not_waiting in [HOST, MEMBER, arrived] {
        let word = word_to(world.id(not_waiting), 1);
        assert_eq!(world.refused(HOST, word), Code::NoSuchParticipant);
    }
    assert!(told(&world, one).is_empty());
    // Without a host, every member may.
    world.drop_socket(HOST, Closing::Lost);
    world.done(MEMBER, to_one);
    assert_eq!(told(&world, one), [1]);
}

#[test]
fn guests_who_wait_never_learn_of_each_other() {
    let (mut world, one, two) = world();
    let before = world.clients[two].frames.len();
    world.done(one, devices(3));
    world.done(HOST, word_to(world.id(one), 1));
    world.drop_socket(one, Closing::Lost);
    world.resume(one);
    world.done(one, knock(9));
    let participant = world.id(one);
    world.done(HOST, Request::Refuse { participant });
    let third = world.enter(false);
    world.knock(third);
    assert_eq!(world.clients[two].frames.len(), before, "told of another");
    let id = world.id(one);
    let everything = format!(
        "{:?}{:?}",
        world.clients[two].frames, world.clients[third].frames
    );
    assert!(!everything.contains(&format!("{id:?}")));
    assert!(!everything.contains("Knocks") && !everything.contains("Roster"));
}

#[test]
fn words_are_told_again_after_a_resume_and_gone_with_the_knock() {
    let (mut world, one, _) = world();
    for nth in 1..=2 {
        world.done(HOST, word_to(world.id(one), nth));
    }
    world.drop_socket(one, Closing::Lost);
    // Said while the telephone slept.
    world.done(HOST, word_to(world.id(one), 3));
    let frames = world.resume(one);
    let again = frames.iter().filter_map(|frame| match frame {
        ServerFrame::Told { word } => Some(word.0[0]),
        _ => None,
    });
    assert_eq!(again.collect::<Vec<_>>(), [1, 2, 3]);
    // Another knock cannot open what was sealed for the earlier one.
    world.done(one, devices(3));
    world.done(one, knock(9));
    world.drop_socket(one, Closing::Lost);
    let said = |frame: &ServerFrame| matches!(frame, ServerFrame::Told { .. });
    assert!(!world.resume(one).iter().any(said));
    world.drop_socket(HOST, Closing::Lost);
    let before = world.clients[HOST].frames.len();
    world.resume(HOST);
    world.clients[HOST].frames.drain(..before);
    assert!(shown(&world, HOST).is_empty());
}

#[test]
fn devices_are_shown_to_those_who_may_admit_and_to_nobody_else() {
    let (mut world, one, two) = world();
    world.done(one, devices(3));
    world.done(one, devices(1));
    assert_eq!(shown(&world, HOST), [(one, 3), (one, 1)]);
    assert!(shown(&world, MEMBER).is_empty());
    assert!(shown(&world, two).is_empty());
    // Who may admit from now on learns how they are.
    world.drop_socket(HOST, Closing::Lost);
    assert_eq!(shown(&world, MEMBER), [(one, 1)]);
    let arrived = world.enter(false);
    for by in [MEMBER, arrived] {
        assert_eq!(world.refused(by, devices(3)), Code::Forbidden);
    }
}

#[test]
fn what_is_said_through_the_door_is_bounded() {
    let (mut world, one, two) = world();
    let participant = world.id(one);
    let tell = |word: Vec<u8>| Request::Tell {
        participant,
        word: Blob(word),
    };
    assert_eq!(world.refused(HOST, tell(vec![])), Code::BadMessage);
    let long = tell(vec![1; MAX_WORD + 1]);
    assert_eq!(world.refused(HOST, long), Code::TooLarge);
    for (length, code) in [(0, Code::BadMessage), (MAX_DEVICES + 1, Code::TooLarge)] {
        let devices = Blob(vec![1; length]);
        assert_eq!(world.refused(one, Request::ShowDevices { devices }), code);
    }
    for nth in 0..MAX_WORDS as u8 {
        world.done(HOST, word_to(participant, nth));
        world.done(one, devices(nth));
    }
    assert_eq!(world.refused(HOST, word_to(participant, 99)), Code::TooMany);
    assert_eq!(world.refused(one, devices(99)), Code::TooMany);
    // Each visitor for itself, and only for a while.
    world.done(HOST, word_to(world.id(two), 99));
    world.done(two, devices(99));
    world.pass(WORDS_SPAN);
    world.done(HOST, word_to(participant, 99));
    world.done(one, devices(99));
    world.drop_socket(one, Closing::Lost);
    let frames = world.resume(one);
    let again = frames.iter();
    let again = again.filter(|frame| matches!(frame, ServerFrame::Told { .. }));
    assert_eq!(again.count(), MAX_WORDS, "the last ones");
}
