//! The call machine against a scripted delivery service: commit races, removal
//! of those who left, knocks that do not verify, a log with a gap.

mod service;

use conclave_client::call::{Admit, Call, CallError, Event, Setup};
use conclave_client::stay::Heard;
use conclave_e2ee::{Devices, Text, Word};
use conclave_wire::client::{KnockNotice, LogEntry, LogEvent, Request, ServerFrame, Standing};
use conclave_wire::code::Code;
use conclave_wire::http::Sharing;
use conclave_wire::id::Blob;
use service::*;

#[test]
fn a_host_begins_and_lets_guests_in() {
    let mut service = three();
    let code = |seat: &mut Seat| seat.call.session().expect("a session").call_code();
    let codes: Vec<_> = service.seats.iter_mut().map(code).collect();
    assert!(codes[0].is_ok());
    assert!(codes.iter().all(|code| *code == codes[0]));
    assert_eq!(service.names(3), ["P1", "P2", "P3"]);
    let events = &service.seat(id(2)).events;
    assert!(events.contains(&Event::Admitted { epoch: 1 }));
    let joined = vec![(id(3), "P3".to_owned())];
    assert!(events.contains(&Event::Epoch {
        epoch: 2,
        joined,
        left: vec![]
    }));
}

#[test]
fn a_second_host_knocks_at_the_call_that_runs() {
    let mut service = Service::default();
    service.enter(1, true, Admit::All);
    service.enter(2, true, Admit::All);
    service.settle();
    assert_eq!(service.names(1), ["P1", "P2"]);
    assert_eq!(service.names(2), ["P1", "P2"]);
}

#[test]
fn the_loser_of_a_commit_race_follows_and_tries_again() {
    let mut service = three();
    // Nobody admits by itself; two members admit one knock each, at once.
    for seat in &mut service.seats {
        seat.asked.clear();
    }
    service.enter(4, false, Admit::Nobody);
    service.enter(5, false, Admit::Nobody);
    // Everyone's policy is to admit all, so three commits are made for one epoch.
    service.serve(4);
    service.serve(5);
    let commits = |seat: &Seat| {
        seat.asked
            .iter()
            .filter(|(_, request)| matches!(request, Request::Commit { .. }))
            .count()
    };
    assert_eq!(service.seats.iter().map(commits).sum::<usize>(), 3);
    service.serve(2);
    service.settle();
    for n in 1..=5 {
        assert_eq!(service.names(n).len(), 5, "P{n}");
    }
    // No knock was added twice, and nothing is left to do.
    assert_eq!(service.epoch, 4);
    service.pass(10_000);
    assert!(service.seats.iter().all(|seat| seat.asked.is_empty()));
}

#[test]
fn the_lowest_present_leaf_removes_who_left() {
    let mut service = three();
    service.seat(id(3)).asked.clear();
    service.lose(id(3));
    let before = service.commits_by(1);
    service.pass(0);
    service.settle();
    assert_eq!(service.commits_by(1), before + 1);
    assert_eq!(service.names(1), ["P1", "P2"]);
    assert_eq!(service.names(2), ["P1", "P2"]);
    service.pass(10_000);
    service.settle();
    assert_eq!(service.log.len(), 5);
}

#[test]
fn the_next_leaf_removes_if_the_lowest_does_not() {
    let mut service = three();
    service.lose(id(3));
    // P1 is silent: whatever it asks is not seen by the service.
    service.pass(399);
    service.seat(id(1)).asked.clear();
    service.settle();
    assert_eq!(service.commits_by(2), 0);
    service.pass(1);
    service.serve(2);
    assert_eq!(service.commits_by(2), 1);
    assert_eq!(service.names(1), ["P1", "P2"]);
    assert_eq!(service.names(2), ["P1", "P2"]);
}

