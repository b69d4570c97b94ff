//! Lies about who is there and in which order what happened.

use crate::{PROGRAM, Pair, failed, is_commit, misbehaved, until_epoch};
use conclave_client::call::CallError;
use conclave_client::event::Event;
use conclave_client::participant::JoinError;
use conclave_e2ee::{Config, ParticipantId as MlsParticipant, PeerMisbehaved, Session};
use conclave_kit::liar::{Numbers, Said};
use conclave_kit::native::remote;
use conclave_kit::{Liar, Member as Bare, Native, PATIENCE, Room, Server};
use conclave_wire::client::{
    ClientFrame, KnockNotice, LogEvent, Member, Reason, Request, ServerFrame,
};
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;

/// What the server does to a roster, in which it may leave somebody out.
type Lie = fn(&mut Vec<Member>, ParticipantId);

/// What the server itself could knock with: it knows the room and not the link.
fn ghost(room: &Room, participant: ParticipantId, name: &str) -> KnockNotice {
    let id = MlsParticipant(participant.0);
    let secret = room.with_wrong_secret().link_secret();
    let session = Session::new(Config::default(), room.mls(), id, name, &secret);
    let knock = session
        .and_then(|mut ghost| ghost.knock())
        .expect("a knock");
    KnockNotice {
        participant,
        key_package: knock.key_package.into(),
        tag: knock.tag.to_vec().into(),
        waiting_seconds: 0,
        devices: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ghost_is_let_in_neither_beside_those_who_knock_nor_in_their_place() {
    let server = Server::start(PROGRAM).await;
    let room = server.room().await;
    let liar = Liar::before(&server, Numbers::Kept).await;
    let mut anna = Native::host(liar.door(), &room.host_link(liar.door()), "Anna", 440.0);
    anna.admitted().await;
    let (stranger, home) = (ParticipantId([0xEE; 16]), room.clone());
    liar.tells(move |frame| match frame {
        ServerFrame::Knocks { knocks } => {
            let lured = knocks
                .iter()
                .map(|knock| ghost(&home, knock.participant, "Ben"));
            let knocks = lured.chain([ghost(&home, stranger, "Eve")]).collect();
            vec![ServerFrame::Knocks { knocks }]
        }
        frame => vec![frame],
    });
    let door = server.door();
    let mut ben = Native::guest(&door, &room.link(&door), "Ben", 660.0);
    for participant in [ben.id().await, stranger] {
        anna.told(PATIENCE, Event::FalseKnock { participant }).await;
    }
    // The truth, and Ben alone is let in.
    liar.tells(|frame| vec![frame]);
    let mut carl = Native::guest(&door, &room.link(&door), "Carl", 880.0);
    for member in [&mut ben, &mut carl] {
        member.admitted().await;
    }
    let joined = [(ben.id().await, "Ben"), (carl.id().await, "Carl")];
    for (participant, name) in joined {
        let name = name.to_owned();
        anna.told(PATIENCE, Event::MemberJoined { participant, name })
            .await;
    }
    let strangers = anna.history.iter().filter(|(_, event)| match event {
        Event::MemberJoined { participant, .. } => joined.iter().all(|(id, _)| id != participant),
        _ => false,
    });
    assert_eq!(strangers.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_knock_played_again_lets_nobody_in_who_could_not_be_already() {
    let Pair {
        server,
        room,
        at_anna,
        mut anna,
        mut ben,
        ..
    } = Pair::meet(Numbers::Anew).await;
    let knock = at_anna
        .overhears("Ben's knock", |said| match said {
            Said::Server(ServerFrame::Knocks { knocks }) => knocks.first().cloned(),
            _ => None,
        })
        .await;
    // While he is there: no second leaf, and Anna goes on admitting others.
    at_anna.says(ServerFrame::Knocks {
        knocks: vec![knock.clone()],
    });
    let door = server.door();
    let mut carl = Native::guest(&door, &room.link(&door), "Carl", 880.0);
    carl.admitted().await;
    let ben_id = ben.id().await;
    // After he left: his leaf may come back under his name, but its keys went with him.
    ben.inner.leave().await;
    let left = |event: &Event| match event {
        Event::MemberLeft { participant, .. } => (*participant == ben_id).then_some(()),
        _ => None,
    };
    anna.until(PATIENCE, "Ben is gone", left).await;
    anna.from_now_on();
    at_anna.says(ServerFrame::Knocks {
        knocks: vec![knock],
    });
    let welcome = at_anna
        .overhears("the commit that adds him again", |said| match said {
            Said::Client(ClientFrame {
                request:
                    Request::Commit {
                        adds,
                        epoch,
                        welcome,
                        ..
                    },
                ..
            }) if adds.contains(&ben_id) && *epoch > 1 => welcome.clone(),
            _ => None,
        })
        .await;
    let mut thief = Bare::enter(&door, &room, "Ben", false).await;
    thief.session.knock().expect("a knock");
    assert!(
        thief.session.join(&welcome.0).is_err(),
        "the link does not open it"
    );
    // The service forgot the knock, so this commit comes to nothing.
    let denied = |event: &Event| matches!(event, Event::Denied { .. }).then_some(());
    anna.until(PATIENCE, "the service refuses", denied).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_played_again_change_nothing() {
    let Pair {
        server: _server,
        at_anna,
        at_ben,
        mut anna,
        mut ben,
        ..
    } = Pair::meet(Numbers::Anew).await;
    for liar in [&at_anna, &at_ben] {
        let mut log = Vec::new();
        liar.tells(move |frame| {
            if is_commit(&frame) {
                log.push(frame.clone());
                return [vec![frame], log.clone(), log.clone()].concat();
            }
            vec![frame]
        });
    }
    for epoch in 2..4 {
        anna.inner.update().await;
        until_epoch(&mut anna, epoch).await;
        until_epoch(&mut ben, epoch).await;
    }
    let anna_id = anna.id().await;
    ben.gets(PATIENCE, 20, &[anna_id]).await;
    assert_eq!(anna.code().await, ben.code().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_swapped_in_roster_and_slots_rename_nobody() {
    let server = Server::start(PROGRAM).await;
    let room = server.room().await;
    let (door, liar) = (server.door(), Liar::before(&server, Numbers::Kept).await);
    let mut anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    let mut carl = Native::guest(&door, &room.link(&door), "Carl", 880.0);
    carl.admitted().await;
    let swapped = (anna.id().await, carl.id().await);
    let swap = move |who: &mut ParticipantId| {
        *who = match *who {
            who if who == swapped.0 => swapped.1,
            who if who == swapped.1 => swapped.0,
            who => who,
        };
    };
    liar.lies(move |mut said| {
        match &mut said {
            Said::Server(ServerFrame::Roster { members }) => {
                members
                    .iter_mut()
                    .for_each(|member| swap(&mut member.participant));
            }
            Said::Client(ClientFrame {
                request: Request::Assign { slots },
                ..
            }) => slots
                .iter_mut()
                .filter_map(|slot| slot.carries.as_mut())
                .for_each(|of| swap(&mut of.participant)),
            _ => {}
        }
        vec![said]
    });
    let mut ben = Native::guest(liar.door(), &room.link(liar.door()), "Ben", 660.0);
    ben.admitted().await;
    let mut said = Vec::new();
    for (member, name, hertz) in [(&mut anna, "Anna", 440.0_f32), (&mut carl, "Carl", 880.0)] {
        let who = member.id().await;
        let tone = |event: &Event| match event {
            Event::Tone { from, hz } if *from == who => Some(*hz),
            _ => None,
        };
        let (_, hz) = ben.until(PATIENCE, "hears their tone", tone).await;
        said.push(((hz - hertz).abs() < 20.0, name));
        let report = ben.report().await;
        assert_eq!(remote(&report, who).expect("it was heard").name, name);
    }
    assert_eq!(said, [(true, "Anna"), (true, "Carl")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roster_that_names_others_than_those_who_hold_the_keys_is_told() {
    let Pair {
        server: _server,
        at_ben,
        mut anna,
        mut ben,
        ..
    } = Pair::meet(Numbers::Kept).await;
    let (anna_id, stranger) = (anna.id().await, ParticipantId([0xEE; 16]));
    let rosters: [(Lie, Event); 2] = [
        (
            |members, _| {
                members.push(Member {
                    participant: ParticipantId([0xEE; 16]),
                    host: true,
                    presenter: false,
                    present: true,
                    live: vec![],
                });
            },
            Event::RosterDiffers {
                named: vec![stranger],
                hidden: vec![],
            },
        ),
        (
            |members, who| members.retain(|member| member.participant != who),
            Event::RosterDiffers {
                named: vec![],
                hidden: vec![anna_id],
            },
        ),
    ];
    for ((change, alarm), live) in rosters.into_iter().zip([false, true]) {
        at_ben.tells(move |mut frame| {
            if let ServerFrame::Roster { members } = &mut frame {
                change(members, anna_id);
            }
            vec![frame]
        });
        // Her microphone makes the server say the roster again.
        anna.inner.set_live(Source::Microphone, live).await;
        ben.told(PATIENCE, alarm).await;
    }
    at_ben.tells(|frame| vec![frame]);
    anna.inner.set_live(Source::Microphone, false).await;
    ben.told(PATIENCE, Event::RosterAgrees).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suite_that_the_others_do_not_use_keeps_a_guest_out() {
    let server = Server::start(PROGRAM).await;
    let room = server.room().await;
    let (door, liar) = (server.door(), Liar::before(&server, Numbers::Kept).await);
    let mut anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    anna.admitted().await;
    let told = |suite: u16| {
        move |mut frame| {
            if let ServerFrame::Entered { suite: said, .. } = &mut frame {
                *said = suite;
            }
            vec![frame]
        }
    };
    // X25519 without ML-KEM-768: one that a client takes, but not what Anna has.
    liar.tells(told(0x0001));
    let link = room.link(liar.door());
    let mut ben = Native::guest(liar.door(), &link, "Ben", 660.0);
    let participant = ben.id().await;
    anna.told(PATIENCE, Event::FalseKnock { participant }).await;
    // One that no client takes.
    liar.tells(told(0x0002));
    let error = failed(Native::guest(liar.door(), &link, "Carl", 880.0)).await;
    assert!(
        matches!(error, JoinError::Call(CallError::Suite(0x0002))),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_is_said_to_have_left_is_removed_and_everybody_sees_it() {
    let Pair {
        server: _server,
        at_anna,
        mut anna,
        mut ben,
        ..
    } = Pair::meet(Numbers::Anew).await;
    let participant = ben.id().await;
    at_anna.logs(LogEvent::Left { participant });
    let gone = Event::MemberLeft {
        participant,
        name: "Ben".into(),
    };
    anna.told(PATIENCE, gone).await;
    ben.told(PATIENCE, Event::Removed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_the_servers_own_group_ends_the_call() {
    let Pair {
        server: _server,
        room,
        at_anna,
        at_ben,
        mut anna,
        ben,
        ..
    } = Pair::meet(Numbers::Anew).await;
    let by = anna.id().await;
    let id = MlsParticipant(by.0);
    let mut own = Session::new(
        Config::default(),
        room.mls(),
        id,
        "Anna",
        &room.link_secret(),
    )
    .expect("a session, even with the link");
    own.create_group(0).expect("a group");
    own.update()
        .and_then(|_| own.confirm_pending(0))
        .expect("epoch 1");
    let made = own.update().expect("a commit of epoch 1");
    at_ben.logs(LogEvent::Commit {
        epoch: 1,
        by,
        message: made.commit.into(),
        adds: vec![],
        removes: vec![],
        welcome: None,
    });
    assert_eq!(
        misbehaved(&failed(ben).await),
        Some(PeerMisbehaved::WrongGroup)
    );
    // It can end the call for anyone with less.
    at_anna.says(ServerFrame::Over {
        reason: Reason::Ended,
    });
    anna.told(PATIENCE, Event::Ended).await;
}
