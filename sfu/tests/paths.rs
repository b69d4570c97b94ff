//! A client's path may change under it, and nobody else can change it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use aws_lc_rs::hmac;
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
    all_is_well(&mut world);
    world
}

fn all_is_well(world: &mut World) {
    let got = talk(world, Duration::from_secs(1));
    assert!(got.iter().all(|got| *got >= 48), "{got:?}");
}

fn is_check(datagram: &[u8]) -> bool {
    datagram[0] < 4
}

/// What of what the first one sends during a while `is_meant`; whether it
/// `arrives`, too.
fn caught(
    world: &mut World,
    duration: Duration,
    is_meant: fn(&[u8]) -> bool,
    arrives: bool,
) -> Vec<Vec<u8>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let writer = log.clone();
    world.filter = Box::new(move |way, bytes| {
        let meant = way == Way::ToSfu(0) && is_meant(bytes);
        if meant {
            writer.borrow_mut().push(bytes.to_vec());
        }
        arrives || !meant
    });
    talk(world, duration);
    world.filter = Box::new(|_, _| true);
    let caught = log.take();
    assert!(!caught.is_empty());
    caught
}

/// From now on nothing comes of what the first one's library checks, and so
/// nothing it chooses.
fn hold_checks(world: &mut World) {
    world.filter = Box::new(|way, bytes| way != Way::ToSfu(0) || !is_check(bytes));
}

/// Brings the shard datagrams from an address; what it sends there.
fn feed(world: &mut World, from: SocketAddr, datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    for bytes in datagrams {
        let from = from.into();
        world
            .shard
            .handle_input(world.now, Input::Datagram { from, bytes });
        loop {
            match world.shard.poll_output() {
                Output::Transmit { to, bytes, .. } if to == from => sent.push(bytes.to_vec()),
                Output::Transmit { .. } | Output::Event(_) | Output::Wake(_) => {}
                Output::Timeout(_) => break,
            }
        }
    }
    sent
}

fn changes(world: &World) -> u64 {
    world.metrics().count_of(Counter::AddressChanges)
}

fn thief() -> SocketAddr {
    "203.0.113.66:666".parse().unwrap()
}

/// Where the first one is from now on, without knowing it.
fn elsewhere(world: &mut World) -> SocketAddr {
    world.clients[0].outside = "198.51.100.7:40000".parse().unwrap();
    world.clients[0].outside
}

/// A check of the first one's that chooses nothing (RFC 8445 section 7.2.2), as
/// some send them to keep a path open.
fn keepalive(world: &World) -> Vec<u8> {
    let client = &world.clients[0];
    let said = |sdp: &str, what: &str| {
        let line = sdp.lines().find_map(|line| line.strip_prefix(what));
        line.unwrap().to_owned()
    };
    let user = [
        said(&client.answer, "a=ice-ufrag:"),
        said(&client.offer, "a=ice-ufrag:"),
    ];
    let user = user.join(":");
    let password = said(&client.answer, "a=ice-pwd:");
    let mut check = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    check.extend(
        world
            .now
            .duration_since(world.start)
            .as_micros()
            .to_be_bytes()[4..]
            .iter(),
    );
    let mut attribute = |kind: u16, value: &[u8]| {
        check.extend(kind.to_be_bytes());
        check.extend((value.len() as u16).to_be_bytes());
        check.extend(value);
        check.resize(check.len().next_multiple_of(4), 0);
        // The integrity is computed over a length that includes it.
        let len = (check.len() - 20 + 24) as u16;
        check[2..4].copy_from_slice(&len.to_be_bytes());
    };
    attribute(0x0006, user.as_bytes());
    attribute(0x802a, &[7; 8]);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let tag = hmac::sign(&key, &check);
    check.extend([0, 8, 0, 20]);
    check.extend(tag.as_ref());
    check
}

#[test]
fn a_client_whose_address_changed_is_heard_and_hears_within_two_seconds() {
    let mut world = pair();
    elsewhere(&mut world);
    // The network told it, so it restarts.
    world.restart_ice(0);
    talk(&mut world, Duration::from_secs(2));
    all_is_well(&mut world);
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
    hold_checks(&mut world);
    world.restart_ice(0);
    assert_ne!(ufrag(&world.clients[0].answer), ufrag(&before));
    assert_eq!(stream(&world), ssrc, "the slot goes on");
    let got = talk(&mut world, Duration::from_secs(2));
    assert!(got[0] >= 96, "{got:?}");
    world.filter = Box::new(|_, _| true);
    talk(&mut world, Duration::from_secs(2));
    all_is_well(&mut world);
    let metrics = world.metrics();
    assert_eq!(metrics.count_of(Counter::IceRestarts), 1);
    assert_eq!(metrics.count_of(Counter::AgreedAead128), 2, "no new keys");
    assert_eq!(metrics.count_of(Counter::Lost), 0);
    assert_eq!(metrics.connections, 2);
}

#[test]
fn the_credentials_before_a_restart_end_with_the_choice_under_the_new() {
    let mut world = pair();
    let old = caught(&mut world, Duration::from_secs(5), is_check, true);
    world.restart_ice(0);
    talk(&mut world, Duration::from_secs(3));
    let before = world.metrics().drops_of(DropReason::StunUnknownUser);
    let from = world.clients[0].outside;
    feed(&mut world, from, &old);
    let after = world.metrics().drops_of(DropReason::StunUnknownUser);
    assert_eq!(after - before, old.len() as u64);
}

