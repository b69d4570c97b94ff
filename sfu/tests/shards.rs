//! One room over several shards: its members see no difference.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::config::{KEYFRAME_THROTTLE, Limits};
use conclave_sfu::drop::DropReason;
use conclave_sfu::layer::{Layer, Target};
use conclave_sfu::link::{self, pair_of};
use conclave_sfu::metrics::Counter;
use conclave_wire::control::{Command, Event, Source};
use kit::{Packet, ROOM, Random, Slot, Way, World};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const BOTH: &[Source] = &[Source::Microphone, Source::Camera];

/// A pair of which each is on a shard of its own; the second sees and hears
/// the first.
fn apart() -> World {
    let mut world = World::of_shards(2, 1);
    world.join(BOTH, 1, 1);
    world.join(BOTH, 1, 1);
    world.until_connected();
    world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
    world.assign(1, Slot::Audio(0), Some((0, Source::Microphone)));
    assert_eq!(world.metrics_of(0).connections, 1);
    assert_eq!(world.metrics_of(1).connections, 1);
    world
}

#[test]
fn pictures_and_sound_cross_unchanged() {
    let mut world = apart();
    let seed = 0x5ead;
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    for round in 0..50 {
        let len = 1 + random.below(1100);
        let frame = Packet::frame(round == 0, &random.bytes(len));
        video.push(world.send(0, Source::Camera, frame));
        let sound = Packet::sound(&random.bytes(120));
        audio.push(world.send(0, Source::Microphone, sound));
        world.run(20 * MS);
    }
    let received = world.take(1, Slot::Video(0));
    assert_eq!(received.len(), 50);
    for (received, sent) in received.iter().zip(&video) {
        assert_eq!(received.payload[5..], sent[5..]);
    }
    let received = world.take(1, Slot::Audio(0));
    assert!(
        received
            .iter()
            .all(|p| p.header.ext_vals.audio_level == Some(-30))
    );
    let received: Vec<_> = received.iter().map(|p| p.payload.to_vec()).collect();
    assert_eq!(received, audio);
    assert_eq!(world.metrics_of(0).count_of(Counter::Relayed), 100);
    assert_eq!(world.metrics_of(1).count_of(Counter::Mirrored), 100);
    assert!(
        world.clients[0].received.is_empty(),
        "nobody receives themselves"
    );
}

#[test]
fn only_shards_with_an_interested_member_get_packets() {
    let mut world = apart();
    world.send(0, Source::Camera, Packet::frame(true, b"seen"));
    world.send(1, Source::Camera, Packet::frame(true, b"unseen"));
    assert_eq!(world.metrics_of(0).count_of(Counter::Relayed), 1);
    assert_eq!(world.metrics_of(1).count_of(Counter::Relayed), 0);
    world.assign(1, Slot::Video(0), None);
    world.run(500 * MS);
    world.send(0, Source::Camera, Packet::frame(true, b"unseen"));
    assert_eq!(world.metrics_of(0).count_of(Counter::Relayed), 1);
    world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
    world.send(0, Source::Camera, Packet::frame(true, b"seen"));
    assert_eq!(world.metrics_of(0).count_of(Counter::Relayed), 2);
    world.run(50 * MS);
    assert_eq!(world.take(1, Slot::Video(0)).len(), 2);
}

#[test]
fn a_keyframe_request_crosses_and_those_of_many_become_one() {
    let mut world = World::of_shards(2, 2);
    for _ in 0..4 {
        world.join(BOTH, 0, 1);
    }
    world.until_connected();
    world.send(0, Source::Camera, Packet::frame(true, b"first"));
    world.run(KEYFRAME_THROTTLE);
    let before = world.clients[0].keyframe_requests;
    world.assign(2, Slot::Video(0), Some((0, Source::Camera)));
    world.assign(3, Slot::Video(0), Some((0, Source::Camera)));
    world.run(20 * MS);
    assert_eq!(world.clients[0].keyframe_requests, before + 1);
    world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
    world.run(20 * MS);
    assert_eq!(world.clients[0].keyframe_requests, before + 1);
    world.send(0, Source::Camera, Packet::frame(true, b"second"));
    world.run(20 * MS);
    for client in 1..4 {
        assert_eq!(
            world.take(client, Slot::Video(0)).len(),
            1,
            "client {client}"
        );
    }
}

