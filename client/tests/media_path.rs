//! From the publisher through a bad network to the receiver, without sockets:
//! whatever is reordered, doubled or lost, every frame that arrives whole is
//! opened, and none is mixed with another.

use conclave_client::audio::source::{AudioSource, Signal};
use conclave_client::publish::Publisher;
use conclave_client::receive::{Notice, Receiver};
use conclave_client::transport::{Incoming, Kind, Outgoing};
use conclave_client::vp9::ivf::Clip;
use conclave_e2ee::{LinkSecret, RoomId, Session, Suite};
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;
use std::collections::BTreeMap;
use std::time::Duration;

const CAMERA: &[u8] = include_bytes!("../../tests/media/camera.ivf");
const SCREEN: &[u8] = include_bytes!("../../tests/media/screen.ivf");
const ANNA: ParticipantId = ParticipantId([1; 16]);

fn sessions() -> (Session, Session) {
    let id = |n| conclave_e2ee::ParticipantId([n; 16]);
    let secret = LinkSecret::generate().expect("randomness");
    let config = conclave_e2ee::Config {
        suite: Suite::Classic,
        raw_video: false,
    };
    let session =
        |n, name| Session::new(config, RoomId([1; 16]), id(n), name, &secret).expect("a session");
    let (mut anna, mut ben) = (session(1, "Anna"), session(2, "Ben"));
    anna.create_group(0).expect("a group");
    let knock = ben.knock().expect("a knock");
    let verified = anna
        .verify_knock(id(2), &knock.key_package, &knock.tag)
        .expect("verifies");
    let pending = anna.admit(&[verified]).expect("a commit");
    anna.confirm_pending(0).expect("confirmed");
    anna.activate(1, 0).expect("activated");
    ben.join(&pending.welcome.expect("a welcome"))
        .expect("joins");
    (anna, ben)
}

fn publisher() -> Publisher {
    let mut publisher = Publisher::default();
    publisher.set_microphone(AudioSource::new(Signal::Tone(500.0)).expect("an encoder"));
    publisher.set_pictures(Source::Camera, Clip::parse(CAMERA).expect("a clip"));
    publisher.set_pictures(Source::Screen, Clip::parse(SCREEN).expect("a clip"));
    publisher
}

/// Numbers packets a source as a transport does.
#[derive(Default)]
struct Numbers(BTreeMap<Source, u16>);

impl Numbers {
    fn incoming(&mut self, source: Source, packet: Outgoing) -> Incoming {
        let next = self.0.entry(source).or_insert(65_500);
        let sequence = *next;
        *next = next.wrapping_add(1);
        Incoming {
            slot: (source as u8).to_string().parse().expect("a mid"),
            kind: Kind::of(source),
            sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload,
        }
    }
}

/// A generator of the test's own, so that a seed means the same for ever.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

struct Outcome {
    opened: u64,
    missing: u64,
    asked: usize,
    receiver: Receiver,
    sent: u64,
}

/// Six seconds through a network that loses one packet in `loss`.
fn run(seed: u64, loss: Option<u64>) -> Outcome {
    println!("seed {seed}, loss {loss:?}");
    let (mut anna, mut ben) = sessions();
    let (mut publisher, mut receiver) = (publisher(), Receiver::default());
    let mut numbers = Numbers::default();
    let mut random = Random(seed);
    // Packets by the millisecond they arrive in.
    let mut way: BTreeMap<u64, Vec<Incoming>> = BTreeMap::new();
    let mut asked = 0;
    for now_ms in 0..6_500 {
        let now = Duration::from_millis(now_ms);
        if now_ms < 6_000 {
            for (source, packet) in publisher.produce(&mut anna, now).expect("produces") {
                let packet = numbers.incoming(source, packet);
                if loss.is_some_and(|one_in| random.below(one_in) == 0) {
                    continue;
                }
                for _ in 0..=u64::from(random.below(10) == 0) {
                    let at = now_ms + 1 + random.below(60);
                    way.entry(at).or_default().push(packet.clone());
                }
            }
        }
        let mut notices = Vec::new();
        for packet in way.remove(&now_ms).unwrap_or_default() {
            notices.extend(receiver.packet(packet, &mut ben, now_ms));
        }
        notices.extend(receiver.tick(&mut ben, now_ms));
        for notice in notices {
            if let Notice::WantKeyframe(slot) = notice {
                asked += 1;
                let source = if slot.as_str() == "1" {
                    Source::Camera
                } else {
                    Source::Screen
                };
                publisher.want_keyframe(source);
            }
        }
    }
    let remote = &receiver.remotes()[&ANNA];
    let frames = remote
        .sounds
        .values()
        .map(|sound| &sound.frames)
        .chain(remote.pictures.values().map(|pictures| &pictures.frames));
    let (mut opened, mut missing) = (0, 0);
    for frames in frames {
        opened += frames.opened;
        missing += frames.missing;
    }
    Outcome {
        opened,
        missing,
        asked,
        sent: publisher.sent(),
        receiver,
    }
}

