//! What comes together leaves together: a receiver's copies of a burst lie back
//! to back, so that one message takes them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::burst::PACKETS_MAX;
use conclave_sfu::config::{HOLD, HOLD_FROM, TICK};
use conclave_sfu::drop::DropReason;
use conclave_sfu::metrics::Counter;
use conclave_sfu::shard::{Input, Output};
use conclave_wire::control::{Command, Source};
use kit::{Packet, Slot, Way, World};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A publisher, three receivers of its camera, and the next packets of it as
/// they come from the network, each a frame.
fn world(packets: usize) -> (World, Vec<Vec<u8>>) {
    let mut world = connected();
    let frame = Packet::frame(false, &[1; 500]);
    let (packets, _) = captured(&mut world, &vec![frame; packets]);
    (world, packets)
}

fn connected() -> World {
    let mut world = World::new();
    world.join(&[Source::Camera], 0, 0);
    for _ in 0..3 {
        world.join(&[], 0, 1);
    }
    world.until_connected();
    for client in 1..4 {
        world.assign(client, Slot::Video(0), Some((0, Source::Camera)));
    }
    world.send(0, Source::Camera, Packet::frame(true, &[1; 500]));
    world
}

/// Packets of the camera as they come from the network, and their payloads.
fn captured(world: &mut World, packets: &[Packet]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let held = Rc::new(RefCell::new(Vec::new()));
    let keeper = held.clone();
    world.filter = Box::new(move |way, bytes| {
        let media = way == Way::ToSfu(0) && bytes.len() > 500;
        if media {
            keeper.borrow_mut().push(bytes.to_vec());
        }
        !media
    });
    let mut payloads = Vec::new();
    for packet in packets {
        payloads.push(world.send(0, Source::Camera, packet.clone()));
        while held.borrow().len() < payloads.len() {
            world.run(Duration::from_millis(5));
        }
    }
    world.run(Duration::from_millis(5));
    world.filter = Box::new(|_, _| true);
    let packets = held.borrow().clone();
    (packets, payloads)
}

/// A frame in packets of those lengths.
fn split(lengths: &[usize]) -> Vec<Packet> {
    let last = lengths.len() - 1;
    let packet = |(at, len): (usize, &usize)| Packet {
        keyframe: false,
        begins: at == 0,
        ends: at == last,
        body: vec![at as u8; *len],
    };
    lengths.iter().enumerate().map(packet).collect()
}

fn feed(world: &mut World, packets: &[Vec<u8>]) {
    let (now, from) = (world.now, world.clients[0].address.into());
    for bytes in packets {
        world
            .shard
            .handle_input(now, Input::Datagram { from, bytes });
    }
}

/// Receivers and how many datagrams each run holds for them.
fn runs(world: &mut World) -> Vec<(usize, usize)> {
    let (runs, _) = world.shard.take_runs(64);
    let runs = runs.to_vec();
    runs.iter()
        .map(|run| {
            let receiver = |client: &kit::Client| run.to == client.address;
            let receiver = world.clients.iter().position(receiver).unwrap();
            (receiver, run.datagrams())
        })
        .collect()
}

#[test]
fn a_receivers_copies_of_a_burst_are_one_run() {
    let (mut world, packets) = world(5);
    world.shard.set_segments(64);
    feed(&mut world, &packets);
    let mut taken = runs(&mut world);
    taken.sort_unstable();
    assert_eq!(taken, [(1, 5), (2, 5), (3, 5)]);
    assert!(runs(&mut world).is_empty());
}

#[test]
fn a_receiver_who_is_gone_before_the_burst_is_sealed_gets_nothing() {
    let (mut world, packets) = world(2);
    world.shard.set_segments(64);
    feed(&mut world, &packets);
    let (now, participant) = (world.now, world.clients[2].id);
    let gone = Input::Command(Command::Disconnect { participant });
    world.shard.handle_input(now, gone);
    let mut taken = runs(&mut world);
    taken.sort_unstable();
    assert_eq!(taken, [(1, 2), (3, 2)]);
}

#[test]
fn a_publisher_who_is_gone_before_the_burst_is_sealed_is_not_forwarded_any_more() {
    let (mut world, packets) = world(2);
    let before = world.metrics().count_of(Counter::Forwarded);
    feed(&mut world, &packets);
    let (now, participant) = (world.now, world.clients[0].id);
    let gone = Input::Command(Command::Disconnect { participant });
    world.shard.handle_input(now, gone);
    assert!(runs(&mut world).is_empty());
    let after = world.metrics();
    assert_eq!(after.count_of(Counter::Forwarded), before);
    assert_eq!(after.drops_of(DropReason::BeforeSwitch), 3 * 2);
}

