//! Keys change under a running call, and nobody hears or sees a gap: every
//! frame that a member seals, under whatever epoch, each other member opens,
//! from the first of that source that it opened on.
//!
//! Counted by the frames' own numbers: the counter of SFrame begins at 0 with
//! each epoch, goes up by one a frame, and is authentic.

use conclave_client::audio::source::Signal;
use conclave_client::call::Admit;
use conclave_client::event::Event;
use conclave_client::participant::Options;
use conclave_client::receive::Span;
use conclave_client::report::Report;
use conclave_kit::liar::{Numbers, Said};
use conclave_kit::native::{self, CAMERA, clip, remote};
use conclave_kit::{Door, Liar, Native, PATIENCE, Server, eventually, quiet};
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// How long a dozen commits may take, one after the other, on a machine that does much else.
const LONG: Duration = Duration::from_secs(90);

/// A place for every voice and every picture: none has to make room for another.
const SLOTS: usize = 16;

fn options(door: &Door, link: &str, name: &str) -> Options {
    let mut options = native::options(door, link, name);
    (options.audio_slots, options.video_slots) = (SLOTS, 4);
    options
}

fn sending(mut options: Options, hertz: f32) -> Options {
    options.sound = Some(Signal::Tone(hertz));
    options.camera = Some(clip(CAMERA));
    options
}

/// Starts a call whose host lets in whom the test says.
async fn host(door: &Door, link: &str) -> Native {
    let mut options = sending(options(door, link, "Anna"), 440.0);
    options.start = true;
    options.admit = Admit::Nobody;
    let mut host = Native::start(options);
    host.admitted().await;
    host
}

/// A server that forwards every voice.
async fn server() -> Server {
    Server::start_with(PROGRAM, &[("CONCLAVE_HEARD", "all")]).await
}

/// A call of two who hear and see each other, the first of whom lets others in.
struct Two {
    server: Server,
    door: Door,
    /// Everybody else's.
    link: String,
    anna: Native,
    anna_id: ParticipantId,
    ben: Native,
    ben_id: ParticipantId,
}

async fn two() -> Two {
    let server = server().await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = host(&door, &room.host_link(&door)).await;
    let anna_id = anna.id().await;
    let link = room.link(&door);
    let mut ben = Native::start(sending(options(&door, &link, "Ben"), 660.0));
    let ben_id = let_in(&mut anna, &mut ben).await;
    anna.gets(PATIENCE, 5, &[ben_id]).await;
    ben.gets(PATIENCE, 5, &[anna_id]).await;
    Two {
        server,
        door,
        link,
        anna,
        anna_id,
        ben,
        ben_id,
    }
}

/// Lets somebody in as soon as they knock.
async fn let_in(host: &mut Native, who: &mut Native) -> ParticipantId {
    let id = who.id().await;
    knocked(host, id).await;
    host.inner.admit(id).await;
    who.admitted().await;
    id
}

async fn knocked(host: &mut Native, id: ParticipantId) {
    let knock = |event: &Event| {
        matches!(event, Event::Knock { participant, .. } if *participant == id).then_some(())
    };
    host.until(PATIENCE, "sees the knock", knock).await;
}

/// Waits until that epoch seals what the member sends.
async fn seals_with(member: &mut Native, at_least: u64) {
    member
        .until(LONG, &format!("seals with epoch {at_least}"), |event| {
            let sealing = match event {
                Event::Activated { epoch } | Event::Admitted { epoch, .. } => *epoch,
                _ => return None,
            };
            (sealing >= at_least).then_some(())
        })
        .await;
}

/// What one member opened of a source of another.
fn opened(report: &Report, from: ParticipantId, source: Source) -> Option<&BTreeMap<u64, Span>> {
    let remote = remote(report, from)?;
    match source {
        Source::Microphone => Some(&remote.audio.as_ref()?.epochs),
        _ => Some(&remote.camera.as_ref()?.epochs),
    }
}

