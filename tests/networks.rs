//! A call over bad networks, native participants: what is lost, how long it
//! freezes, and how soon it is whole again. Prints a table.
//!
//! Anna's network is good. Ben's is what the rows say, in both directions; so
//! what Anna gets of Ben shows his uplink, what Ben gets of Anna his downlink.

use conclave_client::audio::source::Signal;
use conclave_client::call::Admit;
use conclave_client::report::Report;
use conclave_kit::emulator::{ADDRESS, Conditions, Direction, Loss, Outage, Rate, Who};
use conclave_kit::native::{CAMERA, clip, options, remote};
use conclave_kit::{Dice, Emulator, Native, PATIENCE, Server, eventually, quiet};
use conclave_wire::id::ParticipantId;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// Where Ben sends from: the emulator knows him by it. It is where the system
/// opens TCP connections from, too.
const BEN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Where Anna does.
const ANNA: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 12));
/// Where the server's media port is, behind the emulator, which has the same at
/// [`ADDRESS`] or, for those who may use TCP, where HTTPS is.
const BEHIND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// How much sound a row is measured on: 5 s.
const SOUNDS: u64 = 250;
/// How much sound a frame is, seconds. Sent sound is the clock of the rows, so
/// that a busy machine slows both down.
const SOUND: f64 = 0.02;

/// From an outage's end, or from another address, to pictures and sound in both
/// directions. The address is checked twice a second. Sound needs
/// no more than its next frame; for pictures, the gap is noticed with the next
/// one, waited for 450 ms, and a keyframe is asked for again each 500 ms.
const WHOLE_AGAIN: Duration = Duration::from_secs(2);

/// From a path's death to pictures and sound over another: it is noticed after
/// 0.8 to 1 s, and takes less than 2 s where nothing keeps the machine busy.
const FOUND_AGAIN: Duration = Duration::from_secs(3);

/// The same where UDP is tried for 2.5 s more before TCP is.
const OVER_TCP: Duration = Duration::from_secs(5);

/// From admission to pictures and sound where UDP never got through.
const WITHOUT_UDP: Duration = Duration::from_secs(5);

/// Two people in a call through the emulator.
struct Scene {
    server: Server,
    emulator: Emulator,
    anna: Native,
    ben: Native,
    ids: (ParticipantId, ParticipantId),
}

/// What one has got of the other so far.
#[derive(Clone, Copy)]
struct Got {
    sounds: u64,
    sounds_missing: u64,
    pictures: u64,
    height: u16,
    freezes: u64,
    frozen_ms: u64,
    connections: u64,
}

/// What one got of the other during a row.
struct Row {
    /// Sounds that were sent meanwhile.
    due: u64,
    audio_loss: f64,
    pictures_a_second: f64,
    height: u16,
    freezes: u64,
    frozen_ms: u64,
}

impl Scene {
    async fn set(seed: u64) -> Self {
        Self::set_at(ADDRESS.into(), seed, Conditions::default()).await
    }

    /// As [`set`](Self::set), where TCP leads to the server past the emulator,
    /// which does `first` to Ben from the beginning.
    async fn set_beside_tcp(seed: u64, first: Conditions) -> Self {
        Self::set_at(Ipv4Addr::LOCALHOST.into(), seed, first).await
    }

    async fn set_at(announced: IpAddr, seed: u64, first: Conditions) -> Self {
        let media = free_behind();
        let (told, behind) = (announced.to_string(), media.to_string());
        let settings = [("CONCLAVE_ANNOUNCE", &*told), ("CONCLAVE_MEDIA", &*behind)];
        let server = Server::start_with(PROGRAM, &settings).await;
        let listen = (announced, media.port()).into();
        let dice = Dice::new("networks", seed);
        let emulator = Emulator::between(listen, media, dice).expect("an emulator");
        emulator.set(Who::At(BEN), None, first);
        let (door, room) = (server.door(), server.room().await);
        let someone = |link: &str, name, at, hertz| {
            let mut options = options(&door, link, name);
            options.bind = vec![(at, 0).into()];
            options.sound = Some(Signal::Tone(hertz));
            options.camera = Some(clip(CAMERA));
            options
        };
        let mut host = someone(&room.host_link(&door), "Anna", ANNA, 440.0);
        host.start = true;
        host.admit = Admit::All;
        let mut anna = Native::start(host);
        anna.admitted().await;
        let mut ben = Native::start(someone(&room.link(&door), "Ben", BEN, 660.0));
        let ids = (anna.id().await, ben.id().await);
        ben.admitted().await;
        let scene = Self {
            server,
            emulator,
            anna,
            ben,
            ids,
        };
        scene.both_get_something_new(PATIENCE).await;
        scene
    }

