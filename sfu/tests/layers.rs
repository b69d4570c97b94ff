//! Slots take the layers they are to take: whatever is switched, lost, late or
//! sent again, a receiver can decode what it gets, its numbers are contiguous,
//! and every payload byte is the sender's.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::config::Limits;
use conclave_sfu::drop::DropReason;
use conclave_sfu::layer::{Layer, Target};
use conclave_sfu::link;
use conclave_sfu::metrics::Counter;
use conclave_sfu::rtp::dependency::{Descriptor, Structure};
use conclave_wire::control::Source;
use kit::layered::{Camera, DESCRIPTOR_LEN, Mode, Raw, Says, Sent};
use kit::{RIDS, Random, Slot, Way, World};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use str0m::rtp::RtpPacket;

const FRAME: Duration = Duration::from_millis(33);

fn layer(spatial: u8, temporal: u8) -> Layer {
    Layer { spatial, temporal }
}

/// Two clients; the second sees the camera of the first.
fn world(says: Says, simulcast: usize) -> World {
    let mut world = World::new();
    (world.simulcast, world.vp8) = (simulcast, says == Says::Vp8);
    world.join(&[Source::Camera], 0, 0);
    world.join(&[], 0, 1);
    world.until_connected();
    world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
    world
}

fn is_rtp(bytes: &[u8]) -> bool {
    bytes[0] >> 6 == 2 && !(192..=223).contains(&bytes[1])
}

/// What a receiver got of one camera.
struct Received {
    /// Frames, by their place in what was sent, that came whole.
    whole: HashSet<usize>,
    /// Frames of which anything came, in order.
    frames: Vec<usize>,
    /// Packets without a payload.
    fillers: usize,
}

impl Received {
    fn layers(&self, camera: &Camera) -> HashSet<(u8, u8)> {
        let frames = self.frames.iter().map(|frame| &camera.sent[*frame]);
        frames
            .map(|frame| (frame.spatial, frame.temporal))
            .collect()
    }
}

/// Reads what came as a decoder does, and fails where a decoder would.
/// `packets` are in order of their numbers.
fn decode(camera: &Camera, packets: &[RtpPacket]) -> Received {
    let mut places = HashMap::new();
    for (place, frame) in camera.sent.iter().enumerate() {
        for (index, body) in frame.bodies.iter().enumerate() {
            places.insert(body.as_slice(), (place, index));
        }
    }
    let mut got: HashMap<usize, HashSet<usize>> = HashMap::new();
    let mut frames: Vec<usize> = Vec::new();
    let (mut fillers, mut offsets, mut marked) = (0, HashSet::new(), HashMap::new());
    let mut before: Option<&RtpPacket> = None;
    // What the descriptors say is active, and the frame before.
    let (mut known, mut active, mut last) = (Structure::default(), 0, None::<usize>);
    for packet in packets {
        if let Some(before) = before {
            assert_eq!(*packet.seq_no, *before.seq_no + 1, "sequence numbers");
        }
        before = Some(packet);
        if packet.payload.is_empty() {
            fillers += 1;
            continue;
        }
        let (place, index) = *places
            .get(&packet.payload[DESCRIPTOR_LEN..])
            .expect("a payload is what its sender made of it");
        let frame = &camera.sent[place];
        got.entry(place).or_default().insert(index);
        if !frames.contains(&place) {
            frames.push(place);
        }
        let picture_id = camera.says.picture_id(&packet.payload);
        let tl0 = packet.payload[DESCRIPTOR_LEN - 1];
        if let Some(Raw(bytes)) = packet.header.ext_vals.user_values.get::<Raw>() {
            let read = Descriptor::parse(bytes, &mut known).expect("a descriptor");
            assert_eq!(read.layer, layer(frame.spatial, frame.temporal));
            let said = read.active.unwrap_or(active);
            let told = |mask: u32, frame: &Sent| {
                let mut targets = known.targets().iter().enumerate();
                let of = layer(frame.spatial, frame.temporal);
                targets.any(|(n, target)| mask >> n & 1 == 1 && of.within(*target))
            };
            assert!(told(said, frame), "frame {place} is of an active target");
            // Of a picture that is left out whole nothing can be said in time.
            for left_out in last.map_or(0..0, |last| last + 1..place) {
                let left_out = &camera.sent[left_out];
                let same = last.is_some_and(|last| camera.sent[last].picture == left_out.picture);
                assert!(!same || !told(active, left_out), "{left_out:?} is active");
            }
            (active, last) = (said, Some(place));
        }
        let number = packet.header.ext_vals.user_values.get::<Raw>();
        let number = number.map(|raw| u16::from_be_bytes([raw.0[1], raw.0[2]]));
        offsets.insert((
            packet.header.timestamp.wrapping_sub(frame.timestamp),
            picture_id.wrapping_sub(frame.picture_id) & 0x7fff,
            tl0.wrapping_sub(frame.tl0),
            number.map(|number| number.wrapping_sub(frame.number)),
        ));
        marked
            .entry(frame.picture)
            .or_insert_with(Vec::new)
            .push(packet.header.marker);
    }
    assert_eq!(offsets.len(), 1, "all numbers keep their distances");
    let whole: HashSet<_> = got
        .iter()
        .filter(|(place, packets)| packets.len() == camera.sent[**place].bodies.len())
        .map(|(place, _)| *place)
        .collect();
    let mut decoded = HashSet::new();
    for place in &frames {
        assert!(whole.contains(place), "frame {place} came in part");
        let frame = &camera.sent[*place];
        for reference in &frame.references {
            assert!(
                decoded.contains(reference),
                "frame {place} {frame:?} refers to {reference} {:?}",
                camera.sent[*reference]
            );
        }
        decoded.insert(*place);
    }
    for (picture, markers) in marked {
        let (last, others) = markers.split_last().unwrap();
        assert!(*last, "the last packet of picture {picture} is marked");
        assert!(others.iter().all(|marker| !marker), "picture {picture}");
    }
    Received {
        whole,
        frames,
        fillers,
    }
}

