//! Whatever comes in through the doors is handled or counted, and the call
//! goes on.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::drop::DropReason;
use conclave_sfu::metrics::Counter;
use conclave_sfu::shard::Input;
use conclave_wire::code::Code;
use conclave_wire::control::{Sending, Source};
use conclave_wire::id::ParticipantId;
use kit::{Packet, Random, Slot, Way, World};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

fn the_call_goes_on(world: &mut World) {
    world.take(1, Slot::Video(0));
    world.send(0, Source::Camera, Packet::frame(true, b"still here"));
    world.run(Duration::from_millis(300));
    assert!(
        !world.take(1, Slot::Video(0)).is_empty(),
        "{:?}",
        world.metrics()
    );
}

fn inject(world: &mut World, from: SocketAddr, bytes: &[u8]) {
    let (now, from) = (world.now, from.into());
    world
        .shard
        .handle_input(now, Input::Datagram { from, bytes });
}

/// Everything a call sends, as it is on the wire.
fn recorded() -> (World, Vec<Vec<u8>>) {
    let log = Rc::new(RefCell::new(Vec::new()));
    let mut world = World::new();
    let writer = log.clone();
    world.filter = Box::new(move |way, bytes| {
        if matches!(way, Way::ToSfu(_)) {
            writer.borrow_mut().push(bytes.to_vec());
        }
        true
    });
    world.join(&[Source::Microphone, Source::Camera], 1, 1);
    world.join(&[], 1, 1);
    world.until_connected();
    world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
    for round in 0..20 {
        world.send(0, Source::Camera, Packet::frame(round == 0, &[9; 200]));
        world.send(0, Source::Microphone, Packet::sound(&[8; 80]));
        world.run(Duration::from_millis(100));
    }
    world.filter = Box::new(|_, _| true);
    let log = log.borrow().clone();
    (world, log)
}

#[test]
fn altered_cut_and_replayed_datagrams_change_nothing() {
    let seed = 0x0dd_ba11;
    println!("seed {seed:#x}");
    let (mut world, log) = recorded();
    let kinds = |test: fn(u8) -> bool| log.iter().filter(|d| test(d[0])).count();
    assert!(kinds(|b| b < 4) > 0 && kinds(|b| b >= 128) >= 40);
    let mut random = Random(seed);
    let addresses = [
        world.clients[0].address,
        world.clients[1].address,
        "203.0.113.9:99".parse().unwrap(),
    ];
    let before = world.metrics();
    let mut injected = 0;
    for _ in 0..8 {
        for datagram in &log {
            // Records of the handshake can end it: TLS alerts are in clear
            // until it is over. It has its own test.
            if (20..64).contains(&datagram[0]) {
                continue;
            }
            let mut altered = datagram.clone();
            // A connectivity check that is sent again from where it came from
            // is answered again. So checks are always altered.
            let unaltered = datagram[0] >= 4;
            match random.below(4) {
                0 => altered.truncate(random.below(datagram.len())),
                1 => {
                    let extra = 1 + random.below(40);
                    altered.extend(random.bytes(extra));
                }
                2 if unaltered => {}
                _ => {
                    for _ in 0..=random.below(4) {
                        let at = random.below(altered.len());
                        altered[at] ^= 1 << random.below(8);
                    }
                }
            }
            let from = addresses[random.below(3)];
            inject(&mut world, from, &altered);
            injected += 1;
        }
    }
    world.settle();
    let after = world.metrics();
    let dropped = after.dropped() - before.dropped();
    // What is not dropped is a replayed connectivity check.
    let checks = 8 * kinds(|b| b < 4) as u64;
    assert!(dropped + checks >= injected, "{dropped} of {injected}");
    for reason in [
        DropReason::Forged,
        DropReason::Replayed,
        DropReason::UnknownAddress,
        DropReason::StunMalformed,
    ] {
        assert!(
            after.drops_of(reason) > before.drops_of(reason),
            "{reason:?}"
        );
    }
    the_call_goes_on(&mut world);
}

