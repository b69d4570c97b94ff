//! Losses are repaired in both directions, and feedback reaches senders.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::drop::DropReason;
use conclave_sfu::metrics::Counter;
use conclave_wire::control::{Command, Source};
use kit::{Packet, ROOM, Random, Slot, Way, World};
use std::time::Duration;

/// Media packets, told by the version and a payload type that is not RTCP's.
fn is_rtp(bytes: &[u8]) -> bool {
    bytes[0] >> 6 == 2 && !(192..=223).contains(&bytes[1])
}

/// The payload type str0m gives VP9; its retransmissions have another.
const VP9: u8 = 98;

fn every_frame_arrives_despite_loss(lossy: fn(Way, &[u8]) -> bool, seed: u64) -> World {
    println!("seed {seed:#x}");
    let mut world = World::pair();
    world.send(0, Source::Camera, Packet::frame(true, b"first"));
    world.run(Duration::from_millis(100));
    let mut random = Random(seed);
    world.filter =
        Box::new(move |way, bytes| !(lossy(way, bytes) && is_rtp(bytes) && random.below(10) == 0));
    let mut sent = Vec::new();
    let mut bodies = Random(seed ^ 1);
    for _ in 0..200 {
        let body = bodies.bytes(300);
        sent.push(world.send(0, Source::Camera, Packet::frame(false, &body)));
        world.run(Duration::from_millis(15));
    }
    world.filter = Box::new(|_, _| true);
    world.send(0, Source::Camera, Packet::frame(false, b"last"));
    world.run(Duration::from_millis(500));
    let received = world.take(1, Slot::Video(0));
    // What is repaired is the frame that was lost, in its place.
    let first = *received[0].seq_no;
    for packet in &received[1..received.len() - 1] {
        let place = (*packet.seq_no - first - 1) as usize;
        assert_eq!(packet.payload[5..], sent[place][5..]);
    }
    assert_eq!(received.len(), 202, "{:?}", world.metrics());
    world
}

#[test]
fn packets_lost_before_the_sfu_are_asked_for_and_come_back() {
    let world = every_frame_arrives_despite_loss(|way, _| way == Way::ToSfu(0), 0xbe_f0e);
    let metrics = world.metrics();
    assert!(metrics.count_of(Counter::NacksSent) > 5);
    assert!(metrics.count_of(Counter::Repaired) > 5);
}

#[test]
fn packets_lost_behind_the_sfu_are_sent_again() {
    // Whether a lost retransmission is asked for again is the receiver's affair.
    let lossy = |way, bytes: &[u8]| way == Way::FromSfu(1) && bytes[1] & 0x7f == VP9;
    let world = every_frame_arrives_despite_loss(lossy, 0xaf_7e5);
    assert!(world.metrics().count_of(Counter::Retransmitted) > 5);
    assert_eq!(world.metrics().count_of(Counter::NacksSent), 0);
}

#[test]
fn senders_get_transport_feedback() {
    let mut world = World::new();
    world.estimates = true;
    world.join(&[Source::Camera], 0, 0);
    world.until_connected();
    for round in 0..100 {
        let frame = Packet::frame(round == 0, &[7; 900]);
        world.send(0, Source::Camera, frame);
        world.run(Duration::from_millis(10));
    }
    let sent = world.metrics().count_of(Counter::TransportFeedbackSent);
    assert!((10..=34).contains(&sent), "{sent} messages in a second");
    assert!(world.clients[0].estimates > 0, "the sender could estimate");
}

