//! Members that are kept from parts of the log come back without leaving, and
//! what a server gains by pretending that one does.

use crate::fork::{forked, told_of_split};
use crate::{PROGRAM, Pair, failed, is_commit, until_epoch};
use conclave_client::call::CallError;
use conclave_client::event::Event;
use conclave_client::participant::JoinError;
use conclave_e2ee::{Config, ParticipantId as MlsParticipant, Session};
use conclave_kit::liar::{Numbers, Said};
use conclave_kit::{Liar, Native, PATIENCE, Room, Server, eventually, within};
use conclave_wire::client::{ClientFrame, KnockNotice, LogEvent, Request, ServerFrame};
use conclave_wire::id::ParticipantId;

/// Waits until a member is back where it was.
async fn until_back(member: &mut Native) {
    let back = |event: &Event| matches!(event, Event::CaughtUp { .. }).then_some(());
    member.until(PATIENCE, "is back", back).await;
}

/// Whether a frame is the commit that brings somebody back.
fn brings_back(frame: &ServerFrame) -> bool {
    matches!(frame, ServerFrame::Entry(entry) if matches!(&entry.event,
        LogEvent::Commit { adds, removes, .. } if !adds.is_empty() && adds == removes))
}

/// Ben came back: to the same call, unnoticed by Anna, and without leaving it.
async fn nothing_happened(anna: &mut Native, ben: &mut Native) {
    let (anna_id, ben_id) = (anna.id().await, ben.id().await);
    let epoch = ben.report().await.epoch.expect("a member");
    until_epoch(anna, epoch).await;
    assert_eq!(anna.code().await, ben.code().await);
    anna.gets(PATIENCE, 20, &[ben_id]).await;
    ben.gets(PATIENCE, 20, &[anna_id]).await;
    for member in [anna, ben] {
        member.from_now_on();
        let times = |wanted: fn(&Event) -> bool| {
            let told = member.history.iter();
            told.filter(|(_, event)| wanted(event)).count()
        };
        assert_eq!(times(|event| matches!(event, Event::MemberLeft { .. })), 0);
        assert!(times(|event| matches!(event, Event::MemberJoined { .. })) <= 1);
        assert_eq!(times(|event| matches!(event, Event::Joined { .. })), 1);
        assert_eq!(times(|event| matches!(event, Event::Disconnected)), 0);
        assert_eq!(times(|event| matches!(event, Event::Split { .. })), 0);
        assert_eq!(
            times(|event| matches!(event, Event::RosterDiffers { .. })),
            0
        );
        assert_eq!(member.report().await.own.media_connections, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_kept_from_a_commit_comes_back_without_leaving() {
    for numbers in [Numbers::Anew, Numbers::Kept] {
        let Pair {
            server: _server,
            at_ben,
            mut anna,
            mut ben,
            ..
        } = Pair::meet(numbers).await;
        let mut withheld = false;
        at_ben.tells(move |frame| match is_commit(&frame) && !withheld {
            true => {
                withheld = true;
                vec![]
            }
            false => vec![frame],
        });
        anna.inner.update().await;
        until_epoch(&mut anna, 2).await;
        anna.inner.update().await;
        ben.told(PATIENCE, Event::Behind).await;
        until_back(&mut ben).await;
        nothing_happened(&mut anna, &mut ben).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_in_another_order_are_not_followed_and_made_up_for() {
    let Pair {
        server: _server,
        at_ben,
        mut anna,
        mut ben,
        ..
    } = Pair::meet(Numbers::Anew).await;
    let (mut kept, mut done) = (None, false);
    at_ben.tells(
        move |frame| match (is_commit(&frame) && !done, kept.take()) {
            (true, None) => {
                kept = Some(frame);
                vec![]
            }
            (true, Some(first)) => {
                done = true;
                vec![frame, first]
            }
            (false, before) => {
                kept = before;
                vec![frame]
            }
        },
    );
    anna.inner.update().await;
    until_epoch(&mut anna, 2).await;
    anna.inner.update().await;
    ben.told(PATIENCE, Event::Behind).await;
    until_back(&mut ben).await;
    nothing_happened(&mut anna, &mut ben).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_keeps_commits_back_again_and_again_ends_the_call() {
    let Pair {
        server: _server,
        at_ben,
        mut anna,
        mut ben,
        ..
    } = Pair::meet(Numbers::Kept).await;
    let mut keeps = false;
    at_ben.tells(move |frame| {
        if !is_commit(&frame) || brings_back(&frame) {
            return vec![frame];
        }
        keeps = !keeps;
        if keeps { vec![] } else { vec![frame] }
    });
    for round in 0..4 {
        ben.from_now_on();
        for commit in 0..2 {
            anna.inner.update().await;
            until_epoch(&mut anna, 2 + 3 * round + commit).await;
        }
        if round < 3 {
            until_back(&mut ben).await;
            until_epoch(&mut anna, 4 + 3 * round).await;
        }
    }
    let error = failed(ben).await;
    assert!(
        matches!(error, JoinError::Call(CallError::LogGap)),
        "{error}"
    );
}

/// The knock of a member that is behind, as the others are told of it.
async fn knock_again(at: &Liar) -> KnockNotice {
    at.overhears("a member knocks again", |said| match said {
        Said::Server(ServerFrame::Resyncs { knocks }) => knocks.first().cloned(),
        _ => None,
    })
    .await
}

/// Anna is told that this knock is a member's, and does nothing of what that
/// would mean.
async fn refused(at_anna: &Liar, anna: &mut Native, knock: KnockNotice) {
    let participant = knock.participant;
    anna.from_now_on();
    at_anna.says(ServerFrame::Resyncs {
        knocks: vec![knock],
    });
    anna.told(PATIENCE, Event::FalseKnock { participant }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_knock_of_a_member_played_again_replaces_nobody() {
    let Pair {
        server: _server,
        at_anna,
        at_ben,
        mut anna,
        mut ben,
        ..
    } = Pair::meet(Numbers::Kept).await;
    let entered = at_anna
        .overhears("Ben's knock", |said| match said {
            Said::Server(ServerFrame::Knocks { knocks }) => knocks.first().cloned(),
            _ => None,
        })
        .await;
    refused(&at_anna, &mut anna, entered).await;
    // One by which he did come back.
    let mut withheld = false;
    at_ben.tells(move |frame| match is_commit(&frame) && !withheld {
        true => {
            withheld = true;
            vec![]
        }
        false => vec![frame],
    });
    anna.inner.update().await;
    until_epoch(&mut anna, 2).await;
    anna.inner.update().await;
    until_back(&mut ben).await;
    until_epoch(&mut anna, 4).await;
    let back = knock_again(&at_anna).await;
    refused(&at_anna, &mut anna, back).await;
    // He is in the call by what he has, and nobody commits anything.
    let (anna_id, ben_id) = (anna.id().await, ben.id().await);
    ben.gets(PATIENCE, 20, &[anna_id]).await;
    anna.gets(PATIENCE, 20, &[ben_id]).await;
    assert_eq!(anna.report().await.epoch, Some(4));
    assert_eq!(anna.code().await, ben.code().await);
}

/// What somebody makes of Ben's name who is not Ben: a knock that claims to
/// come from a call.
fn forged(room: &Room, ben: ParticipantId) -> KnockNotice {
    let id = MlsParticipant(ben.0);
    let mut thief = Session::new(
        Config::default(),
        room.mls(),
        id,
        "Ben",
        &room.link_secret(),
    )
    .expect("a session");
    thief.create_group(0).expect("a group");
    thief
        .update()
        .and_then(|_| thief.confirm_pending(0))
        .expect("epoch 1");
    let knock = thief.resync(0).expect("a knock");
    KnockNotice {
        participant: ben,
        key_package: knock.key_package.into(),
        tag: knock.tag.to_vec().into(),
        waiting_seconds: 0,
        devices: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_the_place_of_a_member_with_another_key() {
    let Pair {
        server: _server,
        room,
        at_anna,
        mut anna,
        mut ben,
        ..
    } = Pair::meet(Numbers::Kept).await;
    let (anna_id, ben_id) = (anna.id().await, ben.id().await);
    // Without the link, and with it: the server has an accomplice who knows it.
    for room in [room.with_wrong_secret(), room] {
        refused(&at_anna, &mut anna, forged(&room, ben_id)).await;
    }
    ben.gets(PATIENCE, 20, &[anna_id]).await;
    anna.gets(PATIENCE, 20, &[ben_id]).await;
    assert_eq!(anna.report().await.epoch, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_was_led_along_a_fork_is_named_and_not_brought_back() {
    let Pair {
        server: _server,
        at_anna,
        at_ben,
        mut anna,
        mut ben,
        ..
    } = forked().await;
    let mut withheld = false;
    at_ben.tells(move |frame| match is_commit(&frame) && !withheld {
        true => {
            withheld = true;
            vec![]
        }
        false => vec![frame],
    });
    anna.inner.update().await;
    until_epoch(&mut anna, 3).await;
    anna.inner.update().await;
    ben.told(PATIENCE, Event::Behind).await;
    knock_again(&at_anna).await;
    told_of_split(&mut anna, ben.id().await).await;
    let finished = within(2 * PATIENCE, "Ben gives up", ben.inner.finish()).await;
    let error = finished.expect_err("he is not brought back");
    assert!(
        matches!(error, JoinError::Call(CallError::NotBroughtBack)),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_tells_nobody_of_the_knock_keeps_one_out_and_gets_nothing() {
    let server = Server::start(PROGRAM).await;
    let room = server.room().await;
    let liar = Liar::before(&server, Numbers::Kept).await;
    let door = server.door();
    let mut anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    anna.admitted().await;
    let mut ben = Native::guest(liar.door(), &room.link(liar.door()), "Ben", 660.0);
    ben.admitted().await;
    until_epoch(&mut anna, 1).await;
    let mut withheld = false;
    liar.lies(move |said| match said {
        Said::Client(ClientFrame {
            id,
            request: Request::Knock { .. },
        }) => vec![Said::Server(ServerFrame::Ack { re: id })],
        Said::Server(frame) if is_commit(&frame) && !withheld => {
            withheld = true;
            vec![]
        }
        said => vec![said],
    });
    anna.inner.update().await;
    until_epoch(&mut anna, 2).await;
    anna.inner.update().await;
    ben.told(PATIENCE, Event::Behind).await;
    // Under keys that somebody may hold who was removed he sends nothing.
    let before = ben.report().await.own;
    eventually(PATIENCE, "Anna's packets go on reaching Ben", async || {
        let now = ben.report().await.own;
        assert_eq!(now.frames_sent, before.frames_sent);
        (now.packets_received >= before.packets_received + 50).then_some(())
    })
    .await;
    let finished = within(2 * PATIENCE, "Ben gives up", ben.inner.finish()).await;
    let error = finished.expect_err("nobody brings him back");
    assert!(
        matches!(error, JoinError::Call(CallError::NotBroughtBack)),
        "{error}"
    );
}
