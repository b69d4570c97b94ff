//! The protocol's rules, one by one.

use super::super::Closing;
use super::super::epoch::READY_LIMIT;
use super::super::stay::{GRACE, OFFER_LIMIT, WAITING_GRACE};
use super::world::{ROOM, World, knock};
use crate::config;
use conclave_wire::client::{LogEvent, Reason, Request, ServerFrame, Standing};
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Event, Source, Wanted};
use conclave_wire::id::{Blob, ParticipantId};
use std::time::Duration;

const HOST: usize = 0;

fn offer() -> Request {
    Request::Offer {
        sdp: "v=0".to_owned(),
        sending: vec![],
    }
}

fn last_knocks(world: &World, client: usize) -> Option<usize> {
    world.clients[client]
        .frames
        .iter()
        .rev()
        .find_map(|frame| match frame {
            ServerFrame::Knocks { knocks } => Some(knocks.len()),
            _ => None,
        })
}

fn last_roster(world: &World, client: usize) -> usize {
    let roster = world.clients[client]
        .frames
        .iter()
        .rev()
        .find_map(|frame| match frame {
            ServerFrame::Roster { members } => Some(members.len()),
            _ => None,
        });
    roster.expect("a roster")
}

fn last_waiting(world: &World, client: usize) -> (bool, bool) {
    let waiting = world.clients[client]
        .frames
        .iter()
        .rev()
        .find_map(|frame| match frame {
            ServerFrame::Waiting {
                call_running,
                host_present,
            } => Some((*call_running, *host_present)),
            _ => None,
        });
    waiting.expect("told about waiting")
}

#[test]
fn only_a_host_begins_a_call_and_only_one() {
    let mut world = World::new();
    let (host, guest, other) = (world.enter(true), world.enter(false), world.enter(true));
    assert_eq!(world.refused(guest, Request::StartCall {}), Code::Forbidden);
    world.done(host, Request::StartCall {});
    assert_eq!(
        world.refused(other, Request::StartCall {}),
        Code::CallRunning
    );
    // The same request again, its answer having been lost.
    world.done(host, Request::StartCall {});
    assert_eq!(world.told.len(), 1);
}

#[test]
fn one_who_waits_is_told_whether_somebody_can_let_them_in() {
    let mut world = World::new();
    let (guest, host) = (world.enter(false), world.enter(true));
    world.knock(guest);
    assert_eq!(last_waiting(&world, guest), (false, false));
    world.done(host, Request::StartCall {});
    assert_eq!(last_waiting(&world, guest), (true, true));
    assert_eq!(last_knocks(&world, host), Some(1));
    world.drop_socket(host, Closing::Lost);
    assert_eq!(last_waiting(&world, guest), (true, false));
}

#[test]
fn admission_makes_a_member_who_gets_the_welcome() {
    let mut world = World::call_of(1);
    let guest = world.enter(false);
    world.admit(HOST, guest);
    let entry = world.clients[guest]
        .frames
        .iter()
        .find_map(|frame| match frame {
            ServerFrame::Entry(entry) => Some(entry.clone()),
            _ => None,
        });
    let LogEvent::Commit { welcome, .. } = entry.expect("an entry").event else {
        panic!("another event");
    };
    assert_eq!(welcome, Some(Blob(b"welcome".to_vec())));
    assert_eq!(
        (last_roster(&world, HOST), last_roster(&world, guest)),
        (2, 2)
    );
    assert_eq!(last_knocks(&world, HOST), Some(0));
}

#[test]
fn where_a_host_is_only_hosts_admit_and_else_every_member() {
    let mut world = World::call_of(2);
    let guest = world.enter(false);
    world.knock(guest);
    let commit = world.commit_of(1, world.epoch(), &[guest], &[]);
    assert_eq!(last_knocks(&world, 1), None);
    assert_eq!(world.refused(1, commit.clone()), Code::Forbidden);
    world.drop_socket(HOST, Closing::Lost);
    assert_eq!(last_knocks(&world, 1), Some(1));
    world.resume(HOST);
    assert_eq!(
        last_knocks(&world, 1),
        Some(0),
        "no longer theirs to decide"
    );
    world.drop_socket(HOST, Closing::Lost);
    assert_eq!(last_knocks(&world, 1), Some(1));
    world.done(1, commit);
    assert_eq!(last_roster(&world, guest), 3);
}

