//! Where more speak than are heard at once, the loudest are, whoever receives
//! them has fewer slots than there are microphones, and a free place is taken.

#![allow(clippy::panic)]

use conclave_client::audio::source::Signal;
use conclave_client::call::Admit;
use conclave_kit::native::{first_frame, options, remote};
use conclave_kit::{Native, PATIENCE, Server, eventually};
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;
use std::process::Command;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// Sounds that were opened of a participant.
async fn sounds(listener: &Native, of: ParticipantId) -> u64 {
    let report = listener.report().await;
    let sound = remote(&report, of).and_then(|remote| remote.audio.as_ref());
    sound.map_or(0, |sound| sound.frames_opened)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_three_are_heard_and_the_third_when_one_falls_silent() {
    let server = Server::start_with(PROGRAM, &[("CONCLAVE_HEARD", "2")]).await;
    let (door, room) = (server.door(), server.room().await);
    // The listener first, so that every packet of the others is heard or not.
    let mut anna = options(&door, &room.host_link(&door), "Anna");
    (anna.start, anna.admit, anna.audio_slots) = (true, Admit::All, 2);
    let mut anna = Native::start(anna);
    anna.admitted().await;
    let mut speakers = Vec::new();
    for (name, hertz) in [("Ben", 440.0), ("Clara", 660.0), ("Dora", 880.0)] {
        let mut guest = options(&door, &room.link(&door), name);
        guest.sound = Some(Signal::Tone(hertz));
        let mut guest = Native::start(guest);
        let id = guest.id().await;
        guest.admitted().await;
        if name != "Dora" {
            anna.told(PATIENCE, first_frame(id, Source::Microphone))
                .await;
        }
        speakers.push((guest, id));
    }
    let [ben, clara, dora] = [0, 1, 2].map(|n: usize| speakers[n].1);
    let left_out = "reason=\"not-heard\"";
    eventually(PATIENCE, "a second of the third is left out", async || {
        (server.metrics().await.sum(left_out) >= 50.0).then_some(())
    })
    .await;
    assert_eq!(sounds(&anna, dora).await, 0, "equals do not take turns");

    speakers[0]
        .0
        .inner
        .set_live(Source::Microphone, false)
        .await;
    let silent = Instant::now();
    anna.told(PATIENCE, first_frame(dora, Source::Microphone))
        .await;
    let waited = silent.elapsed();
    println!("the third is heard after {waited:?}");
    assert!(waited <= Duration::from_secs(4), "{waited:?}");
    let before = [sounds(&anna, clara).await, sounds(&anna, dora).await];
    eventually(PATIENCE, "both are heard", async || {
        let now = [sounds(&anna, clara).await, sounds(&anna, dora).await];
        (now[0] > before[0] + 20 && now[1] > before[1] + 20).then_some(())
    })
    .await;
    let report = anna.report().await;
    let clara = remote(&report, clara).expect("Clara is there");
    let missing = clara.audio.as_ref().expect("sound").frames_missing;
    assert!(
        missing <= 5,
        "of who was heard all along {missing} are missing"
    );
    assert!(sounds(&anna, ben).await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_consultation_everybody_is_heard_for_no_packet_says_how_loud_it_is() {
    let server = Server::start_with(PROGRAM, &[("CONCLAVE_HEARD", "1")]).await;
    let door = server.door();
    let made = Command::new(PROGRAM)
        .args(["room", "create", "--consultation", "3"])
        .env("CONCLAVE_SERVER", door.url())
        .env("CONCLAVE_DATA", server.data())
        .output()
        .expect("the program runs");
    let made = String::from_utf8(made.stdout).expect("text");
    let link = |label: &str| {
        let line = made.lines().find(|line| line.contains(label));
        let line = line.unwrap_or_else(|| panic!("no {label} in {made}"));
        line.rsplit(' ').next().expect("a link").to_owned()
    };
    assert!(link("guests:").contains("#c."), "{made}");
    let mut anna = options(&door, &link("host:"), "Anna");
    (anna.start, anna.admit, anna.audio_slots) = (true, Admit::All, 2);
    let mut anna = Native::start(anna);
    anna.admitted().await;
    let mut speakers = Vec::new();
    for (name, hertz) in [("Ben", 440.0), ("Clara", 660.0)] {
        let mut guest = options(&door, &link("guests:"), name);
        guest.sound = Some(Signal::Tone(hertz));
        let mut guest = Native::start(guest);
        let id = guest.id().await;
        guest.admitted().await;
        anna.told(PATIENCE, first_frame(id, Source::Microphone))
            .await;
        speakers.push((guest, id));
    }
    let ids = [speakers[0].1, speakers[1].1];
    let before = [sounds(&anna, ids[0]).await, sounds(&anna, ids[1]).await];
    eventually(PATIENCE, "both are heard at once", async || {
        let now = [sounds(&anna, ids[0]).await, sounds(&anna, ids[1]).await];
        (now[0] > before[0] + 50 && now[1] > before[1] + 50).then_some(())
    })
    .await;
    let left_out = server.metrics().await.sum("reason=\"not-heard\"");
    assert!(left_out < 0.5, "{left_out} packets were left out");
}