#[test]
fn reordered_and_doubled_packets_lose_nothing() {
    for seed in [1, 2, 3] {
        let outcome = run(seed, None);
        // The first packets of a slot may overtake each other: what comes
        // before the first is late.
        assert!(outcome.sent - outcome.opened <= 3, "{}", outcome.opened);
        assert_eq!(outcome.missing, 0);
        assert!(outcome.receiver.drops().is_empty());
        let remote = &outcome.receiver.remotes()[&ANNA];
        assert_eq!(remote.name, "Anna");
        let sound = &remote.sounds[&Source::Microphone];
        let tone = sound.meter.tone().expect("a tone");
        assert!((tone - 500.0).abs() <= 2.0, "{tone}");
        assert!(sound.meter.seconds() > 5.9);
        let camera = &remote.pictures[&Source::Camera];
        let screen = &remote.pictures[&Source::Screen];
        assert_eq!((camera.width, camera.height), (320, 180));
        assert_eq!((screen.width, screen.height), (640, 360));
        assert!(camera.undecodable == 0 && screen.undecodable == 0);
    }
}

#[test]
fn lost_packets_lose_their_frames_only_and_a_keyframe_is_asked_for() {
    for seed in [4, 5, 6] {
        let outcome = run(seed, Some(50));
        assert!(outcome.opened > outcome.sent * 9 / 10, "{}", outcome.opened);
        assert!(outcome.opened < outcome.sent);
        assert!(outcome.asked > 0);
        // Every frame was opened, or is known to be missing, or was at an end.
        let ends = 6;
        assert!(outcome.opened + outcome.missing + ends >= outcome.sent);
        assert!(outcome.opened + outcome.missing <= outcome.sent);
        assert!(outcome.receiver.drops().is_empty());
    }
}

/// Whatever a server that switches packets itself can write: everything in
/// front of a sealed frame, and frames of its own.
fn forged(honest: &Incoming, earlier: &[Incoming], random: &mut Random) -> Incoming {
    let mut packet = honest.clone();
    let bits = (random.below(1 << 16) as u32) << 16 | random.below(1 << 16) as u32;
    let mut payload = packet.payload.to_vec();
    match random.below(8) {
        0 => packet.slot = random.below(3).to_string().parse().expect("a mid"),
        1 => packet.sequence = bits as u16,
        2 => packet.timestamp = bits,
        3 => packet.marker = !packet.marker,
        4 => {
            packet.kind = match packet.kind {
                Kind::Audio => Kind::Video,
                Kind::Video => Kind::Audio,
            }
        }
        // The payload descriptor, which no key protects.
        5 => payload
            .iter_mut()
            .take(1)
            .for_each(|byte| *byte ^= bits as u8),
        6 => payload.truncate(random.below(payload.len() as u64 + 1) as usize),
        _ => {
            let other = random.below(earlier.len() as u64 + 1) as usize;
            let other = earlier.get(other).unwrap_or(honest);
            payload = other.payload.to_vec();
        }
    }
    packet.payload = payload.into();
    packet
}