#[test]
fn the_knock_of_a_member_played_again_keeps_nobody_from_their_turn() {
    let mut service = Service::default();
    service.enter(1, true, Admit::All);
    service.settle();
    service.enter(2, false, Admit::All);
    let knock = match service.seat(id(2)).asked.front() {
        Some((_, Request::Knock { key_package, tag })) => KnockNotice {
            participant: id(2),
            key_package: key_package.clone(),
            tag: tag.clone(),
            waiting_seconds: 0,
            devices: None,
        },
        other => panic!("no knock: {other:?}"),
    };
    service.settle();
    service.enter(3, false, Admit::All);
    service.settle();
    service.lose(id(3));
    let knocks = vec![knock];
    service.say(id(2), Heard::Frame(ServerFrame::Knocks { knocks }));
    // P1 is silent: P2 has its turn.
    service.pass(400);
    service.seat(id(1)).asked.clear();
    service.serve(2);
    assert_eq!(service.names(2), ["P1", "P2"]);
}

#[test]
fn an_absent_member_has_no_turn() {
    let mut service = three();
    for member in &mut service.members {
        member.present = member.participant != id(1);
    }
    service.lose(id(3));
    service.pass(0);
    assert!(
        service
            .seat(id(2))
            .asked
            .iter()
            .any(|(_, request)| matches!(request, Request::Commit { .. }))
    );
}

#[test]
fn a_knock_made_without_the_link_secret_is_not_admitted() {
    let mut service = Service::default();
    service.enter(1, true, Admit::All);
    service.settle();
    service.enter_with(2, false, Admit::Nobody, [8; 32]);
    service.settle();
    assert_eq!(service.names(1), ["P1"]);
    let seat = service.seat(id(1));
    assert!(
        seat.events
            .contains(&Event::FalseKnock { participant: id(2) })
    );
    seat.call.admit(id(2));
    seat.drain();
    assert!(seat.asked.is_empty());
}

#[test]
fn where_the_organisation_wants_everybody_asked_for_nobody_is_let_in_unasked() {
    let mut service = Service {
        lobby: true,
        ..Service::default()
    };
    service.enter(1, true, Admit::All);
    service.settle();
    service.enter(2, false, Admit::Nobody);
    service.settle();
    assert_eq!(service.names(1), ["P1"]);
    let seat = service.seat(id(1));
    seat.call.admit(id(2));
    seat.drain();
    service.settle();
    assert_eq!(service.names(1), ["P1", "P2"]);
}

#[test]
fn only_the_named_one_is_let_in() {
    let mut service = Service::default();
    service.enter(1, true, Admit::Named("P3".to_owned()));
    service.settle();
    service.enter(2, false, Admit::Nobody);
    service.enter(3, false, Admit::Nobody);
    service.settle();
    assert_eq!(service.names(1), ["P1", "P3"]);
    service.seat(id(1)).call.admit(id(2));
    service.seat(id(1)).drain();
    service.settle();
    assert_eq!(service.names(1), ["P1", "P3", "P2"]);
}

#[test]
fn a_host_removes_a_member() {
    let mut service = three();
    service.seat(id(1)).call.remove(id(2));
    service.seat(id(1)).drain();
    service.settle();
    assert_eq!(service.names(1), ["P1", "P3"]);
    assert_eq!(service.names(3), ["P1", "P3"]);
    assert_eq!(
        service.seat(id(1)).call.members().len(),
        service.members.len()
    );
}

#[test]
fn a_commit_that_is_not_allowed_is_not_made_again() {
    let mut service = three();
    service.forbidding = true;
    service.lose(id(3));
    service.seat(id(1)).call.remove(id(2));
    service.seat(id(1)).drain();
    for _ in 0..10 {
        service.settle();
        service.pass(1_000);
    }
    // The keys of older epochs are gone, too.
    service.pass(10_000);
    let seat = service.seat(id(1));
    let refusals = seat
        .events
        .iter()
        .filter(|event| **event == Event::Refused(Code::Forbidden));
    assert!(refusals.count() <= 2);
    assert!(seat.asked.is_empty());
    let next = service.seat(id(1)).call.next_timeout();
    assert!(
        next.is_some_and(|next| next > RENEWAL_MS / 2),
        "nothing is due but the next renewal: {next:?}"
    );
}

