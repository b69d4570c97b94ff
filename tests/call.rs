//! A call of native participants through the real server: everybody opens
//! everybody's video and hears everybody's tone, newcomers included.

use conclave_client::call::Admit;
use conclave_client::event::Event;
use conclave_client::report::Report;
use conclave_kit::native::{options, remote};
use conclave_kit::{Native, PATIENCE, Server, eventually, quiet};
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// From admission to everybody's picture and sound.
const SOON: Duration = Duration::from_secs(3);

/// A participant, who it is, since when, and the tone it sends.
struct Seat {
    native: Native,
    id: ParticipantId,
    admitted: Instant,
    hertz: f32,
}

async fn seat(mut native: Native, hertz: f32) -> Seat {
    let (id, admitted) = (native.id().await, native.admitted().await);
    Seat {
        native,
        id,
        admitted,
        hertz,
    }
}

/// Everybody at the table sees a whole picture (what follows a keyframe) and
/// hears a sound of everybody else, at most [`SOON`] after the later of the two
/// was admitted, and hears the other's tone.
async fn everybody_sees_and_hears_everybody(seats: &mut [Seat]) {
    let table: Vec<_> = seats
        .iter()
        .map(|seat| (seat.id, seat.admitted, seat.hertz))
        .collect();
    let last = table.iter().map(|(_, admitted, _)| *admitted).max();
    let end = last.expect("somebody is there") + SOON;
    let mut late = Duration::ZERO;
    for seat in &*seats {
        let others = table.iter().filter(|(id, ..)| *id != seat.id);
        let others: Vec<_> = others.map(|(id, ..)| *id).collect();
        let what = format!("{} sees and hears everybody", seat.native.name);
        eventually(PATIENCE, &what, async || {
            let report = seat.native.report().await;
            let there = |id: &ParticipantId| {
                let remote = remote(&report, *id)?;
                let pictures = remote.camera.as_ref()?;
                Some(pictures.keyframes > 0 && remote.audio.as_ref()?.rms > 0.05)
            };
            others
                .iter()
                .all(|id| there(id) == Some(true))
                .then_some(())
        })
        .await;
        late = late.max(Instant::now().saturating_duration_since(end));
    }
    if !late.is_zero() {
        for seat in &mut *seats {
            seat.native.from_now_on();
            println!("{}, from its admission on:", seat.native.name);
            for (when, event) in &seat.native.history {
                println!(
                    "{:?} {event:?}",
                    when.saturating_duration_since(seat.admitted)
                );
            }
        }
    }
    assert!(
        late.is_zero(),
        "everybody sees and hears everybody {late:?} later than {SOON:?} after admission"
    );
    for seat in seats {
        for &(id, _, hertz) in table.iter().filter(|(id, ..)| *id != seat.id) {
            let name = seat.native.name.clone();
            let tone = |event: &Event| match event {
                Event::Tone { from, hz } if *from == id => Some(*hz),
                _ => None,
            };
            let (_, heard) = seat.native.until(PATIENCE, "hears a tone", tone).await;
            assert!(
                (heard - hertz).abs() <= 4.0,
                "{name} hears {heard} Hz instead of {hertz} Hz"
            );
        }
    }
}