#[test]
fn a_stale_commit_is_told_what_it_missed_and_the_same_again_is_acknowledged() {
    let mut world = World::call_of(3);
    let epoch = world.epoch();
    let (first, second) = (
        world.commit_of(1, epoch, &[], &[]),
        world.commit_of(2, epoch, &[], &[]),
    );
    world.done(1, first.clone());
    let answer = world.request(2, second);
    let Some(ServerFrame::Error {
        code: Code::StaleEpoch,
        missed,
        ..
    }) = answer
    else {
        panic!("not stale: {answer:?}");
    };
    assert_eq!(missed.len(), 1);
    assert_eq!(world.told.get(&missed[0].seq), Some(&missed[0].event));
    let entries = world.told.len();
    world.drop_socket(1, Closing::Lost);
    world.restart();
    world.resume(1);
    world.done(1, first);
    assert_eq!(world.told.len(), entries, "not logged twice");
}

#[test]
fn a_commit_that_breaks_a_rule_changes_nothing() {
    let mut world = World::call_of(3);
    let outsider = world.enter(false);
    let epoch = world.epoch();
    let entries = world.told.len();
    let edit = |request: Request, change: fn(&mut Request)| {
        let mut request = request;
        change(&mut request);
        request
    };
    let plain = world.commit_of(HOST, epoch, &[], &[]);
    for (by, commit, code) in [
        (
            outsider,
            world.commit_of(outsider, epoch, &[], &[]),
            Code::Forbidden,
        ),
        (
            HOST,
            world.commit_of(HOST, epoch, &[outsider], &[]),
            Code::NoSuchParticipant,
        ),
        (
            HOST,
            world.commit_of(HOST, epoch, &[], &[outsider]),
            Code::NoSuchParticipant,
        ),
        (
            HOST,
            world.commit_of(HOST, epoch, &[], &[1, 1]),
            Code::BadMessage,
        ),
        (
            HOST,
            world.commit_of(HOST, epoch, &[], &[HOST]),
            Code::Forbidden,
        ),
        (1, world.commit_of(1, epoch, &[], &[2]), Code::Forbidden),
        (
            HOST,
            world.commit_of(HOST, epoch + 1, &[], &[]),
            Code::StaleEpoch,
        ),
        (
            HOST,
            edit(plain.clone(), |request| {
                if let Request::Commit { welcome, .. } = request {
                    *welcome = Some(Blob(vec![1]));
                }
            }),
            Code::BadMessage,
        ),
        (
            HOST,
            edit(plain.clone(), |request| {
                if let Request::Commit { message, .. } = request {
                    message.0[3] = 1;
                }
            }),
            Code::BadMessage,
        ),
        (
            HOST,
            edit(plain.clone(), |request| {
                if let Request::Commit { message, .. } = request {
                    message.0[5] ^= 1;
                }
            }),
            Code::BadMessage,
        ),
        (
            HOST,
            edit(plain.clone(), |request| {
                if let Request::Commit { epoch, .. } = request {
                    *epoch += 1;
                }
            }),
            Code::BadMessage,
        ),
    ] {
        assert_eq!(world.refused(by, commit), code);
    }
    world.knock(outsider);
    let without_welcome = edit(world.commit_of(HOST, epoch, &[outsider], &[]), |request| {
        if let Request::Commit { welcome, .. } = request {
            *welcome = None;
        }
    });
    assert_eq!(world.refused(HOST, without_welcome), Code::BadMessage);
    assert_eq!((world.told.len(), world.epoch()), (entries, epoch));
    assert_eq!(last_knocks(&world, HOST), Some(1), "still waiting");
}

#[test]
fn a_removed_member_is_cut_off_before_anybody_is_told() {
    let mut world = World::call_of(3);
    world.done(1, Request::Ready { epoch: 1 });
    world.media.clear();
    let commit = world.commit_of(HOST, world.epoch(), &[], &[2]);
    world.done(HOST, commit);
    let participant = world.id(2);
    assert_eq!(
        world.media.first(),
        Some(&Command::Disconnect { participant })
    );
    assert_eq!(
        world.media.last(),
        Some(&Command::RequestKeyframes { room: ROOM })
    );
    assert_eq!(world.clients[2].over, Some(Reason::Removed));
    assert_eq!(world.clients[1].activated, Some(world.epoch()), "at once");
    let frames = world.clients[2].frames.len();
    let update = world.commit_of(1, world.epoch(), &[], &[]);
    world.done(1, update);
    assert_eq!(world.clients[2].frames.len(), frames);
    assert_eq!(last_roster(&world, 1), 2);
}

