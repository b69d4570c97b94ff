//! The shell: a running SFU on a real socket.
#![allow(clippy::unwrap_used, clippy::panic)]

use conclave_sfu::{Config, StartError, start};
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Event};
use conclave_wire::id::{ParticipantId, RoomId};
use std::net::UdpSocket;
use std::time::Duration;

#[test]
fn commands_are_answered_and_datagrams_counted() {
    let any = "127.0.0.1:0".parse().unwrap();
    let (sfu, mut events) = start(&Config::new(any, vec![any])).unwrap();
    let participant = ParticipantId([1; 16]);
    sfu.send(Command::Connect {
        room: RoomId([1; 16]),
        participant,
        request: 7,
        offer: "nonsense".to_owned(),
        sending: Vec::new(),
    })
    .unwrap();
    assert_eq!(
        events.blocking_recv(),
        Some(Event::Refused {
            participant,
            request: 7,
            code: Code::BadOffer
        })
    );
    let address = sfu.candidates()[0];
    assert_ne!(address.port(), 0);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&[0xff; 20], address).unwrap();
    for _ in 0..1000 {
        if sfu.snapshot().dropped() > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(sfu.snapshot().dropped(), 1);
    drop(sfu);
    assert_eq!(
        events.blocking_recv(),
        None,
        "the thread ends with its handle"
    );
}

#[test]
fn an_sfu_that_announces_nothing_does_not_start() {
    let any = "127.0.0.1:0".parse().unwrap();
    let result = start(&Config::new(any, Vec::new()));
    assert!(matches!(result, Err(StartError::NothingAnnounced)));
}