#[test]
fn under_forged_headers_nothing_opens_but_whole_frames_of_their_sender_and_each_once() {
    for seed in [7, 8, 9] {
        println!("seed {seed}");
        let (mut anna, mut ben) = sessions();
        let (mut publisher, mut receiver) = (publisher(), Receiver::default());
        let (mut numbers, mut random) = (Numbers::default(), Random(seed));
        let mut earlier = Vec::new();
        for now_ms in 0..6_000 {
            let now = Duration::from_millis(now_ms);
            for (source, packet) in publisher.produce(&mut anna, now).expect("produces") {
                let honest = numbers.incoming(source, packet);
                let lie = forged(&honest, &earlier, &mut random);
                let packets = match random.below(4) {
                    0 => vec![lie],
                    1 => vec![lie, honest.clone()],
                    _ => vec![honest.clone()],
                };
                for packet in packets {
                    receiver.packet(packet, &mut ben, now_ms);
                }
                earlier.push(honest);
            }
            receiver.tick(&mut ben, now_ms);
        }
        assert!(!receiver.drops().is_empty(), "nothing was noticed");
        let senders: Vec<_> = receiver.remotes().keys().collect();
        assert_eq!(senders, [&ANNA]);
        let remote = &receiver.remotes()[&ANNA];
        let sound = &remote.sounds[&Source::Microphone];
        let pictures = remote.pictures.values();
        let shown: u64 = pictures.clone().map(|of| of.frames.opened).sum();
        assert!(sound.undecodable == 0 && pictures.clone().all(|of| of.undecodable == 0));
        let opened = sound.frames.opened + shown;
        assert!(shown > 0 && opened > publisher.sent() / 10, "{opened}");
        assert!(opened <= publisher.sent(), "a frame opened twice");
    }
}

#[test]
fn nothing_is_published_before_an_epoch_is_active() {
    let secret = LinkSecret::generate().expect("randomness");
    let config = conclave_e2ee::Config {
        suite: Suite::Classic,
        raw_video: false,
    };
    let id = conclave_e2ee::ParticipantId([1; 16]);
    let mut session =
        Session::new(config, RoomId([1; 16]), id, "Anna", &secret).expect("a session");
    let mut publisher = publisher();
    let out = publisher
        .produce(&mut session, Duration::ZERO)
        .expect("no error");
    assert!(out.is_empty());
}

#[test]
fn timestamps_and_picture_ids_run_on_through_a_keyframe_request_and_another_clip() {
    let (mut anna, _) = sessions();
    let mut publisher = Publisher::default();
    publisher.set_pictures(Source::Camera, Clip::parse(CAMERA).expect("a clip"));
    let mut last: Option<(u32, u16)> = None;
    for frame in 0..40_u64 {
        if frame == 7 {
            publisher.want_keyframe(Source::Camera);
        }
        if frame == 20 {
            publisher.set_pictures(Source::Camera, Clip::parse(SCREEN).expect("a clip"));
        }
        let now = Duration::from_millis(frame * 200);
        let out = publisher.produce(&mut anna, now).expect("produces");
        for (_, packet) in out.iter().filter(|(_, packet)| packet.marker) {
            let id = u16::from_be_bytes([packet.payload[1], packet.payload[2]]) & 0x7fff;
            if let Some((timestamp, before)) = last {
                assert!(packet.timestamp > timestamp, "frame {frame}");
                assert_eq!(id, before + 1, "frame {frame}");
            }
            last = Some((packet.timestamp, id));
        }
        let keyframe = out
            .first()
            .is_some_and(|(_, packet)| packet.payload[0] & 0x40 == 0);
        if [0, 7, 20].contains(&frame) {
            assert!(keyframe, "frame {frame}");
        }
    }
}

#[test]
fn a_muted_source_sends_nothing_and_comes_back_with_a_keyframe() {
    let (mut anna, _) = sessions();
    let mut publisher = publisher();
    assert_eq!(
        publisher.live(),
        [Source::Microphone, Source::Camera, Source::Screen]
    );
    publisher.set_live(Source::Screen, false);
    publisher.set_live(Source::Microphone, false);
    assert_eq!(publisher.live(), [Source::Camera]);
    let out = publisher
        .produce(&mut anna, Duration::ZERO)
        .expect("produces");
    assert!(out.iter().all(|(source, _)| *source == Source::Camera));
    publisher.set_live(Source::Screen, true);
    let out = publisher
        .produce(&mut anna, Duration::from_secs(3))
        .expect("produces");
    let screen = out.iter().find(|(source, _)| *source == Source::Screen);
    assert!(screen.is_some_and(|(_, packet)| packet.payload[0] & 0x40 == 0));
}