#[test]
fn any_member_commits_the_removal_of_one_who_left() {
    let mut world = World::call_of(3);
    world.done(2, Request::Leave {});
    assert!(matches!(
        world.told.values().last(),
        Some(LogEvent::Left { .. })
    ));
    let commit = world.commit_of(1, world.epoch(), &[], &[2]);
    world.restart();
    world.resume(1);
    world.done(1, commit);
    let again = world.commit_of(1, world.epoch(), &[], &[2]);
    assert_eq!(
        world.refused(1, again),
        Code::NoSuchParticipant,
        "the leaf is gone"
    );
}

#[test]
fn a_refused_knock_ends_the_stay() {
    let mut world = World::call_of(2);
    let guest = world.enter(false);
    world.knock(guest);
    let participant = world.id(guest);
    assert_eq!(
        world.refused(1, Request::Refuse { participant }),
        Code::Forbidden
    );
    world.done(HOST, Request::Refuse { participant });
    assert_eq!(world.clients[guest].over, Some(Reason::Refused));
    assert_eq!(last_knocks(&world, HOST), Some(0));
}

#[test]
fn a_telephone_that_sleeps_keeps_its_place_in_the_waiting_room() {
    let mut world = World::call_of(1);
    let (sleeps, waits) = (world.enter(false), world.enter(false));
    world.knock(sleeps);
    world.knock(waits);
    world.drop_socket(sleeps, Closing::Lost);
    world.pass(Duration::from_secs(120));
    assert_eq!(last_knocks(&world, HOST), Some(2));
    let frames = world.resume(sleeps);
    assert!(matches!(
        frames[0],
        ServerFrame::Entered {
            standing: Standing::Waiting,
            ..
        }
    ));
    let commit = world.commit_of(HOST, 0, &[sleeps], &[]);
    world.done(HOST, commit);

    // Not for ever; and who is let in meanwhile is awaited like any member.
    let away = world.enter(false);
    world.knock(away);
    world.drop_socket(waits, Closing::Lost);
    world.drop_socket(away, Closing::Lost);
    let commit = world.commit_of(HOST, 1, &[away], &[]);
    world.done(HOST, commit);
    world.pass(GRACE);
    let participant = world.id(away);
    let left = LogEvent::Left { participant };
    assert_eq!(world.told.values().next_back(), Some(&left));
    world.pass(WAITING_GRACE - GRACE - Duration::from_secs(1));
    assert_eq!(last_knocks(&world, HOST), Some(1));
    world.pass(Duration::from_secs(1));
    assert_eq!(last_knocks(&world, HOST), Some(0));
}

#[test]
fn a_lost_socket_keeps_the_stay_for_its_grace() {
    let mut world = World::call_of(2);
    world.drop_socket(1, Closing::Lost);
    world.pass(GRACE - Duration::from_secs(1));
    let frames = world.resume(1);
    assert!(matches!(
        frames[0],
        ServerFrame::Entered {
            standing: Standing::Member,
            ..
        }
    ));
    world.drop_socket(1, Closing::Lost);
    world.pass(GRACE);
    assert!(matches!(
        world.told.values().last(),
        Some(LogEvent::Left { .. })
    ));
    let frames = world.resume(1);
    assert!(matches!(
        frames[0],
        ServerFrame::Error {
            code: Code::Gone,
            ..
        }
    ));
}

#[test]
fn a_page_that_goes_away_leaves_at_once() {
    let mut world = World::call_of(2);
    world.drop_socket(1, Closing::Left);
    assert!(matches!(
        world.told.values().last(),
        Some(LogEvent::Left { .. })
    ));
}