fn random_target(random: &mut Random) -> Target {
    match random.below(8) {
        0 => Target::default(),
        _ => Target::UpTo(layer(random.below(3) as u8, random.below(3) as u8)),
    }
}

/// Sends pictures while the target changes at random and the network between
/// sender and SFU loses, swaps and repeats packets.
fn survives(mode: Mode, says: Says, seed: u64, loses: Option<Way>) {
    println!("{mode:?} {says:?} seed {seed:#x} loses {loses:?}");
    let before = loses == Some(Way::ToSfu(0));
    let spatial = if says == Says::Vp8 { 1 } else { 3 };
    let mut world = world(says, 0);
    let mut camera = Camera::new(mode, says, spatial, seed);
    let mut random = Random(!seed);
    let mut dice = Random(seed ^ 0xd1ce);
    // What is sent again is not lost again: how often a receiver asks is its
    // own affair.
    world.filter = Box::new(move |way, bytes| {
        let media = is_rtp(bytes) && bytes[1] & 0x7f == says.pt();
        !(Some(way) == loses && media && dice.below(12) == 0)
    });
    let mut asked = 0;
    for round in 0..600 {
        if random.below(10) == 0 {
            world.aim(1, 0, random_target(&mut random));
        }
        let wanted = world.clients[0].keyframe_requests > asked;
        asked = world.clients[0].keyframe_requests;
        let mut packets = camera.picture(round == 0 || wanted || random.below(60) == 0);
        if before && random.below(4) == 0 {
            let at = random.below(packets.len());
            let last = packets.len() - 1;
            packets.swap(at, (at + 1).min(last));
        }
        for packet in &packets {
            world.send_layered(0, None, packet);
        }
        world.run(FRAME);
    }
    world.filter = Box::new(|_, _| true);
    world.aim(1, 0, Target::default());
    for packet in camera.picture(true).iter().chain(&camera.picture(false)) {
        world.send_layered(0, None, packet);
    }
    world.run(Duration::from_millis(500));
    let received = decode(&camera, &world.take(1, Slot::Video(0)));
    let metrics = world.metrics();
    println!(
        "{} of {} frames, {} fillers, {} repaired, {} cut",
        received.whole.len(),
        camera.sent.len(),
        received.fillers,
        metrics.count_of(Counter::Repaired),
        metrics.drops_of(DropReason::LayerCut),
    );
    let layers = 3 * usize::from(spatial);
    assert_eq!(
        received.layers(&camera).len(),
        layers,
        "every layer was seen"
    );
    let least = if spatial > 1 { 400 } else { 250 };
    assert!(received.frames.len() > least, "{}", received.frames.len());
    assert!(metrics.drops_of(DropReason::LayerCut) > 300);
    if before {
        assert!(metrics.count_of(Counter::Repaired) > 30 * u64::from(spatial));
        assert!(received.fillers > 0, "late packets of layers not taken");
    } else {
        assert_eq!(received.fillers, 0);
    }
    if loses == Some(Way::FromSfu(1)) {
        assert!(metrics.count_of(Counter::Retransmitted) > 50);
    }
}

