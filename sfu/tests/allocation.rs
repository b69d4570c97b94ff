//! Nothing on a packet's path allocates.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::layer::{Layer, Target};
use conclave_sfu::metrics::Counter;
use conclave_sfu::shard::{Input, Output};
use conclave_wire::control::Source;
use kit::layered::{Camera, Mode, Says};
use kit::{Packet, Slot, Way, World};
use std::cell::RefCell;
use std::rc::Rc;

#[test]
fn forwarding_a_packet_allocates_nothing() {
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
    // Hold back what the publisher sends, to feed it alone.
    let held = Rc::new(RefCell::new(Vec::new()));
    let keeper = held.clone();
    world.filter = Box::new(move |way, bytes| {
        if way == Way::ToSfu(0) && bytes.len() > 500 {
            keeper.borrow_mut().push(bytes.to_vec());
            return false;
        }
        true
    });
    for _ in 0..700 {
        world.send(0, Source::Camera, Packet::frame(false, &[1; 500]));
        world.run(std::time::Duration::from_millis(2));
    }
    let packets = held.borrow().clone();
    assert!(packets.len() >= 700, "{}", packets.len());
    let (now, from) = (world.now, world.clients[0].address.into());
    let before = world.metrics().count_of(Counter::Forwarded);
    let shard = &mut world.shard;
    let counted = allocation_counter::measure(|| {
        for bytes in &packets {
            shard.handle_input(now, Input::Datagram { from, bytes });
            while !matches!(shard.poll_output(), Output::Timeout(_)) {}
        }
    });
    let forwarded = world.metrics().count_of(Counter::Forwarded) - before;
    assert!(forwarded >= 3 * 700, "{forwarded}");
    assert_eq!(
        counted.count_total, 0,
        "allocations for {forwarded} forwards"
    );
}

#[test]
fn choosing_layers_allocates_nothing() {
    let mut world = World::new();
    world.join(&[Source::Camera], 0, 0);
    for _ in 0..3 {
        world.join(&[], 0, 1);
    }
    world.until_connected();
    for client in 1..4 {
        world.assign(client, Slot::Video(0), Some((0, Source::Camera)));
    }
    let mut camera = Camera::new(Mode::Key, Says::Dependency, 3, 7);
    for packet in &camera.picture(true) {
        world.send_layered(0, None, packet);
    }
    let held = Rc::new(RefCell::new(Vec::new()));
    let keeper = held.clone();
    world.filter = Box::new(move |way, bytes| {
        if way == Way::ToSfu(0) && bytes[0] >> 6 == 2 && bytes[1] & 0x7f == 98 {
            keeper.borrow_mut().push(bytes.to_vec());
            return false;
        }
        true
    });
    for round in 1..300 {
        for packet in &camera.picture(round % 50 == 0) {
            world.send_layered(0, None, packet);
        }
        world.run(std::time::Duration::from_millis(2));
    }
    let packets = held.borrow().clone();
    let (now, from) = (world.now, world.clients[0].address.into());
    let before = world.metrics();
    let counted = allocation_counter::measure(|| {
        for (n, bytes) in packets.iter().enumerate() {
            if n % 40 == 0 {
                for client in 1..4 {
                    let spatial = ((n / 40 + client) % 3) as u8;
                    let temporal = ((n / 120 + client) % 3) as u8;
                    world.aim(client, 0, Target::UpTo(Layer { spatial, temporal }));
                }
            }
            world
                .shard
                .handle_input(now, Input::Datagram { from, bytes });
            while !matches!(world.shard.poll_output(), Output::Timeout(_)) {}
        }
    });
    let after = world.metrics();
    let forwarded = after.count_of(Counter::Forwarded) - before.count_of(Counter::Forwarded);
    assert!(forwarded > 500, "{forwarded}");
    let aims = 3 * packets.len().div_ceil(40) as u64;
    // Naming a slot copies its name.
    assert!(counted.count_total <= aims, "{counted:?}");
}