#[test]
fn what_a_slot_elsewhere_takes_is_wanted_and_what_none_takes_is_not() {
    let mut world = apart();
    let wanted = |world: &World| {
        let told = world.events.iter().rev().find_map(|event| match event {
            Event::Wanted {
                participant,
                sources,
            } if *participant == world.clients[0].id => Some(sources.clone()),
            _ => None,
        });
        let camera = told
            .into_iter()
            .flatten()
            .find(|w| w.source == Source::Camera);
        camera.map(|wanted| wanted.spatial)
    };
    for _ in 0..100 {
        world.send(0, Source::Camera, Packet::frame(true, b"picture"));
        world.run(33 * MS);
    }
    assert_eq!(wanted(&world), None, "all of it is wanted");
    world.aim(1, 0, Target::Paused);
    world.run(3_000 * MS);
    assert_eq!(wanted(&world), Some(None), "nothing is");
    world.aim(1, 0, Target::UpTo(Layer::HIGHEST));
    world.run(100 * MS);
    assert_eq!(wanted(&world), None, "at once");
}

#[test]
fn whoever_is_removed_is_cut_off_at_once_on_every_shard() {
    let mut world = apart();
    world.assign(0, Slot::Video(0), Some((1, Source::Camera)));
    world.send(0, Source::Camera, Packet::frame(true, b"0"));
    world.send(1, Source::Camera, Packet::frame(true, b"1"));
    // What had crossed before, and was not taken yet, is not sent on.
    world.held = true;
    world.send(1, Source::Camera, Packet::frame(false, b"late"));
    let participant = world.clients[1].id;
    world.command(Command::Disconnect { participant });
    world.held = false;
    world.run(MS);
    let before = world.metrics();
    world.send(0, Source::Camera, Packet::frame(true, b"0"));
    world.send(1, Source::Camera, Packet::frame(true, b"1"));
    world.run(500 * MS);
    let after = world.metrics();
    assert_eq!(world.take(1, Slot::Video(0)).len(), 1);
    assert_eq!(world.take(0, Slot::Video(0)).len(), 1);
    let forwarded = Counter::Forwarded;
    assert_eq!(before.count_of(forwarded), after.count_of(forwarded));
    let relayed = Counter::Relayed;
    assert_eq!(before.count_of(relayed), after.count_of(relayed));
    assert_eq!(after.connections, 1);
    world.command(Command::Close { room: ROOM });
    assert_eq!(world.metrics().connections, 0);
    for shard in 0..2 {
        assert_eq!(world.shard_at(shard).held(), Default::default());
    }
}

#[test]
fn what_found_the_ring_full_is_repaired() {
    let (a, b) = pair_of(16, 1 << 16);
    let links = vec![vec![None, Some(a)], vec![Some(b), None]];
    let mut world = World::spanning(Limits::default(), 2, 1, links);
    world.join(&[Source::Camera], 0, 1);
    world.join(&[], 0, 1);
    world.until_connected();
    world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
    world.send(0, Source::Camera, Packet::frame(true, &[0]));
    world.held = true;
    for round in 1..30 {
        world.send(0, Source::Camera, Packet::frame(false, &[round]));
    }
    world.held = false;
    assert_eq!(world.metrics_of(0).drops_of(DropReason::LinkFull), 13);
    world.run(MS);
    for round in 30..60 {
        world.send(0, Source::Camera, Packet::frame(false, &[round]));
        world.run(20 * MS);
    }
    world.run(500 * MS);
    let received = world.take(1, Slot::Video(0));
    let bodies: Vec<_> = received.iter().map(|p| p.payload[5]).collect();
    assert_eq!(bodies, (0..60).collect::<Vec<_>>());
    let metrics = world.metrics_of(0);
    let again = metrics.count_of(Counter::RelayedAgain);
    assert_eq!(again, metrics.drops_of(DropReason::LinkFull));
}

