//! A room with more microphones than are heard at once: the loudest reach every
//! receiver, a new speaker soon, whoever is quiet costs nothing, and nobody's
//! numbers have a gap.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::config::Limits;
use conclave_sfu::drop::DropReason;
use conclave_sfu::metrics::Counter;
use conclave_sfu::rtp::extension::Kind;
use conclave_wire::control::{Command, Source};
use kit::{Packet, Random, Slot, World};
use std::collections::BTreeSet;
use std::time::Duration;

const PACKET: Duration = Duration::from_millis(20);

/// `speakers` who only speak, then one who has `slots` and does not.
fn room(heard: Option<usize>, speakers: usize, slots: usize) -> World {
    let mut world = World::with_limits(Limits {
        heard,
        ..Limits::default()
    });
    for _ in 0..speakers {
        world.join(&[Source::Microphone], 0, 0);
    }
    world.join(&[], slots, 0);
    world.until_connected();
    world
}

/// A packet of each speaker, at these levels in dBov; no packet where there is
/// none. A packet's first byte says whose it is.
fn say(world: &mut World, levels: &[Option<i8>]) {
    for (client, level) in levels.iter().enumerate() {
        if level.is_some() {
            world.level = *level;
            world.send(
                client,
                Source::Microphone,
                Packet::sound(&[client as u8; 60]),
            );
        }
    }
    world.run(PACKET);
}

/// Whose packets a slot was sent since it was asked last; fails where its
/// numbers have a gap.
fn whose(world: &mut World, slot: usize, next: &mut Option<u64>) -> Vec<u8> {
    let listener = world.clients.len() - 1;
    let packets = world.take(listener, Slot::Audio(slot));
    for packet in &packets {
        assert!(next.is_none_or(|next| next == *packet.seq_no), "a gap");
        *next = Some(*packet.seq_no + 1);
    }
    packets.iter().map(|packet| packet.payload[0]).collect()
}

/// Who is heard in any slot.
fn heard(world: &mut World, next: &mut [Option<u64>]) -> BTreeSet<u8> {
    let slots = next.iter_mut().enumerate();
    slots
        .flat_map(|(slot, next)| whose(world, slot, next))
        .collect()
}

fn levels(levels: &[i8]) -> Vec<Option<i8>> {
    levels.iter().copied().map(Some).collect()
}

#[test]
fn the_loudest_reach_a_receiver_and_the_others_cost_it_nothing() {
    let mut world = room(Some(3), 8, 4);
    (0..4).for_each(|slot| world.float(8, slot));
    let mut next = [None; 4];
    let said = levels(&[-60, -25, -58, -30, -127, -62, -28, -61]);
    for _ in 0..50 {
        say(&mut world, &said);
    }
    heard(&mut world, &mut next);
    let before = world.metrics();
    for _ in 0..50 {
        say(&mut world, &said);
    }
    assert_eq!(heard(&mut world, &mut next), BTreeSet::from([1, 3, 6]));
    let after = world.metrics();
    let grown = |counter| after.count_of(counter) - before.count_of(counter);
    assert_eq!(grown(Counter::Forwarded), 3 * 50);
    let unheard = DropReason::NotHeard;
    assert_eq!(after.drops_of(unheard) - before.drops_of(unheard), 5 * 50);
    // Nobody makes a sound.
    for _ in 0..150 {
        say(&mut world, &levels(&[-127; 8]));
    }
    heard(&mut world, &mut next);
    say(&mut world, &levels(&[-127; 8]));
    assert_eq!(heard(&mut world, &mut next), BTreeSet::new());
}

#[test]
fn a_new_speaker_is_heard_within_300_ms_and_at_once_where_there_is_room() {
    let mut world = room(Some(3), 6, 3);
    (0..3).for_each(|slot| world.float(6, slot));
    let mut next = [None; 3];
    say(&mut world, &levels(&[-127, -127, -30, -127, -127, -127]));
    assert_eq!(heard(&mut world, &mut next), BTreeSet::from([2]), "room");
    let mut said = [-50, -52, -54, -127, -127, -127];
    for _ in 0..100 {
        say(&mut world, &levels(&said));
    }
    heard(&mut world, &mut next);
    said[4] = -28;
    let mut waited = Duration::ZERO;
    while !heard(&mut world, &mut next).contains(&4) {
        say(&mut world, &levels(&said));
        waited += PACKET;
        assert!(waited <= Duration::from_millis(300), "{waited:?}");
    }
    println!("heard after {waited:?}");
}