#[test]
fn who_has_gone_keeps_nobody_out_who_is_let_in_with_them() {
    let mut service = Service::default();
    service.enter(1, true, Admit::All);
    service.settle();
    for n in 2..=5 {
        service.enter(n, false, Admit::Nobody);
        service.serve(n);
    }
    // The first is under way; the others are let in by one commit.
    service.gone = Some(id(4));
    service.settle();
    assert_eq!(service.names(1), ["P1", "P2", "P3", "P5"]);
    let events = &service.seat(id(1)).events;
    let told = Event::Refused(Code::NoSuchParticipant);
    assert_eq!(events.iter().filter(|event| **event == told).count(), 1);
    assert!(service.commits_by(1) >= 3, "each alone");
}

#[test]
fn keys_are_renewed_once() {
    let mut service = three();
    service.seat(id(2)).call.renew();
    service.seat(id(2)).drain();
    service.settle();
    assert_eq!((service.epoch, service.commits_by(2)), (3, 1));
}

/// Ten minutes.
const RENEWAL_MS: u64 = 600_000;

#[test]
fn each_member_renews_its_keys_once_in_ten_minutes_and_not_all_at_once() {
    let mut service = three();
    let begin = service.epoch;
    service.pass(RENEWAL_MS - 3 * 400 - 1);
    service.settle();
    assert_eq!(service.epoch, begin, "too soon");
    // Nobody's keys become older than ten minutes, and each renews alone.
    for n in 1..=3 {
        let (before, own) = (service.epoch, service.commits_by(n));
        service.pass(if n == 1 { 1 } else { 400 });
        let asking = |seat: &&Seat| {
            let mut requests = seat.asked.iter();
            requests.any(|(_, request)| matches!(request, Request::Commit { .. }))
        };
        assert_eq!(service.seats.iter().filter(asking).count(), 1);
        service.settle();
        assert_eq!(
            (service.epoch, service.commits_by(n)),
            (before + 1, own + 1)
        );
    }
    assert!(service.now_ms <= RENEWAL_MS);
    service.pass(RENEWAL_MS / 2);
    service.settle();
    assert_eq!(service.epoch, begin + 3, "once is enough");
}

#[test]
fn a_commit_for_another_reason_renews_as_well_and_who_is_alone_needs_nothing() {
    let mut service = Service::default();
    service.enter(1, true, Admit::All);
    service.settle();
    service.pass(2 * RENEWAL_MS);
    service.settle();
    assert_eq!(service.epoch, 0);
    service.enter(2, false, Admit::Nobody);
    service.settle();
    assert_eq!((service.epoch, service.commits_by(1)), (1, 1));
    service.pass(RENEWAL_MS / 2);
    service.seat(id(2)).call.renew();
    service.seat(id(2)).drain();
    service.settle();
    // P1 added P2 and P2 has renewed since: P1's keys are the older ones.
    service.pass(RENEWAL_MS / 2);
    service.settle();
    assert_eq!((service.commits_by(1), service.commits_by(2)), (2, 1));
}

#[test]
fn a_renewal_that_is_refused_is_tried_again_ten_minutes_later() {
    let mut service = three();
    service.forbidding = true;
    let refused = |service: &Service| {
        let events = service.seats.iter().flat_map(|seat| &seat.events);
        let refused = events.filter(|event| **event == Event::Refused(Code::Forbidden));
        refused.count()
    };
    let tries = |service: &mut Service, ms| {
        let before = refused(service);
        service.pass(ms);
        service.settle();
        service.pass(1);
        service.settle();
        refused(service) - before
    };
    assert_eq!(tries(&mut service, RENEWAL_MS), 3);
    assert_eq!(tries(&mut service, RENEWAL_MS / 2), 0);
    assert_eq!(tries(&mut service, RENEWAL_MS / 2), 3);
}