#[test]
fn a_resume_brings_what_was_missed_in_order() {
    let mut world = World::call_of(3);
    world.drop_socket(2, Closing::Lost);
    for _ in 0..3 {
        let commit = world.commit_of(1, world.epoch(), &[], &[]);
        world.done(1, commit);
    }
    let guest = world.enter(false);
    world.knock(guest);
    world.restart();
    let frames = world.resume(2);
    let kinds: Vec<&str> = frames
        .iter()
        .map(|frame| match frame {
            ServerFrame::Entered {
                media_lost: true, ..
            } => "entered",
            ServerFrame::Entry(_) => "entry",
            ServerFrame::Activate { .. } => "activate",
            ServerFrame::Roster { .. } => "roster",
            ServerFrame::Knocks { .. } => "knocks",
            _ => "another",
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "entered", "entry", "entry", "entry", "activate", "roster", "knocks"
        ]
    );
}

#[test]
fn a_resume_replaces_the_other_socket_and_needs_the_token() {
    let mut world = World::call_of(2);
    let frames = world.resume(1);
    assert!(matches!(frames[0], ServerFrame::Entered { .. }));
    world.clients[1].token = vec![0; 32];
    let frames = world.resume(1);
    assert!(matches!(
        frames[0],
        ServerFrame::Error {
            code: Code::Unauthorized,
            ..
        }
    ));
    assert_eq!(last_roster(&world, HOST), 2);
}

#[test]
fn an_epoch_is_activated_when_all_are_ready_or_time_is_up() {
    let mut world = World::call_of(3);
    let epoch = world.epoch();
    for client in 0..3 {
        assert_ne!(world.clients[HOST].activated, Some(epoch));
        world.done(client, Request::Ready { epoch });
    }
    assert_eq!(world.clients[1].activated, Some(epoch));
    let commit = world.commit_of(1, epoch, &[], &[]);
    world.done(1, commit);
    assert_eq!(world.room.deadline(), Some(world.now + READY_LIMIT));
    world.pass(READY_LIMIT);
    assert_eq!(world.clients[1].activated, Some(epoch + 1));
    assert_eq!(
        world.refused(1, Request::Ready { epoch: epoch + 2 }),
        Code::BadMessage
    );
}

#[test]
fn an_offer_is_answered_by_the_media_plane_or_given_up() {
    let mut world = World::call_of(2);
    let outsider = world.enter(false);
    assert_eq!(world.refused(outsider, offer()), Code::Forbidden);
    assert_eq!(world.request(1, offer()), None);
    let (participant, request) = match world.media.last() {
        Some(Command::Connect {
            participant,
            request,
            ..
        }) => (*participant, *request),
        other => panic!("not connected: {other:?}"),
    };
    assert_eq!(participant, world.id(1));
    let answer = "v=0".to_owned();
    world.media_event(Event::Answer {
        participant,
        request: request + 1,
        answer: answer.clone(),
    });
    assert!(
        !world.clients[1]
            .frames
            .iter()
            .any(|frame| matches!(frame, ServerFrame::Answer { .. }))
    );
    world.media_event(Event::Answer {
        participant,
        request,
        answer,
    });
    assert!(matches!(
        world.clients[1].frames.last(),
        Some(ServerFrame::Answer { .. })
    ));
    world.media_event(Event::Lost { participant });
    assert!(matches!(
        world.clients[1].frames.last(),
        Some(ServerFrame::MediaLost {})
    ));

    assert_eq!(world.request(1, offer()), None);
    world.pass(OFFER_LIMIT);
    let given_up = |frame: &ServerFrame| {
        matches!(
            frame,
            ServerFrame::Error {
                code: Code::MediaUnavailable,
                ..
            }
        )
    };
    assert!(world.clients[1].frames.iter().any(given_up));
}

