//! Frames that a server plays, changes or makes up. They come to the real client
//! as all others do, through the SFU and its SRTP: an accomplice whom the SFU
//! forwards sends them as his own. To the receiver that is a slot whose payloads
//! are the server's choice.
//!
//! A server that switches packets itself can also forge RTP headers, payload
//! descriptors and extensions. What they decide is which bytes are put together
//! and given to the same `Session::open`; a socket adds nothing to that, so it is
//! done without one (`client/tests/media_path.rs`). In a browser its own RTP
//! stack does it, and the worker takes whatever comes out. Frames of another
//! sender in a slot: `names_swapped_in_roster_and_slots_rename_nobody` in `log`.

use crate::{PROGRAM, until_epoch};
use conclave_client::audio::source::{AudioSource, Signal};
use conclave_client::event::Event;
use conclave_client::report::Report;
use conclave_kit::native::remote;
use conclave_kit::{Media, Member, Native, PATIENCE, Server, eventually};
use conclave_wire::client::Request;
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;

/// Frames of each kind.
const FRAMES: usize = 30;
/// Samples of a packet of sound.
const STEP: u32 = 960;

fn sounds(report: &Report, who: ParticipantId) -> (u64, u64) {
    let sound = remote(report, who).and_then(|remote| remote.audio.as_ref());
    sound.map_or((0, 0), |sound| (sound.frames_opened, sound.undecodable))
}

fn dropped(report: &Report, code: &str) -> u64 {
    report.drops.get(code).copied().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_played_again_forged_or_unencrypted_are_dropped_and_counted() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    let anna_id = anna.id().await;
    let mut accomplice = Member::guest(&door, &room, "Mallory").await;
    accomplice.until_epoch(1).await;
    let mut media = Media::connect(&mut accomplice, &[Source::Microphone]).await;
    media
        .carry(&mut accomplice, 0, anna_id, Source::Microphone)
        .await;
    let record = async |media: &mut Media| {
        media.so_far();
        let mut frames = Vec::new();
        while frames.len() < FRAMES {
            frames.push(media.next().await.bytes);
        }
        frames
    };
    let before = record(&mut media).await;

    // Ben comes: what was recorded so far is of an epoch that he has no keys of.
    let mut ben = Native::guest(&door, &room.link(&door), "Ben", 660.0);
    ben.admitted().await;
    accomplice.until_epoch(2).await;
    until_epoch(&mut anna, 2).await;
    let activated = |event: &Event| matches!(event, Event::Activated { epoch: 2 }).then_some(());
    anna.until(PATIENCE, "seals with epoch 2", activated).await;
    ben.gets(PATIENCE, 10, &[anna_id]).await;
    let seen = record(&mut media).await;
    ben.gets(PATIENCE, 10, &[anna_id]).await;
    let sources = vec![Source::Microphone];
    accomplice.raw.done(Request::Live { sources }).await;

    // Anna's key id (leaf 0, epoch 2) and counters that nobody has used yet.
    let forged = (0..FRAMES as u8)
        .map(|n| [&[0x29, 0xFF, n][..], &[0xEE; 60]].concat())
        .collect();
    let mut tone = AudioSource::new(Signal::Tone(880.0)).expect("an encoder");
    let plain: Vec<_> = (0..FRAMES)
        .map(|_| tone.next_frame().expect("a packet").packet)
        .collect();
    let frames = FRAMES as u64;
    let attacks = [
        (before, "frame_unknown_epoch"),
        (seen, "frame_replayed"),
        (forged, "frame_not_authentic"),
        (plain, ""),
    ];
    let start = ben.report().await;
    let mut timestamp = 0;
    let mut total = start.drops.values().sum::<u64>();
    for (played, code) in attacks {
        let earlier = dropped(&ben.report().await, code);
        for frame in played {
            timestamp += STEP;
            media
                .send(Source::Microphone, timestamp, false, frame)
                .await;
        }
        total += frames;
        eventually(PATIENCE, format!("{code}: all are dropped"), async || {
            let report = ben.report().await;
            let counted = code.is_empty() || dropped(&report, code) >= earlier + frames;
            (counted && report.drops.values().sum::<u64>() >= total).then_some(())
        })
        .await;
    }
    // Nothing of it was heard, as nobody's, and Anna's own sound went on.
    ben.gets(PATIENCE, 20, &[anna_id]).await;
    let report = ben.report().await;
    assert_eq!(sounds(&report, accomplice.id()), (0, 0));
    assert!(sounds(&report, anna_id).0 > sounds(&start, anna_id).0);
    assert_eq!(
        sounds(&report, anna_id).1,
        0,
        "something was opened that is no sound"
    );
    ben.from_now_on();
    let wrong = |(_, event): &(_, Event)| match event {
        Event::Tone { hz, .. } => (hz - 440.0_f32).abs() > 20.0,
        event => matches!(event, Event::Split { .. }),
    };
    assert!(!ben.history.iter().any(wrong), "{:?}", ben.history);
}