#[test]
fn digits_that_people_compare_are_not_swept_away_by_a_renewal() {
    let mut service = three();
    service.pass(RENEWAL_MS - 10_000);
    let now_ms = service.now_ms;
    service.seat(id(2)).call.compare(now_ms);
    service.seat(id(2)).drain();
    service.settle();
    let begin = service.epoch;
    service.pass(119_999);
    service.settle();
    assert_eq!(service.epoch, begin, "the digits are gone");
    for n in 1..=3 {
        service.pass(if n == 1 { 1 } else { 400 });
        service.settle();
        assert_eq!(service.epoch, begin + n);
    }
}

/// What a seat of the race wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Renew,
    /// Lets this one in who knocks.
    Admit(u8),
    Remove(u8),
}

#[test]
fn no_wish_is_lost_however_many_commit_at_once() {
    for seed in 0..24 {
        println!("seed {seed}");
        race(seed);
    }
}

fn race(seed: u64) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut roll = |below: usize| {
        // Xorshift (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let members = 3 + roll(6) as u8;
    let mut service = Service::default();
    service.enter(1, true, Admit::All);
    service.settle();
    for n in 2..=members {
        service.enter(n, false, Admit::Nobody);
        service.settle();
    }
    // Those who knock are let in by whom the test says: P1 admits nobody by itself any more.
    let guests = 1 + roll(5) as u8;
    let doomed = members;
    let wishes: Vec<(u8, Wish)> = (1..members)
        .map(|n| {
            let wish = match roll(3) {
                0 => Wish::Renew,
                1 => Wish::Admit(100 + roll(usize::from(guests)) as u8),
                _ => Wish::Remove(doomed),
            };
            (n, wish)
        })
        .collect();
    let begin = service.epoch;
    for guest in 0..guests {
        service.enter(100 + guest, false, Admit::Nobody);
        while let Some((_, request)) = service.seat(id(100 + guest)).asked.pop_front() {
            service.answer(id(100 + guest), request);
        }
    }
    for (n, wish) in &wishes {
        let call = &mut service.seat(id(*n)).call;
        match wish {
            Wish::Renew => call.renew(),
            Wish::Admit(guest) => call.admit(id(*guest)),
            Wish::Remove(who) => call.remove(id(*who)),
        }
        service.seat(id(*n)).drain();
    }
    // One request at a time, of whomever the dice say.
    loop {
        let asking: Vec<u8> = service
            .seats
            .iter()
            .filter(|seat| !seat.asked.is_empty())
            .map(|seat| seat.id.0[0])
            .collect();
        if asking.is_empty() {
            break;
        }
        let n = asking[roll(asking.len())];
        if let Some((tag, request)) = service.seat(id(n)).asked.pop_front() {
            let answer = service.answer(id(n), request);
            service.say(id(n), Heard::Answered(tag, answer));
        }
    }
    let names = service.names(1);
    let is_in = |n: u8| names.contains(&format!("P{n}"));
    for (n, wish) in &wishes {
        match wish {
            Wish::Renew => assert!(service.commits_by(*n) > 0, "P{n} did not renew"),
            Wish::Admit(guest) => assert!(is_in(*guest), "P{guest} was not let in"),
            Wish::Remove(who) => assert!(!is_in(*who), "P{who} was not removed"),
        }
    }
    // P1's policy lets in whom nobody wished for, too; nobody is in twice.
    let mut unique = names.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), names.len());
    let epochs: Vec<u32> = service
        .log
        .iter()
        .filter_map(|entry| match entry.event {
            LogEvent::Commit { epoch, .. } => Some(epoch),
            _ => None,
        })
        .collect();
    assert_eq!(epochs, (0..service.epoch).collect::<Vec<_>>());
    // No commit was for nothing.
    assert!(service.epoch - begin <= (wishes.len() + usize::from(guests)) as u32);
    for seat in &mut service.seats {
        let n = seat.id.0[0];
        if !names.contains(&format!("P{n}")) {
            continue;
        }
        let session = seat.call.session().expect("a session");
        assert_eq!(session.epoch(), Ok(u64::from(service.epoch)), "P{n}");
    }
}