/// Whether the last frames that were sealed by then were opened.
fn caught_up(sealed: &BTreeMap<u64, u64>, opened: &BTreeMap<u64, Span>) -> bool {
    let (Some((epoch, sealed)), Some((newest, span))) =
        (sealed.last_key_value(), opened.last_key_value())
    else {
        return false;
    };
    newest > epoch || (newest == epoch && span.last + 1 >= *sealed)
}

/// The frames between the first and the last that were opened and were not opened themselves.
fn holes(sealed: &BTreeMap<u64, u64>, opened: &BTreeMap<u64, Span>) -> Vec<String> {
    let (Some((&begin, first)), Some((&newest, last))) =
        (opened.first_key_value(), opened.last_key_value())
    else {
        return vec!["nothing was opened".to_owned()];
    };
    let mut holes = Vec::new();
    for (&epoch, &sealed) in sealed.range(begin..=newest) {
        let from = if epoch == begin { first.first } else { 0 };
        let until = if epoch == newest {
            last.last + 1
        } else {
            sealed
        };
        let whole = opened.get(&epoch).is_some_and(|span| {
            (span.first, span.last + 1, span.opened) == (from, until, until - from)
        });
        if !whole {
            holes.push(format!(
                "epoch {epoch}: {:?} of {sealed}",
                opened.get(&epoch)
            ));
        }
    }
    holes
}

/// What members have sealed, each source of each.
type Sealed = Vec<(ParticipantId, Source, BTreeMap<u64, u64>)>;

async fn sealed(senders: &[&Native]) -> Sealed {
    let mut sealed = Vec::new();
    for sender in senders {
        let report = sender.report().await;
        for (source, frames) in report.own.frames_sealed {
            sealed.push((report.participant, source, frames));
        }
    }
    sealed
}

/// Whether everything that was sent to the member reached it: on a machine that
/// is busy with other things, packets are lost that have nothing to do with keys.
fn link_is_clean(report: &Report) -> bool {
    let own = &report.own;
    (
        own.packets_lost,
        own.pictures_broken,
        own.reconnects,
        own.media_connections,
    ) == (0, 0, 0, 1)
}

/// Nobody got a frame that did not open, and whoever has a clean link has
/// opened every frame of everybody who sends. Gives how many were judged by that.
async fn nothing_is_lost(when: &str, table: &mut [&mut Native], sealed: &Sealed) -> usize {
    let (mut frames, mut epochs, mut judged) = (0, 0, 0);
    for member in table {
        let me = member.id().await;
        let others = || sealed.iter().filter(|(id, ..)| *id != me);
        let report = eventually(PATIENCE, &format!("{}, {when}", member.name), async || {
            let report = member.report().await;
            // A picture may be left out where a path is narrow, a sound never.
            let there = others()
                .filter(|(_, source, _)| *source == Source::Microphone)
                .all(|(id, source, sealed)| {
                    opened(&report, *id, *source).is_some_and(|opened| caught_up(sealed, opened))
                });
            (there || !link_is_clean(&report)).then_some(report)
        })
        .await;
        // A newcomer gets frames of the epoch before its own until everybody
        // seals with its own, and what a removed member sent last is dropped.
        let sends = sealed.iter().any(|(id, ..)| *id == me);
        let foreseen = |code: &String| match code.as_str() {
            "frame_unknown_leaf" => true,
            "frame_unknown_epoch" => !sends,
            _ => false,
        };
        assert!(
            report.drops.keys().all(foreseen),
            "{when}, {} could not open frames: {:?}",
            member.name,
            report.drops
        );
        for remote in &report.remotes {
            let undecodable = remote.audio.as_ref().map_or(0, |sound| sound.undecodable)
                + remote
                    .camera
                    .as_ref()
                    .map_or(0, |pictures| pictures.undecodable);
            assert_eq!(undecodable, 0, "{when}, {} opens noise", member.name);
        }
        if !link_is_clean(&report) {
            println!("{when}: {} lost packets and is not counted", member.name);
            continue;
        }
        judged += 1;
        member.from_now_on();
        let paused = |(_, event): &(_, Event)| matches!(event, Event::Paused { slots: 1.. });
        let all_pictures = !member.history.iter().any(paused);
        for (id, source, sealed) in others() {
            let Some(opened) = opened(&report, *id, *source) else {
                continue;
            };
            if *source == Source::Microphone || all_pictures {
                let holes = holes(sealed, opened);
                assert!(
                    holes.is_empty(),
                    "{when}, {} lost frames of {id} {source:?}: {holes:?}",
                    member.name
                );
            }
            frames += opened.values().map(|span| span.opened).sum::<u64>();
            epochs = epochs.max(opened.len());
        }
    }
    println!(
        "{when}: {frames} frames of up to {epochs} epochs opened by {judged} members, none missing"
    );
    judged
}