#[test]
fn what_is_lost_on_the_way_from_a_mirror_is_sent_again_by_it() {
    let mut world = apart();
    world.send(0, Source::Camera, Packet::frame(true, &[0]));
    let mut count = 0;
    world.filter = Box::new(move |way, bytes| {
        let rtp = bytes.len() > 30 && bytes[0] & 0xc0 == 0x80 && bytes[1] & 0x7f >= 96;
        count += usize::from(way == Way::FromSfu(1) && rtp);
        !(way == Way::FromSfu(1) && rtp && (5..8).contains(&count))
    });
    for round in 1..30 {
        world.send(0, Source::Camera, Packet::frame(false, &[round]));
        world.run(20 * MS);
    }
    world.run(500 * MS);
    let received = world.take(1, Slot::Video(0));
    let bodies: Vec<_> = received.iter().map(|p| p.payload[5]).collect();
    assert_eq!(bodies, (0..30).collect::<Vec<_>>());
    assert_eq!(world.metrics_of(0).count_of(Counter::RelayedAgain), 0);
    assert_eq!(world.metrics_of(1).count_of(Counter::Retransmitted), 3);
}

/// Two worlds in which the same happens: one of a single shard, one of several.
struct Twins {
    one: World,
    many: World,
}

impl Twins {
    fn both(&mut self, mut what: impl FnMut(&mut World)) {
        what(&mut self.one);
        what(&mut self.many);
    }
}

/// What a slot received, without what the descriptor has of it.
fn bodies(world: &mut World, client: usize, slot: Slot) -> Vec<Vec<u8>> {
    let from = if matches!(slot, Slot::Video(_)) { 5 } else { 0 };
    let received = world.take(client, slot);
    received
        .iter()
        .map(|p| p.payload[from..].to_vec())
        .collect()
}

#[test]
fn whatever_happens_members_receive_what_they_would_from_one_shard() {
    let mut mirrored = 0;
    for seed in 0..12 {
        println!("seed {seed}");
        let mut random = Random(seed);
        let shards = 2 + random.below(2);
        let mut twins = Twins {
            one: World::new(),
            many: World::of_shards(shards, 2),
        };
        let clients = 4 + random.below(3);
        for _ in 0..clients {
            twins.both(|world| {
                world.join(BOTH, 1, 2);
            });
        }
        twins.both(World::until_connected);
        // Connecting takes both the same time; from here on both go in step.
        let mut there: Vec<_> = (0..clients).collect();
        for step in 0..120u8 {
            let client = there[random.below(there.len())];
            match random.below(20) {
                0..=2 => {
                    let of = random.below(clients);
                    let carries = (random.below(4) > 0).then_some((of, Source::Camera));
                    let slot = Slot::Video(random.below(2));
                    twins.both(|world| world.assign(client, slot, carries));
                }
                3 => {
                    let of = random.below(clients);
                    let carries = (random.below(4) > 0).then_some((of, Source::Microphone));
                    twins.both(|world| world.assign(client, Slot::Audio(0), carries));
                }
                4 if there.len() > 2 && random.below(3) == 0 => {
                    let participant = twins.one.clients[client].id;
                    there.retain(|other| *other != client);
                    twins.both(|world| world.command(Command::Disconnect { participant }));
                }
                5 => twins.both(|world| {
                    world.command(Command::RequestKeyframes { room: ROOM });
                }),
                6..=9 => {
                    let sound = [step, client as u8, 7];
                    twins.both(|world| {
                        world.send(client, Source::Microphone, Packet::sound(&sound));
                    });
                }
                _ => {
                    let keyframe = random.below(3) == 0;
                    let frame = Packet::frame(keyframe, &[step, client as u8]);
                    twins.both(|world| {
                        world.send(client, Source::Camera, frame.clone());
                    });
                }
            }
            let pause = random.below(50) as u32 * MS;
            twins.both(|world| world.run(pause));
        }
        for client in 0..clients {
            for slot in [Slot::Audio(0), Slot::Video(0), Slot::Video(1)] {
                let expected = bodies(&mut twins.one, client, slot);
                let received = bodies(&mut twins.many, client, slot);
                assert_eq!(received, expected, "seed {seed}, client {client}, {slot:?}");
            }
        }
        mirrored += twins.many.metrics().count_of(Counter::Mirrored);
        // One after the other leaves; then nothing is left of them anywhere.
        for client in there {
            let participant = twins.many.clients[client].id;
            twins.many.command(Command::Disconnect { participant });
        }
        for shard in 0..shards {
            assert_eq!(twins.many.shard_at(shard).held(), Default::default());
        }
    }
    assert!(mirrored > 100, "{mirrored} packets crossed");
}