#[test]
fn the_third_removes_within_a_second_if_two_before_it_do_not() {
    let mut service = Service::default();
    service.enter(1, true, Admit::All);
    service.settle();
    for n in 2..=4 {
        service.enter(n, false, Admit::Nobody);
        service.settle();
    }
    service.lose(id(4));
    let lost = service.now_ms;
    while service.commits_by(3) == 0 {
        service.pass(1);
        for silent in [1, 2] {
            service.seat(id(silent)).asked.clear();
        }
        service.serve(3);
        assert!(service.now_ms - lost <= 1_000, "nobody stepped in");
    }
    assert_eq!(service.names(3), ["P1", "P2", "P3"]);
}

#[test]
fn entries_out_of_order_are_not_followed_and_repeated_ones_change_nothing() {
    let mut service = three();
    let last = service.log.last().cloned().expect("an entry");
    let seat = service.seat(id(1));
    let mut hear = |entry: LogEntry| {
        let frame = ServerFrame::Entry(without_welcome(entry));
        seat.call.hear(Heard::Frame(frame), 0)
    };
    assert_eq!(hear(last.clone()), Ok(()));
    let mut skipped = last;
    // One that skips another is no more followed; what is done then: resync.rs.
    skipped.seq += 2;
    assert_eq!(hear(skipped), Ok(()));
    assert!(seat.call.is_behind());
}

#[test]
fn a_forged_commit_and_a_foreign_suite_are_refused() {
    let mut service = three();
    let entry = LogEntry {
        seq: service.log.len() as u32 + 1,
        event: LogEvent::Commit {
            epoch: 2,
            by: id(3),
            message: Blob(vec![0; 100]),
            adds: vec![],
            removes: vec![],
            welcome: None,
        },
    };
    let heard = Heard::Frame(ServerFrame::Entry(entry));
    assert!(matches!(
        service.seat(id(1)).call.hear(heard, 0),
        Err(CallError::Mls(_))
    ));
    service.seat(id(1)).drain();
    assert!(
        !service.seat(id(1)).events.contains(&split(3)),
        "bytes that are no commit say nothing of a split"
    );

    let mut call = Call::new(Setup {
        room: ROOM,
        keys: keys(SECRET),
        name: "P".to_owned(),
        start: false,
        admit: Admit::Nobody,
        began_unix_ms: 0,
    });
    let entered = Heard::Entered {
        participant: id(1),
        host: false,
        suite: 2,
        standing: Standing::Arrived,
        media_lost: false,
        sharing: Sharing::All,
        lobby: false,
        resumed: false,
    };
    assert_eq!(call.hear(entered, 0), Err(CallError::Suite(2)));
}

#[test]
fn an_epoch_is_activated_when_the_service_says_so() {
    let mut service = three();
    let events = |service: &mut Service| std::mem::take(&mut service.seat(id(1)).events);
    events(&mut service);
    for epoch in [1, 1, 2, 1] {
        service.say(id(1), Heard::Frame(ServerFrame::Activate { epoch }));
    }
    assert_eq!(
        events(&mut service),
        [Event::Activated { epoch: 1 }, Event::Activated { epoch: 2 }]
    );
    let session = service.seat(id(1)).call.session().expect("a session");
    assert_eq!(session.send_epoch(), Some(2));
}

fn told(service: &mut Service) -> Vec<Event> {
    std::mem::take(&mut service.seat(id(1)).events)
}

#[test]
fn an_epoch_that_the_service_keeps_back_is_activated_after_two_seconds() {
    let mut service = three();
    told(&mut service);
    service.pass(1_999);
    assert_eq!(told(&mut service), []);
    service.pass(1);
    assert_eq!(told(&mut service), [Event::Activated { epoch: 2 }]);
    for epoch in [2, 1, 77, u32::MAX] {
        service.say(id(1), Heard::Frame(ServerFrame::Activate { epoch }));
    }
    service.pass(10_000);
    assert_eq!(told(&mut service), []);
}

