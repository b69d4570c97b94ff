//! Members that fell behind the log, and come back without leaving.

use super::super::Closing;
use super::super::delivery::MAX_ENTRIES;
use super::super::epoch::READY_LIMIT;
use super::super::stay::Place;
use super::world::{World, knock_again};
use crate::config;
use conclave_wire::client::{LogEntry, LogEvent, Request, ServerFrame, Standing};
use conclave_wire::code::Code;
use conclave_wire::control::Command;
use std::time::Duration;

const HOST: usize = 0;

/// How often a client was told who knocks again, and of how many last.
fn told(world: &World, client: usize) -> (usize, usize) {
    let frames = world.clients[client].frames.iter();
    let told = frames.filter_map(|frame| match frame {
        ServerFrame::Resyncs { knocks } => Some(knocks.len()),
        _ => None,
    });
    let told: Vec<usize> = told.collect();
    (told.len(), told.last().copied().unwrap_or(0))
}

fn count(world: &World, client: usize, wanted: impl Fn(&ServerFrame) -> bool) -> usize {
    let frames = world.clients[client].frames.iter();
    frames.filter(|frame| wanted(frame)).count()
}

#[test]
fn any_member_brings_one_back_that_knocks_again() {
    let mut world = World::call_of(3);
    let rosters = |frame: &ServerFrame| matches!(frame, ServerFrame::Roster { .. });
    let before = count(&world, 1, rosters);
    world.knock_again(2, 0);
    for client in 0..3 {
        assert_eq!(told(&world, client), (1, 1), "all members are told");
    }
    let (epoch, media) = (world.epoch(), world.media.len());
    // A guest, though a host is there: nobody has to decide anything.
    let commit = world.commit_of(1, epoch, &[2], &[2]);
    world.done(1, commit);
    let back = world.clients[2].frames.iter().any(|frame| {
        matches!(frame, ServerFrame::Entry(LogEntry { event: LogEvent::Commit { welcome: Some(_), epoch: of, .. }, .. }) if *of == epoch)
    });
    assert!(back, "and gets the welcome");
    assert!(world.clients[2].connection.is_some(), "on the same socket");
    assert_eq!(count(&world, 1, rosters), before, "nobody left or came");
    for client in 0..3 {
        assert_eq!(told(&world, client), (2, 0), "nobody knocks any more");
    }
    // It is waited for as for one who is added, and its media goes on.
    let activated = |world: &World| world.clients[2].activated;
    assert_ne!(activated(&world), Some(epoch + 1));
    for client in 0..3 {
        world.done(client, Request::Ready { epoch: epoch + 1 });
    }
    assert_eq!(activated(&world), Some(epoch + 1));
    let cut = |command: &Command| matches!(command, Command::Disconnect { .. });
    assert!(!world.media[media..].iter().any(cut));
    // An entry before that is not for it any more.
    world.drop_socket(2, Closing::Lost);
    world.clients[2].applied = 1;
    world.clients[2].again = true;
    let frames = world.resume(2);
    let entries = frames
        .iter()
        .filter(|frame| matches!(frame, ServerFrame::Entry(_)));
    assert_eq!(entries.count(), 1);
}