#[test]
fn noise_of_every_class_is_counted() {
    let seed = 0xc0ffee;
    println!("seed {seed:#x}");
    let mut world = World::pair();
    let mut random = Random(seed);
    for round in 0..20_000usize {
        let len = random.below(1700);
        let mut bytes = random.bytes(len);
        if let Some(first) = bytes.first_mut() {
            *first = match round % 4 {
                0 => *first & 3,
                1 => 0x80 | (*first & 0x3f),
                2 => 64 + (*first & 0x3f),
                _ => 192 | *first,
            };
        }
        let from = match round % 3 {
            0 => world.clients[0].address,
            1 => world.clients[1].address,
            _ => SocketAddr::from(([203, 0, 113, random.below(256) as u8], 9)),
        };
        let before = world.metrics().dropped();
        inject(&mut world, from, &bytes);
        assert_eq!(world.metrics().dropped(), before + 1, "round {round}");
    }
    the_call_goes_on(&mut world);
}

#[test]
fn dtls_noise_before_and_after_the_handshake_is_survived() {
    let seed = 0xd715;
    println!("seed {seed:#x}");
    let mut world = World::new();
    let random = Rc::new(RefCell::new(Random(seed)));
    let log = Rc::new(RefCell::new(Vec::new()));
    let writer = log.clone();
    world.filter = Box::new(move |_, bytes| {
        if (20..64).contains(&bytes[0]) {
            writer.borrow_mut().push(bytes.to_vec());
        }
        true
    });
    world.join(&[Source::Camera], 0, 0);
    world.join(&[], 0, 1);
    world.until_connected();
    world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
    world.filter = Box::new(|_, _| true);
    let stranger: SocketAddr = "203.0.113.5:5".parse().unwrap();
    let before = world.metrics();
    let log = log.borrow().clone();
    assert!(log.len() > 4);
    for record in &log {
        for _ in 0..50 {
            let mut altered = record.clone();
            let mut random = random.borrow_mut();
            let at = random.below(altered.len() - 1) + 1;
            altered[at] ^= 1 << random.below(8);
            inject(&mut world, stranger, &altered);
            // Only records of the encrypted epoch: those in clear could be
            // anybody's on the path, and are refused by the library as such.
            let client = world.clients[0].address;
            inject(&mut world, client, &altered);
        }
    }
    world.settle();
    let strangers = world.metrics().drops_of(DropReason::UnknownAddress)
        - before.drops_of(DropReason::UnknownAddress);
    assert_eq!(strangers, 50 * log.len() as u64);
    the_call_goes_on(&mut world);
}

#[test]
fn a_certificate_that_the_offer_did_not_name_is_refused() {
    let mut world = World::new();
    world.join(&[Source::Camera], 0, 0);
    // The same client offers again under another participant with another
    // fingerprint: its handshake must not complete there.
    let offer = world.clients[0].offer.clone();
    let line = offer
        .lines()
        .find(|line| line.starts_with("a=fingerprint:"))
        .unwrap();
    let forged = format!("{}00", &line[..line.len() - 2]);
    let forged = offer.replace(line, &forged);
    let id = world.clients[0].id;
    let sending = vec![Sending {
        mid: world.clients[0].streams[0].mid.to_string().parse().unwrap(),
        source: Source::Camera,
    }];
    // Other credentials, so that this is another connection of the same id.
    let ufrag = offer
        .lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .unwrap();
    let _ = ufrag;
    world.command(conclave_wire::control::Command::Disconnect { participant: id });
    let answer = world.connect(id, &forged, sending).unwrap();
    let value = |key: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap().to_owned()
    };
    let creds = str0m::IceCreds {
        ufrag: value("a=ice-ufrag:"),
        pass: value("a=ice-pwd:"),
    };
    let client = &mut world.clients[0];
    client.rtc.direct_api().set_remote_ice_credentials(creds);
    world.run(Duration::from_secs(3));
    let metrics = world.metrics();
    assert_eq!(metrics.count_of(Counter::Connected), 0);
    assert_eq!(metrics.drops_of(DropReason::DtlsFingerprint), 1);
    assert_eq!(metrics.connections, 0);
}

