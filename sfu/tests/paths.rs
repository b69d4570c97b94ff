//! A client's path may change under it, and nobody else can change it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::drop::DropReason;
use conclave_sfu::metrics::Counter;
use conclave_sfu::shard::{Input, Output};
use conclave_wire::control::Source;
use kit::{Packet, Slot, Way, World, ssrc_of};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// Sends sound and pictures both ways for a while; how many packets each of the
/// two got.
fn talk(world: &mut World, duration: Duration) -> [usize; 2] {
    let end = world.now + duration;
    let mut got = [0; 2];
    while world.now < end {
        for client in 0..2 {
            world.send(client, Source::Microphone, Packet::sound(b"sound"));
        }
        world.run(Duration::from_millis(20));
        for (client, got) in got.iter_mut().enumerate() {
            *got += world.take(client, Slot::Audio(0)).len();
        }
    }
    got
}

/// Two who hear each other.
fn pair() -> World {
    let mut world = World::pair();
    world.assign(0, Slot::Audio(0), Some((1, Source::Microphone)));
    let got = talk(&mut world, Duration::from_secs(1));
    assert!(got.iter().all(|got| *got >= 48), "{got:?}");
    world
}

/// Everything that client sends from now on.
fn record(world: &mut World, client: usize) -> Rc<RefCell<Vec<Vec<u8>>>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let writer = log.clone();
    world.filter = Box::new(move |way, bytes| {
        if way == Way::ToSfu(client) {
            writer.borrow_mut().push(bytes.to_vec());
        }
        true
    });
    log
}

fn is_check(datagram: &[u8]) -> bool {
    datagram[0] < 4
}

#[test]
fn a_client_whose_address_changed_is_heard_and_hears_within_two_seconds() {
    let mut world = pair();
    world.clients[0].outside = "198.51.100.7:40000".parse().unwrap();
    // The network told it, so it restarts.
    world.restart_ice(0);
    talk(&mut world, Duration::from_secs(2));
    let got = talk(&mut world, Duration::from_secs(1));
    assert!(got.iter().all(|got| *got >= 48), "{got:?}");
    let metrics = world.metrics();
    assert_eq!(metrics.count_of(Counter::AddressChanges), 1);
    assert_eq!(metrics.count_of(Counter::Connected), 2, "no new handshake");
}

#[test]
fn a_restart_keeps_keys_slots_and_the_address_until_another_is_chosen() {
    let mut world = pair();
    let mid = world.clients[0].audio_slots[0].clone();
    let stream = |world: &World| ssrc_of(&world.clients[0].answer, mid.as_str());
    let (before, ssrc) = (world.clients[0].answer.clone(), stream(&world));
    let ufrag = |answer: &str| {
        let line = answer.lines().find(|line| line.contains("ice-ufrag"));
        line.unwrap().to_owned()
    };
    // Under the new credentials nothing arrives yet: the old address serves on.
    world.filter = Box::new(|way, bytes| way != Way::ToSfu(0) || !is_check(bytes));
    world.restart_ice(0);
    assert_ne!(ufrag(&world.clients[0].answer), ufrag(&before));
    assert_eq!(stream(&world), ssrc, "the slot goes on");
    let got = talk(&mut world, Duration::from_secs(2));
    assert!(got[0] >= 96, "{got:?}");
    world.filter = Box::new(|_, _| true);
    talk(&mut world, Duration::from_secs(2));
    let got = talk(&mut world, Duration::from_secs(1));
    assert!(got.iter().all(|got| *got >= 48), "{got:?}");
    let metrics = world.metrics();
    assert_eq!(metrics.count_of(Counter::IceRestarts), 1);
    assert_eq!(metrics.count_of(Counter::AgreedAead128), 2, "no new keys");
    assert_eq!(metrics.count_of(Counter::Lost), 0);
    assert_eq!(metrics.connections, 2);
}

#[test]
fn the_credentials_before_a_restart_end_with_the_choice_under_the_new() {
    let mut world = pair();
    let log = record(&mut world, 0);
    talk(&mut world, Duration::from_secs(5));
    let old: Vec<_> = log
        .borrow()
        .iter()
        .filter(|d| is_check(d))
        .cloned()
        .collect();
    assert!(!old.is_empty());
    world.restart_ice(0);
    talk(&mut world, Duration::from_secs(3));
    let before = world.metrics().drops_of(DropReason::StunUnknownUser);
    let (now, from) = (world.now, world.clients[0].outside.into());
    for bytes in &old {
        world
            .shard
            .handle_input(now, Input::Datagram { from, bytes });
    }
    let after = world.metrics().drops_of(DropReason::StunUnknownUser);
    assert_eq!(after - before, old.len() as u64);
}