    /// What Anna and Ben have got of each other.
    async fn got(&self) -> [Got; 2] {
        let (anna, ben) = self.ids;
        [
            Got::of(&self.anna.report().await, ben),
            Got::of(&self.ben.report().await, anna),
        ]
    }

    /// Waits until both have seen and heard more of the other; gives how long
    /// that took.
    async fn both_get_something_new(&self, limit: Duration) -> Duration {
        let (start, before) = (Instant::now(), self.got().await);
        eventually(limit, "both see and hear each other", async || {
            let now = self.got().await;
            let more = |(before, now): (&Got, &Got)| {
                now.sounds > before.sounds && now.pictures > before.pictures
            };
            before.iter().zip(&now).all(more).then_some(())
        })
        .await;
        start.elapsed()
    }

    /// Lets a condition take effect and measures both directions under it.
    async fn measure(&self, name: &str, both: Conditions) -> [Row; 2] {
        self.measure_ways(name, both.clone(), both).await
    }

    /// As [`measure`](Self::measure), with conditions for each direction.
    async fn measure_ways(&self, name: &str, up: Conditions, down: Conditions) -> [Row; 2] {
        self.emulator.set(Who::At(BEN), Direction::Up, up);
        self.emulator.set(Who::At(BEN), Direction::Down, down);
        self.for_sounds(SOUNDS / 5).await;
        let before = self.got().await;
        self.for_sounds(SOUNDS).await;
        let after = self.got().await;
        let rows = [0, 1].map(|n| Row::between(before[n], after[n]));
        for (row, way) in rows.iter().zip(["up", "down"]) {
            row.print(name, way);
        }
        rows
    }

    /// What the server has counted of a kind.
    async fn counted(&self, kind: &str) -> u64 {
        counted(&self.server, kind).await
    }

    async fn ends_with_the_connections_it_began_with(&self) {
        for (got, name) in self.got().await.iter().zip(["Anna", "Ben"]) {
            assert_eq!(got.connections, 1, "{name} kept the connection");
        }
    }

    /// Waits until both have got or missed so many sounds of each other.
    async fn for_sounds(&self, sounds: u64) {
        let before = self.got().await;
        let due = |got: &Got| got.sounds + got.sounds_missing;
        eventually(PATIENCE, "sound goes on", async || {
            let now = self.got().await;
            let enough = |n: usize| due(&now[n]) >= due(&before[n]) + sounds;
            (enough(0) && enough(1)).then_some(())
        })
        .await;
    }
}

impl Got {
    fn of(report: &Report, who: ParticipantId) -> Self {
        let remote = remote(report, who);
        let sound = remote.and_then(|remote| remote.audio.as_ref());
        let camera = remote.and_then(|remote| remote.camera.as_ref());
        Self {
            sounds: sound.map_or(0, |sound| sound.frames_opened),
            sounds_missing: sound.map_or(0, |sound| sound.frames_missing),
            pictures: camera.map_or(0, |camera| camera.frames_shown),
            height: camera.map_or(0, |camera| camera.height),
            freezes: camera.map_or(0, |camera| camera.freezes),
            frozen_ms: camera.map_or(0, |camera| camera.frozen_ms),
            connections: report.own.media_connections,
        }
    }
}