#[test]
fn an_activation_that_comes_before_its_epoch_waits_for_it() {
    let mut service = three();
    for epoch in [u32::MAX, 3] {
        service.say(id(1), Heard::Frame(ServerFrame::Activate { epoch }));
    }
    told(&mut service);
    service.seat(id(1)).call.renew();
    service.pass(0);
    service.settle();
    let activated = told(&mut service);
    let activated: Vec<_> = activated
        .iter()
        .filter(|event| matches!(event, Event::Activated { .. }))
        .collect();
    assert_eq!(activated, [&Event::Activated { epoch: 3 }]);
}

/// What P1 is told of roster and tree.
fn alarms(service: &mut Service) -> Vec<Event> {
    let mut told = told(service);
    told.retain(|event| matches!(event, Event::RosterDiffers { .. } | Event::RosterAgrees));
    told
}

/// P1 is told of somebody else in the place of P2.
fn say_wrong_roster(service: &mut Service) {
    let mut members = service.members.clone();
    for member in members.iter_mut().filter(|m| m.participant == id(2)) {
        member.participant = id(9);
    }
    service.say(id(1), Heard::Frame(ServerFrame::Roster { members }));
}

#[test]
fn a_roster_that_names_others_than_the_tree_is_told_after_three_seconds() {
    let mut service = three();
    say_wrong_roster(&mut service);
    service.pass(2_999);
    // Saying it again does not put the alarm off.
    say_wrong_roster(&mut service);
    assert_eq!(alarms(&mut service), []);
    service.pass(1);
    let differs = Event::RosterDiffers {
        named: vec![id(9)],
        hidden: vec![id(2)],
    };
    assert_eq!(alarms(&mut service), [differs]);
    service.pass(10_000);
    assert_eq!(alarms(&mut service), []);
    service.roster();
    assert_eq!(alarms(&mut service), [Event::RosterAgrees]);
}

#[test]
fn a_roster_that_differs_for_a_moment_or_while_the_socket_is_lost_is_no_alarm() {
    let mut service = three();
    say_wrong_roster(&mut service);
    service.pass(2_999);
    service.roster();
    service.pass(10_000);
    say_wrong_roster(&mut service);
    service.seat(id(1)).call.interrupted();
    service.pass(10_000);
    assert_eq!(alarms(&mut service), []);
}

#[test]
fn one_who_waits_hears_what_is_said_to_their_knock_and_nothing_else() {
    let mut service = Service::default();
    service.enter(1, true, Admit::Nobody);
    service.settle();
    service.enter(2, false, Admit::Nobody);
    service.settle();
    let notice = service.waiting[0].clone();
    let who = conclave_e2ee::ParticipantId(id(2).0);
    let session = service.seat(id(1)).call.session().expect("a session");
    let knock = session
        .verify_knock(who, &notice.key_package.0, &notice.tag.0)
        .expect("verifies");
    let word = Word::Text(Text::new("Zehn Minuten, bitte").expect("a text"));
    let sealed = Blob(session.answer(&knock, &word).expect("sealed"));
    let forged = Blob(vec![7; sealed.0.len()]);
    // Made up by the server, said, and repeated by the server.
    for word in [forged, sealed.clone(), sealed] {
        service.say(id(2), Heard::Frame(ServerFrame::Told { word }));
    }
    let told = service.seat(id(2)).events.iter();
    let told = told.filter_map(|event| match event {
        Event::Told { word } => Some(word.clone()),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [word]);

    let devices = Devices {
        microphone: true,
        camera: false,
    };
    let session = service.seat(id(2)).call.session().expect("a session");
    let shown = Blob(session.show_devices(devices).expect("sealed"));
    for (participant, devices) in [(id(2), shown.clone()), (id(2), Blob(vec![7; 29]))] {
        let frame = ServerFrame::Devices {
            participant,
            devices,
        };
        service.say(id(1), Heard::Frame(frame));
    }
    let shown = service.seat(id(1)).events.iter();
    let shown = shown.filter_map(|event| match event {
        Event::Devices {
            participant,
            devices,
        } => Some((*participant, *devices)),
        _ => None,
    });
    assert_eq!(shown.collect::<Vec<_>>(), [(id(2), devices)]);
}
