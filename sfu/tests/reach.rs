//! Trials of whether media would come through: checks of nobody's.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use aws_lc_rs::hmac;
use conclave_sfu::drop::DropReason;
use conclave_sfu::ice::Credentials;
use conclave_sfu::reach::{ANSWERS_MAX, Reach};
use conclave_sfu::shard::{Input, Output};
use kit::World;
use std::net::SocketAddr;
use std::time::Duration;

const UFRAG: &str = "Atrials1";
const PWD: &str = "a password of trials, 1";

fn world() -> World {
    let mut world = World::new();
    world.shard.set_reach(Reach::new(Credentials {
        ufrag: UFRAG.to_owned(),
        pwd: PWD.to_owned(),
    }));
    world
}

/// RFC 8489: a binding request to `ufrag`, sealed with `pwd`.
fn check(ufrag: &str, pwd: &str) -> Vec<u8> {
    let name = format!("{ufrag}:abcd");
    let padded = name.len().next_multiple_of(4);
    let mut check = vec![0, 1, 0, (4 + padded + 24) as u8, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, name.len() as u8]);
    check.extend(name.as_bytes());
    check.resize(20 + 4 + padded, 0);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, pwd.as_bytes());
    let tag = hmac::sign(&key, &check);
    check.extend([0, 8, 0, 20]);
    check.extend(tag.as_ref());
    check
}

/// What is sent when these bytes come from there.
fn answers(world: &mut World, from: SocketAddr, bytes: &[u8]) -> Vec<Vec<u8>> {
    let from = from.into();
    let now = world.now;
    world
        .shard
        .handle_input(now, Input::Datagram { from, bytes });
    let mut sent = Vec::new();
    loop {
        match world.shard.poll_output() {
            Output::Transmit { to, bytes, .. } => {
                assert_eq!(to, from);
                sent.push(bytes.to_vec());
            }
            Output::Timeout(_) => return sent,
            other => panic!("{other:?}"),
        }
    }
}

fn somebody() -> SocketAddr {
    "198.51.100.7:40000".parse().unwrap()
}

#[test]
fn somebody_unknown_gets_an_answer_and_stays_unknown() {
    let mut world = world();
    let asked = check(UFRAG, PWD);
    let sent = answers(&mut world, somebody(), &asked);
    assert_eq!(sent.len(), 1);
    let answer = &sent[0];
    assert_eq!(answer[..2], [1, 1], "a success");
    assert_eq!(answer[4..20], asked[4..20], "of this very check");
    // Its address, masked (RFC 8489 section 14.2).
    let port = 40_000_u16 ^ 0x2112;
    assert_eq!(answer[26..28], port.to_be_bytes());
    assert!(answer.len() <= asked.len() + 16, "{}", answer.len());
    assert!(!world.shard.knows(&somebody().into()));
    // Media from there goes nowhere, as from anybody.
    assert!(answers(&mut world, somebody(), &[0x80; 40]).is_empty());
    let unknown = world.metrics().drops_of(DropReason::UnknownAddress);
    assert_eq!(unknown, 1);
}

#[test]
fn another_password_gets_no_answer() {
    let mut world = world();
    let forged = check(UFRAG, "another password than that");
    assert!(answers(&mut world, somebody(), &forged).is_empty());
    assert_eq!(world.metrics().drops_of(DropReason::StunForged), 1);
    let other = check("Aanother", PWD);
    assert!(answers(&mut world, somebody(), &other).is_empty());
    assert_eq!(world.metrics().drops_of(DropReason::StunUnknownUser), 1);
}

#[test]
fn a_second_has_only_so_many_answers() {
    let mut world = world();
    let asked = check(UFRAG, PWD);
    for _ in 0..ANSWERS_MAX {
        assert_eq!(answers(&mut world, somebody(), &asked).len(), 1);
    }
    assert!(answers(&mut world, somebody(), &asked).is_empty());
    assert_eq!(world.metrics().drops_of(DropReason::ReachLimit), 1);
    world.now += Duration::from_secs(1);
    assert_eq!(answers(&mut world, somebody(), &asked).len(), 1);
}

#[test]
fn without_credentials_for_trials_nobody_unknown_gets_an_answer() {
    let mut world = World::new();
    assert!(answers(&mut world, somebody(), &check(UFRAG, PWD)).is_empty());
    assert_eq!(world.metrics().drops_of(DropReason::StunUnknownUser), 1);
}