impl Row {
    fn between(before: Got, after: Got) -> Self {
        let missing = after.sounds_missing - before.sounds_missing;
        let due = missing + after.sounds - before.sounds;
        let seconds = due as f64 * SOUND;
        Self {
            due,
            audio_loss: missing as f64 / due.max(1) as f64,
            pictures_a_second: (after.pictures - before.pictures) as f64 / seconds,
            height: after.height,
            freezes: after.freezes - before.freezes,
            frozen_ms: after.frozen_ms - before.frozen_ms,
        }
    }

    /// Sound is not repaired on its way: no more of it is missing than the
    /// network lost, up to five standard deviations of chance.
    fn loses_no_more_sound_than(&self, share: f64) {
        let deviation = (share * (1.0 - share) / self.due as f64).sqrt();
        let most = share + 5.0 * deviation;
        assert!(
            self.audio_loss <= most,
            "{:.3} > {most:.3}",
            self.audio_loss
        );
    }

    fn shows_at_least(&self, pictures_a_second: f64) {
        let shown = self.pictures_a_second;
        assert!(
            shown >= pictures_a_second,
            "{shown:.1} < {pictures_a_second}"
        );
        assert_eq!(self.height, 180, "pictures are as they were sent");
    }

    fn print(&self, name: &str, way: &str) {
        println!(
            "| {name} | {way} | {:.1} | {} | {} | {:.1} s | {:.1} % |",
            self.pictures_a_second,
            self.height,
            self.freezes,
            self.frozen_ms as f64 / 1_000.0,
            self.audio_loss * 100.0
        );
    }
}