#[test]
fn a_member_who_comes_back_on_another_shard_is_seen_again() {
    let mut world = World::of_shards(2, 2);
    for _ in 0..3 {
        world.join(BOTH, 0, 1);
    }
    world.until_connected();
    let shards = |world: &World| [0, 1].map(|shard| world.metrics_of(shard).connections);
    assert_eq!(shards(&world), [2, 1]);
    for viewer in [1, 2] {
        world.assign(viewer, Slot::Video(0), Some((0, Source::Camera)));
    }
    world.send(0, Source::Camera, Packet::frame(true, b"a"));
    let participant = world.clients[0].id;
    world.command(Command::Disconnect { participant });
    // Their place is taken before they come back.
    world.join(&[], 0, 1);
    let again = world.join_as(participant, BOTH, 0, 1);
    world.until_connected();
    assert_eq!(shards(&world), [2, 2]);
    world.send(again, Source::Camera, Packet::frame(true, b"b"));
    world.run(300 * MS);
    world.send(again, Source::Camera, Packet::frame(true, b"c"));
    for viewer in [1, 2] {
        let bodies = bodies(&mut world, viewer, Slot::Video(0));
        assert_eq!(bodies, [b"a", b"b", b"c"], "viewer {viewer}");
    }
    assert_eq!(world.metrics_of(1).count_of(Counter::Relayed), 2);
    assert_eq!(world.shard_at(1).held().mirrors, 0);
}

#[test]
fn whoever_is_heard_is_the_same_on_every_shard() {
    let limits = Limits {
        heard: Some(1),
        ..Limits::default()
    };
    let mut world = World::spanning(limits, 2, 2, link::all(2));
    for _ in 0..4 {
        world.join(&[Source::Microphone], 1, 0);
    }
    world.until_connected();
    for client in 0..4 {
        world.float(client, 0);
    }
    for round in 0..150u8 {
        world.level = Some(-60);
        world.send(0, Source::Microphone, Packet::sound(&[0, round]));
        // After a second somebody louder speaks, on the other shard.
        if round >= 50 {
            world.level = Some(-20);
            world.send(2, Source::Microphone, Packet::sound(&[2, round]));
        }
        world.run(20 * MS);
    }
    let heard = |world: &mut World, client| -> Vec<u8> {
        let mut speakers: Vec<_> = bodies(world, client, Slot::Audio(0))
            .iter()
            .map(|body| body[0])
            .collect();
        speakers.dedup();
        speakers
    };
    assert_eq!(heard(&mut world, 1), [0, 2]);
    assert_eq!(heard(&mut world, 3), [0, 2]);
    assert_eq!(heard(&mut world, 0), [2], "nobody hears themselves");
    assert_eq!(heard(&mut world, 2), [0]);
    for client in [2, 3] {
        world.assign(client, Slot::Audio(0), None);
    }
    world.run(300 * MS);
    let before = world.metrics_of(0).count_of(Counter::Relayed);
    world.send(0, Source::Microphone, Packet::sound(&[0, 0]));
    let after = world.metrics_of(0).count_of(Counter::Relayed);
    assert_eq!(before, after, "nobody listens there");
}