#[test]
fn keyframe_requests_are_coalesced_and_throttled() {
    let mut world = World::new();
    world.join(&[Source::Camera], 0, 0);
    for _ in 0..4 {
        world.join(&[], 0, 1);
    }
    world.until_connected();
    world.send(0, Source::Camera, Packet::frame(true, b"k"));
    world.run(Duration::from_secs(1));
    let before = world.metrics().count_of(Counter::KeyframeRequestsSent);
    for client in 1..5 {
        world.assign(client, Slot::Video(0), Some((0, Source::Camera)));
    }
    world.run(Duration::from_millis(600));
    let asked = world.metrics().count_of(Counter::KeyframeRequestsSent) - before;
    assert_eq!(
        asked, 1,
        "four receivers, one request, until it is answered"
    );
    world.run(Duration::from_millis(200));
    let asked = world.metrics().count_of(Counter::KeyframeRequestsSent) - before;
    assert_eq!(asked, 2, "it was ignored, or lost: once more");
    world.run(Duration::from_secs(2));
    let asked = world.metrics().count_of(Counter::KeyframeRequestsSent) - before;
    assert!(
        (4..=5).contains(&asked),
        "{asked}: asked again while they wait"
    );
    world.send(0, Source::Camera, Packet::frame(true, b"k"));
    let before = world.metrics().count_of(Counter::KeyframeRequestsSent);
    world.run(Duration::from_secs(3));
    assert_eq!(
        world.metrics().count_of(Counter::KeyframeRequestsSent),
        before,
        "nobody waits any more"
    );
}

#[test]
fn the_service_can_ask_every_sender_of_a_room_for_a_keyframe() {
    let mut world = World::pair();
    for client in 0..2 {
        world.send(client, Source::Camera, Packet::frame(true, b"k"));
    }
    world.run(Duration::from_secs(1));
    let before: Vec<_> = world.clients.iter().map(|c| c.keyframe_requests).collect();
    world.command(Command::RequestKeyframes { room: ROOM });
    world.command(Command::RequestKeyframes { room: ROOM });
    world.run(Duration::from_millis(400));
    for (client, before) in world.clients.iter().zip(before) {
        let asked = client.keyframe_requests - before;
        assert!((1..=2).contains(&asked), "{asked}");
    }
}

#[test]
fn what_has_sent_nothing_lately_is_not_asked_for_a_keyframe_when_it_begins() {
    let mut world = World::new();
    world.join(&[Source::Camera], 0, 0);
    world.until_connected();
    world.command(Command::RequestKeyframes { room: ROOM });
    world.run(Duration::from_millis(400));
    for _ in 0..20 {
        world.send(0, Source::Camera, Packet::frame(true, b"k"));
        world.run(Duration::from_millis(20));
    }
    assert_eq!(world.clients[0].keyframe_requests, 0, "it begins with one");
}

#[test]
fn sender_reports_carry_the_publisher_clock_into_the_slot() {
    let mut world = World::pair();
    for round in 0..150 {
        world.send(0, Source::Camera, Packet::frame(round == 0, b"x"));
        world.run(Duration::from_millis(20));
    }
    let received = world.take(1, Slot::Video(0));
    let with_report = received.iter().filter(|p| p.last_sender_info.is_some());
    assert!(with_report.count() > 20);
}

#[test]
fn what_is_older_than_the_history_is_not_sent_again() {
    let mut world = World::with_limits(conclave_sfu::Limits {
        video_history: 8,
        ..Default::default()
    });
    world.join(&[Source::Camera], 0, 0);
    world.join(&[], 0, 1);
    world.until_connected();
    world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
    world.send(0, Source::Camera, Packet::frame(true, b"k"));
    world.run(Duration::from_millis(50));
    world.filter = Box::new(|way, bytes| !(way == Way::FromSfu(1) && is_rtp(bytes)));
    for _ in 0..20 {
        world.send(0, Source::Camera, Packet::frame(false, b"lost"));
    }
    world.filter = Box::new(|_, _| true);
    world.send(0, Source::Camera, Packet::frame(false, b"seen"));
    world.run(Duration::from_millis(300));
    assert!(world.metrics().drops_of(DropReason::NotInHistory) > 0);
    let received = world.take(1, Slot::Video(0)).len();
    assert!((2..=9).contains(&received), "{received}");
}