#[test]
fn a_shard_that_is_not_drained_forwards_more_than_a_burst() {
    let (mut world, packets) = world(PACKETS_MAX + 6);
    for packet in &packets[..PACKETS_MAX] {
        assert!(!world.shard.is_full());
        feed(&mut world, std::slice::from_ref(packet));
    }
    assert!(world.shard.is_full());
    feed(&mut world, &packets[PACKETS_MAX..]);
    world.settle();
    let forwarded = world.metrics().count_of(Counter::Forwarded);
    assert_eq!(forwarded as usize, 3 * (1 + packets.len()));
    assert_eq!(world.metrics().dropped(), 0);
    for client in 1..4 {
        let seqs: Vec<_> = world.clients[client]
            .received
            .iter()
            .map(|packet| *packet.seq_no)
            .collect();
        let expected: Vec<_> = (0..seqs.len() as u64).map(|n| seqs[0] + n).collect();
        assert_eq!(seqs, expected, "in order, nothing missing");
        assert_eq!(seqs.len(), 1 + packets.len());
    }
}

#[test]
fn a_frame_whose_last_packets_are_a_byte_longer_is_one_run_and_arrives_as_it_was() {
    let mut world = connected();
    world.shard.set_segments(64);
    let lengths = [500, 500, 501, 501];
    let (packets, _) = captured(&mut world, &split(&lengths));
    feed(&mut world, &packets);
    let mut taken = runs(&mut world);
    taken.sort_unstable();
    assert_eq!(taken, [(1, 4), (2, 4), (3, 4)]);
    world.shard.set_segments(1);
    let (packets, payloads) = captured(&mut world, &split(&lengths));
    feed(&mut world, &packets);
    world.settle();
    for client in 1..4 {
        // Behind the descriptor, whose numbers are the slot's.
        let received = world.clients[client].received.iter();
        let received: Vec<_> = received
            .skip(1)
            .map(|packet| &packet.payload[5..])
            .collect();
        let sent: Vec<_> = payloads.iter().map(|payload| &payload[5..]).collect();
        assert!(received == sent, "client {client}");
    }
}

#[test]
fn packets_of_a_frame_wait_for_each_other_but_the_first_and_the_last_do_not_wait() {
    let mut world = connected();
    world.shard.set_segments(64);
    let frame = Packet::frame(false, &[1; 500]);
    let (load, _) = captured(&mut world, &vec![frame; HOLD_FROM.div_ceil(3)]);
    let (packets, _) = captured(&mut world, &split(&[500; 6]));
    let everybody = |datagrams: usize| [(1, datagrams), (2, datagrams), (3, datagrams)];
    let step = Duration::from_micros(300);
    for packet in &load {
        feed(&mut world, std::slice::from_ref(packet));
        assert_eq!(runs(&mut world), everybody(1));
    }
    world.now += TICK;
    world.shard.handle_input(world.now, Input::Timeout);
    while !runs(&mut world).is_empty() {}
    feed(&mut world, &packets[..1]);
    assert_eq!(runs(&mut world), everybody(1), "the first after a pause");
    world.now += step;
    feed(&mut world, &packets[1..2]);
    assert!(runs(&mut world).is_empty());
    let due = world.now + HOLD;
    world.now += step;
    feed(&mut world, &packets[2..3]);
    assert!(runs(&mut world).is_empty());
    while let Output::Event(_) = world.shard.poll_output() {}
    assert_eq!(world.shard.poll_output(), Output::Timeout(Some(due)));
    world.now = due;
    world.shard.handle_input(due, Input::Timeout);
    assert_eq!(runs(&mut world), everybody(2), "no longer than that");
    world.now += step;
    feed(&mut world, &packets[3..5]);
    assert!(runs(&mut world).is_empty());
    feed(&mut world, &packets[5..]);
    assert_eq!(runs(&mut world), everybody(3), "with the last");
}

#[test]
fn nothing_waits_where_there_is_little_to_send() {
    let mut world = connected();
    let (packets, _) = captured(&mut world, &split(&[500; 3]));
    for packet in &packets {
        feed(&mut world, std::slice::from_ref(packet));
        assert_eq!(runs(&mut world).len(), 3);
        world.now += Duration::from_micros(300);
    }
}