fn clean(report: &Report, others: usize) {
    let name = &report.name;
    assert_eq!(report.remotes.len(), others, "{name}");
    assert_eq!(report.own.reconnects, 0, "{name}");
    assert_eq!(report.own.media_connections, 1, "{name}");
    for remote in &report.remotes {
        let (camera, audio) = (
            remote.camera.as_ref().expect("video"),
            remote.audio.as_ref().expect("sound"),
        );
        assert_eq!(
            (camera.width, camera.height),
            (320, 180),
            "{name} sees {}",
            remote.name
        );
        assert_eq!(
            (camera.undecodable, audio.undecodable),
            (0, 0),
            "{name} gets {}",
            remote.name
        );
        assert!(
            audio.rms > 0.05,
            "{name} hears {} at {}",
            remote.name,
            audio.rms
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_and_a_late_fourth_see_and_hear_each_other() {
    let _turn = quiet().await;
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);

    let anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    let mut seats = vec![seat(anna, 440.0).await];
    let ben = Native::guest(&door, &room.link(&door), "Ben", 660.0);
    let clara = Native::guest(&door, &room.link(&door), "Clara", 880.0);
    seats.push(seat(ben, 660.0).await);
    seats.push(seat(clara, 880.0).await);
    everybody_sees_and_hears_everybody(&mut seats).await;

    let dora = Native::guest(&door, &room.link(&door), "Dora", 1100.0);
    seats.push(seat(dora, 1100.0).await);
    everybody_sees_and_hears_everybody(&mut seats).await;

    let code = seats[0].native.code().await;
    for seat in &seats {
        assert_eq!(seat.native.code().await, code);
        clean(&seat.native.report().await, 3);
    }

    // Names come from the tree, and each participant's frames from their own leaf.
    let report = seats[0].native.report().await;
    for (seat, name) in seats[1..].iter().zip(["Ben", "Clara", "Dora"]) {
        assert_eq!(
            remote(&report, seat.id).map(|remote| remote.name.as_str()),
            Some(name)
        );
    }

    // Muted, a microphone is heard no more, and the picture goes on.
    let ben = seats[1].id;
    seats[1]
        .native
        .inner
        .set_live(Source::Microphone, false)
        .await;
    let sounds = async |native: &Native| {
        let report = native.report().await;
        let remote = remote(&report, ben).expect("Ben is there").clone();
        (
            remote.audio.expect("sound").frames_opened,
            remote.camera.expect("video").frames_opened,
        )
    };
    let (mut heard, mut seen) = sounds(&seats[0].native).await;
    let mut silent_pictures = 0;
    eventually(PATIENCE, "fifteen pictures without a sound", async || {
        let (sounds, pictures) = sounds(&seats[0].native).await;
        if sounds != heard {
            (heard, silent_pictures) = (sounds, 0);
        } else {
            silent_pictures += pictures - seen;
        }
        seen = pictures;
        (silent_pictures >= 15).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_classic_ciphersuite_serves_a_call_as_well() {
    let _turn = quiet().await;
    let server = Server::start_with(PROGRAM, &[("CONCLAVE_SUITE", "0x0001")]).await;
    let (door, room) = (server.door(), server.room().await);
    let anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    let mut seats = vec![seat(anna, 440.0).await];
    let ben = Native::guest(&door, &room.link(&door), "Ben", 660.0);
    seats.push(seat(ben, 660.0).await);
    everybody_sees_and_hears_everybody(&mut seats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_spans_media_threads_is_one_call() {
    let _turn = quiet().await;
    let settings = [
        ("CONCLAVE_MEDIA", "127.0.0.1:0"),
        ("CONCLAVE_SHARDS", "2"),
        ("CONCLAVE_SPILL", "1"),
    ];
    let server = Server::start_with(PROGRAM, &settings).await;
    let (door, room) = (server.door(), server.room().await);
    let anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    let mut seats = vec![seat(anna, 440.0).await];
    for (name, hertz) in [("Ben", 660.0), ("Clara", 880.0)] {
        let guest = Native::guest(&door, &room.link(&door), name, hertz);
        seats.push(seat(guest, hertz).await);
    }
    everybody_sees_and_hears_everybody(&mut seats).await;
    for seat in &seats {
        clean(&seat.native.report().await, 2);
    }
    let metrics = server.metrics().await;
    for shard in ["0", "1"] {
        for kind in ["relayed", "mirrored"] {
            let labels = format!("kind=\"{kind}\",shard=\"{shard}\"");
            let counted = metrics.sum(&labels);
            assert!(counted > 0.0, "shard {shard}: {kind}");
        }
    }
}

/// The digits of the newest epoch in which they were agreed on, once they are.
async fn digits(native: &mut Native, of: u64) -> String {
    let agreed = |event: &Event| match event {
        Event::SpokenCode { epoch, code } if *epoch == of => Some(code.clone()),
        _ => None,
    };
    native.until(PATIENCE, "has digits", agreed).await.1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_agree_on_digits_and_on_others_when_somebody_comes() {
    let _turn = quiet().await;
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = options(&door, &room.host_link(&door), "Anna");
    (host.start, host.admit) = (true, Admit::All);
    let mut call = vec![Native::start(host)];
    call[0].admitted().await;
    let mut before = String::new();
    for (epoch, name) in [(1, "Ben"), (2, "Clara"), (3, "Dora")] {
        let mut newcomer = Native::start(options(&door, &room.link(&door), name));
        newcomer.admitted().await;
        call.push(newcomer);
        // Whoever asks, and if all do at once: one round an epoch.
        for native in &call[call.len() - 2..] {
            native.inner.compare().await;
        }
        let code = digits(&mut call[0], epoch).await;
        assert_eq!(code.len(), "1234 5678".len());
        assert_ne!(code, before);
        for native in &mut call[1..] {
            assert_eq!(digits(native, epoch).await, code, "{}", native.name);
        }
        before = code;
    }
}