#[test]
fn what_is_paused_and_wanted_is_told_at_each_change_and_again_after_a_resume() {
    let mut world = World::call_of(2);
    let participant = world.id(1);
    let slots = vec!["7".parse().expect("a mid")];
    let sources = vec![Wanted {
        source: Source::Camera,
        spatial: None,
    }];
    let paused = Event::Paused {
        participant,
        slots: slots.clone(),
    };
    let wanted = Event::Wanted {
        participant,
        sources: sources.clone(),
    };
    let before = world.clients[1].frames.len();
    world.media_event(paused.clone());
    world.media_event(paused);
    world.media_event(wanted);
    let told = [
        ServerFrame::Paused { slots },
        ServerFrame::Wanted { sources },
    ];
    assert_eq!(world.clients[1].frames[before..], told);
    world.drop_socket(1, Closing::Lost);
    let frames = world.resume(1);
    assert!(told.iter().all(|frame| frames.contains(frame)));
    world.media_event(Event::Lost { participant });
    assert!(
        world.clients[1]
            .frames
            .contains(&ServerFrame::Paused { slots: vec![] })
    );
    world.drop_socket(1, Closing::Lost);
    let frames = world.resume(1);
    assert!(!told.iter().any(|frame| frames.contains(frame)));
}

/// Who said what is posted, as one client was told in these frames.
fn posted(frames: &[ServerFrame]) -> Vec<(ParticipantId, u32)> {
    let post = |frame: &ServerFrame| match frame {
        ServerFrame::Posted { by, epoch, .. } => Some((*by, *epoch)),
        _ => None,
    };
    frames.iter().filter_map(post).collect()
}

#[test]
fn what_a_member_says_reaches_the_others_and_those_who_come_back() {
    let mut world = World::call_of(3);
    world.drop_socket(2, Closing::Lost);
    let said = world.post_of(1, 2, 0);
    world.done(1, said.clone());
    world.done(1, said);
    assert_eq!(posted(&world.clients[HOST].frames), [(world.id(1), 2)]);
    assert_eq!(posted(&world.clients[1].frames), []);
    let missed = world.resume(2);
    assert_eq!(posted(&missed), [(world.id(1), 2)]);
    assert_eq!(posted(&world.resume(1)), [], "not one's own");

    // A new epoch has a board of its own; a restart clears it, and the same
    // said again is passed on again.
    let commit = world.commit_of(1, 2, &[], &[]);
    world.done(1, commit);
    assert_eq!(posted(&world.resume(2)), []);
    let said = world.post_of(1, 3, 0);
    world.done(1, said.clone());
    world.restart();
    for client in [HOST, 1, 2] {
        assert_eq!(posted(&world.resume(client)), []);
    }
    let before = world.clients[2].frames.len();
    world.done(1, said);
    assert_eq!(
        posted(&world.clients[2].frames[before..]),
        [(world.id(1), 3)]
    );
}

#[test]
fn what_is_said_to_all_is_bounded_and_of_the_running_epoch() {
    let mut world = World::call_of(2);
    let guest = world.enter(false);
    for nth in 0..2 {
        let said = world.post_of(1, 1, nth);
        world.done(1, said);
    }
    let third = world.post_of(1, 1, 2);
    assert_eq!(world.refused(1, third), Code::TooMany);
    let past = world.post_of(HOST, 0, 0);
    assert_eq!(world.refused(HOST, past), Code::StaleEpoch);
    let outside = world.post_of(guest, 1, 0);
    assert_eq!(world.refused(guest, outside), Code::Forbidden);
    let Request::Commit { message, .. } = world.commit_of(HOST, 1, &[], &[]) else {
        panic!("a commit");
    };
    let commit = Request::Post { epoch: 1, message };
    assert_eq!(world.refused(HOST, commit), Code::BadMessage);
    let Request::Post { message, .. } = world.post_of(HOST, 1, 0) else {
        panic!("a post");
    };
    let elsewhere = Request::Post { epoch: 2, message };
    assert_eq!(world.refused(HOST, elsewhere), Code::BadMessage);
    let long = Request::Post {
        epoch: 1,
        message: Blob(vec![0; config::MAX_POST + 1]),
    };
    assert_eq!(world.refused(HOST, long), Code::TooLarge);
    assert_eq!(posted(&world.clients[HOST].frames).len(), 2);
    assert_eq!(posted(&world.clients[1].frames).len(), 0);
    assert_eq!(posted(&world.clients[guest].frames).len(), 0);
}

