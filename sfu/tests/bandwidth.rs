//! What a receiver's path carries is divided by what its client shows, and
//! senders learn what nobody receives.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_wire::control::{
    Command, Event, Show, ShownAs, SlotAssignment, Source, SourceOf, Wanted,
};
use conclave_wire::id::Mid;
use kit::{Packet, Slot, Way, World};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(20);

/// A path to a client that loses what is beyond its rate, in bits a second.
struct Narrow {
    now: Rc<Cell<Instant>>,
    rate: Rc<Cell<f64>>,
}

impl Narrow {
    fn new(world: &mut World, client: usize) -> Self {
        let now = Rc::new(Cell::new(world.now));
        let rate = Rc::new(Cell::new(f64::MAX));
        let (clock, width) = (now.clone(), rate.clone());
        let (mut free_at, mut start) = (0.0f64, None);
        world.filter = Box::new(move |way, bytes| {
            if way != Way::FromSfu(client) {
                return true;
            }
            let start = *start.get_or_insert(clock.get());
            let at = (clock.get() - start).as_secs_f64();
            // A queue of 60 ms that adds no delay.
            if free_at - at > 0.06 {
                return false;
            }
            free_at = free_at.max(at) + (bytes.len() + 28) as f64 * 8.0 / width.get();
            true
        });
        Self { now, rate }
    }
}

/// Two cameras of 400 kbit/s and a voice for the last of three clients.
struct Call {
    world: World,
    narrow: Narrow,
    round: u64,
}

impl Call {
    fn new() -> Self {
        let mut world = World::new();
        world.join(&[Source::Microphone, Source::Camera], 0, 0);
        world.join(&[Source::Camera], 0, 0);
        world.join(&[], 1, 2);
        world.until_connected();
        world.assign(2, Slot::Audio(0), Some((0, Source::Microphone)));
        let narrow = Narrow::new(&mut world, 2);
        let mut call = Self {
            world,
            narrow,
            round: 0,
        };
        call.show(0, 0, 360, ShownAs::Pinned);
        call.show(1, 1, 360, ShownAs::Tile);
        call
    }

    fn show(&mut self, slot: usize, of: usize, height: u16, rank: ShownAs) {
        let client = &self.world.clients[2];
        let (participant, mid) = (client.id, client.video_slots[slot].clone());
        let carries = SourceOf {
            participant: self.world.clients[of].id,
            source: Source::Camera,
        };
        self.world.command(Command::Assign {
            participant,
            slots: vec![SlotAssignment {
                mid,
                carries: Some(carries),
                show: Show { height, rank },
            }],
        });
    }

    /// Everybody sends for so long; counts what arrived of the voice, the first
    /// camera and the second, of 100.
    fn run(&mut self, seconds: u64) -> [u64; 3] {
        let rounds = seconds * 50;
        let mut asked: Vec<_> = self
            .world
            .clients
            .iter()
            .map(|c| c.keyframe_requests)
            .collect();
        for _ in 0..rounds {
            let frame = [7; 1_000];
            self.world
                .send(0, Source::Microphone, Packet::sound(&[1; 80]));
            for (client, asked) in asked.iter_mut().enumerate().take(2) {
                // A keyframe when it is asked for, and before anybody asks.
                let requests = self.world.clients[client].keyframe_requests;
                let keyframe = requests > *asked || self.round == 0;
                *asked = requests;
                self.world
                    .send(client, Source::Camera, Packet::frame(keyframe, &frame));
            }
            self.world.run(STEP);
            self.narrow.now.set(self.world.now);
            self.round += 1;
        }
        let world = &mut self.world;
        [Slot::Audio(0), Slot::Video(0), Slot::Video(1)]
            .map(|slot| world.take(2, slot).len() as u64 * 100 / rounds)
    }

    fn paused(&self) -> Option<Vec<Mid>> {
        let events = self.world.events.iter().rev();
        let mut told = events.filter_map(|event| match event {
            Event::Paused { slots, .. } => Some(slots.clone()),
            _ => None,
        });
        told.next()
    }
}

#[test]
fn a_narrow_path_keeps_its_sound_and_gets_its_pictures_back_when_it_is_wide_again() {
    let mut call = Call::new();
    let [_, pinned, tile] = call.run(5);
    assert!(pinned > 90 && tile > 85, "{pinned} {tile}");
    assert_eq!(call.paused(), None);
    let slots = call.world.clients[2].video_slots.clone();
    call.narrow.rate.set(200_000.0);
    call.run(8);
    let [voice, ..] = call.run(8);
    assert!(voice >= 97, "{voice}");
    assert_eq!(call.paused(), Some(slots));
    call.narrow.rate.set(f64::MAX);
    call.run(60);
    assert_eq!(call.paused(), Some(vec![]));
    let [voice, pinned, tile] = call.run(2);
    assert!(
        voice == 100 && pinned > 95 && tile > 95,
        "{voice} {pinned} {tile}"
    );
}

#[test]
fn what_is_not_shown_is_not_sent_and_what_is_shown_again_flows_at_once() {
    let mut call = Call::new();
    call.run(2);
    call.show(1, 1, 0, ShownAs::Hidden);
    call.run(1);
    let [_, shown, hidden] = call.run(1);
    assert_eq!((shown, hidden), (100, 0));
    assert_eq!(call.paused(), None, "nobody wanted it");
    call.show(1, 1, 180, ShownAs::Tile);
    let [.., shown] = call.run(1);
    assert!(shown >= 60, "{shown}");
}

fn told(world: &World, client: usize) -> Option<Vec<Wanted>> {
    let id = world.clients[client].id;
    let events = world.events.iter().rev();
    let mut told = events.filter_map(|event| match event {
        Event::Wanted {
            participant,
            sources,
        } if *participant == id => Some(sources.clone()),
        _ => None,
    });
    told.next()
}

#[test]
fn a_sender_nobody_receives_is_told_after_a_while_and_asked_again_at_once() {
    let mut world = World::new();
    world.join(&[Source::Microphone, Source::Camera], 0, 0);
    world.join(&[], 0, 1);
    world.until_connected();
    world.run(Duration::from_millis(1_500));
    assert_eq!(told(&world, 0), None);
    world.run(Duration::from_secs(1));
    let nothing = vec![Wanted {
        source: Source::Camera,
        spatial: None,
    }];
    assert_eq!(told(&world, 0), Some(nothing.clone()));
    world.send(0, Source::Camera, Packet::frame(true, &[1; 900]));
    let before = world.clients[0].keyframe_requests;
    world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
    world.run(STEP);
    assert_eq!(told(&world, 0), Some(vec![]));
    assert!(world.clients[0].keyframe_requests > before);
    world.assign(1, Slot::Video(0), None);
    world.run(Duration::from_secs(1));
    assert_eq!(told(&world, 0), Some(vec![]), "it may be wanted again");
    world.run(Duration::from_millis(1_500));
    assert_eq!(told(&world, 0), Some(nothing));
}