fn lossy(share: f64) -> Conditions {
    Conditions {
        loss: Loss::Random(share),
        ..Conditions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_networks_cost_no_more_than_they_must() {
    let _turn = quiet().await;
    let scene = Scene::set(1).await;
    println!("| network | way | pictures/s | height | freezes | frozen | audio lost |");
    println!("|---|---|---|---|---|---|---|");
    for row in scene.measure("good", Conditions::default()).await {
        row.loses_no_more_sound_than(0.0);
        row.shows_at_least(14.0);
    }

    // What a picture misses is asked for until it comes, 450 ms long: next to nothing is lost
    // for good, and what is lost waits for a keyframe, at worst a second of the five.
    for (percent, pictures) in [(5, 12.0), (10, 12.0), (20, 9.0)] {
        let share = f64::from(percent) / 100.0;
        for row in scene
            .measure(&format!("{percent} % loss"), lossy(share))
            .await
        {
            row.loses_no_more_sound_than(share);
            row.shows_at_least(pictures);
        }
    }

    // Nothing is lost; packets swap within 100 ms, and sound is waited for 150 ms.
    let far = Conditions {
        delay_ms: 200,
        jitter_ms: 50,
        reorder: true,
        ..Conditions::default()
    };
    for row in scene.measure("200 ± 50 ms", far).await {
        row.loses_no_more_sound_than(0.01);
        row.shows_at_least(13.0);
    }

    // Both together are 220 kbit/s: there is room, if losses are not answered with more.
    let narrow = Conditions {
        rate: Some(Rate::kbit(300)),
        ..Conditions::default()
    };
    let [_, down] = scene
        .measure_ways("300 kbit/s down", Conditions::default(), narrow)
        .await;
    down.loses_no_more_sound_than(0.01);
    down.shows_at_least(12.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_whole_again_soon_after_an_outage() {
    let _turn = quiet().await;
    let scene = Scene::set(2).await;
    let lasting = Duration::from_secs(3);
    let dark = Conditions {
        outages: vec![Outage::now(3_000)],
        ..Conditions::default()
    };
    let began = Instant::now();
    scene.emulator.set(Who::At(BEN), None, dark);
    eventually(PATIENCE, "the outage is over", async || {
        (began.elapsed() >= lasting).then_some(())
    })
    .await;
    let took = scene.both_get_something_new(PATIENCE).await;
    println!(
        "| 3 s outage | both | whole again after {} ms |",
        took.as_millis()
    );
    assert!(took <= WHOLE_AGAIN, "{took:?}");
    scene.ends_with_the_connections_it_began_with().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_whole_again_soon_after_an_address_changed() {
    let _turn = quiet().await;
    let scene = Scene::set(3).await;
    for round in 1..=3 {
        scene.emulator.rebind(Who::At(BEN));
        let took = scene.both_get_something_new(PATIENCE).await;
        println!(
            "| another address | both | whole again after {} ms |",
            took.as_millis()
        );
        assert!(took <= WHOLE_AGAIN, "the {round}. time: {took:?}");
    }
    scene.ends_with_the_connections_it_began_with().await;
}

/// A media port that only the emulator finds.
fn free_behind() -> SocketAddr {
    let free = UdpSocket::bind((BEHIND, 0)).and_then(|socket| socket.local_addr());
    free.expect("a port")
}

/// What a server has counted of a kind.
async fn counted(server: &Server, kind: &str) -> u64 {
    let metrics = server.metrics().await;
    metrics.sum(&format!("kind=\"{kind}\"")) as u64
}

/// Nothing gets through any more.
fn dark() -> Conditions {
    Conditions {
        loss: Loss::Random(1.0),
        ..Conditions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_over_another_path_when_its_own_is_dead() {
    let _turn = quiet().await;
    let scene = Scene::set(4).await;
    let all = scene.emulator.report();
    let ben = all.iter().find(|one| one.address.ip() == BEN);
    // The path of these ICE credentials, and none of others.
    let name = ben.expect("Ben").name.clone();
    scene.emulator.set(Who::Named(name), None, dark());
    let took = scene.both_get_something_new(PATIENCE).await;
    println!(
        "| a dead path | both | whole again after {} ms |",
        took.as_millis()
    );
    assert!(took <= FOUND_AGAIN, "{took:?}");
    scene.ends_with_the_connections_it_began_with().await;
    assert_eq!(scene.counted("ice-restarts").await, 1);
    assert_eq!(scene.counted("streams-opened").await, 0, "without TCP");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_over_tcp_when_udp_is_blocked() {
    let _turn = quiet().await;
    let scene = Scene::set_beside_tcp(5, Conditions::default()).await;
    assert_eq!(scene.counted("streams-opened").await, 0, "UDP will do");
    scene.emulator.set(Who::At(BEN), None, dark());
    let took = scene.both_get_something_new(PATIENCE).await;
    println!(
        "| UDP blocked | both | whole again after {} ms |",
        took.as_millis()
    );
    assert!(took <= OVER_TCP, "{took:?}");
    assert!(scene.counted("streams-opened").await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_use_udp_sees_and_hears_within_five_seconds() {
    let _turn = quiet().await;
    let mut scene = Scene::set_beside_tcp(6, dark()).await;
    let took = scene.ben.admitted().await.elapsed();
    println!(
        "| no UDP | both | {} ms after admission |",
        took.as_millis()
    );
    assert!(took <= WITHOUT_UDP, "{took:?}");
    assert!(scene.counted("streams-opened").await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tcp_media_reaches_every_room_on_whichever_shard() {
    let _turn = quiet().await;
    let media = free_behind().to_string();
    // Nobody answers over UDP at what is announced.
    let settings = [("CONCLAVE_MEDIA", &*media), ("CONCLAVE_SHARDS", "2")];
    let server = Server::start_with(PROGRAM, &settings).await;
    let door = server.door();
    let mut pairs = Vec::new();
    for room in 0..3 {
        let links = server.room().await;
        let mut anna = Native::host(&door, &links.host_link(&door), "Anna", 440.0);
        anna.admitted().await;
        let mut ben = Native::guest(&door, &links.link(&door), "Ben", 660.0);
        ben.admitted().await;
        let ids = (anna.id().await, ben.id().await);
        anna.gets(PATIENCE, 10, &[ids.1]).await;
        ben.gets(PATIENCE, 10, &[ids.0]).await;
        println!("room {room} is served");
        pairs.push((anna, ben));
    }
    assert!(counted(&server, "streams-opened").await >= 6);
}