#[test]
fn the_end_of_a_call_ends_every_stay_and_leaves_nothing() {
    let mut world = World::call_of(3);
    let (waiting, arrived) = (world.enter(false), world.enter(false));
    world.knock(waiting);
    assert_eq!(world.refused(1, Request::EndCall {}), Code::Forbidden);
    world.done(HOST, Request::EndCall {});
    for client in [HOST, 1, 2, waiting, arrived] {
        assert_eq!(world.clients[client].over, Some(Reason::Ended));
    }
    assert_eq!(world.media.last(), Some(&Command::Close { room: ROOM }));
    assert!(world.nothing_is_stored() && world.room.is_idle());
    // The room is there for the next one.
    let host = world.enter(true);
    world.done(host, Request::StartCall {});
}

#[test]
fn the_last_member_to_leave_ends_the_call() {
    let mut world = World::call_of(2);
    let waiting = world.enter(false);
    world.knock(waiting);
    world.done(HOST, Request::Leave {});
    world.done(1, Request::Leave {});
    assert_eq!(world.clients[waiting].over, Some(Reason::Ended));
    assert!(world.nothing_is_stored());
}

#[test]
fn a_call_nobody_comes_back_to_ends() {
    let mut world = World::call_of(3);
    world.restart();
    world.pass(GRACE);
    assert!(world.nothing_is_stored() && world.room.is_idle());
}

#[test]
fn lobbies_stays_and_calls_are_bounded() {
    let mut world = World::call_of(1);
    for _ in 0..config::MAX_KNOCKS {
        let guest = world.enter(false);
        world.knock(guest);
    }
    let guest = world.enter(false);
    assert_eq!(world.refused(guest, knock(guest)), Code::Full);
    while world.clients.len() < config::MAX_STAYS {
        world.enter(false);
    }
    let refused = world.enter(false);
    let frame = &world.clients[refused].frames[0];
    assert!(matches!(
        frame,
        ServerFrame::Error {
            code: Code::Full,
            ..
        }
    ));
    let many: Vec<ParticipantId> = (1..=50).map(|client| world.id(client)).collect();
    assert_eq!(many.len(), 50);
    let all: Vec<usize> = (1..=50).collect();
    let commit = world.commit_of(HOST, 0, &all, &[]);
    world.done(HOST, commit);
    let more: Vec<usize> = (51..=100).collect();
    for client in &more {
        world.knock(*client);
    }
    let commit = world.commit_of(HOST, 1, &more, &[]);
    assert_eq!(world.refused(HOST, commit), Code::Full);
    let commit = world.commit_of(HOST, 1, &more[1..], &[]);
    world.done(HOST, commit);
    assert_eq!(last_roster(&world, HOST), config::MAX_MEMBERS);
}

#[test]
fn a_call_has_no_more_members_than_its_organisation_may() {
    let mut world = World::of_at_most(2);
    world.enter(true);
    world.done(HOST, Request::StartCall {});
    for client in 1..=2 {
        world.enter(false);
        world.knock(client);
    }
    let both = world.commit_of(HOST, 0, &[1, 2], &[]);
    assert_eq!(world.refused(HOST, both), Code::Full);
    let one = world.commit_of(HOST, 0, &[1], &[]);
    world.done(HOST, one);
    let other = world.commit_of(HOST, 1, &[2], &[]);
    assert_eq!(world.refused(HOST, other), Code::Full);
}

#[test]
fn fields_over_their_limits_are_refused() {
    let mut world = World::call_of(1);
    let guest = world.enter(false);
    let knock = |key_package, tag| Request::Knock {
        key_package: Blob(vec![1; key_package]),
        tag: Blob(vec![1; tag]),
    };
    assert_eq!(
        world.refused(guest, knock(config::MAX_KEY_PACKAGE + 1, 32)),
        Code::TooLarge
    );
    assert_eq!(world.refused(guest, knock(0, 32)), Code::BadMessage);
    assert_eq!(world.refused(guest, knock(10, 31)), Code::BadMessage);
    let sdp = "v".repeat(config::MAX_SDP + 1);
    assert_eq!(
        world.refused(
            HOST,
            Request::Offer {
                sdp,
                sending: vec![]
            }
        ),
        Code::TooLarge
    );
    for _ in 0..config::MAX_PENDING_OFFERS {
        assert_eq!(world.request(HOST, offer()), None);
    }
    assert_eq!(world.refused(HOST, offer()), Code::TooMany);
    let enter = Request::Enter {
        link: None,
        host_key: None,
        password: None,
    };
    assert_eq!(world.refused(HOST, enter), Code::Forbidden);
}