#[test]
fn nobody_is_replaced_who_does_not_knock_again() {
    let mut world = World::call_of(3);
    let waits = world.enter(false);
    world.knock(waits);
    let epoch = world.epoch();
    let refused = |world: &mut World, by, adds: &[usize], removes: &[usize]| {
        let commit = world.commit_of(by, epoch, adds, removes);
        world.refused(by, commit)
    };
    for by in [HOST, 1] {
        let code = refused(&mut world, by, &[2], &[2]);
        assert_eq!(code, Code::NoSuchParticipant);
        let code = refused(&mut world, by, &[waits], &[waits]);
        assert_eq!(code, Code::NoSuchParticipant);
    }
    world.knock_again(2, 0);
    // With somebody else, one half alone, or by itself.
    for (by, adds, removes, code) in [
        (HOST, &[2, waits][..], &[2][..], Code::NoSuchParticipant),
        (HOST, &[2], &[], Code::NoSuchParticipant),
        (HOST, &[2, 1], &[2, 1], Code::NoSuchParticipant),
        (HOST, &[2, 2], &[2, 2], Code::BadMessage),
        (1, &[], &[2], Code::Forbidden),
        (2, &[2], &[2], Code::Forbidden),
    ] {
        assert_eq!(refused(&mut world, by, adds, removes), code, "{adds:?}");
    }
    assert_eq!(refused(&mut world, waits, &[2], &[2]), Code::Forbidden);
    // The host may remove it as anybody.
    let commit = world.commit_of(HOST, epoch, &[], &[2]);
    world.done(HOST, commit);
    assert!(world.clients[2].over.is_some());
    assert_eq!(told(&world, 1).1, 0);
}

#[test]
fn a_knock_of_a_member_outlasts_the_process_and_not_its_stay() {
    let mut world = World::call_of(3);
    world.knock_again(2, 0);
    world.restart();
    let knocks = |frames: &[ServerFrame]| {
        let knocks = frames.iter().find_map(|frame| match frame {
            ServerFrame::Resyncs { knocks } => Some(knocks.clone()),
            _ => None,
        });
        knocks.unwrap_or_default()
    };
    assert_eq!(knocks(&world.resume(1)).len(), 1);
    // It is still a member, and not waited for: it follows no epoch now.
    let frames = world.resume(2);
    let standing = Standing::Member;
    assert!(matches!(&frames[0], ServerFrame::Entered { standing: of, .. } if *of == standing));
    let commit = world.commit_of(1, world.epoch(), &[], &[]);
    world.done(1, commit);
    world.done(
        1,
        Request::Ready {
            epoch: world.epoch(),
        },
    );
    assert_eq!(world.clients[1].activated, Some(world.epoch()));
    world.done(2, Request::Leave {});
    assert_eq!(told(&world, 1).1, 0);
    assert!(knocks(&world.resume(HOST)).is_empty());
}

#[test]
fn a_member_knocks_again_three_times_a_minute_at_most() {
    let mut world = World::call_of(2);
    let most = u8::try_from(config::MAX_RESYNCS).expect("few");
    for nth in 0..most {
        world.knock_again(1, nth);
        // The same once more does no harm.
        world.knock_again(1, nth);
    }
    let code = world.refused(1, knock_again(1, most));
    assert_eq!(code, Code::TooMany);
    world.pass(config::RESYNC_SPAN);
    world.pass(Duration::ZERO);
    world.knock_again(1, most);
}

#[test]
fn who_missed_what_is_given_up_sees_that_something_is_missing() {
    let mut world = World::call_of(3);
    world.drop_socket(2, Closing::Lost);
    let applied = world.clients[2].applied;
    for _ in 0..=MAX_ENTRIES {
        let commit = world.commit_of(1, world.epoch(), &[], &[]);
        world.done(1, commit);
    }
    world.clients[2].may_skip = true;
    let frames = world.resume(2);
    let last = world.told.keys().last().copied().expect("a log");
    let entries: Vec<u32> = frames
        .iter()
        .filter_map(|frame| match frame {
            ServerFrame::Entry(entry) => Some(entry.seq),
            _ => None,
        })
        .collect();
    assert_eq!(entries, [last]);
    assert!(last > applied + 1);
    // It is a member all the same, and is brought back.
    world.knock_again(2, 0);
    let commit = world.commit_of(HOST, world.epoch(), &[2], &[2]);
    world.done(HOST, commit);
    world.pass(READY_LIMIT);
    assert_eq!(world.clients[2].activated, Some(world.epoch()));
    let member = world.room.stays.values().all(
        |stay| matches!(stay.place, Place::Member { again: None, first } if first <= last + 1),
    );
    assert!(member);
}
