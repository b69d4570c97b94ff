//! A shared screen's large pictures leave at the pace of the receiver's path:
//! whole, in order, and beside everything else.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::metrics::Counter;
use conclave_wire::control::Source;
use kit::{Packet, Slot, World};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(20);

/// Packets of a picture of a hundred kilobytes.
const PICTURE: usize = 100;

/// Packets that come while those are under way.
const LATER: usize = 10;

/// Somebody who speaks and shows `source` to somebody.
fn world(source: Source) -> World {
    let mut world = World::new();
    world.join(&[Source::Microphone, source], 0, 0);
    world.join(&[], 1, 1);
    world.until_connected();
    world.assign(1, Slot::Audio(0), Some((0, Source::Microphone)));
    world.assign(1, Slot::Video(0), Some((0, source)));
    world.send(0, source, Packet::frame(true, &[7; 1_000]));
    world.run(TICK);
    assert_eq!(world.take(1, Slot::Video(0)).len(), 1);
    world
}

fn show(world: &mut World, source: Source) {
    for number in 0..PICTURE {
        let body = [number as u8; 1_000];
        world.send(0, source, Packet::frame(false, &body));
    }
}

#[test]
fn a_large_picture_of_a_screen_takes_its_time_and_sound_does_not_wait_for_it() {
    let mut world = world(Source::Screen);
    show(&mut world, Source::Screen);
    let (mut came, mut ticks, mut voice) = (Vec::new(), 0, 0);
    while came.len() < PICTURE + LATER {
        if ticks < LATER {
            let body = [(PICTURE + ticks) as u8; 1_000];
            world.send(0, Source::Screen, Packet::frame(false, &body));
        }
        world.send(0, Source::Microphone, Packet::sound(&[1; 80]));
        world.run(TICK);
        ticks += 1;
        came.extend(world.take(1, Slot::Video(0)));
        voice += world.take(1, Slot::Audio(0)).len();
        assert!(voice + 1 >= ticks, "{voice} of {ticks}");
        assert!(ticks < 200, "{} packets", came.len());
    }
    println!("{ticks} ticks");
    // A hundred kilobytes at the megabit a second that is taken of a path
    // nobody knows, probes included.
    assert!(ticks > 10, "{ticks}");
    for (number, pair) in came.windows(2).enumerate() {
        assert_eq!(*pair[1].seq_no, *pair[0].seq_no + 1);
        assert_eq!(pair[1].payload.last(), Some(&(number as u8 + 1)));
    }
}

#[test]
fn a_camera_is_not_kept_waiting() {
    let mut world = world(Source::Camera);
    show(&mut world, Source::Camera);
    world.run(TICK);
    assert_eq!(world.take(1, Slot::Video(0)).len(), PICTURE);
}

#[test]
fn no_keyframe_is_asked_for_while_a_picture_is_on_its_way() {
    let mut world = world(Source::Screen);
    world.run(Duration::from_secs(2));
    show(&mut world, Source::Screen);
    world.run(TICK);
    let before = world.metrics().count_of(Counter::KeyframeRequestsSent);
    let asked = |world: &World| world.metrics().count_of(Counter::KeyframeRequestsSent) - before;
    world.request_keyframe(1, Slot::Video(0));
    world.run(TICK);
    let received = world.metrics().count_of(Counter::KeyframeRequestsReceived);
    assert!(received > 0);
    assert_eq!(asked(&world), 0);
    world.run(Duration::from_secs(4));
    world.request_keyframe(1, Slot::Video(0));
    world.run(TICK);
    assert_eq!(asked(&world), 1, "it is there");
}