#[test]
fn a_check_that_is_sent_again_from_elsewhere_moves_nothing() {
    let mut world = pair();
    let checks = caught(&mut world, Duration::from_secs(12), is_check, true);
    let before = world.metrics();
    assert!(feed(&mut world, thief(), &checks).is_empty());
    let after = world.metrics();
    assert_eq!(
        after.drops_of(DropReason::StunReplayed) - before.drops_of(DropReason::StunReplayed),
        checks.len() as u64
    );
    assert_eq!(after.count_of(Counter::AddressChanges), 0);
    all_is_well(&mut world);
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

#[test]
fn checks_from_before_a_restart_hold_until_the_choice_under_the_new_credentials() {
    let mut world = pair();
    let old = caught(&mut world, Duration::from_secs(5), is_check, false);
    let before = world.metrics().dropped();
    hold_checks(&mut world);
    world.restart_ice(0);
    let from = world.clients[0].outside;
    feed(&mut world, from, &old);
    assert_eq!(world.metrics().dropped(), before);
}

#[test]
fn a_silent_client_whose_checks_are_sent_again_stays_silent() {
    let mut world = pair();
    let checks = caught(&mut world, Duration::from_secs(5), is_check, true);
    let from = world.clients[0].outside;
    let sent = Rc::new(RefCell::new(0));
    let counter = sent.clone();
    world.filter = Box::new(move |way, bytes| {
        *counter.borrow_mut() += u32::from(way == Way::FromSfu(0) && !is_check(bytes));
        way != Way::ToSfu(0)
    });
    for _ in 0..11 {
        feed(&mut world, from, &checks);
        talk(&mut world, Duration::from_secs(1));
    }
    assert!(*sent.borrow() > 0);
    *sent.borrow_mut() = 0;
    talk(&mut world, Duration::from_secs(1));
    assert_eq!(*sent.borrow(), 0, "10 s of silence end its consent");
}

#[test]
fn a_client_that_does_not_know_of_its_new_address_is_followed_there() {
    let mut world = pair();
    hold_checks(&mut world);
    let from = elsewhere(&mut world);
    let got = talk(&mut world, Duration::from_millis(500));
    assert_eq!(got, [0, 0], "nothing proves it");
    let check = keepalive(&world);
    assert_eq!(feed(&mut world, from, &[check]).len(), 1, "an answer");
    talk(&mut world, Duration::from_millis(20));
    all_is_well(&mut world);
    assert_eq!(changes(&world), 1);
}

#[test]
fn a_check_alone_is_not_followed() {
    let mut world = pair();
    hold_checks(&mut world);
    for _ in 0..4 {
        let check = keepalive(&world);
        feed(&mut world, thief(), &[check]);
        talk(&mut world, Duration::from_millis(500));
    }
    // Nor are packets that are not the client's.
    let mut forged = caught(&mut world, Duration::from_secs(1), |d| !is_check(d), false);
    for datagram in &mut forged {
        *datagram.last_mut().unwrap() ^= 1;
    }
    let check = keepalive(&world);
    feed(&mut world, thief(), &[check]);
    assert!(feed(&mut world, thief(), &forged).is_empty());
    assert_eq!(changes(&world), 0);
    all_is_well(&mut world);
}

#[test]
fn copies_that_come_first_from_elsewhere_move_nothing() {
    let mut world = pair();
    let own = world.clients[0].outside;
    let everything = |_: &[u8]| true;
    for round in 0..100 {
        let mut sent = caught(&mut world, Duration::from_millis(20), everything, false);
        sent.retain(|datagram| !is_check(datagram));
        if round % 25 == 0 {
            sent.insert(0, keepalive(&world));
        }
        for datagram in &sent {
            let datagram = std::slice::from_ref(datagram);
            let got = feed(&mut world, thief(), datagram);
            assert!(got.iter().all(|got| is_check(got)), "nothing but answers");
            feed(&mut world, own, datagram);
        }
    }
    assert!(world.metrics().drops_of(DropReason::Replayed) > 50);
    assert_eq!(changes(&world), 0);
    all_is_well(&mut world);
}

#[test]
fn copies_that_come_late_from_elsewhere_move_nothing() {
    let mut world = pair();
    let sent = caught(&mut world, Duration::from_secs(2), |d| !is_check(d), true);
    world.filter = Box::new(|way, _| way != Way::ToSfu(0));
    let silence = Duration::from_millis(500);
    world.run(silence);
    assert!(feed(&mut world, thief(), &sent).is_empty(), "unknown");
    // Even where it was first with a check.
    let check = keepalive(&world);
    feed(&mut world, thief(), &[check]);
    world.run(silence);
    assert!(feed(&mut world, thief(), &sent).is_empty(), "seen before");
    assert_eq!(changes(&world), 0);
    world.filter = Box::new(|_, _| true);
    all_is_well(&mut world);
}

#[test]
fn packets_that_come_late_from_an_address_that_was_left_are_not_followed() {
    let mut world = pair();
    let before = world.clients[0].outside;
    let after = elsewhere(&mut world);
    world.restart_ice(0);
    talk(&mut world, Duration::from_secs(2));
    assert_eq!(changes(&world), 1);
    hold_checks(&mut world);
    world.clients[0].outside = before;
    talk(&mut world, Duration::from_secs(1));
    assert_eq!(changes(&world), 1);
    world.clients[0].outside = after;
    all_is_well(&mut world);
}