#[test]
fn layers_switch_at_decodable_points_by_the_dependency_descriptor() {
    survives(Mode::Key, Says::Dependency, 0x1a7e5, None);
    survives(Mode::Full, Says::Dependency, 0xf011, None);
}

#[test]
fn layers_switch_at_decodable_points_by_the_vp9_descriptor() {
    survives(Mode::Key, Says::Vp9, 0x9a7e5, None);
    survives(Mode::Full, Says::Vp9, 0x9011, None);
}

#[test]
fn layers_switch_at_decodable_points_whatever_the_vp8_descriptor_says() {
    survives(Mode::Key, Says::Vp8, 0x8a7e5, None);
}

#[test]
fn losses_reordering_and_late_packets_leave_no_gap_and_nothing_undecodable() {
    for seed in [0xbad, 0xbad_5eed, 0xc0ffee] {
        survives(Mode::Key, Says::Dependency, seed, Some(Way::ToSfu(0)));
        survives(Mode::Full, Says::Vp9, seed, Some(Way::ToSfu(0)));
        survives(Mode::Key, Says::Vp8, seed, Some(Way::ToSfu(0)));
    }
}

#[test]
fn what_is_lost_behind_the_sfu_is_sent_again_as_it_was_sent() {
    for seed in [0xdead, 0xdead_5eed] {
        survives(Mode::Key, Says::Dependency, seed, Some(Way::FromSfu(1)));
        survives(Mode::Full, Says::Vp9, seed, Some(Way::FromSfu(1)));
        survives(Mode::Key, Says::Vp8, seed, Some(Way::FromSfu(1)));
    }
}

/// The first sends to the second on another shard, and to the third on its own,
/// who has seen somebody before: in what is kept of the packets stand other
/// numbers than the sender's.
#[test]
fn what_crosses_to_another_shard_again_has_its_senders_numbers() {
    for says in [Says::Vp9, Says::Vp8] {
        let (a, b) = link::pair_of(16, 1 << 16);
        let links = vec![vec![None, Some(a)], vec![Some(b), None]];
        let mut world = World::spanning(Limits::default(), 2, 1, links);
        world.vp8 = says == Says::Vp8;
        world.join(&[Source::Camera], 0, 0);
        world.join(&[Source::Camera], 0, 1);
        world.join(&[], 0, 1);
        world.until_connected();
        assert_eq!(world.metrics_of(0).connections, 2);
        world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
        world.assign(2, Slot::Video(0), Some((1, Source::Camera)));
        world.run(FRAME);
        let [mut camera, mut other] = [3, 4].map(|seed| Camera::new(Mode::Key, says, 1, seed));
        for packet in &other.picture(true) {
            world.send_layered(1, None, packet);
        }
        world.run(FRAME);
        assert!(!world.take(2, Slot::Video(0)).is_empty());
        world.assign(2, Slot::Video(0), Some((0, Source::Camera)));
        let mut dice = Random(5);
        world.filter = Box::new(move |way, bytes| {
            let media = is_rtp(bytes) && bytes[1] & 0x7f == says.pt();
            !(way == Way::FromSfu(2) && media && dice.below(4) == 0)
        });
        let mut asked = 0;
        for round in 0..60 {
            // All of that at one moment: more than the link holds.
            world.held = (10..30).contains(&round);
            let wanted = world.clients[0].keyframe_requests > asked;
            asked = world.clients[0].keyframe_requests;
            for packet in &camera.picture(round == 0 || wanted) {
                world.send_layered(0, None, packet);
            }
            if !world.held {
                world.run(FRAME);
            }
        }
        world.run(Duration::from_millis(500));
        let metrics = world.metrics_of(0);
        let again = metrics.count_of(Counter::RelayedAgain);
        println!("{says:?}: {again} sent across again");
        assert!(again > 10);
        for client in [1, 2] {
            let received = decode(&camera, &world.take(client, Slot::Video(0)));
            assert_eq!(received.whole.len(), 60, "client {client}");
        }
    }
}

