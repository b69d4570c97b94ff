//! Nothing on a packet's path allocates.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::config::Limits;
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
    choosing(Says::Dependency, 3);
    choosing(Says::Vp8, 1);
}

fn choosing(says: Says, spatial: u8) {
    let mut world = World::new();
    world.vp8 = says == Says::Vp8;
    world.join(&[Source::Camera], 0, 0);
    for _ in 0..3 {
        world.join(&[], 0, 1);
    }
    world.until_connected();
    for client in 1..4 {
        world.assign(client, Slot::Video(0), Some((0, Source::Camera)));
    }
    let mut camera = Camera::new(Mode::Key, says, spatial, 7);
    for packet in &camera.picture(true) {
        world.send_layered(0, None, packet);
    }
    let held = Rc::new(RefCell::new(Vec::new()));
    let keeper = held.clone();
    world.filter = Box::new(move |way, bytes| {
        if way == Way::ToSfu(0) && bytes[0] >> 6 == 2 && bytes[1] & 0x7f == says.pt() {
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

#[test]
fn hearing_the_loudest_allocates_nothing() {
    let mut world = World::with_limits(Limits {
        heard: Some(2),
        ..Limits::default()
    });
    for _ in 0..5 {
        world.join(&[Source::Microphone], 0, 0);
    }
    world.join(&[], 3, 0);
    world.until_connected();
    world.float(5, 0);
    world.float(5, 1);
    world.assign(5, Slot::Audio(2), Some((0, Source::Microphone)));
    let held = Rc::new(RefCell::new(Vec::new()));
    let keeper = held.clone();
    let say = |world: &mut World, round: usize| {
        for client in 0..5 {
            let loud = (round / 100 + client) % 5 < 3;
            // Louder every time: they take each other's places.
            let level = -75 + 10 * (round / 100) as i8;
            world.level = Some(if loud { level } else { -100 });
            world.send(client, Source::Microphone, Packet::sound(&[1; 300]));
        }
        world.run(std::time::Duration::from_millis(20));
    };
    (0..100).for_each(|round| say(&mut world, round));
    world.filter = Box::new(move |way, bytes| match way {
        Way::ToSfu(client) if bytes.len() > 300 => {
            keeper.borrow_mut().push((client, bytes.to_vec()));
            false
        }
        _ => true,
    });
    (100..700).for_each(|round| say(&mut world, round));
    let packets = held.borrow().clone();
    assert!(packets.len() >= 5 * 600, "{}", packets.len());
    let addresses: Vec<_> = world.clients.iter().map(|c| c.address.into()).collect();
    let mut now = world.now;
    let before = world.metrics();
    let shard = &mut world.shard;
    // Upkeep has its own costs.
    shard.handle_input(now, Input::Timeout);
    let counted = allocation_counter::measure(|| {
        for (client, bytes) in &packets {
            now += std::time::Duration::from_micros(5);
            let from = addresses[*client];
            shard.handle_input(now, Input::Datagram { from, bytes });
            while !matches!(shard.poll_output(), Output::Timeout(_)) {}
        }
    });
    let after = world.metrics();
    let grown = |counter| after.count_of(counter) - before.count_of(counter);
    assert!(grown(Counter::Forwarded) > 1_000, "{after:?}");
    assert!(grown(Counter::Switches) >= 4, "{after:?}");
    assert_eq!(counted.count_total, 0);
}
