//! The shell: a running SFU on a real socket.
#![allow(clippy::unwrap_used, clippy::panic)]

use conclave_sfu::{Config, StartError, start};
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Event};
use conclave_wire::id::{ParticipantId, RoomId};
use std::net::UdpSocket;
use std::time::{Duration, Instant};
use str0m::media::{Direction, MediaKind};

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
        discreet: false,
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

/// A client's offer to receive video.
fn offer() -> String {
    str0m::crypto::from_feature_flags().install_process_default();
    let mut rtc = str0m::RtcConfig::new().build(Instant::now());
    let mut api = rtc.sdp_api();
    api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    api.apply().unwrap().0.to_sdp_string()
}

#[test]
fn shards_have_ports_of_their_own_and_small_rooms_that_stay_together() {
    let any = "127.0.0.1:0".parse().unwrap();
    let mut config = Config::new(any, vec![any]);
    config.shards = 3;
    let (sfu, mut events) = start(&config).unwrap();
    let mut ports: Vec<_> = sfu.candidates().iter().map(|a| a.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 3);
    // Three rooms of two; each answer names the port its room lives on.
    let mut rooms = Vec::new();
    for index in 0..6 {
        let participant = ParticipantId([index; 16]);
        sfu.send(Command::Connect {
            room: RoomId([index / 2; 16]),
            participant,
            request: index.into(),
            offer: offer(),
            sending: Vec::new(),
            discreet: false,
        })
        .unwrap();
        match events.blocking_recv() {
            Some(Event::Answer { answer, .. }) => {
                let named = ports
                    .iter()
                    .filter(|port| answer.contains(&format!(" {port} typ host")));
                rooms.push(named.copied().collect::<Vec<_>>());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(rooms.iter().all(|ports| ports.len() == 1), "{rooms:?}");
    assert!(rooms.chunks(2).all(|pair| pair[0] == pair[1]), "{rooms:?}");
    let mut used: Vec<_> = rooms.concat();
    used.sort_unstable();
    used.dedup();
    assert_eq!(used, ports, "a room on each");
    assert_eq!(sfu.snapshot().connections, 6);
    sfu.send(Command::Close {
        room: RoomId([1; 16]),
    })
    .unwrap();
    for _ in 0..1000 {
        if sfu.snapshot().connections == 4 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(sfu.snapshot().connections, 4);
    drop(sfu);
    assert_eq!(events.blocking_recv(), None, "every thread ends");
}
