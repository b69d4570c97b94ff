//! Removed is over, and new is new: what a removed member gets and can open,
//! and what a newcomer can.

use conclave_client::event::Event;
use conclave_kit::media::Sealed;
use conclave_kit::{Media, Member, Native, PATIENCE, Server, quiet, within};
use conclave_wire::client::Reason;
use conclave_wire::code::Code;
use conclave_wire::control::Source;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// From leaving until nobody sees the one who left, and what is sent opens to them no more.
const GONE: Duration = Duration::from_secs(1);

/// How many of the frames the member's session opens, and how many there are.
fn opens(member: &mut Member, frames: &[Sealed]) -> (usize, usize) {
    let (now, mut out) = (member.now_ms(), Vec::new());
    let opened = frames
        .iter()
        .filter(|frame| member.session.open(&frame.bytes, now, &mut out).is_ok())
        .count();
    (opened, frames.len())
}

async fn frames(media: &mut Media, count: usize) -> Vec<Sealed> {
    let mut frames = Vec::new();
    while frames.len() < count {
        frames.push(media.next().await);
    }
    frames
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_gets_no_later_packet_and_opens_no_later_frame_and_a_newcomer_no_earlier_one()
 {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Member::host(&door, &room, "Anna").await;

    // Nadia sends; Ben is going to be removed, Clara stays and records.
    let mut nadia = Native::guest(&door, &room.link(&door), "Nadia", 440.0);
    let nadia_id = nadia.id().await;
    host.admit(nadia_id).await;
    nadia.admitted().await;
    let mut ben = Member::guest(&door, &room, "Ben").await;
    host.admit(ben.id()).await;
    ben.until_epoch(2).await;
    let mut clara = Member::guest(&door, &room, "Clara").await;
    host.admit(clara.id()).await;
    clara.until_epoch(3).await;
    ben.until_epoch(3).await;

    let mut at_ben = Media::connect(&mut ben, &[Source::Microphone]).await;
    let mut at_clara = Media::connect(&mut clara, &[]).await;
    for (media, member) in [(&at_ben, &mut ben), (&at_clara, &mut clara)] {
        media.carry(member, 0, nadia_id, Source::Microphone).await;
        media.carry(member, 0, nadia_id, Source::Camera).await;
    }
    frames(&mut at_ben, 40).await;
    frames(&mut at_clara, 40).await;
    // All in: what comes now both can open.
    nadia
        .until(PATIENCE, "seals with epoch 3", |event| {
            matches!(event, Event::Activated { epoch: 3 }).then_some(())
        })
        .await;
    at_ben.so_far();
    at_clara.so_far();
    let both = frames(&mut at_ben, 30).await;
    assert_eq!(
        opens(&mut ben, &both),
        (30, 30),
        "a member opens what is sealed for members"
    );
    let before = frames(&mut at_clara, 30).await;
    assert_eq!(opens(&mut clara, &before), (30, 30));

    // The commit is acknowledged once the SFU has forgotten Ben. What was on its way to him then
    // he may still receive, but nothing any more once later frames have reached Clara.
    host.remove(ben.id()).await;
    clara.until_epoch(4).await;
    at_clara.so_far();
    let mut after = frames(&mut at_clara, 20).await;
    at_ben.so_far();
    let packets = at_ben.packets;

    // Nadia's frames go on, sealed with the new epoch.
    after.extend(frames(&mut at_clara, 60).await);
    let (now, mut out) = (clara.now_ms(), Vec::new());
    after.retain(|frame| {
        clara
            .session
            .open(&frame.bytes, now, &mut out)
            .is_ok_and(|opened| opened.epoch == 4)
    });
    assert!(
        after.len() >= 30,
        "Clara opens {} frames of the new epoch",
        after.len()
    );

    at_ben.so_far();
    assert_eq!(
        at_ben.packets, packets,
        "the SFU went on sending to a removed member"
    );
    assert_eq!(
        opens(&mut ben, &after),
        (0, after.len()),
        "a removed member opens later frames"
    );
    let reason = |member: &Member| member.over == Some(Reason::Removed);
    ben.until("that it was removed", reason).await;
    ben.raw.until_closed().await;
    assert_eq!(ben.epoch(), 3, "a removed member was told a later commit");
    assert_eq!(ben.resume().await, Err(Code::Gone));

    // What Ben still sends reaches nobody.
    at_clara
        .carry(&mut clara, 1, ben.id(), Source::Microphone)
        .await;
    for timestamp in 0..50 {
        at_ben
            .send(Source::Microphone, timestamp * 960, false, vec![0xEE; 60])
            .await;
    }
    let later = frames(&mut at_clara, 60).await;
    assert!(
        later.iter().all(|frame| frame.bytes != [0xEE; 60]),
        "a removed member is still forwarded"
    );

    // A newcomer: opens what comes, not what was.
    let mut dora = Member::guest(&door, &room, "Dora").await;
    host.admit(dora.id()).await;
    dora.until_epoch(5).await;
    clara.until_epoch(5).await;
    let mut at_dora = Media::connect(&mut dora, &[]).await;
    at_dora
        .carry(&mut dora, 0, nadia_id, Source::Microphone)
        .await;
    at_dora.carry(&mut dora, 0, nadia_id, Source::Camera).await;
    assert_eq!(
        opens(&mut dora, &before),
        (0, before.len()),
        "a newcomer opens earlier frames"
    );
    assert_eq!(
        opens(&mut dora, &after),
        (0, after.len()),
        "a newcomer opens earlier frames"
    );
    within(PATIENCE, "Dora opens ten frames", async {
        let mut opened = 0;
        while opened < 10 {
            let frame = at_dora.next().await;
            opened += opens(&mut dora, &[frame]).0;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_is_gone_within_a_second_for_the_roster_and_the_keys() {
    let _turn = quiet().await;
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    anna.admitted().await;
    let mut guests = Vec::new();
    for (name, hertz) in [("Ben", 660.0), ("Clara", 880.0)] {
        let mut guest = Native::guest(&door, &room.link(&door), name, hertz);
        guest.admitted().await;
        guests.push(guest);
    }
    let (mut clara, mut ben) = (guests.pop().expect("Clara"), guests.pop().expect("Ben"));
    let clara_id = clara.id().await;
    for native in [&mut anna, &mut ben] {
        native.gets(PATIENCE, 5, &[clara_id]).await;
        native.from_now_on();
    }
    let began = Instant::now();
    clara.inner.leave().await;
    // It is told once the commit that removes her is applied.
    let gone = |event: &Event| {
        matches!(event, Event::MemberLeft { participant, .. } if *participant == clara_id)
            .then_some(())
    };
    for native in [&mut anna, &mut ben] {
        let (told, ()) = native.until(PATIENCE, "Clara is gone", gone).await;
        let took = told.duration_since(began);
        println!("{}: Clara is gone after {took:?}", native.name);
        assert!(took <= GONE, "{} sees her {took:?} long", native.name);
    }
    clara.told(PATIENCE, Event::Left).await;
}
