//! What a client sends reaches the slots it was assigned to, and only those.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::drop::DropReason;
use conclave_sfu::metrics::Counter;
use conclave_sfu::rtp::extension::Kind;
use conclave_wire::control::{Command, Event, Source};
use kit::{Packet, ROOM, Random, Slot, World};
use std::time::Duration;

#[test]
fn two_clients_connect_and_payloads_arrive_unchanged() {
    let mut world = World::pair();
    for client in 0..2 {
        let participant = world.clients[client].id;
        assert!(world.events.contains(&Event::Connected { participant }));
    }
    let seed = 0x5eed;
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    for round in 0..50 {
        let len = 1 + random.below(1100);
        let frame = Packet::frame(round == 0, &random.bytes(len));
        video.push(world.send(0, Source::Camera, frame));
        let sound = Packet::sound(&random.bytes(120));
        audio.push(world.send(0, Source::Microphone, sound));
        world.run(Duration::from_millis(20));
    }
    let received = world.take(1, Slot::Video(0));
    assert_eq!(received.len(), 50);
    for (received, sent) in received.iter().zip(&video) {
        // The descriptor's numbers are the slot's; the frame is the sender's.
        assert_eq!(received.payload[5..], sent[5..]);
    }
    let received = world.take(1, Slot::Audio(0));
    let received: Vec<_> = received.iter().map(|p| p.payload.to_vec()).collect();
    assert_eq!(received, audio);
    assert!(
        world.clients[0].received.is_empty(),
        "nobody receives themselves"
    );
}

#[test]
fn a_slot_keeps_its_numbers_contiguous_when_it_switches_at_a_keyframe() {
    let mut world = World::new();
    for _ in 0..3 {
        world.join(&[Source::Camera], 0, 1);
    }
    world.until_connected();
    world.assign(2, Slot::Video(0), Some((0, Source::Camera)));
    world.clients[1].streams[0].timestamp = 3_000_000_000;
    world.clients[1].streams[0].picture_id = 77;
    world.clients[1].streams[0].tl0 = 3;
    world.clients[1].streams[0].seq = 40_000;
    let mut expected = Vec::new();
    for round in 0..10u8 {
        let body = [0, round];
        world.send(0, Source::Camera, Packet::frame(round == 0, &body));
        world.send(1, Source::Camera, Packet::frame(round == 0, &[1, round]));
        expected.push(body);
        world.run(Duration::from_millis(33));
    }
    world.assign(2, Slot::Video(0), Some((1, Source::Camera)));
    for round in 10..20u8 {
        // The new source's keyframe comes in round 15: until then the slot
        // goes on with the old one.
        world.send(0, Source::Camera, Packet::frame(false, &[0, round]));
        world.send(1, Source::Camera, Packet::frame(round == 15, &[1, round]));
        expected.push([u8::from(round >= 15), round]);
        if round == 15 {
            // The old source's packet of this round came before the switch.
            expected.insert(expected.len() - 1, [0, round]);
        }
        world.run(Duration::from_millis(33));
    }
    let received = world.take(2, Slot::Video(0));
    let bodies: Vec<_> = received
        .iter()
        .map(|packet| [packet.payload[5], packet.payload[6]])
        .collect();
    assert_eq!(bodies, expected);
    for pair in received.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        assert_eq!(*b.seq_no, *a.seq_no + 1, "sequence number");
        let picture =
            |p: &str0m::rtp::RtpPacket| u16::from_be_bytes([p.payload[1], p.payload[2]]) & 0x7fff;
        assert_eq!(picture(b), (picture(a) + 1) & 0x7fff, "picture id");
        assert_eq!(b.payload[4], a.payload[4].wrapping_add(1), "TL0PICIDX");
        let step = b.header.timestamp.wrapping_sub(a.header.timestamp);
        assert!((1..=6000).contains(&step), "timestamp step {step}");
        assert_eq!(a.header.ssrc, b.header.ssrc);
    }
    assert!(
        world.clients[1].keyframe_requests >= 1,
        "the new source was asked"
    );
}

#[test]
fn an_audio_slot_switches_at_once() {
    let mut world = World::new();
    for _ in 0..3 {
        world.join(&[Source::Microphone], 1, 0);
    }
    world.until_connected();
    world.assign(2, Slot::Audio(0), Some((0, Source::Microphone)));
    world.send(0, Source::Microphone, Packet::sound(b"a"));
    world.assign(2, Slot::Audio(0), Some((1, Source::Microphone)));
    world.send(0, Source::Microphone, Packet::sound(b"b"));
    world.send(1, Source::Microphone, Packet::sound(b"c"));
    world.send(0, Source::Microphone, Packet::sound(b"d"));
    world.send(1, Source::Microphone, Packet::sound(b"e"));
    world.run(Duration::from_millis(50));
    let received = world.take(2, Slot::Audio(0));
    let bodies: Vec<_> = received.iter().map(|p| p.payload.to_vec()).collect();
    assert_eq!(bodies, [b"a", b"b", b"c", b"e"]);
    let first = *received[0].seq_no;
    let seqs: Vec<_> = received.iter().map(|p| *p.seq_no - first).collect();
    assert_eq!(seqs, [0, 1, 2, 3]);
    let level = received[0].header.ext_vals.audio_level;
    assert_eq!(
        level,
        Some(-30),
        "the level crosses under the receiver's id"
    );
}