#[test]
fn a_check_that_is_sent_again_from_elsewhere_moves_nothing() {
    let mut world = pair();
    let log = record(&mut world, 0);
    talk(&mut world, Duration::from_secs(12));
    let checks: Vec<_> = log
        .borrow()
        .iter()
        .filter(|d| is_check(d))
        .cloned()
        .collect();
    assert!(!checks.is_empty());
    let thief: SocketAddr = "203.0.113.66:666".parse().unwrap();
    let before = world.metrics();
    let now = world.now;
    for bytes in &checks {
        world.shard.handle_input(
            now,
            Input::Datagram {
                from: thief.into(),
                bytes,
            },
        );
        loop {
            match world.shard.poll_output() {
                Output::Transmit { to, .. } => assert_ne!(to, thief),
                Output::Event(_) => {}
                Output::Timeout(_) => break,
            }
        }
    }
    let after = world.metrics();
    assert_eq!(
        after.drops_of(DropReason::StunReplayed) - before.drops_of(DropReason::StunReplayed),
        checks.len() as u64
    );
    assert_eq!(after.count_of(Counter::AddressChanges), 0);
    let got = talk(&mut world, Duration::from_secs(1));
    assert!(got.iter().all(|got| *got >= 48), "{got:?}");
}

#[test]
fn another_connection_of_the_same_client_takes_the_place_of_the_first() {
    let mut world = pair();
    // The same certificate in another SDP session is another connection.
    let client = &world.clients[0];
    let origin = client.offer.lines().find(|l| l.starts_with("o=")).unwrap();
    let words: Vec<_> = origin.split(' ').collect();
    let other = origin.replace(words[1], "4711");
    let offer = client.offer.replace(origin, &other);
    let pwd = client
        .offer
        .lines()
        .find(|l| l.starts_with("a=ice-pwd"))
        .unwrap();
    let offer = offer.replace(pwd, "a=ice-pwd:another0password0of0many0letters");
    let sending = client
        .streams
        .iter()
        .map(|stream| conclave_wire::control::Sending {
            mid: stream.mid.to_string().parse().unwrap(),
            source: stream.source,
        })
        .collect();
    let id = client.id;
    world.connect(id, &offer, sending).unwrap();
    let metrics = world.metrics();
    assert_eq!(metrics.count_of(Counter::IceRestarts), 0);
    assert_eq!(metrics.connections, 2);
    let got = talk(&mut world, Duration::from_secs(1));
    assert_eq!(got, [0, 0], "the first one's keys are gone");
}

/// Checks of a client that have not arrived.
fn hold_checks(world: &mut World, duration: Duration) -> Vec<Vec<u8>> {
    let held = Rc::new(RefCell::new(Vec::new()));
    let keeper = held.clone();
    world.filter = Box::new(move |way, bytes| {
        let hold = way == Way::ToSfu(0) && is_check(bytes);
        if hold {
            keeper.borrow_mut().push(bytes.to_vec());
        }
        !hold
    });
    talk(world, duration);
    world.filter = Box::new(|_, _| true);
    held.take()
}

fn feed(world: &mut World, datagrams: &[Vec<u8>]) {
    let (now, from) = (world.now, world.clients[0].outside.into());
    for bytes in datagrams {
        world
            .shard
            .handle_input(now, Input::Datagram { from, bytes });
    }
}

#[test]
fn checks_from_before_a_restart_hold_until_the_choice_under_the_new_credentials() {
    let mut world = pair();
    let old = hold_checks(&mut world, Duration::from_secs(5));
    assert!(!old.is_empty());
    let before = world.metrics().dropped();
    world.filter = Box::new(|way, bytes| way != Way::ToSfu(0) || !is_check(bytes));
    world.restart_ice(0);
    feed(&mut world, &old);
    assert_eq!(world.metrics().dropped(), before);
}

#[test]
fn a_silent_client_whose_checks_are_sent_again_stays_silent() {
    let mut world = pair();
    let log = record(&mut world, 0);
    talk(&mut world, Duration::from_secs(5));
    let checks: Vec<_> = log
        .borrow()
        .iter()
        .filter(|d| is_check(d))
        .cloned()
        .collect();
    let sent = Rc::new(RefCell::new(0));
    let counter = sent.clone();
    world.filter = Box::new(move |way, bytes| {
        *counter.borrow_mut() += u32::from(way == Way::FromSfu(0) && !is_check(bytes));
        way != Way::ToSfu(0)
    });
    for _ in 0..11 {
        feed(&mut world, &checks);
        talk(&mut world, Duration::from_secs(1));
    }
    assert!(*sent.borrow() > 0);
    *sent.borrow_mut() = 0;
    talk(&mut world, Duration::from_secs(1));
    assert_eq!(*sent.borrow(), 0, "10 s of silence end its consent");
}