#[test]
fn noise_does_not_make_speakers_take_turns() {
    for seed in [0xf1a9, 0xf1a9_0001, 0xf1a9_0002] {
        println!("seed {seed:#x}");
        let mut random = Random(seed);
        let mut world = room(Some(4), 9, 4);
        (0..4).for_each(|slot| world.float(9, slot));
        let mut next = [None; 4];
        let mut noisy = |world: &mut World| {
            let said: Vec<_> = (0..9).map(|_| Some(-60 + random.below(16) as i8)).collect();
            say(world, &said);
        };
        for _ in 0..50 {
            noisy(&mut world);
        }
        heard(&mut world, &mut next);
        let before = world.metrics().count_of(Counter::Switches);
        for _ in 0..1_500 {
            noisy(&mut world);
        }
        assert!((4..=6).contains(&heard(&mut world, &mut next).len()));
        let switches = world.metrics().count_of(Counter::Switches) - before;
        println!("{switches} switches in half a minute");
        assert!(switches <= 2, "{switches}");
    }
}

#[test]
fn an_assigned_slot_is_quiet_while_its_source_is_and_closes_its_numbers() {
    let mut world = room(Some(1), 2, 2);
    world.assign(2, Slot::Audio(0), Some((0, Source::Microphone)));
    world.assign(2, Slot::Audio(1), Some((1, Source::Microphone)));
    for round in 0..6 {
        let said = [levels(&[-25, -70]), levels(&[-127, -30])];
        for _ in 0..150 {
            say(&mut world, &said[round % 2]);
        }
    }
    for slot in 0..2 {
        let packets = world.take(2, Slot::Audio(slot));
        let share = packets.len();
        assert!((300..=650).contains(&share), "{share} of 900");
        assert!(packets.iter().all(|p| p.payload[0] == slot as u8));
        let (mut jumps, mut offsets) = (0, BTreeSet::new());
        for pair in packets.windows(2) {
            assert_eq!(*pair[1].seq_no, *pair[0].seq_no + 1);
            let step = pair[1]
                .header
                .timestamp
                .wrapping_sub(pair[0].header.timestamp);
            offsets.insert(step % 960);
            jumps += usize::from(step > 960);
        }
        assert_eq!(offsets, BTreeSet::from([0]), "the sender's own clock");
        assert!((2..=3).contains(&jumps), "{jumps}");
    }
}

#[test]
fn without_levels_everybody_is_heard_up_to_the_slots() {
    let uri = Kind::URIS
        .iter()
        .find(|(kind, _)| *kind == Kind::AudioLevel)
        .unwrap()
        .1;
    for heard_at_once in [None, Some(2)] {
        let mut world = room(heard_at_once, 6, 8);
        let asked = world.clients[0].answer.contains(uri);
        assert_eq!(asked, heard_at_once.is_some(), "nobody asks how loud it is");
        (0..8).for_each(|slot| world.float(6, slot));
        for _ in 0..10 {
            for client in 0..6 {
                world.level = heard_at_once.is_none().then_some(-100);
                let body = [client as u8; 60];
                world.send(client, Source::Microphone, Packet::sound(&body));
            }
            world.run(PACKET);
        }
        let mut next = [None; 8];
        let everybody = BTreeSet::from([0, 1, 2, 3, 4, 5]);
        assert_eq!(heard(&mut world, &mut next), everybody);
    }
}

#[test]
fn a_place_goes_on_with_another_who_was_waiting_when_its_speaker_leaves() {
    let mut world = room(Some(1), 3, 1);
    world.float(3, 0);
    let mut next = [None; 1];
    let said = levels(&[-25, -30, -60]);
    for _ in 0..50 {
        say(&mut world, &said);
    }
    assert_eq!(heard(&mut world, &mut next), BTreeSet::from([0]));
    let participant = world.clients[0].id;
    world.command(Command::Disconnect { participant });
    for _ in 0..10 {
        say(&mut world, &said);
    }
    assert_eq!(heard(&mut world, &mut next), BTreeSet::from([1]));
}

#[test]
fn a_slot_floats_until_it_is_assigned_and_nobody_hears_themselves() {
    let mut world = World::with_limits(Limits {
        heard: Some(2),
        ..Limits::default()
    });
    world.join(&[Source::Microphone], 1, 0);
    world.join(&[Source::Microphone], 1, 0);
    world.until_connected();
    world.float(0, 0);
    world.float(1, 0);
    let both = levels(&[-30, -30]);
    let from = |world: &mut World| -> Vec<BTreeSet<u8>> {
        for _ in 0..5 {
            say(world, &both);
        }
        let of = |world: &mut World, client| {
            let packets = world.take(client, Slot::Audio(0));
            packets.iter().map(|packet| packet.payload[0]).collect()
        };
        vec![of(world, 0), of(world, 1)]
    };
    // The second speaker has the second place, which the first one's only slot
    // is not for.
    assert_eq!(from(&mut world), [BTreeSet::new(), BTreeSet::from([0])]);
    world.assign(0, Slot::Audio(0), Some((1, Source::Microphone)));
    assert_eq!(from(&mut world)[0], BTreeSet::from([1]));
    world.assign(1, Slot::Audio(0), None);
    assert_eq!(from(&mut world)[1], BTreeSet::new());
    world.assign(1, Slot::Audio(0), Some((0, Source::Microphone)));
    assert_eq!(from(&mut world)[1], BTreeSet::from([0]));
}