#[test]
fn discreet_sound_crosses_without_its_level_whatever_clients_offer() {
    let mut world = World::new();
    world.discreet = true;
    for _ in 0..2 {
        world.join(&[Source::Microphone], 1, 0);
    }
    world.until_connected();
    let (_, level) = Kind::URIS[2];
    for client in &world.clients {
        assert!(client.offer.contains(level), "{}", client.offer);
        assert!(!client.answer.contains(level), "{}", client.answer);
        assert!(client.answer.contains("cbr=1"), "{}", client.answer);
    }
    world.assign(1, Slot::Audio(0), Some((0, Source::Microphone)));
    world.send(0, Source::Microphone, Packet::sound(b"a"));
    world.run(Duration::from_millis(50));
    let received = world.take(1, Slot::Audio(0));
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].header.ext_vals.audio_level, None);
}

#[test]
fn an_assignment_is_remembered_until_its_source_exists() {
    let mut world = World::new();
    world.join(&[], 0, 1);
    world.assign(0, Slot::Video(0), Some((1, Source::Camera)));
    world.join(&[Source::Camera], 0, 0);
    world.until_connected();
    world.send(1, Source::Camera, Packet::frame(true, b"here"));
    world.run(Duration::from_millis(50));
    assert_eq!(world.take(0, Slot::Video(0)).len(), 1);
}

#[test]
fn nobody_receives_themselves_even_when_assigned() {
    let mut world = World::pair();
    world.assign(0, Slot::Video(0), Some((0, Source::Camera)));
    world.send(0, Source::Camera, Packet::frame(true, b"me"));
    world.run(Duration::from_millis(50));
    assert!(world.clients[0].received.is_empty());
}

#[test]
fn an_emptied_slot_is_quiet() {
    let mut world = World::pair();
    world.send(0, Source::Camera, Packet::frame(true, b"one"));
    world.assign(1, Slot::Video(0), None);
    world.send(0, Source::Camera, Packet::frame(true, b"two"));
    world.run(Duration::from_millis(50));
    assert_eq!(world.take(1, Slot::Video(0)).len(), 1);
}

#[test]
fn a_disconnected_participant_is_cut_off_at_once_both_ways() {
    let mut world = World::pair();
    world.assign(0, Slot::Video(0), Some((1, Source::Camera)));
    world.send(0, Source::Camera, Packet::frame(true, b"0"));
    world.send(1, Source::Camera, Packet::frame(true, b"1"));
    let participant = world.clients[1].id;
    world.command(Command::Disconnect { participant });
    let before = world.metrics();
    world.send(0, Source::Camera, Packet::frame(true, b"0"));
    world.send(1, Source::Camera, Packet::frame(true, b"1"));
    world.run(Duration::from_millis(500));
    let after = world.metrics();
    assert_eq!(world.take(1, Slot::Video(0)).len(), 1);
    assert_eq!(world.take(0, Slot::Video(0)).len(), 1);
    assert_eq!(
        before.count_of(Counter::Forwarded),
        after.count_of(Counter::Forwarded)
    );
    assert!(
        after.drops_of(DropReason::UnknownAddress) > before.drops_of(DropReason::UnknownAddress)
    );
    assert_eq!(after.connections, 1);
    world.command(Command::Close { room: ROOM });
    assert_eq!(world.metrics().connections, 0);
}

#[test]
fn a_silent_client_is_not_sent_to_and_then_lost() {
    let mut world = World::pair();
    world.send(0, Source::Camera, Packet::frame(true, b"x"));
    world.filter = Box::new(|way, _| way != kit::Way::ToSfu(1));
    world.run(Duration::from_secs(11));
    let before = world.metrics().drops_of(DropReason::NoConsent);
    world.send(0, Source::Camera, Packet::frame(true, b"y"));
    assert_eq!(world.metrics().drops_of(DropReason::NoConsent), before + 1);
    let participant = world.clients[1].id;
    assert!(!world.events.contains(&Event::Lost { participant }));
    world.run(Duration::from_secs(20));
    assert!(world.events.contains(&Event::Lost { participant }));
    let other = world.clients[0].id;
    assert!(!world.events.contains(&Event::Lost { participant: other }));
}
