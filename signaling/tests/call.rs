//! Calls over real sockets: who gets what, in which order, and what survives.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::{Page, Server, call_of_two, commit, key_package};
use conclave_wire::client::{LogEvent, Reason, Request, ServerFrame, Standing};
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Event, Show, SlotAssignment, Source, SourceOf};

fn over(frame: &ServerFrame) -> Option<Reason> {
    match frame {
        ServerFrame::Over { reason } => Some(*reason),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_meet_rekey_and_part() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let mut ben = server.enter(&room, false).await;
    ben.knock().await;
    ben.until(|frame| match frame {
        ServerFrame::Waiting {
            call_running: false,
            host_present: false,
        } => Some(()),
        _ => None,
    })
    .await;

    let mut anna = server.enter(&room, true).await;
    anna.done(Request::StartCall {}).await;
    let knock = anna
        .until(|frame| match frame {
            ServerFrame::Knocks { knocks } => knocks.first().cloned(),
            _ => None,
        })
        .await;
    assert_eq!(knock.participant, ben.id());
    assert_eq!(knock.key_package.0, key_package(ben.id()));

    anna.send(commit(room.room, 0, &[ben.id()], &[], b"add"))
        .await;
    let seen_by = async |page: &mut Page| {
        page.until(|frame| match frame {
            ServerFrame::Entry(entry) => match &entry.event {
                LogEvent::Commit { welcome, .. } => Some((entry.seq, welcome.is_some())),
                _ => None,
            },
            _ => None,
        })
        .await
    };
    assert_eq!(seen_by(&mut anna).await, (2, false));
    assert_eq!(seen_by(&mut ben).await, (2, true));

    anna.send(Request::Ready { epoch: 1 }).await;
    ben.send(Request::Ready { epoch: 1 }).await;
    for page in [&mut anna, &mut ben] {
        page.until(|frame| matches!(frame, ServerFrame::Activate { epoch: 1 }).then_some(()))
            .await;
    }

    anna.send(Request::Live {
        sources: vec![Source::Microphone],
    })
    .await;
    let (anna_id, ben_id) = (anna.id(), ben.id());
    ben.until(|frame| match frame {
        ServerFrame::Roster { members } => members
            .iter()
            .any(|member| {
                member.participant == anna_id && member.host && member.live == [Source::Microphone]
            })
            .then_some(()),
        _ => None,
    })
    .await;

    ben.close(1001).await;
    anna.until(|frame| match frame {
        ServerFrame::Entry(entry) => (entry.event
            == LogEvent::Left {
                participant: ben_id,
            })
        .then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_commits_at_once_one_wins_and_the_other_learns_what_it_missed() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let (mut anna, mut ben) = call_of_two(&server, &room).await;
    let first = anna.send(commit(room.room, 1, &[], &[], b"anna")).await;
    let second = ben.send(commit(room.room, 1, &[], &[], b"ben")).await;
    let mut won = 0;
    for (page, id) in [(&mut anna, first), (&mut ben, second)] {
        match page.answer(id).await {
            ServerFrame::Ack { .. } => won += 1,
            ServerFrame::Error {
                code: Code::StaleEpoch,
                missed,
                ..
            } => {
                assert_eq!(
                    missed.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
                    [3]
                );
            }
            other => panic!("neither: {other:?}"),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_loses_nothing_and_a_commit_sent_again_counts_once() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let (mut anna, ben) = call_of_two(&server, &room).await;
    for epoch in 1..4 {
        anna.done(commit(room.room, epoch, &[], &[], b"update"))
            .await;
    }
    // Ben's socket is dead; he does not know, and resumes on another.
    let mut back = server.page(room.room).await;
    let entered = back.resume(&ben).await;
    assert!(matches!(
        entered,
        ServerFrame::Entered {
            standing: Standing::Member,
            ..
        }
    ));
    for seq in ben.applied + 1..=5 {
        assert_eq!(back.entry().await, seq);
    }
    let update = commit(room.room, 4, &[], &[], b"ben's");
    let id = back.send(update.clone()).await;
    // The answer is lost with the socket.
    let mut again = server.page(room.room).await;
    again.resume(&back).await;
    again.send_as(id, update).await;
    assert!(matches!(again.answer(id).await, ServerFrame::Ack { .. }));
    let stale = again.send(commit(room.room, 4, &[], &[], b"another")).await;
    let ServerFrame::Error { missed, .. } = again.answer(stale).await else {
        panic!("not stale");
    };
    assert_eq!(missed.len(), 1, "logged once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_survives_a_restart() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let (anna, ben) = call_of_two(&server, &room).await;
    let mut carla = server.enter(&room, false).await;
    carla.knock().await;

    let server = server.restart().await;
    let mut back = server.page(room.room).await;
    let entered = back.resume(&anna).await;
    assert!(matches!(
        entered,
        ServerFrame::Entered {
            standing: Standing::Member,
            host: true,
            media_lost: true,
            ..
        }
    ));
    let waiting = back
        .until(|frame| match frame {
            ServerFrame::Knocks { knocks } => knocks.first().map(|knock| knock.participant),
            _ => None,
        })
        .await;
    assert_eq!(waiting, carla.id());
    back.done(commit(room.room, 1, &[waiting], &[], b"add"))
        .await;

    let mut ben_back = server.page(room.room).await;
    ben_back.resume(&ben).await;
    assert_eq!(ben_back.entry().await, 3);
    let mut carla_back = server.page(room.room).await;
    let entered = carla_back.resume(&carla).await;
    assert!(matches!(
        entered,
        ServerFrame::Entered {
            standing: Standing::Member,
            ..
        }
    ));
    assert_eq!(carla_back.entry().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_knocks_again_is_brought_back_after_a_restart() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let (anna, mut ben) = call_of_two(&server, &room).await;
    ben.knock().await;

    let server = server.restart().await;
    let mut ben_back = server.page(room.room).await;
    let entered = ben_back.resume(&ben).await;
    let standing = Standing::Member;
    assert!(matches!(entered, ServerFrame::Entered { standing: of, .. } if of == standing));
    let mut back = server.page(room.room).await;
    back.resume(&anna).await;
    let knocks = back
        .until(|frame| match frame {
            ServerFrame::Resyncs { knocks } => Some(knocks.clone()),
            _ => None,
        })
        .await;
    assert_eq!(knocks[0].participant, ben.id());
    assert_eq!(knocks[0].key_package.0, key_package(ben.id()));
    let commit = commit(room.room, 1, &[ben.id()], &[ben.id()], b"back");
    back.done(commit).await;
    assert_eq!(ben_back.entry().await, 3);
    // Its log begins anew, after another restart as well.
    let server = server.restart().await;
    let mut again = server.page(room.room).await;
    again.resume(&ben).await;
    assert_eq!(again.entry().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_call_that_is_over_stays_on_disk() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let (mut anna, mut ben) = call_of_two(&server, &room).await;
    let traces = [
        anna.id().as_bytes().to_vec(),
        ben.id().to_string().into_bytes(),
        key_package(ben.id()),
        common::base64url(b"a welcome message").into_bytes(),
    ];
    assert!(!server.kept_in(&traces[0]).is_empty(), "it was there");
    anna.done(Request::EndCall {}).await;
    assert_eq!(anna.until(over).await, Reason::Ended);
    assert_eq!(anna.closed().await, 1000);
    assert_eq!(ben.until(over).await, Reason::Ended);
    for trace in &traces {
        assert_eq!(server.kept_in(trace), [""; 0]);
    }
    let mut back = server.page(room.room).await;
    let answer = back.resume(&anna).await;
    assert!(matches!(
        answer,
        ServerFrame::Error {
            code: Code::Gone,
            ..
        }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_member_is_disconnected_first_and_gets_no_later_entry() {
    let mut server = Server::start().await;
    let room = server.create_room().await;
    let (mut anna, mut ben) = call_of_two(&server, &room).await;
    anna.done(commit(room.room, 1, &[], &[ben.id()], b"remove"))
        .await;
    let disconnected = loop {
        if let Command::Disconnect { participant } = server.command().await {
            break participant;
        }
    };
    assert_eq!(disconnected, ben.id());
    anna.done(commit(room.room, 2, &[], &[], b"update")).await;
    assert_eq!(ben.until(over).await, Reason::Removed);
    assert_eq!(ben.closed().await, 1000);
    assert_eq!(ben.applied, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_knock_can_be_refused() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let (mut anna, _ben) = call_of_two(&server, &room).await;
    let mut carla = server.enter(&room, false).await;
    carla.knock().await;
    anna.done(Request::Refuse {
        participant: carla.id(),
    })
    .await;
    assert_eq!(carla.until(over).await, Reason::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn media_requests_reach_the_media_plane_and_its_answers_the_member() {
    let mut server = Server::start().await;
    let room = server.create_room().await;
    let (mut anna, ben) = call_of_two(&server, &room).await;
    let offer = Request::Offer {
        sdp: "v=0".to_owned(),
        sending: vec![],
    };
    let id = anna.send(offer.clone()).await;
    let (participant, request) = loop {
        if let Command::Connect {
            participant,
            request,
            offer,
            ..
        } = server.command().await
        {
            assert_eq!(offer, "v=0");
            break (participant, request);
        }
    };
    assert_eq!(participant, anna.id());
    let answer = Event::Answer {
        participant,
        request,
        answer: "an answer".to_owned(),
    };
    server.events.send(answer).await.expect("takes events");
    assert_eq!(
        anna.answer(id).await,
        ServerFrame::Answer {
            re: id,
            sdp: "an answer".to_owned()
        }
    );

    let slots = vec![SlotAssignment {
        mid: "3".parse().expect("a mid"),
        carries: Some(SourceOf {
            participant: ben.id(),
            source: Source::Camera,
        }),
        show: Show::default(),
    }];
    anna.done(Request::Assign {
        slots: slots.clone(),
    })
    .await;
    assert_eq!(
        server.command().await,
        Command::Assign { participant, slots }
    );

    let id = anna.send(offer).await;
    let Command::Connect { request, .. } = server.command().await else {
        panic!("not connected");
    };
    let refused = Event::Refused {
        participant,
        request,
        code: Code::BadOffer,
    };
    server.events.send(refused).await.expect("takes events");
    assert!(matches!(
        anna.answer(id).await,
        ServerFrame::Error {
            code: Code::BadOffer,
            ..
        }
    ));
    server
        .events
        .send(Event::Lost { participant })
        .await
        .expect("takes events");
    anna.until(|frame| matches!(frame, ServerFrame::MediaLost {}).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_plane_that_is_gone_is_said_to_be() {
    let mut server = Server::start().await;
    let room = server.create_room().await;
    let (mut anna, _ben) = call_of_two(&server, &room).await;
    server.commands.close();
    let offer = Request::Offer {
        sdp: "v=0".to_owned(),
        sending: vec![],
    };
    let id = anna.send(offer).await;
    assert!(matches!(
        anna.answer(id).await,
        ServerFrame::Error {
            code: Code::MediaUnavailable,
            ..
        }
    ));
    anna.done(Request::Ping {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_room_ends_its_call() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let (mut anna, _ben) = call_of_two(&server, &room).await;
    let path = format!("/api/v1/rooms/{}", room.room);
    let operator = server.operator();
    let answer = server
        .http("DELETE", &path, &[("authorization", &operator)], &[])
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(anna.until(over).await, Reason::Ended);
    assert_eq!(server.get(&path).await.problem().code, Code::NoSuchRoom);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_shutdown_lets_clients_resume() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let (anna, mut ben) = call_of_two(&server, &room).await;
    let Server { serving, dir, .. } = server;
    let (code, ()) = tokio::join!(ben.closed(), serving.shutdown());
    assert_eq!(code, 1012);
    let server = Server::start_in(dir).await;
    let mut back = server.page(room.room).await;
    let entered = back.resume(&anna).await;
    assert!(matches!(
        entered,
        ServerFrame::Entered {
            standing: Standing::Member,
            ..
        }
    ));
}