#[test]
fn a_keyframe_is_asked_for_when_a_wanted_layer_needs_one() {
    let mut world = world(Says::Dependency, 0);
    let mut camera = Camera::new(Mode::Key, Says::Dependency, 3, 1);
    let mut send = |world: &mut World, key| {
        for packet in &camera.picture(key) {
            world.send_layered(0, None, packet);
        }
        world.run(FRAME);
    };
    let requests = |world: &World| world.metrics().count_of(Counter::KeyframeRequestsSent);
    world.aim(1, 0, Target::UpTo(layer(0, 2)));
    world.run(Duration::from_secs(5));
    send(&mut world, true);
    for _ in 0..60 {
        send(&mut world, false);
    }
    let before = requests(&world);
    world.aim(1, 0, Target::UpTo(layer(0, 1)));
    for _ in 0..30 {
        send(&mut world, false);
    }
    assert_eq!(requests(&world), before, "nothing needs one");
    world.aim(1, 0, Target::UpTo(layer(1, 1)));
    for _ in 0..3 {
        send(&mut world, false);
    }
    assert_eq!(requests(&world), before + 1);
    send(&mut world, true);
    for _ in 0..60 {
        send(&mut world, false);
    }
    assert_eq!(requests(&world), before + 1, "it came");
}

#[test]
fn a_paused_slot_is_quiet_and_begins_again_at_a_keyframe() {
    let mut world = world(Says::Dependency, 0);
    let mut camera = Camera::new(Mode::Key, Says::Dependency, 2, 2);
    let mut send = |world: &mut World, key| {
        for packet in &camera.picture(key) {
            world.send_layered(0, None, packet);
        }
        world.run(FRAME);
        world.take(1, Slot::Video(0)).len()
    };
    assert!(send(&mut world, true) > 0);
    world.aim(1, 0, Target::Paused);
    assert_eq!(send(&mut world, false), 0);
    assert_eq!(send(&mut world, true), 0);
    world.aim(1, 0, Target::default());
    let before = world.clients[0].keyframe_requests;
    assert_eq!(send(&mut world, false), 0);
    assert_eq!(world.clients[0].keyframe_requests, before + 1);
    assert!(send(&mut world, true) > 0);
}

#[test]
fn a_simulcast_is_one_stream_that_switches_at_keyframes() {
    switches(Says::Dependency, 3);
}

#[test]
fn a_simulcast_of_vp8_is_one_stream_that_switches_at_keyframes() {
    switches(Says::Vp8, 2);
}