fn told(judged: usize) {
    if judged == 0 {
        println!("this machine loses everybody's packets: nothing was counted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_frame_is_lost_when_members_come_leave_and_are_removed() {
    let _quiet = quiet().await;
    let Two {
        server: _server,
        door,
        link,
        mut anna,
        anna_id,
        mut ben,
        ben_id,
    } = two().await;
    let mut clara = Native::start(options(&door, &link, "Clara"));
    let_in(&mut anna, &mut clara).await;
    clara.gets(PATIENCE, 5, &[anna_id, ben_id]).await;

    let (mut epoch, mut judged) = (2, 0);
    for round in 0..6 {
        // Dora comes and goes, of herself or by the host's hand.
        let mut dora = Native::start(sending(options(&door, &link, "Dora"), 880.0));
        let dora_id = let_in(&mut anna, &mut dora).await;
        epoch += 1;
        for member in [&mut anna, &mut ben, &mut clara] {
            seals_with(member, epoch).await;
        }
        dora.gets(PATIENCE, 3, &[anna_id, ben_id]).await;
        clara.gets(PATIENCE, 3, &[dora_id]).await;
        let when = format!("round {round}, Dora is there");
        let sent = sealed(&[&anna, &ben, &dora]).await;
        let mut table = [&mut anna, &mut ben, &mut clara, &mut dora];
        judged += nothing_is_lost(&when, &mut table, &sent).await;
        match round % 2 {
            0 => dora.inner.leave().await,
            _ => anna.inner.remove(dora_id).await,
        }
        epoch += 1;
        for member in [&mut anna, &mut ben, &mut clara] {
            seals_with(member, epoch).await;
        }
        clara.gets(PATIENCE, 3, &[anna_id, ben_id]).await;
        let when = format!("round {round}, Dora is gone");
        let sent = sealed(&[&anna, &ben]).await;
        judged += nothing_is_lost(&when, &mut [&mut anna, &mut ben, &mut clara], &sent).await;
    }
    told(judged);
}

/// What the server says waits while it is to be late, and comes with the next
/// thing that it says then.
fn hold_back(late: &AtomicBool, kept: &mut Vec<Said>, said: Said) -> Vec<Said> {
    match (&said, late.load(Ordering::SeqCst)) {
        (Said::Server(_), true) => {
            kept.push(said);
            Vec::new()
        }
        (Said::Server(_), false) => {
            kept.push(said);
            std::mem::take(kept)
        }
        (Said::Client(_), _) => vec![said],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_overtake_their_commit_are_opened_when_it_comes() {
    let _quiet = quiet().await;
    let server = server().await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = host(&door, &room.host_link(&door)).await;
    let anna_id = anna.id().await;
    let slow = Liar::before(&server, Numbers::Kept).await;
    let mut ben = Native::start(options(slow.door(), &room.link(slow.door()), "Ben"));
    let_in(&mut anna, &mut ben).await;
    let mut dora = Native::start(options(&door, &room.link(&door), "Dora"));
    let dora_id = let_in(&mut anna, &mut dora).await;
    seals_with(&mut anna, 2).await;
    ben.gets(PATIENCE, 5, &[anna_id]).await;

    // What the server says reaches Ben late: not before he was sent frames of the new epoch.
    let late = Arc::new(AtomicBool::new(true));
    let (waiting, mut kept) = (Arc::clone(&late), Vec::new());
    slow.lies(move |said| hold_back(&waiting, &mut kept, said));
    let before = ben.report().await;
    anna.inner.remove(dora_id).await;
    seals_with(&mut anna, 3).await;
    let ahead = eventually(
        PATIENCE,
        "frames ahead of their commit reach Ben",
        async || {
            let (now, anna) = (ben.report().await, anna.report().await);
            let sealed = anna.own.frames_sealed.get(&Source::Microphone)?.get(&3)?;
            let came = now.own.packets_received - before.own.packets_received;
            (*sealed >= 10 && came >= 10).then_some(now)
        },
    )
    .await;
    assert_eq!(ahead.epoch, Some(2), "Ben was told after all");
    let opened_ahead = opened(&ahead, anna_id, Source::Microphone).expect("some");
    assert!(!opened_ahead.contains_key(&3));
    // The next thing that is said brings everything.
    late.store(false, Ordering::SeqCst);
    anna.inner.set_live(Source::Camera, false).await;
    seals_with(&mut ben, 3).await;
    let sent = sealed(&[&anna]).await;
    nothing_is_lost("the commit was late", &mut [&mut ben], &sent).await;
    let report = ben.report().await;
    let opened = opened(&report, anna_id, Source::Microphone).expect("some");
    assert!(
        opened.get(&3).is_some_and(|span| span.first == 0),
        "{opened:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_seal_when_all_have_them_and_wait_two_seconds_for_who_has_not() {
    let _quiet = quiet().await;
    let server = server().await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = host(&door, &room.host_link(&door)).await;
    let anna_id = anna.id().await;
    let slow = Liar::before(&server, Numbers::Kept).await;
    let mut ben = Native::start(options(slow.door(), &room.link(slow.door()), "Ben"));
    let_in(&mut anna, &mut ben).await;
    ben.gets(PATIENCE, 5, &[anna_id]).await;

    // Ben is told nothing of Dora until Anna seals with the keys that Dora has.
    let late = Arc::new(AtomicBool::new(true));
    let (waiting, mut kept) = (Arc::clone(&late), Vec::new());
    slow.lies(move |said| hold_back(&waiting, &mut kept, said));
    let mut dora = Native::start(options(&door, &room.link(&door), "Dora"));
    let dora_id = dora.id().await;
    knocked(&mut anna, dora_id).await;
    let click = Instant::now();
    anna.inner.admit(dora_id).await;
    eventually(PATIENCE, "Anna seals with Dora's keys", async || {
        let report = anna.report().await;
        let sealed = report.own.frames_sealed.get(&Source::Microphone)?;
        sealed.get(&2).copied()
    })
    .await;
    let waited = click.elapsed();
    println!("Ben was waited for {waited:?}");
    assert!(waited >= Duration::from_secs(2), "after {waited:?}");
    late.store(false, Ordering::SeqCst);
    anna.inner.set_live(Source::Camera, false).await;
    seals_with(&mut ben, 2).await;
    let sent = sealed(&[&anna]).await;
    nothing_is_lost("Ben was late", &mut [&mut ben], &sent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_frame_is_lost_when_ten_join_within_a_second_and_all_renew_at_once() {
    const JOINERS: usize = 10;
    let _quiet = quiet().await;
    let Two {
        server: _server,
        door,
        link,
        mut anna,
        anna_id,
        mut ben,
        ben_id,
    } = two().await;

    let mut joiners = Vec::new();
    for n in 0..JOINERS {
        let mut joiner = Native::start(options(&door, &link, &format!("Joiner {n}")));
        let id = joiner.id().await;
        knocked(&mut anna, id).await;
        joiners.push((joiner, id));
    }
    let click = Instant::now();
    for (_, id) in &joiners {
        anna.inner.admit(*id).await;
    }
    let mut last = click;
    for (joiner, _) in &mut joiners {
        last = last.max(joiner.admitted().await);
    }
    println!(
        "{JOINERS} were in {:?} after the host let them in",
        last - click
    );
    let newest = |report: &Report| report.epoch.expect("in a call");
    // Who was let in may know of it before who let them in does.
    let mut epoch = newest(&anna.report().await);
    for (joiner, _) in &joiners {
        epoch = epoch.max(newest(&joiner.report().await));
    }
    for member in [&mut anna, &mut ben] {
        seals_with(member, epoch).await;
    }
    for (joiner, _) in &joiners {
        joiner.gets(PATIENCE, 3, &[anna_id, ben_id]).await;
    }
    let sent = sealed(&[&anna, &ben]).await;
    let guests = joiners.iter_mut().map(|(joiner, _)| joiner);
    let mut table: Vec<&mut Native> = [&mut anna, &mut ben].into_iter().chain(guests).collect();
    let mut judged = nothing_is_lost("ten have joined", &mut table, &sent).await;

    // Twelve commits of one epoch: one wins each time, and none of the twelve wishes is lost.
    for member in &table {
        member.inner.update().await;
    }
    drop(table);
    let goal = epoch + 2 + JOINERS as u64;
    for member in [&mut anna, &mut ben] {
        seals_with(member, goal).await;
    }
    let mut codes = vec![anna.code().await, ben.code().await];
    for (joiner, _) in &mut joiners {
        seals_with(joiner, goal).await;
        codes.push(joiner.code().await);
    }
    assert!(codes.windows(2).all(|two| two[0] == two[1]), "{codes:?}");
    assert_eq!(
        newest(&anna.report().await),
        goal,
        "a commit was for nothing"
    );
    let sent = sealed(&[&anna, &ben]).await;
    let guests = joiners.iter_mut().map(|(joiner, _)| joiner);
    let mut table: Vec<&mut Native> = [&mut anna, &mut ben].into_iter().chain(guests).collect();
    judged += nothing_is_lost("all have renewed", &mut table, &sent).await;
    told(judged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committer_that_falls_silent_is_replaced() {
    let _quiet = quiet().await;
    let server = server().await;
    let (door, room) = (server.door(), server.room().await);
    // Anna comes first, so it is hers to remove who left; two more hosts let everybody in.
    let front = Liar::before(&server, Numbers::Kept).await;
    let mut anna = host(front.door(), &room.host_link(front.door())).await;
    let mut second = options(&door, &room.host_link(&door), "Ben");
    second.admit = Admit::All;
    let mut ben = Native::start(second);
    let_in(&mut anna, &mut ben).await;
    let mut clara = Native::start(options(&door, &room.link(&door), "Clara"));
    let clara_id = clara.id().await;
    clara.admitted().await;
    anna.until(PATIENCE, "sees Clara", |event| {
        matches!(event, Event::MemberJoined { participant, .. } if *participant == clara_id)
            .then_some(())
    })
    .await;

    // Her program stops: nothing comes from her, her socket stands.
    front.lies(|_| Vec::new());
    let mut dora = Native::start(options(&door, &room.link(&door), "Dora"));
    let knocked = Instant::now();
    let admitted = dora.admitted().await;
    let left = Instant::now();
    clara.inner.leave().await;
    let (removed, ()) = ben
        .until(PATIENCE, "sees that Clara is out", |event| {
            matches!(event, Event::MemberLeft { participant, .. } if *participant == clara_id)
                .then_some(())
        })
        .await;
    let out = dora.until(PATIENCE, "sees that Clara is out", |event| {
        matches!(event, Event::MemberLeft { participant, .. } if *participant == clara_id)
            .then_some(())
    });
    out.await;
    println!(
        "another let Dora in {:?} after she knocked, and removed Clara {:?} after she left",
        admitted.saturating_duration_since(knocked),
        removed.saturating_duration_since(left)
    );
    assert!(
        removed.saturating_duration_since(left) >= Duration::from_millis(400),
        "Ben did not wait for his turn"
    );
    assert_eq!(ben.code().await, dora.code().await);
    assert_eq!(ben.report().await.epoch, dora.report().await.epoch);
}