#[test]
fn broken_offers_are_refused_with_their_code_and_leave_the_call_alone() {
    let mut world = World::pair();
    let offer = world.clients[0].offer.clone();
    let id = world.clients[0].id;
    let sending = |world: &World| -> Vec<Sending> {
        world.clients[0]
            .streams
            .iter()
            .map(|stream| Sending {
                mid: stream.mid.to_string().parse().unwrap(),
                source: stream.source,
            })
            .collect()
    };
    let named = sending(&world);
    let bad = [
        String::new(),
        "hello".to_owned(),
        offer.replace("a=group:BUNDLE", "a=group:LS"),
        offer.replace("a=rtcp-mux\r\n", ""),
        offer.replace("a=sendonly", "a=sendrecv"),
        offer.replace("a=recvonly", "a=sendrecv"),
        offer.replace("a=ice-pwd:", "a=ice-pw:"),
        offer.replace("a=ice-ufrag:", "a=ice-ufrag:\u{1}"),
        offer.replace("a=fingerprint:sha-256", "a=fingerprint:sha-1"),
        offer.replace("a=setup:actpass", "a=setup:passive"),
        offer.replace("a=mid:", "a=mud:"),
        offer.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        offer.replace("a=sendonly", "a=recvonly"),
        offer.replace("v=0", "v=7777777777777777777777777"),
        offer.replace("a=fmtp:", "a=fmtp:\0"),
        offer.replace("a=fmtp:", "a=fmtp:\ra=x:"),
    ];
    for (index, bad) in bad.iter().enumerate() {
        let result = world.connect(id, bad, named.clone());
        assert_eq!(result, Err(Code::BadOffer), "offer {index}");
    }
    let long = format!("{offer}{}", "a=x\r\n".repeat(60_000));
    assert_eq!(world.connect(id, &long, named.clone()), Err(Code::TooLarge));
    let foreign = offer.replace("VP9/90000", "VP1/90000");
    let result = world.connect(id, &foreign, named.clone());
    assert_eq!(result, Err(Code::UnsupportedMedia));
    let mut twice = named.clone();
    twice[1].source = twice[0].source;
    assert_eq!(world.connect(id, &offer, twice), Err(Code::BadOffer));
    the_call_goes_on(&mut world);
}

#[test]
fn mutated_offers_never_panic() {
    let seed = 0x5d9;
    println!("seed {seed:#x}");
    let mut world = World::pair();
    let offer = world.clients[0].offer.clone().into_bytes();
    let mut random = Random(seed);
    for _ in 0..2_000 {
        let mut altered = offer.clone();
        for _ in 0..=random.below(6) {
            let at = random.below(altered.len());
            match random.below(3) {
                0 => altered[at] = random.next() as u8,
                1 => {
                    altered.remove(at);
                }
                _ => {
                    let end = (at + random.below(60)).min(altered.len());
                    let copy = altered[at..end].to_vec();
                    altered.splice(at..at, copy);
                }
            }
        }
        let text = String::from_utf8_lossy(&altered).into_owned();
        let participant = ParticipantId([200; 16]);
        let _ = world.connect(participant, &text, Vec::new());
        world.events.clear();
    }
    the_call_goes_on(&mut world);
}

#[test]
fn a_full_shard_says_so() {
    let mut world = World::with_limits(conclave_sfu::Limits {
        connections: 1,
        ..Default::default()
    });
    world.join(&[], 1, 0);
    let offer = world.clients[0].offer.clone();
    let other = ParticipantId([9; 16]);
    assert_eq!(world.connect(other, &offer, Vec::new()), Err(Code::Full));
}