#[test]
fn a_stream_that_has_stopped_is_asked_for_nothing_while_another_is_sent() {
    let mut world = world(Says::Dependency, 2);
    let mut cameras = [1, 2].map(|seed| Camera::new(Mode::Key, Says::Dependency, 1, seed));
    // The upper one's keyframe came before anybody received it.
    let _ = cameras[1].picture(true);
    let mut send = |world: &mut World, stream: usize, keyframe| {
        for packet in &cameras[stream].picture(keyframe) {
            world.send_layered(0, Some(RIDS[stream]), packet);
        }
    };
    let requests = |world: &World| world.metrics().count_of(Counter::KeyframeRequestsSent);
    for round in 0..6 {
        send(&mut world, 0, round == 0);
        send(&mut world, 1, false);
        world.run(FRAME);
    }
    assert!(requests(&world) > 0, "the upper stream is asked for");
    for _ in 0..30 {
        send(&mut world, 0, false);
        world.run(FRAME);
    }
    send(&mut world, 0, true);
    let before = requests(&world);
    for _ in 0..90 {
        send(&mut world, 0, false);
        world.run(FRAME);
    }
    assert_eq!(
        requests(&world),
        before,
        "it would get keyframes of the lower"
    );
    assert!(world.take(1, Slot::Video(0)).len() > 90);
    send(&mut world, 1, false);
    world.run(FRAME);
    assert_eq!(requests(&world), before + 1, "it is sent again");
}

fn switches(says: Says, encodings: usize) {
    let seed = 0x51_4c57;
    println!("{says:?} seed {seed:#x}");
    let mut random = Random(seed);
    let mut world = world(says, encodings);
    let answered = format!("a=simulcast:recv {}\r\n", RIDS[..encodings].join(";"));
    assert!(world.clients[0].answer.contains(&answered));
    let camera = |n| Camera::new(Mode::Key, says, 1, seed + n as u64);
    let mut cameras: Vec<_> = (0..encodings).map(camera).collect();
    for round in 0..900 {
        if random.below(12) == 0 {
            world.aim(1, 0, random_target(&mut random));
        }
        // The encoder answers a request with keyframes of all encodings, and
        // the highest encoding is not always sent.
        let key = round == 0 || random.below(15) == 0;
        for (n, camera) in cameras.iter_mut().enumerate() {
            if n == 2 && (300..600).contains(&round) {
                camera.timestamp = camera.timestamp.wrapping_add(3_000);
                continue;
            }
            for packet in &camera.picture(key || random.below(40) == 0) {
                world.send_layered(0, Some(RIDS[n]), packet);
            }
        }
        world.run(FRAME);
    }
    let packets = world.take(1, Slot::Video(0));
    let mut places = HashMap::new();
    for (n, camera) in cameras.iter().enumerate() {
        for (place, frame) in camera.sent.iter().enumerate() {
            for body in &frame.bodies {
                places.insert(body.as_slice(), (n, place));
            }
        }
    }
    let picture_id = |p: &RtpPacket| says.picture_id(&p.payload);
    let number = |p: &RtpPacket| {
        let Raw(bytes) = p.header.ext_vals.user_values.get::<Raw>().unwrap();
        u16::from_be_bytes([bytes[1], bytes[2]])
    };
    let (mut switches, mut seen) = (vec![0; encodings], HashSet::new());
    let place = |p: &RtpPacket| places[&p.payload[DESCRIPTOR_LEN..]];
    for pair in packets.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        let ((from, left), (to, begun)) = (place(a), place(b));
        assert_eq!(*b.seq_no, *a.seq_no + 1);
        let step = b.header.timestamp.wrapping_sub(a.header.timestamp);
        seen.insert((to, cameras[to].sent[begun].temporal));
        if from == to {
            continue;
        }
        switches[to] += 1;
        assert!(a.header.marker, "the picture before is whole");
        assert!(cameras[to].sent[begun].references.is_empty(), "a keyframe");
        assert_eq!(picture_id(b), (picture_id(a) + 1) & 0x7fff);
        assert_eq!(b.payload[4], a.payload[4].wrapping_add(1), "TL0PICIDX");
        assert_eq!(number(b), number(a).wrapping_add(1), "frame number");
        // Upper pictures before may have been left out.
        assert!(
            (1..=4 * 3_300).contains(&step),
            "{step} from {left} to {begun}"
        );
    }
    println!("switches to each encoding: {switches:?}");
    assert!(switches.iter().all(|count| *count > 2), "{switches:?}");
    assert_eq!(seen.len(), 3 * encodings, "{seen:?}");
    let last = packets.last().unwrap();
    assert!(cameras[place(last).0].sent.len() - place(last).1 < 10);
}
