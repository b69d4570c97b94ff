//! Nothing on a packet's path allocates.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::metrics::Counter;
use conclave_sfu::shard::{Input, Output};
use conclave_wire::control::Source;
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
    let (now, from) = (world.now, world.clients[0].address);
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
